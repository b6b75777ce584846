"""A record: verdict, control, subject, evidence, waiver: the unit of every report."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from smtp_audit.frozen import Frozen
from smtp_audit.severity import Severity as Severity  # read from here by everything that knows records


class Status(StrEnum):
    """What became of one control on one subject."""

    PASS = "pass"  # noqa: S105 (no password)
    FAIL = "fail"
    ADVISORY = "advisory"
    """It fails, at a severity below the gate's."""
    WAIVED = "waived"
    NOT_APPLICABLE = "not_applicable"
    INDETERMINATE = "indeterminate"
    ERROR = "error"
    """The control itself crashed."""
    NOT_RUN = "not_run"


class WhenNotRun(StrEnum):
    """What a control that was not run does to the gate."""

    CLOSE = "close"
    LIST = "list"


class EvidenceKind(StrEnum):
    """Where lines of evidence come from."""

    OBSERVED = "observed"
    """The control picked them: the lines that its verdict rests on."""
    TRANSCRIPT = "transcript"
    """The conversation they were taken from; several controls may show the same one."""


class Evidence(Frozen):
    """Lines that show a verdict: a title (what they are, from which address) and escaped, redacted lines."""

    kind: EvidenceKind = EvidenceKind.OBSERVED
    title: str
    lines: tuple[str, ...]


class RecordWaiver(Frozen):
    """The waiver that a record met."""

    owner: str
    reason: str
    expires: date
    state: str
    """`active`, `expired` or `stale` (it accepts a failure that is not there)."""


class Record(Frozen):
    """What a report says of one control on one subject."""

    control: str
    title: str
    subject: str
    group: str
    label: str
    role: str = ""
    status: Status
    severity: Severity
    summary: str
    expected: str
    rationale: str = ""
    clauses: tuple[str, ...] = ()
    spec: tuple[str, ...] = ()
    medium: str = "probe"
    safety: str = "passive"
    when_not_run: WhenNotRun = WhenNotRun.CLOSE
    evidence: tuple[Evidence, ...] = ()
    software: str = ""
    """What the server's own words say it is ("postfix", "dovecot" ...); empty when they do not."""
    remedy: dict[str, str] = {}
    waiver: RecordWaiver | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Control and subject: unique within a report."""
        return self.control, self.subject
