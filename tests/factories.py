"""Builders of anything that the report and the gate see. Each takes only what a test is about; the rest is harmless."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from smtp_audit.control import Medium
from smtp_audit.coverage import ClauseCoverage, ClauseStatus, Coverage, Way, WayState
from smtp_audit.facts.endpoint import Endpoint, Role
from smtp_audit.facts.observation import Absence, Facts, Line, Observation
from smtp_audit.facts.snapshot import HostEffort, Snapshot, Vantage
from smtp_audit.gate import Gate, decide
from smtp_audit.record import Evidence, EvidenceKind, Record, RecordWaiver, Severity, Status
from smtp_audit.report.model import Identity, ProfileControl, ProfileIdentity, Report
from smtp_audit.waiver import Attestation, Waiver

HOST = "mail.example.com"
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
"""When the facts of every made-up run were gathered."""


def make_endpoint(role: Role = Role.MX, host: str = HOST, port: int | None = None, **more: Any) -> Endpoint:
    """An endpoint on the standard port of its role."""
    return Endpoint(role=role, host=host, port=port or role.standard_port, **more)


def make_transcript(
    *lines: str, title: str = "Transcript at 192.0.2.25, greeting, began 2026-11-22 12:00:00 UTC"
) -> Evidence:
    """A transcript as evidence."""
    return Evidence(kind=EvidenceKind.TRANSCRIPT, title=title, lines=lines or ("  0.012 < 220 mail.example.com ESMTP",))


def make_record(
    control: str = "tls-obsolete-version",
    subject: Endpoint | str = "",
    status: Status = Status.PASS,
    severity: Severity = Severity.HIGH,
    **more: Any,
) -> Record:
    """A record; `subject` is an endpoint (default: the MX) or any text."""
    endpoint = subject if isinstance(subject, Endpoint) else make_endpoint()
    given: dict[str, Any] = {
        "control": control,
        "title": f"What {control} demands",
        "subject": subject if isinstance(subject, str) and subject else endpoint.key,
        "group": endpoint.group,
        "label": endpoint.label,
        "role": endpoint.role,
        "status": status,
        "severity": severity,
        "summary": f"seen: {status.value}",
        "expected": "as the profile says",
        "rationale": "Because of the standard.",
        "clauses": ("SEC-1",),
        "spec": ("RFC 8996",),
        "evidence": (make_transcript(),),
        "remedy": {"postfix": "smtpd_tls_mandatory_protocols = >=TLSv1.2", "dovecot": "ssl_min_protocol = TLSv1.2"},
    }
    if status is Status.WAIVED:
        given["waiver"] = RecordWaiver(owner="ops", reason="until the move", expires=date(2027, 1, 31), state="active")
    return Record(**(given | more))


def make_records_of_every_status() -> tuple[Record, ...]:
    """One record of each status."""
    return tuple(
        make_record(f"control-{number}", status=status, severity=list(Severity)[number % 5])
        for number, status in enumerate(Status)
    )


def make_clause(clause: str = "SEC-1", status: ClauseStatus = ClauseStatus.MET, **more: Any) -> ClauseCoverage:
    """A row of the matrix, shown in one way."""
    state = {
        ClauseStatus.MET: WayState.PASSING,
        ClauseStatus.NOT_MET: WayState.FAILING,
    }.get(status) or WayState(status.value)
    given: dict[str, Any] = {
        "clause": clause,
        "title": f"Title of {clause}",
        "requirement": f"What {clause} asks for.",
        "status": status,
        "ways": (Way(medium=Medium.PROBE, state=state, detail="why so", controls=("tls-obsolete-version",)),),
    }
    return ClauseCoverage(**(given | more))


def make_coverage(clauses: Iterable[ClauseCoverage] | None = None) -> Coverage:
    """A matrix; default: one clause of each status."""
    rows = (
        tuple(clauses) if clauses is not None else tuple(make_clause(f"SEC-{n}", s) for n, s in enumerate(ClauseStatus))
    )
    return Coverage(standard="enterprise-smtp-1.0", clauses=rows)


def make_identity(subjects: Sequence[Endpoint] | None = None, **more: Any) -> Identity:
    """The identity of a run against `HOST`."""
    given: dict[str, Any] = {
        "tool": "smtp_audit 0.1.0",
        "targets": (HOST,),
        "subjects": tuple(subjects) if subjects is not None else (make_endpoint(),),
        "addresses": ("192.0.2.25",),
        "scope": ("server",),
        "out_of_scope": ("dns", "roundtrip", "client"),
        "started": NOON,
        "finished": NOON + timedelta(seconds=42),
        "judged": NOON + timedelta(seconds=43),
        "vantage": Vantage(
            host="ci-7",
            platform="Linux 6.1 x86_64",
            python="3.11.7",
            openssl="OpenSSL 3.0.16",
            resolver="127.0.0.53:53",
            anchors="the system's",
            versions={"pytest": "9.2.0", "pydantic": "2.14.3"},
            command="pytest --smtp-target mail.example.com",
        ),
        "efforts": (HostEffort(address="192.0.2.25", connections=37, backoffs=1, backoff_reasons=("421",)),),
        "snapshot_sha256": "5f" * 32,
    }
    return Identity(**(given | more))


def make_profile_identity(**more: Any) -> ProfileIdentity:
    """The identity of profile `enterprise`."""
    given: dict[str, Any] = {
        "name": "enterprise",
        "title": "Enterprise SMTP Standard, TLS 1.2 and later",
        "version": "1.0",
        "sha256": "ab" * 32,
        "standard": "enterprise-smtp-1.0",
        "standard_title": "Enterprise SMTP Standard",
        "standard_version": "1.0",
        "gate": Severity.MEDIUM,
        "certificate_scope": ("server", "dns"),
    }
    return ProfileIdentity(**(given | more))


def make_waiver(**more: Any) -> Waiver:
    """A waiver for the MX's old versions."""
    given: dict[str, Any] = {
        "control": "tls-obsolete-version",
        "subject": f"{HOST}:25",
        "owner": "ops@example.com",
        "reason": "legacy partner until migration",
        "expires": date(2027, 1, 31),
    }
    return Waiver(**(given | more))


