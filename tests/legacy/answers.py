"""The messages of a server's first flight, by hand (RFC 5246 section 7.4, RFC 4492 section 5.4, RFC 8446 section 4)."""

import hashlib
import os
from collections.abc import Sequence

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from .primes import DhGroup

ALERT, HANDSHAKE = 21, 22
SERVER_HELLO, CERTIFICATE, SERVER_KEY_EXCHANGE, CERTIFICATE_REQUEST, SERVER_HELLO_DONE = 2, 11, 12, 13, 14

HANDSHAKE_FAILURE, ILLEGAL_PARAMETER, PROTOCOL_VERSION, INAPPROPRIATE_FALLBACK = 40, 47, 70, 86

# RFC 8446 section 4.1.3: the random that makes a ServerHello a HelloRetryRequest.
RETRY_RANDOM = hashlib.sha256(b"HelloRetryRequest").digest()

_LONGEST_FRAGMENT = 1 << 14

# The curves that a canned server may name, with the octets of a coordinate (RFC 4492 section 5.1.1, RFC 8422).
_POINTS = dict.fromkeys((15, 16, 17), 20) | dict.fromkeys((18, 19), 24) | dict.fromkeys((20, 21), 28)
_POINTS |= dict.fromkeys((22, 23, 26), 32) | dict.fromkeys((24, 27), 48) | {1: 21, 25: 66, 28: 64}
X25519, X448 = 29, 30
EXPLICIT_PRIME, EXPLICIT_CHAR2 = 0xFF01, 0xFF02


def record(kind: int, payload: bytes, version: int) -> bytes:
    """TLS records with this payload, as many as it takes (RFC 5246 section 6.2.1)."""
    found = b""
    for start in range(0, len(payload) or 1, _LONGEST_FRAGMENT):
        part = payload[start : start + _LONGEST_FRAGMENT]
        found += bytes([kind]) + version.to_bytes(2) + len(part).to_bytes(2) + part
    return found


def alert(description: int, version: int) -> bytes:
    """A record with one fatal alert."""
    return record(ALERT, bytes([2, description]), version)


