"""`smtp-audit tools`: what it says and its exit status; the installing itself is tested with sslyze_environment."""

from pathlib import Path

import pytest

from smtp_audit.cli import main
from smtp_audit.command import tools
from smtp_audit.sslyze_environment import Installation, ToolError


@pytest.mark.parametrize(
    ("version", "command", "status", "words"),
    [
        ("6.3.1", ["/t/python", "-I", "-m", "sslyze"], 0, "/t/python -I -m sslyze"),
        (None, ["/usr/bin/sslyze"], 0, "not installed"),
        (None, None, 1, "smtp-audit tools install"),
    ],
)
def test_status_says_where_sslyze_is(monkeypatch, capsys, version, command, status, words):
    monkeypatch.setattr(tools, "status", lambda: Installation(Path("/t"), version))
    monkeypatch.setattr(tools, "find_sslyze", lambda: command)
    assert main(["tools", "status"]) == status
    assert words in capsys.readouterr().out


def test_a_failed_installation_is_status_1_and_says_what_it_means(monkeypatch, capsys):
    def fail():
        raise ToolError("installing sslyze failed: no network")

    monkeypatch.setattr(tools, "install", fail)
    assert main(["tools", "install"]) == 1
    told = capsys.readouterr()
    assert told.err == "smtp-audit: installing sslyze failed: no network\n"
    assert "stay 'not run'" in told.out
    assert "Traceback" not in told.err
