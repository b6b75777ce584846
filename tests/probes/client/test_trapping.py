"""The traps in their private network: real programs fall for them, or do not, and nothing leaves."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from smtp_audit.configuration.model import ClientSettings, Config
from smtp_audit.errors import Undetermined
from smtp_audit.facts.client import Channel, Claim, Duty, ScenarioRun
from smtp_audit.probes.client.inside import Job
from smtp_audit.probes.client.network import containment
from smtp_audit.probes.client.trapping import hear, look_at_traps
from smtp_audit.probes.client.traps.scenarios import SCENARIOS
from smtp_audit.probes.programs_approach import ProgramApproach
from smtp_audit.probes.wire import PeerError, Transcript

EXAMPLES = Path(__file__).parents[3] / "examples" / "python"
CARELESS = Path(__file__).with_name("careless.py")

pytestmark = pytest.mark.skipif(not containment().possible, reason=containment().told)


def played(argv: Iterable[str], *scenarios: str, seconds: float = 20.0) -> dict[str, ScenarioRun]:
    job = Job(settings=ClientSettings(name="x", argv=tuple(argv), seconds=seconds), scenarios=scenarios)

    async def listen() -> dict[str, ScenarioRun]:
        return {said.run.scenario: said.run async for said in hear(job, containment().command) if said.run is not None}

    return asyncio.run(listen())


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


SOUND = (sys.executable, str(EXAMPLES / "smtplib_sound.py"))
UNSOUND = (sys.executable, str(EXAMPLES / "smtplib_unsound.py"))


def test_there_are_enough_scenarios_and_each_has_its_own_name():
    assert len(SCENARIOS) >= 75
    assert len({each.name for each in SCENARIOS}) == len(SCENARIOS)


@pytest.fixture(scope="module")
def careless() -> dict[str, ScenarioRun]:
    """A program that takes everything: every trap has to catch it, or it has stopped to be one."""
    wanted = [each.name for each in SCENARIOS if each.duty is Duty.REFUSE]
    return played((sys.executable, str(CARELESS)), *wanted)


@pytest.mark.parametrize("name", [each.name for each in SCENARIOS if each.duty is Duty.REFUSE])
def test_every_trap_catches_a_program_that_takes_everything(careless: dict[str, ScenarioRun], name: str):
    run = careless[name]
    assert run.played, run.detail
    assert run.visits, run
    if name in NOTHING_TO_GIVE:
        assert run.execution.claim is Claim.SENT  # it says so, though nothing could be given there
    else:
        assert run.exposed in (Channel.CLEAR, Channel.BAD_TLS), run.visits[-1].dialogue


NOTHING_TO_GIVE = {
    "starttls-alert",
    "starttls-text",
    "starttls-closes",
    "starttls-without-tls",
    "starttls-auth-only-before",
}
"""Where no program can get as far as to give something away in clear text; a claim of success is the fault."""


@pytest.fixture(scope="module")
def sound() -> dict[str, ScenarioRun]:
    return played(SOUND, *(each.name for each in SCENARIOS if each.group != "hangs"))


def test_a_sound_program_falls_for_none(sound: dict[str, ScenarioRun]):
    fallen = {
        name: run.exposed
        for name, run in sound.items()
        if run.duty is Duty.REFUSE and not run.warns and run.exposed is not None
    }
    assert fallen == {}


def test_a_sound_program_tells_the_truth(sound: dict[str, ScenarioRun]):
    assert {name for name, run in sound.items() if (run.execution.claim is Claim.SENT) != run.acknowledged} == set()
    assert {name for name, run in sound.items() if run.duty is Duty.DELIVER and not run.acknowledged} == set()
    assert not any(run.execution.leaks or run.strays for run in sound.values())


def test_what_a_hello_offers_is_recorded(sound: dict[str, ScenarioRun]):
    (visit,) = sound["good-tls13"].visits
    assert visit.offer is not None
    assert "TLSv1.3" in visit.offer.versions
    assert "TLS_AES_256_GCM_SHA384" in visit.offer.suites
    assert visit.offer.server_name is not None
    assert visit.offer.server_name.endswith(".client-test.example")
    assert visit.version == "TLSv1.3"


def test_a_sound_program_logs_a_refused_login(sound: dict[str, ScenarioRun]):
    (event,) = sound["auth-refused"].execution.events
    assert event.time.startswith("20")
    assert '"event": "login refused", "host": "mail-' in event.text
    assert sound["good-tls13"].execution.events == ()


def test_a_program_that_prints_its_dialogue():
    run = played(UNSOUND, "good-tls12")["good-tls12"]
    assert run.execution.leaks == ("password",)
    assert not any("AUTH PLAIN AH" in text for text in run.execution.output)


@pytest.mark.parametrize(
    ("code", "stray"),
    [
        ("import socket; socket.create_connection(('192.0.2.1', 25), 5)", "connected to 192.0.2.1 port 25"),
        ("import socket; socket.create_connection(('smtp.other.example', 587), 5)", "asked for smtp.other.example"),
        ("import socket; socket.create_connection(('2001:db8::1', 587), 5)", "connected to 2001:db8::1 port 587"),
    ],
)
def test_whoever_goes_elsewhere_is_heard(code: str, stray: str):
    run = played(python(code), "good-tls13")["good-tls13"]
    assert stray in run.strays
    assert run.visits == ()


def test_another_port_of_the_configured_host_is_told_as_that():
    code = "import os, socket; socket.create_connection((os.environ['ENTERPRISE_SMTP_HOST'], 587), 5)"
    run = played(python(code), "implicit-good-tls13")["implicit-good-tls13"]
    assert run.strays == ("connected to port 587 of the configured host",)


def test_who_connects_from_a_session_of_its_own_is_heard():
    code = """
