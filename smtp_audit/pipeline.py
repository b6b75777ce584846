"""The whole flow as a library: target -> probes -> snapshot -> controls -> records -> gate and report.

`audit()` is the flow in one call. The pytest face takes the same steps one by one: `plan.prepare`, then for each pair
`judge` as facts arrive, then `conclusion.conclude`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from smtp_audit.conclusion import conclude
from smtp_audit.configuration.model import Config
from smtp_audit.control import Registry
from smtp_audit.facts.snapshot import Snapshot
from smtp_audit.gate import Gate
from smtp_audit.judge import judge
from smtp_audit.plan import prepare
from smtp_audit.record import Record
from smtp_audit.report.model import Report


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
    bench = plan.bench(source.time, now or datetime.now(UTC))
    try:
        # As facts arrive: most of the time of a gathering is spent waiting for answers.
        records = [judge(control, subject, source.wait, bench) for control, subject in plan.pairs]
        snapshot = source.finish()
    except BaseException:
        source.stop()
        raise
    return AuditResult(conclude(plan, records, snapshot, now), snapshot)
