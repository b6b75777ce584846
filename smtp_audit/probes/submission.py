"""Submission: what happens to mail without AUTH, and whether the given credentials work."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from typing import TYPE_CHECKING

from smtp_audit.facts.authentication import (
    EnvelopeStep,
    LoginFacts,
    Transaction,
    UnauthenticatedMailFacts,
    asks_for_login,
)
from smtp_audit.facts.endpoint import TlsStart, is_address
from smtp_audit.facts.observation import Absence
from smtp_audit.facts.service import Reply
from smtp_audit.probes.approach import Approach, Session, Unrepeatable
from smtp_audit.probes.dialect import Smtp
from smtp_audit.probes.tls.trust import strict_context
from smtp_audit.probes.wire import PeerError, Throttled, Transcript, tls_reason
from smtp_audit.secret import Secret, redact
from smtp_audit.wiretext import escape_text

if TYPE_CHECKING:
    import aiosmtplib

FOREIGN_DOMAINS = ("example.com", "example.org", "example.net")
"""Reserved domains (RFC 2606) of no audited server; the others are for when the first is the target's own."""

_NO_SUCH_MECHANISM = ("500", "502", "504", "534")
"""RFC 4954 section 6 and RFC 5321 section 4.2.4: announced, but not there (or not for this user)."""


def mail_domain(approach: Approach) -> str:
    """The domain for our addresses: the configured one, else the host (an address as an address literal)."""
    if approach.config.domain:
        return approach.config.domain
    host = approach.endpoint.host
    if not is_address(host):
        return host
    return f"[IPv6:{host}]" if ":" in host else f"[{host}]"


async def try_without_auth(approach: Approach, transcript: Transcript) -> UnauthenticatedMailFacts:
    """MAIL and RCPT without AUTH, then RSET: nothing is sent. RFC 6409 section 4.3, RFC 4954 section 6.

    Three senders are tried, because servers differ in whom they ask for a login: an own one (a check of who may use the
    domain refuses that one alone), a foreign one (a check of its domain refuses that one alone) and the null sender.
    One recipient is local and one foreign, because servers differ in which of them they take from strangers.

    Some servers hang up after a few refusals: the senders that are left are then tried on another connection, as long
    as each gets any further.

    Raises:
        PeerError: not one transaction could be tried.
    """
    domain = mail_domain(approach)
    foreign = next(name for name in FOREIGN_DOMAINS if not domain.endswith(name))
    own_address, foreign_address = f"postmaster@{domain}", f"smtp-audit@{foreign}"
    envelopes = _Envelopes((own_address, foreign_address, ""), (own_address, foreign_address))
    broken = await approach.visit(envelopes.visit, transcript)
    while broken is not None and not envelopes.settled and broken.absence in _GOES_ON:
        before = len(envelopes.seen)
        try:
            broken = await approach.visit(envelopes.visit, transcript, throttled_tries=2, dropped_tries=1)
        except PeerError as error:
            broken = error
        if len(envelopes.seen) == before:
            break
    return envelopes.facts(broken)


_GOES_ON = (Absence.DROPPED, Absence.REFUSED_SERVICE)
"""After a hang-up or 421 another connection may get further; who fell silent or spoke nonsense is not asked again."""


class _Envelopes:
    """The senders and recipients to try, and what is known of them so far, over all connections."""

    def __init__(self, senders: tuple[str, ...], recipients: tuple[str, ...]) -> None:
        self._senders = senders
        self._recipients = recipients
        self._steps: list[EnvelopeStep] = []
        self._inside_tls = True
        self.seen: list[Transaction] = []

    @property
    def settled(self) -> bool:
        """Whether no further sender need be tried: all were, or mail is taken, or a login is wanted from everyone.

        The own sender alone does not tell: a server may want a login for its own domain's addresses and no others.
        """
        if len(self.seen) == len(self._senders) or self._taken:
            return True
        return len(self.seen) > 1 and all(asks_for_login(transaction.mail.reply) for transaction in self.seen)

    @property
    def _taken(self) -> bool:
        steps = [step for transaction in self.seen for step in transaction.recipients] + self._steps[1:]
        return any(step.reply.code.startswith("2") for step in steps)

    async def visit(self, session: Session) -> PeerError | None:
        """Try the senders that are left; what broke it off, if anything did after there was something to keep.

        Raises:
            PeerError: nothing is known yet.
        """
        await session.secure()
        smtp, connection = session.smtp, session.connection
        self._inside_tls = self._inside_tls and connection.tls is not None
        fresh = True
        try:
            while not self.settled:
                async with connection.within(session.limits.reply_seconds * 3, "replies to MAIL and RCPT"):
                    if not fresh:
                        await _reset(smtp, session)
                    await self._transaction(smtp, session, self._senders[len(self.seen)])
                fresh = False
        except PeerError as error:
            # Mail that was taken is known, however the connection ends.
            if not self.seen and not self._taken:
                raise
            return error
        with contextlib.suppress(PeerError):
            await connection.send(b"RSET\r\nQUIT\r\n", shown="RSET, QUIT")
        return None

    async def _transaction(self, smtp: Smtp, session: Session, sender: str) -> None:
        self._steps = []
        commands = [f"MAIL FROM:<{sender}>", *(f"RCPT TO:<{recipient}>" for recipient in self._recipients)]
        for command in commands:
            self._steps.append(EnvelopeStep(command=command, reply=await smtp.command(session.connection, command)))
            if not smtp.accepted(self._steps[0].reply):
                break
        self._keep()

    def _keep(self) -> None:
        if self._steps:
            self.seen.append(Transaction(mail=self._steps[0], recipients=tuple(self._steps[1:])))
        self._steps = []

    def facts(self, broken: PeerError | None) -> UnauthenticatedMailFacts:
        """What was seen, the transaction that was broken off last included."""
        self._keep()
        ended = "" if broken is None else broken.reason
        return UnauthenticatedMailFacts(inside_tls=self._inside_tls, transactions=tuple(self.seen), ended=ended)


