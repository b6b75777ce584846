"""The survey of one endpoint's TLS: versions first, then everything that builds on them, all at once.

Each kind of facts has a transcript and a fate of its own: what one part cannot find out costs no other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from smtp_audit.facts.certificate import ShownCertificatesFacts
from smtp_audit.facts.endpoint import Endpoint
from smtp_audit.facts.handshake import (
    AcceptedSuite,
    Feature,
    FeatureSeen,
    TlsClientFacts,
    TlsFeatureFacts,
    TlsGroupFacts,
    TlsSessionFacts,
    TlsSignatureFacts,
    TlsSuiteFacts,
    VersionGroups,
    VersionSession,
    VersionSignatures,
    VersionSuites,
)
from smtp_audit.facts.observation import Absence, Facts
from smtp_audit.facts.suites import traits
from smtp_audit.facts.tls import Acceptance, TlsFacts, TlsVersion
from smtp_audit.probes.approach import Approach
from smtp_audit.probes.tls.ask import Prober
from smtp_audit.probes.tls.encrypted import Carried, carry_through, signatures_of_tls13
from smtp_audit.probes.tls.features import encrypt_then_mac, fallback, hello_features, tolerance
from smtp_audit.probes.tls.flight import Flight
from smtp_audit.probes.tls.groups import FiniteFields, group_facts, named_groups_before_tls13, named_groups_of_tls13
from smtp_audit.probes.tls.hello import classic_suites, suite_name
from smtp_audit.probes.tls.known_clients import be_known_clients
from smtp_audit.probes.tls.presentations import Presentations
from smtp_audit.probes.tls.sessions import resumption
from smtp_audit.probes.tls.signatures import is_signed, signatures_of_tls12
from smtp_audit.probes.tls.suites import Enumeration
from smtp_audit.probes.tls.versions import VersionSurvey
from smtp_audit.probes.wire import PeerError, Transcript
from smtp_audit.wiretext import escape_text

AFTER_VERSIONS: tuple[type[Facts], ...] = (
    TlsSuiteFacts,
    TlsGroupFacts,
    TlsSignatureFacts,
    TlsFeatureFacts,
    TlsSessionFacts,
    ShownCertificatesFacts,
    TlsClientFacts,
)

SURVEY_KINDS = (TlsFacts.kind, *(facts.kind for facts in AFTER_VERSIONS))
"""The kinds of facts that a survey gives."""


class Emit(Protocol):
    """Takes what was found out about one kind of facts: facts, or why there are none."""

    def __call__(self, kind: str, what: Facts | PeerError, transcript: Transcript, began: datetime) -> None: ...


def broke(error: Exception) -> PeerError:
    """What a defect of ours leaves in place of facts."""
    return PeerError(Absence.BROKEN, f"a probe broke: {type(error).__name__}: {escape_text(str(error), 200)}")


def no_tls(kind: str, endpoint: Endpoint) -> Facts:
    """The facts of this kind about an endpoint where TLS is not offered."""
    if kind == ShownCertificatesFacts.kind:
        return ShownCertificatesFacts(offered=False, host=endpoint.host, role=endpoint.role)
    return Facts.registry[kind].model_validate({"offered": False})


@dataclass
class Survey:
    """One survey. `wanted` are the kinds asked for; each is emitted once, unless the run is cut short.

    `known` is a version that a whole handshake has shown to work, if any.
    """

    approach: Approach
    known: TlsVersion | None
    wanted: Collection[str]
    emit: Emit
    versions: VersionSurvey = field(init=False)
    enumerations: dict[TlsVersion, Enumeration] = field(default_factory=dict, init=False)
    transcripts: dict[str, Transcript] = field(default_factory=dict, init=False)
    tls: TlsFacts = field(init=False)

    def __post_init__(self) -> None:
        self.transcripts = {kind: self.approach.transcript() for kind in SURVEY_KINDS}
        self.versions = VersionSurvey(self.approach, self.transcripts[TlsFacts.kind], self.known)

    def so_far(self, kind: str, reason: str) -> tuple[Facts | None, Transcript]:
        """What a survey that was cut short knows of a kind; None: nothing."""
        transcript = self.transcripts[kind]
        if kind == TlsFacts.kind:
            return self.versions.facts(reason), transcript
        if kind == TlsSuiteFacts.kind and self.enumerations:
            versions = tuple(each.facts(reason) for each in self.enumerations.values())
            return TlsSuiteFacts(offered=True, versions=versions), transcript
        return None, transcript

    async def run(self) -> None:
        """Find out everything wanted."""
        began = datetime.now(UTC)
        early = self.known is not None and TlsClientFacts.kind in self.wanted  # they need to know nothing of versions
        clients = [asyncio.ensure_future(self._part(TlsClientFacts, self._clients))] if early else []
        try:
            self.tls = await self.versions.run()
            if TlsFacts.kind in self.wanted:
                self.emit(TlsFacts.kind, self.tls, self.transcripts[TlsFacts.kind], began)
            if any(facts.kind in self.wanted for facts in AFTER_VERSIONS):
                await self._after_versions()
            await asyncio.gather(*clients)
        finally:
            await _end(clients)

    async def _after_versions(self) -> None:
        suites = asyncio.ensure_future(self._enumerate())
        carried = asyncio.ensure_future(self._carry())
        parts: list[tuple[type[Facts], Callable[[], Awaitable[Facts]]]] = [
            (TlsSuiteFacts, lambda: suites),
            (TlsGroupFacts, lambda: self._groups(suites)),
            (TlsSignatureFacts, lambda: self._signatures(suites, carried)),
            (TlsFeatureFacts, lambda: self._features(suites, carried)),
            (TlsSessionFacts, lambda: self._sessions(carried)),
            (ShownCertificatesFacts, lambda: self._presentations(suites, carried)),
        ]
        if self.known is None:
            parts.append((TlsClientFacts, self._clients))
        try:
            await asyncio.gather(*(self._part(facts, work) for facts, work in parts if facts.kind in self.wanted))
        finally:
            await _end([suites, carried])

    async def _part(self, facts: type[Facts], work: Callable[[], Awaitable[Facts]]) -> None:
        began = datetime.now(UTC)
        what: Facts | PeerError
        try:
            what = await work()
        except PeerError as error:
            what = error
        except Exception as error:  # a defect of ours: it must cost these facts, not those of the other parts
            what = broke(error)
        self.emit(facts.kind, what, self.transcripts[facts.kind], began)

    def _prober(self, facts: type[Facts]) -> Prober:
        """One that counts by itself and shares what is known of the server."""
        return Prober(self.approach, self.transcripts[facts.kind], self.versions.server)

    def _accepted(self, version: TlsVersion) -> bool:
        return version in self.tls.seen

    async def _enumerate(self) -> TlsSuiteFacts:
        """The suites of every version that is accepted; a version that is not known leaves its list without an end."""
        for outcome in self.tls.versions:
            if outcome.acceptance is not Acceptance.REFUSED:
                first = self.versions.firsts.get(outcome.version)
                self.enumerations[outcome.version] = Enumeration(
                    self._prober(TlsSuiteFacts), outcome.version, first, named=outcome.version not in self._nameless
                )
                if outcome.acceptance is Acceptance.UNKNOWN:
                    self.enumerations[outcome.version].unclear.append(f"whether it is accepted: {outcome.detail}")
        running = [each for version, each in self.enumerations.items() if self._accepted(version)]
        await asyncio.gather(*(each.run() for each in running))
        return TlsSuiteFacts(offered=True, versions=tuple(each.facts() for each in self.enumerations.values()))

    @property
    def _nameless(self) -> frozenset[TlsVersion]:
        """Versions that only a client without a server name is given."""
        return self.versions.nameless

    def _first(self, version: TlsVersion) -> Flight | None:
        """The answer to the hello that offered all that a version has, if it was taken and a name was given."""
        reply = self.versions.firsts.get(version)
        return reply.flight if reply is not None else None

    def _flights_of(self, version: TlsVersion) -> Mapping[int, Flight]:
        return self.enumerations[version].flights

    def _flights(self) -> list[Flight]:
        return [flight for each in self.enumerations.values() for flight in each.flights.values()]

    async def _carry(self) -> Carried:
        """A handshake of TLS 1.3 carried through, with everything offered, for several parts."""
        if not self._accepted(TlsVersion.TLS13):
            return Carried(trouble="TLS 1.3 is not known to be accepted")
        name = self.approach.endpoint.server_name
        return await carry_through(self._prober(TlsSessionFacts), server_name=name, tickets=True)

    def _likely(
        self, version: TlsVersion | None, wanted: Callable[[str], bool]
    ) -> tuple[VersionSuites, Mapping[int, Flight]] | None:
        """On a slow way, suites of a version to ask with before all of its suites are known: the one that its first
        hello has shown, or all those for the usual key. On a fast one the flights of the others tell more."""
        first = self._first(version) if version is not None else None
        if version is None or first is None or not self._accepted(version) or not self.approach.budget.slow:
            return None
        shown = suite_name(first.answer.suite)
        names = [shown] if wanted(shown) else [name for name in map(suite_name, classic_suites()) if wanted(name)]
        key = traits(shown).authentication if wanted(shown) else "RSA"
        suites = tuple(AcceptedSuite(name=name) for name in names if traits(name).authentication == key)
        return VersionSuites(version=version, suites=suites), {first.answer.suite: first}

    async def _groups(self, suites: Awaitable[TlsSuiteFacts]) -> TlsGroupFacts:
        newest = asyncio.ensure_future(self._newest_groups())
        classic = max((v for v in self.tls.seen if TlsVersion.SSL2 < v < TlsVersion.TLS13), default=None)
        early = asyncio.ensure_future(self._early_groups(classic))
        try:
            found = await suites
            asked = sorted(found.versions, key=lambda seen: seen.version, reverse=True)
            asked = [each for each in asked if TlsVersion.SSL2 < each.version < TlsVersion.TLS13]
            fields = FiniteFields()
            looks = (fields.look(self._prober(TlsGroupFacts), each, self._flights_of(each.version)) for each in asked)
            looking = asyncio.gather(*looks)
            versions: list[VersionGroups] = []
            for each in asked:
                # The newest of them stands for all: servers have one list of curves for TLS 1.2 and before.
                if not versions or not versions[0].groups:
                    known = await early if each.version is classic else None
                    flights = self._flights_of(each.version)
                    versions.append(
                        known or await named_groups_before_tls13(self._prober(TlsGroupFacts), each, flights)
                    )
            await looking
            versions += await newest
        finally:
            await _end([newest, early])
        unclear = [f"{each.version}: {each.detail}" for each in found.versions if not each.complete]
        return group_facts(versions, await fields.facts(), (*fields.missing, *unclear))

    async def _newest_groups(self) -> list[VersionGroups]:
        if not self._accepted(TlsVersion.TLS13):
            return []
        return [await named_groups_of_tls13(self._prober(TlsGroupFacts), self._first(TlsVersion.TLS13))]

    async def _early_groups(self, version: TlsVersion | None) -> VersionGroups | None:
        """The groups of a version by its likely suites, when all is clear with them."""
        likely = self._likely(version, lambda name: traits(name).elliptic)
        if likely is None:
            return None
        found = await named_groups_before_tls13(self._prober(TlsGroupFacts), *likely)
        return found if found.complete else None

    async def _signatures(self, suites: Awaitable[TlsSuiteFacts], carried: Awaitable[Carried]) -> TlsSignatureFacts:
        early = asyncio.ensure_future(self._early_signatures())
        newest = asyncio.ensure_future(self._newest_signatures(carried))
        versions: list[VersionSignatures] = []
        try:
            found = await suites
            for each in sorted(found.versions, key=lambda seen: seen.version):
                if each.version is TlsVersion.TLS12:
                    versions.append(await self._signatures_of_tls12(each, await early))
                elif each.version is TlsVersion.TLS13 and self._accepted(TlsVersion.TLS13):
                    versions.append(await newest)
                elif each.version is TlsVersion.TLS13:
                    versions.append(VersionSignatures(version=each.version, detail=each.detail))
        finally:
            await _end([early, newest])
        return TlsSignatureFacts(offered=True, versions=tuple(versions))

    async def _newest_signatures(self, carried: Awaitable[Carried]) -> VersionSignatures:
        return await signatures_of_tls13(self._prober(TlsSignatureFacts), await carried)

    async def _early_signatures(self) -> tuple[str, VersionSignatures] | None:
        """The type of key of likely suites, and the signatures of TLS 1.2 with them, when all is clear."""
        likely = self._likely(TlsVersion.TLS12, is_signed)
        if likely is None:
            return None
        found = await signatures_of_tls12(self._prober(TlsSignatureFacts), *likely)
        return (likely[0].suites[0].traits.authentication, found) if found.complete and found.schemes else None

    async def _signatures_of_tls12(
        self, suites: VersionSuites, early: tuple[str, VersionSignatures] | None
    ) -> VersionSignatures:
        """All signatures of TLS 1.2; suites that were not seen may be signed in ways that were not seen."""
        found = await self._signatures_with(suites, early)
        return found if suites.complete else found.model_copy(update={"complete": False, "detail": suites.detail})

    async def _signatures_with(
        self, suites: VersionSuites, early: tuple[str, VersionSignatures] | None
    ) -> VersionSignatures:
        """After those of one type of key, those with the suites that another one signs."""
        prober, flights = self._prober(TlsSignatureFacts), self._flights_of(suites.version)
        if early is None:
            return await signatures_of_tls12(prober, suites, flights)
        key, found = early
        others = tuple(each for each in suites.suites if each.traits.authentication != key and is_signed(each.name))
        if not others:
            return found
        more = await signatures_of_tls12(prober, suites.model_copy(update={"suites": others}), flights)
        schemes = tuple(dict.fromkeys((*found.schemes, *more.schemes)))
        return more.model_copy(update={"schemes": schemes, "hellos": found.hellos + more.hellos})

    async def _features(self, suites: Awaitable[TlsSuiteFacts], carried: Awaitable[Carried]) -> TlsFeatureFacts:
        odd = asyncio.gather(
            fallback(self._prober(TlsFeatureFacts), self.tls), tolerance(self._prober(TlsFeatureFacts), self.tls)
        )
        try:
            found = await suites
            features: list[FeatureSeen] = hello_features(self.tls, self.versions.firsts, self._flights())
            flights = {each.version: self._flights_of(each.version) for each in found.versions}
            features.append(encrypt_then_mac(found.versions, flights))
            features += await odd
        finally:
            odd.cancel()
            await asyncio.gather(odd, return_exceptions=True)
        return TlsFeatureFacts(offered=True, features=_with_newest(features, self.tls, await carried))

    async def _sessions(self, carried: Awaitable[Carried]) -> TlsSessionFacts:
        transcript = self.transcripts[TlsSessionFacts.kind]
        done = await carried
        versions = sorted((v for v in self.tls.seen if v > TlsVersion.SSL2), reverse=True)
        # The two newest tell of all: sessions of TLS 1.2 and before are the same.
        asked = versions[:2] if versions[:1] == [TlsVersion.TLS13] else versions[:1]
        found = list(
            await asyncio.gather(
                *(resumption(self.approach, transcript, v, done if v is TlsVersion.TLS13 else None) for v in asked)
            )
        )
        # One that may be accepted as well has sessions that nobody saw.
        unknown = [o for o in self.tls.versions if o.acceptance is Acceptance.UNKNOWN and o.version > TlsVersion.SSL2]
        classic = any(v < TlsVersion.TLS13 for v in asked)
        for outcome in unknown:
            if outcome.version is TlsVersion.TLS13 or not classic:
                detail = f"whether it is accepted is not known: {outcome.detail}"
                found.append(VersionSession(version=outcome.version, resumed=None, detail=detail))
        return TlsSessionFacts(offered=True, versions=tuple(found))

    async def _presentations(
        self, suites: Awaitable[TlsSuiteFacts], carried: Awaitable[Carried]
    ) -> ShownCertificatesFacts:
        shown = Presentations(self._prober(ShownCertificatesFacts))
        await shown.without_the_name(self.tls)
        for each in (await suites).versions:
            if each.version is shown.classic(self.tls) and each.version not in self._nameless:
                shown.take_flights(each, self._flights_of(each.version))
        return await shown.run(self.tls, await carried if self._accepted(TlsVersion.TLS13) else None)

    async def _clients(self) -> TlsClientFacts:
        return await be_known_clients(self._prober(TlsClientFacts))


async def _end(tasks: Iterable[asyncio.Future[Any]]) -> None:
    """Cancel what is left of them, and wait until it has gone."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _with_newest(features: list[FeatureSeen], tls: TlsFacts, carried: Carried) -> tuple[FeatureSeen, ...]:
    """The features with what an encrypted handshake shows of the request for a certificate."""
    requested = carried.handshake.seen.certificate_requested if carried.handshake is not None else None
    if requested is None:
        refused = any(o.version is TlsVersion.TLS13 and o.acceptance is Acceptance.REFUSED for o in tls.versions)
        unknown = f"not with TLS 1.2 or before; with TLS 1.3: {carried.trouble or carried.refusal}"
        return tuple(
            seen.model_copy(update={"present": None, "detail": unknown})
            if seen.feature is Feature.CLIENT_CERTIFICATE_REQUEST and seen.present is False and not refused
            else seen
            for seen in features
        )
    detail = "in a handshake of TLS 1.3" if requested else "not in a handshake of TLS 1.3"
    return tuple(
        FeatureSeen(feature=seen.feature, present=requested or bool(seen.present), detail=detail)
        if seen.feature is Feature.CLIENT_CERTIFICATE_REQUEST and (seen.present is None or requested)
        else seen
        for seen in features
    )
