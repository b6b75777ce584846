"""The whole flow as a library: target -> probes -> snapshot -> controls -> records -> gate and report.

`audit()` is the flow in one call. The pytest face takes the same steps one by one: `prepare`, then for each pair
`judge` as facts arrive, then `conclude`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from smtp_audit.configuration.model import Config, Scope
from smtp_audit.configuration.target import merge_endpoints
from smtp_audit.control import REGISTRY, Medium, Registry, load_builtin
from smtp_audit.coverage import MEDIUM_SCOPE, cover
from smtp_audit.errors import ConfigurationError
from smtp_audit.facts.dns import Found, MxFacts
from smtp_audit.facts.endpoint import Domain, Endpoint
from smtp_audit.facts.observation import Observation
from smtp_audit.facts.service import PortFacts
from smtp_audit.facts.snapshot import Snapshot, Vantage
from smtp_audit.gate import Gate, closed, decide
from smtp_audit.judge import Bench, Pair, judge, pairs
from smtp_audit.message import problem, quoted, shown_path
from smtp_audit.profile import Profile, load_profile, load_standard, shipped_standards
from smtp_audit.record import Record, Status
from smtp_audit.report.model import Identity, ProfileControl, ProfileIdentity, Report
from smtp_audit.suggestion import did_you_mean
from smtp_audit.version import __version__
from smtp_audit.waiver import Attestation
from smtp_audit.wiretext import printable


class FactSource(Protocol):
    """Where facts come from: a gathering under way, or a snapshot."""

    @property
    def time(self) -> datetime:
        """The time that facts are judged at (UTC): when gathering began. The snapshot of the same facts has the
        same."""

    def wait(self, kind: str, subject: str) -> tuple[Observation, ...]:
        """The observations of one kind on one subject; blocks until they are there."""

    def finish(self) -> Snapshot:
        """All facts; blocks until gathering has ended."""

    def stop(self) -> Snapshot:
        """What there is so far; ends the gathering."""


class Recorded:
    """A snapshot as a source of facts."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot

    @property
    def time(self) -> datetime:
        """When the facts were gathered (UTC)."""
        return self.snapshot.time

    def wait(self, kind: str, subject: str) -> tuple[Observation, ...]:
        """The recorded observations."""
        return self.snapshot.about(kind, subject)

    def finish(self) -> Snapshot:
        """The snapshot itself."""
        return self.snapshot

    stop = finish


@dataclass(frozen=True)
class Plan:
    """What a run is going to do: the profile, the subjects, and every (control, subject) that has to be judged."""

    config: Config
    profile: Profile
    registry: Registry
    subjects: tuple[Endpoint | Domain, ...]
    scope: tuple[Scope, ...]
    pairs: tuple[Pair, ...]
    recorded: Snapshot | None = None
    found: Found = field(default_factory=Found)
    """What the look-up of bare names gave; its observations become part of the snapshot."""

    @property
    def expected(self) -> tuple[tuple[str, str], ...]:
        """The keys of the records that a complete run has."""
        return tuple((control.id, subject.key) for control, subject in self.pairs)

    def bench(self, snapshot_time: datetime, now: datetime) -> Bench:
        """What judging needs; `snapshot_time` is when gathering began."""
        return Bench(self.profile, snapshot_time, now.date(), self.config.waivers)

    def source(
        self, progress: Callable[[str], None] | None = None, wanted: frozenset[tuple[str, str]] | None = None
    ) -> FactSource:
        """The recorded snapshot, or a new gathering, started; `wanted` limits it to some (kind, subject) of
        `kinds()`."""
        if self.recorded is not None:
            return Recorded(self.recorded)
        from smtp_audit.gather import Gathering

        return Gathering(
            self.config,
            self.subjects,
            kinds=wanted if wanted is not None else self.kinds(),
            scope=tuple(s.value for s in self.scope),
            found=self.found.observations,
            progress=progress,
        ).start()

    def kinds(self) -> frozenset[tuple[str, str]]:
        """The (kind of facts, subject) that the controls of this plan need."""
        return frozenset((need.kind, subject.key) for control, subject in self.pairs for need in control.needs)


