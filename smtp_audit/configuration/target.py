"""The words that name a target: hosts, addresses, endpoints; and which endpoints they stand for.

A host is kept in one spelling only: an address as `ipaddress` writes it, a name in lower case as A-labels (RFC 5890
section 2.3.2.1) without the last dot. Names are mapped as browsers do it (UTS 46, IDNA 2008; the codec of the standard
library is IDNA 2003, which sends `faß.de` to another host).
"""

from __future__ import annotations

import ipaddress
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from smtp_audit.facts.endpoint import STANDARD_PORTS, Endpoint, Role, is_address
from smtp_audit.hostnames import MAX_NAME, host_name_flaw
from smtp_audit.message import problem, quoted
from smtp_audit.suggestion import did_you_mean

_VALID = "valid: a mail domain, HOST, HOST:PORT, an IPv4 address, IPv4:PORT, an IPv6 address, [IPv6]:PORT"


@dataclass(frozen=True)
class Place:
    """A host, by name or address, and a port where one was given."""

    host: str
    port: int | None = None

    def __str__(self) -> str:
        if self.port is None:
            return self.host
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Known:
    """The target of a configuration file: its mail domain, hosts and endpoints."""

    domain: str | None = None
    hosts: tuple[str, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.domain or self.hosts or self.endpoints)

    def whole(self) -> Selection:
        """All that the file names: its endpoints and the standard ports of its hosts; the domain where it is alone."""
        ports = [endpoint for host in self.hosts for endpoint in standard_endpoints(host)]
        endpoints = (*self.endpoints, *ports)
        words = (
            *([self.domain] if self.domain else []),
            *self.hosts,
            *(f"{e.role}={Place(e.host, e.port)}" for e in self.endpoints),
        )
        names = (self.domain,) if self.domain and not endpoints else ()
        return Selection(tuple(dict.fromkeys(words)), names, endpoints, self.domain)


@dataclass(frozen=True)
class Selection:
    """What words stand for: names that may be mail domains, and endpoints. `domain` is the file's, if all are."""

    words: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    domain: str | None = None

    def __add__(self, other: Selection) -> Selection:
        return Selection(
            tuple(dict.fromkeys((*self.words, *other.words))),
            tuple(dict.fromkeys((*self.names, *other.names))),
            (*self.endpoints, *other.endpoints),
            # A file's domain says nothing of a host that the file does not name.
            self.domain if self.domain == other.domain else None,
        )


def parse_host(text: str, where: str) -> str:
    """A host name or an IP address in its one spelling; `where` is the option or key, for messages.

    Raises:
        ConfigurationError: it is neither.
    """
    address = _address(text, where)
    if address is None:
        return parse_name(text, where)
    if address.is_unspecified or address.is_multicast:
        raise problem(where, f"{quoted(text)} is not the address of one host")
    return str(address)


def parse_name(text: str, where: str) -> str:
    """A host or domain name as lower-case A-labels without the last dot.

    Raises:
        ConfigurationError: it is not one (RFC 952, RFC 1123 section 2.1).
    """
    _refuse_foreign(text, where)
    name = text
    if not text.isascii() and len(text) <= 2 * MAX_NAME:
        import idna

        try:
            name = idna.encode(text, uts46=True, std3_rules=True, transitional=False).decode("ascii")
        except (idna.IDNAError, UnicodeError):
            raise problem(where, f"{quoted(text)} is not a host name that IDNA 2008 allows (RFC 5891)") from None
    name = name.lower().removesuffix(".")
    flaw = host_name_flaw(name)
    if flaw:
        raise problem(where, f"{quoted(text)} is not a host name: {flaw}")
    return name


def parse_address(text: str, where: str) -> str:
    """An IP address in its one spelling.

    Raises:
        ConfigurationError: it is not the address of one host.
    """
    if _address(text, where) is None:
        shown = "the value" if "@" in text else quoted(text)
        raise problem(where, f"{shown} is not an IP address")
    return parse_host(text, where)


def parse_place(text: str, where: str, valid: str = _VALID) -> Place:
    """HOST[:PORT], IPv4[:PORT], IPv6 or [IPv6][:PORT].

    Raises:
        ConfigurationError: it is none of them; `valid` closes the message.
    """
    _refuse_foreign(text, where, valid)
    host, port = text, ""
    separated = False
    if text.startswith("["):
        host, closed, rest = text[1:].partition("]")
        separated, port = rest[:1] == ":", rest[1:]
        if not closed or ":" not in host or (rest and not separated):
            raise problem(where, f"{quoted(text)} is not an IPv6 address in brackets; {valid}")
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
        separated = True
    elif ":" in text and _address(text, where) is None:
        raise problem(where, f"{quoted(text)} is not an IPv6 address; {valid}")
    if not host:
        raise problem(where, f"{quoted(text)} names no host; {valid}")
    if separated and not (port.isascii() and port.isdigit() and len(port) <= 5 and 1 <= int(port) <= 65535):
        raise problem(where, f"{quoted(port)} is not a port (1 to 65535); {valid}")
    return Place(parse_host(host, where), int(port) if separated else None)


def parse_role(text: str, where: str) -> Role:
    """A role by its name.

    Raises:
        ConfigurationError: no such role.
    """
    try:
        return Role(text)
    except ValueError:
        raise problem(where, f"no role {quoted(text)}{did_you_mean(text[:60].lower(), Role)}") from None


