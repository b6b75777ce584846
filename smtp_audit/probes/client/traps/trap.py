"""One trap: a server on one address that plays one scenario, and records what programs do there."""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import ssl
import time
from dataclasses import dataclass, field

from smtp_audit.facts.client import Channel, Delivery, Visit
from smtp_audit.limits import MAX_TRAP_VISITS
from smtp_audit.probes.client.contract import Account
from smtp_audit.probes.client.traps.ancient import Context
from smtp_audit.probes.client.traps.certificates import Certificates
from smtp_audit.probes.client.traps.encryption import offer_of, server_context
from smtp_audit.probes.client.traps.scenario import Moment, Scenario
from smtp_audit.probes.client.traps.wire import Gone, Wire
from smtp_audit.probes.wire import Transcript

SETTLE_SECONDS = 1.0
"""How long what a client did last is waited for: its connection may still be open when it returns."""

SOUND: dict[Moment, str] = {
    "greeting": "220 {host} ESMTP\r\n",
    "starttls": "220 2.0.0 Ready to start TLS\r\n",
    "auth": "235 2.7.0 Authentication successful\r\n",
    "mail": "250 2.1.0 Ok\r\n",
    "rcpt": "250 2.1.5 Ok\r\n",
    "data": "354 End data with <CR><LF>.<CR><LF>\r\n",
    "dot": "250 2.0.0 Ok: queued as 4XYZ\r\n",
    "quit": "221 2.0.0 Bye\r\n",
}
"""What a sound server answers."""


