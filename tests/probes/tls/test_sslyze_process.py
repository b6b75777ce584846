"""sslyze as a process: its findings are taken over, and whatever else it does is "could not tell", in bounded time."""

from __future__ import annotations

import asyncio
import copy
import gc
import json
import os
import re
import socket
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from smtp_audit.configuration.model import Config
from smtp_audit.errors import Undetermined
from smtp_audit.facts.endpoint import Endpoint, Role
from smtp_audit.facts.observation import Absence
from smtp_audit.facts.tls import TlsFlaw, TlsFlawFacts
from smtp_audit.lab import Lab
from smtp_audit.limits import BudgetLimits, Limits
from smtp_audit.probes.approach import Approach
from smtp_audit.probes.budget import HostBudget
from smtp_audit.probes.tls import sslyze_process
from smtp_audit.probes.tls.sslyze_process import find_flaws
from smtp_audit.probes.tls.trust import Anchors
from smtp_audit.probes.wire import PeerError, Transcript
from smtp_audit.sslyze_environment import find_sslyze
from tests.probes.stage import HOST
from tests.processes import alive, wait_until_dead


def completed(**result: Any) -> dict[str, Any]:
    return {"status": "COMPLETED", "error_reason": None, "error_trace": None, "result": result}


def failed(reason: str) -> dict[str, Any]:
    return {"status": "ERROR", "error_reason": reason, "error_trace": "Traceback ...", "result": None}


NOT_ASKED = {"status": "NOT_SCHEDULED", "error_reason": None, "error_trace": None, "result": None}

# What sslyze 6.3.1 writes for the embedded lab's good server, without what is not read.
GOOD: dict[str, Any] = {
    "invalid_server_strings": [],
    "server_scan_results": [
        {
            "server_location": {"hostname": "127.0.0.1", "port": 34219, "ip_address": "127.0.0.1"},
            "network_configuration": {"tls_server_name_indication": HOST, "tls_opportunistic_encryption": "SMTP"},
            "connectivity_status": "COMPLETED",
            "connectivity_error_trace": None,
            "scan_status": "COMPLETED",
            "scan_result": {
                "certificate_info": NOT_ASKED,
                "openssl_ccs_injection": completed(is_vulnerable_to_ccs_injection=False),
                "heartbleed": completed(is_vulnerable_to_heartbleed=False),
                "robot": completed(robot_result="NOT_VULNERABLE_RSA_NOT_SUPPORTED"),
                "session_renegotiation": completed(
                    supports_secure_renegotiation=True, is_vulnerable_to_client_renegotiation_dos=False
                ),
                "session_resumption": NOT_ASKED,
            },
        }
    ],
    "date_scans_started": "2026-11-22T21:02:40.653407Z",
    "sslyze_version": "6.3.1",
    "sslyze_url": "https://github.com/nabla-c0d3/sslyze",
}

UNREACHED: dict[str, Any] = {
    **GOOD,
    "server_scan_results": [
        {
            "connectivity_status": "ERROR",
            "connectivity_error_trace": 'Traceback ...\n... could not find a TLS version <b>\x1b[2J".\n',
            "scan_status": "ERROR_NO_CONNECTIVITY",
            "scan_result": None,
        }
    ],
}


def changed(**sections: dict[str, Any]) -> dict[str, Any]:
    """The good result, with other sections."""
    document = copy.deepcopy(GOOD)
    document["server_scan_results"][0]["scan_result"].update(sections)
    return document


