"""Mailbox servers up to a login: what they announce, who they are, and STARTTLS once more."""

from __future__ import annotations

import ssl

import pytest

from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.observation import Absence
from smtp_audit.lab.authority import Authority
from smtp_audit.probes.conversation.mailbox_access import look_at_mailbox_access
from smtp_audit.probes.wire import PeerError
from tests.hostile.acts import hang, inside_tls, leave, usual, when
from tests.hostile.acts import say as answers
from tests.probes.stage import Stage, server_context, serving, talking
from tests.probes.tls.test_trust import TRUSTED

ROLES = [Role.IMAP, Role.IMAPS, Role.POP3, Role.POP3S, Role.SIEVE]
STARTING = [Role.IMAP, Role.POP3, Role.SIEVE]


@pytest.fixture
def context(authority: Authority) -> ssl.SSLContext:
    return server_context(authority.issue("mailboxes", TRUSTED["sound"]))


async def look(stage: Stage, role: Role, *, tls_expected: bool = True):
    approach = stage.approach(role)
    approach.tls_expected = tls_expected
    return await look_at_mailbox_access(approach, approach.transcript())


@pytest.mark.parametrize("role", ROLES)
async def test_a_sound_server_on_one_connection(context, role):
    async with serving(talking(role, context)) as stage:
        facts = await look(stage, role)
    assert stage.connections == 1
    assert facts.offered
    assert (facts.before_tls is None) is (role not in STARTING)
    assert any("PLAIN" in line for line in facts.after_tls)
    assert facts.second_starttls.inside_tls
    assert facts.second_starttls.last.reply.code in ("BAD", "-ERR", "NO")
    # ID is for IMAP alone.
    assert bool(facts.identification.exchanges) is (role in (Role.IMAP, Role.IMAPS))


@pytest.mark.parametrize("role", STARTING)
async def test_without_starttls_there_is_no_inside(context, role):
    lines = {
        Role.IMAP: {"capabilities": answers(b"* CAPABILITY IMAP4rev1\r\na1 OK done\r\n")},
        Role.POP3: {"capabilities": answers(b"+OK\r\nUIDL\r\n.\r\n")},
        Role.SIEVE: {"greeting": answers(b'"SASL" "PLAIN"\r\nOK "ready"\r\n')},
    }[role]
    async with serving(talking(role, context, **lines)) as stage:
        facts = await look(stage, role, tls_expected=False)
        assert not facts.offered
        assert facts.after_tls is None
        assert not facts.second_starttls.exchanges
        with pytest.raises(PeerError) as error:
            await look(stage, role, tls_expected=True)
    assert error.value.absence is Absence.REFUSED_SERVICE


@pytest.mark.parametrize("role", STARTING)
@pytest.mark.parametrize("act", [leave, hang])
@pytest.mark.parametrize("step", ["starttls", "handshake"])
async def test_what_breaks_off_on_the_way_to_tls_keeps_what_was_seen(context, role, step, act):
    async with serving(talking(role, context, **{step: act})) as stage:
        facts = await look(stage, role)
    assert facts.offered
    assert facts.before_tls is not None
    assert facts.after_tls is None
    assert facts.after_tls_unknown
    assert facts.second_starttls.unknown


@pytest.mark.parametrize("role", STARTING)
async def test_starttls_that_is_refused(context, role):
    refusal = {Role.IMAP: b"a2 NO not now\r\n", Role.POP3: b"-ERR not now\r\n", Role.SIEVE: b'NO "not now"\r\n'}[role]
    script = talking(role, context, starttls=answers(refusal), handshake=hang)
    async with serving(script) as stage:
        facts = await look(stage, role)
    assert "not now" in facts.after_tls_unknown


async def test_managesieve_that_does_not_list_again(context):
    """RFC 5804 section 2.2: it has to, by itself."""
    async with serving(
        talking(Role.SIEVE, context, capabilities=when(inside_tls, hang, usual("capabilities")))
    ) as stage:
        facts = await look(stage, Role.SIEVE)
    assert facts.after_tls is None
    assert facts.after_tls_unknown


@pytest.mark.parametrize("role", ROLES)
async def test_nonsense_inside_tls_is_no_second_start(context, role):
    sending = when(inside_tls, answers(b"\xff what\r\n"), usual("capabilities"))
    if role is Role.IMAPS:
        async with serving(talking(role, context, capabilities=sending)) as stage:
            with pytest.raises(PeerError):
                await look(stage, role)
        return
    async with serving(talking(role, context, capabilities=sending)) as stage:
        if role in (Role.POP3S,):
            with pytest.raises(PeerError):
                await look(stage, role)
        else:
            facts = await look(stage, role)
            assert "what" in facts.after_tls_unknown
