"""The gate: what is not proven keeps it closed, and the exit status says so."""

from __future__ import annotations

import json
import signal
import time
from datetime import timedelta

import pytest

from smtp_audit.facts.endpoint import Role
from tests.plugin import facts
from tests.plugin.conftest import Stage

SELECTIONS = [
    ("-k", "port"),
    ("-m", "smtp_severity(level='high')"),
    ("--deselect", "smtp-audit::mail.example.com::starttls-offered"),
    ("smtp-audit::mail.example.com::port-open[25]",),
]


@pytest.mark.parametrize("selection", SELECTIONS)
def test_a_partial_run_is_closed_and_partial_excuses_the_exit_status_only(
    good: Stage, selection: tuple[str, ...]
) -> None:
    assert good.run(*selection).ret == 1
    assert "not judged" in good.reasons()
    assert good.run(*selection, "--smtp-partial").ret == 0
    assert "not judged" in good.reasons()
    assert good.report()["complete"] is False


def test_partial_excuses_nothing_else(stage: Stage) -> None:
    for selection in ("starttls-offered", "service-greeting", "nothing_of_this_name", "port-closed"):
        assert stage.run("-k", selection, "--smtp-partial").ret == 1, selection
    assert stage.run("--smtp-partial").ret == 1
    stage.record(facts.snapshot([facts.endpoint()], offered=True, greets=True, age=timedelta(hours=30)))
    assert stage.run("-k", "port-open", "--smtp-partial").ret == 1
    assert "30.0 hours old" in stage.reasons()


def test_partial_judges_the_hosts_that_were_selected(good: Stage) -> None:
    good.record(facts.good(facts.endpoint(), facts.endpoint(host="b.example")))
    assert good.run("-k", "b.example", "--smtp-partial").ret == 0
    assert "on mail.example.com:25" in good.reasons()


def test_no_control_selected_is_never_success(good: Stage) -> None:
    good.write("test_own.py", "def test_own(): pass")
    assert good.run("-k", "test_own", ".").ret == 1
    assert "no facts were gathered" in good.reasons() or "not judged" in good.reasons()


def test_stopping_at_the_first_failure_leaves_the_rest_not_run(stage: Stage) -> None:
    for option in ("-x", "--maxfail=1"):
        assert stage.run(option).ret == 1
        assert stage.statuses() == {
            "port-open[25]": "pass",
            "service-greeting[25]": "indeterminate",
            "starttls-offered[25]": "not_run",
            "port-closed[25]": "not_run",
        }


def test_last_failed_keeps_our_failures_and_stays_closed(stage: Stage) -> None:
    own = stage.write("test_own.py", "def test_own(): assert 0")
    stage.run(".")
    own.write_text("def test_own(): pass")
    result = stage.run(".", "--lf")
    result.assert_outcomes(passed=1, failed=1, errors=1, deselected=2)
    assert result.ret == 1
    stage.record(facts.good())
    result = stage.run(".", "--lf")
    result.assert_outcomes(passed=2, deselected=3)
    assert result.ret == 1
    assert "not judged" in stage.reasons()


def test_stepwise_stays_closed_until_all_was_judged_in_one_run(stage: Stage) -> None:
    assert stage.run("--sw").ret == 2
    stage.record(facts.good())
    assert stage.run("--sw").ret == 1
    assert "not judged" in stage.reasons()
    assert stage.run("--sw").ret == 0


def test_the_users_failing_test_fails_the_run_and_not_the_gate(good: Stage) -> None:
    good.write("test_own.py", "def test_own(): assert 0")
    assert good.run(".").ret == 1
    assert good.reasons() == ""


def test_tests_that_cannot_be_collected_close_the_gate(good: Stage) -> None:
    good.write("test_own.py", "import nothing_of_this_name")
    assert good.run(".").ret == 2
    assert "interrupted" in good.reasons()
    assert good.report()["finished"] is True
    assert good.run(".", "--continue-on-collection-errors").ret == 1
    assert good.reasons() == ""


def test_a_missing_path_closes_the_gate(good: Stage) -> None:
    assert good.run().ret == 0
    assert good.run("nothing_of_this_name.py").ret == 4
    assert "exit status 4" in good.reasons()


def test_old_facts_do_not_open_the_gate(good: Stage) -> None:
    good.record(facts.snapshot([facts.endpoint()], offered=True, greets=True, age=timedelta(hours=25)))
    result = good.run()
    result.assert_outcomes(passed=3, skipped=1)
    assert result.ret == 1


