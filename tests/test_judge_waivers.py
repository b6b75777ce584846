"""Judging: waivers and the gate's threshold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from itertools import permutations
from typing import Any

import pytest

from smtp_audit.control import REGISTRY, Rule, Safety, Verdict, fail, not_applicable, passed
from smtp_audit.errors import Undetermined
from smtp_audit.facts.observation import Absence, Observation
from smtp_audit.facts.service import PortFacts
from smtp_audit.gate import decide
from smtp_audit.judge import Bench
from smtp_audit.record import Record, Severity, Status, WhenNotRun
from smtp_audit.waiver import Waiver
from tests.facts_factories import ADDRESS, NOW, absent, line, port, profile, seen
from tests.facts_factories import record as factory_record
from tests.judging import ID, SUBJECT, TODAY, bench, judged, raises


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    yield
    REGISTRY.discard(ID)


# --------------------------------------------------------------------------------------------------------- waivers


def waiver(expires: date = TODAY, **more: Any) -> Waiver:
    return Waiver(
        **{"control": ID, "subject": SUBJECT.key, "owner": "ops", "reason": "ticket", "expires": expires, **more}
    )


def refuses(port: PortFacts, rule: Rule) -> Verdict:
    return fail("refused")


def accepts(port: PortFacts, rule: Rule) -> Verdict:
    return passed("open")


EXPIRED = TODAY - timedelta(days=1)


def test_a_waiver_accepts_a_failure_through_its_last_day() -> None:
    record = judged(refuses, at=bench(Severity.CRITICAL, waiver()))
    assert (record.status, record.summary) == (Status.WAIVED, "refused")
    assert record.waiver is not None
    assert (record.waiver.owner, record.waiver.reason, record.waiver.state) == ("ops", "ticket", "active")


def test_an_expired_waiver_accepts_nothing() -> None:
    record = judged(refuses, at=bench(Severity.HIGH, waiver(EXPIRED)))
    assert record.status is Status.FAIL
    assert record.summary == f"refused (its waiver expired on {EXPIRED})"
    assert record.waiver is not None
    assert record.waiver.state == "expired"


def test_an_expired_waiver_leaves_advice_advice() -> None:
    assert judged(refuses, at=bench(Severity.LOW, waiver(EXPIRED))).status is Status.ADVISORY


def test_an_expired_waiver_of_nothing_is_nothing() -> None:
    record = judged(accepts, at=bench(Severity.HIGH, waiver(EXPIRED)))
    assert (record.status, record.waiver) == (Status.PASS, None)


@pytest.mark.parametrize("severity", [Severity.HIGH, Severity.INFO])
def test_a_stale_waiver_fails_at_any_severity(severity: Severity) -> None:
    record = judged(accepts, at=bench(severity, waiver()))
    assert record.status is Status.FAIL
    assert record.summary == "the waiver is stale, remove it: open"
    assert record.waiver is not None
    assert record.waiver.state == "stale"


@pytest.mark.parametrize("order", [1, -1])
def test_a_renewed_waiver_counts_beside_the_expired_one(order: int) -> None:
    both = (waiver(EXPIRED), waiver())[::order]
    assert judged(refuses, at=bench(Severity.HIGH, *both)).status is Status.WAIVED


@pytest.mark.parametrize(
    "other",
    [
        waiver(control="another"),
        waiver(subject="mail.example.com:587"),
        waiver(subject="*:993"),
        waiver(subject="*.org:*"),
    ],
)
def test_a_waiver_is_about_its_control_and_subject_alone(other: Waiver) -> None:
    assert judged(refuses, at=bench(Severity.HIGH, other)).status is Status.FAIL


@pytest.mark.parametrize("subject", ["*", "mail.example.com:*", "*:25", "mail.example.com:25"])
def test_a_waivers_subject_is_a_glob(subject: str) -> None:
    assert judged(refuses, at=bench(Severity.HIGH, waiver(subject=subject))).status is Status.WAIVED


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (raises(ZeroDivisionError("crash")), Status.ERROR),
        (raises(Undetermined("unknown")), Status.INDETERMINATE),
        (lambda port, rule: not_applicable("n/a"), Status.NOT_APPLICABLE),
    ],
)
def test_only_a_failure_can_be_waived(body: Callable[..., Any], status: Status) -> None:
    record = judged(body, at=bench(Severity.HIGH, waiver()))
    assert (record.status, record.waiver) == (status, None)


def test_an_unknown_cannot_be_waived() -> None:
    record = judged(refuses, absent("port", Absence.TIMEOUT, "no answer"), at=bench(Severity.HIGH, waiver()))
    assert record.status is Status.INDETERMINATE


# ------------------------------------------------------------------------- a failure, and an address not seen beside it

SEEN_BAD = seen(port(is_open=False))
ELSEWHERE = "192.0.2.99"
_CRASHES = seen(port(declared=False), SUBJECT.key, ELSEWHERE)
_TIMED_OUT = absent("port", Absence.TIMEOUT, "no answer", address=ELSEWHERE)
_NOT_ALLOWED = absent("port", Absence.NOT_ALLOWED, "ask for it", address=ELSEWHERE)
_PASSES = seen(port(), SUBJECT.key, ELSEWHERE)
_CLOSED = absent("port", Absence.CLOSED, address=ELSEWHERE)

CLOSE, LIST = WhenNotRun.CLOSE, WhenNotRun.LIST
PLAIN: dict[str, Any] = {"severity": Severity.HIGH, "waivers": ()}
WAIVE: dict[str, Any] = {"severity": Severity.HIGH, "waivers": (waiver(),)}
ADVISE: dict[str, Any] = {"severity": Severity.LOW, "waivers": ()}
LATE: dict[str, Any] = {"severity": Severity.LOW, "waivers": (waiver(EXPIRED),)}
BOTH: dict[str, Any] = {"severity": Severity.LOW, "waivers": (waiver(),)}
ACCEPTING = [(WAIVE, Status.WAIVED), (BOTH, Status.WAIVED), (ADVISE, Status.ADVISORY), (LATE, Status.ADVISORY)]


def crashes_where_undeclared(port: PortFacts, rule: Rule) -> Verdict:
    if not port.declared:
        raise ZeroDivisionError("crash")
    return passed("open") if port.open else fail("refused")


def with_second(
    *second: Observation, severity: Severity, waivers: tuple[Waiver, ...], when_not_run: WhenNotRun = CLOSE
) -> Record:
    rules = profile({ID: line(severity, when_not_run=when_not_run)})
    at = Bench(rules, NOW, TODAY, waivers)
    return judged(crashes_where_undeclared, SEEN_BAD, *second, at=at, safety=Safety.ACTIVE)


@pytest.mark.parametrize("accepting", [accepting for accepting, _ in ACCEPTING])
@pytest.mark.parametrize(
    ("second", "status", "says"),
    [
        (_CRASHES, Status.ERROR, "ZeroDivisionError: crash"),
        (_TIMED_OUT, Status.INDETERMINATE, "no answer"),
        (_NOT_ALLOWED, Status.NOT_RUN, "ask for it"),
    ],
)
def test_what_was_not_seen_is_neither_waived_nor_advised(
    accepting: dict[str, Any], second: Observation, status: Status, says: str
) -> None:
    record = with_second(second, **accepting)
    assert (record.status, record.waiver) == (status, None)
    assert record.summary == f"{ELSEWHERE}: {says}; it fails at {ADDRESS}: refused"
    gate = decide([record, factory_record()], [record.key], Severity.MEDIUM)
    assert not gate.open


@pytest.mark.parametrize(("accepting", "status"), ACCEPTING)
@pytest.mark.parametrize("second", [_PASSES, _CLOSED])
def test_a_failure_beside_what_was_seen_is_accepted(
    accepting: dict[str, Any], status: Status, second: Observation
) -> None:
    record = with_second(second, **accepting)
    assert record.status is status
    assert record.summary.startswith(f"{ADDRESS}: refused")
    assert decide([record, factory_record()], [record.key], Severity.MEDIUM).open


@pytest.mark.parametrize("second", [_CRASHES, _TIMED_OUT, _NOT_ALLOWED, _PASSES, _CLOSED])
@pytest.mark.parametrize("when_not_run", WhenNotRun)
def test_a_failure_that_blocks_stays_a_failure(second: Observation, when_not_run: WhenNotRun) -> None:
    record = with_second(second, **PLAIN, when_not_run=when_not_run)
    assert (record.status, record.summary) == (Status.FAIL, f"{ADDRESS}: refused")


@pytest.mark.parametrize(("accepting", "status"), ACCEPTING)
def test_what_may_be_left_out_holds_nothing_up(accepting: dict[str, Any], status: Status) -> None:
    assert with_second(_NOT_ALLOWED, **accepting, when_not_run=LIST).status is status
    assert with_second(_TIMED_OUT, **accepting, when_not_run=LIST).status is Status.INDETERMINATE
    assert with_second(_CRASHES, **accepting, when_not_run=LIST).status is Status.ERROR


@pytest.mark.parametrize("when_not_run", WhenNotRun)
def test_of_several_unseen_addresses_the_worst_is_told(when_not_run: WhenNotRun) -> None:
    crash = seen(port(declared=False), SUBJECT.key, "192.0.2.97")
    not_run = absent("port", Absence.NOT_ALLOWED, "ask for it", address="192.0.2.98")
    for order in permutations([crash, not_run, _TIMED_OUT]):
        record = with_second(*order, **WAIVE, when_not_run=when_not_run)
        assert record.status is Status.ERROR
        assert record.summary.startswith("192.0.2.97: ")
    for order in permutations([not_run, _TIMED_OUT]):
        assert with_second(*order, **WAIVE, when_not_run=when_not_run).status is Status.INDETERMINATE


def test_an_address_that_was_not_found_is_not_waived_either() -> None:
    unknown = absent("port", Absence.UNREACHABLE, "AAAA: no answer", address=None)
    record = with_second(unknown, **WAIVE)
    assert record.status is Status.INDETERMINATE
    expected = f"an address that is not known: AAAA: no answer; it fails at {ADDRESS}: refused"
    assert record.summary == expected


def test_a_long_reason_leaves_room_for_the_failure() -> None:
    long = absent("port", Absence.TIMEOUT, "x" * 5000, address=ELSEWHERE)
    assert with_second(long, **WAIVE).summary.endswith(f"; it fails at {ADDRESS}: refused")


# ------------------------------------------------------------------------------------------------------- threshold


@pytest.mark.parametrize("severity", Severity)
@pytest.mark.parametrize("threshold", Severity)
def test_a_failure_below_the_threshold_is_advice(severity: Severity, threshold: Severity) -> None:
    at = Bench(profile({ID: line(severity)}, gate=threshold), NOW, TODAY)
    expected = Status.ADVISORY if severity.rank < threshold.rank else Status.FAIL
    assert judged(refuses, at=at).status is expected
    assert judged(accepts, at=at).status is Status.PASS
