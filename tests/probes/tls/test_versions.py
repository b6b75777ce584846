"""The survey of TLS versions: a clear yes, a clear no, and unknown for everything else, on servers at their worst."""

from __future__ import annotations

import asyncio
import random
import socket
import ssl
import struct
import time
from collections.abc import Awaitable, Callable

import pytest

from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.observation import Absence
from smtp_audit.facts.tls import Acceptance, TlsFacts, TlsVersion, VersionOutcome
from smtp_audit.lab.authority import Authority
from smtp_audit.limits import BudgetLimits
from smtp_audit.probes.approach import THROTTLED_TRIES
from smtp_audit.probes.tls import ask
from smtp_audit.probes.tls.ask import TRIES, ask_hello
from smtp_audit.probes.tls.hello import Answer, families
from smtp_audit.probes.tls.versions import ORDER, VersionSurvey
from smtp_audit.probes.wire import PeerError
from tests.hostile.acts import hang, leave, say, then, usual, when
from tests.hostile.dialogue import Dialogue
from tests.hostile.records import Hello, alert, one_octet_records, read_hello, server_hello
from tests.hostile.wire import Left
from tests.probes.stage import QUICK, Peer, Script, Stage, server_context, serving, talking

from .test_trust import TRUSTED, limit

SERVER_NAME = 0
"""The number of the extension (RFC 6066 section 3)."""

HASTY = QUICK.model_copy(update={"handshake_seconds": 0.15})
"""For servers that are silent and nothing else."""

ACCEPTED, REFUSED, UNKNOWN = Acceptance.ACCEPTED, Acceptance.REFUSED, Acceptance.UNKNOWN
SSL2, SSL3, TLS10, TLS11, TLS12, TLS13 = TlsVersion
ALL = tuple(TlsVersion)

Answering = Callable[[Peer, Hello, TlsVersion], Awaitable[None]]


def answering(answer: Answering) -> Script:
    """A server for implicit TLS that deals with each hello by itself."""

    async def script(peer: Peer) -> None:
        hello = await read_hello(peer)
        version = next(v for v in TlsVersion if v.code == hello.newest)
        await answer(peer, hello, version)
        await peer.hang()

    return script


def yes(hello: Hello, version: TlsVersion) -> bytes:
    """The ServerHello that takes the first suite offered."""
    if version is SSL2:
        return struct.pack("!HBBBHHHH", 0x8000 | 14, 4, 0, 1, 2, 0, 3, 0) + b"\x07\x00\xc0"
    if version is TLS13:
        return server_hello(TLS12.code, hello.suites[0], supported=TLS13.code)
    return server_hello(version.code, hello.suites[0])


async def accept(peer: Peer, hello: Hello, version: TlsVersion) -> None:
    await peer.put(yes(hello, version))


async def refuse(peer: Peer, hello: Hello, version: TlsVersion) -> None:
    await peer.put(alert(70))


async def drop(peer: Peer, hello: Hello, version: TlsVersion) -> None:
    raise Left


async def silence(peer: Peer, hello: Hello, version: TlsVersion) -> None:
    await peer.hang()


def sends(data: bytes) -> Answering:
    async def answer(peer: Peer, hello: Hello, version: TlsVersion) -> None:
        await peer.put(data)

    return answer


def by_version(otherwise: Answering = refuse, **ways: Answering) -> Script:
    """Each version its own way: TLS10=drop."""

    async def answer(peer: Peer, hello: Hello, version: TlsVersion) -> None:
        await ways.get(version.name, otherwise)(peer, hello, version)

    return answering(answer)


async def survey(stage: Stage, role: Role = Role.IMAPS, known: TlsVersion | None = None, **more) -> TlsFacts:
    approach = stage.approach(role, **more)
    work = VersionSurvey(approach, approach.transcript(), known)
    facts = await work.run()
    assert facts.offered
    assert tuple(outcome.version for outcome in facts.versions) == ALL
    assert sum(outcome.hellos for outcome in facts.versions) == work.hellos
    return facts


