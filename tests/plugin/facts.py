"""Recorded facts and the profile that the tests of the pytest face judge them with."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from smtp_audit.facts.endpoint import Endpoint, Role
from smtp_audit.facts.observation import Absence, Facts, Observation
from smtp_audit.facts.service import FirstWords, GreetingFacts, PortFacts, Reply, StarttlsFacts
from smtp_audit.facts.snapshot import Snapshot

HOST = "mail.example.com"

PROFILE = """
name = "mini"
title = "Four controls"
version = "1"
standard = "rfc-baseline"
gate = "medium"
max_snapshot_age_hours = 24
certificate_scope = ["server"]
[controls]
port-open = { severity = "high", clauses = ["RFC5321-1"], required_roles = [] }
service-greeting = { severity = "high", clauses = ["RFC5321-1"] }
starttls-offered = { severity = "medium", clauses = ["RFC8314-1"] }
port-closed = { severity = "medium", forbidden_roles = [] }
"""

CONTROLS = ("port-open", "service-greeting", "starttls-offered", "port-closed")


def endpoint(role: Role = Role.MX, host: str = HOST) -> Endpoint:
    """An endpoint on its standard port."""
    return Endpoint(role=role, host=host, port=role.standard_port)


def mixed(*subjects: Endpoint) -> Snapshot:
    """On each subject: port-open passes, service-greeting is undetermined, starttls-offered fails, port-closed is not
    applicable."""
    return snapshot(subjects or (endpoint(),), offered=False, greets=False)


def good(*subjects: Endpoint) -> Snapshot:
    """On each subject all is well; port-closed is not applicable."""
    return snapshot(subjects or (endpoint(),), offered=True, greets=True)


def snapshot(subjects: Iterable[Endpoint], *, offered: bool, greets: bool, age: timedelta = timedelta()) -> Snapshot:
    """Facts of each subject, gathered `age` ago."""
    now = datetime.now(UTC) - age - timedelta(seconds=10)
    subjects = tuple(subjects)
    return Snapshot(
        tool="tests",
        targets=tuple(dict.fromkeys(s.host for s in subjects)),
        subjects=subjects,
        started=now,
        finished=now,
        observations=tuple(
            seen for subject in subjects for seen in _observations(subject, now, offered=offered, greets=greets)
        ),
    )


def _observations(subject: Endpoint, now: datetime, *, offered: bool, greets: bool) -> Iterable[Observation]:
    def seen(kind: type[Facts], facts: Facts | None = None, reason: str = "no greeting within 20 s") -> Observation:
        return Observation(
            kind=kind.kind,
            subject=subject.key,
            address="192.0.2.25",
            facts=facts,
            absence=None if facts else Absence.TIMEOUT,
            reason="" if facts else reason,
            started=now,
            finished=now,
        )

    reply = Reply(code="220", lines=(f"{subject.host} ESMTP Postfix",))
    greeting = GreetingFacts(role=subject.role, first=FirstWords.CLEAR_GREETING, reply=reply, seconds=0.1)
    yield seen(PortFacts, PortFacts(role=subject.role, declared=True, open=True))
    yield seen(GreetingFacts, greeting if greets else None)
    yield seen(StarttlsFacts, StarttlsFacts(offered=offered))
