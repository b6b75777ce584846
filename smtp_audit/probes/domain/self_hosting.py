"""What in the domain's DNS may belong to others: the names in SPF, to any depth, and the aliases of keys."""

from __future__ import annotations

import asyncio
import re

from smtp_audit.facts.lookup import Answer
from smtp_audit.facts.self_hosting import KeyAlias, SelfHostingFacts, SpfNames
from smtp_audit.probes.domain.approach import DomainApproach
from smtp_audit.probes.wire import Transcript
from smtp_audit.published.senders import known_senders

MAX_SPF_RECORDS = 40
"""Records that are followed. Evaluation ends at 10 look-ups (RFC 7208 section 4.6.4); a record that breaks that is
looked through all the same."""

_VERSION = re.compile(r"v=spf1(?: |$)", re.IGNORECASE)
_NAMED = re.compile(r"[+?~-]?(include|a|mx|ptr|exists):([^/\s]+)|(redirect)=(\S+)", re.IGNORECASE)


async def look_for_self_hosting(approach: DomainApproach, transcript: Transcript) -> SelfHostingFacts:
    """Every name that somebody else could be behind."""
    known = [selector for sender in known_senders().sender for selector in sender.selectors]
    selectors = dict.fromkeys((*approach.config.dkim_selectors, *known))
    (spf, left_out), keys = await asyncio.gather(
        _spf(approach, transcript),
        asyncio.gather(
            *(_key(approach, f"{selector}._domainkey.{approach.domain}", transcript) for selector in selectors)
        ),
    )
    return SelfHostingFacts(domain=approach.domain, spf=tuple(spf), left_out=left_out, keys=tuple(keys))


async def _spf(approach: DomainApproach, transcript: Transcript) -> tuple[list[SpfNames], int]:
    """The record of the domain and all that it includes, level by level."""
    found: list[SpfNames] = []
    seen = {approach.domain}
    level = [approach.domain]
    while level:
        room = MAX_SPF_RECORDS - len(found)
        if room <= 0:
            return found, len(level)
        answers = await asyncio.gather(*(approach.ask(name, "TXT", transcript) for name in level[:room]))
        beyond = level[room:]
        level = []
        for answer in answers:
            record, following = _names(answer)
            found.append(record)
            level += [name for name in following if name not in seen]
            seen.update(following)
        level = [*beyond, *dict.fromkeys(level)]
    return found, 0


def _names(answer: Answer) -> tuple[SpfNames, list[str]]:
    """The names in a record, and those of them whose records come in."""
    names: list[str] = []
    following: list[str] = []
    opened: list[str] = []
    for record in answer.records:
        if not _VERSION.match(record):
            continue
        for term in record.split(" ")[1:]:
            found = _NAMED.fullmatch(term)
            if found is None:
                continue
            kind, name = (found[1] or found[3]).lower(), (found[2] or found[4]).lower().rstrip(".")
            names.append(name)
            if kind in ("include", "redirect"):
                (opened if "%" in name else following).append(name)
    return SpfNames(answer=answer, names=tuple(dict.fromkeys(names)), open=tuple(dict.fromkeys(opened))), following


async def _key(approach: DomainApproach, name: str, transcript: Transcript) -> KeyAlias:
    cname = await approach.ask(name, "CNAME", transcript)
    content = await approach.ask(name, "TXT", transcript) if cname.found else None
    return KeyAlias(cname=cname, content=content)
