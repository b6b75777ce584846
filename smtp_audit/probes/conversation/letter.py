"""Messages with something in their middle that looks like an end, or is rare, and what became of them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from smtp_audit.facts.conversation import Dialogue
from smtp_audit.facts.end_of_data import Letter
from smtp_audit.probes.approach import Approach
from smtp_audit.probes.conversation.envelope import NO_DOMAIN, login_sender
from smtp_audit.probes.conversation.interview import SHOWN, Question, Say, say
from smtp_audit.probes.conversation.message import message_for
from smtp_audit.wiretext import escape

ENDINGS = {
    "LF.LF": b"\n.\n",
    "LF.CRLF": b"\n.\r\n",
    "CRLF.LF": b"\r\n.\n",
    "CR.CR": b"\r.\r",
    "CR.LF": b"\r.\n",
    "LF.CR": b"\n.\r",
    "CR.CRLF": b"\r.\r\n",
    "CRLF.CR": b"\r\n.\r",
    "CRLF.CRCRLF": b"\r\n.\r\r\n",
    "CRCRLF.CRCRLF": b"\r\r\n.\r\r\n",
    "CRLF NUL.CRLF": b"\r\n\0.\r\n",
    "CRLF.NUL CRLF": b"\r\n.\0\r\n",
    "CRLF..CRLF": b"\r\n..\r\n",
}
"""What some server has taken for the end of a message, or might."""

SMUGGLED = b"XSMUGGLED\r\n"
"""A command that no server has, so that one which reads it as a command only says that it does not know it."""

BEHIND_NUL = SMUGGLED.strip()
"""What stands behind a NUL on its line."""

NUL_IN_HEADER, NUL_IN_TEXT = "NUL in the header", "NUL in the text"

LONG_LINE = (b"A line of 1000 octets. " * 50)[:997] + b".\r\n"
"""As long as every server has to take lines, CR LF included (RFC 5321 section 4.5.3.1.6)."""

_MESSAGE = 3
"""The step that is the message: MAIL, RCPT and DATA come first."""

_STRAYS = 4
"""Replies that a message read as commands gives behind its first: `SMUGGLED`, the last line, the dot; then NOOP's."""


@dataclass(frozen=True)
class Draft:
    """A message that is about to be sent. `token` is in its subject, and in its last line."""

    name: str
    ending: bytes
    token: str
    field: str = ""
    """A header field of its own."""

    @property
    def last_line(self) -> bytes:
        """What stands before the true end. Read as a command it is one more that no server has."""
        return b"XEND of message " + self.token.encode()


def draft(name: str = "ordinary", ending: bytes = b"", field: str = "") -> Draft:
    """A message with `ending` in its middle."""
    return Draft(name, ending, secrets.token_hex(8), field)


def drafts_with_nul() -> list[Draft]:
    """A NUL in a header field of its own, and one in the text, with more behind it on its line."""
    return [
        draft(NUL_IN_HEADER, field=f"X-SMTP-Audit-Text: before\0{BEHIND_NUL.decode()}"),
        draft(NUL_IN_TEXT, b"\0"),
    ]


def begun(sender: str, recipient: str) -> tuple[Say, ...]:
    """MAIL, RCPT and DATA."""
    return (say(f"MAIL FROM:<{sender}>", needs="2"), say(f"RCPT TO:<{recipient}>", needs="2"), say("DATA", needs="354"))


def question(approach: Approach, written: Draft, sender: str, author: str, recipient: str) -> Question:
    """Send it, with `author` in From, then NOOP: where NOOP has the next reply, the message was one.

    MAIL and RCPT are said each time, so that a message costs one question.
    """
    message = Say(octets(approach, written, author, recipient), enough="45", shown=f"<message: {written.name}>")
    return Question(
        written.token,
        (
            *begun(sender, recipient),
            message,
            Say(b"NOOP\r\n", replies=_STRAYS, until="250"),
        ),
        lasting=_MESSAGE,
    )


def dropped(approach: Approach, written: Draft, sender: str, author: str, recipient: str, end: bytes) -> Question:
    """Begin to send it, and close the connection behind its last line and `end`."""
    part = octets(approach, written, author, recipient, end)
    message = Say(part, replies=0, shown=f"<message: {written.name}>, and the end of the connection")
    return Question(written.token, (*begun(sender, recipient), message), ends=True, once=True)


def dropped_letter(written: Draft, dialogue: Dialogue) -> Letter:
    """What became of it: there is no reply, and `unknown` says why it could not be begun."""
    sent = len(dialogue.exchanges) > _MESSAGE and not dialogue.unknown
    said = dialogue.unknown or (f"{dialogue.exchanges[-1]}" if dialogue.exchanges else "it was not sent")
    return Letter(name=written.name, octets="", unknown="" if sent else said)


def letter(written: Draft, dialogue: Dialogue) -> Letter:
    """What became of it."""
    common = {"name": written.name, "octets": escape(written.ending, SHOWN)}
    answers = dialogue.exchanges[_MESSAGE:]
    # A server that refuses with 421 says no more, and does not have to.
    closing = bool(answers) and answers[0].reply is not None and answers[0].reply.code == "421"
    if (dialogue.unknown and not closing) or not answers:
        said = dialogue.unknown or (f"{dialogue.exchanges[-1]}" if dialogue.exchanges else "it was not sent")
        return Letter(**common, unknown=said)
    return Letter(
        **common,
        reply=answers[0].reply,
        behind=answers[1].replies if len(answers) > 1 else (),
        hung_up=answers[-1].hung_up,
    )


def sender(approach: Approach, *, logged_in: bool) -> str:
    """The address for the envelope: that of the login, else the null sender, which every server has to take."""
    return login_sender(approach) if logged_in else ""


def authors(sender: str, recipient: str) -> tuple[str, ...]:
    """Addresses for From, to be tried in this order: what one server refuses another one asks for.

    A domain that nobody has, has no policy either that could refuse the message (DMARC). Where authors have to be such
    as can be answered, the mailbox itself is one. Address literals, which have no policies, Exim's example refuses.
    """
    return (sender,) if sender else (f"smtp-audit@{NO_DOMAIN}", recipient)


def octets(approach: Approach, written: Draft, author: str, recipient: str, end: bytes = b"\r\n.\r\n") -> bytes:
    """The message as it is sent, with its last line and `end`."""
    fields = (f"From: <{author}>", written.field) if written.field else None
    subject = f"where does a message end? {written.name} ({written.token})"
    text = message_for(approach, author, recipient, subject, fields)
    rest = SMUGGLED if written.ending else b""
    return text + b"Here it comes:" + (written.ending or b"\r\n") + rest + written.last_line + end
