"""Transcripts, each shown once in full: several controls, and several kinds of facts, rest on the same conversation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

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


class _Title(NamedTuple):
    """The parts of a transcript's title, ``Transcript at ADDRESS, KIND, began TIME``; `place` is all of any other."""

    place: str
    kind: str
    began: str


class _Conversation(NamedTuple):
    """What tells one conversation from another. Not the kind of facts: one may show facts of many kinds."""

    subject: str
    place: str
    began: str
    lines: tuple[str, ...]


@dataclass
class Exhibit:
    """A numbered transcript of the evidence section.

    `kinds` are the kinds of facts that were read from it, `used_by` the controls that rest on it, with their anchors.
    """

    number: int
    anchor: str
    subject: str
    place: str
    began: str
    shown: Shown
    kinds: list[str] = field(default_factory=list)
    used_by: list[tuple[str, str]] = field(default_factory=list)

    @property
    def title(self) -> str:
        """``Transcript at ADDRESS of KIND, KIND, began TIME``."""
        kinds = f" of {', '.join(self.kinds)}" if self.kinds else ""
        return f"{self.place}{kinds}{f', {self.began}' if self.began else ''}"


def shorten(evidence: Evidence) -> Shown:
    """The first lines of evidence, as many as a transcript may have."""
    lines = evidence.lines[:MAX_TRANSCRIPT_LINES]
    return Shown(evidence.title, lines, len(evidence.lines) - len(lines))


class Exhibits:
    """The transcripts of a report, numbered in the order of its records."""

    def __init__(self, records: Iterable[Record], anchors: Anchors) -> None:
        self._known: dict[_Conversation, Exhibit] = {}
        for record in records:
            for evidence in _transcripts(record):
                exhibit = self._add(record.subject, evidence)
                user = (record.control, anchors("record", record.control, record.subject))
                if user not in exhibit.used_by:
                    exhibit.used_by.append(user)

    def _add(self, subject: str, evidence: Evidence) -> Exhibit:
        key, title = _key(subject, evidence), _read(evidence.title)
        if key not in self._known:
            number = len(self._known) + 1
            anchor = f"evidence-{number}"
            self._known[key] = Exhibit(number, anchor, subject, title.place, title.began, shorten(evidence))
        exhibit = self._known[key]
        if title.kind and title.kind not in exhibit.kinds:
            exhibit.kinds.append(title.kind)
        return exhibit

    def of(self, record: Record) -> tuple[Exhibit, ...]:
        """The transcripts that a record rests on, each once."""
        keys = dict.fromkeys(_key(record.subject, evidence) for evidence in _transcripts(record))
        return tuple(self._known[key] for key in keys)

    def by_subject(self) -> dict[str, list[Exhibit]]:
        """All transcripts, subject by subject."""
        groups: dict[str, list[Exhibit]] = {}
        for exhibit in self._known.values():
            groups.setdefault(exhibit.subject, []).append(exhibit)
        return groups


def observed(record: Record) -> tuple[Shown, ...]:
    """The lines that the control picked."""
    return tuple(shorten(evidence) for evidence in record.evidence if evidence.kind is EvidenceKind.OBSERVED)


def _transcripts(record: Record) -> Iterable[Evidence]:
    return (evidence for evidence in record.evidence if evidence.kind is EvidenceKind.TRANSCRIPT)


def _key(subject: str, evidence: Evidence) -> _Conversation:
    title = _read(evidence.title)
    return _Conversation(subject, title.place, title.began, evidence.lines)


def _read(title: str) -> _Title:
    head, comma, began = title.rpartition(", began ")
    place, between, kind = head.rpartition(", ")
    return _Title(place, kind, f"began {began}") if comma and between else _Title(title, "", "")
