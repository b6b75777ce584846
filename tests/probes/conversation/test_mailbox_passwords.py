"""Wrong passwords by IMAP, POP3 and ManageSieve: few, of the throw-away account, and none behind the first limit."""

from __future__ import annotations

import asyncio
import base64
import re
import shlex
import ssl
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_audit.configuration.model import Credentials
from smtp_audit.facts.conversation import Exchange
from smtp_audit.facts.endpoint import MAILBOX_ROLES, Role
from smtp_audit.facts.mailbox_passwords import MOST_GUESSES, Guess, MailboxPasswordFacts
from smtp_audit.facts.observation import Absence
from smtp_audit.facts.service import Reply
from smtp_audit.lab.authority import Authority
from smtp_audit.probes.approach import Approach
from smtp_audit.probes.conversation import mailbox_passwords, wrong_passwords
from smtp_audit.probes.conversation.mailbox_passwords import guess_at_mailbox
from smtp_audit.probes.wire import PeerError
from smtp_audit.secret import Secret
from tests.hostile.dialogue import Dialogue
from tests.hostile.wire import Left
from tests.probes.stage import Stage, server_context, serving, talking
from tests.probes.tls.test_trust import TRUSTED, UNTRUSTED

CAROL = "carol@probe.example"
RIGHT = 'to "throw" \\ away'
ROLES = sorted(MAILBOX_ROLES)


@pytest.fixture
def context(authority: Authority) -> ssl.SSLContext:
    return server_context(authority.issue("mailboxes", TRUSTED["sound"]))


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wrong_passwords, "RETURNS", (0.0, 0.01, 0.02))
    monkeypatch.setattr(wrong_passwords, "TURN_SECONDS", 0.01)


class Server:
    """Logins of a server; `answer` makes the words for a wrong password of its number, "" to close the connection."""

    def __init__(self, answer: Callable[[int], str] = lambda count: "NO", most: int = 1000, *, pop3_user: bool = False):
        self.answer = answer
        self.most = most
        """Wrong passwords after which the right one is wrong, too."""
        self.pop3_user = pop3_user
        self.logins: list[tuple[str, str]] = []
        self.delay = 0.0

    @property
    def wrong(self) -> list[tuple[str, str]]:
        return [login for login in self.logins if login != (CAROL, RIGHT)]

    async def act(self, dialogue: Dialogue) -> None:
        words = dialogue.line.decode().split(" ")
        imap = dialogue.role in (Role.IMAP, Role.IMAPS)
        match words[1 if imap else 0]:
            case "LOGIN":
                _, _, user, password = shlex.split(dialogue.line.decode())
            case "USER":
                dialogue.held = " ".join(words[1:]).encode()
                await dialogue.wire.send(b"+OK\r\n")
                return
            case "PASS":
                user, password = dialogue.held.decode(), dialogue.line.decode().partition(" ")[2]
            case "AUTH" | "AUTHENTICATE":
                plain = base64.b64decode(words[2].strip('"')).decode()
                _, user, password = plain.split("\0")
            case "CAPA" if self.pop3_user and dialogue.wire.inside_tls:
                await dialogue.wire.send(b"+OK\r\nUSER\r\n.\r\n")
                return
            case _:
                await dialogue.default("command")
                return
        await self.judge(dialogue, user, password, words[0] if imap else "")

    async def judge(self, dialogue: Dialogue, user: str, password: str, tag: str) -> None:
        right = (user, password) == (CAROL, RIGHT) and len(self.wrong) < self.most
        self.logins.append((user, password))
        await asyncio.sleep(0 if right else self.delay)
        said = "OK" if right else self.answer(len(self.wrong))
        if not said:
            raise Left
        if dialogue.role in (Role.POP3, Role.POP3S):
            said = said.replace("OK", "+OK").replace("NO", "-ERR")
        await dialogue.wire.send(f"{tag} {said}\r\n".lstrip().encode())


def approach_to(stage: Stage, authority: Authority, role: Role, password: str = RIGHT) -> Approach:
    approach = stage.approach(role, ca=authority.anchors)
    account = Credentials(user=CAROL, password=Secret(password))
    config = approach.config.model_copy(update={"throwaway": account})
    return replace(approach, config=config, secrets=(Secret(password),))


