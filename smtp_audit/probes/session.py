"""The first look at an endpoint: port, greeting, capabilities, TLS, certificate, mechanisms, in one visit."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, field

from smtp_audit.facts.authentication import AuthFacts
from smtp_audit.facts.certificate import CertificateFacts, Trust
from smtp_audit.facts.endpoint import TlsStart
from smtp_audit.facts.observation import Absence, Facts
from smtp_audit.facts.service import (
    CapabilityFacts,
    FirstWords,
    GreetingFacts,
    ImplicitTlsFacts,
    PortFacts,
    Reply,
    StarttlsFacts,
)
from smtp_audit.facts.tls import TlsVersion
from smtp_audit.probes.approach import Approach, Session
from smtp_audit.probes.tls.ask import ask_hello
from smtp_audit.probes.tls.certificate import chain_of, read_chain
from smtp_audit.probes.tls.hello import Answer
from smtp_audit.probes.tls.trust import chain_trust
from smtp_audit.probes.wire import PeerError, Throttled, Transcript, tls_reason
from smtp_audit.wiretext import escape

SHOWN = 200
"""Octets of a peer's odd first words that a fact quotes."""

CLOSED_PAUSE = 1.0
"""Seconds between the first refused connection and the one that says whether the port is closed."""

STARTTLS_TRIES = 3
"""How often a temporary refusal of STARTTLS (454) is asked again before it counts as the server's answer."""


@dataclass
class FirstLook:
    """What a first look saw, filled in as it goes, so that a failure later loses nothing.

    `trouble` is what ended it, for the kinds of facts that were not reached.
    """

    approach: Approach
    transcript: Transcript
    opened: bool | None = None
    greeting: GreetingFacts | None = None
    before: tuple[str, ...] | None = None
    clear_visits: list[tuple[str, ...]] = field(default_factory=list)
    after: tuple[str, ...] | None = None
    starttls: StarttlsFacts | None = None
    implicit: ImplicitTlsFacts | None = None
    chain: tuple[bytes, ...] = ()
    trust: Trust | None = None
    trust_unknown: str = ""
    version: TlsVersion | None = None
    trouble: PeerError | None = None
    starttls_refusals: int = field(default=0, repr=False)

    @property
    def tls_offered(self) -> bool | None:
        """Whether there is TLS to look at; None when that could not be seen."""
        if self.approach.endpoint.tls_start is TlsStart.IMPLICIT:
            return None if self.implicit is None else self.implicit.clear_text is None
        return None if self.starttls is None else self.starttls.offered

    @property
    def auth_offered(self) -> bool:
        """Whether a way to log in was seen inside TLS."""
        return bool(self._auth().after_tls)

    @property
    def tls_began(self) -> bool:
        """Whether a ClientHello got so far that other hellos are worth sending."""
        if self.approach.endpoint.tls_start is TlsStart.STARTTLS:
            return self.starttls is not None and self.starttls.accepted
        if self.implicit is not None:
            return True
        return self.trouble is not None and self.trouble.absence in (Absence.MALFORMED, Absence.DROPPED)

    @property
    def clear_mechanisms(self) -> frozenset[str] | None:
        """The logins offered before TLS; None where that state was not reached."""
        seen = None if self.before is None else self._auth().before_tls
        return None if seen is None else frozenset(seen)

    def not_closed(self, error: PeerError) -> PeerError:
        """An error met here. A refused connection to a port that took one before excuses nothing, as CLOSED would."""
        if error.absence is Absence.CLOSED and self.opened:
            return PeerError(Absence.UNREACHABLE, f"{error.reason} now, and took one before")
        return error

    def facts(self) -> list[Facts | tuple[str, PeerError]]:
        """Everything seen; for what was not, its kind and why."""
        endpoint = self.approach.endpoint
        trouble = self.trouble or PeerError(Absence.BROKEN, "the first look ended without a result")
        found: list[Facts | tuple[str, PeerError]] = []
        if self.opened is None:
            found.append((PortFacts.kind, trouble))
        else:
            found.append(PortFacts(role=endpoint.role, declared=endpoint.declared, open=self.opened))
        found.append(self.greeting or (GreetingFacts.kind, trouble))
        implicit = endpoint.tls_start is TlsStart.IMPLICIT
        if implicit:
            found.append(self.implicit or (ImplicitTlsFacts.kind, trouble))
        else:
            found.append(self.starttls or (StarttlsFacts.kind, trouble))
        if self.before is None and self.after is None:
            # Clear text on a port for implicit TLS: there is no state in which a login could have been looked for.
            nowhere = implicit and self.tls_offered is False
            auth = AuthFacts(role=endpoint.role, tls_offered=False) if nowhere else (AuthFacts.kind, trouble)
            found += [(CapabilityFacts.kind, trouble), auth]
        else:
            found += [self._capabilities(), self._auth()]
        found.append(self._certificate() or (CertificateFacts.kind, trouble))
        return found

    def _capabilities(self) -> CapabilityFacts:
        role = self.approach.endpoint.role
        return CapabilityFacts(role=role, before_tls=self.before, after_tls=self.after)

    def _auth(self) -> AuthFacts:
        from smtp_audit.probes.dialect import dialect_for

        endpoint = self.approach.endpoint
        dialect = dialect_for(endpoint.protocol)
        greeted = self.greeting.reply if self.greeting is not None else None
        by_greeting = dialect.mechanisms_of_greeting(greeted) if greeted is not None else ()
        # Every visit counts: a login that was offered in clear once is offered in clear.
        in_clear = [name for visit in self.clear_visits for name in dialect.mechanisms(visit)]
        # A greeting comes once: in clear on a port with STARTTLS, inside TLS on one for implicit TLS.
        implicit = endpoint.tls_start is TlsStart.IMPLICIT
        return AuthFacts(
            role=endpoint.role,
            before_tls=None if self.before is None else tuple(dict.fromkeys((*in_clear, *by_greeting))),
            after_tls=None
            if self.after is None
            else (*dialect.mechanisms(self.after), *(by_greeting if implicit else ())),
            tls_offered=self.tls_offered is not False,
        )

    def _certificate(self) -> CertificateFacts | None:
        host = self.approach.endpoint.host
        if self.tls_offered is False:
            return CertificateFacts(offered=False, host=host)
        if not self.chain:
            return None
        chain, unreadable = read_chain(self.chain)
        return CertificateFacts(
            offered=True,
            host=host,
            chain=chain,
            trust=self.trust,
            trust_unknown=self.trust_unknown,
            unreadable=unreadable,
        )


