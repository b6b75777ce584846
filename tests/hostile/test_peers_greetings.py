"""Proofs, with plain sockets, that the peers that misbehave before TLS do what they say."""

import socket
import threading

import pytest

from .client import Client, took
from .greetings import DROPPED_EVERY, EHLO_LINES, FINE_AFTER, FINE_UNTIL
from .markers import ESCAPES, MARKUP, NOT_UTF8

GREETING = b"220 mail.hostile.example ESMTP ready\r\n"


def test_a_closed_port_refuses(stage):
    with pytest.raises(ConnectionRefusedError):
        Client(stage("nothing-listening").port)


def test_a_black_hole_neither_takes_nor_refuses(stage):
    with pytest.raises(TimeoutError):
        socket.create_connection(("127.0.0.1", stage("black-hole").port), 0.5)


def test_no_greeting_is_silence(stage):
    with Client(stage("no-greeting").port) as client:
        assert client.silent()


def test_a_dripped_greeting_comes_an_octet_a_second(stage):
    with Client(stage("dripped-greeting").port) as client, took(0.9, 4):
        assert client.until(b"aa").startswith(b"220 a")


def test_an_endless_greeting_goes_on_and_never_ends_the_reply(stage):
    with Client(stage("endless-greeting").port) as client:
        lines = client.rest(1 << 20).split(b"\r\n")[:-1]
    assert len(lines) > 50_000
    assert set(lines) == {b"220-still here"}


@pytest.mark.parametrize("name", ["long-greeting", "long-ehlo"])
def test_a_long_line_has_no_end(stage, name):
    with Client(stage(name).port) as client:
        if name == "long-ehlo":
            client.until(b"\r\n")
            client.send(b"EHLO client\r\n")
        data = client.rest(16 << 20)
    assert len(data) >= 16 << 20
    assert b"\n" not in data


def test_noise_is_in_the_greeting_the_capabilities_and_the_go_ahead(stage):
    with Client(stage("noise").port) as client:
        said = [client.until(b"\r\n"), client.ask(b"EHLO client", b"250 STARTTLS"), client.ask(b"STARTTLS")]
        client.tls()
        said.append(client.ask(b"EHLO client", b"250 8BITMIME"))
    for each in said:
        assert all(part in each for part in (MARKUP.encode(), ESCAPES, NOT_UTF8, b"\0", b"\x1b"))


def test_an_http_reply_is_no_greeting(stage):
    with Client(stage("http-greeting").port) as client:
        assert client.rest().startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize(
    ("name", "said"),
    [("421-always", b"421 4.3.2 too busy\r\n"), ("554-greeting", b"554 5.7.1 go away\r\n"), ("closes-at-once", b"")],
)
def test_turned_away_every_time(stage, name, said):
    port = stage(name).port
    for _ in range(3):
        with Client(port) as client:
            assert client.rest() == said


def test_421_for_some_connections_then_fine(stage):
    port = stage("421-then-fine").port
    for _ in range(FINE_AFTER):
        with Client(port) as client:
            assert client.rest().startswith(b"421")
    with Client(port) as client:
        assert client.until(b"\r\n") == GREETING


def test_fine_for_some_connections_then_closes(stage):
    port = stage("closes-later").port
    for _ in range(FINE_UNTIL):
        with Client(port) as client:
            assert client.until(b"\r\n") == GREETING
    for _ in range(2):
        with Client(port) as client:
            assert client.rest() == b""


def test_one_connection_in_ten_is_dropped(stage):
    port = stage("drops-every-tenth").port
    dropped = []
    for number in range(1, 2 * DROPPED_EVERY + 1):
        with Client(port) as client:
            if not client.some():
                dropped.append(number)
    assert dropped == [5, 15]


def test_hangs_after_ehlo(stage):
    with Client(stage("hangs-after-ehlo").port) as client:
        client.until(b"\r\n")
        client.send(b"EHLO client\r\n")
        assert client.silent()


def test_a_huge_ehlo_is_a_reply_after_all(stage):
    with Client(stage("huge-ehlo").port) as client:
        client.until(b"\r\n")
        lines = client.ask(b"EHLO client", b"250 STARTTLS\r\n").split(b"\r\n")
    assert len(lines) == EHLO_LINES + 2


def test_closes_inside_ehlo(stage):
    with Client(stage("closes-inside-ehlo").port) as client:
        client.until(b"\r\n")
        client.send(b"EHLO client\r\n")
        assert client.rest() == b"250-mail\r\n250-SI"


@pytest.mark.parametrize(
    ("name", "said"),
    [("starttls-454", b"454 "), ("starttls-554", b"554 "), ("starttls-421", b"421 "), ("noise-at-starttls", b'">')],
)
def test_starttls_is_offered_and_not_done(stage, name, said):
    with Client(stage(name).port) as client:
        client.until(b"\r\n")
        assert b"STARTTLS" in client.ask(b"EHLO client", b"250 ENHANCEDSTATUSCODES\r\n")
        assert client.ask(b"STARTTLS").startswith(said)


def test_hangs_at_starttls(stage):
    with Client(stage("hangs-at-starttls").port) as client:
        client.until(b"\r\n")
        client.ask(b"EHLO client", b"250 ENHANCEDSTATUSCODES\r\n")
        client.send(b"STARTTLS\r\n")
        assert client.silent()


def test_a_peer_leaves_cleanly_with_its_connections(certificates):
    from .catalogue import PEERS
    from .stage import Stage

    before = threading.active_count()
    with Stage(PEERS["no-greeting"], certificates) as stage, Client(stage.port) as client:
        assert client.silent(0.1)
        assert (stage.connections, stage.open) == (1, 1)
        port = stage.port
    assert threading.active_count() == before
    assert stage.open == 0
    with pytest.raises(ConnectionRefusedError):
        Client(port)