def prepare(
    config: Config,
    registry: Registry | None = None,
    *,
    found: Found | None = None,
    recorded: Snapshot | None = None,
) -> Plan:
    """Load the profile, find the subjects, list what has to be judged. The only network use: an MX look-up of a bare
    name.

    Args:
        config: what to audit.
        registry: the controls; default: all that are registered.
        found: what another process has looked up already; given, nothing is looked up.
        recorded: facts that another process has gathered already; default: those of `config.snapshot`, if any.

    Raises:
        ConfigurationError: the profile, the snapshot or the target is unusable.
    """
    registry = registry or load_builtin()
    profile = load_profile(config.profile, registry, config.source.parent if config.source else None)
    if config.gate is not None:
        profile = profile.model_copy(update={"gate": config.gate})
    for waiver in config.waivers:
        if waiver.control not in registry:
            where = shown_path(config.source) if config.source else "waiver"
            hint = did_you_mean(waiver.control, registry.ids())
            raise problem(where, f"a waiver names the control {quoted(waiver.control)}{hint}")
    for attestation in config.attestations:
        _check_attestation(attestation, profile, config.source)
    if recorded is None and config.snapshot is not None:
        recorded = Snapshot.load(config.snapshot)
    if recorded is not None:
        subjects: tuple[Endpoint | Domain, ...] = recorded.subjects
    else:
        if found is None:
            found = _look_up(config)
        # What the user declared comes first: a look-up that finds the same endpoint adds nothing to it.
        domains = tuple(s for s in found.subjects if isinstance(s, Domain))
        looked_up = tuple(s for s in found.subjects if isinstance(s, Endpoint))
        subjects = (*domains, *merge_endpoints((*config.endpoints, *looked_up)))
    if not subjects:
        raise ConfigurationError("no target: name one with --smtp-target, --smtp-endpoint or in the configuration")
    scope = config.scope or (_recorded_scope(recorded) if recorded else (Scope.SERVER,))
    media = {medium for medium in Medium if MEDIUM_SCOPE[medium] in scope}
    return Plan(
        config=config,
        profile=profile,
        registry=registry,
        subjects=subjects,
        scope=scope,
        pairs=pairs(profile, registry, subjects, media),
        recorded=recorded,
        found=found or Found(),
    )


def _recorded_scope(snapshot: Snapshot) -> tuple[Scope, ...]:
    for name in snapshot.scope:
        if name not in list(Scope):
            raise ConfigurationError(f"snapshot: no scope {printable(name)!r}{did_you_mean(name, Scope)}")
    return tuple(Scope(name) for name in snapshot.scope)


def _check_attestation(attestation: Attestation, profile: Profile, source: Path | None) -> None:
    """Raises ConfigurationError for a clause that the standard lacks, or that no person can attest."""
    where = shown_path(source) if source else "attestation"
    clause = next((c for c in profile.standard.clause if c.id == attestation.clause), None)
    others = (load_standard(name, where)[0] for name in shipped_standards() if name != profile.standard.id)
    if clause is None and any(attestation.clause in other for other in others):
        return  # of another standard than this run's: it says nothing here, as the report's list shows
    if clause is None:
        hint = did_you_mean(attestation.clause, (c.id for c in profile.standard.clause))
        raise problem(
            where, f"an attestation names the clause {quoted(attestation.clause)} of {profile.standard.id}{hint}"
        )
    if Medium.ATTEST not in clause.by:
        ways = ", ".join(clause.by)
        raise problem(where, f"the clause {clause.id} cannot be attested: it has to be shown by {ways}")


def _look_up(config: Config) -> Found:
    if not config.names:
        return Found()
    from smtp_audit.probes.dns import find_subjects

    return find_subjects(config)


def unfinished_report(plan: Plan, now: datetime | None = None) -> Report:
    """The closed report that stands while the run is under way."""
    moment = now or datetime.now(UTC)
    gate = closed(plan.profile.gate, "not finished: the run that began this report has not ended, or was killed")
    return _report(plan, (), None, gate, moment, finished=False)


