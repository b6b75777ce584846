"""Facts about logins for the cases of the controls: by default of a server that does everything right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from smtp_audit.facts.auth_protocol import AuthErrorsFacts, AuthProtocolFacts, AuthSessionFacts
from smtp_audit.facts.clear_login import ClearLoginFacts
from smtp_audit.facts.conversation import Dialogue, Exchange
from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.mailbox_access import MailboxAccessFacts
from smtp_audit.facts.mailbox_passwords import Guess, MailboxPasswordFacts
from smtp_audit.facts.service import Reply
from smtp_audit.facts.wrong_passwords import BLOCKS, Return, WrongPassword, WrongPasswordFacts
from tests.conversation_factories import answered, dialogue, exchange

_ATTEMPTS = {
    Role.MX: ("AUTH PLAIN <made-up user and secret>", "503 5.5.1 Error: authentication not enabled"),
    Role.SUBMISSION: ("AUTH PLAIN <made-up user and secret>", "530 5.7.0 Must issue a STARTTLS command first"),
    Role.IMAP: ('LOGIN "<made-up user>" "<secret>"', "NO [PRIVACYREQUIRED] Plaintext authentication disallowed"),
    Role.POP3: ("USER <made-up user>", "-ERR [AUTH] Plaintext authentication disallowed on non-secure connections."),
    Role.SIEVE: ('AUTHENTICATE "PLAIN" "<made-up user and secret>"', 'NO (ENCRYPT-NEEDED) "Not until TLS."'),
}


def clear_login(
    role: Role = Role.SUBMISSION,
    answer: str | None = None,
    announced: Sequence[str] = (),
    attempt: Dialogue | None = None,
) -> ClearLoginFacts:
    """A login in clear text; `answer` in place of the refusal."""
    sent, refusal = _ATTEMPTS[role]
    return ClearLoginFacts(role=role, announced=tuple(announced), attempt=attempt or answered(sent, answer or refusal))


def auth_protocol(**more: Any) -> AuthProtocolFacts:
    fields = {
        "role": Role.SUBMISSION,
        "mechanisms": ("PLAIN", "LOGIN"),
        "without_mechanism": answered("AUTH", "501 5.5.4 Syntax: AUTH mechanism"),
        "cancelled": dialogue(exchange("AUTH PLAIN", "334 "), exchange("*", "501 5.7.0 Authentication aborted")),
        "in_transaction": dialogue(
            exchange("MAIL FROM:<>", "250 2.1.0 Ok"),
            exchange("AUTH PLAIN", "503 5.5.1 Error: MAIL transaction in progress"),
        ),
        **more,
    }
    return AuthProtocolFacts(**fields)


def auth_session(**more: Any) -> AuthSessionFacts:
    mail = "MAIL FROM:<alice@example.com>"
    fields = {
        "role": Role.SUBMISSION,
        "sender": answered(mail, "250 2.1.0 Ok"),
        "after_ehlo": dialogue(exchange("EHLO [192.0.2.1]", "250 mail.example.com"), exchange(mail, "250 2.1.0 Ok")),
        "second": answered("AUTH PLAIN", "503 5.5.1 Error: already authenticated"),
        **more,
    }
    return AuthSessionFacts(**fields)


def auth_errors(**more: Any) -> AuthErrorsFacts:
    fields = {
        "role": Role.SUBMISSION,
        "mechanisms": ("PLAIN", "LOGIN"),
        "unknown_mechanism": answered("AUTH XSMTPAUDIT", "504 5.5.4 Unrecognized authentication type"),
        "bad_encoding": answered("AUTH PLAIN !!!!", "501 5.5.2 Cannot decode"),
        "long_line": dialogue(
            exchange("AUTH PLAIN <12600 octets of base64>", "500 5.5.6 Line too long"), exchange("NOOP", "250 2.0.0 Ok")
        ),
        **more,
    }
    return AuthErrorsFacts(**fields)


def mailbox_access(role: Role = Role.IMAP, **more: Any) -> MailboxAccessFacts:
    """What a well-kept server says; of the protocol's lines, those that matter."""
    greeting, before, after, refusal = {
        Role.IMAP: ("OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] ready", "CAPABILITY IMAP4rev1 STARTTLS "
                    "LOGINDISABLED", "CAPABILITY IMAP4rev1 AUTH=PLAIN", "BAD TLS is already active."),
        Role.IMAPS: ("OK ready", None, "CAPABILITY IMAP4rev1 AUTH=PLAIN", "BAD TLS is already active."),
        Role.POP3: ("+OK ready", "STLS", "SASL PLAIN", "-ERR TLS is already active."),
        Role.POP3S: ("+OK ready", None, "SASL PLAIN", "-ERR TLS is already active."),
        Role.SIEVE: ('OK "ready"', '"STARTTLS"', '"SASL" "PLAIN"', 'NO "TLS is already active."'),
    }[role]  # fmt: skip
    imap = role in (Role.IMAP, Role.IMAPS)
    fields: dict[str, Any] = {
        "role": role,
        "greeting": said(greeting),
        "offered": True,
        "before_tls": None if before is None else (before,),
        "after_tls": (after,),
        "identification": answered("ID NIL", "OK ID completed.") if imap else Dialogue(),
        "second_starttls": answered("STLS" if role in (Role.POP3, Role.POP3S) else "STARTTLS", refusal),
        **more,
    }
    return MailboxAccessFacts(**fields)


