"""Collection and running: hooks that are registered only in a session with an audit."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import suppress

import pytest

from smtp_audit.plugin.audit import Audit
from smtp_audit.plugin.fixtures import NAMES as FIXTURES
from smtp_audit.plugin.items import AuditSuite, ControlItem
from smtp_audit.plugin.naming import SUITE
from smtp_audit.plugin.reporting import attach


class Running:
    """Adds the suite to the session, begins to gather when the run begins, hangs records on reports."""

    def __init__(self, audit: Audit) -> None:
        self.audit = audit
        self._fault = ""

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Add the suite to what the session found. Neither paths, ini settings nor conftests can take it away again."""
        report = yield
        if isinstance(collector, pytest.Session):
            suite = AuditSuite.from_parent(collector, path=collector.config.rootpath / SUITE)
            report.result = [*(report.result or ()), suite]
        return report

    def pytest_collection_finish(self) -> None:
        """Notice controls that a conftest of a subfolder registered too late to be planned."""
        late = self.audit.latecomers()
        if late:
            self._fault = (
                f"registered after the run was planned, so never judged: {', '.join(late)}; move them to a conftest.py "
                "that is loaded at the start (of the root folder, of testpaths, or of a folder on the command line)"
            )

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Begin to gather what the selected items need."""
        broken = session.testsfailed and not session.config.getoption("continue_on_collection_errors", default=False)
        if self.audit.dry or broken:
            return
        items = getattr(session, "items", [])
        # User tests may ask for any fact.
        if any(FIXTURES & set(getattr(item, "fixturenames", ())) for item in items):
            self.audit.begin()
        elif pairs := [(item.control, item.subject) for item in items if isinstance(item, ControlItem)]:
            self.audit.begin(pairs)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Wait for the item's facts before pytest captures output, and before a plugin's time-out for it begins."""
        if isinstance(item, ControlItem) and not self.audit.dry:
            # The item asks again, and there an error has a report to go to.
            with suppress(Exception):
                self.audit.await_facts(item.control, item.subject)
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Hang the record on the report of the phase that judged."""
        report = yield
        if report.when == "setup":
            attach(report, item.record if isinstance(item, ControlItem) else None, self._fault)
        return report