def acceptances(facts: TlsFacts) -> dict[TlsVersion, Acceptance]:
    return {outcome.version: outcome.acceptance for outcome in facts.versions}


def of(facts: TlsFacts, version: TlsVersion) -> VersionOutcome:
    return next(outcome for outcome in facts.versions if outcome.version is version)


def only(*accepted: TlsVersion) -> dict[TlsVersion, Acceptance]:
    return {version: ACCEPTED if version in accepted else REFUSED for version in TlsVersion}


class TestRealServers:
    @pytest.mark.parametrize("role", [Role.MX, Role.IMAP, Role.POP3, Role.SIEVE, Role.SUBMISSIONS])
    async def test_a_current_one(self, authority: Authority, role):
        context = server_context(authority.issue("versions", TRUSTED["sound"]))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        async with serving(talking(role, context)) as stage:
            facts = await survey(stage, role)
            # Six hellos, two more without the name, and five with fewer suites where SSL 3 is refused by alert 40.
            assert stage.connections <= 13
        assert {v: a for v, a in acceptances(facts).items() if v is not SSL2} == {
            v: a for v, a in only(TLS12, TLS13).items() if v is not SSL2
        }
        assert acceptances(facts)[SSL2] is not ACCEPTED
        assert of(facts, TLS13).suite.startswith("TLS_")

    async def test_an_old_one(self, authority: Authority):
        context = server_context(authority.issue("versions", TRUSTED["sound"]), old=True)
        limit(context, ssl.TLSVersion.TLSv1_1)
        async with serving(talking(Role.MX, context)) as stage:
            facts = await survey(stage, Role.MX)
        assert facts.seen == (TLS10, TLS11)
        assert acceptances(facts)[TLS12] is REFUSED
        assert acceptances(facts)[TLS13] is REFUSED

    async def test_one_octet_at_a_time(self, authority: Authority):
        context = server_context(authority.issue("versions", TRUSTED["sound"]))

        async def in_pieces(dialogue: Dialogue) -> None:
            dialogue.wire.rewrite = one_octet_records
            await usual("handshake")(dialogue)

        async with serving(talking(Role.MX, context, handshake=in_pieces)) as stage:
            assert {TLS12, TLS13} <= set((await survey(stage, Role.MX)).seen)


class TestClearAnswers:
    @pytest.mark.parametrize("version", TlsVersion)
    async def test_each_version_alone(self, version):
        async with serving(by_version(**{version.name: accept})) as stage:
            facts = await survey(stage)
            # A refused version of TLS is asked for once more, without the server's name.
            assert stage.connections == 6 + len({TLS10, TLS11, TLS12, TLS13} - {version})
        assert acceptances(facts) == only(version)

    async def test_all_and_none(self):
        async with serving(by_version(accept)) as stage:
            assert acceptances(await survey(stage)) == only(*TlsVersion)
        async with serving(by_version()) as stage:
            assert acceptances(await survey(stage)) == only()

    @pytest.mark.parametrize("number", [40, 70, 71, 86])
    async def test_the_four_alerts_that_refuse(self, number):
        async with serving(by_version(sends(alert(number)), TLS13=accept)) as stage:
            facts = await survey(stage)
            # 40 and 71 may be for the suites: SSL 3 to TLS 1.2 are asked for with two shorter lists, SSL 3 with one of
            # them at first.
            shorter = 3 * 2 + 1 if number in (40, 71) else 0
            assert stage.connections == 6 + len({TLS10, TLS11, TLS12}) + shorter
        assert acceptances(facts) == only(TLS13)
        assert f"alert {number}" in of(facts, TLS10).detail

    async def test_a_server_that_always_answers_with_its_only_version(self):
        """TLS 1.1 to everything: a refusal of what is newer, and no answer to what is older.

        With a suite of TLS 1.3 it is no answer at all: no other version has it.
        """

        async def stubborn(peer: Peer, hello: Hello, version: TlsVersion) -> None:
            suite = 0x002F if version is not TLS13 else hello.suites[0]
            await peer.put(server_hello(TLS11.code, suite))

        async with serving(answering(stubborn)) as stage:
            facts = await survey(stage)
        assert acceptances(facts) == {
            SSL2: UNKNOWN,
            SSL3: UNKNOWN,
            TLS10: UNKNOWN,
            TLS11: ACCEPTED,
            TLS12: REFUSED,
            TLS13: UNKNOWN,
        }

    async def test_warnings_before_the_answer_do_not_matter(self):
        async def warn(peer: Peer, hello: Hello, version: TlsVersion) -> None:
            await peer.put(alert(112, level=1))
            await asyncio.sleep(0.01)
            await peer.put(yes(hello, version))

        async with serving(by_version(TLS12=warn)) as stage:
            assert (await survey(stage)).seen == (TLS12,)


