"""An interview: many questions on few connections, each answered as if it had been the only one.

Servers count errors and hang up (Exim after the 4th, Postfix after the 20th, with a second's delay for each from the
10th). A question that meets the end of a connection which had others before it is therefore put again, first on a fresh
one; only what comes then is its answer. RSET behind each question shows that both sides are still in step.
"""

from __future__ import annotations

import base64
import ssl
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from smtp_audit.facts.conversation import Dialogue, Exchange
from smtp_audit.facts.endpoint import TlsStart
from smtp_audit.facts.observation import Absence
from smtp_audit.facts.service import Reply
from smtp_audit.probes.approach import Approach, Session, Unrepeatable
from smtp_audit.probes.dialect import Smtp
from smtp_audit.probes.tls.trust import strict_context
from smtp_audit.probes.wire import PeerError, Transcript, tls_reason
from smtp_audit.secret import Secret
from smtp_audit.wiretext import escape

MOST_ERRORS = 8
"""Errors after which a connection is given up: Postfix delays each from the 10th on (smtpd_soft_error_limit)."""

FIRST_TRIES = 2
"""How often a question is put as the first of a connection before a hang-up is taken for its answer."""

SHOWN = 300
"""Octets of what we say that facts quote."""


class Standing(StrEnum):
    """How far a connection has come when the questions begin."""

    GREETED = "greeted"
    """The greeting was read, and nothing said. On a port for implicit TLS this is inside TLS."""
    CLEAR = "clear"
    """EHLO in clear text, on a port with STARTTLS."""
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
    `shown` stands for the octets in transcript and facts.
    """

    octets: bytes
    replies: int = 1
    needs: str = ""
    silence: bool = False
    end: bool = False
    seconds: float | None = None
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

    `alone` puts it on a connection that has not been used yet.
    """

    name: str
    says: tuple[Say, ...]
    ends: bool = False
    alone: bool = False


Follow = Callable[[], Sequence[Question]]
"""Questions that can be put together once others are answered."""


class _Over(Exception):
    """The connection ended, or fell silent, before the reply came."""


