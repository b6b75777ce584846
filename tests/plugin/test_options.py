"""Options: what asks for an audit, what is wrong usage, and what a run without an audit costs."""

from __future__ import annotations

import pytest

from smtp_audit.configuration import sources
from smtp_audit.plugin.options import OPTIONS
from tests.plugin.conftest import Stage

HEAVY = (
    "asyncio",
    "pydantic",
    "dns",
    "jinja2",
    "cryptography",
    "aiosmtplib",
    "smtp_audit.pipeline",
    "smtp_audit.control",
)


def test_options_and_ini_keys_are_those_that_the_configuration_knows() -> None:
    assert {option.key for option in OPTIONS} == set(sources.OPTIONS)
    assert {option.key for option in OPTIONS if option.ini} == set(sources.INI_KEYS)


def test_a_run_without_an_audit_imports_nothing_heavy(stage: Stage) -> None:
    stage.write("smtp-audit.toml", '[target]\ndomain = "example.com"\n')
    stage.write("pytest.ini", "[pytest]\nsmtp_config = smtp-audit.toml\nsmtp_profile = enterprise\n")
    stage.write(
        "test_own.py", f"import sys\ndef test_own(): assert {{n for n in {HEAVY!r} if n in sys.modules}} == set()"
    )
    stage.monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    result = stage.pytester.runpytest_subprocess("-p", "smtp_audit.plugin", timeout=60)
    result.assert_outcomes(passed=1)
    assert result.ret == 0
    assert not (stage.path / "reports").exists()


def test_a_run_without_an_audit_registers_no_hooks(stage: Stage) -> None:
    stage.write(
        "test_own.py",
        "def test_own(request):\n"
        "    plugins = request.config.pluginmanager.list_name_plugin()\n"
        "    assert [name for name, plugin in plugins if name.startswith('smtp_audit_')] == []\n",
    )
    stage.audit = ()
    stage.run().assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--smtp-target", ""), "--smtp-target: is empty"),
        (("--smtp-target=",), "--smtp-target: is empty"),
        (("--smtp-partial",), "given without a target"),
        (("--smtp-profile", "enterprise"), "given without a target"),
        (("--smtp-target", "mail.example.com:99999"), "99999"),
        (("--smtp-endpoint", "nx=mail.example.com:25"), "'nx'"),
        (("--smtp-endpoint", "mx=mail.example.com:25", "--smtp-profile", "enterprize"), "did you mean 'enterprise'"),
        (("--smtp-endpoint", "mx=mail.example.com:25", "--smtp-gate", "hihg"), "did you mean 'high'"),
        (("--smtp-snapshot", "nothing.json"), "nothing.json"),
        (("--smtp-snapshot", "mini.toml"), "not a snapshot"),
        (("--smtp-config", "nothing.toml"), "nothing.toml"),
    ],
)
def test_wrong_input_is_one_line_and_nothing_is_probed(stage: Stage, words: tuple[str, ...], message: str) -> None:
    stage.go_live(*words)
    result = stage.run()
    assert result.ret == 4
    errors = [line for line in result.stderr.lines if line]
    assert len(errors) == 1
    assert errors[0].startswith("ERROR: smtp_audit: ")
    assert message in errors[0]
    assert stage.logged() == []
    assert not (stage.path / "reports").exists()


def test_an_ini_file_never_names_a_target(stage: Stage) -> None:
    stage.write("pytest.ini", "[pytest]\nsmtp_target = mail.example.com\n")
    stage.write("test_own.py", "def test_own(): pass")
    stage.go_live("-W", "ignore")
    assert stage.run().ret == 0
    assert stage.logged() == []


def test_a_configuration_of_the_ini_file_is_used_and_starts_nothing(stage: Stage) -> None:
    stage.write("audit/own.toml", '[target]\n[[target.endpoint]]\nrole = "mx"\nhost = "mail.example.com"\nport = 25\n')
    stage.write("pytest.ini", "[pytest]\nsmtp_config = audit/own.toml\nsmtp_profile = mini.toml\nsmtp_report = out\n")
    stage.write("test_own.py", "def test_own(): pass")
    stage.go_live("-W", "ignore")
    assert stage.run().ret == 0
    assert stage.run("--smtp-slow").ret == 4
    assert stage.logged() == []
    stage.run("--smtp-target", "mail.example.com:25").assert_outcomes(passed=1, failed=1, errors=1, skipped=1)
    assert (stage.path / "out/report.json").exists()


def test_options_of_the_ini_file_give_way_to_the_command_line(stage: Stage) -> None:
    stage.write("pytest.ini", "[pytest]\nsmtp_gate = critical\nsmtp_report = out\n")
    stage.run("--smtp-report", "mine", "--collect-only").stdout.fnmatch_lines(["*gate at critical*"])
    stage.run("--smtp-gate", "low", "--collect-only").stdout.fnmatch_lines(["*gate at low*"])


def test_without_the_plugin_its_options_are_wrong_usage(stage: Stage) -> None:
    assert stage.process("-p", "no:smtp_audit").ret == 4
    stage.monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    assert stage.process().ret == 4
    stage.process("-p", "smtp_audit.plugin").assert_outcomes(passed=1, failed=1, errors=1, skipped=1)
