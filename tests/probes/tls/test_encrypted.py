"""Handshakes of TLS 1.3 carried through, against Python's servers and against peers that end them at every place."""

from __future__ import annotations

import ssl
import time

import pytest

from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.tls import TlsVersion
from smtp_audit.lab.authority import Authority
from smtp_audit.probes.tls import encrypted
from smtp_audit.probes.tls.ask import TRIES, Prober
from smtp_audit.probes.tls.encrypted import Carried, carry_through, signatures_of_tls13
from smtp_audit.probes.tls.parameters import ECDSA_SIGNATURES, RSA_SIGNATURES
from tests.hostile.acts import answer_hello, for_hellos, hang, leave, read_the_hello, say, then, usual, when
from tests.hostile.dialogue import Act
from tests.hostile.flights import retry_request
from tests.hostile.records import Hello, alert, record, server_hello
from tests.probes.stage import HOST, QUICK, Stage, server_context, serving, talking

from .scripted import prober
from .test_trust import TRUSTED

TLS12, TLS13 = TlsVersion.TLS12, TlsVersion.TLS13
ROLES = [Role.MX, Role.SUBMISSION, Role.SUBMISSIONS, Role.IMAP, Role.IMAPS, Role.POP3, Role.POP3S, Role.SIEVE]
HASTY = QUICK.model_copy(update={"handshake_seconds": 0.2})


@pytest.fixture(autouse=True)
def short_wait_for_tickets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encrypted, "TICKET_SECONDS", 0.5)


@pytest.fixture
def context(authority: Authority) -> ssl.SSLContext:
    return server_context(authority.issue("encrypted", TRUSTED["sound"]))


def known(stage: Stage, role: Role = Role.MX, version: TlsVersion = TLS13, **more) -> Prober:
    return prober(stage, version, role=role, **more)


async def carry(act: Act | None, context: ssl.SSLContext, **more) -> Carried:
    async with serving(talking(Role.MX, context, **({"handshake": act} if act else {}))) as stage:
        return await carry_through(known(stage, **more), server_name=HOST)


def newest(act: Act) -> Act:
    """Only hellos with a share: a whole handshake, and every hello that the survey knows to be taken."""
    return for_hellos(lambda hello: bool(hello.shares), act)


class TestSound:
    @pytest.mark.parametrize("role", ROLES)
    async def test_every_role_gives_its_tickets(self, context, role):
        async with serving(talking(role, context)) as stage:
            carried = await carry_through(known(stage, role), server_name=HOST, tickets=True)
            assert stage.connections == 1
        assert carried.done
        assert carried.answered
        assert carried.handshake is not None
        assert len(carried.handshake.tickets) == 2
        assert carried.handshake.seen.certificate_requested is False
        assert carried.handshake.seen.signature_valid is True

    async def test_one_that_was_turned_away_before_begins_anew(self, context):
        """What was said in clear on the connections before is no part of the handshake."""
        busy = when(lambda dialogue: dialogue.number < 3, then(say(b"421 too many\r\n"), leave), usual("accept"))
        async with serving(talking(Role.SUBMISSIONS, context, accept=busy)) as stage:
            carried = await carry_through(known(stage, Role.SUBMISSIONS), server_name=HOST)
            assert stage.connections == 3
        assert carried.done

    async def test_a_request_for_a_certificate(self, context, authority):
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(authority.anchors)
        carried = await carry(None, context)
        assert carried.done
        assert carried.handshake is not None
        assert carried.handshake.seen.certificate_requested is True

    async def test_a_server_without_tickets(self, context):
        context.num_tickets = 0
        async with serving(talking(Role.MX, context)) as stage:
            carried = await carry_through(known(stage), server_name=HOST, tickets=True)
        assert (carried.done, carried.answered) == (True, True)
        assert carried.handshake is not None
        assert carried.handshake.tickets == ()

    async def test_a_server_that_hangs_inside_has_not_answered(self, context, monkeypatch):
        monkeypatch.setattr(encrypted, "TICKET_SECONDS", 0.1)
        context.num_tickets = 0
        async with serving(talking(Role.MX, context, handshake=then(usual("handshake"), hang))) as stage:
            carried = await carry_through(known(stage), server_name=HOST, tickets=True)
        assert (carried.done, carried.answered) == (True, False)

    async def test_a_server_that_closes_inside_has_not_answered(self, context):
        context.num_tickets = 0
        async with serving(talking(Role.MX, context, handshake=then(usual("handshake"), leave))) as stage:
            carried = await carry_through(known(stage), server_name=HOST, tickets=True)
        assert (carried.done, carried.answered) == (True, False)


