"""A relay on loopback through which another program reaches a server, within the budget that all probes share.

The other program knows nothing of budgets: here its connections wait for their turn, and are counted.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from smtp_audit.limits import MAX_CONNECTION_BYTES
from smtp_audit.probes.approach import Approach
from smtp_audit.probes.wire import PeerError

ADDRESS = "127.0.0.1"
CHUNK = 16 * 1024


@dataclass
class Relay:
    """A running relay. `refused` says why a connection could not be had, if any could not."""

    approach: Approach
    port: int = 0
    connections: int = 0
    refused: str = ""
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of the other program."""
        task = asyncio.current_task()
        if task is not None:
            self.tasks.add(task)
        try:
            async with self.approach.budget.connection():
                self.connections += 1
                self.approach.budget.relayed += 1
                await self._carry(reader, writer)
        except PeerError as error:
            self.refused = error.reason
        except OSError as error:
            self.refused = (error.strerror or type(error).__name__).lower()
        finally:
            writer.close()
            if task is not None:
                self.tasks.discard(task)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        limits = self.approach.config.limits
        async with asyncio.timeout(limits.connect_seconds):
            there, back = await asyncio.open_connection(self.approach.address, self.approach.endpoint.port, limit=CHUNK)
        try:
            ways = [asyncio.ensure_future(_pump(reader, back)), asyncio.ensure_future(_pump(there, writer))]
            # The connection ends when either side is through: both programs close when they have what they want.
            _, running = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in running:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
        finally:
            back.close()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    carried = 0
    with contextlib.suppress(OSError):
        while carried < MAX_CONNECTION_BYTES and (data := await source.read(CHUNK)):
            carried += len(data)
            sink.write(data)
            await sink.drain()


@asynccontextmanager
async def relaying(approach: Approach) -> AsyncIterator[Relay]:
    """A relay to the endpoint of `approach`; all its connections end with the block."""
    relay = Relay(approach)
    server = await asyncio.start_server(relay.serve, ADDRESS, 0, limit=CHUNK)
    relay.port = server.sockets[0].getsockname()[1]
    try:
        yield relay
    finally:
        server.close()
        running = set(relay.tasks)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