LENIENT = {
    "resets the exit status": "def pytest_sessionfinish(session):\n    session.exitstatus = 0",
    "resets it last": "@pytest.hookimpl(trylast=True)\ndef pytest_sessionfinish(session):\n    session.exitstatus = 0",
    "resets it around": "@pytest.hookimpl(wrapper=True, tryfirst=True)\ndef pytest_sessionfinish(session):\n"
    "    yield\n    session.exitstatus = 0",
    "leaves with success": "def pytest_sessionfinish():\n    pytest.exit('bye', returncode=0)",
    "leaves at once": "def pytest_sessionfinish():\n    raise SystemExit(0)",
    "leaves in the end": "def pytest_unconfigure():\n    raise SystemExit(0)",
    "resets it in the end": "def pytest_configure(config):\n    config.keep = {}\n"
    "def pytest_sessionstart(session):\n    session.config.keep['s'] = session\n"
    "def pytest_unconfigure(config):\n    config.keep['s'].exitstatus = 0",
    "runs no test": "def pytest_runtestloop():\n    return True",
    "runs no protocol": "def pytest_runtest_protocol():\n    return True",
    "collects nothing": "def pytest_collection(session):\n    session.items = []\n    return True",
    "clears what was collected": "@pytest.hookimpl(wrapper=True, trylast=True)\n"
    "def pytest_make_collect_report():\n    report = yield\n    report.result = []\n    return report",
    "drops our items": "def pytest_collection_modifyitems(items):\n    items[:] = []",
    "loves every report": "@pytest.hookimpl(wrapper=True, tryfirst=True)\ndef pytest_runtest_makereport():\n"
    "    report = yield\n    report.outcome = 'passed'\n    report.longrepr = None\n    return report",
    "skips in setup": "@pytest.hookimpl(tryfirst=True)\ndef pytest_runtest_setup():\n    pytest.skip('not today')",
    "leaves in the loop": "def pytest_runtest_teardown():\n    pytest.exit('bye', returncode=0)",
    "answers for pytest": "def pytest_cmdline_main():\n    return 0",
}


@pytest.mark.parametrize("body", [pytest.param(body, id=name) for name, body in LENIENT.items()])
def test_a_lenient_conftest_does_not_open_the_gate(stage: Stage, body: str) -> None:
    stage.write("conftest.py", f"import pytest\n{body}\n")
    run = stage.process if "SystemExit" in body else stage.run
    assert run().ret not in (0, 5)
    if "cmdline" not in body:
        assert stage.reasons() != ""


def test_a_killed_run_leaves_the_closed_report(good: Stage) -> None:
    assert good.run().ret == 0
    assert good.reasons() == ""
    good.write("test_own.py", "import os\ndef test_own(): os._exit(0)")
    result = good.process("test_own.py")
    assert result.ret == 0  # nothing can be done about that; the report is what a pipeline has to read
    assert good.report()["finished"] is False
    assert "not finished" in good.reasons()
    assert "not finished" in (good.path / "reports/report.html").read_text()


@pytest.mark.parametrize("leave", ["raise KeyboardInterrupt", "pytest.exit('bye', returncode=0)", "pytest.exit('bye')"])
def test_an_interrupted_run_is_never_success(good: Stage, leave: str) -> None:
    good.write("test_own.py", f"import pytest\ndef test_own(): {leave}")
    result = good.process("test_own.py")
    assert result.ret == 2
    assert "interrupted" in good.reasons()
    assert good.report()["finished"] is True


@pytest.mark.parametrize(
    ("number", "status", "reason"), [(signal.SIGINT, 2, "interrupted"), (signal.SIGTERM, -15, "not finished")]
)
def test_a_signal_while_gathering_leaves_a_closed_report(stage: Stage, number: int, status: int, reason: str) -> None:
    stage.go_live()
    stage.monkeypatch.setenv("FAKE_HANG", "1")
    process = stage.begin()
    while not stage.logged():
        assert process.poll() is None
        time.sleep(0.05)
    time.sleep(0.2)
    process.send_signal(number)
    assert process.wait(30) == status
    assert reason in stage.reasons()
    if number == signal.SIGINT:
        assert json.loads((stage.path / "reports/snapshot.json").read_text())["complete"] is False


def test_an_interrupt_keeps_the_facts_that_there_are(stage: Stage) -> None:
    stage.go_live()
    stage.monkeypatch.setenv("FAKE_HANG", "1")
    stage.write("test_own.py", "import pytest\ndef test_own(): pytest.exit('enough')")
    assert stage.run("test_own.py").ret == 2
    assert stage.logged()[-1] == "stop"
    assert json.loads((stage.path / "reports/snapshot.json").read_text())["complete"] is False
    assert "gathering did not run to its end" in stage.reasons()


