"""DMARC: the records that a receiver comes across, by the tree walk and by the older way, and where reports go."""

from __future__ import annotations

import asyncio
from functools import cache
from importlib import metadata
from typing import TYPE_CHECKING

from smtp_audit.errors import Undetermined
from smtp_audit.facts.dmarc import DmarcFacts, ReportHost, Rung, records_in
from smtp_audit.facts.lookup import Answer
from smtp_audit.limits import MAX_REPORT_ADDRESSES
from smtp_audit.probes.domain.approach import DomainApproach
from smtp_audit.probes.wire import Transcript
from smtp_audit.published.tree_walk import walk_names

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

EXCHANGES = 5
"""Mail exchangers of a host for reports that are looked up: one with an address is enough."""

LIST_PACKAGE = "publicsuffixlist"


async def look_for_dmarc(approach: DomainApproach, transcript: Transcript) -> DmarcFacts:
    """Ask at every place that a policy for the domain, or for a name below it, may stand; then for its reports."""
    below = f"smtp-audit-{approach.run_id}.{approach.domain}"
    organisation = _suffixes().privatesuffix(approach.domain) or approach.domain
    names = dict.fromkeys((*walk_names(approach.domain), *walk_names(below), organisation))
    *rungs, below_answer = await asyncio.gather(
        *(_rung(approach, transcript, name) for name in names), approach.ask(below, "A", transcript)
    )
    facts = DmarcFacts(
        domain=approach.domain,
        rungs=tuple(rung for rung in rungs if isinstance(rung, Rung)),
        below=below,
        below_answer=below_answer,
        listed_organisation=organisation,
        suffix_list=f"{LIST_PACKAGE} {metadata.version(LIST_PACKAGE)}",
    )
    return await _with_reports(approach, transcript, facts)


@cache
def _suffixes() -> PublicSuffixList:
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList()


async def _rung(approach: DomainApproach, transcript: Transcript, domain: str) -> Rung:
    answer = await approach.ask(f"_dmarc.{domain}", "TXT", transcript)
    return Rung(domain=domain, answer=answer, records=records_in(answer))


async def _with_reports(approach: DomainApproach, transcript: Transcript, facts: DmarcFacts) -> DmarcFacts:
    try:
        place, record = facts.applied.domain, facts.record
    except Undetermined:
        return facts  # which record applies is not known, and so neither where reports go
    if record is None:
        return facts
    names = record.hosts[:MAX_REPORT_ADDRESSES]
    organisation = _organisation(facts)
    # Whether a host below the organisation belongs to it is for a walk from there to tell.
    inside = [host for host in names if organisation and host.endswith(f".{organisation}")]
    known = {rung.domain for rung in facts.rungs}
    further = dict.fromkeys(name for host in inside for name in walk_names(host) if name not in known)
    rungs, hosts = await asyncio.gather(
        asyncio.gather(*(_rung(approach, transcript, name) for name in further)),
        asyncio.gather(*(_host(approach, transcript, host, place) for host in names)),
    )
    return facts.model_copy(update={"rungs": (*facts.rungs, *rungs), "hosts": tuple(hosts)})


def _organisation(facts: DmarcFacts) -> str:
    try:
        return facts.organisation
    except Undetermined:
        return ""


async def _host(approach: DomainApproach, transcript: Transcript, host: str, place: str) -> ReportHost:
    mail = asyncio.create_task(_mail(approach, transcript, host))
    consent = None
    if host != place:
        consent = await approach.ask(f"{place}._report._dmarc.{host}", "TXT", transcript)
    return ReportHost(
        host=host, consent=consent, overrides=records_in(consent) if consent is not None else (), mail=await mail
    )


async def _mail(approach: DomainApproach, transcript: Transcript, host: str) -> tuple[Answer, ...]:
    """MX of a host, then addresses: of its exchangers, or, where there are none, its own (RFC 5321 section 5.1)."""
    exchanges = await approach.ask(host, "MX", transcript)
    if not exchanges.answered:
        return (exchanges,)
    targets = [host]
    if exchanges.found:
        targets = [record.split()[-1].rstrip(".") for record in exchanges.records if record.split()]
        targets = [target for target in targets if target][:EXCHANGES]
    addresses = await asyncio.gather(
        *(approach.ask(target, kind, transcript) for target in targets for kind in ("A", "AAAA"))
    )
    return (exchanges, *addresses)
