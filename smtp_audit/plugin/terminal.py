"""What the terminal shows: a line in the header, progress while facts are gathered, and the verdict."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock

import pytest

from smtp_audit.plugin.audit import Audit, Progress
from smtp_audit.plugin.gatekeeper import Gatekeeper
from smtp_audit.report.visible import terminal_line

NAMED = 4
"""Hosts and domains that the header names."""


def _reporter(config: pytest.Config) -> pytest.TerminalReporter | None:
    found = config.pluginmanager.get_plugin("terminalreporter")
    return found if isinstance(found, pytest.TerminalReporter) else None


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


class TerminalProgress(Progress):
    """Shows lines about gathering on a terminal, unless -q is given; in a log only with -v.

    Lines come from the gathering's thread. They are written only while the main thread waits for facts and so cannot
    write itself; others are kept until then.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._lock = Lock()
        self._kept: list[str] = []
        self._waiting = 0
        self._written = False

    def __call__(self, line: str) -> None:
        """Show or keep one line."""
        reporter = self._watched()
        if reporter is None:
            return
        with self._lock:
            self._kept.append(line)
            if self._waiting:
                self._write(reporter)

    @contextmanager
    def shown(self) -> Iterator[None]:
        """The main thread waits in here."""
        reporter = self._watched()
        with self._lock:
            self._waiting += 1
            if reporter is not None:
                self._write(reporter)
        try:
            yield
        finally:
            with self._lock:
                self._waiting -= 1

    def _watched(self) -> pytest.TerminalReporter | None:
        reporter = _reporter(self._config)
        if reporter is None:
            return None
        return reporter if reporter.verbosity >= (0 if reporter.isatty else 1) else None

    def _write(self, reporter: pytest.TerminalReporter) -> None:
        lines, self._kept = self._kept, []
        # A terminal that went away must break neither the gathering nor the run.
        with suppress(OSError, ValueError):
            if lines and not self._written and self._config.pluginmanager.has_plugin("dsession"):
                reporter.write_line("")  # xdist's own progress ends without a line end
            self._written = self._written or bool(lines)
            for line in lines:
                reporter.ensure_newline()
                reporter.write_line(f"smtp_audit: {terminal_line(line)}")


class Terminal:
    """Header and summary."""

    def __init__(self, audit: Audit, keeper: Gatekeeper) -> None:
        self.audit = audit
        self.keeper = keeper

    def pytest_report_header(self) -> list[str]:
        """What is going to be audited."""
        plan = self.audit.plan
        groups = list(dict.fromkeys(subject.group for subject in plan.subjects))
        more = f" and {len(groups) - NAMED} more" if len(groups) > NAMED else ""
        targets = ", ".join(groups[:NAMED]) + more
        facts = f", facts of {plan.recorded.time:%Y-%m-%d %H:%M} UTC" if plan.recorded is not None else ""
        size = f"{_counted(len(plan.pairs), 'verdict')} on {_counted(len(plan.subjects), 'subject')}"
        terms = f"profile {plan.profile.name}, gate at {plan.profile.gate}"
        return [f"smtp_audit: {terminal_line(targets)}: {size}, {terms}{facts}"]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """The verdict."""
        keeper, quiet = self.keeper, terminalreporter.verbosity < 0
        if self.audit.dry:
            if not quiet:
                terminalreporter.write_line("smtp_audit: nothing was audited, nothing was reported")
            return
        terminalreporter.write_sep("=", "smtp_audit", red=keeper.closed, green=not keeper.closed)
        if keeper.trouble or keeper.report is None:
            terminalreporter.write_line(f"The gate is closed: {keeper.trouble or 'there is no report'}", red=True)
            return
        from smtp_audit.report.terminal import quiet_lines, summary_lines

        word = quiet_lines if quiet else summary_lines
        verdict, *rest = word(keeper.report, keeper.folder)
        terminalreporter.write_line(verdict, bold=True, red=keeper.closed, green=not keeper.closed)
        for line in rest:
            terminalreporter.write_line(line)
