"""The clause matrix: what a run says of every clause of the profile's standard.

A clause is met only when every in-scope way of showing it (its `by` list) has controls, the profile does not say that
they show a part only, and all of them pass; or when a person attests it where only a person can know.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from enum import StrEnum

from smtp_audit.control import Medium
from smtp_audit.frozen import Frozen
from smtp_audit.profile import Clause, Profile
from smtp_audit.record import Record, Status
from smtp_audit.waiver import Attestation

MEDIUM_SCOPE = {
    Medium.PROBE: "server",
    Medium.DNS: "dns",
    Medium.ROUNDTRIP: "roundtrip",
    Medium.CLIENT: "client",
    Medium.SOURCE: "client",
    Medium.DEPLOY: "deploy",
    Medium.HOST: "host",
    Medium.METRICS: "monitoring",
    Medium.ATTEST: "organisation",
}
"""The scope that each way of showing a clause belongs to."""


class ClauseStatus(StrEnum):
    """What a run says of a clause."""

    MET = "met"
    ATTESTED = "attested"
    NOT_MET = "not_met"
    UNDETERMINED = "undetermined"
    PARTLY_COVERED = "partly_covered"
    NOT_COVERED_YET = "not_covered_yet"
    OUT_OF_SCOPE = "out_of_scope"


class WayState(StrEnum):
    """What a run says of one way of showing a clause."""

    PASSING = "passing"
    FAILING = "failing"
    UNDETERMINED = "undetermined"
    PARTLY_COVERED = "partly_covered"
    NOT_COVERED_YET = "not_covered_yet"
    OUT_OF_SCOPE = "out_of_scope"
    ATTESTED = "attested"


class Way(Frozen):
    """One entry of a clause's `by` list: its state, why, and the controls it rests on."""

    medium: Medium
    state: WayState
    detail: str = ""
    controls: tuple[str, ...] = ()


class ClauseCoverage(Frozen):
    """One row of the matrix."""

    clause: str
    title: str
    requirement: str
    note: str = ""
    status: ClauseStatus
    ways: tuple[Way, ...]
    attestation: Attestation | None = None


class Coverage(Frozen):
    """The matrix, and how many clauses have each status."""

    standard: str
    clauses: tuple[ClauseCoverage, ...]

    @property
    def counts(self) -> dict[ClauseStatus, int]:
        """How many clauses have each status, all statuses named."""
        return {s: sum(c.status is s for c in self.clauses) for s in ClauseStatus}

    @property
    def full(self) -> bool:
        """Every clause is met or attested."""
        return bool(self.clauses) and all(c.status in (ClauseStatus.MET, ClauseStatus.ATTESTED) for c in self.clauses)


def cover(
    profile: Profile,
    records: Sequence[Record],
    scope: Iterable[str],
    attestations: Sequence[Attestation],
    today: date,
) -> Coverage:
    """The matrix of a run. `today` (UTC) decides which attestations hold."""
    in_scope = frozenset(scope)
    held = {a.clause: a for a in attestations if a.valid(today)}
    rows = tuple(_row(profile, clause, records, in_scope, held.get(clause.id)) for clause in profile.standard.clause)
    return Coverage(standard=profile.standard.id, clauses=rows)


def _row(
    profile: Profile,
    clause: Clause,
    records: Sequence[Record],
    scope: frozenset[str],
    attestation: Attestation | None,
) -> ClauseCoverage:
    usable = attestation if Medium.ATTEST in clause.by else None
    ways = tuple(_way(profile, clause, medium, records, scope, usable) for medium in clause.by)
    return ClauseCoverage(
        clause=clause.id,
        title=clause.title,
        requirement=clause.requirement,
        note=clause.note,
        status=_status(ways),
        ways=ways,
        attestation=usable,
    )


