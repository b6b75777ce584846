#!/usr/bin/env python3
"""Relays connections to another port, counts them and makes them late: `relay.py ADDRESS PORT TO_ADDRESS TO_PORT MS`.

MS is what every octet is held back, each way. No connection waits for another. It says "ready" when it listens, and
the number of connections so far for each line that it reads.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys

CHUNK = 65536


async def _one_way(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    """Pass octets on, each `delay` seconds after it came; reading never waits for that."""
    loop = asyncio.get_running_loop()
    held: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def pass_on() -> None:
        while True:
            due, data = await held.get()
            await asyncio.sleep(max(0.0, due - loop.time()))
            if not data:
                writer.close()
                return
            writer.write(data)

    passing = asyncio.create_task(pass_on())
    try:
        while data := await reader.read(CHUNK):
            held.put_nowait((loop.time() + delay, data))
    except OSError:
        pass
    held.put_nowait((loop.time() + delay, b""))
    await passing


async def relay(address: str, port: int, to_address: str, to_port: int, delay: float) -> None:
    """Serve until standard input ends."""
    count = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        count += 1
        try:
            from_server, to_server = await asyncio.open_connection(to_address, to_port)
        except OSError:
            writer.close()
            return
        # Connections end with the relay; asyncio would print a traceback for each that is cancelled.
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(_one_way(reader, to_server, delay), _one_way(from_server, writer, delay))

    server = await asyncio.start_server(serve, address, port, backlog=256)
    print("ready", flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        print(count, flush=True)
    server.close()


if __name__ == "__main__":
    asyncio.run(relay(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), float(sys.argv[5]) / 1000))
