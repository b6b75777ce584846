"""Facts about a program that sends mail: what it said and showed to a trap, and what it claimed afterwards."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import ClassVar, Literal

from smtp_audit.facts.observation import Facts, Line
from smtp_audit.frozen import Frozen


class Claim(StrEnum):
    """What a program says of one message, by its exit status or its reply."""

    SENT = "sent"
    NOT_SENT = "not sent"
    HUNG = "hung"
    """It did not end within the limit, and was killed."""
    NOT_STARTED = "not started"
    """It could not be run at all."""


class Channel(StrEnum):
    """How something travelled from the program to the trap."""

    CLEAR = "clear text"
    BAD_TLS = "TLS that ought to have been refused"
    """A wrong certificate, an old version, or a weak suite."""
    GOOD_TLS = "good TLS"


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


class LogEvent(Frozen):
    """One JSON object on a line of the program's output, other than its reply.

    `time` is the first of its values that is a moment (ISO 8601, or seconds since 1970 under a usual name), as it
    stands there, empty without one; `text` is the line, escaped and with secrets masked.
    """

    time: str
    text: str


class Execution(Frozen):
    """One run of the program.

    `output` are excerpts of standard output, standard error and watched files, escaped and with secrets masked;
    `seconds` is from its start, `since_connect` from its first connection to a trap, None without one. `leaks`: what of
    the secrets given to it, by name (password, token ...), stands in its output.
    """

    claim: Claim
    status: int | None = None
    seconds: float = 0.0
    since_connect: float | None = None
    reply: str = ""
    output: tuple[str, ...] = ()
    leaks: tuple[str, ...] = ()
    events: tuple[LogEvent, ...] = ()
    detail: str = ""


class Offer(Frozen):
    """What a ClientHello offered: versions and suites by name, groups, signature schemes, server_name."""

    versions: tuple[str, ...]
    suites: tuple[str, ...]
    groups: tuple[str, ...] = ()
    signatures: tuple[str, ...] = ()
    server_name: str | None = None


class Delivery(Frozen):
    """One message that arrived at a trap: envelope and octets as they came (ISO 8859-1, dots removed)."""

    sender: str
    recipients: tuple[str, ...]
    content: str
    channel: Channel
    acknowledged: bool
    """Whether the trap said 250 to it."""


class Visit(Frozen):
    """One connection of the program to a trap.

    `port` tells several traps of one scenario apart. `credentials`: how a password or token travelled, None when none
    did; `body`: the same of message data. `acted_on_injection`: it took replies for the server's that came in clear
    before TLS. `dialogue` is in the order of events.
    """

    port: int
    offer: Offer | None = None
    version: str = ""
    suite: str = ""
    handshake: str = ""
    """How TLS ended: "done", the client's alert, or what else."""
    mechanism: str = ""
    credentials: Channel | None = None
    body: Channel | None = None
    acted_on_injection: bool = False
    deliveries: tuple[Delivery, ...] = ()
    recipients_tried: tuple[str, ...] = ()
    dialogue: tuple[Line, ...] = ()
    seconds: float = 0.0


class ScenarioRun(Frozen):
    """One scenario played with the program: `visits` is empty when it connected to nothing.

    `told` says what is wrong with the server, `duty` what a sound program does there. `warns`: falling for it is a
    smaller fault. `strays`: other places that it tried to connect to, and names that it asked for.
    """

    scenario: str
    group: Group
    duty: Duty
    told: str
    warns: bool = False
    implicit: bool = False
    execution: Execution
    visits: tuple[Visit, ...] = ()
    strays: tuple[str, ...] = ()
    detail: str = ""
    """Why the scenario could not be played here, when it could not."""

    @property
    def played(self) -> bool:
        """The program was run against it."""
        return not self.detail and self.execution.claim is not Claim.NOT_STARTED

    @property
    def deliveries(self) -> tuple[Delivery, ...]:
        """The messages that arrived, on whatever connection."""
        return tuple(delivery for visit in self.visits for delivery in visit.deliveries)

    @property
    def acknowledged(self) -> bool:
        """Whether a message was taken by the trap."""
        return any(delivery.acknowledged for delivery in self.deliveries)

    @property
    def exposed(self) -> Channel | None:
        """The worst way that a password or a message travelled."""
        ways = [way for visit in self.visits for way in (visit.credentials, visit.body) if way is not None]
        return next(
            (channel for channel in (Channel.CLEAR, Channel.BAD_TLS, Channel.GOOD_TLS) if channel in ways), None
        )


OTHER_PORT = "connected to port "
"""How a stray begins that went to the configured host, and there to another port than the configured one."""


def at_its_ports(runs: Iterable[ScenarioRun]) -> tuple[ScenarioRun, ...]:
    """The runs at ports that the program comes to.

    Those of implicit TLS are left out where it came to none of them: a program for STARTTLS alone (the enterprise
    standard has 587 and no other port) gives nothing away there, and has no time limit to show. One that did not end by
    itself may have been on its way.
    """
    every = tuple(runs)
    if any(run.implicit and (run.visits or run.execution.claim is Claim.HUNG) for run in every):
        return every
    return tuple(run for run in every if not (run.implicit and run.played))


class TrapFacts(Facts):
    """Every scenario that was played with a program.

    `contained`: nothing could leave, since program and traps had a private network of their own; `containment` says
    how, or why not.
    """

    kind: ClassVar[str] = "client_traps"

    runs: tuple[ScenarioRun, ...]
    contained: bool
    containment: str

    @property
    def asked(self) -> tuple[ScenarioRun, ...]:
        """The runs at ports that the program comes to (`at_its_ports`)."""
        return at_its_ports(self.runs)

    def run(self, scenario: str) -> ScenarioRun | None:
        """The run of one scenario."""
        return next((run for run in self.runs if run.scenario == scenario), None)


class HealthFacts(Facts):
    """The program's health check, played against sound servers and against those that it has to call unhealthy.

    An execution whose claim is "sent" called the server healthy. `contained` and `containment` as of `TrapFacts`.
    """

    kind: ClassVar[str] = "client_health"

    runs: tuple[ScenarioRun, ...]
    contained: bool
    containment: str

    @property
    def asked(self) -> tuple[ScenarioRun, ...]:
        """The runs at ports that the health check comes to (`at_its_ports`)."""
        return at_its_ports(self.runs)
