"""Wrong passwords: few, on the throw-away account only, and an end to them as soon as the server objects."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import Callable
from dataclasses import replace

import pytest

from smtp_audit.configuration.model import Credentials
from smtp_audit.controls.same_times import compare
from smtp_audit.controls.wrong_passwords import auth_limits_guesses, auth_same_time
from smtp_audit.errors import Undetermined
from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.observation import Absence
from smtp_audit.facts.wrong_passwords import BLOCKS, TRIES_IN_BLOCK, WrongPasswordFacts
from smtp_audit.lab.authority import Authority
from smtp_audit.limits import BudgetLimits
from smtp_audit.probes.approach import Approach
from smtp_audit.probes.budget import HostBudget
from smtp_audit.probes.conversation import wrong_passwords
from smtp_audit.probes.conversation.wrong_passwords import MOST_ON_ACCOUNT, MOST_WRONG, try_wrong_passwords
from smtp_audit.probes.wire import PeerError
from smtp_audit.secret import Secret
from tests.facts_factories import rule
from tests.hostile.acts import hang, inside_tls, usual, when
from tests.hostile.acts import say as answers
from tests.hostile.dialogue import Act
from tests.hostile.wire import Left
from tests.probes.stage import Stage, server_context, serving, talking
from tests.probes.tls.test_trust import TRUSTED, UNTRUSTED

CAROL = "carol@probe.example"
RIGHT = "to throw away"
ALL = BLOCKS * TRIES_IN_BLOCK
WRONG = b"535 5.7.8 wrong\r\n"


@pytest.fixture
def context(authority: Authority) -> ssl.SSLContext:
    return server_context(authority.issue("guesses", TRUSTED["sound"]))


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wrong_passwords, "RETURNS", (0.0, 0.01, 0.02))
    monkeypatch.setattr(wrong_passwords, "TURN_SECONDS", 0.01)


class Server:
    """AUTH of a server. `answer` is asked for each wrong password: the user, and how many there were before."""

    def __init__(
        self, answer: Callable[[str, int], bytes] = lambda user, count: WRONG, most: int | None = None
    ) -> None:
        self.answer = answer
        self.most = most
        """Wrong passwords after which the right one is wrong, too."""
        self.wrong: list[tuple[str, bytes]] = []
        self.seen: list[str] = []
        self.here: dict[object, int] = {}
        """Wrong passwords by connection."""
        self.last = 0
        self.delay: Callable[[str, int], float] = lambda user, count: 0.0

    @property
    def users(self) -> set[str]:
        return {user for user, _ in self.wrong}

    async def act(self, dialogue) -> None:
        raw = base64.b64decode(dialogue.line.split(b" ")[2])
        _, user, password = raw.decode().split("\0", 2)
        mine = sum(name == user for name, _ in self.wrong)
        locked = self.most is not None and mine >= self.most
        if (user, password) == (CAROL, RIGHT) and not locked:
            self.seen.append("right")
            await dialogue.wire.send(b"235 2.7.0 welcome\r\n")
            return
        self.seen.append("wrong")
        self.last = self.here[dialogue.wire] = self.here.get(dialogue.wire, 0) + 1
        count = len(self.wrong)
        if (user, password) != (CAROL, RIGHT):
            self.wrong.append((user, password.encode()))
        await asyncio.sleep(self.delay(user, count))
        said = self.answer(user, count)
        if not said:
            raise Left
        await dialogue.wire.send(said)
        if said.startswith(b"421"):
            raise Left


def approach_to(
    stage: Stage, authority: Authority, role: Role = Role.SUBMISSION, password: str | None = RIGHT
) -> Approach:
    approach = stage.approach(role, ca=authority.anchors)
    account = Credentials(user=CAROL, password=Secret(password) if password is not None else None)
    config = approach.config.model_copy(update={"throwaway": account})
    secrets = (account.password,) if account.password else ()
    return replace(approach, config=config, secrets=secrets)


async def guess(context, authority, server: Server, role: Role = Role.SUBMISSION, **more) -> WrongPasswordFacts:
    async with serving(talking(role, context, auth=server.act)) as stage:
        approach = approach_to(stage, authority, role, **more)
        transcript = approach.transcript()
        facts = await try_wrong_passwords(approach, transcript)
        text = "\n".join(line.text for line in transcript.lines) + facts.model_dump_json()
        assert RIGHT not in text
        assert len(server.wrong) <= MOST_WRONG
        assert len(server.users) <= 3
        assert sum(user == CAROL for user, _ in server.wrong) <= MOST_ON_ACCOUNT
        server.approach, server.stage = approach, stage
    return facts


@pytest.mark.parametrize("role", [Role.SUBMISSION, Role.SUBMISSIONS])
async def test_a_server_that_only_refuses(context, authority, role):
    server = Server()
    facts = await guess(context, authority, server, role)
    assert server.seen[0] == server.seen[-1] == "right"
    assert len(facts.tries) == ALL
    assert facts.stopped == facts.closed == ""
    assert facts.back
    assert len(facts.returns) == 1
    for number in range(0, ALL, TRIES_IN_BLOCK):
        assert sum(tried.known for tried in facts.tries[number : number + TRIES_IN_BLOCK]) == TRIES_IN_BLOCK // 2
    # Without a password, with NUL in it, then made-up ones, each another.
    passwords = [password for _, password in server.wrong]
    assert passwords[0] == b""
    assert passwords[1].startswith(RIGHT.encode() + b"\0")
    assert passwords[2] == b""
    assert b"\0" in passwords[3]
    assert RIGHT.encode() not in passwords[3]
    assert len(set(passwords[1:])) == len(passwords) - 1 == 3 + ALL + 3
    assert facts.empty.last.refused
    assert facts.cut.last.refused
    nobody = next(user for user in server.users if user != CAROL)
    assert nobody.endswith("@probe.example")
    assert len(nobody) >= len(CAROL)


async def test_the_order_is_drawn_by_lot(context, authority):
    orders = set()
    for _ in range(3):
        facts = await guess(context, authority, Server())
        orders.add(tuple(tried.known for tried in facts.tries))
    assert len(orders) > 1


async def test_names_in_answers_are_masked(context, authority):
    facts = await guess(context, authority, Server(lambda user, _: f"535 no entry for {user.upper()}\r\n".encode()))
    assert {tried.exchange.reply.lines for tried in facts.tries} == {("no entry for <user>",)}


async def test_a_name_that_is_a_word_of_the_answer_makes_no_difference(context, authority):
    facts = await guess(context, authority, Server(lambda user, _: b"535 ask carol about it\r\n"))
    assert len({tried.exchange.reply.lines for tried in facts.tries}) == 1


async def test_a_slow_hash_is_measured(context, authority):
    server = Server()
    server.delay = lambda user, _: 0.06 if user == CAROL else 0.0
    facts = await guess(context, authority, server)
    blocks = [
        [(tried.known, tried.exchange.seconds) for tried in facts.tries[at : at + TRIES_IN_BLOCK]]
        for at in range(0, ALL, TRIES_IN_BLOCK)
    ]
    assert compare(blocks).differs
    assert compare(blocks).difference == pytest.approx(0.06, abs=0.03)


async def test_a_temporary_refusal_of_both_ends_it(context, authority):
    server = Server(lambda user, count: WRONG if count < 8 else b"450 4.7.1 too many\r\n")
    facts = await guess(context, authority, server)
    assert "450 4.7.1" in facts.stopped
    assert len(server.wrong) < 14
    assert all(tried.exchange.reply.code == "535" for tried in facts.tries)


async def test_a_temporary_refusal_of_one_alone_is_an_answer_about_him(context, authority):
    server = Server(lambda user, _: WRONG if user == CAROL else b"454 4.7.0 look-up failed\r\n")
    facts = await guess(context, authority, server)
    assert facts.stopped == ""
    assert {tried.exchange.reply.code for tried in facts.tries if not tried.known} == {"454"}


@pytest.mark.parametrize("parting", [b"421 4.7.0 too many wrong passwords\r\n", b""])
@pytest.mark.parametrize("most", [2, 3, 5])
async def test_after_a_closed_connection_it_goes_on(context, authority, parting, most):
    server = Server()

    server.answer = lambda user, count: parting if server.last == most else WRONG
    facts = await guess(context, authority, server)
    assert facts.closed
    assert all(tried.exchange.reply.code == "535" for tried in facts.tries)
    if most > 2:
        assert len(facts.tries) == ALL
        assert facts.stopped == ""
    for number in range(0, len(facts.tries) // 4 * 4, TRIES_IN_BLOCK):
        assert sum(tried.known for tried in facts.tries[number : number + TRIES_IN_BLOCK]) == TRIES_IN_BLOCK // 2


@pytest.mark.parametrize("parting", [b"421 4.7.0 no\r\n", b""])
async def test_a_server_that_hangs_up_each_time_answers_nothing(context, authority, parting):
    server = Server(lambda user, _: parting)
    facts = await guess(context, authority, server)
    assert facts.tries == ()
    assert facts.stopped
    assert len(server.wrong) <= 4


async def test_silence_ends_it(context, authority):
    server = Server()
    server.delay = lambda user, count: 5.0 if count == 6 else 0.0
    facts = await guess(context, authority, server)
    assert facts.stopped
    assert len(server.wrong) == 7


async def test_a_lock_that_shows_stops_at_once(context, authority):
    told: dict[str, int] = {}

    def answer(user: str, _: int) -> bytes:
        told[user] = told.get(user, 0) + 1
        return b"535 5.7.8 account locked\r\n" if user == CAROL and told[user] > 6 else WRONG

    server = Server(answer, most=7)
    facts = await guess(context, authority, server)
    assert "changed" in facts.stopped
    assert sum(user == CAROL for user, _ in server.wrong) == 7
    assert {str(tried.exchange.reply) for tried in facts.tries} == {"535 5.7.8 wrong"}
    assert not facts.back
    assert [back.exchange.refused for back in facts.returns] == [True] * 3
    assert "is locked" in server.approach.throwaway.unusable


async def test_when_times_are_taken_both_users_have_failed_alike(context, authority):
    """Else a server whose answers grow slower with each failure of a name would seem to tell who exists."""
    server = Server()
    facts = await guess(context, authority, server)
    nobody = next(user for user, password in server.wrong if user != CAROL and password == b"")
    told = {who: [word for user, word in server.wrong if user == who] for who in (CAROL, nobody)}
    assert len(told[CAROL]) == len(told[nobody]) == 2 + ALL // 2
    for words in told.values():
        assert (words[0], b"\0" in words[1]) == (b"", True)
        assert not any(b"\0" in word for word in words[2:])
    assert len(facts.tries) == ALL


async def test_a_locked_account_is_left_alone_on_the_next_port(context, authority):
    server = Server(most=4)
    served = talking(Role.SUBMISSION, context, auth=server.act)
    async with serving(served) as stage, serving(served) as next_port:
        first = approach_to(stage, authority)
        await try_wrong_passwords(first, first.transcript())
        seen = len(server.seen)
        second = replace(approach_to(next_port, authority), throwaway=first.throwaway)
        with pytest.raises(PeerError, match="is locked"):
            await try_wrong_passwords(second, second.transcript())
        assert len(server.seen) == seen


async def test_under_another_name_the_same_server_is_asked_for_nothing(context, authority):
    server = Server()
    async with serving(talking(Role.SUBMISSION, context, auth=server.act)) as stage:
        first = approach_to(stage, authority)
        other = replace(
            first, endpoint=first.endpoint.model_copy(update={"host": "other.example", "role": Role.SUBMISSIONS})
        )
        one, two = await asyncio.gather(*(try_wrong_passwords(each, each.transcript()) for each in (first, other)))
    assert len(server.wrong) <= MOST_WRONG
    assert two == one.model_copy(update={"role": Role.SUBMISSIONS})


async def test_two_ports_take_turns(context, authority):
    server = Server()
    inside = 0

    async def counted(dialogue) -> None:
        nonlocal inside
        inside += 1
        assert inside == 1
        await server.act(dialogue)
        inside -= 1

    served = talking(Role.SUBMISSION, context, auth=counted)
    async with serving(served) as stage, serving(served) as next_port:
        first = approach_to(stage, authority)
        second = replace(approach_to(next_port, authority), throwaway=first.throwaway)
        found = await asyncio.gather(
            try_wrong_passwords(first, first.transcript()), try_wrong_passwords(second, second.transcript())
        )
    assert [len(facts.tries) for facts in found] == [ALL, ALL]


@pytest.mark.parametrize("answer", [WRONG, b"454 4.7.0 later\r\n", b"421 no\r\n", b""])
async def test_without_the_right_password_no_wrong_one_is_tried(context, authority, answer):
    server = Server(lambda user, _: answer, most=0)
    async with serving(talking(Role.SUBMISSION, context, auth=server.act)) as stage:
        approach = approach_to(stage, authority)
        with pytest.raises(PeerError, match="is not taken"):
            await try_wrong_passwords(approach, approach.transcript())
        assert len(server.seen) == 1
        with pytest.raises(PeerError, match="is not taken"):
            await try_wrong_passwords(approach, approach.transcript())
        assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("password", "absence"), [(None, Absence.NOT_GIVEN), ("", Absence.NOT_GIVEN), ("none", Absence.NOT_AVAILABLE)]
)
async def test_without_an_account_nothing_is_said(context, authority, password, absence):
    async with serving(talking(Role.SUBMISSION, context)) as stage:
        approach = approach_to(stage, authority, password=password)
        if absence is Absence.NOT_AVAILABLE:
            approach.config = approach.config.model_copy(update={"throwaway": None})
        with pytest.raises(PeerError) as error:
            await try_wrong_passwords(approach, approach.transcript())
        assert stage.connections == 0
    assert error.value.absence is absence


async def test_a_certificate_that_proves_nothing_gets_no_password(authority):
    weak = server_context(authority.issue("weak", next(iter(UNTRUSTED.values()))[0]))
    server = Server()
    async with serving(talking(Role.SUBMISSION, weak, auth=server.act)) as stage:
        approach = approach_to(stage, authority)
        with pytest.raises(PeerError) as error:
            await try_wrong_passwords(approach, approach.transcript())
    assert error.value.absence is Absence.UNTRUSTED
    assert server.seen == []


async def test_login_where_plain_is_missing(context, authority):
    heard: list[bytes] = []

    async def act(dialogue) -> None:
        await dialogue.wire.send(b"334 VXNlcm5hbWU6\r\n")
        user = base64.b64decode(await dialogue.wire.line())
        await dialogue.wire.send(b"334 UGFzc3dvcmQ6\r\n")
        password = base64.b64decode(await dialogue.wire.line())
        heard.append(password)
        right = (user, password) == (CAROL.encode(), RIGHT.encode())
        await dialogue.wire.send(b"235 ok\r\n" if right else WRONG)

    only: Act = when(inside_tls, answers(b"250-mail\r\n250 AUTH LOGIN\r\n"), usual("capabilities"))
    async with serving(talking(Role.SUBMISSION, context, auth=act, capabilities=only)) as stage:
        approach = approach_to(stage, authority)
        facts = await try_wrong_passwords(approach, approach.transcript())
    assert len(facts.tries) == ALL
    assert heard[1] == b""


@pytest.mark.parametrize("number", [2, 3, 5])
async def test_a_wrong_password_that_is_taken_ends_it(context, authority, number):
    server = Server(lambda user, count: b"235 2.7.0 welcome\r\n" if count == number else WRONG)
    facts = await guess(context, authority, server)
    assert facts.tries[-1].exchange.accepted
    assert len(server.wrong) == number + 1
    assert "was taken" in facts.stopped


async def test_who_bans_the_address_is_told_apart_from_a_lock(context, authority):
    server = Server()
    async with serving(talking(Role.SUBMISSION, context, auth=server.act)) as stage:

        def answer(user: str, count: int) -> bytes:
            if count == 9:
                stage.close()
                return b""
            return WRONG

        server.answer = answer
        approach = approach_to(stage, authority)
        facts = await try_wrong_passwords(approach, approach.transcript())
    assert "refuses connections" in facts.stopped
    assert not facts.back
    assert "refuses connections" in facts.returns[-1].exchange.ended


async def test_a_hanging_server(context, authority):
    async with serving(talking(Role.SUBMISSION, context, auth=hang)) as stage:
        approach = approach_to(stage, authority)
        with pytest.raises(PeerError, match="is not taken"):
            await try_wrong_passwords(approach, approach.transcript())
    assert sum(line.startswith(b"AUTH") for line in stage.heard) == 1


async def test_a_budget_of_our_own_limits_no_guesses(context, authority):
    server = Server()
    async with serving(talking(Role.SUBMISSION, context, auth=server.act)) as stage:
        approach = approach_to(stage, authority)
        approach.budget = HostBudget(approach.address, BudgetLimits(total=5))
        facts = await try_wrong_passwords(approach, approach.transcript())
    assert facts.stopped == facts.closed == ""
    assert 0 < len(facts.tries) < ALL
    for control in (auth_limits_guesses, auth_same_time):
        with pytest.raises(Undetermined, match="wrong passwords were"):
            control(facts, rule())
