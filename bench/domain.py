#!/usr/bin/env python3
"""Measure an audit of what a domain publishes beside the `checkdmarc` command; see README.md.

Exits with 1 when a bound is missed. All of it happens in a network of its own, in which every question takes the same
time, whoever asks and in whatever way: the lab's resolver stands behind the only address in resolv.conf, and the
domain's web server is where its DNS says.
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
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

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


def measure(repeats: int) -> int:
    """Both sides in turns; prints the table and returns the exit status."""
    from tests.live.dns.lab import running_dns_lab
    from tests.live.dns.zones import cases

    case = next(case for case in cases() if case.name == "sound")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        furnish(folder)
        lab = stack.enter_context(running_dns_lab([case]))
        config = lab.config(case, resolver=("127.0.0.1", 53))
        config = config.model_copy(update={"mta_sts": config.mta_sts.model_copy(update={"address": None, "port": 443})})
        written = folder / "config.json"
        written.write_text(config.model_dump_json())
        anchors = str(lab.authority.anchors)
        environment = {**os.environ, "REQUESTS_CA_BUNDLE": anchors, "SSL_CERT_FILE": anchors}
        ours = [sys.executable, str(ROOT / "bench" / "own_domain_facts.py"), str(written)]
        theirs = [str(LINTER / "bin" / "checkdmarc"), "-n", "127.0.0.1", "--", case.domain]
        stack.enter_context(web_server(lab.policies.program, folder))
        relay = stack.enter_context(late_names(lab.resolver_place, DELAY_MS))
        # Once for the caches of the resolver and of the file system.
        first = run(ours, environment)
        mine = relay.questions()
        other = run(theirs, environment)
        asked = (mine, relay.questions() - mine)
        pairs = [(run(ours, environment).seconds, run(theirs, environment).seconds) for _ in range(repeats)]
    if json.loads(other.output)["mta_sts"]["valid"] is not True:
        raise RuntimeError("checkdmarc did not get the policy, so that it did less than it would")
    return tell(pairs, asked, first)


def tell(pairs: list[tuple[float, float]], asked: tuple[int, int], first: Run) -> int:
    """Print what was measured; returns the exit status."""
    mine, its = (statistics.median(side) for side in zip(*pairs, strict=True))
    rows = [
        ("facts and judgements of a domain, the whole process", mine, LONGEST_SECONDS, "s", mine < LONGEST_SECONDS),
        ("the checkdmarc command on the same domain", its, None, "s", True),
        ("times faster", its / mine, TIMES_FASTER, "", its / mine >= TIMES_FASTER),
    ]
    print(
        f"{DELAY_MS} ms an answer, medians of {len(pairs)}; questions: {asked[0]} and {asked[1]}; {first.output.strip()}"
    )
    for what, value, bound, unit, met in rows:
        limit = "" if bound is None else f"bound {bound:g} {unit}".rstrip()
        print(f"  {what:55} {value:6.2f} {unit:2} {limit:14} {'' if met else 'MISSED'}")
    return 0 if all(met for *_, met in rows) else 1


def main() -> int:
    """The program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    if os.environ.get(INSIDE) != "1":
        install_linter()
        return go_inside()
    return measure(given.repeats)


if __name__ == "__main__":
    sys.exit(main())