def parse_endpoint(text: str, where: str) -> Endpoint:
    """ROLE=HOST:PORT.

    Raises:
        ConfigurationError: it is not.
    """
    valid = "valid: ROLE=HOST:PORT, an IPv6 address in brackets"
    role, equals, place_text = text.partition("=")
    if not text:
        raise problem(where, f"is empty; {valid}")
    if "@" in text:
        raise problem(where, f"the value {_FOREIGN['@']}; {valid}")
    if not equals:
        raise problem(where, f"{quoted(text)} names no role; {valid}; roles: {', '.join(Role)}")
    if not place_text:
        raise problem(where, f"{quoted(text)} names no host; {valid}")
    known = parse_role(role, where)
    place = parse_place(place_text, where, valid)
    if place.port is None:
        raise problem(where, f"{quoted(text)} names no port; {valid}")
    return Endpoint(role=known, host=place.host, port=place.port)


def standard_endpoints(host: str) -> tuple[Endpoint, ...]:
    """The ports that are looked at on a host of which nothing else is known."""
    return tuple(Endpoint(role=role, host=host, port=port, declared=False) for port, role in STANDARD_PORTS.items())


def select(words: Iterable[str], endpoint_words: Iterable[str], known: Known) -> Selection:
    """What the words of --smtp-target and --smtp-endpoint stand for, with the roles and addresses that `known` gives.

    Raises:
        ConfigurationError: a word is malformed, or a port has no role.
    """
    chosen = [_select_target(word, known) for word in words]
    chosen += [_select_endpoint(word, known) for word in endpoint_words]
    total = chosen[0] if chosen else Selection()
    for selection in chosen[1:]:
        total += selection
    return total


def select_domain(domain: str, known: Known) -> Selection:
    """What a mail domain stands for: the file's target if it is the file's domain, else a name with MX records."""
    if domain == known.domain:
        return replace(known.whole(), words=(domain,))
    return Selection((domain,), (domain,), ())


def merge_endpoints(endpoints: Sequence[Endpoint]) -> tuple[Endpoint, ...]:
    """Each endpoint once, in order. A port that is merely looked at gives way to a declared endpoint of the same host
    and port; several addresses of one host and port are marked with `shared_name`.

    Raises:
        ConfigurationError: one endpoint in two roles, or two with one name of which one has no address.
    """
    groups: dict[tuple[str, int], dict[str | None, Endpoint]] = {}
    for endpoint in sorted(endpoints, key=lambda e: not e.declared):
        group = groups.setdefault((endpoint.host, endpoint.port), {})
        if not endpoint.declared and group and next(iter(group.values())).declared:
            continue
        twin = group.setdefault(endpoint.address, endpoint)
        if twin.role is not endpoint.role:
            raise problem(endpoint.key, f"is named as {twin.role} and as {endpoint.role}: an endpoint has one role")
    for group in groups.values():
        if len(group) > 1 and None in group:
            raise problem(group[None].key, "is named twice, with an address and without one: give both an address")
    order = dict.fromkeys((e.host, e.port) for e in endpoints)
    return tuple(
        endpoint.model_copy(update={"shared_name": len(groups[name]) > 1})
        for name in order
        for endpoint in groups[name].values()
    )


def _select_target(word: str, known: Known) -> Selection:
    where = "--smtp-target"
    place = parse_place(word, where)
    host, port = place.host, place.port
    if port is None and host == known.domain:
        return replace(known.whole(), words=(host,))
    found = tuple(e for e in known.endpoints if host in (e.host, e.address) and port in (None, e.port))
    if port is None and host in known.hosts:
        found += standard_endpoints(host)
    if found:
        return Selection((str(place),), (), found, known.domain)
    if port is not None:
        if port not in STANDARD_PORTS:
            raise problem(where, f"port {port} has no role of its own: name it with --smtp-endpoint ROLE={place}")
        return Selection((str(place),), (), (Endpoint(role=STANDARD_PORTS[port], host=host, port=port),))
    if is_address(host):
        return Selection((host,), (), standard_endpoints(host))
    return Selection((host,), (host,), ())


def _select_endpoint(word: str, known: Known) -> Selection:
    endpoint = parse_endpoint(word, "--smtp-endpoint")
    label = f"{endpoint.role}={Place(endpoint.host, endpoint.port)}"
    same = [e for e in known.endpoints if (e.host, e.port) == (endpoint.host, endpoint.port)]
    if not same:
        return Selection((label,), (), (endpoint,))
    # The file says where it is; the option says what it is.
    return Selection((label,), (), tuple(e.model_copy(update={"role": endpoint.role}) for e in same), known.domain)


def _address(text: str, where: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    if len(text) > 100:
        return None
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            raise problem(where, f"{quoted(text)} has a zone: link-local addresses are not taken")
        # The spelling of mapped addresses differs between Python versions, and what answers is an IPv4 peer.
        return address.ipv4_mapped or address
    return address


_FOREIGN: Mapping[str, str] = {
    "://": "is a URL: give the host alone",
    "@": "has an '@': give the host or mail domain alone, a user with --smtp-user",
    ",": "has a comma: give one host at a time",
    "=": "has a '=': ROLE=HOST:PORT is for --smtp-endpoint",
    "/": "has a '/': give one host, no path and no network",
}


def _refuse_foreign(text: str, where: str, valid: str = "") -> None:
    end = f"; {valid}" if valid else ""
    if not text:
        raise problem(where, f"is empty{end}")
    for mark, reason in _FOREIGN.items():
        if mark in text:
            # What stands beside an '@' may be a password.
            shown = "the value" if "@" in text else quoted(text)
            raise problem(where, f"{shown} {reason}{end}")
    if any(char.isspace() or unicodedata.category(char) in ("Cc", "Cs") for char in text):
        raise problem(where, f"{quoted(text)} has a space or control character{end}")
