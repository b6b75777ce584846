"""Controls that crash, leave or cheat: never a pass, never an open gate. Facts and everything else are good."""

from __future__ import annotations

import pytest

from tests.plugin.conftest import Stage

CONTROL = """
import os, pytest, sys
from smtp_audit.control import control, passed
from smtp_audit.facts.endpoint import Endpoint
from smtp_audit.facts.service import PortFacts

@control("a-sneaky", title="t", expects="e", subject=Endpoint, needs=PortFacts)
def sneaky(port, rule):
    '''A user's control.'''
    {body}
"""

ERRORS = [
    "1/0",
    "raise SystemExit(0)",
    "pytest.exit('bye', returncode=0)",
    "pytest.skip('sneaky')",
    "pytest.xfail('sneaky')",
    "return True",
    "return sneaky(port, rule)",
]


def test_a_users_control_joins_the_suite(good: Stage) -> None:
    good.write("conftest.py", CONTROL.format(body="return passed('fine')"))
    result = good.run("-v")
    result.assert_outcomes(passed=4, skipped=1)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["smtp-audit::mail.example.com::a-sneaky[[]25] PASSED*"])
    assert good.statuses()["a-sneaky[25]"] == "pass"


@pytest.mark.parametrize("body", ERRORS)
def test_a_crash_is_an_error_and_closes_the_gate(good: Stage, body: str) -> None:
    good.write("conftest.py", CONTROL.format(body=body))
    result = good.run()
    result.assert_outcomes(passed=3, skipped=1, errors=1)
    assert result.ret == 1
    assert "a-sneaky on mail.example.com:25: the control crashed" in good.reasons()


def test_what_cannot_be_caught_is_not_judged(good: Stage) -> None:
    good.write("conftest.py", CONTROL.format(body="raise GeneratorExit"))
    result = good.run("--tb=line")
    result.assert_outcomes(passed=3, skipped=1, errors=1)
    assert result.ret == 1
    assert "1 of 5 not judged: a-sneaky" in good.reasons()


def test_a_keyboard_interrupt_interrupts(good: Stage) -> None:
    good.write("conftest.py", CONTROL.format(body="raise KeyboardInterrupt"))
    assert good.process().ret == 2
    assert "interrupted" in good.reasons()


def test_a_vanished_process_leaves_the_closed_report(good: Stage) -> None:
    good.write("conftest.py", CONTROL.format(body="os._exit(0)"))
    good.process()
    assert good.report()["finished"] is False
    assert "not finished" in good.reasons()


@pytest.mark.parametrize("body", ["os._exit(0)", "raise KeyboardInterrupt", "pytest.exit('bye', returncode=0)"])
def test_in_a_worker_it_is_no_success_either(good: Stage, body: str) -> None:
    good.write("conftest.py", CONTROL.format(body=body))
    assert good.process("-n1").ret != 0
    assert good.reasons() != ""


def test_a_control_that_comes_too_late_closes_the_gate(good: Stage) -> None:
    good.write("own/deeper/conftest.py", CONTROL.format(body="return passed('fine')"))
    good.write("own/deeper/test_own.py", "def test_own(): pass")
    result = good.run("own")
    result.assert_outcomes(passed=4, skipped=1)
    assert result.ret == 1
    assert "registered after the run was planned, so never judged: a-sneaky" in good.reasons()
