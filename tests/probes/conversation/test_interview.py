"""Interviews: each question is answered as if it had been the only one, whatever the server counts."""

from __future__ import annotations

import asyncio
import ssl

import pytest

from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.observation import Absence
from smtp_audit.lab.authority import Authority
from smtp_audit.probes.conversation.interview import Interview, Question, Say, Standing, say
from smtp_audit.probes.submission import try_login
from smtp_audit.probes.wire import PeerError
from tests.hostile.acts import inside_tls, leave, usual, when
from tests.hostile.acts import say as answers
from tests.probes.stage import PASSWORD, Peer, Stage, server_context, serving, talking
from tests.probes.test_submission import welcome
from tests.probes.tls.test_trust import TRUSTED

NOOP = Question("noop", (say("NOOP"),))


def errors(count: int) -> tuple[Question, ...]:
    return tuple(Question(f"q{number}", (say(f"XQ{number}"),)) for number in range(count))


def interview(stage: Stage, standing: Standing = Standing.HELLO, role: Role = Role.MX, **more) -> Interview:
    approach = stage.approach(role, **more)
    return Interview(approach, approach.transcript(), standing)


def counting(most: int, parting: str | None = "421 4.7.0 too many errors"):
    """A server without STARTTLS that hangs up at the error after `most`."""

    async def script(peer: Peer) -> None:
        await peer.say("220 mail ESMTP")
        seen = 0
        while line := (await peer.line()).upper():
            if line.startswith(b"X"):
                seen += 1
                if seen > most:
                    if parting:
                        await peer.say(parting)
                    return
                await peer.say(b"500 5.5.2 no such command " + line)
            elif line.startswith(b"QUIT"):
                await peer.say("221 bye")
                return
            else:
                await peer.say("250 mail")

    return script


