"""Facts about conversations for the cases of the controls: dialogues from a line for each reply."""

from __future__ import annotations

from smtp_audit.facts.conversation import Dialogue, Exchange
from smtp_audit.facts.service import Reply


def exchange(said: str, *replies: str, ended: str = "", hung_up: bool | None = None) -> Exchange:
    """One exchange; each reply is written as it comes: ``"250 2.1.0 Ok"``, its lines parted by line feeds. One that
    `ended` with "no reply ..." was met by silence, any other by the end of the connection."""
    left = bool(ended) and not ended.startswith("no reply") if hung_up is None else hung_up
    return Exchange(sent=said, replies=tuple(reply(text) for text in replies), ended=ended, hung_up=left)


def closed(said: str) -> Exchange:
    """One that the server hung up on."""
    return exchange(said, ended="the server closed the connection", hung_up=True)


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
    return Reply(code=code, lines=tuple(rest.split("\n")))
