"""The form of replies, limits, mandatory addresses and extensions of SMTP."""

from __future__ import annotations

from smtp_audit.facts.conversation import Dialogue
from smtp_audit.facts.transaction import TransactionFacts
from tests.conversation_factories import answered, closed, dialogue, exchange, unasked
from tests.sequence_factories import (
    CAPABILITIES,
    after_mail,
    no_mail,
    no_mail_at_all,
    on_wire,
    recipients,
    sequence,
    transaction,
)

from .case import Case, Expected

PASS, FAIL, INDETERMINATE = Expected.PASS, Expected.FAIL, Expected.INDETERMINATE
NOT_APPLICABLE = Expected.NOT_APPLICABLE

_RCPT = "RCPT TO:<postmaster@example.com>"
_LATER = "450 4.2.0 Greylisted"
_NOBODY = "550 5.1.1 User unknown"
_BLOCKED = "554 5.7.1 Client host blocked"
_PLAIN = CAPABILITIES[:1]


def _rcpt(reply: str) -> Dialogue:
    return after_mail((_RCPT, reply))


def _refused(reply: str) -> TransactionFacts:
    """A server that refuses all mailboxes with this."""
    fields = ("postmaster", "postmaster_of_domain", "abuse", "null_sender")
    return transaction(**{f"{field}{end}": _rcpt(reply) for field in fields for end in ("", "_from_other")})


def _blocked(**more: Dialogue) -> TransactionFacts:
    """A server that refuses this client whatever it asks for."""
    fields = ("postmaster", "postmaster_of_domain", "abuse", "null_sender")
    refused = {f"{field}{end}": _rcpt(_BLOCKED) for field in fields for end in ("", "_from_other")}
    return transaction(**{**refused, **more})


def _without_domain(**more: Dialogue) -> TransactionFacts:
    """What is asked where no mail domain is known."""
    return transaction(**{"domain": "", "postmaster_of_domain": Dialogue(), "abuse": Dialogue(), **more})


