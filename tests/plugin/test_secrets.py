"""A password is nowhere to be seen, whatever is printed, written or sent."""

from __future__ import annotations

import base64

import pytest

from tests.plugin.conftest import Stage

PASSWORD = "correct-horse-battery"
FORMS = (PASSWORD, base64.b64encode(PASSWORD.encode()).decode().rstrip("="))

CRASH = """
from smtp_audit.plugin import setting_up
real = setting_up.{where}
def broken(*args, **more):
    real(*args, **more)
    raise RuntimeError("oh no")
setting_up.{where} = broken
"""


@pytest.fixture
def login(stage: Stage) -> Stage:
    """The stage with a login."""
    stage.monkeypatch.setenv("SMTP_AUDIT_PASSWORD", PASSWORD)
    stage.go_live("--smtp-endpoint", "submission=mail.example.com:587", "--smtp-profile", "mini.toml")
    stage.audit += ("--smtp-user", "alice@example.com")
    return stage


def _check(stage: Stage, result: pytest.RunResult) -> None:
    shown = result.stdout.str() + result.stderr.str()
    shown += "".join(
        p.read_text() for p in stage.path.rglob("*") if p.is_file() and p.suffix in (".xml", ".json", ".html")
    )
    assert "smtp_audit" in shown
    for form in FORMS:
        assert form not in shown


NOISY = ("-vv", "--showlocals", "--setup-show", "--trace-config", "--full-trace", "--junitxml=j.xml", "-s", "--tb=long")


def test_a_noisy_run_shows_none(login: Stage) -> None:
    _check(login, login.run(*NOISY))
    assert login.logged()


@pytest.mark.parametrize("where", ["build_config", "prepare"])
def test_a_crash_with_locals_shows_none(login: Stage, where: str) -> None:
    login.write("broken.py", CRASH.format(where=where))
    login.monkeypatch.setenv("PYTHONPATH", str(login.path))
    login.pytester.syspathinsert()
    login.monkeypatch.setattr(
        f"smtp_audit.plugin.setting_up.{where}",
        getattr(__import__("smtp_audit.plugin.setting_up", fromlist=["x"]), where),
    )
    result = login.run("-p", "broken", *NOISY)
    assert "oh no" in result.stdout.str() + result.stderr.str()
    _check(login, result)


def test_workers_are_not_told(login: Stage) -> None:
    login.write(
        "conftest.py",
        "import os, pathlib\n"
        "def pytest_configure(config):\n"
        "    if hasattr(config, 'workerinput'):\n"
        "        pathlib.Path('worker.json').write_text(repr(config.workerinput))\n",
    )
    result = login.process("-n1", *NOISY[:4])
    assert '"credentials":null' in (login.path / "worker.json").read_text().replace("\\", "")
    _check(login, result)
