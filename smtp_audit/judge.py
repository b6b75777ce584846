"""Judging: controls x subjects x facts x profile -> records.

The runner alone adds `indeterminate` (no facts), `error` (the control crashed) and `not run` (the probe was not allowed
or lacks an input). A subject with several addresses gets one record: a fault seen at any of them is a failure, and it
passes only when it passes at all of them. A failure that is waived, or only advice, says nothing of an address that
could not be seen: then that is what the record says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from smtp_audit.control import Control, Outcome, Registry, Rule, Safety, Verdict
from smtp_audit.coverage import MEDIUM_SCOPE
from smtp_audit.errors import Undetermined
from smtp_audit.facts.endpoint import Endpoint
from smtp_audit.facts.observation import Absence, Facts, Observation
from smtp_audit.facts.service import CapabilityFacts, GreetingFacts
from smtp_audit.facts.subject import AnySubject, TemplateFile
from smtp_audit.limits import MAX_TRANSCRIPT_LINES, MAX_TRANSCRIPT_TEXT
from smtp_audit.profile import ControlRule, Profile
from smtp_audit.record import Evidence, EvidenceKind, Record, RecordWaiver, Status, WhenNotRun
from smtp_audit.software import recognise
from smtp_audit.waiver import Waiver
from smtp_audit.wiretext import printable

Look = Callable[[str, str], tuple[Observation, ...]]
"""Gives the observations of one kind of facts on one subject, one for each address."""

Pair = tuple[Control, AnySubject]

TRANSCRIPT_TEXT = 4 * MAX_TRANSCRIPT_TEXT + 32
"""Characters of a transcript line: every octet may be escaped as four, and the time stands before them."""

EVIDENCE_LINES = MAX_TRANSCRIPT_LINES + 1
"""Lines of a transcript that a record keeps: all that a probe writes, with its note of what it left out."""

SHARED_SUMMARY = 480
"""Characters of each of two findings that share a summary."""

_NOT_RUN = (Absence.NOT_ALLOWED, Absence.NOT_AVAILABLE)


def pairs(
    profile: Profile, registry: Registry, subjects: Sequence[AnySubject], scope: Iterable[str]
) -> tuple[Pair, ...]:
    """Every (control, subject) of the profile within the scope, subject by subject, in the profile's order."""
    chosen = [registry[c] for c in profile.controls]
    wanted = frozenset(scope)
    return tuple(
        (control, subject)
        for subject in subjects
        for control in chosen
        if control.applies_to(subject) and chapter(control, subject) in wanted
    )


def chapter(control: Control, subject: AnySubject) -> str:
    """The chapter that a control on a subject belongs to: its medium's; templates have one of their own."""
    return "template" if isinstance(subject, TemplateFile) else MEDIUM_SCOPE[control.medium]


@dataclass(frozen=True)
class Bench:
    """What judging needs besides the facts: the profile, the time of the facts, the day of the judgement, the
    waivers."""

    profile: Profile
    facts_time: datetime
    today: date
    waivers: tuple[Waiver, ...] = ()