def conclude(
    plan: Plan,
    records: Sequence[Record],
    snapshot: Snapshot | None,
    now: datetime | None = None,
    faults: Sequence[str] = (),
) -> Report:
    """The report of a run.

    Args:
        plan: what the run set out to do.
        records: what was judged; anything of the plan that is missing keeps the gate closed.
        snapshot: the facts, None when gathering never began.
        now: the clock (UTC), for waivers, attestations and the age of the snapshot.
        faults: what else keeps the gate closed, such as an interrupt.
    """
    moment = now or datetime.now(UTC)
    reasons = [*faults, *_faults(plan, snapshot, moment)]
    gate = decide(records, plan.expected, plan.profile.gate, reasons)
    return _report(plan, records, snapshot, gate, moment, finished=True)


def _faults(plan: Plan, snapshot: Snapshot | None, now: datetime) -> list[str]:
    if snapshot is None:
        return ["no facts were gathered"]
    faults: list[str] = []
    if not snapshot.complete:
        faults.append("gathering did not run to its end")
    limit = timedelta(hours=plan.profile.max_snapshot_age_hours)
    age = now - snapshot.time
    if age > limit:
        faults.append(
            f"the facts are {age.total_seconds() / 3600:.1f} hours old; profile {plan.profile.name} takes at most "
            f"{plan.profile.max_snapshot_age_hours:g}"
        )
    elif age < -timedelta(minutes=5):
        faults.append(f"the facts are from the future ({snapshot.time:%Y-%m-%d %H:%M} UTC): a clock is wrong")
    faults += [
        f"{o.subject}: the MX look-up failed ({o.reason}): whether it is a mail domain with other hosts is unknown"
        for o in snapshot.observations
        if o.kind == MxFacts.kind and o.facts is None
    ]
    hosts = dict.fromkeys(s.host for s in plan.subjects if isinstance(s, Endpoint))
    for host in hosts:
        keys = [s.key for s in plan.subjects if isinstance(s, Endpoint) and s.host == host]
        looks = [o for key in keys for o in snapshot.about(PortFacts.kind, key)]
        took = {o.address for o in looks if isinstance(o.facts, PortFacts) and o.facts.open}
        if not took:
            faults.append(f"no port of {host} took a connection: nothing there was audited")
            continue
        # Clients are sent to every address: one where all ports are closed was not audited, whatever another shows.
        for address in dict.fromkeys(o.address for o in looks if o.address not in took):
            where = address or "an address that is not known"
            faults.append(f"no port of {host} took a connection at {where}: nothing there was audited")
    return faults


def _report(
    plan: Plan, records: Sequence[Record], snapshot: Snapshot | None, gate: Gate, now: datetime, *, finished: bool
) -> Report:
    config, profile = plan.config, plan.profile
    order = {key: place for place, key in enumerate(plan.expected)}
    kept = sorted(records, key=lambda record: order.get(record.key, len(order)))
    judged = {record.key for record in kept}
    missing = [pair for pair in plan.pairs if (pair[0].id, pair[1].key) not in judged]
    kept += [_not_run(plan, pair, finished) for pair in missing]
    scope = tuple(s.value for s in plan.scope)
    coverage = cover(profile, kept, scope, config.attestations, now.date())
    full = gate.open and coverage.full and set(profile.certificate_scope) <= set(scope)
    used = {(r.control, r.subject) for r in kept if r.waiver is not None}
    unused = tuple(w for w in config.waivers if not any(w.covers(c, s) for c, s in used))
    return Report(
        finished=finished,
        complete=finished and not missing and (snapshot is not None and snapshot.complete),
        gate=gate,
        certificate="full" if full else "none",
        identity=Identity(
            tool=f"smtp_audit {__version__}",
            targets=config.targets or (snapshot.targets if snapshot else ()),
            subjects=plan.subjects,
            addresses=tuple(e.address for e in snapshot.efforts) if snapshot else (),
            scope=scope,
            out_of_scope=tuple(s.value for s in Scope if s.value not in scope),
            started=snapshot.started if snapshot else None,
            finished=snapshot.finished if snapshot else None,
            judged=now,
            vantage=snapshot.vantage if snapshot else Vantage(),
            efforts=snapshot.efforts if snapshot else (),
            snapshot_sha256=snapshot.sha256 if snapshot else "",
            recorded=plan.recorded is not None,
        ),
        profile=ProfileIdentity(
            name=profile.name,
            title=profile.title,
            version=profile.version,
            sha256=profile.sha256,
            standard=profile.standard.id,
            standard_title=profile.standard.title,
            standard_version=profile.standard.version,
            gate=profile.gate,
            certificate_scope=profile.certificate_scope,
            changes=profile.changes,
        ),
        controls=tuple(_profile_control(plan, control_id) for control_id in profile.controls),
        records=tuple(kept),
        coverage=coverage,
        waivers=config.waivers,
        unused_waivers=unused,
        attestations=config.attestations,
    )


