"""An interview: many questions on few connections, each answered as if it had been the only one.

Servers count errors and hang up (Exim after the 4th, Postfix after the 20th, with a second's delay for each from the
10th). A question that meets the end of a connection which had others before it is therefore put again, first on a fresh
one; only what comes then is its answer. RSET behind each question, and QUIT at the end, show that both sides are still
in step: behind a reply too many every other is taken for that of the next command.
"""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from smtp_audit.facts.conversation import Dialogue, Exchange, offered
from smtp_audit.facts.endpoint import TlsStart
from smtp_audit.facts.observation import Absence
from smtp_audit.facts.service import Reply
from smtp_audit.probes.approach import Approach, Session
from smtp_audit.probes.conversation.login import check_login, log_in
from smtp_audit.probes.dialect import Smtp
from smtp_audit.probes.wire import PeerError, Transcript
from smtp_audit.wiretext import escape

MOST_ERRORS = 8
"""Errors after which a connection is given up: Postfix delays each from the 10th on (smtpd_soft_error_limit)."""

FIRST_TRIES = 2
"""How often a question is put as the first of a connection before a hang-up is taken for its answer."""

FAREWELL_SECONDS = 3.0
"""How long the reply to QUIT is waited for: without one nothing was seen to be wrong."""

SHOWN = 300
"""Octets of what we say that facts quote."""


class Standing(StrEnum):
    """How far a connection has come when the questions begin."""

    CONNECTED = "connected"
    """Nothing was read and nothing said. On a port for implicit TLS this is inside TLS."""
    GREETED = "greeted"
    """The greeting was read, and nothing said. On a port for implicit TLS this is inside TLS."""
    CLEAR = "clear"
    """EHLO in clear text, on a port with STARTTLS."""
    ENCRYPTED = "encrypted"
    """Inside TLS where it can be had (not verified), and nothing said there yet. Without TLS this is CLEAR."""
    HELLO = "hello"
    """EHLO inside TLS where it can be had (not verified), in clear elsewhere."""
    LOGGED_IN = "logged_in"
    """EHLO and AUTH with the given credentials, inside TLS with a verified certificate."""


@dataclass(frozen=True)
class Say:
    """One thing to say: octets with their line ends, and how many replies to wait for, each for `seconds` (None: as
    long as replies may take).

    `needs` is what the code of the last reply has to begin with for the rest of the question to make sense, `silence`
    says that no reply is an answer too, and `end` that the end of the connection is one, so that it is not asked again.
    `until` is a code (or its first digits) behind which no more is waited for: where it is not known how many replies
    will come. `enough` are the first digits of a reply that answers the question: no other is waited for, and the rest
    is left unsaid. `greeted`: the greeting is among the replies, and may break off. `shown` stands for the octets in
    transcript and facts.
    """

    octets: bytes
    replies: int = 1
    needs: str = ""
    silence: bool = False
    end: bool = False
    seconds: float | None = None
    until: str = ""
    enough: str = ""
    greeted: bool = False
    shown: str = ""

    @property
    def told(self) -> str:
        """The octets as transcript and facts show them."""
        return self.shown or escape(self.octets.removesuffix(b"\r\n"), SHOWN)


def say(line: str, needs: str = "") -> Say:
    """One command line."""
    return Say(line.encode() + b"\r\n", needs=needs)


@dataclass(frozen=True)
class Question:
    """Something to find out: what is said, in order. Behind a question that `ends` the connection is closed.

    `alone` puts it on a connection that has not been used yet. `once`: it is never put again, whatever becomes of the
    connection, since what was said may have been heard: a message would come twice. `lasting` is the number of the step
    of which that is true: the question is put again unless that step had a reply. One with an `extension` is put only
    to a server that announces it (RFC 5321 section 2.2.1).
    """

    name: str
    says: tuple[Say, ...]
    ends: bool = False
    alone: bool = False
    once: bool = False
    extension: str = ""
    lasting: int | None = None

    def has_lasted(self, exchanges: Sequence[Exchange]) -> bool:
        """Whether the step that leaves something behind has been answered."""
        step = self.lasting
        return step is not None and len(exchanges) > step and bool(exchanges[step].replies)


def empty_message(name: str, *before: Say) -> Question:
    """DATA, and where it is taken the final dot at once.

    Behind 354 a server may still refuse, where sender or recipient is missing (RFC 5321 section 3.3). On a connection
    of its own: where nobody was named there is nobody that an empty message could go to. Never twice.
    """
    return Question(name, (*before, Say(b"DATA\r\n", enough="245"), Say(b".\r\n")), alone=True, once=True)


def waits_for_message(dialogue: Dialogue | None) -> bool:
    """Whether the last answer is 354 (RFC 5321 section 4.2.3)."""
    replies = dialogue.exchanges[-1].replies if dialogue is not None and dialogue.exchanges else ()
    return bool(replies) and replies[-1].code == "354"


Follow = Callable[[], Sequence[Question]]
"""Questions that can be put together once others are answered."""


