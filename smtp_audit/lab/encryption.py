"""The TLS contexts of the lab's servers."""

from __future__ import annotations

import ssl
from pathlib import Path


class _AlertingConnection(ssl.SSLObject):
    """A TLS connection whose refusals reach the peer.

    asyncio drops the connection as soon as a handshake fails and never sends the alert that OpenSSL wrote, so that a
    client sees a reset instead of a refusal (RFC 8446 section 6.2). To say once "more input is needed" makes it send
    what there is to send; the error follows with the next octet, or the end, of the peer.
    """

    _failure: ssl.SSLError | None = None

    def do_handshake(self) -> None:
        if self._failure is not None:
            raise self._failure
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as error:
            self._failure = error
            raise ssl.SSLWantReadError from error


def modern(chain: Path) -> ssl.SSLContext:
    """TLS 1.2 and 1.3 with forward secrecy and authenticated encryption. `chain`: a PEM file, key and certificates."""
    context = _server(chain)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
    return context


def outdated(chain: Path) -> ssl.SSLContext:
    """Whatever OpenSSL can still be talked into: TLS 1.0 and later, any suite."""
    context = _server(chain)
    # RFC 8996 forbids the versions before 1.2; OpenSSL 3 has them only at security level 0.
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    return context


def _server(chain: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sslobject_class = _AlertingConnection
    context.load_cert_chain(chain)
    return context
