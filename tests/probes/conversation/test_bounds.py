"""Junk, connections at once, silence: what is seen, what it costs the server, and that nothing is delivered."""

from __future__ import annotations

import asyncio

import pytest

from smtp_audit.configuration.model import Mailboxes
from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.observation import Absence
from smtp_audit.lab.authority import Authority
from smtp_audit.limits import MAX_JUNK_COMMANDS, MAX_PARALLEL, BudgetLimits, Limits
from smtp_audit.probes.conversation.bounds import connect_many, keep_silent, say_junk, stall_a_message
from smtp_audit.probes.wire import PeerError, connect
from tests.hostile.acts import hang, leave
from tests.hostile.acts import say as answers
from tests.hostile.dialogue import Dialogue
from tests.probes.stage import Peer, Stage, server_context, serving, talking
from tests.probes.tls.test_trust import TRUSTED

NO_TLS = answers(b"250-mail.probe.example\r\n250 PIPELINING\r\n")
SHORT = Limits(connect_seconds=2, greeting_seconds=0.5, reply_seconds=0.5, handshake_seconds=0.5, idle_seconds=0.4)


def ask(probe, stage: Stage, role: Role = Role.MX, own: str | None = None, **more):
    approach = stage.approach(role, limits=SHORT, **more)
    approach.config = approach.config.model_copy(update={"mailboxes": Mailboxes(own=own)})
    return probe(approach, approach.transcript())


async def absence(work) -> PeerError:
    with pytest.raises(PeerError) as error:
        await work
    return error.value


def junk_server(most: int, parting: str | None, pause: float = 0.0):
    async def script(peer: Peer) -> None:
        await peer.say("220 mail ESMTP")
        count = 0
        while line := await peer.line():
            if line.startswith(b"EHLO"):
                await peer.say("250 mail")
                continue
            if line.startswith(b"QUIT"):
                return
            count += 1
            if count > most:
                if parting:
                    await peer.say(parting)
                return
            await asyncio.sleep(pause)
            await peer.say("500 what?")

    return script


class TestJunk:
    @pytest.mark.parametrize(
        ("parting", "ended"),
        [("421 too many errors", "421 too many errors"), (None, "the server closed the connection")],
    )
    async def test_a_server_that_has_enough(self, parting, ended):
        async with serving(junk_server(5, parting)) as stage:
            facts = await ask(say_junk, stage)
        assert (facts.sent, facts.ended) == (6, ended)
        assert stage.connections == 1

    async def test_a_server_that_never_has(self):
        async with serving(junk_server(1000, None)) as stage:
            facts = await ask(say_junk, stage)
        assert (facts.sent, facts.ended, len(facts.seconds)) == (MAX_JUNK_COMMANDS, "", MAX_JUNK_COMMANDS)
        assert len([line for line in stage.heard if line.startswith(b"X")]) == MAX_JUNK_COMMANDS

    async def test_a_server_that_slows_down(self):
        async with serving(junk_server(1000, None, pause=0.02)) as stage:
            facts = await ask(say_junk, stage)
        assert min(facts.seconds) >= 0.015

    async def test_a_server_that_falls_silent(self):
        async with serving(talking(capabilities=NO_TLS, rcpt=hang)) as stage:
            facts = await ask(say_junk, stage)
        assert facts.sent == MAX_JUNK_COMMANDS


class TestConnections:
    @pytest.mark.parametrize("role", [Role.MX, Role.SUBMISSIONS])
    async def test_a_server_with_a_limit(self, authority: Authority, role):
        most = 13

        async def greet(dialogue: Dialogue) -> None:
            if stage.open > most:
                await answers(b"421 4.7.0 too many connections\r\n")(dialogue)
                await leave(dialogue)
            await dialogue.default("greeting")

        context = server_context(authority.issue("many", TRUSTED["sound"]))
        async with serving(talking(role, context, greeting=greet)) as stage:
            facts = await ask(connect_many, stage, role)
            await stage.quiet()
        assert facts.served == most
        assert "421 4.7.0 too many connections" in facts.refusal
        assert stage.connections <= 20

    async def test_a_server_without(self):
        async with serving(talking()) as stage:
            approach = stage.approach(limits=SHORT)
            facts = await connect_many(approach, approach.transcript())
            await stage.quiet()
        assert (facts.tried, facts.served, facts.refusal) == (MAX_PARALLEL, MAX_PARALLEL, "")
        assert stage.connections == stage.most == MAX_PARALLEL
        assert approach.budget.effort().connections == MAX_PARALLEL

    async def test_a_server_that_drops(self):
        async def accept(dialogue: Dialogue) -> None:
            if stage.open > 25:
                await leave(dialogue)

        async with serving(talking(accept=accept)) as stage:
            facts = await ask(connect_many, stage)
        assert facts.served == 25
        assert facts.refusal

    async def test_nobody_is_served(self):
        async with serving(talking(greeting=answers(b"554 no\r\n"))) as stage:
            error = await absence(ask(connect_many, stage))
        assert error.absence is Absence.REFUSED_SERVICE

    async def test_a_limit_of_this_machine_is_none_of_the_server(self, monkeypatch):
        opened = []

        async def few(*given):
            if len(opened) == 5:
                raise PeerError(Absence.UNREACHABLE, "cannot connect to port 25: Too many open files")
            opened.append(given)
            return await connect(*given)

        monkeypatch.setattr("smtp_audit.probes.conversation.bounds.connect", few)
        async with serving(talking()) as stage:
            error = await absence(ask(connect_many, stage))
        assert "Too many open files" in error.reason

    async def test_the_budget_counts(self):
        async with serving(talking()) as stage:
            error = await absence(ask(connect_many, stage, budget=BudgetLimits(total=59)))
        assert error.absence is Absence.BUDGET
        assert stage.connections == 0

    async def test_two_endpoints_take_turns(self):
        async with serving(talking()) as one, serving(talking()) as other:
            await asyncio.gather(ask(connect_many, one), ask(connect_many, other))
        assert one.most == other.most == MAX_PARALLEL


