"""The lab is what its files say: every record, and what is signed and how, asked without any code of the audit."""

import asyncio
import socket
import ssl
from collections.abc import Iterable

import dns.asyncquery
import dns.flags
import dns.message
import dns.rcode
import dns.rdata
import dns.rdatatype
import pytest

from ..network import session_members
from .lab import DnsLab, running_dns_lab
from .unbound import Unbound
from .zones import Case, Served, cases

pytestmark = pytest.mark.live

AT_ONCE = 40
SECONDS = 10.0

SECURE, INSECURE, BOGUS = "secure", "insecure", "bogus"


def replies(resolver: Unbound, questions: Iterable[tuple[str, str]], *, check: bool) -> list[dns.message.Message]:
    """What the resolver says to these names and types."""

    async def all_of_them() -> list[dns.message.Message]:
        at_once = asyncio.Semaphore(AT_ONCE)

        async def one(name: str, rdtype: str) -> dns.message.Message:
            query = dns.message.make_query(f"{name}.", rdtype, want_dnssec=True)
            if not check:
                query.flags |= dns.flags.CD
            async with at_once:
                reply, _ = await dns.asyncquery.udp_with_fallback(query, resolver.address, SECONDS, resolver.port)
            return reply

        return await asyncio.gather(*(one(*question) for question in questions))

    return asyncio.run(all_of_them())


def zones(case_list: Iterable[Case]) -> list[Served]:
    """All zones of these cases, each once."""
    return list({zone.name: zone for case in case_list for zone in case.zones}.values())


def test_every_record_of_the_files_is_published(dns_lab: DnsLab) -> None:
    assert dns_lab.resolver is not None
    published: dict[tuple[str, str], set[str]] = {}
    unreadable: dict[tuple[str, str], list[bytes]] = {}
    for zone in zones(dns_lab.cases):
        for key, values in zone.records.items():
            if any(isinstance(value, dns.rdata.GenericRdata) for value in values):
                unreadable[key] = [value.to_wire() for value in values]
                continue
            # Several files may add to what is in none of their zones.
            published.setdefault(key, set()).update(value.to_text().lower() for value in values)
    missing = []
    for (name, rdtype), reply in zip(published, replies(dns_lab.resolver, published, check=False), strict=True):
        kind = dns.rdatatype.from_text(rdtype)
        said = {each.to_text().lower() for rrset in reply.answer if rrset.rdtype == kind for each in rrset}
        if not published[name, rdtype] <= said:
            missing.append(f"{name} {rdtype}: {dns.rcode.to_text(reply.rcode())} {sorted(said)}")
    for (name, rdtype), octets in unreadable.items():
        wire = _octets(dns_lab.resolver, name, rdtype)
        missing += [f"{name} {rdtype}: {each.hex()}" for each in octets if each not in wire]
    assert not missing


def _octets(resolver: Unbound, name: str, rdtype: str) -> bytes:
    """The answer to a question as it comes, for records that no library reads."""
    query = dns.message.make_query(f"{name}.", rdtype, use_edns=0, payload=4096)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(SECONDS)
        asking.sendto(query.to_wire(), (resolver.address, resolver.port))
        return asking.recv(65535)


def test_every_zone_is_signed_as_the_files_say(dns_lab: DnsLab) -> None:
    assert dns_lab.resolver is not None
    asked = zones(dns_lab.cases)
    told = replies(dns_lab.resolver, ((zone.name, "SOA") for zone in asked), check=True)
    unchecked = replies(dns_lab.resolver, ((zone.name, "SOA") for zone in asked), check=False)
    wrong = []
    for zone, reply, other in zip(asked, told, unchecked, strict=True):
        found = _state(reply)
        if found != _expected(zone, asked) or other.rcode() != dns.rcode.NOERROR:
            wrong.append(f"{zone.name}: {zone.signing.how}, but {found}")
    assert not wrong


def _state(reply: dns.message.Message) -> str:
    if reply.rcode() == dns.rcode.SERVFAIL:
        return BOGUS
    return SECURE if reply.flags & dns.flags.AD else INSECURE


def _expected(zone: Served, asked: Iterable[Served]) -> str:
    above = [other for other in asked if zone.name.endswith(f".{other.name}")]
    states = [_own(other) for other in sorted(above, key=lambda other: len(other.name))] + [_own(zone)]
    # Below what is not signed nothing counts as signed; below what is bogus everything is.
    return next((state for state in states if state != SECURE), SECURE)


def _own(zone: Served) -> str:
    if zone.signing.how in ("unsigned", "no-ds"):
        return INSECURE
    if zone.signing.how == "signed":
        spoilt = zone.signing.without_signatures | zone.signing.wrong_signatures
        return BOGUS if spoilt & {(zone.name, "SOA"), (zone.name, "DNSKEY")} else SECURE
    return BOGUS


def test_spoilt_signatures_are_bogus_where_they_are_and_nowhere_else(dns_lab: DnsLab) -> None:
    assert dns_lab.resolver is not None
    spoilt = [
        (zone, key)
        for zone in zones(dns_lab.cases)
        for key in sorted(zone.signing.without_signatures | zone.signing.wrong_signatures)
    ]
    told = replies(dns_lab.resolver, (key for _, key in spoilt), check=True)
    assert not [key for (_, key), reply in zip(spoilt, told, strict=True) if _state(reply) != BOGUS]


def test_the_policy_server_has_a_certificate_for_every_domain(dns_lab: DnsLab) -> None:
    context = ssl.create_default_context(cafile=str(dns_lab.authority.anchors))
    wrong = []
    for case in dns_lab.cases:
        name = f"mta-sts.{case.domain}"
        right = case.policy.certificate in ("sound", "wildcard") and case.policy.behaviour != "close"
        try:
            with (
                socket.create_connection((dns_lab.policies.address, dns_lab.policies.port), SECONDS) as connection,
                context.wrap_socket(connection, server_hostname=name),
            ):
                trusted = True
        except ssl.SSLError:
            trusted = False
        if trusted != right:
            wrong.append(f"{name}: {case.policy.certificate}, {case.policy.behaviour}: trusted: {trusted}")
    assert not wrong


def test_the_lab_leaves_no_process_behind() -> None:
    with running_dns_lab([case for case in cases() if case.name == "sound"]) as lab:
        sessions = lab.pids()
        assert all(session_members(session) for session in sessions)
        directory = lab.resolver.directory if lab.resolver is not None else None
    assert not [session for session in sessions if session_members(session)]
    assert directory is not None
    assert not directory.exists()
