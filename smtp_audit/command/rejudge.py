"""`smtp-audit report`: judge recorded snapshots again, without network, and write their report.

Several snapshots (one run audits the server, another the DNS) become one report: every one is judged at its own time,
and their records stand in one matrix.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from smtp_audit.command.exit_status import ExitStatus
from smtp_audit.conclusion import conclude, unfinished_report
from smtp_audit.errors import ConfigurationError
from smtp_audit.facts.snapshot import Snapshot
from smtp_audit.judge import judge
from smtp_audit.message import shown_path
from smtp_audit.plan import Plan, prepare
from smtp_audit.record import Record
from smtp_audit.report.model import Report

_WORDS: Final = {"snapshot": "SNAPSHOT", "profile": "--profile", "config": "--config", "report": "--out"}
"""How this command calls what `build_config` knows by the names of pytest's options."""


def run_report(arguments: argparse.Namespace) -> ExitStatus:
    """Judge, write, and say the verdict."""
    from smtp_audit.report.files import write_report, write_snapshot
    from smtp_audit.report.terminal import summary_lines

    paths = [Path(name) for name in arguments.snapshots]
    plans = [_plan(path, arguments, several=len(paths) > 1) for path in paths]
    whole = merge(plans, paths)
    folder = whole.config.report
    # As in a live run: whatever happens from here on, no older open report is left standing.
    write_report(unfinished_report(whole), folder)
    report = judge_all(plans, paths, whole)
    if len(plans) == 1 and whole.recorded is not None:
        write_snapshot(whole.recorded, folder)
    write_report(report, folder)
    print("\n".join(summary_lines(report, folder)))
    return ExitStatus.OK if report.gate.open else ExitStatus.CLOSED


def _plan(path: Path, arguments: argparse.Namespace, *, several: bool) -> Plan:
    """What there is to judge, configured as `pytest --smtp-snapshot` would be in this folder."""
    from smtp_audit.configuration import build_config

    options = {
        "smtp_snapshot": str(path),
        "smtp_profile": arguments.profile,
        "smtp_config": arguments.config,
        "smtp_report": arguments.out,
    }
    here = Path.cwd()
    config = build_config(options, here, here, os.environ, option=_WORDS.__getitem__)
    if config is None:
        raise ConfigurationError("no snapshot is named")
    # A scope that the configuration states is about a run; of several runs each has its own.
    return prepare(config.model_copy(update={"scope": ()}) if several else config)


def merge(plans: Sequence[Plan], paths: Sequence[Path]) -> Plan:
    """One plan for all snapshots: what each has to judge, together.

    Raises:
        ConfigurationError: two snapshots would give two verdicts about the same control and subject.
    """
    if len(plans) == 1:
        return plans[0]
    owner: dict[tuple[str, str], Path] = {}
    for plan, path in zip(plans, paths, strict=True):
        for key in plan.expected:
            if key in owner:
                both = f"{shown_path(owner[key])} and {shown_path(path)}"
                raise ConfigurationError(f"{both} are both about {key[0]} on {key[1]}: leave one of them out")
            owner[key] = path
    first = plans[0]
    return Plan(
        config=first.config,
        profile=first.profile,
        registry=first.registry,
        subjects=tuple(dict.fromkeys(subject for plan in plans for subject in plan.subjects)),
        scope=tuple(dict.fromkeys(scope for plan in plans for scope in plan.scope)),
        pairs=tuple(pair for plan in plans for pair in plan.pairs),
        recorded=_together([snapshot for plan in plans if (snapshot := plan.recorded) is not None]),
    )


def judge_all(plans: Sequence[Plan], paths: Sequence[Path], whole: Plan, now: datetime | None = None) -> Report:
    """The report over all snapshots. Facts are judged at the time of the snapshot they are from."""
    moment = now or datetime.now(UTC)
    records: list[Record] = []
    reasons: dict[str, None] = {}
    for plan in plans:
        snapshot = plan.recorded
        if snapshot is not None:
            bench = plan.bench(snapshot.time, moment)
            mine = [judge(control, subject, snapshot.about, bench) for control, subject in plan.pairs]
            records += mine
            reasons |= dict.fromkeys(conclude(plan, mine, snapshot, moment).gate.reasons)
    report = conclude(whole, records, whole.recorded, moment)
    if len(plans) == 1:
        return report
    # What is wrong with one run (too old, from the future, broken off) is wrong with the whole.
    faults = [reason for reason in reasons if reason not in report.gate.reasons]
    report = conclude(whole, records, whole.recorded, moment, faults)
    sources = tuple(
        f"facts from {shown_path(path)}, begun {snapshot.started:%Y-%m-%d %H:%M} UTC, SHA-256 {snapshot.sha256}"
        for plan, path in zip(plans, paths, strict=True)
        if (snapshot := plan.recorded) is not None
    )
    # There is no one snapshot that this report rests on: its hash would be that of no file.
    identity = report.identity.model_copy(update={"snapshot_sha256": ""})
    return report.model_copy(update={"identity": identity, "notes": (*report.notes, *sources)})


def _together(snapshots: Sequence[Snapshot]) -> Snapshot:
    """What the identity block and the gate's own checks need of all snapshots, as one."""
    first = min(snapshots, key=lambda snapshot: snapshot.started)
    return first.model_copy(
        update={
            "targets": tuple(dict.fromkeys(target for s in snapshots for target in s.targets)),
            "subjects": tuple(dict.fromkeys(subject for s in snapshots for subject in s.subjects)),
            "scope": tuple(dict.fromkeys(scope for s in snapshots for scope in s.scope)),
            "finished": max(snapshot.finished for snapshot in snapshots),
            "complete": all(snapshot.complete for snapshot in snapshots),
            "efforts": tuple(effort for s in snapshots for effort in s.efforts),
            "observations": tuple(observation for s in snapshots for observation in s.observations),
        }
    )
