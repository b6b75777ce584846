"""What is asked about DKIM keys, and what becomes of the answers."""

from __future__ import annotations

import asyncio

import pytest

from smtp_audit.configuration.model import Config
from smtp_audit.facts.dkim import DkimFacts
from smtp_audit.facts.lookup import LookupOutcome
from smtp_audit.facts.observation import Absence
from smtp_audit.probes.domain.dkim import look_for_dkim
from smtp_audit.probes.wire import PeerError, Transcript
from smtp_audit.published.selectors import COMMON_SELECTORS
from tests.dkim_factories import KEY, OTHER
from tests.probes.domain.zone import Zone, domain_approach

NOBODY = "smtp-audit-0123456789abcdef._domainkey.example.com"


def at(selector: str) -> tuple[str, str]:
    """Where a key stands."""
    return (f"{selector}._domainkey.example.com", "TXT")


def look(zone: Zone, *selectors: str) -> DkimFacts:
    return asyncio.run(look_for_dkim(domain_approach(zone, config=Config(dkim_selectors=selectors)), Transcript()))


def test_selectors_of_the_configuration_come_first() -> None:
    zone = Zone({at("x1"): [KEY], at("mail"): [OTHER]})
    facts = look(zone, "x1", "x2")
    assert [each.selector for each in facts.configured] == ["x1", "x2"]
    assert [each.selector for each in facts.published] == ["x1", "mail"]
    assert facts.selectors[0].usable
    assert not facts.selectors[1].answer.found
    assert set(zone.asked) == {at(name) for name in ("x1", "x2", *COMMON_SELECTORS)} | {(NOBODY, "TXT")}
    assert len(zone.asked) == len(set(zone.asked))


def test_a_key_at_a_common_selector_is_a_fact() -> None:
    facts = look(Zone({at("selector1"): [KEY]}))
    assert facts.names == "selector1 (a guess)"
    assert not facts.configured


def test_nothing_at_common_selectors_proves_nothing() -> None:
    with pytest.raises(PeerError) as caught:
        look(Zone({at("default"): ["v=spf1 -all"]}))
    assert caught.value.absence is Absence.NOT_AVAILABLE
    assert "[dkim] selectors" in caught.value.reason


def test_a_wildcard_is_no_key_of_a_common_selector() -> None:
    everywhere = {at(name): ["v=DKIM1; p="] for name in COMMON_SELECTORS}
    with pytest.raises(PeerError):
        look(Zone({**everywhere, (NOBODY, "TXT"): ["v=DKIM1; p="]}))
    facts = look(Zone({**everywhere, at("mail"): [KEY], (NOBODY, "TXT"): ["v=DKIM1; p="]}))
    assert facts.names == "mail (a guess)"


def test_an_alias_names_the_service() -> None:
    target = "s1.domainkey.u1.wl.sendgrid.net"
    zone = Zone({("s1._domainkey.example.com", "CNAME"): [f"{target}."], (target, "TXT"): [KEY]})
    (found,) = look(zone, "s1").configured
    assert found.alias == target
    assert "SendGrid" in found.provider
    assert found.usable


@pytest.mark.parametrize("outcome", [o for o in LookupOutcome if o not in ("found", "no data", "NXDOMAIN")])
def test_what_is_not_answered_is_kept(outcome: LookupOutcome) -> None:
    (found,) = look(Zone({at("x1"): outcome}), "x1").configured
    assert found.answer.outcome is outcome
    assert found.records == ()


def test_all_that_is_not_answered_is_no_domain_without_keys() -> None:
    facts = look(Zone({at("x1"): LookupOutcome.TIMEOUT, (NOBODY, "TXT"): LookupOutcome.TIMEOUT}), "x1")
    assert facts.published == ()
