"""Servers that slow their clients down give complete facts, only later; one that hides facts is never judged."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from smtp_audit.probes.conversation.table import CONVERSATIONS
from smtp_audit.safety import Safety

from .audited import Outcome
from .audits import THROTTLED_SECONDS, Audits
from .catalogue import catalogue, sound_name
from .lab import Lab
from .test_mutants import check

# Whoever comes first waits for the audit.
pytestmark = [pytest.mark.live, pytest.mark.timeout(THROTTLED_SECONDS + 60)]

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


CONVERSED = tuple(each.facts.kind for each in CONVERSATIONS if each.safety is Safety.PASSIVE)

# postscreen lets nobody through who speaks before it has greeted, and smtpd behind it answers him: a true difference.
_OWN_MANNERS = {"postscreen": {"pipelining"}}


@pytest.mark.parametrize("name", SLOW)
def test_the_conversations_are_those_with_the_unthrottled_twin(
    throttled_audit: Outcome, audits: Audits, lab: Lab, runs: Path, name: str
) -> None:
    place = lab.places[name]
    twin = lab.places[sound_name(place.role)]
    audits.of(twin.entry)
    slow = _conversed(runs / "throttled", place.subject)
    quick = _conversed(audits.directory(twin.entry), twin.subject)
    assert len(quick) >= 8
    assert set(slow) == set(quick)
    for kind in set(quick) - _OWN_MANNERS.get(name, set()):
        assert slow[kind] == quick[kind], kind


def _surveyed(directory: Path, subject: str) -> dict[str, Any]:
    """The facts about TLS in a run's snapshot, without what two connections to one server differ in."""
    return {kind: _lasting(facts) for kind, facts in _facts(directory, subject) if kind in SURVEYED}


def _conversed(directory: Path, subject: str) -> dict[str, Any]:
    """The codes of the replies in the conversations, which are the same whenever and however often they are held."""
    return {kind: _codes(facts) for kind, facts in _facts(directory, subject) if kind in CONVERSED}


def _facts(directory: Path, subject: str) -> Iterator[tuple[str, Any]]:
    snapshot = json.loads((directory / "audit-reports" / "snapshot.json").read_bytes())
    return ((seen["kind"], seen["facts"]) for seen in snapshot["observations"] if seen["subject"] == subject)


def _codes(value: Any) -> Any:
    if isinstance(value, dict):
        if {"code", "lines"} <= set(value):
            return value["code"]
        # Addresses, made-up names and times are other ones each time.
        return {key: _codes(each) for key, each in value.items() if isinstance(each, dict | list | bool)}
    if isinstance(value, list):
        return [_codes(each) for each in value if isinstance(each, dict | list | bool)]
    return value


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
    assert throttled_audit.seconds < THROTTLED_SECONDS


def test_the_servers_did_throttle(throttled_audit: Outcome, lab: Lab) -> None:
    """Without this the tests above could pass because nothing was ever slowed down."""
    log = lab.throttled.log.read_text(errors="replace")
    assert "postfix/connection-rate-limited/smtpd" in log
    rates = [line for line in log.splitlines() if "Connection rate limit exceeded" in line]
    assert any("connection-rate-limited" in line for line in rates)
