"""The first look: what it saw it says, what it did not see it never makes up, and it always comes to an end."""

from __future__ import annotations

import asyncio
import ssl
import time
from typing import Any

import pytest

from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.observation import Absence, Facts
from smtp_audit.facts.service import FirstWords
from smtp_audit.facts.tls import TlsVersion
from smtp_audit.lab.authority import Authority
from smtp_audit.limits import BudgetLimits
from smtp_audit.probes import approach, session
from smtp_audit.probes.session import FirstLook, first_look
from smtp_audit.probes.wire import Connection, PeerError, connect
from tests.hostile.acts import hang, inside_tls, leave, read_the_hello, say, then, usual, when
from tests.hostile.dialogue import Dialogue
from tests.hostile.records import alert, read_hello

from .stage import HOST, QUICK, Peer, Stage, server_context, serving, talking
from .tls.test_trust import TRUSTED, UNTRUSTED, limit

REAL_PAUSE = session.CLOSED_PAUSE

STARTTLS = [Role.MX, Role.SUBMISSION, Role.IMAP, Role.POP3, Role.SIEVE]
IMPLICIT = [Role.SUBMISSIONS, Role.IMAPS, Role.POP3S]


@pytest.fixture
def context(authority: Authority) -> ssl.SSLContext:
    return server_context(authority.issue("session", TRUSTED["sound"]))


@pytest.fixture
def look_at(authority: Authority):
    """A first look, with the anchors of the tests."""

    async def look_at(stage: Stage, role: Role = Role.MX, **more) -> FirstLook:
        approach = stage.approach(role, **{"ca": authority.anchors, **more})
        look = FirstLook(approach, approach.transcript())
        began = time.monotonic()
        await asyncio.wait_for(first_look(look), 10)
        assert time.monotonic() - began < 8
        return look

    return look_at


def facts_of(look: FirstLook) -> dict[str, Facts | PeerError]:
    """What came of each kind; every kind exactly once."""
    found: dict[str, Facts | PeerError] = {}
    for result in look.facts():
        kind, what = result if isinstance(result, tuple) else (result.kind, result)
        assert kind not in found
        found[kind] = what
    start = {"starttls", "implicit_tls"} & found.keys()
    assert found.keys() == {"port", "greeting", "capability", "auth", "certificate"} | start
    assert len(start) == 1
    return found


class TestSound:
    @pytest.mark.parametrize("role", STARTTLS)
    async def test_starttls(self, context, look_at, role):
        async with serving(talking(role, context)) as stage:
            look = await look_at(stage, role)
            assert stage.connections == 1
        assert look.trouble is None
        facts = facts_of(look)
        assert not any(isinstance(what, PeerError) for what in facts.values())
        assert facts["port"].open
        assert facts["greeting"].first is FirstWords.CLEAR_GREETING
        assert facts["greeting"].fault == ""
        assert (facts["starttls"].offered, facts["starttls"].accepted, facts["starttls"].handshake) == (True,) * 3
        assert facts["certificate"].trust.trusted
        assert facts["certificate"].chain[0].dns_names == (HOST,)
        assert facts["capability"].before_tls
        assert facts["capability"].after_tls is not None
        assert facts["auth"].before_tls == ()
        assert facts["auth"].after_tls == (() if role is Role.MX else facts["auth"].after_tls)
        assert look.version is TlsVersion.TLS13

    @pytest.mark.parametrize("role", IMPLICIT)
    async def test_implicit_tls(self, context, look_at, role):
        async with serving(talking(role, context)) as stage:
            look = await look_at(stage, role)
            assert stage.connections == 1
        facts = facts_of(look)
        assert not any(isinstance(what, PeerError) for what in facts.values())
        assert facts["implicit_tls"].handshake
        assert facts["implicit_tls"].clear_text is None
        assert facts["greeting"].first is FirstWords.TLS
        assert facts["greeting"].reply is not None
        assert facts["capability"].before_tls is None
        assert "PLAIN" in facts["auth"].after_tls

    @pytest.mark.parametrize("role", [Role.MX, Role.SUBMISSIONS])
    @pytest.mark.parametrize("name", UNTRUSTED)
    async def test_an_untrusted_server_is_looked_at_like_any_other(self, authority, look_at, role, name):
        kind, why = UNTRUSTED[name]
        async with serving(talking(role, server_context(authority.issue("u", kind)))) as stage:
            look = await look_at(stage, role)
            assert stage.connections == 1
        facts = facts_of(look)
        assert look.trouble is None
        assert not facts["certificate"].trust.trusted
        assert why in facts["certificate"].trust.error
        assert facts["certificate"].chain
        assert facts["capability"].after_tls is not None

    @pytest.mark.parametrize("name", ["expired", "for another name", "without names"])
    async def test_dates_and_names_are_no_matter_of_trust(self, authority, look_at, name):
        async with serving(talking(Role.MX, server_context(authority.issue("d", TRUSTED[name])))) as stage:
            facts = facts_of(await look_at(stage))
        assert facts["certificate"].trust.trusted

    async def test_without_anchors_trust_is_not_spoken_of(self, context, look_at, monkeypatch):
        monkeypatch.setattr("smtp_audit.probes.tls.trust.Anchors.usable", False)
        async with serving(talking(Role.MX, context)) as stage:
            facts = facts_of(await look_at(stage, ca=None))
        assert facts["certificate"].chain
        assert facts["certificate"].trust is None

    async def test_an_old_server_can_be_looked_at(self, authority, look_at):
        old = server_context(authority.issue("old", TRUSTED["sound"]), old=True)
        limit(old, ssl.TLSVersion.TLSv1)
        async with serving(talking(Role.MX, old)) as stage:
            look = await look_at(stage)
        assert look.version is TlsVersion.TLS10
        assert facts_of(look)["starttls"].handshake

    async def test_without_starttls_there_is_no_tls_to_speak_of(self, look_at):
        async with serving(talking(Role.MX, capabilities=say(b"250-mail\r\n250 AUTH PLAIN\r\n"))) as stage:
            facts = facts_of(await look_at(stage))
        assert not facts["starttls"].offered
        assert not facts["certificate"].offered
        assert facts["auth"].before_tls == ("PLAIN",)
        assert facts["auth"].after_tls is None
        assert not facts["auth"].tls_offered


