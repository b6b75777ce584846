"""The command AUTH: refused where it has to be, in whatever words."""

from __future__ import annotations

from tests.auth_factories import auth_errors, auth_protocol, auth_session
from tests.conversation_factories import answered, dialogue, exchange, unasked

from .case import Case, Expected

PASS, FAIL, NOT_APPLICABLE, INDETERMINATE = Expected

_CLOSED = "the server closed the connection"
_NONE = ("SCRAM-SHA-256",)
_MAIL = exchange("MAIL FROM:<>", "250 2.1.0 Ok")
_BEGUN = exchange("AUTH PLAIN", "334 ")

_PASSIVE = (
    Case("auth-needs-mechanism", auth_protocol(), PASS, "refused: 501"),
    Case("auth-needs-mechanism", auth_protocol(without_mechanism=answered("AUTH", "503 no")), PASS, "refused: 503"),
    Case(
        "auth-needs-mechanism", auth_protocol(without_mechanism=answered("AUTH", "334 ")), FAIL, "without a mechanism"
    ),
    Case("auth-needs-mechanism", auth_protocol(without_mechanism=answered("AUTH", "250 AUTH PLAIN")), FAIL, "250"),
    Case("auth-needs-mechanism", auth_protocol(without_mechanism=answered("AUTH", "454 later")), INDETERMINATE, "454"),
    Case("auth-needs-mechanism", auth_protocol(without_mechanism=unasked()), INDETERMINATE, "Greylisted"),
    Case("auth-cancel", auth_protocol(), PASS, "cancelled: 501"),
    Case("auth-cancel", auth_protocol(cancelled=dialogue(_BEGUN, exchange("*", "535 5.7.8 failed"))), FAIL, "535"),
    Case("auth-cancel", auth_protocol(cancelled=dialogue(_BEGUN, exchange("*", "334 "))), FAIL, "334, not with 501"),
    Case("auth-cancel", auth_protocol(cancelled=dialogue(_BEGUN, exchange("*", "235 ok"))), FAIL, "235"),
    Case("auth-cancel", auth_protocol(cancelled=dialogue(_BEGUN, exchange("*", "454 later"))), INDETERMINATE, "454"),
    Case(
        "auth-cancel", auth_protocol(cancelled=dialogue(_BEGUN, exchange("*", ended=_CLOSED))), INDETERMINATE, "closed"
    ),
    Case("auth-cancel", auth_protocol(cancelled=unasked("AUTH PLAIN -> 535 no")), INDETERMINATE, "535 no"),
    Case("auth-cancel", auth_protocol(mechanisms=_NONE), NOT_APPLICABLE, "auth-offered"),
    Case("auth-not-in-transaction", auth_protocol(), PASS, "refused: 503"),
    Case("auth-not-in-transaction", auth_protocol(in_transaction=dialogue(_MAIL, _BEGUN)), FAIL, "inside a mail"),
    Case(
        "auth-not-in-transaction",
        auth_protocol(
            in_transaction=dialogue(
                exchange("MAIL FROM:<>", "530 5.7.0 Authentication required"), unknown="MAIL -> 530"
            )
        ),
        NOT_APPLICABLE,
        "no transaction is begun without a login: 530",
    ),
    # Exim; Postfix with reject_sender_login_mismatch and smtpd_delay_reject = no.
    *(
        Case(
            "auth-not-in-transaction",
            auth_protocol(in_transaction=dialogue(exchange("MAIL FROM:<>", refusal), unknown="MAIL")),
            NOT_APPLICABLE,
            "without a login: 55",
        )
        for refusal in ("550 authentication required", "553 5.7.1 <>: Sender address rejected: not logged in")
    ),
    # Another sender may well begin one.
    Case(
        "auth-not-in-transaction",
        auth_protocol(in_transaction=dialogue(exchange("MAIL FROM:<>", "550 no bounces here"), unknown="MAIL")),
        INDETERMINATE,
        "not for want of a login",
    ),
    Case(
        "auth-not-in-transaction",
        auth_protocol(in_transaction=dialogue(exchange("MAIL FROM:<>", "451 4.3.0 later"), unknown="MAIL -> 451")),
        INDETERMINATE,
        "451",
    ),
    Case(
        "auth-not-in-transaction",
        auth_protocol(in_transaction=dialogue(_MAIL, exchange("AUTH PLAIN", ended=_CLOSED))),
        INDETERMINATE,
        "closed",
    ),
    Case("auth-not-in-transaction", auth_protocol(mechanisms=()), NOT_APPLICABLE, "auth-offered"),
)

