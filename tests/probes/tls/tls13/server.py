"""A TLS 1.3 server for tests that keeps to RFC 8446 but for what a test replaces in its flight.

Its keys come from the code under test, which OpenSSL's server checks elsewhere; its messages are written by hand.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from smtp_audit.probes.tls.hello import HELLO_RETRY_RANDOM, extension, extension_map, vector
from smtp_audit.probes.tls.tls13.handshake import Handshake13
from smtp_audit.probes.tls.tls13.key_schedule import SUITES, KeySchedule, Protection, finished_mac
from smtp_audit.probes.tls.tls13.key_share import new_share
from smtp_audit.probes.tls.tls13.octets import HandshakeFault
from tests.hostile.records import CHANGE_CIPHER_SPEC, HANDSHAKE, message, record

Signer = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
X25519, P256, P384 = 0x001D, 0x0017, 0x0018
VERSION = extension(43, b"\x03\x04")


def extensions(*parts: bytes) -> bytes:
    return vector(2, b"".join(parts))


def entry(der: bytes, *parts: bytes) -> bytes:
    """A CertificateEntry."""
    return vector(3, der) + extensions(*parts)


def ticket(lifetime: int = 7200, early: bytes | None = None, body: bytes = b"t" * 32) -> bytes:
    """A NewSessionTicket message."""
    more = extensions(*(() if early is None else (extension(42, early),)))
    return message(4, lifetime.to_bytes(4) + bytes(4) + vector(1, b"n") + vector(2, body) + more)


def session_of(hello: bytes) -> bytes:
    """The session id of a ClientHello record."""
    return hello[44 : 44 + hello[43]]


def offered(hello: bytes) -> dict[int, bytes]:
    """The extensions of a ClientHello record, by number."""
    place = 44 + hello[43]
    place += 2 + int.from_bytes(hello[place : place + 2])  # suites
    found = extension_map(hello[place + 1 + hello[place] :])
    assert found is not None
    return found


def shares(hello: bytes) -> dict[int, bytes]:
    """The client's shares, by group."""
    rest = offered(hello)[51][2:]
    found = {}
    while rest:
        size = int.from_bytes(rest[2:4])
        found[int.from_bytes(rest[:2])] = rest[4 : 4 + size]
        rest = rest[4 + size :]
    return found


