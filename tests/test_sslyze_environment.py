"""Finding and installing sslyze; the one test that really installs it is in the live suite's set-up (`make test`)."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from smtp_audit import sslyze_environment
from smtp_audit.sslyze_environment import REQUIREMENT, ToolError, find_sslyze, install, status, tools_folder

PYTHON = sys.executable


def managed(folder: Path, requirement: str = REQUIREMENT) -> Path:
    """A finished environment, as far as `status` can see; returns its interpreter."""
    home = folder / "sslyze"
    python = home / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    python.parent.mkdir(parents=True)
    python.touch(mode=0o755)
    (home / "smtp-audit.json").write_text(json.dumps({"requirement": requirement, "version": "6.3.1"}))
    return python


def on_path(folder: Path) -> Path:
    folder.mkdir()
    script = folder / "sslyze"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    return script


@pytest.fixture(autouse=True)
def nothing_beside_the_interpreter(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "elsewhere" / "python"))


class TestFind:
    def test_nothing_anywhere(self, tmp_path):
        assert find_sslyze({"SMTP_AUDIT_TOOLS": str(tmp_path), "PATH": str(tmp_path)}) is None

    def test_the_managed_one_comes_before_path_and_is_isolated(self, tmp_path):
        python = managed(tmp_path / "tools")
        script = on_path(tmp_path / "bin")
        path = str(script.parent)
        assert find_sslyze({"SMTP_AUDIT_TOOLS": str(tmp_path / "tools"), "PATH": path}) == [
            str(python),
            "-I",
            "-m",
            "sslyze",
        ]
        assert find_sslyze({"SMTP_AUDIT_TOOLS": str(tmp_path / "none"), "PATH": path}) == [str(script)]

    def test_beside_the_interpreter_of_an_environment_that_is_not_activated(self, tmp_path, monkeypatch):
        script = on_path(tmp_path / "venv")
        monkeypatch.setattr(sys, "executable", str(tmp_path / "venv" / "python"))
        assert find_sslyze({"SMTP_AUDIT_TOOLS": str(tmp_path / "none"), "PATH": ""}) == [str(script)]

    @pytest.mark.parametrize("damage", ["no marker", "torn marker", "other requirement", "no interpreter"])
    def test_an_unfinished_or_outdated_installation_is_none(self, tmp_path, damage):
        python = managed(tmp_path, "sslyze>=5,<6" if damage == "other requirement" else REQUIREMENT)
        marker = tmp_path / "sslyze" / "smtp-audit.json"
        if damage == "no marker":
            marker.unlink()
        if damage == "torn marker":
            marker.write_text('{"requirement": "ssl')
        if damage == "no interpreter":
            python.unlink()
        environment = {"SMTP_AUDIT_TOOLS": str(tmp_path), "PATH": ""}
        assert status(environment).version is None
        assert find_sslyze(environment) is None


class TestFolder:
    def test_the_variable_wins_and_may_be_relative_or_begin_with_a_tilde(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("HOME", str(tmp_path))
        assert tools_folder({"SMTP_AUDIT_TOOLS": "tools"}) == tmp_path / "tools"
        assert tools_folder({"SMTP_AUDIT_TOOLS": "~/tools"}) == Path("~/tools").expanduser()

    @pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="the XDG rule is not this platform's")
    def test_else_it_is_among_the_users_data(self, tmp_path):
        assert tools_folder({"XDG_DATA_HOME": str(tmp_path)}) == tmp_path / "smtp-audit" / "tools"


class TestInstall:
    def test_a_finished_one_is_left_alone(self, tmp_path, monkeypatch):
        managed(tmp_path)
        monkeypatch.setattr(subprocess, "run", lambda *_a, **_k: pytest.fail("a process was started"))
        said: list[str] = []
        assert install(said.append, {"SMTP_AUDIT_TOOLS": str(tmp_path)}).version == "6.3.1"
        assert said == [f"sslyze 6.3.1 is installed already in {tmp_path / 'sslyze'}"]

    def test_without_network_it_says_so_and_leaves_nothing_that_looks_installed(self, tmp_path, monkeypatch):
        monkeypatch.setattr(sys, "executable", PYTHON)
        monkeypatch.setattr(sslyze_environment, "_run", offline)
        environment = {"SMTP_AUDIT_TOOLS": str(tmp_path), "PATH": ""}
        with pytest.raises(ToolError, match=r"^installing sslyze failed: .*No matching distribution"):
            install(lambda _line: None, environment)
        assert status(environment).version is None

    def test_a_folder_that_cannot_be_made_is_one_clear_line(self, tmp_path):
        (tmp_path / "file").touch()
        with pytest.raises(ToolError, match="SMTP_AUDIT_TOOLS names another folder"):
            install(lambda _line: None, {"SMTP_AUDIT_TOOLS": str(tmp_path / "file" / "tools")})

    def test_an_interpreter_that_cannot_be_started_is_one_clear_line(self, tmp_path):
        with pytest.raises(ToolError, match=r"^making the environment failed: "):
            install(lambda _line: None, {"SMTP_AUDIT_TOOLS": str(tmp_path)})


def offline(step, command, environment, _run=sslyze_environment._run):
    """The real steps, with pip told to use no index: what a machine without network gets."""
    if "install" in command:
        command = [*command[:4], "--no-index", *command[4:]]
    return _run(step, command, environment)