def _way(
    profile: Profile,
    clause: Clause,
    medium: Medium,
    records: Sequence[Record],
    scope: frozenset[str],
    attestation: Attestation | None,
) -> Way:
    if medium is Medium.ATTEST and attestation is not None:
        return Way(medium=medium, state=WayState.ATTESTED, detail=f"by {attestation.owner} until {attestation.expires}")
    if MEDIUM_SCOPE[medium] not in scope:
        return Way(
            medium=medium, state=WayState.OUT_OF_SCOPE, detail=f"scope {MEDIUM_SCOPE[medium]} is not part of this run"
        )
    if medium is Medium.ATTEST:
        return Way(medium=medium, state=WayState.UNDETERMINED, detail="no valid attestation")
    rules = profile.controls.items()
    controls = tuple(sorted(c for c, rule in rules if clause.id in rule.clauses and rule.medium is medium))
    gap = profile.partly.get(clause.id, {}).get(medium, "")
    if not controls:
        return Way(medium=medium, state=WayState.NOT_COVERED_YET, detail=gap or "no control reaches it yet")
    state, detail = _combine(controls, [r for r in records if r.control in controls])
    unseen = _unseen(profile, controls, records)
    if unseen and state is WayState.PASSING:
        state, detail = WayState.UNDETERMINED, unseen
    if gap and state is WayState.PASSING:
        state, detail = WayState.PARTLY_COVERED, f"not covered yet: {gap}"
    return Way(medium=medium, state=state, detail=detail, controls=controls)


def _unseen(profile: Profile, controls: Sequence[str], records: Sequence[Record]) -> str:
    """The roles that the profile requires, that these controls are about, and that this run has no endpoint of."""
    missing: set[str] = set()
    required = profile.required_roles
    for control in controls:
        looked_at = {record.role for record in records if record.control == control}
        about = required.intersection(profile.controls[control].roles)
        missing |= {role for role in about if role not in looked_at}
    return f"no endpoint of these roles was looked at in this run: {', '.join(sorted(missing))}" if missing else ""


def _combine(controls: Sequence[str], records: Sequence[Record]) -> tuple[WayState, str]:
    """All of the controls on all of their subjects; a control that passes nowhere proves nothing."""
    failing = sorted({f"{r.control} on {r.subject}" for r in records if r.status in _BROKEN})
    if failing:
        return WayState.FAILING, "; ".join(failing)
    unclear = sorted({f"{r.control} on {r.subject}" for r in records if r.status in _UNCLEAR})
    if unclear:
        return WayState.UNDETERMINED, "; ".join(unclear)
    proven = {r.control for r in records if r.status is Status.PASS}
    idle = sorted(set(controls) - proven)
    if idle:
        return WayState.UNDETERMINED, f"applied nowhere in this run: {', '.join(idle)}"
    return WayState.PASSING, f"{len(proven)} controls pass"


# A waived failure is a failure of the clause all the same: the waiver opens the gate, not the standard.
_BROKEN = (Status.FAIL, Status.ADVISORY, Status.WAIVED)
_UNCLEAR = (Status.INDETERMINATE, Status.ERROR, Status.NOT_RUN)


def _status(ways: Sequence[Way]) -> ClauseStatus:
    states = {way.state for way in ways}
    if WayState.FAILING in states:
        return ClauseStatus.NOT_MET
    relevant = states - {WayState.OUT_OF_SCOPE}
    if not relevant:
        return ClauseStatus.OUT_OF_SCOPE
    if relevant == {WayState.ATTESTED}:
        # An attestation alone is enough only where nothing that a program could show was left out of the run.
        return ClauseStatus.ATTESTED if states == relevant else ClauseStatus.PARTLY_COVERED
    if relevant == {WayState.NOT_COVERED_YET}:
        return ClauseStatus.NOT_COVERED_YET
    if WayState.UNDETERMINED in relevant:
        return ClauseStatus.UNDETERMINED
    if relevant & {WayState.NOT_COVERED_YET, WayState.PARTLY_COVERED}:
        return ClauseStatus.PARTLY_COVERED
    return ClauseStatus.MET