def self_signed(key: Signer) -> bytes:
    """A certificate in DER."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "handshake")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(1))
    digest = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(key, digest).public_bytes(Encoding.DER)


@dataclass
class Server13:
    """One server for one handshake. What is None is done as it should be.

    `change` gets the name and the message of every message of the encrypted flight and returns what is sent instead;
    the transcript has what was sent.
    """

    key: Signer
    chain: tuple[bytes, ...]
    suite: int = 0x1301
    group: int = X25519
    session: bytes | None = None
    share: bytes | None = None
    hello_extensions: bytes | None = None
    encrypted: tuple[bytes, ...] = ()
    request: bytes | None = None
    with_leaf: tuple[bytes, ...] = ()
    certificate_body: bytes | None = None
    scheme: int = 0x0403
    change: Callable[[str, bytes], bytes] = field(default=lambda _name, sent: sent)
    transcript: bytes = b""

    def retry(self, hello: bytes, *parts: bytes, suite: int | None = None) -> bytes:
        """A HelloRetryRequest with `parts` behind supported_versions."""
        body = self._hello_body(HELLO_RETRY_RANDOM, hello, extensions(VERSION, *parts), suite)
        sent = message(2, body)
        first = message(254, hashlib.new(SUITES[self.suite].hash.name, hello[5:]).digest())
        self.transcript = first + sent
        return record(HANDSHAKE, sent)

    def _hello_body(self, random: bytes, hello: bytes, block: bytes, suite: int | None = None) -> bytes:
        session = session_of(hello) if self.session is None else self.session
        return b"\x03\x03" + random + vector(1, session) + (suite or self.suite).to_bytes(2) + b"\0" + block

    def hello(self, hello: bytes) -> bytes:
        """The ServerHello, in its record."""
        pair = new_share(self.group)
        public = pair.public if self.share is None else self.share
        chosen = extension(51, self.group.to_bytes(2) + vector(2, public))
        block = extensions(VERSION, chosen) if self.hello_extensions is None else self.hello_extensions
        sent = message(2, self._hello_body(b"\x5a" * 32, hello, block))
        self.transcript += hello[5:] + sent
        # Without a share of the client's, the test is about a fault that it finds before it needs keys.
        share = shares(hello).get(self.group)
        shared = bytes(32) if share is None else pair.exchange(share)
        self.schedule = KeySchedule(SUITES[self.suite], shared)
        self.client, self.server = self.schedule.handshake_secrets(self.digest())
        self.sealing = Protection(SUITES[self.suite], self.server)
        return record(HANDSHAKE, sent)

    def digest(self) -> bytes:
        return SUITES[self.suite].digest(self.transcript)

    def flight(self) -> bytes:
        """The messages from EncryptedExtensions to Finished, in clear."""
        out = self._send("encrypted_extensions", message(8, extensions(*self.encrypted)))
        if self.request is not None:
            out += self._send("certificate_request", message(13, self.request))
        entries = [entry(der, *(self.with_leaf if place == 0 else ())) for place, der in enumerate(self.chain)]
        body = b"\0" + vector(3, b"".join(entries)) if self.certificate_body is None else self.certificate_body
        out += self._send("certificate", message(11, body))
        signed = b" " * 64 + b"TLS 1.3, server CertificateVerify\0" + self.digest()
        verify = message(15, self.scheme.to_bytes(2) + vector(2, self._sign(signed)))
        out += self._send("certificate_verify", verify)
        mac = finished_mac(SUITES[self.suite], self.server, self.digest())
        return out + self._send("finished", message(20, mac))

    def _send(self, name: str, sent: bytes) -> bytes:
        sent = self.change(name, sent)
        self.transcript += sent
        return sent

    def _sign(self, signed: bytes) -> bytes:
        if isinstance(self.key, ec.EllipticCurvePrivateKey):
            return self.key.sign(signed, ec.ECDSA(hashes.SHA256()))
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(signed, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
        return self.key.sign(signed)

    def answer(self, hello: bytes) -> bytes:
        """The whole flight, one record for the encrypted part; the keys for application data are ready after it."""
        out = self.hello(hello) + self.sealing.seal(HANDSHAKE, self.flight())
        self.application()
        return out

    def application(self) -> None:
        self.client_data, self.server_data = self.schedule.application_secrets(self.digest())
        self.sealing = Protection(SUITES[self.suite], self.server_data)


KEY = ec.generate_private_key(ec.SECP256R1())
LEAF = self_signed(KEY)
CHANGE = record(CHANGE_CIPHER_SPEC, b"\x01")
REQUEST = b"\0" + extensions(extension(13, vector(2, b"\x04\x03")))


def server(**changes: object) -> Server13:
    return Server13(**{"key": KEY, "chain": (LEAF,), **changes})  # type: ignore[arg-type]


def met(peer: Server13, **offer: object) -> Handshake13:
    """A handshake that was answered by `peer` at once."""
    client = Handshake13("mail.example", **offer)  # type: ignore[arg-type]
    client.feed(peer.answer(client.hello()))
    return client


def refused(peer: Server13, words: str, **offer: object) -> Handshake13:
    """A handshake that `peer` breaks: a fault with `words`, and it is not done."""
    client = Handshake13("mail.example", **offer)  # type: ignore[arg-type]
    with pytest.raises(HandshakeFault, match=words) as first:
        client.feed(peer.answer(client.hello()))
    assert not client.done
    with pytest.raises(HandshakeFault) as again:
        client.feed(b"")
    assert again.value is first.value
    return client
