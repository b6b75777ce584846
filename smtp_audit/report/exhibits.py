"""Transcripts, each shown once in full: several controls rest on the same conversation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from smtp_audit.limits import MAX_TRANSCRIPT_LINES
from smtp_audit.record import Evidence, EvidenceKind, Record
from smtp_audit.report.anchors import Anchors
from smtp_audit.report.visible import MAX_TEXT

INLINE_CHARACTERS: Final = 200_000
"""Characters of transcripts that findings repeat; beyond that they only link. Bounds what a talkative peer can cost."""


@dataclass(frozen=True)
class Shown:
    """Lines of evidence, capped, and how many were left out."""

    title: str
    lines: tuple[str, ...]
    left_out: int = 0

    @property
    def size(self) -> int:
        """How many characters of it a page shows, escapes aside."""
        return sum(min(len(line), MAX_TEXT) for line in self.lines)


@dataclass
class Exhibit:
    """A numbered transcript of the evidence section; `used_by` are the controls that rest on it, with their anchors."""

    number: int
    anchor: str
    subject: str
    shown: Shown
    used_by: list[tuple[str, str]] = field(default_factory=list)


def shorten(evidence: Evidence) -> Shown:
    """The first lines of evidence, as many as a transcript may have."""
    lines = evidence.lines[:MAX_TRANSCRIPT_LINES]
    return Shown(evidence.title, lines, len(evidence.lines) - len(lines))


class Exhibits:
    """The transcripts of a report, numbered in the order of its records."""

    def __init__(self, records: Iterable[Record], anchors: Anchors) -> None:
        self._known: dict[tuple[str, str, tuple[str, ...]], Exhibit] = {}
        for record in records:
            for evidence in record.evidence:
                if evidence.kind is EvidenceKind.TRANSCRIPT:
                    exhibit = self._add(record.subject, evidence)
                    exhibit.used_by.append((record.control, anchors("record", record.control, record.subject)))

    def _add(self, subject: str, evidence: Evidence) -> Exhibit:
        key = (subject, evidence.title, evidence.lines)
        if key not in self._known:
            number = len(self._known) + 1
            self._known[key] = Exhibit(number, f"evidence-{number}", subject, shorten(evidence))
        return self._known[key]

    def of(self, record: Record) -> tuple[Exhibit, ...]:
        """The transcripts that a record rests on."""
        return tuple(
            self._known[record.subject, evidence.title, evidence.lines]
            for evidence in record.evidence
            if evidence.kind is EvidenceKind.TRANSCRIPT
        )

    def by_subject(self) -> dict[str, list[Exhibit]]:
        """All transcripts, subject by subject."""
        groups: dict[str, list[Exhibit]] = {}
        for exhibit in self._known.values():
            groups.setdefault(exhibit.subject, []).append(exhibit)
        return groups


def observed(record: Record) -> tuple[Shown, ...]:
    """The lines that the control picked."""
    return tuple(shorten(evidence) for evidence in record.evidence if evidence.kind is EvidenceKind.OBSERVED)
