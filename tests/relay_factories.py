"""Facts about relaying, senders and directories: each of a well-kept server, with what a case is about replaced."""

from __future__ import annotations

from typing import Any

from smtp_audit.facts.conversation import Dialogue
from smtp_audit.facts.directory import DirectoryFacts
from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.relay import (
    DeliverySource,
    RelayAttempt,
    RelayDeliveryFacts,
    RelayFacts,
    RelayForm,
    RelaySource,
)
from smtp_audit.facts.sender import HeaderForm, SenderFacts, SenderHeaderFacts
from tests.conversation_factories import answered, dialogue, exchange

DENIED = "554 5.7.1 <smtp-audit@example.com>: Relay access denied"
TAKEN = "250 2.1.5 Ok"
UNKNOWN_USER = "550 5.1.1 <x@example.net>: Recipient address rejected: User unknown"
GREYLISTED = "450 4.2.0 <x>: Recipient address rejected: Greylisted"
HUNG_UP = "the server closed the connection"
SILENT = "no reply to RCPT TO within 15 s"
NOT_OWNED = "553 5.7.1 <bob@example.com>: Sender address rejected: not owned by user alice@example.com"


def envelope(reply: str = DENIED, *, sender: str = "", to: str = "smtp-audit@example.com", ended: str = "") -> Dialogue:
    """MAIL taken, and RCPT answered so; `ended` in the place of an answer."""
    said = () if ended else (reply,)
    return dialogue(exchange(f"MAIL FROM:<{sender}>", "250 2.1.0 Ok"), exchange(f"RCPT TO:<{to}>", *said, ended=ended))


def refused_at_mail(reply: str, sender: str = "") -> Dialogue:
    """MAIL answered with what is no 250, so that RCPT was not tried."""
    mail = exchange(f"MAIL FROM:<{sender}>", reply)
    return dialogue(mail, unknown=str(mail))


def source(
    *attempts: RelayAttempt,
    address: str = "",
    local: Dialogue | None = None,
    every: Dialogue | None = None,
    unknown: str = "",
    same_host: bool = False,
) -> RelaySource:
    """One source address; all forms are answered as `every`, but for those that are given."""
    given = {attempt.form: attempt for attempt in attempts}
    usual = every or envelope()
    tried = tuple(given.get(form, RelayAttempt(form=form, dialogue=usual)) for form in RelayForm)
    return RelaySource(
        address=address,
        same_host=same_host,
        local=local or envelope(TAKEN, to="postmaster@example.net"),
        attempts=() if unknown else tried,
        unknown=unknown,
    )


def attempt(form: RelayForm, reply: str = TAKEN, **checks: Dialogue) -> RelayAttempt:
    """One form, taken unless said otherwise."""
    return RelayAttempt(form=form, dialogue=envelope(reply), **checks)


def relay(*sources: RelaySource, named: bool = False) -> RelayFacts:
    """Attempts to relay; without sources, from the one that refuses all."""
    return RelayFacts(role=Role.MX, recipient="smtp-audit@example.com", named=named, sources=sources or (source(),))


def message(*replies: str, to: str = "me@elsewhere.example", ended: str = "") -> Dialogue:
    """A message and its replies from MAIL on, as far as they go."""
    said = ("MAIL FROM:<>", f"RCPT TO:<{to}>", "DATA", "message: From: <x>, and the final dot")
    steps = [exchange(what, reply) for what, reply in zip(said, replies, strict=False)]
    if ended:
        steps.append(exchange(said[len(replies)], ended=ended))
        return dialogue(*steps)
    over = len(steps) < len(said)
    return dialogue(*steps, unknown=str(steps[-1]) if over and steps else "")


def delivery(
    message: Dialogue | None = None,
    taken: RelayForm | None = None,
    every: Dialogue | None = None,
    unknown: str = "",
    address: str = "",
    same_host: bool = False,
    local: Dialogue | None = None,
    local_again: Dialogue | None = None,
) -> RelayDeliveryFacts:
    """An attempt to deliver; by itself every form is refused, and a mailbox of the server's own taken."""
    envelopes = () if unknown else tuple(every or envelope() for _ in RelayForm)
    found = DeliverySource(
        address=address,
        same_host=same_host,
        local=local or envelope(TAKEN, to="postmaster@example.net"),
        local_again=local_again,
        envelopes=envelopes,
        taken=taken,
        message=message,
        unknown=unknown,
    )
    return RelayDeliveryFacts(role=Role.MX, recipient="me@elsewhere.example", sources=(found,))


def sender(**more: Any) -> SenderFacts:
    """A submission service that knows whose address is whose."""
    fields = {
        "role": Role.SUBMISSION,
        "own": (envelope(TAKEN, sender="alice@example.com"),),
        "other": envelope(NOT_OWNED, sender="bob@example.com"),
        "other_named": True,
        "postmaster": envelope(NOT_OWNED, sender="postmaster@example.com"),
        "foreign": envelope(NOT_OWNED, sender="smtp-audit@example.org"),
        "null": envelope(TAKEN),
        **more,
    }
    return SenderFacts(**fields)


def header(**more: Dialogue) -> SenderHeaderFacts:
    """A submission service that reads From; the forms by the names of `HeaderForm`."""
    refused = message("250 Ok", "250 Ok", "354 Go", "550 5.7.1 From is not yours")
    messages = dict.fromkeys(HeaderForm, refused)
    messages[HeaderForm.OWN] = message("250 Ok", "250 Ok", "354 Go", "250 2.0.0 queued as 1")
    messages |= {HeaderForm[name]: told for name, told in more.items()}
    return SenderHeaderFacts(role=Role.SUBMISSION, messages=messages)


def directory(**more: Dialogue) -> DirectoryFacts:
    """VRFY and EXPN turned off."""
    fields = {
        "known": answered("VRFY postmaster@example.com", "502 5.5.1 VRFY command is disabled"),
        "unknown": answered("VRFY smtp-audit-0123456789ab@example.com", "502 5.5.1 VRFY command is disabled"),
        "nobody": answered("VRFY smtp-audit-ba9876543210@example.com", "502 5.5.1 VRFY command is disabled"),
        "postmaster": answered("EXPN postmaster@example.com", "502 5.5.2 Error: command not recognized"),
        "abuse": answered("EXPN abuse@example.com", "502 5.5.2 Error: command not recognized"),
        "no_list": answered("EXPN smtp-audit-0a0a0a0a0a0a@example.com", "502 5.5.2 Error: command not recognized"),
        **more,
    }
    return DirectoryFacts(role=Role.MX, **fields)
