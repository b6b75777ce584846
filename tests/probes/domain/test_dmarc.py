"""What is asked about DMARC and BIMI, and what becomes of the answers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from smtp_audit.errors import Undetermined
from smtp_audit.facts.dmarc import DmarcFacts
from smtp_audit.facts.lookup import LookupOutcome
from smtp_audit.probes.domain.bimi import look_for_bimi
from smtp_audit.probes.domain.dmarc import look_for_dmarc
from smtp_audit.probes.wire import Transcript
from smtp_audit.published.dmarc import Policy
from tests.dmarc_factories import GOOD
from tests.probes.domain.zone import Zone, domain_approach

BELOW = "smtp-audit-0123456789abcdef"
Content = Mapping[tuple[str, str], Sequence[str] | LookupOutcome]


def look(content: Content, domain: str = "example.com") -> tuple[DmarcFacts, Zone]:
    zone = Zone(content)
    return asyncio.run(look_for_dmarc(domain_approach(zone, domain), Transcript())), zone


def test_every_place_is_asked_once() -> None:
    facts, zone = look({("_dmarc.example.com", "TXT"): [GOOD]}, "mail.example.com")
    below = f"{BELOW}.mail.example.com"
    asked = [name for name, kind in zone.asked if kind == "TXT" and name.startswith("_dmarc")]
    places = ["mail.example.com", "example.com", "com", below]
    assert asked == [f"_dmarc.{place}" for place in places]
    assert (below, "A") in zone.asked
    assert facts.below == below
    assert facts.below_answer.outcome is LookupOutcome.NXDOMAIN
    assert facts.applied.policy is Policy.REJECT
    assert facts.listed_organisation == "example.com"
    assert facts.suffix_list.startswith("publicsuffixlist ")


def test_deep_names_are_cut_and_the_listed_organisation_is_asked_all_the_same() -> None:
    domain = "a.b.c.d.e.f.g.h.i.example.co.uk"
    facts, zone = look({}, domain)
    assert facts.listed_organisation == "example.co.uk"
    assert len([name for name, _ in zone.asked if name.startswith("_dmarc")]) == 9
    assert facts.applied.domain == ""


@pytest.mark.parametrize(
    ("domain", "organisation"),
    [
        ("example.com", "example.com"),
        ("a.b.example.co.uk", "example.co.uk"),
        ("co.uk", "co.uk"),
        ("mail.dept.example", "dept.example"),
    ],
)
def test_the_list_of_suffixes(domain: str, organisation: str) -> None:
    assert look({}, domain)[0].listed_organisation == organisation


def test_texts_of_others_are_no_records() -> None:
    facts, _ = look({("_dmarc.example.com", "TXT"): ["v=spf1 -all", GOOD, "v=DMARC1 p=none"]})
    rung = facts.rung("example.com")
    assert len(rung.records) == 1
    assert rung.nearly == ("v=DMARC1 p=none",)


def test_where_reports_go() -> None:
    record = "v=DMARC1; p=none; rua=mailto:a@example.com,mailto:a@mail.example.com; ruf=mailto:b@reports.net"
    facts, zone = look(
        {
            ("_dmarc.example.com", "TXT"): [record],
            ("example.com", "MX"): ["10 mx.example.com."],
            ("mx.example.com", "A"): ["192.0.2.1"],
            ("reports.net", "MX"): ["0 ."],
            ("example.com._report._dmarc.reports.net", "TXT"): ["v=DMARC1;"],
            ("mail.example.com", "AAAA"): ["2001:db8::1"],
        }
    )
    own, inside, other = facts.hosts
    assert (own.host, own.consent, own.refuses_mail) == ("example.com", None, "")
    assert inside.consent is not None
    assert inside.refuses_mail == ""
    assert not facts.is_external("mail.example.com")
    assert facts.is_external("reports.net")
    assert len(other.overrides) == 1
    assert "null MX" in other.refuses_mail
    assert ("_dmarc.mail.example.com", "TXT") in zone.asked
    # Nothing has to be known of the walk from a host that is elsewhere anyway.
    assert ("_dmarc.reports.net", "TXT") not in zone.asked


def test_reports_of_a_record_further_up_are_agreed_for_that_domain() -> None:
    content: Content = {("_dmarc.example.com", "TXT"): ["v=DMARC1; p=none; rua=mailto:a@reports.net"]}
    _, zone = look(content, "mail.example.com")
    assert ("example.com._report._dmarc.reports.net", "TXT") in zone.asked


def test_a_host_of_many_exchangers_is_not_called_deaf_for_some_of_them() -> None:
    many = [f"{n} mx{n}.example.com." for n in range(10, 20)]
    content: Content = {
        ("_dmarc.example.com", "TXT"): ["v=DMARC1; p=none; rua=mailto:a@example.com"],
        ("example.com", "MX"): many,
    }
    facts, _ = look(content)
    with pytest.raises(Undetermined, match="not all of its mail exchangers"):
        assert facts.hosts[0].refuses_mail


def test_without_an_answer_nothing_is_said() -> None:
    facts, _ = look({("_dmarc.example.com", "TXT"): LookupOutcome.SERVFAIL})
    assert facts.hosts == ()
    for read in ("applied", "applied_below", "older", "organisation", "record", "meant"):
        with pytest.raises(Undetermined, match="SERVFAIL"):
            getattr(facts, read)


def test_a_policy_that_is_known_needs_no_more() -> None:
    facts, _ = look({("_dmarc.example.com", "TXT"): [GOOD], ("_dmarc.com", "TXT"): LookupOutcome.TIMEOUT})
    assert facts.applied.policy is Policy.REJECT
    assert facts.hosts[0].host == "example.com"
    with pytest.raises(Undetermined, match=r"_dmarc\.com"):
        assert facts.organisation


def test_bimi() -> None:
    zone = Zone({("default._bimi.example.com", "TXT"): ["v=BIMI1; l=", "other"]})
    facts = asyncio.run(look_for_bimi(domain_approach(zone), Transcript()))
    assert len(facts.records) == 1
    assert zone.asked == [("default._bimi.example.com", "TXT")]
