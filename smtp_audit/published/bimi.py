"""BIMI assertion records: what stands at `default._bimi.DOMAIN` (draft-brand-indicators-for-message-identification)."""

from __future__ import annotations

import re

from smtp_audit.frozen import Frozen
from smtp_audit.published.tags import TagList, parse_tags, quoted

_VERSION = re.compile(r"[vV][ \t]*=[ \t]*BIMI1[ \t]*(?:;|\Z)")

_HTTPS = re.compile(r"https://[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?(?:[/?#][!-~]*)?", re.IGNORECASE)


class BimiRecord(Frozen):
    """One assertion record. `logo` and `evidence` are the URLs of l= and a=, as published; `problems` are escaped.

    A record without either says that the domain declines to take part.
    """

    tags: TagList
    logo: str = ""
    evidence: str = ""
    problems: tuple[str, ...] = ()

    @property
    def declines(self) -> bool:
        """The domain says that it has no logo."""
        return not self.logo and not self.evidence and not self.problems


def is_bimi(text: str) -> bool:
    """Whether the text of a TXT record is an assertion record: v is the first tag."""
    return _VERSION.match(text) is not None


def parse_bimi(text: str) -> BimiRecord:
    """The assertion record in a text that `is_bimi`. Never raises."""
    tags = parse_tags(text)
    problems = list(tags.problems)
    logo, evidence = tags.get("l"), tags.get("a")
    if logo is None:
        problems.append("has no l= tag")
    for name, value in (("l", logo), ("a", evidence)):
        if value and not _is_https(value):
            problems.append(f"{name}={quoted(value)} is no https URL")
    if evidence and not logo:
        problems.append("a= without a logo in l= has nothing to prove")
    return BimiRecord(tags=tags, logo=logo or "", evidence=evidence or "", problems=tuple(problems))


def _is_https(text: str) -> bool:
    return _HTTPS.fullmatch(text) is not None
