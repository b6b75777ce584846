"""ClientHello and what comes back, as octets: no cryptography, no network.

A hello offers one protocol version and a set of suites; the answer is a ServerHello, an alert, or something that is
neither. RFC 8446 section 4.1, RFC 5246 section 7.4.1, RFC 6101 (SSL 3); the SSL 2 hello is in RFC 5246 appendix E.2.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cache, lru_cache
from importlib import resources

from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from smtp_audit.facts.tls import TlsVersion
from smtp_audit.probes.tls.parameters import CLASSIC_GROUPS, GROUPS, SIGNATURES

HANDSHAKE_RECORD = 22
ALERT_RECORD = 21
SERVER_HELLO = 2
FATAL = 2

SERVER_NAME, STATUS_REQUEST, SUPPORTED_GROUPS, POINT_FORMATS, SIGNATURE_ALGORITHMS = 0, 5, 10, 11, 13
HEARTBEAT, CERTIFICATE_TIMESTAMPS, ENCRYPT_THEN_MAC, EXTENDED_MASTER_SECRET, SESSION_TICKET = 15, 18, 22, 23, 35
SUPPORTED_VERSIONS, PSK_MODES, KEY_SHARE, RENEGOTIATION_INFO = 43, 45, 51, 0xFF01
"""Numbers of extensions (IANA "TLS ExtensionType Values")."""

CLEAN_REFUSALS = {
    40: "handshake_failure",
    70: "protocol_version",
    71: "insufficient_security",
    86: "inappropriate_fallback",
}
"""The only alerts that refuse a hello for what it offers (RFC 8446 section 6.2, RFC 7507)."""

ALERT_NAMES = {
    0: "close_notify",
    10: "unexpected_message",
    20: "bad_record_mac",
    22: "record_overflow",
    47: "illegal_parameter",
    50: "decode_error",
    51: "decrypt_error",
    80: "internal_error",
    90: "user_canceled",
    109: "missing_extension",
    110: "unsupported_extension",
    112: "unrecognized_name",
    120: "no_application_protocol",
    **CLEAN_REFUSALS,
}

HELLO_RETRY_RANDOM = bytes.fromhex("CF21AD74E59A6111BE1D8C021E65B891C2A211167ABB8C5E079E09E2C8A8339C")
"""The random of a HelloRetryRequest (RFC 8446 section 4.1.3)."""

RENEGOTIATION_SCSV = 0x00FF
FALLBACK_SCSV = 0x5600
TLS13_SUITES = (0x1301, 0x1302, 0x1303, 0x1304, 0x1305, 0xC0B4, 0xC0B5)
SSL2_SUITES = {
    0x010080: "SSL_CK_RC4_128_WITH_MD5",
    0x020080: "SSL_CK_RC4_128_EXPORT40_WITH_MD5",
    0x030080: "SSL_CK_RC2_128_CBC_WITH_MD5",
    0x040080: "SSL_CK_RC2_128_CBC_EXPORT40_WITH_MD5",
    0x050080: "SSL_CK_IDEA_128_CBC_WITH_MD5",
    0x060040: "SSL_CK_DES_64_CBC_WITH_MD5",
    0x0700C0: "SSL_CK_DES_192_EDE3_CBC_WITH_MD5",
    0x080080: "SSL_CK_RC4_64_WITH_MD5",
}
"""The suites of SSL 2 (draft-hickman-netscape-ssl-00 appendix C.4; RC4_64 is SSLeay's own)."""

GREASE = 0x8A8A
"""A number that means nothing (RFC 8701): what is offered with it has to be passed over."""


@cache
def suite_names() -> dict[int, str]:
    """Number to name of every known suite of TLS."""
    text = (resources.files("smtp_audit.probes.tls") / "cipher_suites.txt").read_text()
    rows = (line.split() for line in text.splitlines() if line and not line.startswith("#"))
    return {int(number, 16): name for number, name in rows}


def suite_name(number: int) -> str:
    """The registered name, or the number in hex."""
    return suite_names().get(number, f"0x{number:04X}")


@cache
def suite_numbers() -> dict[str, int]:
    """Name to number."""
    return {name: number for number, name in suite_names().items()}


@cache
def classic_suites() -> tuple[int, ...]:
    """Every suite for TLS 1.2 and before."""
    return tuple(n for n, name in suite_names().items() if "_WITH_" in name and n >> 8 != 0x13)


@cache
def families() -> dict[str, tuple[int, ...]]:
    """The classic suites by key exchange: some servers choose a suite and then fail, so each is tried alone."""
    found: dict[str, list[int]] = {}
    for number in classic_suites():
        exchange = suite_names()[number][4:].partition("_WITH_")[0]
        found.setdefault(_family(exchange), []).append(number)
    return {name: tuple(numbers) for name, numbers in found.items()}


def _family(exchange: str) -> str:
    if "anon" in exchange:
        return "anonymous"
    if exchange.startswith("ECDHE_") and "PSK" not in exchange:
        return "ECDHE"
    if exchange.startswith("DHE_") and "PSK" not in exchange:
        return "DHE"
    if exchange.startswith("RSA") and "PSK" not in exchange:
        return "RSA"
    return "static DH" if exchange.startswith(("DH_", "ECDH_")) else "pre-shared and others"


def vector(width: int, content: bytes) -> bytes:
    """A vector with a length of `width` octets (RFC 8446 section 3.4)."""
    return len(content).to_bytes(width, "big") + content


def extension(number: int, content: bytes) -> bytes:
    """An extension: number, length, content (RFC 8446 section 4.2)."""
    return struct.pack("!H", number) + vector(2, content)


def numbers(values: Iterable[int]) -> bytes:
    """Numbers of two octets each."""
    listed = tuple(values)
    return struct.pack(f"!{len(listed)}H", *listed)


@dataclass(frozen=True)
class Shape:
    """How a hello differs from the plain one, which offers all groups and signature schemes and nothing odd.

    Attributes:
        groups: the named groups to offer (None: all that suit the version).
        signatures: the signature schemes to offer.
        key_shares: send shares for TLS 1.3; without them the server has to ask for a group (HelloRetryRequest), which
            names it in clear and costs it no signature.
        compression: offer DEFLATE before no compression (RFC 3749); not in TLS 1.3, where it is an error.
        fallback: say that this is a second try with a lower version (RFC 7507).
        grease: strew in numbers that mean nothing (RFC 8701).
        extras: offer what a server may answer in clear: status_request, heartbeat, encrypt_then_mac, session_ticket,
            signed_certificate_timestamp.
    """

    groups: tuple[int, ...] | None = None
    signatures: tuple[int, ...] = SIGNATURES
    key_shares: bool = True
    compression: bool = False
    fallback: bool = False
    grease: bool = False
    extras: bool = False


PLAIN = Shape()


def name_extension(server_name: str) -> bytes:
    """The server_name extension (RFC 6066 section 3)."""
    return extension(SERVER_NAME, vector(2, b"\0" + vector(2, server_name.encode("ascii"))))


def client_hello(
    version: TlsVersion, server_name: str | None, suites: Sequence[int] | None = None, shape: Shape = PLAIN
) -> bytes:
    """The record of a ClientHello that offers `version` alone and `suites` (None: every suite of that version)."""
    if version is TlsVersion.SSL2:
        return _ssl2_hello()
    tls13 = version is TlsVersion.TLS13
    offered = tuple(suites if suites is not None else TLS13_SUITES if tls13 else classic_suites())
    if shape.grease:
        offered = (GREASE, *offered)
    if not tls13:
        offered = (*offered, RENEGOTIATION_SCSV)
    if shape.fallback:
        offered = (*offered, FALLBACK_SCSV)
    legacy = min(version.code, TlsVersion.TLS12.code)
    body = struct.pack("!H", legacy) + os.urandom(32)
    # RFC 8446 appendix D.4: a session id makes middleboxes take the hello for a resumption.
    body += vector(1, os.urandom(32) if tls13 else b"")
    body += vector(2, numbers(offered)) + vector(1, b"\1\0" if shape.compression and not tls13 else b"\0")
    if version > TlsVersion.SSL3:
        body += vector(2, _extensions(version, server_name, shape))
    message = b"\x01" + vector(3, body)
    record_version = 0x0300 if version is TlsVersion.SSL3 else 0x0301
    return struct.pack("!BH", HANDSHAKE_RECORD, record_version) + vector(2, message)


@lru_cache(maxsize=64)
def _extensions(version: TlsVersion, server_name: str | None, shape: Shape) -> bytes:
    tls13 = version is TlsVersion.TLS13
    groups = shape.groups if shape.groups is not None else GROUPS if tls13 else CLASSIC_GROUPS
    versions: tuple[int, ...] = (version.code,)
    if shape.grease:
        groups, versions = (GREASE, *groups), (GREASE, *versions)
    parts = [extension(GREASE, b"")] if shape.grease else []
    if server_name is not None:
        parts.append(name_extension(server_name))
    if shape.extras:
        parts += [
            extension(STATUS_REQUEST, b"\x01\0\0\0\0"),
            extension(HEARTBEAT, b"\x01"),
            extension(CERTIFICATE_TIMESTAMPS, b""),
        ]
        parts += [] if tls13 else [extension(ENCRYPT_THEN_MAC, b""), extension(SESSION_TICKET, b"")]
    if groups:
        parts.append(extension(SUPPORTED_GROUPS, vector(2, numbers(groups))))
    parts += [
        extension(POINT_FORMATS, b"\x01\x00"),  # uncompressed points
        extension(SIGNATURE_ALGORITHMS, vector(2, numbers(shape.signatures))),
        extension(EXTENDED_MASTER_SECRET, b""),
    ]
    if tls13:
        # RFC 8446 section 4.2.8: none for a group that is not offered.
        given = [share for group, share in _key_shares().items() if group in groups]
        shares = b"".join(given) if shape.key_shares else b""
        parts += [
            extension(SUPPORTED_VERSIONS, vector(1, numbers(versions))),
            extension(PSK_MODES, b"\x01\x01"),  # psk_dhe_ke
            extension(KEY_SHARE, vector(2, shares)),
        ]
    if shape.grease:
        # The last one with an octet in it (RFC 8701 section 3.1), and another number than the first.
        parts.append(extension(0xBABA, b"\0"))
    return b"".join(parts)


@cache
def _key_shares() -> dict[int, bytes]:
    """Shares of the two groups that nearly every server takes; a HelloRetryRequest for another is an answer too.

    One pair for the process: no secret is ever derived from it.
    """
    x_share = x25519.X25519PrivateKey.generate().public_key().public_bytes_raw()
    p_key = ec.generate_private_key(ec.SECP256R1()).public_key()
    p_share = p_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return {
        group: struct.pack("!H", group) + vector(2, share) for group, share in ((0x001D, x_share), (0x0017, p_share))
    }


def _ssl2_hello() -> bytes:
    suites = b"".join(number.to_bytes(3, "big") for number in SSL2_SUITES)
    challenge = os.urandom(16)
    body = struct.pack("!BHHHH", 1, 0x0002, len(suites), 0, len(challenge)) + suites + challenge
    return struct.pack("!H", 0x8000 | len(body)) + body


class Answer(IntEnum):
    """What the octets after a hello are."""

    INCOMPLETE = 0
    """Not enough yet."""
    SERVER_HELLO = 1
    ALERT = 2
    """A fatal alert."""
    OTHER = 3
    """Neither: the peer does not speak TLS, or speaks it wrongly."""


@dataclass(frozen=True)
class HelloAnswer:
    """The parsed answer. `version` is the number on the wire, `detail` says what is wrong with OTHER.

    Of a ServerHello also the extensions by number, the compression method, and for TLS 1.3 the group of the key share;
    `ssl2_suites` are those that an SSL 2 server lists.
    """

    answer: Answer
    version: int = 0
    suite: int = 0
    alert: int = -1
    retry: bool = False
    detail: str = ""
    extensions: Mapping[int, bytes] = field(default_factory=dict, compare=False)
    compression: int = field(default=0, compare=False)
    group: int | None = field(default=None, compare=False)
    ssl2_suites: tuple[int, ...] = field(default=(), compare=False)


INCOMPLETE = HelloAnswer(Answer.INCOMPLETE)
MAX_WARNINGS = 8


def parse_answer(data: bytes) -> HelloAnswer:
    """Read the first flight of a server as far as its ServerHello or fatal alert. Never raises."""
    handshake = b""
    warnings = 0
    rest = data
    while True:
        if not rest:
            return INCOMPLETE
        kind = rest[0]
        if kind not in (ALERT_RECORD, HANDSHAKE_RECORD) or (len(rest) > 1 and rest[1] != 3):
            return HelloAnswer(Answer.OTHER, detail="the answer is not TLS")
        if len(rest) < 5:
            return INCOMPLETE
        length = int.from_bytes(rest[3:5], "big")
        if length == 0 or length > 16384 + 256:
            return HelloAnswer(Answer.OTHER, detail=f"a TLS record of {length} octets")
        # The ServerHello may be complete before the record that carries it is.
        payload, whole = rest[5 : 5 + length], len(rest) >= 5 + length
        if kind == ALERT_RECORD:
            if not whole:
                return INCOMPLETE
            if handshake:
                return HelloAnswer(Answer.OTHER, detail="an alert inside a handshake message")
            if length != 2:
                return HelloAnswer(Answer.OTHER, detail=f"an alert record of {length} octets")
            if payload[0] == FATAL:
                return HelloAnswer(Answer.ALERT, alert=payload[1])
            warnings += 1
            if warnings > MAX_WARNINGS:
                return HelloAnswer(Answer.OTHER, detail=f"more than {MAX_WARNINGS} warning alerts")
        else:
            handshake += payload
            parsed = _parse_server_hello(handshake)
            if parsed.answer is not Answer.INCOMPLETE:
                return parsed
            if not whole:
                return INCOMPLETE
        rest = rest[5 + length :]


def _parse_server_hello(message: bytes) -> HelloAnswer:
    if message[:1] not in (b"", bytes([SERVER_HELLO])):
        return HelloAnswer(Answer.OTHER, detail=f"handshake message {message[0]} instead of a ServerHello")
    if len(message) < 4:
        return INCOMPLETE
    length = int.from_bytes(message[1:4], "big")
    if length < 38 or length > 16384:
        return HelloAnswer(Answer.OTHER, detail=f"a ServerHello of {length} octets")
    if len(message) < 4 + length:
        return INCOMPLETE
    body = message[4 : 4 + length]
    version = int.from_bytes(body[:2], "big")
    random = body[2:34]
    session = body[34]
    if session > 32 or len(body) < 38 + session:
        return HelloAnswer(Answer.OTHER, detail="a malformed ServerHello")
    suite = int.from_bytes(body[35 + session : 37 + session], "big")
    extensions = extension_map(body[38 + session :])
    if extensions is None:
        return HelloAnswer(Answer.OTHER, detail="a ServerHello with malformed extensions")
    if (chosen := extensions.get(43)) is not None:
        if len(chosen) != 2 or version != TlsVersion.TLS12.code:
            return HelloAnswer(Answer.OTHER, detail="a ServerHello with a malformed supported_versions")
        version = int.from_bytes(chosen, "big")
    share = extensions.get(KEY_SHARE, b"")
    return HelloAnswer(
        Answer.SERVER_HELLO,
        version=version,
        suite=suite,
        retry=random == HELLO_RETRY_RANDOM,
        extensions=extensions,
        compression=body[37 + session],
        group=int.from_bytes(share[:2], "big") if len(share) >= 2 else None,
    )


def extension_map(data: bytes) -> dict[int, bytes] | None:
    """The extensions by number; None when they are malformed. A ServerHello may have none."""
    if not data:
        return {}
    if len(data) < 2 or int.from_bytes(data[:2], "big") != len(data) - 2:
        return None
    found: dict[int, bytes] = {}
    rest = data[2:]
    while rest:
        if len(rest) < 4:
            return None
        number, length = struct.unpack("!HH", rest[:4])
        if len(rest) < 4 + length or number in found:
            return None
        found[number] = rest[4 : 4 + length]
        rest = rest[4 + length :]
    return found


def parse_ssl2_answer(data: bytes) -> HelloAnswer:
    """Read the answer to an SSL 2 hello: an SSL 2 SERVER-HELLO or ERROR, or a TLS alert. Never raises."""
    if not data:
        return INCOMPLETE
    if data[0] in (ALERT_RECORD, HANDSHAKE_RECORD):
        return parse_answer(data)
    if not data[0] & 0x80:
        return HelloAnswer(Answer.OTHER, detail="the answer is neither SSL 2 nor TLS")
    if len(data) < 3:
        return INCOMPLETE
    length = int.from_bytes(data[:2], "big") & 0x7FFF
    if data[2] == 0 and length == 3:
        # ERROR message: no cipher, no certificate, bad certificate, unsupported type.
        return HelloAnswer(Answer.ALERT, alert=40) if len(data) >= 5 else INCOMPLETE
    if data[2] != 4:
        return HelloAnswer(Answer.OTHER, detail="the answer is neither SSL 2 nor TLS")
    if len(data) < 13:
        return INCOMPLETE
    version, certificate, suites, connection = struct.unpack("!HHHH", data[5:13])
    if version != TlsVersion.SSL2.code or length != 11 + certificate + suites + connection or suites % 3:
        return HelloAnswer(Answer.OTHER, detail="a malformed SSL 2 SERVER-HELLO")
    listed = data[13 + certificate : 13 + certificate + suites]
    if len(listed) < suites:
        return INCOMPLETE
    numbers = tuple(int.from_bytes(listed[place : place + 3], "big") for place in range(0, suites, 3))
    return HelloAnswer(Answer.SERVER_HELLO, version=version, ssl2_suites=numbers)
