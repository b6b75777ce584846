"""Facts about authentication: mechanisms offered, mail taken without it, and a login with the given credentials."""

import re
from typing import ClassVar

from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.observation import Facts
from smtp_audit.facts.service import Reply
from smtp_audit.frozen import Frozen


class AuthFacts(Facts):
    """The mechanisms offered before and inside TLS; None where that state was not reached or does not exist.

    For IMAP and POP3 the plain commands count too, under the names `LOGIN-COMMAND` (IMAP LOGIN without LOGINDISABLED,
    RFC 9051 section 6.2.3) and `USER-COMMAND` (POP3 USER, RFC 1939, listed per RFC 2449 section 6.3).
    """

    kind: ClassVar[str] = "auth"

    role: Role
    before_tls: tuple[str, ...] | None = None
    after_tls: tuple[str, ...] | None = None
    tls_offered: bool = True


class EnvelopeStep(Frozen):
    """One command of a mail transaction and its reply."""

    command: str
    reply: Reply


class Transaction(Frozen):
    """What came of one sender: the reply to MAIL, and to RCPT for a local and a foreign recipient.

    `recipients` is empty when MAIL was refused, and short when the connection broke off.
    """

    mail: EnvelopeStep
    recipients: tuple[EnvelopeStep, ...] = ()

    @property
    def steps(self) -> tuple[EnvelopeStep, ...]:
        """All commands, in the order in which they were sent."""
        return (self.mail, *self.recipients)


class UnauthenticatedMailFacts(Facts):
    """Mail transactions without AUTH on a submission port, inside TLS where it can be had; given up before DATA.

    `transactions` holds one for each sender tried, in this order: an own address, a foreign one, the null sender. Only
    the first is there when its MAIL was answered with 530 or 5.7.0, which ask for a login whoever the sender is
    (`asks_for_login`). `ended` says why others are missing or short, when the connection broke off.
    """

    kind: ClassVar[str] = "unauthenticated_mail"

    inside_tls: bool
    transactions: tuple[Transaction, ...]
    ended: str = ""


def asks_for_login(reply: Reply) -> bool:
    """Whether the codes of a refusal ask for a login: 530, or the enhanced 5.7.0 (RFC 4954 section 6)."""
    enhanced = reply.code.startswith("5") and re.match(r"5\.7\.0(?![.0-9])", " ".join(reply.lines))
    return reply.code == "530" or bool(enhanced)


class LoginFacts(Facts):
    """A login with the given credentials inside TLS. `reply` is the server's last answer."""

    kind: ClassVar[str] = "login"

    offered: bool
    """Whether TLS and a mechanism were there to try it."""
    mechanism: str = ""
    accepted: bool = False
    reply: Reply | None = None