async def guess(context, authority, server: Server, role: Role = Role.IMAPS) -> MailboxPasswordFacts:
    async with serving(talking(role, context, command=server.act)) as stage:
        approach = approach_to(stage, authority, role)
        transcript = approach.transcript()
        facts = await guess_at_mailbox(approach, transcript)
    told = "\n".join(str(line) for line in transcript.lines)
    assert RIGHT not in told
    assert base64.b64encode(f"\0{CAROL}\0{RIGHT}".encode()).decode() not in told
    return facts


class TestGuesses:
    @pytest.mark.parametrize("role", ROLES)
    async def test_all_are_made_where_nothing_is_done_about_them(self, context, authority, role):
        server = Server()
        facts = await guess(context, authority, server, role)
        assert len(facts.guesses) == MOST_GUESSES
        assert all(each.refused for each in facts.guesses)
        assert facts.empty.refused
        assert facts.stopped == ""
        assert [each.taken for each in facts.returns] == [True]
        assert server.logins[:2] == [(CAROL, RIGHT), (CAROL, "")]
        assert server.logins[-1] == (CAROL, RIGHT)
        users = [user for user, _ in server.wrong]
        assert users.count(CAROL) == 1 + MOST_GUESSES // 2
        assert len(set(users)) == 1 + MOST_GUESSES // 2
        assert len({password for _, password in server.wrong}) == 1 + MOST_GUESSES

    async def test_user_and_pass(self, context, authority):
        server = Server(pop3_user=True)
        facts = await guess(context, authority, server, Role.POP3S)
        assert len(facts.guesses) == MOST_GUESSES
        assert facts.returns[-1].taken

    @pytest.mark.parametrize("role", ROLES)
    async def test_a_closed_connection_ends_it(self, context, authority, role):
        server = Server(lambda count: "" if count > 3 else "NO")
        facts = await guess(context, authority, server, role)
        assert facts.stopped == "after 3 wrong passwords: the server closed the connection"
        assert len(facts.guesses) == 2
        assert len(server.wrong) == 4

    @pytest.mark.parametrize(
        ("role", "words"),
        [
            (Role.IMAP, "NO [UNAVAILABLE] later"),
            (Role.IMAPS, "NO [LIMIT] later"),
            (Role.POP3S, "NO [SYS/TEMP] later"),
            (Role.SIEVE, 'NO (TRYLATER) "later"'),
            (Role.SIEVE, 'BYE "enough"'),
        ],
    )
    async def test_a_refusal_for_now_ends_it(self, context, authority, role, words):
        facts = await guess(context, authority, Server(lambda count: words if count > 5 else "NO"), role)
        assert facts.stopped.startswith("after 5 wrong passwords: ")
        assert len(facts.guesses) == 4

    async def test_answers_that_wait_end_it_soon(self, context, authority, monkeypatch):
        monkeypatch.setattr(mailbox_passwords, "SLOW", 0.03)
        server = Server()
        server.delay = 0.05
        facts = await guess(context, authority, server)
        assert len(facts.guesses) == 4
        assert facts.stopped == ""

    async def test_so_does_the_time_they_take(self, context, authority, monkeypatch):
        monkeypatch.setattr(mailbox_passwords, "MOST_SECONDS", 0.05)
        server = Server()
        server.delay = 0.03
        facts = await guess(context, authority, server)
        assert "wrong passwords: they took" in facts.stopped

    async def test_a_lock_is_seen_and_the_account_left_alone_from_then_on(self, context, authority):
        server = Server(most=5)
        async with serving(talking(Role.IMAPS, context, command=server.act)) as stage:
            approach = approach_to(stage, authority, Role.IMAPS)
            facts = await guess_at_mailbox(approach, approach.transcript())
            assert [each.refused for each in facts.returns] == [True] * 3
            with pytest.raises(PeerError, match="account is locked"):
                await guess_at_mailbox(approach, approach.transcript())

    @pytest.mark.parametrize("role", ROLES)
    async def test_a_wrong_password_that_is_taken(self, context, authority, role):
        server = Server(lambda count: "OK" if count > 1 else "NO")
        facts = await guess(context, authority, server, role)
        assert [each.taken for each in facts.guesses] == [True]

    async def test_an_empty_password_that_is_taken(self, context, authority):
        server = Server(lambda count: "OK")
        facts = await guess(context, authority, server)
        assert facts.empty.taken
        assert facts.guesses == ()

    async def test_nonsense_is_no_answer(self, context, authority):
        async def nonsense(dialogue: Dialogue) -> None:
            if b"LOGIN" not in dialogue.line:
                await dialogue.default("command")
                return
            await dialogue.wire.send(b"HTTP/1.1 200 OK\r\n")

        async with serving(talking(Role.IMAPS, context, command=nonsense)) as stage:
            approach = approach_to(stage, authority, Role.IMAPS)
            with pytest.raises(PeerError, match="not an IMAP response"):
                await guess_at_mailbox(approach, approach.transcript())


