"""Every authoritative name server of the domain, asked directly: only when the configuration says so."""

from __future__ import annotations

import asyncio

from smtp_audit.configuration.model import Families
from smtp_audit.facts.lookup import Answer, LookupOutcome
from smtp_audit.facts.name_servers import NameServersFacts, ServerAnswers
from smtp_audit.facts.observation import Absence
from smtp_audit.limits import MAX_HOSTS
from smtp_audit.probes.domain.approach import DomainApproach
from smtp_audit.probes.domain.host_names import host_answers
from smtp_audit.probes.domain.lookups import Lookups, Server
from smtp_audit.probes.wire import PeerError, Transcript

NOT_ASKED_FOR = "say authoritative = true in [dns]: every name server of the domain is asked then, past the resolver"

MAX_SERVER_ADDRESSES = 32
"""Addresses of name servers that are asked; the root has 26."""


async def look_at_name_servers(approach: DomainApproach, transcript: Transcript) -> NameServersFacts:
    """What each server says.

    Raises:
        PeerError: the configuration does not allow it.
    """
    if not approach.config.authoritative:
        raise PeerError(Absence.NOT_AVAILABLE, NOT_ASKED_FOR)
    soa = await approach.ask(approach.domain, "SOA", transcript)
    zone = approach.domain if soa.found and not soa.aliases else soa.zone or approach.domain
    ns = await approach.ask(zone, "NS", transcript)
    # Of a domain that does not exist, others' servers would be asked.
    names = [record.rstrip(".") for record in ns.records] if soa.outcome is not LookupOutcome.NXDOMAIN else []
    hosts = await asyncio.gather(*(host_answers(approach, name, transcript) for name in names[:MAX_HOSTS]))
    places = [
        (host.name, address)
        for host in hosts
        for address in host.addresses
        if approach.config.families is Families.ALL or (approach.config.families is Families.IPV6) is (":" in address)
    ]
    servers = await asyncio.gather(
        *(_server(approach, zone, name, address, transcript) for name, address in places[:MAX_SERVER_ADDRESSES])
    )
    return NameServersFacts(
        domain=approach.domain,
        zone=zone,
        soa=soa,
        ns=ns,
        hosts=tuple(hosts),
        servers=tuple(servers),
        left_out=max(0, len(names) - MAX_HOSTS) + max(0, len(places) - MAX_SERVER_ADDRESSES),
    )


def directly(address: str, port: int) -> Lookups:
    """Questions to one server about what it has itself."""
    return Lookups((Server(address, port),), recursive=False)


async def _server(
    approach: DomainApproach, zone: str, name: str, address: str, transcript: Transcript
) -> ServerAnswers:
    lookups = directly(address, approach.config.authoritative_port)
    domain = approach.domain
    keys = (f"{selector}._domainkey.{domain}" for selector in approach.config.dkim_selectors)
    questions = [(domain, "MX"), (domain, "TXT"), (f"_dmarc.{domain}", "TXT"), *((key, "TXT") for key in keys)]

    async def ask(about: str, kind: str) -> Answer:
        answer = await lookups.ask(about, kind)
        transcript.note(f"{name} ({address}): {answer}")
        return answer

    soa, *content = await asyncio.gather(ask(zone, "SOA"), *(ask(about, kind) for about, kind in questions))
    return ServerAnswers(server=name, address=address, soa=soa, content=tuple(content))