class TestSilence:
    async def test_a_server_that_gives_up(self):
        async def give_up(dialogue: Dialogue) -> None:
            await NO_TLS(dialogue)
            await asyncio.sleep(0.1)
            await answers(b"421 4.4.2 timeout exceeded\r\n")(dialogue)
            await hang(dialogue)

        async with serving(talking(capabilities=give_up)) as stage:
            facts = await ask(keep_silent, stage)
        assert facts.silence.ended == "421 4.4.2 timeout exceeded"
        assert 0.08 < facts.silence.seconds < 0.4

    async def test_a_server_that_leaves(self):
        async def give_up(dialogue: Dialogue) -> None:
            await NO_TLS(dialogue)
            await leave(dialogue)

        async with serving(talking(capabilities=give_up)) as stage:
            facts = await ask(keep_silent, stage)
        assert facts.silence.ended == "the server closed the connection"

    async def test_a_server_that_waits(self):
        async with serving(talking(capabilities=NO_TLS)) as stage:
            facts = await ask(keep_silent, stage)
        assert facts.silence.ended == ""
        assert facts.silence.seconds >= 0.4
        assert [line.split()[0] for line in stage.heard] == [b"EHLO"]

    async def test_a_server_that_talks_to_itself(self):
        async def mumble(dialogue: Dialogue) -> None:
            await NO_TLS(dialogue)
            for _ in range(3):
                await answers(b"250 still there?\r\n")(dialogue)
            await hang(dialogue)

        async with serving(talking(capabilities=mumble)) as stage:
            facts = await ask(keep_silent, stage)
        assert facts.silence.ended == ""

    async def test_it_takes_the_place_of_nobody(self):
        async with serving(talking(capabilities=NO_TLS)) as stage:
            approach = stage.approach(limits=SHORT, budget=BudgetLimits(connections=1))
            other = stage.approach(limits=SHORT)
            other.budget = approach.budget
            silence = asyncio.create_task(keep_silent(approach, approach.transcript()))
            await asyncio.sleep(0.1)
            await say_junk(other, other.transcript())
            assert not silence.done()
            await silence


class TestMessage:
    async def test_it_is_never_completed(self):
        async with serving(_message_server()) as stage:
            facts = await ask(stall_a_message, stage, own="own@probe.example")
            await stage.quiet()
        assert facts.silence.ended == ""
        assert facts.silence.seconds >= 0.4
        assert b"RCPT TO:<own@probe.example>" in stage.heard
        assert stage.heard[-1].startswith(b"X-SMTP-Audit-Run: ")
        assert b"\r\n.\r\n" not in stage.octets

    @pytest.mark.parametrize("verb", [b"MAIL", b"RCPT", b"DATA"])
    async def test_a_server_that_refuses(self, verb):
        async with serving(_message_server(refused=verb)) as stage:
            facts = await ask(stall_a_message, stage, own="own@probe.example")
        assert "451 not now" in facts.silence.unknown

    async def test_no_mailbox_no_message(self):
        async with serving(_message_server()) as stage:
            error = await absence(ask(stall_a_message, stage))
        assert error.absence is Absence.NOT_AVAILABLE
        assert stage.connections == 0


def _message_server(refused: bytes = b""):
    async def script(peer: Peer) -> None:
        await peer.say("220 mail ESMTP")
        while line := await peer.line():
            verb = line.split()[0].upper()
            await peer.say("451 not now" if verb == refused else "354 go" if verb == b"DATA" else "250 ok")

    return script
