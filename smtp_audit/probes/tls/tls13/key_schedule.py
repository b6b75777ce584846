"""The keys of TLS 1.3 and the records under them: RFC 8446 sections 5 and 7, with the primitives of `cryptography`."""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from smtp_audit.probes.tls.hello import vector
from smtp_audit.probes.tls.tls13.octets import BeyondUs, HandshakeFault

APPLICATION_RECORD = 23
MAX_PLAINTEXT = 1 << 14
"""Octets of the content of one record (RFC 8446 section 5.1)."""

Aead = AESGCM | AESCCM | ChaCha20Poly1305


class Suite(NamedTuple):
    """A cipher suite of TLS 1.3: its hash, and its cipher with the length of the key."""

    hash: hashes.HashAlgorithm
    key_length: int
    cipher: Callable[[bytes], Aead]
    tag_length: int = 16

    def digest(self, data: bytes) -> bytes:
        """The hash of `data`."""
        return hashlib.new(self.hash.name, data).digest()


SUITES = {
    0x1301: Suite(hashes.SHA256(), 16, AESGCM),
    0x1302: Suite(hashes.SHA384(), 32, AESGCM),
    0x1303: Suite(hashes.SHA256(), 32, ChaCha20Poly1305),
    0x1304: Suite(hashes.SHA256(), 16, AESCCM),
    0x1305: Suite(hashes.SHA256(), 16, partial(AESCCM, tag_length=8), 8),
}


def expand_label(suite: Suite, secret: bytes, label: str, context: bytes, length: int) -> bytes:
    """HKDF-Expand-Label (RFC 8446 section 7.1)."""
    info = struct.pack("!H", length) + vector(1, b"tls13 " + label.encode("ascii")) + vector(1, context)
    return HKDFExpand(suite.hash, length, info).derive(secret)


def finished_mac(suite: Suite, secret: bytes, transcript: bytes) -> bytes:
    """The verify_data of a Finished, over the hash of the transcript (RFC 8446 section 4.4.4)."""
    key = expand_label(suite, secret, "finished", b"", suite.hash.digest_size)
    return hmac.digest(key, transcript, suite.hash.name)


class KeySchedule:
    """The traffic secrets of a handshake without a pre-shared key (RFC 8446 section 7.1)."""

    def __init__(self, suite: Suite, shared: bytes) -> None:
        self._suite = suite
        zeros = bytes(suite.hash.digest_size)
        early = self._extract(zeros, zeros)
        self._handshake = self._extract(self._derived(early), shared)
        self._master = self._extract(self._derived(self._handshake), zeros)

    def handshake_secrets(self, transcript: bytes) -> tuple[bytes, bytes]:
        """The client's and the server's, from the hash up to the ServerHello."""
        return self._pair(self._handshake, "hs", transcript)

    def application_secrets(self, transcript: bytes) -> tuple[bytes, bytes]:
        """The client's and the server's, from the hash up to the server's Finished."""
        return self._pair(self._master, "ap", transcript)

    def _pair(self, secret: bytes, stage: str, transcript: bytes) -> tuple[bytes, bytes]:
        size = self._suite.hash.digest_size
        client, server = (
            expand_label(self._suite, secret, f"{side} {stage} traffic", transcript, size) for side in "cs"
        )
        return client, server

    def _extract(self, salt: bytes, secret: bytes) -> bytes:
        return hmac.digest(salt, secret, self._suite.hash.name)

    def _derived(self, secret: bytes) -> bytes:
        size = self._suite.hash.digest_size
        return expand_label(self._suite, secret, "derived", self._suite.digest(b""), size)


class Protection:
    """The records of one direction under one traffic secret (RFC 8446 sections 5.2 and 5.3)."""

    def __init__(self, suite: Suite, secret: bytes) -> None:
        self._suite = suite
        self._secret = secret
        key = expand_label(suite, secret, "key", b"", suite.key_length)
        try:
            self._cipher = suite.cipher(key)
        except UnsupportedAlgorithm:
            raise BeyondUs("a cipher that the installed cryptography library does not have") from None
        self._iv = int.from_bytes(expand_label(suite, secret, "iv", b"", 12), "big")
        self._sequence = 0

    def next(self) -> Protection:
        """The same direction after a KeyUpdate (RFC 8446 section 7.2)."""
        size = self._suite.hash.digest_size
        return Protection(self._suite, expand_label(self._suite, self._secret, "traffic upd", b"", size))

    def seal(self, kind: int, content: bytes) -> bytes:
        """The records for `content`, as many as it takes."""
        parts = [content[i : i + MAX_PLAINTEXT] for i in range(0, len(content), MAX_PLAINTEXT)]
        return b"".join(self._seal(kind, part) for part in parts)

    def _seal(self, kind: int, content: bytes) -> bytes:
        header = struct.pack("!BHH", APPLICATION_RECORD, 0x0303, len(content) + 1 + self._suite.tag_length)
        return header + self._cipher.encrypt(self._nonce(), content + bytes([kind]), header)

    def open(self, header: bytes, payload: bytes) -> tuple[int, bytes]:
        """The kind and the content of a record; the padding is taken off."""
        try:
            inner = self._cipher.decrypt(self._nonce(), payload, header)
        except (InvalidTag, ValueError):  # ValueError: shorter than a tag
            raise HandshakeFault("a record that does not decrypt") from None
        content = inner.rstrip(b"\0")
        if not content:
            raise HandshakeFault("a record of padding alone")
        if len(inner) > MAX_PLAINTEXT + 1:
            raise HandshakeFault("a record longer than 16384 octets")
        return content[-1], content[:-1]

    def _nonce(self) -> bytes:
        nonce = self._iv ^ self._sequence
        self._sequence += 1
        return nonce.to_bytes(12, "big")
