"""One question and one answer, in octets: by UDP, and by TCP for what is too long for it (RFC 7766)."""

from __future__ import annotations

import asyncio
import socket

_LARGEST = 65535


async def by_udp(question: bytes, address: str, port: int, seconds: float) -> bytes:
    """What comes back from this address first; from a port of our own that nobody can guess (RFC 5452 section 4.5).

    Raises:
        TimeoutError: nothing came in this time.
        OSError: it cannot be sent, or the port is closed.
    """
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as own:
        own.setblocking(False)
        own.connect(_place(address, port))
        async with asyncio.timeout(seconds):
            await loop.sock_sendall(own, question)
            return await loop.sock_recv(own, _LARGEST)


async def by_tcp(question: bytes, address: str, port: int, seconds: float) -> bytes:
    """The same on a connection.

    Raises:
        TimeoutError: it took longer.
        OSError, EOFError: there was no connection, or it broke.
    """
    async with asyncio.timeout(seconds):
        reader, writer = await asyncio.open_connection(address, port)
        try:
            writer.write(len(question).to_bytes(2, "big") + question)
            length = int.from_bytes(await reader.readexactly(2), "big")
            return await reader.readexactly(length)
        finally:
            writer.close()


def _place(address: str, port: int) -> tuple[str, int] | tuple[str, int, int, int]:
    """An address as a socket takes it: of a link-local one, the interface is a number of its own."""
    host, _, scope = address.partition("%")
    return (host, port, 0, socket.if_nametoindex(scope)) if scope else (host, port)
