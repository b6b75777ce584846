"""Proofs, with plain sockets, for the peers that misbehave inside TLS or late in a session."""

import base64

import pytest

from smtp_audit.facts.endpoint import Role

from .client import Client
from .inside import BUSY_FOR
from .markers import PASSWORD, USER

PLAIN = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode())
EHLO, MAIL, QUIT, AUTH = b"EHLO client", b"MAIL FROM:<a@b.example>", b"QUIT", b"AUTH PLAIN " + PLAIN


def inside(port: int) -> Client:
    client = Client(port).up_to_hello(Role.SUBMISSION)
    client.tls()
    return client


@pytest.mark.parametrize(
    ("name", "step"),
    [("hangs-inside-tls", EHLO), ("hangs-at-quit", QUIT), ("mail-hangs", MAIL), ("auth-hangs", AUTH)],
)
def test_hangs(stage, name, step):
    with inside(stage(name).port) as client:
        client.send(step + b"\r\n")
        assert client.silent()


@pytest.mark.parametrize(("name", "step"), [("closes-inside-tls", EHLO), ("auth-closes", AUTH)])
def test_closes(stage, name, step):
    with inside(stage(name).port) as client:
        client.send(step + b"\r\n")
        assert client.rest() == b""


@pytest.mark.parametrize(
    ("name", "step", "unit"),
    [
        ("floods-inside-tls", EHLO, b"250-X-ENDLESS\r\n"),
        ("floods-at-quit", QUIT, b"x"),
        ("auth-floods", AUTH, b"535-no\r\n"),
        ("auth-long-line", AUTH, b"5"),
    ],
)
def test_floods(stage, name, step, unit):
    with inside(stage(name).port) as client:
        client.send(step + b"\r\n")
        said = client.rest(1 << 20)
    assert len(said) >= 1 << 20
    assert set(said) == set(unit)


@pytest.mark.parametrize(
    ("name", "step", "said"),
    [
        ("mail-421", MAIL, b"421 "),
        ("mail-451", MAIL, b"451 "),
        ("auth-454", AUTH, b"454 "),
        ("auth-421", AUTH, b"421 "),
    ],
)
def test_not_now(stage, name, step, said):
    with inside(stage(name).port) as client:
        assert client.ask(step).startswith(said)


@pytest.mark.parametrize(("name", "said"), [("ehlo-421", b"421 "), ("ehlo-450", b"450 ")])
def test_not_now_before_tls(stage, name, said):
    with Client(stage(name).port) as client:
        client.until(b"\r\n")
        assert client.ask(EHLO).startswith(said)


def test_busy_at_ehlo_and_then_fine(stage):
    port = stage("ehlo-421-then-fine").port
    said = []
    for _ in range(BUSY_FOR + 1):
        with Client(port) as client:
            client.until(b"\r\n")
            said.append(client.ask(EHLO)[:3])
    assert said == [b"421"] * BUSY_FOR + [b"250"]


def test_a_dripped_ehlo_never_ends(stage):
    with Client(stage("dripped-ehlo").port) as client:
        client.until(b"\r\n")
        assert client.ask(EHLO, b"SLOW\r\n250-X-SLOW\r\n").count(b"250-") == 2


def test_starttls_is_offered_once(stage):
    port = stage("offers-starttls-once").port
    said = []
    for _ in range(3):
        with Client(port) as client:
            client.until(b"\r\n")
            said.append(b"STARTTLS" in client.ask(EHLO, b"\n250 "))
    assert said == [True, False, False]


@pytest.mark.parametrize(("name", "recipient"), [("rcpt-451", b"451 "), ("rcpt-closes", b"")])
def test_mail_is_taken_and_the_recipient_is_not(stage, name, recipient):
    with inside(stage(name).port) as client:
        assert client.ask(MAIL).startswith(b"250")
        client.send(b"RCPT TO:<a@b.example>\r\n")
        said = client.some()
        assert said.startswith(recipient) if recipient else said == b""


def submission(port: int) -> Client:
    client = Client(port).up_to_hello(Role.SUBMISSION)
    client.tls()
    said = client.ask(b"EHLO client", b"\n250 ")
    if not said.endswith(b"\n"):
        client.until(b"\n")
    return client


def test_a_sound_submission_wants_a_login_and_takes_it(stage):
    with submission(stage("sound-submission").port) as client:
        assert client.ask(MAIL).startswith(b"530")
        assert client.ask(AUTH).startswith(b"235")


def test_mail_without_a_login_is_taken_and_the_connection_closed(stage):
    with submission(stage("mail-without-auth-closes").port) as client:
        assert client.ask(MAIL).startswith(b"250")
        assert client.rest() == b""


def test_the_password_is_echoed_in_every_form(stage):
    with submission(stage("echoes-password").port) as client:
        said = client.ask(AUTH, b"\n535 5.7.8 no\r\n")
    assert all(form in said for form in (PASSWORD.encode(), base64.b64encode(PASSWORD.encode()), PLAIN))


def test_the_password_of_auth_login_is_echoed(stage):
    word = base64.b64encode(PASSWORD.encode())
    with submission(stage("echoes-password-of-login").port) as client:
        assert b"504" in client.ask(AUTH, b"this one\r\n")
        client.ask(b"AUTH LOGIN")
        client.ask(base64.b64encode(USER.encode()))
        said = client.ask(word, b"\n535 5.7.8 no\r\n")
    assert PASSWORD.encode() in said
    assert word in said


def test_half_a_reply_with_the_password(stage):
    with submission(stage("echoes-password-and-closes").port) as client:
        client.send(AUTH + b"\r\n")
        assert client.rest() == b"535-5.7.8 not " + PASSWORD.encode() + b" " + PLAIN
