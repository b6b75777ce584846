"""The independent servers, audited: what is found is listed in findings.toml with its reason, and nothing else is."""

import pytest

from tests.live.audited import Outcome
from tests.live.catalogue import INDEPENDENT

from .findings import expected, findings
from .running import SERVERS, Running
from .site import OWN

pytestmark = pytest.mark.live

ROLES = [(server.name, role) for server in SERVERS for role in server.roles]


@pytest.mark.parametrize(("server", "role"), ROLES)
def test_all_that_is_found_is_true(independent_audit: Outcome, independent: Running, server: str, role: str) -> None:
    place = next(place for place in independent.places if place.name == f"{server}-{role}")
    truth = expected(server, role)
    failed, undecided = independent_audit.failed(place.subject), independent_audit.undecided(place.subject, INDEPENDENT)
    passed = independent_audit.passed(place.subject)
    differences = {
        "not listed": failed - truth.failed,
        "listed in vain": truth.failed - failed,
        "without a verdict": undecided - truth.undecided,
        "decided after all": truth.undecided - undecided,
        # What a well-kept server passes, this one does as well, where it applies.
        "not passed": place.entry.must_pass - truth.undecided - truth.inapplicable - passed,
        "applies after all": truth.inapplicable & (passed | failed | undecided),
    }
    controls = {control for found in differences.values() for control in found}
    wrong = {name: sorted(found) for name, found in differences.items() if found}
    assert not wrong, f"{place.name}\n{wrong}\n{independent_audit.explain(place.subject, controls)}"


def test_every_finding_is_about_a_server_that_is_there() -> None:
    roles = {server.name: set(server.roles) for server in SERVERS}
    assert {item.server for item in findings()} <= set(roles)
    assert [item for item in findings() if item.roles is not None and not item.roles <= roles[item.server]] == []


def test_the_broken_one_is_caught(independent_audit: Outcome, independent: Running) -> None:
    place = next(place for place in independent.places if place.entry.server == "aiosmtpd")
    # CVE-2024-34083 and CVE-2024-27305.
    assert {"starttls-injection", "end-of-data-exact"} <= independent_audit.failed(place.subject)


def test_mail_went_to_the_own_mailbox_alone(independent_audit: Outcome, independent: Running) -> None:
    assert {server.name: set(server.accepted()) for server in independent.servers} == {
        server.name: {OWN} for server in SERVERS
    }