async def _reset(smtp: Smtp, session: Session) -> None:
    """RSET, so that the next MAIL is not refused for coming inside a transaction."""
    reply = await smtp.command(session.connection, "RSET")
    if not smtp.accepted(reply):
        raise PeerError(Absence.REFUSED_SERVICE, f"RSET was answered {reply}")


async def try_login(approach: Approach, transcript: Transcript) -> LoginFacts:
    """Log in with the given credentials, as a careful client: TLS first, chain and name verified, by aiosmtplib.

    Raises:
        PeerError: it was not tried (no credentials, no trustworthy TLS) or could not be.
    """
    user, password = approach.given_login()
    limits = approach.config.limits
    seconds = limits.connect_seconds + limits.greeting_seconds + limits.handshake_seconds + limits.reply_seconds

    async def attempt() -> LoginFacts:
        try:
            async with asyncio.timeout(seconds * 2) as bound:
                return await _log_in(approach, transcript, seconds, user, password)
        except TimeoutError:
            if not bound.expired():
                raise
            raise PeerError(Absence.TIMEOUT, f"the login did not end within {seconds * 2:g} s") from None

    return await approach.patiently(attempt)


async def _log_in(
    approach: Approach, transcript: Transcript, seconds: float, user: str, password: Secret
) -> LoginFacts:
    import aiosmtplib

    endpoint = approach.endpoint
    implicit = endpoint.tls_start is TlsStart.IMPLICIT
    sock = await _socket(approach)
    client = aiosmtplib.SMTP(
        hostname=endpoint.host,
        sock=sock,
        use_tls=implicit,
        start_tls=False,
        tls_context=strict_context(approach.anchors),
        local_hostname=approach.config.ehlo or _literal(sock),
        timeout=seconds,
    )
    transcript.note(f"login as {escape_text(user)} by aiosmtplib {aiosmtplib.__version__}")
    transports: list[asyncio.BaseTransport | None] = []
    try:
        await client.connect()
        transports.append(client.transport)
        if not implicit:
            await client.ehlo()
            if not client.supports_extension("starttls"):
                transcript.note("STARTTLS is not offered: the password is not sent in clear")
                return LoginFacts(offered=False)
            await client.starttls()
            transports.append(client.transport)
        await client.ehlo()
        if not client.server_auth_methods:
            transcript.note("no mechanism is offered that this client knows")
            return LoginFacts(offered=False)
        transcript.note(f"mechanisms: {escape_text(', '.join(client.server_auth_methods))}")
        async with approach.login.turn():
            if (known := approach.login.answers.get((endpoint.key, approach.address))) is not None:
                transcript.note("not tried again: the login was refused here before")
                return LoginFacts(offered=True, mechanism=known[0], accepted=False, reply=known[1])
            try:
                return await _authenticate(client, user, password, approach, transcript)
            except (aiosmtplib.SMTPException, OSError, EOFError, ValueError) as error:
                # ValueError: a user name that no command can hold.
                reason = _broke_off(error, approach)
                approach.login.unanswered(reason)
                raise Unrepeatable(Absence.DROPPED, reason) from None
    except aiosmtplib.SMTPResponseException as error:
        reply = _reply(error.code, error.message, approach)
        if reply.code.startswith("4"):
            raise Throttled(f"before the login it answered {reply}") from None
        absence = Absence.REFUSED_SERVICE if reply.code.startswith("5") else Absence.MALFORMED
        raise PeerError(absence, f"before the login it answered {reply}") from None
    except aiosmtplib.SMTPTimeoutError as error:
        raise PeerError(Absence.TIMEOUT, _broke_off(error, approach)) from None
    except (ssl.SSLError, aiosmtplib.SMTPConnectError) as error:
        raise _tls_trouble(error) from None
    except (aiosmtplib.SMTPException, OSError, EOFError) as error:
        raise PeerError(Absence.DROPPED, _broke_off(error, approach)) from None
    finally:
        await _hang_up(client, sock, transports)


