"""The border between clear text and TLS: an answer to a command from before it is seen, and none is made up."""

from __future__ import annotations

import ssl
import time

import pytest

from smtp_audit.facts.endpoint import Protocol, Role
from smtp_audit.facts.handshake import StarttlsBoundaryFacts
from smtp_audit.facts.observation import Absence
from smtp_audit.lab.authority import Authority
from smtp_audit.probes import boundary
from smtp_audit.probes.boundary import CONFIRMATIONS, cross_the_border
from smtp_audit.probes.wire import PeerError
from tests.hostile.acts import hang, leave, read_the_hello, say, then, usual, when
from tests.hostile.dialogue import Act, Dialogue
from tests.hostile.records import alert

from .stage import Script, Stage, server_context, serving, talking
from .tls.test_trust import TRUSTED

ROLES = [Role.MX, Role.SUBMISSION, Role.IMAP, Role.POP3, Role.SIEVE]

ANSWERS = {
    Protocol.SMTP: b"250 2.0.0 ok\r\n",
    Protocol.IMAP: b"x7f1 OK done\r\n",
    Protocol.POP3: b"-ERR not here\r\n",
    Protocol.SIEVE: b'OK (TAG "x7f1") "done"\r\n',
}


@pytest.fixture(autouse=True)
def short_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boundary, "QUIET_SECONDS", 0.2)


@pytest.fixture
def context(authority: Authority) -> ssl.SSLContext:
    return server_context(authority.issue("boundary", TRUSTED["sound"]))


async def cross(stage: Stage, role: Role) -> StarttlsBoundaryFacts:
    approach = stage.approach(role)
    return await cross_the_border(approach, approach.transcript())


async def vulnerable(dialogue: Dialogue) -> None:
    """Keeps what came with STARTTLS, and answers it inside."""
    await usual("handshake")(dialogue)
    await dialogue.wire.send(ANSWERS[dialogue.role.protocol])


@pytest.mark.parametrize("role", ROLES)
class TestEveryProtocol:
    async def test_a_sound_server_forgets_it(self, context, role):
        async with serving(talking(role, context)) as stage:
            facts = await cross(stage, role)
            assert stage.connections == 1
        assert facts.offered
        assert facts.command
        assert (facts.answered_inside, facts.clear_text, facts.refused) == ("", "", "")

    async def test_a_vulnerable_one_answers_it(self, context, role):
        async with serving(talking(role, context, handshake=vulnerable)) as stage:
            facts = await cross(stage, role)
        assert facts.answered_inside == ANSWERS[role.protocol].decode().strip()

    async def test_the_command_stands_in_one_segment_with_starttls(self, context, role):
        segments = []

        async def watch(dialogue: Dialogue) -> None:
            segments.append(bytes(dialogue.wire._buffer))
            await usual("starttls")(dialogue)

        async with serving(talking(role, context, starttls=watch)) as stage:
            facts = await cross(stage, role)
        assert segments == [facts.command.encode() + b"\r\n"]

    async def test_clear_text_behind_the_yes(self, context, role):
        both = then(usual("starttls"), say(b"250 ok, said in clear\r\n"), hang)
        async with serving(talking(role, context, starttls=both)) as stage:
            facts = await cross(stage, role)
        assert "said in clear" in facts.clear_text
        assert facts.answered_inside == ""

    async def test_starttls_that_is_not_offered(self, context, role):
        bare = {
            Protocol.SMTP: say(b"250 mail\r\n"),
            Protocol.IMAP: lambda dialogue: say(b"* CAPABILITY IMAP4rev1\r\n" + _tag(dialogue) + b" OK\r\n")(dialogue),
            Protocol.POP3: say(b"+OK\r\nUIDL\r\n.\r\n"),
            Protocol.SIEVE: say(b'"SIEVE" ""\r\nOK\r\n'),
        }[role.protocol]
        greeting = say(b'"SIEVE" ""\r\nOK\r\n') if role is Role.SIEVE else usual("greeting")
        async with serving(talking(role, context, capabilities=bare, greeting=greeting)) as stage:
            assert await cross(stage, role) == StarttlsBoundaryFacts(offered=False)


def _tag(dialogue: Dialogue) -> bytes:
    return dialogue.line.split(b" ")[0]


def behind(dialogue: Dialogue) -> bool:
    """Whether something stands behind STARTTLS."""
    return bool(dialogue.wire._buffer)