def judge(control: Control, subject: AnySubject, look: Look, bench: Bench) -> Record:
    """The record of one control on one subject. Never raises for what facts or controls do."""
    line = bench.profile.rule(control)
    rule = Rule(parameters=line.parameters, time=bench.facts_time)
    observations = {need.kind: look(need.kind, subject.key) for need in control.needs}
    addresses = list(dict.fromkeys(o.address for seen in observations.values() for o in seen))
    findings = [
        _at_address(control, rule, [_pick(observations[need.kind], address) for need in control.needs])
        for address in addresses
    ] or [_Finding(Status.NOT_RUN, "nothing about it was gathered in this run", never_gathered=True)]
    decisive = _first(findings)
    summary = decisive.summary
    if any(f.summary != summary for f in findings):
        summary = f"{_place(addresses[findings.index(decisive)])}: {summary}"
    evidence = tuple(
        item
        for address, finding in zip(addresses, findings, strict=False)
        for item in _evidence(finding, address, [_pick(seen, address) for seen in observations.values()])
    )
    record = bare_record(control, subject, line, decisive.status, printable(summary)).model_copy(
        update={"evidence": evidence, "software": _software(look, subject.key)}
    )
    if control.safety is Safety.PASSIVE and any(f.never_gathered for f in findings):
        # Its probe says so itself where it needs what the user gives: this is a run, or a snapshot, without it.
        record = record.model_copy(update={"when_not_run": WhenNotRun.CLOSE})
    settled = _settle(record, bench)
    unseen = [f for f in findings if f.status in _UNSEEN]
    if record.when_not_run is WhenNotRun.LIST:
        unseen = [f for f in unseen if f.status is not Status.NOT_RUN]
    if settled.status not in _OPENING or not unseen:
        return settled
    # What was accepted is the failure that was seen, not the one that may be where nothing was seen.
    unclear = _first(unseen)
    told, failure = (
        f"{_place(addresses[findings.index(f)])}: {printable(f.summary, SHARED_SUMMARY)}" for f in (unclear, decisive)
    )
    return record.model_copy(update={"status": unclear.status, "summary": f"{told}; it fails at {failure}"})


def bare_record(control: Control, subject: AnySubject, line: ControlRule, status: Status, summary: str) -> Record:
    """A record of what control, subject and profile alone say, without evidence."""
    return Record(
        control=control.id,
        title=control.title,
        subject=subject.key,
        group=subject.group,
        label=subject.label,
        role=subject.role if isinstance(subject, Endpoint) else "",
        status=status,
        severity=line.severity,
        summary=summary,
        expected=control.expectation(line.parameters),
        rationale=control.rationale,
        clauses=line.clauses,
        spec=control.spec,
        medium=control.medium,
        safety=control.safety,
        when_not_run=line.when_not_run if control.may_be_listed(subject) else WhenNotRun.CLOSE,
        remedy=dict(control.remedy),
    )


@dataclass(frozen=True)
class _Finding:
    status: Status
    summary: str
    evidence: tuple[str, ...] = ()
    never_gathered: bool = False


# Of the findings at several addresses the first in this order stands for the subject.
_PRECEDENCE = (
    Status.FAIL,
    Status.ERROR,
    Status.INDETERMINATE,
    Status.NOT_RUN,
    Status.PASS,
    Status.NOT_APPLICABLE,
)

_UNSEEN = (Status.ERROR, Status.INDETERMINATE, Status.NOT_RUN)

# What a waiver or the gate's threshold makes of a failure: neither keeps the gate closed.
_OPENING = (Status.WAIVED, Status.ADVISORY)


def _first(findings: Sequence[_Finding]) -> _Finding:
    return min(findings, key=lambda finding: _PRECEDENCE.index(finding.status))


def _place(address: str | None) -> str:
    return address or "an address that is not known"


def _pick(observations: Sequence[Observation], address: str | None) -> Observation | None:
    return next((o for o in observations if o.address == address), None)


def _at_address(control: Control, rule: Rule, seen: Sequence[Observation | None]) -> _Finding:
    facts: list[Facts] = []
    for observation, need in zip(seen, control.needs, strict=True):
        if observation is None:
            why = f"no facts of kind {need.kind} were gathered in this run"
            return _Finding(Status.NOT_RUN, why, never_gathered=True)
        if observation.facts is None:
            return _without_facts(observation)
        facts.append(observation.facts)
    try:
        verdict = control.judge(*facts, rule)
        if not isinstance(verdict, Verdict):
            return _Finding(Status.ERROR, f"the control returned {type(verdict).__name__}, not a verdict")
    except Undetermined as reason:
        return _Finding(Status.INDETERMINATE, str(reason))
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:  # also SystemExit, pytest.skip(): no way out of a control but a verdict
        return _Finding(Status.ERROR, _told(error))
    return _Finding(_STATUSES[verdict.outcome], verdict.summary, verdict.evidence)


