"""The CAA records that count for the domain and its MX hosts (RFC 8659 section 3)."""

from __future__ import annotations

import asyncio

from smtp_audit.facts.dane import CaaClimb, CaaFacts
from smtp_audit.facts.lookup import Answer
from smtp_audit.probes.domain.approach import DomainApproach
from smtp_audit.probes.domain.mx_hosts import find_mx_hosts
from smtp_audit.probes.wire import Transcript

MAX_CLIMB = 16
"""Labels that are climbed; no mail host stands deeper."""


async def look_for_caa(approach: DomainApproach, transcript: Transcript) -> CaaFacts:
    """Climb from each name to the records that count for it. Never raises."""
    mx, own = await asyncio.gather(find_mx_hosts(approach, transcript), _climb(approach, approach.domain, transcript))
    hosts = await asyncio.gather(*(_climb(approach, host, transcript) for host in mx.hosts))
    return CaaFacts(domain=approach.domain, mx=mx, own=own, hosts=tuple(hosts))


async def _climb(approach: DomainApproach, name: str, transcript: Transcript) -> CaaClimb:
    """Ask for the name, then for each name above it, until there are records, or no answer."""
    labels = name.split(".")
    answers: list[Answer] = []
    for depth in range(min(len(labels), MAX_CLIMB)):
        answer = await approach.ask(".".join(labels[depth:]), "CAA", transcript)
        answers.append(answer)
        if answer.found or not answer.answered:
            break
    return CaaClimb(name=name, answers=tuple(answers))