_FORM = (
    Case("smtp-reply-form", sequence(), PASS, "well-formed"),
    Case("smtp-reply-form", sequence(greeting=on_wire("", "220-mail", "220-more", "220")), PASS, "well-formed"),
    Case(
        "smtp-reply-form",
        sequence(greeting=on_wire("", "220 mail", end="\\x0a")),
        FAIL,
        "a line without CR LF at its end in the greeting",
    ),
    Case(
        "smtp-reply-form",
        sequence(early_mail=on_wire("MAIL FROM:<>", "503-no", "501 no")),
        FAIL,
        "a code that changes between the lines in the reply to MAIL",
    ),
    Case("smtp-reply-form", sequence(early_mail=on_wire("MAIL", "503-no")), FAIL, "promises another"),
    Case("smtp-reply-form", sequence(hello=on_wire("EHLO x", "250-a", "what?")), FAIL, "none of a reply"),
    Case("smtp-reply-form", sequence(hello=on_wire("EHLO x", "299 a")), FAIL, "none of a reply"),
    Case("smtp-reply-form", sequence(greeting=on_wire("", "220 m\\xe4il")), FAIL, "none of a reply"),
    Case("smtp-reply-form", sequence(greeting=on_wire("", "220 a\\x0db")), FAIL, "none of a reply"),
    Case("smtp-reply-form", sequence(greeting=on_wire("", "220 " + "x" * 507)), FAIL, "more than 512 octets"),
    Case("smtp-reply-form", sequence(greeting=on_wire("", "220 " + "x" * 506)), PASS, "well-formed"),
    Case(
        "smtp-reply-form",
        sequence(hello=on_wire("EHLO x", "250-a", ended="closed", hung_up=True)),
        INDETERMINATE,
        "the reply to EHLO is not known: closed",
    ),
    Case(
        "smtp-reply-form",
        sequence(early_mail=on_wire("MAIL FROM:<>", ended="closed", hung_up=True)),
        PASS,
        "well-formed",
    ),
    Case("smtp-reply-form", sequence(early_mail=on_wire("MAIL FROM:<>", ended="silent")), INDETERMINATE, "silent"),
    Case("smtp-greeting-name", sequence(), PASS, "both begin with a name"),
    Case("smtp-greeting-name", sequence(hello=on_wire("EHLO x", "250 [192.0.2.7] hi")), PASS, "both"),
    Case("smtp-greeting-name", sequence(greeting=on_wire("", "220 ESMTP ready")), FAIL, "greeting does not begin"),
    Case("smtp-greeting-name", sequence(greeting=on_wire("", "220")), FAIL, "full name: nothing"),
    Case("smtp-greeting-name", sequence(hello=on_wire("EHLO x", "250-localhost", "250 X")), FAIL, "reply to EHLO"),
    Case("smtp-greeting-name", sequence(hello=on_wire("EHLO x", "502 no")), INDETERMINATE, "answered 502 no"),
    Case("smtp-greeting-name", sequence(hello=on_wire("EHLO x", ended="silent")), INDETERMINATE, "silent"),
    Case("smtp-keywords-form", sequence(), PASS, "well-formed"),
    Case(
        "smtp-keywords-form",
        sequence(hello=on_wire("EHLO x", "250-a", "250-AUTH=PLAIN", "250 SIZE 1")),
        PASS,
        "well-formed",
    ),
    Case(
        "smtp-keywords-form",
        sequence(hello=on_wire("EHLO x", "250-a", "250 SIZE  1")),
        FAIL,
        "no keyword of an extension: SIZE  1",
    ),
    Case("smtp-keywords-form", sequence(hello=on_wire("EHLO x", "250-a", "250 X_Y")), FAIL, "extension: X_Y"),
    Case("smtp-keywords-form", sequence(capabilities=("mail", "")), FAIL, "an empty line"),
    Case("smtp-keywords-form", sequence(hello=on_wire("EHLO x", "502 no")), NOT_APPLICABLE, "EHLO is refused"),
    Case("smtp-keywords-form", sequence(hello=on_wire("EHLO x", ended="silent")), INDETERMINATE, "silent"),
    Case("smtp-enhanced-codes", sequence(), PASS, "in all 10 replies"),
    Case(
        "smtp-enhanced-codes",
        sequence(unknown_command=answered("X", "500 what?")),
        FAIL,
        "no code of its class in: 500 what?",
    ),
    Case("smtp-enhanced-codes", sequence(noop=answered("NOOP", "250 5.0.0 Ok")), FAIL, "250 5.0.0 Ok"),
    Case("smtp-enhanced-codes", sequence(data_first=answered("DATA", "354 go on")), PASS, "in all 9 replies"),
    Case("smtp-enhanced-codes", sequence(capabilities=_PLAIN), NOT_APPLICABLE, "not announced"),
    Case("smtp-enhanced-codes", sequence(capabilities=()), INDETERMINATE, "not known"),
    Case(
        "smtp-enhanced-codes",
        sequence().model_copy(
            update={
                field: Dialogue(unknown="gone")
                for field, value in sequence()
                if isinstance(value, Dialogue) and field != "noop"
            }
        ),
        INDETERMINATE,
        "no replies to look at",
    ),
    Case("smtp-command-length", sequence(), PASS, "taken: 250"),
    Case("smtp-command-length", sequence(long_command=answered("NOOP", "500 too long")), FAIL, "512 octets: 500"),
    Case("smtp-command-length", sequence(long_command=dialogue(closed("NOOP"))), FAIL, "without a reply"),
    Case(
        "smtp-command-length",
        sequence(noop_with_text=answered("NOOP x", "501 no"), long_command=answered("NOOP", "501 no")),
        INDETERMINATE,
        "smtp-noop judges that",
    ),
    Case("smtp-command-length", sequence(noop_with_text=answered("NOOP x", "501 no")), PASS, "taken: 250"),
    Case("smtp-command-length", sequence(long_command=unasked()), INDETERMINATE, "Greylisted"),
    Case("smtp-overlong-command", sequence(), PASS, "answered: 500"),
    Case("smtp-overlong-command", sequence(overlong_command=answered("NOOP", "421 bye")), PASS, "421 bye"),
    Case("smtp-overlong-command", sequence(overlong_command=dialogue(closed("NOOP"))), FAIL, "without a reply"),
    Case(
        "smtp-overlong-command",
        sequence(overlong_command=answered("N", ended="no reply within 15 s")),
        INDETERMINATE,
        "no reply within 15 s",
    ),
    Case("smtp-address-length", transaction(), PASS, "neither"),
    Case(
        "smtp-address-length",
        transaction(long_path=_rcpt("454 4.7.1 Relay access denied")),
        PASS,
        "neither",
    ),
    Case("smtp-address-length", transaction(long_path=_rcpt("553 sorry (#5.7.1)")), PASS, "neither"),
    Case(
        "smtp-address-length",
        transaction(long_local_part=_rcpt("501 too long")),
        FAIL,
        "a local part of 64 octets for its form: 501",
    ),
    Case("smtp-address-length", transaction(long_path=_rcpt("553 5.1.3 bad")), FAIL, "a path of 256 octets"),
    Case("smtp-address-length", transaction(long_path=_rcpt(_LATER)), INDETERMINATE, "Greylisted"),
    Case("smtp-address-length", transaction(long_path=no_mail(_LATER)), INDETERMINATE, "Greylisted"),
    Case(
        "smtp-address-length",
        _blocked(
            long_local_part=_rcpt(_BLOCKED),
            long_path=_rcpt(_BLOCKED),
            many_recipients=recipients((1, _BLOCKED), unknown="554"),
            **dict.fromkeys(("small_letters", "source_route", "address_literal"), _rcpt(_BLOCKED)),
        ),
        INDETERMINATE,
        "no recipient at all is taken",
    ),
    Case("smtp-address-forms", transaction(), PASS, "both are answered"),
    Case("smtp-address-forms", transaction(source_route=_rcpt("501 no routes")), PASS, "both are answered"),
    Case("smtp-address-forms", transaction(address_literal=_rcpt("454 4.7.1 denied")), PASS, "both are answered"),
    Case(
        "smtp-address-forms",
        transaction(source_route=dialogue(exchange("MAIL", "250 ok"), closed("RCPT"))),
        FAIL,
        "without a reply",
    ),
    Case("smtp-address-forms", transaction(address_literal=_rcpt(_LATER)), INDETERMINATE, "Greylisted"),
)