@dataclass
class Interview:
    """Puts questions to one endpoint. Answers are kept as they come, so that a failure later loses none."""

    approach: Approach
    transcript: Transcript
    standing: Standing = Standing.HELLO
    first: bytes = b""
    """Octets that come with the connection, before the server can have said a word; for questions from `CONNECTED`."""
    answers: dict[str, Dialogue] = field(default_factory=dict)
    capabilities: tuple[str, ...] = ()
    """Those of the last connection, as far as its standing went."""
    puts: dict[str, int] = field(default_factory=dict)
    """How often each question was put, hang-ups included."""
    name: str = ""
    """What we call ourselves, once there was a connection."""
    _tries: dict[str, int] = field(default_factory=dict)
    _suspects: set[str] = field(default_factory=set)
    """Questions of a connection that got out of step: each is put once more, on one of its own."""
    _then: Follow | None = None

    def announces(self, extension: str) -> bool:
        """Whether the server of the last connection announced it, as far as its standing went."""
        return offered(self.capabilities, extension) is not None

    async def ask(self, questions: Sequence[Question], then: Follow | None = None) -> dict[str, Dialogue]:
        """All answers, by the names of the questions. Those that hang on answers come from `then`, which is called when
        the others are answered.

        Raises:
            PeerError: not one question could be put.
        """
        if self.standing is Standing.LOGGED_IN:
            check_login(self.approach)
        if self.standing in (Standing.HELLO, Standing.ENCRYPTED, Standing.LOGGED_IN):
            self.approach.check_tls()
        pending, self._then = deque(questions), then
        while self._fill(pending):
            try:
                await self.approach.visit(
                    lambda session: self._connection(session, pending), self.transcript, first=self.first
                )
            except PeerError as error:
                if not self.answers:
                    raise
                while self._fill(pending):
                    self.answers[pending.popleft().name] = Dialogue(unknown=error.reason)
        return self.answers

    def _fill(self, pending: deque[Question]) -> bool:
        if not pending and self._then is not None:
            then, self._then = self._then, None
            pending.extend(then())
        return bool(pending)

    async def _connection(self, session: Session, pending: deque[Question]) -> None:
        smtp = await self._arrive(session)
        self.capabilities = session.announced
        self._leave_out(pending)
        asked: list[Question] = []
        errors = 0
        while self._fill(pending):
            question, first = pending[0], not asked
            apart = question.alone or question.name in self._suspects or bool(asked and asked[0].name in self._suspects)
            # Behind a question that ends the connection nothing shows any more that both sides were in step.
            apart = apart or (question.ends and session.connection.has_more)
            if not first and (apart or errors + _errors_expected(question) > MOST_ERRORS):
                break
            self.puts[question.name] = self.puts.get(question.name, 0) + 1
            dialogue, over = await self._put(smtp, session, question)
            if waits_for_message(dialogue):
                # What is said next would be mail. Ended without its last dot, none of it is kept.
                self.answers[question.name] = dialogue
                pending.popleft()
                return
            if not first and _out_of_order(question, dialogue):
                # Something was left over from before: once more, as the first of a connection.
                if not over and await self._is_behind(smtp, session):
                    self._doubt(asked, pending)
                return
            if not over and not question.ends:
                over = not await self._in_step(smtp, session)
                if over and await self._is_behind(smtp, session):
                    dialogue = dialogue if question.has_lasted(dialogue.exchanges) else _out_of_step(dialogue)
                    self._doubt(asked, pending)
            if over and not question.has_lasted(dialogue.exchanges):
                if not first and not question.ends and not question.once:
                    return  # once more, as the first of a connection
                if self._try_again(question, dialogue):
                    return
            self.answers[question.name] = dialogue
            pending.popleft()
            errors += sum(reply.code[:1] in "45" for exchange in dialogue.exchanges for reply in exchange.replies)
            if over or question.ends:
                return
            asked.append(question)
        if await self._is_behind(smtp, session):
            self._doubt(asked, pending)

    def _doubt(self, asked: Sequence[Question], pending: deque[Question]) -> None:
        """Put the questions of a connection that got out of step again, one by one.

        Those with a lasting step are about replies too many, and tell them by themselves.
        """
        for question in asked:
            if question.lasting is not None:
                continue
            if question.once or question.name in self._suspects:
                self.answers[question.name] = _out_of_step(self.answers[question.name])
            else:
                self._suspects.add(question.name)
                pending.append(question)

    def _leave_out(self, pending: deque[Question]) -> None:
        """Answer the questions that are about extensions this server does not have."""
        for question in list(pending):
            if question.extension and not self.announces(question.extension):
                self.answers[question.name] = Dialogue(unknown=f"{question.extension} is not announced")
                pending.remove(question)

    def _try_again(self, question: Question, dialogue: Dialogue) -> bool:
        """Whether a question whose connection ended is put once more: unless all its replies came."""
        if question.once or not dialogue.exchanges or not dialogue.exchanges[-1].ended:
            return False
        if question.says[len(dialogue.exchanges) - 1].end:
            return False
        self._tries[question.name] = self._tries.get(question.name, 0) + 1
        return self._tries[question.name] < FIRST_TRIES

    async def _arrive(self, session: Session) -> Smtp:
        smtp = session.smtp
        self.name = smtp.name(session.connection)
        implicit = session.endpoint.tls_start is TlsStart.IMPLICIT
        if self.standing is Standing.LOGGED_IN:
            await log_in(session, self.approach)
        elif self.standing is Standing.HELLO:
            await session.secure()
            if self.approach.tls_expected and session.connection.tls is None:
                raise PeerError(Absence.REFUSED_SERVICE, "TLS was offered before, and not on this connection")
        elif self.standing is Standing.ENCRYPTED:
            if await session.up_to_tls():
                await session.encrypt()
                if implicit:
                    await session.greeting()
            elif self.approach.tls_expected:
                raise PeerError(Absence.REFUSED_SERVICE, "TLS was offered before, and not on this connection")
        else:
            if implicit:
                await session.encrypt()
            if self.standing is not Standing.CONNECTED:
                await session.greeting()
            if self.standing is Standing.CLEAR:
                await session.capabilities()
        return smtp

    async def _put(self, smtp: Smtp, session: Session, question: Question) -> tuple[Dialogue, bool]:
        """Hold one dialogue; whether the connection is over with it."""
        exchanges: list[Exchange] = []
        inside = session.connection.tls is not None

        def held(unknown: str = "") -> Dialogue:
            return Dialogue(exchanges=tuple(exchanges), inside_tls=inside, unknown=unknown)

        for step in question.says:
            try:
                exchange = await exchange_with(smtp, session, step)
            except PeerError as error:
                # Nonsense or excess: what is behind it cannot be read.
                return held(error.reason), True
            exchanges.append(exchange)
            if exchange.ended:
                return held(), True
            codes = [reply.code for reply in exchange.replies]
            if "421" in codes:
                # RFC 5321 section 3.8: the server is closing the channel.
                last = step is question.says[-1]
                return held("" if last else f"{exchange}"), True
            if step.needs and not (codes and codes[-1].startswith(step.needs)):
                return held(f"{exchange}"), False
            if codes and codes[-1][0] in step.enough:
                break
        return held(), False

    async def _in_step(self, smtp: Smtp, session: Session) -> bool:
        try:
            reset = await exchange_with(smtp, session, Say(b"RSET\r\n"))
        except PeerError:
            return False
        return bool(reset.replies) and reset.replies[0].code == "250"

    async def _is_behind(self, smtp: Smtp, session: Session) -> bool:
        """Whether replies to something else come before that to QUIT."""
        connection = session.connection
        codes: list[str] = []
        with contextlib.suppress(PeerError):
            async with connection.within(min(session.limits.reply_seconds, FAREWELL_SECONDS), "reply to QUIT"):
                await connection.send(b"QUIT\r\n")
                while "221" not in codes:
                    codes.append((await smtp.any_reply(connection)).code)
        return "221" in codes[1:]


