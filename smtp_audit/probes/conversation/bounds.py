"""What a server puts up with: junk commands, connections at once, silence.

Each of these fills a limit or measures time, so that nothing else talks to the endpoint meanwhile (`alone`).
"""

from __future__ import annotations

import asyncio
import ssl
import time
from weakref import WeakKeyDictionary

from smtp_audit.facts.bounds import IdleFacts, IdleMessageFacts, JunkFacts, ParallelFacts, Silence
from smtp_audit.facts.endpoint import TlsStart
from smtp_audit.facts.observation import Absence
from smtp_audit.limits import MAX_JUNK_COMMANDS, MAX_PARALLEL
from smtp_audit.probes.approach import Approach, Session
from smtp_audit.probes.conversation.interview import exchange_with, say
from smtp_audit.probes.dialect import dialect_for
from smtp_audit.probes.wire import Connection, PeerError, Transcript, connect, tls_reason
from smtp_audit.wiretext import escape

WAVE = 10
"""Connections that are opened side by side; a server that greets late is then waited for a few times only."""

SHOWN = 200

_BURSTS: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()
"""One burst at a time in a whole audit: several addresses may be one machine."""


# Junk


async def say_junk(approach: Approach, transcript: Transcript) -> JunkFacts:
    """Commands that do not exist, `MAX_JUNK_COMMANDS` at most, until the server puts an end to it.

    Raises:
        PeerError: it came to no conversation.
    """

    async def visit(session: Session) -> JunkFacts:
        smtp = session.smtp
        await session.secure()
        seconds: list[float] = []
        for number in range(1, MAX_JUNK_COMMANDS + 1):
            told = await exchange_with(smtp, session, say(f"XSMTPAUDIT{number}"))
            if told.ended:
                return JunkFacts(sent=number, seconds=tuple(seconds), ended=told.ended)
            seconds.append(told.seconds)
            if told.reply is not None and told.reply.code == "421":
                return JunkFacts(sent=number, seconds=tuple(seconds), ended=str(told.reply))
        await smtp.quit(session.connection)
        return JunkFacts(sent=MAX_JUNK_COMMANDS, seconds=tuple(seconds))

    # Postfix makes the client wait a second for each, from the 10th on.
    approach.budget.move_bounds(MAX_JUNK_COMMANDS)
    return await approach.visit(visit, transcript)


# Connections at once


async def connect_many(approach: Approach, transcript: Transcript) -> ParallelFacts:
    """Open connections and keep them, `MAX_PARALLEL` at most, until the server turns one away.

    Raises:
        PeerError: not even one was served.
    """
    bursts = _BURSTS.setdefault(asyncio.get_running_loop(), asyncio.Lock())
    async with bursts, approach.budget.burst(MAX_PARALLEL) as count:
        opened: list[Connection] = []
        seconds: list[float] = []
        refusal: PeerError | None = None
        try:
            while len(seconds) < MAX_PARALLEL and refusal is None:
                wave = min(WAVE, MAX_PARALLEL - len(seconds))
                for _ in range(wave):
                    count()
                results = await asyncio.gather(*(_greeted(approach, opened) for _ in range(wave)))
                seconds += [result for result in results if isinstance(result, float)]
                refusal = next((result for result in results if isinstance(result, PeerError)), None)
        finally:
            for connection in opened:
                connection.abort()
    if refusal is not None and (not seconds or not _turned_away(refusal)):
        raise refusal
    told = refusal.reason if refusal is not None else ""
    transcript.note(f"{len(seconds)} connections at once were greeted" + (f"; another: {told}" if told else ""))
    return ParallelFacts(tried=MAX_PARALLEL, served=len(seconds), refusal=told, seconds=tuple(seconds))


def _turned_away(refusal: PeerError) -> bool:
    """Whether it is the server that has no more, and not this machine (too many open files), or something odd."""
    if refusal.absence is Absence.UNREACHABLE:
        return "did not answer" in refusal.reason
    return refusal.absence in (Absence.CLOSED, Absence.DROPPED, Absence.TIMEOUT, Absence.REFUSED_SERVICE)


