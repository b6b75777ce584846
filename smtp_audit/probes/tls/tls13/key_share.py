"""Key exchange in the groups of TLS 1.3 that we can do: elliptic curves, and finite fields of up to 4096 bits.

RFC 8446 sections 4.2.8 and 7.4; RFC 7919 for the finite fields.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import cache
from typing import Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, x448, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from smtp_audit.probes.tls.parameters import GROUPS
from smtp_audit.probes.tls.tls13.octets import BeyondUs, HandshakeFault


class KeyShare(Protocol):
    """One key pair of ours, made for one handshake."""

    @property
    def public(self) -> bytes:
        """What goes into the hello."""

    def exchange(self, peer: bytes) -> bytes:
        """The shared secret with the server's share. Raises HandshakeFault when that is none."""


class _Montgomery:
    """X25519 and X448 (RFC 7748)."""

    def __init__(self, key: x25519.X25519PrivateKey | x448.X448PrivateKey) -> None:
        self._key = key
        self.public = key.public_key().public_bytes_raw()

    def exchange(self, peer: bytes) -> bytes:
        try:
            if isinstance(self._key, x25519.X25519PrivateKey):
                return self._key.exchange(x25519.X25519PublicKey.from_public_bytes(peer))
            return self._key.exchange(x448.X448PublicKey.from_public_bytes(peer))
        except ValueError:  # the wrong length, or a point that makes the secret all zeros
            raise _worthless() from None


class _Weierstrass:
    """The NIST curves, with uncompressed points alone (RFC 8446 section 4.2.8.2)."""

    def __init__(self, curve: ec.EllipticCurve) -> None:
        self._curve = curve
        self._key = ec.generate_private_key(curve)
        self.public = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def exchange(self, peer: bytes) -> bytes:
        try:
            if len(peer) != len(self.public) or peer[0] != self.public[0]:
                raise _worthless()
            return self._key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(self._curve, peer))
        except ValueError:  # not on the curve
            raise _worthless() from None


class _FiniteField:
    """The safe primes of RFC 7919, with generator 2."""

    def __init__(self, bits: int, offset: int) -> None:
        self._prime = ffdhe_prime(bits, offset)
        self._size = bits // 8
        # RFC 7919 section 5.2: twice the strength is enough for the exponent; 400 bits is more than any of these asks.
        self._exponent = secrets.randbits(400) | 1 << 399
        self.public = pow(2, self._exponent, self._prime).to_bytes(self._size, "big")

    def exchange(self, peer: bytes) -> bytes:
        value = int.from_bytes(peer, "big")
        if len(peer) != self._size or not 1 < value < self._prime - 1:
            raise _worthless()
        return pow(value, self._exponent, self._prime).to_bytes(self._size, "big")


@cache
def ffdhe_prime(bits: int, offset: int) -> int:
    """2^b - 2^(b-64) + (floor(2^(b-130) e) + offset) 2^64 - 1, with Euler's e (RFC 7919 appendix A)."""
    guard = 64
    e = term = 1 << (bits - 130 + guard)
    divisor = 1
    while term := term // divisor:
        e += term
        divisor += 1
    return (1 << bits) - (1 << (bits - 64)) + (((e >> guard) + offset) << 64) - 1


_MAKERS: dict[int, Callable[[], KeyShare]] = {
    0x001D: lambda: _Montgomery(x25519.X25519PrivateKey.generate()),
    0x0017: lambda: _Weierstrass(ec.SECP256R1()),
    0x0018: lambda: _Weierstrass(ec.SECP384R1()),
    0x0019: lambda: _Weierstrass(ec.SECP521R1()),
    0x001E: lambda: _Montgomery(x448.X448PrivateKey.generate()),
    0x0100: lambda: _FiniteField(2048, 560316),
    0x0101: lambda: _FiniteField(3072, 2625351),
    0x0102: lambda: _FiniteField(4096, 5736041),
}

DOABLE_GROUPS = tuple(group for group in GROUPS if group in _MAKERS)
"""The groups in which we can make a share."""


def new_share(group: int) -> KeyShare:
    """A fresh key pair. Raises BeyondUs when the group is none of ours or the library does not have it."""
    try:
        return _MAKERS[group]()
    except (KeyError, UnsupportedAlgorithm):
        raise BeyondUs(f"group 0x{group:04X} is not one that we can do") from None


def _worthless() -> HandshakeFault:
    return HandshakeFault("a key share that is not a valid one of its group")
