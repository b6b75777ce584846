#!/usr/bin/env python3
"""Measure what the survey of TLS has to reach beside sslyze and testssl.sh; see README.md. Ends with 1 on a miss.

Both sides of a ratio take turns on the same local servers in one run: a busy machine slows both.
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
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from measure import ROOT, Run, run

sys.path.insert(0, str(ROOT))
from smtp_audit.sslyze_environment import find_sslyze
from tests.live.authority import Authority
from tests.live.catalogue import HOST, catalogue
from tests.live.dovecot import Dovecot
from tests.live.network import Block, lab_directory
from tests.live.postfix import Postfix, Service
from tests.live.standard import PORTS, MailServer, debian_default, hardened

OWN = Path(__file__).with_name("own_facts.py")
RELAY = Path(__file__).with_name("relay.py")
RELAY_PLACE = ("127.0.0.25", 2525)
THREE = ("mx", "submission", "submissions")

FULL = (
    *("--mozilla_config=disable", "--certinfo", "--compression", "--early_data", "--ems", "--elliptic_curves"),
    *("--fallback", "--heartbleed", "--openssl_ccs", "--reneg", "--resum", "--robot"),
    *("--sslv2", "--sslv3", "--tlsv1", "--tlsv1_1", "--tlsv1_2", "--tlsv1_3"),
)

API = """
import sys
from sslyze import (ProtocolWithOpportunisticTlsEnum, Scanner, ServerNetworkConfiguration, ServerNetworkLocation,
                    ServerScanRequest)
host, address, *ports = sys.argv[1:]
scanner = Scanner()
scanner.queue_scans([
    ServerScanRequest(
        ServerNetworkLocation(host, int(port), address),
        ServerNetworkConfiguration(
            host, tls_opportunistic_encryption=None if port == "465" else ProtocolWithOpportunisticTlsEnum.SMTP
        ),
    )
    for port in ports
])
assert all(result.scan_status == "COMPLETED" for result in scanner.get_results())
"""


@dataclass
class Table:
    """The figures as they are printed, and which of them missed their bound."""

    missed: list[str] = field(default_factory=list)

    def row(
        self, name: str, value: float, bound: float | None = None, goal: float | None = None, *, more: bool
    ) -> None:
        """One figure; `more`: it has to be at least the bound, not at most."""
        wanted = ""
        if bound is not None:
            late = value < bound if more else value > bound
            wanted = f"   {'at least' if more else 'at most'} {bound:g}: {'MISSED' if late else 'yes'}"
            if late:
                self.missed.append(name)
        if goal is not None:
            reached = value >= goal if more else value <= goal
            wanted += f"   goal {goal:g}: {'yes' if reached else 'no'}"
        print(f"  {name:58} {value:8.3f}{wanted}", flush=True)


@dataclass(frozen=True)
class Bench:
    """The servers, and the tools to run on them."""

    folder: Path
    repeats: int
    hardened: MailServer
    default: MailServer
    three: MailServer
    """25, 587 and 465 of a Postfix whose TLS is as Postfix comes."""
    sslyze: list[str]

    def own(self, server: MailServer, roles: Sequence[str], **more: Any) -> Run:
        """One process that gathers our transport facts; ends the bench when any are missing."""
        given: dict[str, Any] = {
            "host": server.host,
            "address": server.address,
            "ca": str(server.anchors),
            "ports": {role: PORTS[role] for role in roles},
            **more,
        }
        done = run(self.folder, sys.executable, str(OWN), json.dumps(given))
        if done.status != 0 or self.told(done)["absent"]:
            sys.exit(f"our own facts are not complete:\n{done.output[-3000:]}")
        return done

    @staticmethod
    def told(done: Run) -> Mapping[str, Any]:
        """What that process says of itself."""
        told: Mapping[str, Any] = json.loads(done.output)
        return told

    def cli(self, *options: str) -> Run:
        """One process of sslyze. It ends with 1 for a server that is not Mozilla's ideal."""
        done = run(self.folder, *self.sslyze, *options)
        if "SCANS COMPLETED IN" not in done.output or "Could not connect" in done.output:
            sys.exit(f"sslyze failed:\n{done.output[-3000:]}")
        return done

    def api(self, server: MailServer, roles: Sequence[str]) -> Run:
        """sslyze's library, with its own interpreter."""
        ports = [str(PORTS[role]) for role in roles]
        done = run(self.folder, self.sslyze[0], "-I", "-c", API, server.host, server.address, *ports)
        if done.status != 0:
            sys.exit(f"sslyze's library failed:\n{done.output[-3000:]}")
        return done

    def in_turns(
        self, mine: Callable[[], Run], other: Callable[[], Run], repeats: int = 0
    ) -> tuple[float, float, float]:
        """Median seconds of both, and the median of their ratio."""
        pairs = [(mine().seconds, other().seconds) for _ in range(repeats or self.repeats)]
        ratios = [theirs / ours for ours, theirs in pairs]
        return (
            statistics.median(ours for ours, _ in pairs),
            statistics.median(theirs for _, theirs in pairs),
            statistics.median(ratios),
        )


