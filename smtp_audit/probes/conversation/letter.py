"""Messages with something in their middle that looks like an end, and what became of them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from smtp_audit.facts.conversation import Dialogue
from smtp_audit.facts.end_of_data import Letter
from smtp_audit.probes.approach import Approach
from smtp_audit.probes.conversation.envelope import NO_DOMAIN, login_sender
from smtp_audit.probes.conversation.interview import Question, Say, say
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

    @property
    def last_line(self) -> bytes:
        """What stands before the true end. Read as a command it is one more that no server has."""
        return b"XEND of message " + self.token.encode()


def draft(name: str = "ordinary", ending: bytes = b"") -> Draft:
    """A message with `ending` in its middle."""
    return Draft(name, ending, secrets.token_hex(8))


def question(approach: Approach, written: Draft, sender: str, author: str, recipient: str) -> Question:
    """Send it, with `author` in From, then NOOP: where NOOP has the next reply, the message was one.

    MAIL and RCPT are said each time, so that a message costs one question.
    """
    message = Say(_octets(approach, written, author, recipient), enough="45", shown=f"<message: {written.name}>")
    return Question(
        written.token,
        (
            say(f"MAIL FROM:<{sender}>", needs="2"),
            say(f"RCPT TO:<{recipient}>", needs="2"),
            say("DATA", needs="354"),
            message,
            Say(b"NOOP\r\n", replies=_STRAYS, until="250"),
        ),
        lasting=_MESSAGE,
    )


def letter(written: Draft, dialogue: Dialogue) -> Letter:
    """What became of it."""
    common = {"name": written.name, "octets": escape(written.ending)}
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


def _octets(approach: Approach, written: Draft, author: str, recipient: str) -> bytes:
    text = message_for(approach, author, recipient, f"where does a message end? {written.name} ({written.token})")
    rest = SMUGGLED if written.ending else b""
    return text + b"Here it comes:" + (written.ending or b"\r\n") + rest + written.last_line + b"\r\n.\r\n"
