"""Facts about a program that sends mail: what it said and showed to a trap, and what it claimed afterwards."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from smtp_audit.facts.observation import Facts, Line


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


class Execution(BaseModel):
    """One run of the program.

    `output` are excerpts of standard output, standard error and watched files, escaped and with secrets masked;
    `seconds` is from its start, `since_connect` from its first connection to a trap, None without one. `leaks`: what of
    the secrets given to it, by name (password, token ...), stands in its output.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    claim: Claim
    status: int | None = None
    seconds: float = 0.0
    since_connect: float | None = None
    reply: str = ""
    output: tuple[str, ...] = ()
    leaks: tuple[str, ...] = ()
    detail: str = ""


class Offer(BaseModel):
    """What a ClientHello offered: versions and suites by name, groups, signature schemes, server_name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    versions: tuple[str, ...]
    suites: tuple[str, ...]
    groups: tuple[str, ...] = ()
    signatures: tuple[str, ...] = ()
    server_name: str | None = None


class Delivery(BaseModel):
    """One message that arrived at a trap: envelope and octets as they came (ISO 8859-1, dots removed)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sender: str
    recipients: tuple[str, ...]
    content: str
    channel: Channel
    acknowledged: bool
    """Whether the trap said 250 to it."""


class Visit(BaseModel):
    """One connection of the program to a trap.

    `port` tells several traps of one scenario apart. `credentials`: how a password or token travelled, None when none
    did; `body`: the same of message data. `acted_on_injection`: it took replies for the server's that came in clear
    before TLS. `dialogue` is in the order of events.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

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


class ScenarioRun(BaseModel):
    """One scenario played with the program: `visits` is empty when it connected to nothing.

    `strays`: other places that it tried to connect to, by address and port.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    scenario: str
    group: str
    execution: Execution
    visits: tuple[Visit, ...] = ()
    strays: tuple[str, ...] = ()
    detail: str = ""
    """Why the scenario could not be played here, when it could not."""


class TrapFacts(Facts):
    """Every scenario that was played with a program.

    `contained`: nothing could leave, since program and traps had a private network of their own; `containment` says
    how, or why not.
    """

    kind: ClassVar[str] = "client_traps"

    runs: tuple[ScenarioRun, ...]
    contained: bool
    containment: str

    def run(self, scenario: str) -> ScenarioRun | None:
        """The run of one scenario."""
        return next((run for run in self.runs if run.scenario == scenario), None)
