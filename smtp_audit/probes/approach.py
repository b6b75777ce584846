"""The way to an endpoint: connect, greet, up to where TLS begins; throttling is waited out, never judged."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from smtp_audit.configuration.model import Config, Credentials
from smtp_audit.facts.endpoint import Endpoint, TlsStart
from smtp_audit.facts.observation import Absence
from smtp_audit.facts.service import Reply
from smtp_audit.facts.wrong_passwords import WrongPasswordFacts
from smtp_audit.limits import Limits
from smtp_audit.probes.budget import HostBudget
from smtp_audit.probes.conversation.sink import Sinks
from smtp_audit.probes.dialect import Dialect, Smtp, dialect_for
from smtp_audit.probes.tls.trust import Anchors, tolerant_context
from smtp_audit.probes.wire import Connection, Contradiction, PeerError, Throttled, Transcript, connect, tls_reason
from smtp_audit.secret import Secret
from smtp_audit.wiretext import escape

T = TypeVar("T")

THROTTLED_TRIES = 9
"""Connections that may be turned away (421) before it is given up: with the pauses of the budget about two minutes,
longer than the window that servers count connections in (Postfix: anvil_rate_time_unit = 60s)."""

DROPPED_TRIES = 4
"""Connections that may be closed without a word."""


SHOWN = 200
"""Octets of a peer's words in a reason."""

UNDECLARED_HINT = "a firewall that drops? Declare the endpoints that exist, and this port is left out"


class Unrepeatable(PeerError):
    """What must not be tried again: a login whose answer was a closed connection may have counted."""


@dataclass
class Session:
    """One connection under way, in the words of its protocol."""

    connection: Connection
    dialect: Dialect
    limits: Limits
    endpoint: Endpoint
    anchors: Anchors
    clear_mechanisms: frozenset[str] | None = None
    """What the first look saw offered before TLS; None while it looks."""
    announced: tuple[str, ...] = ()
    """The capabilities that were read last."""

    @property
    def smtp(self) -> Smtp:
        """The dialect of an SMTP endpoint.

        Raises:
            PeerError: this is none.
        """
        if not isinstance(self.dialect, Smtp):
            raise PeerError(Absence.BROKEN, "this conversation is for SMTP endpoints")
        return self.dialect

    async def greeting(self) -> tuple[Reply, float]:
        """The greeting and the seconds it took.

        Raises:
            Throttled: the server says no for now.
            PeerError: it says no, or no greeting came.
        """
        began = time.monotonic()
        async with self.connection.within(self.limits.greeting_seconds, "greeting"):
            reply = await self.dialect.greeting(self.connection)
        seconds = time.monotonic() - began
        if self.dialect.temporary(reply):
            raise Throttled(f"greeted with {reply}")
        if self.dialect.turned_away(reply):
            raise PeerError(Absence.REFUSED_SERVICE, f"greeted with {reply}: it does not serve this client")
        return reply, seconds

    async def capabilities(self) -> tuple[str, ...]:
        """The capabilities on the connection as it is."""
        async with self.connection.within(self.limits.reply_seconds, "list of capabilities"):
            if self.connection.tls is not None and self.endpoint.tls_start is TlsStart.STARTTLS:
                self.announced = await self.dialect.capabilities_after_tls(self.connection)
            else:
                self.announced = await self.dialect.capabilities(self.connection)
        return self.announced

    async def starttls(self) -> Reply:
        """Send STARTTLS and read its answer, which may say no."""
        async with self.connection.within(self.limits.reply_seconds, f"answer to {self.dialect.starttls_name}"):
            return await self.dialect.starttls(self.connection)

    @property
    def handshake_seconds(self) -> float:
        """How long a handshake may take.

        Where TLS comes first, the server's own delays (looking up the client's name, waiting for a free process) stand
        before its ServerHello as they stand before the greeting elsewhere.
        """
        if self.endpoint.tls_start is TlsStart.IMPLICIT:
            return max(self.limits.handshake_seconds, self.limits.greeting_seconds)
        return self.limits.handshake_seconds

    async def handshake(self) -> ssl.SSLObject:
        """A TLS handshake, whatever the certificate. Raises ssl.SSLError or PeerError."""
        context = tolerant_context(self.anchors, verify=False)
        async with self.connection.within(self.handshake_seconds, "end of the TLS handshake"):
            return await self.connection.start_tls(context, self.endpoint.server_name)

    async def up_to_tls(self) -> bool:
        """Go to where the first octet of TLS is expected; False when STARTTLS is not offered.

        Raises:
            Throttled: STARTTLS is refused for now.
            PeerError: it is refused for good, or anything before it fails.
        """
        if self.endpoint.tls_start is TlsStart.IMPLICIT:
            return True
        await self.greeting()
        capabilities = await self.capabilities()
        self._compare(capabilities)
        if not self.dialect.offers_starttls(capabilities):
            return False
        reply = await self.starttls()
        if self.dialect.temporary(reply):
            raise Throttled(f"{self.dialect.starttls_name} was answered {reply}")
        if not self.dialect.accepted(reply):
            raise PeerError(Absence.REFUSED_SERVICE, f"{self.dialect.starttls_name} was answered {reply}")
        return True

    def _compare(self, capabilities: tuple[str, ...]) -> None:
        """Raises Contradiction when logins are offered in clear that the first look did not see."""
        if self.clear_mechanisms is None:
            return
        new = [name for name in self.dialect.mechanisms(capabilities) if name not in self.clear_mechanisms]
        if new:
            raise Contradiction(f"offers {', '.join(new)} before TLS now, and did not at first")

    async def secure(self) -> tuple[str, ...]:
        """Greeting, TLS where it can be had (not verified), and the capabilities then."""
        if self.endpoint.tls_start is TlsStart.IMPLICIT:
            await self.encrypt()
            await self.greeting()
            return await self.capabilities()
        if await self.up_to_tls():
            await self.encrypt()
            return await self.capabilities()
        # No STARTTLS: the capabilities were read on the way; the session goes on in clear.
        return ()

    def mind_refusal_in_clear(self) -> None:
        """Raises Throttled when the server said in clear, where TLS had to begin, that it does not serve for now."""
        first = self.connection.first_octets
        if self.endpoint.tls_start is TlsStart.IMPLICIT and self.dialect.busy_in_clear(first):
            raise Throttled(f"answered in clear: {escape(first.splitlines()[0], SHOWN)}")

    async def encrypt(self) -> None:
        """A TLS handshake for the sake of what is said inside, whatever the certificate.

        Raises:
            PeerError: it fails.
        """
        try:
            await self.handshake()
        except ssl.SSLError as error:
            raise PeerError(Absence.MALFORMED, f"no TLS session: {tls_reason(error)}") from None


