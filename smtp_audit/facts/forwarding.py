"""Facts about messages that a server passes on, as the next server sees them."""

from typing import ClassVar

from smtp_audit.facts.end_of_data import Letter
from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.observation import Facts
from smtp_audit.frozen import Frozen


class Arrival(Frozen):
    """One message at the audit's own server."""

    bare: str = ""
    """The first CR or LF that stands alone, escaped, with the octets around it; "" where there is none."""
    whole: bool
    """Whether the last line of the message is there."""
    cut: bool = False
    """Whether what stood behind a NUL on its line is missing."""


class Forwarded(Frozen):
    """A message, what the audited server said to it, and what arrived of it."""

    letter: Letter
    sent: int = 1
    """How often it was: once more where the connection ended."""
    arrivals: tuple[Arrival, ...] = ()


class ForwardingFacts(Facts):
    """Messages to the audit's own server by way of the audited one."""

    kind: ClassVar[str] = "forwarding"

    role: Role
    refused_recipient: str = ""
    """What was said to the recipient, where the server forwards nothing to it."""
    ordinary: Forwarded | None = None
    """A message like any other; None where the recipient is refused."""
    messages: tuple[Forwarded, ...] = ()
    nuls: tuple[Forwarded, ...] = ()
    """Messages with a NUL in header or text, and more behind it on its line."""
    dropped: tuple[Forwarded, ...] = ()
    """Messages whose connection was closed before their end."""
    later: Forwarded | None = None
    """A message like any other, sent behind those; None where it was not."""
    waited: float = 0.0
    """Seconds for which arrivals were waited for, those of `dropped` a little longer."""
