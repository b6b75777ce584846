"""The enumeration finds the suites that a server takes, all of them and no more; what it cannot tell is not "all"."""

from __future__ import annotations

import asyncio
import struct
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smtp_audit.facts.handshake import Chooser, VersionSuites
from smtp_audit.facts.tls import TlsVersion
from smtp_audit.probes import budget
from smtp_audit.probes.tls.ask import Prober
from smtp_audit.probes.tls.hello import TLS13_SUITES, Shape, classic_suites, families, suite_name
from smtp_audit.probes.tls.suites import MAX_SPLITS, Enumeration, lists
from tests.hostile.flights import Script
from tests.hostile.records import Hello, alert, read_hello, server_hello
from tests.probes.stage import QUICK, UNHURRIED, Peer, serving

from .scripted import Bend, dropping, playing, prober, saying, silent

SSL2, SSL3, TLS10, TLS11, TLS12, TLS13 = TlsVersion
CLASSIC = [SSL3, TLS10, TLS11, TLS12]
HASTY = QUICK.model_copy(update={"handshake_seconds": 0.1})
UNOFFERED = 0xFFFE
SUITES = st.sampled_from(classic_suites())

SOME = (0xC02F, 0xC030, 0x009E, 0x009C, 0x002F, 0x000A, 0x0005, 0x0034, 0x008C)


