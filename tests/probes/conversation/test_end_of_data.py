"""Messages with ends that are none: what a server makes of them, and what it passes on."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_audit.facts.observation import Absence
from smtp_audit.probes.conversation.end_of_data import end_messages
from smtp_audit.probes.conversation.forwarding import arrival, forward_messages
from smtp_audit.probes.conversation.letter import ENDINGS, LONG_LINE, NUL_IN_HEADER, NUL_IN_TEXT, Draft, letter
from smtp_audit.probes.wire import PeerError
from tests.conversation_factories import dialogue, exchange
from tests.hostile.wire import Left
from tests.probes.stage import Peer, serving

from .mail_server import OWN, SINK, Server, approach, free_port, fresh

NULS = (NUL_IN_HEADER, NUL_IN_TEXT)


class Hasty(Server):
    """One that minds what comes with DATA, or with a message; "" for who does not."""

    data, dot = "503 5.5.0 wait", "554 5.5.0 wait"

    async def message(self, peer: Peer) -> None:
        if self.data and self.unread:
            pytest.fail("354 was said to who did not wait")
        await super().message(peer)
        if self.dot and self.unread:
            await peer.say(self.dot)
            raise Left

    def usual(self, verb: str) -> str:
        return self.data if verb == "DATA" and self.data and self.unread else super().usual(verb)


class Lockstep(Hasty):
    keywords = ("8BITMIME",)


class Careless(Hasty):
    keywords = ("8BITMIME",)
    data = dot = ""


class TestEndOfData:
    async def test_one_message_for_each_end_and_each_says_what_it_is(self):
        server = Server()
        async with serving(fresh(server)) as stage:
            run = approach(stage)
            found = await end_messages(run, run.transcript())
        assert found.ordinary.whole
        assert [each.name for each in found.letters] == [*ENDINGS, *NULS]
        assert all(each.whole for each in found.letters)
        assert len(server.messages) == 17
        for name, message in zip(("ordinary", *ENDINGS, *NULS, "a line of 1000"), server.messages, strict=False):
            assert b"X-SMTP-Audit-Run: run-7\r\n" in message
            assert name.encode() in message.partition(b"\r\n\r\n")[0]
            assert ENDINGS.get(name, b"") in message
        recipients = {line for heard in server.connections for line in heard if line.startswith(b"RCPT")}
        assert recipients == {f"RCPT TO:<{OWN}>".encode()}

    @pytest.mark.parametrize("name", [name for name in ENDINGS if name != "CRLF.CR"])
    async def test_an_end_that_is_taken_is_seen_and_its_message_is_not_sent_again(self, name):
        server = Server()
        type(server).message_end = re.escape(ENDINGS[name]) + rb"|\r\n\.\r\n"
        try:
            async with serving(fresh(server)) as stage:
                run = approach(stage)
                found = await end_messages(run, run.transcript())
        finally:
            Server.message_end = rb"\r\n\.\r\n"
        # Some ends hold others: LF.LF is in LF.LF alone, CR.CR in CR.CRLF, too.
        assert [each.name for each in found.letters if each.split] == [
            each for each, octets in ENDINGS.items() if re.search(re.escape(ENDINGS[name]), octets)
        ]
        assert len(server.messages) == 17

    async def test_refusals_are_no_ends(self):
        def answer(message: bytes) -> str:
            return "550 5.5.2 bare LF" if re.search(rb"(?<!\r)\n", message) else "250 2.0.0 queued"

        async with serving(fresh(Server(message=answer))) as stage:
            run = approach(stage)
            found = await end_messages(run, run.transcript())
        assert [each.name for each in found.letters if each.refused] == [
            "LF.LF",
            "LF.CRLF",
            "CRLF.LF",
            "CR.LF",
            "LF.CR",
        ]
        assert not any(each.split for each in found.letters)

    async def test_nothing_more_is_sent_where_an_ordinary_message_is_refused(self):
        server = Server(message="550 5.7.1 spam")
        async with serving(fresh(server)) as stage:
            run = approach(stage)
            found = await end_messages(run, run.transcript())
        assert found.ordinary.refused
        assert found.letters == ()
        # Once for each author.
        assert len(server.messages) == 2

    async def test_the_mailbox_is_the_author_where_it_has_to_be(self):
        def answer(message: bytes) -> str:
            known = f"From: <{OWN}>".encode() in message
            return "250 2.0.0 queued" if known else "550 5.1.8 no such domain"

        server = Server(message=answer)
        async with serving(fresh(server)) as stage:
            run = approach(stage)
            found = await end_messages(run, run.transcript())
        assert found.ordinary.whole
        assert all(each.whole for each in found.letters)
        assert len(server.messages) == 18
        assert b"From: <smtp-audit@smtp-audit.invalid>" in server.messages[0]

    @pytest.mark.parametrize("text", ["421 4.5.0 Bare linefeed (LF) not allowed", "421 4.7.0 try again later"])
    async def test_421_is_the_answer_to_a_message(self, text):
        def answer(message: bytes) -> str:
            return text if re.search(rb"(?<!\r)\n", message) else "250 2.0.0 queued"

        async with serving(fresh(Server(message=answer))) as stage:
            run = approach(stage)
            found = await end_messages(run, run.transcript())
        said = [each for each in found.letters if f"{each.reply}" == text]
        assert [each.name for each in said] == ["LF.LF", "LF.CRLF", "CRLF.LF", "CR.LF", "LF.CR"]
        assert {each.refused for each in said} == {"Bare" in text}
        assert all(each.whole for each in found.letters if each not in said)

    async def test_few_commands_that_are_not_about_mail_on_one_connection(self):
        server = Server()
        async with serving(fresh(server)) as stage:
            run = approach(stage)
            await end_messages(run, run.transcript())
            await stage.quiet()
        # Exim hangs up at the 11th (smtp_accept_max_nonmail).
        assert [heard.count(b"NOOP") for heard in server.connections] == [1, 7, 7, 2, 0]

    @pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA"])
    async def test_what_is_not_allowed_for_now_is_unknown(self, step):
        async with serving(fresh(Server(**{step: "450 4.7.1 greylisted"}))) as stage:
            run = approach(stage)
            found = await end_messages(run, run.transcript())
        assert "450 4.7.1 greylisted" in found.ordinary.unknown

    async def test_a_nul_has_more_behind_it_in_header_and_text(self):
        server = Server()
        async with serving(fresh(server)) as stage:
            run = approach(stage)
            await end_messages(run, run.transcript())
        header, text = (message.partition(b"\r\n\r\n") for message in server.messages[14:16])
        assert b"\r\nX-SMTP-Audit-Text: before\0XSMUGGLED\r\n" in header[0]
        assert b"\0" not in header[2]
        assert b"\0" not in text[0]
        assert b"\0XSMUGGLED\r\n" in text[2]

    async def test_the_long_line_has_1000_octets(self):
        server = Server()
        async with serving(fresh(server)) as stage:
            run = approach(stage)
            found = await end_messages(run, run.transcript())
        assert found.long_line is not None
        assert found.long_line.whole
        lines = server.messages[16].split(b"\r\n")
        assert max(len(line) for line in lines) + 2 == len(LONG_LINE) == 1000

    async def test_a_long_line_that_is_refused(self):
        def answer(message: bytes) -> str:
            long = any(len(line) > 900 for line in message.split(b"\r\n"))
            return "550 5.6.0 too long" if long else "250 2.0.0 queued"

        async with serving(fresh(Server(message=answer))) as stage:
            run = approach(stage)
            found = await end_messages(run, run.transcript())
        assert found.long_line is not None
        assert found.long_line.refused
        assert all(each.whole for each in found.letters)

    async def test_where_pipelining_is_announced_a_message_may_have_company(self):
        server = Hasty()
        async with serving(fresh(server)) as stage:
            run = approach(stage)
            found = await end_messages(run, run.transcript())
        assert found.behind_dot is None
        assert found.behind_data is not None
        assert found.behind_data.last.refused
        assert len(server.messages) == 17

    async def test_where_it_is_not_both_are_asked_and_the_message_is_sent_once(self):
        server = Lockstep()
        async with serving(fresh(server)) as stage:
            run = approach(stage)
            found = await end_messages(run, run.transcript())
        assert found.behind_data is not None
        assert found.behind_dot is not None
        assert found.behind_data.last.refused
        assert found.behind_dot.last.refused
        assert sum(b"with NOOP behind it" in message for message in server.messages) == 1

    async def test_a_server_that_minds_neither(self):
        server = Careless()
        async with serving(fresh(server)) as stage:
            run = approach(stage)
            found = await end_messages(run, run.transcript())
        assert found.behind_data is not None
        assert found.behind_dot is not None
        assert f"{found.behind_data.last.reply}" == "354 go ahead"
        assert [reply.code for reply in found.behind_dot.last.replies] == ["250", "221"]
        # What came with DATA was no message, since nothing ended it.
        assert len(server.messages) == 18

    async def test_hanging_up_on_data_in_company_is_asked_once_more(self):
        class HangsUp(Server):
            async def message(self, peer: Peer) -> None:
                await super().message(peer)

            def usual(self, verb: str) -> str:
                if verb == "DATA" and self.unread:
                    raise Left
                return super().usual(verb)

        server = HangsUp()
        async with serving(fresh(server)) as stage:
            run = approach(stage)
            found = await end_messages(run, run.transcript())
        assert found.behind_data is not None
        assert found.behind_data.last.hung_up
        assert sum(heard[-1:] == [b"DATA"] for heard in server.connections) == 2

    async def test_without_a_mailbox_nothing_is_said(self):
        async with serving(fresh(Server())) as stage:
            run = approach(stage, own=None)
            with pytest.raises(PeerError) as raised:
                await end_messages(run, run.transcript())
        assert raised.value.absence is Absence.NOT_AVAILABLE
        assert stage.connections == 0

    def test_a_message_that_was_answered_and_then_silence_is_neither(self):
        said = dialogue(
            *[exchange("x", "250 ok")] * 3, exchange("message", "250 queued"), exchange("NOOP", ended="no reply")
        )
        found = letter(Draft("LF.LF", b"\n.\n", "t"), said)
        assert not found.whole
        assert not found.refused
        assert not found.split


async def deliver(port: int, message: bytes, recipient: str = SINK) -> bytes:
    """What a careless server does with a message: the last reply."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    last = await reader.readline()
    for said in (b"EHLO x", b"MAIL FROM:<>", f"RCPT TO:<{recipient}>".encode(), b"DATA"):
        writer.write(said + b"\r\n")
        last = await reader.readline()
    if last.startswith(b"354"):
        writer.write(message + b"\r\n.\r\n")
        last = await reader.readline()
    writer.close()
    return last