def _broke_off(error: Exception, approach: Approach) -> str:
    said = redact(escape_text(str(error)), approach.secrets)
    return f"the login broke off: {type(error).__name__}: {said}"


async def _authenticate(
    client: aiosmtplib.SMTP, user: str, password: Secret, approach: Approach, transcript: Transcript
) -> LoginFacts:
    """Log in with one mechanism; with another only when the server does not have the first after all: refusals count
    against the account, and the last of several would not be the one that matters.

    Raises:
        PeerError: there is no mechanism that takes a password, or no verdict was given.
    """
    import aiosmtplib

    ways = {"PLAIN": client.auth_plain, "LOGIN": client.auth_login, "CRAM-MD5": client.auth_crammd5}
    known = [name for name in ways if name.lower() in client.server_auth_methods]
    if not known:
        offered = escape_text(", ".join(client.server_auth_methods).upper(), 200)
        raise PeerError(
            Absence.REFUSED_SERVICE, f"not tried: no mechanism offered takes a password as it is ({offered})"
        )
    for name in known:
        try:
            response = await ways[name](user, password.get_secret_value())
        except aiosmtplib.SMTPAuthenticationError as error:
            reply = _reply(error.code, error.message, approach)
            transcript.note(f"login with {name} refused: {reply}")
            if reply.code not in _NO_SUCH_MECHANISM or name == known[-1]:
                approach.login.answered(approach, name, reply)
            if reply.code.startswith("4"):
                raise PeerError(Absence.REFUSED_SERVICE, f"the login was answered {reply}") from None
            if not reply.code.startswith("5"):
                raise PeerError(Absence.MALFORMED, f"the login was answered {reply}") from None
            if reply.code in _NO_SUCH_MECHANISM and name != known[-1]:
                continue
            return LoginFacts(offered=True, mechanism=name, accepted=False, reply=reply)
        reply = _reply(response.code, response.message, approach)
        transcript.note(f"logged in with {name}: {reply}")
        approach.login.answered(approach, name, reply)
        return LoginFacts(offered=True, mechanism=name, accepted=True, reply=reply)
    raise PeerError(Absence.BROKEN, "no mechanism was tried")


async def _hang_up(
    client: aiosmtplib.SMTP, sock: socket.socket, transports: list[asyncio.BaseTransport | None]
) -> None:
    """Close at once, by the transports alone.

    The socket is theirs as soon as there is one: closed under them, its descriptor is given to the next connection
    while the loop still knows it as theirs. The client forgets a transport that it has closed, and a closed TLS
    transport waits for the peer's goodbye; abort() does not.
    """
    client.close()
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)  # ends what the client has opened and shown to nobody
    for transport in transports:
        if isinstance(transport, asyncio.WriteTransport):
            transport.abort()
    await asyncio.sleep(0)  # lets the loop forget the descriptor before it is used again


def _tls_trouble(error: Exception) -> PeerError:
    """A certificate that proves nothing keeps the password at home; anything else could not be told."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return PeerError(
            Absence.UNTRUSTED,
            f"not tried: the password is sent only to a server that proves its name ({tls_reason(cause)})",
        )
    if isinstance(cause, ssl.SSLError) and cause.reason == "WRONG_VERSION_NUMBER":
        # No record of TLS at all: Exim's daemon says 421 in clear before it lets a process of its own begin TLS.
        return PeerError(Absence.DROPPED, "the login broke off: the answer is not TLS")
    if isinstance(cause, ssl.SSLError):
        return PeerError(
            Absence.UNTRUSTED, f"not tried: the password is sent only inside TLS 1.2 or newer ({tls_reason(cause)})"
        )
    return PeerError(Absence.DROPPED, f"the login broke off: {escape_text(str(error))}")


def _reply(code: int, message: str, approach: Approach) -> Reply:
    lines = [redact(escape_text(line), approach.secrets) for line in message.splitlines()]
    return Reply(code=str(code), lines=tuple(lines))


async def _socket(approach: Approach) -> socket.socket:
    family = socket.AF_INET6 if ":" in approach.address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setblocking(False)
    limit = approach.config.limits.connect_seconds
    try:
        async with asyncio.timeout(limit) as bound:
            await asyncio.get_running_loop().sock_connect(sock, (approach.address, approach.endpoint.port))
    except ConnectionRefusedError:
        sock.close()
        raise PeerError(Absence.CLOSED, "the port refuses connections") from None
    except TimeoutError:
        sock.close()
        if not bound.expired():
            raise
        raise PeerError(Absence.UNREACHABLE, f"no answer within {limit:g} s") from None
    except OSError as error:
        sock.close()
        raise PeerError(Absence.UNREACHABLE, f"cannot connect: {error.strerror}") from None
    return sock


def _literal(sock: socket.socket) -> str:
    local = str(sock.getsockname()[0]).partition("%")[0]
    return f"[IPv6:{local}]" if ":" in local else f"[{local}]"
