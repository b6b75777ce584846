"""A stage for the pytest face: a small profile, facts with one outcome of each kind, and pytest runs on them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import smtp_audit.plugin.setting_up
import smtp_audit.report.files
import smtp_audit.report.terminal  # noqa: F401
from smtp_audit.control import REGISTRY, load_builtin
from smtp_audit.facts.snapshot import Snapshot
from tests.plugin import facts, fake_gathering

# Loaded here once: what a run within this process is the first to import, pytester throws away after it.
load_builtin()

ROOT = Path(__file__).parents[2]
RECORDED: tuple[str, ...] = ("--smtp-snapshot", "facts.json", "--smtp-profile", "mini.toml")
LONE: tuple[str, ...] = ("-p", "no:hypothesispytest", "-p", "no:randomly")
"""Not beside it: hypothesis imports all of itself for the summary of every run, which costs more than the run; and the
tests know the order of the items."""
LIVE: tuple[str, ...] = ("--smtp-endpoint", f"mx={facts.HOST}:25", "--smtp-profile", "mini.toml")


@pytest.fixture(autouse=True)
def _no_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """pytest words its short summary in another way where these are set; the tests are about one of the two."""
    for name in ("CI", "BUILD_NUMBER"):
        monkeypatch.delenv(name, raising=False)


class Stage:
    """A folder with profile and facts, and runs of pytest in it that judge these facts."""

    def __init__(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pytester = pytester
        self.monkeypatch = monkeypatch
        self.path = pytester.path
        self.log = self.path / "fake.log"
        self.audit: tuple[str, ...] = RECORDED
        self.write("mini.toml", facts.PROFILE)
        self.record(facts.mixed())

    def write(self, name: str, text: str) -> Path:
        """Write a file into the folder."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def record(self, snapshot: Snapshot) -> None:
        """Change the facts of the next run."""
        self.write("facts.json", snapshot.dump())

    def go_live(self, *options: str) -> None:
        """From now on the runs gather, from a stand-in for the network, and leave lines in `log`."""
        self.audit = options or LIVE
        self.monkeypatch.setenv("FAKE_LOG", str(self.log))
        self.monkeypatch.setenv("FAKE_FACTS", str(self.path / "facts.json"))
        fake_gathering.install(self.monkeypatch.setattr)

    def logged(self) -> list[str]:
        """What the stand-in for the network was asked, without process ids."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [line.rpartition(" ")[0] for line in lines]

    def run(self, *args: str) -> pytest.RunResult:
        """Run pytest in this process, with the audit's options."""
        return self.pytester.runpytest_inprocess(*LONE, *self.audit, *args)

    def process(self, *args: str) -> pytest.RunResult:
        """Run pytest in a process of its own, with the audit's options."""
        return self.pytester.runpytest_subprocess(*self._words(), *args, timeout=60)

    def begin(self, *args: str) -> subprocess.Popen[bytes]:
        """Begin to run pytest in a process of its own."""
        words = [sys.executable, "-m", "pytest", *self._words(), *args]
        process: subprocess.Popen[bytes] = self.pytester.popen(words, stdin=subprocess.DEVNULL)
        return process

    def _words(self) -> tuple[str, ...]:
        if self.audit is RECORDED:
            return (*LONE, *self.audit)
        self.monkeypatch.setenv("PYTHONPATH", str(ROOT), prepend=os.pathsep)
        self.monkeypatch.setenv("FAKE_INSTALL", "1")
        return (*LONE, "-p", "tests.plugin.fake_gathering", *self.audit)

    def collected(self, *args: str) -> list[str]:
        """The node ids that a run would have."""
        lines = self.run("--collect-only", "-q", *args).outlines
        return [line for line in lines if "::" in line]

    def report(self) -> dict[str, Any]:
        """The last report."""
        found: dict[str, Any] = json.loads((self.path / "reports/report.json").read_text())
        return found

    def reasons(self) -> str:
        """Why the gate of the last report is closed; empty when it is open."""
        gate = self.report()["gate"]
        assert gate["open"] is not bool(gate["reasons"])
        return "\n".join(gate["reasons"])

    def statuses(self) -> dict[str, str]:
        """The status of each control of the last report, by control and label."""
        return {f"{r['control']}[{r['label']}]": r["status"] for r in self.report()["records"]}


@pytest.fixture
def stage(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """The stage; controls that a run registers are forgotten after it."""
    known = set(REGISTRY.ids())
    yield Stage(pytester, monkeypatch)
    for control in set(REGISTRY.ids()) - known:
        REGISTRY.discard(control)


@pytest.fixture
def good(stage: Stage) -> Stage:
    """The stage with facts that open the gate."""
    stage.record(facts.good())
    return stage