@dataclass
class Interview:
    """Puts questions to one endpoint. Answers are kept as they come, so that a failure later loses none."""

    approach: Approach
    transcript: Transcript
    standing: Standing = Standing.HELLO
    answers: dict[str, Dialogue] = field(default_factory=dict)
    capabilities: tuple[str, ...] = ()
    """Those of the last connection, as far as its standing went."""
    name: str = ""
    """What we call ourselves, once there was a connection."""
    _tries: dict[str, int] = field(default_factory=dict)
    _then: Follow | None = None

    async def ask(self, questions: Sequence[Question], then: Follow | None = None) -> dict[str, Dialogue]:
        """All answers, by the names of the questions. Those that hang on answers come from `then`, which is called when
        the others are answered.

        Raises:
            PeerError: not one question could be put.
        """
        if self.standing is Standing.LOGGED_IN:
            check_login(self.approach)
        pending, self._then = deque(questions), then
        while self._fill(pending):
            try:
                await self.approach.visit(lambda session: self._connection(session, pending), self.transcript)
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
        first, errors = True, 0
        while self._fill(pending):
            question = pending[0]
            if not first and (question.alone or errors + _errors_expected(question) > MOST_ERRORS):
                break
            dialogue, over = await self._put(smtp, session, question)
            if _in_message(dialogue):
                # What is said next would be mail. Ended without its last dot, none of it is kept.
                self.answers[question.name] = dialogue
                pending.popleft()
                return
            if not first and _out_of_order(question, dialogue):
                return  # something was left over from before: once more, as the first of a connection
            if not over and not question.ends:
                over = not await self._in_step(smtp, session)
            if over and not first and not question.ends:
                return  # once more, as the first of a connection
            if over and self._try_again(question, dialogue):
                return
            self.answers[question.name] = dialogue
            pending.popleft()
            errors += sum(reply.code[:1] in "45" for exchange in dialogue.exchanges for reply in exchange.replies)
            if over or question.ends:
                return
            first = False
        await smtp.quit(session.connection)

    def _try_again(self, question: Question, dialogue: Dialogue) -> bool:
        """Whether a question whose connection ended is put once more: unless all its replies came."""
        if not dialogue.exchanges or not dialogue.exchanges[-1].ended:
            return False
        if question.says[len(dialogue.exchanges) - 1].end:
            return False
        self._tries[question.name] = self._tries.get(question.name, 0) + 1
        return self._tries[question.name] < FIRST_TRIES

    async def _arrive(self, session: Session) -> Smtp:
        smtp = session.dialect
        if not isinstance(smtp, Smtp):
            raise PeerError(Absence.BROKEN, "this conversation is for SMTP endpoints")
        self.name = smtp.name(session.connection)
        implicit = session.endpoint.tls_start is TlsStart.IMPLICIT
        if self.standing is Standing.LOGGED_IN:
            self.capabilities = await log_in(session, self.approach)
        elif self.standing is Standing.HELLO:
            self.capabilities = await session.secure()
            if self.approach.tls_expected and session.connection.tls is None:
                raise PeerError(Absence.REFUSED_SERVICE, "TLS was offered before, and not on this connection")
        else:
            if implicit:
                await tolerant_tls(session)
            await session.greeting()
            if self.standing is Standing.CLEAR:
                self.capabilities = await session.capabilities()
        return smtp

    async def _put(self, smtp: Smtp, session: Session, question: Question) -> tuple[Dialogue, bool]:
        """Hold one dialogue; whether the connection is over with it."""
        exchanges: list[Exchange] = []
        inside = session.connection.tls is not None

        def held(unknown: str = "") -> Dialogue:
            return Dialogue(exchanges=tuple(exchanges), inside_tls=inside, unknown=unknown)

        for step in question.says:
            try:
                exchange = await _exchange(smtp, session, step)
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
        return held(), False

    async def _in_step(self, smtp: Smtp, session: Session) -> bool:
        try:
            reset = await _exchange(smtp, session, Say(b"RSET\r\n"))
        except PeerError:
            return False
        return bool(reset.replies) and reset.replies[0].code == "250"


def _in_message(dialogue: Dialogue) -> bool:
    """Whether the server waits for a message (RFC 5321 section 4.2.3: 354)."""
    replies = dialogue.exchanges[-1].replies if dialogue.exchanges else ()
    return bool(replies) and replies[-1].code == "354"


def _out_of_order(question: Question, dialogue: Dialogue) -> bool:
    """Whether a question that begins with MAIL was refused for the order of commands (RFC 5321 section 4.2.3: 503):
    then RSET did not clear what the question before had begun."""
    first = dialogue.exchanges[0].reply if dialogue.exchanges else None
    return question.says[0].octets[:5].upper() == b"MAIL " and first is not None and first.code == "503"


def _errors_expected(question: Question) -> int:
    return sum(1 for step in question.says if not step.needs)


async def _exchange(smtp: Smtp, session: Session, step: Say) -> Exchange:
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
            async with connection.within(seconds, f"reply to {step.told[:60]}"):
                replies.append(await smtp.any_reply(connection))
    except PeerError as error:
        if error.absence not in (Absence.DROPPED, Absence.TIMEOUT):
            raise
        if not (step.silence and error.absence is Absence.TIMEOUT):
            ended, hung_up = error.reason, error.absence is Absence.DROPPED
    waited = round(time.monotonic() - began, 3)
    return Exchange(sent=step.told, replies=tuple(replies), ended=ended, hung_up=hung_up, seconds=waited)


async def tolerant_tls(session: Session) -> None:
    """TLS, with whatever certificate. Raises PeerError."""
    try:
        await session.handshake(verify=False)
    except ssl.SSLError as error:
        raise PeerError(Absence.MALFORMED, f"no TLS session: {tls_reason(error)}") from None