@pytest.mark.parametrize("parting", [None, "421 4.7.0 too many errors", "500 5.5.2 too many errors"])
@pytest.mark.parametrize("most", [1, 3, 100])
async def test_a_server_that_counts_errors_answers_them_all(most, parting):
    asked = errors(10)
    async with serving(counting(most, parting)) as stage:
        found = await interview(stage).ask(asked)
        assert {name: dialogue.last.reply.lines[0] for name, dialogue in found.items()} == {
            question.name: f"5.5.2 no such command {question.name.upper().replace('Q', 'XQ')}" for question in asked
        }
        assert stage.connections <= 1 + -(-10 // min(most, 8))


async def test_eight_errors_are_the_most_of_one_connection():
    async with serving(counting(100)) as stage:
        await interview(stage).ask(errors(20))
        assert stage.connections == 3


@pytest.mark.parametrize("parting", [None, "421 4.7.0 go away"])
async def test_who_hangs_up_at_a_question_has_answered_it(parting):
    async with serving(counting(0, parting)) as stage:
        found = await interview(stage).ask((NOOP, *errors(1)))
        assert found["noop"].last.accepted
        last = found["q0"].last
        if parting:
            assert last.reply.code == "421"
        else:
            assert "closed the connection" in last.ended
        assert not last.accepted
        assert not last.refused


async def test_what_a_question_needs_is_no_answer_to_it():
    question = Question("rcpt", (say("XMAIL", needs="2"), say("RCPT TO:<a@example.com>")))
    async with serving(counting(5)) as stage:
        found = await interview(stage).ask((question, NOOP))
        assert found["rcpt"].unknown.startswith("XMAIL -> 500 5.5.2")
        assert len(found["rcpt"].exchanges) == 1
        assert found["noop"].last.accepted


async def test_nonsense_makes_a_question_unknown_and_no_other():
    async def script(peer: Peer) -> None:
        await peer.say("220 mail ESMTP")
        while line := await peer.line():
            await peer.say("what?" if line.startswith(b"X") else "250 mail")

    async with serving(script) as stage:
        found = await interview(stage).ask((*errors(1), NOOP))
        assert "not an SMTP reply" in found["q0"].unknown
        assert found["noop"].last.accepted


async def test_silence_may_be_an_answer():
    async def script(peer: Peer) -> None:
        await peer.say("220 mail ESMTP")
        while line := await peer.line():
            if not line.startswith(b"X"):
                await peer.say("250 mail")

    quiet = Question("quiet", (Say(b"XQUIET\r\n", silence=True, seconds=0.05),))
    loud = Question("loud", (Say(b"XLOUD\r\n", seconds=0.05),))
    async with serving(script) as stage:
        found = await interview(stage).ask((quiet, loud, NOOP))
        assert found["quiet"].last.replies == ()
        assert not found["quiet"].last.ended
        assert found["loud"].last.ended.startswith("no reply to XLOUD within")
        assert found["noop"].last.accepted


async def test_several_replies_to_one_saying():
    batch = Question("batch", (Say(b"NOOP\r\nXA\r\nNOOP\r\n", replies=3),))
    async with serving(counting(5)) as stage:
        found = await interview(stage).ask((batch,))
        assert [reply.code for reply in found["batch"].last.replies] == ["250", "500", "250"]


async def test_a_closed_port_is_an_error_of_all():
    async with serving(counting(5)) as stage:
        stage.close()
        with pytest.raises(PeerError) as caught:
            await interview(stage).ask((NOOP,))
        assert caught.value.absence is Absence.CLOSED


async def test_answers_are_kept_when_the_server_goes():
    async def script(peer: Peer) -> None:
        if peer.number > 1:
            await peer.say("554 no more")
            return
        await counting(1, None)(peer)

    async with serving(script) as stage:
        found = await interview(stage).ask(errors(3))
        assert found["q0"].last.refused
        assert "554 no more" in found["q1"].unknown
        assert "554 no more" in found["q2"].unknown


class TestStandings:
    @pytest.fixture
    def context(self, authority: Authority) -> ssl.SSLContext:
        return server_context(authority.issue("interview", TRUSTED["sound"]))

    async def test_hello_is_inside_tls(self, context):
        async with serving(talking(Role.MX, context)) as stage:
            found = await interview(stage).ask((NOOP,))
            assert found["noop"].inside_tls

    async def test_clear_is_not(self, context):
        async with serving(talking(Role.MX, context)) as stage:
            found = await interview(stage, Standing.CLEAR).ask((NOOP,))
            assert not found["noop"].inside_tls

    async def test_tls_that_was_seen_and_is_gone(self):
        async with serving(counting(5)) as stage:
            asking = interview(stage)
            asking.approach.tls_expected = True
            with pytest.raises(PeerError, match="TLS was offered before"):
                await asking.ask((NOOP,))

    @pytest.mark.parametrize("standing", [Standing.HELLO, Standing.ENCRYPTED, Standing.LOGGED_IN])
    async def test_tls_that_the_first_look_could_not_get_is_not_asked_for_again(self, standing):
        async with serving(counting(5)) as stage:
            asking = interview(stage, standing, password=PASSWORD)
            asking.approach.tls_trouble = PeerError(Absence.REFUSED_SERVICE, "STARTTLS was answered 454")
            with pytest.raises(PeerError, match="454"):
                await asking.ask((NOOP,))
            assert stage.connections == 0

    @pytest.mark.parametrize("role", [Role.SUBMISSION, Role.SUBMISSIONS])
    async def test_logged_in(self, context, authority, role):
        async with serving(talking(role, context, auth=welcome)) as stage:
            asking = interview(stage, Standing.LOGGED_IN, role, ca=authority.anchors, password=PASSWORD)
            found = await asking.ask((NOOP,))
            assert found["noop"].inside_tls
            assert any(line.upper().startswith(b"AUTH") for line in stage.heard)
            shown = "\n".join(str(line) for line in asking.transcript.lines)
            assert PASSWORD not in shown
            assert "AUTH PLAIN <secret>" in shown

    async def test_no_login_without_a_proven_name(self, context):
        async with serving(talking(Role.SUBMISSION, context)) as stage:
            with pytest.raises(PeerError) as caught:
                await interview(stage, Standing.LOGGED_IN, Role.SUBMISSION, password=PASSWORD).ask((NOOP,))
            assert caught.value.absence is Absence.UNTRUSTED
            assert not any(line.upper().startswith(b"AUTH") for line in stage.heard)

    async def test_a_refused_login_is_not_tried_again(self, context, authority):
        no = answers(b"535 5.7.8 no\r\n")
        async with serving(talking(Role.SUBMISSION, context, auth=when(inside_tls, no, usual("auth")))) as stage:
            asking = interview(stage, Standing.LOGGED_IN, Role.SUBMISSION, ca=authority.anchors, password=PASSWORD)
            with pytest.raises(PeerError, match="535"):
                await asking.ask((NOOP,))
            tried = stage.connections
            with pytest.raises(PeerError, match="not tried again"):
                await asking.ask((NOOP,))
            logins = [line for line in stage.heard if line.upper().startswith(b"AUTH")]
            assert len(logins) == 1
            assert stage.connections == tried

    @pytest.mark.parametrize("answer", [b"535 5.7.8 no\r\n", b"454 4.7.0 not now\r\n", b""])
    async def test_a_wrong_password_is_said_once_however_many_want_to_log_in(self, context, authority, answer):
        """Probes run side by side, and five wrong passwords lock an account."""
        said = when(inside_tls, answers(answer) if answer else leave, usual("auth"))
        async with serving(talking(Role.SUBMISSION, context, auth=said)) as stage:
            approach = stage.approach(Role.SUBMISSION, ca=authority.anchors, password=PASSWORD)
            several = [Interview(approach, approach.transcript(), Standing.LOGGED_IN).ask((NOOP,)) for _ in range(4)]
            results = await asyncio.gather(*several, return_exceptions=True)
            logins = [line for line in stage.heard if line.upper().startswith(b"AUTH")]
        assert all(isinstance(result, PeerError) for result in results)
        assert len(logins) == 1

    async def test_the_login_itself_is_not_asked_for_twice(self, context, authority):
        no = answers(b"535 5.7.8 no\r\n")
        async with serving(talking(Role.SUBMISSION, context, auth=when(inside_tls, no, usual("auth")))) as stage:
            approach = stage.approach(Role.SUBMISSION, ca=authority.anchors, password=PASSWORD)
            asking = Interview(approach, approach.transcript(), Standing.LOGGED_IN)
            with pytest.raises(PeerError, match="535"):
                await asking.ask((NOOP,))
            facts = await try_login(approach, approach.transcript())
            with pytest.raises(PeerError, match="not tried again"):
                await asking.ask((NOOP,))
            logins = [line for line in stage.heard if line.upper().startswith(b"AUTH")]
        assert (facts.offered, facts.accepted, str(facts.reply)) == (True, False, "535 5.7.8 no")
        assert len(logins) == 1

    async def test_those_who_are_let_in_need_not_wait_for_each_other(self, context, authority):
        async with serving(talking(Role.SUBMISSION, context, auth=welcome)) as stage:
            approach = stage.approach(Role.SUBMISSION, ca=authority.anchors, password=PASSWORD)
            several = [Interview(approach, approach.transcript(), Standing.LOGGED_IN).ask((NOOP,)) for _ in range(4)]
            results = await asyncio.gather(*several)
        assert all(result["noop"].last.accepted for result in results)


def one_too_many(trigger: bytes):
    """A server without STARTTLS that refuses all but a few commands, and answers one of them twice."""

    async def script(peer: Peer) -> None:
        await peer.say("220 mail ESMTP")
        while line := (await peer.line()).upper():
            verb = line.split(b" ")[0]
            if verb == b"QUIT":
                await peer.say("221 bye")
                return
            await peer.say("250 ok" if verb in (b"EHLO", b"RSET", b"MAIL", b"NOOP", trigger) else "554 5.7.1 no")
            if verb == trigger:
                await peer.say("250 ok, as I said")

    return script


class TestStep:
    RCPT = Question("rcpt", (say("MAIL FROM:<>", needs="2"), say("RCPT TO:<a@example.com>")))

    @pytest.mark.parametrize("before", [(), (NOOP,), (NOOP, *errors(3))])
    async def test_a_reply_too_many_is_not_the_answer_to_the_next_command(self, before):
        async with serving(one_too_many(b"MAIL")) as stage:
            found = await interview(stage).ask((*before, self.RCPT))
        assert "more replies" in found["rcpt"].unknown
        assert all(found[question.name].last.reply.code == "554" for question in before[1:])

    async def test_the_questions_behind_are_put_again_by_themselves(self):
        odd = Question("odd", (say("XODD"),))
        async with serving(one_too_many(b"XODD")) as stage:
            found = await interview(stage).ask((NOOP, odd, self.RCPT, *errors(2)))
        assert found["rcpt"].last.refused
        assert found["q1"].last.refused
        assert found["noop"].last.accepted
        assert "more replies" in found["odd"].unknown

    async def test_a_server_that_is_silent_at_quit_has_answered(self):
        async def mute(peer: Peer) -> None:
            await peer.say("220 mail ESMTP")
            while line := (await peer.line()).upper():
                if not line.startswith(b"QUIT"):
                    await peer.say("554 5.7.1 no" if line.startswith(b"RCPT") else "250 ok")

        async with serving(mute) as stage:
            found = await interview(stage).ask((self.RCPT,))
        assert found["rcpt"].last.refused
