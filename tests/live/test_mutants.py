"""Every broken server is caught by the controls that its fault breaks, and by no others."""

import pytest

from .audited import Outcome
from .audits import Audits
from .catalogue import Catalogue, Entry, catalogue
from .lab import Lab, Place

pytestmark = [pytest.mark.live, pytest.mark.timeout(320)]

QUICK = [entry.name for entry in catalogue().group("quick")]
WAITING = [entry.name for group in ("asked", "slow") for entry in catalogue().group(group)]
STRICT = [entry.name for entry in catalogue().entries if entry.strict is not None]


@pytest.mark.parametrize("name", QUICK)
def test_is_caught_by_the_right_controls_only(audits: Audits, lab: Lab, name: str) -> None:
    place = lab.places[name]
    check(audits.of(place.entry), place, must_fail=place.entry.must_fail, must_pass=place.entry.must_pass)


@pytest.mark.parametrize("name", WAITING)
def test_is_caught_with_everything_allowed(audits: Audits, lab: Lab, name: str) -> None:
    place = lab.places[name]
    check(audits.of(place.entry), place, must_fail=place.entry.must_fail, must_pass=place.entry.must_pass)


@pytest.mark.parametrize("name", STRICT)
def test_is_caught_by_the_right_controls_of_the_strict_profile(strict_audit: Outcome, lab: Lab, name: str) -> None:
    place = lab.places[name]
    must_fail = place.entry.strict
    assert must_fail is not None
    must_pass = place.entry.must_pass - {"tls-obsolete-version", "tls-current-version"}
    check(strict_audit, place, must_fail=must_fail, must_pass=must_pass)


@pytest.mark.timeout(1200)
def test_the_gate_is_closed(audits: Audits) -> None:
    """One fault is enough, if it is severe; every chapter has one, but the next might have advice only."""
    severe = [outcome for outcome in audits.group("quick") if "fail" in {each["status"] for each in outcome.records}]
    assert len(severe) >= 5
    for outcome in severe:
        assert not outcome.gate_open
        assert outcome.exit_status == 1


def test_the_gate_names_every_fault(strict_audit: Outcome) -> None:
    """Of the few servers of that audit: of very many faults it names the first and counts the others."""
    assert not strict_audit.gate_open
    blocking = [record for record in strict_audit.records if record["status"] == "fail"]
    assert blocking
    reasons = "\n".join(str(reason) for reason in strict_audit.reasons)
    unnamed = [
        (record["control"], record["subject"])
        for record in blocking
        if record["control"] not in reasons or record["subject"] not in reasons
    ]
    assert unnamed == []


@pytest.mark.timeout(1200)
def test_nothing_is_waited_for_in_vain(audits: Audits, catalogue: Catalogue) -> None:
    """All of these servers answer at once, even if the answer is that something is broken.

    About 0.6 s for each on two idle processors, and the audits' own beginnings and ends; three times that, since
    other workers keep them busy.
    """
    outcomes = audits.group("quick")
    assert sum(outcome.seconds for outcome in outcomes) < 1.8 * len(catalogue.group("quick")) + 12 * len(outcomes)


@pytest.mark.timeout(1200)
def test_no_mail_was_accepted(audits: Audits, strict_audit: Outcome, lab: Lab) -> None:
    assert audits.group("quick")
    assert lab.postfix.queued() == []


def check(outcome: Outcome, place: Place, *, must_fail: frozenset[str], must_pass: frozenset[str]) -> None:
    """Compare an outcome with the truth; the message says how they differ and shows the records."""
    failed = outcome.failed(place.subject)
    undecided = outcome.undecided(place.subject, place.entry.group)
    differences = {
        "missed": must_fail - failed,
        "invented": failed - must_fail,
        "without a verdict": frozenset() if place.entry.hides else undecided - place.entry.undecided,
        "decided": place.entry.undecided - undecided,
        "applicable": place.entry.without & outcome.passed(place.subject),
        "not passed": must_pass - outcome.passed(place.subject) - failed,
    }
    controls = {control for found in differences.values() for control in found}
    wrong = {name: sorted(found) for name, found in differences.items() if found}
    assert not wrong, f"{_title(place.entry)}\n{wrong}\n{outcome.explain(place.subject, controls)}"


def _title(entry: Entry) -> str:
    return f"{entry.name} ({entry.role}): {entry.what}"