@pytest.fixture
def executable(tmp_path: Path) -> Callable[[str], list[str]]:
    """A program in place of sslyze, in Python, that can write its arguments down."""

    def make(body: str) -> list[str]:
        path = tmp_path / "sslyze"
        path.write_text(f"#!{sys.executable} -IS\nimport os, sys, time\n{body}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return [str(path)]

    return make


def _answer_pings(server: socket.socket) -> None:
    for _ in range(2):
        connection, _ = server.accept()
        with connection:
            if connection.recv(100) == b"ping":
                connection.sendall(b"pong")


def writing(document: Any) -> str:
    """The body of a program that writes this and ends."""
    return f"sys.stdout.write({json.dumps(document)!r})"


def run(
    argv: list[str] | None, role: Role = Role.MX, *, host: str = HOST, address: str = "127.0.0.1", seconds: float = 20.0
) -> TlsFlawFacts:
    endpoint = Endpoint(role=role, host=host, port=2525, address=address)
    config = Config(limits=Limits(endpoint_seconds=seconds))
    approach = Approach(endpoint, address, config, HostBudget(address, BudgetLimits(per_second=1000)), Anchors())
    return asyncio.run(asyncio.wait_for(find_flaws(approach, Transcript(), argv), 20))


def absence(argv: list[str] | None, **more: Any) -> PeerError:
    with pytest.raises(PeerError) as error:
        run(argv, **more)
    assert error.value.reason.isascii()
    assert error.value.reason.isprintable()
    return error.value


def outcomes(facts: TlsFlawFacts) -> dict[TlsFlaw, bool | None]:
    return {outcome.flaw: outcome.vulnerable for outcome in facts.outcomes}


class TestResults:
    def test_a_sound_server(self, executable):
        facts = run(executable(writing(GOOD)))
        assert outcomes(facts) == dict.fromkeys(TlsFlaw, False)
        assert facts.offered
        assert facts.sslyze_version == "6.3.1"
        assert 0 < facts.seconds < 20

    @pytest.mark.parametrize(
        ("section", "result", "flaw"),
        [
            ("heartbleed", {"is_vulnerable_to_heartbleed": True}, TlsFlaw.HEARTBLEED),
            ("openssl_ccs_injection", {"is_vulnerable_to_ccs_injection": True}, TlsFlaw.CCS_INJECTION),
            ("robot", {"robot_result": "VULNERABLE_STRONG_ORACLE"}, TlsFlaw.ROBOT),
            (
                "session_renegotiation",
                {"is_vulnerable_to_client_renegotiation_dos": True},
                TlsFlaw.CLIENT_RENEGOTIATION,
            ),
            ("robot", {"robot_result": "VULNERABLE_WEAK_ORACLE"}, TlsFlaw.ROBOT),
        ],
    )
    def test_one_that_is_not(self, executable, section, result, flaw):
        facts = run(executable(writing(changed(**{section: completed(**result)}))))
        assert outcomes(facts) == {other: other is flaw for other in TlsFlaw}
        assert facts.vulnerable(flaw)

    @pytest.mark.parametrize(
        ("section", "attempt", "said"),
        [
            ("heartbleed", failed("BUG_IN_SSLYZE"), "BUG_IN_SSLYZE"),
            ("heartbleed", failed("CONNECTIVITY_ISSUE"), "CONNECTIVITY_ISSUE"),
            ("openssl_ccs_injection", NOT_ASKED, "NOT_SCHEDULED"),
            ("robot", completed(robot_result="UNKNOWN_INCONSISTENT_RESULTS"), "UNKNOWN_INCONSISTENT_RESULTS"),
            ("robot", completed(robot_result="A_NEW_ONE"), "A_NEW_ONE"),
            ("heartbleed", completed(is_vulnerable_to_heartbleed=None), ""),
            ("heartbleed", completed(is_vulnerable_to_heartbleed="false"), ""),
            ("heartbleed", completed(is_vulnerable_to_heartbleed=0), ""),
            ("heartbleed", failed("<b>\x1b[2J\u202e"), "u{1b}"),
        ],
    )
    def test_what_sslyze_could_not_tell_is_not_known(self, executable, section, attempt, said):
        """An error beside two results leaves the results, and is never "not vulnerable"."""
        facts = run(executable(writing(changed(**{section: attempt}))))
        unknown = [flaw for flaw, vulnerable in outcomes(facts).items() if vulnerable is None]
        assert len(unknown) == 1
        assert list(outcomes(facts).values()).count(False) == len(TlsFlaw) - 1
        with pytest.raises(Undetermined):
            facts.vulnerable(unknown[0])
        detail = next(outcome.detail for outcome in facts.outcomes if outcome.flaw is unknown[0])
        assert said in detail
        assert detail.isascii()

    def test_no_connection_is_no_result(self, executable):
        error = absence(executable(writing(UNREACHED)))
        assert error.absence is Absence.UNREACHABLE
        assert "could not find a TLS version" in error.reason

    @pytest.mark.parametrize("status", [0, 1, 2])
    def test_the_exit_status_says_nothing_beside_a_result(self, executable, status):
        """sslyze ends with 1 when a server does not meet a configuration of Mozilla's that nobody asked for."""
        assert run(executable(f"{writing(GOOD)}\nsys.exit({status})")).outcomes

    def test_what_it_writes_to_standard_error_goes_nowhere(self, executable, capfd):
        run(executable(f"sys.stderr.write('<b>noise')\n{writing(GOOD)}"))
        assert capfd.readouterr() == ("", "")


class TestGarbage:
    @pytest.mark.parametrize(
        "text",
        [
            "",
            "Traceback (most recent call last):",
            "{",
            "null",
            "[]",
            "{}",
            '{"server_scan_results": []}',
            '{"server_scan_results": null}',
            '{"server_scan_results": [null]}',
            '{"server_scan_results": [{"scan_status": "COMPLETED"}]}',
            '{"server_scan_results": [{"scan_status": "COMPLETED", "scan_result": null}]}',
            '{"server_scan_results": [{"scan_status": "COMPLETED", "scan_result": {"heartbleed": null}}]}',
            json.dumps(changed(robot=completed(robot_result=["x"]))),
            json.dumps(changed(robot={"status": "COMPLETED", "result": None})),
            json.dumps(changed(heartbleed=completed())),
            json.dumps(GOOD)[:-3],
            "9" * 10_000,
            "[" * 200_000,
            '{"a":' * 200_000,
        ],
        ids=lambda text: text[:30] or "nothing",
    )
    def test_what_is_no_result_is_none(self, executable, tmp_path, text):
        (tmp_path / "output").write_text(text)
        error = absence(executable(f"sys.stdout.write(open({str(tmp_path / 'output')!r}).read())"))
        assert error.absence is Absence.BROKEN

    def test_octets_that_are_no_text(self, executable):
        assert absence(executable("os.write(1, bytes(range(256)))")).absence is Absence.BROKEN

    @pytest.mark.parametrize("end", ["sys.exit(1)", "os.kill(os.getpid(), 9)", "raise SystemExit('no module')"])
    def test_an_end_without_output(self, executable, end):
        assert absence(executable(end)).absence is Absence.BROKEN

    def test_output_without_end_is_cut_off(self, executable, monkeypatch):
        monkeypatch.setattr(sslyze_process, "MAX_OUTPUT", 100_000)
        began = time.monotonic()
        error = absence(executable("while True: sys.stdout.write('[' * 10000)"))
        assert time.monotonic() - began < 5
        assert str(100_000) in error.reason


class TestMissing:
    def test_not_installed(self):
        error = absence(None)
        assert error.absence is Absence.NOT_AVAILABLE
        assert "smtp-audit tools install" in error.reason

    @pytest.mark.parametrize("mode", [None, 0o600])
    def test_gone_or_not_executable(self, tmp_path, mode):
        path = tmp_path / "sslyze"
        if mode is not None:
            path.write_text("#!/bin/sh\n")
            path.chmod(mode)
        assert absence([str(path)]).absence is Absence.NOT_AVAILABLE

    def test_a_protocol_that_sslyze_does_not_speak(self, executable):
        error = absence(executable(writing(GOOD)), role=Role.SIEVE)
        assert error.absence is Absence.NOT_AVAILABLE
        assert "sieve" in error.reason


class TestCommand:
    @pytest.mark.parametrize(
        ("role", "starttls"),
        [
            (Role.MX, "--starttls=smtp"),
            (Role.SUBMISSION, "--starttls=smtp"),
            (Role.IMAP, "--starttls=imap"),
            (Role.POP3, "--starttls=pop3"),
            (Role.SUBMISSIONS, None),
            (Role.IMAPS, None),
            (Role.POP3S, None),
        ],
    )
    def test_the_way_to_tls(self, executable, tmp_path, role, starttls):
        arguments = self.arguments(executable, tmp_path, role=role)
        assert [word for word in arguments if word.startswith("--starttls")] == ([starttls] if starttls else [])
        assert {"--json_out=-", "--heartbleed", "--openssl_ccs", "--robot", "--reneg", f"--sni={HOST}"} <= set(
            arguments
        )

    @pytest.mark.parametrize(("host", "address"), [(HOST, "127.0.0.1"), ("2001:db8::1", "2001:db8::1")])
    def test_the_place_is_a_relay_on_loopback(self, executable, tmp_path, host, address):
        arguments = self.arguments(executable, tmp_path, host=host, address=address)
        assert re.fullmatch(r"127\.0\.0\.1:\d+", arguments[-1])
        assert any(word.startswith("--sni") for word in arguments) is (host == HOST)

    def arguments(self, executable, tmp_path, **more) -> list[str]:
        out = tmp_path / "arguments"
        run(executable(f"open({str(out)!r}, 'w').write('\\n'.join(sys.argv[1:]))\n{writing(GOOD)}"), **more)
        return out.read_text().split("\n")

    def test_its_connections_come_out_of_the_budget(self, executable):
        """A program that connects three times through the relay, where two connections are allowed in all."""
        talk = (
            "import socket\nhost, port = sys.argv[-1].split(':')\nheard = []\nfor _ in range(3):\n"
            "    with socket.create_connection((host, int(port))) as relay:\n"
            "        relay.settimeout(5)\n        relay.sendall(b'ping')\n"
            "        try:\n            heard.append(relay.recv(100))\n"
            "        except ConnectionResetError:\n            heard.append(b'')\n"
            "assert heard == [b'pong', b'pong', b''], heard\n"
        )
        server = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=_answer_pings, args=(server,), daemon=True).start()
        with server:
            endpoint = Endpoint(role=Role.MX, host=HOST, port=server.getsockname()[1], address="127.0.0.1")
            budget = HostBudget("127.0.0.1", BudgetLimits(total=2))
            approach = Approach(endpoint, "127.0.0.1", Config(), budget, Anchors())
            transcript = Transcript()
            facts = asyncio.run(find_flaws(approach, transcript, executable(talk + writing(GOOD))))
        assert facts.connections == 2
        assert budget.effort().connections == 2
        texts = [line.text for line in transcript.lines]
        assert any("--heartbleed" in text for text in texts)
        assert any("2 connections in" in text and "budget.total" in text for text in texts)
        assert any("heartbleed: not vulnerable" in text for text in texts)


