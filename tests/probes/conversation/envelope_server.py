"""A scripted mail server without TLS whose answers to MAIL, RCPT and messages a test decides."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.probes.stage import Peer

OK = "250 2.1.0 ok"
DENIED = "554 5.7.1 relay access denied"


@dataclass
class MailServer:
    """Each function answers with a reply, or with None: then the server hangs up. `messages` are those it took.

    `other` answers commands that are no part of a transaction.
    """

    rcpt: Callable[[str, str], str | None]
    mail: Callable[[str], str | None] = lambda _: OK
    data: Callable[[bytes], str | None] = lambda _: "250 2.0.0 queued as 1"
    hello: tuple[str, ...] = ("250 mail",)
    other: Callable[[str], str | None] = lambda _: "500 5.5.2 no such command"
    messages: list[bytes] = field(default_factory=list)
    pairs: list[tuple[str, str]] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)

    async def __call__(self, peer: Peer) -> None:
        self.sources.append(peer.writer.get_extra_info("peername")[0])
        await peer.say("220 mail ESMTP")
        sender = ""
        while line := (await peer.line()).decode():
            verb = line.split(" ")[0].upper()
            path = re.sub(r"^[^<]*<(.*)>[^>]*$", r"\1", line)
            if verb == "MAIL":
                sender = path
                reply = self.mail(sender)
            elif verb == "RCPT":
                self.pairs.append((sender, path))
                reply = self.rcpt(sender, path)
            elif verb == "DATA":
                await peer.say("354 go on")
                message = b""
                while (text := await peer.line()) != b".":
                    message += text + b"\r\n"
                self.messages.append(message)
                reply = self.data(message)
            elif verb == "QUIT":
                await peer.say("221 bye")
                return
            elif verb == "EHLO":
                await peer.say(*self.hello[:-1])
                reply = self.hello[-1]
            else:
                reply = OK if verb == "RSET" else self.other(line)
            if reply is None:
                return
            await peer.say(reply)
