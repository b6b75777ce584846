"""AUTH where it has to be refused: three connections at most for the passive part, and no secret in it."""

from __future__ import annotations

import ssl

import pytest

from smtp_audit.facts.endpoint import Role
from smtp_audit.lab.authority import Authority
from smtp_audit.probes.conversation.auth_protocol import LONG_RESPONSE, break_auth, keep_to_auth, stay_logged_in
from smtp_audit.probes.wire import PeerError
from tests.hostile.acts import inside_tls, usual, when
from tests.hostile.acts import say as answers
from tests.hostile.dialogue import Act
from tests.hostile.wire import Left
from tests.probes.stage import PASSWORD, Stage, server_context, serving, talking
from tests.probes.test_submission import welcome
from tests.probes.tls.test_trust import TRUSTED

ROLES = [Role.SUBMISSION, Role.SUBMISSIONS]


@pytest.fixture
def context(authority: Authority) -> ssl.SSLContext:
    return server_context(authority.issue("auth", TRUSTED["sound"]))


def server(**replies: bytes) -> Act:
    """AUTH as a good server takes it; replies replace its own: `bare`, `again`, `cancel`, `unknown`, `wrong`."""
    said = {
        "bare": b"501 5.5.4 which?",
        "again": b"503 5.5.1 no",
        "cancel": b"501 5.7.0 cancelled",
        "unknown": b"504 5.5.4 no such",
        "wrong": b"501 5.5.2 not base64",
        **replies,
    }
    logged_in: set[object] = set()

    async def act(dialogue) -> None:
        words = dialogue.line.split()
        if dialogue.wire in logged_in:
            await dialogue.wire.send(said["again"] + b"\r\n")
        elif len(words) == 1:
            await dialogue.wire.send(said["bare"] + b"\r\n")
        elif words[1] not in (b"PLAIN", b"LOGIN"):
            await dialogue.wire.send(said["unknown"] + b"\r\n")
        elif len(words) == 2:
            await dialogue.wire.send(b"334 \r\n")
            line = await dialogue.wire.line()
            await dialogue.wire.send((said["cancel"] if line == b"*" else b"535 wrong") + b"\r\n")
        elif b"!" in words[2] or len(words[2]) > 1000:
            await dialogue.wire.send(said["wrong"] + b"\r\n")
        else:
            await welcome(dialogue)
            logged_in.add(dialogue.wire)

    return act


TAKES_MAIL = answers(b"250 2.1.0 ok\r\n")


async def ask(stage: Stage, role: Role, probe, authority: Authority, **more):
    approach = stage.approach(role, ca=authority.anchors, **more)
    approach.tls_expected = True
    transcript = approach.transcript()
    return await probe(approach, transcript)


class TestPassive:
    @pytest.mark.parametrize("role", ROLES)
    async def test_a_sound_server(self, context, authority, role):
        async with serving(talking(role, context, auth=server(), mail=TAKES_MAIL)) as stage:
            facts = await ask(stage, role, keep_to_auth, authority)
        assert stage.connections <= 2
        assert facts.mechanisms == ("PLAIN", "LOGIN")
        assert facts.without_mechanism.last.reply.code == "501"
        assert facts.cancelled.last.reply.code == "501"
        # The dialogue's own AUTH does not know of transactions.
        assert facts.in_transaction.last.reply.code == "334"
        # No secret, and no line that a server could take for one, but the asterisk.
        assert {line for line in stage.heard if line.upper().startswith(b"AUTH")} == {b"AUTH", b"AUTH PLAIN"}

    async def test_where_mail_needs_a_login(self, context, authority):
        async with serving(talking(Role.SUBMISSION, context, auth=server())) as stage:
            facts = await ask(stage, Role.SUBMISSION, keep_to_auth, authority)
        assert facts.in_transaction.unknown
        assert facts.in_transaction.exchanges[0].reply.code == "530"

    async def test_without_a_mechanism_for_passwords(self, context, authority):
        scram = when(inside_tls, answers(b"250-mail\r\n250 AUTH SCRAM-SHA-256\r\n"), usual("capabilities"))
        async with serving(talking(Role.SUBMISSION, context, auth=server(), capabilities=scram)) as stage:
            facts = await ask(stage, Role.SUBMISSION, keep_to_auth, authority)
        assert stage.connections == 1
        assert facts.mechanisms == ("SCRAM-SHA-256",)
        assert facts.without_mechanism.last.refused
        assert "not offered" in facts.cancelled.unknown

    async def test_login_where_plain_is_missing(self, context, authority):
        only = when(inside_tls, answers(b"250-mail\r\n250 AUTH LOGIN\r\n"), usual("capabilities"))
        async with serving(talking(Role.SUBMISSION, context, auth=server(), capabilities=only)) as stage:
            facts = await ask(stage, Role.SUBMISSION, keep_to_auth, authority)
        assert [exchange.sent for exchange in facts.cancelled.exchanges] == ["AUTH LOGIN", "*"]

    async def test_a_hang_up_at_the_asterisk(self, context, authority):
        async def drops(dialogue) -> None:
            if len(dialogue.line.split()) == 1:
                await dialogue.wire.send(b"501 which?\r\n")
                return
            await dialogue.wire.send(b"334 \r\n")
            await dialogue.wire.line()
            raise Left

        async with serving(talking(Role.SUBMISSION, context, auth=drops)) as stage:
            facts = await ask(stage, Role.SUBMISSION, keep_to_auth, authority)
        assert "closed" in facts.cancelled.last.ended