async def first_look(look: FirstLook) -> None:
    """Look at an endpoint for the first time, filling in `look`. Never raises for what the peer does.

    A port is closed when it refuses two connections, `CLOSED_PAUSE` apart.
    """
    visit = _look_implicit if look.approach.endpoint.tls_start is TlsStart.IMPLICIT else _look_starttls
    try:
        try:
            await visit(look)
        except PeerError as error:
            if error.absence is not Absence.CLOSED or look.opened:
                raise
            # A closed port excuses all else, and a server that restarts or a firewall may refuse one connection.
            look.transcript.note(f"once more in {CLOSED_PAUSE:g} s, to see whether it is closed")
            await asyncio.sleep(CLOSED_PAUSE)
            await visit(look)
    except PeerError as error:
        if error.absence is Absence.CLOSED and look.opened is None:
            look.opened = False
        look.trouble = look.not_closed(error)


async def _look_starttls(look: FirstLook) -> None:
    async def visit(session: Session) -> None:
        look.opened = True
        await _greet(look, session)
        look.before = await session.capabilities()
        look.clear_visits.append(look.before)
        name = session.dialect.starttls_name
        if not session.dialect.offers_starttls(look.before):
            session.connection.transcript.note(f"{name} is not offered")
            look.starttls = StarttlsFacts(offered=False)
            await session.dialect.quit(session.connection)
            return
        look.starttls = StarttlsFacts(offered=True)
        reply = await session.starttls()
        if not session.dialect.accepted(reply):
            look.starttls_refusals += 1
            if session.dialect.temporary(reply) and look.starttls_refusals < STARTTLS_TRIES:
                raise Throttled(f"{name} was answered {reply}")
            tried = look.starttls_refusals
            look.starttls = StarttlsFacts(offered=True, reply=reply, tried=tried)
            raise PeerError(Absence.REFUSED_SERVICE, f"{name} is offered and was answered {reply}")
        look.starttls = StarttlsFacts(offered=True, reply=reply, accepted=True, tried=1)
        await _handshake(look, session)
        look.starttls = look.starttls.model_copy(update={"handshake": True})
        look.after = await session.capabilities()
        await session.dialect.quit(session.connection)

    try:
        await look.approach.visit(visit, look.transcript)
    except _HandshakeFailed as failed:
        await _blame(look, failed)
        if look.starttls is not None:
            look.starttls = look.starttls.model_copy(update={"handshake": False, "handshake_error": failed.reason})
        raise PeerError(Absence.MALFORMED, f"no TLS session: {failed.reason}") from None
    except PeerError as error:
        if error.absence is Absence.TIMEOUT and look.opened and look.greeting is None and await _tls_at_once(look):
            reason = "it speaks TLS at once, where a clear greeting and STARTTLS have to come first"
            raise PeerError(Absence.MALFORMED, reason) from None
        raise


async def _look_implicit(look: FirstLook) -> None:
    async def visit(session: Session) -> None:
        look.opened = True
        try:
            await _handshake(look, session)
        except (PeerError, _HandshakeFailed) as error:
            clear = _clear_text(session.connection.first_octets)
            if not clear:
                raise
            look.implicit = ImplicitTlsFacts(handshake=False, handshake_error=error.reason, clear_text=clear)
            _greeted_in_clear(look)
            reason = f"it speaks clear text where TLS has to begin: {clear}"
            raise PeerError(Absence.MALFORMED, reason) from None
        look.implicit = ImplicitTlsFacts(handshake=True)
        await _greet(look, session)
        look.after = await session.capabilities()
        await session.dialect.quit(session.connection)

    try:
        await look.approach.visit(visit, look.transcript)
    except _HandshakeFailed as failed:
        await _blame(look, failed)
        look.implicit = ImplicitTlsFacts(handshake=False, handshake_error=failed.reason)
        raise PeerError(Absence.MALFORMED, f"no TLS session: {failed.reason}") from None