def test_only_what_is_selected_is_gathered(good: Stage) -> None:
    good.go_live()
    assert good.run("-k", "port-open", "--smtp-partial").ret == 0
    assert good.logged() == ["gather mail.example.com:25/port"]


def test_judging_begins_as_facts_arrive(good: Stage) -> None:
    good.go_live()
    good.write(
        "conftest.py",
        "import pathlib\n"
        "def pytest_runtest_logreport(report):\n"
        "    if report.when == 'call' and 'port-open' in report.nodeid:\n"
        "        pathlib.Path('judged').write_text('')\n",
    )
    good.monkeypatch.setenv("FAKE_HELD", "starttls")
    good.monkeypatch.setenv("FAKE_UNTIL", str(good.path / "judged"))
    result = good.run("-p", "no:randomly")
    result.assert_outcomes(passed=3, skipped=1)
    assert result.ret == 0


@pytest.mark.parametrize("method", ["signal", "thread"])
def test_a_time_limit_for_tests_is_not_one_for_gathering(good: Stage, method: str) -> None:
    good.go_live()
    good.write(
        "conftest.py",
        "import pathlib, threading\n"
        "def pytest_runtestloop():\n"
        "    threading.Timer(1.5, pathlib.Path('late').touch).start()\n",
    )
    good.monkeypatch.setenv("FAKE_HELD", "starttls")
    good.monkeypatch.setenv("FAKE_UNTIL", str(good.path / "late"))
    assert good.process("--timeout=1", f"--timeout-method={method}").ret == 0


def test_a_whole_run_gathers_once_and_keeps_the_facts(good: Stage) -> None:
    good.go_live()
    assert good.run().ret == 0
    assert good.logged() == [
        "gather mail.example.com:25/greeting,mail.example.com:25/port,mail.example.com:25/starttls"
    ]
    assert (good.path / "reports/snapshot.json").exists()
    good.audit = ("--smtp-snapshot", "reports/snapshot.json", "--smtp-profile", "mini.toml")
    first = good.statuses()
    assert good.run().ret == 0
    assert good.statuses() == first


def test_two_hosts_and_two_ports_are_all_judged(good: Stage) -> None:
    good.record(facts.good(facts.endpoint(), facts.endpoint(Role.SUBMISSION), facts.endpoint(host="b.example")))
    good.run().assert_outcomes(passed=9, skipped=3)
    assert len(good.report()["records"]) == 12


def test_reasons_come_in_the_profiles_order_whatever_ran_first(stage: Stage) -> None:
    stage.run()
    usual = stage.reasons()
    stage.write("conftest.py", "def pytest_collection_modifyitems(items):\n    items.reverse()")
    stage.run("-v").stdout.fnmatch_lines(["*starttls-offered*", "*service-greeting*"])
    assert stage.reasons() == usual
    assert usual.index("service-greeting") < usual.index("starttls-offered")


def test_a_report_that_cannot_be_begun_is_wrong_usage(good: Stage) -> None:
    good.go_live()
    result = good.run("--smtp-report", "facts.json/deeper")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["ERROR: smtp_audit: *facts.json*nothing was probed"])
    assert good.logged() == []


def test_a_report_that_cannot_be_finished_is_no_success(good: Stage) -> None:
    good.write(
        "test_own.py",
        "import shutil, pathlib\n"
        "def test_own():\n    shutil.rmtree('reports')\n    pathlib.Path('reports').write_text('')\n",
    )
    for extra in ((), ("--smtp-partial",)):
        (good.path / "reports").unlink(missing_ok=True)
        result = good.run("test_own.py", *extra)
        result.assert_outcomes(passed=4, skipped=1)
        assert result.ret == 1
        result.stdout.fnmatch_lines(["The gate is closed: no report could be made:*"])


def test_a_gathering_that_breaks_is_no_success(good: Stage) -> None:
    good.go_live()

    def broken(self: object, *args: object) -> None:
        raise RuntimeError("no thread")

    good.monkeypatch.setattr("tests.plugin.fake_gathering.FakeGathering.wait", broken)
    good.monkeypatch.setattr("tests.plugin.fake_gathering.FakeGathering.finish", broken)
    good.monkeypatch.setattr("tests.plugin.fake_gathering.FakeGathering.stop", broken)
    result = good.run()
    result.assert_outcomes(errors=4)
    assert result.ret == 1
    assert "gathering failed: RuntimeError: no thread" in good.reasons()


def test_a_crash_of_pytest_is_in_the_report(good: Stage) -> None:
    good.write("conftest.py", "def pytest_runtest_logreport():\n    raise RuntimeError('oh no')")
    assert good.run().ret == 3
    assert "pytest crashed" in good.reasons()
    assert "exit status 3" in good.reasons()
