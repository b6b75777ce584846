"""What a server remembers across STARTTLS, and how it takes the command with an argument or a second time.

RFC 3207 section 4.2: inside TLS the server has forgotten what the client said before. MAIL in clear, then RCPT as the
first word inside TLS, shows whether it has.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from smtp_audit.facts.conversation import Dialogue, Exchange
from smtp_audit.facts.observation import Absence
from smtp_audit.facts.starttls_state import StarttlsStateFacts
from smtp_audit.probes.approach import Approach, Session
from smtp_audit.probes.conversation.envelope import undelivered_recipient
from smtp_audit.probes.conversation.interview import Say, exchange_with, say
from smtp_audit.probes.dialect import Smtp
from smtp_audit.probes.wire import PeerError, Throttled, Transcript

FIRST_TRIES = 2
"""How often a server that hangs up is asked before that counts as its answer."""


@dataclass
class _Border:
    """One crossing, filled in as it goes."""

    approach: Approach
    answers: dict[str, Dialogue] = field(default_factory=dict)
    offered: bool = True

    def keep(self, name: str, *exchanges: Exchange, inside: bool, unknown: str = "") -> None:
        """Keep an answer."""
        self.answers[name] = Dialogue(exchanges=exchanges, inside_tls=inside, unknown=unknown)

    def hung_up(self, names: Sequence[str]) -> bool:
        """Whether the server ended the connection instead of one of these answers."""
        told = [self.answers[name] for name in names if name in self.answers]
        return any(each.exchanges and each.exchanges[-1].ended for each in told)

    def not_heard(self, name: str) -> bool:
        """Whether there is no answer to this question itself."""
        told = self.answers.get(name)
        if told is None or told.unknown or not told.exchanges:
            return True
        return told.last.reply is not None and told.last.reply.code == "421"


async def look_across_starttls(approach: Approach, transcript: Transcript) -> StarttlsStateFacts:
    """Begin a transaction in clear, and see what is left of it inside TLS; then ask for STARTTLS with an argument.

    Nothing is sent: no transaction gets further than RCPT.

    Raises:
        PeerError: nothing at all could be asked.
    """
    approach.check_tls()
    border = _Border(approach)
    trouble: PeerError | None = None
    for ask, names in ((_across, _ACROSS), (_with_argument, _ARGUMENT)):
        try:
            for _ in range(FIRST_TRIES):
                await approach.visit(partial(ask, border), transcript)
                if not border.hung_up(names):
                    break
            if not border.offered:
                return StarttlsStateFacts(offered=False)
        except PeerError as error:
            trouble = error
            for name in names:
                border.answers.setdefault(name, Dialogue(unknown=error.reason))
    if border.not_heard("again") and trouble is None:
        # Servers that hang up on a wrong order have not come that far, nor have those that count errors (421).
        with contextlib.suppress(PeerError):
            await approach.visit(partial(_once_more, border), transcript)
    if trouble is not None and all(told.unknown for told in border.answers.values()):
        raise trouble
    return StarttlsStateFacts(offered=True, **border.answers)


_ACROSS = ("mail_before", "recipient_after", "recipient_without_mail", "again")
_ARGUMENT = ("argument",)


async def _clear(session: Session, border: _Border) -> Smtp | None:
    """Greeting and EHLO; None where there is no STARTTLS to be had."""
    smtp = session.smtp
    await session.greeting()
    if smtp.offers_starttls(await session.capabilities()):
        return smtp
    if border.approach.tls_expected:
        raise PeerError(Absence.REFUSED_SERVICE, "TLS was offered before, and not on this connection")
    border.offered = False
    await smtp.quit(session.connection)
    return None


async def _across(border: _Border, session: Session) -> None:
    smtp = await _clear(session, border)
    if smtp is None:
        return
    mail = await exchange_with(smtp, session, say("MAIL FROM:<>"))
    border.keep("mail_before", mail, inside=False)
    if mail.ended:
        return
    start = await exchange_with(smtp, session, Say(b"STARTTLS\r\n"))
    if start.reply is not None and smtp.temporary(start.reply):
        raise Throttled(f"STARTTLS behind MAIL was answered {start.reply}")
    if not start.accepted:
        # A server that takes no STARTTLS within a transaction carries nothing over; what is inside is not seen.
        border.keep("recipient_after", mail, start, inside=False, unknown=str(start) if start.ended else "")
        for name in ("recipient_without_mail", "again"):
            border.keep(name, mail, start, inside=False, unknown=str(start))
        return
    await session.encrypt()
    recipient = say(f"RCPT TO:<{undelivered_recipient(border.approach)}>")
    after = await exchange_with(smtp, session, recipient)
    border.keep("recipient_after", mail, start, after, inside=True)
    for name in ("recipient_without_mail", "again"):
        border.keep(name, inside=True, unknown=str(after))
    if after.ended:
        return
    try:
        await session.capabilities()
        border.keep("recipient_without_mail", await exchange_with(smtp, session, recipient), inside=True)
        border.keep("again", await exchange_with(smtp, session, Say(b"STARTTLS\r\n")), inside=True)
    except PeerError as error:
        for name in ("recipient_without_mail", "again"):
            if border.answers[name].unknown:
                border.keep(name, inside=True, unknown=error.reason)
        return
    if not border.answers["again"].last.accepted:  # else it waits for a handshake within the session
        await smtp.quit(session.connection)


async def _once_more(border: _Border, session: Session) -> None:
    """STARTTLS inside TLS, with nothing before it."""
    await session.secure()
    if session.connection.tls is not None:
        border.keep("again", await exchange_with(session.smtp, session, Say(b"STARTTLS\r\n")), inside=True)


async def _with_argument(border: _Border, session: Session) -> None:
    smtp = await _clear(session, border)
    if smtp is None:
        return
    told = await exchange_with(smtp, session, say("STARTTLS x"))
    border.keep("argument", told, inside=False)
    if not told.accepted and not told.ended:  # else it waits for a handshake
        await smtp.quit(session.connection)