class Trap:
    """A trap for one account. `visits` are complete once it is closed."""

    def __init__(self, scenario: Scenario, account: Account, address: str, certificates: Certificates) -> None:
        self.scenario = scenario
        self.account = account
        self.address = address
        self.first_connection: float | None = None
        """When the first connection came (`time.monotonic`)."""
        self._certificates = certificates
        self._context: Context | None = None
        self._server: asyncio.Server | None = None
        self._sessions: set[asyncio.Task[None]] = set()
        self._visits: list[_Session] = []

    @property
    def visits(self) -> tuple[Visit, ...]:
        """What came, in order."""
        return tuple(session.visit() for session in self._visits)

    async def open(self) -> str:
        """Begin to listen; why the scenario cannot be played here, or an empty text."""
        try:
            self._context = server_context(self.scenario, self.account.host, self._certificates)
            self._server = await asyncio.start_server(
                self._met, self.address, self.account.port, reuse_port=True, limit=1 << 20
            )
        except (OSError, ssl.SSLError, ValueError) as error:
            return f"cannot be played here: {error}"
        return ""

    async def settle(self) -> None:
        """Wait until what came on the connections was read and they have ended, at most `SETTLE_SECONDS`."""
        if self._sessions:
            await asyncio.wait(self._sessions, timeout=SETTLE_SECONDS)

    async def close(self) -> None:
        """Hang up on everybody, and end."""
        if self._server is not None:
            self._server.close()
        for session in self._sessions:
            session.cancel()
        await asyncio.gather(*self._sessions, return_exceptions=True)

    async def _met(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.first_connection = self.first_connection or time.monotonic()
        if self._context is None or len(self._visits) >= MAX_TRAP_VISITS:
            writer.close()
            return
        session = _Session(self, self._context, Wire(reader, writer), number=len(self._visits))
        self._visits.append(session)
        task = asyncio.current_task()
        if task is not None:
            self._sessions.add(task)
            task.add_done_callback(self._sessions.discard)
        await session.run()


class _HangUp(Exception):
    """The scenario hangs up here."""


@dataclass
class _Session:
    """One connection."""

    trap: Trap
    context: Context
    wire: Wire
    number: int
    began: float = field(default_factory=time.monotonic)
    ended: float = 0.0
    handshake: str = ""
    mechanism: str = ""
    credentials: Channel | None = None
    body: Channel | None = None
    acted: bool = False
    deliveries: list[Delivery] = field(default_factory=list)
    tried: list[str] = field(default_factory=list)
    sender: str | None = None
    recipients: list[str] = field(default_factory=list)
    logged_in: bool = False

    def __post_init__(self) -> None:
        self._scenario = self.trap.scenario
        self._manners = self.trap.scenario.manners
        self._transcript = Transcript((self.trap.account.password,))

    def visit(self) -> Visit:
        """What there is to say of it."""
        tls = self.wire.tls
        cipher = tls.cipher() if tls is not None else None
        return Visit(
            port=self.trap.account.port,
            offer=offer_of(self.wire.hello),
            version=(tls.version() or "") if tls is not None else "",
            suite=cipher[0] if cipher else "",
            handshake=self.handshake,
            mechanism=self.mechanism,
            credentials=self.credentials,
            body=self.body,
            acted_on_injection=self.acted,
            deliveries=tuple(self.deliveries),
            recipients_tried=tuple(self.tried),
            dialogue=self._transcript.lines,
            seconds=round((self.ended or time.monotonic()) - self.began, 3),
        )

    async def run(self) -> None:
        """From the greeting to whoever hangs up first."""
        try:
            if self._scenario.implicit:
                await self._begin_tls()
            await self._answer("greeting")
            while await self._command(await self._line()):
                pass
        except _HangUp:
            self._transcript.note("the trap hangs up")
        except Gone as error:
            self._transcript.note(f"the client is gone: {error}")
        except ssl.SSLError as error:
            self.handshake = f"failed: {error.reason or error}"
            self._transcript.note(f"TLS {self.handshake}")
        finally:
            self.ended = time.monotonic()
            with contextlib.suppress(Exception):
                await self.wire.close()

    @property
    def _channel(self) -> Channel:
        if self.wire.tls is None:
            return Channel.CLEAR
        return Channel.GOOD_TLS if self._scenario.trusted else Channel.BAD_TLS

    async def _line(self) -> bytes:
        line = await self.wire.line()
        self._transcript.received(line)
        return line

    async def _say(self, text: str) -> None:
        data = text.replace("{host}", self.trap.account.host).encode("latin-1", "replace")
        for line in data.split(b"\n"):
            if line:
                self._transcript.sent(line.rstrip(b"\r").decode("latin-1"))
        await self.wire.write(data)

    async def _answer(self, moment: Moment, sound: str = "") -> str:
        """Say what the scenario says at this moment, else the sound reply; what was said."""
        if self._manners.closes == moment:
            raise _HangUp
        if self._manners.hangs == moment:
            self._transcript.note("the trap says nothing more")
            await asyncio.sleep(3600)
        given = self._manners.replies.get(moment)
        if given is not None and moment in self._manners.once and self.number:
            given = None
        text = given if given is not None else sound or SOUND[moment]
        await self._say(text)
        if self._manners.hangs_up_behind == moment:
            raise _HangUp
        return text

    async def _begin_tls(self) -> None:
        self._answer_nothing("handshake")
        if self._manners.hangs == "handshake":
            await self.wire.take_hello()
            await asyncio.sleep(3600)
        if self._manners.raw:
            await self.wire.take_hello()
            await self.wire.raw(self._manners.raw)
            self.handshake = "answered with something else"
            raise _HangUp
        await self.wire.start_tls(self.context)
        self.handshake = "done"
        tls = self.wire.tls
        self._transcript.note(f"TLS: {tls.version() if tls else ''}")

    def _answer_nothing(self, moment: Moment) -> None:
        if self._manners.closes == moment:
            raise _HangUp

    async def _command(self, line: bytes) -> bool:
        verb, _, argument = line.partition(b" ")
        word = verb.upper()
        if word in (b"EHLO", b"HELO"):
            await self._ehlo(extended=word == b"EHLO")
        elif word == b"STARTTLS" and self.wire.tls is None:
            await self._starttls()
        elif word == b"AUTH":
            await self._auth(argument)
        elif word == b"MAIL":
            if (await self._answer("mail")).startswith("250"):
                self.sender, self.recipients = _path(argument), []
        elif word == b"RCPT":
            await self._rcpt(argument)
        elif word == b"DATA":
            await self._data()
        elif word in (b"RSET", b"NOOP"):
            self.sender, self.recipients = None, []
            await self._say("250 2.0.0 Ok\r\n")
        elif word == b"QUIT":
            await self._answer("quit")
            return False
        else:
            await self._say("502 5.5.2 Error: command not recognized\r\n")
        return True

    async def _ehlo(self, *, extended: bool) -> None:
        inside = self.wire.tls is not None
        lines = [self.trap.account.host]
        if extended:
            lines += self._manners.tls_capabilities if inside else self._manners.capabilities
        shown = "".join(f"250-{line}\r\n" for line in lines[:-1]) + f"250 {lines[-1]}\r\n"
        if inside and self._manners.withholds:
            await self._withhold()
        await self._answer("tls-ehlo" if inside else "ehlo", shown)

    async def _withhold(self) -> None:
        """See whether the client goes on without the reply that it waits for: then it took an injected one for it."""
        try:
            async with asyncio.timeout(self._manners.withholds):
                line = await self._line()
        except TimeoutError:
            return
        self.acted = True
        self._transcript.note("the client went on without a reply: it took the one that came in clear text")
        await self._command(line)

    async def _starttls(self) -> None:
        said = self._manners.replies.get("starttls", SOUND["starttls"]) + (
            "" if self._manners.fragments else self._manners.injected
        )
        self._answer_nothing("starttls")
        if self._manners.hangs == "starttls":
            await asyncio.sleep(3600)
        await self._say(said)
        if self._manners.fragments:
            for character in self._manners.injected:
                await self.wire.write(character.encode("latin-1"))
                await asyncio.sleep(0)
        if said.startswith("220") and self._manners.begins_tls:
            await self._begin_tls()

    async def _auth(self, argument: bytes) -> None:
        name, _, initial = argument.partition(b" ")
        mechanism = name.decode("ascii", "replace").upper()
        self.mechanism = mechanism
        responses = [initial] if initial else []
        if mechanism == "CRAM-MD5":
            await self._say("334 " + base64.b64encode(b"<1896.697170952@client-test.example>").decode() + "\r\n")
            responses.append(await self._line())
        elif mechanism in ("PLAIN", "XOAUTH2", "OAUTHBEARER", "ANONYMOUS") and not initial:
            await self._say("334 \r\n")
            responses.append(await self._line())
        elif mechanism == "LOGIN":
            for prompt in ("VXNlcm5hbWU6", "UGFzc3dvcmQ6")[len(responses) :]:
                await self._say(f"334 {prompt}\r\n")
                responses.append(await self._line())
        if any(_decoded(response) for response in responses):
            self.credentials = _worse(self.credentials, self._channel)
        self.logged_in = (await self._answer("auth")).startswith("235")

    async def _rcpt(self, argument: bytes) -> None:
        recipient = _path(argument)
        self.tried.append(recipient)
        if len(self.tried) <= self._manners.refused_recipients:
            await self._say("550 5.1.1 User unknown\r\n")
        elif (await self._answer("rcpt")).startswith("250"):
            self.recipients.append(recipient)

    async def _data(self) -> None:
        if not (await self._answer("data")).startswith("354"):
            return
        self._answer_nothing("content")
        content = await self._content()
        self.body = _worse(self.body, self._channel)
        delivery = Delivery(
            sender=self.sender or "",
            recipients=tuple(self.recipients),
            content=content.decode("latin-1"),
            channel=self._channel,
            acknowledged=False,
        )
        self.deliveries.append(delivery)
        if (await self._answer("dot")).startswith("250"):
            self.deliveries[-1] = delivery.model_copy(update={"acknowledged": True})
        self.sender, self.recipients = None, []

    async def _content(self) -> bytes:
        """A message without its final dot, and with stuffed dots removed (RFC 5321 section 4.5.2)."""
        if self.wire.buffered.startswith(b".\r\n"):
            await self.wire.line()
            return b""
        data = await self.wire.until(b"\r\n.\r\n")
        self._transcript.note(f"a message of {len(data)} octets")
        lines = data.removesuffix(b".\r\n").split(b"\r\n")
        return b"\r\n".join(line[1:] if line.startswith(b".") else line for line in lines)


def _path(argument: bytes) -> str:
    """The address of MAIL or RCPT as the client wrote it, without the angle brackets around it."""
    text = argument.partition(b":")[2].strip().decode("latin-1")
    if text.startswith("<"):
        return text[1:].rpartition(">")[0] or text[1:].rstrip(">")
    return text.partition(" ")[0]


def _decoded(response: bytes) -> bytes:
    with contextlib.suppress(binascii.Error, ValueError):
        return base64.b64decode(response, validate=False)
    return response


_ORDER = (None, Channel.GOOD_TLS, Channel.BAD_TLS, Channel.CLEAR)


def _worse(one: Channel | None, other: Channel | None) -> Channel | None:
    return max(one, other, key=_ORDER.index)
