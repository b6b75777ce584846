"""Records travel on pytest's reports, as text, so that they survive the way from an xdist worker to the controller."""

from __future__ import annotations

import pytest

from smtp_audit.record import Record

_RECORD = "smtp_audit_record"
_FAULT = "smtp_audit_fault"


def attach(report: pytest.TestReport, record: Record | None, fault: str) -> None:
    """Hang a record, and what else keeps the gate closed, on a report."""
    if record is not None:
        setattr(report, _RECORD, record.model_dump_json())
    if fault:
        setattr(report, _FAULT, fault)


def record_of(report: pytest.TestReport) -> Record | None:
    """The record on a report, if it has one."""
    text = getattr(report, _RECORD, None)
    return None if text is None else Record.model_validate_json(text)


def fault_of(report: pytest.TestReport) -> str:
    """What else keeps the gate closed, by this report; empty when nothing does."""
    return str(getattr(report, _FAULT, ""))
