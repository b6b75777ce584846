"""The fixtures for a team's own tests of code that sends mail."""

from __future__ import annotations

import smtplib
import ssl
import subprocess
import sys
from collections.abc import Callable
from email.message import EmailMessage
from email.policy import SMTP

import pytest

from smtp_audit.facts.client import Channel
from smtp_audit.lab.senders import SENDERS
from smtp_audit.probes.client.loopback import NAMELESS, RunningTrap, TrapStage
from smtp_audit.probes.client.traps.scenarios import SCENARIOS
from tests.plugin.conftest import Stage

Start = Callable[[str], RunningTrap]


def talk(server: RunningTrap, text: str, to: str, *, verify: bool = True) -> None:
    context = ssl.create_default_context() if verify else ssl._create_unverified_context()
    with smtplib.SMTP(server.host, server.port, timeout=10) as client:
        client.starttls(context=context)
        client.login(server.user, server.password)
        client.sendmail(server.sender, [to], text.encode())


def by_hand(server: RunningTrap, value: str) -> None:
    talk(
        server,
        f"From: {server.sender}\r\nTo: user@recipient.example\r\nSubject: {value}\r\n\r\nx",
        "user@recipient.example",
    )


def careful(server: RunningTrap, value: str) -> None:
    if not value.isprintable() or "=?" in value:
        raise ValueError("a control character")
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = server.sender, "user@recipient.example", value
    message.set_content("x")
    talk(server, message.as_bytes(policy=SMTP).decode(), "user@recipient.example")


def test_a_sink_takes_messages(smtp_sink: RunningTrap):
    by_hand(smtp_sink, "Hello")
    [message] = smtp_sink.messages
    assert message["Subject"] == "Hello"
    assert smtp_sink.deliveries[0].recipients == ("user@recipient.example",)
    assert smtp_sink.deliveries[0].acknowledged
    assert smtp_sink.exposed is Channel.GOOD_TLS
    with pytest.raises(AssertionError, match="was given a secret over good TLS"):
        smtp_sink.assert_nothing_given()


@pytest.mark.parametrize("name", ["certificate-expired", "certificate-self-signed", "certificate-wrong-host"])
def test_a_trap_shows_who_verifies(smtp_trap: Start, name: str):
    trap = smtp_trap(name)
    with pytest.raises(ssl.SSLError):
        by_hand(trap, "Hello")
    trap.assert_nothing_given()
    careless = smtp_trap(name)
    talk(careless, "Subject: x\r\n\r\nx", "user@recipient.example", verify=False)
    assert careless.exposed is Channel.BAD_TLS
    with pytest.raises(AssertionError, match="was given a secret over TLS that ought"):
        careless.assert_nothing_given()


def test_a_trap_that_nobody_came_to_shows_nothing(smtp_trap: Start):
    with pytest.raises(AssertionError, match="nobody connected"):
        smtp_trap("starttls-stripped").assert_nothing_given()


def test_a_program_can_be_sent_there_too(smtp_sink: RunningTrap):
    done = subprocess.run(
        [sys.executable, str(SENDERS["good"])],
        input=b'{"to": ["a@b.example"], "subject": "x", "text": "x", "html": "<p>x</p>"}',
        env=smtp_sink.environment,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0
    assert len(smtp_sink.messages) == 1


def test_an_unknown_trap(smtp_trap: Start):
    with pytest.raises(LookupError, match="did you mean 'certificate-expired'"):
        smtp_trap("certificate-expird")
    with pytest.raises(LookupError, match="no trap 'good-wildcard'"):
        smtp_trap(next(iter(NAMELESS)))


def test_every_scenario_can_be_started(smtp_trap_stage: TrapStage):
    for each in SCENARIOS:
        if each.name not in NAMELESS:
            smtp_trap_stage.start(each.name).close()


def test_code_that_checks_passes(assert_no_header_injection: Callable[..., None]):
    assert_no_header_injection(careful)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_code_that_does_not_check_fails(assert_no_header_injection: Callable[..., None]):
    with pytest.raises(pytest.fail.Exception) as told:
        assert_no_header_injection(by_hand)
    lines = str(told.value).splitlines()
    assert lines[0] == "values become more than values:"
    assert any("bcc comes in where CR LF ends lines" in line for line in lines)
    assert not any(line.startswith("Figures%0D") for line in lines)


def test_addresses(assert_no_header_injection: Callable[..., None]):
    def split(server: RunningTrap, value: str) -> None:
        for each in value.split(","):
            talk(server, f"From: {server.sender}\r\nSubject: x\r\n\r\nx", each.strip())

    with pytest.raises(pytest.fail.Exception, match=r"RCPT names stolen@attacker\.example"):
        assert_no_header_injection(split, kind="address")


def test_what_does_not_arrive_or_show_tests_nothing(assert_no_header_injection: Callable[..., None]):
    with pytest.raises(AssertionError, match="does not arrive"):
        assert_no_header_injection(lambda server, value: None)
    with pytest.raises(AssertionError, match="shows neither in the header nor"):
        assert_no_header_injection(lambda server, value: by_hand(server, "always the same"))


def test_they_need_no_audit(stage: Stage):
    stage.audit = ()
    stage.write(
        "test_own.py",
        "import smtplib\n"
        "def test_sink(smtp_sink):\n"
        "    with smtplib.SMTP(smtp_sink.host, smtp_sink.port) as client:\n"
        "        client.noop()\n"
        "    assert len(smtp_sink.visits) == 1\n",
    )
    stage.run("test_own.py").assert_outcomes(passed=1)
