"""TLS records by hand: what a ClientHello offers (RFC 8446 section 4.1.2), and answers that no library gives."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from .wire import Wire

CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE = 20, 21, 22
WARNING, FATAL = 1, 2
SSL3, TLS10, TLS12 = 0x0300, 0x0301, 0x0303

_SUPPORTED_GROUPS, _SIGNATURE_ALGORITHMS, _SUPPORTED_VERSIONS, _KEY_SHARE = 10, 13, 43, 51

DOWNGRADE_SENTINEL = b"DOWNGRD\x01"
"""RFC 8446 section 4.1.3: the end of the random of a server that could do TLS 1.3 and answers with TLS 1.2."""


@dataclass(frozen=True)
class Hello:
    """A ClientHello: its octets with record headers, and what it offers. An SSL 2 hello has version 2 and no suites."""

    raw: bytes
    version: int
    suites: tuple[int, ...] = ()
    extensions: tuple[int, ...] = ()
    supported: tuple[int, ...] = ()
    compressions: tuple[int, ...] = ()
    contents: Mapping[int, bytes] = field(default_factory=dict)
    """The extensions with what is in them."""

    @property
    def groups(self) -> tuple[int, ...]:
        """The named groups offered."""
        return _numbers(self.contents.get(_SUPPORTED_GROUPS, b"\0\0")[2:])

    @property
    def signatures(self) -> tuple[int, ...]:
        """The signature schemes offered."""
        return _numbers(self.contents.get(_SIGNATURE_ALGORITHMS, b"\0\0")[2:])

    @property
    def shares(self) -> tuple[int, ...]:
        """The groups that there is a key share for."""
        rest = self.contents.get(_KEY_SHARE, b"\0\0")[2:]
        found = []
        while rest:
            found.append(int.from_bytes(rest[:2]))
            rest = rest[4 + int.from_bytes(rest[2:4]) :]
        return tuple(found)

    @property
    def newest(self) -> int:
        """The highest version offered (GREASE left out)."""
        return max((v for v in self.supported if v & 0x0F0F != 0x0A0A), default=self.version)

    def foreign_suite(self) -> int:
        """A suite that is not offered."""
        return next(s for s in range(0xC0B6, 0xFFFF) if s not in self.suites)


async def read_hello(wire: Wire) -> Hello:
    """The client's first handshake message, whatever records it came in."""
    raw = await wire.take_exactly(2)
    if raw[0] & 0x80:
        length = (raw[0] & 0x7F) << 8 | raw[1]
        return Hello(raw + await wire.take_exactly(length), 2)
    raw += await wire.take_exactly(3)
    body = await wire.take_exactly(int.from_bytes(raw[3:5]))
    raw += body
    while len(body) < 4 or len(body) < 4 + int.from_bytes(body[1:4]):
        header = await wire.take_exactly(5)
        more = await wire.take_exactly(int.from_bytes(header[3:5]))
        raw, body = raw + header + more, body + more
    return parse_hello(raw, body)


def parse_hello(raw: bytes, body: bytes) -> Hello:
    """`body` is the handshake message: type, length, ClientHello."""
    version = int.from_bytes(body[4:6])
    place = 38
    place += 1 + body[place]  # session id
    size = int.from_bytes(body[place : place + 2])
    suites = _numbers(body[place + 2 : place + 2 + size])
    place += 2 + size
    compressions = tuple(body[place + 1 : place + 1 + body[place]])
    place += 1 + body[place]
    end = place + 2 + int.from_bytes(body[place : place + 2])
    place += 2
    contents: dict[int, bytes] = {}
    while place + 4 <= end:
        kind = int.from_bytes(body[place : place + 2])
        size = int.from_bytes(body[place + 2 : place + 4])
        contents[kind] = body[place + 4 : place + 4 + size]
        place += 4 + size
    supported = _numbers(contents.get(_SUPPORTED_VERSIONS, b"")[1:])
    return Hello(raw, version, suites, tuple(contents), supported, compressions, contents)


def _numbers(data: bytes) -> tuple[int, ...]:
    return tuple(int.from_bytes(data[i : i + 2]) for i in range(0, len(data) - 1, 2))


def record(kind: int, payload: bytes, version: int = TLS12) -> bytes:
    """A TLS record (RFC 8446 section 5.1)."""
    return bytes([kind]) + version.to_bytes(2) + len(payload).to_bytes(2) + payload


def alert(description: int, level: int = FATAL, version: int = TLS12) -> bytes:
    """A record with one alert (RFC 8446 section 6)."""
    return record(ALERT, bytes([level, description]), version)


def server_hello(version: int, suite: int, random: bytes = b"\x5a" * 32, supported: int | None = None) -> bytes:
    """A record with a ServerHello; `supported` puts a supported_versions extension into it (RFC 8446 section 4.2.1)."""
    extensions = b""
    if supported is not None:
        extensions += _extension(_SUPPORTED_VERSIONS, supported.to_bytes(2))
        # x25519 (29) with a share that is a valid point as far as anyone can tell.
        extensions += _extension(_KEY_SHARE, b"\x00\x1d\x00\x20" + b"\x09" + bytes(31))
    body = version.to_bytes(2) + random + b"\x00" + suite.to_bytes(2) + b"\x00"
    if extensions:
        body += len(extensions).to_bytes(2) + extensions
    return record(HANDSHAKE, message(2, body), min(version, TLS12))


def message(kind: int, body: bytes, claimed: int | None = None) -> bytes:
    """A handshake message; `claimed` replaces the true length."""
    return bytes([kind]) + (len(body) if claimed is None else claimed).to_bytes(3) + body


def _extension(kind: int, body: bytes) -> bytes:
    return kind.to_bytes(2) + len(body).to_bytes(2) + body


def one_octet_records(data: bytes) -> bytes:
    """Every clear handshake record cut into records of one octet each (allowed: RFC 8446 section 5.1)."""
    cut = bytearray()
    place = 0
    while place + 5 <= len(data):
        kind, version = data[place], int.from_bytes(data[place + 1 : place + 3])
        size = int.from_bytes(data[place + 3 : place + 5])
        payload = data[place + 5 : place + 5 + size]
        if kind == HANDSHAKE:
            cut += b"".join(record(kind, payload[i : i + 1], version) for i in range(size))
        elif kind == CHANGE_CIPHER_SPEC:
            break  # what follows is encrypted as whole records
        else:
            cut += data[place : place + 5 + size]
        place += 5 + size
    return bytes(cut + data[place:])
