"""Proofs, with plain sockets, for the peers that speak IMAP, POP3, ManageSieve or begin with TLS."""

import ssl

import pytest

from smtp_audit.facts.endpoint import Role

from .certificates import HOST
from .client import Client
from .markers import ESCAPES, MARKUP


@pytest.mark.parametrize("role", ["imap", "pop3", "sieve"])
def test_no_greeting(stage, role):
    with Client(stage(f"{role}-no-greeting").port) as client:
        assert client.silent()


@pytest.mark.parametrize("role", ["imap", "pop3", "sieve"])
def test_noise_for_a_greeting(stage, role):
    with Client(stage(f"{role}-noise").port) as client:
        said = client.until(b"\r\n")
        assert MARKUP.encode() in said
        assert ESCAPES in said
        assert client.silent(0.1)


@pytest.mark.parametrize(
    ("role", "command", "start"),
    [
        ("imap", b"a CAPABILITY", b"* CAPABILITY X-ENDLESS\r\n"),
        ("pop3", b"CAPA", b"+OK\r\nX-ENDLESS\r\n"),
        ("sieve", b"", b'"X-ENDLESS" "x"\r\n'),
    ],
)
def test_capability_lines_without_end(stage, role, command, start):
    with Client(stage(f"{role}-endless-capabilities").port) as client:
        if command:
            client.until(b"ready\r\n")
            client.send(command + b"\r\n")
        said = client.rest(1 << 20)
    assert said.startswith(start)
    assert said.count(b"X-ENDLESS") > 10_000


@pytest.mark.parametrize(("role", "command"), [("imap", b"a CAPABILITY"), ("sieve", b"")])
def test_a_literal_of_four_gigabytes(stage, role, command):
    with Client(stage(f"{role}-huge-literal").port) as client:
        if command:
            client.until(b"ready\r\n")
            client.send(command + b"\r\n")
        said = client.rest(4 << 20)
    assert b"{4000000000}\r\nAAAA" in said


@pytest.mark.parametrize("role", [Role.IMAP, Role.POP3, Role.SIEVE])
def test_the_three_speak_starttls_when_nothing_is_replaced(certificates, role):
    from .peers import Peer
    from .stage import Stage

    with Stage(Peer("plain", "nothing wrong", None, role=role), certificates) as stage:
        with Client(stage.port).up_to_hello(role) as client:
            client.tls(ssl.create_default_context(cafile=str(certificates.anchors)), HOST)
            if role is Role.SIEVE:
                assert b'"SASL" "PLAIN"' in client.until(b"inside")
            elif role is Role.POP3:
                assert b"SASL PLAIN" in client.ask(b"CAPA", b"\r\n.\r\n")
            else:
                assert b"AUTH=PLAIN" in client.ask(b"c CAPABILITY", b"c OK")
        assert not stage.faults


def test_silence_inside_tls(stage):
    with Client(stage("imaps-silent-inside").port) as client:
        assert client.tls().cipher()
        assert client.silent()


def test_noise_inside_tls(stage):
    with Client(stage("pop3s-noise-inside").port) as client:
        client.tls()
        assert MARKUP.encode() in client.until(b"\r\n")


def test_a_silent_implicit_tls_port(stage):
    with Client(stage("submissions-silent").port) as client, pytest.raises(TimeoutError):
        client.tls(timeout=0.5)


def test_clear_text_where_tls_belongs(stage):
    port = stage("submissions-clear").port
    with Client(port) as client:
        assert client.until(b"\r\n").startswith(b"220 mail")
    with Client(port) as client, pytest.raises(ssl.SSLError):
        client.tls()
