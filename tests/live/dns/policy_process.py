"""Serves MTA-STS policies over HTTPS, each domain's in its own way, until it is ended.

Only with the standard library: it starts at once.
"""

import asyncio
import json
import ssl
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

_HEAD_OCTETS = 16384
_HANG_SECONDS = 600.0
_DRIP_SECONDS = 1.0

Site = dict[str, Any]


class Sites:
    """All sites by the name that a client asks for."""

    def __init__(self, sites: dict[str, Site]) -> None:
        self._sites = sites
        self._names: dict[ssl.SSLContext, str] = {}
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.sni_callback = self._pick
        self._context_of = cache(self._new_context)

    def of(self, writer: asyncio.StreamWriter) -> Site | None:
        """The site that a connection is for."""
        name = self._names.get(writer.get_extra_info("ssl_object").context)
        return None if name is None else self._sites[name]

    def _pick(self, connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> int | None:
        site = self._sites.get((name or "").lower())
        if site is None or site["behaviour"] == "close":
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        connection.context = self._context_of((name or "").lower())
        return None

    def _new_context(self, name: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._sites[name]["chain"])
        self._names[context] = name
        return context


async def answer(site: Site, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read one request and answer it as the site does."""
    head = await reader.readuntil(b"\r\n\r\n")
    path = head.split(b" ", 2)[1].decode("latin-1")
    if site["behaviour"] == "hang":
        await asyncio.sleep(_HANG_SECONDS)
        return
    here = path == site["path"]
    body = site["body"].encode("latin-1") if here else b"not found\n"
    status = site["status"] if here else 404
    lines = [f"HTTP/1.1 {status} Said"]
    if site["type"]:
        lines.append(f"Content-Type: {site['type']}")
    if site["location"]:
        lines.append(f"Location: {site['location']}")
    if site["behaviour"] != "endless":
        lines.append(f"Content-Length: {len(body)}")
    writer.write("\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1"))
    if site["behaviour"] == "drip":
        for octet in body:
            writer.write(bytes([octet]))
            await writer.drain()
            await asyncio.sleep(_DRIP_SECONDS)
    writer.write(body)
    while site["behaviour"] == "endless" and not writer.transport.is_closing():
        writer.write(b"mx: mail.example.com\r\n" * 100)
        await writer.drain()
        await asyncio.sleep(0.001)  # a client that is gone must not keep the others waiting
    await writer.drain()


async def serve(address: str, port: int, sites: Sites) -> None:
    """Serve until the process is ended."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, IndexError):
            site = sites.of(writer)
            if site is not None:
                await answer(site, reader, writer)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    server = await asyncio.start_server(connected, address, port, ssl=sites.context, limit=_HEAD_OCTETS, backlog=256)
    async with server:
        await server.serve_forever()


def main(configuration: Path) -> None:
    """The process: the sites are those of the file."""
    known = json.loads(configuration.read_text())
    asyncio.run(serve(known["address"], known["port"], Sites(known["sites"])))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
