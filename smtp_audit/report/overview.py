"""The report at a glance: counts, a row for each subject, and the grid of controls and subjects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from smtp_audit.facts.endpoint import Endpoint
from smtp_audit.record import Record, Severity, Status
from smtp_audit.report.anchors import Anchors
from smtp_audit.report.model import ProfileControl, Report
from smtp_audit.report.words import SEVERITIES, STATUS

GRID_COLUMNS: Final = 8
"""Subjects side by side in one grid; more of them make more grids."""


@dataclass(frozen=True)
class CountRow:
    """How many records of one severity have each status, in the order of `STATUS`; `severity` None is the total."""

    severity: Severity | None
    counts: tuple[int, ...]

    @property
    def total(self) -> int:
        """All records of the row."""
        return sum(self.counts)


def counts(records: Sequence[Record]) -> tuple[CountRow, ...]:
    """Records by severity and status, and the totals."""
    rows = [
        CountRow(severity, tuple(sum(r.status is s and r.severity is severity for r in records) for s in STATUS))
        for severity in SEVERITIES
    ]
    totals = tuple(sum(r.status is status for r in records) for status in STATUS)
    return (*(row for row in rows if row.total), CountRow(None, totals))


@dataclass(frozen=True)
class SubjectRow:
    """One subject: what it is, and how many of its records have each status, in the order of `STATUS`.

    `role` says how TLS starts, too; `place` is the address connected to where the user named one,
    `origin` how the subject came to be looked at.
    """

    key: str
    group: str
    label: str
    role: str
    place: str
    origin: str
    software: str
    counts: tuple[int, ...]


def subject_rows(report: Report) -> tuple[SubjectRow, ...]:
    """A row for every subject of the run, and for any other that records name."""
    by_subject: dict[str, list[Record]] = {}
    for record in report.records:
        by_subject.setdefault(record.subject, []).append(record)
    rows: list[SubjectRow] = []
    for subject in report.identity.subjects:
        mine = by_subject.pop(subject.key, [])
        if isinstance(subject, Endpoint):
            role = f"{subject.role}, {'implicit TLS' if subject.tls_start == 'implicit' else 'STARTTLS'}"
            origin = "named by the user" if subject.declared else "standard port"
            place = subject.address or ""
        else:
            role, origin, place = "mail domain", "", ""
        rows.append(_subject_row(subject.key, subject.group, subject.label, role, place, origin, mine))
    rows += [_subject_row(key, r[0].group, r[0].label, r[0].role, "", "", r) for key, r in by_subject.items()]
    return tuple(rows)


def _subject_row(
    key: str, group: str, label: str, role: str, place: str, origin: str, records: Sequence[Record]
) -> SubjectRow:
    software = ", ".join(dict.fromkeys(record.software for record in records if record.software))
    numbers = tuple(sum(record.status is status for record in records) for status in STATUS)
    return SubjectRow(key, group, label, role, place, origin, software, numbers)


@dataclass(frozen=True)
class Cell:
    """What became of one control on one subject; None in a grid where it does not apply."""

    status: Status
    anchor: str


@dataclass(frozen=True)
class GridRow:
    """One control of the profile. `anchor` is empty in all grids but the first."""

    control: ProfileControl
    anchor: str
    cells: tuple[Cell | None, ...]

    @property
    def judged(self) -> bool:
        """Whether it has a record here."""
        return any(cell is not None for cell in self.cells)


@dataclass(frozen=True)
class Grid:
    """Controls against subjects. `heads` are the groups (hosts) with the number of their columns."""

    heads: tuple[tuple[str, int], ...]
    subjects: tuple[SubjectRow, ...]
    rows: tuple[GridRow, ...]


def grids(report: Report, rows: Sequence[SubjectRow], anchors: Anchors) -> tuple[Grid, ...]:
    """Every control of the profile against every subject, in grids of a readable width."""
    controls = controls_of(report)
    status = {record.key: record.status for record in report.records}
    found: list[Grid] = []
    for start in range(0, max(len(rows), 1), GRID_COLUMNS):
        columns = tuple(rows[start : start + GRID_COLUMNS])
        lines = []
        for control in controls:
            keys = [(control.id, column.key) for column in columns]
            cells = tuple(Cell(status[key], anchors("record", *key)) if key in status else None for key in keys)
            lines.append(GridRow(control, "" if start else anchors("control", control.id), cells))
        heads = tuple((group, len(list(same))) for group, same in groupby(columns, key=lambda column: column.group))
        found.append(Grid(heads, columns, tuple(lines)))
    return tuple(found)


def controls_of(report: Report) -> tuple[ProfileControl, ...]:
    """The controls of the profile, and any other that records name."""
    named = {control.id: control for control in report.controls}
    for record in report.records:
        if record.control not in named:
            named[record.control] = ProfileControl(
                id=record.control,
                title=record.title,
                severity=record.severity,
                clauses=record.clauses,
                medium=record.medium,
                safety=record.safety,
                when_not_run=record.when_not_run,
            )
    return tuple(named.values())
