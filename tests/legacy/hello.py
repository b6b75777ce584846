"""Reads a ClientHello: of TLS in any records (RFC 8446 section 4.1.2), or of SSL 2 (RFC 5246 appendix E.2)."""

import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

SSL2, SSL3, TLS10, TLS11, TLS12, TLS13 = 0x0002, 0x0300, 0x0301, 0x0302, 0x0303, 0x0304

SUPPORTED_GROUPS, SIGNATURE_ALGORITHMS, HEARTBEAT, EXTENDED_MASTER_SECRET = 10, 13, 15, 23
SUPPORTED_VERSIONS, KEY_SHARE, RENEGOTIATION_INFO, SERVER_NAME, SESSION_TICKET = 43, 51, 0xFF01, 0, 35

_MOST = 70_000
_PATIENCE = 10.0
_PAUSE = 0.002


@dataclass(frozen=True)
class Hello:
    """What a client offers. `raw` is what it sent, record headers included."""

    raw: bytes
    version: int
    """The version field; `newest` is what counts."""
    suites: tuple[int, ...]
    """In an SSL 2 hello numbers of three octets."""
    compressions: tuple[int, ...] = (0,)
    extensions: Mapping[int, bytes] = field(default_factory=dict)
    session: bytes = b""
    ssl2_layout: bool = False
    random: bytes = bytes(32)

    @property
    def versions(self) -> tuple[int, ...]:
        """The versions offered: the list of the extension, or everything up to the version field."""
        listed = self.extensions.get(SUPPORTED_VERSIONS)
        if listed is not None:
            return _numbers(listed[1:])
        if self.ssl2_layout and self.version == SSL2:
            return (SSL2,)
        return tuple(range(SSL3, self.version + 1))

    @property
    def groups(self) -> tuple[int, ...]:
        return _numbers(self.extensions.get(SUPPORTED_GROUPS, b"")[2:])

    @property
    def signatures(self) -> tuple[int, ...]:
        return _numbers(self.extensions.get(SIGNATURE_ALGORITHMS, b"")[2:])

    @property
    def shares(self) -> tuple[int, ...]:
        """The groups that it sent key shares of."""
        data = self.extensions.get(KEY_SHARE, b"")[2:]
        found = []
        while len(data) >= 4:
            found.append(int.from_bytes(data[:2]))
            data = data[4 + int.from_bytes(data[2:4]) :]
        return tuple(found)

    @property
    def greased(self) -> bool:
        """Whether a value that is reserved for GREASE (RFC 8701) is among what is offered."""
        offered = [*self.suites, *self.extensions, *self.groups, *self.versions, *self.signatures]
        return any(value & 0x0F0F == 0x0A0A and value >> 8 == value & 0xFF for value in offered)


def read_hello(connection: socket.socket) -> Hello | None:
    """The client's hello, left on the socket for whoever answers; None when it is no hello.

    Raises EOFError when the client goes, TimeoutError when it stops in the middle.
    """
    deadline = time.monotonic() + _PATIENCE
    while True:
        # Peeking leaves all of it for the TLS library that may have to answer.
        data = connection.recv(_MOST, socket.MSG_PEEK)
        if not data:
            raise EOFError
        size = hello_size(data)
        if size == 0 or len(data) >= _MOST:
            return None
        if size is not None:
            return parse_hello(data[:size])
        if time.monotonic() > deadline:
            raise TimeoutError
        # What is there already would be seen again at once: leave the client time for the rest.
        time.sleep(_PAUSE)


def hello_size(data: bytes) -> int | None:
    """The octets of the records that a whole hello takes; 0 when it is none, None when some are missing."""
    if data[0] & 0x80:
        if len(data) < 3:
            return None
        size = 2 + (int.from_bytes(data[:2]) & 0x7FFF)
        return 0 if data[2] != 1 else (size if len(data) >= size else None)
    message, place = b"", 0
    while True:
        if place < len(data) and data[place] != 22:
            return 0
        end = place + 5 + int.from_bytes(data[place + 3 : place + 5])
        if len(data) < place + 5 or len(data) < end:
            return None
        message += data[place + 5 : end]
        place = end
        if message[:1] not in (b"", b"\x01"):
            return 0
        if len(message) >= 4 and len(message) >= 4 + int.from_bytes(message[1:4]):
            return place


def parse_hello(raw: bytes) -> Hello:
    """Take a whole hello apart, record headers included; raises ValueError when its lengths do not fit."""
    if raw[0] & 0x80:
        return _parse_ssl2(raw)
    message, place = b"", 0
    while place < len(raw):
        size = int.from_bytes(raw[place + 3 : place + 5])
        message += raw[place + 5 : place + 5 + size]
        place += 5 + size
    rest = _Octets(message[4 : 4 + int.from_bytes(message[1:4])])
    version = int.from_bytes(rest.take(2))
    random = rest.take(32)
    session = rest.counted(1)
    suites = _numbers(rest.counted(2))
    compressions = tuple(rest.counted(1))
    extensions: dict[int, bytes] = {}
    if rest.left:
        block = _Octets(rest.counted(2))
        while block.left:
            kind = int.from_bytes(block.take(2))
            extensions[kind] = block.counted(2)
    return Hello(raw, version, suites, compressions, extensions, session, random=random)


def _parse_ssl2(raw: bytes) -> Hello:
    rest = _Octets(raw[3:])
    version, size, session, challenge = (int.from_bytes(rest.take(2)) for _ in range(4))
    specs = rest.take(size)
    rest.take(session)
    # RFC 5246 appendix E.2: a short challenge is the end of the random.
    random = rest.take(challenge)[-32:].rjust(32, b"\0")
    suites = tuple(int.from_bytes(specs[i : i + 3]) for i in range(0, len(specs) - 2, 3))
    return Hello(raw, version, suites, ssl2_layout=True, random=random)


class _Octets:
    def __init__(self, data: bytes) -> None:
        self._data = data

    @property
    def left(self) -> int:
        return len(self._data)

    def take(self, count: int) -> bytes:
        if count > len(self._data):
            raise ValueError("a length that does not fit")
        taken, self._data = self._data[:count], self._data[count:]
        return taken

    def counted(self, width: int) -> bytes:
        """A value that stands behind its length."""
        return self.take(int.from_bytes(self.take(width)))


def _numbers(data: bytes) -> tuple[int, ...]:
    return tuple(int.from_bytes(data[i : i + 2]) for i in range(0, len(data) - 1, 2))
