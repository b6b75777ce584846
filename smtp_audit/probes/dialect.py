"""The few words of SMTP, IMAP, POP3 and ManageSieve that an audit needs before and around TLS."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from functools import lru_cache

from smtp_audit.facts.endpoint import Protocol
from smtp_audit.facts.observation import Absence
from smtp_audit.facts.service import Reply
from smtp_audit.limits import MAX_REPLY_LINES
from smtp_audit.probes.smtp_reply import reply_line, whole_reply
from smtp_audit.probes.wire import Connection, PeerError, Throttled
from smtp_audit.wiretext import escape

NAMED_LENGTH = 120
"""Octets of a line that an error message quotes."""


class Dialect(ABC):
    """How one protocol greets, lists its capabilities and starts TLS."""

    starttls_name: str
    inside_question: bytes = b""
    """A command that changes nothing and is answered in any state, for a first word inside TLS; "" where the server
    speaks first."""

    def __init__(self, ehlo: str | None = None) -> None:
        self._ehlo = ehlo

    @abstractmethod
    async def greeting(self, connection: Connection) -> Reply:
        """The greeting. Raises PeerError(MALFORMED) when what comes is none of this protocol."""

    @abstractmethod
    async def capabilities(self, connection: Connection) -> tuple[str, ...]:
        """The capability lines, escaped."""

    @abstractmethod
    def offers_starttls(self, capabilities: tuple[str, ...]) -> bool:
        """Whether the command that starts TLS is announced."""

    @abstractmethod
    async def starttls(self, connection: Connection, behind: bytes = b"") -> Reply:
        """Send the command that starts TLS, with `behind` in the same segment."""

    @abstractmethod
    def mechanisms(self, capabilities: tuple[str, ...]) -> tuple[str, ...]:
        """The ways to log in that are announced, upper case."""

    def mechanisms_of_greeting(self, greeting: Reply) -> tuple[str, ...]:  # noqa: ARG002 (the interface)
        """The ways to log in that the greeting alone announces."""
        return ()

    @abstractmethod
    async def command(self, connection: Connection, text: str, shown: str | None = None) -> Reply:
        """Send one command and read the answer to it; `shown` stands for the text in the transcript.

        Lines that belong to the answer and come before its status are the first of the reply.
        """

    @abstractmethod
    async def quit(self, connection: Connection) -> None:
        """Say goodbye; the answer is not waited for."""

    async def capabilities_after_tls(self, connection: Connection) -> tuple[str, ...]:
        """The capability lines inside TLS."""
        return await self.capabilities(connection)

    injected: bytes
    """A command without effect to stand behind STARTTLS in one segment; an answer to it inside TLS can be told."""

    def answer_to_injected(self, lines: list[bytes]) -> bytes:
        """Of the lines inside TLS up to the end of a goodbye, the one that answers `injected`; empty if none does."""
        return next((line for line in lines if b"x7f1" in line), b"")

    def says_goodbye(self, line: bytes) -> bool:  # noqa: ARG002 (the interface)
        """Whether nothing comes behind this line of an answer to a goodbye; where that cannot be told, never."""
        return False

    def busy_in_clear(self, octets: bytes) -> bool:  # noqa: ARG002 (the interface)
        """Whether these first octets, where TLS had to begin, say in clear that the server does not serve for now."""
        return False

    def accepted(self, reply: Reply) -> bool:
        """Whether a reply says yes."""
        return reply.code in ("OK", "+OK", "PREAUTH") or reply.code.startswith("2")

    def temporary(self, reply: Reply) -> bool:
        """Whether a reply says no for now (RFC 5321 section 4.2.1)."""
        return reply.code.startswith("4")

    def turned_away(self, reply: Reply) -> bool:
        """Whether a greeting says that this client is not served."""
        return not self.accepted(reply)


def _malformed(what: str, line: bytes) -> PeerError:
    return PeerError(Absence.MALFORMED, f"{what}: {escape(line, NAMED_LENGTH)}")


_LOGIN_LINE = re.compile(r"AUTH(?:[ =]|\\x09)", re.IGNORECASE)


@lru_cache(maxsize=32)
def _keywords(capabilities: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """The announced keywords with their parameters, upper case; hundreds of visits see the same ones.

    Tabs (escaped by then) and commas part words too: a client that is lenient takes what a careless server meant.
    """
    # The first line is the greeting (RFC 5321 section 4.1.1.1), unless a careless server offers logins in it.
    first = capabilities[:1] if capabilities and _LOGIN_LINE.match(capabilities[0]) else ()
    lines = [line.upper().replace("\\X09", " ").replace(",", " ") for line in (*first, *capabilities[1:])]
    return tuple(tuple(line.split()) for line in lines if line.strip())


class Smtp(Dialect):
    """RFC 5321 with RFC 3207 and RFC 4954."""

    starttls_name = "STARTTLS"
    inside_question = b"NOOP\r\n"
    injected = b"NOOP\r\n"

    def answer_to_injected(self, lines: list[bytes]) -> bytes:
        return lines[0] if lines and not self.says_goodbye(lines[0]) else b""

    def says_goodbye(self, line: bytes) -> bool:
        return line.startswith(b"221 ")

    def busy_in_clear(self, octets: bytes) -> bool:
        """Exim's daemon, for one, says 421 before it lets a process of its own begin TLS."""
        found = reply_line(octets.partition(b"\n")[0].removesuffix(b"\r"))
        return found is not None and found[0].startswith("4")

    async def reply(self, connection: Connection) -> Reply:
        """One reply, on a connection that goes on.

        Raises:
            Throttled: the reply is 421.
        """
        reply = await self.any_reply(connection)
        if reply.code == "421":
            # RFC 5321 section 3.8: whatever was asked, the server is closing the channel for now.
            raise Throttled(f"answered {reply}")
        return reply

    async def any_reply(self, connection: Connection, broken_off: list[Reply] | None = None) -> Reply:
        """One reply of one or more lines (RFC 5321 section 4.2.1), 421 included.

        A greeting that goes on with another code is put into `broken_off`, where that is given: postscreen says no last
        line to those who did not wait for it, and answers what they have said.
        """
        octets = await connection.waiting()
        if (whole := whole_reply(octets)) is not None:
            connection.take(octets)
            return whole
        code = ""
        lines: list[str] = []
        while True:
            raw = await connection.line()
            found = reply_line(raw)
            if found is None:
                raise _malformed("not an SMTP reply", raw)
            this, goes_on, text = found
            if code == "220" != this and broken_off is not None:
                broken_off.append(Reply(code=code, lines=tuple(lines)))
                lines = []
            elif code and this != code:
                raise _malformed(f"reply code changes from {code} within one reply", raw)
            code = this
            lines.append(text)
            if not goes_on:
                return Reply(code=code, lines=tuple(lines))
            if len(lines) >= MAX_REPLY_LINES:
                raise PeerError(Absence.EXCESSIVE, f"a reply of more than {MAX_REPLY_LINES} lines")

    async def greeting(self, connection: Connection) -> Reply:
        return await self.reply(connection)

    async def command(self, connection: Connection, text: str, shown: str | None = None) -> Reply:
        await connection.send(text.encode() + b"\r\n", shown=shown)
        return await self.reply(connection)

    def name(self, connection: Connection) -> str:
        """What we call ourselves: the name given, or the address literal of our own end (RFC 5321 section 4.1.3)."""
        if self._ehlo:
            return self._ehlo
        local = connection.local_address.partition("%")[0]
        return f"[IPv6:{local}]" if ":" in local else f"[{local}]"

    async def capabilities(self, connection: Connection) -> tuple[str, ...]:
        reply = await self.command(connection, f"EHLO {self.name(connection)}")
        if self.accepted(reply):
            return reply.lines
        if self.temporary(reply):
            raise PeerError(Absence.REFUSED_SERVICE, f"EHLO was answered {reply}")
        # RFC 5321 section 3.2: a server without extensions is greeted with HELO; it offers nothing.
        reply = await self.command(connection, f"HELO {self.name(connection)}")
        if self.accepted(reply):
            return reply.lines[:1]
        raise PeerError(Absence.REFUSED_SERVICE, f"EHLO and HELO are refused: {reply}")

    def offers_starttls(self, capabilities: tuple[str, ...]) -> bool:
        return any(words[0] == "STARTTLS" for words in _keywords(capabilities))

    async def starttls(self, connection: Connection, behind: bytes = b"") -> Reply:
        await connection.send(b"STARTTLS\r\n" + behind)
        return await self.reply(connection)

    def mechanisms(self, capabilities: tuple[str, ...]) -> tuple[str, ...]:
        found: list[str] = []
        for words in _keywords(capabilities):
            # "AUTH=PLAIN" is the form from before RFC 2554 that some servers still send beside the other.
            if words[0] == "AUTH":
                found += words[1:]
            elif words[0].startswith("AUTH="):
                found += [words[0][5:], *words[1:]]
        return tuple(dict.fromkeys(word for word in found if word))

    async def quit(self, connection: Connection) -> None:
        await connection.send(b"QUIT\r\n")


