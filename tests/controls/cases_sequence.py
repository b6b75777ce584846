"""The order of commands, the commands that every server has, and the form of replies."""

from __future__ import annotations

from smtp_audit.facts.conversation import Dialogue
from tests.conversation_factories import answered, closed, dialogue, exchange, unasked
from tests.sequence_factories import after_mail, leave, no_mail, no_mail_at_all, on_wire, sequence, transaction

from .case import Case, Expected

PASS, FAIL, INDETERMINATE = Expected.PASS, Expected.FAIL, Expected.INDETERMINATE
NOT_APPLICABLE = Expected.NOT_APPLICABLE

_RCPT = "RCPT TO:<postmaster@example.com>"
_LATER = "450 4.2.0 Greylisted"

_ORDER = (
    Case("smtp-recipient-needs-sender", sequence(), PASS, "refused: 503"),
    Case(
        "smtp-recipient-needs-sender",
        sequence(recipient_first=answered(_RCPT, "250 2.1.5 Ok")),
        FAIL,
        "takes a recipient without a sender: 250",
    ),
    Case(
        "smtp-recipient-needs-sender",
        sequence(recipient_first=answered(_RCPT, ended="no reply within 15 s")),
        INDETERMINATE,
        "no reply within 15 s",
    ),
    Case(
        "smtp-recipient-needs-sender",
        sequence(recipient_first=dialogue(closed(_RCPT))),
        FAIL,
        "closes the connection without a reply",
    ),
    Case(
        "smtp-recipient-needs-sender",
        sequence(recipient_first=answered(_RCPT, "421 4.7.0 busy")),
        INDETERMINATE,
        "421",
    ),
    Case("smtp-recipient-needs-sender", sequence(recipient_first=unasked()), INDETERMINATE, "Greylisted"),
    Case("smtp-data-needs-sender", sequence(), PASS, "refused: 503"),
    Case(
        "smtp-data-needs-sender",
        sequence(data_first=dialogue(exchange("DATA", "354 go on"), exchange(".", "250 kept"))),
        FAIL,
        "takes a message without a sender: 250",
    ),
    Case("smtp-data-needs-sender", sequence(data_first=answered("DATA", "250 kept")), FAIL, "without a sender: 250"),
    Case(
        "smtp-data-needs-sender",
        sequence(data_first=dialogue(exchange("DATA", "354 go on"), exchange(".", "554 no sender"))),
        PASS,
        "refused: 554",
    ),
    Case("smtp-data-needs-sender", sequence(data_first=answered("DATA", "354 go on")), INDETERMINATE, "354 go on"),
    Case("smtp-data-needs-sender", sequence(data_first=dialogue(closed("DATA"))), FAIL, "without a reply"),
    Case(
        "smtp-data-needs-sender",
        sequence(data_first=dialogue(exchange("DATA", "354 go on"), closed("."))),
        INDETERMINATE,
        "closed the connection",
    ),
    Case("smtp-data-needs-sender", sequence(data_first=answered("DATA", "451 later")), INDETERMINATE, "451 later"),
    Case("smtp-mail-before-hello", sequence(), PASS, "answered: 503"),
    Case("smtp-mail-before-hello", sequence(early_mail=on_wire("MAIL FROM:<>", "250 ok")), PASS, "answered: 250"),
    Case(
        "smtp-mail-before-hello",
        sequence(early_mail=on_wire("MAIL FROM:<>", ended="the server closed the connection", hung_up=True)),
        FAIL,
        "closes the connection without a reply",
    ),
    Case("smtp-mail-before-hello", sequence(early_mail=on_wire("MAIL", "421 bye")), INDETERMINATE, "421 bye"),
    Case("smtp-mail-before-hello", sequence(early_mail=on_wire("MAIL", ended="silent")), INDETERMINATE, "silent"),
    Case("smtp-mail-before-hello", sequence(early_mail=on_wire("")), INDETERMINATE, "not asked"),
    Case("smtp-data-needs-recipient", transaction(), PASS, "refused: 554"),
    Case(
        "smtp-data-needs-recipient",
        transaction(data_without_recipient=after_mail(("DATA", "354 go on"), (".", "250 kept"))),
        FAIL,
        "goes to nobody: 250",
    ),
    Case(
        "smtp-data-needs-recipient",
        transaction(data_without_recipient=after_mail(("DATA", "354 go on"), (".", "554 no valid recipients"))),
        PASS,
        "refused: 554",
    ),
    Case(
        "smtp-data-needs-recipient",
        transaction(data_without_recipient=after_mail(("DATA", "354 go on"))),
        INDETERMINATE,
        "354 go on",
    ),
    Case(
        "smtp-data-needs-recipient",
        transaction(data_without_recipient=no_mail(_LATER)),
        INDETERMINATE,
        "Greylisted",
    ),
    Case("smtp-one-sender", transaction(), PASS, "refused: 503"),
    Case(
        "smtp-one-sender",
        transaction(nested_mail=after_mail(("MAIL FROM:<>", "250 2.1.0 Ok"))),
        FAIL,
        "takes a second sender: 250",
    ),
    Case("smtp-one-sender", transaction(nested_mail=no_mail(_LATER)), INDETERMINATE, "Greylisted"),
    Case("smtp-reset-clears", transaction(), PASS, "the transaction ended: 503"),
    Case(
        "smtp-reset-clears",
        transaction(reset=after_mail(("RSET", "250 ok"), (_RCPT, "250 2.1.5 Ok"))),
        FAIL,
        "takes a recipient behind RSET: 250",
    ),
    Case(
        "smtp-reset-clears",
        transaction(reset=after_mail(("RSET", "500 what?"), (_RCPT, "250 2.1.5 Ok"))),
        FAIL,
        "refuses RSET: 500",
    ),
    Case(
        "smtp-reset-clears",
        transaction(reset=after_mail(("RSET", "250 ok"), (_RCPT, "550 5.7.1 not you"))),
        INDETERMINATE,
        "perhaps not for the order",
    ),
    Case(
        "smtp-reset-clears",
        transaction(reset=dialogue(exchange("MAIL FROM:<>", "250 ok"), exchange("RSET", "250 ok"), closed(_RCPT))),
        FAIL,
        "closes the connection without a reply",
    ),
    Case("smtp-reset-clears", transaction(reset=no_mail(_LATER)), INDETERMINATE, "Greylisted"),
    Case("smtp-hello-resets", transaction(), PASS, "the transaction ended: 503"),
    Case(
        "smtp-hello-resets",
        transaction(hello_again=after_mail(("EHLO x", "250 mail"), (_RCPT, "250 2.1.5 Ok"))),
        FAIL,
        "takes a recipient behind EHLO: 250",
    ),
    Case(
        "smtp-hello-resets",
        transaction(hello_again=after_mail(("EHLO x", "250 mail"), (_RCPT, _LATER))),
        INDETERMINATE,
        "Greylisted",
    ),
)

