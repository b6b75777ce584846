"""A ClientHello taken apart and put together again without the loss of an octet.

RFC 8446 section 4.1.2, RFC 5246 section 7.4.1.2. Written for hellos that other programs made: nothing is put in order,
left out or made up.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

from smtp_audit.probes.tls.hello import vector

CLIENT_HELLO = 1
SERVER_NAME, SUPPORTED_GROUPS, SIGNATURE_ALGORITHMS, SUPPORTED_VERSIONS = 0, 10, 13, 43

Extensions = tuple[tuple[int, bytes], ...]


@dataclass(frozen=True)
class ClientHello:
    """What a ClientHello says, each part as it was on the wire, GREASE (RFC 8701) and padding included.

    `legacy_version` is the field of that name; `extensions` is None when the hello ends before them.
    """

    legacy_version: int
    random: bytes
    session_id: bytes
    suites: tuple[int, ...]
    compression: bytes
    extensions: Extensions | None

    @property
    def versions(self) -> tuple[int, ...]:
        """The versions offered, in the client's order; the highest one alone when there is no supported_versions."""
        content = self.extension(SUPPORTED_VERSIONS)
        return (self.legacy_version,) if content is None else _number_list(content, 1)

    @property
    def groups(self) -> tuple[int, ...]:
        """The groups for the key exchange, in the client's order."""
        return _number_list(self.extension(SUPPORTED_GROUPS), 2)

    @property
    def signatures(self) -> tuple[int, ...]:
        """The signature schemes, in the client's order."""
        return _number_list(self.extension(SIGNATURE_ALGORITHMS), 2)

    def extension(self, number: int) -> bytes | None:
        """The content of one extension; None when it is not there."""
        return dict(self.extensions or ()).get(number)

    def named(self, server_name: str | None) -> ClientHello:
        """This hello with another server_name in the place of its own, or without one.

        A hello that names no server stays as it is: its program sends no name.
        """
        if self.extension(SERVER_NAME) is None:
            return self
        content = None if server_name is None else _name_list(server_name)
        kept: list[tuple[int, bytes]] = []
        for number, old in self.extensions or ():
            if number != SERVER_NAME:
                kept.append((number, old))
            elif content is not None:
                kept.append((number, content))
        return replace(self, extensions=tuple(kept))

    def message(self) -> bytes:
        """The handshake message, type and length included."""
        body = self.legacy_version.to_bytes(2) + self.random + vector(1, self.session_id)
        body += vector(2, b"".join(suite.to_bytes(2) for suite in self.suites)) + vector(1, self.compression)
        if self.extensions is not None:
            body += vector(2, b"".join(number.to_bytes(2) + vector(2, old) for number, old in self.extensions))
        return bytes([CLIENT_HELLO]) + vector(3, body)


def parse_client_hello(message: bytes) -> ClientHello:
    """Read a whole handshake message; its `message()` gives the same octets again.

    Raises:
        ValueError: it is not a well-formed ClientHello, or more than one.
    """
    outer = _Reader(message)
    if outer.number(1) != CLIENT_HELLO:
        raise ValueError("not a ClientHello")
    body = _Reader(outer.vector(3))
    outer.end()
    version, random, session_id = body.number(2), body.take(32), body.vector(1)
    suites, compression = _numbers(body.vector(2)), body.vector(1)
    if len(session_id) > 32 or not suites or not compression:
        raise ValueError("a session id, suites or compression methods of a length that is not allowed")
    extensions = _extensions(body.vector(2)) if body.left else None
    body.end()
    hello = ClientHello(version, random, session_id, suites, compression, extensions)
    # These are read from extensions, and a malformed one has to be found here.
    _ = hello.versions, hello.groups, hello.signatures
    return hello


def _extensions(data: bytes) -> Extensions:
    reader = _Reader(data)
    found: dict[int, bytes] = {}
    while reader.left:
        number, content = reader.number(2), reader.vector(2)
        if number in found:  # RFC 8446 section 4.2: at most one of each
            raise ValueError(f"extension {number} twice")
        found[number] = content
    return tuple(found.items())


def _number_list(content: bytes | None, width: int) -> tuple[int, ...]:
    """The numbers of an extension that is one vector of them; none when it is not there."""
    if content is None:
        return ()
    reader = _Reader(content)
    values = _numbers(reader.vector(width))
    reader.end()
    return values


def _numbers(data: bytes) -> tuple[int, ...]:
    if len(data) % 2:
        raise ValueError("half a number")
    return struct.unpack(f"!{len(data) // 2}H", data)


def _name_list(server_name: str) -> bytes:
    """The content of server_name (RFC 6066 section 3): a list of one host name."""
    return vector(2, b"\0" + vector(2, server_name.encode("ascii")))


class _Reader:
    """Octets from the front; more than there are is a ValueError."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._place = 0

    @property
    def left(self) -> int:
        return len(self._data) - self._place

    def take(self, count: int) -> bytes:
        if count > self.left:
            raise ValueError("the hello is cut short")
        self._place += count
        return self._data[self._place - count : self._place]

    def number(self, width: int) -> int:
        return int.from_bytes(self.take(width))

    def vector(self, width: int) -> bytes:
        return self.take(self.number(width))

    def end(self) -> None:
        if self.left:
            raise ValueError(f"{self.left} octets too many")
