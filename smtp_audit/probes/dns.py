"""Look-ups: whether a bare name is a mail domain, and the addresses of a host."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from smtp_audit.configuration.model import Config, Families
from smtp_audit.configuration.target import parse_name, standard_endpoints
from smtp_audit.errors import ConfigurationError
from smtp_audit.facts.dns import Found, MxFacts, MxRecord
from smtp_audit.facts.endpoint import Domain, is_address
from smtp_audit.facts.identity import ReverseName
from smtp_audit.facts.observation import Absence, Observation
from smtp_audit.facts.subject import AnySubject
from smtp_audit.limits import MAX_ADDRESSES, MAX_HOSTS, MAX_REVERSE_NAMES
from smtp_audit.wiretext import escape_text

if TYPE_CHECKING:
    import dns.asyncresolver
# dnspython takes as long to load as a port to survey: it is loaded when something has to be looked up with it.

RESOLVER_FILE = Path("/etc/resolv.conf")
MAX_RESOLVERS = 3
"""Lines of that file that the system's resolver heeds (resolv.conf(5))."""

LOOKUP_SECONDS = 6.0
"""How long one look-up may take, all tries together."""


def _resolver(config: Config) -> dns.asyncresolver.Resolver:
    import dns.asyncresolver

    if config.resolver is not None:
        resolver = dns.asyncresolver.Resolver(configure=False)
        resolver.nameservers = [config.resolver.address]
        resolver.port = config.resolver.port
    else:
        resolver = dns.asyncresolver.Resolver()
    resolver.lifetime = LOOKUP_SECONDS
    return resolver


def resolver_name(config: Config) -> str:
    """The resolver in words, for the report."""
    if config.resolver is not None:
        return f"{config.resolver.address} port {config.resolver.port}"
    try:
        text = RESOLVER_FILE.read_text(encoding="ascii", errors="replace")
    except OSError:
        return "the system's resolver"
    servers = re.findall(r"(?m)^nameserver[ \t]+(\S+)", text)[:MAX_RESOLVERS]
    if not servers:
        return "the system's resolver, which is not configured"
    return f"the system's resolver ({escape_text(', '.join(servers), 200)})"


class _NoAnswer(Exception):
    """The look-up failed for reasons that say nothing about the name."""


async def _ask(config: Config, name: str, kind: str) -> list[str]:
    """The records of one type as text; empty when the name or the type does not exist.

    Raises:
        _NoAnswer: SERVFAIL, time-out, no resolver.
    """
    import dns.exception
    import dns.resolver

    try:
        answer = await _resolver(config).resolve(name, kind, search=False, raise_on_no_answer=False)
    except dns.resolver.NXDOMAIN:
        return []
    except (dns.exception.DNSException, OSError) as error:
        raise _NoAnswer(f"{kind} of {name}: {_reason(error)}") from None
    return [rdata.to_text() for rdata in answer.rrset or ()]


def _reason(error: Exception) -> str:
    import dns.resolver

    if isinstance(error, dns.resolver.LifetimeTimeout):
        return f"no answer within {LOOKUP_SECONDS:g} s"
    if isinstance(error, dns.resolver.NoNameservers):
        return "the resolver fails (SERVFAIL or refused)"
    return escape_text(str(error) or type(error).__name__, 200)


def find_subjects(config: Config) -> Found:
    """Whether each bare name is a mail domain or a host, by one MX look-up each; the standard ports of every host.

    A failed look-up is recorded: the name is audited as a host, and the gate stays closed, because its mail may be
    taken elsewhere.

    Raises:
        ConfigurationError: a domain that takes no mail (null MX, RFC 7505), or too many hosts.
    """
    observations = asyncio.run(_look_up_all(config))
    subjects: list[AnySubject] = []
    hosts: list[str] = []
    for observation in observations:
        records = observation.facts.records if isinstance(observation.facts, MxFacts) else ()
        if any(record.exchange == "." for record in records):
            raise ConfigurationError(
                f"{observation.subject}: this domain says that it takes no mail (null MX, RFC 7505)"
            )
        if records:
            subjects.append(Domain(name=observation.subject))
            hosts += [record.exchange for record in records]
        else:
            hosts.append(observation.subject)
    unique = list(dict.fromkeys(hosts))
    if len(unique) > MAX_HOSTS:
        raise ConfigurationError(f"{len(unique)} hosts to audit, at most {MAX_HOSTS} in one run: name fewer targets")
    subjects += [endpoint for host in unique for endpoint in standard_endpoints(host)]
    return Found(subjects=tuple(subjects), observations=tuple(observations))


async def _look_up_all(config: Config) -> list[Observation]:
    return list(await asyncio.gather(*(_mx(config, name) for name in dict.fromkeys(config.names))))


def _mx_record(name: str, text: str) -> MxRecord:
    """A record from its text form.

    Raises:
        ConfigurationError: the exchange is no host name (RFC 5321 section 5.1: an address literal is none).
    """
    preference, _, exchange = text.partition(" ")
    if exchange == ".":
        return MxRecord(preference=int(preference), exchange=exchange)
    return MxRecord(preference=int(preference), exchange=parse_name(exchange, f"MX of {name}"))