class Imap(Dialect):
    """RFC 9051 (and RFC 3501)."""

    starttls_name = "STARTTLS"
    inside_question = b"n1 NOOP\r\n"
    injected = b"x7f1 NOOP\r\n"

    def __init__(self, ehlo: str | None = None) -> None:
        super().__init__(ehlo)
        self._tag = 0

    async def greeting(self, connection: Connection) -> Reply:
        raw = await connection.line()
        found = re.fullmatch(rb"\* (OK|PREAUTH|BYE)(?: (.*))?", raw, re.DOTALL | re.IGNORECASE)
        if found is None:
            raise _malformed("not an IMAP greeting", raw)
        return Reply(code=found[1].decode().upper(), lines=(escape(found[2] or b""),))

    async def command(self, connection: Connection, text: str, shown: str | None = None) -> Reply:
        untagged, reply = await self._command(connection, text, shown=shown)
        return Reply(code=reply.code, lines=(*(escape(line) for line in untagged), *reply.lines))

    async def _command(
        self, connection: Connection, text: str, behind: bytes = b"", shown: str | None = None
    ) -> tuple[list[bytes], Reply]:
        self._tag += 1
        tag = f"a{self._tag}".encode()
        told = None if shown is None else f"{tag.decode()} {shown}"
        await connection.send(tag + b" " + text.encode() + b"\r\n" + behind, shown=told)
        untagged: list[bytes] = []
        while True:
            raw = await connection.line()
            if raw.startswith(tag + b" "):
                code, _, rest = raw[len(tag) + 1 :].partition(b" ")
                return untagged, Reply(code=escape(code.upper()), lines=(escape(rest),))
            if not raw.startswith((b"* ", b"+ ")):
                raise _malformed("not an IMAP response", raw)
            untagged.append(raw)
            if len(untagged) > MAX_REPLY_LINES:
                raise PeerError(Absence.EXCESSIVE, f"a response of more than {MAX_REPLY_LINES} lines")

    async def capabilities(self, connection: Connection) -> tuple[str, ...]:
        untagged, reply = await self._command(connection, "CAPABILITY")
        if reply.code != "OK":
            raise PeerError(Absence.REFUSED_SERVICE, f"CAPABILITY was answered {reply}")
        lines = [raw[2:] for raw in untagged if raw[2:].upper().startswith(b"CAPABILITY")]
        if not lines:
            raise PeerError(Absence.MALFORMED, "CAPABILITY was answered without capabilities")
        return tuple(escape(line) for line in lines)

    def _words(self, capabilities: tuple[str, ...]) -> list[str]:
        return [word for line in capabilities for word in line.upper().split()[1:]]

    def offers_starttls(self, capabilities: tuple[str, ...]) -> bool:
        return "STARTTLS" in self._words(capabilities)

    async def starttls(self, connection: Connection, behind: bytes = b"") -> Reply:
        return (await self._command(connection, "STARTTLS", behind))[1]

    def mechanisms(self, capabilities: tuple[str, ...]) -> tuple[str, ...]:
        words = self._words(capabilities)
        found = [word[5:] for word in words if word.startswith("AUTH=")]
        # RFC 9051 section 6.2.3: LOGIN is there unless LOGINDISABLED is announced.
        if "LOGINDISABLED" not in words:
            found.append("LOGIN-COMMAND")
        return tuple(dict.fromkeys(found))

    async def quit(self, connection: Connection) -> None:
        self._tag += 1
        await connection.send(f"a{self._tag} LOGOUT\r\n".encode())


