"""An audit of every domain says what the files say that it must."""

from collections import Counter

import pytest

from smtp_audit.control import Medium
from smtp_audit.coverage import WayState

from .lab import DnsLab
from .verdicts import CONTROLS, audited, differences
from .zones import Case, cases

pytestmark = pytest.mark.live


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in cases()])
def test_a_domain_is_judged_as_the_files_say(dns_lab: DnsLab, case: Case) -> None:
    verdicts = audited(dns_lab.config(case))
    assert verdicts.records, "nothing was judged"
    wrong = differences(case, verdicts)
    assert not wrong, f"{case.domain} ({case.what})\n" + "\n".join(wrong)


def test_the_files_name_controls_that_exist() -> None:
    unknown = {
        f"{case.name}: {control}"
        for case in cases()
        for control in (case.must_fail | case.unknown | case.not_run) - CONTROLS
    }
    assert not unknown


def test_every_control_is_broken_by_a_domain() -> None:
    broken = frozenset(control for case in cases() for control in case.must_fail)
    assert not CONTROLS - broken


def test_there_are_enough_domains() -> None:
    kinds = Counter(case.right for case in cases())
    assert kinds.total() >= 130
    assert kinds[True] >= 20, "unusual but right ones are what shows invented faults"


def test_what_is_right_breaks_nothing_and_what_breaks_something_is_not_called_right() -> None:
    assert not [case.name for case in cases() if case.right and case.must_fail]
    assert not [case.name for case in cases() if not (case.right or case.must_fail or case.unknown or case.not_run)]


@pytest.mark.parametrize("name", ["sound", "sound-large", "dnssec-rsa", "dnssec-nsec3", "spf-ten-lookups"])
def test_a_sound_domain_shows_the_clauses_of_its_dns(dns_lab: DnsLab, name: str) -> None:
    """A control that passes nowhere leaves its clause undetermined: none of a clause may be of what a sound domain need
    not have."""
    case = next(each for each in cases() if each.name == name)
    coverage = audited(dns_lab.config(case)).result.report.coverage
    ways = {
        row.clause: way for row in coverage.clauses for way in row.ways if way.medium is Medium.DNS and way.controls
    }
    assert {"PRE-1", "SEC-7", "LAYER-6", "COMP-5", "COMP-6", "CORE-1", "POST-3", "COMPOSE-9"} <= set(ways)
    shown = (WayState.PASSING, WayState.PARTLY_COVERED)
    assert not {clause: way.detail for clause, way in ways.items() if way.state not in shown}