def _profile_control(plan: Plan, control_id: str) -> ProfileControl:
    control, line = plan.registry[control_id], plan.profile.controls[control_id]
    return ProfileControl(
        id=control.id,
        title=control.title,
        severity=line.severity,
        clauses=line.clauses,
        medium=control.medium,
        safety=control.safety,
        when_not_run=line.when_not_run,
        in_scope=MEDIUM_SCOPE[control.medium] in plan.scope,
    )


def _not_run(plan: Plan, pair: Pair, finished: bool) -> Record:
    control, subject = pair
    line = plan.profile.rule(control)
    why = "it was deselected, or the run ended before it" if finished else "the run has not finished"
    return Record(
        control=control.id,
        title=control.title,
        subject=subject.key,
        group=subject.group,
        label=subject.label,
        role=subject.role if isinstance(subject, Endpoint) else "",
        status=Status.NOT_RUN,
        severity=line.severity,
        summary=f"not judged in this run: {why}",
        expected=control.expectation(line.parameters),
        rationale=control.rationale,
        clauses=line.clauses,
        spec=control.spec,
        medium=control.medium,
        safety=control.safety,
        when_not_run=line.when_not_run,
        remedy=dict(control.remedy),
    )


@dataclass(frozen=True)
class AuditResult:
    """What `audit` returns: the report and the facts it rests on."""

    report: Report
    snapshot: Snapshot

    @property
    def gate(self) -> Gate:
        """Open or closed, with reasons."""
        return self.report.gate

    @property
    def records(self) -> tuple[Record, ...]:
        """One for each control and subject."""
        return self.report.records

    def write(self, folder: Path | str) -> None:
        """Write `report.html`, `report.json` and `snapshot.json`.

        Raises:
            ConfigurationError: the folder cannot be written to.
        """
        from smtp_audit.report.files import write_report, write_snapshot

        write_snapshot(self.snapshot, Path(folder))
        write_report(self.report, Path(folder))


def audit(
    config: Config | str,
    *,
    registry: Registry | None = None,
    now: datetime | None = None,
    progress: Callable[[str], None] | None = None,
) -> AuditResult:
    """Audit a target and judge it: the library's one call. It writes nothing; `AuditResult.write` does.

    Args:
        config: a `Config` (see `load_config`), or a target as `--smtp-target` takes it.
        registry: the controls; default: all that are registered.
        now: the clock (UTC) for waivers, attestations and the snapshot's age; default: the real one.
        progress: called with one line of text as things happen.

    Raises:
        ConfigurationError: the input is unusable; nothing was probed.
    """
    if isinstance(config, str):
        from smtp_audit.configuration import config_for_target

        config = config_for_target(config)
    plan = prepare(config, registry)
    source = plan.source(progress)
    try:
        snapshot = source.finish()
    except BaseException:
        source.stop()
        raise
    bench = plan.bench(snapshot.time, now or datetime.now(UTC))
    records = [judge(control, subject, snapshot.about, bench) for control, subject in plan.pairs]
    return AuditResult(conclude(plan, records, snapshot, now), snapshot)


__all__ = [
    "REGISTRY",
    "AuditResult",
    "FactSource",
    "Plan",
    "Recorded",
    "audit",
    "conclude",
    "prepare",
    "unfinished_report",
]