_POP3_TEMPORARY = ("[SYS/", "[IN-USE]", "[LOGIN-DELAY]")
"""Response codes of errors that say nothing about the command (RFC 2449 section 8.1, RFC 3206 section 4)."""


class Pop3(Dialect):
    """RFC 1939 with RFC 2449 (CAPA) and RFC 2595 (STLS)."""

    starttls_name = "STLS"
    inside_question = b"NOOP\r\n"  # an error before the login, and an answer all the same
    injected = b"NOOP\r\n"

    def answer_to_injected(self, lines: list[bytes]) -> bytes:
        # The goodbye has one line (RFC 1939 section 6), and looks like the answer to any other command.
        return lines[0] if len(lines) > 1 else b""

    def mechanisms_of_greeting(self, greeting: Reply) -> tuple[str, ...]:
        # RFC 1939 section 7: a timestamp in the greeting, in the form of a message id, is the offer of APOP.
        return ("APOP",) if any(re.search(r"<[^<>@ ]+@[^<>@ ]+>", line) for line in greeting.lines) else ()

    async def _status(self, connection: Connection) -> Reply:
        raw = await connection.line()
        found = re.fullmatch(rb"(\+OK|-ERR)(?: (.*))?", raw, re.DOTALL | re.IGNORECASE)
        if found is None:
            raise _malformed("not a POP3 response", raw)
        return Reply(code=found[1].decode().upper(), lines=(escape(found[2] or b""),))

    async def command(self, connection: Connection, text: str, shown: str | None = None) -> Reply:
        await connection.send(text.encode() + b"\r\n", shown=shown)
        return await self._status(connection)

    async def greeting(self, connection: Connection) -> Reply:
        return await self._status(connection)

    async def capabilities(self, connection: Connection) -> tuple[str, ...]:
        await connection.send(b"CAPA\r\n")
        status = await self._status(connection)
        if any(line.upper().startswith(_POP3_TEMPORARY) for line in status.lines):
            raise PeerError(Absence.REFUSED_SERVICE, f"CAPA was answered {status}")
        if status.code != "+OK":
            # RFC 2449 is optional; a server without it has USER and PASS (RFC 1939 section 7) and no STLS.
            return ("USER",)
        lines: list[str] = []
        while (raw := await connection.line()) != b".":
            lines.append(escape(raw))
            if len(lines) > MAX_REPLY_LINES:
                raise PeerError(Absence.EXCESSIVE, f"a response of more than {MAX_REPLY_LINES} lines")
        return tuple(lines)

    def offers_starttls(self, capabilities: tuple[str, ...]) -> bool:
        return any(line.upper().split()[:1] == ["STLS"] for line in capabilities)

    async def starttls(self, connection: Connection, behind: bytes = b"") -> Reply:
        await connection.send(b"STLS\r\n" + behind)
        return await self._status(connection)

    def mechanisms(self, capabilities: tuple[str, ...]) -> tuple[str, ...]:
        found: list[str] = []
        for line in capabilities:
            words = line.upper().split()
            if words[:1] == ["SASL"]:
                found += words[1:]
            elif words[:1] == ["USER"]:
                found.append("USER-COMMAND")
        return tuple(dict.fromkeys(found))

    async def quit(self, connection: Connection) -> None:
        await connection.send(b"QUIT\r\n")


