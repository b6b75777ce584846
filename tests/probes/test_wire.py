"""A connection to a peer that does its worst: capped, timed, recorded, and never more trusting than it should be."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import errno
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_audit.facts.observation import Absence
from smtp_audit.lab.authority import Authority, Kind
from smtp_audit.limits import (
    MAX_CONNECTION_BYTES,
    MAX_HANDSHAKE_BYTES,
    MAX_LINE,
    MAX_TRANSCRIPT_LINES,
    MAX_TRANSCRIPT_TEXT,
)
from smtp_audit.probes import link as link_module
from smtp_audit.probes.tls.trust import Anchors, tolerant_context
from smtp_audit.probes.wire import Connection, PeerError, Transcript, connect
from smtp_audit.secret import MASK, Secret
from smtp_audit.wiretext import unescape
from tests.hostile.records import alert, record
from tests.hostile.stage import BlackHole
from tests.hostile.wire import Left

from .stage import HOST, PASSWORD, Peer, Script, server_context, serving

ANYONE = tolerant_context(Anchors(), False)


@asynccontextmanager
async def connected(script: Script, transcript: Transcript | None = None) -> AsyncIterator[Connection]:
    """A connection to a scripted server."""
    async with serving(script) as stage:
        connection = await connect("127.0.0.1", stage.port, 1.0, transcript or Transcript())
        try:
            yield connection
        finally:
            connection.abort()


async def fails(work, absence: Absence, seconds: float = 2.0) -> str:
    """The reason of a PeerError that has to come soon."""
    began = time.monotonic()
    with pytest.raises(PeerError) as error:
        await asyncio.wait_for(work, seconds)
    assert error.value.absence is absence, error.value.reason
    assert time.monotonic() - began < seconds
    return error.value.reason


def saying(*parts: bytes, then=None, pause: float = 0.0) -> Script:
    async def script(peer: Peer) -> None:
        for part in parts:
            await peer.put(part)
            await asyncio.sleep(pause)
        if then is not None:
            await then(peer)
        else:
            await peer.hang()

    return script


async def close(peer: Peer) -> None:
    raise Left


async def reset(peer: Peer) -> None:
    sock = peer.writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    peer.writer.transport.abort()


def text_of(transcript: Transcript) -> str:
    return "\n".join(str(line) for line in transcript.lines)


@pytest.fixture
def context(authority: Authority) -> ssl.SSLContext:
    return server_context(authority.issue("wire", Kind(names=(f"DNS:{HOST}",))))


class TestConnecting:
    async def test_a_refused_connection_is_a_closed_port(self):
        with socket.socket() as held:
            held.bind(("127.0.0.1", 0))
            port = held.getsockname()[1]
            transcript = Transcript()
            reason = await fails(connect("127.0.0.1", port, 1.0, transcript), Absence.CLOSED)
        assert str(port) in reason
        assert "refused" in text_of(transcript)

    async def test_a_port_that_drops_everything_is_unreachable_in_the_time_allowed(self):
        hole = BlackHole()
        try:
            reason = await fails(connect("127.0.0.1", hole.port, 0.2, Transcript()), Absence.UNREACHABLE, 1.0)
        finally:
            hole.close()
        assert "0.2 s" in reason

    async def test_an_address_without_a_route_is_unreachable(self, monkeypatch):
        monkeypatch.setattr(socket.socket, "connect_ex", lambda *_: errno.ENETUNREACH)
        reason = await fails(connect("192.0.2.1", 25, 1.0, Transcript()), Absence.UNREACHABLE)
        assert "network is unreachable" in reason

    async def test_our_own_address_is_known(self):
        async with connected(saying(b"220 x\r\n")) as connection:
            assert connection.local_address == "127.0.0.1"


class TestLines:
    @pytest.mark.parametrize("end", [b"\r\n", b"\n"])
    async def test_lines_come_without_their_end(self, end):
        async with connected(saying(b"one" + end + b"" + end + b"th", b"ree\r" + end, pause=0.01)) as connection:
            assert [await connection.line() for _ in range(3)] == [
                b"one",
                b"",
                b"three" if end == b"\n" else b"three\r",
            ]

    async def test_lines_that_wait_are_recorded_when_they_are_taken(self):
        transcript = Transcript()
        async with connected(saying(b"250-one\r\n250 two\r\nthree"), transcript) as connection:
            assert await connection.waiting() == b"250-one\r\n250 two\r\nthree"
            assert "one" not in text_of(transcript)
            connection.take(b"250-one\r\n250 two\r\n")
            assert [line.text for line in transcript.lines if line.way == "<"] == ["250-one", "250 two"]
            assert await connection.waiting() == b"three"

    async def test_what_is_long_is_not_shown_at_once(self):
        async with connected(saying(b"x" * (MAX_LINE + 1))) as connection:
            assert await connection.waiting() == b"" or len(connection.unread()) <= MAX_LINE
            await fails(connection.line(), Absence.MALFORMED)
            assert await connection.waiting() == b""

    async def test_nothing_waits_at_the_end(self):
        async with connected(saying(b"220 a\r\n", then=close)) as connection:
            connection.take(await connection.waiting())
            assert await connection.waiting() == b""
            await fails(connection.line(), Absence.DROPPED)

    async def test_an_octet_at_a_time(self):
        async with connected(saying(*(bytes([octet]) for octet in b"220 slow\r\n"), pause=0.002)) as connection:
            assert await connection.line() == b"220 slow"
            assert connection.first_octets == b"2"

    async def test_the_longest_line_that_is_read(self):
        async with connected(saying(b"A" * MAX_LINE + b"\n" + b"B" * (MAX_LINE + 1) + b"\n")) as connection:
            assert len(await connection.line()) == MAX_LINE
            assert str(MAX_LINE) in await fails(connection.line(), Absence.MALFORMED)

    async def test_a_line_without_end_is_given_up(self):
        async def flood(peer: Peer) -> None:
            await peer.flood(b"A" * 4096)

        async with connected(saying(then=flood)) as connection:
            await fails(connection.line(), Absence.MALFORMED)
            assert len(connection._buffer) < 4 * MAX_LINE

    async def test_all_octets_of_a_connection_are_counted(self):
        async def flood(peer: Peer) -> None:
            await peer.flood(b"250-still here\r\n" * 200)

        async def read_on(connection: Connection) -> None:
            while True:
                await connection.line()

        async with connected(saying(then=flood)) as connection:
            assert str(MAX_CONNECTION_BYTES) in await fails(read_on(connection), Absence.EXCESSIVE, 10)
            assert connection._read_bytes < MAX_CONNECTION_BYTES + 65536

    @pytest.mark.parametrize("end", [close, reset])
    async def test_half_a_line_and_gone(self, end):
        async with connected(saying(b"220 rea", then=end, pause=0.02)) as connection:
            await fails(connection.line(), Absence.DROPPED)

    async def test_silence_ends_in_the_time_allowed_and_is_named(self):
        transcript = Transcript()

        async def greeting(connection: Connection) -> None:
            async with connection.within(0.1, "greeting"):
                await connection.line()

        async with connected(saying(), transcript) as connection:
            assert await fails(greeting(connection), Absence.TIMEOUT, 0.5) == "no greeting within 0.1 s"
        assert "no greeting within 0.1 s" in text_of(transcript)

    async def test_a_drip_does_not_lengthen_the_time_allowed(self):
        async def drip(peer: Peer) -> None:
            await peer.flood(b"a", pause=0.02)

        async def greeting(connection: Connection) -> None:
            async with connection.within(0.2, "greeting"):
                await connection.line()

        async with connected(saying(b"220 ", then=drip)) as connection:
            await fails(greeting(connection), Absence.TIMEOUT, 0.6)

    async def test_of_two_bounds_the_one_that_has_passed_is_named(self):
        async def greeting(connection: Connection) -> None:
            async with connection.within(0.1, "greeting"):
                with contextlib.suppress(PeerError):
                    async with connection.within(5, "line"):
                        await connection.line()

        async with connected(saying()) as connection:
            assert await fails(greeting(connection), Absence.TIMEOUT, 1) == "no greeting within 0.1 s"

    async def test_a_bound_beyond_the_first_tick_of_the_timer_holds(self, monkeypatch):
        monkeypatch.setattr(link_module, "TIMER_SECONDS", 0.04)

        async def greeting(connection: Connection) -> None:
            async with connection.within(0.2, "greeting"):
                await connection.line()

        async with connected(saying()) as connection:
            began = time.monotonic()
            await fails(greeting(connection), Absence.TIMEOUT, 1)
            assert time.monotonic() - began >= 0.199

    async def test_a_shorter_bound_after_a_longer_one_holds(self):
        async def two(connection: Connection) -> None:
            async with connection.within(5, "greeting"):
                await connection.line()
            async with connection.within(0.1, "reply"):
                await connection.line()

        async with connected(saying(b"220 x\r\n", pause=0.02)) as connection:
            assert await fails(two(connection), Absence.TIMEOUT, 1) == "no reply within 0.1 s"

    async def test_what_comes_before_anybody_asks_is_bounded_and_none_of_it_is_lost(self):
        sent = b"".join(b"250-%06d\r\n" % number for number in range(20_000))

        async def pour(peer: Peer) -> None:
            await peer.put(sent)
            await peer.hang()

        async with connected(saying(then=pour)) as connection:
            await asyncio.sleep(0.1)
            assert sum(map(len, connection._arrived)) <= link_module.MAX_ARRIVED * link_module.CHUNK
            lines = [await asyncio.wait_for(connection.line(), 2) for _ in range(20_000)]
        assert lines == sent.split(b"\r\n")[:-1]

    async def test_what_was_said_before_a_reset_is_heard(self):
        async def later(peer: Peer) -> None:
            await asyncio.sleep(0.02)
            await reset(peer)

        async with connected(saying(b"421 go away\r\n", then=later)) as connection:
            await asyncio.sleep(0.1)
            assert await connection.line() == b"421 go away"
            await fails(connection.line(), Absence.DROPPED)

    async def test_a_time_out_from_elsewhere_is_not_taken_for_the_own(self):
        async with connected(saying()) as connection:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05), connection.within(5, "greeting"):
                    await connection.line()

    async def test_some_is_whatever_comes_and_empty_at_the_end(self):
        async with connected(saying(b"\x16\3\1", then=close, pause=0.05)) as connection:
            assert await connection.some() == b"\x16\3\1"
            assert await connection.some() == b""

    async def test_sending_to_who_has_gone(self):
        async with connected(saying(then=reset)) as connection:

            async def send_on() -> None:
                while True:
                    await connection.send(b"NOOP\r\n")
                    await asyncio.sleep(0.01)

            await fails(send_on(), Absence.DROPPED)

    async def test_sending_to_who_does_not_read_ends_in_the_time_allowed(self):
        async def deaf(peer: Peer) -> None:
            await asyncio.sleep(5)

        async def send_on(connection: Connection) -> None:
            async with connection.within(0.3, "reader"):
                while True:
                    await connection.send(b"A" * 65536, shown="A")

        async with connected(saying(then=deaf)) as connection:
            await fails(send_on(connection), Absence.TIMEOUT, 2)


def inside(context: ssl.SSLContext, *parts: bytes, then=None) -> Script:
    async def script(peer: Peer) -> None:
        await peer.handshake(context)
        for part in parts:
            await peer.send(part)
        await (then or Peer.hang)(peer)

    return script


class TestTls:
    async def test_a_session_inside_tls(self, context):
        transcript = Transcript()

        async def echo(peer: Peer) -> None:
            while True:
                await peer.say(b"250 " + await peer.line())

        async with connected(inside(context, b"220 inside\r\n", then=echo), transcript) as connection:
            tls = await connection.start_tls(ANYONE, HOST)
            assert tls.version() == "TLSv1.3"
            assert await connection.line() == b"220 inside"
            await connection.send(b"NOOP\r\n")
            assert await connection.line() == b"250 NOOP"
            assert connection.first_octets[:1] == b"\x16"
        assert HOST in text_of(transcript)
        assert "TLSv1.3" in text_of(transcript)

    async def test_lines_inside_tls_are_capped_too(self, context):
        async def flood(peer: Peer) -> None:
            while True:
                await peer.send(b"A" * 4096)
                await asyncio.sleep(0)

        async with connected(inside(context, then=flood)) as connection:
            await connection.start_tls(ANYONE, HOST)
            await fails(connection.line(), Absence.MALFORMED)

    @pytest.mark.parametrize("end", [close, reset])
    async def test_gone_inside_tls(self, context, end):
        async def later(peer: Peer) -> None:
            await asyncio.sleep(0.05)
            await end(peer)

        async with connected(inside(context, b"220 rea", then=later)) as connection:
            await connection.start_tls(ANYONE, HOST)
            await fails(connection.line(), Absence.DROPPED)

    async def test_a_proper_close_of_tls_is_an_end(self, context):
        async def shut(peer: Peer) -> None:
            with pytest.raises(ssl.SSLWantReadError):
                peer._tls.unwrap()
            await peer._flush()
            await peer.hang()

        async with connected(inside(context, then=shut)) as connection:
            await connection.start_tls(ANYONE, HOST)
            await fails(connection.line(), Absence.DROPPED)

    async def test_noise_inside_tls_is_malformed(self, context):
        async def noise(peer: Peer) -> None:
            await peer.put(record(23, bytes(40)))
            await peer.hang()

        async with connected(inside(context, then=noise)) as connection:
            await connection.start_tls(ANYONE, HOST)
            assert "TLS broke" in await fails(connection.line(), Absence.MALFORMED)

    @pytest.mark.parametrize("text", [b"500 Too many unrecognized commands\r\n", b"421-busy\r\n421 bye\n", b"554\r\n"])
    @pytest.mark.parametrize("end", [close, reset])
    async def test_a_refusal_in_clear_and_the_end_are_a_hang_up(self, context, text, end):
        async def refuse(peer: Peer) -> None:
            await peer.put(text)
            await asyncio.sleep(0.05)
            await end(peer)

        transcript = Transcript()
        async with connected(inside(context, b"220 ready\r\n", then=refuse), transcript) as connection:
            await connection.start_tls(ANYONE, HOST)
            assert await connection.line() == b"220 ready"
            for _ in range(2):
                reason = await fails(connection.line(), Absence.DROPPED)
            assert "in clear" in reason
            assert text[:3].decode() not in reason
        assert text[:3].decode() in text_of(transcript)

    @pytest.mark.parametrize(
        "text",
        [
            b"250 taken\r\n",
            b"500 no\r\n250 but this\r\n",
            b"500 no\r\n\x00",
            b"500 not a whole line",
            b"HTTP/1.1 400 Bad Request\r\n",
            b"\x99\x99\x99\x99\x99",
            b"500 " + b"a" * MAX_LINE + b"\r\n",
            b"500 a\r\n" * MAX_LINE,
        ],
    )
    async def test_anything_else_in_clear_is_nonsense_whatever_follows(self, context, text):
        async with connected(inside(context, then=lambda peer: peer.put(text))) as connection:
            await connection.start_tls(ANYONE, HOST)
            assert "TLS broke" in await fails(connection.line(), Absence.MALFORMED)

    async def test_a_refusal_in_clear_is_no_hang_up_while_the_server_stays(self, context):
        async def stay(peer: Peer) -> None:
            await peer.put(b"500 no\r\n")
            await peer.hang()

        async with connected(inside(context, then=stay)) as connection:
            await connection.start_tls(ANYONE, HOST)
            with pytest.raises(PeerError) as error:
                async with connection.within(0.2, "reply"):
                    await connection.line()
            assert error.value.absence is Absence.MALFORMED

    async def test_clear_text_before_tls_is_an_injection_and_no_handshake_follows(self):
        """CVE-2011-0411: what came in clear must never be taken for what was said inside."""
        heard: list[bytes] = []

        async def listen(peer: Peer) -> None:
            heard.append(await peer.take())

        async with connected(saying(b"220 go\r\n250 injected\r\n", then=listen)) as connection:
            assert await connection.line() == b"220 go"
            assert "in clear" in await fails(connection.start_tls(ANYONE, HOST), Absence.MALFORMED)
            assert connection.tls is None
        await asyncio.sleep(0.02)
        assert heard == []

    async def test_clear_text_that_comes_a_little_later_does_not_get_inside_either(self):
        async with connected(saying(b"220 go\r\n", b"250 injected\r\n", pause=0.05)) as connection:
            assert await connection.line() == b"220 go"
            with pytest.raises(ssl.SSLError):
                await asyncio.wait_for(connection.start_tls(ANYONE, HOST), 2)
            assert connection.tls is None

    async def test_a_handshake_that_never_ends_is_given_up(self):
        async def flood(peer: Peer) -> None:
            # A TLS 1.2 flight: a ServerHello, then certificates without end, as many records as are wanted.
            while True:
                await peer.put(b"\x16\3\3\x3f\xff" + bytes(16383))
                await asyncio.sleep(0)

        async with connected(saying(then=flood)) as connection:
            began = time.monotonic()
            with pytest.raises((PeerError, ssl.SSLError)):
                await asyncio.wait_for(connection.start_tls(ANYONE, HOST), 5)
            assert time.monotonic() - began < 3
            assert connection._read_bytes < MAX_HANDSHAKE_BYTES + 65536

    async def test_empty_records_without_end_are_given_up(self):
        """OpenSSL itself may go on reading them for ever."""

        async def flood(peer: Peer) -> None:
            await peer.flood(alert(112, level=1) * 500)

        async with connected(saying(then=flood)) as connection:
            with pytest.raises((PeerError, ssl.SSLError)):
                await asyncio.wait_for(connection.start_tls(ANYONE, HOST), 5)
            assert connection._read_bytes < MAX_HANDSHAKE_BYTES + 65536

    async def test_silence_in_the_handshake_ends_in_the_time_allowed(self):
        async def handshake(connection: Connection) -> None:
            async with connection.within(0.2, "end of the TLS handshake"):
                await connection.start_tls(ANYONE, HOST)

        async with connected(saying()) as connection:
            await fails(handshake(connection), Absence.TIMEOUT, 1)

    @pytest.mark.parametrize("end", [close, reset])
    async def test_gone_in_the_handshake(self, end):
        async def leave(peer: Peer) -> None:
            await peer.take()
            await end(peer)

        async with connected(saying(then=leave)) as connection:
            await fails(connection.start_tls(ANYONE, HOST), Absence.DROPPED)

    async def test_the_alert_of_the_peer_is_named(self):
        transcript = Transcript()

        async def refuse(peer: Peer) -> None:
            await peer.take()
            await peer.put(alert(70))
            await peer.hang()

        async with connected(saying(then=refuse), transcript) as connection:
            with pytest.raises(ssl.SSLError):
                await asyncio.wait_for(connection.start_tls(ANYONE, HOST), 2)
        assert "protocol version" in text_of(transcript)

    async def test_closing_does_not_wait_for_the_peer(self, context):
        async with connected(inside(context)) as connection:
            await connection.start_tls(ANYONE, HOST)
            began = time.monotonic()
            connection.close()
            assert time.monotonic() - began < 0.7


class TestTranscript:
    def test_directions_and_times(self):
        transcript = Transcript()
        transcript.sent("EHLO me")
        transcript.received(b"250 ok")
        transcript.note("that was all")
        assert [(line.way, line.text) for line in transcript.lines] == [
            (">", "EHLO me"),
            ("<", "250 ok"),
            ("*", "that was all"),
        ]
        assert all(0 <= line.seconds < 1 for line in transcript.lines)

    @given(data=st.binary(max_size=60))
    def test_what_is_recorded_is_printable_and_nothing_is_lost(self, data):
        transcript = Transcript()
        transcript.received(data)
        shown = transcript.lines[0].text
        assert shown.isascii()
        assert shown.isprintable() or not shown
        assert unescape(shown) == data

    def test_lines_are_counted_and_the_rest_is_said(self):
        transcript = Transcript()
        for number in range(MAX_TRANSCRIPT_LINES + 7):
            transcript.received(b"%d" % number)
        assert len(transcript.lines) == MAX_TRANSCRIPT_LINES + 1
        assert "7 more" in transcript.lines[-1].text

    def test_a_line_is_cut_and_the_rest_is_said(self):
        transcript = Transcript()
        transcript.received(b"\xff" * (MAX_LINE - 1))
        assert len(transcript.lines[0].text) <= MAX_TRANSCRIPT_TEXT + 40
        assert f"{(MAX_LINE - 1) * 4 - MAX_TRANSCRIPT_TEXT} characters more" in transcript.lines[0].text

    @pytest.mark.parametrize("password", [PASSWORD, 'pa\\ss"word', "p\u00e4ssw\u00f6rd", "tr\ticky"])
    @pytest.mark.parametrize("way", ["sent", "received", "note"])
    def test_the_password_is_never_recorded_in_any_form_that_a_server_can_say_it(self, password, way):
        raw = password.encode()
        plain = base64.b64encode(b"\0alice@probe.example\0" + raw)
        for form in (raw, base64.b64encode(raw), plain, base64.b64encode(raw).rstrip(b"=")):
            transcript = Transcript([Secret(password)])
            said = b"535 no: " + form + b" is wrong"
            if way == "received":
                transcript.received(said)
            else:
                getattr(transcript, way)(said.decode())
            shown = transcript.lines[0].text
            assert MASK in shown
            assert form.decode() not in shown
            assert "is wrong" in shown

    @pytest.mark.parametrize("before", range(MAX_TRANSCRIPT_TEXT - len(PASSWORD) - 1, MAX_TRANSCRIPT_TEXT + 1))
    def test_the_cut_of_a_long_line_leaves_no_part_of_the_password(self, before):
        transcript = Transcript([Secret(PASSWORD)])
        transcript.received(b"." * before + PASSWORD.encode() + b" is wrong")
        assert PASSWORD[:3] not in transcript.lines[0].text
