"""DKIM keys: the selectors of the configuration, those that many domains have, and one that nobody has."""

from __future__ import annotations

import asyncio

from smtp_audit.facts.dkim import DkimFacts, DkimSelector
from smtp_audit.facts.observation import Absence
from smtp_audit.probes.domain.approach import DomainApproach
from smtp_audit.probes.wire import PeerError, Transcript
from smtp_audit.published.dkim import parse_dkim
from smtp_audit.published.selectors import COMMON_SELECTORS
from smtp_audit.published.senders import external_sender


async def look_for_dkim(approach: DomainApproach, transcript: Transcript) -> DkimFacts:
    """Ask for the key at every selector.

    Raises:
        PeerError: no selector is configured, and none of the common ones has a key. Nothing in the DNS lists
            selectors, so that this says nothing about the domain.
    """
    configured = approach.config.dkim_selectors
    names = tuple(dict.fromkeys((*configured, *COMMON_SELECTORS)))
    selectors = await asyncio.gather(
        *(_look(approach, transcript, name, configured=name in configured) for name in names)
    )
    # A wildcard TXT answers for selectors that do not exist, and what it says is no key of theirs.
    nobody = f"smtp-audit-{approach.run_id}._domainkey.{approach.domain}"
    wildcard = await approach.ask(nobody, "TXT", transcript)
    facts = DkimFacts(domain=approach.domain, selectors=tuple(selectors), wildcard=wildcard)
    if not configured and not facts.published:
        raise PeerError(
            Absence.NOT_AVAILABLE,
            "say which selectors the domain signs with in [dkim] selectors: the DNS does not list them, and none of "
            f"{len(names)} common ones has a key",
        )
    return facts


async def _look(approach: DomainApproach, transcript: Transcript, selector: str, *, configured: bool) -> DkimSelector:
    answer = await approach.ask(f"{selector}._domainkey.{approach.domain}", "TXT", transcript)
    providers = (external_sender(alias) for alias in answer.aliases)
    return DkimSelector(
        selector=selector,
        configured=configured,
        answer=answer,
        records=tuple(parse_dkim(text) for text in answer.records),
        provider=next((provider.name for provider in providers if provider is not None), ""),
    )
