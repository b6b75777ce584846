"""Which TLS versions an endpoint takes, by our own ClientHello, version by version.

When an answer is believed is in `ask`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache

from smtp_audit.facts.tls import Acceptance, TlsFacts, TlsVersion, VersionOutcome
from smtp_audit.probes.approach import Approach
from smtp_audit.probes.tls.ask import RETRY_PAUSE, SILENCE, TRIES, WORDLESS, Prober
from smtp_audit.probes.tls.hello import PLAIN, HelloAnswer, Shape, classic_suites, families, suite_name
from smtp_audit.probes.tls.knowledge import Knowledge
from smtp_audit.probes.tls.reply import Reply, understand
from smtp_audit.probes.wire import Transcript

ORDER = (
    TlsVersion.TLS13,
    TlsVersion.TLS12,
    TlsVersion.TLS11,
    TlsVersion.TLS10,
    TlsVersion.SSL3,
    TlsVersion.SSL2,
)

VAGUE_REFUSALS = ("alert 40 ", "alert 71 ")
"""Refusals that may be for the suites rather than for the version."""


NAMELESS_ONLY = "to a client that gives no server name (SNI)"

FIRST_HELLO = Shape(extras=True, compression=True)
"""The hello that asks for a version also offers what a server may answer in clear: it costs nothing."""


def classify(version: TlsVersion, suites: Sequence[int] | None, answer: HelloAnswer) -> VersionOutcome:
    """What an answer says of the version offered. Anything but a clear yes or no is unknown."""
    return _outcome(version, understand(version, suites, answer))


def _outcome(version: TlsVersion, reply: Reply) -> VersionOutcome:
    suite = suite_name(reply.suite) if reply.accepted and version is not TlsVersion.SSL2 else ""
    return VersionOutcome(version=version, acceptance=reply.acceptance, suite=suite, detail=reply.detail)


def _few_families() -> list[Sequence[int]]:
    """The families of key exchange that servers choose from in practice, and all others together."""
    common = ("ECDHE", "DHE", "RSA", "anonymous")
    others = tuple(number for name, numbers in families().items() if name not in common for number in numbers)
    return [*(families()[name] for name in common), others]


@cache
def _short_lists(version: TlsVersion) -> tuple[tuple[int, ...], ...]:
    """The suites that servers choose from in practice, and all others; each list is one that every stack reads.

    Before TLS 1.2 there is no AEAD and no other hash than SHA-1 and MD5 (RFC 5246 appendix C, RFC 5288 section 3).
    """
    common = ("ECDHE", "DHE", "RSA", "anonymous")
    there = [n for n in classic_suites() if version is TlsVersion.TLS12 or suite_name(n).endswith(("_SHA", "_MD5"))]
    usual = {number for name in common for number in families()[name]}
    return tuple(n for n in there if n in usual), tuple(n for n in there if n not in usual)


def _first_offer(version: TlsVersion) -> tuple[int, ...] | None:
    """What the first hello offers: everything (None), but of SSL 3, which has no words for a refusal of the version, a
    list that every stack reads: then there is one more to ask about and not two."""
    return _short_lists(version)[0] if version is TlsVersion.SSL3 else None


@dataclass
class VersionSurvey:
    """The survey of one endpoint. `known` is a version that a whole handshake has shown to work, if any."""

    approach: Approach
    transcript: Transcript
    known: TlsVersion | None = None
    outcomes: dict[TlsVersion, VersionOutcome] = field(default_factory=dict)
    server: Knowledge = field(init=False)
    """What is known of the server, for all that ask it."""
    hellos: int = field(default=0, init=False)
    """The connections that it took."""
    nameless: frozenset[TlsVersion] = field(default=frozenset(), init=False)
    """Versions that only a client without a server name is given."""
    firsts: dict[TlsVersion, Reply] = field(default_factory=dict, init=False)
    """The accepted answer to a hello with all suites of a version, for the enumeration to go on from."""

    def __post_init__(self) -> None:
        self.server = Knowledge(taken=self.known)

    def facts(self, otherwise: str) -> TlsFacts:
        """The outcomes so far; a version that was not reached is unknown, with `otherwise` as the reason."""
        self._doubt_what_was_not_said()
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
        """Ask for every version: all at once when one is known to work, else newest first. Never raises for what the
        peer does."""
        if self.known is not None:
            await asyncio.gather(*(self._look_at(version) for version in ORDER))
            return self.facts("not asked")
        silent = 0
        for version in ORDER:
            if silent >= 2:
                break
            reply = await self._look_at(version)
            silent = silent + 1 if reply.detail.startswith(SILENCE) else 0
        return self.facts("not tried: hellos of newer versions were not answered")

    async def _look_at(self, version: TlsVersion) -> Reply:
        prober = Prober(self.approach, self.transcript, self.server)
        try:
            reply = await self._survey(prober, version)
        finally:
            self.hellos += prober.hellos
        if reply.accepted and self.server.taken is None:
            self.server.taken = version
        self.outcomes[version] = _outcome(version, reply).model_copy(update={"hellos": prober.hellos})
        return reply

    def _doubt_what_was_not_said(self) -> None:
        """A refusal without words is none when the server later ended a connection after a hello that it takes."""
        for version, outcome in self.outcomes.items():
            doubt = self.server.taken_back(outcome.detail)
            if doubt and outcome.acceptance is Acceptance.REFUSED:
                self.outcomes[version] = outcome.model_copy(update={"acceptance": Acceptance.UNKNOWN, "detail": doubt})

    def _believe_what_was_seen(self) -> None:
        """A version that was spoken, in a whole handshake or a ServerHello, is proof that no refusal can take back."""
        proofs = dict(self.server.spoken)
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

    async def _survey(self, prober: Prober, version: TlsVersion) -> Reply:
        reply = await self._with_name(prober, version)
        can_name = version > TlsVersion.SSL3 and self.approach.endpoint.server_name is not None
        if reply.refused and can_name:
            # Many senders give no name (Postfix by default), and a server may have other settings for them.
            nameless = await prober.once(version, patient=self.server.patient, named=False)
            if nameless.unknown:
                nameless = await prober.once(version, patient=False, named=False)
            if nameless.accepted:
                self.nameless |= {version}
                return replace(nameless, detail=NAMELESS_ONLY)
        return reply

    async def _with_name(self, prober: Prober, version: TlsVersion) -> Reply:
        # All versions are asked side by side. One pause is enough to see whether a server that drops hellos throttles:
        # with one for each, a sound Dovecot that takes TLS 1.3 alone would keep every other probe waiting.
        patient = self.server.patient and version >= TlsVersion.TLS12
        reply = await self._first(prober, version, patient=patient)
        if reply.detail in WORDLESS and await prober.learn_whether_it_says_no_by(reply.detail):
            return await self._refused_wordlessly(prober, version, reply.detail)
        if reply.refused and reply.detail.startswith(VAGUE_REFUSALS):
            return await self._confirmed(prober, version, reply)
        tries = 1
        while reply.unknown and tries < TRIES and not self.server.over:
            if reply.detail.startswith(SILENCE) and not (tries < 2 and self.server.waits_again):
                break  # a second silence is enough: each costs the whole time limit
            await asyncio.sleep(RETRY_PAUSE * 2**tries)
            # A plain one: perhaps it stumbles over what the first one offered.
            reply = await self._first(prober, version, shape=PLAIN, patient=self.server.patient)
            tries += 1
        if reply.detail in WORDLESS and self.server.control is not None:
            await prober.see_whether_it_stumbles(reply.detail)
        if not reply.unknown or reply.detail.startswith(SILENCE) or self.server.over:
            return reply
        split = await self._by_family(prober, version)
        if split is not None:
            return split
        return await self._with_control(prober, reply)

    async def _first(
        self, prober: Prober, version: TlsVersion, *, shape: Shape = FIRST_HELLO, patient: bool = True
    ) -> Reply:
        """The hello with every suite; when it is taken, its answer is the first step of the enumeration."""
        reply = await prober.once(version, _first_offer(version), shape, patient=patient, whole=True)
        if reply.accepted:
            self.firsts[version] = reply
        return reply

    async def _confirmed(self, prober: Prober, version: TlsVersion, refusal: Reply) -> Reply:
        """A refusal for the suites, confirmed with fewer of them: some stacks do not read a list as long as ours."""
        if version in (TlsVersion.SSL2, TlsVersion.TLS13):
            return refusal
        for suites in _short_lists(version):
            if suites == _first_offer(version):
                continue
            reply = await prober.settled(version, suites)
            if not reply.refused:
                return reply
        return refusal

    async def _refused_wordlessly(self, prober: Prober, version: TlsVersion, how: str) -> Reply:
        """Ask again, also family by family, and the known hello last: any other answer undoes the refusal."""
        taken = self.server.taken
        asked: list[Sequence[int] | None] = [None]
        if version not in (TlsVersion.SSL2, TlsVersion.TLS13):
            asked += _few_families()
        for suites in asked:
            reply = await prober.once(version, suites, patient=False)
            if reply.detail != how and not reply.refused:
                if reply.accepted and suites is None:
                    self.server.never_says_no_by(how)
                return reply
        if taken is not None and not await prober.known_is_taken():
            self.server.never_says_no_by(how)
            return Reply(Acceptance.UNKNOWN, f"{how}; a {taken} hello right after was not accepted either")
        return Reply(
            Acceptance.REFUSED,
            f"{how} after each of {len(asked) + 1} hellos, as this server does after one that no server may take, and "
            f"took {taken} after them",
        )

    async def _by_family(self, prober: Prober, version: TlsVersion) -> Reply | None:
        """Each family of key exchange alone: a clear result, or None. Refused means that every family is, cleanly."""
        if version in (TlsVersion.SSL2, TlsVersion.TLS13):
            return None
        refusals = []
        unclear = False
        for name, suites in families().items():
            # No pauses: the server has been asked patiently before, and the next family may be answered at once.
            reply = await prober.once(version, suites, patient=False)
            if reply.accepted:
                return reply
            unclear = unclear or reply.unknown
            refusals.append(f"{name}: {reply.detail}")
        if unclear:
            return None
        return Reply(Acceptance.REFUSED, f"refused family by family ({'; '.join(refusals)})")

    async def _with_control(self, prober: Prober, reply: Reply) -> Reply:
        """Say whether the server still takes a hello that it is known to take."""
        taken = self.server.taken
        if taken is None:
            return reply
        still = await prober.known_is_taken()
        note = f"a {taken} hello right after was {'accepted' if still else 'not accepted either'}"
        return replace(reply, detail=f"{reply.detail}; {note}")
