"""Servers that answer a ClientHello as a server of given abilities would, up to ServerHelloDone, and no further.

They are for what no TLS library here can do. A scanner that asks with hellos sees a whole server: each flight is well
formed, fits what the client offered, and every refusal is the alert that RFC 5246 section 7.2 names. Where the answer
would be one that Python's ssl gives too (an ECDHE suite with AES-GCM, TLS 1.3), it is Python's ssl that gives it, so
that whole handshakes work and the mail server inside can be looked at.

Not served: TLS 1.3 with anything but Python's own suites and groups, except the HelloRetryRequest that asks for a
post-quantum group. Without renegotiation_info or extended master secret no handshake is handed over at all (Python's
ssl would show them): `ancient` has whole servers with these faults.
"""

import contextlib
import os
import socket
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import rsa

from . import answers, suites
from .front import Stream
from .hello import (
    EXTENDED_MASTER_SECRET,
    HEARTBEAT,
    KEY_SHARE,
    RENEGOTIATION_INFO,
    SSL2,
    SUPPORTED_VERSIONS,
    TLS12,
    TLS13,
    Hello,
    read_hello,
)
from .primes import DhGroup

EC_POINT_FORMATS = 11
DEFLATE = 1

X25519, P256, P384 = 29, 23, 24
X25519MLKEM768 = 0x11EC
_HYBRIDS = frozenset({X25519MLKEM768, 0x11EB, 0x11ED, 0x6399})
# draft-ietf-tls-ecdhe-mlkem: a ciphertext of 1088 octets and a share of 32.
_HYBRID_SHARE_OCTETS = 1120

RSA_SHA1, RSA_MD5 = 0x0201, 0x0101
_SOUND_SIGNATURES = (0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601)

# What Python's ssl can take over, by IANA's number; TLS 1.3 has its own three.
_PYTHONS = {
    0xC02F: "ECDHE-RSA-AES128-GCM-SHA256",
    0xC030: "ECDHE-RSA-AES256-GCM-SHA384",
    0xCCA8: "ECDHE-RSA-CHACHA20-POLY1305",
    0xC027: "ECDHE-RSA-AES128-SHA256",
    0xC028: "ECDHE-RSA-AES256-SHA384",
}
_PYTHONS_13 = (0x1302, 0x1303, 0x1301)
_PYTHONS_GROUPS = frozenset({X25519, P256, P384, 25, 30})

MODERN: Mapping[int, tuple[int, ...]] = {TLS12: (0xC030, 0xCCA8, 0xC02F), TLS13: _PYTHONS_13}
"""The suites of a sound server, by version."""


@dataclass(frozen=True)
class Ability:
    """What a canned server supports. Every sequence is in its own order of preference."""

    suites: Mapping[int, Sequence[int]] = field(default_factory=lambda: MODERN)
    """By version. In SSL 2 numbers of three octets; the certificate is RSA, so the suites are RSA or anonymous."""
    groups: Sequence[int] = (X25519, P256, P384)
    """Curves for ECDHE; answers.EXPLICIT_PRIME and EXPLICIT_CHAR2 are curves that are spelt out; hybrids need 1.3."""
    signatures: Sequence[int] = _SOUND_SIGNATURES
    """Of TLS 1.2 key exchanges."""
    dh: DhGroup | None = None
    """For DHE and anonymous DH suites; needed when there are any."""
    export_bits: int = 512
    """Of the short RSA key of export suites."""
    own_order: bool = True
    """Whether the server's order of suites counts, not the client's."""
    renegotiation_info: bool = True
    extended_master_secret: bool = True
    heartbeat: bool = False
    deflate: bool = False
    """Whether a client that offers compression gets it."""
    fallback_scsv: bool = True
    """Whether TLS_FALLBACK_SCSV is obeyed (RFC 7507)."""
    tolerates_grease: bool = True
    """Otherwise a value reserved by RFC 8701 is answered with illegal_parameter."""
    asks_for_certificate: bool = False


@dataclass(frozen=True)
class Choice:
    """What the server makes of a hello."""

    version: int
    suite: int
    group: int | None = None
    signature: int | None = None


class HandOver(Exception):
    """Python's ssl gives the same answer, and can go on after it."""


