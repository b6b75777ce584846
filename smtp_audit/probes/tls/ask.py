"""One hello on one connection, and how often it is asked until the answer can be believed.

Rules, each learnt from a scanner that lied: only alerts 40, 70, 71 and 86 or a ServerHello of a lower version refuse
what a hello offers, and an orderly close of a server that is shown to say no in this way alone. On any other close or
reset it is asked again after a pause, then a hello that is known to be taken tells throttling from refusal. Whatever
stays unclear is unknown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from smtp_audit.facts.observation import Absence
from smtp_audit.facts.tls import Acceptance, TlsVersion
from smtp_audit.probes.approach import Approach, Session
from smtp_audit.probes.tls.flight import Flight, read_flight
from smtp_audit.probes.tls.hello import (
    ALERT_NAMES,
    INCOMPLETE,
    PLAIN,
    SSL2_SUITES,
    Answer,
    HelloAnswer,
    Shape,
    client_hello,
    parse_answer,
    parse_ssl2_answer,
    suite_name,
)
from smtp_audit.probes.tls.knowledge import Control, Knowledge
from smtp_audit.probes.tls.parameters import GROUPS, RESERVED_IN_TLS13
from smtp_audit.probes.tls.reply import Reply, understand
from smtp_audit.probes.wire import PeerError, Transcript

TRIES = 3
"""Hellos of one offer before a silent or closing server is called unclear."""

RETRY_PAUSE = 0.2
"""Seconds before a hello is asked again; doubled each time."""

SILENT_CLOSE = "closed the connection without an alert"
RESET = "reset the connection without an alert"
WORDLESS = (SILENT_CLOSE, RESET)

SILENCE = "no answer"
"""How the detail of a reply begins when the time limit passed without one."""

UNKNOWN_SUITES = (0x0A0A, 0x1A1A, 0x2A2A, 0x3A3A, 0x4A4A, 0x5A5A, 0x6A6A, 0x7A7A)
"""Numbers that no server may ever choose (GREASE, RFC 8701): a hello with these alone has to be refused."""

CALIBRATION = (False, True, False, False, True, True, False)
"""Hellos before closing counts as refusing: True for one that is taken, False for one that must be refused.

