"""Senders behind a login: in the envelope, and in the message."""

from __future__ import annotations

from tests.conversation_factories import unasked
from tests.relay_factories import GREYLISTED, HUNG_UP, SILENT, TAKEN, envelope, header, message, refused_at_mail, sender

from .case import Case, Expected

PASS, FAIL, INDETERMINATE = Expected.PASS, Expected.FAIL, Expected.INDETERMINATE

_BOB, _STRANGER = "bob@example.com", "smtp-audit@example.org"
_NOBODY = envelope("550 5.1.0 <x>: Sender address rejected: User unknown in local recipient table", sender="x@a")
_UNNAMED = {"other_named": False}

_ENVELOPE = (
    Case("sender-own-envelope", sender(), PASS, "MAIL FROM:<bob@example.com>"),
    Case("sender-own-envelope", sender(other=refused_at_mail("553 5.7.1 not yours", _BOB)), PASS, "553 5.7.1"),
    Case("sender-own-envelope", sender(other=envelope(TAKEN, sender=_BOB)), FAIL, "another user's address"),
    Case("sender-own-envelope", sender(foreign=envelope(TAKEN, sender=_STRANGER)), FAIL, "of another domain"),
    Case("sender-own-envelope", sender(own=(_NOBODY,)), INDETERMINATE, "own address is not taken"),
    Case("sender-own-envelope", sender(own=()), INDETERMINATE, "own address is not taken"),
    Case("sender-own-envelope", sender(own=(_NOBODY, envelope(TAKEN))), PASS, "refused"),
    Case(
        "sender-own-envelope",
        sender(own=(_NOBODY,), other=envelope(TAKEN, sender=_BOB)),
        INDETERMINATE,
        "own address is not taken",
    ),
    Case("sender-own-envelope", sender(other=envelope(GREYLISTED, sender=_BOB)), INDETERMINATE, "Greylisted"),
    Case("sender-own-envelope", sender(foreign=unasked()), INDETERMINATE, "neither taken nor refused"),
    Case("sender-own-envelope", sender(foreign=envelope(ended=HUNG_UP, sender=_STRANGER)), PASS, "refused"),
    Case("sender-own-envelope", sender(foreign=envelope(ended=SILENT, sender=_STRANGER)), INDETERMINATE, "within 15 s"),
    # Another domain's address would perhaps be taken.
    Case(
        "sender-own-envelope",
        sender(
            foreign=envelope(
                "550 5.7.27 <x>: Sender address rejected: Domain example.com does not accept mail (nullMX)"
            )
        ),
        INDETERMINATE,
        "name a mailbox elsewhere",
    ),
    Case(
        "sender-own-envelope",
        sender(foreign=refused_at_mail("550 5.1.8 <x>: Sender address rejected: Domain not found", _STRANGER)),
        INDETERMINATE,
        "because of its domain alone",
    ),
    Case("sender-own-envelope", sender(other=_NOBODY), INDETERMINATE, "no such address"),
    # Everybody may have it.
    Case("sender-own-envelope", sender(null=refused_at_mail("550 no bounces here")), PASS, "refused"),
    # Without the name of another user.
    Case("sender-own-envelope", sender(**_UNNAMED), PASS, "refused"),
    Case("sender-own-envelope", sender(**_UNNAMED, other=_NOBODY), PASS, "postmaster@example.com"),
    Case("sender-own-envelope", sender(**_UNNAMED, other=_NOBODY, postmaster=_NOBODY), INDETERMINATE, "name a mailbox"),
    Case("sender-own-envelope", sender(**_UNNAMED, other=envelope(TAKEN)), INDETERMINATE, "neither taken nor refused"),
    Case("sender-own-envelope", sender(**_UNNAMED, postmaster=envelope(TAKEN)), INDETERMINATE, "neither taken"),
    Case("sender-own-envelope", sender(**_UNNAMED, foreign=envelope(TAKEN)), FAIL, "of another domain"),
)

_QUEUED = message("250 Ok", "250 Ok", "354 Go", "250 2.0.0 Ok: queued as 1")
_LATER = message("250 Ok", "250 Ok", "354 Go", "451 4.3.0 later")

_HEADER = (
    Case("sender-own-header", header(), PASS, "refused"),
    Case("sender-own-header", header(OTHER=_QUEUED), FAIL, "From with somebody else's address"),
    Case("sender-own-header", header(TWO_FIELDS=_QUEUED), FAIL, "two From fields"),
    Case("sender-own-header", header(LIST=_QUEUED, SENDER=_QUEUED), FAIL, "cannot be seen from here"),
    Case("sender-own-header", header(OTHER=_LATER, LIST=_QUEUED), FAIL, "From with a list"),
    Case("sender-own-header", header(OTHER=_LATER), INDETERMINATE, "451 4.3.0"),
    Case("sender-own-header", header(OWN=_LATER, OTHER=_QUEUED), INDETERMINATE, "user's own name is not taken"),
    Case("sender-own-header", header(OTHER=message("250 Ok", "550 no")), PASS, "550 no"),
    Case(
        "sender-own-header",
        header(OTHER=message("250 Ok", "250 Ok", "354 Go", ended=HUNG_UP)),
        INDETERMINATE,
        "closed the connection",
    ),
    Case("sender-own-header", header(SENDER=unasked()), INDETERMINATE, "Greylisted"),
)

CASES = (*_ENVELOPE, *_HEADER)
