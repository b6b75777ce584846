"""One connection as a peer sees it: raw octets in and out, and TLS on top when the peer decides to."""

import asyncio
import ssl
from collections.abc import Callable
from typing import NoReturn

READ_SIZE = 16384


class Left(Exception):
    """The peer ends this connection now; nothing is wrong with the peer."""


class Wire:
    """Everything a peer says goes through here.

    `rewrite` changes what leaves, `piece` and `pause` cut it into pieces of so many octets with so many seconds between
    them. All three work below TLS, on the octets of the network. `reword` changes what is said, above TLS.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.rewrite: Callable[[bytes], bytes] | None = None
        self.reword: Callable[[bytes], bytes] | None = None
        self.piece = 0
        self.pause = 0.0
        self._tls: ssl.SSLObject | None = None
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._buffer = b""

    @property
    def inside_tls(self) -> bool:
        return self._tls is not None

    async def put(self, data: bytes) -> None:
        """Raw octets out, whatever the state."""
        if self.rewrite is not None:
            data = self.rewrite(data)
        step = self.piece or len(data) or 1
        for start in range(0, len(data), step):
            self.writer.write(data[start : start + step])
            await self.writer.drain()
            if self.pause:
                await asyncio.sleep(self.pause)

    async def take(self) -> bytes:
        """Raw octets in; Left when the client has gone."""
        data = await self.reader.read(READ_SIZE)
        if not data:
            raise Left
        return data

    async def take_exactly(self, count: int) -> bytes:
        try:
            return await self.reader.readexactly(count)
        except asyncio.IncompleteReadError:
            raise Left from None

    async def send(self, data: bytes) -> None:
        """Application octets out, inside TLS once that has begun."""
        if self.reword is not None:
            data = self.reword(data)
        if self._tls is None:
            await self.put(data)
            return
        self._tls.write(data)
        await self._flush()

    async def line(self) -> bytes:
        """The client's next line without its end."""
        while b"\n" not in self._buffer:
            self._buffer += await self._application()
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.rstrip(b"\r")

    async def handshake(self, context: ssl.SSLContext, first: bytes = b"") -> None:
        """TLS as the server; `first` is what was already read of the client's hello."""
        self._incoming.write(first)
        tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        while True:
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                self._incoming.write(await self.take())
            except ssl.SSLError:
                await self._flush()  # the alert
                raise Left from None
            else:
                break
        await self._flush()
        self._tls = tls
        self._buffer = b""  # RFC 3207 section 4.2: nothing said in clear counts afterwards

    async def _application(self) -> bytes:
        if self._tls is None:
            return await self.take()
        while True:
            try:
                data = self._tls.read(READ_SIZE)
            except ssl.SSLWantReadError:
                self._incoming.write(await self.take())
            except ssl.SSLError:
                raise Left from None
            else:
                if not data:
                    raise Left
                return data

    async def _flush(self) -> None:
        data = self._outgoing.read()
        if data:
            await self.put(data)

    async def hang(self) -> NoReturn:
        """Say nothing more; read on, so that the client's octets never meet a full window."""
        while True:
            await self.take()

    async def flood(self, chunk: bytes, pause: float = 0.0) -> NoReturn:
        """The same octets for ever, as fast as the client takes them or with a pause between."""
        while True:
            await self.put(chunk)
            # drain() alone may not yield to the loop while the socket takes everything.
            await asyncio.sleep(pause)
