"""The scripted server's end of a connection: octets, lines and replies."""

import socket
import ssl
from dataclasses import dataclass, field
from pathlib import Path

_BLOCK = 65536


@dataclass
class Site:
    """One listening socket: who answers there, and what came in."""

    address: str
    port: int
    host: str
    """What the server calls itself."""
    role: str
    """mx, submission, submissions, or one of those for mailboxes."""
    context: ssl.SSLContext
    messages: Path
    """The folder of accepted messages."""
    failures: dict[str, int] = field(default_factory=dict)
    """Wrong passwords, by user: shared by all connections."""
    sink: tuple[str, int] = ("", 0)
    """Where mail for SINK goes."""
    talking: set[object] = field(default_factory=set)
    """The conversations under way; all clients of the lab are one."""

    @property
    def submission(self) -> bool:
        """Whether mail is taken from those who have logged in, to anybody."""
        return self.role in ("submission", "submissions")


class Over(Exception):
    """The connection has ended, or is to end."""


@dataclass
class Transaction:
    """What MAIL and RCPT have said so far (RFC 5321 section 3.3)."""

    sender: str
    recipients: list[str] = field(default_factory=list)
    utf8: bool = False


class Refused(Exception):
    """A command is answered with this reply."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code} {text}")
        self.code = code
        self.text = text


class Wire:
    """One connection, and what the server knows about its client."""

    longest_command = 2048
    """Octets of a command line; RFC 5321 section 4.5.3.1.4 asks for 512 at least, and extensions add to it."""
    idle_seconds = 300.0

    def __init__(self, connection: socket.socket, site: Site) -> None:
        self.socket = connection
        self.site = site
        self.rest = b""
        """What was read and not yet looked at."""
        self.errors = 0
        self.wrong_passwords = 0
        self.greeted = ""
        """The name in EHLO or HELO, and "" before it."""
        self.extended = False
        """Whether it was EHLO."""
        self.user = ""
        """Who has logged in."""
        self.transaction: Transaction | None = None

    def run(self) -> None:
        """Everything from the first octet to the last."""
        raise NotImplementedError

    @property
    def inside_tls(self) -> bool:
        return isinstance(self.socket, ssl.SSLSocket)

    def fill(self) -> None:
        """Wait for more octets."""
        self.socket.settimeout(self.idle_seconds)
        try:
            got = self.socket.recv(_BLOCK)
        except TimeoutError:
            self.reply(421, f"4.4.2 {self.site.host} too long without a command")
            raise Over from None
        if not got:
            raise Over
        self.rest += got

    def next_line(self, longest: int) -> bytes:
        """The next line without its CRLF; raises Refused when it is too long, and skips it."""
        skipped = False
        while (end := self.rest.find(b"\r\n")) < 0:
            if len(self.rest) > longest:
                # A CR at the end may be the first half of the line's.
                self.rest, skipped = self.rest[-1:], True
            self.fill()
        line, self.rest = self.rest[:end], self.rest[end + 2 :]
        if skipped or len(line) > longest:
            raise Refused(500, "5.5.6 line too long")
        return line

    def send(self, octets: bytes) -> None:
        self.socket.sendall(octets)

    def reply(self, code: int, *lines: str) -> None:
        """One reply of one or more lines (RFC 5321 section 4.2.1)."""
        parts = [f"{code}-{line}\r\n" for line in lines[:-1]] + [f"{code} {lines[-1]}\r\n"]
        self.send("".join(parts).encode())
