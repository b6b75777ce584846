"""Which TLS versions an endpoint takes, by our own ClientHello, version by version.

Rules, each learnt from a scanner that lied: only alerts 40, 70, 71 and 86 or a ServerHello of a lower version refuse a
version, and an orderly close of a server that is shown to say no in this way alone. On any other close or reset it is
asked again after a pause, then by families of key exchange, then a hello that is known to be taken tells throttling
from refusal. Whatever stays unclear is unknown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from smtp_audit.facts.observation import Absence
from smtp_audit.facts.tls import Acceptance, TlsFacts, TlsVersion, VersionOutcome
from smtp_audit.probes.approach import Approach, Session
from smtp_audit.probes.hello import (
    ALERT_NAMES,
    CLEAN_REFUSALS,
    INCOMPLETE,
    TLS13_SUITES,
    Answer,
    HelloAnswer,
    classic_suites,
    client_hello,
    families,
    parse_answer,
    parse_ssl2_answer,
    suite_name,
)
from smtp_audit.probes.wire import PeerError, Transcript

TRIES = 3
"""Hellos of one version before a silent or closing server is called unclear."""

RETRY_PAUSE = 0.2
"""Seconds before a hello is asked again; doubled each time."""

ORDER = (
    TlsVersion.TLS13,
    TlsVersion.TLS12,
    TlsVersion.TLS11,
    TlsVersion.TLS10,
    TlsVersion.SSL3,
    TlsVersion.SSL2,
)

SILENT_CLOSE = "closed the connection without an alert"

UNKNOWN_SUITES = (0x0A0A, 0x1A1A, 0x2A2A, 0x3A3A, 0x4A4A, 0x5A5A, 0x6A6A, 0x7A7A)
"""Numbers that no server may ever choose (GREASE, RFC 8701): a hello with these alone has to be refused."""

CALIBRATIONS = 3
"""How often a hello that must be refused and one that is taken are asked in turn before closing counts as refusing."""

INTERNAL_ERROR = 80
OPENSSL3_HINT = (
    ", which refuses nothing; OpenSSL 3 sends it when the version is switched on but its security level forbids the "
    "SHA-1 signature: switch the version off"
)
"""Measured on Node's smtp-server, which sets minVersion TLSv1: a frequent state that only the owner can make clear."""

MAX_ANSWER = 20_000
"""Octets of an answer that are waited for; a ServerHello is in the first few hundred."""


class SilentClose(PeerError):
    """The server ended the connection in good order after a hello, without one octet."""

    def __init__(self) -> None:
        super().__init__(Absence.DROPPED, SILENT_CLOSE)


async def ask_hello(
    approach: Approach,
    version: TlsVersion,
    transcript: Transcript,
    suites: Sequence[int] | None = None,
    *,
    at_once: bool = False,
    patient: bool = True,
) -> HelloAnswer | None:
    """Send one hello on a fresh connection and read its answer; None when STARTTLS is not offered.

    Args:
        approach: the endpoint.
        version: the one version to offer.
        transcript: where it is recorded.
        suites: the suites to offer (None: all of that version).
        at_once: send the hello with the first octet whatever the role says.
        patient: pause before the next connection when the server closes this one.

    Raises:
        PeerError: no answer came.
    """

    async def visit(session: Session) -> HelloAnswer | None:
        if not at_once and not await session.up_to_tls():
            return None
        connection = session.connection
        connection.refuse_clear_text()
        hello = client_hello(version, session.endpoint.server_name, suites)
        await connection.send(hello, shown=f"ClientHello {version}, {len(hello)} octets")
        parse = parse_ssl2_answer if version is TlsVersion.SSL2 else parse_answer
        data = b""
        async with connection.within(session.limits.handshake_seconds, f"answer to a {version} hello"):
            while (answer := parse(data)) is INCOMPLETE:
                more = await connection.some()
                if not more and data:
                    raise PeerError(Absence.DROPPED, "closed the connection after part of an answer")
                if not more:
                    raise SilentClose
                data += more
                if len(data) > MAX_ANSWER:
                    raise PeerError(Absence.EXCESSIVE, f"no ServerHello within {MAX_ANSWER} octets")
        transcript.note(_describe(answer))
        return answer

    return await approach.visit(visit, transcript, dropped_tries=1, pause_when_dropped=patient)


def _describe(answer: HelloAnswer) -> str:
    if answer.answer is Answer.SERVER_HELLO:
        return f"ServerHello, version 0x{answer.version:04X}, {suite_name(answer.suite)}"
    if answer.answer is Answer.ALERT:
        return f"alert {answer.alert} ({ALERT_NAMES.get(answer.alert, 'unknown')})"
    return answer.detail


