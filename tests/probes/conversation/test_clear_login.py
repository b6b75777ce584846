"""A login before TLS: the words for each protocol, said once, whatever the server does with them."""

from __future__ import annotations

import base64

import pytest

from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.observation import Absence
from smtp_audit.probes.conversation.clear_login import log_in_in_clear
from smtp_audit.probes.wire import PeerError
from tests.probes.stage import Peer, Stage, serving

GREETINGS = {
    Role.MX: ("220 mail ESMTP",),
    Role.SUBMISSION: ("220 mail ESMTP",),
    Role.IMAP: ("* OK ready",),
    Role.POP3: ("+OK ready",),
    Role.SIEVE: ('"SASL" ""', '"STARTTLS"', 'OK "ready"'),
}
VERBS = {
    Role.MX: b"AUTH",
    Role.SUBMISSION: b"AUTH",
    Role.IMAP: b"LOGIN",
    Role.POP3: b"USER",
    Role.SIEVE: b"AUTHENTICATE",
}


def server(role: Role, *answers: str, leave: bool = False, hang: bool = False):
    """Greets, lists, and gives these answers to the login, one for each line of it."""

    async def script(peer: Peer) -> None:
        await peer.say(*GREETINGS[role])
        left = list(answers)
        while True:
            line = await peer.line()
            word = line.split()[1 if role is Role.IMAP else 0].upper()
            tag = line.split()[0].decode()
            if word == b"EHLO":
                await peer.say("250-mail", "250 STARTTLS")
            elif word == b"CAPABILITY":
                await peer.say("* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED", f"{tag} OK done")
            elif word == b"CAPA":
                await peer.say("+OK", "STLS", ".")
            elif left:
                await peer.say(left.pop(0).replace("TAG", tag))
            elif hang:
                await peer.hang()
            elif leave:
                return

    return script


async def facts_of(stage: Stage, role: Role):
    approach = stage.approach(role)
    transcript = approach.transcript()
    return await log_in_in_clear(approach, transcript), transcript


def tried(stage: Stage, role: Role) -> list[bytes]:
    return [line for line in stage.heard if VERBS[role] in line.upper().split()[:2]]


ANSWERS = {
    Role.MX: "503 5.5.1 not enabled",
    Role.SUBMISSION: "530 5.7.0 STARTTLS first",
    Role.IMAP: "TAG NO [PRIVACYREQUIRED] no",
    Role.POP3: "-ERR no",
    Role.SIEVE: "NO (ENCRYPT-NEEDED)",
}


@pytest.mark.parametrize("role", sorted(ANSWERS))
async def test_one_refusal(role):
    async with serving(server(role, ANSWERS[role], leave=True)) as stage:
        facts, transcript = await facts_of(stage, role)
    assert stage.connections == 1
    assert len(tried(stage, role)) == 1
    answer = ANSWERS[role].replace("TAG ", "")
    assert str(facts.attempt.last.reply) == answer
    assert facts.role is role
    assert facts.announced == ()
    assert not facts.attempt.inside_tls
    # The secret is nobody's, and shown nowhere all the same.
    secret = tried(stage, role)[0].split()[-1].strip(b'"')
    shown = "\n".join(line.text for line in transcript.lines) + str(facts)
    assert secret.decode() not in shown


@pytest.mark.parametrize("role", [Role.SUBMISSION, Role.SIEVE])
async def test_the_secret_is_made_up_anew(role):
    async with serving(server(role, ANSWERS[role], leave=True)) as stage:
        await facts_of(stage, role)
        await facts_of(stage, role)
    first, second = tried(stage, role)
    assert first != second
    _, user, secret = base64.b64decode(first.split()[-1].strip(b'"')).split(b"\0")
    assert user == b"smtp-audit-" + secret


async def test_pass_follows_a_user_that_is_taken():
    async with serving(server(Role.POP3, "+OK", "-ERR [AUTH] no", leave=True)) as stage:
        facts, _ = await facts_of(stage, Role.POP3)
    assert [exchange.sent for exchange in facts.attempt.exchanges] == ["USER <made-up user>", "PASS <made-up secret>"]
    assert facts.attempt.last.reply.code == "-ERR"


@pytest.mark.parametrize("role", sorted(ANSWERS))
async def test_who_hangs_up_on_it_is_not_asked_again(role):
    async with serving(server(role, leave=True)) as stage:
        facts, _ = await facts_of(stage, role)
    assert stage.connections == 1
    assert len(tried(stage, role)) == 1
    assert "closed the connection" in facts.attempt.last.ended


@pytest.mark.parametrize("role", sorted(ANSWERS))
async def test_nor_is_who_says_nothing(role):
    async with serving(server(role, hang=True)) as stage:
        facts, _ = await facts_of(stage, role)
    assert len(tried(stage, role)) == 1
    assert facts.attempt.last.ended
    assert not facts.attempt.last.replies


@pytest.mark.parametrize("role", sorted(ANSWERS))
async def test_nor_is_who_talks_nonsense(role):
    async with serving(server(role, "\x00\xff what?", leave=True)) as stage:
        facts, _ = await facts_of(stage, role)
    assert len(tried(stage, role)) == 1
    assert facts.attempt.unknown


async def test_421_is_an_answer():
    async with serving(server(Role.MX, "421 4.7.0 go away", leave=True)) as stage:
        facts, _ = await facts_of(stage, Role.MX)
    assert stage.connections == 1
    assert facts.attempt.last.reply.code == "421"


async def test_who_turns_it_away_before_is_asked_again():
    """Nothing was sent yet."""
    first = True

    async def script(peer: Peer) -> None:
        nonlocal first
        if first:
            first = False
            await peer.say("421 4.7.0 too many connections")
            return
        await server(Role.MX, ANSWERS[Role.MX], leave=True)(peer)

    async with serving(script) as stage:
        facts, _ = await facts_of(stage, Role.MX)
    assert stage.connections == 2
    assert facts.attempt.last.refused


async def test_no_greeting_is_no_fact():
    async def script(peer: Peer) -> None:
        await peer.say("554 not you")

    async with serving(script) as stage:
        with pytest.raises(PeerError) as error:
            await facts_of(stage, Role.MX)
    assert error.value.absence is Absence.REFUSED_SERVICE
