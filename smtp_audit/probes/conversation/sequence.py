"""Commands outside of a mail transaction (RFC 5321 sections 4.1, 4.5.1): wrong order, wrong form, the plain ones."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence

from smtp_audit.facts.conversation import Dialogue
from smtp_audit.facts.endpoint import TlsStart
from smtp_audit.facts.observation import Absence
from smtp_audit.facts.sequence import SequenceFacts, WireReply
from smtp_audit.limits import MAX_REPLY_LINES
from smtp_audit.probes.approach import Approach, Session
from smtp_audit.probes.conversation.envelope import undelivered_recipient
from smtp_audit.probes.conversation.interview import (
    Interview,
    Question,
    Say,
    Standing,
    empty_message,
    say,
    waits_for_message,
)
from smtp_audit.probes.wire import PeerError, Throttled, Transcript
from smtp_audit.wiretext import escape, unescape

_GOES_ON = re.compile(rb"[2-5][0-9]{2}-")
_IS_REPLY = re.compile(rb"[2-5][0-9]{2}[ \r\n]")

_MAIL = "MAIL FROM:<>"
_LINE = 512
"""Octets of a command line with its end (RFC 5321 section 4.5.3.1.4)."""
_OVERLONG = 64 * 1024
_END_SECONDS = 3.0
"""How long a server may take to close the connection behind its reply to QUIT."""


async def keep_the_sequence(approach: Approach, transcript: Transcript) -> SequenceFacts:
    """Ask in the wrong order, for what does not exist, and for what every server has. Nothing is sent.

    Raises:
        PeerError: not one question could be put.
    """
    wire = _OnTheWire()
    for commands in ((_MAIL, "EHLO"), (_MAIL,), ("EHLO",)):
        if not wire.enough(commands):
            await wire.ask(approach, transcript, commands)
    interview = Interview(approach, transcript)
    try:
        await interview.ask(_questions(undelivered_recipient(approach), wire.name))
    except PeerError as error:
        # Who spoils the reply to EHLO answers nothing else, and what came on the wire says why.
        transcript.note(f"no further questions: {error.reason}")
        answers = {name: Dialogue(unknown=error.reason) for name in _NAMES}
    else:
        answers = interview.answers
        if waits_for_message(answers["data_first"]):
            with contextlib.suppress(PeerError):
                await interview.ask([empty_message("data_first")])
        await _greet_first(approach, transcript, wire.name, answers)
    capabilities = interview.capabilities or _texts(wire.replies.get("EHLO"))
    return SequenceFacts(
        role=approach.endpoint.role,
        greeting=wire.reply(""),
        early_mail=wire.reply(_MAIL),
        hello=wire.reply("EHLO"),
        capabilities=capabilities,
        **answers,
    )


async def _greet_first(approach: Approach, transcript: Transcript, name: str, answers: dict[str, Dialogue]) -> None:
    """A server may refuse a second HELO or EHLO (RFC 5321 section 4.1.4; OpenSMTPD does): ask again with the first."""
    questions = (
        Question("helo", (say(f"HELO {name}"),), ends=True),
        Question("other_case", (say(f"eHlO {name}"), say("nOoP"), say("rset")), ends=True),
    )
    out_of_order = [
        question
        for question in questions
        if any(told.reply is not None and told.reply.code == "503" for told in answers[question.name].exchanges)
    ]
    if out_of_order:
        with contextlib.suppress(PeerError):
            answers.update(await Interview(approach, transcript, Standing.GREETED).ask(out_of_order))


class _OnTheWire:
    """Replies read octet for octet: what the dialect tolerates is seen here alone."""

    def __init__(self) -> None:
        self.replies: dict[str, WireReply] = {}
        self.name = ""
        self._hung_up: dict[str, int] = {}

    def enough(self, commands: Sequence[str]) -> bool:
        """Whether all of them were answered; a hang-up is believed the second time."""
        return all(name in self.replies and self._hung_up.get(name, 0) != 1 for name in commands)

    async def ask(self, approach: Approach, transcript: Transcript, commands: Sequence[str]) -> None:
        """Put them on one connection, as far as it goes.

        Raises:
            PeerError: there was no greeting.
        """

        async def visit(session: Session) -> None:
            smtp = session.smtp
            if session.endpoint.tls_start is TlsStart.IMPLICIT:
                await session.encrypt()
            await self._greeting(session)
            self.name = smtp.name(session.connection)
            for command in commands:
                said = f"EHLO {self.name}" if command == "EHLO" else command
                reply = await _whole_reply(session, said)
                self.replies[command] = reply
                if reply.hung_up:
                    self._hung_up[command] = self._hung_up.get(command, 0) + 1
                if reply.ended or not _complete(reply):
                    return
            with contextlib.suppress(PeerError):
                await session.dialect.quit(session.connection)

        await approach.visit(visit, transcript)

    def reply(self, command: str) -> WireReply:
        """What came, if it was asked."""
        return self.replies.get(command, WireReply(sent=command, ended="the connection was over before it was asked"))

    async def _greeting(self, session: Session) -> None:
        reply = await _whole_reply(session, "")
        first = reply.lines[0] if reply.lines else ""
        if not first:
            raise PeerError(Absence.DROPPED if reply.hung_up else Absence.TIMEOUT, reply.ended)
        if first.startswith("4"):
            raise Throttled(f"greeted with {first[:200]}")
        if first.startswith("5"):
            raise PeerError(Absence.REFUSED_SERVICE, f"greeted with {first[:200]}: it does not serve this client")
        self.replies.setdefault("", reply)
        if not _complete(reply):
            raise PeerError(Absence.MALFORMED, f"not an SMTP greeting: {first[:200]}")


async def _whole_reply(session: Session, command: str) -> WireReply:
    """Say it (nothing for the greeting) and read the reply with its line ends.

    Raises:
        PeerError: a line or the reply is too long.
    """
    connection = session.connection
    lines: list[str] = []
    seconds = session.limits.reply_seconds if command else session.limits.greeting_seconds
    try:
        async with connection.within(seconds, f"reply to {command}" if command else "greeting"):
            if command:
                await connection.send(command.encode() + b"\r\n")
            while True:
                line = await connection.whole_line()
                lines.append(escape(line))
                if not _GOES_ON.match(line):
                    break
                if len(lines) >= MAX_REPLY_LINES:
                    raise PeerError(Absence.EXCESSIVE, f"a reply of more than {MAX_REPLY_LINES} lines")
    except PeerError as error:
        if error.absence not in (Absence.DROPPED, Absence.TIMEOUT):
            raise
        hung_up = error.absence is Absence.DROPPED
        return WireReply(sent=command, lines=tuple(lines), ended=error.reason, hung_up=hung_up)
    return WireReply(sent=command, lines=tuple(lines))


def _complete(reply: WireReply) -> bool:
    """Whether the last line ends a reply: both sides are in step behind it."""
    return bool(reply.lines) and bool(_IS_REPLY.match(unescape(reply.lines[-1])))


def _texts(reply: WireReply | None) -> tuple[str, ...]:
    if reply is None or not reply.lines or not reply.lines[0].startswith("2"):
        return ()
    return tuple(escape(unescape(line)[4:].rstrip(b"\r\n")) for line in reply.lines)


def _questions(recipient: str, name: str) -> tuple[Question, ...]:
    """Each by the name of its field in the facts. The two last may end the connection."""
    filled = "NOOP " + "x" * (_LINE - len("NOOP \r\n"))
    overlong = Say(b"NOOP " + b"x" * _OVERLONG + b"\r\n", shown=f"NOOP and {_OVERLONG} octets")
    end = Say(b"", silence=True, end=True, seconds=_END_SECONDS, shown="(the end of the connection)")
    return (
        Question("noop", (say("NOOP"),)),
        Question("noop_with_text", (say("NOOP smtp-audit"),)),
        Question("helo", (say(f"HELO {name}"), say(f"EHLO {name}", needs="2"))),
        Question("other_case", (say("nOoP"), say("rset"), say(f"eHlO {name}"))),
        Question("recipient_first", (say(f"RCPT TO:<{recipient}>"),)),
        Question("data_first", (say("DATA"),)),
        Question("unknown_command", (say("XSMTPAUDIT"),)),
        Question("mail_without_path", (say("MAIL"),)),
        Question("vrfy", (say("VRFY postmaster"),)),
        Question("ehlo_without_name", (say("EHLO"),)),
        Question("helo_without_name", (say("HELO"),)),
        Question("long_command", (say(filled),)),
        Question("overlong_command", (overlong,)),
        Question("quit", (say("QUIT", needs="2"), end), ends=True, alone=True),
    )


_NAMES = tuple(question.name for question in _questions("", ""))
