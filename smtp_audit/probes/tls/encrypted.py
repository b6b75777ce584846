"""Handshakes of TLS 1.3 that are carried through: what is encrypted in them, signatures, tickets."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from smtp_audit.facts.handshake import VersionSignatures
from smtp_audit.facts.observation import Absence
from smtp_audit.facts.tls import TlsVersion
from smtp_audit.probes.approach import Session
from smtp_audit.probes.tls.ask import RESET, RETRY_PAUSE, SILENT_CLOSE, TRIES, WORDLESS, Prober, Wordless
from smtp_audit.probes.tls.hello import ALERT_NAMES, CLEAN_REFUSALS
from smtp_audit.probes.tls.parameters import SIGNATURES, signature_name
from smtp_audit.probes.tls.tls13.handshake import Handshake13
from smtp_audit.probes.tls.tls13.octets import BeyondUs, HandshakeAlert, HandshakeFault
from smtp_audit.probes.wire import PeerError

MAX_HANDSHAKE_READS = 4000

TICKET_SECONDS = 2.0
"""Seconds that tickets and the first words inside may take after the handshake."""

MORE_SUITES = (0x1301, 0x1302, 0x1303, 0x1304, 0x1305)


@dataclass(frozen=True)
class Carried:
    """A handshake as far as it got. `refusal` is the alert that refused it cleanly, `trouble` why it is not known.

    `answered`: words came inside after it, so that the tickets before them are all.
    """

    handshake: Handshake13 | None = None
    refusal: str = ""
    trouble: str = ""
    answered: bool = False

    @property
    def done(self) -> bool:
        """Whether it was carried through."""
        return self.handshake is not None and self.handshake.done


async def carry_through(
    prober: Prober,
    *,
    signatures: Sequence[int] = SIGNATURES,
    server_name: str | None = None,
    tickets: bool = False,
) -> Carried:
    """One handshake on a fresh connection, asked again when it is dropped. Never raises for what the peer does."""
    result = Carried(trouble="not tried")
    for attempt in range(TRIES):
        if prober.known.over:
            return Carried(trouble=f"not tried: {prober.known.over}")
        before = result.trouble
        result = await _once(prober, signatures, server_name, tickets=tickets)
        if result.trouble in WORDLESS and await prober.learn_whether_it_says_no_by(result.trouble):
            # Twice, and the known hello taken after: this server's word for no (see `Prober`).
            if result.trouble == before and await prober.known_is_taken():
                return Carried(result.handshake, refusal=f"{result.trouble} twice, which is how this server refuses")
            continue
        if result.done or result.refusal or result.trouble.startswith(("no ", "a TLS 1.3 handshake")):
            return result
        if attempt + 1 < TRIES:
            await asyncio.sleep(RETRY_PAUSE * 2**attempt)
    return result


async def _once(prober: Prober, signatures: Sequence[int], server_name: str | None, *, tickets: bool) -> Carried:
    def begun() -> Handshake13:
        return Handshake13(server_name, suites=MORE_SUITES, signatures=signatures)

    handshake = begun()
    prober.hellos += 1
    answered = False
    told = f"TLS 1.3 handshake, {len(signatures)} signature schemes, server name {server_name or 'none'}"

    async def visit(session: Session) -> bool:
        nonlocal answered, handshake
        # Of this connection alone: what was said on one that turned us away is not fed to it.
        handshake = begun()
        if not await session.up_to_tls():
            return False
        connection = session.connection
        connection.refuse_clear_text()
        await connection.send(handshake.hello(), shown=told)
        async with connection.within(session.handshake_seconds, "end of a TLS 1.3 handshake"):
            await _exchange(session, handshake)
        if tickets and handshake.done:
            answered = await _wait_for_tickets(session, handshake)
        if handshake.done:
            await connection.send(handshake.farewell(), shown="close_notify")
        return True

    record = prober.transcript.muted() if prober.transcript.visits > 1 else prober.transcript
    prober.transcript.visits += 1
    try:
        offered = await prober.approach.visit(visit, record, dropped_tries=1, pause_when_dropped=False)
    except HandshakeAlert as alert:
        name = f"alert {alert.number} {ALERT_NAMES.get(alert.number, '')}".strip()
        prober.transcript.note(f"{told}: {name}")
        if alert.number in CLEAN_REFUSALS and not handshake.seen.chain:
            return Carried(handshake, refusal=name)
        return Carried(handshake, trouble=name)
    except BeyondUs as beyond:
        prober.transcript.note(f"{told}: {beyond}")
        return Carried(handshake, trouble=f"a TLS 1.3 handshake cannot be carried through from here: {beyond}")
    except HandshakeFault as fault:
        prober.transcript.note(f"{told}: {fault}")
        return Carried(handshake, trouble=f"a TLS 1.3 handshake went wrong: {fault}")
    except PeerError as error:
        prober.transcript.note(f"{told}: {error.reason}")
        await prober.failed(error)
        return Carried(handshake, trouble=error.reason)
    if not offered:
        prober.known.over = "STARTTLS is no longer offered, and was before"
        return Carried(trouble=prober.known.over)
    signed = signature_name(handshake.seen.signature) if handshake.seen.signature is not None else "not signed"
    prober.transcript.note(f"{told}: done, signed with {signed}, {len(handshake.tickets)} tickets")
    return Carried(handshake, answered=answered)


async def _exchange(session: Session, handshake: Handshake13) -> None:
    heard = False
    for _ in range(MAX_HANDSHAKE_READS):
        if handshake.done:
            return
        try:
            data = await session.connection.some()
        except PeerError as error:
            if error.absence is Absence.DROPPED and not heard:
                raise Wordless(RESET) from None
            raise
        if not data and not heard:
            raise Wordless(SILENT_CLOSE)
        if not data:
            raise PeerError(Absence.DROPPED, "closed the connection in a TLS 1.3 handshake")
        heard = True
        answer = handshake.feed(data)
        if answer:
            await session.connection.send(answer, shown=f"handshake, {len(answer)} octets")
    raise PeerError(Absence.EXCESSIVE, f"a TLS 1.3 handshake in more than {MAX_HANDSHAKE_READS} pieces")


async def _wait_for_tickets(session: Session, handshake: Handshake13) -> bool:
    """Tickets come with the first octets after the handshake; ask for a word inside so that there are some.

    Whether there was one.
    """
    connection = session.connection
    try:
        async with connection.within(TICKET_SECONDS, "answer inside TLS"):
            if session.dialect.inside_question:
                await connection.send(handshake.protect(session.dialect.inside_question), shown="a question inside TLS")
            while not handshake.received():
                data = b"" if handshake.closed else await connection.some()
                if not data:
                    return False
                answer = handshake.feed(data)
                if answer:
                    await connection.send(answer, shown=f"handshake, {len(answer)} octets")
            return True
    except PeerError as error:
        connection.transcript.note(f"after the handshake: {error.reason}")
        return False


async def signatures_of_tls13(prober: Prober, first: Carried | None = None) -> VersionSignatures:
    """The schemes that CertificateVerify is signed with, by striking the one used; `first` offered all of them."""
    found: list[str] = []
    remaining = list(SIGNATURES)
    complete, detail = True, "every known scheme is used"
    name = prober.approach.endpoint.server_name
    while remaining:
        carried = first or await carry_through(prober, signatures=remaining, server_name=name)
        first = None
        if carried.refusal:
            complete = bool(found) and not prober.known.taken_back(carried.refusal)
            detail = carried.refusal if found else f"took TLS 1.3, and no handshake with any scheme ({carried.refusal})"
            break
        used = carried.handshake.seen.signature if carried.handshake is not None else None
        if used is None or used not in remaining or not carried.done:
            complete = False
            detail = carried.trouble or "the signature was not seen"
            break
        found.append(signature_name(used))
        remaining.remove(used)
    return VersionSignatures(
        version=TlsVersion.TLS13, schemes=tuple(found), complete=complete, detail=detail, hellos=prober.hellos
    )
