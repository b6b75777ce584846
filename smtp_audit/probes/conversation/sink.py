"""A mail server of the audit's own, which keeps what audited servers forward to it, octet by octet.

It knows as little as a mail server can, so that nothing between it and the octets changes them: no TLS, no extensions,
and CRLF.CRLF as the only end of a message.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field

from smtp_audit.configuration.model import Sink
from smtp_audit.facts.observation import Absence
from smtp_audit.limits import MAX_LINE, MAX_SINK_AT_ONCE, MAX_SINK_MESSAGE, MAX_SINK_MESSAGES
from smtp_audit.probes.wire import PeerError

_IDLE = 30.0
"""Seconds that a client may be silent."""
_CHUNK = 16 * 1024
_END = b"\r\n.\r\n"


class _Over(Exception):
    """The conversation is over."""


@dataclass
class SinkServer:
    """One listening sink. Messages are kept by the token that they carry."""

    address: str
    tokens: set[bytes] = field(default_factory=set)
    """Those that are waited for: messages without one are refused."""
    _kept: dict[bytes, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)
    _taken: int = 0
    _connections: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def wait_for(self, tokens: Iterable[str], seconds: float) -> dict[str, tuple[bytes, ...]]:
        """What has arrived of these messages, as soon as there is one of each, or when the time is up."""
        wanted = [token.encode() for token in tokens]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds), self._news:
                await self._news.wait_for(lambda: all(token in self._kept for token in wanted))
        return {token.decode(): tuple(self._kept.get(token, ())) for token in wanted}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, to its end."""
        task = asyncio.current_task()
        if task is None or len(self._tasks) >= MAX_SINK_AT_ONCE or self._connections >= 2 * MAX_SINK_MESSAGES:
            writer.close()
            return
        self._connections += 1
        self._tasks.add(task)
        try:
            await _Visit(self, reader, writer).run()
        except (_Over, OSError, TimeoutError, asyncio.CancelledError):
            pass  # asyncio's streams of Python 3.11 would log a cancelled task
        finally:
            self._tasks.discard(task)
            writer.close()

    async def keep(self, message: bytes) -> bool:
        """Keep a message of this run; False for any other, and when there are too many."""
        head = message.partition(b"\r\n\r\n")[0]
        token = next((token for token in self.tokens if token in head), None)
        if token is None or self._taken >= MAX_SINK_MESSAGES:
            return False
        self._taken += 1
        async with self._news:
            self._kept[token].append(message)
            self._news.notify_all()
        return True

    def end(self) -> None:
        """End every connection."""
        for task in self._tasks:
            task.cancel()


class _Visit:
    """One client of the sink."""

    def __init__(self, sink: SinkServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._sink = sink
        self._reader = reader
        self._writer = writer
        self._unread = b""
        self._recipient = False

    async def run(self) -> None:
        await self._say("220 sink.smtp-audit.invalid the audit's own server")
        while True:
            command = (await self._up_to(b"\r\n", MAX_LINE)).upper()
            verb = command.split(b" ")[0].rstrip()
            match verb:
                case b"EHLO" | b"HELO":
                    await self._say("250 sink.smtp-audit.invalid")
                case b"MAIL" | b"RSET" | b"NOOP":
                    self._recipient = False if verb != b"NOOP" else self._recipient
                    await self._say("250 2.0.0 ok")
                case b"RCPT":
                    await self._rcpt(command)
                case b"DATA":
                    await self._data()
                case b"QUIT":
                    await self._say("221 2.0.0 bye")
                    raise _Over
                case _:
                    await self._say("500 5.5.2 no such command")

    async def _rcpt(self, command: bytes) -> None:
        if f"<{self._sink.address}>".upper().encode() not in command:
            await self._say("550 5.1.1 mail for one address only")
            return
        self._recipient = True
        await self._say("250 2.1.5 ok")

    async def _data(self) -> None:
        if not self._recipient:
            await self._say("503 5.5.1 RCPT comes first")
            return
        await self._say("354 go ahead")
        # The end of an empty message is that of the DATA line and its own.
        self._unread = b"\r\n" + self._unread
        message = (await self._up_to(_END, MAX_SINK_MESSAGE))[2:]
        self._recipient = False
        if await self._sink.keep(message):
            await self._say("250 2.0.0 kept")
        else:
            await self._say("550 5.7.1 not a message that is waited for")

    async def _up_to(self, end: bytes, most: int) -> bytes:
        """Everything before the next `end`, which is taken away, too."""
        while (at := self._unread.find(end)) < 0:
            if len(self._unread) > most:
                await self._say("552 5.3.4 too long")
                raise _Over
            async with asyncio.timeout(_IDLE):
                octets = await self._reader.read(_CHUNK)
            if not octets:
                raise _Over
            self._unread += octets
        found, self._unread = self._unread[:at], self._unread[at + len(end) :]
        return found

    async def _say(self, text: str) -> None:
        self._writer.write(text.encode() + b"\r\n")
        async with asyncio.timeout(_IDLE):
            await self._writer.drain()


class Sinks:
    """The sink of a run, for as long as any probe waits for mail: all of them share its one port."""

    def __init__(self) -> None:
        self._users = 0
        self._server: asyncio.Server | None = None
        self._sink: SinkServer | None = None
        self._lock: asyncio.Lock | None = None

    @contextlib.asynccontextmanager
    async def listening(self, wanted: Sink) -> AsyncIterator[SinkServer]:
        """The sink, listening.

        Raises:
            PeerError: the port cannot be listened on.
        """
        # Made here: a lock belongs to the loop that first waits for it.
        self._lock = self._lock or asyncio.Lock()
        async with self._lock:
            if self._sink is None:
                sink = SinkServer(wanted.address)
                try:
                    self._server = await asyncio.start_server(sink.serve, wanted.listen, wanted.port, limit=_CHUNK * 2)
                except OSError as error:
                    reason = f"cannot listen on {wanted.listen} port {wanted.port} for the sink: {error.strerror}"
                    raise PeerError(Absence.BROKEN, reason) from None
                self._sink = sink
            self._users += 1
            sink = self._sink
        try:
            yield sink
        finally:
            self._users -= 1
            if not self._users:
                self._close()

    def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        if self._sink is not None:
            self._sink.end()
        self._server = self._sink = None
