"""The clause matrix, and what named persons stated: waivers and attestations."""

from __future__ import annotations

from dataclasses import dataclass, replace

from smtp_audit.coverage import ClauseCoverage, ClauseStatus, Way, WayState
from smtp_audit.record import Record, Status
from smtp_audit.report.anchors import Anchors
from smtp_audit.report.model import Report
from smtp_audit.report.words import CLAUSE, STATUS, WAY, Word
from smtp_audit.waiver import Attestation, Waiver

Seen = dict[tuple[str, str], list[Status]]
"""The statuses of a control, by its id and medium."""


@dataclass(frozen=True)
class Controls:
    """The controls of a way whose worst status is the same: id, anchor, and on how many of its subjects it is so."""

    word: Word
    named: tuple[tuple[str, str, int, int], ...]


@dataclass(frozen=True)
class WayRow:
    """One way of showing a clause. `detail` is empty where the controls or the state say it all."""

    medium: str
    word: Word
    detail: str
    controls: tuple[Controls, ...]


@dataclass(frozen=True)
class ClauseRow:
    """One clause, with its anchor; `absent` are its ways that are out of scope, `word` says it when that matters."""

    anchor: str
    clause: ClauseCoverage
    word: Word
    ways: tuple[WayRow, ...]
    absent: tuple[str, ...]


@dataclass(frozen=True)
class Segment:
    """One status of the clause bar: how many clauses, and where its part of the bar begins, counted in clauses."""

    status: ClauseStatus
    word: Word
    count: int
    start: int


def clause_rows(report: Report, anchors: Anchors) -> tuple[ClauseRow, ...]:
    """Every clause of the standard, in its order."""
    seen: Seen = {}
    for record in report.records:
        seen.setdefault((record.control, record.medium), []).append(record.status)
    return tuple(_clause_row(clause, seen, anchors) for clause in report.coverage.clauses)


def _clause_row(clause: ClauseCoverage, seen: Seen, anchors: Anchors) -> ClauseRow:
    present = [way for way in clause.ways if way.state is not WayState.OUT_OF_SCOPE]
    absent = tuple(way.medium for way in clause.ways if way.state is WayState.OUT_OF_SCOPE)
    word = CLAUSE[clause.status]
    if clause.status is ClauseStatus.MET and absent:
        # It may still be broken where this run did not look.
        word = replace(word, name=f"{word.name} (in scope)")
    return ClauseRow(
        anchor=anchors("clause", clause.clause),
        clause=clause,
        word=word,
        ways=tuple(_way_row(way, seen, anchors) for way in present),
        absent=absent,
    )


def _way_row(way: Way, seen: Seen, anchors: Anchors) -> WayRow:
    worst: dict[Status, list[tuple[str, str, int, int]]] = {}
    for control in way.controls:
        statuses = seen.get((control, way.medium), [])
        status = next((s for s in STATUS if s in statuses), Status.NOT_RUN)
        worst.setdefault(status, []).append(
            (control, anchors("control", control) if statuses else "", statuses.count(status), len(statuses))
        )
    # The names of failing and unanswered controls make up the detail of these two; the list below has them, with links.
    told = way.controls and way.state in (WayState.PASSING, WayState.FAILING, WayState.UNDETERMINED)
    return WayRow(
        medium=way.medium,
        word=WAY[way.state],
        detail="" if told else way.detail,
        controls=tuple(Controls(STATUS[status], tuple(worst[status])) for status in STATUS if status in worst),
    )


def segments(report: Report) -> tuple[Segment, ...]:
    """The statuses of the clauses, in order, those without a clause too."""
    numbers = report.coverage.counts
    found: list[Segment] = []
    start = 0
    for status, word in CLAUSE.items():
        found.append(Segment(status, word, numbers[status], start))
        start += numbers[status]
    return tuple(found)


@dataclass(frozen=True)
class WaiverRow:
    """A waiver of the configuration: `state` is active, expired, stale or unused, `used` the records it met."""

    waiver: Waiver
    state: str
    tone: str
    used: tuple[tuple[str, str], ...]


_WAIVER_TONE = {"active": "calm", "expired": "bad", "stale": "bad", "unused": "warn"}


def waiver_rows(report: Report, anchors: Anchors) -> tuple[WaiverRow, ...]:
    """Every waiver of the configuration, used or not."""
    today = report.identity.judged.date()
    rows: list[WaiverRow] = []
    for waiver in report.waivers:
        met = [record for record in report.records if _met(waiver, record)]
        states = {record.waiver.state for record in met if record.waiver is not None}
        state = next((s for s in ("stale", "expired", "active") if s in states), "unused")
        if state == "unused" and waiver.expired(today):
            state = "expired"
        used = tuple((r.subject, anchors("record", r.control, r.subject)) for r in met)
        rows.append(WaiverRow(waiver, state, _WAIVER_TONE[state], used))
    return tuple(rows)


def _met(waiver: Waiver, record: Record) -> bool:
    given = record.waiver
    return (
        given is not None
        and waiver.covers(record.control, record.subject)
        and (given.owner, given.reason, given.expires) == (waiver.owner, waiver.reason, waiver.expires)
    )


@dataclass(frozen=True)
class AttestationRow:
    """An attestation of the configuration and what the matrix made of it."""

    attestation: Attestation
    state: str
    detail: str
    tone: str
    anchor: str


def attestation_rows(report: Report, anchors: Anchors) -> tuple[AttestationRow, ...]:
    """Every attestation of the configuration, used or not."""
    clauses = {row.clause: row for row in report.coverage.clauses}
    return tuple(_attestation_row(a, clauses, report, anchors) for a in report.attestations)


def _attestation_row(
    attestation: Attestation, clauses: dict[str, ClauseCoverage], report: Report, anchors: Anchors
) -> AttestationRow:
    today = report.identity.judged.date()
    row = clauses.get(attestation.clause)
    anchor = anchors("clause", attestation.clause) if row is not None else ""
    if today > attestation.expires:
        state, detail, tone = "expired", "", "bad"
    elif today < attestation.made:
        state, detail, tone = "not yet valid", "it is dated in the future", "bad"
    elif row is None:
        state, detail, tone = "unused", "the standard has no such clause", "warn"
    elif row.attestation == attestation:
        state, detail, tone = "valid", "", "calm"
    else:
        state, detail, tone = "unused", "this clause is not shown by attestation, or another one was taken", "warn"
    return AttestationRow(attestation, state, detail, tone, anchor)
