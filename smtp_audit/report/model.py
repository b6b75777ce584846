"""The report model: everything a report says, once; HTML and JSON only word it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Self

from pydantic import computed_field, model_validator

from smtp_audit.coverage import Coverage
from smtp_audit.facts.snapshot import HostEffort, Vantage
from smtp_audit.facts.subject import Subject
from smtp_audit.frozen import Frozen
from smtp_audit.gate import Gate
from smtp_audit.record import Record, Severity, Status, WhenNotRun
from smtp_audit.report.domain.model import DomainMatrix
from smtp_audit.report.transport.model import EndpointTransport
from smtp_audit.waiver import Attestation, Waiver

REPORT_VERSION = 1


class ProfileIdentity(Frozen):
    """Which profile judged."""

    name: str
    title: str
    version: str
    sha256: str
    standard: str
    standard_title: str
    standard_version: str
    gate: Severity
    certificate_scope: tuple[str, ...]
    changes: tuple[str, ...] = ()
    """What a user's profile changes against the shipped one that it extends."""


class ProfileControl(Frozen):
    """A control of the profile, judged in this run or not. `in_scope`: its medium belongs to the scope of the run."""

    id: str
    title: str
    severity: Severity
    clauses: tuple[str, ...] = ()
    medium: str = "probe"
    safety: str = "passive"
    when_not_run: WhenNotRun = WhenNotRun.CLOSE
    in_scope: bool = True


class Identity(Frozen):
    """What was audited, when, from where and with what. Times are UTC."""

    tool: str
    targets: tuple[str, ...]
    subjects: tuple[Subject, ...]
    addresses: tuple[str, ...]
    scope: tuple[str, ...]
    out_of_scope: tuple[str, ...]
    started: datetime | None
    finished: datetime | None
    judged: datetime
    vantage: Vantage
    efforts: tuple[HostEffort, ...]
    snapshot_sha256: str = ""
    recorded: bool = False
    """The facts were read from a snapshot file, not gathered in this run."""


class Report(Frozen):
    """One report. `finished` is False in the closed report that stands while a run is under way."""

    format: Literal["smtp-audit-report"] = "smtp-audit-report"
    version: Literal[1] = 1
    finished: bool
    complete: bool
    """Every control of the profile within the scope was judged or is accounted for."""
    gate: Gate
    certificate: Literal["full", "none"] = "none"
    """`full` only when every clause of the profile is met or attested, in the scope that the profile demands."""
    identity: Identity
    profile: ProfileIdentity
    controls: tuple[ProfileControl, ...] = ()
    """Every control of the profile, in its order; one that applied to no subject has no record."""
    records: tuple[Record, ...]
    coverage: Coverage
    waivers: tuple[Waiver, ...] = ()
    unused_waivers: tuple[Waiver, ...] = ()
    attestations: tuple[Attestation, ...] = ()
    notes: tuple[str, ...] = ()
    transport: tuple[EndpointTransport, ...] = ()
    """What was seen of the transport of each endpoint, at each address. No verdict rests on it."""
    domains: tuple[DomainMatrix, ...] = ()
    """The MX hosts of each mail domain beside what is published of them. No verdict rests on it."""

    @model_validator(mode="after")
    def _open_is_earned(self) -> Self:
        """No report can be made that says open although it is not finished or knows a reason against it."""
        if self.gate.open and (not self.finished or self.gate.reasons):
            raise ValueError("an open gate needs a finished run and no reason against it")
        if self.certificate == "full" and not self.gate.open:
            raise ValueError("a full certificate needs an open gate")
        return self

    @computed_field  # type: ignore[prop-decorator]
    @property
    def counts(self) -> dict[str, int]:
        """How many records have each status, all statuses named."""
        return {status.value: sum(r.status is status for r in self.records) for status in Status}

    @computed_field  # type: ignore[prop-decorator]
    @property
    def clause_counts(self) -> dict[str, int]:
        """How many clauses have each status, all statuses named."""
        return {status.value: n for status, n in self.coverage.counts.items()}