@pytest.fixture(autouse=True)
def a_way_without_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine loopback may be slow, and lists be parted for it."""
    monkeypatch.setattr(budget, "SLOW_SECONDS", 1e9)


async def enumerate_suites(
    script: Script, version: TlsVersion, bend: Bend | None = None, known: TlsVersion | None = None, **more
) -> tuple[VersionSuites, Enumeration]:
    async with serving(playing(script, bend)) as stage:
        asked = prober(stage, known or version, **more)
        work = Enumeration(asked, version)
        facts = await work.run()
        assert asked.hellos == facts.hellos == stage.connections
    return facts, work


def names(*numbers: int) -> set[str]:
    return {suite_name(number) for number in numbers}


class TestLists:
    def test_they_are_all_suites_once(self):
        offered = [number for each in lists() for number in each]
        assert sorted(offered) == sorted(classic_suites())

    def test_none_is_longer_than_a_stack_reads(self):
        """GnuTLS reads 256 suites; the signal of RFC 5746 is one."""
        assert all(len(each) < 255 for each in lists())

    def test_the_usual_ones_come_together(self):
        assert {0xC02F, 0x009C, 0x002F} <= set(lists()[0])


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(CLASSIC),
    st.lists(st.sampled_from(classic_suites()), min_size=1, max_size=24, unique=True),
    st.booleans(),
)
def test_any_set_of_suites_is_found_and_known_to_be_all(version, own, server_prefers):
    facts, _ = asyncio.run(
        enumerate_suites(Script({version.code: own}, server_prefers=server_prefers), version, limits=UNHURRIED)
    )
    assert set(facts.names) == names(*own)
    assert len(facts.names) == len(own)
    assert facts.complete
    assert "alert 40" in facts.detail
    assert facts.hellos <= len(own) + len(lists()) + 2
    if len(own) == 1:
        assert facts.chooser is Chooser.NOBODY
    else:
        assert facts.chooser is (Chooser.SERVER if server_prefers else Chooser.CLIENT)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.sampled_from(TLS13_SUITES), min_size=1, unique=True), st.booleans())
def test_any_set_of_suites_of_tls13(own, server_prefers):
    facts, _ = asyncio.run(
        enumerate_suites(Script({TLS13.code: own}, server_prefers=server_prefers), TLS13, limits=UNHURRIED)
    )
    assert set(facts.names) == names(*own)
    assert facts.complete
    assert facts.hellos <= len(own) + 1 + 2
    if len(own) > 1:
        assert facts.chooser is (Chooser.SERVER if server_prefers else Chooser.CLIENT)


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_however_slow_the_way_is(data):
    """Lists are parted where waiting is most of the time; what is found stays the same."""
    own = data.draw(st.lists(st.sampled_from(classic_suites()), min_size=1, max_size=12, unique=True))

    async def go() -> VersionSuites:
        async with serving(playing(Script({TLS12.code: own}))) as stage:
            asked = prober(stage, TLS12)
            asked.approach.budget.served(1e12)
            return await Enumeration(asked, TLS12).run()

    facts = asyncio.run(go())
    assert set(facts.names) == names(*own)
    assert facts.complete


class TestWhatIsSeenWithASuite:
    async def test_group_and_signature(self):
        facts, work = await enumerate_suites(Script({TLS12.code: SOME}, groups=(0x0018,), signatures=(0x0601,)), TLS12)
        seen = {suite.name: (suite.group, suite.signature) for suite in facts.suites}
        assert seen["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"] == ("secp384r1", "rsa_pkcs1_sha512")
        assert seen["TLS_DHE_RSA_WITH_AES_128_GCM_SHA256"] == ("DH 1024", "rsa_pkcs1_sha512")
        assert seen["TLS_DH_anon_WITH_AES_128_CBC_SHA"] == ("DH 1024", "")
        assert seen["TLS_RSA_WITH_AES_128_CBC_SHA"] == ("", "")
        assert set(work.flights) == set(SOME)
        assert all(not flight.fault for flight in work.flights.values())

    async def test_the_first_answer_is_not_asked_for_again(self):
        async with serving(playing(Script({TLS12.code: SOME}))) as stage:
            asked = prober(stage, TLS12)
            first = await asked.once(TLS12, shape=Shape(extras=True, compression=True))
            facts = await Enumeration(asked, TLS12, first).run()
            assert asked.hellos <= len(SOME) + len(lists()) + 1
        assert set(facts.names) == names(*SOME)
        assert facts.complete
        assert facts.chooser is Chooser.SERVER

    async def test_ssl2_lists_its_own(self):
        async def act(peer: Peer) -> None:
            await read_hello(peer)
            listed = b"\x07\x00\xc0\x01\x00\x80\xab\xcd\xef"
            await peer.put(
                struct.pack("!HBBBHHHH", 0x8000 | (11 + len(listed)), 4, 0, 1, 2, 0, len(listed), 0) + listed
            )
            await peer.hang()

        async with serving(act) as stage:
            facts = await Enumeration(prober(stage, TLS12), SSL2).run()
        assert set(facts.names) == {"SSL_CK_DES_192_EDE3_CBC_WITH_MD5", "SSL_CK_RC4_128_WITH_MD5", "0xABCDEF"}
        assert facts.complete

    async def test_ssl2_that_gives_no_list(self):
        facts, _ = await enumerate_suites(Script({TLS12.code: SOME}), SSL2, saying(_always, lambda _: alert(80)), TLS12)
        assert (facts.names, facts.complete) == ((), False)


def _always(peer: Peer, hello: Hello) -> bool:
    return True


def _has(*suites: int):
    return lambda peer, hello: bool(set(suites) & set(hello.suites))


class TestClosing:
    """Closing is no refusal, but where it is shown to be this server's word for no."""

    async def test_a_server_that_refuses_by_closing(self):
        script = Script({TLS12.code: SOME})
        facts, _ = await enumerate_suites(script, TLS12, dropping(lambda _, hello: script.suite(hello) is None))
        assert set(facts.names) == names(*SOME)
        assert facts.complete
        assert "as this server does" in facts.detail

    @pytest.mark.parametrize("every", [3, 5, 10])
    async def test_every_so_many_hellos(self, every):
        facts, _ = await enumerate_suites(
            Script({TLS12.code: SOME}), TLS12, dropping(lambda peer, _: not peer.number % every)
        )
        assert set(facts.names) == names(*SOME)
        assert facts.complete

    async def test_every_so_many_hellos_of_one_that_refuses_by_closing(self):
        """Which closing is a refusal cannot be told any more: then the list may lack an end, and never a suite."""
        script = Script({TLS12.code: SOME})
        for every in (3, 4, 5, 7):
            bend = dropping(lambda peer, hello, n=every: script.suite(hello) is None or not peer.number % n)
            facts, _ = await enumerate_suites(script, TLS12, bend)
            assert set(facts.names) == names(*SOME) or not facts.complete, every

    @pytest.mark.parametrize("family", ["ECDHE", "DHE", "RSA", "anonymous"])
    async def test_a_family_of_key_exchange(self, family):
        """It chooses a suite and then fails: what else it takes is found, and the rest stays open."""
        family_suites = families()[family]
        facts, _ = await enumerate_suites(Script({TLS12.code: SOME}), TLS12, dropping(_has(*family_suites)))
        assert set(facts.names) <= names(*SOME) - names(*family_suites)
        assert not facts.complete
        assert "closed" in facts.detail

    @pytest.mark.parametrize("number", [0xC02F, 0x002F, 0x0005, 0xC013])
    async def test_one_suite(self, number):
        facts, work = await enumerate_suites(Script({TLS12.code: SOME}), TLS12, dropping(_has(number)))
        assert set(facts.names) == names(*SOME) - names(number)
        assert not facts.complete
        assert suite_name(number) in facts.detail
        assert work.splits <= MAX_SPLITS

    async def test_a_server_that_has_had_enough(self):
        facts, _ = await enumerate_suites(Script({TLS12.code: SOME}), TLS12, dropping(lambda peer, _: peer.number > 5))
        assert set(facts.names) < names(*SOME)
        assert not facts.complete

    async def test_a_server_that_refuses_by_closing_and_has_had_enough(self):
        script = Script({TLS12.code: SOME})
        for enough in range(2, 16):
            bend = dropping(lambda peer, hello, n=enough: script.suite(hello) is None or peer.number > n)
            facts, _ = await enumerate_suites(script, TLS12, bend)
            assert set(facts.names) == names(*SOME) or not facts.complete, enough


