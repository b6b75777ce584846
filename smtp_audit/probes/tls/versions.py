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
from smtp_audit.probes.tls.hello import (
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
from smtp_audit.probes.wire import Contradiction, PeerError, Transcript

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
RESET = "reset the connection without an alert"
WORDLESS = (SILENT_CLOSE, RESET)

UNKNOWN_SUITES = (0x0A0A, 0x1A1A, 0x2A2A, 0x3A3A, 0x4A4A, 0x5A5A, 0x6A6A, 0x7A7A)
"""Numbers that no server may ever choose (GREASE, RFC 8701): a hello with these alone has to be refused."""

CALIBRATIONS = 3
"""How often a hello that must be refused and one that is taken are asked in turn before closing counts as refusing."""

VAGUE_REFUSALS = ("alert 40 ", "alert 71 ")
"""Refusals that may be for the suites rather than for the version."""

INTERNAL_ERROR = 80
OPENSSL3_HINT = (
    ", which refuses nothing; OpenSSL 3 sends it when the version is switched on but its security level forbids the "
    "SHA-1 signature: switch the version off"
)
"""Measured on Node's smtp-server, which sets minVersion TLSv1: a frequent state that only the owner can make clear."""

MAX_ANSWER = 20_000
"""Octets of an answer that are waited for; a ServerHello is in the first few hundred."""


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
        at_once: send the hello with the first octet whatever the role says.
        patient: pause before the next connection when the server closes this one.
        named: send the server's name (SNI).

    Raises:
        PeerError: no answer came.
    """

    async def visit(session: Session) -> HelloAnswer | None:
        if not at_once and not await session.up_to_tls():
            return None
        connection = session.connection
        connection.refuse_clear_text()
        hello = client_hello(version, session.endpoint.server_name if named else None, suites)
        await connection.send(hello, shown=f"ClientHello {version}, {len(hello)} octets")
        parse = parse_ssl2_answer if version is TlsVersion.SSL2 else parse_answer
        data = b""
        async with connection.within(session.limits.handshake_seconds, f"answer to a {version} hello"):
            while (answer := parse(data)) is INCOMPLETE:
                try:
                    more = await connection.some()
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
        # A server that answers an SSL 2 hello in TLS does not speak SSL 2, whatever it complains of: TLS has no alert
        # for it, and stacks that never knew SSL 2 call it malformed or unexpected. An internal error refuses nothing.
        not_ssl2 = version is TlsVersion.SSL2 and answer.alert != INTERNAL_ERROR
        clean = answer.alert in CLEAN_REFUSALS or not_ssl2
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
    common = ("ECDHE", "DHE", "RSA", "anonymous")
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
    says_no_by: dict[str, bool] = field(default_factory=dict, init=False)
    """Whether this server refuses by closing, or by a reset, without an alert, as Dovecot does; as far as asked."""
    spoken: dict[TlsVersion, str] = field(default_factory=dict, init=False)
    """Versions that the server chose when a higher one was offered: it speaks them, whatever their own hello gets."""
    over: str = field(default="", init=False)
    """Why no further hello can be sent."""

    def facts(self, otherwise: str) -> TlsFacts:
        """The outcomes so far; a version that was not reached is unknown, with `otherwise` as the reason."""
        self._believe_what_was_seen()
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

    def _believe_what_was_seen(self) -> None:
        """A version that was spoken, in a whole handshake or a ServerHello, is proof that no refusal can take back."""
        proofs = dict(self.spoken)
        if self.known is not None:
            proofs[self.known] = "a whole handshake succeeded"
        for version, proof in proofs.items():
            outcome = self.outcomes.get(version) or VersionOutcome(
                version=version, acceptance=Acceptance.UNKNOWN, detail="not asked", hellos=0
            )
            if outcome.acceptance is not Acceptance.ACCEPTED:
                detail = f"{proof}; its own hello: {outcome.detail}"
                self.outcomes[version] = outcome.model_copy(
                    update={"acceptance": Acceptance.ACCEPTED, "detail": detail}
                )

    async def _survey(self, version: TlsVersion) -> VersionOutcome:
        outcome = await self._with_name(version)
        can_name = version > TlsVersion.SSL3 and self.approach.endpoint.server_name is not None
        if outcome.acceptance is Acceptance.REFUSED and can_name:
            # Many senders give no name (Postfix by default), and a server may have other settings for them.
            nameless = await self._ask(version, None, patient=not any(self.says_no_by.values()), named=False)
            if nameless.acceptance is Acceptance.UNKNOWN:
                nameless = await self._ask(version, None, patient=False, named=False)
            if nameless.acceptance is Acceptance.ACCEPTED:
                return nameless.model_copy(update={"detail": "to a client that gives no server name (SNI)"})
        return outcome

    async def _with_name(self, version: TlsVersion) -> VersionOutcome:
        outcome = await self._ask(version, None, patient=not any(self.says_no_by.values()))
        if outcome.detail in WORDLESS and await self._learn_whether_it_says_no_by(outcome.detail):
            return await self._refused_wordlessly(version, outcome.detail)
        if outcome.acceptance is Acceptance.REFUSED and outcome.detail.startswith(VAGUE_REFUSALS):
            return await self._confirmed(version, outcome)
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

    async def _confirmed(self, version: TlsVersion, refusal: VersionOutcome) -> VersionOutcome:
        """A refusal for the suites, confirmed with fewer of them: some stacks do not read a list as long as ours."""
        if version in (TlsVersion.SSL2, TlsVersion.TLS13):
            return refusal
        for suites in _few_families():
            outcome = await self._ask(version, suites, patient=False)
            if outcome.acceptance is not Acceptance.REFUSED:
                return outcome
        return refusal

    def _taken(self) -> TlsVersion | None:
        """A version that the server is known to take."""
        accepted = [v for v, o in self.outcomes.items() if o.acceptance is Acceptance.ACCEPTED]
        return next(iter(accepted), self.known)

    async def _learn_whether_it_says_no_by(self, how: str) -> bool:
        """Whether ending the connection in this way is how this server refuses a hello.

        That alone refuses nothing: a server that throttles, or breaks over one hello, does it too. But where a hello
        that every server has to refuse ends so each time, and the one that is known to be taken is taken each time in
        between, it is this server's word for no (Dovecot 2.3 never sends the alert that OpenSSL wrote).
        """
        taken = self._taken()
        if how not in self.says_no_by and taken is not None:
            self.says_no_by[how] = await self._calibrate(taken, how)
        return self.says_no_by.get(how, False)

    async def _calibrate(self, taken: TlsVersion, how: str) -> bool:
        for _ in range(CALIBRATIONS):
            refused = await self._ask(taken, UNKNOWN_SUITES, patient=False)
            if refused.detail != how:
                return False
            accepted = await self._ask(taken, None, patient=False)
            if accepted.acceptance is not Acceptance.ACCEPTED:
                return False
        return True

    async def _refused_wordlessly(self, version: TlsVersion, how: str) -> VersionOutcome:
        """Ask again, also family by family, and the known hello last: any other answer undoes the refusal."""
        taken = self._taken()
        asked: list[Sequence[int] | None] = [None]
        if version not in (TlsVersion.SSL2, TlsVersion.TLS13):
            asked += _few_families()
        for suites in asked:
            outcome = await self._ask(version, suites, patient=False)
            if outcome.detail != how and outcome.acceptance is not Acceptance.REFUSED:
                return outcome
        if taken is not None and (await self._ask(taken, None, patient=False)).acceptance is not Acceptance.ACCEPTED:
            detail = f"{how}; a {taken} hello right after was not accepted either"
            return VersionOutcome(version=version, acceptance=Acceptance.UNKNOWN, detail=detail)
        detail = (
            f"{how} after each of {len(asked) + 1} hellos, as this server does after one that no server may take, and "
            f"took {taken} after them"
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

    async def _ask(
        self, version: TlsVersion, suites: Sequence[int] | None, *, patient: bool = True, named: bool = True
    ) -> VersionOutcome:
        if self.over:
            return VersionOutcome(version=version, acceptance=Acceptance.UNKNOWN, detail=f"not tried: {self.over}")
        self.hellos += 1
        try:
            answer = await ask_hello(self.approach, version, self.transcript, suites, patient=patient, named=named)
        except PeerError as error:
            if isinstance(error, Contradiction) or error.absence in (
                Absence.REFUSED_SERVICE,
                Absence.BUDGET,
                Absence.CLOSED,
            ):
                self.over = error.reason
            detail = f"no answer: {error.reason}" if error.absence is Absence.TIMEOUT else error.reason
            return VersionOutcome(version=version, acceptance=Acceptance.UNKNOWN, detail=detail)
        if answer is None:
            self.over = "STARTTLS is no longer offered, and was before"
            return VersionOutcome(version=version, acceptance=Acceptance.UNKNOWN, detail=self.over)
        outcome = classify(version, suites, answer)
        if outcome.acceptance is Acceptance.REFUSED and answer.answer is Answer.SERVER_HELLO:
            chosen = next(v for v in TlsVersion if v.code == answer.version)
            self.spoken[chosen] = f"chosen with {suite_name(answer.suite)} when {version} was offered"
        return outcome
