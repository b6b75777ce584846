"""Without the servers the live tests are skipped with the way out; where they are demanded, they fail."""

from pathlib import Path

import pytest

from . import installed


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(installed, "_FILES", (tmp_path / "postfix",))


@pytest.mark.usefixtures("nothing_installed")
def test_the_reason_names_the_script_and_what_is_missing(tmp_path: Path) -> None:
    reason = installed.why_not()
    assert reason is not None
    assert "run tests/live/install-servers" in reason
    assert str(tmp_path / "postfix") in reason


def test_a_skip_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(installed.REQUIRED, raising=False)
    with pytest.raises(pytest.skip.Exception, match="because"):
        installed.skip_or_fail("because")


def test_a_failure_where_they_are_demanded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(installed.REQUIRED, "1")
    with pytest.raises(pytest.fail.Exception, match=r"SMTP_AUDIT_REQUIRE_LIVE=1, but: because"):
        installed.skip_or_fail("because")


def test_the_script_is_there_and_can_be_run() -> None:
    script = Path(__file__).with_name("install-servers")
    assert script.stat().st_mode & 0o111
