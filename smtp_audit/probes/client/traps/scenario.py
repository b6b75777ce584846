"""What a scenario is: data, and how a sound program answers to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from smtp_audit.facts.client import Duty, Group

Moment = Literal[
    "greeting", "ehlo", "starttls", "handshake", "tls-ehlo", "auth", "mail", "rcpt", "data", "content", "dot", "quit"
]
"""A point of the dialogue: before the server's answer to that.

`tls-ehlo` is the EHLO inside TLS, `content` the lines of a message.
"""


@dataclass(frozen=True)
class Manners:
    """What a server says. The defaults are a sound submission server; `{host}` is its name.

    `replies` are whole replies, line ends included, in place of the sound one at a moment. At `closes` it hangs up, at
    `hangs` it says nothing more. `begins_tls` false: it answers STARTTLS and goes on in clear text. `injected` is sent
    in clear text right behind the answer to STARTTLS, in one segment; in `fragments` of its own when that is set.
    `withholds` is how many seconds the first reply inside TLS comes late. `raw` is sent in place of a handshake.
    """

    capabilities: tuple[str, ...] = ("PIPELINING", "SIZE 10485760", "STARTTLS", "ENHANCEDSTATUSCODES", "8BITMIME")
    tls_capabilities: tuple[str, ...] = (
        "PIPELINING",
        "SIZE 10485760",
        "AUTH PLAIN LOGIN",
        "ENHANCEDSTATUSCODES",
        "8BITMIME",
    )
    replies: Mapping[Moment, str] = field(default_factory=dict)
    closes: Moment | None = None
    hangs: Moment | None = None
    hangs_up_behind: Moment | None = None
    """The moment whose reply is its last."""
    begins_tls: bool = True
    injected: str = ""
    fragments: bool = False
    withholds: float = 0.0
    raw: bytes = b""
    refused_recipients: int = 0
    """How many of the recipients are refused, from the first on."""
    once: tuple[Moment, ...] = ()
    """Moments whose reply of `replies` is given on the first connection only."""


@dataclass(frozen=True)
class Scenario:
    """One trap. `seconds` is how long a program may take after its first connection.

    `certificate` and `tls` name entries of `certificates.py` and of the TLS settings of `encryption.py`. `trusted`: its
    TLS is one that a program may give secrets to. `warns`: a program that falls for it is warned about: the severity is
    policy.
    """

    name: str
    group: Group
    duty: Duty
    told: str
    """What is wrong with this server, in a few words for the report."""
    implicit: bool = False
    certificate: str = "sound"
    tls: str = "modern"
    trusted: bool = True
    manners: Manners = Manners()
    seconds: float = 20.0
    warns: bool = False
