"""Scripted servers on loopback in the event loop of the test, and a probe's approach to them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from smtp_audit.configuration.model import Config, Credentials
from smtp_audit.facts.endpoint import Endpoint, Role
from smtp_audit.limits import BudgetLimits, Limits
from smtp_audit.probes.approach import Approach
from smtp_audit.probes.budget import HostBudget
from smtp_audit.probes.tls.trust import Anchors
from smtp_audit.secret import Secret
from tests.hostile.dialogue import Act, Dialogue
from tests.hostile.wire import Left, Wire

HOST = "mail.probe.example"
USER = "alice@probe.example"
PASSWORD = "correct horse battery"

QUICK = Limits(
    connect_seconds=2, greeting_seconds=0.35, reply_seconds=0.35, handshake_seconds=0.35, endpoint_seconds=20
)
"""For peers that are silent; where the answer comes at once, it comes long before."""
UNHURRIED = QUICK.model_copy(update={"handshake_seconds": 5.0})
"""For peers that answer everything, where hellos are counted: on a busy machine a late answer is asked for again."""
FREE = BudgetLimits(connections=4, per_second=1000, total=300)


class Peer(Wire):
    """The server's end of one connection. `number` counts the connections of the stage, from 1."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, stage: Stage) -> None:
        super().__init__(reader, writer)
        self.number = stage.connections
        self._stage = stage

    async def take(self) -> bytes:
        data = await super().take()
        self._stage.octets += data
        return data

    async def line(self) -> bytes:
        line = await super().line()
        self._stage.heard.append(line)
        return line

    async def say(self, *lines: str | bytes) -> None:
        """Lines out, with their ends."""
        for line in lines:
            await self.send((line.encode() if isinstance(line, str) else line) + b"\r\n")


Script = Callable[[Peer], Awaitable[None]]


@dataclass
class Stage:
    """A server at work: `connections` taken so far, `most` of them at once.

    `heard` are the client's lines, also those inside TLS; `octets` is everything as it came over the network.
    """

    port: int = 0
    connections: int = 0
    open: int = 0
    most: int = 0
    heard: list[bytes] = field(default_factory=list)
    octets: bytearray = field(default_factory=bytearray)
    faults: list[BaseException] = field(default_factory=list)
    server: asyncio.Server | None = None

    def close(self) -> None:
        """Take no more connections: the port refuses them from now on."""
        if self.server is not None:
            self.server.close()

    async def quiet(self) -> None:
        """Wait until every connection has ended, also one that the server has yet to notice."""
        await asyncio.sleep(0.02)
        async with asyncio.timeout(2):
            while self.open:  # noqa: ASYNC110 (an event for each end would be more than this needs)
                await asyncio.sleep(0.005)

    def approach(
        self,
        role: Role = Role.MX,
        *,
        host: str = HOST,
        ca: Path | None = None,
        password: str | None = None,
        limits: Limits = QUICK,
        budget: BudgetLimits = FREE,
        ehlo: str | None = None,
        domain: str | None = None,
    ) -> Approach:
        """The way of a probe to this server."""
        endpoint = Endpoint(role=role, host=host, port=self.port, address="127.0.0.1")
        login = Credentials(user=USER, password=Secret(password)) if password is not None else None
        config = Config(
            targets=(host,),
            endpoints=(endpoint,),
            limits=limits,
            budget=budget,
            ca=ca,
            credentials=login,
            ehlo=ehlo,
            domain=domain,
        )
        secrets = (login.password,) if login and login.password else ()
        return Approach(endpoint, "127.0.0.1", config, HostBudget("127.0.0.1", budget), Anchors(ca), secrets)


@asynccontextmanager
async def serving(script: Script) -> AsyncIterator[Stage]:
    """A server that runs `script` on every connection. A script that breaks fails the test."""
    stage = Stage()
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        stage.connections += 1
        stage.open += 1
        stage.most = max(stage.most, stage.open)
        try:
            await script(Peer(reader, writer, stage))
        except (Left, ConnectionError, asyncio.CancelledError):
            pass  # asyncio's streams of Python 3.11 would log a cancelled task
        except Exception as error:
            stage.faults.append(error)
        finally:
            stage.open -= 1
            tasks.discard(task)
            writer.close()

    stage.server = await asyncio.start_server(connected, "127.0.0.1", 0)
    stage.port = stage.server.sockets[0].getsockname()[1]
    try:
        yield stage
    finally:
        stage.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert not stage.faults, stage.faults


def talking(role: Role = Role.MX, context: ssl.SSLContext | None = None, **acts: Act) -> Script:
    """A well-behaved server of a role, some of whose steps are replaced."""

    async def script(peer: Peer) -> None:
        chosen: Mapping[str, Act] = acts
        unused = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        await Dialogue(peer, role, context or unused, chosen, peer.number).run()

    return script


def server_context(chain: Path, *, old: bool = False) -> ssl.SSLContext:
    """A server's TLS; `old` takes every version and suite that OpenSSL still has."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if old:
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.load_cert_chain(chain)
    return context
