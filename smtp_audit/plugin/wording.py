"""What pytest prints of a record that did not pass: plain, printable, short; the report has the rest."""

from __future__ import annotations

from collections.abc import Iterator

from smtp_audit.record import EvidenceKind, Record, Status
from smtp_audit.report.visible import terminal_line

EVIDENCE_LINES = 20
"""Lines of evidence that are printed for one record."""

_LEADS = {
    Status.INDETERMINATE: "could not be determined",
    Status.ERROR: "the control crashed",
    Status.NOT_RUN: "not run",
}


def explain(record: Record) -> str:
    """The message of a failed or undetermined item. Its first line is what the short test summary shows."""
    return "\n".join(_lines(record))


def explain_again(record: Record) -> str:
    """One line for a record that gave no answer for a reason told above, with all of that reason."""
    return f"{_lead(record)}: as above: {terminal_line(record.summary)}"


def _lead(record: Record) -> str:
    return _LEADS.get(record.status, str(record.severity))


def _lines(record: Record) -> Iterator[str]:
    yield f"{_lead(record)}: {terminal_line(record.summary)}"
    yield f"control:  {record.control} ({record.severity}): {terminal_line(record.title)}"
    yield f"subject:  {terminal_line(record.subject)}{f', {record.role}' if record.role else ''}"
    yield f"expected: {terminal_line(record.expected)}"
    if record.clauses:
        yield f"clauses:  {terminal_line(', '.join(record.clauses))}"
    if record.spec:
        yield f"sources:  {terminal_line('; '.join(record.spec))}"
    if record.waiver is not None:
        waiver = record.waiver
        yield f"waiver:   {waiver.state}: {terminal_line(f'{waiver.owner} until {waiver.expires}: {waiver.reason}')}"
    if record.status in (Status.FAIL, Status.WAIVED):
        for software, remedy in _remedies(record):
            yield f"remedy:   {f'({software}) ' if software else ''}{terminal_line(remedy)}"
    yield from _evidence(record)


def _remedies(record: Record) -> Iterator[tuple[str, str]]:
    """For the software that the server says it is, else for any; all of them where there is none for any."""
    known = record.remedy
    if record.software in known:
        yield record.software, known[record.software]
    elif "any" in known:
        yield "", known["any"]
    else:
        yield from known.items()


def _evidence(record: Record) -> Iterator[str]:
    picked = [e for e in record.evidence if e.kind is EvidenceKind.OBSERVED] or list(record.evidence)
    lines = [
        line for e in picked for line in (f"{terminal_line(e.title)}:", *(f"  {terminal_line(t)}" for t in e.lines))
    ]
    yield from lines[:EVIDENCE_LINES]
    if len(lines) > EVIDENCE_LINES:
        yield f"  ({len(lines) - EVIDENCE_LINES} more lines in the report)"
