"""A well-behaved SMTP, IMAP, POP3 or ManageSieve server in a few lines, every step of which a peer may replace.

Steps: `accept` (before a word is said), `greeting`, `capabilities`, `starttls` (the answer to the command),
`handshake`, and in SMTP `mail`, `rcpt`, `auth` and `quit`. A step that is replaced by an act and returns counts as
done; an act that does not return ends the connection its own way. The step `command` is every command, and comes before
the others.
"""

import base64
import ssl
from collections.abc import Awaitable, Callable, Mapping

from smtp_audit.facts.endpoint import Protocol, Role, TlsStart

from .certificates import HOST
from .markers import PASSWORD, USER
from .wire import Left, Wire

Act = Callable[["Dialogue"], Awaitable[None]]

_GREETINGS = {
    Protocol.SMTP: b"220 %s ESMTP ready\r\n",
    Protocol.IMAP: b"* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] %s ready\r\n",
    Protocol.POP3: b"+OK %s ready\r\n",
    Protocol.SIEVE: b'"IMPLEMENTATION" "peers"\r\n"SIEVE" "fileinto"\r\n"SASL" ""\r\n"STARTTLS"\r\nOK "%s ready"\r\n',
}
_GREETING_IMAP_INSIDE = b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] %s ready\r\n"
_SIEVE_INSIDE = b'"IMPLEMENTATION" "peers"\r\n"SIEVE" "fileinto"\r\n"SASL" "PLAIN"\r\nOK "%s inside"\r\n'


_MAILBOXES = ("alice", "postmaster", "abuse")


def _path(line: bytes) -> str:
    """The address in MAIL or RCPT, in lower case."""
    return line.partition(b"<")[2].partition(b">")[0].decode("utf-8", "replace").lower()