_OWN = "MAIL FROM:<alice@example.com>"
_EHLO = exchange("EHLO [192.0.2.1]", "250 mail.example.com")

_ACTIVE = (
    Case("auth-once", auth_session(), PASS, "refused: 503"),
    Case("auth-once", auth_session(second=answered("AUTH PLAIN", "334 ")), FAIL, "begins a second login: 334"),
    Case("auth-once", auth_session(second=answered("AUTH PLAIN", "454 later")), INDETERMINATE, "454"),
    Case("auth-once", auth_session(second=unasked()), INDETERMINATE, "Greylisted"),
    Case("auth-survives-ehlo", auth_session(), PASS, "still logged in: 250"),
    Case(
        "auth-survives-ehlo",
        auth_session(after_ehlo=dialogue(_EHLO, exchange(_OWN, "530 5.7.0 Authentication required"))),
        FAIL,
        "EHLO ends the login: 530",
    ),
    Case(
        "auth-survives-ehlo",
        auth_session(after_ehlo=dialogue(_EHLO, exchange(_OWN, "553 5.7.1 Sender rejected"))),
        INDETERMINATE,
        "553",
    ),
    Case(
        "auth-survives-ehlo", auth_session(sender=answered(_OWN, "550 no such sender")), INDETERMINATE, "to begin with"
    ),
    Case("auth-survives-ehlo", auth_session(after_ehlo=unasked()), INDETERMINATE, "Greylisted"),
)

_LONG = "AUTH PLAIN <12600 octets of base64>"
_TOO_LONG = exchange(_LONG, "500 5.5.6 Line too long")


def _after(*exchanges: object) -> object:
    return auth_errors(long_line=dialogue(*exchanges))  # type: ignore[arg-type]


_INTRUSIVE = (
    Case("auth-unknown-mechanism", auth_errors(), PASS, "refused: 504"),
    Case("auth-unknown-mechanism", auth_errors(unknown_mechanism=answered("AUTH X", "535 5.7.8 no")), PASS, "535"),
    Case("auth-unknown-mechanism", auth_errors(unknown_mechanism=answered("AUTH X", "334 ")), FAIL, "does not exist"),
    Case("auth-unknown-mechanism", auth_errors(unknown_mechanism=answered("AUTH X", "235 ok")), FAIL, "235"),
    Case("auth-unknown-mechanism", auth_errors(unknown_mechanism=answered("AUTH X", "454 no")), INDETERMINATE, "454"),
    Case("auth-bad-encoding", auth_errors(), PASS, "refused: 501"),
    Case("auth-bad-encoding", auth_errors(bad_encoding=answered("AUTH PLAIN !!!!", "535 5.7.8 no")), PASS, "535"),
    Case("auth-bad-encoding", auth_errors(bad_encoding=answered("AUTH PLAIN !!!!", "334 ")), FAIL, "not base64: 334"),
    Case("auth-bad-encoding", auth_errors(bad_encoding=unasked()), INDETERMINATE, "Greylisted"),
    Case("auth-bad-encoding", auth_errors(mechanisms=_NONE), NOT_APPLICABLE, "auth-offered"),
    Case("auth-line-limit", auth_errors(), PASS, "refused: 500"),
    Case("auth-line-limit", _after(exchange(_LONG, ended=_CLOSED)), PASS, "closed the connection"),
    Case("auth-line-limit", _after(exchange(_LONG, "421 4.7.0 too long")), PASS, "421"),
    Case("auth-line-limit", _after(_TOO_LONG, exchange("NOOP", ended=_CLOSED)), PASS, "refused: 500"),
    Case("auth-line-limit", _after(_TOO_LONG, exchange("NOOP", "421 bye")), PASS, "refused: 500"),
    Case("auth-line-limit", _after(exchange(_LONG, "334 ")), FAIL, "takes it: 334"),
    Case("auth-line-limit", _after(_TOO_LONG, exchange("NOOP", "500 unknown command")), FAIL, "rest of the line"),
    Case("auth-line-limit", _after(_TOO_LONG, exchange("NOOP", "451 what")), INDETERMINATE, "became of the rest"),
    Case("auth-line-limit", _after(exchange(_LONG, "451 later")), INDETERMINATE, "neither taken nor refused"),
    Case("auth-line-limit", _after(exchange(_LONG, ended="no reply within 15 s")), INDETERMINATE, "no reply"),
    Case("auth-line-limit", auth_errors(long_line=unasked()), INDETERMINATE, "Greylisted"),
    Case("auth-line-limit", auth_errors(mechanisms=_NONE), NOT_APPLICABLE, "auth-offered"),
)

CASES = (*_PASSIVE, *_ACTIVE, *_INTRUSIVE)
