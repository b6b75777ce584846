"""A name server that answers as it is told to: it hands questions on, and spoils, delays or drops what comes back."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import dns.asyncquery
import dns.exception
import dns.message
import dns.rdatatype

_UPSTREAM_SECONDS = 5.0
_START_SECONDS = 5.0


@dataclass(frozen=True)
class Asked:
    """One question that arrived."""

    wire: bytes
    tcp: bool
    number: int
    """How often this very question has come before, from 0."""
    upstream: tuple[str, int]

    @property
    def query(self) -> dns.message.Message:
        return dns.message.from_wire(self.wire)

    @property
    def rdtype(self) -> str:
        return dns.rdatatype.to_text(self.query.question[0].rdtype)

    async def truth(self) -> dns.message.Message:
        """What the resolver behind says."""
        address, port = self.upstream
        reply, _ = await dns.asyncquery.udp_with_fallback(
            self.query, address, timeout=_UPSTREAM_SECONDS, port=port, ignore_unexpected=True
        )
        return reply

    def packed(self, reply: dns.message.Message) -> bytes:
        """A reply on the wire, cut down to what the client takes by UDP."""
        if self.tcp:
            return reply.to_wire(max_size=65535)
        return reply.to_wire(max_size=max(512, self.query.payload), prefer_truncation=True)


@dataclass(frozen=True)
class Sent:
    """What goes back: nothing, or some messages; before them `strays`, from another address than was asked; `hang_up`:
    the TCP connection is closed."""

    messages: tuple[bytes, ...] = ()
    strays: tuple[bytes, ...] = ()
    hang_up: bool = False


Script = Callable[[Asked], Awaitable[Sent]]


async def truth(asked: Asked) -> Sent:
    """Hand the answer through."""
    return Sent((asked.packed(await asked.truth()),))


@dataclass
class ScriptedNames:
    """The server, in a thread of its own. `tcp` False: that port is closed; `script` None: it is never started."""

    address: str
    port: int
    upstream: tuple[str, int]
    script: Script | None
    tcp: bool = True
    elsewhere: str = ""
    questions: list[tuple[str, str, bool]] = field(default_factory=list)
    """Name, type, and whether by TCP, of everything that was asked."""
    troubles: list[str] = field(default_factory=list)
    """What went wrong with the server itself."""

    def __post_init__(self) -> None:
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._done: asyncio.Event | None = None
        self._times: dict[tuple[str, str, bool], int] = {}
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def start(self) -> None:
        """Listen; returns when it does."""
        self._thread.start()
        if not self._ready.wait(_START_SECONDS):
            raise RuntimeError(f"the scripted name server does not listen on {self.address}")

    def stop(self) -> None:
        """End it."""
        if self._loop is not None and self._done is not None:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join(_START_SECONDS)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._done = asyncio.Event()
        other = None
        if self.elsewhere:
            other, _ = await self._loop.create_datagram_endpoint(
                asyncio.DatagramProtocol, local_addr=(self.elsewhere, self.port)
            )
        here, _ = await self._loop.create_datagram_endpoint(
            lambda: _Datagrams(self, other), local_addr=(self.address, self.port)
        )
        server = None
        if self.tcp:
            server = await asyncio.start_server(self._connected, self.address, self.port)
        self._ready.set()
        await self._done.wait()
        for transport in (here, other):
            if transport is not None:
                transport.close()
        if server is not None:
            server.close()

    async def answer(self, wire: bytes, tcp: bool) -> Sent:
        """What is sent back for this message."""
        try:
            question = dns.message.from_wire(wire).question[0]
        except (dns.exception.DNSException, IndexError):
            return Sent()
        key = (question.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(question.rdtype), tcp)
        number = self._times.get(key, 0)
        self._times[key] = number + 1
        self.questions.append(key)
        try:
            assert self.script is not None
            return await self.script(Asked(wire, tcp, number, self.upstream))
        except Exception as error:
            # Silence by mistake must not pass for silence as told.
            self.troubles.append(repr(error))
            return Sent()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                length = int.from_bytes(await reader.readexactly(2))
                sent = await self.answer(await reader.readexactly(length), tcp=True)
                for message in sent.messages:
                    writer.write(len(message).to_bytes(2) + message)
                await writer.drain()
                if sent.hang_up:
                    break
        writer.close()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: ScriptedNames, other: asyncio.DatagramTransport | None) -> None:
        self._server = server
        self._other = other
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        task = asyncio.create_task(self._answer(data, addr))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, data: bytes, addr: tuple[str, int]) -> None:
        sent = await self._server.answer(data, tcp=False)
        for transport, messages in ((self._other, sent.strays), (self._transport, sent.messages)):
            for message in messages:
                if transport is not None and not transport.is_closing():
                    transport.sendto(message, addr)


@contextmanager
def scripted_names(server: ScriptedNames) -> Iterator[ScriptedNames]:
    """The server, running; raises RuntimeError at the end for what went wrong with the server itself."""
    server.start()
    try:
        yield server
    finally:
        server.stop()
    if server.troubles:
        raise RuntimeError(f"the scripted name server failed: {server.troubles[:3]}")