def refuse_at_first(monkeypatch: pytest.MonkeyPatch, times: int) -> list[int]:
    """Refuse the first connections, as a firewall does that resets above a rate; gives the ports they were for."""
    refused: list[int] = []

    async def connect_or_not(address: str, port: int, *more: Any) -> Connection:
        if len(refused) < times:
            refused.append(port)
            raise PeerError(Absence.CLOSED, f"port {port} refuses connections")
        return await connect(address, port, *more)

    monkeypatch.setattr(approach, "connect", connect_or_not)
    return refused


class TestPort:
    @pytest.mark.parametrize("role", [Role.MX, Role.IMAPS])
    async def test_a_refused_connection_is_a_closed_port_and_all_else_follows(self, look_at, role):
        async with serving(talking(role)) as stage:
            stage.close()
            facts = facts_of(await look_at(stage, role))
        port = facts.pop("port")
        assert not port.open
        assert {what.absence for what in facts.values()} == {Absence.CLOSED}

    @pytest.mark.parametrize("role", [Role.MX, Role.IMAPS])
    async def test_one_refused_connection_is_no_closed_port(self, context, look_at, monkeypatch, role):
        """With the real pause: a server that restarts, or a firewall, may refuse one connection and no other."""
        monkeypatch.setattr(session, "CLOSED_PAUSE", REAL_PAUSE)
        async with serving(talking(role, context)) as stage:
            refused = refuse_at_first(monkeypatch, 1)
            began = time.monotonic()
            look = await look_at(stage, role)
            assert time.monotonic() - began >= REAL_PAUSE
            assert stage.connections == 1
        assert refused == [stage.port]
        assert look.trouble is None
        facts = facts_of(look)
        assert facts["port"].open
        assert not any(isinstance(what, PeerError) for what in facts.values())
        assert any("once more in 1 s" in line.text for line in look.transcript.lines)

    async def test_two_refused_connections_are_and_no_third_is_tried(self, context, look_at, monkeypatch):
        async with serving(talking(Role.MX, context)) as stage:
            refused = refuse_at_first(monkeypatch, 2)
            facts = facts_of(await look_at(stage))
            assert stage.connections == 0
        assert len(refused) == 2
        assert not facts["port"].open
        assert facts["greeting"].absence is Absence.CLOSED

    async def test_refused_and_then_silent_is_unknown_and_not_closed(self, look_at, monkeypatch):
        async def refuse_then_drop(*_arguments: object, **_named: object) -> Connection:
            tries.append(None)
            raise PeerError(*((Absence.CLOSED, "refused") if len(tries) == 1 else (Absence.TIMEOUT, "no answer")))

        tries: list[None] = []
        async with serving(talking(Role.MX)) as stage:
            monkeypatch.setattr(approach, "connect", refuse_then_drop)
            facts = facts_of(await look_at(stage))
        assert len(tries) == 2
        assert {what.absence for what in facts.values()} == {Absence.TIMEOUT}

    @pytest.mark.parametrize("role", [Role.MX, Role.SUBMISSION, Role.IMAP, *IMPLICIT])
    async def test_a_port_that_took_a_connection_once_is_never_called_closed(self, look_at, role):
        """A closed port excuses everything ("not applicable"): one that closes after the first visit would pass."""
        stages: list[Stage] = []

        async def close_the_port(dialogue: Dialogue) -> None:
            stages[0].close()
            await leave(dialogue)

        async with serving(talking(role, accept=close_the_port)) as stage:
            stages.append(stage)
            look = await look_at(stage, role)
            assert stage.connections == 1
        facts = facts_of(look)
        assert facts["port"].open
        absent = [what.absence for what in facts.values() if isinstance(what, PeerError)]
        assert isinstance(facts["certificate"], PeerError)
        assert Absence.CLOSED not in absent
        assert look.trouble.absence is not Absence.CLOSED


