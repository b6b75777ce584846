"""The gate: open or closed, with reasons. It is closed until every record of the run says otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from smtp_audit.frozen import Frozen
from smtp_audit.record import Record, Severity, Status, WhenNotRun

MAX_REASONS = 200


class Gate(Frozen):
    """`open` is true only when `reasons` is empty. `threshold` is the lowest severity that blocks."""

    open: bool
    reasons: tuple[str, ...]
    threshold: Severity


def closed(threshold: Severity, *reasons: str) -> Gate:
    """A gate that is closed for reasons outside the records."""
    return Gate(open=False, reasons=reasons, threshold=threshold)


def decide(
    records: Sequence[Record],
    expected: Iterable[tuple[str, str]],
    threshold: Severity,
    faults: Sequence[str] = (),
) -> Gate:
    """Judge the run.

    Args:
        records: one for each control and subject that was judged.
        expected: every (control, subject) of the profile within the scope; one without a record closes the gate.
        threshold: the lowest severity that blocks.
        faults: what else closes it (interrupted, nothing reached, snapshot too old).
    """
    reasons = list(faults)
    wanted = set(expected)
    if not wanted:
        reasons.append("nothing was audited: no control applies to any subject")
    by_key = {record.key: record for record in records}
    reasons += [reason for record in records if (reason := _blocks(record, threshold))]
    missing = sorted(wanted - by_key.keys())
    if missing:
        names = ", ".join(f"{control} on {subject}" for control, subject in missing[:5])
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        reasons.append(f"{len(missing)} of {len(wanted)} not judged: {names}{more}")
    # A run in which nothing passed has shown nothing, whatever else it did not find.
    if records and not any(record.status is Status.PASS for record in records):
        reasons.append("no control passed on any subject: nothing was proven")
    if len(reasons) > MAX_REASONS:
        reasons = [*reasons[:MAX_REASONS], f"{len(reasons) - MAX_REASONS} more reasons"]
    return Gate(open=not reasons, reasons=tuple(reasons), threshold=threshold)


def _blocks(record: Record, threshold: Severity) -> str:
    """Why this record keeps the gate closed; empty when it does not."""
    name = f"{record.control} on {record.subject}"
    match record.status:
        case Status.PASS | Status.NOT_APPLICABLE | Status.WAIVED:
            return ""
        case Status.ADVISORY if record.severity < threshold:
            return ""
        case Status.FAIL | Status.ADVISORY:
            return f"{name} [{record.severity}]: {record.summary}"
        case Status.INDETERMINATE:
            return f"{name}: could not be determined: {record.summary}"
        case Status.ERROR:
            return f"{name}: the control crashed: {record.summary}"
        case Status.NOT_RUN:
            return "" if record.when_not_run is WhenNotRun.LIST else f"{name}: not run: {record.summary}"
