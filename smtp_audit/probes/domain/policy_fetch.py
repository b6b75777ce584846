"""Fetching an MTA-STS policy over HTTPS as RFC 8461 section 3.3 wants it: certificate checked, nothing followed.

A client of our own, because the address comes from the resolver of the configuration and the peer is hostile: capped in
octets and time, no redirect, no proxy, no system resolver.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
from dataclasses import dataclass

from smtp_audit.facts.mta_sts import FetchOutcome, PolicyFetch
from smtp_audit.limits import MAX_POLICY_BYTES, Limits
from smtp_audit.probes.tls.trust import Anchors
from smtp_audit.probes.wire import tls_reason
from smtp_audit.wiretext import escape_text

PATH = "/.well-known/mta-sts.txt"

_MAX_HEAD = 16 * 1024
"""Octets of the head of the answer."""

MAX_SECONDS = 60.0
"""A sender waits no longer (RFC 8461 section 3.3)."""

_STATUS = re.compile(rb"HTTP/1\.[01] ([0-9]{3})(?: [^\r\n]*)?")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?")


@dataclass(frozen=True)
class Place:
    """An address and a port to connect to."""

    address: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{host}:{self.port}"


class _NoPolicy(Exception):
    """There is no answer to judge; `outcome` says how far it came."""

    def __init__(self, outcome: FetchOutcome, reason: str) -> None:
        super().__init__(reason)
        self.outcome = outcome


@dataclass(frozen=True)
class _Response:
    status: int
    headers: dict[str, str]
    body: bytes


async def fetch_policy(place: Place, host: str, anchors: Anchors, limits: Limits) -> PolicyFetch:
    """One attempt at one address. Never raises for what the peer does.

    Args:
        place: where to connect to.
        host: the name that is asked for, and that the certificate has to have: `mta-sts.DOMAIN`.
        anchors: the authorities that are trusted.
        limits: how long it may take, and never longer than `MAX_SECONDS`.
    """
    told = PolicyFetch(
        url=f"https://{host}{PATH}", address=str(place), outcome=FetchOutcome.UNREACHABLE, detail="not tried"
    )
    seconds = min(MAX_SECONDS, limits.connect_seconds + limits.handshake_seconds + limits.reply_seconds)
    try:
        async with asyncio.timeout(seconds):
            response = await _exchange(place, host, anchors)
    except _NoPolicy as error:
        return told.model_copy(update={"outcome": error.outcome, "detail": str(error)})
    except TimeoutError:
        return told.model_copy(update={"detail": f"no whole answer within {seconds:g} s"})
    except ssl.SSLError as error:  # in the middle of the answer
        return told.model_copy(update={"detail": f"TLS broke: {escape_text(tls_reason(error), 200)}"})
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        return told.model_copy(update={"detail": escape_text(reason, 200)})
    return told.model_copy(
        update={
            "outcome": FetchOutcome.ANSWERED,
            "detail": "",
            "status": response.status,
            "content_type": _shown(response.headers.get("content-type")),
            "location": _shown(response.headers.get("location")) or "",
            "body": response.body.decode("latin-1"),
        }
    )


def _shown(value: str | None) -> str | None:
    return None if value is None else escape_text(value, 200)


def _context(anchors: Anchors) -> ssl.SSLContext:
    """As a careful sender has it: chain, dates and name are checked, and the common name names no host (RFC 9525)."""
    context = ssl.create_default_context(cafile=str(anchors.file) if anchors.file else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.hostname_checks_common_name = False
    # Newer Pythons add checks of form that no sender makes.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


async def _exchange(place: Place, host: str, anchors: Anchors) -> _Response:
    """Raises _NoPolicy, OSError, TimeoutError."""
    if not anchors.usable:
        raise _NoPolicy(FetchOutcome.TLS, "there are no trust anchors here to check its certificate with")
    try:
        context = _context(anchors)
    except OSError as error:  # a file of anchors that is gone, or holds none
        why = escape_text(str(error), 200)
        raise _NoPolicy(FetchOutcome.TLS, f"the trust anchors cannot be read: {why}") from None
    try:
        reader, writer = await asyncio.open_connection(
            place.address, place.port, ssl=context, server_hostname=host, limit=_MAX_HEAD
        )
    except ssl.SSLCertVerificationError as error:
        why = f"{escape_text(error.verify_message, 200)} (OpenSSL error {error.verify_code})"
        raise _NoPolicy(FetchOutcome.CERTIFICATE, why) from None
    except ssl.SSLError as error:
        refused = "UNRECOGNIZED_NAME" in str(getattr(error, "reason", ""))
        outcome = FetchOutcome.NAME_REFUSED if refused else FetchOutcome.TLS
        raise _NoPolicy(outcome, escape_text(tls_reason(error), 200)) from None
    try:
        request = (f"GET {PATH} HTTP/1.1", f"Host: {host}", "Accept: text/plain", "Connection: close", "", "")
        writer.write("\r\n".join(request).encode("ascii", "replace"))
        await writer.drain()
        return await _response(reader)
    except asyncio.IncompleteReadError:
        why = "the connection was closed in the middle of the answer"
        raise _NoPolicy(FetchOutcome.UNREACHABLE, why) from None
    except asyncio.LimitOverrunError:
        why = f"the head of the answer has more than {_MAX_HEAD} octets"
        raise _NoPolicy(FetchOutcome.MALFORMED, why) from None
    finally:
        writer.transport.abort()
        with contextlib.suppress(OSError, ssl.SSLError):
            await writer.wait_closed()


async def _response(reader: asyncio.StreamReader) -> _Response:
    for _ in range(5):  # interim answers (RFC 9110 section 15.2)
        status, headers = _head(await reader.readuntil(b"\r\n\r\n"))
        if status >= 200:
            break
    if status != 200:  # there is no policy in it
        return _Response(status, headers, b"")
    return _Response(status, headers, await _body(reader, headers))


def _head(octets: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = octets.removesuffix(b"\r\n\r\n").split(b"\r\n")
    found = _STATUS.fullmatch(first)
    if found is None:
        raise _NoPolicy(FetchOutcome.MALFORMED, f"no HTTP answer: {escape_text(first.decode('latin-1'), 80)}")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.decode("latin-1").partition(":")
        if colon:
            headers.setdefault(name.strip().lower(), value.strip())
    return int(found[1]), headers


async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    coding = headers.get("transfer-encoding", "").lower()
    if coding == "chunked":
        return await _chunks(reader)
    if coding:
        raise _NoPolicy(FetchOutcome.MALFORMED, f"transfer coding {escape_text(coding, 40)}")
    encoding = headers.get("content-encoding", "identity").lower()
    if encoding != "identity":  # it was not offered
        raise _NoPolicy(FetchOutcome.MALFORMED, f"content coding {escape_text(encoding, 40)}, which was not asked for")
    length = headers.get("content-length")
    if length is not None:
        if not re.fullmatch(r"[0-9]{1,12}", length):
            raise _NoPolicy(FetchOutcome.MALFORMED, f"content length {escape_text(length, 40)}")
        if int(length) > MAX_POLICY_BYTES:
            raise _too_large()
        return await reader.readexactly(int(length))
    body = b""
    while data := await reader.read(8192):
        body += data
        if len(body) > MAX_POLICY_BYTES:
            raise _too_large()
    return body


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    """A body in chunks (RFC 9112 section 7.1)."""
    body, overhead = b"", 0
    while True:
        line = await reader.readuntil(b"\r\n")
        overhead += len(line)
        found = _CHUNK.fullmatch(line.removesuffix(b"\r\n"))
        if found is None:
            raise _NoPolicy(FetchOutcome.MALFORMED, "chunks that cannot be read")
        size = int(found[1], 16)
        if len(body) + size > MAX_POLICY_BYTES or overhead > MAX_POLICY_BYTES:
            raise _too_large()
        if size == 0:
            return body
        body += await reader.readexactly(size)
        if await reader.readexactly(2) != b"\r\n":
            raise _NoPolicy(FetchOutcome.MALFORMED, "chunks that cannot be read")


def _too_large() -> _NoPolicy:
    return _NoPolicy(FetchOutcome.TOO_LARGE, f"more than {MAX_POLICY_BYTES} octets")
