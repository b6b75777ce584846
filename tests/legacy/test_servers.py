"""Proofs, by Python's ssl and plain sockets, that every server is entered by today's clients, and stops."""

import socket
import ssl

import pytest

from .asking import python_context, starttls
from .catalogue import SERVERS, Server
from .front import HOST, Front


@pytest.mark.parametrize("server", [s for s in SERVERS if s.finishes], ids=lambda s: s.name)
def test_a_client_of_today_gets_to_the_mail_server_inside(certificates, started, server: Server):
    context = python_context("DEFAULT@SECLEVEL=0", lowest=0x0301)
    context.load_verify_locations(certificates.anchors)
    context.verify_mode, context.check_hostname = ssl.CERT_REQUIRED, True
    with starttls(started(server.name)) as clear, context.wrap_socket(clear, server_hostname=HOST) as client:
        if server.name != "command-before-tls-kept":
            client.sendall(b"EHLO client\r\n")
        client.sendall(b"QUIT\r\n")
        said = b""
        while b"221 " not in said:
            more = client.recv(4096)
            assert more, said
            said += more
    assert b"STARTTLS" not in said


def test_a_sound_server_takes_no_command_from_before_tls(started):
    assert inside_after(started("canned-sound"), b"STARTTLS\r\nRSET\r\n") == b""


def test_a_command_from_before_tls_is_taken_inside(started):
    assert inside_after(started("command-before-tls-kept"), b"STARTTLS\r\nRSET\r\n").startswith(b"250 ")


def test_clear_text_follows_the_reply(started):
    with socket.create_connection(("127.0.0.1", started("clear-text-after-reply").port), 5) as client:
        client.sendall(b"EHLO client\r\nSTARTTLS\r\n")
        said = b""
        while b"220 2.0.0 go ahead\r\n250 HELP\r\n" not in said:
            more = client.recv(4096)
            assert more, said
            said += more


def test_implicit_tls(certificates):
    secure = next(s for s in SERVERS if s.name == "canned-sound").start(certificates)
    with Front(secure.secure, implicit=True) as front, socket.create_connection(("127.0.0.1", front.port), 5) as clear:
        client = python_context().wrap_socket(clear)
        assert client.recv(100).startswith(b"220 ")
        client.close()
    assert front.faults == []


def inside_after(front: Front, words: bytes) -> bytes:
    """What comes inside TLS without a word from us, after these octets in one segment."""
    with socket.create_connection(("127.0.0.1", front.port), 5) as clear:
        with clear.makefile("rb") as lines:
            lines.readline()
            clear.sendall(words)
            assert lines.readline().startswith(b"220 ")
        client = python_context().wrap_socket(clear)
        client.settimeout(0.4)
        try:
            return client.recv(100)
        except TimeoutError:
            return b""
        finally:
            client.close()
