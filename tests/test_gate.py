"""The gate opens on proof only."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_audit.gate import MAX_REASONS, Gate, closed, decide
from smtp_audit.record import Record, Severity, Status, WhenNotRun
from tests.facts_factories import record

PASSING = record("other")
MEDIUM = Severity.MEDIUM


def gate(*records: Record, threshold: Severity = MEDIUM, **more: object) -> Gate:
    expected = [r.key for r in records]
    return decide(records, **{"expected": expected, "threshold": threshold, **more})  # type: ignore[arg-type]


def test_open_when_everything_passes() -> None:
    assert gate(record()) == Gate(open=True, reasons=(), threshold=MEDIUM)


# status, severity, when not run -> open, for a threshold of medium, beside one control that passes
TRUTH = [
    (Status.PASS, Severity.CRITICAL, WhenNotRun.CLOSE, True),
    (Status.NOT_APPLICABLE, Severity.CRITICAL, WhenNotRun.CLOSE, True),
    (Status.WAIVED, Severity.CRITICAL, WhenNotRun.CLOSE, True),
    (Status.ADVISORY, Severity.LOW, WhenNotRun.CLOSE, True),
    (Status.ADVISORY, Severity.INFO, WhenNotRun.CLOSE, True),
    (Status.ADVISORY, Severity.MEDIUM, WhenNotRun.CLOSE, False),
    (Status.ADVISORY, Severity.CRITICAL, WhenNotRun.CLOSE, False),
    (Status.FAIL, Severity.CRITICAL, WhenNotRun.CLOSE, False),
    (Status.FAIL, Severity.MEDIUM, WhenNotRun.CLOSE, False),
    (Status.FAIL, Severity.INFO, WhenNotRun.CLOSE, False),
    (Status.FAIL, Severity.HIGH, WhenNotRun.LIST, False),
    (Status.INDETERMINATE, Severity.INFO, WhenNotRun.CLOSE, False),
    (Status.INDETERMINATE, Severity.HIGH, WhenNotRun.LIST, False),
    (Status.ERROR, Severity.INFO, WhenNotRun.LIST, False),
    (Status.NOT_RUN, Severity.INFO, WhenNotRun.CLOSE, False),
    (Status.NOT_RUN, Severity.CRITICAL, WhenNotRun.LIST, True),
]


@pytest.mark.parametrize(("status", "severity", "when_not_run", "is_open"), TRUTH)
def test_truth_table(status: Status, severity: Severity, when_not_run: WhenNotRun, is_open: bool) -> None:
    judged = record(status=status, severity=severity, when_not_run=when_not_run, summary="what was seen")
    result = gate(PASSING, judged)
    assert result.open is is_open
    assert len(result.reasons) == (0 if is_open else 1)
    if not is_open:
        assert result.reasons[0].startswith("c on mail.example.com:25")
        assert "what was seen" in result.reasons[0]


def test_every_status_is_in_the_truth_table() -> None:
    assert {row[0] for row in TRUTH} == set(Status)


def test_closed_when_nothing_was_expected() -> None:
    assert "nothing was audited" in gate().reasons[0]


@pytest.mark.parametrize("status", [Status.WAIVED, Status.NOT_APPLICABLE])
def test_closed_when_nothing_passed(status: Status) -> None:
    result = gate(record(status=status))
    assert not result.open
    assert result.reasons == ("no control passed on any subject: nothing was proven",)


def test_closed_when_a_pair_has_no_record() -> None:
    result = decide([PASSING], [PASSING.key, ("a", "x:25"), ("b", "x:25")], MEDIUM)
    assert result.reasons == ("2 of 3 not judged: a on x:25, b on x:25",)
    many = decide([PASSING], [PASSING.key, *(("a", f"x:{n}") for n in range(9))], MEDIUM)
    assert many.reasons[0].endswith("and 4 more")
    five = decide([PASSING], [PASSING.key, *(("a", f"x:{n}") for n in range(5))], MEDIUM)
    assert five.reasons[0].endswith("a on x:4")


def test_a_record_that_was_not_expected_blocks_all_the_same() -> None:
    extra = record("extra", Status.FAIL)
    assert not decide([PASSING, extra], [PASSING.key], MEDIUM).open


def test_a_failure_is_not_covered_up_by_a_second_record_that_passes() -> None:
    assert not decide([record("c", Status.FAIL), record("c"), record("c")], [("c", record().subject)], MEDIUM).open


def test_faults_come_first_and_close() -> None:
    result = decide([PASSING], [PASSING.key], MEDIUM, ["interrupted"])
    assert result.reasons == ("interrupted",)
    assert not result.open


def test_reasons_are_capped_and_the_gate_stays_closed() -> None:
    result = gate(*(record(f"c{n}", Status.FAIL) for n in range(MAX_REASONS + 50)), PASSING)
    assert len(result.reasons) == MAX_REASONS + 1
    assert result.reasons[-1] == "50 more reasons"
    assert not result.open
    just = gate(*(record(f"c{n}", Status.FAIL) for n in range(MAX_REASONS)), PASSING)
    assert len(just.reasons) == MAX_REASONS
    assert just.reasons[-1].startswith("c199 on")


def test_closed_gate_names_its_reasons() -> None:
    assert closed(MEDIUM, "not finished") == Gate(open=False, reasons=("not finished",), threshold=MEDIUM)


RECORDS = st.lists(
    st.builds(
        record,
        control=st.sampled_from("abcd"),
        subject=st.sampled_from(["x:25", "x:587"]),
        status=st.sampled_from(Status),
        severity=st.sampled_from(Severity),
        when_not_run=st.sampled_from(WhenNotRun),
    ),
    max_size=8,
)
EXPECTED = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["x:25", "x:587"])), max_size=8)
FAULTS = st.lists(st.just("interrupted"), max_size=1)


@given(RECORDS, EXPECTED, st.sampled_from(Severity), FAULTS)
def test_an_open_gate_has_proof_and_nothing_against_it(
    records: list[Record], expected: list[tuple[str, str]], threshold: Severity, faults: list[str]
) -> None:
    result = decide(records, expected, threshold, faults)
    assert result.open is not bool(result.reasons)
    if not result.open:
        return
    assert not faults
    assert expected
    assert set(expected) <= {r.key for r in records}
    assert any(r.status is Status.PASS for r in records)
    for r in records:
        assert r.status not in (Status.FAIL, Status.INDETERMINATE, Status.ERROR)
        assert r.status is not Status.NOT_RUN or r.when_not_run is WhenNotRun.LIST
        assert r.status is not Status.ADVISORY or r.severity < threshold


@given(RECORDS, EXPECTED, st.sampled_from(Severity))
def test_more_records_that_fail_never_open_the_gate(
    records: list[Record], expected: list[tuple[str, str]], threshold: Severity
) -> None:
    assert not decide([*records, record("z", Status.FAIL)], expected, threshold).open
