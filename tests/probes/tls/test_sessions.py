"""Resumption: a session that was offered again was taken, or not, or it is not known."""

from __future__ import annotations

import ssl

import pytest

from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.handshake import VersionSession
from smtp_audit.facts.tls import TlsVersion
from smtp_audit.lab.authority import Authority
from smtp_audit.probes.tls import encrypted, sessions
from smtp_audit.probes.tls.encrypted import Carried, carry_through
from smtp_audit.probes.tls.sessions import resumption
from smtp_audit.probes.tls.tls13.handshake import Handshake13
from smtp_audit.probes.tls.tls13.messages import Ticket
from tests.hostile.acts import hang, leave, read_the_hello, say, then, usual, when
from tests.hostile.dialogue import Act
from tests.probes.stage import HOST, Stage, server_context, serving, talking

from .scripted import prober
from .test_trust import TRUSTED
from .tls13.test_handshake_openssl import s_server

SSL3, TLS12, TLS13 = TlsVersion.SSL3, TlsVersion.TLS12, TlsVersion.TLS13
ROLES = [Role.MX, Role.IMAP, Role.IMAPS, Role.POP3, Role.SIEVE, Role.SUBMISSIONS]


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encrypted, "TICKET_SECONDS", 0.3)
    monkeypatch.setattr(sessions, "TICKET_SECONDS", 0.3)


@pytest.fixture
def context(authority: Authority) -> ssl.SSLContext:
    return server_context(authority.issue("sessions", TRUSTED["sound"]))


async def resume(
    stage: Stage, version: TlsVersion, carried: Carried | None = None, role: Role = Role.MX
) -> VersionSession:
    approach = stage.approach(role)
    return await resumption(approach, approach.transcript(), version, carried)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("version", [TLS12, TLS13])
async def test_a_ticket_is_taken(context, role, version):
    async with serving(talking(role, context)) as stage:
        seen = await resume(stage, version, role=role)
        assert stage.connections == 2
    assert (seen.resumed, seen.by) == (True, "ticket")
    assert seen.lifetime == 7200


@pytest.mark.parametrize(("options", "wanted"), [(("-no_ticket",), True), (("-no_ticket", "-no_cache"), False)])
async def test_session_ids_of_openssl(authority, options, wanted):
    """It forgets the session of a connection that ends without close_notify."""
    pem = authority.issue("sessions", TRUSTED["sound"])
    with s_server(pem, "-tls1_2", *options) as port:
        seen = await resume(Stage(port=port), TLS12, role=Role.IMAPS)
    assert seen.resumed is wanted
    assert (seen.by, seen.lifetime) == ("session id" if wanted else "", None)


async def test_tickets_that_nobody_takes_back(authority):
    """A server with several machines behind it, each with a key of its own."""
    pem = authority.issue("sessions", TRUSTED["sound"])

    async def another(dialogue) -> None:
        dialogue.context = server_context(pem)
        await usual("handshake")(dialogue)

    async with serving(talking(Role.MX, server_context(pem), handshake=another)) as stage:
        seen = await resume(stage, TLS12)
    assert seen.resumed is False


async def test_a_server_without_sessions(context):
    context.num_tickets = 0
    async with serving(talking(Role.MX, context)) as stage:
        seen = await resume(stage, TLS13)
    assert seen.resumed is False


@pytest.mark.parametrize(
    "second",
    [then(read_the_hello, leave), then(read_the_hello, hang), say(b"clear text " * 9)],
    ids=["leaves", "hangs", "clear text"],
)
async def test_no_second_handshake_leaves_it_open(context, second: Act):
    act = when(lambda dialogue: dialogue.number == 1, usual("handshake"), second)
    async with serving(talking(Role.MX, context, handshake=act)) as stage:
        seen = await resume(stage, TLS12)
    assert seen.resumed is None
    assert seen.detail


async def test_no_handshake_at_all_leaves_it_open(context):
    for act in (leave, hang, say(b"\x15\x03\x03\0\x02\x02\x28")):
        async with serving(talking(Role.MX, context, handshake=act)) as stage:
            assert (await resume(stage, TLS12)).resumed is None


async def test_starttls_that_is_gone_leaves_it_open(context):
    async with serving(talking(Role.MX, context, capabilities=say(b"250 mail\r\n"))) as stage:
        seen = await resume(stage, TLS12)
    assert seen.resumed is None
    assert "no longer offered" in seen.detail


async def test_a_version_that_openssl_does_not_have(context):
    async with serving(talking(Role.MX, context)) as stage:
        seen = await resume(stage, SSL3)
        assert stage.connections == 0
    assert seen.resumed is None


class TestTickets:
    async def carried(self, stage: Stage) -> Carried:
        return await carry_through(prober(stage, TLS13, role=Role.MX), server_name=HOST, tickets=True)

    async def test_of_the_handshake_that_was_carried_through(self, context):
        async with serving(talking(Role.MX, context)) as stage:
            seen = await resume(stage, TLS13, await self.carried(stage))
        assert (seen.lifetime, seen.early_data) == (7200, 0)

    async def test_no_ticket_allows_no_early_data(self, context):
        context.num_tickets = 0
        async with serving(talking(Role.MX, context)) as stage:
            seen = await resume(stage, TLS13, await self.carried(stage))
        assert (seen.lifetime, seen.early_data) == (None, 0)

    async def test_no_answer_inside_is_no_answer_about_early_data(self, context):
        context.num_tickets = 0
        async with serving(talking(Role.MX, context, handshake=then(usual("handshake"), hang))) as stage:
            seen = await resume(stage, TLS13, await self.carried(stage))
        assert seen.early_data is None

    async def test_a_handshake_that_was_not_carried_through(self, context):
        async with serving(talking(Role.MX, context)) as stage:
            seen = await resume(stage, TLS13, Carried(trouble="why"))
        assert seen.early_data is None

    @pytest.mark.parametrize("lifetime", [0, 604800, 2**32 - 1])
    async def test_the_worst_of_all_counts(self, context, lifetime):
        class Done(Handshake13):
            done = True
            tickets = (Ticket(0), Ticket(lifetime, 16384), Ticket(1))

        async with serving(talking(Role.MX, context)) as stage:
            seen = await resume(stage, TLS13, Carried(Done(None)))
        assert (seen.lifetime, seen.early_data) == (max(lifetime, 1), 16384)