_SIEVE_STATUS = re.compile(rb"(OK|NO|BYE)(?:[ ].*)?", re.DOTALL | re.IGNORECASE)


class Sieve(Dialect):
    """ManageSieve, RFC 5804."""

    starttls_name = "STARTTLS"
    injected = b'NOOP "x7f1"\r\n'  # section 2.13: the answer repeats the text

    def __init__(self, ehlo: str | None = None) -> None:
        super().__init__(ehlo)
        self._greeted: tuple[str, ...] = ()

    async def _listing(self, connection: Connection) -> tuple[tuple[str, ...], Reply]:
        lines: list[str] = []
        while True:
            raw = await connection.line()
            found = _SIEVE_STATUS.fullmatch(raw)
            if found is not None:
                code = found[1].decode().upper()
                return tuple(lines), Reply(code=code, lines=(escape(raw[len(code) :].strip()),))
            if not raw.startswith(b'"'):
                raise _malformed("not a ManageSieve response", raw)
            lines.append(escape(raw))
            if len(lines) > MAX_REPLY_LINES:
                raise PeerError(Absence.EXCESSIVE, f"a response of more than {MAX_REPLY_LINES} lines")

    async def command(self, connection: Connection, text: str, shown: str | None = None) -> Reply:
        await connection.send(text.encode() + b"\r\n", shown=shown)
        listing, reply = await self._listing(connection)
        return Reply(code=reply.code, lines=(*listing, *reply.lines))

    async def greeting(self, connection: Connection) -> Reply:
        self._greeted, reply = await self._listing(connection)
        return Reply(code=reply.code, lines=(*self._greeted, *reply.lines))

    async def capabilities(self, connection: Connection) -> tuple[str, ...]:  # noqa: ARG002 (the interface)
        # RFC 5804 section 1.7: the greeting is the capability listing.
        return self._greeted

    async def capabilities_after_tls(self, connection: Connection) -> tuple[str, ...]:
        # RFC 5804 section 2.2: the server sends its capabilities again by itself after STARTTLS.
        listing, reply = await self._listing(connection)
        if reply.code != "OK":
            raise PeerError(Absence.REFUSED_SERVICE, f"the capabilities inside TLS ended with {reply}")
        return listing

    def _words(self, line: str) -> list[str]:
        return [a or b for a, b in re.findall(r'"([^"]*)"|(\S+)', line.upper())]

    def offers_starttls(self, capabilities: tuple[str, ...]) -> bool:
        return any(self._words(line)[:1] == ["STARTTLS"] for line in capabilities)

    async def starttls(self, connection: Connection, behind: bytes = b"") -> Reply:
        await connection.send(b"STARTTLS\r\n" + behind)
        return (await self._listing(connection))[1]

    def mechanisms(self, capabilities: tuple[str, ...]) -> tuple[str, ...]:
        found: list[str] = []
        for line in capabilities:
            words = self._words(line)
            if words[:1] == ["SASL"]:
                found += [name for word in words[1:] for name in word.split()]
        return tuple(dict.fromkeys(found))

    async def quit(self, connection: Connection) -> None:
        await connection.send(b"LOGOUT\r\n")


_DIALECTS: dict[Protocol, type[Dialect]] = {
    Protocol.SMTP: Smtp,
    Protocol.IMAP: Imap,
    Protocol.POP3: Pop3,
    Protocol.SIEVE: Sieve,
}


def dialect_for(protocol: Protocol, ehlo: str | None = None) -> Dialect:
    """A fresh dialect for one connection."""
    return _DIALECTS[protocol](ehlo)
