"""The border between clear text and TLS: what becomes of a command in one segment with STARTTLS.

RFC 3207 section 5 and RFC 8314 section 3: what was said before the handshake must be forgotten. A server that answers
it inside TLS takes commands from whoever is on the way for those of the client (CVE-2011-0411, CVE-2021-33515).
"""

from __future__ import annotations

import ssl

from smtp_audit.facts.handshake import StarttlsBoundaryFacts
from smtp_audit.facts.observation import Absence
from smtp_audit.probes.approach import Approach, Session
from smtp_audit.probes.wire import PeerError, Throttled, Transcript, tls_reason
from smtp_audit.wiretext import escape

SHOWN = 200
MAX_LINES = 60

TLS_RECORDS = range(20, 24)
"""What a record of TLS begins with (RFC 8446 section 5.1): no line of text does."""

QUIET_SECONDS = 2.0
"""Seconds without a further line after which a server that does not hang up is taken to have said all."""

CONFIRMATIONS = 3
"""How often a handshake has to fail with the command behind STARTTLS, and to succeed without it in between, before
that is taken for the server's answer to the command: one that throttles, or is shaky, drops handshakes as well."""


class _Breaks(Exception):
    """The handshake failed behind the command; `facts` is what was seen before it."""

    def __init__(self, facts: StarttlsBoundaryFacts, how: str) -> None:
        super().__init__(how)
        self.facts = facts


async def cross_the_border(approach: Approach, transcript: Transcript) -> StarttlsBoundaryFacts:
    """Send STARTTLS with a harmless command behind it, begin TLS, and see whether the command is answered.

    Servers that hand everything behind STARTTLS to their TLS library (Dovecot) find no handshake there and give up.
    That keeps the command out, too, and counts where the handshake works each time that nothing stands behind.

    Raises:
        PeerError: it could not be told.
    """
    for _ in range(CONFIRMATIONS):
        try:
            return await approach.visit(_with_a_command_behind, transcript)
        except _Breaks as error:
            broken = error
        await approach.visit(_with_nothing_behind, transcript)
        if broken.facts.clear_text:
            return broken.facts
    return broken.facts.model_copy(update={"refused": f"{broken}, each time; without the command it succeeds"})


async def _with_a_command_behind(session: Session) -> StarttlsBoundaryFacts:
    connection, dialect = session.connection, session.dialect
    await session.greeting()
    if not dialect.offers_starttls(await session.capabilities()):
        return StarttlsBoundaryFacts(offered=False)
    command = dialect.injected.decode()
    facts = StarttlsBoundaryFacts(offered=True, command=escape(dialect.injected.rstrip(b"\r\n")))
    async with connection.within(session.limits.reply_seconds, f"answer to {dialect.starttls_name}"):
        reply = await dialect.starttls(connection, behind=dialect.injected)
    if dialect.temporary(reply):
        raise Throttled(f"{dialect.starttls_name} with {command.strip()} behind it was answered {reply}")
    if not dialect.accepted(reply):
        return facts.model_copy(update={"refused": str(reply)})
    if clear := connection.unread():
        if text := _clear(clear):
            return facts.model_copy(update={"clear_text": text})
        # It has taken the command for a handshake already, and this is its alert, or the like.
        raise _Breaks(facts, f"{len(clear)} octets before the handshake that are no line of text")
    try:
        await session.handshake()
    except ssl.SSLError as error:
        # Clear text at its place answers the command only where the handshake works without one.
        said = facts.model_copy(update={"clear_text": _clear(connection.handshake_octets)})
        raise _Breaks(said, f"the handshake fails: {tls_reason(error)}") from None
    except PeerError as error:
        if error.absence is not Absence.DROPPED:
            raise
        raise _Breaks(facts, error.reason) from None
    inside = await _said_inside(session)
    return facts.model_copy(update={"answered_inside": inside})


async def _with_nothing_behind(session: Session) -> None:
    """The same handshake without the command; raises PeerError when it fails, too."""
    if not await session.up_to_tls():
        raise PeerError(Absence.REFUSED_SERVICE, "STARTTLS is no longer offered, and was before")
    await session.encrypt()


def _clear(octets: bytes) -> str:
    """Octets at the place of a handshake that begin with a line of text: a server's word, and no noise or alert."""
    line = octets.split(b"\n", 1)[0].removesuffix(b"\r")
    if not line or octets[0] in TLS_RECORDS or not all(32 <= octet < 127 for octet in line):
        return ""
    return escape(line, SHOWN)


async def _said_inside(session: Session) -> str:
    """Say goodbye and read up to its answer: whatever comes before that answers the command that came before TLS."""
    connection, dialect = session.connection, session.dialect
    await dialect.quit(connection)
    lines: list[bytes] = []
    try:
        while len(lines) < MAX_LINES:
            async with connection.within(QUIET_SECONDS if lines else session.limits.reply_seconds, "line inside TLS"):
                lines.append(await connection.line())
            if dialect.says_goodbye(lines[-1]):
                break
    except PeerError as error:
        if not lines or error.absence not in (Absence.DROPPED, Absence.TIMEOUT):
            raise
    return escape(dialect.answer_to_injected(lines), SHOWN)