class TestUnclear:
    @pytest.mark.parametrize(
        ("answer", "said"),
        [
            (drop, "closed the connection"),
            (sends(alert(80)), "internal_error"),
            (sends(alert(10)), "unexpected_message"),
            (sends(alert(47)), "illegal_parameter"),
            (sends(alert(50)), "decode_error"),
            (sends(alert(109)), "missing_extension"),
            (sends(b"220 mail ESMTP\r\n"), "not TLS"),
            (sends(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "not TLS"),
            (sends(server_hello(0x0399, 0x002F)), "0x0399"),
            (sends(server_hello(0x0301, 0xC0C0)), "not offered"),
            (sends(server_hello(0x0303, 0x002F)), "not offered"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    async def test_what_is_neither_yes_nor_no_is_unknown_and_says_why(self, answer, said):
        async with serving(by_version(TLS10=answer, TLS12=accept)) as stage:
            facts = await survey(stage)
        assert acceptances(facts) == {**only(TLS12), TLS10: UNKNOWN}
        outcome = of(facts, TLS10)
        assert said in outcome.detail
        # Another hello right after shows that it was no matter of throttling.
        assert "TLSv1.2 hello right after was accepted" in outcome.detail
        assert outcome.hellos > TRIES

    async def test_a_server_that_has_had_enough_is_told_from_one_that_dislikes_a_version(self):
        async def tired(peer: Peer, hello: Hello, version: TlsVersion) -> None:
            await (accept if peer.number <= 2 else drop)(peer, hello, version)

        async with serving(answering(tired)) as stage:
            facts = await survey(stage)
        assert acceptances(facts) == {**dict.fromkeys(TlsVersion, UNKNOWN), TLS12: ACCEPTED, TLS13: ACCEPTED}
        assert "also after a hello that it took before" in of(facts, TLS10).detail

    async def test_a_drop_now_and_then_changes_nothing(self):
        async def flaky(peer: Peer, hello: Hello, version: TlsVersion) -> None:
            wanted = accept if version in (TLS12, TLS13) else refuse
            await (drop if peer.number % 3 == 2 else wanted)(peer, hello, version)

        async with serving(answering(flaky)) as stage:
            assert acceptances(await survey(stage)) == only(TLS12, TLS13)

    async def test_any_mixture(self):
        """Whatever each version is answered, the yes, the no and the unknown are told apart."""
        ways: list[tuple[Answering, Acceptance]] = [
            (accept, ACCEPTED),
            (refuse, REFUSED),
            (sends(alert(40)), REFUSED),
            (drop, UNKNOWN),
            (sends(alert(80)), UNKNOWN),
            (sends(b"nonsense"), UNKNOWN),
        ]
        chance = random.Random(5)
        for _ in range(6):
            chosen = {version: chance.choice(ways) for version in TlsVersion}
            async with serving(by_version(**{v.name: way for v, (way, _) in chosen.items()})) as stage:
                facts = await survey(stage)
            assert acceptances(facts) == {version: wanted for version, (_, wanted) in chosen.items()}


class TestFamilies:
    def dislikes(self, *names: str, then_: Answering = accept) -> Answering:
        """Drops every hello that offers a suite of these families."""
        disliked = {suite for name in names for suite in families()[name]}

        async def answer(peer: Peer, hello: Hello, version: TlsVersion) -> None:
            await (drop if disliked & set(hello.suites) else then_)(peer, hello, version)

        return answer

    async def test_a_version_is_taken_when_one_family_is(self):
        async with serving(by_version(TLS10=self.dislikes("ECDHE", "anonymous"))) as stage:
            facts = await survey(stage)
        assert facts.seen == (TLS10,)
        assert of(facts, TLS10).suite

    async def test_a_version_is_refused_when_every_family_is(self):
        """A hello too long for the server, of which it refuses every part."""

        async def short_of_breath(peer: Peer, hello: Hello, version: TlsVersion) -> None:
            await (drop if len(hello.suites) > 200 else refuse)(peer, hello, version)

        async with serving(by_version(TLS11=short_of_breath)) as stage:
            facts = await survey(stage)
        outcome = of(facts, TLS11)
        assert outcome.acceptance is REFUSED
        assert all(name in outcome.detail for name in families())

    @pytest.mark.parametrize("name", list(families()))
    async def test_one_family_without_an_answer_leaves_it_unknown(self, name):
        async with serving(by_version(TLS11=self.dislikes(name, then_=refuse), TLS12=accept)) as stage:
            facts = await survey(stage)
        assert acceptances(facts) == {**only(TLS12), TLS11: UNKNOWN}

    async def test_a_suite_of_another_family_is_none_of_the_answer(self):
        async def foreign(peer: Peer, hello: Hello, version: TlsVersion) -> None:
            if len(hello.suites) > 200:
                raise Left
            chosen = 0x002F if 0x002F not in hello.suites else 0xC013
            await peer.put(server_hello(version.code, chosen))

        async with serving(by_version(TLS10=foreign)) as stage:
            assert acceptances(await survey(stage)) == {**only(), TLS10: UNKNOWN}


class TestClosing:
    """Dovecot closes on what it refuses: told from a server that closes for other reasons by what else it closes on."""

    def closes_on(self, *versions: TlsVersion, then_: Answering = drop) -> Answering:
        """Takes TLS 1.2 and 1.3 where it knows a suite; on the versions named it does something else."""

        async def answer(peer: Peer, hello: Hello, version: TlsVersion) -> None:
            known = set(hello.suites) & {0x1301, 0xC02B, 0xC02F}
            if version in versions:
                await then_(peer, hello, version)
            elif version >= TLS12 and known:
                chosen = min(known)
                supported = TLS13.code if version is TLS13 else None
                await peer.put(server_hello(TLS12.code, chosen, supported=supported))
            else:
                raise Left

        return answer

    async def test_a_server_that_closes_on_everything_it_refuses(self):
        async with serving(answering(self.closes_on(TLS10))) as stage:
            facts = await survey(stage)
            assert stage.connections < 60
        assert acceptances(facts) == only(TLS12, TLS13)
        assert "without an alert" in of(facts, TLS10).detail

    @pytest.mark.parametrize("connections", [1, 2, 4])
    async def test_it_is_waited_for_once(self, connections):
        """The pauses of every version would add up, and hold up whatever else is asked of the host."""
        budget = BudgetLimits(connections=connections, per_second=1000, total=300)
        async with serving(answering(self.closes_on(SSL2, SSL3, TLS10, TLS11, TLS12))) as stage:
            approach = stage.approach(Role.IMAPS, budget=budget)
            facts = await VersionSurvey(approach, approach.transcript(), TLS13).run()
        assert acceptances(facts) == only(TLS13)
        assert approach.budget.effort().backoffs <= 1

    async def test_a_version_that_one_family_is_taken_of(self):
        async def rsa_alone(peer: Peer, hello: Hello, version: TlsVersion) -> None:
            if set(hello.suites) - {0x00FF} <= set(families()["RSA"]):
                await accept(peer, hello, version)
            else:
                raise Left

        async with serving(answering(self.closes_on(TLS10, then_=rsa_alone))) as stage:
            facts = await survey(stage)
        assert facts.seen == (TLS10, TLS12, TLS13)

    @pytest.mark.parametrize("then_", [sends(alert(80)), sends(b"\x16\3"), silence], ids=["alert", "part", "silence"])
    async def test_what_else_a_server_does_is_no_closing(self, then_):
        async def closes_first(peer: Peer, hello: Hello, version: TlsVersion) -> None:
            # The whole offer is closed on; a part of it is answered otherwise.
            await (drop if len(hello.suites) > 200 or version is SSL3 else then_)(peer, hello, version)

        async with serving(answering(self.closes_on(TLS10, then_=closes_first))) as stage:
            facts = await survey(stage)
        assert acceptances(facts) == {**only(TLS12, TLS13), TLS10: UNKNOWN}

    async def test_a_reset_is_no_closing(self):
        async def reset(peer: Peer, hello: Hello, version: TlsVersion) -> None:
            sock = peer.writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            peer.writer.transport.abort()
            raise Left

        async with serving(answering(self.closes_on(TLS10, then_=reset))) as stage:
            facts = await survey(stage)
        assert acceptances(facts)[TLS10] is UNKNOWN

    async def test_a_server_that_has_had_enough_does_not_refuse_by_closing(self):
        sound = self.closes_on()

        async def tired(peer: Peer, hello: Hello, version: TlsVersion) -> None:
            await (sound if peer.number <= 14 else drop)(peer, hello, version)

        async with serving(answering(tired)) as stage:
            facts = await survey(stage)
        assert facts.seen == (TLS12, TLS13)
        assert acceptances(facts)[TLS10] is UNKNOWN

    async def test_without_a_version_that_is_taken_nothing_is_learnt(self):
        async with serving(by_version(drop)) as stage:
            facts = await survey(stage)
        assert set(acceptances(facts).values()) == {UNKNOWN}


class TestTime:
    async def test_a_silent_server_costs_few_time_limits(self):
        async with serving(by_version(silence)) as stage:
            began = time.monotonic()
            facts = await survey(stage, limits=HASTY)
            assert time.monotonic() - began < 6 * HASTY.handshake_seconds + 1
            assert stage.connections <= 5
        assert set(acceptances(facts).values()) == {UNKNOWN}
        assert "no answer" in of(facts, TLS13).detail
        assert "not tried" in of(facts, SSL2).detail

    async def test_a_version_that_hangs_hides_no_other(self):
        async with serving(by_version(TLS13=silence, TLS12=accept)) as stage:
            facts = await survey(stage, limits=HASTY)
        assert acceptances(facts) == {**only(TLS12), TLS13: UNKNOWN}

    async def test_old_versions_that_hang_cost_two_limits_at_most_each(self):
        slow = by_version(silence, TLS13=accept, TLS12=accept)
        async with serving(slow) as stage:
            facts = await survey(stage, known=TLS13, limits=HASTY)
            # Two each at the most, and the known hello, which shows that somebody is there.
            assert 2 + 4 < stage.connections <= 2 + 2 * 4 + 1
        assert facts.seen == (TLS12, TLS13)
        assert of(facts, TLS10).acceptance is UNKNOWN

    async def test_an_answer_in_drips_is_cut_off(self):
        async def drip(peer: Peer, hello: Hello, version: TlsVersion) -> None:
            for octet in yes(hello, version):
                await peer.put(bytes([octet]))
                await asyncio.sleep(0.1)

        async with serving(by_version(TLS12=drip)) as stage:
            assert acceptances(await survey(stage))[TLS12] is UNKNOWN

    @pytest.mark.parametrize(
        "noise", [alert(100, level=1), b"\x16\x03\x03\x40\x00" + b"\x02\x00\x3f\x00" + bytes(16380)]
    )
    async def test_an_answer_without_end_is_cut_off(self, noise):
        async def flood(peer: Peer, hello: Hello, version: TlsVersion) -> None:
            await peer.flood(noise)

        async with serving(by_version(TLS12=flood)) as stage:
            assert acceptances(await survey(stage))[TLS12] is UNKNOWN


class TestBeforeTls:
    def busy(self, numbers: range, step: str = "greeting") -> Script:
        act = when(lambda dialogue: dialogue.number in numbers, then(say(b"421 4.7.0 busy\r\n"), leave), usual(step))

        async def shake(dialogue: Dialogue) -> None:
            hello = await read_hello(dialogue.wire)
            await dialogue.wire.put(yes(hello, TLS12) if hello.newest == TLS12.code else alert(70))
            await hang(dialogue)

        return talking(Role.MX, **{step: act, "handshake": shake})

    @pytest.mark.parametrize("step", ["greeting", "capabilities", "starttls"])
    async def test_421_is_waited_out_and_never_a_refusal(self, step):
        async with serving(self.busy(range(2, 5), step)) as stage:
            facts = await survey(stage, Role.MX)
            assert stage.connections == 6 + len({TLS10, TLS11, TLS13}) + 3
        assert acceptances(facts) == only(TLS12)

    async def test_421_for_good_leaves_everything_unknown(self):
        async with serving(self.busy(range(4, 1000))) as stage:
            facts = await survey(stage, Role.MX)
            # Turned away for good, once: every further hello would wait as long again.
            assert stage.connections == 3 + THROTTLED_TRIES
        assert acceptances(facts) == {**dict.fromkeys(TlsVersion, UNKNOWN), TLS13: REFUSED, TLS12: ACCEPTED}
        assert "421" in of(facts, TLS10).detail

    async def test_starttls_that_is_gone_is_no_refusal(self):
        gone = when(lambda dialogue: dialogue.number > 1, say(b"250 mail\r\n"), usual("capabilities"))

        async def shake(dialogue: Dialogue) -> None:
            await read_hello(dialogue.wire)
            await dialogue.wire.put(alert(70))
            await hang(dialogue)

        async with serving(talking(Role.MX, capabilities=gone, handshake=shake)) as stage:
            facts = await survey(stage, Role.MX)
        assert acceptances(facts) == {**dict.fromkeys(TlsVersion, UNKNOWN), TLS13: REFUSED}
        assert "no longer offered" in of(facts, TLS12).detail

    async def test_clear_text_behind_the_yes_is_no_answer_to_a_hello(self):
        async with serving(
            talking(Role.MX, starttls=say(b"220 go\r\n\x15\x03\x01\x00\x02\x02\x46"), handshake=hang)
        ) as stage:
            approach = stage.approach(Role.MX)
            with pytest.raises(PeerError, match="in clear") as error:
                await ask_hello(approach, TLS12, approach.transcript())
        assert error.value.absence is Absence.MALFORMED

    async def test_a_refused_connection_is_no_refused_version(self):
        async with serving(by_version()) as stage:
            stage.close()
            assert set(acceptances(await survey(stage)).values()) == {UNKNOWN}

    async def test_connections_that_are_used_up_leave_the_rest_unknown(self):
        async with serving(by_version(TLS13=accept)) as stage:
            facts = await survey(stage, budget=BudgetLimits(total=2, per_second=1000))
        assert acceptances(facts) == {**dict.fromkeys(TlsVersion, UNKNOWN), TLS13: ACCEPTED, TLS12: REFUSED}
        assert "budget.total" in of(facts, SSL2).detail


class TestKnown:
    @pytest.mark.parametrize("answer", [drop, refuse, silence])
    async def test_a_whole_handshake_is_proof_that_no_hello_takes_back(self, answer):
        async with serving(by_version(TLS12=answer, TLS13=accept)) as stage:
            facts = await survey(stage, known=TLS12, limits=HASTY)
        outcome = of(facts, TLS12)
        assert outcome.acceptance is ACCEPTED
        assert "whole handshake" in outcome.detail

    async def test_it_says_nothing_of_other_versions(self):
        async with serving(by_version(drop)) as stage:
            facts = await survey(stage, known=TLS13)
        assert acceptances(facts) == {**dict.fromkeys(TlsVersion, UNKNOWN), TLS13: ACCEPTED}

    async def test_what_was_found_before_it_was_cut_short_is_kept(self, monkeypatch):
        monkeypatch.setattr(ask, "FLIGHT_SECONDS", 0.05)
        async with serving(by_version(silence, TLS13=accept, TLS12=accept)) as stage:
            approach = stage.approach(Role.IMAPS)
            work = VersionSurvey(approach, approach.transcript(), TLS13)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(work.run(), 0.3)
            facts = work.facts("the time was over")
        assert facts.seen == (TLS12, TLS13)
        assert of(facts, SSL2).detail == "the time was over"
        assert tuple(outcome.version for outcome in facts.versions) == ALL


async def test_a_hello_at_once_needs_no_words():
    async with serving(by_version(TLS12=accept)) as stage:
        approach = stage.approach(Role.MX)
        answer = await ask_hello(approach, TLS12, approach.transcript(), at_once=True)
    assert answer is not None
    assert answer.answer is Answer.SERVER_HELLO


def test_newest_first_and_every_version_once():
    assert list(ORDER) == sorted(TlsVersion, reverse=True)


class TestWhatOthersMissed:
    """Servers that a survey in one shape only takes for better than they are."""

    async def test_a_version_chosen_for_a_higher_hello_is_spoken(self):
        """TLS 1.0 is refused when it is asked for, and chosen when TLS 1.1 is."""

        async def lower(peer: Peer, hello: Hello, version: TlsVersion) -> None:
            await peer.put(yes(hello, TLS10))

        async with serving(by_version(TLS11=lower, TLS13=accept)) as stage:
            facts = await survey(stage)
        assert facts.seen == (TLS10, TLS13)
        assert "when TLSv1.1 was offered" in of(facts, TLS10).detail

    async def test_a_version_for_clients_without_a_name_alone(self):
        async def nameless(peer: Peer, hello: Hello, version: TlsVersion) -> None:
            await peer.put(alert(70) if SERVER_NAME in hello.extensions else yes(hello, version))

        async with serving(by_version(TLS10=nameless, TLS13=accept)) as stage:
            facts = await survey(stage)
        assert facts.seen == (TLS10, TLS13)
        assert "no server name" in of(facts, TLS10).detail

    async def test_a_stack_that_does_not_read_long_lists_of_suites(self):
        async def short(peer: Peer, hello: Hello, version: TlsVersion) -> None:
            await peer.put(yes(hello, version) if len(hello.suites) <= 128 else alert(40))

        async with serving(by_version(TLS10=short, TLS11=short, TLS13=accept)) as stage:
            facts = await survey(stage)
        assert facts.seen == (TLS10, TLS11, TLS13)

    async def test_an_ssl2_hello_answered_in_tls_is_refused(self):
        for number in (10, 47, 50):
            async with serving(by_version(SSL2=sends(alert(number)), TLS13=accept)) as stage:
                assert acceptances(await survey(stage))[SSL2] is REFUSED
        async with serving(by_version(SSL2=sends(alert(80)), TLS13=accept)) as stage:
            assert acceptances(await survey(stage))[SSL2] is UNKNOWN
