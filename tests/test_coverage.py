"""The clause matrix: what makes a clause met, and what does not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_audit.control import Medium, load_builtin
from smtp_audit.coverage import MEDIUM_SCOPE, ClauseCoverage, ClauseStatus, Coverage, WayState, cover
from smtp_audit.facts.endpoint import Role
from smtp_audit.profile import ControlRule, Profile, load_profile
from smtp_audit.record import Record, Severity, Status
from smtp_audit.waiver import Attestation
from tests.facts_factories import HOST, clause, line, profile, record

TODAY = date(2026, 6, 1)
ALL_SCOPES = frozenset(MEDIUM_SCOPE.values())
PROBE, DNS, ATTEST = Medium.PROBE, Medium.DNS, Medium.ATTEST


def shows(*clauses: str, medium: Medium = PROBE) -> ControlRule:
    return line(Severity.HIGH, *(clauses or ("C-1",)), medium=medium)


def attested(clause_id: str = "C-1", made: int = -1, expires: int = 1) -> Attestation:
    return Attestation(
        clause=clause_id,
        owner="ops",
        statement="it holds",
        evidence="minutes",
        made=TODAY + timedelta(days=made),
        expires=TODAY + timedelta(days=expires),
    )


def row(
    rules: Profile,
    *records: Record,
    scope: Sequence[str] | frozenset[str] = ALL_SCOPES,
    attestations: Sequence[Attestation] = (),
) -> ClauseCoverage:
    return cover(rules, records, scope, attestations, TODAY).clauses[0]


def one(by: Sequence[Medium] = (PROBE,), **more: object) -> Profile:
    """A profile with controls `a` and `b` for the only clause, which is shown `by` these media."""
    return profile({"a": shows(), "b": shows()}, clause(by=by), **more)  # type: ignore[arg-type]


def test_met_when_all_of_its_controls_pass() -> None:
    found = row(one(), record("a"), record("b"))
    assert found.status is ClauseStatus.MET
    (way,) = found.ways
    assert (way.state, way.controls, way.detail) == (WayState.PASSING, ("a", "b"), "2 controls pass")


def test_not_applicable_on_one_subject_is_no_obstacle() -> None:
    elsewhere = record("a", Status.NOT_APPLICABLE, "mail.example.com:587")
    assert row(one(), record("a"), elsewhere, record("b")).status is ClauseStatus.MET


@pytest.mark.parametrize("status", [Status.FAIL, Status.ADVISORY, Status.WAIVED])
def test_not_met_when_one_fails_waived_or_not(status: Status) -> None:
    found = row(one(), record("a"), record("b", status, "x:25"))
    assert found.status is ClauseStatus.NOT_MET
    assert found.ways[0].detail == "b on x:25"


@pytest.mark.parametrize("status", [Status.INDETERMINATE, Status.ERROR, Status.NOT_RUN])
def test_undetermined_when_one_is_unclear(status: Status) -> None:
    found = row(one(), record("a"), record("b", status, "x:25"))
    assert (found.status, found.ways[0].detail) == (ClauseStatus.UNDETERMINED, "b on x:25")


def test_a_failure_wins_over_what_is_unclear() -> None:
    assert row(one(), record("a", Status.ERROR), record("b", Status.FAIL)).status is ClauseStatus.NOT_MET


@pytest.mark.parametrize("records", [(record("a"),), (record("a"), record("b", Status.NOT_APPLICABLE))])
def test_a_control_that_was_applied_nowhere_proves_nothing(records: tuple[Record, ...]) -> None:
    found = row(one(), *records)
    assert found.status is ClauseStatus.UNDETERMINED
    assert found.ways[0].detail == "applied nowhere in this run: b"


def test_no_record_at_all_is_undetermined() -> None:
    assert row(one()).status is ClauseStatus.UNDETERMINED


def test_records_of_controls_that_do_not_show_the_clause_do_not_count() -> None:
    assert row(one(), record("a"), record("b"), record("c", Status.FAIL)).status is ClauseStatus.MET
    assert row(profile({"c": line()}, clause()), record("c")).status is ClauseStatus.NOT_COVERED_YET


def test_not_covered_yet_when_no_control_reaches_it() -> None:
    found = row(profile({}, clause()))
    assert found.status is ClauseStatus.NOT_COVERED_YET
    assert found.ways[0].detail == "no control reaches it yet"
    named = row(profile({}, clause(), partly={"C-1": {PROBE: "suites are not looked at"}}))
    assert (named.status, named.ways[0].detail) == (ClauseStatus.NOT_COVERED_YET, "suites are not looked at")


def test_partly_covered_when_the_profile_says_so() -> None:
    rules = one(partly={"C-1": {PROBE: "suites are not looked at"}})
    found = row(rules, record("a"), record("b"))
    assert found.status is ClauseStatus.PARTLY_COVERED
    assert found.ways[0].detail == "not covered yet: suites are not looked at"
    assert row(rules, record("a"), record("b", Status.FAIL)).status is ClauseStatus.NOT_MET
    assert row(rules, record("a"), record("b", Status.ERROR)).status is ClauseStatus.UNDETERMINED


def test_partly_covered_when_a_second_way_has_no_control() -> None:
    found = row(one(by=(PROBE, DNS)), record("a"), record("b"))
    assert [way.state for way in found.ways] == [WayState.PASSING, WayState.NOT_COVERED_YET]
    assert found.status is ClauseStatus.PARTLY_COVERED


def test_every_way_in_scope_has_to_be_shown() -> None:
    rules = profile({"a": shows(), "d": shows(medium=DNS)}, clause(by=(PROBE, DNS)))
    dns_record = record("d", medium="dns")
    assert row(rules, record("a"), dns_record).status is ClauseStatus.MET
    assert row(rules, record("a"), record("d", Status.FAIL, medium="dns")).status is ClauseStatus.NOT_MET
    assert row(rules, record("a"), scope=["server"]).status is ClauseStatus.MET
    assert row(rules, record("a"), scope=["server"]).ways[1].state is WayState.OUT_OF_SCOPE
    assert row(rules, scope=["host"]).status is ClauseStatus.OUT_OF_SCOPE


def test_a_control_of_another_medium_does_not_show_this_one() -> None:
    rules = profile({"d": shows(medium=DNS)}, clause(by=(PROBE,)))
    assert row(rules, record("d", medium="dns")).status is ClauseStatus.NOT_COVERED_YET


# ---------------------------------------------------------------------------------------------------- attestations


def test_attested_where_only_a_person_can_know() -> None:
    found = row(profile({}, clause(by=(ATTEST,))), attestations=[attested()])
    assert found.status is ClauseStatus.ATTESTED
    assert found.attestation is not None
    assert found.ways[0].detail == "by ops until 2026-06-02"


@pytest.mark.parametrize("days", [(0, 0), (-400, 0), (0, 400)])
def test_an_attestation_holds_through_its_last_day(days: tuple[int, int]) -> None:
    held = attested("C-1", *days)
    assert row(profile({}, clause(by=(ATTEST,))), attestations=[held]).status is ClauseStatus.ATTESTED


@pytest.mark.parametrize("wrong", [attested(made=-9, expires=-1), attested(made=1, expires=9), attested("C-2")])
def test_an_attestation_that_does_not_hold_is_none(wrong: Attestation) -> None:
    found = row(profile({}, clause(by=(ATTEST,))), attestations=[wrong])
    assert found.status is ClauseStatus.UNDETERMINED
    assert found.attestation is None
    assert found.ways[0].detail == "no valid attestation"


def test_a_valid_attestation_counts_beside_an_expired_one() -> None:
    both = [attested(), attested(made=-9, expires=-1)]
    for order in (both, both[::-1]):
        assert row(profile({}, clause(by=(ATTEST,))), attestations=order).status is ClauseStatus.ATTESTED


def test_an_attestation_does_not_stand_in_for_what_a_program_can_show() -> None:
    assert row(profile({}, clause(by=(PROBE,))), attestations=[attested()]).status is ClauseStatus.NOT_COVERED_YET
    assert row(profile({}, clause(by=(PROBE,))), attestations=[attested()]).attestation is None
    both = one(by=(PROBE, ATTEST))
    assert row(both, record("a"), record("b"), attestations=[attested()]).status is ClauseStatus.MET
    assert row(both, record("a"), record("b", Status.FAIL), attestations=[attested()]).status is ClauseStatus.NOT_MET
    assert row(both, record("a"), record("b")).status is ClauseStatus.UNDETERMINED
    out_of_scope = row(both, scope=["organisation"], attestations=[attested()])
    assert out_of_scope.status is ClauseStatus.PARTLY_COVERED


def test_an_attestation_needs_no_scope() -> None:
    found = row(profile({}, clause(by=(ATTEST,))), scope=["server"], attestations=[attested()])
    assert found.status is ClauseStatus.ATTESTED
    assert row(profile({}, clause(by=(ATTEST,))), scope=["server"]).status is ClauseStatus.OUT_OF_SCOPE


# ------------------------------------------------------------------------------------------- roles that are required

MX, SUBMISSION, IMAPS = Role.MX, Role.SUBMISSION, Role.IMAPS


def requiring(*required: Role, about: tuple[Role, ...] = tuple(Role), **more: Any) -> Profile:
    """A profile that requires roles, by a control of another clause, and whose control `a` is about some."""
    demand = line(Severity.HIGH, "C-2", parameters={"required_roles": list(required)}, roles=tuple(Role))
    return profile({"a": line(Severity.HIGH, "C-1", roles=about), "demand": demand}, clause(), **more)


def looked_at(*roles: Role, control: str = "a", status: Status = Status.PASS) -> list[Record]:
    return [record(control, status, f"{HOST}:{role.standard_port}", role=role) for role in roles]


def test_undetermined_while_a_required_role_was_not_looked_at() -> None:
    found = row(requiring(MX, SUBMISSION, IMAPS), *looked_at(MX))
    assert found.status is ClauseStatus.UNDETERMINED
    assert found.ways[0].state is WayState.UNDETERMINED
    assert found.ways[0].detail == "no endpoint of these roles was looked at in this run: imaps, submission"


def test_met_when_every_required_role_was_looked_at() -> None:
    assert row(requiring(MX, SUBMISSION), *looked_at(MX, SUBMISSION)).status is ClauseStatus.MET
    assert row(requiring(MX, SUBMISSION), *looked_at(MX, SUBMISSION, IMAPS)).status is ClauseStatus.MET


def test_only_the_roles_that_the_control_is_about_are_missed() -> None:
    rules = requiring(MX, SUBMISSION, about=(MX, IMAPS))
    assert row(rules, *looked_at(MX)).status is ClauseStatus.MET
    assert row(rules, *looked_at(IMAPS)).ways[0].detail.endswith("in this run: mx")
    assert row(requiring(MX, about=()), record("a")).status is ClauseStatus.MET


def test_another_control_that_looked_at_the_role_does_not_stand_in() -> None:
    rules = requiring(MX, SUBMISSION)
    records = [*looked_at(MX), *looked_at(MX, SUBMISSION, control="demand")]
    assert row(rules, *records).status is ClauseStatus.UNDETERMINED


def test_a_role_that_was_not_looked_at_hides_no_failure_and_no_doubt() -> None:
    rules = requiring(MX, SUBMISSION)
    assert row(rules, *looked_at(MX, status=Status.FAIL)).status is ClauseStatus.NOT_MET
    assert row(rules, *looked_at(MX, status=Status.ERROR)).ways[0].detail == f"a on {HOST}:25"
    partly = requiring(MX, SUBMISSION, partly={"C-1": {PROBE: "not all"}})
    assert row(partly, *looked_at(MX)).status is ClauseStatus.UNDETERMINED
    assert row(partly, *looked_at(MX, SUBMISSION)).status is ClauseStatus.PARTLY_COVERED


def _all_passing(rules: Profile, *roles: Role) -> Coverage:
    records = [
        record(name, subject=f"{HOST}:{role.standard_port}", role=role)
        for name, rule in rules.controls.items()
        for role in roles
        if role in rule.roles
    ]
    return cover(rules, records, ["server"], (), TODAY)


def _unseen(matrix: Coverage) -> list[str]:
    return [c.clause for c in matrix.clauses for way in c.ways if "no endpoint of these roles" in way.detail]


def test_the_shipped_profiles() -> None:
    registry = load_builtin()
    enterprise, baseline = (load_profile(name, registry) for name in ("enterprise", "rfc-baseline"))
    required = enterprise.required_roles
    assert MX in required
    assert len(required) > 1
    assert _unseen(_all_passing(enterprise, MX))
    assert not _unseen(_all_passing(enterprise, *required))
    assert baseline.required_roles == frozenset()
    assert not _unseen(_all_passing(baseline, MX))


# ------------------------------------------------------------------------------------------------------ the matrix


def test_counts_name_every_status_and_full_needs_every_clause() -> None:
    rules = profile({"a": shows("C-1")}, clause("C-1"), clause("C-2"), clause("C-3", (ATTEST,)))
    matrix = cover(rules, [record("a")], ALL_SCOPES, [attested("C-3")], TODAY)
    assert matrix.standard == "test-standard"
    assert matrix.counts == {
        status: {ClauseStatus.MET: 1, ClauseStatus.NOT_COVERED_YET: 1, ClauseStatus.ATTESTED: 1}.get(status, 0)
        for status in ClauseStatus
    }
    assert not matrix.full
    whole = profile({"a": shows("C-1")}, clause("C-1"), clause("C-3", (ATTEST,)))
    assert cover(whole, [record("a")], ALL_SCOPES, [attested("C-3")], TODAY).full
    assert not cover(whole, [record("a", Status.WAIVED)], ALL_SCOPES, [attested("C-3")], TODAY).full


def test_every_medium_belongs_to_a_scope() -> None:
    assert set(MEDIUM_SCOPE) == set(Medium)


MEDIA = st.lists(st.sampled_from([PROBE, DNS, ATTEST, Medium.HOST]), min_size=1, max_size=3, unique=True)
GAPS = st.dictionaries(st.sampled_from(Medium), st.just("a gap"), max_size=1)


def _records(media: Sequence[Medium]) -> Iterator[tuple[str, Medium]]:
    for medium in media:
        yield f"{medium}-1", medium
        yield f"{medium}-2", medium


@given(st.data(), MEDIA, st.sets(st.sampled_from(sorted(ALL_SCOPES))), GAPS, st.booleans())
def test_a_met_clause_is_proven_in_every_way_in_scope(
    data: st.DataObject, by: list[Medium], scope: set[str], gaps: dict[Medium, str], held: bool
) -> None:
    controls = data.draw(st.lists(st.sampled_from([*_records([PROBE, DNS, Medium.HOST])]), unique=True, max_size=5))
    rules = profile(
        {name: shows(medium=medium) for name, medium in controls}, clause(by=by), partly={"C-1": gaps} if gaps else {}
    )
    records = [
        record(name, data.draw(st.sampled_from(Status)), f"x:{n}", medium=medium)
        for name, medium in controls
        for n in range(data.draw(st.integers(0, 2)))
    ]
    found = row(rules, *records, scope=sorted(scope), attestations=[attested()] if held else [])

    if found.status not in (ClauseStatus.MET, ClauseStatus.ATTESTED):
        return
    for medium in by:
        if medium is ATTEST:
            assert held or MEDIUM_SCOPE[medium] not in scope
            continue
        if MEDIUM_SCOPE[medium] not in scope:
            assert found.status is ClauseStatus.MET
            continue
        mine = [name for name, of in controls if of is medium]
        assert mine, "a way without controls is not shown"
        assert medium not in gaps
        for name in mine:
            statuses = {r.status for r in records if r.control == name}
            assert Status.PASS in statuses
            assert statuses <= {Status.PASS, Status.NOT_APPLICABLE}
