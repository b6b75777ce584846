"""Facts about the order and form of commands, and about transactions, for the cases of the controls."""

from __future__ import annotations

from typing import Any

from smtp_audit.facts.conversation import Dialogue
from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.sequence import SequenceFacts, WireReply
from smtp_audit.facts.transaction import TransactionFacts
from tests.conversation_factories import answered, dialogue, exchange

CAPABILITIES = ("mail.example.com", "PIPELINING", "SIZE 10240000", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")
END = "\\x0d\\x0a"
"""The line end of SMTP as facts show it."""

_OK = "250 2.0.0 Ok"
_MAIL = "MAIL FROM:<>"
_RCPT = "RCPT TO:<postmaster@example.com>"


def on_wire(sent: str, *lines: str, ended: str = "", hung_up: bool = False, end: str = END) -> WireReply:
    """A reply as it came; each line gets its end."""
    return WireReply(sent=sent, lines=tuple(line + end for line in lines), ended=ended, hung_up=hung_up)


def sequence(**more: Any) -> SequenceFacts:
    """A server that keeps to the order and the form of commands."""
    fields = {
        "role": Role.MX,
        "greeting": on_wire("", "220 mail.example.com ESMTP"),
        "early_mail": on_wire(_MAIL, "503 5.5.1 Error: send HELO/EHLO first"),
        "hello": on_wire(
            "EHLO [192.0.2.1]",
            *(f"250-{line}" for line in CAPABILITIES[:-1]),
            f"250 {CAPABILITIES[-1]}",
        ),
        "capabilities": CAPABILITIES,
        "recipient_first": answered(_RCPT, "503 5.5.1 Error: need MAIL command"),
        "data_first": answered("DATA", "503 5.5.1 Error: need RCPT command"),
        "unknown_command": answered("XSMTPAUDIT", "500 5.5.2 Error: command not recognized"),
        "mail_without_path": answered("MAIL", "501 5.5.4 Syntax: MAIL FROM:<address>"),
        "ehlo_without_name": answered("EHLO", "501 Syntax: EHLO hostname"),
        "helo_without_name": answered("HELO", "501 Syntax: HELO hostname"),
        "noop": answered("NOOP", _OK),
        "noop_with_text": answered("NOOP smtp-audit", _OK),
        "vrfy": answered("VRFY postmaster", "252 2.0.0 postmaster"),
        "other_case": dialogue(exchange("nOoP", _OK), exchange("rset", _OK), exchange("eHlO x", "250 mail")),
        "helo": dialogue(exchange("HELO x", "250 mail"), exchange("EHLO x", "250 mail")),
        "long_command": answered("NOOP xxx", _OK),
        "overlong_command": answered("NOOP and 65536 octets", "500 5.5.2 line too long"),
        "quit": leave("221 2.0.0 Bye"),
        **more,
    }
    return SequenceFacts(**fields)


def leave(
    *replies: str, ended: str = "the server closed the connection", closed: bool = True, behind: str = ""
) -> Dialogue:
    """QUIT with its reply, and the end of the connection; or `behind`, what comes in its place."""
    last = (behind,) if behind else ()
    return dialogue(exchange("QUIT", *replies), exchange("(the end)", *last, ended=ended, hung_up=closed))


def after_mail(*steps: tuple[str, str], mail: str = "250 2.1.0 Ok") -> Dialogue:
    """MAIL, and what was said behind it."""
    return dialogue(exchange(_MAIL, mail), *(exchange(said, reply) for said, reply in steps))


def no_mail(reply: str, sender: str = "") -> Dialogue:
    """MAIL did not get the answer that the question needs."""
    said = exchange(f"MAIL FROM:<{sender}>", reply)
    return dialogue(said, unknown=f"{said}")


def recipients(*batches: tuple[int, str], unknown: str = "") -> Dialogue:
    """Many RCPT in one transaction: so often this reply."""
    said = [exchange(f"{count} times RCPT", *([reply] * count)) for count, reply in batches]
    return dialogue(exchange(_MAIL, "250 2.1.0 Ok"), *said, unknown=unknown)


def no_mail_at_all(**more: Any) -> TransactionFacts:
    """A server that refuses every MAIL of this client, whatever stands behind it."""
    blocked = "554 5.7.1 Client host blocked"
    begun = {field: no_mail(blocked) for field in ("data_without_recipient", "nested_mail", "reset", "hello_again")}
    said = ("unknown_parameter", "too_large", "eight_bit", "utf8", "unannounced_utf8")
    return transaction(**begun, **{field: answered(_MAIL, blocked) for field in said}, **more)


def chunk(*replies: str, recipient: str = "250 2.1.5 Ok", ended: str = "") -> Dialogue:
    """MAIL, RCPT, and BDAT of 2^64 octets with what came back."""
    bdat = exchange("BDAT 18446744073709551616", *replies, ended=ended)
    return dialogue(exchange(_MAIL, "250 2.1.0 Ok"), exchange(_RCPT, recipient), bdat)


def transaction(**more: Any) -> TransactionFacts:
    """A server that handles transactions as it should."""
    need = "503 5.5.1 Error: need MAIL command"
    taken = after_mail((_RCPT, "250 2.1.5 Ok"))
    fields = {
        "role": Role.MX,
        "domain": "example.com",
        "capabilities": CAPABILITIES,
        "data_without_recipient": after_mail(("DATA", "554 5.5.1 Error: no valid recipients")),
        "nested_mail": after_mail((_MAIL, "503 5.5.1 Error: nested MAIL command")),
        "reset": after_mail(("RSET", _OK), (_RCPT, need)),
        "hello_again": after_mail(("EHLO x", "250 mail"), (_RCPT, need)),
        "recipient_without_path": after_mail(("RCPT", "501 5.5.4 Syntax: RCPT TO:<address>")),
        "unknown_parameter": answered(f"{_MAIL} XSMTPAUDIT=1", "555 5.5.4 Unsupported option: XSMTPAUDIT=1"),
        "small_letters": dialogue(exchange("mail from:<>", "250 2.1.0 Ok"), exchange("rcpt to:<a>", "250 2.1.5 Ok")),
        "long_local_part": after_mail(("RCPT TO:<x...@example.com>", "550 5.1.1 User unknown")),
        "long_path": after_mail(("RCPT TO:<a@x...>", "554 5.7.1 Relay access denied")),
        "address_literal": after_mail(("RCPT TO:<postmaster@[192.0.2.1]>", "554 5.7.1 Relay access denied")),
        "source_route": after_mail(("RCPT TO:<@a:postmaster@example.com>", "250 2.1.5 Ok")),
        "many_recipients": recipients((1, "250 2.1.5 Ok"), (99, "250 2.1.5 Ok")),
        "too_large": answered(f"{_MAIL} SIZE=10240001", "552 5.3.4 Message size exceeds fixed limit"),
        "eight_bit": answered(f"{_MAIL} BODY=8BITMIME", "250 2.1.0 Ok"),
        "utf8": answered(f"{_MAIL} SMTPUTF8", "250 2.1.0 Ok"),
        "unannounced_utf8": answered("MAIL FROM:<gr\\xc3\\xbcn@example.org>", "553 5.6.7 Must use SMTPUTF8"),
        "gigantic_chunk": chunk("521 5.5.4 Syntax: BDAT count [LAST]"),
        "postmaster": taken,
        "postmaster_of_domain": taken,
        "abuse": taken,
        "null_sender": taken,
        **more,
    }
    return TransactionFacts(**fields)