def classify(version: TlsVersion, suites: Sequence[int] | None, answer: HelloAnswer) -> VersionOutcome:
    """What an answer says of the version offered. Anything but a clear yes or no is unknown."""
    if answer.answer is Answer.ALERT:
        name = f"alert {answer.alert} {ALERT_NAMES.get(answer.alert, '')}".strip()
        if answer.alert == INTERNAL_ERROR and version < TlsVersion.TLS12:
            name += OPENSSL3_HINT
        clean = answer.alert in CLEAN_REFUSALS
        return VersionOutcome(
            version=version, acceptance=Acceptance.REFUSED if clean else Acceptance.UNKNOWN, detail=name
        )
    if answer.answer is not Answer.SERVER_HELLO:
        return VersionOutcome(version=version, acceptance=Acceptance.UNKNOWN, detail=answer.detail)
    if answer.version == version.code and version is TlsVersion.SSL2:
        return VersionOutcome(version=version, acceptance=Acceptance.ACCEPTED)
    answered = next((v for v in TlsVersion if v.code == answer.version), None)
    if answered is None or not TlsVersion.SSL3 <= answered <= version:
        detail = f"answered with version 0x{answer.version:04X}, which was not offered"
        return VersionOutcome(version=version, acceptance=Acceptance.UNKNOWN, detail=detail)
    offered = suites if suites is not None else TLS13_SUITES if version is TlsVersion.TLS13 else classic_suites()
    if answer.suite not in offered:
        # A sound server never chooses one, so that its ServerHello says nothing, also when its version is a lower one.
        detail = f"answered with {suite_name(answer.suite)}, which was not offered"
        return VersionOutcome(version=version, acceptance=Acceptance.UNKNOWN, detail=detail)
    if answered is version:
        detail = "HelloRetryRequest" if answer.retry else ""
        return VersionOutcome(
            version=version, acceptance=Acceptance.ACCEPTED, suite=suite_name(answer.suite), detail=detail
        )
    # It would rather speak a lower version: it refuses the one that was offered.
    return VersionOutcome(version=version, acceptance=Acceptance.REFUSED, detail=f"answered with {answered}")


def _few_families() -> list[Sequence[int]]:
    """The families of key exchange that servers choose from in practice, and all others together."""
    common = ("ECDHE", "DHE", "RSA")
    others = tuple(number for name, numbers in families().items() if name not in common for number in numbers)
    return [*(families()[name] for name in common), others]


