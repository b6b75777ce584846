"""What becomes of a command behind STARTTLS: answered inside, forgotten, refused, or the end of the handshake."""

from __future__ import annotations

import ssl

import pytest

from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.handshake import StarttlsBoundaryFacts
from smtp_audit.lab.authority import Authority
from smtp_audit.probes import budget
from smtp_audit.probes.boundary import CONFIRMATIONS, cross_the_border
from smtp_audit.probes.wire import PeerError
from tests.hostile.acts import say
from tests.hostile.dialogue import Dialogue
from tests.hostile.records import alert
from tests.hostile.wire import Left

from .stage import Peer, Script, Stage, server_context, serving, talking
from .tls.test_trust import TRUSTED

STARTTLS = [Role.MX, Role.IMAP, Role.POP3, Role.SIEVE]


@pytest.fixture
def context(authority: Authority) -> ssl.SSLContext:
    return server_context(authority.issue("boundary", TRUSTED["sound"]))


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "FIRST_PAUSE", 0.0)


async def cross(stage: Stage, role: Role = Role.MX) -> StarttlsBoundaryFacts:
    approach = stage.approach(role)
    return await cross_the_border(approach, approach.transcript())


def giving_up(context: ssl.SSLContext, role: Role, how: bytes, *, lasting: bool = True, always: bool = False) -> Script:
    """Ends the handshake (after these octets) when something stands behind STARTTLS; `always`: also when nothing does.

    Not `lasting`: the last time that it is tried the handshake works.
    """
    tried = 0

    async def handshake(dialogue: Dialogue) -> None:
        nonlocal tried
        peer = dialogue.wire
        assert isinstance(peer, Peer)
        # The command came in one segment with STARTTLS, and the hello waits for our answer.
        behind = peer.behind_starttls()
        tried += behind
        if always or (behind and (lasting or tried < CONFIRMATIONS)):
            if how:
                await dialogue.wire.put(how)
            raise Left
        await dialogue.default("handshake")

    return talking(role, context, handshake=handshake)


@pytest.mark.parametrize("role", STARTTLS)
async def test_a_sound_server_forgets_it(context, role):
    async with serving(talking(role, context)) as stage:
        facts = await cross(stage, role)
    assert (facts.answered_inside, facts.clear_text, facts.refused) == ("", "", "")
    assert facts.offered


@pytest.mark.parametrize("how", [b"", alert(80), alert(10)])
@pytest.mark.parametrize("role", STARTTLS)
async def test_a_handshake_that_fails_behind_it_each_time_is_a_refusal(context, role, how):
    async with serving(giving_up(context, role, how)) as stage:
        facts = await cross(stage, role)
    assert "each time; without the command it succeeds" in facts.refused
    assert stage.connections == 2 * CONFIRMATIONS


async def test_a_handshake_that_once_works_behind_it_is_none(context):
    async with serving(giving_up(context, Role.MX, b"", lasting=False)) as stage:
        facts = await cross(stage)
    assert facts.refused == ""


@pytest.mark.parametrize("how", [b"", alert(80)])
async def test_a_handshake_that_fails_without_it_too_tells_nothing(context, how):
    async with serving(giving_up(context, Role.MX, how, always=True)) as stage:
        with pytest.raises(PeerError):
            await cross(stage)


async def test_a_silent_handshake_tells_nothing(context):
    async def silent(dialogue: Dialogue) -> None:
        await dialogue.wire.hang()

    async with serving(talking(Role.MX, context, handshake=silent)) as stage:
        with pytest.raises(PeerError, match="no end of the TLS handshake"):
            await cross(stage)


async def test_a_reply_that_says_no(context):
    async with serving(talking(Role.MX, context, starttls=say(b"501 5.5.2 not so fast\r\n"))) as stage:
        facts = await cross(stage)
    assert facts.refused.startswith("501")
