"""Facts about conversations for the cases of the controls: dialogues from a line for each reply."""

from __future__ import annotations

from typing import Any

from smtp_audit.facts.conversation import Dialogue, Exchange
from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.sequence import SequenceFacts
from smtp_audit.facts.service import Reply


def exchange(said: str, *replies: str, ended: str = "") -> Exchange:
    """One exchange; each reply is written as it comes: ``"250 2.1.0 Ok"``. One that `ended` with "no reply ..." was
    met by silence, any other by the end of the connection."""
    hung_up = bool(ended) and not ended.startswith("no reply")
    return Exchange(sent=said, replies=tuple(reply(text) for text in replies), ended=ended, hung_up=hung_up)


def dialogue(*exchanges: Exchange, unknown: str = "") -> Dialogue:
    """A whole question, inside TLS."""
    return Dialogue(exchanges=exchanges, inside_tls=True, unknown=unknown)


def answered(said: str, *replies: str, ended: str = "") -> Dialogue:
    """A question of one exchange."""
    return dialogue(exchange(said, *replies, ended=ended))


def unasked(reason: str = "MAIL FROM:<> -> 450 4.2.0 Greylisted") -> Dialogue:
    """A question that could not be put."""
    return Dialogue(unknown=reason)


def reply(text: str) -> Reply:
    """A reply as it comes: ``"250 2.1.0 Ok"``."""
    code, _, rest = text.partition(" ")
    return Reply(code=code, lines=(rest,))


def sequence(**more: Any) -> SequenceFacts:
    """A server that keeps to the order of commands."""
    fields = {
        "role": Role.MX,
        "recipient_first": answered("RCPT TO:<postmaster@example.com>", "503 5.5.1 Error: need MAIL command"),
        "unknown_command": answered("XSMTPAUDIT", "500 5.5.2 Error: command not recognized"),
        **more,
    }
    return SequenceFacts(**fields)