async def _greeted(approach: Approach, opened: list[Connection]) -> float | PeerError:
    """Open one connection and read its greeting; the seconds that took, or what came instead."""
    endpoint, limits = approach.endpoint, approach.config.limits
    began = time.monotonic()
    try:
        quiet = approach.transcript().muted()
        connection = await connect(approach.address, endpoint.port, limits.connect_seconds, quiet)
        opened.append(connection)
        dialect = dialect_for(endpoint.protocol, approach.config.ehlo)
        session = Session(connection, dialect, limits, endpoint, approach.anchors)
        if endpoint.tls_start is TlsStart.IMPLICIT:
            await session.handshake()
        await session.greeting()
    except PeerError as error:
        return error
    except ssl.SSLError as error:
        try:
            session.mind_refusal_in_clear()
        except PeerError as busy:
            return busy
        return PeerError(Absence.MALFORMED, f"no TLS session: {tls_reason(error)}")
    return round(time.monotonic() - began, 3)


# Silence


async def keep_silent(approach: Approach, transcript: Transcript) -> IdleFacts:
    """Say nothing after EHLO, for `idle_seconds` at most.

    Raises:
        PeerError: it came to no conversation.
    """
    approach.budget.move_bounds(approach.config.limits.idle_seconds)

    async def visit(session: Session) -> IdleFacts:
        await session.secure()
        return IdleFacts(silence=await _silence(approach, session))

    return await approach.visit(visit, transcript)


async def stall_a_message(approach: Approach, transcript: Transcript) -> IdleMessageFacts:
    """Begin a message to a mailbox of one's own, and say no more, for `idle_seconds` at most.

    It is never completed: the server has to forget it (RFC 5321 section 4.1.1.4).

    Raises:
        PeerError: no mailbox was given, or it came to no conversation.
    """
    if approach.config.mailboxes.own is None:
        raise PeerError(Absence.NOT_AVAILABLE, "no mailbox of your own was given ([mailboxes] own)")
    approach.budget.move_bounds(approach.config.limits.idle_seconds)

    async def visit(session: Session) -> IdleMessageFacts:
        if unknown := await _begin_message(approach, session):
            return IdleMessageFacts(silence=Silence(unknown=unknown))
        return IdleMessageFacts(silence=await _silence(approach, session))

    return await approach.visit(visit, transcript)


async def _begin_message(approach: Approach, session: Session) -> str:
    """Go on to the middle of a message to the own mailbox; why that cannot be done, "" when it is."""
    await session.secure()
    smtp = session.smtp
    for line in ("MAIL FROM:<>", f"RCPT TO:<{approach.config.mailboxes.own}>", "DATA"):
        told = await exchange_with(smtp, session, say(line))
        if told.ended or not told.accepted:
            return str(told)
    await session.connection.send(f"X-SMTP-Audit-Run: {approach.run_id}\r\n".encode())
    return ""


async def _silence(approach: Approach, session: Session) -> Silence:
    """Wait for the server to put an end to it."""
    connection, limit = session.connection, session.limits.idle_seconds
    began = time.monotonic()
    said = ""
    connection.transcript.note(f"silence, for {limit:g} s at most")
    try:
        with approach.budget.standing_aside():
            async with connection.within(limit, "word from the server in all that time, nor the end"):
                while not said.startswith("421"):
                    said = escape(await connection.line(), SHOWN)
    except PeerError as error:
        took = round(time.monotonic() - began, 3)
        if error.absence is Absence.TIMEOUT:
            return Silence(seconds=took)
        if error.absence is not Absence.DROPPED:
            return Silence(unknown=error.reason)
        return Silence(ended=said or error.reason, seconds=took)
    return Silence(ended=said, seconds=round(time.monotonic() - began, 3))