async def _mx(config: Config, name: str) -> Observation:
    started = datetime.now(UTC)
    try:
        records = sorted(
            (_mx_record(name, text) for text in await _ask(config, name, "MX")),
            key=lambda record: (record.preference, record.exchange),
        )
    except (_NoAnswer, ConfigurationError) as error:
        return Observation(
            kind=MxFacts.kind,
            subject=name,
            absence=Absence.UNREACHABLE,
            reason=str(error),
            started=started,
            finished=datetime.now(UTC),
        )
    facts = MxFacts(records=tuple(records))
    return Observation(kind=MxFacts.kind, subject=name, facts=facts, started=started, finished=datetime.now(UTC))


@dataclass(frozen=True)
class Addresses:
    """The addresses of a host; `trouble` says why there may be others, or none."""

    addresses: tuple[str, ...]
    trouble: str = ""


async def addresses_of(config: Config, host: str) -> Addresses:
    """The IP addresses to audit for a host, within the families asked for."""
    if is_address(host):
        return Addresses((host,))
    if config.resolver is not None:
        found, trouble = await _from_resolver(config, host)
    else:
        found, trouble = await _from_system(config, host)
    if host == "localhost" and config.families is not Families.IPV6:
        # No published name: who tests on this machine means the one address that listens, and ::1 is always there.
        found = [address for address in found if ":" not in address][:1] or found
    if not found and not trouble:
        trouble = f"{host} has no {'' if config.families is Families.ALL else config.families + ' '}address"
    if len(found) > MAX_ADDRESSES:
        trouble = f"{host} has {len(found)} addresses, at most {MAX_ADDRESSES} are audited"
    return Addresses(tuple(found[:MAX_ADDRESSES]), trouble)


async def _from_resolver(config: Config, host: str) -> tuple[list[str], str]:
    kinds = {Families.ALL: ("A", "AAAA"), Families.IPV4: ("A",), Families.IPV6: ("AAAA",)}[config.families]
    answers = await asyncio.gather(*(_ask(config, host, kind) for kind in kinds), return_exceptions=True)
    found: list[str] = []
    troubles: list[str] = []
    for answer in answers:
        if isinstance(answer, _NoAnswer):
            troubles.append(str(answer))
        elif isinstance(answer, BaseException):
            raise answer
        else:
            found += answer
    return found, "; ".join(troubles)


async def _from_system(config: Config, host: str) -> tuple[list[str], str]:
    family = {
        Families.ALL: socket.AF_UNSPEC,
        Families.IPV4: socket.AF_INET,
        Families.IPV6: socket.AF_INET6,
    }[config.families]
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(LOOKUP_SECONDS * 2):
            rows = await loop.getaddrinfo(host, None, family=family, type=socket.SOCK_STREAM)
    except TimeoutError:
        return [], f"addresses of {host}: no answer within {LOOKUP_SECONDS * 2:g} s"
    except (OSError, UnicodeError) as error:  # UnicodeError: no name that could be asked for
        return [], f"addresses of {host}: {getattr(error, 'strerror', None) or escape_text(str(error), 200)}"
    return list(dict.fromkeys(str(row[4][0]) for row in rows)), ""


def is_public(address: str) -> bool:
    """Whether the public DNS may have names for this address (RFC 6890: not the private, loopback or shared ones)."""
    return ipaddress.ip_address(address.partition("%")[0]).is_global


@dataclass(frozen=True)
class ReverseNames:
    """The names of an address; `trouble` says why there may be others, or none."""

    names: tuple[ReverseName, ...] = ()
    trouble: str = ""


async def reverse_names(config: Config, address: str) -> ReverseNames:
    """The names of an address (PTR, RFC 1035 section 3.5), each with the addresses that it leads to."""
    kind = "AAAA" if ":" in address else "A"
    try:
        found = await _ask(config, ipaddress.ip_address(address).reverse_pointer, "PTR")
    except _NoAnswer as error:
        return ReverseNames(trouble=str(error))
    names = list(dict.fromkeys(escape_text(text, 255).rstrip(".").lower() for text in found))
    trouble = f"{len(names)} names, at most {MAX_REVERSE_NAMES} are looked up" if len(names) > MAX_REVERSE_NAMES else ""
    looked_up = await asyncio.gather(*(_forward(config, name, kind) for name in names[:MAX_REVERSE_NAMES]))
    return ReverseNames(tuple(looked_up), trouble)


async def _forward(config: Config, name: str, kind: str) -> ReverseName:
    try:
        found = await _ask(config, parse_name(name, "PTR"), kind)
    except ConfigurationError:
        return ReverseName(name=name)  # no host name, so it leads nowhere
    except _NoAnswer as error:
        return ReverseName(name=name, trouble=str(error))
    return ReverseName(name=name, addresses=tuple(sorted(found)[:MAX_ADDRESSES]))