In no steady turn: a server that closes every second connection, or every third, must not fit in.
"""

ILLEGAL_PARAMETER = "alert 47 "

MAX_ANSWER = 20_000
"""Octets of an answer that are waited for; a ServerHello is in the first few hundred."""

MAX_FLIGHT = 128 * 1024
"""Octets of a whole first flight, certificates included."""

FLIGHT_SECONDS = 3.0
"""Seconds that the rest of a first flight may take after its ServerHello, which has been answer enough."""

BROKEN_FLIGHTS = 3
"""First flights that break off before the next ones are waited for a tenth of that time."""

TOLD_IN_FULL = 2
"""Connections of one transcript that are recorded word by word; of the others a line for the hello and its answer."""


class Wordless(PeerError):
    """The server ended the connection after a hello without one octet: closed it in good order, or reset it."""

    def __init__(self, how: str) -> None:
        super().__init__(Absence.DROPPED, how)


async def ask_hello(
    approach: Approach,
    version: TlsVersion,
    transcript: Transcript,
    suites: Sequence[int] | None = None,
    *,
    shape: Shape = PLAIN,
    at_once: bool = False,
    patient: bool = True,
    named: bool = True,
) -> HelloAnswer | None:
    """Send one hello on a fresh connection and read its answer; None when STARTTLS is not offered.

    Args:
        approach: the endpoint.
        version: the one version to offer.
        transcript: where it is recorded.
        suites: the suites to offer (None: all of that version).
        shape: how the hello differs from the plain one.
        at_once: send the hello with the first octet whatever the role says.
        patient: pause before the next connection when the server closes this one.
        named: send the server's name (SNI).

    Raises:
        PeerError: no answer came.
    """
    name = approach.endpoint.server_name if named else None
    hello = client_hello(version, name, suites, shape)
    flight = await send_hello(approach, version, hello, transcript, at_once=at_once, patient=patient)
    return flight.answer if flight is not None else None


async def send_hello(
    approach: Approach,
    version: TlsVersion,
    hello: bytes,
    transcript: Transcript,
    *,
    whole: bool = False,
    at_once: bool = False,
    patient: bool = True,
    shown: str = "",
    hurried: bool = False,
) -> Flight | None:
    """Send a hello as it is on a fresh connection; None when STARTTLS is not offered.

    Args:
        approach: the endpoint.
        version: the version that it offers, for the words and for SSL 2's own form of answer.
        hello: the octets.
        transcript: where it is recorded.
        whole: read on to the end of the first flight, as far as it is in clear.
        at_once: send it with the first octet whatever the role says.
        patient: pause before the next connection when the server closes this one.
        shown: what the transcript says of it.
        hurried: wait for the rest of a flight a tenth of the time only.

    Raises:
        PeerError: no answer came.
    """
    told = f"ClientHello {version}, {shown or f'{len(hello)} octets'}"
    visits = transcript.visits
    transcript.visits += 1

    async def visit(session: Session) -> Flight | None:
        if not at_once and not await session.up_to_tls():
            return None
        connection = session.connection
        connection.refuse_clear_text()
        await connection.send(hello, shown=told)
        async with connection.within(session.handshake_seconds, f"answer to a {version} hello"):
            answer, data = await _read_answer(session, version)
        # With another version than the one asked for there is nothing more to learn.
        meant = version is not TlsVersion.SSL2 and answer.version == version.code
        whole_flight = whole and answer.answer is Answer.SERVER_HELLO and meant
        seconds = FLIGHT_SECONDS / 10 if hurried else FLIGHT_SECONDS
        flight = await _read_on(session, answer, data, seconds) if whole_flight else Flight(answer, ended=True)
        connection.transcript.note(_describe(flight.answer))
        return flight

    record = transcript if visits < TOLD_IN_FULL else transcript.muted()
    try:
        flight = await approach.visit(visit, record, dropped_tries=1, pause_when_dropped=patient)
    except PeerError as error:
        if record is not transcript:
            transcript.note(f"{told}: {error.reason}")
        raise
    if record is not transcript and flight is not None:
        transcript.note(f"{told}: {_describe(flight.answer)}")
    return flight


async def _read_answer(session: Session, version: TlsVersion) -> tuple[HelloAnswer, bytes]:
    """Read up to a ServerHello or an alert; the answer, and all octets read."""
    parse = parse_ssl2_answer if version is TlsVersion.SSL2 else parse_answer
    data = b""
    while (answer := parse(data)) is INCOMPLETE:
        try:
            more = await session.connection.some()
        except PeerError as error:
            if error.absence is Absence.DROPPED and not data:
                raise Wordless(RESET) from None
            raise
        if not more and data:
            raise PeerError(Absence.DROPPED, "closed the connection after part of an answer")
        if not more:
            raise Wordless(SILENT_CLOSE)
        data += more
        if len(data) > MAX_ANSWER:
            raise PeerError(Absence.EXCESSIVE, f"no ServerHello within {MAX_ANSWER} octets")
    return answer, data


async def _read_on(session: Session, answer: HelloAnswer, data: bytes, seconds: float) -> Flight:
    """Read the rest of a flight. Whatever goes wrong now, the ServerHello stands."""
    fault = ""
    try:
        async with session.connection.within(seconds, "end of the server's first flight"):
            while not (flight := read_flight(data, answer)).ended:
                more = await session.connection.some()
                if not more:
                    fault = "closed the connection behind its ServerHello"
                    break
                data += more
                if len(data) > MAX_FLIGHT:
                    fault = f"a first flight of more than {MAX_FLIGHT} octets"
                    break
    except PeerError as error:
        fault = error.reason
        flight = read_flight(data, answer)
    flight.fault = flight.fault or fault
    flight.ended = True
    return flight


def _describe(answer: HelloAnswer) -> str:
    if answer.answer is Answer.SERVER_HELLO:
        return f"ServerHello, version 0x{answer.version:04X}, {suite_name(answer.suite)}"
    if answer.answer is Answer.ALERT:
        return f"alert {answer.alert} ({ALERT_NAMES.get(answer.alert, 'unknown')})"
    return answer.detail


def _without_reserved(shape: Shape) -> Shape:
    groups = GROUPS if shape.groups is None else shape.groups
    return replace(shape, groups=tuple(number for number in groups if number not in RESERVED_IN_TLS13))


@dataclass
class Prober:
    """Asks one server hello after hello; `hellos` counts those of this one."""

    approach: Approach
    transcript: Transcript
    known: Knowledge = field(default_factory=Knowledge)
    hellos: int = 0

    async def once(
        self,
        version: TlsVersion,
        suites: Sequence[int] | None = None,
        shape: Shape = PLAIN,
        *,
        patient: bool = True,
        named: bool = True,
        whole: bool = False,
    ) -> Reply:
        """One hello. Never raises for what the peer does."""

        async def ask(form: Shape) -> Reply:
            return await self._once(version, suites, form, patient=patient, named=named, whole=whole)

        if version is not TlsVersion.TLS13:
            return await ask(shape)
        if self.known.strict_groups:
            return await ask(_without_reserved(shape))
        reply = await ask(shape)
        if reply.detail.startswith(ILLEGAL_PARAMETER):
            stricter = await ask(_without_reserved(shape))
            if not stricter.detail.startswith(ILLEGAL_PARAMETER):
                # Once more, so that it is for the groups and no whim.
                reply = await ask(shape)
                self.known.strict_groups = reply.detail.startswith(ILLEGAL_PARAMETER)
                return stricter if self.known.strict_groups else reply
        return reply

    async def _once(
        self,
        version: TlsVersion,
        suites: Sequence[int] | None,
        shape: Shape,
        *,
        patient: bool,
        named: bool,
        whole: bool,
    ) -> Reply:
        name = self.approach.endpoint.server_name if named else None
        hello = client_hello(version, name, suites, shape)
        count = len(suites) if suites is not None else len(SSL2_SUITES) if version is TlsVersion.SSL2 else 0
        shown = f"{count or 'all'} suites" + ("" if named else ", no server name")
        raw = await self.raw(version, hello, patient=patient, whole=whole, shown=shown)
        reply = self.understood(version, suites, raw)
        if reply.accepted and self.known.control is None and version is not TlsVersion.SSL2:
            self.known.control = Control(version, None if suites is None else tuple(suites), shape, named)
        return reply

    def understood(self, version: TlsVersion, suites: Sequence[int] | None, reply: Reply) -> Reply:
        """A raw reply with what it says of this offer."""
        if reply.flight is None:
            return reply
        understood = understand(version, suites, reply.flight.answer)
        if understood.lower is not None:
            told = f"chosen with {suite_name(understood.suite)} when {version} was offered"
            self.known.spoken[understood.lower] = told
        return Reply(understood.acceptance, understood.detail, understood.suite, understood.lower, reply.flight)

    async def raw(
        self, version: TlsVersion, hello: bytes, *, patient: bool = True, whole: bool = False, shown: str = ""
    ) -> Reply:
        """Send these octets; the reply has a flight, and says UNKNOWN until somebody understands it."""
        if self.known.over:
            return Reply(Acceptance.UNKNOWN, f"not tried: {self.known.over}")
        self.hellos += 1
        try:
            flight = await send_hello(
                self.approach,
                version,
                hello,
                self.transcript,
                patient=patient,
                whole=whole,
                shown=shown,
                hurried=self.known.broken_flights >= BROKEN_FLIGHTS,
            )
        except PeerError as error:
            await self.failed(error)
            detail = f"{SILENCE}: {error.reason}" if error.absence is Absence.TIMEOUT else error.reason
            return Reply(Acceptance.UNKNOWN, detail)
        if flight is None:
            self.known.over = "STARTTLS is no longer offered, and was before"
            return Reply(Acceptance.UNKNOWN, self.known.over)
        self.known.answered()
        self.known.broken_flights += bool(flight.fault)
        return Reply(Acceptance.UNKNOWN, flight=flight)

    async def failed(self, error: PeerError) -> None:
        """Take note that no answer came, and after several in a row see whether anybody is still there."""
        if not self.known.failed(error):
            return
        if not await self.known_is_taken():
            count = max(self.known.silences_in_a_row, self.known.drops_in_a_row)
            self.known.over = self.known.over or f"{count} hellos in a row were not answered ({error.reason})"

    async def settled(
        self,
        version: TlsVersion,
        suites: Sequence[int] | None = None,
        shape: Shape = PLAIN,
        *,
        named: bool = True,
        whole: bool = False,
    ) -> Reply:
        """One hello, asked as often as it takes to believe the answer. Never raises for what the peer does."""
        reply = await self.once(version, suites, shape, patient=self.known.patient, named=named, whole=whole)
        if reply.detail in WORDLESS and await self.learn_whether_it_says_no_by(reply.detail):
            return await self._refused_wordlessly(version, suites, shape, reply, named=named, whole=whole)
        tries = 1
        while reply.unknown and tries < TRIES and not self.known.over:
            if reply.detail.startswith(SILENCE) and not (tries < 2 and self.known.waits_again):
                break  # a second silence is enough: each costs the whole time limit
            await asyncio.sleep(RETRY_PAUSE * 2**tries)
            reply = await self.once(version, suites, shape, patient=self.known.patient, named=named, whole=whole)
            tries += 1
        if reply.detail in WORDLESS and not self.known.stumbles:
            await self.see_whether_it_stumbles(reply.detail)
        return reply

    async def see_whether_it_stumbles(self, how: str) -> None:
        """A hello was dropped for good: tell a server that stumbles over that one from one that takes no more at all.

        With pauses for each, a server that drops everything would cost all the time there is.
        """
        async with self.known.calibrating:
            if self.known.stumbles or self.known.over:
                return
            self.known.stumbles = self.known.control is None
            for attempt in range(TRIES if self.known.control is not None else 0):
                self.known.stumbles = await self.known_is_taken()
                if self.known.stumbles:
                    return
                await asyncio.sleep(RETRY_PAUSE * 2**attempt)
            if not self.known.stumbles:
                self.known.over = self.known.over or f"{how}, also after a hello that it took before"

    async def known_is_taken(self) -> bool:
        """Send the hello that is known to be taken, and see whether it still is."""
        control = self.known.control
        if control is None and self.known.taken is not None:
            control = Control(self.known.taken)
        if control is None:
            return False
        reply = await self.once(control.version, control.suites, control.shape, patient=False, named=control.named)
        return reply.accepted

    @property
    def says_no_wordlessly(self) -> bool:
        """Whether ending a connection is this server's word for no."""
        return any(self.known.says_no_by.values())

    async def _refused_wordlessly(
        self,
        version: TlsVersion,
        suites: Sequence[int] | None,
        shape: Shape,
        first: Reply,
        *,
        named: bool,
        whole: bool,
    ) -> Reply:
        """Ask again, and the known hello last: any other answer undoes the refusal."""
        again = await self.once(version, suites, shape, patient=False, named=named, whole=whole)
        if again.detail != first.detail:
            if again.accepted:
                self.known.never_says_no_by(first.detail)
            return again
        taken = self.known.taken
        if taken is None or not await self.known_is_taken():
            self.known.never_says_no_by(first.detail)
            return Reply(
                Acceptance.UNKNOWN,
                f"{first.detail}; a {taken or 'known'} hello right after was not accepted either",
            )
        return Reply(
            Acceptance.REFUSED,
            f"{first.detail} twice, as this server does after a hello that no server may take, and took {taken} after",
        )

    async def learn_whether_it_says_no_by(self, how: str) -> bool:
        """Whether ending the connection in this way is how this server refuses a hello.

        That alone refuses nothing: a server that throttles, or breaks over one hello, does it too. But where a hello
        that every server has to refuse ends so each time, and the one that is known to be taken is taken each time in
        between, it is this server's word for no (Dovecot 2.3 never sends the alert that OpenSSL wrote).
        """
        async with self.known.calibrating:
            taken = self.known.taken
            if how not in self.known.says_no_by and taken is not None:
                self.known.says_no_by[how] = await self._calibrate(taken, how)
        return self.known.says_no_by.get(how, False)

    async def _calibrate(self, taken: TlsVersion, how: str) -> bool:
        for to_be_taken in CALIBRATION:
            if to_be_taken and not await self.known_is_taken():
                return False
            if not to_be_taken and (await self.once(taken, UNKNOWN_SUITES, patient=False)).detail != how:
                return False
        return True