def _told(error: BaseException) -> str:
    name = type(error).__name__
    try:
        return f"{name}: {error}"
    except Exception:  # an error that cannot even be shown
        return name


_STATUSES = {
    Outcome.PASS: Status.PASS,
    Outcome.FAIL: Status.FAIL,
    Outcome.NOT_APPLICABLE: Status.NOT_APPLICABLE,
}


def _without_facts(observation: Observation) -> _Finding:
    if observation.absence is Absence.CLOSED:
        return _Finding(Status.NOT_APPLICABLE, "the port is closed; port-open and port-closed judge that")
    if observation.absence in _NOT_RUN:
        return _Finding(Status.NOT_RUN, observation.reason)
    return _Finding(Status.INDETERMINATE, observation.reason or "no facts")


def _evidence(
    finding: _Finding, address: str | None, observations: Sequence[Observation | None]
) -> tuple[Evidence, ...]:
    at = f" at {address}" if address else ""
    items: list[Evidence] = []
    if finding.evidence:
        items.append(Evidence(title=f"Observed{at}", lines=tuple(printable(e) for e in finding.evidence)))
    told: set[tuple[str, ...]] = set()
    for observation in observations:
        if observation is None or not observation.transcript:
            continue
        lines = tuple(printable(str(line), TRANSCRIPT_TEXT) for line in observation.transcript[:EVIDENCE_LINES])
        if lines in told:
            continue
        told.add(lines)
        left_out = len(observation.transcript) - EVIDENCE_LINES
        if left_out > 0:
            lines += (f"({left_out} more lines in the snapshot)",)
        began = f"{observation.started:%Y-%m-%d %H:%M:%S} UTC"
        title = f"Transcript{at}, {observation.kind}, began {began}"
        items.append(Evidence(kind=EvidenceKind.TRANSCRIPT, title=title, lines=lines))
    return tuple(items)


def _software(look: Look, subject: str) -> str:
    lines: list[str] = []
    for observation in (*look(GreetingFacts.kind, subject), *look(CapabilityFacts.kind, subject)):
        facts = observation.facts
        if isinstance(facts, GreetingFacts) and facts.reply is not None:
            lines += facts.reply.lines
        elif isinstance(facts, CapabilityFacts):
            lines += [*(facts.before_tls or ()), *(facts.after_tls or ())]
    return recognise(lines)


def _settle(record: Record, bench: Bench) -> Record:
    """Apply the waivers and the gate's threshold."""
    covering = [w for w in bench.waivers if w.covers(record.control, record.subject)]
    if not covering or record.status not in (Status.FAIL, Status.PASS):
        return _advise(record, bench)
    # A renewed waiver may stand beside the one that expired.
    waiver = next((w for w in covering if not w.expired(bench.today)), covering[0])
    return _advise(_waive(record, waiver, bench.today), bench)


def _waive(record: Record, waiver: Waiver, today: date) -> Record:
    shown = {"owner": waiver.owner, "reason": waiver.reason, "expires": waiver.expires}
    if waiver.expired(today):
        if record.status is Status.PASS:
            return record
        return record.model_copy(
            update={
                "summary": f"{record.summary} (its waiver expired on {waiver.expires})",
                "waiver": RecordWaiver(state="expired", **shown),
            }
        )
    if record.status is Status.PASS:
        # A waiver wider than the fault would hide the next one: it has to go as soon as the fault is mended.
        return record.model_copy(
            update={
                "status": Status.FAIL,
                "summary": f"the waiver is stale, remove it: {record.summary}",
                "waiver": RecordWaiver(state="stale", **shown),
            }
        )
    return record.model_copy(update={"status": Status.WAIVED, "waiver": RecordWaiver(state="active", **shown)})


def _advise(record: Record, bench: Bench) -> Record:
    """A failure below the gate's severity is advice. A stale waiver is not: it is a fault of the configuration."""
    stale = record.waiver is not None and record.waiver.state == "stale"
    if record.status is Status.FAIL and record.severity < bench.profile.gate and not stale:
        return record.model_copy(update={"status": Status.ADVISORY})
    return record