class TestCare:
    async def test_the_account_may_be_for_sending_alone(self, context, authority):
        server = Server(most=0)
        async with serving(talking(Role.IMAPS, context, command=server.act)) as stage:
            approach = approach_to(stage, authority, Role.IMAPS)
            with pytest.raises(PeerError, match="is not taken"):
                await guess_at_mailbox(approach, approach.transcript())
        assert len(server.logins) == 1
        assert approach.throwaway.unusable == ""

    async def test_nothing_is_tried_while_another_port_has_the_account(self, context, authority):
        server = Server()
        async with serving(talking(Role.IMAPS, context, command=server.act)) as stage:
            approach = approach_to(stage, authority, Role.IMAPS)
            async with approach.throwaway.turn:
                waiting = asyncio.create_task(guess_at_mailbox(approach, approach.transcript()))
                await asyncio.sleep(0.05)
                assert server.logins == []
            await waiting
        assert server.logins

    async def test_nothing_is_said_to_a_server_that_proves_no_name(self, authority):
        context = server_context(authority.issue("stranger", next(iter(UNTRUSTED.values()))[0]))
        server = Server()
        async with serving(talking(Role.IMAPS, context, command=server.act)) as stage:
            approach = approach_to(stage, authority, Role.IMAPS)
            with pytest.raises(PeerError) as raised:
                await guess_at_mailbox(approach, approach.transcript())
        assert raised.value.absence is Absence.UNTRUSTED
        assert server.logins == []

    @pytest.mark.parametrize("password", ["two\r\nlines", "umläut"])
    async def test_what_cannot_be_said_is_not(self, context, authority, password):
        async with serving(talking(Role.IMAPS, context)) as stage:
            approach = approach_to(stage, authority, Role.IMAPS, password)
            with pytest.raises(PeerError, match="not plain ASCII"):
                await guess_at_mailbox(approach, approach.transcript())
        assert stage.connections == 0

    async def test_without_an_account_nothing_is_said(self, context):
        async with serving(talking(Role.IMAPS, context)) as stage:
            approach = stage.approach(Role.IMAPS)
            with pytest.raises(PeerError) as raised:
                await guess_at_mailbox(approach, approach.transcript())
        assert raised.value.absence is Absence.NOT_AVAILABLE
        assert stage.connections == 0


@given(st.text(alphabet=[chr(number) for number in range(32, 127)]))
def test_a_quoted_string_is_what_was_quoted(text):
    quoted = mailbox_passwords._quoted(text)
    assert re.fullmatch(r'"(?:[^"\\]|\\["\\])*"', quoted)
    assert re.sub(r"\\(.)", r"\1", quoted[1:-1]) == text


@given(st.sampled_from(["OK", "+OK", "NO", "-ERR", "BAD", "BYE"]), st.lists(st.text() | st.just("[LIMIT]"), max_size=3))
def test_an_answer_is_one_thing_and_one_alone(code, lines):
    guess = Guess(known=True, exchange=Exchange(sent="LOGIN", replies=(Reply(code=code, lines=tuple(lines)),)))
    assert [guess.taken, guess.later, guess.refused].count(True) == 1
    assert guess.taken is code.endswith("OK")
