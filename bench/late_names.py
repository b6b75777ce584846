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
    """The one socket towards the resolver: each answer goes back to who asked, late.

    One for all, as a socket for each question would hold up a hundred that come at once for longer than the delay.
    """

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._waiting: dict[bytes, tuple[asyncio.DatagramTransport, object, bytes]] = {}
        self._number = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def ask(self, data: bytes, front: asyncio.DatagramTransport, asker: object) -> None:
        """Pass a question on under a number of our own."""
        self._number = (self._number + 1) % 0x10000
        number = self._number.to_bytes(2, "big")
        self._waiting[number] = front, asker, data[:2]
        self._transport.sendto(number + data[2:])

    def datagram_received(self, data: bytes, addr: object) -> None:  # noqa: ARG002 (asyncio calls it)
        front, asker, number = self._waiting.pop(data[:2])
        asyncio.get_running_loop().call_later(self._delay, front.sendto, number + data[2:], asker)


class _Front(asyncio.DatagramProtocol):
    def __init__(self, questions: Questions, back: _Back) -> None:
        self._questions = questions
        self._back = back

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: object) -> None:
        self._questions.count += 1
        self._back.ask(data, self._transport, addr)


async def main(address: str, port: int, to: tuple[str, int], delay: float) -> None:
    """Relay until the end of the standard input."""
    questions = Questions()
    loop = asyncio.get_running_loop()
    _, back = await loop.create_datagram_endpoint(lambda: _Back(delay), remote_addr=to)
    await loop.create_datagram_endpoint(lambda: _Front(questions, back), local_addr=(address, port))

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
