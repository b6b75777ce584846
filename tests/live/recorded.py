"""Keeps what the audits and the second judge of a run said, for docs/detection.md.

One JSON object a line, into the file that SMTP_AUDIT_DETECTION names; without it nothing is kept.
"""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .audited import Outcome
from .lab import Place

VARIABLE = "SMTP_AUDIT_DETECTION"


@dataclass(frozen=True)
class Found:
    """What one audit said about one server."""

    failed: frozenset[str]
    passed: frozenset[str]
    undecided: frozenset[str]


@dataclass(frozen=True)
class Record:
    """What a run said, by audit and name of the server."""

    audits: Mapping[tuple[str, str], Found] = field(default_factory=dict)
    judge: Mapping[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    """What the second judge saw, under the same names."""


def keep_places(audit: str, outcome: Outcome, places: Iterable[Place]) -> Outcome:
    """Keep what an audit said about these servers, and return it."""
    for place in places:
        keep(audit, place.name, outcome, place.subject, place.entry.group)
    return outcome


def keep(
    audit: str,
    server: str,
    outcome: Outcome,
    subject: str,
    group: str = "quick",
) -> None:
    """Keep what an audit said about one server."""
    found = (outcome.failed(subject), outcome.passed(subject), outcome.undecided(subject, group))
    failed, passed, undecided = (sorted(controls) for controls in found)
    _write(audit=audit, server=server, failed=failed, passed=passed, undecided=undecided)


def keep_judged(audit: str, server: str, faults: frozenset[str]) -> frozenset[str]:
    """Keep what the second judge saw of a server of that audit, and return it."""
    _write(audit=audit, server=server, judged=sorted(faults))
    return faults


def read(path: Path) -> Record:
    """What was kept; of two records of the same server the later counts."""
    audits: dict[tuple[str, str], Found] = {}
    judge: dict[tuple[str, str], frozenset[str]] = {}
    for line in path.read_text().splitlines():
        entry = json.loads(line)
        key = (entry["audit"], entry["server"])
        if "judged" in entry:
            judge[key] = frozenset(entry["judged"])
        else:
            sets = (frozenset(entry[name]) for name in ("failed", "passed", "undecided"))
            audits[key] = Found(*sets)
    return Record(audits, judge)


def _write(**entry: Any) -> None:
    path = os.environ.get(VARIABLE)
    if not path:
        return
    with Path(path).open("a") as file:
        file.write(json.dumps(entry) + "\n")
