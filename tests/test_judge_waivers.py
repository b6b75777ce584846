"""Judging: waivers and the gate's threshold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from smtp_audit.control import REGISTRY, Rule, Verdict, fail, not_applicable, passed
from smtp_audit.errors import Undetermined
from smtp_audit.facts.observation import Absence
from smtp_audit.facts.service import PortFacts
from smtp_audit.judge import Bench
from smtp_audit.record import Severity, Status
from smtp_audit.waiver import Waiver
from tests.facts_factories import NOW, absent, line, profile
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


# ------------------------------------------------------------------------------------------------------- threshold


@pytest.mark.parametrize("severity", Severity)
@pytest.mark.parametrize("threshold", Severity)
def test_a_failure_below_the_threshold_is_advice(severity: Severity, threshold: Severity) -> None:
    at = Bench(profile({ID: line(severity)}, gate=threshold), NOW, TODAY)
    expected = Status.ADVISORY if severity.rank < threshold.rank else Status.FAIL
    assert judged(refuses, at=at).status is expected
    assert judged(accepts, at=at).status is Status.PASS
