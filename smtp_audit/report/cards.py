"""Records in reading order: one card for each control and status, with an entry for each subject."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from smtp_audit.record import Record, Status
from smtp_audit.report.anchors import Anchors
from smtp_audit.report.exhibits import INLINE_CHARACTERS, Exhibit, Exhibits, Shown, observed
from smtp_audit.report.words import FINDINGS, STATUS, Word


@dataclass(frozen=True)
class About:
    """One record of an entry: its subject, where links to it lead, and its transcripts."""

    anchor: str
    record: Record
    exhibits: tuple[Exhibit, ...]


@dataclass(frozen=True)
class Entry:
    """Records of a card that saw the same: told once, for all of their subjects.

    `inline`: their transcripts are repeated here, not only linked.
    """

    record: Record
    about: tuple[About, ...]
    observed: tuple[Shown, ...]
    inline: bool

    @property
    def exhibits(self) -> tuple[Exhibit, ...]:
        """The transcripts of all of its records."""
        return tuple(exhibit for about in self.about for exhibit in about.exhibits)


@dataclass(frozen=True)
class Card:
    """What records of one control and status share, and their entries.

    `remedies` are those for the software that the subjects name and for any software, `other_remedies` the rest.
    """

    anchor: str
    record: Record
    entries: tuple[Entry, ...]
    subjects: int
    software: tuple[str, ...]
    remedies: tuple[tuple[str, str], ...]
    other_remedies: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Section:
    """All cards of one status."""

    status: Status
    word: Word
    anchor: str
    cards: tuple[Card, ...]
    records: int

    @property
    def finding(self) -> bool:
        """Whether its cards ask somebody to do or to know something."""
        return self.status in FINDINGS

    @property
    def broken(self) -> bool:
        """Whether its requirements were seen to be broken, so that a remedy has an object."""
        return self.status in (Status.FAIL, Status.ADVISORY, Status.WAIVED)


def sections(records: Sequence[Record], exhibits: Exhibits, anchors: Anchors) -> tuple[Section, ...]:
    """The records of a report by status, findings first; within a status the most severe first."""
    room = INLINE_CHARACTERS
    found: list[Section] = []
    for status, word in STATUS.items():
        mine = [record for record in records if record.status is status]
        if not mine:
            continue
        groups: dict[tuple[object, ...], list[Record]] = {}
        for record in sorted(mine, key=lambda r: -r.severity.rank):
            groups.setdefault(_common(record), []).append(record)
        cards: list[Card] = []
        for group in groups.values():
            entries: list[Entry] = []
            for same in _alike(group):
                about = tuple(About(anchors("record", *r.key), r, exhibits.of(r)) for r in same)
                size = sum(exhibit.shown.size for each in about for exhibit in each.exhibits)
                inline = status in FINDINGS and size <= room
                room -= size if inline else 0
                entries.append(Entry(same[0], about, observed(same[0]), inline))
            cards.append(_card(anchors("card", status, group[0].control, str(len(cards))), group, entries))
        found.append(Section(status, word, anchors("status", status), tuple(cards), len(mine)))
    return tuple(found)


def _common(record: Record) -> tuple[object, ...]:
    """What records have to share in order to share a card."""
    remedy = tuple(sorted(record.remedy.items()))
    shared = (record.control, record.title, record.severity, record.expected, record.rationale)
    return (*shared, record.clauses, record.spec, record.medium, record.safety, record.when_not_run, remedy)


def _alike(group: Sequence[Record]) -> list[list[Record]]:
    """The records of a card by what was seen and accepted."""
    same: dict[tuple[object, ...], list[Record]] = {}
    for record in group:
        same.setdefault((record.summary, observed(record), record.waiver), []).append(record)
    return list(same.values())


def _card(anchor: str, group: Sequence[Record], entries: Sequence[Entry]) -> Card:
    software = tuple(dict.fromkeys(record.software for record in group if record.software))
    remedy = group[0].remedy
    first = [name for name in (*software, "any") if name in remedy] or list(remedy)
    return Card(
        anchor=anchor,
        record=group[0],
        entries=tuple(entries),
        subjects=len(group),
        software=software,
        remedies=tuple((name, remedy[name]) for name in first),
        other_remedies=tuple((name, text) for name, text in remedy.items() if name not in first),
    )
