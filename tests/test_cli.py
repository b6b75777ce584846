"""The command as a process, and what it answers to wrong input."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from smtp_audit.cli import main
from smtp_audit.version import __version__


def run(*words: str, **more) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "smtp_audit.cli", *words], capture_output=True, text=True, **more)


def test_the_installed_command_is_this_one():
    script = Path(sys.executable).parent / "smtp-audit"
    done = subprocess.run([script, "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"smtp-audit {__version__}\n")


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["dmeo"],
        ["list", "extra"],
        ["list", "--profil", "enterprise"],
        ["explain"],
        ["report"],
        ["tools"],
        ["tools", "remove"],
        ["--frobnicate"],
    ],
)
def test_wrong_words_are_a_usage_error_with_pytests_number(words):
    done = run(*words)
    assert done.returncode == 4
    assert done.stdout == ""
    assert done.stderr.startswith("usage: smtp-audit")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["report", "missing.json"], "missing.json"),
        (["report", "hostile.json"], "hostile.json"),
        (["report", "."], "cannot be read"),
        (["init", "no/such/folder/file.toml"], "no/such/folder/file.toml"),
        (["init", "."], "is a folder"),
        (["explain", "no-such-control"], "no-such-control"),
        (["list", "--profile", "hostile.json"], "hostile.json"),
    ],
)
def test_bad_input_is_one_line_and_no_traceback(words, named, tmp_path):
    (tmp_path / "hostile.json").write_bytes(b'{"format": "smtp-audit-snapshot", "\x1b[2J": \xff')
    done = run(*words, cwd=tmp_path)
    assert done.returncode == 4
    assert done.stdout == ""
    assert done.stderr.startswith("smtp-audit: ")
    assert done.stderr.count("\n") == 1
    assert named in done.stderr
    assert "\x1b" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["hostile.json"]


def test_an_interrupt_is_status_2(monkeypatch, capsys):
    def interrupted(_arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("smtp_audit.command.browse.run_list", interrupted)
    assert main(["list"]) == 2
    assert capsys.readouterr().err == "smtp-audit: interrupted\n"


@pytest.mark.skipif(os.name != "posix", reason="pipes of a shell")
def test_a_reader_that_goes_away_causes_no_traceback():
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "smtp_audit.cli", "list"], stdout=write, stderr=subprocess.PIPE, text=True
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (1, "")


def test_every_command_explains_itself():
    for words in (["demo"], ["list"], ["explain"], ["init"], ["report"], ["tools"], ["tools", "install"]):
        done = run(*words, "--help")
        assert done.returncode == 0
        assert done.stdout.startswith(f"usage: smtp-audit {' '.join(words)}")
