"""A client of a few lines for the proofs: builds a ClientHello, reads the first flight; no code of smtp_audit."""

import os
import socket
import ssl
import struct
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .front import Front

SOUND_GROUPS = (29, 23, 24)
SOUND_SIGNATURES = (0x0804, 0x0401, 0x0501, 0x0601)


@dataclass(frozen=True)
class Flight:
    """What a server answered: an alert, or the messages of its first flight by type."""

    alert: int | None = None
    messages: Mapping[int, bytes] = field(default_factory=dict)

    @property
    def version(self) -> int:
        listed = self.extensions.get(43)
        return int.from_bytes(listed if listed is not None else self.messages[2][:2])

    @property
    def random(self) -> bytes:
        return self.messages[2][2:34]

    @property
    def suite(self) -> int:
        return int.from_bytes(self._behind_session[:2])

    @property
    def compression(self) -> int:
        return self._behind_session[2]

    @property
    def extensions(self) -> dict[int, bytes]:
        rest, found = self._behind_session[5:], {}
        while rest:
            kind, size = struct.unpack(">HH", rest[:4])
            found[kind] = rest[4 : 4 + size]
            rest = rest[4 + size :]
        return found

    @property
    def _behind_session(self) -> bytes:
        body = self.messages[2]
        return body[35 + body[34] :]

    @property
    def certificates(self) -> list[bytes]:
        """The chain of TLS 1.2 and older, in DER."""
        rest, found = self.messages[11][3:], []
        while rest:
            size = int.from_bytes(rest[:3])
            found.append(rest[3 : 3 + size])
            rest = rest[3 + size :]
        return found

    @property
    def dh(self) -> tuple[int, int, int]:
        """Prime, generator and public value of a DH key exchange."""
        values, rest = [], self.messages[12]
        for _ in range(3):
            size = int.from_bytes(rest[:2])
            values.append(int.from_bytes(rest[2 : 2 + size]))
            rest = rest[2 + size :]
        return values[0], values[1], values[2]

    @property
    def named_curve(self) -> int:
        exchange = self.messages[12]
        assert exchange[0] == 3, f"curve type {exchange[0]}"
        return int.from_bytes(exchange[1:3])

    @property
    def signature(self) -> int:
        """The scheme of a TLS 1.2 key exchange over a named curve."""
        exchange = self.messages[12]
        return int.from_bytes(exchange[4 + exchange[3] :][:2])


def client_hello(
    version: int,
    suites: Sequence[int],
    *,
    groups: Sequence[int] = SOUND_GROUPS,
    signatures: Sequence[int] = SOUND_SIGNATURES,
    compressions: Sequence[int] = (0,),
    extensions: Mapping[int, bytes] | None = None,
    newest: int | None = None,
    name: str | None = None,
) -> bytes:
    """The records of a hello; `newest` 0x0304: TLS 1.3, without a key share; `name`: for SNI."""
    listed = {
        10: _list(groups),
        11: b"\x01\x00",
        13: _list(signatures),
        23: b"",
        0xFF01: b"\x00",
        **(extensions or {}),
    }
    if name is not None:
        entry = b"\x00" + len(name).to_bytes(2) + name.encode()
        listed[0] = len(entry).to_bytes(2) + entry
    if newest is not None:
        listed |= {43: b"\x02" + newest.to_bytes(2), 51: b"\x00\x00"}
    block = b"".join(kind.to_bytes(2) + len(body).to_bytes(2) + body for kind, body in listed.items())
    body = version.to_bytes(2) + os.urandom(32) + b"\x00" + _list(suites)
    body += bytes([len(compressions), *compressions])
    if version > 0x0300:
        body += len(block).to_bytes(2) + block
    message = b"\x01" + len(body).to_bytes(3) + body
    return b"\x16\x03\x01" + len(message).to_bytes(2) + message


def ssl2_hello(suites: Sequence[int]) -> bytes:
    """The CLIENT-HELLO of SSL 2."""
    specs = b"".join(suite.to_bytes(3) for suite in suites)
    body = b"\x01\x00\x02" + len(specs).to_bytes(2) + b"\x00\x00\x00\x10" + specs + os.urandom(16)
    return (0x8000 | len(body)).to_bytes(2) + body


def starttls(front: Front) -> socket.socket:
    """A connection that the server has said 220 to STARTTLS on."""
    client = socket.create_connection((front.address, front.port), 5)
    with client.makefile("rb") as lines:
        assert lines.readline().startswith(b"220 ")
        client.sendall(b"EHLO client\r\n")
        while not lines.readline().startswith(b"250 "):
            pass
        client.sendall(b"STARTTLS\r\n")
        assert lines.readline().startswith(b"220 ")
    return client


def raw_answer(front: Front, hello: bytes, *, pieces: int = 0) -> bytes:
    """What the server says to this hello until it waits or closes; `pieces`: so many octets at a time."""
    with starttls(front) as client:
        for start in range(0, len(hello), pieces or len(hello)):
            client.sendall(hello[start : start + (pieces or len(hello))])
        client.settimeout(2)
        said = b""
        while not complete(said):
            more = client.recv(65536)
            if not more:
                break
            said += more
        return said


def ask(front: Front, hello: bytes, *, pieces: int = 0) -> Flight:
    """The server's first flight."""
    return flight_of(raw_answer(front, hello, pieces=pieces))


def python_context(ciphers: str = "ALL:@SECLEVEL=0", *, lowest: int = 0x0301, highest: int = 0x0304) -> ssl.SSLContext:
    """A client that believes every certificate, with these versions."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers(ciphers)
    context.options |= 0x4  # SSL_OP_LEGACY_SERVER_CONNECT: a server without RFC 5746 is looked at too
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version, context.maximum_version = ssl.TLSVersion(lowest), ssl.TLSVersion(highest)
    return context


def _list(values: Sequence[int]) -> bytes:
    return (2 * len(values)).to_bytes(2) + b"".join(value.to_bytes(2) for value in values)


def complete(said: bytes) -> bool:
    """Whether it ends with an alert, ServerHelloDone, or the one ServerHello of TLS 1.3."""
    if said[:1] and said[0] & 0x80:
        return len(said) >= 2 + (int.from_bytes(said[:2]) & 0x7FFF)
    flight = flight_of(said)
    return flight.alert is not None or 14 in flight.messages or (2 in flight.messages and 43 in flight.extensions)


def flight_of(said: bytes) -> Flight:
    """The messages of a server's answer, as far as it is there."""
    data, messages = b"", {}
    while len(said) >= 5:
        size = int.from_bytes(said[3:5])
        if len(said) < 5 + size:
            break
        if said[0] == 21:
            return Flight(alert=said[6])
        data += said[5 : 5 + size] if said[0] == 22 else b""
        said = said[5 + size :]
    while len(data) >= 4 and len(data) >= 4 + int.from_bytes(data[1:4]):
        size = int.from_bytes(data[1:4])
        messages[data[0]] = data[4 : 4 + size]
        data = data[4 + size :]
    return Flight(None, messages)
