"""Health checks of real programs: one that tells the truth, and others that do not."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from smtp_audit.configuration.model import ClientSettings, Config
from smtp_audit.control import REGISTRY, Outcome, Rule, Verdict, load_builtin
from smtp_audit.facts.client import Duty
from smtp_audit.facts.observation import Absence
from smtp_audit.lab.senders import SENDERS
from smtp_audit.probes.client.health import CHECKED, look_at_health
from smtp_audit.probes.client.network import containment
from smtp_audit.probes.programs_approach import ProgramApproach
from smtp_audit.probes.wire import PeerError, Transcript

contained = pytest.mark.skipif(not containment().possible, reason=containment().told)

SOUND = str(SENDERS["good"])
ALWAYS_WELL = "print('healthy')"
ONLY_CONNECTS = """
import os, socket
socket.create_connection((os.environ["ENTERPRISE_SMTP_HOST"], int(os.environ["ENTERPRISE_SMTP_PORT"])), 1).recv(3)
"""
CHECKS_NO_CERTIFICATE = f"""
import sys
source = open({SOUND!r}).read()
trusting = source.replace("ssl.create_default_context()", "ssl._create_unverified_context()")
assert trusting != source
sys.argv = ["x", "health"]
exec(compile(trusting, {SOUND!r}, "exec"), {{"__name__": "__main__"}})
"""
DOES_NOT_LOG_IN = f"""
import sys
source = open({SOUND!r}).read()
idle = source.replace("server.login(user, password)", "server.ehlo()")
assert idle != source
sys.argv = ["x", "health"]
exec(compile(idle, {SOUND!r}, "exec"), {{"__name__": "__main__"}})
"""


def verdict(*check: str) -> Verdict:
    """What the control says of a health check; Undetermined is let through."""
    settings = ClientSettings(
        name="x", argv=("true",), health=check, seconds=30.0, directory=Path("/"), variables={"SEND_SECONDS": "4"}
    )
    approach = ProgramApproach("client:x", Config(clients=(settings,)), "run", lambda _: None)
    facts = asyncio.run(look_at_health(approach, Transcript()))
    assert facts.contained, facts.containment
    assert {run.scenario for run in facts.runs} == {each.name for each in CHECKED}
    load_builtin()
    told = REGISTRY["client-health-check"].judge(facts, Rule(parameters={}, time=datetime.now(UTC)))
    assert isinstance(told, Verdict)
    return told


@contained
def test_a_check_that_connects_as_sending_does_passes():
    told = verdict(sys.executable, SOUND, "health")
    assert told.outcome is Outcome.PASS, told.summary
    assert "calls 6 sound servers healthy" in told.summary


@contained
@pytest.mark.parametrize(
    ("code", "fooled_by", "not_by"),
    [
        (ALWAYS_WELL, {"starttls-stripped", "auth-refused", "hang-greeting", "tls-tls10"}, set()),
        (ONLY_CONNECTS, {"starttls-stripped", "certificate-expired", "auth-refused"}, {"hang-greeting"}),
        (
            CHECKS_NO_CERTIFICATE,
            {"certificate-expired", "certificate-wrong-host"},
            {"starttls-stripped", "auth-refused"},
        ),
        (DOES_NOT_LOG_IN, {"auth-refused", "auth-later"}, {"starttls-stripped", "certificate-expired"}),
    ],
    ids=["always-well", "only-connects", "no-certificate", "no-login"],
)
def test_a_check_that_does_less_is_told(code, fooled_by, not_by):
    told = verdict(sys.executable, "-c", code)
    assert told.outcome is Outcome.FAIL
    named = {str(line).partition(" ")[0] for line in told.evidence}
    assert fooled_by <= named
    assert not not_by & named


def test_without_a_check_nothing_is_run():
    settings = ClientSettings(name="x", argv=("true",))
    approach = ProgramApproach("client:x", Config(clients=(settings,)), "run", lambda _: None)
    with pytest.raises(PeerError, match=r"\[\[client\]\] health") as raised:
        asyncio.run(look_at_health(approach, Transcript()))
    assert raised.value.absence is Absence.NOT_ALLOWED


def test_only_what_has_one_right_answer_is_asked():
    assert {each.duty for each in CHECKED} == {Duty.DELIVER, Duty.REFUSE, Duty.REPORT}
    assert not any(each.warns for each in CHECKED if each.duty is Duty.REFUSE)
    assert not {each.group for each in CHECKED} & {"syntax", "injection"}