class _HandshakeFailed(Exception):
    """The handshake ended with an error, of whose making is not known yet."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


async def _greet(look: FirstLook, session: Session) -> None:
    role = look.approach.endpoint.role
    try:
        reply, seconds = await session.greeting()
    except PeerError as error:
        if error.absence is Absence.MALFORMED and session.connection.first_octets:
            odd = escape(session.connection.first_octets, SHOWN)
            look.greeting = GreetingFacts(role=role, first=FirstWords.OTHER, fault=f"{error.reason}", seconds=0.0)
            raise PeerError(Absence.MALFORMED, f"no greeting of its protocol: {odd}") from None
        raise
    first = FirstWords.TLS if session.connection.tls is not None else FirstWords.CLEAR_GREETING
    look.greeting = GreetingFacts(
        role=role, first=first, reply=reply, fault=_greeting_fault(reply), seconds=round(seconds, 3)
    )


def _greeting_fault(reply: Reply) -> str:
    """What is wrong with the form of a greeting: its text has to be ASCII (RFC 5321 section 4.2; IMAP and POP3 too)."""
    if any("\\x" in line.replace("\\\\", "").replace("\\x09", "") for line in reply.lines):
        return "octets outside printable ASCII"
    return ""


async def _handshake(look: FirstLook, session: Session) -> None:
    """A handshake that fills in chain, trust and version. It takes any certificate, so that what is inside is seen.

    Raises:
        _HandshakeFailed: it ended with an error.
        PeerError: no answer can be had.
    """
    try:
        tls = await session.handshake()
    except ssl.SSLError as error:
        raise _HandshakeFailed(tls_reason(error)) from None
    look.chain = chain_of(tls)
    look.version = _VERSIONS.get(tls.version() or "")
    look.trust, look.trust_unknown = chain_trust(look.chain, look.approach.anchors)


async def _blame(look: FirstLook, failed: _HandshakeFailed) -> None:
    """Tell a server that does not speak TLS from one that this OpenSSL cannot speak it with.

    Not within the visit that failed: the hellos need connections of their own, and the budget may have one only.

    Raises:
        PeerError: the server does speak TLS, so that the failure says nothing about it.
    """
    if await _answers_hello(look):
        raise PeerError(
            Absence.MALFORMED,
            f"a TLS handshake fails here ({failed.reason}), though the server answers hellos: {ssl.OPENSSL_VERSION} "
            "may lack what it offers",
        )


_VERSIONS = {
    "SSLv3": TlsVersion.SSL3,
    "TLSv1": TlsVersion.TLS10,
    "TLSv1.1": TlsVersion.TLS11,
    "TLSv1.2": TlsVersion.TLS12,
    "TLSv1.3": TlsVersion.TLS13,
}


async def _answers_hello(look: FirstLook) -> bool:
    """Whether the server answers a bare ClientHello of some version with a ServerHello: then it does speak TLS."""
    for version in (TlsVersion.TLS12, TlsVersion.TLS10, TlsVersion.SSL3):
        try:
            answer = await ask_hello(look.approach, version, look.transcript)
        except PeerError:
            continue
        if answer is not None and answer.answer is Answer.SERVER_HELLO:
            return True
    return False


async def _tls_at_once(look: FirstLook) -> bool:
    """No clear greeting came: see whether the port starts with TLS, which a STARTTLS port must not."""
    try:
        answer = await ask_hello(look.approach, TlsVersion.TLS12, look.transcript, at_once=True)
    except PeerError:
        return False
    if answer is None or answer.answer not in (Answer.SERVER_HELLO, Answer.ALERT):
        return False
    role = look.approach.endpoint.role
    seconds = look.approach.config.limits.greeting_seconds
    fault = "TLS with the first octet, no clear greeting"
    look.greeting = GreetingFacts(role=role, first=FirstWords.TLS, fault=fault, seconds=seconds)
    return True


def _greeted_in_clear(look: FirstLook) -> None:
    look.greeting = GreetingFacts(role=look.approach.endpoint.role, first=FirstWords.CLEAR_GREETING, seconds=0.0)


def _clear_text(octets: bytes) -> str:
    """The peer's first octets as text, when they are a line of text rather than TLS."""
    line = octets.split(b"\n", 1)[0].removesuffix(b"\r")
    if not line or line[0] in (20, 21, 22, 23):
        return ""
    greets = line[:4] in (b"220 ", b"220-", b"* OK", b"* PR", b"* BY") or line[:3] == b"+OK" or line[:1] == b'"'
    return escape(line, SHOWN) if greets else ""
