"""Whether the domain and its MX hosts are signed, and how their zones sign (RFC 4033 to 4035)."""

from __future__ import annotations

import asyncio

from smtp_audit.facts.dane import DnssecFacts, SignedName, ZoneAnswers
from smtp_audit.probes.domain.approach import DomainApproach
from smtp_audit.probes.domain.mx_hosts import find_mx_hosts
from smtp_audit.probes.wire import Transcript


async def look_at_signatures(approach: DomainApproach, transcript: Transcript) -> DnssecFacts:
    """Ask for what is signed, and for the keys of each zone that it stands in. Never raises."""
    mx, own = await asyncio.gather(find_mx_hosts(approach, transcript), _own(approach, transcript))
    own = own.model_copy(update={"answers": (*own.answers, mx.answer)})
    # The zone of the domain is known by now, and mostly that of its hosts too.
    own_zone, hosts = await asyncio.gather(
        _zone(approach, own.zone, transcript),
        asyncio.gather(*(_host(approach, host, transcript) for host in mx.hosts if host != own.name)),
    )
    places: dict[str, list[str]] = {own.zone: [own.name]}
    for each in hosts:
        if each.zone:
            places.setdefault(each.zone, []).append(each.name)
    others = await asyncio.gather(*(_zone(approach, zone, transcript) for zone in places if zone != own.zone))
    zones = [each.model_copy(update={"names": tuple(places[each.zone])}) for each in (own_zone, *others)]
    return DnssecFacts(domain=approach.domain, mx=mx, own=own, hosts=tuple(hosts), zones=tuple(zones))


async def _own(approach: DomainApproach, transcript: Transcript) -> SignedName:
    start = await approach.ask(approach.domain, "SOA", transcript)
    # A mail domain that does not say where its zone begins is looked at as one: there are keys there, or none.
    zone = approach.domain if start.found and not start.aliases else start.zone or approach.domain
    return SignedName(name=approach.domain, zone=zone, answers=(start,))


async def _host(approach: DomainApproach, host: str, transcript: Transcript) -> SignedName:
    start, ipv4, ipv6 = await asyncio.gather(*(approach.ask(host, kind, transcript) for kind in ("SOA", "A", "AAAA")))
    zone = (start.aliases[-1] if start.aliases else host) if start.found else start.zone
    zone = zone or ipv4.zone or ipv6.zone
    return SignedName(name=host, zone=zone, answers=(ipv4, ipv6))


async def _zone(approach: DomainApproach, zone: str, transcript: Transcript) -> ZoneAnswers:
    kinds = ("DNSKEY", "DS", "NSEC3PARAM")
    keys, delegation, parameters = await asyncio.gather(*(approach.ask(zone, kind, transcript) for kind in kinds))
    return ZoneAnswers(zone=zone, names=(), keys=keys, delegation=delegation, parameters=parameters)
