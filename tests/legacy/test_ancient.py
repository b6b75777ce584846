"""Proofs that the servers by tlslite-ng are what they say: whole handshakes where a client can, hellos where not."""

import pytest
from tlslite.api import HandshakeSettings, TLSConnection
from tlslite.errors import TLSRemoteAlert

from .asking import SOUND_SIGNATURES, ask, client_hello, python_context, starttls
from .suites import numbers

GOOD = numbers("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384")
HANDSHAKE_FAILURE, PROTOCOL_VERSION = 40, 70


@pytest.mark.parametrize(
    ("name", "highest", "ciphers", "macs", "exchanges"),
    [
        ("ssl3", (3, 0), ["aes128"], ["sha"], ["ecdhe_rsa"]),
        ("rc4", (3, 3), ["rc4"], ["sha"], ["ecdhe_rsa"]),
        ("3des", (3, 3), ["3des"], ["sha"], ["ecdhe_rsa"]),
        ("null", (3, 3), ["null"], ["sha"], ["ecdhe_rsa"]),
        ("rsa-rc4-md5", (3, 3), ["rc4"], ["md5"], ["rsa"]),
        ("static-rsa", (3, 3), ["aes128gcm"], ["aead"], ["rsa"]),
        ("cbc", (3, 3), ["aes256"], ["sha"], ["ecdhe_rsa"]),
        ("cbc-tolerated", (3, 3), ["aes128"], ["sha256"], ["ecdhe_rsa"]),
        ("old-versions", (3, 1), ["aes128"], ["sha"], ["ecdhe_rsa"]),
        ("nothing-newer-than-tls11", (3, 2), ["aes128"], ["sha"], ["ecdhe_rsa"]),
    ],
)
def test_a_whole_handshake_with_the_old(started, name, highest, ciphers, macs, exchanges):
    settings = HandshakeSettings()
    settings.minVersion = settings.maxVersion = highest
    settings.versions = [highest]
    settings.cipherNames, settings.macNames, settings.keyExchangeNames = ciphers, macs, exchanges
    front = started(name)
    with starttls(front) as clear:
        client = TLSConnection(clear)
        client.handshakeClientCert(settings=settings)
        assert client.version == highest
        client.sendall(b"EHLO client\r\n")
        # One octet may come first, alone: so CBC is saved from BEAST.
        assert bytes(client.recv(100)).startswith(b"2")
    # The same hello finds no friend at the sound server.
    with starttls(started("sound")) as clear, pytest.raises(TLSRemoteAlert) as refused:
        TLSConnection(clear).handshakeClientCert(settings=settings)
    assert refused.value.description == (PROTOCOL_VERSION if highest < (3, 3) else HANDSHAKE_FAILURE)


def test_no_extended_master_secret(started):
    hello = client_hello(0x0303, GOOD)
    assert 23 in ask(started("sound"), hello).extensions
    assert 23 not in ask(started("no-extended-master-secret"), hello).extensions


def test_no_renegotiation_info(started):
    hello = client_hello(0x0303, GOOD)
    assert 0xFF01 in ask(started("sound"), hello).extensions
    assert 0xFF01 not in ask(started("no-renegotiation-info"), hello).extensions


def test_heartbeat(started):
    hello = client_hello(0x0303, GOOD, extensions={15: b"\x01"})
    assert ask(started("heartbeat"), hello).extensions[15] == b"\x01"
    assert 15 not in ask(started("sound"), hello).extensions


def test_sha1_signatures(started):
    hello = client_hello(0x0303, GOOD, signatures=(0x0201,))
    assert ask(started("sha1-signatures"), hello).signature == 0x0201
    assert ask(started("sha1-signatures"), client_hello(0x0303, GOOD)).signature in SOUND_SIGNATURES
    assert ask(started("sound"), hello).alert == HANDSHAKE_FAILURE


def test_a_weak_curve(started):
    hello = client_hello(0x0303, GOOD, groups=(19,))
    assert ask(started("weak-curve"), hello).named_curve == 19
    assert ask(started("weak-curve"), client_hello(0x0303, GOOD, groups=(29, 19))).named_curve == 29
    assert ask(started("sound"), hello).alert == HANDSHAKE_FAILURE


def test_asks_for_certificates(started):
    assert 13 in ask(started("asks-for-certificates"), client_hello(0x0303, GOOD)).messages
    assert 13 not in ask(started("sound"), client_hello(0x0303, GOOD)).messages


def test_the_servers_order_counts(started):
    suites = numbers("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384")
    first = ask(started("sound"), client_hello(0x0303, suites)).suite
    assert ask(started("sound"), client_hello(0x0303, suites[::-1])).suite == first


def test_tickets_of_a_week(started):
    front = started("tickets-of-a-week")
    with starttls(front) as clear, python_context().wrap_socket(clear) as client:
        client.sendall(b"EHLO client\r\n")
        assert client.recv(100).startswith(b"250")
        assert client.session is not None
        assert client.session.ticket_lifetime_hint == 604800


def test_early_data(started):
    assert tickets(started("early-data"))[0].extensions[-1].extData == bytearray((16384).to_bytes(4))
    assert [t.extensions for t in tickets(started("tickets-of-a-week"))] == [[]]
    assert tickets(started("sound")) == []


def tickets(front):
    """The tickets of TLS 1.3 that come before the first answer."""
    with starttls(front) as clear:
        client = TLSConnection(clear)
        client.handshakeClientCert()
        client.sendall(b"EHLO client\r\n")
        assert bytes(client.recv(100)).startswith(b"250")
        return client.tickets


def test_the_sound_one_is_sound(started):
    front = started("sound")
    with starttls(front) as clear, python_context("DEFAULT@SECLEVEL=2").wrap_socket(clear) as client:
        assert client.version() == "TLSv1.3"
    weak = [n for n in range(0x01, 0x9C) if n != 0xFF]
    assert ask(front, client_hello(0x0303, weak)).alert == HANDSHAKE_FAILURE
    for version in (0x0300, 0x0301, 0x0302):
        assert ask(front, client_hello(version, GOOD)).alert == PROTOCOL_VERSION
