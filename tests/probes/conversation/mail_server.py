"""A scripted mail server whose idea of lines and messages can be changed, and the way of a probe to it."""

from __future__ import annotations

import dataclasses
import re
import socket
from collections.abc import Callable

from smtp_audit.configuration.model import Mailboxes, Sink
from smtp_audit.facts.endpoint import Role
from smtp_audit.probes.approach import Approach
from tests.probes.stage import Peer, Script, Stage

OWN = "audit@probe.example"
SINK = "sink@elsewhere.example"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def approach(stage: Stage, *, own: str | None = OWN, sink: int | None = None, **more) -> Approach:
    plain = stage.approach(**{"role": Role.MX, "domain": "probe.example", **more})
    place = None if sink is None else Sink(address=SINK, listen="127.0.0.1", port=sink)
    config = plain.config.model_copy(update={"mailboxes": Mailboxes(own=own), "sink": place})
    return dataclasses.replace(plain, config=config, run_id="run-7")


class Server:
    """A mail server without TLS in a few lines, whose idea of ends can be changed. `messages` are what it took."""

    line_end = rb"\r\n"
    message_end = rb"\r\n\.\r\n"
    keywords = ("PIPELINING", "CHUNKING", "8BITMIME")

    def __init__(self, **replies: str | Callable[[Peer], object] | None) -> None:
        self.replies = replies
        self.messages: list[bytes] = []
        self.connections: list[list[bytes]] = []

    async def __call__(self, peer: Peer) -> None:
        heard: list[bytes] = []
        self.connections.append(heard)
        self.unread = b""
        await peer.say("220 mail.probe.example ESMTP")
        while True:
            line = await self.up_to(peer, self.line_end)
            heard.append(line)
            verb = line.split(b" ")[0].upper().decode("latin-1")
            answer = self.replies.get(verb, self.usual(verb))
            if answer is None:
                return
            if verb == "BDAT" and line == b"BDAT 2":
                await self.up_to(peer, rb"\r\n")
                await peer.say("250 2 octets")
                continue
            if callable(answer):
                await answer(peer)
                continue
            await peer.say(*answer.splitlines())
            if answer.startswith("354"):
                await self.message(peer)
            if verb == "QUIT":
                return

    async def message(self, peer: Peer) -> None:
        self.messages.append(await self.up_to(peer, self.message_end))
        answer = self.replies.get("message", "250 2.0.0 queued")
        await peer.say(str(answer(self.messages[-1]) if callable(answer) else answer))

    async def up_to(self, peer: Peer, end: bytes) -> bytes:
        while (found := re.search(end, self.unread)) is None:
            self.unread += await peer.take()
        part, self.unread = self.unread[: found.start()], self.unread[found.end() :]
        return part

    def usual(self, verb: str) -> str:
        match verb:
            case "EHLO":
                return "\n".join(("250-mail", *(f"250-{word}" for word in self.keywords), "250 HELP"))
            case "MAIL" | "RCPT" | "RSET" | "NOOP":
                return "250 2.0.0 ok"
            case "DATA":
                return "354 go ahead"
            case "BDAT":
                return "503 5.5.1 not now"
            case "QUIT":
                return "221 2.0.0 bye"
            case _:
                return "500 5.5.2 no such command"


def fresh(server: Server) -> Script:
    """One server object for each connection, since several may be open at once."""

    async def script(peer: Peer) -> None:
        each = type(server)(**server.replies)
        each.messages, each.connections = server.messages, server.connections
        await each(peer)

    return script