class TestGreeting:
    @pytest.mark.parametrize(
        ("role", "greeting"),
        [
            (Role.MX, b"HTTP/1.1 400 Bad Request\r\n"),
            (Role.MX, b"* OK IMAP ready\r\n"),
            (Role.IMAP, b"+OK POP3 ready\r\n"),
            (Role.POP3, b"220 mail ESMTP\r\n"),
            (Role.SIEVE, b"* OK IMAP ready\r\n"),
            (Role.SUBMISSIONS, b"* OK IMAP ready\r\n"),
        ],
    )
    async def test_another_protocol(self, context, look_at, role, greeting):
        async with serving(talking(role, context, greeting=say(greeting))) as stage:
            facts = facts_of(await look_at(stage, role))
        assert facts["port"].open
        assert facts["greeting"].first is FirstWords.OTHER
        assert facts["greeting"].reply is None
        assert greeting.decode().strip() in facts["greeting"].fault

    @pytest.mark.parametrize("text", [b"220 m\xc3\xa4il ESMTP\r\n", b"220 \x1b[2J\r\n", b"220-a\r\n220 \0\r\n"])
    async def test_a_greeting_that_is_not_printable_is_one_with_a_fault(self, context, look_at, text):
        async with serving(talking(Role.MX, context, greeting=say(text))) as stage:
            look = await look_at(stage)
        greeting = facts_of(look)["greeting"]
        assert greeting.first is FirstWords.CLEAR_GREETING
        assert greeting.fault
        assert look.trouble is None

    @pytest.mark.parametrize(
        "text", [b"220 back\\slash \\x41\r\n", b"220 tab\there\r\n", b"220\r\n", b"220-a\r\n220 b\r\n"]
    )
    async def test_odd_but_sound_greetings(self, context, look_at, text):
        async with serving(talking(Role.MX, context, greeting=say(text))) as stage:
            assert facts_of(await look_at(stage))["greeting"].fault == ""

    @pytest.mark.parametrize("role", [Role.MX, Role.IMAP])
    async def test_silence_is_no_greeting_and_no_fault(self, look_at, role):
        async with serving(talking(role, greeting=hang)) as stage:
            facts = facts_of(await look_at(stage, role))
        port = facts.pop("port")
        assert port.open
        assert {what.absence for what in facts.values()} == {Absence.TIMEOUT}

    @pytest.mark.parametrize("role", [Role.MX, Role.IMAP])
    async def test_tls_with_the_first_octet_where_clear_text_belongs(self, context, look_at, role):
        wrapped = Role.SUBMISSIONS if role is Role.MX else Role.IMAPS
        async with serving(talking(wrapped, context)) as stage:
            facts = facts_of(await look_at(stage, role))
        assert facts["greeting"].first is FirstWords.TLS
        assert facts["greeting"].fault

    @pytest.mark.parametrize(
        ("role", "greeting"),
        [
            (Role.SUBMISSIONS, b"220 mail ESMTP\r\n"),
            (Role.SUBMISSIONS, b"220-mail\r\n220 ESMTP\r\n"),
            (Role.IMAPS, b"* OK ready\r\n"),
            (Role.POP3S, b"+OK ready\r\n"),
        ],
    )
    async def test_clear_text_where_tls_belongs(self, look_at, role, greeting):
        async def greet(peer: Peer) -> None:
            await peer.put(greeting)
            await peer.hang()

        async with serving(greet) as stage:
            facts = facts_of(await look_at(stage, role))
        assert facts["implicit_tls"].handshake is False
        assert facts["implicit_tls"].clear_text == greeting.split(b"\r\n")[0].decode()
        assert facts["greeting"].first is FirstWords.CLEAR_GREETING
        assert not facts["certificate"].offered

    @pytest.mark.parametrize(
        ("text", "absence"),
        [
            (b"421 4.3.2 busy\r\n", Absence.REFUSED_SERVICE),
            (b"450 4.3.2 busy\r\n", Absence.REFUSED_SERVICE),
            (b"554 5.7.1 no\r\n", Absence.REFUSED_SERVICE),
        ],
    )
    async def test_a_server_that_turns_us_away_has_shown_nothing_else(self, look_at, text, absence):
        async with serving(talking(Role.MX, greeting=then(say(text), leave))) as stage:
            facts = facts_of(await look_at(stage))
        assert facts.pop("port").open
        assert {what.absence for what in facts.values()} == {absence}

    async def test_421_is_waited_out(self, context, look_at):
        busy = when(lambda dialogue: dialogue.number < 4, then(say(b"421 busy\r\n"), leave), usual("greeting"))
        async with serving(talking(Role.MX, context, greeting=busy)) as stage:
            look = await look_at(stage)
            assert stage.connections == 4
        assert look.trouble is None
        assert look.approach.budget.effort().backoffs == 3

    async def test_421_in_clear_where_tls_belongs_is_waited_out(self, context, look_at):
        """Exim's daemon says so before it begins TLS: no sign that there is none."""
        busy = when(lambda dialogue: dialogue.number < 4, then(say(b"421 too many\r\n"), leave), usual("accept"))
        async with serving(talking(Role.SUBMISSIONS, context, accept=busy)) as stage:
            look = await look_at(stage, Role.SUBMISSIONS)
            assert stage.connections == 4
        assert look.trouble is None
        assert facts_of(look)["implicit_tls"].handshake
        assert look.approach.budget.effort().backoffs == 3

    async def test_421_in_clear_for_good_is_no_verdict_on_tls(self, look_at):
        async with serving(talking(Role.SUBMISSIONS, accept=then(say(b"421 too many\r\n"), leave))) as stage:
            facts = facts_of(await look_at(stage, Role.SUBMISSIONS))
        assert facts["implicit_tls"].absence is Absence.REFUSED_SERVICE


