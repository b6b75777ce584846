"""Facts about a service before and around TLS: port, greeting, capabilities, STARTTLS."""

from enum import StrEnum
from typing import ClassVar

from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.observation import Facts
from smtp_audit.frozen import Frozen


class PortFacts(Facts):
    """Whether the port takes connections. A time-out is no fact: the observation is absent then."""

    kind: ClassVar[str] = "port"

    role: Role
    declared: bool
    open: bool


class Reply(Frozen):
    """One reply of a server: the code (SMTP: three digits; IMAP, POP3, ManageSieve: OK, NO, BAD, +OK, -ERR) and its
    lines.

    Lines are escaped text without line end and, for SMTP, without the code.
    """

    code: str
    lines: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.code} {' / '.join(self.lines)}".strip()


class FirstWords(StrEnum):
    """What the server does first on a fresh connection."""

    CLEAR_GREETING = "clear_greeting"
    """It greets in clear text."""
    TLS = "tls"
    """It says nothing and answers a ClientHello with a ServerHello or a TLS alert."""
    OTHER = "other"
    """It sends something that is no greeting of its protocol."""


class GreetingFacts(Facts):
    """The greeting, in clear or (implicit TLS) inside TLS.

    `first` is what came on the bare connection; `reply` is the greeting of the protocol wherever it came (None when
    there was none); `fault` says what is wrong with its form, if anything. `seconds` is the wait for it.
    """

    kind: ClassVar[str] = "greeting"

    role: Role
    first: FirstWords
    reply: Reply | None = None
    fault: str = ""
    seconds: float


class CapabilityFacts(Facts):
    """The capabilities announced before and inside TLS, as escaped lines; None where that state was not reached.

    A line is what the protocol has, with the server's own capitals and nothing taken apart:

    - SMTP: the text of each line of the reply to EHLO after its code. The first is the greeting and no capability:
      ``mail.example.com``, ``SIZE 10240000``, ``STARTTLS`` (RFC 5321 section 4.1.1.1). A server that knows HELO only
      gives that first line alone.
    - IMAP: the untagged response without its ``*``: ``CAPABILITY IMAP4rev1 STARTTLS`` (RFC 3501 section 7.2.1).
    - POP3: the lines of the answer to CAPA, without the status before and the dot behind them: ``STLS``,
      ``SASL PLAIN`` (RFC 2449 section 5). A server without CAPA gives ``USER``.
    - ManageSieve: quoted strings: ``"SASL" "PLAIN LOGIN"``, ``"STARTTLS"`` (RFC 5804 section 1.7).
    """

    kind: ClassVar[str] = "capability"

    role: Role
    before_tls: tuple[str, ...] | None = None
    after_tls: tuple[str, ...] | None = None


class StarttlsFacts(Facts):
    """STARTTLS (SMTP, IMAP, ManageSieve) or STLS (POP3).

    `offered`: announced. `reply`: the answer to the command, None when it was not sent. `tried`: how many times.
    `handshake`: True when a TLS session was set up, False when the handshake ended with `handshake_error`, None when it
    was not begun.
    """

    kind: ClassVar[str] = "starttls"

    offered: bool
    reply: Reply | None = None
    accepted: bool = False
    tried: int = 0
    handshake: bool | None = None
    handshake_error: str = ""


class ImplicitTlsFacts(Facts):
    """Implicit TLS (RFC 8314 section 3): whether a handshake with the first octet works, or clear text is spoken."""

    kind: ClassVar[str] = "implicit_tls"

    handshake: bool
    handshake_error: str = ""
    clear_text: str | None = None
    """What the server said in clear text on the bare connection, if it did."""
