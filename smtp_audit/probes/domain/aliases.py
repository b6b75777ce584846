"""Names of the domain that are often aliases: does what they lead to still exist?"""

from __future__ import annotations

import asyncio

from smtp_audit.facts.aliases import AliasFacts, WatchedName
from smtp_audit.probes.domain.approach import DomainApproach
from smtp_audit.probes.wire import Transcript

HOSTS = ("mta-sts", "autoconfig", "autodiscover", "mail")
TEXTS = ("_dmarc", "_mta-sts", "_smtp._tls")
"""Names whose content providers serve for their customers by way of an alias."""


async def look_for_aliases(approach: DomainApproach, transcript: Transcript) -> AliasFacts:
    """Where each watched name leads, the selectors of the configuration among them."""
    texts = (*TEXTS, *(f"{selector}._domainkey" for selector in approach.config.dkim_selectors))
    wanted = [*((label, "A") for label in HOSTS), *((label, "TXT") for label in texts)]
    names = await asyncio.gather(
        *(_watched(approach, f"{label}.{approach.domain}", kind, transcript) for label, kind in wanted)
    )
    return AliasFacts(domain=approach.domain, names=tuple(names))


async def _watched(approach: DomainApproach, name: str, kind: str, transcript: Transcript) -> WatchedName:
    content, cname = await asyncio.gather(approach.ask(name, kind, transcript), approach.ask(name, "CNAME", transcript))
    watched = WatchedName(name=name, content=content, cname=cname)
    if not watched.dangling:
        return watched
    last = ".".join(watched.alias.split(".")[-2:])
    return watched.model_copy(update={"registered": await approach.ask(last, "SOA", transcript)})