def check_login(approach: Approach) -> tuple[str, Secret]:
    """The user and the password to log in with.

    Raises:
        PeerError: none were given, or they were refused before.
    """
    credentials = approach.config.credentials
    if credentials is None:
        raise PeerError(
            Absence.NOT_AVAILABLE, "no credentials: give --smtp-user and the password in an environment variable"
        )
    if credentials.password is None or not credentials.password.get_secret_value():
        raise PeerError(
            Absence.NOT_GIVEN,
            f"no password for the user that was given: the environment variable {credentials.password_env} is not set",
        )
    if approach.budget.login_refused:
        raise PeerError(Absence.REFUSED_SERVICE, approach.budget.login_refused)
    return credentials.user, credentials.password


async def log_in(session: Session, approach: Approach) -> tuple[str, ...]:
    """Log in with the given credentials: TLS first, chain and name verified; the capabilities inside TLS.

    A refused login is never tried again on this host, so that no account is locked by an audit.

    Raises:
        PeerError: no credentials, no trustworthy TLS, or no login.
    """
    user, password = check_login(approach)
    connection, smtp = session.connection, session.dialect
    if not isinstance(smtp, Smtp):
        raise PeerError(Absence.BROKEN, "this login is for SMTP endpoints")
    if not await session.up_to_tls():
        raise PeerError(Absence.UNTRUSTED, "STARTTLS is not offered: the password is not sent in clear")
    await _trusted(session, approach)
    if session.endpoint.tls_start is TlsStart.IMPLICIT:
        await session.greeting()
    capabilities = await session.capabilities()
    mechanisms = smtp.mechanisms(capabilities)
    async with connection.within(session.limits.reply_seconds * 2, "answer to the login"):
        if "PLAIN" in mechanisms:
            # Never in a variable: a traceback that shows those must not show the password.
            await connection.send(_plain(user, password), shown="AUTH PLAIN <secret>")
            reply = await smtp.any_reply(connection)
        elif "LOGIN" in mechanisms:
            reply = await _exchange_login(smtp, session, user, password)
        else:
            offered = escape(", ".join(mechanisms).encode(), 200)
            raise PeerError(Absence.REFUSED_SERVICE, f"no mechanism takes a password as it is ({offered or 'none'})")
    if reply.code != "235":
        approach.budget.login_refused = f"the login was answered {reply}; it is not tried again"
        raise Unrepeatable(Absence.REFUSED_SERVICE, approach.budget.login_refused)
    return capabilities


def _plain(user: str, password: Secret) -> bytes:
    """AUTH PLAIN with its initial response (RFC 4616 section 2, RFC 4954 section 4)."""
    return b"AUTH PLAIN " + _base64(f"\0{user}\0{password.get_secret_value()}")


def _base64(text: str) -> bytes:
    return base64.b64encode(text.encode()) + b"\r\n"


async def _exchange_login(smtp: Smtp, session: Session, user: str, password: Secret) -> Reply:
    """AUTH LOGIN (draft-murchison-sasl-login): two prompts, two answers."""
    connection = session.connection
    await connection.send(b"AUTH LOGIN\r\n")
    reply = await smtp.any_reply(connection)
    if reply.code == "334":
        await connection.send(_base64(user), shown="<user name>")
        reply = await smtp.any_reply(connection)
    if reply.code == "334":
        await connection.send(_base64(password.get_secret_value()), shown="<secret>")
        reply = await smtp.any_reply(connection)
    return reply


async def _trusted(session: Session, approach: Approach) -> None:
    """TLS with a certificate that proves the name.

    Raises:
        PeerError: it does not, or there is no TLS to be had.
    """
    context = strict_context(approach.anchors)
    try:
        async with session.connection.within(session.handshake_seconds, "end of the TLS handshake"):
            await session.connection.start_tls(context, session.endpoint.host)
    except ssl.SSLError as error:
        reason = f"not tried: the password is sent only to a server that proves its name ({tls_reason(error)})"
        raise PeerError(Absence.UNTRUSTED, reason) from None
