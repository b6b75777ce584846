"""Every broken server is caught by the controls that its fault breaks, and by no others."""

import pytest

from .audited import Outcome
from .catalogue import Entry, catalogue
from .lab import Lab, Place

pytestmark = pytest.mark.live

AT_ONCE = [entry.name for group in ("quick", "asked", "slow") for entry in catalogue().group(group)]
STRICT = [entry.name for entry in catalogue().entries if entry.strict is not None]


@pytest.mark.parametrize("name", AT_ONCE)
def test_is_caught_by_the_right_controls_only(request: pytest.FixtureRequest, lab: Lab, name: str) -> None:
    place = lab.places[name]
    outcome: Outcome = request.getfixturevalue(f"{place.entry.group}_audit")
    check(outcome, place, must_fail=place.entry.must_fail, must_pass=place.entry.must_pass)


@pytest.mark.parametrize("name", STRICT)
def test_is_caught_by_the_right_controls_of_the_strict_profile(strict_audit: Outcome, lab: Lab, name: str) -> None:
    place = lab.places[name]
    must_fail = place.entry.strict
    assert must_fail is not None
    must_pass = place.entry.must_pass - {"tls-obsolete-version", "tls-current-version"}
    check(strict_audit, place, must_fail=must_fail, must_pass=must_pass)


def test_the_gate_is_closed(quick_audit: Outcome) -> None:
    assert not quick_audit.gate_open
    assert quick_audit.exit_status == 1


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


def test_nothing_is_waited_for_in_vain(quick_audit: Outcome) -> None:
    """All of these servers answer at once, even if the answer is that something is broken.

    About 160 of them in 45 s on two idle processors; a busy machine gets three times that.
    """
    assert quick_audit.seconds < 135


def test_no_mail_was_accepted(quick_audit: Outcome, strict_audit: Outcome, lab: Lab) -> None:
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
        "not passed": must_pass - outcome.passed(place.subject) - failed,
    }
    controls = {control for found in differences.values() for control in found}
    wrong = {name: sorted(found) for name, found in differences.items() if found}
    assert not wrong, f"{_title(place.entry)}\n{wrong}\n{outcome.explain(place.subject, controls)}"


def _title(entry: Entry) -> str:
    return f"{entry.name} ({entry.role}): {entry.what}"