@dataclass
class VersionSurvey:
    """The survey of one endpoint. `known` is a version that a whole handshake has shown to work, if any."""

    approach: Approach
    transcript: Transcript
    known: TlsVersion | None = None
    outcomes: dict[TlsVersion, VersionOutcome] = field(default_factory=dict)
    hellos: int = 0
    closes_to_refuse: bool | None = field(default=None, init=False)
    """Whether this server refuses by closing without an alert, as Dovecot does; None: not asked yet."""
    over: str = field(default="", init=False)
    """Why no further hello can be sent."""

    def facts(self, otherwise: str) -> TlsFacts:
        """The outcomes so far; a version that was not reached is unknown, with `otherwise` as the reason."""
        self._believe_handshake()
        return TlsFacts(
            offered=True,
            versions=tuple(
                self.outcomes.get(version)
                or VersionOutcome(version=version, acceptance=Acceptance.UNKNOWN, detail=otherwise, hellos=0)
                for version in sorted(ORDER)
            ),
        )

    async def run(self) -> TlsFacts:
        """Ask for every version, newest first. Never raises for what the peer does."""
        silent = 0
        for version in ORDER:
            if silent >= 2 and self.known is None:
                break
            before = self.hellos
            outcome = await self._survey(version)
            silent = silent + 1 if outcome.detail.startswith("no answer") else 0
            self.outcomes[version] = outcome.model_copy(update={"hellos": self.hellos - before})
        return self.facts("not tried: hellos of newer versions were not answered")

    def _believe_handshake(self) -> None:
        """A whole handshake of a version is proof that no hello can take back."""
        if self.known is None:
            return
        outcome = self.outcomes.get(self.known)
        if outcome is not None and outcome.acceptance is not Acceptance.ACCEPTED:
            detail = f"a whole handshake succeeded; the bare hello: {outcome.detail}"
            self.outcomes[self.known] = outcome.model_copy(update={"acceptance": Acceptance.ACCEPTED, "detail": detail})

    async def _survey(self, version: TlsVersion) -> VersionOutcome:
        outcome = await self._ask(version, None, patient=not self.closes_to_refuse)
        if outcome.detail == SILENT_CLOSE and await self._learn_how_it_refuses():
            return await self._refused_by_closing(version)
        tries = 1
        while outcome.acceptance is Acceptance.UNKNOWN and tries < TRIES and not self.over:
            if tries >= 2 and outcome.detail.startswith("no answer"):
                break  # a second silence is enough: each costs the whole time limit
            await asyncio.sleep(RETRY_PAUSE * 2**tries)
            outcome = await self._ask(version, None)
            tries += 1
        if outcome.acceptance is not Acceptance.UNKNOWN or outcome.detail.startswith("no answer") or self.over:
            return outcome
        split = await self._by_family(version)
        if split is not None:
            return split
        return await self._with_control(outcome)

    def _taken(self) -> TlsVersion | None:
        """A version that the server is known to take."""
        accepted = [v for v, o in self.outcomes.items() if o.acceptance is Acceptance.ACCEPTED]
        return next(iter(accepted), self.known)

    async def _learn_how_it_refuses(self) -> bool:
        """Whether closing without an alert is how this server refuses a hello.

        Closing alone refuses nothing: a server that throttles, or breaks over one hello, closes too. But where a hello
        that every server has to refuse is closed on each time, and the one that is known to be taken is taken each time
        in between, closing is this server's word for no (Dovecot 2.3 never sends the alert that OpenSSL wrote).
        """
        taken = self._taken()
        if self.closes_to_refuse is None and taken is not None:
            self.closes_to_refuse = await self._calibrate(taken)
        return bool(self.closes_to_refuse)

    async def _calibrate(self, taken: TlsVersion) -> bool:
        for _ in range(CALIBRATIONS):
            refused = await self._ask(taken, UNKNOWN_SUITES, patient=False)
            if refused.detail != SILENT_CLOSE:
                return False
            accepted = await self._ask(taken, None, patient=False)
            if accepted.acceptance is not Acceptance.ACCEPTED:
                return False
        return True

    async def _refused_by_closing(self, version: TlsVersion) -> VersionOutcome:
        """Ask again, also family by family, and the known hello last: any other answer undoes the refusal."""
        taken = self._taken()
        asked: list[Sequence[int] | None] = [None]
        if version not in (TlsVersion.SSL2, TlsVersion.TLS13):
            asked += _few_families()
        for suites in asked:
            outcome = await self._ask(version, suites, patient=False)
            if outcome.detail != SILENT_CLOSE and outcome.acceptance is not Acceptance.REFUSED:
                return outcome
        if taken is not None and (await self._ask(taken, None, patient=False)).acceptance is not Acceptance.ACCEPTED:
            detail = f"{SILENT_CLOSE}; a {taken} hello right after was not accepted either"
            return VersionOutcome(version=version, acceptance=Acceptance.UNKNOWN, detail=detail)
        detail = (
            f"closed on {len(asked) + 1} hellos without an alert, as this server does on a hello that no server may "
            f"take, and took {taken} after it"
        )
        return VersionOutcome(version=version, acceptance=Acceptance.REFUSED, detail=detail)

    async def _by_family(self, version: TlsVersion) -> VersionOutcome | None:
        """Each family of key exchange alone: a clear result, or None. Refused means that every family is, cleanly."""
        if version in (TlsVersion.SSL2, TlsVersion.TLS13):
            return None
        refusals = []
        unclear = False
        for name, suites in families().items():
            # No pauses: the server has been asked patiently before, and the next family may be answered at once.
            outcome = await self._ask(version, suites, patient=False)
            if outcome.acceptance is Acceptance.ACCEPTED:
                return outcome
            unclear = unclear or outcome.acceptance is Acceptance.UNKNOWN
            refusals.append(f"{name}: {outcome.detail}")
        if unclear:
            return None
        detail = f"refused family by family ({'; '.join(refusals)})"
        return VersionOutcome(version=version, acceptance=Acceptance.REFUSED, detail=detail)

    async def _with_control(self, outcome: VersionOutcome) -> VersionOutcome:
        """Say whether the server still takes a hello that it is known to take."""
        taken = self._taken()
        if taken is None:
            return outcome
        control = await self._ask(taken, None)
        still = control.acceptance is Acceptance.ACCEPTED
        note = f"a {taken} hello right after was {'accepted' if still else 'not accepted either'}"
        return outcome.model_copy(update={"detail": f"{outcome.detail}; {note}"})

    async def _ask(self, version: TlsVersion, suites: Sequence[int] | None, *, patient: bool = True) -> VersionOutcome:
        if self.over:
            return VersionOutcome(version=version, acceptance=Acceptance.UNKNOWN, detail=f"not tried: {self.over}")
        self.hellos += 1
        try:
            answer = await ask_hello(self.approach, version, self.transcript, suites, patient=patient)
        except PeerError as error:
            if error.absence in (Absence.REFUSED_SERVICE, Absence.BUDGET, Absence.CLOSED):
                self.over = error.reason
            detail = f"no answer: {error.reason}" if error.absence is Absence.TIMEOUT else error.reason
            return VersionOutcome(version=version, acceptance=Acceptance.UNKNOWN, detail=detail)
        if answer is None:
            detail = "STARTTLS is no longer offered"
            return VersionOutcome(version=version, acceptance=Acceptance.UNKNOWN, detail=detail)
        return classify(version, suites, answer)
