"""Groups: what a server takes is found, in its order, and known to be all; parameters are told as they were sent."""

from __future__ import annotations

import asyncio
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smtp_audit.facts.handshake import AcceptedSuite, DhGroup, TlsGroupFacts, VersionGroups, VersionSuites
from smtp_audit.facts.tls import TlsVersion
from smtp_audit.probes.tls.flight import read_flight
from smtp_audit.probes.tls.groups import (
    MAX_MISSING,
    MAX_TESTED_PRIMES,
    FiniteFields,
    group_facts,
    named_groups_before_tls13,
    named_groups_of_tls13,
)
from smtp_audit.probes.tls.hello import suite_name
from smtp_audit.probes.tls.parameters import CURVES, GROUPS, group_name
from tests.hostile.flights import DONE, SAFE_PRIME, Script, finite_field, retry_request
from tests.hostile.records import Hello, alert, record, server_hello
from tests.probes.stage import QUICK, UNHURRIED, Peer, serving

from .scripted import Bend, dropping, playing, prober, saying, silent

TLS10, TLS12, TLS13 = TlsVersion.TLS10, TlsVersion.TLS12, TlsVersion.TLS13
NEWEST = {TLS13.code: (0x1301,)}
ELLIPTIC = {TLS12.code: (0xC02F, 0xC014), TLS10.code: (0xC014,)}
HASTY = QUICK.model_copy(update={"handshake_seconds": 0.1})


