"""A plain client for the proofs that a peer does what it says: a socket and, after STARTTLS, Python's ssl."""

import contextlib
import socket
import ssl
import time
import warnings
from collections.abc import Iterator
from typing import Self

from smtp_audit.facts.endpoint import Protocol, Role, TlsStart

PATIENCE = 5.0
"""Seconds after which a proof gives up on a peer that should have spoken."""

_ASK = {Protocol.SMTP: b"EHLO client", Protocol.IMAP: b"a CAPABILITY", Protocol.POP3: b"CAPA"}
_START = {
    Protocol.SMTP: b"STARTTLS",
    Protocol.IMAP: b"b STARTTLS",
    Protocol.POP3: b"STLS",
    Protocol.SIEVE: b"STARTTLS",
}


class Client:
    """One connection to a peer."""

    def __init__(self, port: int) -> None:
        self._socket: socket.socket | ssl.SSLSocket = socket.create_connection(("127.0.0.1", port), PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def some(self, timeout: float = PATIENCE) -> bytes:
        """What comes next; nothing when the peer has closed; TimeoutError when it is silent."""
        self._socket.settimeout(timeout)
        try:
            return self._socket.recv(65536)
        except ConnectionResetError:
            return b""

    def until(self, end: bytes) -> bytes:
        """Everything up to `end`; fails when the peer closes before."""
        data = b""
        while end not in data:
            more = self.some()
            assert more, f"closed after {data!r}"
            data += more
        return data

    def rest(self, limit: int = 1 << 20) -> bytes:
        """Everything until the peer closes, or the first `limit` octets."""
        data = b""
        while len(data) < limit and (more := self.some()):
            data += more
        return data

    def silent(self, seconds: float = 0.3) -> bool:
        """Whether the peer says nothing and does not close either."""
        try:
            self.some(seconds)
        except TimeoutError:
            return True
        return False

    def ask(self, command: bytes, end: bytes = b"\r\n") -> bytes:
        self.send(command + b"\r\n")
        return self.until(end)

    def up_to_hello(self, role: Role) -> Self:
        """Speak until the ClientHello is due."""
        if role.tls_start is TlsStart.STARTTLS:
            self.until(b"ready")
            if role.protocol in _ASK:
                self.send(_ASK[role.protocol] + b"\r\n")
                self.until(b"250 " if role.protocol is Protocol.SMTP else b"\r\n")
            self.ask(_START[role.protocol])
        return self

    def tls(
        self, context: ssl.SSLContext | None = None, name: str | None = None, timeout: float = PATIENCE
    ) -> ssl.SSLSocket:
        """A handshake; raises what ssl raises. `context` None: any certificate will do."""
        self._socket.settimeout(timeout)
        assert not isinstance(self._socket, ssl.SSLSocket)
        wrapped = (context or any_certificate()).wrap_socket(self._socket, server_hostname=name)
        self._socket = wrapped
        return wrapped


def any_certificate(highest: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED) -> ssl.SSLContext:
    """A client that trusts everyone and, with `highest` TLS 1.0, still speaks it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if highest is ssl.TLSVersion.TLSv1:
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.maximum_version = highest
    return context


@contextlib.contextmanager
def took(least: float, most: float) -> Iterator[None]:
    """The block takes so many seconds."""
    began = time.monotonic()
    yield
    assert least <= time.monotonic() - began <= most
