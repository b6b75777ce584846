"""Servers that slow their clients down give complete facts, only later; one that hides facts is never judged."""

import json
from pathlib import Path
from typing import Any

import pytest

from .audited import LONGEST_SECONDS, Outcome
from .audits import Audits
from .catalogue import catalogue, sound_name
from .lab import Lab
from .test_mutants import check

pytestmark = pytest.mark.live

SLOW = [entry.name for entry in catalogue().group("throttled") if not entry.indeterminate]
HIDING = [entry.name for entry in catalogue().group("throttled") if entry.indeterminate]


@pytest.mark.parametrize("name", SLOW)
def test_slow_is_not_broken(throttled_audit: Outcome, lab: Lab, name: str) -> None:
    place = lab.places[name]
    check(throttled_audit, place, must_fail=frozenset(), must_pass=place.entry.must_pass)


SURVEYED = ("tls", "tls_suites", "tls_groups", "tls_signatures", "tls_features", "tls_sessions", "starttls_boundary")


@pytest.mark.parametrize("name", SLOW)
def test_the_survey_finds_what_it_finds_on_the_unthrottled_twin(
    throttled_audit: Outcome, audits: Audits, lab: Lab, runs: Path, name: str
) -> None:
    place = lab.places[name]
    twin = lab.places[sound_name(place.role)]
    audits.of(twin.entry)
    slow = _surveyed(runs / "throttled", place.subject)
    quick = _surveyed(audits.directory(twin.entry), twin.subject)
    assert set(quick) == set(SURVEYED)
    assert slow == quick


def _surveyed(directory: Path, subject: str) -> dict[str, Any]:
    """The facts about TLS in a run's snapshot, without what two connections to one server differ in."""
    snapshot = json.loads((directory / "audit-reports" / "snapshot.json").read_bytes())
    found = (seen for seen in snapshot["observations"] if seen["subject"] == subject and seen["kind"] in SURVEYED)
    return {seen["kind"]: _lasting(seen["facts"]) for seen in found}


def _lasting(value: Any) -> Any:
    if isinstance(value, dict):
        passing = ("hellos", "detail", "chooser_detail", "lifetime", "answered_inside", "refused")
        return {key: _lasting(each) for key, each in value.items() if key not in passing}
    if isinstance(value, list):
        # The order of discovery depends on what was asked at once.
        return sorted((_lasting(each) for each in value), key=json.dumps)
    return value


@pytest.mark.parametrize("name", HIDING)
def test_what_was_not_seen_is_not_judged(throttled_audit: Outcome, lab: Lab, name: str) -> None:
    place = lab.places[name]
    assert throttled_audit.failed(place.subject) == frozenset()
    undecided = throttled_audit.undecided(place.subject)
    assert undecided, throttled_audit.explain(place.subject, throttled_audit.statuses(place.subject))
    # Nothing was said about AUTH, so nothing is known of it.
    auth = "auth-absent-on-mx" if place.role == "mx" else "auth-offered"
    assert auth in undecided


def test_what_was_not_seen_closes_the_gate(throttled_audit: Outcome) -> None:
    assert not throttled_audit.gate_open
    assert throttled_audit.exit_status not in {0, 5}


def test_waiting_is_bounded(throttled_audit: Outcome) -> None:
    assert throttled_audit.seconds < LONGEST_SECONDS


def test_the_servers_did_throttle(throttled_audit: Outcome, lab: Lab) -> None:
    """Without this the tests above could pass because nothing was ever slowed down."""
    log = lab.throttled.log.read_text(errors="replace")
    assert "postfix/connection-rate-limited/smtpd" in log
    rates = [line for line in log.splitlines() if "Connection rate limit exceeded" in line]
    assert any("connection-rate-limited" in line for line in rates)
