"""Facts about what a server puts up with: junk commands, connections at once, silence; and the ports of its host."""

from typing import ClassVar

from smtp_audit.facts.observation import Facts
from smtp_audit.frozen import Frozen


class JunkFacts(Facts):
    """Commands that do not exist, one after the other on one connection.

    `seconds` is the wait for each reply that came. `ended` says how the server put an end to it: its last words, or
    that it hung up; "" when it answered all of them.
    """

    kind: ClassVar[str] = "junk_commands"

    sent: int
    seconds: tuple[float, ...] = ()
    ended: str = ""


class ParallelFacts(Facts):
    """Connections at once from one address: `served` is how many were greeted while all those before stayed open.

    `refusal` is what the next one met: a reply, a closed or refused connection; "" when none did. `seconds` is the wait
    for each greeting.
    """

    kind: ClassVar[str] = "parallel_connections"

    tried: int
    served: int
    refusal: str = ""
    seconds: tuple[float, ...] = ()


class Silence(Frozen):
    """What came of saying nothing. `ended`: how the server put an end to it after `seconds`; "": it was still waiting
    then. `unknown` says why it could not be tried, if so.
    """

    ended: str = ""
    seconds: float = 0.0
    unknown: str = ""

    def __str__(self) -> str:
        return self.unknown or f"{self.ended or 'still open'} after {self.seconds:.0f} s of silence"


class IdleFacts(Facts):
    """Silence after EHLO."""

    kind: ClassVar[str] = "idle"

    silence: Silence


class IdleMessageFacts(Facts):
    """Silence in the middle of a message to a mailbox of one's own. The message is never completed."""

    kind: ClassVar[str] = "idle_message"

    silence: Silence


class OpenPortsFacts(Facts):
    """Which ports of a host take connections; only `scanned` were tried.

    Ports that neither answer nor refuse are in `silent`: a firewall drops what is sent there. `judged_with` names the
    endpoint of the host that has the list; it is empty there, and all else is empty at the others. `trouble` says why
    the list cannot be relied upon: the host stopped answering while it was looked at.
    """

    kind: ClassVar[str] = "open_ports"

    address: str
    judged_with: str = ""
    declared: tuple[int, ...] = ()
    """The ports of the audit's own endpoints on this host."""
    scanned: tuple[int, ...] = ()
    open: tuple[int, ...] = ()
    silent: tuple[int, ...] = ()
    trouble: str = ""
