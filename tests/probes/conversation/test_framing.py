"""Where a server sees the end of a line, a command and a message, and how it takes clients that run ahead."""

from __future__ import annotations

import asyncio
import socket

import pytest

from smtp_audit.facts.endpoint import Role
from smtp_audit.probes.conversation import pipelining
from smtp_audit.probes.conversation.chunking import try_chunks
from smtp_audit.probes.conversation.cross_protocol import post_a_form
from smtp_audit.probes.conversation.line_ends import try_line_ends
from smtp_audit.probes.conversation.pipelining import run_ahead
from smtp_audit.probes.wire import PeerError
from tests.probes.stage import Peer, serving

from .mail_server import Server, approach, fresh


class TestLineEnds:
    @pytest.mark.parametrize(
        ("ends", "lf", "cr"),
        # This server knows no command with an LF in it: one refusal then, and no QUIT.
        [(rb"\r\n", 0, 0), (rb"\r?\n", 2, 0), (rb"\r\n?", 0, 2), (rb"\r\n|\r|\n", 2, 2)],
    )
    async def test_counts_the_commands(self, ends, lf, cr):
        server = Server()
        type(server).line_end = ends
        try:
            async with serving(fresh(server)) as stage:
                run = approach(stage)
                found = await try_line_ends(run, run.transcript())
        finally:
            Server.line_end = rb"\r\n"

        def replies(dialogue):
            return sum(len(exchange.replies) for exchange in dialogue.exchanges) - 1

        assert (replies(found.bare_lf), replies(found.bare_cr)) == (lf, cr)

    async def test_a_refusal_is_the_answer_and_nothing_more_is_said(self):
        async def refuse(peer: Peer) -> None:
            await peer.say("550 5.5.2 bare LF")

        server = Server(**{"RSET\nNOOP": refuse, "RSET\rNOOP": None})
        async with serving(fresh(server)) as stage:
            run = approach(stage)
            found = await try_line_ends(run, run.transcript())
        assert [f"{reply}" for reply in found.bare_lf.last.replies] == ["550 5.5.2 bare LF"]
        assert found.bare_cr.last.hung_up

    async def test_asks_for_addresses_with_a_nul_on_port_25_alone(self):
        async with serving(fresh(Server(RCPT="501 5.1.3 no"))) as stage:
            run = approach(stage)
            found = await try_line_ends(run, run.transcript())
        assert [each.last.sent for each in found.nul_recipients] == [
            "RCPT TO:<audit\\x00x@probe.example>",
            "RCPT TO:<audit@probe.example\\x00x>",
        ]
        assert all(each.last.refused for each in found.nul_recipients)
        assert found.plain_recipient is not None
        assert found.plain_recipient.last.sent == "RCPT TO:<audit@probe.example>"


