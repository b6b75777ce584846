"""Facts about identity, limits and state across STARTTLS for the cases of the controls."""

from __future__ import annotations

from typing import Any

from smtp_audit.facts.bounds import IdleFacts, IdleMessageFacts, JunkFacts, OpenPortsFacts, ParallelFacts, Silence
from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.identity import IdentityFacts, ReverseName
from smtp_audit.facts.service import CapabilityFacts, FirstWords, GreetingFacts, Reply
from smtp_audit.facts.starttls_state import StarttlsStateFacts
from tests.conversation_factories import answered, dialogue, exchange

HOST = "mail.example.com"
PUBLIC = "8.8.4.4"


def starttls_state(**more: Any) -> StarttlsStateFacts:
    """A server that forgets."""
    mail = exchange("MAIL FROM:<>", "250 2.1.0 Ok")
    needs_mail = exchange("RCPT TO:<a@example.com>", "503 5.5.1 Error: need MAIL command")
    fields = {
        "offered": True,
        "mail_before": dialogue(mail),
        "recipient_after": dialogue(mail, exchange("STARTTLS", "220 2.0.0 go"), needs_mail),
        "recipient_without_mail": dialogue(needs_mail),
        "again": answered("STARTTLS", "503 5.5.1 Error: TLS already active"),
        "argument": answered("STARTTLS x", "501 5.5.4 Syntax: STARTTLS"),
        **more,
    }
    return StarttlsStateFacts(**fields)


def after_tls(*replies: str, ended: str = "") -> dict[str, Any]:
    """RCPT as the first command inside TLS, answered like that."""
    mail = exchange("MAIL FROM:<>", "250 2.1.0 Ok")
    last = exchange("RCPT TO:<a@example.com>", *replies, ended=ended)
    return {"recipient_after": dialogue(mail, exchange("STARTTLS", "220 2.0.0 go"), last)}


def identity(**more: Any) -> IdentityFacts:
    """A host whose names agree, and that tells strangers nothing."""
    fields = {
        "host": HOST,
        "address": PUBLIC,
        "public": True,
        "reverse": (ReverseName(name=HOST, addresses=(PUBLIC,)),),
        "source": "10.9.8.7",
        "client_name": "[10.9.8.7]",
        "etrn": answered("ETRN smtp-audit.invalid", "459 <smtp-audit.invalid>: service unavailable"),
        "help": answered("HELP", "502 5.5.1 Error: command not recognized"),
        **more,
    }
    return IdentityFacts(**fields)


def greeted(*lines: str) -> GreetingFacts:
    """A greeting of these lines, without their codes."""
    return GreetingFacts(
        role=Role.MX, first=FirstWords.CLEAR_GREETING, reply=Reply(code="220", lines=lines), seconds=0.0
    )


def no_greeting() -> GreetingFacts:
    """Something that is none."""
    return GreetingFacts(role=Role.MX, first=FirstWords.OTHER, fault="not an SMTP reply", seconds=0.0)


def announced(*keywords: str, name: str = HOST, inside: str | None = HOST, more: tuple[str, ...] = ()) -> Any:
    """The EHLO reply before TLS with these keywords, and inside it with `more`."""
    before = (name, "PIPELINING", *keywords)
    after = None if inside is None else (inside, "PIPELINING", *more)
    return CapabilityFacts(role=Role.MX, before_tls=before, after_tls=after)


def junk(*seconds: float, ended: str = "", sent: int | None = None) -> JunkFacts:
    """Waits for the replies to junk commands."""
    return JunkFacts(sent=len(seconds) if sent is None else sent, seconds=seconds, ended=ended)


def parallel(served: int = 50, refusal: str = "greeted with 421 4.7.0 too many connections") -> ParallelFacts:
    """Connections at once."""
    return ParallelFacts(tried=60, served=served, refusal=refusal, seconds=(0.01,) * served)


def idle(seconds: float = 300.0, ended: str = "421 4.4.2 timeout exceeded", unknown: str = "") -> IdleFacts:
    """Silence after EHLO."""
    return IdleFacts(silence=Silence(ended=ended, seconds=seconds, unknown=unknown))


def idle_message(seconds: float = 300.0, ended: str = "421 4.4.2 timeout", unknown: str = "") -> IdleMessageFacts:
    """Silence in a message."""
    return IdleMessageFacts(silence=Silence(ended=ended, seconds=seconds, unknown=unknown))


def ports(*taken: int, **more: Any) -> OpenPortsFacts:
    """A host on which these ports are open."""
    fields = {
        "address": PUBLIC,
        "declared": (25, 587),
        "scanned": (22, 25, 80, 443, 587, 2525, 6379, 10025),
        "open": taken,
        **more,
    }
    return OpenPortsFacts(**fields)
