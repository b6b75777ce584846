"""The subjects of an audit: an endpoint (host, port, role) and a mail domain."""

import ipaddress
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import Field

from smtp_audit.frozen import Frozen


class Protocol(StrEnum):
    """The application protocol of an endpoint."""

    SMTP = "smtp"
    IMAP = "imap"
    POP3 = "pop3"
    SIEVE = "sieve"


class TlsStart(StrEnum):
    """How TLS begins: by command in a clear-text session, or with the first octet (RFC 8314 section 3)."""

    STARTTLS = "starttls"
    IMPLICIT = "implicit"


class Role(StrEnum):
    """What an endpoint is for."""

    MX = "mx"
    SUBMISSION = "submission"
    SUBMISSIONS = "submissions"
    IMAP = "imap"
    IMAPS = "imaps"
    POP3 = "pop3"
    POP3S = "pop3s"
    SIEVE = "sieve"

    @property
    def protocol(self) -> Protocol:
        """The protocol spoken in this role."""
        return _PROTOCOLS[self]

    @property
    def tls_start(self) -> TlsStart:
        """How TLS begins in this role."""
        return TlsStart.IMPLICIT if self in IMPLICIT_TLS_ROLES else TlsStart.STARTTLS

    @property
    def standard_port(self) -> int:
        """The port registered for this role (RFC 5321, 6409, 8314, 9051, 1939, 5804)."""
        return _PORTS[self]


_PORTS = {
    Role.MX: 25,
    Role.SUBMISSION: 587,
    Role.SUBMISSIONS: 465,
    Role.IMAPS: 993,
    Role.IMAP: 143,
    Role.POP3: 110,
    Role.POP3S: 995,
    Role.SIEVE: 4190,
}
_PROTOCOLS = {
    Role.MX: Protocol.SMTP,
    Role.SUBMISSION: Protocol.SMTP,
    Role.SUBMISSIONS: Protocol.SMTP,
    Role.IMAP: Protocol.IMAP,
    Role.IMAPS: Protocol.IMAP,
    Role.POP3: Protocol.POP3,
    Role.POP3S: Protocol.POP3,
    Role.SIEVE: Protocol.SIEVE,
}

ALL_ROLES = frozenset(Role)
IMPLICIT_TLS_ROLES = frozenset({Role.SUBMISSIONS, Role.IMAPS, Role.POP3S})
STARTTLS_ROLES = ALL_ROLES - IMPLICIT_TLS_ROLES
SUBMISSION_ROLES = frozenset({Role.SUBMISSION, Role.SUBMISSIONS})
SMTP_ROLES = SUBMISSION_ROLES | {Role.MX}
MAILBOX_ROLES = ALL_ROLES - SMTP_ROLES

STANDARD_PORTS = {port: role for role, port in _PORTS.items()}
"""The ports that are looked at when no endpoint is named, in that order, with the role each has."""


@lru_cache(maxsize=64)
def is_address(host: str) -> bool:
    """Whether `host` is an IP address rather than a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


class Endpoint(Frozen):
    """One host, port and role. `address`, if given, is connected to instead of what `host` resolves to.

    `declared` is true when the user named this endpoint (and so says that it exists), false when it is one of the
    standard ports that are looked at.
    """

    kind: Literal["endpoint"] = "endpoint"
    role: Role
    host: str
    port: Annotated[int, Field(ge=1, le=65535)]
    address: str | None = None
    declared: bool = True
    shared_name: bool = False
    """Another endpoint of the audit has the same host and port and differs in the address only."""

    @property
    def key(self) -> str:
        """The name of this subject in records: `host:port`, and the address where that alone is ambiguous."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}" + (f"@{self.address}" if self.shared_name else "")

    @property
    def group(self) -> str:
        """What the subject belongs to in trees and node ids: the host."""
        return self.host

    @property
    def label(self) -> str:
        """What tells this subject from others of its group."""
        return f"{self.port}" + (f"@{self.address}" if self.shared_name else "")

    @property
    def protocol(self) -> Protocol:
        """The protocol of the role."""
        return self.role.protocol

    @property
    def tls_start(self) -> TlsStart:
        """How TLS begins on this endpoint."""
        return self.role.tls_start

    @property
    def server_name(self) -> str | None:
        """The name for SNI (RFC 6066 section 3: never an address)."""
        return None if is_address(self.host) else self.host


class Domain(Frozen):
    """A mail domain."""

    kind: Literal["domain"] = "domain"
    name: str

    @property
    def key(self) -> str:
        """The name of this subject in records."""
        return self.name

    @property
    def group(self) -> str:
        """What the subject belongs to in trees and node ids: itself."""
        return self.name

    @property
    def label(self) -> str:
        """A domain needs no label within its group."""
        return ""
