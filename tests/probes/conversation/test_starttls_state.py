"""What is left of a transaction across STARTTLS, told by servers that forget, keep, refuse, leave and mumble."""

from __future__ import annotations

import ssl

import pytest

from smtp_audit.facts.endpoint import Role
from smtp_audit.lab.authority import Authority
from smtp_audit.probes.conversation.starttls_state import look_across_starttls
from smtp_audit.probes.wire import PeerError
from tests.hostile.acts import hang, inside_tls, leave, then, usual, when
from tests.hostile.acts import say as answers
from tests.hostile.dialogue import Dialogue
from tests.probes.stage import Stage, server_context, serving, talking
from tests.probes.tls.test_trust import TRUSTED

CLEAR_ONLY = b"250-mail.probe.example\r\n250 PIPELINING\r\n"
NOT_INSIDE = b"503 5.5.1 need MAIL\r\n"


@pytest.fixture
def context(authority: Authority) -> ssl.SSLContext:
    return server_context(authority.issue("state", TRUSTED["sound"]))


async def keep(dialogue: Dialogue) -> None:
    """Go on inside TLS with what was said before."""
    await dialogue.default("handshake")
    dialogue.begun = True


async def no_arguments(dialogue: Dialogue) -> None:
    """STARTTLS alone begins TLS."""
    if dialogue.line != b"STARTTLS":
        await dialogue.wire.send(b"501 5.5.4 no parameters here\r\n")
        assert await dialogue.wire.line() == b"QUIT"
        await leave(dialogue)
    await dialogue.default("starttls")


def forgetful(context: ssl.SSLContext, **acts):
    """Answers RCPT inside TLS with 503, whatever was said before."""
    rcpt = when(inside_tls, answers(NOT_INSIDE), usual("rcpt"))
    return talking(Role.MX, context, **{"rcpt": rcpt, "starttls": no_arguments, **acts})


def look(stage: Stage, role: Role = Role.MX, **more):
    approach = stage.approach(role, domain="probe.example", **more)
    return look_across_starttls(approach, approach.transcript())


def codes(dialogue) -> list[str]:
    return [reply.code for exchange in dialogue.exchanges for reply in exchange.replies]


def verbs(stage: Stage) -> list[str]:
    return [line.split()[0].decode().upper() for line in stage.heard]


async def test_a_server_that_forgets(context):
    async with serving(forgetful(context)) as stage:
        facts = await look(stage)
    assert facts.offered
    assert codes(facts.mail_before) == ["250"]
    assert codes(facts.recipient_after) == ["250", "220", "503"]
    assert facts.recipient_after.inside_tls
    assert codes(facts.recipient_without_mail) == codes(facts.again) == ["503"]
    assert codes(facts.argument) == ["501"]
    assert stage.connections == 2
    # RCPT is the first word inside TLS, and no message is begun.
    assert verbs(stage)[:4] == ["EHLO", "MAIL", "STARTTLS", "RCPT"]
    assert "DATA" not in verbs(stage)


async def test_a_server_that_keeps(context):
    async with serving(forgetful(context, rcpt=answers(b"250 2.1.5 ok\r\n"), handshake=keep)) as stage:
        facts = await look(stage)
    assert codes(facts.recipient_after) == ["250", "220", "250"]


async def test_mail_only_inside(context):
    async with serving(talking(Role.SUBMISSION, context)) as stage:
        facts = await look(stage, Role.SUBMISSION)
    assert codes(facts.mail_before) == ["530"]
    assert not facts.argument.unknown


async def test_no_starttls(context):
    async with serving(talking(Role.MX, context, capabilities=answers(CLEAR_ONLY))) as stage:
        facts = await look(stage)
    assert not facts.offered
    assert stage.connections == 1


async def test_no_starttls_where_there_was_one(context):
    async with serving(talking(Role.MX, context, capabilities=answers(CLEAR_ONLY))) as stage:
        approach = stage.approach()
        approach.tls_expected = True
        with pytest.raises(PeerError, match="offered before"):
            await look_across_starttls(approach, approach.transcript())


async def test_no_starttls_within_a_transaction(context):
    seen: list[int] = []

    async def mail(dialogue: Dialogue) -> None:
        seen.append(dialogue.number)
        await dialogue.default("mail")

    async def refuse(dialogue: Dialogue) -> None:
        await dialogue.wire.send(b"503 5.5.1 RSET first\r\n")
        while (await dialogue.wire.line()) != b"QUIT":
            pass
        await leave(dialogue)

    async with serving(talking(Role.MX, context, mail=mail, starttls=refuse)) as stage:
        facts = await look(stage)
    assert codes(facts.recipient_after) == ["250", "503"]
    assert not facts.recipient_after.inside_tls
    assert facts.recipient_without_mail.unknown


@pytest.mark.parametrize("act", [leave, hang])
async def test_a_server_that_ends_it_is_asked_once_more(context, act):
    async with serving(forgetful(context, rcpt=act, handshake=keep)) as stage:
        facts = await look(stage)
    assert facts.recipient_after.last.ended
    assert codes(facts.again) == ["503"]
    assert facts.recipient_without_mail.unknown
    assert stage.connections == 4
    assert codes(facts.argument) == ["501"]


async def test_a_server_that_has_counted_too_many_errors_is_asked_once_more(context):
    """chasquid hangs up at the third error of a session, whatever it is."""
    counted = when(
        lambda dialogue: dialogue.number == 1, then(answers(b"421 too many errors\r\n"), leave), no_arguments
    )
    async with serving(forgetful(context, starttls=when(inside_tls, counted, no_arguments))) as stage:
        facts = await look(stage)
    assert codes(facts.recipient_without_mail) == ["503"]
    assert codes(facts.again) == ["503"]


async def test_a_server_that_begins_tls_at_an_argument_is_left_alone(context):
    async def at_once(dialogue: Dialogue) -> None:
        if dialogue.line != b"STARTTLS":
            await answers(b"220 go ahead\r\n")(dialogue)
            assert await dialogue.wire.take() == b""  # neither a handshake nor a goodbye in clear
        await dialogue.default("starttls")

    async with serving(forgetful(context, starttls=at_once)) as stage:
        facts = await look(stage)
    assert codes(facts.argument) == ["220"]


@pytest.mark.parametrize("step", ["greeting", "capabilities", "mail", "starttls", "handshake"])
@pytest.mark.parametrize("act", [leave, answers(b"nonsense\r\n"), answers(b"250-a\r\n251 b\r\n")])
async def test_whatever_happens_before_tells_nothing(context, step, act):
    async with serving(forgetful(context, **{step: act})) as stage:
        try:
            facts = await look(stage)
        except PeerError:
            return
    after = facts.recipient_after
    assert after.unknown or not after.exchanges or after.last.ended or not facts.mail_before.last.accepted


async def test_nonsense_inside_costs_nothing_of_what_was_seen(context):
    inside = when(inside_tls, answers(b"hello?\r\n"), usual("capabilities"))
    async with serving(forgetful(context, capabilities=inside)) as stage:
        facts = await look(stage)
    assert codes(facts.recipient_after) == ["250", "220", "503"]
    assert "not an SMTP reply" in facts.recipient_without_mail.unknown
    assert "not an SMTP reply" in facts.again.unknown
