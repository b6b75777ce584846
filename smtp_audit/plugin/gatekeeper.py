"""The keeper of the gate: one record for each control and subject, the reports, and the exit status.

It is fail-closed: before anything is probed a closed report replaces the last one, and whatever ends the run early
leaves that one, or a final one with the reason, in its place.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import pytest

from smtp_audit.conclusion import conclude, unfinished_report
from smtp_audit.errors import SmtpAuditError
from smtp_audit.facts.snapshot import Snapshot
from smtp_audit.plan import Plan
from smtp_audit.plugin.audit import Audit
from smtp_audit.plugin.reporting import fault_of, record_of
from smtp_audit.record import Record
from smtp_audit.report.model import Report
from smtp_audit.wiretext import escape_text

_SUCCESS = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
_ORDERLY = (*_SUCCESS, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED)


class Gatekeeper:
    """Keeps records and faults, concludes the run, and never lets it end with success while the gate is closed."""

    def __init__(self, audit: Audit) -> None:
        self.audit = audit
        self.report: Report | None = None
        self.trouble = ""
        """Why there is no final report, if there is none."""
        self._records: dict[tuple[str, str], Record] = {}
        self._faults: dict[str, None] = {}
        self._interrupted = False
        self._excused = False
        self._ended = False

    @property
    def folder(self) -> Path:
        """Where the reports go."""
        return self.audit.plan.config.report

    @property
    def closed(self) -> bool:
        """Whether the gate is closed, for whatever reason; it is until a report says otherwise."""
        return self.report is None or bool(self.trouble) or not self.report.gate.open

    def settle(self, status: int) -> int:
        """The exit status that pytest may end with when it was about to end with `status`."""
        if self.audit.dry or status not in _SUCCESS or not self.closed or (self._excused and not self.trouble):
            return status
        return int(pytest.ExitCode.INTERRUPTED if self._interrupted else pytest.ExitCode.TESTS_FAILED)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Put the closed report in place. Before xdist starts its workers, and before anything is probed."""
        if self.audit.dry:
            return
        from smtp_audit.report.files import write_report

        try:
            write_report(unfinished_report(self.audit.plan), self.folder)
        except (OSError, SmtpAuditError) as error:
            raise pytest.UsageError(f"smtp_audit: {error}; nothing was probed") from None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the record that an item hung on its report, here or in a worker."""
        fault = fault_of(report)
        if fault:
            self._faults[fault] = None
        record = record_of(report)
        if record is None:
            return
        known = self._records.setdefault(record.key, record)
        if known != record:
            name = f"{record.control} on {record.subject}"
            self._faults[f"{name} was judged twice: {known.status}, then {record.status}"] = None

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Ctrl-C, `pytest.exit`, or pytest's own "stopping after"."""
        self._interrupted = True
        what = str(excinfo.value) or excinfo.typename
        self._faults[f"the run was interrupted: {escape_text(what, 300)}"] = None

    def pytest_internalerror(self, excrepr: object) -> None:
        """Pytest, a plugin or a conftest crashed."""
        self._faults[f"pytest crashed: {escape_text(str(excrepr).strip().rpartition(chr(10))[2], 300)}"] = None

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, object, object]:
        """Conclude before the summary is printed, and have the last word on the exit status."""
        self.conclude(session.exitstatus, cut_short=bool(session.shouldstop or session.shouldfail))
        session.exitstatus = self._settled(session)
        try:
            return (yield)
        finally:
            session.exitstatus = self._settled(session)

    @pytest.hookimpl(tryfirst=True)
    def pytest_unconfigure(self) -> None:
        """When the session did not get as far as its finish, end the gathering and say so in the report."""
        self.conclude(None, cut_short=True)

    def conclude(self, status: int | None, *, cut_short: bool) -> None:
        """End the gathering, write snapshot and report; once.

        Args:
            status: what pytest is about to end with, None when it did not get that far.
            cut_short: not every selected test was run; what is not gathered yet is not waited for.
        """
        if self._ended or self.audit.dry:
            return
        self._ended = True
        if status is None:
            self._faults["the run ended before its tests had begun"] = None
        elif status not in _ORDERLY:
            self._faults[f"pytest ended with exit status {int(status)}"] = None
        try:
            self._conclude(whole=not cut_short and not self._interrupted and status in _ORDERLY)
        except Exception as error:
            # Whatever it was: the unfinished report stands, and the exit status says that something is wrong.
            self.trouble = f"no report could be made: {escape_text(f'{type(error).__name__}: {error}', 500)}"

    def _settled(self, session: pytest.Session) -> int | pytest.ExitCode:
        settled = self.settle(int(session.exitstatus))
        return session.exitstatus if settled == session.exitstatus else pytest.ExitCode(settled)

    def _conclude(self, *, whole: bool) -> None:
        from smtp_audit.report.files import write_report, write_snapshot

        plan = self.audit.plan
        try:
            snapshot = self.audit.end(whole=whole)
        except Exception as error:
            snapshot = None
            self._faults[f"gathering failed: {escape_text(f'{type(error).__name__}: {error}', 300)}"] = None
        # In the plan's order, whatever order a shuffled or distributed run judged in: the same facts, the same report.
        records = [self._records[key] for key in plan.expected if key in self._records]
        planned = frozenset(plan.expected)
        records += [record for key, record in self._records.items() if key not in planned]
        report = conclude(plan, records, snapshot, faults=list(self._faults))
        self._excused = plan.config.partial and self._only_partial(plan, records, snapshot)
        if snapshot is not None:
            write_snapshot(snapshot, self.folder)
        write_report(report, self.folder)
        self.report = report

    def _only_partial(self, plan: Plan, records: list[Record], snapshot: Snapshot | None) -> bool:
        """Whether the gate would be open if the plan had been what was judged and no more."""
        judged = {record.key for record in records}
        pairs = tuple(pair for pair in plan.pairs if (pair[0].id, pair[1].key) in judged)
        subjects = tuple(dict.fromkeys(subject for _, subject in pairs))
        part = replace(plan, pairs=pairs, subjects=subjects)
        return conclude(part, records, snapshot, faults=list(self._faults)).gate.open
