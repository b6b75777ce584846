"""What the terminal shows."""

from __future__ import annotations

import io

import pytest

from smtp_audit.plugin.terminal import TerminalProgress
from tests.plugin.conftest import Stage

CLOSED = "gate CLOSED: 2 reasons (profile mini 1, medium and above block)"


def test_the_verdict_is_shown_with_its_reasons(stage: Stage) -> None:
    stage.run("--tb=no").stdout.fnmatch_lines(
        [
            "*= smtp_audit =*",
            CLOSED,
            "*service-greeting [[]high] on mail.example.com:25: could not be determined*",
            "*starttls-offered [[]medium] on mail.example.com:25: not among the capabilities",
            "*reports/report.html",
        ],
        consecutive=False,
    )


@pytest.mark.parametrize("quiet", ["-q", "-qq"])
def test_a_quiet_run_shows_verdict_and_first_reason(stage: Stage, quiet: str) -> None:
    lines = ["*= smtp_audit =*", CLOSED, "*service-greeting*(see *reports/report.html)"]
    stage.run("--tb=no", quiet).stdout.fnmatch_lines(lines, consecutive=True)


def test_an_open_gate_is_shown(good: Stage) -> None:
    verdict = "gate OPEN within scope server (profile mini 1, medium and above block)"
    for extra in ((), ("-q",)):
        good.run(*extra).stdout.fnmatch_lines(["*= smtp_audit =*", verdict], consecutive=True)


def test_a_list_of_tests_is_not_taken_for_an_audit(stage: Stage) -> None:
    stage.run("--collect-only").stdout.fnmatch_lines(["smtp_audit: nothing was audited, nothing was reported"])
    stage.run("--collect-only", "-q").stdout.no_fnmatch_line("*nothing was audited*")


def test_a_log_gets_progress_only_when_it_is_asked_for(good: Stage) -> None:
    good.go_live()
    good.run().stdout.no_fnmatch_line("*looking*")
    good.run("-v").stdout.fnmatch_lines(["smtp_audit: looking", "smtp_audit: all seen"])


class _Paper(io.StringIO):
    """What a person at a terminal sees."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def paper(pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch) -> _Paper:
    """A terminal in place of this run's."""
    paper = _Paper()
    terminal = pytest.TerminalReporter(pytestconfig, paper)
    monkeypatch.setattr(
        pytestconfig.pluginmanager, "get_plugin", lambda name: terminal if name == "terminalreporter" else None
    )
    monkeypatch.setattr(pytestconfig.option, "verbose", 0)
    return paper


def test_lines_appear_only_while_the_main_thread_waits(pytestconfig: pytest.Config, paper: _Paper) -> None:
    progress = TerminalProgress(pytestconfig)
    progress("one \x1b[31m")
    assert paper.getvalue() == ""
    with progress.shown():
        assert paper.getvalue() == "smtp_audit: one \\u{1b}[31m\n"
        progress("two")
        assert paper.getvalue().endswith("smtp_audit: two\n")
    progress("three")
    assert "three" not in paper.getvalue()
    with progress.shown():
        assert paper.getvalue().endswith("smtp_audit: three\n")


def test_a_quiet_terminal_stays_quiet(
    pytestconfig: pytest.Config, paper: _Paper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pytestconfig.option, "verbose", -1)
    progress = TerminalProgress(pytestconfig)
    with progress.shown():
        progress("one")
    assert paper.getvalue() == ""


def test_a_terminal_that_went_away_breaks_nothing(pytestconfig: pytest.Config, paper: _Paper) -> None:
    progress = TerminalProgress(pytestconfig)
    paper.close()
    with progress.shown():
        progress("one")
    with progress.shown():
        progress("two")
