"""A login before TLS: tried exactly once on an endpoint, since a server that looks at it counts a wrong password."""

from __future__ import annotations

import base64
import secrets
import time
from dataclasses import dataclass, field

from smtp_audit.facts.clear_login import ClearLoginFacts
from smtp_audit.facts.conversation import Dialogue, Exchange
from smtp_audit.facts.endpoint import Protocol
from smtp_audit.facts.observation import Absence
from smtp_audit.probes.approach import Approach, Session
from smtp_audit.probes.dialect import Smtp
from smtp_audit.probes.wire import PeerError, Transcript


async def log_in_in_clear(approach: Approach, transcript: Transcript) -> ClearLoginFacts:
    """Try a made-up user and secret in clear text.

    Raises:
        PeerError: the connection did not come as far as that.
    """
    # One object for all tries of the connection: once the secret is on its way, nothing is said a second time.
    attempt = _Attempt(approach, secrets.token_hex(8))
    return await approach.visit(attempt.make, transcript)


@dataclass
class _Attempt:
    approach: Approach
    nonce: str
    exchanges: list[Exchange] = field(default_factory=list)
    announced: tuple[str, ...] = ()
    unknown: str = ""

    async def make(self, session: Session) -> ClearLoginFacts:
        await session.greeting()
        self.announced = session.dialect.mechanisms(await session.capabilities())
        try:
            await self._speak(session)
        except PeerError as error:
            # Nonsense or excess: what the server made of the secret cannot be read.
            self.unknown = error.reason
        dialogue = Dialogue(exchanges=tuple(self.exchanges), unknown=self.unknown)
        return ClearLoginFacts(role=session.endpoint.role, announced=self.announced, attempt=dialogue)

    async def _speak(self, session: Session) -> None:
        user, secret = f"smtp-audit-{self.nonce}", self.nonce
        plain = base64.b64encode(f"\0{user}\0{secret}".encode()).decode()
        match session.endpoint.protocol:
            case Protocol.SMTP:
                await self._exchange(session, f"AUTH PLAIN {plain}", "AUTH PLAIN <made-up user and secret>")
            case Protocol.IMAP:
                await self._exchange(session, f'LOGIN "{user}" "{secret}"', 'LOGIN "<made-up user>" "<secret>"')
            case Protocol.POP3:
                await self._exchange(session, f"USER {user}", "USER <made-up user>")
                last = self.exchanges[-1]
                if last.reply is not None and session.dialect.accepted(last.reply):
                    await self._exchange(session, f"PASS {secret}", "PASS <made-up secret>")
            case Protocol.SIEVE:
                shown = 'AUTHENTICATE "PLAIN" "<made-up user and secret>"'
                await self._exchange(session, f'AUTHENTICATE "PLAIN" "{plain}"', shown)

    async def _exchange(self, session: Session, text: str, shown: str) -> None:
        connection, dialect = session.connection, session.dialect
        replies, ended, began = [], "", time.monotonic()
        try:
            async with connection.within(session.limits.reply_seconds, "answer to a login in clear text"):
                if isinstance(dialect, Smtp):
                    await connection.send(text.encode() + b"\r\n", shown=shown)
                    replies.append(await dialect.any_reply(connection))  # 421 is an answer here
                else:
                    replies.append(await dialect.command(connection, text, shown))
        except PeerError as error:
            if error.absence not in (Absence.DROPPED, Absence.TIMEOUT):
                self.exchanges.append(Exchange(sent=shown))
                raise
            ended = error.reason
        seconds = round(time.monotonic() - began, 3)
        self.exchanges.append(Exchange(sent=shown, replies=tuple(replies), ended=ended, seconds=seconds))