def make_attestation(**more: Any) -> Attestation:
    """An attestation of POST-6."""
    given: dict[str, Any] = {
        "clause": "POST-6",
        "owner": "ciso@example.com",
        "statement": "The penetration test was passed.",
        "evidence": "report 2026-17, page 4",
        "made": date(2026, 11, 1),
        "expires": date(2027, 11, 1),
    }
    return Attestation(**(given | more))


def make_report(records: Sequence[Record] | None = None, **more: Any) -> Report:
    """A finished report; the gate is what `decide` makes of the records (default: one of each status)."""
    given_records = tuple(records) if records is not None else make_records_of_every_status()
    controls = dict.fromkeys(record.control for record in given_records)
    given: dict[str, Any] = {
        "finished": True,
        "complete": True,
        "gate": decide(given_records, [record.key for record in given_records], Severity.MEDIUM),
        "identity": make_identity(),
        "profile": make_profile_identity(),
        "controls": tuple(
            ProfileControl(id=name, title=f"What {name} demands", severity=Severity.HIGH) for name in controls
        ),
        "records": given_records,
        "coverage": make_coverage(),
    }
    return Report(**(given | more))


def make_open_report(**more: Any) -> Report:
    """A finished report with an open gate."""
    return make_report([make_record()], **more)


def make_unfinished_report(**more: Any) -> Report:
    """The closed report that stands while a run is under way."""
    records = (make_record(status=Status.NOT_RUN, evidence=(), summary="the run has not finished"),)
    gate = Gate(open=False, reasons=("not finished: the run has not ended, or was killed",), threshold=Severity.MEDIUM)
    nothing: dict[str, Any] = {"started": None, "finished": None, "efforts": (), "addresses": (), "snapshot_sha256": ""}
    identity = make_identity(vantage=Vantage(), **nothing)
    given: dict[str, Any] = {"finished": False, "complete": False, "gate": gate, "identity": identity}
    return make_report(records, **(given | more))


def make_observation(
    facts: Facts | None = None,
    kind: str = "port",
    subject: str = f"{HOST}:25",
    absence: Absence | None = None,
    lines: Sequence[str] = (),
    **more: Any,
) -> Observation:
    """What a probe saw; with `facts` their kind is taken from them."""
    given: dict[str, Any] = {
        "kind": facts.kind if facts is not None else kind,
        "subject": subject,
        "address": "192.0.2.25",
        "facts": facts,
        "absence": absence if facts is None else None,
        "transcript": tuple(Line(seconds=n / 100, way="<", text=text) for n, text in enumerate(lines)),
        "started": NOON,
        "finished": NOON + timedelta(seconds=1),
    }
    return Observation(**(given | more))


def make_snapshot(observations: Sequence[Observation] = (), **more: Any) -> Snapshot:
    """A complete snapshot of the MX of `HOST`."""
    given: dict[str, Any] = {
        "tool": "smtp_audit 0.1.0",
        "targets": (HOST,),
        "subjects": (make_endpoint(),),
        "started": NOON,
        "finished": NOON + timedelta(seconds=42),
        "efforts": (HostEffort(address="192.0.2.25", connections=37),),
        "observations": tuple(observations),
    }
    return Snapshot(**(given | more))