class TestUnclear:
    async def trouble(self, context: ssl.SSLContext, **acts: Act) -> PeerError:
        began = time.monotonic()
        async with serving(talking(Role.MX, context, **acts)) as stage:
            with pytest.raises(PeerError) as caught:
                await cross(stage, Role.MX)
        assert time.monotonic() - began < 8
        return caught.value

    @pytest.mark.parametrize("code", [421, 454])
    async def test_no_for_now_is_waited_out(self, context, code):
        busy = when(lambda dialogue: dialogue.number < 3, say(b"%d 4.7.0 busy\r\n" % code), usual("starttls"))
        async with serving(talking(Role.MX, context, starttls=busy)) as stage:
            facts = await cross(stage, Role.MX)
            assert stage.connections == 3
        assert (facts.answered_inside, facts.clear_text, facts.refused) == ("", "", "")

    async def test_no_for_now_for_good_is_not_known(self, context):
        error = await self.trouble(context, starttls=say(b"454 4.7.0 not now\r\n"))
        assert error.absence is Absence.REFUSED_SERVICE

    async def test_a_refusal_of_what_is_behind_is_told(self, context):
        async with serving(talking(Role.MX, context, starttls=say(b"554 5.7.0 pipelining\r\n"))) as stage:
            facts = await cross(stage, Role.MX)
        assert "554" in facts.refused

    async def test_clear_text_at_the_place_of_the_handshake(self, context):
        async with serving(
            talking(
                Role.MX,
                context,
                handshake=when(behind, then(read_the_hello, say(b"250 2.0.0 ok\r\n"), hang), usual("handshake")),
            )
        ) as stage:
            facts = await cross(stage, Role.MX)
        assert facts.clear_text == "250 2.0.0 ok"

    @pytest.mark.parametrize(
        "octets", [b"", b"\x15\x03\x03\0\x02\x02\x28", b"\x99\xff\0" * 30], ids=["closes", "an alert", "noise"]
    )
    @pytest.mark.parametrize("first", [read_the_hello, say(b"")], ids=["at the hello", "before it"])
    async def test_no_handshake_is_not_known(self, context, octets, first):
        """What is neither text nor a handshake answers no command."""
        assert await self.trouble(context, handshake=then(first, say(octets), leave))

    async def test_silence_is_not_known(self, context):
        assert (await self.trouble(context, handshake=hang)).absence is Absence.TIMEOUT

    async def test_silence_inside_is_not_known(self, context):
        assert (await self.trouble(context, quit=hang)).absence is Absence.TIMEOUT

    async def test_closing_inside_is_not_known(self, context):
        assert (await self.trouble(context, handshake=then(usual("handshake"), leave))).absence is Absence.DROPPED

    async def test_a_flood_inside_is_bounded(self, context):
        async def flood(dialogue: Dialogue) -> None:
            while True:
                await dialogue.wire.send(b"250-more\r\n" * 500)

        async with serving(talking(Role.MX, context, quit=flood)) as stage:
            facts = await cross(stage, Role.MX)
        assert facts.answered_inside == "250-more"

    async def test_a_line_without_end_inside_is_bounded(self, context):
        assert (await self.trouble(context, quit=say(b"x" * 100_000))).absence is Absence.MALFORMED

    async def test_what_it_says_is_escaped(self, context):
        async def answer(dialogue: Dialogue) -> None:
            await usual("handshake")(dialogue)
            await dialogue.wire.send(b"250 \x1b[2J\0<b>\xff" + b"A" * 3000 + b"\r\n")

        async with serving(talking(Role.MX, context, handshake=answer)) as stage:
            facts = await cross(stage, Role.MX)
        assert facts.answered_inside.startswith("250 ")
        assert facts.answered_inside.isprintable()
        assert len(facts.answered_inside) < 400


async def test_clear_text_where_no_handshake_ever_worked_is_for_nothing_that_stood_behind(context):
    act = then(read_the_hello, say(b"HTTP/1.1 400 Bad Request\r\n"), hang)
    async with serving(talking(Role.MX, context, handshake=act)) as stage:
        approach = stage.approach(Role.MX)
        with pytest.raises(PeerError, match="no TLS session"):
            await cross_the_border(approach, approach.transcript())


def giving_up(context: ssl.SSLContext, role: Role, how: Act, *, lasting: bool = True) -> Script:
    """Ends the handshake when something stands behind STARTTLS; not `lasting`: the last time that is tried it works."""
    tried = 0

    async def handshake(dialogue: Dialogue) -> None:
        nonlocal tried
        tried += behind(dialogue)
        if behind(dialogue) and (lasting or tried < CONFIRMATIONS):
            await then(how, leave)(dialogue)
        await usual("handshake")(dialogue)

    return talking(role, context, handshake=handshake)


class TestHandshakesThatFailBehindIt:
    """Dovecot hands everything behind STARTTLS to OpenSSL, which finds no handshake there."""

    @pytest.mark.parametrize("how", [b"", alert(80), alert(10)], ids=["closes", "internal error", "unexpected"])
    @pytest.mark.parametrize("first", [read_the_hello, say(b"")], ids=["at the hello", "before it"])
    @pytest.mark.parametrize("role", ROLES)
    async def test_each_time_is_a_refusal(self, context, role, how, first):
        async with serving(giving_up(context, role, then(first, say(how)))) as stage:
            facts = await cross(stage, role)
            assert stage.connections == 2 * CONFIRMATIONS
        assert "each time; without the command it succeeds" in facts.refused
        assert (facts.answered_inside, facts.clear_text) == ("", "")

    async def test_but_once_is_none(self, context):
        async with serving(giving_up(context, Role.MX, say(b""), lasting=False)) as stage:
            facts = await cross(stage, Role.MX)
        assert facts.refused == ""
