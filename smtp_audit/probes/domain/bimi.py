"""BIMI: the assertion record of the selector that everybody has."""

from __future__ import annotations

from smtp_audit.facts.bimi import BimiFacts
from smtp_audit.probes.domain.approach import DomainApproach
from smtp_audit.probes.wire import Transcript
from smtp_audit.published.bimi import is_bimi, parse_bimi


async def look_for_bimi(approach: DomainApproach, transcript: Transcript) -> BimiFacts:
    """Ask for the record."""
    answer = await approach.ask(f"default._bimi.{approach.domain}", "TXT", transcript)
    return BimiFacts(answer=answer, records=tuple(parse_bimi(text) for text in answer.records if is_bimi(text)))
