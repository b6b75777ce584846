"""pytest-xdist: facts are gathered once, in the controller; workers judge; nothing is lost on the way."""

from __future__ import annotations

from tests.plugin import facts
from tests.plugin.conftest import Stage


def test_facts_are_gathered_once(stage: Stage) -> None:
    stage.go_live("--smtp-target", "mail.example.com", "--smtp-profile", "mini.toml")
    result = stage.process("-n2", "--dist", "worksteal", "--junitxml=j.xml")
    result.assert_outcomes(passed=1, failed=1, errors=1, skipped=1)
    assert result.ret == 1
    assert stage.logged() == [
        "look-up",
        "gather mail.example.com:25/greeting,mail.example.com:25/port,mail.example.com:25/starttls",
    ]
    assert 'errors="1" failures="1" skipped="1" tests="4"' in (stage.path / "j.xml").read_text()
    assert stage.statuses() == {
        "port-open[25]": "pass",
        "service-greeting[25]": "indeterminate",
        "starttls-offered[25]": "fail",
        "port-closed[25]": "not_applicable",
    }


def test_the_gate_opens_as_it_does_in_one_process(good: Stage) -> None:
    good.write("conftest.py", "import pytest\n@pytest.fixture\ndef own(): return 1")
    good.write("test_own.py", "def test_own(smtp_snapshot, own): assert smtp_snapshot.complete")
    result = good.process("-n2", "test_own.py")
    result.assert_outcomes(passed=4, skipped=1)
    assert result.ret == 0
    assert good.reasons() == ""


def test_a_partial_run_is_closed(good: Stage) -> None:
    result = good.process("-n1", "smtp-audit::mail.example.com::port-open[25]", "--smtp-partial")
    result.assert_outcomes(passed=1)
    assert result.ret == 0
    assert "not judged" in good.reasons()


def test_a_setup_plan_gathers_nothing(stage: Stage) -> None:
    stage.go_live()
    assert stage.process("-n1", "--setup-plan").ret == 0
    assert stage.logged() == []
    assert not (stage.path / "reports").exists()


def test_advice_waivers_and_marks_survive_the_way(stage: Stage) -> None:
    stage.record(facts.snapshot([facts.endpoint()], offered=False, greets=True))
    result = stage.process("-n1", "--smtp-gate", "high", "-W", "error")
    result.assert_outcomes(passed=3, skipped=1, warnings=1)
    assert result.ret == 0


def test_each_control_on_each_worker_is_one_record(good: Stage) -> None:
    result = good.process("--dist=each", "--tx=2*popen")
    result.assert_outcomes(passed=6, skipped=2)
    assert result.ret == 0
    assert len(good.report()["records"]) == 4


def test_an_interrupt_while_the_controller_gathers_is_in_the_report(stage: Stage) -> None:
    stage.go_live()
    stage.write(
        "leaving.py",
        "import pytest\nfrom tests.plugin.fake_gathering import FakeGathering\n"
        "def leave(self): raise KeyboardInterrupt\nFakeGathering.finish = leave\n",
    )
    stage.monkeypatch.setenv("PYTHONPATH", str(stage.path))
    result = stage.process("-n1", "-p", "leaving")
    assert result.ret == 2
    assert stage.report()["finished"] is True
    assert "interrupted" in stage.reasons()
    assert stage.logged()[-1] == "stop"