class CannedServer:
    """Answers ClientHellos; give `secure` to a Front."""

    def __init__(
        self, ability: Ability, chain: Sequence[bytes], key: rsa.RSAPrivateKey, context: ssl.SSLContext
    ) -> None:
        """`chain` in DER, leaf first; `context` is a server context with the same chain, still without settings."""
        self._ability = ability
        self._chain = list(chain)
        self._key = key
        self._python = _restricted(context, ability)
        self.answered = 0
        self.handed_over = 0

    def secure(self, connection: socket.socket) -> Stream | None:
        """Answer the hello that is next on the connection."""
        hello = read_hello(connection)
        if hello is None:
            connection.recv(1 << 16)
            return None
        try:
            answer = self.answer(hello)
        except HandOver:
            self.handed_over += 1
            return self._python.wrap_socket(connection, server_side=True)
        self.answered += 1
        # Read before the answer: closing over unread octets would reset the connection under it.
        _take(connection, len(hello.raw))
        connection.sendall(answer)
        with contextlib.suppress(OSError):
            while connection.recv(4096):
                pass
        return None

    def answer(self, hello: Hello) -> bytes:
        """The whole answer to a hello: a first flight or an alert. Raises HandOver."""
        has = self._ability
        if hello.versions == (SSL2,):
            if SSL2 in has.suites:
                return answers.ssl2_server_hello(self._chain[0], has.suites[SSL2])
            return answers.alert(answers.PROTOCOL_VERSION, 0x0300)
        spoken = min(hello.version, TLS12)
        if hello.greased and not has.tolerates_grease:
            return answers.alert(answers.ILLEGAL_PARAMETER, spoken)
        common = set(hello.versions) & set(has.suites) - {SSL2}
        if not common:
            return answers.alert(answers.PROTOCOL_VERSION, spoken)
        version = max(common)
        fell_back = suites.FALLBACK_SCSV in hello.suites and version < max(has.suites)
        if fell_back and has.fallback_scsv:
            return answers.alert(answers.INAPPROPRIATE_FALLBACK, min(version, TLS12))
        choice = self._choice(hello, version)
        if choice is None:
            return answers.alert(answers.HANDSHAKE_FAILURE, min(version, TLS12))
        if version == TLS13 and choice.group in _HYBRIDS:
            return self._hybrid(hello, choice)
        if not fell_back and self._pythons_own(hello, choice):
            raise HandOver
        if version == TLS13:
            raise ValueError("nothing canned for this TLS 1.3 hello")
        return self._flight(hello, choice)

    def _choice(self, hello: Hello, version: int) -> Choice | None:
        mine = self._ability.suites[version]
        theirs = [number & 0xFFFF for number in hello.suites if not hello.ssl2_layout or number < 0x10000]
        order = [s for s in mine if s in theirs] if self._ability.own_order else [s for s in theirs if s in mine]
        for suite in order:
            group, signature = None, None
            exchange = suites.key_exchange(suite)
            if version == TLS13 or exchange.startswith("ECDH"):
                group = self._group(hello, version)
                if group is None:
                    continue
            if version == TLS12 and exchange.startswith(("DHE", "ECDHE", "RSA_EXPORT")):
                offered = hello.signatures or (RSA_SHA1,)  # RFC 5246 section 7.4.1.4.1
                signature = next((s for s in self._ability.signatures if s in offered), None)
                if signature is None:
                    continue
            return Choice(version, suite, group, signature)
        return None

    def _group(self, hello: Hello, version: int) -> int | None:
        if version == TLS13:
            # RFC 8446 appendix B.3.1.4: nothing of older versions.
            mine = [group for group in self._ability.groups if 0x17 <= group < 0xFF00]
        else:
            mine = [group for group in self._ability.groups if group not in _HYBRIDS]
        # RFC 8422 section 4: a client without the extension takes any curve.
        offered = hello.groups or (P256, *mine)
        return next((group for group in mine if group in offered), None)

    def _pythons_own(self, hello: Hello, choice: Choice) -> bool:
        has = self._ability
        if not (has.renegotiation_info and has.extended_master_secret):
            return False
        # In TLS 1.3 it would agree to heartbeats in the encrypted part, where nobody looks for them.
        agrees = has.heartbeat and HEARTBEAT in hello.extensions and choice.version < TLS13
        if agrees or (has.deflate and DEFLATE in hello.compressions):
            return False
        if choice.group not in _PYTHONS_GROUPS or has.asks_for_certificate:
            return False
        if choice.version == TLS13:
            return choice.suite in _PYTHONS_13
        return choice.version == TLS12 and choice.suite in _PYTHONS and choice.signature in _SOUND_SIGNATURES

    def _flight(self, hello: Hello, choice: Choice) -> bytes:
        has = self._ability
        elliptic = choice.group is not None
        extensions = b""
        asked = RENEGOTIATION_INFO in hello.extensions or suites.RENEGOTIATION_SCSV in hello.suites
        if has.renegotiation_info and asked:
            extensions += answers.extension(RENEGOTIATION_INFO, b"\x00")
        if has.extended_master_secret and EXTENDED_MASTER_SECRET in hello.extensions:
            extensions += answers.extension(EXTENDED_MASTER_SECRET)
        if has.heartbeat and HEARTBEAT in hello.extensions:
            extensions += answers.extension(HEARTBEAT, b"\x01")
        if elliptic and EC_POINT_FORMATS in hello.extensions:
            extensions += answers.extension(EC_POINT_FORMATS, b"\x01\x00")
        random = os.urandom(32)
        exchange = suites.key_exchange(choice.suite)
        messages = answers.server_hello(
            choice.version,
            choice.suite,
            random=random,
            session=os.urandom(32),
            compression=DEFLATE if has.deflate and DEFLATE in hello.compressions else 0,
            extensions=extensions,
        )
        anonymous = "anon" in exchange
        if not anonymous and exchange != "KRB5":
            messages += answers.certificates(self._chain)
        parameters = self._parameters(exchange, choice)
        if parameters:
            signature = b"" if anonymous else self._signature(hello, choice, random + parameters)
            messages += answers.message(answers.SERVER_KEY_EXCHANGE, parameters + signature)
        if has.asks_for_certificate and not anonymous:
            messages += answers.certificate_request(choice.version)
        messages += answers.message(answers.SERVER_HELLO_DONE, b"")
        return answers.record(answers.HANDSHAKE, messages, choice.version)

    def _parameters(self, exchange: str, choice: Choice) -> bytes:
        if choice.group is not None:
            return answers.curve_parameters(choice.group)
        if exchange.startswith(("DHE", "DH_anon")):
            if self._ability.dh is None:
                raise ValueError("a DH suite without a DH group")
            return answers.dh_parameters(self._ability.dh)
        if exchange == "RSA_EXPORT":
            return answers.rsa_parameters(self._ability.export_bits)
        return b""

    def _signature(self, hello: Hello, choice: Choice, signed: bytes) -> bytes:
        return answers.signed(self._key, hello.random + signed, choice.signature)

    def _hybrid(self, hello: Hello, choice: Choice) -> bytes:
        assert choice.group is not None
        if X25519 in hello.shares:
            # This client means to finish: Python's ssl takes its other share.
            raise HandOver
        share = choice.group.to_bytes(2)
        random = answers.RETRY_RANDOM
        if choice.group in hello.shares:
            share += answers.counted(os.urandom(_HYBRID_SHARE_OCTETS))
            random = os.urandom(32)
        extensions = answers.extension(SUPPORTED_VERSIONS, TLS13.to_bytes(2)) + answers.extension(KEY_SHARE, share)
        message = answers.server_hello(
            TLS12, choice.suite, random=random, session=hello.session, compression=0, extensions=extensions
        )
        return answers.record(answers.HANDSHAKE, message, TLS12)


def _restricted(context: ssl.SSLContext, ability: Ability) -> ssl.SSLContext:
    """Python's side of the server: TLS 1.2 and 1.3 as far as the server has them, the same suites, the same order."""
    both = {TLS12: ssl.TLSVersion.TLSv1_2, TLS13: ssl.TLSVersion.TLSv1_3}
    present = [version for number, version in both.items() if number in ability.suites]
    if present:
        context.minimum_version, context.maximum_version = min(present), max(present)
    names = [_PYTHONS[suite] for suite in ability.suites.get(TLS12, ()) if suite in _PYTHONS]
    # Without a suite of TLS 1.2 none is handed over; OpenSSL wants a list all the same.
    context.set_ciphers(":".join(names) or "ECDHE-RSA-AES256-GCM-SHA384")
    if not ability.own_order:
        # Python sets it by itself.
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    return context


def _take(connection: socket.socket, count: int) -> None:
    while count > 0:
        got = connection.recv(count)
        if not got:
            raise EOFError
        count -= len(got)
