"""The SMTP servers of the lab: aiosmtpd, with the manners that a site asks for."""

from __future__ import annotations

import hmac
import ssl
from dataclasses import dataclass
from email.parser import BytesHeaderParser
from email.utils import getaddresses
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from smtp_audit.lab.turns import InTurn

SIZE = 50 * 1024 * 1024
"""Octets of the largest message (STACK: what the standard wants announced)."""

ROLE_MAILBOXES = ("postmaster", "abuse")
"""What every domain has (RFC 2142)."""


@dataclass(frozen=True)
class Account:
    """The one user of a site."""

    user: str
    password: str

    def check(self, user: bytes, password: bytes) -> bool:
        """Whether these are the account's, compared in constant time."""
        return hmac.compare_digest(user, self.user.encode()) & hmac.compare_digest(password, self.password.encode())


@dataclass(frozen=True)
class Manners:
    """How an SMTP service behaves."""

    host: str
    domain: str
    account: Account
    tls: ssl.SSLContext | None = None
    """For STARTTLS; None: not offered (which is right inside implicit TLS)."""
    auth: bool = False
    """AUTH is offered at all."""
    auth_in_clear: bool = False
    """AUTH is offered without STARTTLS: wrong in clear text, right inside implicit TLS."""
    auth_needed: bool = False
    """MAIL needs AUTH (RFC 6409 section 4.3)."""
    relays: bool = False
    """Recipients outside the domain are taken from anyone."""
    old_mechanism: bool = False
    """CRAM-MD5 is offered too."""
    careless: bool = False
    """It tells what it is and who is there, lets clients run ahead, and has no mailbox for complaints."""


class MailService(InTurn):
    """One SMTP connection. It takes messages and throws them away."""

    def __init__(self, manners: Manners, **options: Any) -> None:
        super().__init__(
            _OldMechanism(manners) if manners.old_mechanism else _Policy(manners),
            strict=not manners.careless,
            hostname=manners.host,
            ident="ESMTP Labmail 2.1.4 (Debian GNU/Linux)" if manners.careless else "ESMTP lab",
            data_size_limit=SIZE,
            tls_context=manners.tls,
            # aiosmtpd does not know that it is inside implicit TLS, so that this stands for "not before STARTTLS".
            auth_require_tls=not manners.auth_in_clear,
            auth_exclude_mechanism=() if manners.auth else ("LOGIN", "PLAIN"),
            authenticator=_authenticator(manners.account),
            timeout=60,
            **options,
        )
        self._auth_needed = manners.auth_needed

    async def smtp_STARTTLS(self, arg: str) -> None:
        """Begin TLS, once. (aiosmtpd would begin it again inside itself.)"""
        if self.transport is not None and self.transport.get_extra_info("sslcontext") is not None:
            await self.push("503 5.5.1 TLS has begun already")
            return
        await super().smtp_STARTTLS(arg)

    async def check_auth_needed(self, caller_method: str) -> bool:
        """Refuse MAIL and RCPT without AUTH. (aiosmtpd's own option warns inside implicit TLS.)"""
        session = self.session
        if self._auth_needed and not (session and session.authenticated) and caller_method in ("MAIL", "RCPT", "DATA"):
            await self.push("530 5.7.0 Authentication required")
            return True
        return False


class _Policy:
    """aiosmtpd's hooks."""

    def __init__(self, manners: Manners) -> None:
        self._manners = manners

    async def handle_EHLO(
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """Leave out the AUTH line that aiosmtpd announces even without any mechanism, and add what is missing."""
        session.host_name = hostname
        more = ["250-XCLIENT NAME ADDR"] if self._manners.careless else ["250-PIPELINING"]
        return [*(line for line in responses[:-1] if line.rstrip() != "250-AUTH"), *more, responses[-1]]

    async def handle_VRFY(self, _server: SMTP, _session: Session, _envelope: Envelope, address: str) -> str:
        """Tell nothing, or who is there (RFC 5321 section 3.5.3)."""
        if not self._manners.careless:
            return "252 2.5.2 Send some mail, and see"
        return f"250 2.1.5 <{address}>" if self._is_mailbox(address) else "550 5.1.1 No such user"

    async def handle_MAIL(
        self, _server: SMTP, session: Session, envelope: Envelope, address: str | None, options: list[str]
    ) -> str:
        """Who has logged in sends under the own address, or sends a bounce."""
        if session.authenticated and address and address.lower() != self._manners.account.user:
            return "553 5.7.1 Not your address"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 Ok"

    async def handle_RCPT(
        self, _server: SMTP, session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Take mail for the user; take mail for elsewhere from those who may."""
        domain = address.rpartition("@")[2].lower()
        if not self._is_mailbox(address):
            if domain == self._manners.domain:
                return "550 5.1.1 No such user"
            if not (self._manners.relays or session.authenticated):
                return "550 5.7.1 Relaying denied"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:
        """Take the message and forget it; who has logged in writes under the own name."""
        if session.authenticated and not self._manners.careless and not self._is_own(envelope.content or b""):
            return "550 5.7.1 Not your name in From or Sender"
        return "250 2.0.0 Taken, and thrown away: this is a lab"

    def _is_own(self, message: bytes | str) -> bool:
        """Whether there is one From at most, and it and any Sender say nothing but the user's address."""
        octets = message if isinstance(message, bytes) else message.encode(errors="surrogateescape")
        headers = BytesHeaderParser().parsebytes(octets)
        written = getaddresses([str(value) for name in ("From", "Sender") for value in headers.get_all(name, ())])
        own = self._manners.account.user
        return len(headers.get_all("From", ())) <= 1 and all(address.lower() == own for _, address in written)

    def _is_mailbox(self, address: str) -> bool:
        """The user's, or one that every domain has; the postmaster needs no domain (RFC 5321 section 4.5.1)."""
        manners = self._manners
        roles = ("postmaster",) if manners.careless else ROLE_MAILBOXES
        own = (manners.account.user, *(f"{name}@{manners.domain}" for name in roles), "postmaster")
        return address.lower() in own


class _OldMechanism(_Policy):
    """Offers CRAM-MD5 (RFC 2195) besides."""

    async def auth_CRAM__MD5(self, server: SMTP, _arguments: list[str]) -> AuthResult:
        """The challenge and response of RFC 2195 section 2."""
        challenge = f"<1.1@{self._manners.host}>"
        answer = await server.challenge_auth(challenge)
        account = self._manners.account
        digest = hmac.new(account.password.encode(), challenge.encode(), "md5").hexdigest()
        wanted = f"{account.user} {digest}".encode()
        if not isinstance(answer, bytes):
            return AuthResult(success=False)  # given up by the client; aiosmtpd has said so
        return AuthResult(success=hmac.compare_digest(answer, wanted), handled=False)


def _authenticator(account: Account) -> Any:
    def authenticate(
        _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, given: LoginPassword
    ) -> AuthResult:
        # Not handled: aiosmtpd words the refusal (535 5.7.8).
        return AuthResult(success=account.check(given.login, given.password), handled=False)

    return authenticate
