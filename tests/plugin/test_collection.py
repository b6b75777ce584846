"""Which items a run has: stable node ids, and nothing of the user's can hide them."""

from __future__ import annotations

import os

import pytest

from smtp_audit.facts.endpoint import Role
from tests.plugin import facts
from tests.plugin.conftest import Stage

WHOLE = {"passed": 1, "failed": 1, "errors": 1, "skipped": 1}
IDS = [f"smtp-audit::mail.example.com::{control}[[]25]" for control in facts.CONTROLS]


def test_node_ids_are_stable_and_collecting_runs_nothing(stage: Stage) -> None:
    stage.go_live()
    for extra in ((), ("-n2",)):
        result = stage.run("--collect-only", "-q", *extra)
        assert result.ret == 0
        result.stdout.fnmatch_lines(IDS)
    assert stage.logged() == []
    assert not (stage.path / "reports").exists()


def test_a_setup_plan_runs_nothing(stage: Stage) -> None:
    stage.go_live()
    assert stage.run("--setup-plan").ret == 0
    assert stage.logged() == []
    assert not (stage.path / "reports").exists()


@pytest.mark.parametrize("option", ["--fixtures", "--fixtures-per-test", "--markers", "--cache-show", "--help"])
def test_what_only_informs_does_not_even_plan(stage: Stage, option: str) -> None:
    stage.go_live("--smtp-target", "mail.example.com")
    result = stage.run(option)
    assert result.ret == 0
    assert stage.logged() == []
    if option in ("--fixtures", "--markers", "--help"):
        assert "smtp_" in result.stdout.str()


def test_a_bare_name_is_looked_up_once(stage: Stage) -> None:
    stage.go_live("--smtp-target", "mail.example.com", "--smtp-profile", "mini.toml")
    assert stage.run("--collect-only").ret == 0
    assert stage.logged() == ["look-up"]


def test_addresses_of_ipv6_make_usable_node_ids(stage: Stage) -> None:
    stage.record(facts.mixed(facts.endpoint(host="2001:db8::25")))
    stage.run().assert_outcomes(**WHOLE)
    name = "smtp-audit::2001_db8__25::port-open[25]"
    result = stage.run(name, "--smtp-partial", "-v")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([name.replace("[", "[[]") + " PASSED*"])


def test_hostile_host_names_make_harmless_node_ids(stage: Stage) -> None:
    stage.record(facts.mixed(facts.endpoint(host="a::b[1]/../\x1b[31m.example")))
    result = stage.run("-v")
    result.assert_outcomes(**WHOLE)
    result.stdout.fnmatch_lines(["smtp-audit::a__b_1__.._*.example::port-open[[]25] PASSED*"])


def test_without_paths_the_current_folder_is_not_walked(stage: Stage) -> None:
    stage.write("test_broken.py", "import nothing_of_this_name")
    stage.run().assert_outcomes(**WHOLE)


@pytest.mark.parametrize("how", ["argument", "testpaths"])
def test_the_users_tests_run_beside(stage: Stage, how: str) -> None:
    stage.write("own/test_own.py", "def test_own(): pass")
    if how == "testpaths":
        stage.write("pytest.ini", "[pytest]\ntestpaths = own\n")
    stage.run(*(["own"] if how == "argument" else [])).assert_outcomes(**WHOLE | {"passed": 2})


FOREIGN_INI = [
    "python_files = check_*.py",
    "python_classes = Nothing",
    "python_functions = check_*",
    "norecursedirs = *",
    "collect_imported_tests = false",
    "usefixtures = nothing_of_this_name",
    "xfail_strict = true",
    "filterwarnings = error",
    "addopts = --strict-markers --strict-config -p no:cacheprovider",
    "addopts = --import-mode=importlib --doctest-modules",
    "addopts = -s --setup-show --durations=3 -vv --showlocals",
    "addopts = --tb=no -q --no-header --no-summary",
    "addopts = -p no:terminal",
    "addopts = --ff --nf",
    "addopts = -p no:junitxml -p no:doctest -p no:legacypath -p no:faulthandler -p no:setuponly -p no:setupplan",
    "addopts = --ignore-glob=*",
    "addopts = --setup-only",
    "addopts = --timeout=30 --timeout-method=thread",
    "addopts = --runxfail -p no:skipping",
]


@pytest.mark.parametrize("line", FOREIGN_INI)
def test_ini_settings_of_others_hide_nothing(stage: Stage, line: str) -> None:
    stage.write("pytest.ini", f"[pytest]\n{line}\n")
    stage.write("check_own.py", "def check_own(): pass")
    assert stage.run(".").ret == 1
    statuses = {"port-open": "pass", "service-greeting": "indeterminate"}
    statuses |= {"starttls-offered": "fail", "port-closed": "not_applicable"}
    assert stage.statuses() == {f"{control}[25]": status for control, status in statuses.items()}


