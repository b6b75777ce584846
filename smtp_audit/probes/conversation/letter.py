"""The messages that an audit sends: who reads one knows what it is and which run it comes from."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from email.utils import formatdate

from smtp_audit.facts.conversation import Dialogue
from smtp_audit.facts.end_of_data import Letter
from smtp_audit.probes.approach import Approach
from smtp_audit.probes.conversation.envelope import login_sender
from smtp_audit.probes.conversation.interview import Question, Say, say
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

_STRAYS = 4
"""Replies that a message read as commands gives behind its first: `SMUGGLED`, the last line, the dot; then NOOP's."""


@dataclass(frozen=True)
class Draft:
    """A message that is about to be sent. `token` is in its header, and in its last line."""

    name: str
    ending: bytes
    token: str

    @property
    def last_line(self) -> bytes:
        """What stands before the true end."""
        return b"-- end of message " + self.token.encode()


def draft(name: str = "ordinary", ending: bytes = b"") -> Draft:
    """A message with `ending` in its middle."""
    return Draft(name, ending, secrets.token_hex(8))


def question(approach: Approach, written: Draft, sender: str, recipient: str) -> Question:
    """Send it, then NOOP: where NOOP has the next reply, the message was one.

    MAIL and RCPT are said each time, so that a message costs one question.
    """
    message = Say(_octets(approach, written, sender, recipient), enough="45", shown=f"<message: {written.name}>")
    return Question(
        written.token,
        (
            say(f"MAIL FROM:<{sender}>", needs="2"),
            say(f"RCPT TO:<{recipient}>", needs="2"),
            say("DATA", needs="354"),
            message,
            Say(b"NOOP\r\n", replies=_STRAYS, until="2"),
        ),
    )


def letter(written: Draft, dialogue: Dialogue) -> Letter:
    """What became of it."""
    common = {"name": written.name, "octets": escape(written.ending)}
    # MAIL, RCPT and DATA come first.
    answers = dialogue.exchanges[3:]
    if dialogue.unknown or not answers:
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


def _octets(approach: Approach, written: Draft, sender: str, recipient: str) -> bytes:
    # An address literal has no policies that could refuse the message (DMARC).
    author = sender or f"smtp-audit@[{approach.budget.source or '127.0.0.1'}]"
    head = (
        f"From: SMTP audit <{author}>",
        f"To: <{recipient}>",
        f"Subject: Test message of an SMTP audit ({written.name})",
        f"Date: {formatdate()}",
        f"Message-ID: <{written.token}@smtp-audit.invalid>",
        f"X-SMTP-Audit-Run: {approach.run_id}",
        f"X-SMTP-Audit-Message: {written.token}",
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=us-ascii",
        "",
        f"This is a test message of an SMTP audit, run {approach.run_id}.",
        f"It tests where this server sees the end of a message: {written.name}.",
        "Nobody has to do anything; it can be deleted.",
        "Here it comes:",
    )
    text = "\r\n".join(head).encode()
    rest = SMUGGLED if written.ending else b""
    return text + (written.ending or b"\r\n") + rest + written.last_line + b"\r\n.\r\n"
