"""Whole first flights by hand, and a server that gives them: sound, unless whoever uses it bends one answer.

What it takes is known to the last suite, group and scheme, so that a survey can be held against it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .records import HANDSHAKE, TLS12, Hello, alert, message, record

TLS13 = 0x0304
_SUPPORTED_GROUPS = 10
HANDSHAKE_FAILURE, PROTOCOL_VERSION = 40, 70
CERTIFICATE, SERVER_KEY_EXCHANGE, CERTIFICATE_REQUEST, SERVER_HELLO_DONE, CERTIFICATE_STATUS = 11, 12, 13, 14, 22

RETRY_RANDOM = bytes.fromhex("CF21AD74E59A6111BE1D8C021E65B891C2A211167ABB8C5E079E09E2C8A8339C")
"""The SHA-256 of "HelloRetryRequest" (RFC 8446 section 4.1.3)."""

_EPHEMERAL_EC = (0xC006, 0xC007, 0xC008, 0xC009, 0xC00A, 0xC010, 0xC011, 0xC012, 0xC013, 0xC014)
ANONYMOUS_EC = frozenset(range(0xC015, 0xC01A))
ANONYMOUS = ANONYMOUS_EC | {0x0018, 0x001B, 0x0034, 0x003A, 0x006C, 0x006D, 0x00A6, 0x00A7}
ECDHE_SUITES = ANONYMOUS_EC.union(
    _EPHEMERAL_EC, (0xC023, 0xC024, 0xC027, 0xC028, 0xC02B, 0xC02C, 0xC02F, 0xC030, 0xCCA8, 0xCCA9)
)
DHE_SUITES = (ANONYMOUS - ANONYMOUS_EC) | {0x0016, 0x0033, 0x0039, 0x0067, 0x006B, 0x009E, 0x009F, 0xCCAA}
"""Those suites whose key exchange the script sends; it takes others, too, without one."""

SAFE_PRIME = 0xFFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF  # noqa: E501
"""Group 2 of RFC 2409, 1024 bits."""


def vector(width: int, content: bytes) -> bytes:
    """A vector with its length in so many octets."""
    return len(content).to_bytes(width) + content


def extension(kind: int, content: bytes = b"") -> bytes:
    return kind.to_bytes(2) + vector(2, content)


def hello_message(
    version: int,
    suite: int,
    extensions: bytes = b"",
    *,
    random: bytes = b"\x5a" * 32,
    compression: int = 0,
    session: bytes = b"",
) -> bytes:
    """A ServerHello message."""
    body = min(version, TLS12).to_bytes(2) + random + vector(1, session) + suite.to_bytes(2) + bytes([compression])
    return message(2, body + (vector(2, extensions) if extensions else b""))


def retry_request(hello: Hello, suite: int, group: int) -> bytes:
    """A record with a HelloRetryRequest (RFC 8446 section 4.1.4)."""
    body = hello.raw[5:]
    session = body[39 : 39 + body[38]]
    extensions = extension(43, TLS13.to_bytes(2)) + extension(51, group.to_bytes(2))
    return record(HANDSHAKE, hello_message(TLS13, suite, extensions, random=RETRY_RANDOM, session=session))


def certificate(*chain: bytes) -> bytes:
    """A Certificate message of TLS 1.2 (RFC 5246 section 7.4.2)."""
    return message(CERTIFICATE, vector(3, b"".join(vector(3, each) for each in chain)))


def status(ocsp: bytes) -> bytes:
    """A CertificateStatus message (RFC 6066 section 8)."""
    return message(CERTIFICATE_STATUS, b"\x01" + vector(3, ocsp))


def elliptic(group: int, scheme: int | None, point: bytes = b"\x04" + bytes(64)) -> bytes:
    """A ServerKeyExchange with a named curve (RFC 8422 section 5.4); `scheme` None: without one, as before TLS 1.2."""
    return message(SERVER_KEY_EXCHANGE, b"\x03" + group.to_bytes(2) + vector(1, point) + _signed(scheme))


def finite_field(prime: int, generator: int, scheme: int | None, share: bytes = b"\x02") -> bytes:
    """A ServerKeyExchange with parameters of Diffie and Hellman (RFC 5246 section 7.4.3)."""
    numbers = (prime.to_bytes((prime.bit_length() + 7) // 8), generator.to_bytes((generator.bit_length() + 7) // 8))
    body = b"".join(vector(2, each) for each in (*numbers, share))
    return message(SERVER_KEY_EXCHANGE, body + _signed(scheme))


def _signed(scheme: int | None) -> bytes:
    return (b"" if scheme is None else scheme.to_bytes(2)) + vector(2, b"\x5a" * 64)


def asks_for_certificate() -> bytes:
    """A CertificateRequest of TLS 1.2."""
    return message(CERTIFICATE_REQUEST, vector(1, b"\x01") + vector(2, b"\x04\x01") + vector(2, b""))


def records(stream: bytes) -> bytes:
    """Handshake messages in as many records as they need (RFC 5246 section 6.2.1)."""
    return b"".join(record(HANDSHAKE, stream[place : place + 16384]) for place in range(0, len(stream), 16384))


DONE = message(SERVER_HELLO_DONE, b"")


@dataclass(frozen=True)
class Script:
    """A server by its lists. Versions are their numbers on the wire.

    `suites`, `groups` and `signatures` stand in the order of its preference; it chooses by that order where
    `server_prefers`, else by the client's. `answered` are the extensions of its ServerHellos before TLS 1.3.
    """

    suites: Mapping[int, Sequence[int]]
    groups: Sequence[int] = (0x001D, 0x0017)
    signatures: Sequence[int] = (0x0403, 0x0804, 0x0401)
    server_prefers: bool = True
    chain: Sequence[bytes] = (b"0\x03\x02\x01\x01",)
    prime: int = SAFE_PRIME
    generator: int = 2
    answered: Mapping[int, bytes] = field(default_factory=dict)
    ocsp: bytes | None = None
    asks: bool = False

    def choose(self, own: Sequence[int], offered: Sequence[int]) -> int | None:
        """The first of one side's order that the other has."""
        first, second = (own, offered) if self.server_prefers else (offered, own)
        return next((number for number in first if number in second), None)

    def group(self, hello: Hello) -> int | None:
        """The group that it takes; without the extension any of its own (RFC 8422 section 4)."""
        if _SUPPORTED_GROUPS not in hello.extensions:
            return self.groups[0] if self.groups else None
        return self.choose(self.groups, hello.groups)

    def suite(self, hello: Hello) -> int | None:
        """The suite that it takes of this hello."""
        own: Sequence[int] = self.suites.get(hello.newest, ())
        group = self.group(hello)
        scheme = self.choose(self.signatures, hello.signatures)

        def possible(suite: int) -> bool:
            if suite in ECDHE_SUITES and group is None:
                return False
            signed = suite in (ECDHE_SUITES | DHE_SUITES) - ANONYMOUS
            return not (signed and hello.newest == TLS12 and scheme is None)

        return self.choose([number for number in own if possible(number)], hello.suites)

    def answer(self, hello: Hello) -> bytes:
        """Its whole answer."""
        if not self.suites.get(hello.newest):
            return alert(PROTOCOL_VERSION)
        suite = self.suite(hello)
        if suite is None:
            return alert(HANDSHAKE_FAILURE)
        if hello.newest == TLS13:
            return self._newest(hello, suite)
        return records(self.hello(hello, suite) + self.behind(hello, suite))

    def _newest(self, hello: Hello, suite: int) -> bytes:
        group = self.group(hello)
        if group is None:
            return alert(HANDSHAKE_FAILURE)
        if group not in hello.shares:
            return retry_request(hello, suite, group)
        share = group.to_bytes(2) + vector(2, b"\x09" + bytes(31))
        session = hello.raw[44 : 44 + hello.raw[43]]
        extensions = extension(43, TLS13.to_bytes(2)) + extension(51, share)
        return record(HANDSHAKE, hello_message(TLS13, suite, extensions, session=session))

    def hello(self, hello: Hello, suite: int) -> bytes:
        """The ServerHello message before TLS 1.3, with the extensions that were offered."""
        signalled = 0x00FF in hello.suites
        given = {kind: what for kind, what in self.answered.items() if kind in hello.extensions}
        if signalled and 0xFF01 in self.answered:
            given[0xFF01] = self.answered[0xFF01]
        extensions = b"".join(extension(kind, what) for kind, what in given.items())
        return hello_message(hello.newest, suite, extensions)

    def behind(self, hello: Hello, suite: int) -> bytes:
        """The messages behind the ServerHello of TLS 1.2 and before."""
        anonymous = suite in ANONYMOUS
        said = b"" if anonymous else certificate(*self.chain)
        if self.ocsp is not None and not anonymous:
            said += status(self.ocsp)
        scheme = None if anonymous or hello.newest < TLS12 else self.choose(self.signatures, hello.signatures)
        if suite in ECDHE_SUITES:
            said += elliptic(self.group(hello) or 0, scheme)
        elif suite in DHE_SUITES:
            said += finite_field(self.prime, self.generator, scheme)
        return said + (asks_for_certificate() if self.asks and not anonymous else b"") + DONE