@pytest.mark.parametrize("line", FOREIGN_INI)
def test_ini_settings_of_others_keep_a_good_gate_open(good: Stage, line: str) -> None:
    good.write("pytest.ini", f"[pytest]\n{line}\n")
    assert good.run().ret == 0
    assert good.reasons() == ""


@pytest.mark.parametrize(
    "line",
    [
        "addopts = -k nothing_of_this_name",
        "addopts = -m 'not smtp_audit'",
        "addopts = --deselect smtp-audit",
        "addopts = smtp-audit::mail.example.com::port-open",
        "addopts = -k port",
    ],
)
def test_ini_settings_that_leave_controls_out_close_the_gate(good: Stage, line: str) -> None:
    good.write("pytest.ini", f"[pytest]\n{line}\n")
    assert good.run().ret == 1
    assert "not judged" in good.reasons()


HIDING = {
    "ignores all": 'collect_ignore_glob = ["*"]',
    "breaks every test": "@pytest.fixture(autouse=True)\ndef boom():\n    raise RuntimeError",
    "ignores paths": "def pytest_ignore_collect():\n    return True",
    "knows no folder": "@pytest.hookimpl(wrapper=True)\ndef pytest_collect_directory():\n    yield\n    return None",
}


@pytest.mark.parametrize("body", [pytest.param(body, id=name) for name, body in HIDING.items()])
def test_a_conftest_does_not_hide_the_audit_by_accident(stage: Stage, body: str) -> None:
    stage.write("conftest.py", f"import pytest\n{body}\n")
    assert stage.run(".").ret == 1
    assert "starttls-offered on mail.example.com:25 [medium]" in stage.reasons()


def test_a_node_id_selects_an_item_a_control_a_host_or_all(stage: Stage) -> None:
    stage.record(facts.mixed(facts.endpoint(), facts.endpoint(Role.SUBMISSION), facts.endpoint(host="b.example")))
    stage.write("test_own.py", "def test_own(): pass")
    for words, count in {
        ("smtp-audit::mail.example.com::port-open[25]",): 1,
        ("smtp-audit::mail.example.com::port-open",): 2,
        ("smtp-audit::b.example",): 4,
        ("smtp-audit",): 12,
        ("smtp-audit::b.example::port-open", "smtp-audit::mail.example.com::port-open[25]"): 2,
        ("smtp-audit::b.example::port-open", "test_own.py"): 2,
        ("./smtp-audit::b.example::port-open[25]",): 1,
    }.items():
        assert len(stage.collected(*words)) == count, words


def test_a_node_id_that_names_nothing_is_wrong_usage(stage: Stage) -> None:
    result = stage.run("smtp-audit::mail.example.com::port-opne[25]")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["ERROR: not found: *port-opne* (did you mean *port-open*"])
    assert not (stage.path / "reports").exists()


def test_a_folder_of_the_suites_name_stays_the_users(stage: Stage) -> None:
    stage.write("smtp-audit/test_own.py", "def test_own(): pass")
    stage.run("smtp-audit").assert_outcomes(**WHOLE | {"passed": 2})
    stage.run("smtp-audit::mail.example.com::port-open[25]").assert_outcomes(passed=1)


def test_a_subfolder_of_the_root_is_as_good(stage: Stage) -> None:
    stage.write("pytest.ini", "[pytest]\n")
    folder = stage.path / "sub"
    folder.mkdir()
    stage.monkeypatch.chdir(folder)
    stage.audit = ("--smtp-snapshot", "../facts.json", "--smtp-profile", "../mini.toml")
    stage.run().assert_outcomes(**WHOLE)
    stage.run("../smtp-audit::mail.example.com::port-open[25]").assert_outcomes(passed=1)
    assert os.listdir(folder) == ["reports"]


def test_a_root_elsewhere_is_as_good(stage: Stage) -> None:
    elsewhere = stage.path / "elsewhere"
    elsewhere.mkdir()
    result = stage.run(f"--rootdir={elsewhere}", "-v")
    result.assert_outcomes(**WHOLE)
    result.stdout.fnmatch_lines(["*smtp-audit::mail.example.com::port-open[[]25] PASSED*"])


def test_the_header_says_what_is_audited(stage: Stage) -> None:
    stage.run().stdout.fnmatch_lines(
        ["smtp_audit: mail.example.com: 4 verdicts on 1 subject, profile mini, gate at medium, facts of*"]
    )