class TestRefusals:
    @pytest.mark.parametrize("number", [40, 70, 71])
    async def test_clean(self, context, number):
        carried = await carry(answer_hello(lambda _: alert(number)), context)
        assert (carried.done, carried.trouble) == (False, "")
        assert f"alert {number}" in carried.refusal

    @pytest.mark.parametrize("number", [10, 47, 50, 80])
    async def test_other_alerts_refuse_nothing(self, context, number):
        carried = await carry(answer_hello(lambda _: alert(number)), context)
        assert (carried.done, carried.refusal) == (False, "")
        assert f"alert {number}" in carried.trouble

    async def test_no_scheme_in_common(self, context):
        async with serving(talking(Role.MX, context)) as stage:
            carried = await carry_through(known(stage), signatures=RSA_SIGNATURES, server_name=HOST)
        assert "alert 40" in carried.refusal

    async def test_closing_for_rsa_alone_by_a_server_that_refuses_so(self, context):
        """It closes on what it refuses: a hello that nobody may take, and one without a scheme that it has."""

        def refused(hello: Hello) -> bool:
            return not set(hello.suites) & {0x1301, 0x1302} or not set(hello.signatures) & set(ECDSA_SIGNATURES)

        async with serving(talking(Role.MX, context, handshake=for_hellos(refused, leave))) as stage:
            carried = await carry_through(known(stage), signatures=RSA_SIGNATURES, server_name=HOST)
        assert carried.trouble == ""
        assert "how this server refuses" in carried.refusal

    async def test_closing_is_none_else(self, context):
        carried = await carry(newest(leave), context)
        assert (carried.done, carried.refusal) == (False, "")
        assert "closed" in carried.trouble


class TestBroken:
    @pytest.mark.parametrize(
        "answer",
        [
            lambda hello: retry_request(hello, 0x1301, 0x001D),
            lambda hello: retry_request(hello, 0x1301, 0x2A2A),
            lambda hello: retry_request(hello, 0x1301, 0x0018) + retry_request(hello, 0x1301, 0x0019),
            lambda hello: server_hello(0x0303, 0x1301, supported=0x0304),
            lambda hello: server_hello(0x0303, 0xFFFE, supported=0x0304),
            lambda hello: b"\x99" * 90,
            lambda hello: record(22, b"") * 50,
        ],
        ids=["share again", "group not offered", "second retry", "no session id", "foreign suite", "noise", "empty"],
    )
    async def test_what_breaks_the_protocol_is_told(self, context, answer):
        carried = await carry(answer_hello(answer), context, limits=HASTY)
        assert (carried.done, carried.refusal) == (False, "")
        assert carried.trouble

    async def test_silence_costs_few_limits(self, context):
        began = time.monotonic()
        carried = await carry(then(read_the_hello, hang), context, limits=HASTY)
        assert time.monotonic() - began < TRIES * HASTY.handshake_seconds + 1
        assert "no end of a TLS 1.3 handshake" in carried.trouble

    async def test_a_server_that_turns_away_is_asked_no_more(self, context):
        async with serving(talking(Role.MX, context, starttls=say(b"554 5.7.0 no TLS for you\r\n"))) as stage:
            asked = known(stage)
            carried = await carry_through(asked, server_name=HOST)
            assert stage.connections == 1
        assert "554" in carried.trouble
        assert "554" in asked.known.over

    async def test_starttls_that_is_gone(self, context):
        gone = say(b"250 mail\r\n")
        async with serving(talking(Role.MX, context, capabilities=gone)) as stage:
            asked = known(stage)
            carried = await carry_through(asked, server_name=HOST)
        assert "no longer offered" in carried.trouble
        assert "no longer offered" in asked.known.over


class TestSignatures:
    async def test_those_of_one_key(self, context):
        async with serving(talking(Role.MX, context)) as stage:
            facts = await signatures_of_tls13(known(stage))
            assert stage.connections == 2
        assert (facts.schemes, facts.complete) == (("ecdsa_secp256r1_sha256",), True)

    async def test_the_first_handshake_is_not_made_again(self, context):
        async with serving(talking(Role.MX, context)) as stage:
            first = await carry_through(known(stage), server_name=HOST)
            facts = await signatures_of_tls13(known(stage), first)
            assert stage.connections == 2
        assert (facts.schemes, facts.complete) == (("ecdsa_secp256r1_sha256",), True)

    async def test_none_at_all_is_not_all(self, context):
        async with serving(talking(Role.MX, context, handshake=answer_hello(lambda _: alert(40)))) as stage:
            facts = await signatures_of_tls13(known(stage))
        assert (facts.schemes, facts.complete) == ((), False)

    async def test_no_end_that_was_not_seen(self, context):
        first = when(lambda dialogue: dialogue.number == 1, usual("handshake"), then(read_the_hello, leave))
        async with serving(talking(Role.MX, context, handshake=first)) as stage:
            facts = await signatures_of_tls13(known(stage))
        assert (facts.schemes, facts.complete) == (("ecdsa_secp256r1_sha256",), False)
