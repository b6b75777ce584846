"""The order of commands, and the commands that every server has."""

from __future__ import annotations

from tests.conversation_factories import answered, sequence, unasked

from .case import Case, Expected

PASS, FAIL, INDETERMINATE = Expected.PASS, Expected.FAIL, Expected.INDETERMINATE

_RCPT = "RCPT TO:<postmaster@example.com>"

CASES = (
    Case("smtp-recipient-needs-sender", sequence(), PASS, "refused: 503"),
    Case(
        "smtp-recipient-needs-sender",
        sequence(recipient_first=answered(_RCPT, "250 2.1.5 Ok")),
        FAIL,
        "takes a recipient without a sender: 250",
    ),
    Case(
        "smtp-recipient-needs-sender",
        sequence(recipient_first=answered(_RCPT, ended="the server closed the connection")),
        INDETERMINATE,
        "closed the connection",
    ),
    Case("smtp-recipient-needs-sender", sequence(recipient_first=unasked()), INDETERMINATE, "Greylisted"),
)
