"""Where a server sees the end of a line, a command and a message, and how it takes clients that run ahead."""

from __future__ import annotations

import asyncio
import dataclasses
import re
import socket
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_audit.configuration.model import Mailboxes, Sink
from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.observation import Absence
from smtp_audit.probes.approach import Approach
from smtp_audit.probes.conversation.chunking import try_chunks
from smtp_audit.probes.conversation.cross_protocol import post_a_form
from smtp_audit.probes.conversation.end_of_data import end_messages
from smtp_audit.probes.conversation.forwarding import arrival, forward_messages
from smtp_audit.probes.conversation.letter import ENDINGS, Draft, letter
from smtp_audit.probes.conversation.line_ends import try_line_ends
from smtp_audit.probes.conversation.pipelining import run_ahead
from smtp_audit.probes.wire import PeerError
from tests.conversation_factories import dialogue, exchange
from tests.probes.stage import Peer, Script, Stage, serving

OWN = "audit@probe.example"
SINK = "sink@elsewhere.example"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def approach(stage: Stage, *, own: str | None = OWN, sink: int | None = None, **more) -> Approach:
    plain = stage.approach(**{"role": Role.MX, "domain": "probe.example", **more})
    place = None if sink is None else Sink(address=SINK, listen="127.0.0.1", port=sink)
    config = plain.config.model_copy(update={"mailboxes": Mailboxes(own=own), "sink": place})
    return dataclasses.replace(plain, config=config, run_id="run-7")


class Server:
    """A mail server without TLS in a few lines, whose idea of ends can be changed. `messages` are what it took."""

    line_end = rb"\r\n"
    message_end = rb"\r\n\.\r\n"
    keywords = ("PIPELINING", "CHUNKING", "8BITMIME")

    def __init__(self, **replies: str | Callable[[Peer], object] | None) -> None:
        self.replies = replies
        self.messages: list[bytes] = []
        self.connections: list[list[bytes]] = []

    async def __call__(self, peer: Peer) -> None:
        heard: list[bytes] = []
        self.connections.append(heard)
        self.unread = b""
        await peer.say("220 mail.probe.example ESMTP")
        while True:
            line = await self.up_to(peer, self.line_end)
            heard.append(line)
            verb = line.split(b" ")[0].upper().decode("latin-1")
            answer = self.replies.get(verb, self.usual(verb))
            if answer is None:
                return
            if verb == "BDAT" and line == b"BDAT 2":
                await self.up_to(peer, rb"\r\n")
                await peer.say("250 2 octets")
                continue
            if callable(answer):
                await answer(peer)
                continue
            await peer.say(*answer.splitlines())
            if answer.startswith("354"):
                await self.message(peer)
            if verb == "QUIT":
                return

    async def message(self, peer: Peer) -> None:
        self.messages.append(await self.up_to(peer, self.message_end))
        answer = self.replies.get("message", "250 2.0.0 queued")
        await peer.say(str(answer(self.messages[-1]) if callable(answer) else answer))

    async def up_to(self, peer: Peer, end: bytes) -> bytes:
        while (found := re.search(end, self.unread)) is None:
            self.unread += await peer.take()
        part, self.unread = self.unread[: found.start()], self.unread[found.end() :]
        return part

    def usual(self, verb: str) -> str:
        match verb:
            case "EHLO":
                return "\n".join(("250-mail", *(f"250-{word}" for word in self.keywords), "250 HELP"))
            case "MAIL" | "RCPT" | "RSET" | "NOOP":
                return "250 2.0.0 ok"
            case "DATA":
                return "354 go ahead"
            case "BDAT":
                return "503 5.5.1 not now"
            case "QUIT":
                return "221 2.0.0 bye"
            case _:
                return "500 5.5.2 no such command"


def fresh(server: Server) -> Script:
    """One server object for each connection, since several may be open at once."""

    async def script(peer: Peer) -> None:
        each = type(server)(**server.replies)
        each.messages, each.connections = server.messages, server.connections
        await each(peer)

    return script


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
            if peer.number >= 3:
                await peer.say("554 5.5.0 you talk too early")
                return
            await Server()(peer)

        async with serving(strict) as stage:
            run = approach(stage)
            found = await run_ahead(run, run.transcript())
        assert found.early is not None
        assert found.early.last.refused


class TestChunking:
    async def test_refused(self):
        async with serving(fresh(Server(DATA="503 5.5.1 no"))) as stage:
            run = approach(stage)
            found = await try_chunks(run, run.transcript())
        assert found.announced
        assert found.no_transaction.last.refused
        assert found.data_after_chunk is not None
        assert found.data_after_chunk.last.refused
        assert found.gigantic.last.sent == "BDAT 18446744073709551616"

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


class TestEndOfData:
    async def test_one_message_for_each_end_and_each_says_what_it_is(self):
        server = Server()
        async with serving(fresh(server)) as stage:
            run = approach(stage)
            found = await end_messages(run, run.transcript())
        assert found.ordinary.whole
        assert [each.name for each in found.letters] == list(ENDINGS)
        assert all(each.whole for each in found.letters)
        assert len(server.messages) == 14
        for name, message in zip(("ordinary", *ENDINGS), server.messages, strict=True):
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
        assert len(server.messages) == 14

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
        assert len(server.messages) == 15
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
        assert [heard.count(b"NOOP") for heard in server.connections] == [1, 7, 6]

    @pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA"])
    async def test_what_is_not_allowed_for_now_is_unknown(self, step):
        async with serving(fresh(Server(**{step: "450 4.7.1 greylisted"}))) as stage:
            run = approach(stage)
            found = await end_messages(run, run.transcript())
        assert "450 4.7.1 greylisted" in found.ordinary.unknown

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
        assert found.waited < 10

    async def test_a_server_that_repairs(self):
        port = free_port()
        repair = lambda message: re.sub(rb"\r(?!\n)|(?<!\r)\n", b" ", message)  # noqa: E731
        async with serving(fresh(self.passing_on(port, repair))) as stage:
            run = approach(stage, sink=port)
            found = await forward_messages(run, run.transcript())
        assert [each.arrivals[0].bare for each in found.messages] == [""] * 10
        assert all(each.arrivals[0].whole for each in found.messages)

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
