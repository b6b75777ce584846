"""Connections to where a program was not sent: heard on the usual ports of every other address, and whose they are."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from smtp_audit.probes.client.network import speaks_ipv6

PORTS: Final = (25, 465, 587, 2525, 80, 443, 1025, 8025)
"""The ports that are listened on: mail, its test servers, and the services that send mail by HTTP."""

EVERYWHERE: Final = ("0.0.0.0", "::")  # noqa: S104 (of a private network)

_PROC: Final = Path("/proc")


@dataclass(frozen=True)
class Stray:
    """Something that was heard. `session` is that of the process; None when it was gone before it could be found."""

    time: float
    session: int | None
    what: str


class Strays:
    """Listens, and keeps by the session of the process who connected where."""

    def __init__(self) -> None:
        self._servers: list[asyncio.Server] = []
        self._heard: list[Stray] = []
        self._begun: set[int] = set()
        self.deaf: list[str] = []
        """Where it could not listen."""

    async def listen(self) -> None:
        """Begin."""
        for port in PORTS:
            for address in EVERYWHERE if speaks_ipv6() else EVERYWHERE[:1]:
                try:
                    self._servers.append(await asyncio.start_server(self._met, address, port, reuse_port=True))
                except OSError:
                    self.deaf.append(f"{address} port {port}")

    def close(self) -> None:
        """End."""
        for server in self._servers:
            server.close()

    def heard_name(self, name: str, port: int) -> None:
        """A name was asked for that is no trap's."""
        self._heard.append(Stray(time.monotonic(), session_of(port, "udp"), f"asked for {name}"))

    def begun(self, session: int) -> None:
        """A program was started in this session."""
        self._begun.add(session)

    def of(self, session: int) -> tuple[str, ...]:
        """What is known to be of the processes of a session."""
        return tuple(dict.fromkeys(stray.what for stray in self._heard if stray.session == session))

    def of_nobody(self, began: float, ended: float) -> tuple[str, ...]:
        """What came between two moments (`time.monotonic`), and nobody knows whose it was.

        Its process was gone already, or is in no session that a program was started in (setsid(2)).
        """
        unknown = (stray for stray in self._heard if stray.session not in self._begun and began <= stray.time <= ended)
        return tuple(dict.fromkeys(stray.what for stray in unknown))

    async def _met(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer, here = writer.get_extra_info("peername"), writer.get_extra_info("sockname")
        if peer is not None and here is not None:
            what = f"connected to {here[0]} port {here[1]}"
            self._heard.append(Stray(time.monotonic(), session_of(peer[1], "tcp"), what))
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


def session_of(port: int, protocol: str) -> int | None:
    """The session of the process that has a socket with this local port; None when none is found."""
    sockets = _inodes(port, protocol)
    for folder in _PROC.iterdir() if sockets else ():
        if folder.name.isdigit() and sockets & _held(folder / "fd"):
            with contextlib.suppress(OSError):
                return os.getsid(int(folder.name))
    return None


def _inodes(port: int, protocol: str) -> set[str]:
    """The sockets with that local port (proc(5): local_address is the second field, the inode the tenth)."""
    found: set[str] = set()
    for table in (protocol, f"{protocol}6"):
        with contextlib.suppress(OSError):
            for line in (_PROC / "net" / table).read_text(encoding="ascii").splitlines()[1:]:
                fields = line.split()
                if int(fields[1].rpartition(":")[2], 16) == port and fields[9] != "0":
                    found.add(f"socket:[{fields[9]}]")
    return found


def _held(folder: Path) -> set[str]:
    held: set[str] = set()
    with contextlib.suppress(OSError):
        for entry in folder.iterdir():
            with contextlib.suppress(OSError):
                held.add(os.readlink(entry))
    return held
