"""Where a domain wants reports on TLS sent to (RFC 8460)."""

from __future__ import annotations

import asyncio

from smtp_audit.facts.mta_sts import ReportDestination, TlsRptFacts
from smtp_audit.probes.domain.approach import DomainApproach
from smtp_audit.probes.domain.mx_hosts import find_mx_hosts
from smtp_audit.probes.wire import Transcript
from smtp_audit.published.fields import of_version
from smtp_audit.published.tls_rpt import VERSION, TlsRptDestination, parse_record


async def look_for_tls_rpt(approach: DomainApproach, transcript: Transcript) -> TlsRptFacts:
    """Ask for the record, and whether reports can arrive where it sends them. Never raises."""
    mx, record = await asyncio.gather(
        find_mx_hosts(approach, transcript),
        approach.ask(f"_smtp._tls.{approach.domain}", "TXT", transcript),
    )
    wanted = [each for text in of_version(record.records, VERSION)[:1] for each in parse_record(text).destinations]
    destinations = await asyncio.gather(*(_destination(approach, each, transcript) for each in wanted))
    return TlsRptFacts(domain=approach.domain, mx=mx, record=record, destinations=tuple(destinations))


async def _destination(
    approach: DomainApproach, destination: TlsRptDestination, transcript: Transcript
) -> ReportDestination:
    if destination.problem or not destination.host:
        return ReportDestination(destination=destination)
    kinds = ("MX", "A", "AAAA") if destination.scheme == "mailto" else ("A", "AAAA")
    answers = await asyncio.gather(*(approach.ask(destination.host, kind, transcript) for kind in kinds))
    return ReportDestination(destination=destination, answers=tuple(answers))