import os, socket, time
if not os.fork():
    os.setsid()
    link = socket.create_connection(('192.0.2.1', 25), 5)
    link.recv(1)
    time.sleep(0.2)
    os._exit(0)
os.wait()
"""
    assert played(python(code), "good-tls13")["good-tls13"].strays == ("connected to 192.0.2.1 port 25",)


def test_what_is_known_of_a_stray_only_when_it_is_played_again_is_kept(tmp_path: Path):
    code = f"""
import os, pathlib, socket, time
first = pathlib.Path({str(tmp_path / "first")!r})
if not first.exists():
    first.touch()
    if os.fork():
        os.wait()
        os._exit(0)
    os.setsid()
link = socket.create_connection(('192.0.2.1', 25), 5)
link.recv(1)
time.sleep(0.2)
"""
    assert played(python(code), "good-tls13")["good-tls13"].strays == ("connected to 192.0.2.1 port 25",)


def test_a_program_is_not_blamed_for_what_another_did():
    code = (
        "import os, socket\n"
        "if 'mail-1.' in os.environ['ENTERPRISE_SMTP_HOST']:\n"
        "    socket.create_connection(('192.0.2.1', 25), 5)"
    )
    runs = played(python(code), "good-tls13", "good-tls12", "good-rsa", "good-wildcard")
    assert [name for name, run in runs.items() if run.strays] == ["good-tls13"]


def test_nothing_leaves_the_private_network():
    code = (
        "import os, socket\n"
        "names = sorted(os.listdir('/sys/class/net'))\n"
        "print(names, flush=True)\n"
        "socket.create_connection(('127.0.0.1', 22), 2)"
    )
    run = played(python(code), "good-tls13")["good-tls13"]
    assert run.execution.claim is Claim.NOT_SENT  # what listens on this machine is not reached either


def test_a_program_that_cannot_be_started():
    run = played(("/nowhere/program",), "good-tls13")["good-tls13"]
    assert run.execution.claim is Claim.NOT_STARTED
    assert not run.played


def approach(*argv: str) -> ProgramApproach:
    settings = ClientSettings(name="x", argv=argv)
    return ProgramApproach("client:x", Config(clients=(settings,)), "run", lambda _: None)


def test_without_a_private_network_it_is_not_run(monkeypatch):
    from smtp_audit.probes.client import trapping
    from smtp_audit.probes.client.network import Containment

    monkeypatch.setattr(trapping, "containment", lambda: Containment((), "not permitted here"))
    with pytest.raises(PeerError, match="not permitted here"):
        asyncio.run(look_at_traps(approach("true"), Transcript()))


def test_a_process_that_dies_says_so(monkeypatch):
    from smtp_audit.probes.client import trapping
    from smtp_audit.probes.client.network import Containment

    monkeypatch.setattr(
        trapping, "containment", lambda: Containment(("sh", "-c", "echo trouble >&2; exit 3", "sh"), "x")
    )
    with pytest.raises(PeerError, match="ended with 3: trouble"):
        asyncio.run(look_at_traps(approach("true"), Transcript()))


def test_undetermined_is_what_a_program_that_cannot_send_gives():
    from smtp_audit.controls.client_transport import sending
    from smtp_audit.facts.client import TrapFacts

    runs = tuple(played(python("raise SystemExit(1)"), "good-tls13").values())
    with pytest.raises(Undetermined, match="inconclusive"):
        sending(TrapFacts(runs=runs, contained=True, containment="x"))