class TestStarttls:
    @pytest.mark.parametrize("code", ["454", "421", "554", "502"])
    async def test_offered_and_refused(self, context, look_at, code):
        refusing = then(say(f"{code} not today\r\n".encode()), leave)
        async with serving(talking(Role.MX, context, starttls=refusing)) as stage:
            look = await look_at(stage)
        facts = facts_of(look)
        assert facts["capability"].before_tls
        assert facts["starttls"].offered
        assert facts["starttls"].handshake is None
        assert not facts["starttls"].accepted
        assert facts["certificate"].absence is Absence.REFUSED_SERVICE
        if code in ("554", "502"):
            assert (facts["starttls"].reply.code, facts["starttls"].tried) == (code, 1)
        if code == "454":
            assert (facts["starttls"].reply.code, facts["starttls"].tried) == (code, 3)

    async def test_a_temporary_refusal_is_asked_again(self, context, look_at):
        busy = when(lambda dialogue: dialogue.number < 3, then(say(b"454 later\r\n"), leave), usual("starttls"))
        async with serving(talking(Role.MX, context, starttls=busy)) as stage:
            look = await look_at(stage)
        assert look.trouble is None
        assert facts_of(look)["starttls"].handshake

    @pytest.mark.parametrize(
        ("act", "absence"),
        [(hang, Absence.TIMEOUT), (leave, Absence.DROPPED), (say(b"\x99what?\r\n"), Absence.MALFORMED)],
        ids=["hangs", "closes", "nonsense"],
    )
    @pytest.mark.parametrize("role", [Role.MX, Role.SUBMISSIONS])
    async def test_no_answer_in_the_handshake_is_no_verdict_on_it(self, context, look_at, act, absence, role):
        async with serving(talking(role, context, handshake=then(read_the_hello, act, hang))) as stage:
            look = await look_at(stage, role)
        facts = facts_of(look)
        start = facts["starttls" if role is Role.MX else "implicit_tls"]
        if absence is Absence.MALFORMED:
            assert start.handshake is False
            return
        if role is Role.MX:
            assert start.offered
            assert start.handshake is None
        else:
            assert start.absence is absence
        assert facts["certificate"].absence is absence

    @pytest.mark.parametrize("role", [Role.MX, Role.SUBMISSIONS])
    @pytest.mark.parametrize("number", [40, 70, 80])
    @pytest.mark.parametrize("connections", [1, 4])
    async def test_an_alert_is_a_failed_handshake_also_with_one_connection_at_a_time(
        self, look_at, role, number, connections
    ):
        """The hellos that follow need a connection each, and may have to wait until the first one is closed."""

        async def refuse(dialogue: Dialogue) -> None:
            await dialogue.wire.take()
            await dialogue.wire.put(alert(number))
            await dialogue.wire.hang()

        async with serving(talking(role, handshake=refuse)) as stage:
            look = await look_at(stage, role, budget=BudgetLimits(connections=connections, per_second=1000))
        facts = facts_of(look)
        start = facts["starttls" if role is Role.MX else "implicit_tls"]
        assert start.handshake is False
        assert start.handshake_error
        assert facts["certificate"].absence is Absence.MALFORMED

    @pytest.mark.parametrize("role", [Role.MX, Role.SUBMISSIONS])
    async def test_a_handshake_that_only_we_cannot_end_is_no_fault_of_the_server(self, authority, look_at, role):
        """It answers bare hellos: what it offers beyond them, this OpenSSL may lack."""
        old = server_context(authority.issue("old", TRUSTED["sound"]), old=True)
        limit(old, ssl.TLSVersion.TLSv1_2)

        async def strange(dialogue: Dialogue) -> None:
            wire = dialogue.wire
            hello = await read_hello(wire)
            if hello.supported:  # OpenSSL's hello offers TLS 1.3 too, ours of TLS 1.2 does not
                await wire.put(alert(47))
                await wire.hang()
            await wire.handshake(old, hello.raw)

        async with serving(talking(role, handshake=strange)) as stage:
            look = await look_at(stage, role, budget=BudgetLimits(connections=1, per_second=1000))
        facts = facts_of(look)
        assert "answers hellos" in look.trouble.reason
        assert facts["certificate"].absence is Absence.MALFORMED
        if role is Role.MX:
            assert facts["starttls"].handshake is None
        else:
            assert facts["implicit_tls"].absence is Absence.MALFORMED

    async def test_clear_text_injected_behind_the_yes_is_seen(self, context, look_at):
        async with serving(talking(Role.MX, context, starttls=say(b"220 go\r\n250 injected\r\n"))) as stage:
            look = await look_at(stage)
        assert "in clear" in look.trouble.reason
        assert look.after is None
        assert facts_of(look)["certificate"].absence is Absence.MALFORMED

    @pytest.mark.parametrize(("act", "absence"), [(hang, Absence.TIMEOUT), (leave, Absence.DROPPED)])
    async def test_what_was_seen_before_it_broke_is_kept(self, context, look_at, act, absence):
        broken = when(inside_tls, act, usual("capabilities"))
        async with serving(talking(Role.SUBMISSION, context, capabilities=broken)) as stage:
            look = await look_at(stage, Role.SUBMISSION)
        assert look.trouble.absence is absence
        facts = facts_of(look)
        assert facts["starttls"].handshake
        assert facts["certificate"].trust.trusted
        assert facts["auth"].before_tls == ()
        assert facts["auth"].after_tls is None
        assert facts["capability"].after_tls is None


class TestTime:
    @pytest.mark.parametrize("step", ["greeting", "capabilities", "starttls", "handshake"])
    async def test_a_peer_that_hangs_costs_one_time_limit(self, context, look_at, step):
        async with serving(talking(Role.SUBMISSION, context, **{step: hang})) as stage:
            began = time.monotonic()
            await look_at(stage, Role.SUBMISSION)
            # After a silent greeting TLS is tried too.
            assert time.monotonic() - began < 4 * QUICK.reply_seconds + 1

    async def test_a_dropping_peer_is_asked_a_few_times_only(self, look_at):
        async with serving(talking(Role.MX, accept=leave)) as stage:
            look = await look_at(stage)
            assert 2 <= stage.connections <= 6
        assert look.trouble.absence is Absence.DROPPED

    async def test_a_peer_that_drops_now_and_then_is_seen_in_full(self, context, look_at):
        flaky = when(lambda dialogue: dialogue.number < 3, leave, usual("accept"))
        async with serving(talking(Role.MX, context, accept=flaky)) as stage:
            look = await look_at(stage)
        assert look.trouble is None
        assert facts_of(look)["starttls"].handshake
