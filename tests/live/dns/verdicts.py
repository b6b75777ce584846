"""What the audit of a domain said, and how that differs from what it must say."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from smtp_audit.conclusion import conclude
from smtp_audit.configuration.model import Config
from smtp_audit.control import load_builtin
from smtp_audit.facts.endpoint import Domain
from smtp_audit.judge import judge
from smtp_audit.pipeline import AuditResult
from smtp_audit.plan import prepare
from smtp_audit.record import Record, Status

from .zones import Case

_CONTROLS = {
    control.id: control
    for control in load_builtin()
    if control.subject is Domain and control.origin.startswith("smtp_audit.controls.")
}

CONTROLS = frozenset(_CONTROLS)
"""The controls that this lab has to show at work."""

_NEEDED: Mapping[str, Callable[[Case], object]] = {
    "name_servers": lambda case: case.authoritative,
    "block_lists": lambda case: case.dnsbl,
    "sending": lambda case: case.sending,
    "spf_sending": lambda case: case.sending,
    "sending_helo": lambda case: case.helo,
    "spf_helo": lambda case: case.helo,
}
"""What has to be configured for facts of these kinds."""

FAILED = frozenset({Status.FAIL, Status.ADVISORY, Status.WAIVED})
UNKNOWN = frozenset({Status.INDETERMINATE, Status.ERROR})


@dataclass(frozen=True)
class Verdicts:
    """The verdicts of one audit on its domain."""

    result: AuditResult
    records: Mapping[str, Record]

    def of(self, statuses: Iterable[Status]) -> frozenset[str]:
        """The controls that came to one of these."""
        wanted = frozenset(statuses)
        return frozenset(control for control, record in self.records.items() if record.status in wanted)

    def show(self, control: str) -> str:
        """One verdict in a line."""
        record = self.records.get(control)
        return f"{control}: no verdict" if record is None else f"{control}: {record.status}: {record.summary}"


def audited(config: Config) -> Verdicts:
    """Audit a domain, and keep what is said of it."""
    plan = prepare(config)
    # Its servers are there for what they show beside the DNS; they have a lab of their own.
    plan = replace(plan, pairs=tuple(pair for pair in plan.pairs if isinstance(pair[1], Domain)))
    snapshot = plan.source().finish()
    bench = plan.bench(snapshot.time, datetime.now(UTC))
    judged = [judge(control, subject, snapshot.about, bench) for control, subject in plan.pairs]
    result = AuditResult(conclude(plan, judged, snapshot), snapshot)
    mine = {record.control: record for record in result.records if record.control in CONTROLS}
    return Verdicts(result, mine)


def not_asked_for(case: Case) -> frozenset[str]:
    """The controls that are not run for what the configuration of this domain's audit does not give."""
    missing = {kind for kind, given in _NEEDED.items() if not given(case)}
    return frozenset(name for name, control in _CONTROLS.items() if missing & {need.kind for need in control.needs})


def differences(case: Case, verdicts: Verdicts) -> list[str]:
    """What the audit said otherwise than it must, a line each."""
    expected = ((case.must_fail, FAILED, "fail"), (case.unknown, UNKNOWN, "come to no verdict"))
    expected += ((case.not_run | not_asked_for(case), frozenset({Status.NOT_RUN}), "not be run"),)
    lines = []
    for listed, statuses, word in expected:
        there = verdicts.of(statuses)
        lines += [f"{case.name}: must {word}: {verdicts.show(control)}" for control in sorted(listed - there)]
        unlisted = frozenset() if case.only else there - listed
        lines += [f"{case.name}: is not listed to {word}: {verdicts.show(control)}" for control in sorted(unlisted)]
    listed_twice = (case.must_fail & case.unknown) | (case.must_fail & case.not_run) | (case.unknown & case.not_run)
    lines += [f"{case.name}: listed twice: {control}" for control in sorted(listed_twice)]
    return lines