_COMMANDS = (
    Case("smtp-unknown-command", sequence(), PASS, "refused: 500"),
    Case(
        "smtp-unknown-command",
        sequence(unknown_command=answered("XSMTPAUDIT", "250 ok")),
        FAIL,
        "says yes to a command that does not exist",
    ),
    Case("smtp-unknown-command", sequence(unknown_command=dialogue(closed("X"))), FAIL, "without a reply"),
    Case("smtp-unknown-command", sequence(unknown_command=answered("X", "421 bye")), INDETERMINATE, "421 bye"),
    Case("smtp-noop", sequence(), PASS, "answered with 250"),
    Case("smtp-noop", sequence(noop=answered("NOOP", "502 no")), FAIL, "refuses NOOP: 502"),
    Case("smtp-noop", sequence(noop_with_text=answered("NOOP x", "501 no")), FAIL, "refuses NOOP x: 501"),
    Case("smtp-noop", sequence(noop=unasked("throttled")), INDETERMINATE, "throttled"),
    Case("smtp-noop", sequence(noop_with_text=unasked("throttled")), INDETERMINATE, "throttled"),
    Case("smtp-helo", sequence(), PASS, "taken: 250"),
    Case("smtp-helo", sequence(helo=answered("HELO x", "502 no")), FAIL, "refuses HELO: 502"),
    Case("smtp-helo", sequence(helo=dialogue(closed("HELO x"))), FAIL, "without a reply"),
    Case("smtp-helo", sequence(helo=answered("HELO x", "450 later")), INDETERMINATE, "450 later"),
    Case("smtp-helo", sequence(helo=Dialogue()), INDETERMINATE, "not asked"),
    Case("smtp-hello-needs-name", sequence(), PASS, "both are refused"),
    Case(
        "smtp-hello-needs-name",
        sequence(helo_without_name=answered("HELO", "250 mail")),
        FAIL,
        "takes HELO without a name",
    ),
    Case("smtp-hello-needs-name", sequence(ehlo_without_name=unasked()), INDETERMINATE, "Greylisted"),
    Case("smtp-command-case", sequence(), PASS, "understands them all"),
    Case("smtp-command-case", sequence(other_case=answered("nOoP", "500 what?")), FAIL, "refuses nOoP: 500"),
    Case(
        "smtp-command-case",
        sequence(other_case=dialogue(exchange("nOoP", "250 ok"), closed("rset"))),
        FAIL,
        "without a reply",
    ),
    Case(
        "smtp-command-case",
        sequence(noop=answered("NOOP", "500 what?"), other_case=answered("nOoP", "500 what?")),
        INDETERMINATE,
        "smtp-noop judges that",
    ),
    Case("smtp-command-case", sequence(other_case=unasked()), INDETERMINATE, "Greylisted"),
    Case("smtp-path-case", transaction(), PASS, "understands both"),
    Case(
        "smtp-path-case",
        transaction(small_letters=dialogue(exchange("mail from:<>", "501 what?"), exchange("rcpt to:<a>", "503 no"))),
        FAIL,
        "does not understand mail from",
    ),
    Case(
        "smtp-path-case",
        transaction(small_letters=dialogue(exchange("mail from:<>", "250 ok"), exchange("rcpt to:<a>", "550 no"))),
        PASS,
        "understands both",
    ),
    Case(
        "smtp-path-case",
        transaction(small_letters=dialogue(exchange("mail from:<>", _LATER), exchange("rcpt to:<a>", "503 no"))),
        INDETERMINATE,
        "503 no",
    ),
    Case("smtp-path-case", transaction(small_letters=unasked()), INDETERMINATE, "Greylisted"),
    Case("smtp-vrfy", sequence(), PASS, "answered: 252"),
    Case("smtp-vrfy", sequence(vrfy=answered("VRFY a", "502 5.5.1 disabled")), PASS, "answered: 502"),
    Case("smtp-vrfy", sequence(vrfy=answered("VRFY a", "500 5.5.2 what?")), FAIL, "does not know VRFY: 500"),
    Case("smtp-vrfy", sequence(vrfy=answered("VRFY a", "502 5.5.2 what?")), FAIL, "does not know VRFY: 502"),
    Case("smtp-vrfy", sequence(vrfy=dialogue(closed("VRFY a"))), FAIL, "without a reply"),
    Case("smtp-vrfy", sequence(vrfy=answered("VRFY a", "450 later")), INDETERMINATE, "450 later"),
    Case("smtp-quit", sequence(), PASS, "221 2.0.0 Bye, and the connection is closed"),
    Case("smtp-quit", sequence(quit=leave("250 bye")), FAIL, "answers QUIT with 250"),
    Case("smtp-quit", sequence(quit=leave("221 bye", ended="", closed=False)), FAIL, "stays open behind 221"),
    Case(
        "smtp-quit",
        sequence(quit=leave("221 bye", ended="", closed=False, behind="250 one more")),
        FAIL,
        "goes on behind its goodbye: 250 one more",
    ),
    Case("smtp-quit", sequence(quit=dialogue(closed("QUIT"))), FAIL, "without a reply to QUIT"),
    Case("smtp-quit", sequence(quit=answered("QUIT", "421 busy")), INDETERMINATE, "421 busy"),
    Case("smtp-quit", sequence(quit=answered("QUIT", "221 bye")), INDETERMINATE, "behind 221 is not known"),
    Case("smtp-quit", sequence(quit=unasked()), INDETERMINATE, "Greylisted"),
    Case("smtp-mail-needs-path", sequence(), PASS, "refused: 501"),
    Case("smtp-mail-needs-path", sequence(mail_without_path=answered("MAIL", "250 ok")), FAIL, "for no sender"),
    Case("smtp-mail-needs-path", sequence(mail_without_path=answered("MAIL", _LATER)), INDETERMINATE, "Greylisted"),
    Case("smtp-recipient-needs-path", transaction(), PASS, "refused: 501"),
    Case(
        "smtp-recipient-needs-path",
        transaction(recipient_without_path=after_mail(("RCPT", "250 ok"))),
        FAIL,
        "takes no recipient for one",
    ),
    Case("smtp-recipient-needs-path", transaction(recipient_without_path=no_mail(_LATER)), INDETERMINATE, "Greylisted"),
    Case("smtp-unknown-parameter", transaction(), PASS, "refused: 555"),
    Case("smtp-unknown-parameter", no_mail_at_all(), INDETERMINATE, "MAIL alone is not taken"),
    Case(
        "smtp-path-case",
        no_mail_at_all(small_letters=dialogue(exchange("mail from:<>", "501 5.7.1 not you"), exchange("r", "503 no"))),
        INDETERMINATE,
        "MAIL alone is not taken",
    ),
    Case(
        "smtp-unknown-parameter",
        transaction(unknown_parameter=answered("MAIL FROM:<> X=1", "250 ok")),
        FAIL,
        "takes a parameter that does not exist",
    ),
    Case(
        "smtp-unknown-parameter",
        transaction(unknown_parameter=answered("MAIL FROM:<> X=1", _LATER)),
        INDETERMINATE,
        "Greylisted",
    ),
)

CASES = (*_ORDER, *_COMMANDS)
