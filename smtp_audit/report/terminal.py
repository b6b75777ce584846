"""The report for a terminal: plain lines of printable ASCII, whatever a peer or a user wrote."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from smtp_audit.coverage import ClauseStatus
from smtp_audit.record import Record, Status
from smtp_audit.report.model import Report
from smtp_audit.report.reasons import grouped_reasons
from smtp_audit.report.visible import terminal_line
from smtp_audit.report.words import CLAUSE, STATUS

MAX_REASONS: Final = 12
"""Reasons that a terminal shows; the report has all of them."""

_LABEL = 11


def verdict_line(report: Report) -> str:
    """The verdict in one line: ``gate CLOSED: 3 reasons (profile enterprise 1.0, medium and above block)``."""
    gate, profile = report.gate, report.profile
    terms = terminal_line(f"profile {profile.name} {profile.version}, {gate.threshold} and above block")
    if not report.finished:
        return f"gate CLOSED: the audit has not finished ({terms})"
    if gate.open:
        scope = terminal_line(", ".join(report.identity.scope)) or "none"
        return f"gate OPEN within scope {scope} ({terms})"
    count = len(gate.reasons)
    return f"gate CLOSED: {count} {'reason' if count == 1 else 'reasons'} ({terms})"


def quiet_lines(report: Report, folder: Path | None = None) -> list[str]:
    """One or two lines: the verdict and, when the gate is closed, the first reason and where the rest is."""
    lines = [verdict_line(report)]
    if not report.gate.open:
        reasons = grouped_reasons(report)
        first = terminal_line(reasons[0].line) if reasons else ""
        where = f" (see {terminal_line(str(folder / 'report.html'))})" if folder is not None else ""
        lines.append(f"  {first}{where}" if first else f"  no reason is recorded{where}")
    return lines


def summary_lines(report: Report, folder: Path | None = None, max_reasons: int = MAX_REASONS) -> list[str]:
    """The verdict with its reasons, the counts, and where the report is.

    Args:
        report: what to tell.
        folder: where `report.html` was written; None when it was not.
        max_reasons: reasons shown; the others are counted.
    """
    identity = report.identity
    lines = [verdict_line(report)]
    lines += _reasons(report, max_reasons)
    lines += _field("target", ", ".join(identity.targets) or "none")
    scope = ", ".join(identity.scope) or "none"
    lines += _field(
        "scope", scope + (f"; out of scope: {', '.join(identity.out_of_scope)}" if identity.out_of_scope else "")
    )
    lines += _field("controls", _controls(report))
    lines += _listed(report)
    lines += _field("clauses", _clauses(report))
    connections = sum(effort.connections for effort in identity.efforts)
    backoffs = sum(effort.backoffs for effort in identity.efforts)
    if identity.efforts:
        lines += _field("effort", f"{connections} connections, {backoffs} back-offs")
    if identity.recorded:
        lines += _field("facts", "from a recorded snapshot; this run did not talk to the server")
    if report.unused_waivers:
        lines += _field(
            "waivers", f"{len(report.unused_waivers)} unused: {_names(w.control for w in report.unused_waivers)}"
        )
    for note in report.notes:
        lines += _field("note", note)
    if folder is not None:
        lines += _field("report", str(folder / "report.html"))
    return lines


def _field(label: str, text: str) -> list[str]:
    return [f"  {label:<{_LABEL}}{terminal_line(text)}"]


def _reasons(report: Report, most: int) -> list[str]:
    reasons = grouped_reasons(report)
    lines = [f"  - {terminal_line(reason.line)}" for reason in reasons[:most]]
    if len(reasons) > most:
        lines.append(f"    and {len(reasons) - most} more in the report")
    return lines


def _controls(report: Report) -> str:
    counts = report.counts
    shown = [f"{counts[status]} {word.name}" for status, word in STATUS.items() if counts[status]]
    return f"{len(report.records)} results: {', '.join(shown)}" if shown else "no results"


def _clauses(report: Report) -> str:
    counts = report.coverage.counts
    total = len(report.coverage.clauses)
    shown = [f"{counts[s]} {CLAUSE[s].name}" for s in ClauseStatus if counts[s] or s is ClauseStatus.MET]
    return f"{total} of {report.profile.standard_title}: {', '.join(shown)}; certificate: {report.certificate}"


def _listed(report: Report) -> list[str]:
    """What does not close the gate and is not a pass either, by name: nobody should have to open a file to learn it."""
    lines: list[str] = []
    for status in (Status.WAIVED, Status.ADVISORY, Status.NOT_RUN):
        mine = [record for record in report.records if record.status is status]
        if mine and report.finished:
            lines += _field(STATUS[status].name, _names(_name(record) for record in mine))
    return lines


def _name(record: Record) -> str:
    until = f" (until {record.waiver.expires})" if record.waiver is not None else ""
    return f"{record.control}{until}"


def _names(names: Iterable[str]) -> str:
    counted: dict[str, int] = {}
    for name in names:
        counted[name] = counted.get(name, 0) + 1
    return ", ".join(name if count == 1 else f"{name} ({count})" for name, count in counted.items())
