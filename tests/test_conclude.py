"""The report of a run: what keeps the gate closed beside the records, and when a certificate is full."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_audit.conclusion import conclude, unfinished_report
from smtp_audit.configuration.model import Config, Scope
from smtp_audit.control import Medium, load_builtin
from smtp_audit.errors import ConfigurationError
from smtp_audit.facts.dns import MxFacts
from smtp_audit.facts.endpoint import Endpoint, Role
from smtp_audit.facts.observation import Absence, Observation
from smtp_audit.facts.snapshot import Snapshot
from smtp_audit.judge import judge, pairs
from smtp_audit.pipeline import audit
from smtp_audit.plan import Plan, prepare
from smtp_audit.profile import Profile
from smtp_audit.record import Record, Severity, Status, WhenNotRun
from smtp_audit.report.model import Report
from smtp_audit.waiver import Attestation, Waiver
from tests.facts_factories import (
    ADDRESS,
    HOST,
    NOW,
    absent,
    clause,
    endpoint,
    line,
    port,
    profile,
    record,
    seen,
    snapshot,
    starttls,
)

RULES = {
    "port-open": line(Severity.HIGH, "C-1", parameters={"required_roles": [Role.MX]}),
    "starttls-offered": line(Severity.HIGH, "C-1"),
}
CLAUSES = (clause("C-1"),)
OPEN = seen(port())
STARTTLS = seen(starttls())


def plan(
    rules: Profile | None = None,
    subjects: tuple[Endpoint, ...] = (),
    scope: tuple[Scope, ...] = (Scope.SERVER,),
    **config: Any,
) -> Plan:
    registry = load_builtin()
    chosen = rules or profile(RULES, *CLAUSES)
    endpoints = subjects or (endpoint(),)
    return Plan(
        config=Config(endpoints=endpoints, **config),
        profile=chosen,
        registry=registry,
        subjects=endpoints,
        scope=scope,
        pairs=pairs(chosen, registry, endpoints, ["server"]),
    )


def concluded(
    of: Plan | None = None, facts: Snapshot | None = None, now: datetime = NOW, faults: tuple[str, ...] = ()
) -> Report:
    """Everything judged, and concluded."""
    of = of or plan()
    facts = facts or snapshot(OPEN, STARTTLS, subjects=of.subjects)
    bench = of.bench(facts.time, now)
    records = [judge(control, subject, facts.about, bench) for control, subject in of.pairs]
    return conclude(of, records, facts, now, faults)


def test_open_when_all_is_well() -> None:
    report = concluded()
    assert report.gate.open, report.gate.reasons
    assert report.finished
    assert report.complete
    assert [r.key for r in report.records] == [("port-open", f"{HOST}:25"), ("starttls-offered", f"{HOST}:25")]
    assert report.certificate == "full"
    assert report.identity.snapshot_sha256 == snapshot(OPEN, STARTTLS).sha256
    assert (report.identity.started, report.identity.judged) == (NOW, NOW)


# ----------------------------------------------------------------------------------------- beside the records: facts

_MX_FAILED = absent(MxFacts.kind, Absence.UNREACHABLE, "SERVFAIL", "example.com", None)


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        (snapshot(OPEN, STARTTLS, complete=False), "gathering did not run to its end"),
        (snapshot(OPEN, STARTTLS, started=NOW - timedelta(hours=25)), "25.0 hours old; profile test takes at most 24"),
        (snapshot(OPEN, STARTTLS, started=NOW + timedelta(minutes=6)), "from the future"),
        (snapshot(OPEN, STARTTLS, _MX_FAILED), "example.com: the MX look-up failed (SERVFAIL)"),
        (snapshot(seen(port(is_open=False)), STARTTLS), f"no port of {HOST} took a connection"),
        (snapshot(STARTTLS), f"no port of {HOST} took a connection"),
        (snapshot(), f"no port of {HOST} took a connection"),
    ],
)
def test_facts_that_prove_nothing_keep_the_gate_closed(facts: Snapshot, says: str) -> None:
    report = concluded(facts=facts)
    assert not report.gate.open
    assert any(says in reason for reason in report.gate.reasons), report.gate.reasons
    assert report.certificate == "none"


@pytest.mark.parametrize("age", [timedelta(0), timedelta(hours=24), -timedelta(minutes=5)])
def test_facts_of_an_age_that_is_taken(age: timedelta) -> None:
    assert concluded(facts=snapshot(OPEN, STARTTLS, started=NOW - age)).gate.open


def test_old_facts_never_open_todays_gate_though_their_verdicts_stay() -> None:
    facts = snapshot(OPEN, STARTTLS)
    today, later = concluded(facts=facts), concluded(facts=facts, now=NOW + timedelta(days=30))
    assert (today.gate.open, later.gate.open) == (True, False)
    assert today.records == later.records


def test_one_dead_host_of_two_keeps_the_gate_closed() -> None:
    other = endpoint(host="mx2.example.com", declared=False)
    rules = profile({"port-open": line(parameters={"required_roles": []})})
    of = plan(rules, (endpoint(), other))
    dead = seen(port(is_open=False, declared=False), other.key)
    report = concluded(of, snapshot(OPEN, dead, subjects=of.subjects))
    assert {r.status for r in report.records} == {Status.PASS, Status.NOT_APPLICABLE}
    assert report.gate.reasons == ("no port of mx2.example.com took a connection: nothing there was audited",)


SECOND = "192.0.2.26"


def _with_starttls(role: Role, subject: str, address: str) -> list[Observation]:
    return [seen(port(role, declared=False), subject, address), seen(starttls(), subject, address)]


def _closed(role: Role, subject: str, address: str) -> list[Observation]:
    refuses = port(role, is_open=False, declared=False)
    return [seen(refuses, subject, address), absent("starttls", Absence.CLOSED, "", subject, address)]


def test_an_address_that_refuses_every_port_keeps_the_gate_closed() -> None:
    """Undeclared and not required, a closed port is no fault; an address with nothing but those is."""
    rules = profile({"port-open": line(parameters={"required_roles": []}), "starttls-offered": line()})
    first, other = endpoint(declared=False), endpoint(Role.SUBMISSION, declared=False)
    of = plan(rules, (first, other))
    facts = [
        *_with_starttls(Role.MX, first.key, ADDRESS),
        *_closed(Role.MX, first.key, SECOND),
        *_closed(Role.SUBMISSION, other.key, ADDRESS),
    ]
    report = concluded(of, snapshot(*facts, *_closed(Role.SUBMISSION, other.key, SECOND), subjects=of.subjects))
    assert {r.status for r in report.records} == {Status.PASS, Status.NOT_APPLICABLE}
    assert report.gate.reasons == (f"no port of {HOST} took a connection at {SECOND}: nothing there was audited",)

    facts += _with_starttls(Role.SUBMISSION, other.key, SECOND)
    assert concluded(of, snapshot(*facts, subjects=of.subjects)).gate.open, "one open port at each address is enough"


@pytest.mark.parametrize("where", [SECOND, None])
def test_an_address_of_which_nothing_is_known_keeps_the_gate_closed(where: str | None) -> None:
    unseen = absent("port", Absence.TIMEOUT, "no answer", address=where)
    report = concluded(facts=snapshot(OPEN, STARTTLS, unseen))
    named = where or "an address that is not known"
    assert f"no port of {HOST} took a connection at {named}: nothing there was audited" in report.gate.reasons


def test_no_facts_at_all() -> None:
    report = conclude(plan(), [], None, NOW)
    assert not report.gate.open
    assert "no facts were gathered" in report.gate.reasons
    assert {r.status for r in report.records} == {Status.NOT_RUN}
    assert not report.complete


def test_an_interrupt_keeps_the_gate_closed() -> None:
    report = concluded(faults=("interrupted",))
    assert report.gate.reasons == ("interrupted",)


def test_unfinished_report_is_closed_and_names_everything() -> None:
    report = unfinished_report(plan(), NOW)
    assert not report.gate.open
    assert "not finished" in report.gate.reasons[0]
    assert not report.finished
    assert not report.complete
    assert report.certificate == "none"
    assert [(r.control, r.status) for r in report.records] == [
        ("port-open", Status.NOT_RUN),
        ("starttls-offered", Status.NOT_RUN),
    ]
    assert "has not finished" in report.records[0].summary


# ---------------------------------------------------------------------------------------------- what was not judged


def test_a_deselected_control_keeps_the_gate_closed_and_is_listed() -> None:
    of = plan()
    report = conclude(of, [record("port-open")], snapshot(OPEN, STARTTLS), NOW)
    assert not report.gate.open
    assert "1 of 2 not judged: starttls-offered on mail.example.com:25" in report.gate.reasons
    left_out = report.records[1]
    assert (left_out.control, left_out.status) == ("starttls-offered", Status.NOT_RUN)
    assert "deselected" in left_out.summary
    assert not report.complete


def test_leaving_out_a_control_that_may_be_listed_keeps_the_gate_closed_all_the_same() -> None:
    """`when_not_run = "list"` is for a probe that was not allowed: there is a record then, and it says so."""
    rules = profile({"port-open": RULES["port-open"], "tls-robot": line(when_not_run=WhenNotRun.LIST)})
    of = plan(rules)
    assert not conclude(of, [record("port-open")], snapshot(OPEN), NOW).gate.open
    not_allowed = absent("tls_flaws", Absence.NOT_ALLOWED, "give --smtp-slow")
    assert concluded(of, snapshot(OPEN, not_allowed)).gate.open


def test_records_come_in_the_order_of_the_plan() -> None:
    of = plan(subjects=(endpoint(), endpoint(Role.SUBMISSION)))
    records = [record(control, subject=subject) for control, subject in of.expected]
    report = conclude(of, records[::-1], snapshot(OPEN, subjects=of.subjects), NOW)
    assert tuple(r.key for r in report.records) == of.expected


@given(st.sets(st.integers(0, 3)))
def test_a_gap_never_opens_the_gate(left_out: set[int]) -> None:
    of = plan(subjects=(endpoint(), endpoint(Role.SUBMISSION)))
    records = [record(c, subject=s) for n, (c, s) in enumerate(of.expected) if n not in left_out]
    report = conclude(of, records, snapshot(OPEN, subjects=of.subjects), NOW)
    assert report.gate.open is (not left_out)
    assert {r.key for r in report.records} == set(of.expected)


# -------------------------------------------------------------------------------------------------- full certificate

_ATTEST = clause("C-2", (Medium.ATTEST,))
_STATEMENT = Attestation(
    clause="C-2", owner="ops", statement="so", evidence="here", made=NOW.date(), expires=NOW.date() + timedelta(days=9)
)


def _certificate(rules: Profile, **more: Any) -> str:
    return concluded(plan(rules, **more)).certificate


def test_full_only_when_every_clause_is_met_or_attested() -> None:
    both = (*CLAUSES, _ATTEST)
    assert _certificate(profile(RULES, *both), attestations=(_STATEMENT,)) == "full"
    assert _certificate(profile(RULES, *both)) == "none"
    assert _certificate(profile(RULES, *CLAUSES, clause("C-3"))) == "none"
    assert _certificate(profile(RULES, *CLAUSES, partly={"C-1": {Medium.PROBE: "not all"}})) == "none"


def test_full_only_in_the_scope_that_the_profile_demands() -> None:
    wide = profile(RULES, *CLAUSES, certificate_scope=("server", "dns"))
    assert _certificate(wide) == "none"
    assert _certificate(wide, scope=(Scope.SERVER, Scope.DNS)) == "full"


def test_full_only_when_the_gate_is_open() -> None:
    assert concluded(faults=("interrupted",)).certificate == "none"


def test_a_waiver_opens_the_gate_and_not_the_standard() -> None:
    waiver = Waiver(control="starttls-offered", owner="ops", reason="x", expires=NOW.date())
    unused = Waiver(control="port-open", subject="other:25", owner="ops", reason="x", expires=NOW.date())
    facts = snapshot(OPEN, seen(starttls(offered=False)))
    report = concluded(plan(waivers=(waiver, unused)), facts)
    assert report.gate.open
    assert report.certificate == "none"
    assert report.unused_waivers == (unused,)
    assert concluded(plan(waivers=(waiver,)), facts, NOW + timedelta(hours=13)).gate.open is False


# ------------------------------------------------------------------------------------------------- judging a snapshot


def _saved(folder: Any, facts: Snapshot) -> Config:
    path = folder / "snapshot.json"
    path.write_text(facts.dump())
    return Config(snapshot=path, profile="rfc-baseline")


def _facts(*more: Observation, **fields: Any) -> Snapshot:
    return snapshot(OPEN, STARTTLS, *more, **fields)


def test_a_snapshot_judged_again_gives_the_same_records(tmp_path: Any) -> None:
    config = _saved(tmp_path, _facts())
    first, second = audit(config, now=NOW), audit(config, now=NOW + timedelta(days=400))
    assert first.records == second.records
    assert first.snapshot == second.snapshot
    assert first.report.identity.recorded
    statuses: dict[str, Record] = {r.control: r for r in first.records}
    assert statuses["starttls-offered"].status is Status.PASS
    assert statuses["tls-obsolete-version"].status is Status.NOT_RUN
    assert not first.gate.open


def test_a_snapshot_of_another_scope_is_refused_in_one_line(tmp_path: Any) -> None:
    with pytest.raises(ConfigurationError, match="scope 'moon'") as raised:
        prepare(_saved(tmp_path, _facts(scope=("server", "moon"))))
    assert "\n" not in str(raised.value)


def test_a_snapshot_without_subjects_is_no_target(tmp_path: Any) -> None:
    with pytest.raises(ConfigurationError, match="no target"):
        prepare(_saved(tmp_path, _facts(subjects=())))


def test_a_waiver_of_an_unknown_control_is_answered_with_the_nearest() -> None:
    waiver = Waiver(control="port-opne", owner="ops", reason="x", expires=NOW.date())
    with pytest.raises(ConfigurationError, match=r"control 'port-opne' \(did you mean 'port-open'\?\)"):
        prepare(Config(endpoints=(endpoint(),), waivers=(waiver,)))


def _attesting(clause_id: str, **more: Any) -> Config:
    statement = _STATEMENT.model_copy(update={"clause": clause_id})
    return Config(endpoints=(endpoint(),), attestations=(statement,), **more)


@pytest.mark.parametrize(
    ("clause_id", "says"),
    [
        ("STACK-99", "an attestation names the clause 'STACK-99' of enterprise-smtp-1.0 (did you mean 'STACK-9'?)"),
        ("nothing like it", "an attestation names the clause 'nothing like it' of enterprise-smtp-1.0"),
        ("two\nlines", "an attestation names the clause 'two"),
        ("CORE-2", "the clause CORE-2 cannot be attested: it has to be shown by probe"),
    ],
)
def test_an_attestation_that_cannot_count_is_refused_in_one_line(clause_id: str, says: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        prepare(_attesting(clause_id))
    assert says in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1


def test_an_attestation_of_the_standard_of_the_run_is_taken() -> None:
    assert prepare(_attesting("CORE-4")).profile.standard.id == "enterprise-smtp-1.0"


def test_an_attestation_of_another_shipped_standard_says_nothing_here() -> None:
    of = prepare(_attesting("CORE-4", profile="rfc-baseline"))
    assert "CORE-4" not in {c.id for c in of.profile.standard.clause}
    report = unfinished_report(of, NOW)
    assert [a.clause for a in report.attestations] == ["CORE-4"]
    assert not [row for row in report.coverage.clauses if row.attestation]


def test_the_configuration_may_move_the_gate() -> None:
    assert prepare(Config(endpoints=(endpoint(),))).profile.gate is Severity.MEDIUM
    assert prepare(Config(endpoints=(endpoint(),), gate=Severity.INFO)).profile.gate is Severity.INFO
