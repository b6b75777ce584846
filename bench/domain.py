#!/usr/bin/env python3
"""Measure an audit of what a domain publishes beside the `checkdmarc` command; see README.md.

Exits with 1 when a bound is missed. All of it happens in a network of its own, in which every question takes the same
time, whoever asks and in whatever way: the lab's resolver stands behind the only address in resolv.conf, and the
domain's web server is where its DNS says.
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.live.dns.lab import running_dns_lab  # noqa: E402
from tests.live.dns.zones import Case, cases  # noqa: E402

DOMAINS = ("sound", "sound-large")

LINTER = ROOT / "build" / "checkdmarc"
INSIDE = "SMTP_AUDIT_BENCH_INSIDE"

DELAY_MS = 25
LONGEST_SECONDS = 1.0
TIMES_FASTER = 10.0


@dataclass(frozen=True)
class Run:
    """One process: wall time in seconds, and what it wrote."""

    seconds: float
    output: str


def run(command: list[str], environment: dict[str, str]) -> Run:
    """Run a process to its end; raises RuntimeError when it fails."""
    began = time.perf_counter()
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)  # noqa: S603
    seconds = time.perf_counter() - began
    if ended.returncode != 0:
        raise RuntimeError(f"{command[0]}: {ended.stderr[-2000:]}")
    return Run(seconds, ended.stdout)


def install_linter() -> None:
    """checkdmarc in an environment of its own."""
    if not (LINTER / "bin" / "checkdmarc").exists():
        subprocess.run([sys.executable, "-m", "venv", str(LINTER)], check=True)  # noqa: S603
        pip = [str(LINTER / "bin" / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        subprocess.run([*pip, "checkdmarc>=6,<7"], check=True)  # noqa: S603


def go_inside() -> int:
    """This program again, in a network and with mounts of its own; returns its exit status."""
    command = ["unshare", "--net", "--mount", sys.executable, __file__, *sys.argv[1:]]
    return subprocess.run(command, env={**os.environ, INSIDE: "1"}, check=False).returncode  # noqa: S603


def furnish(folder: Path) -> None:
    """The loopback interface has the addresses of the lab's domains, and resolv.conf the late resolver."""
    resolv = folder / "resolv.conf"
    resolv.write_text("nameserver 127.0.0.1\n")
    for command in (
        ["mount", "--make-rprivate", "/"],
        ["mount", "--bind", str(resolv), "/etc/resolv.conf"],
        ["ip", "link", "set", "lo", "up"],
        ["ip", "address", "add", "192.0.2.0/24", "dev", "lo"],
    ):
        subprocess.run(command, check=True)  # noqa: S603