def message(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + counted(body, 3)


def counted(data: bytes, width: int = 2) -> bytes:
    """The data behind its length."""
    return len(data).to_bytes(width) + data


def extension(kind: int, body: bytes = b"") -> bytes:
    return kind.to_bytes(2) + counted(body)


def server_hello(
    version: int, suite: int, *, random: bytes, session: bytes, compression: int, extensions: bytes
) -> bytes:
    body = version.to_bytes(2) + random + counted(session, 1) + suite.to_bytes(2) + bytes([compression])
    return message(SERVER_HELLO, body + (counted(extensions) if extensions else b""))


def certificates(chain: Sequence[bytes]) -> bytes:
    return message(CERTIFICATE, counted(b"".join(counted(der, 3) for der in chain), 3))


def certificate_request(version: int) -> bytes:
    """One that takes RSA and ECDSA certificates of anyone (RFC 5246 section 7.4.4)."""
    algorithms = counted(bytes.fromhex("04010403")) if version >= 0x0303 else b""
    return message(CERTIFICATE_REQUEST, counted(bytes([1, 64]), 1) + algorithms + counted(b""))


def dh_parameters(group: DhGroup) -> bytes:
    """Prime, generator and a public value (RFC 5246 section 7.4.3)."""
    size = (group.bits + 7) // 8
    public = pow(group.generator, int.from_bytes(os.urandom(size)) % (group.prime - 3) + 2, group.prime)
    return b"".join(
        counted(value.to_bytes((value.bit_length() + 7) // 8)) for value in (group.prime, group.generator, public)
    )


def rsa_parameters(bits: int) -> bytes:
    """A short key for export suites (SSL 3.0, RFC 6101 section 5.6.3): an odd number looks like one."""
    modulus = int.from_bytes(os.urandom(bits // 8)) | 1 | 1 << (bits - 1)
    return counted(modulus.to_bytes(bits // 8)) + counted(b"\x01\x00\x01")


def curve_parameters(group: int) -> bytes:
    """A curve and a point that has the right form; no client can tell whether it is on the curve without counting."""
    if group in (EXPLICIT_PRIME, EXPLICIT_CHAR2):
        return _explicit_prime() if group == EXPLICIT_PRIME else _explicit_binary()
    if group in (X25519, X448):
        point = os.urandom(32 if group == X25519 else 56)
    else:
        point = b"\x04" + os.urandom(2 * _POINTS[group])
    return b"\x03" + group.to_bytes(2) + counted(point, 1)


def _explicit_prime() -> bytes:
    """secp160r1 with all of its numbers (RFC 4492 section 5.4; SEC 2 section 2.4.2)."""
    prime = bytes.fromhex("ffffffffffffffffffffffffffffffff7fffffff")
    a = bytes.fromhex("ffffffffffffffffffffffffffffffff7ffffffc")
    b = bytes.fromhex("1c97befc54bd7a8b65acf89f81d4d4adc565fa45")
    base = bytes.fromhex("044a96b5688ef573284664698968c38bb913cbfc8223a628553168947d59dcc912042351377ac5fb32")
    order = bytes.fromhex("0100000000000000000001f4c8f927aed3ca752257")
    numbers = (prime, a, b, base, order, b"\x01")
    return b"\x01" + b"".join(counted(number, 1) for number in numbers) + counted(b"\x04" + os.urandom(40), 1)


def _explicit_binary() -> bytes:
    """A trinomial curve of 163 bits: basis 1, then a, b, base point, order and cofactor (RFC 4492 section 5.4)."""
    a, b = b"\x01", bytes(20) + b"\x01"
    base = b"\x04" + bytes(42)
    order = b"\x04" + bytes(20)
    head = b"\x02" + (163).to_bytes(2) + b"\x01" + counted(b"\x03", 1)
    numbers = (a, b, base, order, b"\x02")
    return head + b"".join(counted(number, 1) for number in numbers) + counted(b"\x04" + os.urandom(42), 1)


_HASHES: dict[int, hashes.HashAlgorithm] = {
    1: hashes.MD5(),
    2: hashes.SHA1(),
    3: hashes.SHA224(),
    4: hashes.SHA256(),
    5: hashes.SHA384(),
    6: hashes.SHA512(),
}


def signed(key: rsa.RSAPrivateKey, data: bytes, scheme: int | None) -> bytes:
    """`data` signed by RSA: with this scheme of TLS 1.2, or as before it, with MD5 and SHA-1 together (None)."""
    if scheme is None:
        digest = hashlib.md5(data, usedforsecurity=False).digest()
        digest += hashlib.sha1(data, usedforsecurity=False).digest()
        return counted(_raw_pkcs1(key, digest))
    if scheme >> 8 == 8:
        algorithm = _HASHES[scheme & 0xFF]
        signature = key.sign(data, padding.PSS(padding.MGF1(algorithm), algorithm.digest_size), algorithm)
    else:
        signature = key.sign(data, padding.PKCS1v15(), _HASHES[scheme >> 8])
    return scheme.to_bytes(2) + counted(signature)


def _raw_pkcs1(key: rsa.RSAPrivateKey, digest: bytes) -> bytes:
    """PKCS #1 without the name of a hash (RFC 4346 section 7.4.3); libraries no longer do that for these two."""
    size = key.key_size // 8
    numbers = key.private_numbers()
    padded = b"\x00\x01" + b"\xff" * (size - 3 - len(digest)) + b"\x00" + digest
    return pow(int.from_bytes(padded), numbers.d, numbers.public_numbers.n).to_bytes(size)


def ssl2_server_hello(certificate: bytes, suites: Sequence[int]) -> bytes:
    """The SERVER-HELLO of SSL 2, with its record header of two octets and the whole list of suites."""
    specs = b"".join(suite.to_bytes(3) for suite in suites)
    body = b"\x04\x00\x01\x00\x02" + len(certificate).to_bytes(2) + len(specs).to_bytes(2) + (16).to_bytes(2)
    body += certificate + specs + os.urandom(16)
    return (0x8000 | len(body)).to_bytes(2) + body
