"""Runs the audit as a user does, `python -m pytest --smtp-...` in an empty directory, and reads its report."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .catalogue import CONTROLS, DOMAIN, judged
from .lab import Place

LONGEST_SECONDS = 300.0
"""An audit that takes longer is a failure by itself; below pytest-timeout's limit of such a test."""

PROFILES = {
    "enterprise": Path(__file__).with_name("lab-profile.toml"),
    "enterprise-strict": Path(__file__).with_name("lab-profile-strict.toml"),
}
"""The shipped profiles, each with the one list changed that no authority of a lab can be on."""

PASSWORD_VARIABLE = "SMTP_AUDIT_PASSWORD"

Tables = Mapping[str, Mapping[str, str | int | Sequence[str]]]
"""Further tables of a configuration file, by name."""

_UNDECIDED = frozenset({"indeterminate", "error", "not_run"})


@dataclass(frozen=True)
class Outcome:
    """What one audit said."""

    exit_status: int
    output: str
    seconds: float
    report: Mapping[str, Any]

    @property
    def gate_open(self) -> bool:
        return bool(self.report["gate"]["open"])

    @property
    def reasons(self) -> list[Any]:
        return list(self.report["gate"]["reasons"])

    @property
    def records(self) -> list[Mapping[str, Any]]:
        return list(self.report["records"])

    def statuses(self, subject: str) -> dict[str, str]:
        """control -> status, for the controls that this suite knows."""
        found: dict[str, str] = {}
        for record in self.records:
            if record["subject"] == subject and record["control"] in CONTROLS:
                if record["control"] in found:
                    raise AssertionError(f"two records of {record['control']} on {subject}")
                found[record["control"]] = record["status"]
        return found

    def failed(self, subject: str) -> frozenset[str]:
        """The controls that failed, below the gate's severity included."""
        return self._with(subject, {"fail", "advisory"})

    def passed(self, subject: str) -> frozenset[str]:
        return self._with(subject, {"pass"})

    def undecided(self, subject: str, group: str = "quick") -> frozenset[str]:
        """The controls without a verdict, though an audit of this group of servers may look."""
        role = next((record["role"] for record in self.records if record["subject"] == subject), "")
        return self._with(subject, _UNDECIDED) & judged(group, role)

    def explain(self, subject: str, controls: Iterable[str]) -> str:
        """The records behind a surprise, for the assertion's message."""
        wanted = set(controls)
        lines = [
            f"{record['control']}: {record['status']}: {record['summary']}"
            for record in self.records
            if record["subject"] == subject and record["control"] in wanted
        ]
        return "\n".join([f"{subject}:", *lines])

    def _with(self, subject: str, statuses: Iterable[str]) -> frozenset[str]:
        wanted = set(statuses)
        return frozenset(name for name, status in self.statuses(subject).items() if status in wanted)


def audited(
    directory: Path,
    *options: str,
    password: str | None = None,
    secrets: Mapping[str, str] | None = None,
    longest: float = LONGEST_SECONDS,
) -> Outcome:
    """Run the audit with these options; raises AssertionError when it leaves no report behind.

    `secrets` are further variables of its environment, as `password` is one; no others that begin with SMTP_AUDIT_
    reach it.
    """
    directory.mkdir(exist_ok=True)
    reports = directory / "audit-reports"
    # This run's own pytest must not reach into the audit's, and no password may come from outside.
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTEST", "COV_", "COVERAGE", PASSWORD_VARIABLE))
    }
    environment |= secrets or {}
    if password is not None:
        environment[PASSWORD_VARIABLE] = password
    # Hypothesis' plugin, which few users have, reads all of it at the end of every run; and pytest looks for garbage
    # five times then, a second and a half of processor time, for warnings that tests/plugin would show.
    left_out = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-p", "no:unraisableexception")
    command = [sys.executable, "-m", "pytest", *left_out, "--smtp-report", str(reports)]
    began = time.monotonic()
    run = subprocess.run(
        [*command, *options],
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=longest,
        check=False,
    )
    seconds = time.monotonic() - began
    report = reports / "report.json"
    if not report.exists():
        raise AssertionError(f"no report, exit status {run.returncode}:\n{run.stdout[-6000:]}")
    return Outcome(run.returncode, run.stdout, seconds, json.loads(report.read_text()))


def audited_places(
    directory: Path,
    places: Sequence[Place],
    *,
    anchors: Path,
    profile: str = "enterprise",
    user: str | None = None,
    password: str | None = None,
    connections: int = 2,
    options: Sequence[str] = (),
    tables: Tables | None = None,
    secrets: Mapping[str, str] | None = None,
    longest: float = LONGEST_SECONDS,
) -> Outcome:
    """Run the audit on these endpoints, with a configuration file."""
    directory.mkdir(exist_ok=True)
    path = directory / "smtp-audit.toml"
    path.write_text(
        configuration(places, anchors=anchors, profile=profile, user=user, connections=connections, tables=tables)
    )
    return audited(directory, "--smtp-config", str(path), *options, password=password, secrets=secrets, longest=longest)


def configuration(
    places: Sequence[Place],
    *,
    anchors: Path,
    profile: str,
    user: str | None = None,
    connections: int = 2,
    tables: Tables | None = None,
) -> str:
    """A configuration file for these endpoints; `profile` is one of PROFILES.

    The budget is wide: what is tested here is what an audit sees, not how patiently it asks. But two connections
    at once are enough: 160 servers share two processors, and some would be too late with an answer.
    """
    lines = [
        # Named, and so a stranger: the servers' own host is one that they may trust.
        'sources = ["127.0.0.1"]',
        f"profile = {_text(str(PROFILES[profile]))}",
        # The domain is for the addresses in envelopes; its DNS has a lab of its own.
        'scope = ["server"]',
        f"ca = {_text(str(anchors))}",
        # Nobody answers there: an audit of given addresses needs no name server.
        f"resolver = {_text(places[0].address + ':53')}",
        "[target]",
        f"domain = {_text(DOMAIN)}",
    ]
    for place in places:
        lines += [
            "[[target.endpoint]]",
            f"role = {_text(place.role)}",
            f"host = {_text(place.host)}",
            f"address = {_text(place.address)}",
            f"port = {place.port}",
        ]
    lines += ["[budget]", f"connections = {connections}", "per_second = 500", "total = 20000"]
    if user is not None:
        lines += ["[credentials]", f"user = {_text(user)}", f"password_env = {_text(PASSWORD_VARIABLE)}"]
    for name, table in (tables or {}).items():
        lines += [f"[{name}]", *(f"{key} = {_text(value)}" for key, value in table.items())]
    return "\n".join(lines) + "\n"


def _text(value: str | int | Sequence[str]) -> str:
    # JSON of plain strings, numbers and lists of them is TOML, too.
    return json.dumps(value)
