"""The whole survey: every kind once, each with a fate of its own, in bounded time, and no part called all."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Collection

import pytest

from smtp_audit.errors import Undetermined
from smtp_audit.facts.certificate import ShownCertificatesFacts
from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.handshake import (
    Chooser,
    Feature,
    TlsClientFacts,
    TlsFeatureFacts,
    TlsGroupFacts,
    TlsSessionFacts,
    TlsSignatureFacts,
    TlsSuiteFacts,
)
from smtp_audit.facts.observation import Absence, Facts
from smtp_audit.facts.tls import Acceptance, TlsFacts, TlsVersion
from smtp_audit.lab.authority import Authority
from smtp_audit.limits import BudgetLimits
from smtp_audit.probes.tls import encrypted, sessions, survey
from smtp_audit.probes.tls.survey import AFTER_VERSIONS, SURVEY_KINDS, Survey, no_tls
from smtp_audit.probes.wire import PeerError
from tests.hostile.acts import for_hellos, hang, leave, read_the_hello, then, when
from tests.hostile.flights import Script
from tests.hostile.records import Hello, alert
from tests.probes import stage as on_stage
from tests.probes.stage import QUICK, Peer, Stage, server_context, serving, talking

from .scripted import dropping, playing, saying, silent
from .test_trust import TRUSTED

TLS10, TLS12, TLS13 = TlsVersion.TLS10, TlsVersion.TLS12, TlsVersion.TLS13
Found = dict[str, Facts | PeerError]

PLENTY = BudgetLimits(connections=4, per_second=1000, total=3000)
HASTY = QUICK.model_copy(update={"handshake_seconds": 0.15, "greeting_seconds": 0.15, "reply_seconds": 0.15})

OLD = Script(
    {TLS12.code: (0xC02F, 0x009E, 0x002F), TLS10.code: (0x0039, 0x002F, 0x000A)},
    groups=(0x0017, 0x0018),
    signatures=(0x0401,),
)


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encrypted, "TICKET_SECONDS", 0.3)
    monkeypatch.setattr(sessions, "TICKET_SECONDS", 0.3)
    monkeypatch.setattr("smtp_audit.probes.tls.ask.FLIGHT_SECONDS", 0.15)


@pytest.fixture
def context(authority: Authority) -> ssl.SSLContext:
    context = server_context(authority.issue("survey", TRUSTED["sound"]))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


async def make(
    stage: Stage,
    role: Role = Role.IMAPS,
    known: TlsVersion | None = None,
    wanted: Collection[str] = SURVEY_KINDS,
    **more,
) -> Found:
    found: Found = {}

    def emit(kind, what, transcript, began) -> None:
        assert kind not in found
        found[kind] = what

    await Survey(stage.approach(role, **{"budget": PLENTY, **more}), known, wanted, emit).run()
    assert found.keys() == set(wanted)
    return found


async def of(script: on_stage.Script, role: Role = Role.IMAPS, **more) -> Found:
    async with serving(script) as stage:
        return await make(stage, role, **more)


def facts(found: Found, kind: type[Facts]) -> Facts:
    what = found[kind.kind]
    assert isinstance(what, kind), what
    return what


class TestRealServers:
    @pytest.mark.parametrize("role", [Role.MX, Role.IMAPS, Role.SIEVE])
    async def test_a_current_one_is_known_through_and_through(self, context, role):
        async with serving(talking(role, context)) as stage:
            found = await make(stage, role, TLS13)
            assert stage.connections < 140
        suites = facts(found, TlsSuiteFacts)
        suites.require_complete()
        assert {each.version for each in suites.versions} == {TLS12, TLS13}
        assert all(each.chooser is not Chooser.UNKNOWN for each in suites.versions)
        facts(found, TlsGroupFacts).require_complete()
        facts(found, TlsSignatureFacts).require_complete()
        features = facts(found, TlsFeatureFacts)
        assert features.of(Feature.EXTENDED_MASTER_SECRET).present is True
        assert features.of(Feature.SECURE_RENEGOTIATION).present is True
        assert features.of(Feature.FALLBACK_SCSV).present is True
        assert features.of(Feature.HELLO_TOLERANCE).present is True
        assert features.of(Feature.COMPRESSION).present is False
        assert features.of(Feature.HEARTBEAT).present is False
        assert features.of(Feature.CLIENT_CERTIFICATE_REQUEST).present is False
        assert {each.resumed for each in facts(found, TlsSessionFacts).versions} == {True}
        assert {each.early_data for each in facts(found, TlsSessionFacts).versions} == {0, None}
        assert {each.accepted for each in facts(found, TlsClientFacts).clients} == {True}
        assert not facts(found, ShownCertificatesFacts).unknown

    async def test_of_tls13_alone(self, context):
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        found = await of(talking(Role.MX, context), Role.MX, known=TLS13)
        features = facts(found, TlsFeatureFacts)
        assert features.of(Feature.COMPRESSION).applies is False
        assert features.of(Feature.CLIENT_CERTIFICATE_REQUEST).present is False
        facts(found, TlsGroupFacts).require_complete()
        facts(found, TlsSignatureFacts).require_complete()


class TestScripted:
    async def test_an_old_one_is_found_with_all_that_is_wrong(self):
        found = await of(playing(OLD))
        assert facts(found, TlsFacts).seen == (TLS10, TLS12)
        suites = facts(found, TlsSuiteFacts)
        suites.require_complete()
        assert {each.version: len(each.suites) for each in suites.versions} == {TLS10: 3, TLS12: 3}
        groups = facts(found, TlsGroupFacts)
        groups.require_complete()
        assert groups.named() == ("secp256r1", "secp384r1")
        assert [(group.bits, len(group.suites)) for group in groups.finite_fields] == [(1024, 2)]
        assert facts(found, TlsSignatureFacts).versions[0].schemes == ("rsa_pkcs1_sha256",)
        features = facts(found, TlsFeatureFacts)
        for feature in (Feature.EXTENDED_MASTER_SECRET, Feature.SECURE_RENEGOTIATION, Feature.FALLBACK_SCSV):
            assert features.of(feature).present is False

    async def test_a_version_that_is_not_known_leaves_everything_open(self):
        def tls10(_: Peer, hello: Hello) -> bool:
            return hello.newest == TLS10.code

        for bend in (dropping(tls10), saying(tls10, lambda _: alert(80))):
            found = await of(playing(OLD, bend))
            for kind in (TlsSuiteFacts, TlsGroupFacts):
                with pytest.raises(Undetermined, match=r"TLSv1:|TLSv1\.0:"):
                    facts(found, kind).require_complete()
            with pytest.raises(Undetermined):
                facts(found, TlsFeatureFacts).of(Feature.COMPRESSION)

    async def test_closing_now_and_then_loses_nothing(self):
        for every in (7, 10):
            found = await of(playing(OLD, dropping(lambda peer, _, n=every: not peer.number % n)))
            suites = facts(found, TlsSuiteFacts)
            assert {each.version: len(each.suites) for each in suites.versions if each.suites} == {TLS10: 3, TLS12: 3}


class TestTime:
    def silent_for(self, condition) -> on_stage.Script:
        return playing(OLD, silent(condition))

    async def timed(self, script: on_stage.Script, most: float, known: TlsVersion | None = None) -> Found:
        began = time.monotonic()
        found = await of(script, known=known, limits=HASTY)
        assert time.monotonic() - began < most
        return found

    @pytest.mark.parametrize("known", [None, TLS12, TLS13])
    async def test_a_silent_server(self, known):
        found = await self.timed(self.silent_for(lambda peer, hello: True), 10 * HASTY.handshake_seconds + 2, known)
        assert all(o.acceptance is not Acceptance.REFUSED for o in facts(found, TlsFacts).versions)
        for kind in (TlsSuiteFacts, TlsGroupFacts):
            with pytest.raises(Undetermined):
                facts(found, kind).require_complete()
        assert {each.accepted for each in facts(found, TlsClientFacts).clients} == {None}

    @pytest.mark.parametrize("enough", [3, 10, 20])
    async def test_a_server_that_falls_silent(self, enough):
        found = await self.timed(self.silent_for(lambda peer, hello: peer.number > enough), 16 * 0.15 + 4)
        with pytest.raises(Undetermined):
            facts(found, TlsSuiteFacts).require_complete()

    async def test_a_family_that_hangs(self):
        script = self.silent_for(lambda peer, hello: 0xC02F in hello.suites)
        found = await self.timed(script, 16 * 0.15 + 4, TLS12)
        with pytest.raises(Undetermined):
            facts(found, TlsSuiteFacts).require_complete()

    @pytest.mark.parametrize("enough", [3, 20])
    async def test_a_server_that_drops_everything_from_then_on(self, enough):
        found = await self.timed(playing(OLD, dropping(lambda peer, hello: peer.number > enough)), 5)
        with pytest.raises(Undetermined):
            facts(found, TlsSuiteFacts).require_complete()

    async def test_a_server_that_hangs_inside_alone(self, context):
        inside = when(lambda dialogue: dialogue.wire.inside_tls, hang, then(read_the_hello, leave))
        whole = for_hellos(lambda hello: False, inside)
        found = await of(talking(Role.MX, context, handshake=then(whole, hang)), Role.MX, limits=HASTY)
        sessions_seen = facts(found, TlsSessionFacts).versions
        assert all(each.early_data in (None, 0) for each in sessions_seen)


class TestFates:
    async def test_a_part_that_breaks_costs_no_other(self, monkeypatch: pytest.MonkeyPatch):
        async def broken(*_, **__) -> None:
            raise RuntimeError("a defect")

        monkeypatch.setattr(survey, "be_known_clients", broken)
        monkeypatch.setattr(survey, "signatures_of_tls12", broken)
        found = await of(playing(OLD))
        broke = {kind for kind, what in found.items() if isinstance(what, PeerError)}
        assert broke == {TlsClientFacts.kind, "tls_signatures"}
        assert {what.absence for what in found.values() if isinstance(what, PeerError)} == {Absence.BROKEN}

    async def test_only_what_is_wanted(self):
        async with serving(playing(OLD)) as stage:
            found = await make(stage, wanted=(TlsFacts.kind,))
            assert stage.connections < 40
        assert found.keys() == {TlsFacts.kind}

    async def test_one_kind_alone(self):
        for kind in AFTER_VERSIONS:
            found = await of(playing(OLD), wanted=(kind.kind,))
            assert isinstance(found[kind.kind], kind)

    async def test_what_was_found_before_it_was_cut_short(self):
        async with serving(playing(OLD, silent(lambda peer, hello: peer.number > 30))) as stage:
            work = Survey(stage.approach(Role.IMAPS, budget=PLENTY), None, SURVEY_KINDS, lambda *_: None)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(work.run(), 0.6)
            found = {kind: work.so_far(kind, "the time was over")[0] for kind in SURVEY_KINDS}
        assert isinstance(found[TlsFacts.kind], TlsFacts)
        suites = found[TlsSuiteFacts.kind]
        if isinstance(suites, TlsSuiteFacts):
            with pytest.raises(Undetermined):
                suites.require_complete()

    async def test_connections_that_are_used_up(self):
        for total in (1, 5, 12, 20, 30):
            found = await of(playing(OLD), budget=BudgetLimits(total=total, per_second=1000))
            if isinstance(suites := found[TlsSuiteFacts.kind], TlsSuiteFacts):
                with pytest.raises(Undetermined, match=r"budget\.total|not known|not tried"):
                    suites.require_complete()


@pytest.mark.parametrize("kind", SURVEY_KINDS)
def test_without_tls_there_is_nothing(kind):
    endpoint = Stage(port=25).approach(Role.MX).endpoint
    what = no_tls(kind, endpoint)
    assert what.kind == kind
    assert what.model_dump()["offered"] is False
