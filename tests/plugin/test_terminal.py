"""What the terminal shows."""

from __future__ import annotations

import io

import pytest

from smtp_audit.plugin.terminal import TerminalProgress
from tests.plugin.conftest import Stage


def test_the_verdict_is_shown_also_with_q(stage: Stage) -> None:
    for extra in ((), ("-q",), ("-qq",)):
        text = stage.run(*extra).stdout.str().lower()
        assert "gate" in text
        assert "closed" in text
        assert "report.html" in text


def test_an_open_gate_is_shown(good: Stage) -> None:
    text = good.run().stdout.str().lower()
    assert "open" in text
    assert "closed" not in text.replace("port-closed", "").replace("port is closed", "")


def test_a_list_of_tests_is_not_taken_for_an_audit(stage: Stage) -> None:
    stage.run("--collect-only").stdout.fnmatch_lines(["smtp_audit: nothing was audited, nothing was reported"])
    stage.run("--collect-only", "-q").stdout.no_fnmatch_line("*nothing was audited*")


def test_a_log_gets_no_progress(good: Stage) -> None:
    good.go_live()
    result = good.run()
    result.stdout.no_fnmatch_line("*looking*")


class _Paper(io.StringIO):
    """What a person at a terminal sees."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def paper(pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch) -> _Paper:
    """A terminal in place of this run's."""
    paper = _Paper()
    terminal = pytest.TerminalReporter(pytestconfig, paper)
    monkeypatch.setattr(pytestconfig.pluginmanager, "get_plugin", lambda name: terminal)
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
