"""Wrong passwords, on the throw-away account and on a user who does not exist: what is answered, and how fast.

Per endpoint at most MOST_WRONG of them: one without a password, one with too much behind it, and BLOCKS blocks of four.
A connection has two blocks, since servers slow down or end one that has many errors (Postfix from the 10th on); a first
try for each, which is not counted, takes the time that a server needs to get ready. A lock, a temporary refusal and
silence end it at once; after a closed connection it goes on. Then the right password is tried again, with pauses.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import random
import re
import secrets
import string
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from smtp_audit.facts.conversation import Dialogue, Exchange
from smtp_audit.facts.observation import Absence
from smtp_audit.facts.service import Reply
from smtp_audit.facts.wrong_passwords import BLOCKS, TRIES_IN_BLOCK, Return, WrongPassword, WrongPasswordFacts
from smtp_audit.probes.approach import Approach, Session, Unrepeatable, user_and_password
from smtp_audit.probes.conversation.login import authenticate, up_to_login
from smtp_audit.probes.wire import PeerError, Transcript
from smtp_audit.secret import Secret
from smtp_audit.wiretext import escape_text

BLOCKS_PER_CONNECTION = 2

MOST_CONNECTIONS = 13

MOST_WRONG = 2 + BLOCKS * TRIES_IN_BLOCK + MOST_CONNECTIONS
"""Wrong passwords on an endpoint: 29 where no connection is closed, one more for each that is."""

MOST_ON_ACCOUNT = 2 + BLOCKS * TRIES_IN_BLOCK // 2 + MOST_CONNECTIONS
"""Those of them on the throw-away account: 14, and more only where connections are closed."""

MOST_SECONDS = 75.0
"""Of answers to wrong passwords, after which no new block is begun."""

RETURNS = (0.0, 10.0, 55.0)
"""Seconds to wait before each try of the right password: together longer than the 60 s that servers count in."""

TURN_SECONDS = 0.2
"""Between looks whether the account is free."""

_TURNED_AWAY = (
    *(Absence.REFUSED_SERVICE, Absence.DROPPED, Absence.CLOSED),
    *(Absence.TIMEOUT, Absence.UNREACHABLE),
)
"""What a server or its firewall does to a client that it wants no more of. Our own budget that is used up, or a
certificate that proves nothing, limits no guesses."""

_LOT = random.SystemRandom()


@dataclass(frozen=True)
class _Login:
    user: str
    password: Secret
    shown: str
    known: bool = True


async def try_wrong_passwords(approach: Approach, transcript: Transcript) -> WrongPasswordFacts:
    """The right password, wrong ones, the right one again.

    Raises:
        PeerError: there is no throw-away account, or its password was not taken.
    """
    user, password = throwaway_login(approach)
    async with throwaway_turn(approach):
        if approach.throwaway.unusable:
            raise PeerError(Absence.REFUSED_SERVICE, approach.throwaway.unusable)
        return await _Guesses(approach, transcript, user, password).facts()


def throwaway_login(approach: Approach) -> tuple[str, Secret]:
    """User and password of the throw-away account.

    Raises:
        PeerError: none was given.
    """
    missing = "no account to throw away: name one in [throwaway] of the configuration"
    return user_and_password(approach.config.throwaway, "the throw-away account", missing)


@asynccontextmanager
async def throwaway_turn(approach: Approach) -> AsyncIterator[None]:
    """Have the account alone; waiting for it costs the endpoint none of its time."""
    while approach.throwaway.turn.locked():
        await asyncio.sleep(TURN_SECONDS)
        approach.budget.excuse(TURN_SECONDS)
    async with approach.throwaway.turn:
        yield


@dataclass
class _Guesses:
    approach: Approach
    transcript: Transcript
    user: str
    password: Secret
    tries: list[WrongPassword] = field(default_factory=list)
    stopped: str = ""
    closed: str = ""
    over: bool = False
    """Whether no more is tried, whatever the reason: only `stopped` is the server's doing."""
    silent: bool = False
    """Whether the last one was not answered in time."""
    locked: bool = False
    """Whether the last answer is another because the account is locked."""
    count: int = 0
    spent: float = 0.0

    def __post_init__(self) -> None:
        local, at, domain = self.user.partition("@")
        letters = (_LOT.choice(string.ascii_lowercase) for _ in range(max(12, len(local))))
        self.nobody = "".join(letters) + at + domain

    @property
    def right(self) -> _Login:
        return _Login(self.user, self.password, "<throw-away account, right password>")

    def _wrong(self, *, known: bool) -> _Login:
        user = self.user if known else self.nobody
        name = "throw-away account" if known else "unknown user"
        return _Login(user, Secret(secrets.token_hex(8)), f"<{name}, wrong password>", known)

    async def facts(self) -> WrongPasswordFacts:
        await self._prove()
        empty = await self._alone(_Login(self.user, Secret(""), "<throw-away account, no password>"))
        behind = Secret(f"{self.password.get_secret_value()}\0{secrets.token_hex(4)}")
        cut = await self._alone(
            _Login(self.user, behind, "<throw-away account, right password, NUL and more behind it>")
        )
        await self._guess()
        returns = await self._come_back()
        return WrongPasswordFacts(
            role=self.approach.endpoint.role,
            empty=empty,
            cut=cut,
            tries=tuple(self.tries),
            stopped=self.stopped,
            closed=self.closed,
            returns=returns,
        )

    async def _prove(self) -> None:
        """Raises PeerError when the right password is not taken: what wrong ones do could not be told."""
        first = (await self._knock([self.right], patient=True))[0]
        if not first.accepted:
            self.approach.throwaway.unusable = (
                f"the password of the throw-away account is not taken: {first}; nothing more is tried on it"
            )
            raise Unrepeatable(Absence.REFUSED_SERVICE, self.approach.throwaway.unusable)

    async def _alone(self, login: _Login) -> Dialogue:
        try:
            exchanges = await self._knock([login])
        except PeerError as error:
            return Dialogue(unknown=error.reason)
        return Dialogue(exchanges=tuple(exchanges), inside_tls=True)

    async def _guess(self) -> None:
        """All blocks, on as many connections as the server makes of them, unless it does something against it."""
        left: list[_Login] = []
        for _ in range(BLOCKS):
            block = [self._wrong(known=number % 2 == 0) for number in range(TRIES_IN_BLOCK)]
            _LOT.shuffle(block)
            left += block
        for _ in range(MOST_CONNECTIONS):
            if self.stopped or self.over or not left:
                return
            # Where few tries are had on a connection, none is spent on getting ready.
            ready = [] if self.closed else [self._wrong(known=False)]
            answered = await self._connection(ready, left[: TRIES_IN_BLOCK * BLOCKS_PER_CONNECTION])
            del left[:answered]
            if not answered and not (self.stopped or self.over):
                self.stopped = f"not one answer about a password on a connection: {self.closed or 'closed'}"
        if left and not (self.stopped or self.over):
            self.stopped = f"{self.closed or 'closed'}, on each of {MOST_CONNECTIONS} connections"

    async def _connection(self, ready: list[_Login], logins: list[_Login]) -> int:
        """Tries on one connection; how many of `logins` were answered."""
        try:
            exchanges = await self._knock([*ready, *logins], stop=self._stops)
        except PeerError as error:
            if error.absence in _TURNED_AWAY:
                self.stopped = f"no further connection: {error.reason}"
            self.over = True
            return 0
        # What ended it is not counted: it is told in `stopped` or `closed`, and would look like a difference.
        answered = [
            WrongPassword(known=login.known, exchange=exchange)
            for login, exchange in zip(logins, exchanges[len(ready) :], strict=False)
        ]
        while answered and (self.locked or not _about_password(answered[-1].exchange, stopped=bool(self.stopped))):
            answered.pop()
            self.locked = False
        if ready and exchanges[0].accepted:
            answered = [WrongPassword(known=ready[0].known, exchange=exchanges[0])]
        self.tries += answered
        return len(answered)

    def _stops(self, done: Sequence[tuple[_Login, Exchange]]) -> bool:
        """Whether what came last ends it all."""
        login, last = done[-1]
        self.count += 1
        self.spent += last.seconds
        # A server that lets wrong passwords wait makes an audit slower, and must not make it incomplete.
        self.approach.budget.excuse(last.seconds)
        count = f"after {self.count} wrong passwords"
        temporary = last.reply is not None and last.reply.code.startswith("4")
        if self.silent:
            self.stopped = f"{count}: {last.ended}"
        elif last.ended or (last.reply is not None and last.reply.code == "421"):
            self.closed = self.closed or f"{count}: {last.ended or last.reply}"
            return True
        elif last.accepted:
            self.stopped = f"{count}: the password was taken"
        elif temporary:
            # Of one user alone it is an answer about him; of both it is about us.
            before = [exchange for other, exchange in done[:-1] if other.known is not login.known]
            if before and _temporary(before[-1]):
                self.stopped = f"{count}: {last.reply}"
        elif login.known and self._changed(login, done):
            self.stopped = f"{count} the answer for the throw-away account changed: {last.reply}"
            self.locked = True
        if not self.stopped and self.spent > MOST_SECONDS:
            self.stopped = f"{count}: they took {self.spent:.0f} s"
        return bool(self.stopped)

    def _changed(self, login: _Login, done: Sequence[tuple[_Login, Exchange]]) -> bool:
        """Whether the account is answered in another way now, and the user who does not exist is not: it is locked."""
        told: dict[bool, list[str]] = {True: [], False: []}
        for tried in self.tries:
            told[tried.known].append(_gist(tried.exchange))
        for other, exchange in done:
            told[other.known].append(_gist(exchange))
        mine, others = told[login.known], told[not login.known]
        return len(mine) > 1 and len(set(mine[:-1])) == 1 and mine[-1] != mine[-2] and len(set(others)) == 1

    async def _come_back(self) -> tuple[Return, ...]:
        returns: list[Return] = []
        waited = 0.0
        for pause in RETURNS:
            if pause:
                self.transcript.note(f"waiting {pause:g} s before the right password is tried again")
                self.approach.budget.excuse(pause)
                await asyncio.sleep(pause)
            waited += pause
            try:
                exchange = (await self._knock([self.right]))[0]
            except PeerError as error:
                exchange = Exchange(sent=f"AUTH {self.right.shown}", ended=error.reason)
            returns.append(Return(waited=waited, exchange=exchange))
            if exchange.accepted:
                return tuple(returns)
        self.approach.throwaway.unusable = (
            f"the throw-away account is locked, by the wrong passwords tried on {self.approach.endpoint.key}"
        )
        return tuple(returns)

    async def _knock(
        self,
        logins: Sequence[_Login],
        *,
        stop: Callable[[Sequence[tuple[_Login, Exchange]]], bool] = lambda _: False,
        patient: bool = False,
    ) -> list[Exchange]:
        """Try them in order on one connection, until one is taken, `stop` says so or the connection ends.

        Raises:
            PeerError: the connection did not come as far as the first.
        """
        done: list[tuple[_Login, Exchange]] = []

        async def visit(session: Session) -> None:
            mechanism = await up_to_login(session, self.approach)
            for login in logins:
                exchange = await self._one(session, mechanism, login)
                done.append((login, exchange))
                if stop(done) or exchange.ended or exchange.accepted:
                    break
            with contextlib.suppress(PeerError):  # the answers are there
                await session.dialect.quit(session.connection)

        if patient:
            await self.approach.visit(visit, self.transcript)
        else:
            await self.approach.visit(visit, self.transcript, throttled_tries=1, dropped_tries=1)
        return [exchange for _, exchange in done]

    async def _one(self, session: Session, mechanism: str, login: _Login) -> Exchange:
        """One login; whatever comes of it is kept, so that none is tried twice."""
        replies: tuple[Reply, ...] = ()
        ended, began = "", time.monotonic()
        try:
            reply = await authenticate(session, mechanism, login.user, login.password, login.shown)
            replies = (self._masked(reply),)
        except PeerError as error:
            ended, self.silent = error.reason, error.absence is Absence.TIMEOUT
        seconds = round(time.monotonic() - began, 4)
        return Exchange(sent=f"AUTH {mechanism} {login.shown}", replies=replies, ended=ended, seconds=seconds)

    def _masked(self, reply: Reply) -> Reply:
        """The reply without the users' names, which it may repeat whole, in part or in base64.

        Both in each: a name that is a word of the text by chance must not make a difference.
        """
        users = (self.user, self.nobody)
        names = [form for user in users for form in (user, _base64(user), user.partition("@")[0])]
        pattern = "|".join(re.escape(escape_text(name, len(name))) for name in names)
        lines = (re.sub(rf"(?<!\w)(?:{pattern})(?!\w)", "<user>", line, flags=re.IGNORECASE) for line in reply.lines)
        return Reply(code=reply.code, lines=tuple(lines))


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _about_password(exchange: Exchange, *, stopped: bool) -> bool:
    """Whether it is an answer about the password."""
    if exchange.reply is None or exchange.reply.code == "421":
        return False
    return not (stopped and _temporary(exchange))


def _temporary(exchange: Exchange) -> bool:
    return exchange.reply is not None and exchange.reply.code.startswith("4")


def _gist(exchange: Exchange) -> str:
    """What an answer says, without what is another each time: numbers of sessions, times, counts."""
    return re.sub(r"\S*\d\S*", "#", str(exchange.reply)[3:]) + (exchange.reply.code if exchange.reply else "")