def _out_of_step(dialogue: Dialogue) -> Dialogue:
    """Nothing of it is kept: what looks like the answer to one command may be that to another."""
    reason = "more replies came than commands were said: which is whose is not known"
    return Dialogue(inside_tls=dialogue.inside_tls, unknown=reason)


def _out_of_order(question: Question, dialogue: Dialogue) -> bool:
    """Whether a question that begins with MAIL was refused for the order of commands (RFC 5321 section 4.2.3: 503):
    then RSET did not clear what the question before had begun."""
    first = dialogue.exchanges[0].reply if dialogue.exchanges else None
    return question.says[0].octets[:5].upper() == b"MAIL " and first is not None and first.code == "503"


def _errors_expected(question: Question) -> int:
    return sum(1 for step in question.says if not step.needs)


async def exchange_with(smtp: Smtp, session: Session, step: Say) -> Exchange:
    """Say it and read the replies.

    Raises:
        PeerError: what came is no reply, or too much.
    """
    connection = session.connection
    replies: list[Reply] = []
    ended, hung_up = "", False
    seconds = step.seconds or session.limits.reply_seconds
    began = time.monotonic()
    try:
        async with connection.within(seconds, f"room for {step.told[:60]}"):
            await connection.send(step.octets, shown=step.told)
        while len(replies) < step.replies:
            broken_off: list[Reply] = []
            async with connection.within(seconds, f"reply to {step.told[:60]}"):
                reply = await smtp.any_reply(connection, broken_off if step.greeted else None)
            replies += [*broken_off, reply]
            code = replies[-1].code
            # RFC 5321 section 3.8: nothing comes behind 421.
            if code == "421" or (step.until and code.startswith(step.until)) or code[0] in step.enough:
                break
    except PeerError as error:
        if error.absence not in (Absence.DROPPED, Absence.TIMEOUT):
            raise
        if not (step.silence and error.absence is Absence.TIMEOUT):
            ended, hung_up = error.reason, error.absence is Absence.DROPPED
    waited = round(time.monotonic() - began, 3)
    return Exchange(sent=step.told, replies=tuple(replies), ended=ended, hung_up=hung_up, seconds=waited)
