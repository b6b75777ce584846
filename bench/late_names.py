#!/usr/bin/env python3
"""Relays questions to a resolver and makes every answer late: `late_names.py ADDRESS PORT TO_ADDRESS TO_PORT MS`.

By UDP and TCP; no question waits for another. It says "ready" when it listens, and the number of questions so far for
each line that it reads.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress


class Questions:
    """How many there were."""

    def __init__(self) -> None:
        self.count = 0


class _Back(asyncio.DatagramProtocol):
    """One question on its way: the answer goes back to who asked, late."""

    def __init__(self, front: asyncio.DatagramTransport, asker: object, delay: float) -> None:
        self._front = front
        self._asker = asker
        self._delay = delay

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: object) -> None:  # noqa: ARG002 (asyncio calls it)
        self._transport.close()
        asyncio.get_running_loop().call_later(self._delay, self._front.sendto, data, self._asker)


class _Front(asyncio.DatagramProtocol):
    def __init__(self, questions: Questions, to: tuple[str, int], delay: float) -> None:
        self._questions = questions
        self._to = to
        self._delay = delay
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: object) -> None:
        self._questions.count += 1
        task = asyncio.create_task(self._pass_on(data, addr))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _pass_on(self, data: bytes, addr: object) -> None:
        loop = asyncio.get_running_loop()
        out, _ = await loop.create_datagram_endpoint(
            lambda: _Back(self._transport, addr, self._delay),  # type: ignore[arg-type]
            remote_addr=self._to,
        )
        out.sendto(data)


async def main(address: str, port: int, to: tuple[str, int], delay: float) -> None:
    """Relay until the end of the standard input."""
    questions = Questions()
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(lambda: _Front(questions, to, delay), local_addr=(address, port))

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*to)
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                length = await reader.readexactly(2)
                far_writer.write(length + await reader.readexactly(int.from_bytes(length)))
                questions.count += 1
                length = await far_reader.readexactly(2)
                answer = await far_reader.readexactly(int.from_bytes(length))
                await asyncio.sleep(delay)
                writer.write(length + answer)
        far_writer.close()
        writer.close()

    await asyncio.start_server(connected, address, port)
    print("ready", flush=True)
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(questions.count, flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), (sys.argv[3], int(sys.argv[4])), float(sys.argv[5]) / 1000))
