"""What is known of one server while it is asked hello after hello, and when there is no sense in asking on."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from smtp_audit.facts.observation import Absence
from smtp_audit.facts.tls import TlsVersion
from smtp_audit.probes.tls.hello import PLAIN, Shape
from smtp_audit.probes.wire import Contradiction, PeerError

PATIENT_SILENCES = 4
"""Hellos without an answer after which no further one is asked again: each costs the whole time limit."""

MAX_SILENCES_IN_A_ROW = 4
"""Hellos without an answer before the hello that is known to be taken has to show that somebody is still there."""

PATIENT_DROPS = 4
"""Connections dropped in a row after each of which there is a growing pause: about a quarter of a minute in all."""

MAX_DROPS_IN_A_ROW = 12
"""Hellos dropped before the known one has to show that some are taken: as many as TLS 1.3 and TLS 1.2 by families."""

MAX_SILENCES = 16
"""Hellos without an answer, whatever came between them, before no more is asked."""

LASTING = (Absence.REFUSED_SERVICE, Absence.BUDGET, Absence.CLOSED)
"""What keeps every further hello from being sent, too."""


@dataclass(frozen=True)
class Control:
    """A hello that the server took: when it is dropped later on, that is not for what it offers."""

    version: TlsVersion
    suites: tuple[int, ...] | None = None
    shape: Shape = PLAIN
    named: bool = True


@dataclass
class Knowledge:
    """What is known of one server, shared by all that ask it.

    Attributes:
        taken: a version that it is known to take.
        control: the first hello of ours that it took.
        says_no_by: whether it refuses by closing, or by a reset, without an alert, as Dovecot does; as far as asked.
        spoken: versions that it chose when a higher one was offered.
        over: why no further hello can be sent; "" while they can.
        strict_groups: whether it refuses every hello of TLS 1.3 with a group that TLS 1.3 reserves (tlslite-ng does):
            then it cannot take one of those, and must not be offered any.
        stumbles: it drops some hellos at any pace: the known hello was taken right after one that was dropped for
            good, so that pauses would not help.
        silences: hellos that were not answered.
        silences_in_a_row: of these, since the last answer.
        drops_in_a_row: connections that ended without an answer, since the last one.
        broken_flights: first flights that broke off behind the ServerHello.
    """

    taken: TlsVersion | None = None
    control: Control | None = None
    says_no_by: dict[str, bool] = field(default_factory=dict)
    spoken: dict[TlsVersion, str] = field(default_factory=dict)
    over: str = ""
    strict_groups: bool = False
    stumbles: bool = False
    silences: int = 0
    silences_in_a_row: int = 0
    drops_in_a_row: int = 0
    broken_flights: int = 0
    calibrating: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def waits_again(self) -> bool:
        """Whether a hello that was not answered is worth being sent again."""
        return self.silences < PATIENT_SILENCES

    @property
    def patient(self) -> bool:
        """Whether a dropped hello should be followed by a pause: for a server that throttles, and for none else."""
        return not (any(self.says_no_by.values()) or self.stumbles or self.drops_in_a_row >= PATIENT_DROPS)

    def answered(self) -> None:
        """Octets came."""
        self.silences_in_a_row = self.drops_in_a_row = 0

    def failed(self, error: PeerError) -> bool:
        """No answer came. True when the known hello should show now whether anybody is still there."""
        if isinstance(error, Contradiction) or error.absence in LASTING:
            self.over = error.reason
        if error.absence is Absence.DROPPED:
            self.drops_in_a_row += 1
            return not self.over and self.drops_in_a_row == MAX_DROPS_IN_A_ROW
        if error.absence is not Absence.TIMEOUT:
            return False
        self.silences += 1
        self.silences_in_a_row += 1
        if self.silences >= MAX_SILENCES:
            self.over = self.over or f"{self.silences} hellos were not answered"
        return not self.over and self.silences_in_a_row == MAX_SILENCES_IN_A_ROW

    def never_says_no_by(self, how: str) -> None:
        """It ended a connection in this way after a hello that it takes: then that refuses nothing, ever."""
        self.says_no_by[how] = False

    def taken_back(self, refusal: str) -> str:
        """Why a refusal without an alert is none after all; "" when it stands."""
        how = next((how for how, does in self.says_no_by.items() if not does and refusal.startswith(how)), "")
        return f"{how}, which this server does after hellos that it takes, too" if how else ""