class LateNames:
    """The resolver on port 53, with late answers."""

    def __init__(self, to: tuple[str, int], milliseconds: float) -> None:
        program = [sys.executable, str(ROOT / "bench" / "late_names.py"), "127.0.0.1", "53", to[0], str(to[1])]
        self._relay = subprocess.Popen(  # noqa: S603
            [*program, str(milliseconds)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self._read()

    def _read(self) -> str:
        return self._relay.stdout.readline() if self._relay.stdout else ""

    def questions(self) -> int:
        """How many it has been asked so far."""
        if self._relay.stdin:
            self._relay.stdin.write("\n")
        return int(self._read())

    def stop(self) -> None:
        """End it."""
        self._relay.terminate()
        self._relay.wait(timeout=10)


@contextmanager
def late_names(to: tuple[str, int], milliseconds: float) -> Iterator[LateNames]:
    """The same, while it is needed."""
    relay = LateNames(to, milliseconds)
    try:
        yield relay
    finally:
        relay.stop()


@contextmanager
def web_server(program: list[str], folder: Path) -> Iterator[None]:
    """The lab's policy server once more, on port 443 of every address."""
    sites = json.loads(Path(program[1]).read_text())
    configuration = folder / "sites.json"
    configuration.write_text(json.dumps({**sites, "address": "0.0.0.0", "port": 443}))  # noqa: S104
    server = subprocess.Popen([sys.executable, program[0], str(configuration)])  # noqa: S603
    try:
        time.sleep(0.5)
        yield
    finally:
        server.terminate()
        server.wait(timeout=10)


@dataclass(frozen=True)
class Figures:
    """What was measured on one domain: medians in seconds, and the questions of one run of either side."""

    domain: str
    process: float
    audit: float
    linter: float
    asked: int
    asked_by_linter: int


class Bench:
    """The lab with late answers, and how the two sides are run in it."""

    def __init__(self, stack: ExitStack, cases: list[Case]) -> None:
        self._folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        furnish(self._folder)
        self._lab = stack.enter_context(running_dns_lab(cases))
        stack.enter_context(web_server(self._lab.policies.program, self._folder))
        self._relay = stack.enter_context(late_names(self._lab.resolver_place, DELAY_MS))
        anchors = str(self._lab.authority.anchors)
        self._environment = {**os.environ, "REQUESTS_CA_BUNDLE": anchors, "SSL_CERT_FILE": anchors}

    def measure(self, case: Case, repeats: int) -> Figures:
        """Both sides in turns, after one run of each for the caches of the resolver and of the file system."""
        before = self._relay.questions()
        self._ours(case)
        between = self._relay.questions()
        other = self._theirs(case)
        asked = between - before, self._relay.questions() - between
        if json.loads(other.output)["mta_sts"]["valid"] is not True:
            raise RuntimeError("checkdmarc did not get the policy, so that it did less than it would")
        pairs = [(self._ours(case), self._theirs(case)) for _ in range(repeats)]
        return Figures(
            case.domain,
            process=statistics.median(ours.seconds for ours, _ in pairs),
            audit=statistics.median(json.loads(ours.output)["seconds"] for ours, _ in pairs),
            linter=statistics.median(theirs.seconds for _, theirs in pairs),
            asked=asked[0],
            asked_by_linter=asked[1],
        )

    def _ours(self, case: Case) -> Run:
        config = self._lab.config(case, resolver=("127.0.0.1", 53))
        policies = config.mta_sts.model_copy(update={"address": None, "port": 443})
        written = self._folder / "config.json"
        written.write_text(config.model_copy(update={"mta_sts": policies}).model_dump_json())
        program = [sys.executable, str(ROOT / "bench" / "own_domain_facts.py"), str(written)]
        return run(program, self._environment)

    def _theirs(self, case: Case) -> Run:
        program = [str(LINTER / "bin" / "checkdmarc"), "-n", "127.0.0.1", "--", case.domain]
        return run(program, self._environment)


def tell(figures: Figures) -> bool:
    """Print what was measured on a domain; returns whether all bounds are met."""
    ratio = figures.linter / figures.audit
    met = figures.process < LONGEST_SECONDS, ratio >= TIMES_FASTER
    print(f"{figures.domain}, {DELAY_MS} ms an answer")
    print(f"  the whole process            {figures.process:6.2f} s  under {LONGEST_SECONDS:g} s  {_word(met[0])}")
    print(f"  its facts and judgements     {figures.audit:6.2f} s  {figures.asked} questions")
    print(f"  the checkdmarc command       {figures.linter:6.2f} s  {figures.asked_by_linter} questions")
    print(f"  it over facts and judgements {ratio:6.1f}    at least {TIMES_FASTER:g}  {_word(met[1])}")
    print(f"  it over the whole process    {figures.linter / figures.process:6.1f}")
    return all(met)


def _word(met: bool) -> str:
    return "" if met else "MISSED"


def main() -> int:
    """The program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    if os.environ.get(INSIDE) != "1":
        install_linter()
        return go_inside()
    # As pip leaves a package that it installs; a development environment may have no compiled files.
    compileall.compile_dir(ROOT / "smtp_audit", quiet=2)
    chosen = [case for case in cases() if case.name in DOMAINS]
    with ExitStack() as stack:
        bench = Bench(stack, chosen)
        met = [tell(bench.measure(case, given.repeats)) for case in chosen]
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
