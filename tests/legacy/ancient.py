"""Whole servers with old TLS, by tlslite-ng: what it negotiates it also speaks, with a mail server inside."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tlslite.api import HandshakeSettings, TLSConnection, X509CertChain, parsePEMKey
from tlslite.constants import ExtensionType
from tlslite.errors import TLSError
from tlslite.extensions import TLSExtension
from tlslite.messages import NewSessionTicket, ServerHello

from .front import Stream

SSL3, TLS10, TLS11, TLS12, TLS13 = (3, 0), (3, 1), (3, 2), (3, 3), (3, 4)


@dataclass(frozen=True)
class Ancient:
    """What such a server supports; as it stands, a sound server of today."""

    lowest: tuple[int, int] = TLS12
    highest: tuple[int, int] = TLS13
    ciphers: tuple[str, ...] = ("aes256gcm", "chacha20-poly1305", "aes128gcm")
    """In the order of preference, which is the server's."""
    macs: tuple[str, ...] = ("aead",)
    exchanges: tuple[str, ...] = ("ecdhe_rsa",)
    curves: tuple[str, ...] = ("x25519", "secp256r1", "secp384r1")
    hashes: tuple[str, ...] = ("sha256", "sha384", "sha512")
    """Of the signatures in key exchanges."""
    dh: tuple[int, int] | None = None
    """Generator and prime of DHE suites."""
    extended_master_secret: bool = True
    renegotiation_info: bool = True
    heartbeat: bool = False
    ticket_seconds: int = 0
    early_data: int = 0
    """The octets before the handshake's end that its tickets allow. tlslite skips what comes: it is only said."""
    asks_for_certificate: bool = False

    def handshake_settings(self) -> Any:
        """The same for tlslite."""
        settings = HandshakeSettings()
        settings.minVersion, settings.maxVersion = self.lowest, self.highest
        settings.versions = [v for v in (TLS13, TLS12, TLS11, TLS10) if self.lowest <= v <= self.highest]
        settings.cipherNames, settings.macNames = list(self.ciphers), list(self.macs)
        settings.keyExchangeNames = list(self.exchanges)
        settings.eccCurves = list(self.curves)
        settings.defaultCurve = self.curves[-1]
        settings.keyShares = [self.curves[0]]
        settings.rsaSigHashes = list(self.hashes)
        settings.dhParams = self.dh
        # Client keys and groups may be as short as they like: the server is the one that is looked at.
        settings.minKeySize = 512
        settings.useExtendedMasterSecret = self.extended_master_secret
        settings.useEncryptThenMAC = False
        settings.use_heartbeat_extension = self.heartbeat
        settings.ticket_count = 0
        if self.ticket_seconds or self.early_data:
            settings.ticketKeys = [bytearray(32)]
            settings.ticketLifetime = self.ticket_seconds or 7200
            settings.ticket_count = 1
        return settings


class AncientServer:
    """Does the handshake by tlslite; give `secure` to a Front."""

    def __init__(self, ancient: Ancient, chain: str, key: str) -> None:
        """`chain` and `key` are PEM."""
        self._ancient = ancient
        self._chain = X509CertChain()
        self._chain.parsePemList(chain)
        self._key = parsePEMKey(key, private=True)

    def secure(self, connection: socket.socket) -> Stream | None:
        """The encrypted stream, or None when there was no handshake."""
        tls = _Connection(connection, self._ancient)
        try:
            tls.handshakeServer(
                certChain=self._chain,
                privateKey=self._key,
                settings=self._ancient.handshake_settings(),
                reqCert=self._ancient.asks_for_certificate,
            )
        except TLSError:
            # tlslite has sent the alert.
            return None
        return _Inside(tls)


class _Connection(TLSConnection):  # type: ignore[misc]
    """A connection that says a little less or more than tlslite does by itself.

    It can keep back renegotiation_info (RFC 5746 section 3.6), and offer early data in tickets (RFC 8446 section
    4.6.1).
    """

    def __init__(self, connection: socket.socket, ancient: Ancient) -> None:
        super().__init__(connection)
        self._ancient = ancient
        # A client that hangs up without close_notify is no fault of the server's.
        self.ignoreAbruptClose = True

    def _sendMsg(self, msg: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
        if isinstance(msg, ServerHello) and not self._ancient.renegotiation_info and msg.extensions:
            msg.extensions = [e for e in msg.extensions if e.extType != ExtensionType.renegotiation_info]
        yield from super()._sendMsg(msg, *args, **kwargs)

    def _queue_message(self, msg: Any) -> None:
        if isinstance(msg, NewSessionTicket) and self._ancient.early_data:
            octets = bytearray(self._ancient.early_data.to_bytes(4))
            msg.extensions = [*msg.extensions, TLSExtension().create(ExtensionType.early_data, octets)]
        super()._queue_message(msg)


class _Inside:
    """tlslite's connection as a Stream: its errors are the client's going away."""

    def __init__(self, tls: TLSConnection) -> None:
        self._tls = tls

    def recv(self, count: int, /) -> bytes:
        try:
            return bytes(self._tls.recv(count))
        except TLSError as error:
            raise EOFError from error

    def sendall(self, data: bytes, /) -> None:
        try:
            self._tls.sendall(data)
        except TLSError as error:
            raise EOFError from error

    def close(self) -> None:
        self._tls.close()
