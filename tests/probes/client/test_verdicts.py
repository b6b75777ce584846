"""Real programs with one fault each that no library has by itself, and the control that finds it."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from smtp_audit.configuration.model import ClientSettings, Config
from smtp_audit.control import REGISTRY, Outcome, Rule, Verdict, load_builtin
from smtp_audit.facts.client import TrapFacts
from smtp_audit.lab.senders import SENDERS
from smtp_audit.probes.client import trapping
from smtp_audit.probes.client.inside import Job
from smtp_audit.probes.client.network import containment
from smtp_audit.probes.programs_approach import ProgramApproach
from smtp_audit.probes.wire import Transcript

pytestmark = pytest.mark.skipif(not containment().possible, reason=containment().told)

SOUND = str(SENDERS["good"])
SCENARIOS = (
    "good-tls13",
    "good-tls12",
    "good-rsa",
    "good-wildcard",
    "starttls-stripped",
    "fault-554-dot",
    "auth-refused",
)

AGAIN = f"""
import subprocess, sys
message = sys.stdin.buffer.read()
for _ in range(2):
    done = subprocess.run([sys.executable, {SOUND!r}], input=message).returncode
sys.exit(done)
"""
ELSEWHERE = f"""
import socket, subprocess, sys
done = subprocess.run([sys.executable, {SOUND!r}], input=sys.stdin.buffer.read()).returncode
if done:
    socket.create_connection(("192.0.2.7", 25), 5)
sys.exit(done)
"""
ALWAYS_SORRY = f"""
import subprocess, sys
subprocess.run([sys.executable, {SOUND!r}], input=sys.stdin.buffer.read())
sys.exit(1)
"""
TLS13_ALONE = f"""
source = open({SOUND!r}).read().replace("TLSVersion.TLSv1_2", "TLSVersion.TLSv1_3")
exec(compile(source, {SOUND!r}, "exec"), {{"__name__": "__main__"}})
"""
SILENT_ABOUT_LOGINS = f"""
import sys
print('{{"time": "2026-01-31T12:00:00Z", "event": "started"}}', file=sys.stderr)
source = open({SOUND!r}).read().replace('log("login refused"', '(lambda *_, **__: None)("login refused"')
exec(compile(source, {SOUND!r}, "exec"), {{"__name__": "__main__"}})
"""


def verdict(control: str, code: str | None, monkeypatch: pytest.MonkeyPatch) -> Verdict:
    """What the control says of a program; None is the sound one."""
    argv = (sys.executable, SOUND) if code is None else (sys.executable, "-c", code)
    settings = ClientSettings(name="x", argv=argv, seconds=30.0, directory=Path("/"))
    # A few of the scenarios: the others have nothing to do with these faults.
    monkeypatch.setattr(trapping, "Job", lambda settings: Job(settings=settings, scenarios=SCENARIOS))
    approach = ProgramApproach("client:x", Config(clients=(settings,)), "run", lambda _: None)
    facts = asyncio.run(trapping.look_at_traps(approach, Transcript()))
    assert isinstance(facts, TrapFacts)
    assert facts.contained, facts.containment
    load_builtin()
    told = REGISTRY[control].judge(facts, Rule(parameters={}, time=datetime.now(UTC)))
    assert isinstance(told, Verdict)
    return told


@pytest.mark.parametrize(
    ("control", "code", "says"),
    [
        ("client-no-duplicates", AGAIN, "good-tls13 (2 times)"),
        ("client-no-fallback", ELSEWHERE, "connected to 192.0.2.7 port 25"),
        ("client-reports-success", ALWAYS_SORRY, "calls failed what was taken"),
        ("client-sends", TLS13_ALONE, "good-tls12"),
        ("client-login-logged", SILENT_ABOUT_LOGINS, "logs nothing of a login that is refused"),
    ],
)
def test_a_program_with_the_fault_fails_and_the_sound_one_passes(control, code, says, monkeypatch):
    broken = verdict(control, code, monkeypatch)
    assert broken.outcome is Outcome.FAIL
    assert says in broken.summary
    assert verdict(control, None, monkeypatch).outcome is Outcome.PASS
