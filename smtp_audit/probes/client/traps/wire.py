"""A server's end of a connection on which TLS can begin at any octet, with the client's first hello kept as it came."""

from __future__ import annotations

import asyncio
import contextlib
import ssl

from smtp_audit.limits import MAX_HANDSHAKE_BYTES, MAX_LINE, MAX_TRAP_BYTES
from smtp_audit.probes.client.traps.ancient import Context, Speaking

CHUNK = 16384
READ_SECONDS = 60.0
"""How long a trap waits for a client that says nothing; the client's own time is over before."""


class Gone(Exception):
    """The client hung up, or said more than a trap puts up with."""


class Wire:
    """One connection. `taken` are the octets read so far, of clear text and of TLS together."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._buffer = b""
        self._tls: Speaking | None = None
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self.hello = b""
        """The records of the client's first flight, once TLS began."""
        self.taken = 0

    @property
    def tls(self) -> Speaking | None:
        """The TLS connection; None in clear text."""
        return self._tls

    @property
    def buffered(self) -> bytes:
        """What the client sent already and nobody has read."""
        return self._buffer

    async def line(self) -> bytes:
        """The next line without its end, LF alone taken for one.

        Raises:
            Gone: there is none.
        """
        while b"\n" not in self._buffer:
            if len(self._buffer) > MAX_LINE:
                raise Gone("a line without an end")
            self._buffer += await self._more()
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.removesuffix(b"\r")

    async def until(self, end: bytes) -> bytes:
        """Everything up to and including `end`.

        Raises:
            Gone: it does not come.
        """
        while end not in self._buffer:
            self._buffer += await self._more()
        content, _, self._buffer = self._buffer.partition(end)
        return content + end

    async def write(self, data: bytes) -> None:
        """Send. A client that hung up hears nothing of it; what it said before is read all the same.

        Raises:
            Gone: TLS does not let anything through any more.
        """
        try:
            if self._tls is not None:
                self._tls.write(data)
                data = self._outgoing.read()
        except ssl.SSLError as error:
            raise Gone(str(error)) from None
        await self.raw(data)

    async def start_tls(self, context: Context) -> None:
        """Take the client's handshake. What it had sent in clear text behind its command is lost, as it should be.

        Raises:
            Gone: the client hung up.
            ssl.SSLError: the handshake failed; the reason may be the client's alert.
        """
        self._buffer = b""
        tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                await self._flush()
                data = await self._receive()
                if len(self.hello) < MAX_HANDSHAKE_BYTES and not self._outgoing_seen:
                    self.hello += data
                self._incoming.write(data)
            except ssl.SSLError:
                await self._flush()
                raise
        await self._flush()
        self._tls = tls

    _outgoing_seen = False

    async def take_hello(self) -> None:
        """Read the client's first flight and answer nothing.

        Raises:
            Gone: it does not come.
        """
        self.hello = await self._receive()

    async def raw(self, data: bytes) -> None:
        """Send octets below TLS, to a client that may have gone."""
        with contextlib.suppress(ConnectionError):
            self._writer.write(data)
            await self._writer.drain()

    async def close(self) -> None:
        """Hang up."""
        self._writer.close()

    def abort(self) -> None:
        """Hang up with a reset."""
        self._writer.transport.abort()

    async def _flush(self) -> None:
        data = self._outgoing.read()
        if data:
            self._outgoing_seen = True
            await self.raw(data)

    async def _more(self) -> bytes:
        """More of what the client says, decrypted."""
        while self._tls is not None:
            try:
                return self._tls.read(CHUNK) or self._end()
            except ssl.SSLWantReadError:
                await self._flush()
                self._incoming.write(await self._receive())
            except ssl.SSLError as error:
                raise Gone(f"TLS: {error.reason or error}") from None
        return await self._receive()

    @staticmethod
    def _end() -> bytes:
        raise Gone("hung up")

    async def _receive(self) -> bytes:
        try:
            async with asyncio.timeout(READ_SECONDS):
                data = await self._reader.read(CHUNK)
        except (TimeoutError, ConnectionError) as error:
            raise Gone(str(error) or type(error).__name__) from None
        self.taken += len(data)
        if not data:
            raise Gone("hung up")
        if self.taken > MAX_TRAP_BYTES:
            raise Gone(f"more than {MAX_TRAP_BYTES} octets")
        return data
