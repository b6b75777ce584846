"""What a scenario is: data, and how a sound program answers to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

Group = Literal[
    "controls",
    "negotiation",
    "injection",
    "certificates",
    "tls",
    "authentication",
    "faults",
    "hangs",
    "syntax",
    "implicit",
]


class Duty(StrEnum):
    """What a sound program does."""

    DELIVER = "deliver"
    """The server is sound, if unusual: the message arrives, and the program says so."""
    REFUSE = "refuse"
    """Neither a secret nor a message is given, and the program reports failure."""
    REPORT = "report"
    """The message cannot arrive: the program reports failure; what it showed before is no fault."""
    EITHER = "either"
    """Both are sound; what counts is that claim and delivery agree."""


@dataclass(frozen=True)
class Scenario:
    """One trap. `seconds` is how long a program may take after its first connection.

    `certificate` and `tls` name entries of `certificates.py` and of the engine's TLS settings; `behaviour` names what
    the server does, with `parameters`. `warns`: a program that falls for it is warned about: the severity is policy.
    """

    name: str
    group: Group
    duty: Duty
    told: str
    """What is wrong with this server, in a few words for the report."""
    implicit: bool = False
    certificate: str = "sound"
    tls: str = "modern"
    behaviour: str = "sound"
    parameters: dict[str, Any] = field(default_factory=dict)
    seconds: float = 20.0
    warns: bool = False
