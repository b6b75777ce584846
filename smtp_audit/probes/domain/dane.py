"""TLSA records of every MX host (RFC 7672 section 2.2)."""

from __future__ import annotations

import asyncio

from smtp_audit.facts.dane import DaneFacts, DaneHost
from smtp_audit.probes.domain.approach import DomainApproach
from smtp_audit.probes.domain.mx_hosts import find_mx_hosts
from smtp_audit.probes.wire import Transcript


async def look_for_tlsa(approach: DomainApproach, transcript: Transcript) -> DaneFacts:
    """Ask for the addresses and the TLSA records of each MX host. Never raises."""
    mx = await find_mx_hosts(approach, transcript)
    hosts = await asyncio.gather(*(_host(approach, host, transcript) for host in mx.hosts))
    return DaneFacts(domain=approach.domain, mx=mx, hosts=tuple(hosts))


async def _host(approach: DomainApproach, host: str, transcript: Transcript) -> DaneHost:
    ipv4, ipv6, direct = await asyncio.gather(
        approach.ask(host, "A", transcript),
        approach.ask(host, "AAAA", transcript),
        approach.ask(f"_25._tcp.{host}", "TLSA", transcript),
    )
    aliases = ipv4.aliases or ipv6.aliases
    answers = [direct]
    if aliases:
        # RFC 7672 section 2.2.2: the name at the end of the chain comes first, the name in the MX record last.
        answers.insert(0, await approach.ask(f"_25._tcp.{aliases[-1]}", "TLSA", transcript))
    return DaneHost(host=host, addresses=(ipv4, ipv6), tlsa=tuple(answers))
