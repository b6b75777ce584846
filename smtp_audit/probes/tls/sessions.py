"""Session resumption: a session is made, and offered again on a second connection."""

from __future__ import annotations

import ssl
import warnings
from dataclasses import dataclass
from functools import cache

from smtp_audit.facts.handshake import VersionSession
from smtp_audit.facts.observation import Absence
from smtp_audit.facts.tls import TlsVersion
from smtp_audit.probes.approach import Approach, Session
from smtp_audit.probes.tls.encrypted import TICKET_SECONDS, Carried
from smtp_audit.probes.wire import PeerError, Transcript, tls_reason

_PYTHON = {
    TlsVersion.TLS10: ssl.TLSVersion.TLSv1,
    TlsVersion.TLS11: ssl.TLSVersion.TLSv1_1,
    TlsVersion.TLS12: ssl.TLSVersion.TLSv1_2,
    TlsVersion.TLS13: ssl.TLSVersion.TLSv1_3,
}


@cache
def _context(version: TlsVersion) -> ssl.SSLContext:
    """A context for one version that trusts everybody. One for both connections: a session belongs to its context."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:-aNULL:aNULL:eNULL:@SECLEVEL=0")
    context.options |= getattr(ssl, "OP_LEGACY_SERVER_CONNECT", 0x4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the old versions are asked for on purpose
        context.minimum_version = context.maximum_version = _PYTHON[version]
    return context


@dataclass(frozen=True)
class _Made:
    session: ssl.SSLSession | None
    reused: bool


async def resumption(
    approach: Approach, transcript: Transcript, version: TlsVersion, carried: Carried | None = None
) -> VersionSession:
    """Whether a session of this version can be resumed, and how long its ticket is good for.

    Args:
        approach: the endpoint.
        transcript: where it is recorded.
        version: the version, which the server is known to accept.
        carried: a handshake of TLS 1.3 with its tickets, which tell of early data as well.
    """
    if version not in _PYTHON:
        return VersionSession(version=version, resumed=None, detail="not tried: this OpenSSL has no such version")
    early = lifetime = None
    if carried is not None and carried.done and carried.handshake is not None:
        tickets = carried.handshake.tickets
        # Tickets come before the first words inside: without either, it is not known whether there are any.
        silent = 0 if carried.answered else None
        early = max((ticket.max_early_data or 0 for ticket in tickets), default=silent)
        lifetime = max((ticket.lifetime for ticket in tickets), default=None)
    try:
        first = await _connect(approach, transcript, version, None)
        session = first.session
        if session is None or not (session.has_ticket or session.id):
            return VersionSession(
                version=version, resumed=False, lifetime=lifetime, early_data=early, detail="no session was given"
            )
        second = await _connect(approach, transcript, version, session)
    except PeerError as error:
        return VersionSession(version=version, resumed=None, lifetime=lifetime, early_data=early, detail=error.reason)
    hint = session.ticket_lifetime_hint if session.has_ticket else 0
    return VersionSession(
        version=version,
        resumed=second.reused,
        by="ticket" if session.has_ticket else "session id",
        lifetime=lifetime if lifetime is not None else hint or None,
        early_data=early,
    )


async def _connect(
    approach: Approach, transcript: Transcript, version: TlsVersion, session: ssl.SSLSession | None
) -> _Made:
    async def visit(visited: Session) -> _Made:
        if not await visited.up_to_tls():
            raise PeerError(Absence.REFUSED_SERVICE, "STARTTLS is no longer offered, and was before")
        connection = visited.connection
        try:
            async with connection.within(visited.handshake_seconds, "end of the TLS handshake"):
                tls = await connection.start_tls(_context(version), visited.endpoint.server_name, session)
        except ssl.SSLError as error:
            raise PeerError(Absence.MALFORMED, f"no {version} session: {tls_reason(error)}") from None
        if version is TlsVersion.TLS13 and session is None:
            # Its tickets come behind the handshake.
            async with connection.within(TICKET_SECONDS, "answer inside TLS"):
                if visited.dialect.inside_question:
                    await connection.send(visited.dialect.inside_question)
                await connection.some()
        made = _Made(tls.session, bool(tls.session_reused))
        await connection.end_tls()
        return made

    return await approach.visit(visit, transcript)
