"""A second opinion on what a domain publishes: checkdmarc, fed with the answers that a snapshot has recorded.

Opinions, and no verdicts: no control knows them and no gate hears of them. No question is asked again.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from smtp_audit.errors import SmtpAuditError
from smtp_audit.facts.endpoint import Domain
from smtp_audit.facts.lookup import Answer, LookupOutcome
from smtp_audit.facts.mta_sts import MtaStsFacts
from smtp_audit.facts.snapshot import Snapshot
from smtp_audit.wiretext import escape_text

INSTALL = "pip install 'smtp-audit[linter]'"
LONGEST_SECONDS = 60.0
SHOWN_TEXT = 500

_NOTES = TypeAdapter(list[tuple[str, str, str]])


class LinterError(SmtpAuditError):
    """checkdmarc is not installed, or did not end well."""


@dataclass(frozen=True)
class Note:
    """One thing it says: about which record, how grave it takes it ("error", "warning", "unknown"), and its words."""

    about: str
    level: str
    text: str


@dataclass(frozen=True)
class Opinion:
    """All that it says of a domain, and the seconds that its process took."""

    domain: str
    notes: tuple[Note, ...]
    seconds: float


def opinions(snapshot: Snapshot) -> tuple[Opinion, ...]:
    """What checkdmarc says of every domain of a snapshot.

    Raises:
        LinterError: it is not installed, or did not end well.
    """
    if find_spec("checkdmarc") is None:
        raise LinterError(f"checkdmarc is not installed: {INSTALL}")
    return tuple(_opinion(subject, snapshot) for subject in snapshot.subjects if isinstance(subject, Domain))


def recorded(domain: Domain, snapshot: Snapshot) -> dict[str, Any]:
    """What the process is given: the answers about this domain, each once, and the policy that was fetched."""
    mine = [o.facts for o in snapshot.observations if o.subject == domain.key and o.facts is not None]
    answers = {(answer.name, answer.type): answer for facts in mine for answer in _answers(facts)}
    listed = [[*key, str(answer.outcome), list(answer.records)] for key, answer in sorted(answers.items())]
    # It asks these of every name only to warn; that there is no alias follows from any other answer about the name.
    plain = dict.fromkeys(answer.name for answer in answers.values() if answer.answered and not answer.aliases)
    beside = ((name, rdtype) for name in plain for rdtype in ("CNAME", "SPF"))
    listed += [[*key, str(LookupOutcome.NO_DATA), []] for key in beside if key not in answers]
    fetches = (facts.fetch for facts in mine if isinstance(facts, MtaStsFacts) and facts.policy is not None)
    return {
        "domain": domain.name,
        "answers": listed,
        "policy": next((fetch.body for fetch in fetches if fetch is not None), None),
    }


def _answers(value: object) -> Iterator[Answer]:
    if isinstance(value, Answer):
        yield value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _answers(getattr(value, name))
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _answers(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _answers(item)


def _opinion(domain: Domain, snapshot: Snapshot) -> Opinion:
    began = time.monotonic()
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "smtp_audit.probes.domain.linter_process"],
            input=json.dumps(recorded(domain, snapshot)),
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
            check=False,
        )
        notes = _NOTES.validate_json(ended.stdout)
    except (OSError, subprocess.TimeoutExpired, ValidationError) as error:
        raise LinterError(f"checkdmarc did not end well: {escape_text(str(error), SHOWN_TEXT)}") from None
    shown = tuple(Note(about, level, escape_text(text, SHOWN_TEXT)) for about, level, text in notes)
    return Opinion(domain.name, shown, time.monotonic() - began)