_MAILBOXES = (
    Case("smtp-postmaster", transaction(), PASS, "both forms are taken"),
    Case("smtp-postmaster", transaction(postmaster=_rcpt(_NOBODY)), FAIL, "mail for postmaster is refused: 550"),
    Case(
        "smtp-postmaster",
        transaction(postmaster_of_domain=_rcpt(_NOBODY)),
        FAIL,
        "mail for postmaster of the domain is refused",
    ),
    Case(
        "smtp-postmaster",
        transaction(postmaster=no_mail("550 5.7.1 no null senders"), postmaster_from_other=_rcpt("250 ok")),
        PASS,
        "both forms are taken",
    ),
    Case(
        "smtp-postmaster",
        transaction(postmaster=no_mail("550 5.7.1 no null senders"), postmaster_from_other=_rcpt(_NOBODY)),
        FAIL,
        "is refused: 550 5.1.1",
    ),
    Case(
        "smtp-postmaster",
        transaction(postmaster=_rcpt(_BLOCKED), postmaster_from_other=_rcpt(_BLOCKED)),
        FAIL,
        "mail for postmaster is refused: 554",
    ),
    Case("smtp-postmaster", _blocked(), INDETERMINATE, "blocked"),
    Case("smtp-abuse-mailbox", _blocked(), INDETERMINATE, "blocked"),
    # Exim has no enhanced codes: what is refused, client or mailbox, only the words tell.
    Case("smtp-postmaster", _refused("550 [192.0.2.7] is in a black list"), INDETERMINATE, "black list"),
    Case("smtp-abuse-mailbox", _refused("550 Administrative prohibition"), INDETERMINATE, "prohibition"),
    Case("smtp-postmaster", _refused("550 Unrouteable address"), FAIL, "Unrouteable"),
    Case("smtp-abuse-mailbox", _refused("550 <x@y> User unknown"), FAIL, "User unknown"),
    Case("smtp-abuse-mailbox", _refused("550 5.7.1 Relaying denied"), INDETERMINATE, "takes no mail for this domain"),
    # The host name in the place of the domain, or another server's domain.
    Case(
        "smtp-postmaster",
        transaction(postmaster_of_domain=_rcpt("550 relay not permitted")),
        INDETERMINATE,
        "takes no mail for this domain",
    ),
    Case(
        "smtp-postmaster",
        _blocked(postmaster=_rcpt("550 5.1.8 bad sender"), postmaster_from_other=no_mail(_LATER)),
        INDETERMINATE,
        "bad sender",
    ),
    Case("smtp-postmaster", transaction(postmaster=_rcpt(_LATER)), INDETERMINATE, "Greylisted"),
    # No domain was named: the postmaster without one is there all the same.
    Case("smtp-postmaster", _without_domain(), PASS, "no mail domain was named"),
    Case("smtp-postmaster", _without_domain(postmaster=_rcpt(_NOBODY)), FAIL, "mail for postmaster is refused"),
    Case("smtp-postmaster", _without_domain(postmaster=_rcpt(_LATER)), INDETERMINATE, "Greylisted"),
    Case("smtp-abuse-mailbox", _without_domain(), NOT_APPLICABLE, "--smtp-domain DOMAIN names it"),
    Case("smtp-postmaster", transaction(postmaster_of_domain=Dialogue()), INDETERMINATE, "not asked"),
    Case(
        "smtp-postmaster",
        transaction(postmaster=dialogue(exchange("MAIL", "250 ok"), closed("RCPT"))),
        FAIL,
        "without a reply",
    ),
    Case("smtp-abuse-mailbox", transaction(), PASS, "abuse is taken"),
    Case("smtp-abuse-mailbox", transaction(abuse=_rcpt(_NOBODY)), FAIL, "mail for abuse is refused"),
    Case("smtp-abuse-mailbox", transaction(abuse=_rcpt(_LATER)), INDETERMINATE, "Greylisted"),
    Case("smtp-abuse-mailbox", transaction(abuse=unasked("gone")), INDETERMINATE, "gone"),
    Case("smtp-null-sender", transaction(), PASS, "taken: 250"),
    Case(
        "smtp-null-sender",
        transaction(null_sender=no_mail("550 5.7.1 no"), null_sender_from_other=_rcpt("250 ok")),
        FAIL,
        "refuses mail from <>: 550 5.7.1",
    ),
    Case(
        "smtp-null-sender",
        transaction(null_sender=no_mail("550 5.7.1 no"), null_sender_from_other=_rcpt(_NOBODY)),
        FAIL,
        "refuses mail from <>",
    ),
    Case(
        "smtp-null-sender",
        transaction(null_sender=_rcpt("554 5.7.1 no"), null_sender_from_other=_rcpt("250 ok")),
        FAIL,
        "refuses mail from <>: 554",
    ),
    Case(
        "smtp-null-sender",
        transaction(null_sender=_rcpt("554 5.1.7 <>: Sender address rejected"), null_sender_from_other=_rcpt(_NOBODY)),
        FAIL,
        "refuses mail from <>",
    ),
    Case(
        "smtp-null-sender",
        transaction(null_sender=_rcpt(_NOBODY), null_sender_from_other=_rcpt(_NOBODY)),
        PASS,
        "taken for another mailbox",
    ),
    Case(
        "smtp-null-sender",
        _blocked(postmaster=_rcpt("250 2.1.5 Ok")),
        INDETERMINATE,
        "not for the sender alone",
    ),
    Case("smtp-postmaster", _blocked(postmaster=_rcpt("250 2.1.5 Ok")), INDETERMINATE, "blocked"),
    Case(
        "smtp-null-sender",
        _blocked(null_sender=no_mail(_BLOCKED), null_sender_from_other=no_mail(_BLOCKED, "a@example.org")),
        INDETERMINATE,
        "not for the sender alone",
    ),
    Case("smtp-null-sender", transaction(null_sender=no_mail(_BLOCKED)), INDETERMINATE, "no other sender was tried"),
    Case("smtp-null-sender", transaction(null_sender=no_mail(_LATER)), INDETERMINATE, "Greylisted"),
    Case("smtp-null-sender", transaction(null_sender=_rcpt(_LATER)), INDETERMINATE, "Greylisted"),
    Case("smtp-null-sender", transaction(null_sender=unasked("gone")), INDETERMINATE, "gone"),
    Case("smtp-hundred-recipients", transaction(), PASS, "100 recipients are taken"),
    Case(
        "smtp-hundred-recipients",
        transaction(
            many_recipients=recipients((1, "250 ok"), (49, "250 ok"), (1, "452 4.5.3 too many"), unknown="452 ...")
        ),
        FAIL,
        "takes 50 recipients of one message, then 452",
    ),
    Case(
        "smtp-hundred-recipients",
        transaction(many_recipients=recipients((10, "250 ok"), (1, "552 too many"), unknown="552 ...")),
        FAIL,
        "takes 10 recipients",
    ),
    Case(
        "smtp-hundred-recipients",
        transaction(many_recipients=recipients((1, "250 ok"), (1, "450 4.7.1 slow down"), unknown="450 ...")),
        INDETERMINATE,
        "1 recipients were taken, then: 450",
    ),
    Case(
        "smtp-hundred-recipients",
        transaction(many_recipients=recipients((1, "250 ok"), (1, "452 4.3.1 Insufficient storage"), unknown="452")),
        INDETERMINATE,
        "1 recipients were taken, then: 452 4.3.1",
    ),
    Case(
        "smtp-hundred-recipients",
        transaction(many_recipients=recipients((1, _NOBODY), unknown="550 ...")),
        INDETERMINATE,
        "550 ...",
    ),
    Case(
        "smtp-hundred-recipients",
        transaction(many_recipients=dialogue(exchange("MAIL", "250 ok"), exchange("RCPT", "250 ok"), closed("RCPT"))),
        INDETERMINATE,
        "1 recipients were taken, then: RCPT -> the server closed",
    ),
    Case("smtp-hundred-recipients", transaction(many_recipients=unasked("gone")), INDETERMINATE, "gone"),
)

