"""What servers for mailboxes say before a login: capabilities on both sides of TLS, who they are, STARTTLS twice."""

from __future__ import annotations

import time

from smtp_audit.facts.conversation import Dialogue, Exchange
from smtp_audit.facts.endpoint import Protocol, TlsStart
from smtp_audit.facts.mailbox_access import MailboxAccessFacts
from smtp_audit.facts.observation import Absence
from smtp_audit.facts.service import Reply
from smtp_audit.probes.approach import Approach, Session
from smtp_audit.probes.wire import PeerError, Transcript


async def look_at_mailbox_access(approach: Approach, transcript: Transcript) -> MailboxAccessFacts:
    """Go to where a user would log in, on one connection.

    Raises:
        PeerError: there was no greeting, or no capabilities.
    """
    facts = await approach.visit(_look, transcript)
    if approach.tls_expected and not facts.offered:
        raise PeerError(Absence.REFUSED_SERVICE, "TLS was offered before, and not on this connection")
    return facts


async def _look(session: Session) -> MailboxAccessFacts:
    implicit = session.endpoint.tls_start is TlsStart.IMPLICIT
    if implicit:
        await session.encrypt()
    greeting, _ = await session.greeting()
    first = await session.capabilities()
    before, after, unknown = (None, first, "") if implicit else (first, None, "")
    offered = implicit or session.dialect.offers_starttls(first)
    if not implicit and offered:
        try:
            after = await _inside(session)
        except PeerError as error:
            unknown = error.reason
    going = implicit or not offered or after is not None
    identification = await _asked(session, "ID NIL") if going and session.endpoint.protocol is Protocol.IMAP else None
    second = None
    if after is not None and (identification is None or not identification.exchanges[-1].ended):
        second = await _asked(session, session.dialect.starttls_name)
    return MailboxAccessFacts(
        role=session.endpoint.role,
        greeting=greeting,
        offered=offered,
        before_tls=before,
        after_tls=after,
        after_tls_unknown=unknown,
        identification=identification or Dialogue(),
        second_starttls=second or Dialogue(unknown=unknown or "the connection was over before"),
    )


async def _inside(session: Session) -> tuple[str, ...]:
    reply = await session.starttls()
    if not session.dialect.accepted(reply):
        raise PeerError(Absence.REFUSED_SERVICE, f"{session.dialect.starttls_name} was answered {reply}")
    await session.encrypt()
    return await session.capabilities()


async def _asked(session: Session, command: str) -> Dialogue:
    """One command; what came of it is kept, whatever it is."""
    connection, began = session.connection, time.monotonic()
    replies: tuple[Reply, ...] = ()
    ended = unknown = ""
    try:
        async with connection.within(session.limits.reply_seconds, f"answer to {command}"):
            replies = (await session.dialect.command(connection, command),)
    except PeerError as error:
        ended = error.reason
        if error.absence not in (Absence.DROPPED, Absence.TIMEOUT):
            unknown = error.reason
    seconds = round(time.monotonic() - began, 3)
    exchange = Exchange(sent=command, replies=replies, ended=ended, seconds=seconds)
    return Dialogue(exchanges=(exchange,), inside_tls=connection.tls is not None, unknown=unknown)
