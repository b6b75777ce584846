"""The door of an IMAP server: greeting, capabilities and login, and nothing behind it (RFC 9051, 6.1 and 6.2)."""

from __future__ import annotations

import asyncio
import base64
import binascii
import re

from smtp_audit.lab.mail import Account

_LINE_OCTETS = 8192
_IDLE_SECONDS = 60
_QUOTED = rb'"((?:[^"\\\r\n]|\\["\\])*)"'
_LOGIN_ARGUMENTS = re.compile(rb'(?:%b|([^\s"]+)) (?:%b|([^\s"]+))' % (_QUOTED, _QUOTED))


class MailboxService:
    """Answers connections; for `asyncio.start_server`. Logins are taken on any connection it is given, TLS or not."""

    limit = _LINE_OCTETS

    def __init__(self, host: str, account: Account, mechanisms: tuple[str, ...]) -> None:
        self._host = host
        self._account = account
        self._capabilities = " ".join(("IMAP4rev1", "SASL-IR", *(f"AUTH={name}" for name in mechanisms)))

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, to its end."""
        try:
            await self._talk(reader, writer)
        except (OSError, EOFError, ValueError, TimeoutError):
            pass  # gone, silent, or with a line longer than the limit: there is nobody to tell
        finally:
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _say(writer, f"* OK [CAPABILITY {self._capabilities}] {self._host} smtp_audit lab")
        while True:
            line = await _line(reader)
            tag, _, rest = line.partition(b" ")
            command, _, arguments = rest.partition(b" ")
            for answer in await self._answer(command.upper(), arguments, reader, writer):
                await _say(writer, answer.replace("TAG", tag.decode("ascii", "replace"), 1))
            if command.upper() == b"LOGOUT":
                return

    async def _answer(
        self, command: bytes, arguments: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> tuple[str, ...]:
        match command:
            case b"CAPABILITY":
                return f"* CAPABILITY {self._capabilities}", "TAG OK done"
            case b"NOOP":
                return ("TAG OK done",)
            case b"LOGOUT":
                return "* BYE", "TAG OK done"
            case b"LOGIN":
                found = _LOGIN_ARGUMENTS.fullmatch(arguments)
                if found is None:
                    return ("TAG BAD LOGIN user password",)
                user, password = (_unquote(found, first) for first in (1, 3))
                return (self._verdict(user, password),)
            case b"AUTHENTICATE":
                return (await self._authenticate(arguments, reader, writer),)
            case _:
                return ("TAG BAD unknown command: this lab has no mailboxes",)

    async def _authenticate(self, arguments: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
        mechanism, _, initial = arguments.partition(b" ")
        if mechanism.upper() != b"PLAIN":
            return "TAG NO unsupported mechanism"
        if not initial:
            await _say(writer, "+ ")
            initial = await _line(reader)
        try:
            _, user, password = base64.b64decode(initial, validate=True).split(b"\0")  # RFC 4616 section 2
        except (binascii.Error, ValueError):
            return "TAG BAD not a PLAIN message"
        return self._verdict(user, password)

    def _verdict(self, user: bytes, password: bytes) -> str:
        if self._account.check(user, password):
            return "TAG OK logged in"
        return "TAG NO [AUTHENTICATIONFAILED] wrong user or password"


def _unquote(found: re.Match[bytes], first: int) -> bytes:
    quoted, atom = found[first], found[first + 1]
    return atom if quoted is None else re.sub(rb'\\(["\\])', rb"\1", quoted)


async def _line(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(_IDLE_SECONDS):
        return (await reader.readuntil(b"\n")).rstrip(b"\r\n")


async def _say(writer: asyncio.StreamWriter, text: str) -> None:
    writer.write(text.encode("ascii", "replace") + b"\r\n")
    await writer.drain()