class TestActive:
    @pytest.mark.parametrize("role", ROLES)
    async def test_a_sound_server(self, context, authority, role):
        async with serving(talking(role, context, auth=server(), mail=TAKES_MAIL)) as stage:
            facts = await ask(stage, role, stay_logged_in, authority, password=PASSWORD)
        assert stage.connections == 2
        assert facts.sender.last.accepted
        assert facts.after_ehlo.last.accepted
        assert facts.second.last.reply.code == "503"
        assert any(line.startswith(b"EHLO [127.0.0.1]") for line in stage.heard)

    async def test_a_second_login_that_is_begun_is_left_unfinished(self, context, authority):
        script = talking(Role.SUBMISSION, context, auth=server(again=b"334 "), mail=TAKES_MAIL)
        async with serving(script) as stage:
            facts = await ask(stage, Role.SUBMISSION, stay_logged_in, authority, password=PASSWORD)
        assert facts.second.last.accepted
        assert stage.heard[stage.heard.index(b"AUTH PLAIN") + 1].startswith(b"EHLO")  # on another connection

    async def test_a_wrong_password_is_tried_once(self, context, authority):
        async with serving(talking(Role.SUBMISSION, context, auth=server())) as stage:
            with pytest.raises(PeerError, match="not tried again"):
                await ask(stage, Role.SUBMISSION, stay_logged_in, authority, password="wrong")
        assert sum(line.startswith(b"AUTH") for line in stage.heard) == 1

    async def test_nor_is_a_login_whose_answer_is_a_hang_up_tried_again(self, context, authority):
        async def drops(dialogue) -> None:
            raise Left

        async with serving(talking(Role.SUBMISSION, context, auth=drops)) as stage:
            with pytest.raises(PeerError, match="not answered"):
                await ask(stage, Role.SUBMISSION, stay_logged_in, authority, password=PASSWORD)
        assert sum(line.startswith(b"AUTH") for line in stage.heard) == 1

    async def test_without_credentials_nothing_is_said(self, context, authority):
        async with serving(talking(Role.SUBMISSION, context)) as stage:
            with pytest.raises(PeerError, match="no credentials"):
                await ask(stage, Role.SUBMISSION, stay_logged_in, authority)
            assert stage.connections == 0


class TestIntrusive:
    @pytest.mark.parametrize("role", ROLES)
    async def test_a_sound_server(self, context, authority, role):
        async with serving(talking(role, context, auth=server())) as stage:
            facts = await ask(stage, role, break_auth, authority)
        assert stage.connections <= 2
        assert facts.unknown_mechanism.last.reply.code == "504"
        assert facts.bad_encoding.last.reply.code == "501"
        first, behind = facts.long_line.exchanges
        assert (first.reply.code, behind.reply.code) == ("501", "250")
        assert len(first.sent) < 100
        longest = max(stage.heard, key=len)
        assert len(longest) > 12288
        assert len(longest) < LONG_RESPONSE + 100

    async def test_a_line_that_is_cut_into_commands(self, context, authority):
        """Each piece is answered, and the answer to NOOP is another one."""
        script = talking(Role.SUBMISSION, context, auth=server(wrong=b"500 too long\r\n500 what is this?"))
        async with serving(script) as stage:
            facts = await ask(stage, Role.SUBMISSION, break_auth, authority)
        assert facts.long_line.last.reply.code == "500"
