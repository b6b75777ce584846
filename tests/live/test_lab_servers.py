"""Proofs, without any code of smtp_audit, that the lab's servers are what the catalogue says."""

import imaplib
import smtplib
import socket
import ssl
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from . import judge, wire
from .catalogue import BEYOND_REACH, Catalogue, catalogue
from .dovecot import PASSWORDS
from .lab import Lab, Place
from .recorded import keep_judged
from .standard import PORTS, MailServer

pytestmark = pytest.mark.live

AT_ONCE = [entry.name for entry in catalogue().entries if entry.group != "throttled"]
STRICT = [entry.name for entry in catalogue().entries if entry.strict is not None]
USER, PASSWORD = next(iter(PASSWORDS.items()))


@pytest.mark.parametrize("name", AT_ONCE)
def test_shows_its_fault_and_no_other(lab: Lab, name: str) -> None:
    place = lab.places[name]
    others = [other for other in lab.places.values() if other.host == place.host and other is not place]
    # What has no object on a server is no fault of it, though the second judge may not know that.
    faults = judge.faults(place, lab.authority.anchors, others=others) - place.entry.without
    assert keep_judged(place.entry.group, name, faults) == place.entry.must_fail


@pytest.mark.parametrize("name", STRICT)
def test_shows_its_fault_to_the_strict(lab: Lab, name: str) -> None:
    place = lab.places[name]
    faults = judge.faults(place, lab.authority.anchors, minimum=ssl.TLSVersion.TLSv1_3)
    assert keep_judged("strict", name, faults) == place.entry.strict


def test_the_connection_rate_is_limited(idle_lab: Lab) -> None:
    answers = [_first_line(idle_lab.places["connection-rate-limited"]) for _ in range(12)]
    assert answers[0].startswith("220")
    assert answers[-1].startswith("421 4.7.0"), answers


@pytest.mark.parametrize(
    ("name", "limit"), [("connection-count-limited", 2), ("connection-count-limited-submission", 3)]
)
def test_the_connection_count_is_limited(idle_lab: Lab, name: str, limit: int) -> None:
    place = idle_lab.places[name]
    with ExitStack() as stack:
        answers = []
        for _ in range(limit + 1):
            line = stack.enter_context(wire.Line(place.address, place.port))
            answers.append(wire.greeting(line, place.role)[0])
    assert [answer[:3] for answer in answers] == ["220"] * limit + ["421"]


def test_greets_late(idle_lab: Lab) -> None:
    began = time.monotonic()
    assert _first_line(idle_lab.places["greets-late"]).startswith("220")
    assert time.monotonic() - began >= 2.9


def test_postscreen_makes_every_client_wait(idle_lab: Lab) -> None:
    place = idle_lab.places["postscreen"]
    with wire.Line(place.address, place.port) as line:
        began = time.monotonic()
        assert line.line().startswith("220-")
        assert time.monotonic() - began < 2
        assert line.line().startswith("220 ")
        assert time.monotonic() - began >= 5.5
        assert wire.features(line, "mx").starttls


def test_turns_this_client_away(idle_lab: Lab) -> None:
    assert _first_line(idle_lab.places["turns-this-client-away"]).startswith("554")


def test_the_password_service_is_dead(idle_lab: Lab) -> None:
    place = idle_lab.places["password-service-dead"]
    line = wire.encrypted(place, wire.any_version())
    with line, pytest.raises(EOFError):
        wire.features(line, place.role)


@pytest.mark.parametrize("name", ["sound-submission", "sound-submissions"])
def test_the_right_password_works_and_a_wrong_one_does_not(lab: Lab, name: str) -> None:
    place = lab.places[name]
    with _logged_off(place, lab.authority.anchors) as server:
        with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
            server.login(USER, PASSWORD + "x")
        assert refused.value.smtp_code == 535
        assert server.login(USER, PASSWORD)[0] == 235


def test_the_queue_shows_accepted_mail(lab: Lab) -> None:
    """The other tests say that the queue stayed empty: this one shows that they could see mail."""
    with _logged_off(lab.places["sound-submission"], lab.authority.anchors) as server:
        server.login(USER, PASSWORD)
        server.sendmail(USER, ["bob@lab.example", "someone@example.org"], "Subject: proof\r\n\r\nproof\r\n")
    try:
        assert len(lab.postfix.queued()) == 1
    finally:
        _empty_queue(lab)
    assert lab.postfix.queued() == []


def test_mailboxes_open_with_the_right_password(lab: Lab) -> None:
    place = lab.places["sound-imaps"]
    context = _believing(lab.authority.anchors)
    with imaplib.IMAP4_SSL(place.address, place.port, ssl_context=context, timeout=10) as server:
        server.login(USER, PASSWORD)
        assert server.select("INBOX")[0] == "OK"


@pytest.mark.parametrize("role", ["mx", "submission", "submissions", "imaps"])
def test_the_hardened_server_has_no_fault(hardened_server: MailServer, catalogue: Catalogue, role: str) -> None:
    place = hardened_server.place(role, catalogue.entries[0])
    assert judge.faults(place, hardened_server.anchors) == frozenset()


@pytest.mark.parametrize("role", ["mx", "submission", "submissions", "imaps"])
def test_the_strict_server_has_no_fault_of_its_own(strict_server: MailServer, catalogue: Catalogue, role: str) -> None:
    place = strict_server.place(role, catalogue.entries[0])
    assert judge.faults(place, strict_server.anchors, minimum=ssl.TLSVersion.TLSv1_3) == BEYOND_REACH


def test_the_hardened_server_has_nothing_else_open(hardened_server: MailServer) -> None:
    assert _open_roles(hardened_server) == {"mx", "submission", "submissions", "imaps"}


def test_debians_servers_have_the_faults_that_are_listed(debian_server: MailServer, catalogue: Catalogue) -> None:
    opened = _open_roles(debian_server)
    found = {
        role: judge.faults(debian_server.place(role, catalogue.entries[0]), debian_server.anchors)
        if role in opened
        else frozenset({"port-open"})
        for role in PORTS
    }
    for role, faults in found.items():
        keep_judged("debian", role, faults)
    assert found == dict(catalogue.debian_default)


def _first_line(place: Place) -> str:
    with wire.Line(place.address, place.port) as line:
        return line.line()


def _open_roles(server: MailServer) -> set[str]:
    opened = set()
    for role, port in PORTS.items():
        with socket.socket() as probe:
            probe.settimeout(5)
            if probe.connect_ex((server.address, port)) == 0:
                opened.add(role)
    return opened


def _believing(anchors: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(anchors))
    # Python connects to an address here; the name is what wire.faults looks at.
    context.check_hostname = False
    return context


def _logged_off(place: Place, anchors: Path) -> smtplib.SMTP:
    context = _believing(anchors)
    if place.role == "submissions":
        return smtplib.SMTP_SSL(place.address, place.port, context=context, timeout=20)
    server = smtplib.SMTP(place.address, place.port, timeout=20)
    server.starttls(context=context)
    return server


def _empty_queue(lab: Lab) -> None:
    """Throw the mail away once the queue manager has put it down: it moves files while it works."""
    deadline = time.monotonic() + 10
    while any("deferred" not in path.parts for path in lab.postfix.queued()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"still busy: {lab.postfix.queued()}")
        time.sleep(0.02)
    lab.postfix.discard_queue()