def user_and_password(account: Credentials | None, which: str, missing: str) -> tuple[str, Secret]:
    """What to log in with; `which` names the account in messages, `missing` says how to give one.

    Raises:
        PeerError: there is no account, or its environment variable is not set.
    """
    if account is None:
        raise PeerError(Absence.NOT_AVAILABLE, missing)
    if account.password is None or not account.password.get_secret_value():
        reason = f"no password for {which}: the environment variable {account.password_env} is not set"
        raise PeerError(Absence.NOT_GIVEN, reason)
    return account.user, account.password


@dataclass
class ThrowawayAccount:
    """The account for wrong passwords, as far as one host is concerned: whoever tries some has it for himself.

    `rounds` are the facts of those that are over, by address and port: under another name it is the same server.
    """

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    unusable: str = ""
    """Why nothing more is tried on it in this run: it is locked, or its own password was refused."""
    rounds: dict[tuple[str, int], WrongPasswordFacts] = field(default_factory=dict)


@dataclass
class GivenLogin:
    """The given credentials, as far as one host is concerned: refused logins lock accounts.

    Until one was taken only one is under way, and after a refusal no other is begun, but for the one with which each
    endpoint is asked whether the login works there.
    """

    proven: bool = False
    refused: str = ""
    """Why no probe logs in any more."""
    answers: dict[tuple[str, str], tuple[str, Reply]] = field(default_factory=dict)
    """Mechanism and reply of a refusal, by endpoint and address: it is not asked for twice."""
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Have the login alone, unless it is known to be right."""
        if self.proven:
            yield
            return
        async with self._turn:
            yield

    def answered(self, approach: Approach, mechanism: str, reply: Reply) -> None:
        """Keep what the server said to it."""
        if reply.code == "235":
            self.proven = True
            return
        self.refused = f"the login was answered {reply}; it is not tried again"
        if reply.code.startswith("5"):
            self.answers[approach.endpoint.key, approach.address] = mechanism, reply

    def unanswered(self, reason: str) -> None:
        """It was not answered: it may have counted as a wrong password all the same."""
        if not self.proven:
            self.refused = f"the login was not answered: {reason}; it is not tried again"


@dataclass
class Approach:
    """An endpoint at one address, and what may be spent on it."""

    endpoint: Endpoint
    address: str
    config: Config
    budget: HostBudget
    anchors: Anchors
    secrets: tuple[Secret, ...] = ()
    clear_mechanisms: frozenset[str] | None = None
    """What the first look saw offered before TLS, for later visits to compare with."""
    tls_expected: bool = False
    """Whether the first look saw TLS: a later visit without it is no visit to the same service."""
    greeted_after: float | None = None
    """The seconds that the first look waited for the greeting; None when there was none."""
    tls_trouble: PeerError | None = None
    """Why TLS that is offered cannot be had: the first look has tried long enough for all who need it."""
    sinks: Sinks = field(default_factory=Sinks)
    """Where mail that the audited servers forward to us arrives: one for all approaches of a run."""
    login: GivenLogin = field(default_factory=GivenLogin)
    throwaway: ThrowawayAccount = field(default_factory=ThrowawayAccount)
    run_id: str = "unknown"
    """What every message of this run carries, so that whoever finds one knows where it came from."""
    source: str | None = None
    """The address of this machine to connect from; None: the one that the system chooses."""
    host_ports: tuple[int, ...] = ()
    """The ports of all endpoints of the audit on this host."""
    speaks_for: str = ""
    """The key of the endpoint that facts about the whole host are gathered with; empty: this one."""

    def given_login(self) -> tuple[str, Secret]:
        """User and password of the given credentials.

        Raises:
            PeerError: none were given.
        """
        missing = "no credentials: give --smtp-user and the password in an environment variable"
        return user_and_password(self.config.credentials, "the user that was given", missing)

    def check_tls(self) -> None:
        """Raises PeerError when the first look found that there is no getting inside TLS, though it is offered."""
        if self.tls_trouble is not None:
            raise self.tls_trouble

    def transcript(self) -> Transcript:
        """A fresh transcript that masks the run's secrets."""
        return Transcript(self.secrets)

    async def visit(
        self,
        action: Callable[[Session], Awaitable[T]],
        transcript: Transcript,
        *,
        throttled_tries: int = THROTTLED_TRIES,
        dropped_tries: int = DROPPED_TRIES,
        pause_when_dropped: bool = True,
        first: bytes = b"",
    ) -> T:
        """Run `action` on a fresh connection; after a pause on another when the server turned it away or dropped it.

        `first` are octets that come with the connection, before the server can have said a word.

        Raises:
            PeerError: what kept it from ending, after all tries.
        """
        return await self.patiently(
            lambda: self._once(action, transcript, first),
            throttled_tries=throttled_tries,
            dropped_tries=dropped_tries,
            pause_when_dropped=pause_when_dropped,
        )

    async def patiently(
        self,
        attempt: Callable[[], Awaitable[T]],
        *,
        throttled_tries: int = THROTTLED_TRIES,
        dropped_tries: int = DROPPED_TRIES,
        pause_when_dropped: bool = True,
    ) -> T:
        """Run `attempt`, which makes one connection, within the budget and as often as it takes.

        Raises:
            PeerError: what kept it from ending, after all tries.
        """
        throttled = dropped = 0
        while True:
            began = time.monotonic()
            try:
                async with self.budget.connection():
                    began = time.monotonic()
                    result = await attempt()
                self.budget.served(time.monotonic() - began)
                return result
            except Throttled as error:
                throttled += 1
                self.budget.back_off(error.reason, began)
                # Those who wait beside this one have waited through the same pauses.
                times = max(throttled, self.budget.turned_away)
                if times >= throttled_tries:
                    reason = f"{error.reason} (turned away {times} times, with growing pauses)"
                    raise PeerError(Absence.REFUSED_SERVICE, reason) from None
            except PeerError as error:
                if error.absence is not Absence.DROPPED or isinstance(error, Unrepeatable):
                    raise
                dropped += 1
                if pause_when_dropped:
                    self.budget.back_off(error.reason, began)
                given_up = pause_when_dropped and self.budget.turned_away >= THROTTLED_TRIES
                if dropped >= dropped_tries or given_up:
                    reason = error.reason if dropped == 1 else f"{error.reason} ({dropped} times)"
                    raise PeerError(Absence.DROPPED, reason) from None

    async def _once(self, action: Callable[[Session], Awaitable[T]], transcript: Transcript, first: bytes = b"") -> T:
        limits = self.config.limits
        try:
            connection = await connect(
                self.address, self.endpoint.port, limits.connect_seconds, transcript, self.source, first
            )
        except PeerError as error:
            if error.absence is Absence.UNREACHABLE and not self.endpoint.declared:
                raise PeerError(error.absence, f"{error.reason} ({UNDECLARED_HINT})") from None
            raise
        self.budget.source = connection.local_address
        try:
            dialect = dialect_for(self.endpoint.protocol, self.config.ehlo)
            session = Session(connection, dialect, limits, self.endpoint, self.anchors, self.clear_mechanisms)
            try:
                result = await action(session)
            except Exception:
                # Whatever was made of it: no TLS was begun, so nothing is known about it.
                session.mind_refusal_in_clear()
                raise
            session.mind_refusal_in_clear()
        except BaseException:
            connection.abort()
            raise
        connection.close()
        return result
