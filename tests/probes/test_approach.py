"""The way to an endpoint: who is turned away or dropped comes again, kindly and not for ever; nothing stays open."""

from __future__ import annotations

import asyncio
import ssl
import time

import pytest

from smtp_audit.facts.endpoint import Protocol, Role
from smtp_audit.facts.observation import Absence
from smtp_audit.lab.authority import Authority
from smtp_audit.limits import BudgetLimits
from smtp_audit.probes.approach import DROPPED_TRIES, THROTTLED_TRIES, Session
from smtp_audit.probes.wire import PeerError, Throttled
from smtp_audit.secret import MASK
from tests.hostile.acts import hang, leave, say, then, usual, when

from .stage import PASSWORD, Peer, server_context, serving, talking
from .tls.test_trust import TRUSTED

ONE_AT_A_TIME = BudgetLimits(connections=1, per_second=1000)


@pytest.fixture
def context(authority: Authority) -> ssl.SSLContext:
    return server_context(authority.issue("approach", TRUSTED["sound"]))


async def idle(peer: Peer) -> None:
    await peer.hang()


async def refused(work) -> PeerError:
    with pytest.raises(PeerError) as error:
        await work
    return error.value


class Failing:
    """An action that fails with each of these in turn, then succeeds."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors = list(errors)
        self.calls = 0

    async def __call__(self, session: Session) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


def dropped() -> PeerError:
    return PeerError(Absence.DROPPED, "closed")


class TestVisit:
    async def test_a_result_and_a_closed_connection(self):
        async with serving(idle) as stage:
            approach = stage.approach()
            assert await approach.visit(Failing(), approach.transcript()) == "done"
            await stage.quiet()
        assert stage.connections == 1

    async def test_turned_away_it_comes_again(self):
        async with serving(idle) as stage:
            approach = stage.approach()
            action = Failing(Throttled("421"), Throttled("421"))
            assert await approach.visit(action, approach.transcript()) == "done"
            await stage.quiet()
            assert stage.connections == action.calls == 3
        assert approach.budget.effort().backoffs == 2

    async def test_turned_away_for_good(self):
        async with serving(idle) as stage:
            approach = stage.approach()
            action = Failing(*(Throttled("421 busy") for _ in range(50)))
            error = await refused(approach.visit(action, approach.transcript()))
            assert action.calls == THROTTLED_TRIES
        assert error.absence is Absence.REFUSED_SERVICE
        assert "421 busy" in error.reason
        assert str(THROTTLED_TRIES) in error.reason

    async def test_dropped_it_comes_again_a_few_times(self):
        async with serving(idle) as stage:
            approach = stage.approach()
            assert await approach.visit(Failing(dropped()), approach.transcript()) == "done"
            action = Failing(*(dropped() for _ in range(50)))
            error = await refused(approach.visit(action, approach.transcript()))
            assert action.calls == DROPPED_TRIES
        assert error.absence is Absence.DROPPED
        assert approach.budget.effort().backoffs == 1 + DROPPED_TRIES

    async def test_dropped_without_a_pause_when_so_asked(self):
        async with serving(idle) as stage:
            approach = stage.approach()
            work = approach.visit(Failing(dropped(), dropped()), approach.transcript(), pause_when_dropped=False)
            assert await work == "done"
        assert approach.budget.effort().backoffs == 0

    @pytest.mark.parametrize("absence", [a for a in Absence if a is not Absence.DROPPED])
    async def test_anything_else_is_final(self, absence):
        async with serving(idle) as stage:
            approach = stage.approach()
            action = Failing(PeerError(absence, "so it is"))
            assert (await refused(approach.visit(action, approach.transcript()))).absence is absence
            assert action.calls == 1
        assert approach.budget.effort().backoffs == 0

    async def test_a_port_that_refuses_is_asked_once(self):
        async with serving(idle) as stage:
            approach = stage.approach()
            stage.close()
            error = await refused(approach.visit(Failing(), approach.transcript()))
        assert error.absence is Absence.CLOSED
        assert approach.budget.effort().connections == 1

    async def test_a_success_makes_the_next_pause_short_again(self):
        async with serving(idle) as stage:
            approach = stage.approach()
            for _ in range(4):
                await approach.visit(Failing(Throttled("421")), approach.transcript())
        assert approach.budget._pause == 0

    @pytest.mark.parametrize("error", [ZeroDivisionError(), Throttled("421"), dropped()])
    async def test_a_failure_leaves_nothing_open(self, error):
        async with serving(idle) as stage:
            approach = stage.approach(budget=ONE_AT_A_TIME)
            with pytest.raises(type(error)):
                await approach._once(Failing(error), approach.transcript())
            await stage.quiet()
            assert await asyncio.wait_for(approach.visit(Failing(), approach.transcript()), 2) == "done"

    async def test_cancelled_it_leaves_nothing_open(self):
        async def for_ever(session: Session) -> None:
            await session.connection.line()

        async with serving(idle) as stage:
            approach = stage.approach(budget=ONE_AT_A_TIME)
            for _ in range(3):
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(approach.visit(for_ever, approach.transcript()), 0.05)
            await stage.quiet()
            assert await asyncio.wait_for(approach.visit(Failing(), approach.transcript()), 2) == "done"

    async def test_many_at_once_share_one_budget(self):
        async def stay(session: Session) -> None:
            await asyncio.sleep(0.01)

        async with serving(idle) as stage:
            approach = stage.approach(budget=BudgetLimits(connections=3, per_second=1000))
            await asyncio.gather(*(approach.visit(stay, approach.transcript()) for _ in range(12)))
            assert stage.connections == 12
        # The server may see the end of one a little after the beginning of the next.
        assert stage.most <= 3 + 3

    async def test_every_connection_begins_afresh(self, context):
        """Tags count from one, and what an earlier greeting said is forgotten."""

        async def ask(session: Session) -> tuple[str, ...]:
            await session.greeting()
            return await session.capabilities()

        async with serving(talking(Role.IMAP, context)) as stage:
            approach = stage.approach(Role.IMAP)
            first = await approach.visit(ask, approach.transcript())
            assert await approach.visit(ask, approach.transcript()) == first
        assert stage.heard == [b"a1 CAPABILITY", b"a1 CAPABILITY"]

    async def test_the_transcript_masks_the_password(self):
        async def repeat(session: Session) -> None:
            await session.connection.line()

        async with serving(lambda peer: peer.say(f"220 {PASSWORD}")) as stage:
            approach = stage.approach(password=PASSWORD)
            transcript = approach.transcript()
            await approach.visit(repeat, transcript)
        assert any(MASK in line.text for line in transcript.lines)
        assert not any(PASSWORD in line.text for line in transcript.lines)


class TestGreeting:
    @pytest.mark.parametrize(
        ("role", "greeting", "absence"),
        [
            (Role.MX, b"421 busy\r\n", Absence.REFUSED_SERVICE),
            (Role.MX, b"450 later\r\n", Absence.REFUSED_SERVICE),
            (Role.MX, b"554 no\r\n", Absence.REFUSED_SERVICE),
            (Role.MX, b"354 go\r\n", Absence.REFUSED_SERVICE),
            (Role.IMAP, b"* BYE no\r\n", Absence.REFUSED_SERVICE),
            (Role.POP3, b"-ERR no\r\n", Absence.REFUSED_SERVICE),
            (Role.SIEVE, b'BYE "no"\r\n', Absence.REFUSED_SERVICE),
            (Role.SIEVE, b'NO "no"\r\n', Absence.REFUSED_SERVICE),
            (Role.MX, b"what?\r\n", Absence.MALFORMED),
        ],
    )
    async def test_who_does_not_serve_us(self, role, greeting, absence):
        async with serving(talking(role, greeting=then(say(greeting), hang))) as stage:
            approach = stage.approach(role)
            error = await refused(approach.visit(lambda s: s.greeting(), approach.transcript(), throttled_tries=1))
        assert error.absence is absence

    async def test_how_long_it_took(self):
        async def slow(peer: Peer) -> None:
            await asyncio.sleep(0.1)
            await peer.say("220 at last")

        async with serving(slow) as stage:
            approach = stage.approach()
            reply, seconds = await approach.visit(lambda s: s.greeting(), approach.transcript())
        assert reply.code == "220"
        assert 0.09 <= seconds < 0.35


class TestUpToTls:
    @pytest.mark.parametrize("role", [Role.MX, Role.IMAP, Role.POP3, Role.SIEVE])
    async def test_where_starttls_is_offered(self, context, role):
        async with serving(talking(role, context)) as stage:
            approach = stage.approach(role)
            assert await approach.visit(lambda s: s.up_to_tls(), approach.transcript())

    @pytest.mark.parametrize(
        ("role", "capabilities"),
        [
            (Role.MX, b"250 mail\r\n"),
            (Role.IMAP, b"* CAPABILITY IMAP4rev1\r\na1 OK\r\n"),
            (Role.POP3, b"+OK\r\nUSER\r\n.\r\n"),
        ],
    )
    async def test_where_it_is_not(self, role, capabilities):
        async with serving(talking(role, capabilities=say(capabilities))) as stage:
            approach = stage.approach(role)
            assert not await approach.visit(lambda s: s.up_to_tls(), approach.transcript())
            await stage.quiet()
        assert not [line for line in stage.heard if b"STARTTLS" in line or b"STLS" in line]

    async def test_with_implicit_tls_it_begins_at_once(self):
        async with serving(idle) as stage:
            approach = stage.approach(Role.IMAPS)
            began = time.monotonic()
            assert await approach.visit(lambda s: s.up_to_tls(), approach.transcript())
            assert time.monotonic() - began < 0.3

    async def test_a_refusal_for_now_is_waited_out(self, context):
        busy = when(lambda dialogue: dialogue.number < 3, then(say(b"454 later\r\n"), leave), usual("starttls"))
        async with serving(talking(Role.MX, context, starttls=busy)) as stage:
            approach = stage.approach()
            assert await approach.visit(lambda s: s.up_to_tls(), approach.transcript())
        assert approach.budget.effort().backoffs == 2

    async def test_nor_is_a_refusal_in_clear_where_tls_begins_an_answer(self):
        """Whatever the visit made of the octets."""
        busy = when(lambda dialogue: dialogue.number < 3, then(say(b"421 too many\r\n"), leave), say(b"\x15\x03\x03"))
        async with serving(talking(Role.SUBMISSIONS, accept=busy)) as stage:
            approach = stage.approach(Role.SUBMISSIONS)
            assert await approach.visit(lambda s: s.connection.some(), approach.transcript()) == b"\x15\x03\x03"
        assert approach.budget.effort().backoff_reasons == ("answered in clear: 421 too many",)

    async def test_a_refusal_for_good_is_final(self, context):
        async with serving(talking(Role.MX, context, starttls=say(b"554 no\r\n"))) as stage:
            approach = stage.approach()
            error = await refused(approach.visit(lambda s: s.up_to_tls(), approach.transcript()))
            assert stage.connections == 1
        assert error.absence is Absence.REFUSED_SERVICE


class TestSecure:
    @pytest.mark.parametrize("role", Role)
    async def test_the_capabilities_inside_tls(self, context, role):
        async with serving(talking(role, context)) as stage:
            approach = stage.approach(role)

            async def look(session: Session) -> tuple[tuple[str, ...], bool]:
                return await session.secure(), session.connection.tls is not None

            capabilities, inside = await approach.visit(look, approach.transcript())
        assert inside
        assert capabilities
        word = {Protocol.SMTP: "PIPELINING", Protocol.IMAP: "AUTH=PLAIN", Protocol.POP3: "SASL PLAIN"}
        assert word.get(role.protocol, "PLAIN") in " ".join(capabilities)

    async def test_a_handshake_that_fails_is_malformed(self):
        async with serving(talking(Role.MX, handshake=then(say(b"\x99" * 20), hang))) as stage:
            approach = stage.approach()
            error = await refused(approach.visit(lambda s: s.secure(), approach.transcript()))
        assert error.absence is Absence.MALFORMED

    @pytest.mark.parametrize(
        ("host", "name"), [("mail.probe.example", "mail.probe.example"), ("127.0.0.1", None), ("2001:db8::25", None)]
    )
    async def test_the_server_name_is_never_an_address(self, context, host, name):
        """RFC 6066 section 3."""
        named: list[str | None] = []
        context.sni_callback = lambda _connection, given, _context: named.append(given)
        async with serving(talking(Role.IMAPS, context)) as stage:
            approach = stage.approach(Role.IMAPS, host=host)
            await approach.visit(lambda s: s.secure(), approach.transcript())
        assert named == [name]
