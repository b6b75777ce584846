"""What was observed of one endpoint at one address, and the words for what was not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from smtp_audit.facts.certificate import CertificateFacts, ShownCertificatesFacts
from smtp_audit.facts.endpoint import Endpoint
from smtp_audit.facts.handshake import (
    StarttlsBoundaryFacts,
    TlsClientFacts,
    TlsFeatureFacts,
    TlsGroupFacts,
    TlsSessionFacts,
    TlsSignatureFacts,
    TlsSuiteFacts,
)
from smtp_audit.facts.observation import Absence, Observation
from smtp_audit.facts.snapshot import Snapshot
from smtp_audit.facts.tls import TlsFacts
from smtp_audit.report.transport.model import Tone, TransportCell, TransportRow

_OfTls = (
    TlsFacts
    | TlsSuiteFacts
    | TlsGroupFacts
    | TlsSignatureFacts
    | TlsFeatureFacts
    | TlsSessionFacts
    | TlsClientFacts
    | StarttlsBoundaryFacts
    | CertificateFacts
    | ShownCertificatesFacts
)
T = TypeVar("T", bound=_OfTls)

KINDS: tuple[type[_OfTls], ...] = (
    TlsFacts,
    TlsSuiteFacts,
    TlsGroupFacts,
    TlsSignatureFacts,
    TlsFeatureFacts,
    TlsSessionFacts,
    TlsClientFacts,
    StarttlsBoundaryFacts,
    CertificateFacts,
    ShownCertificatesFacts,
)
"""The facts that the transport is told from."""

NOT_ASKED = TransportCell(words="not known", note="not asked in this run", tone=Tone.UNKNOWN)
CLOSED = TransportCell(words="closed", note="the port refuses connections", tone=Tone.NOTHING)
NO_TLS = TransportCell(words="no TLS", note="it offers none", tone=Tone.NOTHING)

_ABSENCE: Mapping[Absence, str] = {
    Absence.NOT_ALLOWED: "not allowed in this run",
    Absence.NOT_AVAILABLE: "an input or a tool is missing",
    Absence.NOT_GIVEN: "an input that was promised is missing",
    Absence.UNREACHABLE: "not reachable",
    Absence.REFUSED_SERVICE: "the server turned this client away",
    Absence.UNTRUSTED: "the server did not prove who it is",
    Absence.TIMEOUT: "no answer in time",
    Absence.DROPPED: "the connection was dropped",
    Absence.MALFORMED: "the answer broke the protocol",
    Absence.EXCESSIVE: "the answer was too long",
    Absence.BUDGET: "the connections or the time allowed for the host were used up",
    Absence.BROKEN: "the probe failed",
    Absence.INTERRUPTED: "the run ended before it",
}


@dataclass(frozen=True)
class Seen:
    """The observations of one endpoint at one address, by kind; `time` is when gathering began."""

    endpoint: Endpoint
    address: str | None
    time: datetime
    observations: Mapping[str, Observation]

    def of(self, facts: type[T]) -> T | TransportCell:
        """The facts of one type, or the words why there are none."""
        observation = self.observations.get(facts.kind)
        if observation is None:
            return NOT_ASKED
        found = observation.facts
        if isinstance(found, facts):
            return found if found.offered else NO_TLS
        return _absent(observation)

    def nothing(self) -> TransportCell | None:
        """Why there is nothing to tell, if so: the port is closed, or all that was asked ended in the same way."""
        ends = [self.of(kind) for kind in KINDS if kind.kind in self.observations]
        if not ends:
            return NOT_ASKED
        if CLOSED in ends:
            return CLOSED
        first = ends[0]
        return first if isinstance(first, TransportCell) and all(end == first for end in ends) else None


def observed(snapshot: Snapshot, endpoint: Endpoint) -> tuple[Seen, ...]:
    """One entry for each address that was looked at; at least one."""
    wanted = {kind.kind for kind in KINDS}
    by_address: dict[str | None, dict[str, Observation]] = {}
    for observation in snapshot.observations:
        if observation.subject == endpoint.key and observation.kind in wanted:
            by_address.setdefault(observation.address, {}).setdefault(observation.kind, observation)
    found = by_address or {endpoint.address: {}}
    return tuple(Seen(endpoint, address, snapshot.time, kinds) for address, kinds in found.items())


def _absent(observation: Observation) -> TransportCell:
    absence = observation.absence
    if absence is Absence.CLOSED:
        return CLOSED
    why = _ABSENCE.get(absence, "no facts") if absence is not None else "no facts"
    return TransportCell(words="not known", note=observation.reason or why, tone=Tone.UNKNOWN)


def alone(cell: TransportCell, title: str = "all") -> tuple[TransportRow, ...]:
    """A topic with nothing but the reason why nothing is known."""
    return (TransportRow(title=title, cells=(cell,)),)
