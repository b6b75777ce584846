#!/usr/bin/env python3
"""Measure what smtp_audit has to reach; see README.md beside this file. Exits with 1 when a bound is missed.

Every figure is a ratio, or a difference, of processes that take turns in one run: a busy machine slows both sides.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# The child may touch no network at all: any socket to an address ends it.
PLUGIN = ("-p", "smtp_audit.plugin")

GUARDED = """
import sys
def guard(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname"):
        raise SystemExit(f"the network was touched: {event} {arguments[1:]}")
sys.addaudithook(guard)
import pytest
sys.exit(pytest.console_main())
"""


@dataclass(frozen=True)
class Run:
    """One process: wall time in seconds, peak resident memory in MB, exit status, output."""

    seconds: float
    megabytes: float
    status: int
    output: str


def run(folder: Path, *command: str) -> Run:
    """Run a process to its end."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "SMTP_AUDIT"))}
    # Other plugins of this environment (hypothesis alone takes half a second) are not what is measured.
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    with tempfile.TemporaryFile() as output:
        began = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT)  # noqa: S603
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode(errors="replace")
    # Linux counts in KB, macOS in bytes.
    megabytes = usage.ru_maxrss / (1024 if sys.platform != "darwin" else 1024 * 1024)
    return Run(seconds, megabytes, process.returncode, text)


def pytest_run(folder: Path, *options: str) -> Run:
    """Run pytest; ends the bench when it does not end with 0."""
    done = run(folder, sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options)
    if done.status != 0:
        sys.exit(f"pytest {' '.join(options)} ended with {done.status}:\n{done.output[-3000:]}")
    return done


@contextmanager
def server(embedded: bool) -> Iterator[tuple[str, str]]:
    """A well-kept server on four ports: its software, and a configuration for it."""
    sys.path.insert(0, str(ROOT))
    from tests.live.installed import why_not

    reason = "--embedded" if embedded else why_not()
    if reason is None:
        from tests.live.audited import configuration
        from tests.live.catalogue import catalogue
        from tests.live.standard import hardened

        with hardened(catalogue()) as found:
            places = [
                found.place(role, catalogue().entries[0]) for role in ("mx", "submission", "submissions", "imaps")
            ]
            yield "Postfix and Dovecot", configuration(places, anchors=found.anchors, profile="enterprise")
        return
    print(f"(no Postfix and Dovecot: {reason}; the embedded lab stands in)")
    from smtp_audit.lab import Lab

    with Lab() as lab:
        yield "the embedded lab", lab.good.config_text


def measure_import(folder: Path, repeats: int) -> dict[str, float]:
    """What the plugin adds to a pytest run that does not audit."""
    (folder / "test_nothing.py").write_text("def test_nothing():\n    pass\n")
    with_it, without = [], []
    for _ in range(repeats):
        without.append(pytest_run(folder, "-q", "test_nothing.py").seconds)
        with_it.append(pytest_run(folder, "-q", *PLUGIN, "test_nothing.py").seconds)
    base, more = statistics.median(without), statistics.median(with_it)
    return {
        "pytest without the plugin, s": base,
        "pytest with it, s": more,
        "added, ms": 1000 * statistics.median(b - a for a, b in zip(without, with_it, strict=True)),
        "ratio": more / base,
    }


def measure_audit(folder: Path, repeats: int) -> dict[str, float]:
    """A whole audit against the time that the network took."""
    walls, probing, ratios, peaks = [], [], [], []
    for _ in range(repeats):
        done = pytest_run(folder, "-q", *PLUGIN, "--smtp-config", "smtp-audit.toml")
        snapshot = json.loads((folder / "reports" / "snapshot.json").read_text())
        took = (_time(snapshot["finished"]) - _time(snapshot["started"])).total_seconds()
        walls.append(done.seconds)
        probing.append(took)
        ratios.append(done.seconds / took)
        peaks.append(done.megabytes)
    return {
        "whole process, s": statistics.median(walls),
        "probing, s": statistics.median(probing),
        "ratio": statistics.median(ratios),
        "peak memory, MB": statistics.median(peaks),
        "connections": sum(effort["connections"] for effort in snapshot["efforts"]),
    }


def measure_judging(folder: Path, repeats: int) -> dict[str, float]:
    """A recorded snapshot, judged again by a process that may not touch the network."""
    options = (
        "-q",
        *PLUGIN,
        "-p",
        "no:cacheprovider",
        "--smtp-snapshot",
        "reports/snapshot.json",
        "--smtp-report",
        "again",
    )
    walls = []
    for _ in range(repeats):
        done = run(folder, sys.executable, "-c", GUARDED, *options)
        if done.status != 0:
            sys.exit(f"judging again ended with {done.status}:\n{done.output[-3000:]}")
        walls.append(done.seconds)
    return {"whole process, s": statistics.median(walls)}


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def main() -> int:
    """Measure, print, compare with the bounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7, help="runs of each (default: 7, at least 5)")
    parser.add_argument("--embedded", action="store_true", help="audit the embedded lab, not Postfix and Dovecot")
    arguments = parser.parse_args()
    repeats = max(5, arguments.repeats)
    missed: list[str] = []

    def report(title: str, figures: dict[str, float], bounds: dict[str, float]) -> None:
        print(f"\n{title}")
        for name, value in figures.items():
            bound = bounds.get(name)
            late = bound is not None and value >= bound
            print(f"  {name:32} {value:9.3f}" + (f"   under {bound:g}: {'MISSED' if late else 'yes'}" if bound else ""))
            if late:
                missed.append(f"{title}: {name}")

    with tempfile.TemporaryDirectory(prefix="smtp-audit-bench-") as name:
        folder = Path(name)
        print(f"medians of {repeats} runs, {os.cpu_count()} processors, Python {sys.version.split()[0]}")
        report("The plugin in a run that audits nothing", measure_import(folder, repeats), {"added, ms": 50.0})
        with server(arguments.embedded) as (software, configuration):
            (folder / "smtp-audit.toml").write_text(configuration)
            bounds = {"ratio": 3.0, "peak memory, MB": 150.0}
            report(f"A whole audit of {software}, 4 ports", measure_audit(folder, repeats), bounds)
        report("Judging its snapshot again", measure_judging(folder, repeats), {"whole process, s": 1.0})
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
