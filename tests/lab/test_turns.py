"""Who waits is heard, and who does not is not; told by bare sockets."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from smtp_audit.facts.endpoint import Role
from smtp_audit.lab import Lab, Site

HELLO = b"EHLO client.example\r\n"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab() as running:
        yield running


class Line:
    """A connection to port 25 of a site, behind its greeting."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._file = connection.makefile("rb")

    def say(self, *segments: bytes) -> str:
        """Send the segments, each by itself, and read one reply; its code, empty at the end of the connection."""
        for segment in segments:
            self._connection.sendall(segment)
        while (line := self._file.readline())[3:4] == b"-":
            pass
        return line[:3].decode()


@contextmanager
def line(site: Site, *, greeting: bool = True) -> Iterator[Line]:
    with socket.create_connection((site.address, site.ports[Role.MX]), timeout=10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client = Line(connection)
        if greeting:
            assert client.say() == "220"
        yield client


def begun(client: Line, site: Site) -> None:
    """A transaction with the site's user, up to DATA."""
    codes = [client.say(said) for said in (HELLO, b"MAIL FROM:<>\r\n", f"RCPT TO:<{site.account.user}>\r\n".encode())]
    assert codes == ["250"] * 3
    assert client.say(b"DATA\r\n") == "354"


@pytest.mark.parametrize(
    "group",
    [b"NOOP\r\nNOOP\r\n", b"noop x\r\nRSET\r\n", b"VRFY a\r\nNOOP\r\n", b"EHLO a\r\nRSET\r\n", b"QUIT\r\nRSET\r\n"],
)
def test_who_talks_on_behind_what_has_to_be_waited_for_is_turned_away(lab, group):
    with line(lab.good) as client:
        assert [client.say(group), client.say()] == ["554", ""]


def test_what_may_come_in_a_group_is_answered_in_full(lab):
    with line(lab.good) as client:
        assert client.say(HELLO) == "250"
        batch = b"MAIL FROM:<>\r\nRCPT TO:<postmaster>\r\nRCPT TO:<abuse@good.example>\r\nRSET\r\nNOOP\r\n"
        assert [client.say(batch), *(client.say() for _ in range(4))] == ["250"] * 5


def test_the_careless_one_hears_them_all(lab):
    with line(lab.bad) as client:
        assert [client.say(b"NOOP\r\nNOOP\n"), client.say()] == ["250", "250"]


def test_who_talks_before_the_greeting_gets_none(lab):
    with line(lab.good, greeting=False) as client:
        assert [client.say(b"NOOP\r\n"), client.say()] == ["554", ""]


@pytest.mark.parametrize("said", [b"NOOP\n", b"NOOP\r\r\n\n", b"NO\nOP\r\n"])
def test_lf_alone_ends_no_command(lab, said):
    with line(lab.good) as client:
        assert [client.say(said), client.say()] == ["521", ""]


def test_a_line_end_in_two_pieces_is_one(lab):
    with line(lab.good) as client:
        assert [client.say(b"NO", b"OP\r", b"\n"), client.say(b"NOOP\r\n")] == ["250", "250"]


def test_commands_inside_of_a_message_are_text(lab):
    with line(lab.good) as client:
        begun(client, lab.good)
        assert [client.say(b"NOOP\r\nNOOP\r\nbare\nlf\r\n.\r\n"), client.say(b"NOOP\r\n")] == ["250", "250"]


@pytest.mark.parametrize("end", [b"\n.\r\n", b"\n.\n", b"\r\n.\n"])
def test_only_the_careless_one_ends_a_message_at_a_bare_lf(lab, end):
    with line(lab.bad) as client:
        begun(client, lab.bad)
        assert [client.say(b"Subject: x\r\n\r\nx" + end + b"NOOP\r\n"), client.say()] == ["250", "250"]
    with line(lab.good) as client:
        begun(client, lab.good)
        assert client.say(b"Subject: x\r\n\r\nx" + end + b"QUIT\r\n", b"\r\n.\r\n") == "250"
        assert client.say(b"NOOP\r\n") == "250"