class TestForwarding:
    def passing_on(self, port: int, change: Callable[[bytes], bytes] = lambda message: message) -> Server:
        tasks: set[asyncio.Task[bytes]] = set()

        def answer(message: bytes) -> str:
            task = asyncio.get_running_loop().create_task(deliver(port, change(message)))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            return "250 2.0.0 queued"

        return Server(message=answer)

    async def test_octets_arrive_as_they_are(self):
        port = free_port()
        async with serving(fresh(self.passing_on(port))) as stage:
            run = approach(stage, sink=port)
            found = await forward_messages(run, run.transcript())
        assert found.ordinary is not None
        assert [each.whole for each in found.ordinary.arrivals] == [True]
        assert found.ordinary.arrivals[0].bare == ""
        assert len(found.messages) == 10
        assert all(each.arrivals[0].bare for each in found.messages)
        assert [each.letter.name for each in found.nuls] == list(NULS)
        assert [(each.arrivals[0].whole, each.arrivals[0].cut) for each in found.nuls] == [(True, False)] * 2
        assert [each.letter.unknown for each in found.dropped] == ["", ""]
        assert [each.arrivals for each in found.dropped] == [(), ()]
        assert found.later is not None
        assert [each.whole for each in found.later.arrivals] == [True]
        assert found.waited < 10

    async def test_a_server_that_repairs(self):
        port = free_port()
        repair = lambda message: re.sub(rb"\r(?!\n)|(?<!\r)\n", b" ", message)  # noqa: E731
        async with serving(fresh(self.passing_on(port, repair))) as stage:
            run = approach(stage, sink=port)
            found = await forward_messages(run, run.transcript())
        assert [each.arrivals[0].bare for each in found.messages] == [""] * 10
        assert all(each.arrivals[0].whole for each in found.messages)

    async def test_a_server_that_cuts_lines_at_a_nul(self):
        port = free_port()
        cut = lambda message: re.sub(rb"\0[^\r]*", b"", message)  # noqa: E731
        async with serving(fresh(self.passing_on(port, cut))) as stage:
            run = approach(stage, sink=port)
            found = await forward_messages(run, run.transcript())
        assert [(each.arrivals[0].whole, each.arrivals[0].cut) for each in found.nuls] == [(True, True)] * 2

    async def test_a_nul_that_is_left_out_takes_nothing_away(self):
        port = free_port()
        async with serving(fresh(self.passing_on(port, lambda message: message.replace(b"\0", b"")))) as stage:
            run = approach(stage, sink=port)
            found = await forward_messages(run, run.transcript())
        assert not any(each.arrivals[0].cut for each in found.nuls)

    async def test_a_message_that_was_dropped_and_comes_all_the_same(self):
        port = free_port()

        class Keeps(Server):
            async def message(self, peer: Peer) -> None:
                try:
                    await super().message(peer)
                except Left:
                    await deliver(port, self.unread)
                    raise

        server = self.passing_on(port)
        async with serving(fresh(Keeps(**server.replies))) as stage:
            run = approach(stage, sink=port)
            found = await forward_messages(run, run.transcript())
        assert [len(each.arrivals) for each in found.dropped] == [1, 1]
        assert all(each.sent == 1 for each in found.dropped)

    async def test_a_message_that_cannot_be_begun_is_not_dropped(self):
        port = free_port()
        server = self.passing_on(port)

        async def data(peer: Peer) -> None:
            later = len(server.messages) == 1
            await peer.say("451 4.3.0 later" if later else "354 go ahead")
            if not later:
                await server_of[peer].message(peer)

        server_of: dict[Peer, Server] = {}

        class Later(Server):
            async def __call__(self, peer: Peer) -> None:
                server_of[peer] = self
                await super().__call__(peer)

        later = Later(**server.replies, DATA=data)
        server.messages = later.messages
        async with serving(fresh(later)) as stage:
            run = approach(stage, sink=port)
            found = await forward_messages(run, run.transcript())
        assert ["451 4.3.0 later" in each.letter.unknown for each in found.dropped] == [True, True]

    async def test_nothing_arrives(self, monkeypatch):
        monkeypatch.setattr("smtp_audit.probes.conversation.forwarding.FORWARD_SECONDS", 0.1)
        port = free_port()
        async with serving(fresh(Server())) as stage:
            run = approach(stage, sink=port)
            found = await forward_messages(run, run.transcript())
        assert found.ordinary is not None
        assert found.ordinary.arrivals == ()

    @pytest.mark.parametrize("refusal", ["550 5.7.1 no relaying", "454 4.7.1 Relay access denied"])
    async def test_a_server_that_does_not_relay(self, refusal):
        async with serving(fresh(Server(RCPT=refusal))) as stage:
            run = approach(stage, sink=free_port())
            found = await forward_messages(run, run.transcript())
        assert refusal in found.refused_recipient
        assert found.messages == ()

    async def test_greylisting_is_no_refusal_to_relay(self):
        """milter-greylist and rspamd say 4.7.1 like Postfix's refusal to relay."""
        async with serving(fresh(Server(RCPT="451 4.7.1 Greylisting in action, please come back later"))) as stage:
            run = approach(stage, sink=free_port())
            found = await forward_messages(run, run.transcript())
        assert found.refused_recipient == ""

    async def test_the_port_is_free_again_afterwards(self):
        port = free_port()
        async with serving(fresh(Server(RCPT="550 5.7.1 no"))) as stage:
            run = approach(stage, sink=port)
            for _ in range(2):
                await forward_messages(run, run.transcript())
        with pytest.raises(ConnectionError):
            await asyncio.open_connection("127.0.0.1", port)

    async def test_a_port_that_is_taken_is_a_reason(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            async with serving(fresh(Server())) as stage:
                run = approach(stage, sink=port)
                with pytest.raises(PeerError, match="cannot listen on 127"):
                    await forward_messages(run, run.transcript())

    async def test_without_a_sink_nothing_is_said(self):
        async with serving(fresh(Server())) as stage:
            run = approach(stage)
            with pytest.raises(PeerError) as raised:
                await forward_messages(run, run.transcript())
        assert raised.value.absence is Absence.NOT_AVAILABLE
        assert stage.connections == 0


class TestSink:
    async def test_takes_mail_of_this_run_for_its_address_alone(self):
        port = free_port()
        async with serving(fresh(Server())) as stage:
            run = approach(stage, sink=port)
            assert run.config.sink is not None
            async with run.sinks.listening(run.config.sink) as sink, run.sinks.listening(run.config.sink) as same:
                assert same is sink
                sink.tokens.add(b"token-1")
                assert (await deliver(port, b"Subject: token-1\r\n\r\nhello")).startswith(b"250")
                assert (await deliver(port, b"Subject: token-2\r\n\r\ntoken-1")).startswith(b"550")
                assert (await deliver(port, b"Subject: token-1\r\n\r\n", "other@elsewhere.example")).startswith(b"503")
                found = await sink.wait_for(["token-1"], 1)
                assert found == {"token-1": (b"Subject: token-1\r\n\r\nhello",)}
                assert await sink.wait_for(["token-3"], 0.05) == {"token-3": ()}

    async def test_a_message_without_end_is_given_up(self):
        port = free_port()
        async with serving(fresh(Server())) as stage:
            run = approach(stage, sink=port)
            assert run.config.sink is not None
            async with run.sinks.listening(run.config.sink) as sink:
                sink.tokens.add(b"token")
                assert (await deliver(port, b"Subject: token\r\n\r\n" + b"x" * 200_000)).startswith(b"552")
                assert await sink.wait_for(["token"], 0.05) == {"token": ()}


@given(st.binary(max_size=200))
def test_what_stands_alone_is_found(octets):
    found = arrival(octets, b"no such line")
    assert bool(found.bare) is (b"\r" in octets.replace(b"\r\n", b"") or b"\n" in octets.replace(b"\r\n", b""))
    assert found.bare.isascii()
    assert found.bare.isprintable()


@given(st.binary(max_size=100))
def test_another_encoding_hides_no_last_line(octets):
    from base64 import encodebytes

    line = b"XEND of message 1234"
    head = b"Content-Transfer-Encoding: base64\r\n\r\n"
    assert arrival(head + encodebytes(octets + line).replace(b"\n", b"\r\n"), line).whole
