"""What a server remembers across STARTTLS."""

from __future__ import annotations

from smtp_audit.facts.starttls_state import StarttlsStateFacts
from tests.conversation_factories import answered, dialogue, exchange, unasked
from tests.identity_factories import after_tls, announced, starttls_state

from .case import Case, Expected

PASS, FAIL, INDETERMINATE = Expected.PASS, Expected.FAIL, Expected.INDETERMINATE
NOT_APPLICABLE = Expected.NOT_APPLICABLE

_NO_TLS = StarttlsStateFacts(offered=False)
_STATE = "starttls-state-discarded"
_HUNG_UP = "the server closed the connection"
_SILENT = "no reply within 15 s"
_MUST_TLS = answered("MAIL FROM:<>", "530 5.7.0 Must issue a STARTTLS command first")
_RCPT = "RCPT TO:<a@example.com>"
_IN_TRANSACTION = dialogue(
    exchange("MAIL FROM:<>", "250 Ok"), exchange("STARTTLS", "503 not in a transaction")
).model_copy(update={"inside_tls": False})

CASES = (
    Case(_STATE, starttls_state(), PASS, "has forgotten the sender: 503"),
    Case(_STATE, starttls_state(mail_before=_MUST_TLS), PASS, "takes no MAIL before STARTTLS: 530"),
    # Exim and chasquid, port 587.
    Case(_STATE, starttls_state(mail_before=answered("MAIL FROM:<>", "550 authentication required")), PASS, "no MAIL"),
    Case(_STATE, starttls_state(**after_tls(ended=_HUNG_UP)), PASS, "ends the session"),
    Case(_STATE, starttls_state(**after_tls(ended=_SILENT)), INDETERMINATE, "within 15 s"),
    Case(_STATE, starttls_state(recipient_after=_IN_TRANSACTION), PASS, "no STARTTLS within a transaction"),
    Case(
        _STATE,
        starttls_state(**after_tls("554 no MAIL yet"), recipient_without_mail=answered(_RCPT, "554 no MAIL yet")),
        PASS,
        "has forgotten the sender: 554",
    ),
    Case(_STATE, starttls_state(**after_tls("250 2.1.5 Ok")), FAIL, "the sender that was named in clear: 250"),
    Case(
        _STATE,
        starttls_state(**after_tls("250 2.1.5 Ok"), recipient_without_mail=unasked()),
        FAIL,
        "the sender that was named in clear",
    ),
    Case(
        _STATE,
        starttls_state(**after_tls("250 2.1.5 Ok"), recipient_without_mail=answered(_RCPT, "250 Ok")),
        NOT_APPLICABLE,
        "smtp-recipient-needs-sender",
    ),
    # Kept, perhaps, and the recipient refused for itself.
    Case(_STATE, starttls_state(**after_tls("550 5.1.1 no such user")), INDETERMINATE, "not as without a sender: RCPT"),
    Case(_STATE, starttls_state(**after_tls("450 4.2.0 Greylisted")), INDETERMINATE, "Greylisted"),
    Case(_STATE, starttls_state(mail_before=answered("MAIL FROM:<>", "451 later")), INDETERMINATE, "451 later"),
    Case(_STATE, starttls_state(mail_before=answered("MAIL FROM:<>", "550 no")), INDETERMINATE, "550 no"),
    Case(_STATE, starttls_state(mail_before=answered("MAIL FROM:<>", ended=_HUNG_UP)), INDETERMINATE, _HUNG_UP),
    Case(_STATE, StarttlsStateFacts(offered=True), INDETERMINATE, "not asked"),
    Case(_STATE, _NO_TLS, NOT_APPLICABLE, "no TLS"),
    #
    Case("starttls-argument-refused", starttls_state(), PASS, "refused: 501"),
    Case("starttls-argument-refused", starttls_state(argument=answered("S", ended=_HUNG_UP)), PASS, "ends the session"),
    Case(
        "starttls-argument-refused", starttls_state(argument=answered("S", ended=_SILENT)), INDETERMINATE, "within 15 s"
    ),
    Case("starttls-argument-refused", starttls_state(argument=answered("S", "220 go")), FAIL, "malformed command: 220"),
    Case("starttls-argument-refused", starttls_state(argument=answered("S", "454 no")), INDETERMINATE, "454 no"),
    Case("starttls-argument-refused", StarttlsStateFacts(offered=True), INDETERMINATE, "not asked"),
    Case("starttls-argument-refused", _NO_TLS, NOT_APPLICABLE, "no TLS"),
    #
    Case("starttls-once", starttls_state(), PASS, "refused: 503"),
    Case("starttls-once", starttls_state(again=answered("STARTTLS", "220 go")), FAIL, "TLS inside TLS: 220"),
    # Sendmail 8.17.
    Case("starttls-once", starttls_state(again=answered("STARTTLS", "454 TLS not available")), PASS, "refused: 454"),
    Case("starttls-once", starttls_state(again=answered("STARTTLS", "421 too many")), INDETERMINATE, "421 too many"),
    Case("starttls-once", starttls_state(again=answered("STARTTLS", ended=_SILENT)), INDETERMINATE, "within 15 s"),
    Case("starttls-once", starttls_state(again=unasked()), INDETERMINATE, "Greylisted"),
    Case("starttls-once", StarttlsStateFacts(offered=True), INDETERMINATE, "not asked"),
    Case("starttls-once", _NO_TLS, NOT_APPLICABLE, "no TLS"),
    #
    Case("starttls-not-offered-inside", announced("STARTTLS"), PASS, "no STARTTLS inside"),
    Case("starttls-not-offered-inside", announced("STARTTLS", more=("starttls",)), FAIL, "announces STARTTLS inside"),
    # The first line is the greeting.
    Case("starttls-not-offered-inside", announced(inside="starttls hello"), PASS, "no STARTTLS inside"),
    Case("starttls-not-offered-inside", announced("STARTTLS", inside=None), INDETERMINATE, "not seen"),
    Case("starttls-not-offered-inside", announced(inside=None), NOT_APPLICABLE, "no TLS"),
)
