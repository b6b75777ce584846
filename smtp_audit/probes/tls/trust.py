"""TLS client contexts that take almost anything, trust anchors, and OpenSSL's verdict on a chain alone."""

from __future__ import annotations

import contextlib
import hashlib
import re
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path

from smtp_audit.facts.certificate import Trust
from smtp_audit.probes.tls.certificate import chain_of
from smtp_audit.wiretext import escape_text

# X509_V_FLAG_NO_CHECK_TIME: dates are judged apart, so that an expired certificate is not also called untrusted.
_NO_CHECK_TIME = 0x200000


@dataclass(frozen=True)
class Anchors:
    """The trust anchors: a file the user gave, or the system's store."""

    file: Path | None = None

    @cached_property
    def name(self) -> str:
        """For the report: which anchors, and the hash of a file as it was at the first look."""
        if self.file is None:
            return "the system's store"
        try:
            content = self.file.read_bytes()
        except OSError:
            return f"{self.file} (cannot be read)"
        return f"{self.file} (SHA-256 {hashlib.sha256(content).hexdigest()[:16]}...)"

    @property
    def system(self) -> bool:
        """Whether they are the system's, rather than of a file that the user gave."""
        return self.file is None

    @property
    def usable(self) -> bool:
        """Whether there are any: without anchors "not trusted" would say nothing about the server."""
        if self.file is not None:
            return True
        paths = ssl.get_default_verify_paths()
        if paths.cafile is not None and Path(paths.cafile).stat().st_size > 0:
            return True
        return paths.capath is not None and any(Path(paths.capath).iterdir())


@cache
def tolerant_context(anchors: Anchors, verify: bool) -> ssl.SSLContext:
    """A client context for looking: every version and suite this OpenSSL has, weak keys and old servers included.

    With `verify`, the handshake ends with SSLCertVerificationError unless the chain as sent leads to an anchor and is
    meant for a TLS server; dates and names are left to their own controls.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED if verify else ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    # Not aNULL: an anonymous suite has no certificate to look at.
    context.set_ciphers("ALL:!aNULL:@SECLEVEL=0")
    context.options |= getattr(ssl, "OP_LEGACY_SERVER_CONNECT", 0x4)
    if verify:
        context.verify_flags |= ssl.VerifyFlags(_NO_CHECK_TIME)
        _load(context, anchors)
    return context


@cache
def strict_context(anchors: Anchors) -> ssl.SSLContext:
    """A context as a careful client has it: for sending the password, chain and name verified."""
    context = ssl.create_default_context(cafile=str(anchors.file) if anchors.file else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # RFC 9525 section 2: a common name names no host.
    context.hostname_checks_common_name = False
    return context


def _load(context: ssl.SSLContext, anchors: Anchors) -> None:
    if anchors.file is not None:
        context.load_verify_locations(cafile=str(anchors.file))
    else:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)


# Suites of TLS 1.2 by the key that the server's certificate has to hold: EC or Edwards curves, RSA, DSA. OpenSSL says
# after it has verified a chain that the key is of the wrong kind; the next suite is tried then.
_SUITES = (0xC02B, 0xC02F, 0x00A2)
_WRONG_KIND = "WRONG_CERTIFICATE_TYPE"

_RECORD = 1 << 14
"""Octets that one TLS record carries at most (RFC 5246 section 6.2.1)."""


def chain_trust(chain: Sequence[bytes], anchors: Anchors) -> tuple[Trust | None, str]:
    """What OpenSSL says of a chain as a server sent it; the same as in a verifying handshake, without a connection.

    Python has no call for that. So its client is given a ServerHello of TLS 1.2 and the chain in a Certificate message,
    both made here: OpenSSL verifies the chain as soon as it has read it, and goes on to wait for the signature of the
    key exchange, which never comes. Dates and names are left out (`tolerant_context`).

    Args:
        chain: the certificates in DER, leaf first.
        anchors: what is trusted.

    Returns:
        The trust, and ""; or None and the reason why OpenSSL gave no verdict: there are no anchors, or it cannot read a
        certificate, or does not take its kind of key at all. Never trusted where that was not seen.
    """
    if not chain:
        return None, "no certificate was sent"
    if not anchors.usable:
        return None, "there are no trust anchors here"
    try:
        return _verdict(tuple(chain), anchors)
    except OSError as error:  # a file of anchors that is gone by now
        return None, f"the trust anchors cannot be read: {escape_text(str(error), 200)}"


@lru_cache(maxsize=32)
def _verdict(chain: tuple[bytes, ...], anchors: Anchors) -> tuple[Trust | None, str]:
    """As `chain_trust`; worked out once for a chain that a server shows again and again. Raises OSError."""
    reason = ""
    for suite in _SUITES:
        try:
            return _verify(chain, suite, anchors), ""
        except ssl.SSLCertVerificationError as error:
            text = escape_text(error.verify_message, 200)
            return _trust(anchors, trusted=False, code=error.verify_code, error=text), ""
        except ssl.SSLError as error:
            reason = reason or _told(error)
            if getattr(error, "reason", None) != _WRONG_KIND:
                return None, f"OpenSSL gives no verdict on the chain: {_told(error)}"
    return None, f"OpenSSL gives no verdict on a chain with this kind of key: {reason}"


def _verify(chain: Sequence[bytes], suite: int, anchors: Anchors) -> Trust:
    """Raises ssl.SSLError, or its SSLCertVerificationError when the chain is not trusted."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = tolerant_context(anchors, verify=True).wrap_bio(incoming, outgoing)
    with contextlib.suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    for record in _records(_server_hello(suite) + _certificate(chain)):
        incoming.write(record)
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        # It wants more: but only once it has taken the chain may that be called trust.
        if len(chain_of(tls)) == len(chain):
            return _trust(anchors, trusted=True)
    raise ssl.SSLError("it did not take the chain")


def _trust(anchors: Anchors, *, trusted: bool, code: int = 0, error: str = "") -> Trust:
    return Trust(trusted=trusted, anchors=anchors.name, code=code, error=error, system_anchors=anchors.system)


def _told(error: ssl.SSLError) -> str:
    reason = getattr(error, "reason", None) or re.sub(r" *\(_ssl\S*\)$", "", str(error.args[-1]))
    return escape_text(reason.lower().replace("_", " "), 200)


def _server_hello(suite: int) -> bytes:
    """TLS 1.2, no session id, no compression, no extension (RFC 5246 section 7.4.1.3)."""
    return _message(2, b"\x03\x03" + bytes(32) + b"\0" + suite.to_bytes(2, "big") + b"\0")


def _certificate(chain: Sequence[bytes]) -> bytes:
    """A Certificate message (RFC 5246 section 7.4.2)."""
    entries = b"".join(len(one).to_bytes(3, "big") + one for one in chain)
    return _message(11, len(entries).to_bytes(3, "big") + entries)


def _message(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + len(body).to_bytes(3, "big") + body


def _records(octets: bytes) -> Iterator[bytes]:
    for place in range(0, len(octets), _RECORD):
        part = octets[place : place + _RECORD]
        yield b"\x16\x03\x03" + len(part).to_bytes(2, "big") + part
