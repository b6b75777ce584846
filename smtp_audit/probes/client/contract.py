"""How a program under audit is spoken to: where to connect by its environment, the message as JSON on standard input.

What the program does not map keeps the names of the standard's own service. The answer is its exit status, and a JSON
reply on standard output where it gives one.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from smtp_audit.configuration.model import ClientSettings
from smtp_audit.secret import Secret

ENVIRONMENT: Final[Mapping[str, str]] = {
    "host": "ENTERPRISE_SMTP_HOST",
    "port": "ENTERPRISE_SMTP_PORT",
    "user": "ENTERPRISE_SMTP_USER",
    "password": "ENTERPRISE_SMTP_PASS",
    "sender": "ENTERPRISE_FROM_EMAIL",
    "domain": "DOMAIN_NAME",
    "secure": "ENTERPRISE_SMTP_SECURE",
}
"""What a program is told, and the variable that it is told by, unless `[client.environment]` names another."""

FIELDS: Final = ("to", "cc", "reply_to", "subject", "html", "text", "template", "data", "options")
"""The fields of a message, unless `[client.message]` names others."""

TRUST_VARIABLES: Final = (
    "SSL_CERT_FILE",
    "NODE_EXTRA_CA_CERTS",
    "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
)
"""The variables by which runtimes learn of one more authority; each gets the traps' own."""

KEPT = (
    *("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "NODE_PATH", "GOPATH", "GOCACHE"),
    *("GEM_HOME", "GEM_PATH"),
)
"""Variables of ours that a program may need to start; no others reach it."""


@dataclass(frozen=True)
class Account:
    """Where to connect and who to be there."""

    host: str
    port: int
    user: str
    password: Secret
    sender: str
    implicit: bool = False
    """TLS begins with the first octet."""

    @property
    def domain(self) -> str:
        """The domain that the mail is from."""
        return self.sender.rpartition("@")[2]


@dataclass(frozen=True)
class Message:
    """A message to be sent, before the program's own names are put in."""

    to: tuple[str, ...] = ("recipient@recipient.example",)
    subject: str = "Quarterly figures"
    html: str | None = "<p>The figures are attached to the minutes.</p>"
    text: str | None = "The figures are attached to the minutes."
    more: Mapping[str, Any] = field(default_factory=dict)
    """Other fields of `FIELDS`, as JSON values."""
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    """What of it must not be in the program's output, by name: a token, for example."""


def unguessable() -> str:
    """What nobody else has, as a password or a token: 36 digits and small letters.

    Other characters would make verdicts a matter of luck: a dash at the beginning is an option where a program gives it
    to a command, and what is cut off there is no longer found in its output.
    """
    return secrets.token_hex(18)


def environment_for(
    settings: ClientSettings, account: Account, authority: Path, ours: Mapping[str, str], leave_out: str = ""
) -> dict[str, str]:
    """The environment of a run. `leave_out` is one of `ENVIRONMENT` that is not told (CLIENT-1)."""
    told = {
        "host": account.host,
        "port": str(account.port),
        "user": account.user,
        "password": account.password.get_secret_value(),
        "sender": account.sender,
        "domain": account.domain,
        "secure": "true" if account.implicit else "false",
    }
    kept = {name: ours[name] for name in KEPT if name in ours}
    trust = dict.fromkeys(TRUST_VARIABLES, str(authority))
    named = {
        settings.environment.get(name, ENVIRONMENT[name]): value for name, value in told.items() if name != leave_out
    }
    return {**kept, **trust, **settings.variables, **named}


def message_for(settings: ClientSettings, message: Message) -> bytes:
    """The message as the program gets it on standard input."""
    fields: dict[str, Any] = {"to": list(message.to), "subject": message.subject}
    fields |= {"html": message.html, "text": message.text}
    fields |= message.more
    named = {settings.message.get(name, name): value for name, value in fields.items() if value is not None}
    return json.dumps(named).encode() + b"\n"