class TestOtherAnswers:
    @pytest.mark.parametrize("number", [10, 47, 50, 80, 112])
    async def test_an_alert_that_refuses_nothing(self, number):
        script = Script({TLS12.code: SOME})
        bend = saying(lambda _, hello: script.suite(hello) is None, lambda _: alert(number))
        facts, _ = await enumerate_suites(script, TLS12, bend)
        assert set(facts.names) == names(*SOME)
        assert not facts.complete
        assert f"alert {number}" in facts.detail

    async def test_a_suite_that_was_not_offered(self):
        script = Script({TLS12.code: SOME})
        bend = saying(lambda _, hello: script.suite(hello) is None, lambda _: server_hello(TLS12.code, UNOFFERED))
        facts, _ = await enumerate_suites(script, TLS12, bend)
        assert set(facts.names) == names(*SOME)
        assert not facts.complete

    async def test_a_suite_that_was_struck_already(self):
        """One suite, whatever is offered."""
        bend = saying(_always, lambda _: server_hello(TLS12.code, 0xC02F))
        facts, _ = await enumerate_suites(Script({}), TLS12, bend)
        assert set(facts.names) <= names(0xC02F)
        assert not facts.complete

    async def test_a_lower_version_refuses_this_one(self):
        script = Script({TLS12.code: SOME, TLS10.code: (0x002F,)})
        bend = saying(
            lambda _, hello: script.suite(hello) is None, lambda hello: server_hello(TLS10.code, hello.suites[0])
        )
        facts, work = await enumerate_suites(script, TLS12, bend)
        assert set(facts.names) == names(*SOME)
        assert facts.complete
        assert TLS10 in work.prober.known.spoken

    async def test_a_flight_that_breaks_off_takes_nothing_back(self):
        bend = saying(lambda _, hello: 0xC02F in hello.suites, lambda _: server_hello(TLS12.code, 0xC02F) + alert(80))
        facts, work = await enumerate_suites(Script({TLS12.code: SOME}), TLS12, bend)
        assert set(facts.names) == names(*SOME)
        assert facts.complete
        assert "alert 80" in work.flights[0xC02F].fault

    async def test_hanging_behind_the_server_hello_costs_few_limits(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr("smtp_audit.probes.tls.ask.FLIGHT_SECONDS", 0.1)
        script = Script({TLS12.code: SOME})
        bend = saying(
            lambda _, hello: script.suite(hello) is not None,
            lambda hello: server_hello(TLS12.code, script.suite(hello) or 0),
        )
        began = time.monotonic()
        facts, _ = await enumerate_suites(script, TLS12, bend)
        assert set(facts.names) == names(*SOME)
        assert facts.complete
        assert time.monotonic() - began < 2


class TestSilence:
    async def test_a_silent_server_costs_few_time_limits(self):
        began = time.monotonic()
        facts, _ = await enumerate_suites(Script({}), TLS12, silent(_always), limits=HASTY)
        assert time.monotonic() - began < 5 * HASTY.handshake_seconds + 1
        assert (facts.names, facts.complete) == ((), False)
        assert facts.hellos <= 2 * len(lists()) + 1

    async def test_a_family_that_hangs_hides_no_other_list(self):
        facts, _ = await enumerate_suites(
            Script({TLS12.code: SOME}), TLS12, silent(_has(*families()["ECDHE"])), limits=HASTY
        )
        assert names(0x009E, 0x0034, 0x008C) <= set(facts.names)
        assert not facts.complete
        assert "ECDHE" in facts.detail


class TestChooser:
    async def test_without_a_pattern_it_is_unknown(self):
        script = Script({TLS12.code: (0xC02F, 0xC030, 0x009C, 0x009D)})
        turn = iter(range(10**6))

        async def at_random(peer: Peer, hello: Hello) -> None:
            own = [number for number in script.suites[TLS12.code] if number in hello.suites]
            if len(own) == 4:
                await peer.put(server_hello(TLS12.code, own[(1, 2)[next(turn) % 2]]))
                await peer.hang()

        facts, _ = await enumerate_suites(script, TLS12, at_random)
        assert facts.complete
        assert facts.chooser is Chooser.UNKNOWN

    async def test_no_answer_leaves_it_unknown(self):
        script = Script({TLS12.code: SOME})
        facts, _ = await enumerate_suites(script, TLS12, dropping(lambda _, hello: len(hello.suites) == len(SOME) + 1))
        assert facts.complete
        assert facts.chooser is Chooser.UNKNOWN

    async def test_one_suite_of_a_list_without_an_end(self):
        facts, _ = await enumerate_suites(Script({TLS12.code: (0xC02F,)}), TLS12, dropping(_has(0x0005)))
        assert facts.chooser is Chooser.UNKNOWN


async def test_what_was_found_before_it_was_cut_short_is_kept():
    async with serving(playing(Script({TLS12.code: SOME}), silent(lambda peer, _: peer.number > 4))) as stage:
        work = Enumeration(prober(stage, TLS12), TLS12)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(work.run(), 0.3)
        facts = work.facts("the time was over")
    assert facts.suites
    assert (facts.complete, facts.detail) == (False, "the time was over")


@pytest.fixture(autouse=True)
def no_wait_behind_a_server_hello(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smtp_audit.probes.tls.ask.FLIGHT_SECONDS", 0.1)


async def test_a_server_without_a_name_alone():
    """A version that is there for clients without a server name is asked for without it."""

    def named(_: Peer, hello: Hello) -> bool:
        return 0 in hello.extensions

    async with serving(playing(Script({TLS10.code: SOME}), saying(named, lambda _: alert(70)))) as stage:
        asked: Prober = prober(stage)
        facts = await Enumeration(asked, TLS10, named=False).run()
    assert set(facts.names) == names(*SOME)
    assert facts.complete
