"""From records and facts to the report: what keeps the gate closed besides the records, and what was not judged."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from smtp_audit.configuration.model import Scope
from smtp_audit.coverage import MEDIUM_SCOPE, cover
from smtp_audit.facts.dns import MxFacts
from smtp_audit.facts.endpoint import Endpoint
from smtp_audit.facts.service import PortFacts
from smtp_audit.facts.snapshot import Snapshot, Vantage
from smtp_audit.gate import Gate, closed, decide
from smtp_audit.judge import Pair, bare_record
from smtp_audit.plan import Plan
from smtp_audit.record import Record, Status
from smtp_audit.report.domain.entries import domains_of
from smtp_audit.report.model import Identity, ProfileControl, ProfileIdentity, Report
from smtp_audit.report.transport.entries import transport_of
from smtp_audit.version import __version__


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
        transport=transport_of(snapshot) if snapshot else (),
        domains=domains_of(snapshot) if snapshot else (),
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
    why = "it was deselected, or the run ended before it" if finished else "the run has not finished"
    summary = f"not judged in this run: {why}"
    return bare_record(control, subject, plan.profile.rule(control), Status.NOT_RUN, summary)
