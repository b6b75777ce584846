"""A report in a few lines of a terminal: the verdict, the worst findings, and where the whole of it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from smtp_audit.record import Record, Status
from smtp_audit.report.model import Report
from smtp_audit.wiretext import escape_text

_FINDINGS = (Status.FAIL, Status.ADVISORY)
_SUMMARY = 100


def verdict_lines(report: Report, folder: Path, findings: int = 8) -> Iterator[str]:
    """The lines; `findings` is the largest number of findings shown."""
    name = ", ".join(report.identity.targets) or ", ".join(subject.key for subject in report.identity.subjects)
    state = "OPEN" if report.gate.open else "CLOSED"
    yield f"{name}: the gate is {state} (profile {report.profile.name}, scope {', '.join(report.identity.scope)})"
    counts = ", ".join(f"{number} {status.replace('_', ' ')}" for status, number in report.counts.items() if number)
    yield f"  {counts}"
    found = sorted((r for r in report.records if r.status in _FINDINGS), key=lambda record: -record.severity.rank)
    width = max((len(record.control) for record in found[:findings]), default=0)
    for record in found[:findings]:
        yield f"  {record.severity:8}  {record.control:{width}}  {_where(record)}: {_cut(record.summary)}"
    if len(found) > findings:
        yield f"  ... and {len(found) - findings} findings more"
    if not report.gate.open and not found:
        yield from (f"  {_cut(reason)}" for reason in report.gate.reasons[:findings])
    yield f"  {folder / 'report.html'}"


def _where(record: Record) -> str:
    return f"{record.subject} ({record.role})" if record.role else record.subject


def _cut(text: str) -> str:
    shown = escape_text(text) if not text.isprintable() else text
    return shown if len(shown) <= _SUMMARY else f"{shown[: _SUMMARY - 3]}..."