@pytest.fixture(autouse=True)
def no_wait_behind_a_server_hello(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smtp_audit.probes.tls.ask.FLIGHT_SECONDS", 0.1)


def always(peer: Peer, hello: Hello) -> bool:
    return True


def suites(version: TlsVersion, *numbers: int, **more) -> VersionSuites:
    listed = tuple(AcceptedSuite(name=suite_name(number)) for number in numbers)
    return VersionSuites(**{"version": version, "suites": listed, "complete": True, **more})


async def newest(script: Script, bend: Bend | None = None, **more) -> VersionGroups:
    async with serving(playing(script, bend)) as stage:
        facts = await named_groups_of_tls13(prober(stage, TLS13, **more))
        assert facts.hellos == stage.connections
    return facts


async def before(
    script: Script, bend: Bend | None = None, version: TlsVersion = TLS12, found: VersionSuites | None = None, **more
) -> VersionGroups:
    async with serving(playing(script, bend)) as stage:
        known = found if found is not None else suites(version, *ELLIPTIC[version.code])
        return await named_groups_before_tls13(prober(stage, version, **more), known, {})


class TestTls13:
    @settings(max_examples=25, deadline=None)
    @given(st.lists(st.sampled_from(GROUPS), min_size=1, unique=True), st.booleans())
    def test_any_set_of_groups(self, own, server_prefers):
        facts = asyncio.run(newest(Script(NEWEST, groups=own, server_prefers=server_prefers), limits=UNHURRIED))
        order = own if server_prefers else [group for group in GROUPS if group in own]
        assert facts.groups == tuple(map(group_name, order))
        assert facts.complete
        assert facts.hellos <= len(own) + 1

    async def test_a_server_that_takes_no_hello_without_shares_has_groups_all_the_same(self):
        facts = await newest(Script(NEWEST), saying(lambda _, hello: not hello.shares, lambda _: alert(40)))
        assert (facts.groups, facts.complete) == ((), False)

    async def test_nor_is_the_group_that_it_chose_before_all(self):
        script = Script(NEWEST)
        async with serving(playing(script, saying(lambda _, hello: not hello.shares, lambda _: alert(40)))) as stage:
            asked = prober(stage, TLS13)
            first = await asked.once(TLS13)
            facts = await named_groups_of_tls13(asked, first.flight)
        assert (facts.groups, facts.complete) == (("x25519",), False)
        async with serving(playing(script)) as stage:
            asked = prober(stage, TLS13)
            first = await asked.once(TLS13)
            assert (await named_groups_of_tls13(asked, first.flight)).complete

    async def test_a_group_that_was_not_offered(self):
        for group in (0x0017, 0x2A2A, 0xFFFF):
            bend = saying(
                lambda _, hello: 0x001D not in hello.groups, lambda hello, g=group: retry_request(hello, 0x1301, g)
            )
            facts = await newest(Script(NEWEST, groups=(0x001D, 0x0018)), bend)
            assert not (facts.complete and group_name(group) in facts.groups)
            assert set(facts.groups) <= {"x25519", "secp256r1"}

    async def test_the_same_group_for_ever(self):
        facts = await newest(Script(NEWEST), saying(always, lambda hello: retry_request(hello, 0x1301, 0x001D)))
        assert (facts.groups, facts.complete) == (("x25519",), False)
        assert facts.hellos == 2

    async def test_a_server_hello_where_a_retry_is_due(self):
        """There is no share that it could have taken: it does not know what it says."""
        facts = await newest(Script(NEWEST), saying(always, lambda _: server_hello(0x0303, 0x1301, supported=0x0304)))
        assert (facts.groups, facts.complete) == ((), False)

    @pytest.mark.parametrize("number", [10, 47, 80, 109])
    async def test_other_alerts_are_no_end(self, number):
        facts = await newest(
            Script(NEWEST), saying(lambda _, hello: 0x001D not in hello.groups, lambda _: alert(number))
        )
        assert (facts.groups, facts.complete) == (("x25519",), False)

    async def test_closing_is_no_end(self):
        facts = await newest(Script(NEWEST), dropping(lambda _, hello: 0x001D not in hello.groups))
        assert (facts.groups, facts.complete) == (("x25519",), False)

    async def test_silence_is_no_end(self):
        facts = await newest(Script(NEWEST), silent(lambda _, hello: 0x001D not in hello.groups), limits=HASTY)
        assert (facts.groups, facts.complete) == (("x25519",), False)


class TestBeforeTls13:
    @settings(max_examples=25, deadline=None)
    @given(st.sampled_from([TLS10, TLS12]), st.lists(st.sampled_from(CURVES), min_size=1, unique=True), st.booleans())
    def test_any_set_of_curves(self, version, own, server_prefers):
        script = Script(ELLIPTIC, groups=own, server_prefers=server_prefers)
        facts = asyncio.run(before(script, version=version, limits=UNHURRIED))
        assert set(facts.groups) == set(map(group_name, own))
        assert facts.complete
        assert facts.hellos <= len(own) + 2

    @settings(max_examples=15, deadline=None)
    @given(st.lists(st.sampled_from(CURVES), min_size=1, max_size=8, unique=True))
    def test_a_server_that_insists_on_the_curve_of_its_certificate(self, own):
        """It refuses a hello without its certificate's own curve (RFC 8422 section 5.1), which is found first."""
        bend = saying(lambda _, hello: own[0] not in hello.groups, lambda _: alert(40))
        facts = asyncio.run(before(Script(ELLIPTIC, groups=own), bend))
        assert (
            facts.groups == (group_name(own[0]),) if len(own) == 1 else set(facts.groups) <= set(map(group_name, own))
        )

    async def test_without_an_elliptic_suite_there_is_no_group(self):
        facts = await before(Script(ELLIPTIC), found=suites(TLS12, 0x002F))
        assert (facts.groups, facts.complete, facts.hellos) == ((), True, 0)
        facts = await before(Script(ELLIPTIC), found=suites(TLS12, 0x002F, complete=False, detail="why"))
        assert (facts.groups, facts.complete, facts.detail) == ((), False, "why")

    async def test_a_curve_that_was_not_offered_is_told_and_ends_nothing(self):
        bend = saying(
            always,
            lambda hello: (
                record(
                    22,
                    Script(ELLIPTIC).hello(hello, 0xC02F)
                    + Script(ELLIPTIC).behind(Hello(hello.raw, hello.version, hello.suites, contents={}), 0xC02F),
                )
                if 0x001D in hello.groups
                else Script(ELLIPTIC, groups=(0x0019,)).answer(hello)
            ),
        )
        facts = await before(Script(ELLIPTIC, groups=(0x0019,)), bend)
        assert not facts.complete or "x25519" in facts.groups

    async def test_the_same_curve_for_ever(self):
        always_x25519 = Script(ELLIPTIC, groups=(0x001D,))
        everywhere = saying(
            always,
            lambda hello: always_x25519.answer(
                Hello(hello.raw, 0x0303, hello.suites, (13,), (), (), {13: b"\0\2\x08\x04"})
            ),
        )
        facts = await before(always_x25519, everywhere)
        assert (facts.groups, facts.complete) == (("x25519",), False)

    async def test_none_at_all_is_not_all(self):
        facts = await before(Script({}), saying(always, lambda _: alert(40)))
        assert (facts.groups, facts.complete) == ((), False)

    async def test_a_flight_without_a_key_exchange(self):
        facts = await before(Script({}), saying(always, lambda _: server_hello(0x0303, 0xC02F) + alert(80)))
        assert (facts.groups, facts.complete) == ((), False)
        assert "alert 80" in facts.detail

    @pytest.mark.parametrize("bend", [dropping, silent])
    async def test_no_answer_is_no_end(self, bend):
        facts = await before(Script(ELLIPTIC), bend(lambda _, hello: 0x001D not in hello.groups), limits=HASTY)
        assert (facts.groups, facts.complete) == (("x25519",), False)


COMPOSITE = (2**521 - 1) * (2**607 - 1)
NO_SAFE_PRIME = 2**521 - 1


DHE = {TLS12.code: (0x009E, 0x0033)}


class TestFiniteFields:
    async def look(self, script: Script, bend: Bend | None = None, **more) -> TlsGroupFacts:
        async with serving(playing(script, bend)) as stage:
            fields = FiniteFields()
            await fields.look(prober(stage, TLS12, **more), suites(TLS12, *DHE[TLS12.code]), {})
        return group_facts([], await fields.facts(), fields.missing)

    @pytest.mark.parametrize(
        ("prime", "prime_says", "safe", "name"),
        [
            (SAFE_PRIME, True, True, "Oakley group 2 of RFC 2409"),
            (COMPOSITE, False, False, ""),
            (NO_SAFE_PRIME, True, False, ""),
            (0, False, False, ""),
            (1, False, False, ""),
            (2, True, False, ""),
            (3, True, False, ""),
            (7, True, True, ""),
            (2**4097 + 1, None, None, ""),
        ],
        ids=lambda value: "" if isinstance(value, int) else str(value),
    )
    async def test_parameters_are_looked_into(self, prime, prime_says, safe, name):
        facts = await self.look(Script(DHE, prime=prime))
        (group,) = facts.finite_fields
        assert (group.bits, group.prime, group.safe, group.name) == (prime.bit_length(), prime_says, safe, name)
        assert set(group.suites) == {suite_name(0x009E)} | set(group.suites)
        assert facts.finite_fields_detail == ""
        assert str(group)

    async def test_the_largest_that_the_wire_can_tell(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr("smtp_audit.probes.tls.ask.FLIGHT_SECONDS", 2)
        facts = await self.look(Script(DHE, prime=1), saying(always, lambda hello: huge(hello)))
        (group,) = facts.finite_fields
        assert (group.bits, group.prime, group.safe) == (65535 * 8, None, None)

    async def test_a_huge_generator_is_no_number_of_ours(self):
        (group,) = (await self.look(Script(DHE, generator=2**1000))).finite_fields
        assert group.generator is None

    async def test_another_prime_for_clients_without_the_groups_of_rfc_7919(self):
        async def two(peer: Peer, hello: Hello) -> None:
            if 0x0100 not in hello.groups:
                await peer.put(Script(DHE, prime=NO_SAFE_PRIME).answer(hello))
                await peer.hang()

        facts = await self.look(Script(DHE), two)
        assert {group.bits for group in facts.finite_fields} == {1024, 521}

    async def test_only_for_clients_with_the_groups_of_rfc_7919(self):
        facts = await self.look(Script(DHE), saying(lambda _, hello: 0x0100 not in hello.groups, lambda _: alert(40)))
        assert ([group.bits for group in facts.finite_fields], facts.finite_fields_detail) == ([1024], "")

    async def test_flights_that_were_seen_are_not_asked_for_again(self):
        script = Script(DHE)
        seen = read_flight(
            record(22, script.hello(Hello(b"", 0x0303, supported=()), 0x009E) + finite_field(23, 5, 1) + DONE)
        )
        async with serving(playing(script)) as stage:
            fields = FiniteFields()
            await fields.look(prober(stage, TLS12), suites(TLS12, 0x009E), {0x009E: seen})
            assert stage.connections == 1
        assert {group.bits for group in await fields.facts()} == {5, 1024}

    async def test_what_was_not_seen_is_told(self):
        facts = await self.look(Script(DHE), saying(always, lambda _: server_hello(0x0303, 0x009E) + alert(80)))
        assert facts.finite_fields == ()
        assert "alert 80" in facts.finite_fields_detail

    async def test_a_server_that_hangs_behind_its_hello_costs_few_limits(self):
        numbers = (0x009E, 0x009F, 0x0033, 0x0039, 0x0067, 0x006B, 0x0016, 0xCCAA)
        began = time.monotonic()
        async with serving(
            playing(Script({}), saying(always, lambda hello: server_hello(0x0303, hello.suites[0])))
        ) as stage:
            fields = FiniteFields()
            await fields.look(prober(stage, TLS12), suites(TLS12, *numbers), {})
            assert stage.connections == MAX_MISSING
        assert len(fields.missing) == len(numbers)
        assert time.monotonic() - began < MAX_MISSING * 0.1 + 1

    async def test_only_some_unpublished_primes_are_worked_on(self):
        turn = iter(range(100))

        async def each_another(peer: Peer, hello: Hello) -> None:
            await peer.put(Script(DHE, prime=(1 << 300) + next(turn)).answer(hello))
            await peer.hang()

        fields = FiniteFields()
        async with serving(playing(Script({}), each_another)) as stage:
            for _ in range(4):
                await fields.look(prober(stage, TLS12), suites(TLS12, 0x009E, 0x0033), {})
        groups: tuple[DhGroup, ...] = await fields.facts()
        assert len([group for group in groups if group.prime is not None]) == MAX_TESTED_PRIMES < len(groups)


def huge(hello: Hello) -> bytes:
    stream = Script({}).hello(hello, 0x009E) + finite_field((1 << 65535 * 8) - 1, 2, 0x0401) + DONE
    return b"".join(record(22, stream[place : place + 16000]) for place in range(0, len(stream), 16000))
