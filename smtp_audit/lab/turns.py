"""An SMTP server that hears a client only when it is the client's turn, and only lines that end in CR LF."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from aiosmtpd.smtp import SMTP

GREETING_PAUSE = 0.1
"""Seconds before the greeting, in which those who cannot wait give themselves away."""

_LAST_OF_A_GROUP = re.compile(
    rb"(?:HELO|EHLO|DATA|VRFY|EXPN|NOOP|QUIT|AUTH|STARTTLS)\b[^\n]*\n.", re.IGNORECASE | re.DOTALL
)
"""A command whose reply has to be waited for (RFC 2920 section 3.1), and something behind it."""
_BARE_LF = re.compile(rb"(?<!\r)\n")


class InTurn(SMTP):
    """aiosmtpd reads whatever comes, whenever it comes; this one hangs up on clients that run ahead.

    Args:
        strict: it does; else it hears everybody, and takes LF for a line end inside of messages, too.
    """

    def __init__(self, *arguments: Any, strict: bool, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._strict = strict
        self._greeted = False
        self._in_message = False
        self._cr = b""

    async def _handle_client(self) -> None:
        if self._strict:
            await asyncio.sleep(GREETING_PAUSE)
        self._greeted = True
        await super()._handle_client()

    def data_received(self, data: bytes) -> None:
        """Look at what came before it is taken apart into commands."""
        complaint = ""
        if not self._strict:
            if self._in_message:
                # What "friendly" servers do with line ends, and how messages are smuggled through them.
                data = _BARE_LF.sub(b"\r\n", self._cr + data)[len(self._cr) :]
        elif not self._in_message:
            complaint = self._complaint(data)
        self._cr = data[-1:] if data.endswith(b"\r") else b""
        if not complaint:
            super().data_received(data)
        elif self.transport is not None and not self.transport.is_closing():
            self._writer.write(complaint.encode() + b"\r\n")
            self.transport.close()

    async def smtp_DATA(self, arg: str) -> None:
        """What a message is made of are no commands."""
        self._in_message = True
        try:
            await super().smtp_DATA(arg)
        finally:
            self._in_message = False

    def _complaint(self, data: bytes) -> str:
        if not self._greeted:
            return "554 5.5.0 Wait for the greeting"
        # The CR may have been the last octet of what came before.
        if _BARE_LF.search(self._cr + data):
            return "521 5.5.2 A command ends with CR LF"
        if any(_LAST_OF_A_GROUP.match(data, start) for start in _line_starts(data)):
            return "554 5.5.0 Wait for the reply"
        return ""


def _line_starts(data: bytes) -> tuple[int, ...]:
    return 0, *(found.end() for found in re.finditer(rb"\n", data))
