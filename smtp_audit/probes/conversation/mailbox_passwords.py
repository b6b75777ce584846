"""Wrong passwords by IMAP, POP3 and ManageSieve: whether they are refused, and whether guessing is limited.

Few of them: MOST_GUESSES and an empty one. They end at the first sign of a limit, which a closed connection is as well,
and as soon as the server has let enough of them wait. Half are of the throw-away account, whose turn is shared with all
other ports of the host. Then the right password is tried again, with pauses.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import secrets
import string
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from smtp_audit.facts.conversation import Exchange
from smtp_audit.facts.endpoint import Protocol, TlsStart
from smtp_audit.facts.mailbox_passwords import MOST_GUESSES, SLOW, Guess, MailboxPasswordFacts
from smtp_audit.facts.observation import Absence
from smtp_audit.facts.service import Reply
from smtp_audit.probes.approach import Approach, Session, Unrepeatable
from smtp_audit.probes.conversation import wrong_passwords
from smtp_audit.probes.conversation.login import trusted
from smtp_audit.probes.conversation.wrong_passwords import throwaway_login, throwaway_turn
from smtp_audit.probes.wire import PeerError, Transcript
from smtp_audit.secret import Secret

MOST_SECONDS = 75.0
"""Of answers to wrong passwords, after which no other is tried."""

_PLAIN_TEXT = frozenset(string.ascii_letters + string.digits + string.punctuation + " ")
"""What stands in a quoted string (RFC 9051 section 4.3), and behind USER and PASS as it is."""

_Command = Callable[[str, Secret], list[str]]
"""The commands that log in, made of user and password: the next is said where the one before was taken."""


async def guess_at_mailbox(approach: Approach, transcript: Transcript) -> MailboxPasswordFacts:
    """The right password, an empty one, wrong ones, the right one again.

    Raises:
        PeerError: there is no throw-away account, or its password was not taken.
    """
    user, password = throwaway_login(approach)
    if not _PLAIN_TEXT.issuperset(user + password.get_secret_value()):
        raise PeerError(Absence.NOT_AVAILABLE, "the throw-away account's name or password is not plain ASCII")
    async with throwaway_turn(approach):
        if approach.throwaway.unusable:
            raise PeerError(Absence.REFUSED_SERVICE, approach.throwaway.unusable)
        return await _Round(approach, transcript, user, password).facts()


@dataclass
class _Round:
    approach: Approach
    transcript: Transcript
    user: str
    password: Secret
    guesses: list[Guess] = field(default_factory=list)
    stopped: str = ""

    async def facts(self) -> MailboxPasswordFacts:
        first = await self._alone(self.password, "<throw-away account, right password>")
        if not first.taken:
            # The account may be for sending alone: that says nothing about the other ports.
            reason = f"the password of the throw-away account is not taken: {first.exchange}"
            raise Unrepeatable(Absence.REFUSED_SERVICE, reason)
        empty = await self._alone(Secret(""), "<throw-away account, no password>")
        if not empty.taken:
            await self.approach.visit(self._guess, self.transcript)
        return MailboxPasswordFacts(
            role=self.approach.endpoint.role,
            empty=empty,
            guesses=tuple(self.guesses),
            stopped=self.stopped,
            returns=await self._come_back(),
        )

    async def _alone(self, password: Secret, shown: str) -> Guess:
        """One login of the throw-away account on a connection of its own.

        Raises:
            PeerError: the connection did not come as far as that.
        """

        async def visit(session: Session) -> Guess:
            command = await _up_to_login(session, self.approach)
            guess = Guess(known=True, exchange=await _one(session, command, self.user, password, shown))
            with contextlib.suppress(PeerError):  # the answer is there
                await session.dialect.quit(session.connection)
            return guess

        return await self.approach.visit(visit, self.transcript)

    async def _guess(self, session: Session) -> None:
        """Wrong passwords on one connection, until there is an end to them."""
        command = await _up_to_login(session, self.approach)
        spent = 0.0
        for number in range(1, MOST_GUESSES + 1):
            known = number % 2 == 1
            user = self.user if known else self._nobody()
            shown = f"<{'throw-away account' if known else 'unknown user'}, wrong password>"
            exchange = await _one(session, command, user, Secret(secrets.token_hex(8)), shown)
            spent += exchange.seconds
            # A server that lets wrong passwords wait makes an audit slower, and must not make it incomplete.
            self.approach.budget.excuse(exchange.seconds)
            guess, count = Guess(known=known, exchange=exchange), f"after {number} wrong passwords"
            if exchange.ended or guess.later:
                self.stopped = f"{count}: {exchange.ended or exchange.reply}"
                return
            self.guesses.append(guess)
            if guess.taken or self._slow():
                break
            if spent > MOST_SECONDS:
                self.stopped = f"{count}: they took {spent:.0f} s"
                break
        with contextlib.suppress(PeerError):
            await session.dialect.quit(session.connection)

    def _slow(self) -> bool:
        return MailboxPasswordFacts.least_wait(self.guesses) >= SLOW

    def _nobody(self) -> str:
        """A user who does not exist, with a name as long as a name is, in the same domain."""
        _, at, domain = self.user.partition("@")
        return f"{secrets.token_hex(6)}{at}{domain}"

    async def _come_back(self) -> tuple[Guess, ...]:
        """The right password, once more after each pause, until it is taken."""
        returns: list[Guess] = []
        for pause in wrong_passwords.RETURNS:
            if pause:
                self.transcript.note(f"waiting {pause:g} s before the right password is tried again")
                self.approach.budget.excuse(pause)
                await asyncio.sleep(pause)
            shown = "<throw-away account, right password>"
            try:
                returns.append(await self._alone(self.password, shown))
            except PeerError as error:
                returns.append(Guess(known=True, exchange=Exchange(sent=shown, ended=error.reason)))
            if returns[-1].taken:
                return tuple(returns)
        self.approach.throwaway.unusable = (
            f"the throw-away account is locked, by the wrong passwords tried on {self.approach.endpoint.key}"
        )
        return tuple(returns)


async def _up_to_login(session: Session, approach: Approach) -> _Command:
    """TLS, chain and name verified, and the capabilities inside; how to log in with a password as it is.

    Raises:
        PeerError: no trustworthy TLS, or no such way.
    """
    if not await session.up_to_tls():
        raise PeerError(Absence.UNTRUSTED, "TLS is not offered: the password is not sent in clear")
    await trusted(session, approach)
    if session.endpoint.tls_start is TlsStart.IMPLICIT:
        await session.greeting()
    offered = session.dialect.mechanisms(await session.capabilities())
    protocol = session.endpoint.protocol
    if protocol is Protocol.IMAP and "LOGIN-COMMAND" in offered:
        return lambda user, password: [f"LOGIN {_quoted(user)} {_quoted(password.get_secret_value())}"]
    if protocol is Protocol.POP3 and "USER-COMMAND" in offered:
        return lambda user, password: [f"USER {user}", f"PASS {password.get_secret_value()}"]
    if protocol is Protocol.POP3 and "PLAIN" in offered:
        return lambda user, password: [f"AUTH PLAIN {_plain(user, password)}"]  # RFC 5034 section 4
    if protocol is Protocol.SIEVE and "PLAIN" in offered:
        return lambda user, password: [f'AUTHENTICATE "PLAIN" "{_plain(user, password)}"']
    raise PeerError(Absence.REFUSED_SERVICE, f"no way to log in with a password as it is ({', '.join(offered)})")


def _quoted(text: str) -> str:
    """RFC 9051 section 4.3."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _plain(user: str, password: Secret) -> str:
    """RFC 4616 section 2."""
    return base64.b64encode(f"\0{user}\0{password.get_secret_value()}".encode()).decode()


async def _one(session: Session, command: _Command, user: str, password: Secret, shown: str) -> Exchange:
    """One login; whatever comes of it is kept, so that none is tried twice.

    Raises:
        PeerError: what came is no answer.
    """
    connection, dialect = session.connection, session.dialect
    replies: list[Reply] = []
    ended, hung_up, began = "", False, time.monotonic()
    try:
        async with connection.within(session.limits.reply_seconds * 2, "answer to the login"):
            # The password is never in a variable: a traceback that shows those must not show it.
            for number in range(len(command(user, password))):
                replies = [await dialect.command(connection, command(user, password)[number], shown)]
                if not dialect.accepted(replies[0]):
                    break
    except PeerError as error:
        if error.absence not in (Absence.DROPPED, Absence.TIMEOUT):
            raise
        # What USER was answered is no answer to the password.
        replies, ended, hung_up = [], error.reason, error.absence is Absence.DROPPED
    seconds = round(time.monotonic() - began, 4)
    return Exchange(sent=shown, replies=tuple(replies), ended=ended, hung_up=hung_up, seconds=seconds)