@contextmanager
def as_it_comes() -> Iterator[MailServer]:
    """A Postfix on 25, 587 and 465 that is told nothing of TLS but its certificate, as Debian's is."""
    block = Block()
    address = block.address(25)
    try:
        with lab_directory() as directory:
            authority = Authority(directory / "ca")
            chain = authority.issue("sound", catalogue().certificates["rsa-2048"], [HOST])
            wrapped = {"submissions": {"smtpd_tls_wrappermode": "yes"}}
            services = [
                Service(
                    address,
                    PORTS[role],
                    {
                        "smtpd_tls_security_level": "may",
                        "smtpd_tls_chain_files": str(chain),
                        **wrapped.get(role, {}),
                    },
                )
                for role in THREE
            ]
            postfix = Postfix(directory / "postfix", services)
            dovecot = Dovecot(directory / "dovecot", [], chain)
            server = MailServer(address, HOST, authority.anchors, postfix, dovecot)
            try:
                postfix.start()
                yield server
            finally:
                postfix.stop()
    finally:
        block.release()


@contextmanager
def relayed(server: MailServer, role: str, milliseconds: float) -> Iterator[Callable[[], int]]:
    """A relay before one port; gives how many connections went through it so far."""
    address, port = RELAY_PLACE
    command = [sys.executable, str(RELAY), address, str(port), server.address, str(PORTS[role]), str(milliseconds)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        if process.stdin is None or process.stdout is None or process.stdout.readline() != "ready\n":
            sys.exit("the relay does not start")
        said, heard = process.stdout, process.stdin

        def count() -> int:
            heard.write("\n")
            heard.flush()
            return int(said.readline())

        try:
            yield count
        finally:
            heard.close()


def hellos(bench: Bench, table: Table) -> None:
    """Hellos of the suite enumeration, against what it cannot do with less."""
    told = bench.told(bench.own(bench.hardened, ("mx",)))
    versions, suites = next(iter(told["versions"].values())), next(iter(told["suites"].values()))
    accepted = {each["version"]: len(each["suites"]) for each in suites}
    least = sum(accepted.get(each["version"], 0) + 1 for each in versions)
    everything = sum(each["hellos"] for each in (*versions, *suites))
    other = sum(told["nameless"].values()) + sum(each["chooser"] in ("server", "client") for each in suites)
    print(f"\nHellos of the enumeration, hardened Postfix: {everything - other}, at least {least} are needed")
    table.row("hellos / sum of (accepted + 1)", (everything - other) / least, 1.2, 1.15, more=False)
    table.row("the same, with those for order and without a name", everything / least, more=False)


def speed(bench: Bench, table: Table) -> None:
    """Wall times of whole processes."""
    default = bench.default
    where = f"{default.address}:25"
    print("\nOne port of a default Postfix")
    mine, theirs, ratio = bench.in_turns(
        lambda: bench.own(default, ("mx",)), lambda: bench.cli("--starttls=smtp", f"--sni={default.host}", where)
    )
    print(f"  ours {mine:.3f} s, sslyze's command {theirs:.3f} s")
    table.row("times faster than sslyze's command", ratio, 5, 8, more=True)
    _three_ports(bench, table, "default", bench.three, (7, 12))
    _three_ports(bench, table, "hardened", bench.hardened, (None, None))


def _three_ports(
    bench: Bench, table: Table, name: str, server: MailServer, bounds: tuple[float | None, float | None]
) -> None:
    print(f"\n25, 587 and 465 of a {name} Postfix")
    mine, theirs, ratio = bench.in_turns(lambda: bench.own(server, THREE), lambda: bench.api(server, THREE))
    print(f"  ours {mine:.3f} s, sslyze's library {theirs:.3f} s")
    table.row("times faster than sslyze's library", ratio, *bounds, more=True)
    places = [f"{server.address}:{PORTS[role]}" for role in THREE]
    mine, theirs, ratio = bench.in_turns(
        lambda: bench.own(server, THREE, slow=True),
        lambda: bench.cli(*FULL, "--starttls=auto", f"--sni={server.host}", *places),
    )
    print(f"  ours with the flaws that sslyze looks for {mine:.3f} s, sslyze's full scan {theirs:.3f} s")
    table.row("times faster than sslyze's full scan, flaws included", ratio, 1, more=True)


def connections(bench: Bench, table: Table) -> None:
    """Connections to one port of a hardened server."""
    address, port = RELAY_PLACE
    with relayed(bench.hardened, "mx", 0) as count:
        bench.cli(*FULL, "--starttls=smtp", f"--sni={bench.hardened.host}", f"{address}:{port}")
        theirs = count()
        told = bench.told(bench.own(bench.hardened, ("mx",), address=address, ports={"mx": port}))
        mine = count() - theirs
    if told["connections"] != mine:
        sys.exit(f"we count {told['connections']} connections, the relay {mine}")
    both = mine - told["hellos"]["tls_clients"]
    print(
        f"\nConnections, hardened Postfix: ours {mine}, of which {mine - both} are recorded clients; sslyze's {theirs}"
    )
    table.row("ours without the recorded clients / sslyze's", both / theirs, more=False)
    table.row("all of ours / sslyze's", mine / theirs, 0.1, more=False)


def distance(bench: Bench, table: Table) -> None:
    """One port that is 30 ms away, with 16 connections at once."""
    address, port = RELAY_PLACE
    for name, server in (("default", bench.default), ("hardened", bench.hardened)):
        with relayed(server, "mx", 15):
            given = {"address": address, "ports": {"mx": port}, "connections": 16}
            seconds = [bench.own(server, ("mx",), **given).seconds for _ in range(bench.repeats)]
        print(f"\nOne port of a {name} Postfix, every octet 15 ms late each way, 16 connections")
        table.row("seconds, whole process", statistics.median(seconds), 2.6, 1.5, more=False)


def testssl(bench: Bench, table: Table) -> None:
    """testssl.sh with all that it has: two minutes, so it runs once."""
    command = ("testssl", "--quiet", "--color=0", "--warnings=batch", "--starttls=smtp", f"{bench.default.address}:25")
    mine, theirs, ratio = bench.in_turns(
        lambda: bench.own(bench.default, ("mx",)), lambda: run(bench.folder, *command), repeats=1
    )
    print(f"\ntestssl.sh on one port of a default Postfix, once: ours {mine:.3f} s, its {theirs:.1f} s")
    table.row("times faster than testssl.sh", ratio, 100, 200, more=True)


def main() -> int:
    """Measure, print, compare with the bounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5, help="runs of each (default and least: 5)")
    parser.add_argument("--with-testssl", action="store_true", help="testssl.sh as well (2 minutes)")
    arguments = parser.parse_args()
    argv = find_sslyze()
    if argv is None:
        sys.exit("sslyze is not installed: smtp-audit tools install")
    # As pip leaves a package that it installs; a development environment may have no compiled files.
    compileall.compile_dir(ROOT / "smtp_audit", quiet=2)
    table = Table()
    with (
        tempfile.TemporaryDirectory(prefix="smtp-audit-bench-") as name,
        hardened(catalogue()) as well,
        debian_default() as default,
        as_it_comes() as three,
    ):
        bench = Bench(Path(name), max(5, arguments.repeats), well, default, three, argv)
        print(f"medians of {bench.repeats} runs, {os.cpu_count()} processors, Python {sys.version.split()[0]}")
        print(f"load before: {os.getloadavg()[0]:.2f}")
        hellos(bench, table)
        connections(bench, table)
        speed(bench, table)
        distance(bench, table)
        if arguments.with_testssl:
            testssl(bench, table)
    for missed in table.missed:
        print(f"missed: {missed}")
    return 1 if table.missed else 0


if __name__ == "__main__":
    sys.exit(main())