_ANY, _FIXED = {"declared_bytes": 0}, {"declared_bytes": 10240000}

_EXTENSIONS = (
    Case("smtp-size-announced", sequence(), PASS, "announces SIZE 10240000", _ANY),
    Case("smtp-size-announced", sequence(), PASS, "announces SIZE 10240000", _FIXED),
    Case("smtp-size-announced", sequence(), FAIL, "SIZE 10240000, not 5", {"declared_bytes": 5}),
    Case("smtp-size-announced", sequence(capabilities=("m", "SIZE")), PASS, "announces SIZE", _ANY),
    Case("smtp-size-announced", sequence(capabilities=("m", "SIZE")), FAIL, "without a number, not", _FIXED),
    Case("smtp-size-announced", sequence(capabilities=_PLAIN), FAIL, "does not announce SIZE", _ANY),
    Case("smtp-size-announced", sequence(capabilities=()), INDETERMINATE, "not known", _ANY),
    Case("smtp-size-enforced", transaction(), PASS, "refused: 552"),
    Case("smtp-size-enforced", transaction(too_large=answered("MAIL", "250 ok")), FAIL, "takes more than the 10240000"),
    Case("smtp-size-enforced", transaction(too_large=answered("MAIL", "452 full")), INDETERMINATE, "452 full"),
    Case("smtp-size-enforced", transaction(capabilities=("m", "SIZE 0")), NOT_APPLICABLE, "no limit is announced"),
    Case("smtp-size-enforced", transaction(capabilities=("m",)), NOT_APPLICABLE, "no limit is announced"),
    Case("smtp-size-enforced", transaction(capabilities=()), INDETERMINATE, "not known"),
    Case("smtp-8bitmime", transaction(), PASS, "taken: 250"),
    Case("smtp-8bitmime", transaction(eight_bit=answered("MAIL", "555 no")), FAIL, "refuses BODY=8BITMIME: 555"),
    Case("smtp-8bitmime", transaction(eight_bit=answered("MAIL", _LATER)), INDETERMINATE, "Greylisted"),
    Case("smtp-8bitmime", transaction(capabilities=_PLAIN), NOT_APPLICABLE, "8BITMIME is not announced"),
    Case("smtp-8bitmime", transaction(capabilities=()), INDETERMINATE, "not known"),
    Case("smtp-utf8", transaction(), PASS, "taken: 250"),
    Case("smtp-utf8", transaction(utf8=answered("MAIL", "555 no")), FAIL, "refuses SMTPUTF8: 555"),
    Case("smtp-utf8", transaction(utf8=answered("MAIL", _LATER)), INDETERMINATE, "Greylisted"),
    Case("smtp-utf8", transaction(capabilities=_PLAIN), NOT_APPLICABLE, "SMTPUTF8 is not announced"),
    Case("smtp-utf8-needs-parameter", transaction(), PASS, "refused: 553"),
    Case(
        "smtp-utf8-needs-parameter",
        transaction(unannounced_utf8=answered("MAIL", "250 ok")),
        FAIL,
        "not ASCII without SMTPUTF8: 250",
    ),
    Case("smtp-utf8-needs-parameter", transaction(unannounced_utf8=unasked()), INDETERMINATE, "Greylisted"),
)

_NO_MAIL = tuple(
    Case(name, no_mail_at_all(), INDETERMINATE, "MAIL alone is not taken")
    for name in ("smtp-size-enforced", "smtp-8bitmime", "smtp-utf8", "smtp-utf8-needs-parameter")
)

CASES = (*_FORM, *_MAILBOXES, *_EXTENSIONS, *_NO_MAIL)
