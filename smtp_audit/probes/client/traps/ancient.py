"""TLS that OpenSSL has no more, for traps: SSL 3, RC4 and 3DES, by tlslite-ng behind the face of `ssl.SSLObject`."""

from __future__ import annotations

import errno
import ssl
import warnings
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

with warnings.catch_warnings():
    # For tlslite's mixin for asyncore, which nobody here uses: a team's own tests may make warnings errors.
    warnings.simplefilter("ignore", DeprecationWarning)
    from tlslite.errors import BaseTLSException
    from tlslite.handshakesettings import HandshakeSettings
    from tlslite.tlsconnection import TLSConnection
    from tlslite.utils.keyfactory import parsePEMKey
    from tlslite.x509certchain import X509CertChain

Version = tuple[int, int]
SSL3, TLS12 = (3, 0), (3, 3)


class Speaking(Protocol):
    """TLS over two buffers: what of `ssl.SSLObject` a trap needs. All raise `ssl.SSLWantReadError` for more octets."""

    def do_handshake(self) -> None:
        """Go on with the handshake."""

    def read(self, length: int, /) -> bytes:
        """What was said, at most so many octets; none at its end."""

    def write(self, data: bytes, /) -> int:
        """Say something."""

    def version(self) -> str | None:
        """The version in the words of OpenSSL."""

    def cipher(self) -> tuple[str, str, int] | None:
        """The suite, the version that defines it, and the bits of its key."""


class Context(Protocol):
    """What begins TLS: `ssl.SSLContext`, or an `Ancient`."""

    def wrap_bio(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, server_side: bool = False) -> Speaking:
        """TLS over these buffers."""


@dataclass
class Ancient:
    """One version with one cipher. `chain` is a PEM file with the key and the certificates."""

    version: Version
    cipher: str
    """In tlslite's words."""
    chain: Path
    _certificates: Any = field(init=False, repr=False)
    _key: Any = field(init=False, repr=False)

    def __post_init__(self) -> None:
        text = self.chain.read_text(encoding="ascii")
        self._key = parsePEMKey(text, private=True)
        self._certificates = X509CertChain()
        self._certificates.parsePemList(text)

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,  # noqa: ARG002 (ssl's form)
    ) -> AncientTls:
        """The server's end."""
        connection = TLSConnection(_Buffers(incoming, outgoing))
        connection.ignoreAbruptClose = True
        handshake = connection.handshakeServerAsync(
            certChain=self._certificates, privateKey=self._key, settings=self._settings()
        )
        return AncientTls(connection, handshake)

    def _settings(self) -> Any:
        settings = HandshakeSettings()
        settings.minVersion = settings.maxVersion = self.version
        settings.versions = [self.version]
        settings.cipherNames = [self.cipher]
        settings.macNames = ["sha"]
        settings.keyExchangeNames = ["ecdhe_rsa", "dhe_rsa", "rsa"]
        settings.minKeySize = 512
        settings.ticket_count = 0
        settings.use_heartbeat_extension = False
        return settings


class AncientTls:
    """A connection of tlslite with its generators turned into calls that ask for more octets."""

    def __init__(self, connection: Any, handshake: Generator[int, None, None]) -> None:
        self._connection = connection
        self._handshake = handshake
        self._reading: Any = None

    def do_handshake(self) -> None:
        """Go on with the handshake.

        Raises:
            ssl.SSLWantReadError: it needs more octets.
            ssl.SSLError: it failed.
        """
        self._ended(self._handshake)

    def read(self, length: int, /) -> bytes:
        """What was said; nothing at its end.

        Raises:
            ssl.SSLWantReadError: there is nothing yet.
            ssl.SSLError: what came is no TLS, or an alert.
        """
        self._reading = self._reading or self._connection.readAsync(length, 1)
        data = self._ended(self._reading)
        self._reading = None
        return bytes(data or b"")

    def write(self, data: bytes, /) -> int:
        """Say something.

        Raises:
            ssl.SSLError: the connection has ended.
        """
        self._ended(self._connection.writeAsync(data))
        return len(data)

    def version(self) -> str | None:
        """The version in the words of OpenSSL."""
        return {SSL3: "SSLv3", TLS12: "TLSv1.2"}.get(self._connection.version)

    def cipher(self) -> tuple[str, str, int] | None:
        """The suite; its bits are not told."""
        name = self._connection.session.getCipherName() if self._connection.session else None
        return (name, self.version() or "", 0) if name else None

    @staticmethod
    def _ended(steps: Generator[Any, None, None]) -> Any:
        """Run a generator of tlslite, which yields 0 to read, 1 to write, and what it made in the end."""
        try:
            for step in steps:
                if not isinstance(step, int):
                    return step
                if step == 0:
                    raise ssl.SSLWantReadError
        except (BaseTLSException, AssertionError, IndexError, TypeError, ValueError) as error:
            # What a client says that tlslite was not made for ends as wrong TLS does.
            raise ssl.SSLError(ssl.SSL_ERROR_SSL, str(error) or type(error).__name__) from None
        return None


class _Buffers:
    """Two buffers as a socket that never blocks."""

    def __init__(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO) -> None:
        self._incoming = incoming
        self._outgoing = outgoing

    def recv(self, length: int) -> bytes:
        data = self._incoming.read(length)
        if not data and not self._incoming.eof:
            raise OSError(errno.EWOULDBLOCK, "nothing yet")
        return data

    def send(self, data: bytes) -> int:
        return self._outgoing.write(bytes(data))

    def sendall(self, data: bytes) -> None:
        self.send(data)

    def close(self) -> None:
        """The trap hangs up itself."""

    def settimeout(self, seconds: float | None) -> None:
        """It never waits."""

    def setsockopt(self, level: int, name: int, value: int) -> None:
        """There is no socket."""