class Dialogue:
    """One connection. `number` counts the connections of the peer, from 1; `line` is the client's last command."""

    def __init__(
        self, wire: Wire, role: Role, context: ssl.SSLContext, acts: Mapping[str, Act], number: int = 1
    ) -> None:
        self.wire = wire
        self.role = role
        self.context = context
        self.acts = acts
        self.number = number
        self.line = b""
        self.begun = False
        """Whether MAIL was said (RFC 5321 section 4.1.4: before RCPT), whatever came of it."""
        self.logged_in = False
        self.held = b""
        """What an act keeps for later."""

    async def run(self) -> None:
        """The whole connection; raises Left or ConnectionError when it is over."""
        await self.step("accept")
        if self.role.tls_start is TlsStart.IMPLICIT:
            await self.step("handshake")
        await self.step("greeting")
        answer = {
            Protocol.SMTP: self._smtp,
            Protocol.IMAP: self._imap,
            Protocol.POP3: self._pop3,
            Protocol.SIEVE: self._sieve,
        }[self.role.protocol]
        self._answer = answer
        while True:
            self.line = await self.wire.line()
            await self.step("command")

    async def step(self, name: str) -> None:
        act = self.acts.get(name)
        if act is not None:
            await act(self)
        else:
            await self.default(name)

    async def default(self, name: str) -> None:
        """The step as a good server takes it; for acts that only delay it or look at it."""
        match name:
            case "greeting":
                await self.wire.send(self._greeting() % HOST.encode())
            case "command":
                await self._answer(self.line)
            case "handshake":
                await self.wire.handshake(self.context)
            case "starttls":
                await self.wire.send(self._go_ahead())
            case "capabilities":
                await self.wire.send(self._capabilities())
            case "mail":
                # On port 25 anyone may begin; the recipient decides.
                if self.logged_in:
                    await self._say("250 2.1.0 ok" if _path(self.line) == USER else "553 5.7.1 not your address")
                    return
                await self._say("250 2.1.0 ok" if self.role is Role.MX else "530 5.7.0 authentication required")
            case "rcpt":
                local, _, domain = _path(self.line).rpartition("@")
                if (
                    self.logged_in
                    or _path(self.line) == "postmaster"
                    or (domain.endswith(HOST.partition(".")[2]) and local in _MAILBOXES)
                ):
                    await self._say("250 2.1.5 ok")
                elif domain.endswith(HOST.partition(".")[2]):
                    await self._say("550 5.1.1 no such mailbox")
                else:
                    await self._say("554 5.7.1 relay access denied")
            case "auth":
                await self._auth()
            case "quit":
                await self._say("221 2.0.0 bye")
                raise Left

    async def _say(self, text: str) -> None:
        await self.wire.send(text.encode() + b"\r\n")

    def _greeting(self) -> bytes:
        if self.wire.inside_tls and self.role.protocol is Protocol.IMAP:
            return _GREETING_IMAP_INSIDE
        if self.wire.inside_tls and self.role.protocol is Protocol.SIEVE:
            return _SIEVE_INSIDE
        return _GREETINGS[self.role.protocol]

    def _go_ahead(self) -> bytes:
        return {
            Protocol.SMTP: b"220 2.0.0 go ahead\r\n",
            Protocol.IMAP: self.line.split(b" ")[0] + b" OK begin\r\n",
            Protocol.POP3: b"+OK begin\r\n",
            Protocol.SIEVE: b'OK "begin"\r\n',
        }[self.role.protocol]

    def _capabilities(self) -> bytes:
        inside = self.wire.inside_tls
        match self.role.protocol:
            case Protocol.SMTP:
                words = [HOST, "PIPELINING", "SIZE 10240000", "8BITMIME"]
                words += [] if inside else ["STARTTLS"]
                words += ["AUTH PLAIN LOGIN"] if inside and self.role is not Role.MX else []
                words += ["ENHANCEDSTATUSCODES"]
                return "".join(f"250{' ' if w is words[-1] else '-'}{w}\r\n" for w in words).encode()
            case Protocol.IMAP:
                what = "AUTH=PLAIN" if inside else "STARTTLS LOGINDISABLED"
                return f"* CAPABILITY IMAP4rev1 {what}\r\n".encode() + self._tag() + b" OK done\r\n"
            case Protocol.POP3:
                what = "SASL PLAIN" if inside else "STLS"
                return f"+OK\r\nUIDL\r\n{what}\r\n.\r\n".encode()
            case Protocol.SIEVE:
                return (_SIEVE_INSIDE if inside else _GREETINGS[Protocol.SIEVE]) % HOST.encode()

    def _tag(self) -> bytes:
        return self.line.split(b" ")[0]

    async def _start_tls(self) -> None:
        await self.step("starttls")
        await self.step("handshake")
        if self.role.protocol is Protocol.SIEVE:
            await self.step("capabilities")  # RFC 5804 section 2.2: told again after TLS

    async def _smtp(self, line: bytes) -> None:
        verb, _, argument = line.partition(b" ")
        if b"\0" in line or b"\r" in line:
            await self._say("500 5.5.2 a control character")
            return
        match verb.upper():
            case b"EHLO":
                self.begun = False
                await self.step("capabilities")
            case b"HELO":
                self.begun = False
                await self._say(f"250 {HOST}")
            case b"STARTTLS" if argument and "starttls" not in self.acts:
                await self._say("501 5.5.4 no parameters here")
            case b"STARTTLS" if not self.wire.inside_tls:
                self.begun = False
                await self._start_tls()
            case b"MAIL":
                self.begun = True
                await self.step("mail")
            case b"RCPT" if self.begun:
                await self.step("rcpt")
            case b"AUTH" if self.wire.inside_tls and self.role is not Role.MX and not argument:
                await self._say("501 5.5.4 which mechanism?")
            case b"AUTH" if self.wire.inside_tls and self.role is not Role.MX and not self.logged_in:
                await self.step("auth")
            case b"RSET" | b"NOOP":
                self.begun = self.begun and verb.upper() == b"NOOP"
                await self._say("250 2.0.0 ok")
            case b"GET" | b"POST":
                await self._say("421 4.7.0 this is SMTP")
                raise Left
            case b"QUIT":
                await self.step("quit")
            case _:
                await self._say("503 5.5.1 not now")

    async def _imap(self, line: bytes) -> None:
        tag, _, rest = line.partition(b" ")
        match rest.split(b" ")[0].upper():
            case b"CAPABILITY":
                await self.step("capabilities")
            case b"STARTTLS" if not self.wire.inside_tls:
                await self._start_tls()
            case b"NOOP":
                await self.wire.send(tag + b" OK done\r\n")
            case b"LOGOUT":
                await self.wire.send(b"* BYE\r\n" + tag + b" OK bye\r\n")
                raise Left
            case _:
                await self.wire.send(tag + b" BAD not here\r\n")

    async def _pop3(self, line: bytes) -> None:
        match line.split(b" ")[0].upper():
            case b"CAPA":
                await self.step("capabilities")
            case b"STLS" if not self.wire.inside_tls:
                await self._start_tls()
            case b"QUIT":
                await self._say("+OK bye")
                raise Left
            case _:
                await self._say("-ERR not here")

    async def _sieve(self, line: bytes) -> None:
        match line.split(b" ")[0].upper():
            case b"CAPABILITY":
                await self.step("capabilities")
            case b"STARTTLS" if not self.wire.inside_tls:
                await self._start_tls()
            case b"LOGOUT":
                await self._say('OK "bye"')
                raise Left
            case _:
                await self._say('NO "not here"')

    async def credentials(self) -> tuple[bytes, bytes]:
        """What the client gives in AUTH PLAIN or LOGIN: its last raw line, and the password in it."""
        _, mechanism, *initial = self.line.split(b" ")
        if mechanism.upper() == b"PLAIN":
            if not initial:
                await self._say("334 ")
                initial = [await self.wire.line()]
            return initial[0], base64.b64decode(initial[0]).rpartition(b"\0")[2]
        if not initial:
            await self._say("334 VXNlcm5hbWU6")
            await self.wire.line()
        await self._say("334 UGFzc3dvcmQ6")
        raw = await self.wire.line()
        return raw, base64.b64decode(raw)

    async def _auth(self) -> None:
        _, password = await self.credentials()
        good = self.logged_in = password == PASSWORD.encode()
        await self._say(f"235 2.7.0 welcome {USER}" if good else "535 5.7.8 wrong user or password")