class TestHanging:
    @pytest.fixture
    def pids(self, tmp_path: Path) -> Iterator[Path]:
        path = tmp_path / "pids"
        path.touch()
        yield path
        for pid in map(int, path.read_text().split()):
            if alive(pid):
                os.kill(pid, 9)

    CHILD = "pid = os.fork()\nif pid == 0:\n    time.sleep(60)\n    os._exit(0)\n"

    def note(self, pids: Path, *names: str) -> str:
        return "".join(f"open({str(pids)!r}, 'a').write(str({name}) + ' ')\n" for name in names)

    @pytest.mark.parametrize("stubborn", ["", "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"])
    def test_it_is_killed_in_time_with_all_it_started(self, executable, pids, stubborn):
        body = stubborn + self.CHILD + self.note(pids, "os.getpid()", "pid") + "time.sleep(60)"
        began = time.monotonic()
        error = absence(executable(body), seconds=0.4)
        assert time.monotonic() - began < 4
        assert error.absence is Absence.TIMEOUT
        for pid in map(int, pids.read_text().split()):
            wait_until_dead(pid)

    def test_one_that_ends_and_leaves_a_child_with_its_output_open(self, executable, pids):
        began = time.monotonic()
        error = absence(executable(self.CHILD + self.note(pids, "pid") + "os._exit(0)"), seconds=0.4)
        assert time.monotonic() - began < 4
        assert error.absence is Absence.TIMEOUT
        wait_until_dead(int(pids.read_text()))

    def test_output_that_comes_in_drips_is_no_excuse(self, executable, pids):
        body = self.note(pids, "os.getpid()") + "while True:\n    os.write(1, b' ')\n    time.sleep(0.05)"
        assert absence(executable(body), seconds=0.4).absence is Absence.TIMEOUT
        wait_until_dead(int(pids.read_text()))

    def test_the_deadline_is_the_shorter_of_two(self, executable, pids, monkeypatch):
        monkeypatch.setattr(sslyze_process, "DEADLINE", 0.3)
        error = absence(executable(self.note(pids, "os.getpid()") + "time.sleep(60)"), seconds=20)
        assert "0.3 s" in error.reason

    def test_cancelled_it_is_killed_too(self, executable, pids):
        argv = executable(self.CHILD + self.note(pids, "os.getpid()", "pid") + "time.sleep(60)")
        with pytest.raises(TimeoutError):
            asyncio.run(self.cancelled(argv, pids))
        for pid in map(int, pids.read_text().split()):
            wait_until_dead(pid)

    async def cancelled(self, argv: list[str], pids: Path) -> None:
        endpoint = Endpoint(role=Role.MX, host=HOST, port=25, address="127.0.0.1")
        approach = Approach(endpoint, "127.0.0.1", Config(), HostBudget("127.0.0.1", BudgetLimits()), Anchors())
        async with asyncio.timeout(10) as bound:
            work = asyncio.create_task(find_flaws(approach, Transcript(), argv))
            while len(pids.read_text().split()) < 2:  # noqa: ASYNC110, ASYNC240 (a file of another process)
                await asyncio.sleep(0.02)
            bound.reschedule(asyncio.get_running_loop().time())
            await work


