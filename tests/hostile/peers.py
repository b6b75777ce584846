"""What a peer is: a name, a role, the steps it takes its own way, and what an audit of it may say."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

from smtp_audit.facts.endpoint import Role
from smtp_audit.limits import Limits

from .dialogue import Act

SHORT = Limits(connect_seconds=1, greeting_seconds=2, reply_seconds=2, handshake_seconds=2, endpoint_seconds=12)
SILENT = SHORT.model_copy(update={"endpoint_seconds": 40})
"""For a peer whose every silence is waited for: eleven seconds of them, after which the rest has to be seen."""
PATIENT = Limits(connect_seconds=2, greeting_seconds=5, reply_seconds=5, handshake_seconds=5, endpoint_seconds=60)
"""For the peers that only make an audit slower: it has to come to its end."""


class Listening(Enum):
    """What the port does with a connection."""

    ACCEPTS = auto()
    CLOSED = auto()
    BLACK_HOLE = auto()


Expected = Mapping[str, str]
"""Control to the statuses it may have, with `|` between them. A control that is not named has to be indeterminate."""


@dataclass(frozen=True)
class Peer:
    """A server that misbehaves.

    `expected` None: the audit has to say exactly what it says of the sound server of the same role, gate included.
    `markers`: words that must turn up in the report, as text; a report that lost them was not tested for escaping.
    """

    name: str
    about: str
    expected: Expected | None
    acts: Mapping[str, Act] = field(default_factory=dict)
    role: Role = Role.MX
    listening: Listening = Listening.ACCEPTS
    chain: str = "sound"
    limits: Limits = SHORT
    login: bool = False
    """Whether the audit has credentials."""
    markers: tuple[str, ...] = ()
    sound: bool = False
    """Nothing is wrong with it: the gate has to open."""