def said(text: str) -> Reply:
    """One reply, as it comes."""
    code, _, rest = text.partition(" ")
    return Reply(code=code, lines=(rest,))


def identified(listing: str) -> Dialogue:
    """IMAP: ID, and the list that came back."""
    reply = Reply(code="OK", lines=(f"* ID ({listing})", "ID completed."))
    return Dialogue(exchanges=(Exchange(sent="ID NIL", replies=(reply,)),), inside_tls=True)


WRONG = "535 5.7.8 Error: authentication failed: (reason unavailable)"
RIGHT = "235 2.7.0 Authentication successful"


def guess(known: bool, seconds: float, answer: str = WRONG, ended: str = "") -> WrongPassword:
    reply = () if ended else (said(answer),)
    sent = f"AUTH PLAIN <{'throw-away account' if known else 'unknown user'}, wrong password>"
    return WrongPassword(known=known, exchange=Exchange(sent=sent, replies=reply, ended=ended, seconds=seconds))


def guesses(
    known: float = 2.0, unknown: float = 2.0, blocks: int = BLOCKS, answers: Sequence[str] = (WRONG, WRONG)
) -> tuple[WrongPassword, ...]:
    """Blocks of tries; `answers` are those for the known and the unknown user."""
    one, other = guess(True, known, answers[0]), guess(False, unknown, answers[1])
    return (one, other, other, one) * blocks


def back(answer: str = RIGHT, waited: float = 0.0, ended: str = "") -> Return:
    replies = () if ended else (said(answer),)
    sent = "AUTH PLAIN <throw-away account, right password>"
    return Return(waited=waited, exchange=Exchange(sent=sent, replies=replies, ended=ended))


def wrong_passwords(**more: Any) -> WrongPasswordFacts:
    """A server that refuses each after two seconds."""
    fields = {
        "role": Role.SUBMISSION,
        "empty": answered("AUTH PLAIN <throw-away account, no password>", WRONG),
        "cut": answered("AUTH PLAIN <throw-away account, right password, NUL and more behind it>", WRONG),
        "tries": guesses(),
        "returns": (back(),),
        **more,
    }
    return WrongPasswordFacts(**fields)


def mailbox_guess(answer: str = "NO [AUTHENTICATIONFAILED] no", seconds: float = 2.0, ended: str = "") -> Guess:
    """One login by IMAP, POP3 or ManageSieve."""
    replies = (said(answer),) if answer else ()
    hung_up = ended.startswith("the server closed")
    shown = "<throw-away account, wrong password>"
    exchange = Exchange(sent=shown, replies=replies, ended=ended, hung_up=hung_up, seconds=seconds)
    return Guess(known=True, exchange=exchange)


def mailbox_passwords(**more: Any) -> MailboxPasswordFacts:
    """A server that refuses each after two seconds."""
    fields = {
        "role": Role.IMAPS,
        "empty": mailbox_guess(),
        "guesses": (mailbox_guess(),) * 4,
        "returns": (mailbox_guess("OK logged in"),),
        **more,
    }
    return MailboxPasswordFacts(**fields)