class TestPipelining:
    async def test_all_is_answered(self):
        async with serving(fresh(Server())) as stage:
            run = approach(stage)
            found = await run_ahead(run, run.transcript())
            await stage.quiet()
        assert found.announced
        assert [len(each.replies) for each in found.batch.exchanges] == [4, 1]
        assert [len(each.replies) for each in found.together.exchanges] == [1, 2]
        assert found.early is not None
        assert found.early.exchanges[0].sent == "NOOP, before the greeting"
        assert [reply.code for reply in found.early.exchanges[0].replies] == ["220", "250"]
        assert stage.connections == 3

    async def test_no_error_is_among_the_batch_where_a_login_comes_first(self):
        server = Server()
        async with serving(fresh(server)) as stage:
            run = approach(stage, role=Role.SUBMISSION)
            found = await run_ahead(run, run.transcript())
        assert found.batch.exchanges[0].sent == "\\x0d\\x0a".join(["RSET"] * 4)
        assert [len(each.replies) for each in found.batch.exchanges] == [4, 1]
        assert not any(line.startswith((b"MAIL", b"RCPT")) for heard in server.connections for line in heard)

    async def test_no_batch_where_it_is_not_announced(self):
        class Old(Server):
            keywords = ("8BITMIME",)

        async with serving(fresh(Old())) as stage:
            run = approach(stage)
            found = await run_ahead(run, run.transcript())
        assert not found.announced
        assert found.batch.unknown == "PIPELINING is not announced"

    async def test_what_is_lost_is_told_from_what_is_late(self):
        class Lossy(Server):
            async def up_to(self, peer: Peer, end: bytes) -> bytes:
                part = await super().up_to(peer, end)
                self.unread = b""
                return part

        async with serving(fresh(Lossy())) as stage:
            run = approach(stage)
            found = await run_ahead(run, run.transcript())
        assert [[reply.code for reply in each.replies] for each in found.batch.exchanges] == [["250"], ["221"]]

    async def test_the_octets_are_there_when_the_connection_is_accepted(self):
        there: list[bytes] = []

        async def look_at_once(peer: Peer) -> None:
            bare = peer.reader._transport.get_extra_info("socket")  # type: ignore[attr-defined]
            copy = socket.socket(fileno=socket.dup(bare.fileno()))
            copy.setblocking(False)
            try:
                there.append(copy.recv(100, socket.MSG_PEEK))
            except BlockingIOError:
                there.append(bytes(peer.reader._buffer))  # type: ignore[attr-defined]
            finally:
                copy.close()
            await peer.say("554 5.5.0 you talk too early")

        async with serving(look_at_once) as stage:
            run = approach(stage)
            for _ in range(20):
                await run.visit(lambda session: asyncio.sleep(0), run.transcript(), first=b"NOOP\r\n")
            await stage.quiet()
        assert set(there) == {b"NOOP\r\n"}

    async def test_the_refusal_of_an_early_talker_is_kept_when_all_else_is_well(self):
        async def strict(peer: Peer) -> None:
            if peer.number == 3:
                await peer.say("554 5.5.0 you talk too early")
                return
            await Server()(peer)

        async with serving(strict) as stage:
            run = approach(stage)
            found = await run_ahead(run, run.transcript())
        assert found.early is not None
        assert found.early.last.refused

    @pytest.mark.parametrize(("held", "told"), [(6.0, True), (0.1, False), (None, False)])
    async def test_who_is_known_by_now_cannot_tell_what_strangers_get(self, held, told):
        """postscreen holds its greeting back for strangers, and leaves those whom it knows to smtpd."""
        async with serving(fresh(Server())) as stage:
            run = approach(stage)
            run.greeted_after = held
            found = await run_ahead(run, run.transcript())
        assert found.early is not None
        assert ("held back for 6.0 s" in found.early.unknown) is told

    async def test_who_is_always_kept_waiting_and_then_heard_was_not_looked_at(self, monkeypatch):
        monkeypatch.setattr(pipelining, "_SCREENING_SECONDS", 0.1)

        async def waits(peer: Peer) -> None:
            await asyncio.sleep(0.2)
            await Server()(peer)

        async with serving(waits) as stage:
            run = approach(stage)
            run.greeted_after = 0.2
            found = await run_ahead(run, run.transcript())
        assert found.early is not None
        assert not found.early.unknown

    async def test_who_waits_and_is_turned_away_too_was_not_refused_for_talking_early(self):
        async def banned(peer: Peer) -> None:
            if peer.number >= 3:
                await peer.say("554 5.7.1 you had your share")
                return
            await Server()(peer)

        async with serving(banned) as stage:
            run = approach(stage)
            found = await run_ahead(run, run.transcript())
        assert found.early is not None
        assert "you had your share" in found.early.unknown

    @pytest.mark.parametrize("waits", ["250 2.0.0 Ok", "521 5.5.1 Protocol error"])
    async def test_a_greeting_that_breaks_off(self, waits):
        """postscreen says the first line of its greeting to everybody, and the last to those alone who wait for it."""

        async def postscreen(peer: Peer) -> None:
            if peer.number != 3:
                await Server()(peer)
                return
            await peer.say("220-mail.probe.example ESMTP")
            await peer.line()
            await peer.say(waits)
            while waits.startswith("2"):
                refused = (await peer.line()).startswith(b"RCPT")
                await peer.say("550 5.5.1 Protocol error" if refused else "250 2.0.0 Ok")

        async with serving(postscreen) as stage:
            run = approach(stage)
            found = await run_ahead(run, run.transcript())
        assert found.early is not None
        assert not found.early.unknown
        assert [reply.code for reply in found.early.exchanges[0].replies] == ["220", waits[:3]]
        assert found.early.last.refused

    async def test_elsewhere_a_reply_that_breaks_off_is_none(self):
        async def breaks_off(peer: Peer) -> None:
            await peer.say("220-mail.probe.example ESMTP", "250 2.0.0 Ok")
            await peer.line()

        async with serving(breaks_off) as stage:
            run = approach(stage)
            with pytest.raises(PeerError, match="changes from 220"):
                await run_ahead(run, run.transcript())

    async def test_a_server_that_drops_everybody_at_mail_says_nothing_of_early_talkers(self):
        async with serving(fresh(Server(MAIL=None))) as stage:
            run = approach(stage)
            found = await run_ahead(run, run.transcript())
        assert found.early is not None
        assert "as well" in found.early.unknown


class TestChunking:
    async def test_refused(self):
        async with serving(fresh(Server(DATA="503 5.5.1 no"))) as stage:
            run = approach(stage)
            found = await try_chunks(run, run.transcript())
        assert found.announced
        assert found.no_transaction.last.refused
        assert found.data_after_chunk is not None
        assert found.data_after_chunk.last.refused

    async def test_data_that_is_taken_is_not_used(self):
        server = Server()
        async with serving(fresh(server)) as stage:
            run = approach(stage)
            found = await try_chunks(run, run.transcript())
            await stage.quiet()
        assert found.data_after_chunk is not None
        assert found.data_after_chunk.last.accepted
        assert server.messages == []
        assert not any(line.startswith(b"DATA") for heard in server.connections for line in heard[:-1])

    async def test_not_announced(self):
        class Old(Server):
            keywords = ()

        async with serving(fresh(Old())) as stage:
            run = approach(stage)
            found = await try_chunks(run, run.transcript())
        assert not found.announced
        assert all("BDAT" not in f"{line!r}" for line in stage.heard)

    async def test_no_envelope_where_a_login_comes_first(self):
        async with serving(fresh(Server())) as stage:
            run = approach(stage, role=Role.SUBMISSION)
            found = await try_chunks(run, run.transcript())
        assert found.no_recipient is found.data_after_chunk is None


class TestCrossProtocol:
    @pytest.mark.parametrize(
        ("post", "codes"),
        [("221 2.7.0 goodbye", ["221"]), ("421 4.7.0 no", ["421"]), (None, [])],
    )
    async def test_a_server_that_hangs_up(self, post, codes):
        async with serving(fresh(Server(POST=post))) as stage:
            run = approach(stage)
            found = await post_a_form(run, run.transcript())
        assert [reply.code for reply in found.posted.last.replies] == codes
        assert found.posted.last.hung_up is not bool(codes)

    async def test_a_server_that_answers_every_line(self):
        async with serving(fresh(Server())) as stage:
            run = approach(stage)
            found = await post_a_form(run, run.transcript())
        assert [reply.code for reply in found.posted.last.replies] == ["500"] * 8 + ["250", "221"]
