"""Facts about source text, for the cases of their controls."""

from __future__ import annotations

from typing import Any

from smtp_audit.facts.source import Language, LeftOut, SourceFacts, SourceFinding, Topic


def finding(topic: Topic, **more: Any) -> SourceFinding:
    """Something that was found."""
    told = {"rule": "a-rule", "language": Language.PYTHON, "path": "app/mail.py", "line": 7, "told": "it is off"}
    return SourceFinding(
        topic=topic, **{**told, "why": "it matters", "fix": "switch it on", "clause": "CLIENT-4", **more}
    )


def source(*findings: SourceFinding, **more: Any) -> SourceFacts:
    """What was read: three files of Python that use a mail library."""
    known = {"read": {Language.PYTHON: 3}, "libraries": ("smtplib: app/mail.py",)}
    covered = dict.fromkeys(Topic, (Language.JAVASCRIPT, Language.PYTHON))
    return SourceFacts(**{**known, "covered": covered, "findings": findings, **more})


def left_out(path: str = "big.py", reason: str = "larger than 1048576 octets") -> LeftOut:
    """What was not read."""
    return LeftOut(path=path, reason=reason)