@pytest.mark.filterwarnings("error")
def test_nothing_is_left_open(executable, monkeypatch):
    """A pipe that is read no more is not closed by its end: it would complain when the loop is gone."""
    monkeypatch.setattr(sslyze_process, "MAX_OUTPUT", 1000)
    absence(executable("os.write(1, b'x' * 1_000_000)\ntime.sleep(60)"))
    gc.collect()


@pytest.mark.live
class TestRealSslyze:
    """The real one, on the embedded lab: the shape of its output is the one that is read."""

    def test_on_the_good_server(self):
        argv = find_sslyze()
        if argv is None and os.environ.get("SMTP_AUDIT_REQUIRE_LIVE"):
            pytest.fail("sslyze is not installed")
        if argv is None:
            pytest.skip("sslyze is not installed: run `smtp-audit tools install`")
        with Lab() as lab:
            for role in (Role.MX, Role.IMAPS):
                endpoint = Endpoint(role=role, host=lab.good.plan.host, port=lab.good.ports[role])
                budget = HostBudget(lab.good.address, BudgetLimits())
                approach = Approach(endpoint, lab.good.address, Config(), budget, Anchors(lab.good.anchors))
                facts = asyncio.run(find_flaws(approach, Transcript(), argv))
                assert outcomes(facts) == dict.fromkeys(TlsFlaw, False)
                assert facts.sslyze_version.startswith("6.")
                assert facts.connections == budget.effort().connections > 5
