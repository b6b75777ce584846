"""Facts about authentication: mechanisms offered, mail taken without it, and a login with the given credentials."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.observation import Facts
from smtp_audit.facts.service import Reply


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


class EnvelopeStep(BaseModel):
    """One command of a mail transaction and its reply."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    command: str
    reply: Reply


class UnauthenticatedMailFacts(Facts):
    """A mail transaction without AUTH on a submission port, inside TLS where it can be had; given up before DATA.

    `recipients` holds one step for each recipient tried (a local and a foreign one); it is empty when MAIL was refused.
    """

    kind: ClassVar[str] = "unauthenticated_mail"

    inside_tls: bool
    mail: EnvelopeStep
    recipients: tuple[EnvelopeStep, ...] = ()


class LoginFacts(Facts):
    """A login with the given credentials inside TLS. `reply` is the server's last answer."""

    kind: ClassVar[str] = "login"

    offered: bool
    """Whether TLS and a mechanism were there to try it."""
    mechanism: str = ""
    accepted: bool = False
    reply: Reply | None = None
