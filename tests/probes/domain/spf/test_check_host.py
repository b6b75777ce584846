"""check_host() beyond the RFC's own suite: counts, what decided, and look-ups that were not answered."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_audit.errors import Undetermined
from smtp_audit.facts.lookup import LookupOutcome
from smtp_audit.facts.spf import SpfEvaluation, SpfResult
from smtp_audit.probes.domain.spf.asking import domain_to_check, target_name
from smtp_audit.probes.domain.spf.check_host import check_host, mail_hosts
from tests.lookup_factories import found
from tests.probes.domain.zone import Zone
from tests.spf_factories import DOMAIN, HELO, Content, zone

FAILURES = [outcome for outcome in LookupOutcome if outcome not in ("found", "no data", "NXDOMAIN")]


def checked(record: str, also: Content | None = None, address: str = "192.0.2.25") -> SpfEvaluation:
    return asyncio.run(check_host(zone(record, also).ask, address, DOMAIN, f"postmaster@{DOMAIN}", HELO))


@pytest.mark.parametrize("outcome", FAILURES, ids=str)
@pytest.mark.parametrize(
    ("record", "question"),
    [
        ("v=spf1 mx -all", "@ TXT"),
        ("v=spf1 mx -all", "@ MX"),
        ("v=spf1 mx -all", "mail A"),
        ("v=spf1 a:mail.example.com -all", "mail A"),
        ("v=spf1 include:_s.example.com -all", "_s TXT"),
        ("v=spf1 redirect=_s.example.com", "_s TXT"),
        ("v=spf1 exists:%{ir}.l.example.com -all", "25.2.0.192.l.example.com A"),
    ],
)
def test_what_is_not_answered_is_a_temperror_that_names_it(record: str, question: str, outcome: LookupOutcome) -> None:
    """Never pass, never fail: 63 ways in which a resolver can leave us without an answer."""
    result = checked(record, {question: outcome})
    assert result.result is SpfResult.TEMPERROR
    name, rdtype = question.split()
    asked = DOMAIN if name == "@" else name if "." in name else f"{name}.{DOMAIN}"
    assert result.reason.startswith(f"{rdtype} of {asked}: {outcome}")
    with pytest.raises(Undetermined, match=f"{rdtype} of "):
        result.require()


@pytest.mark.parametrize("outcome", FAILURES, ids=str)
@pytest.mark.parametrize("question", ["25.2.0.192.in-addr.arpa PTR", "mail A"])
def test_failures_behind_ptr_are_passed_over_and_noted(question: str, outcome: LookupOutcome) -> None:
    """RFC 7208 section 5.5: no match; but another receiver may have had the answer."""
    result = checked("v=spf1 ptr -all", {"25.2.0.192.in-addr.arpa PTR": "mail.example.com.", question: outcome})
    assert result.result is SpfResult.FAIL
    assert str(outcome) in result.skipped[0]
    with pytest.raises(Undetermined, match="other receivers may see more"):
        result.require()


def test_a_match_before_the_failure_is_a_match() -> None:
    result = checked("v=spf1 ip4:192.0.2.25 mx include:_s.example.com -all", {"_s TXT": LookupOutcome.SERVFAIL})
    assert result.require().result is SpfResult.PASS


def test_it_says_what_decided_and_what_it_cost() -> None:
    result = checked(
        "v=spf1 a:gone.example.net include:_s.example.com -all",
        {"_s TXT": "v=spf1 exists:gone.example.net redirect=_t.example.com", "_t TXT": "v=spf1 mx:example.com ~all"},
    )
    assert result.result is SpfResult.PASS
    assert result.by == ("include:_s.example.com", "redirect=_t.example.com", "mx:example.com")
    assert (result.lookups, result.void) == (5, 2)
    assert "_t.example.com: mx:example.com: match" in result.steps
    assert str(result).startswith("192.0.2.25 as MAIL FROM example.com: pass by include:_s.example.com > redirect=")


@pytest.mark.parametrize(
    ("record", "says"),
    [
        ("v=spf1 include:gone.example.net -all", "include:gone.example.net: gone.example.net has no SPF record"),
        ("v=spf1 redirect=gone.example.net", "redirect=gone.example.net: gone.example.net has no SPF record"),
        ("v=spf1 include:a..b.example -all", "leads to no name that could be asked for"),
        ("v=spf1 " + "a:x.example.net " * 3 + "-all", "a:x.example.net is one void look-up more than the 2"),
        ("v=spf1 " + "exists:x.example.net " * 3 + "-all", "exists:x.example.net is one void look-up more"),
        ("v=spf1 " + "ptr " * 11 + "-all", "ptr is one look-up more than the 10"),
        ("v=spf1 -all moo", "example.com: term 2 (moo)"),
    ],
)
def test_a_permerror_says_why(record: str, says: str) -> None:
    result = checked(record, {"9.2.0.192.in-addr.arpa PTR": "x.example.net."}, address="192.0.2.9")
    assert result.result is SpfResult.PERMERROR
    assert says in result.reason


def test_an_mx_with_many_hosts_without_addresses_is_one_void_look_up() -> None:
    """RFC 7208 section 4.6.4 limits terms: hosts with IPv4 alone are no reason to refuse IPv6 behind them."""
    hosts: Content = {"@ MX": [f"10 m{n}.example.com." for n in range(5)], **{f"m{n} A": "192.0.2.1" for n in range(5)}}
    result = checked("v=spf1 mx ip6:2001:db8::25 -all", hosts, address="2001:db8::25")
    assert (result.result, result.void) == (SpfResult.PASS, 1)


def test_an_address_without_a_name_makes_ptr_a_void_look_up() -> None:
    """By the letter of RFC 7208 section 4.6.4, which counts terms; some evaluators leave ptr out."""
    result = checked("v=spf1 ptr -all")
    assert (result.result, result.void) == (SpfResult.FAIL, 1)


def test_mapped_addresses_are_ipv4() -> None:
    assert checked("v=spf1 ip4:192.0.2.25 -all", address="::ffff:192.0.2.25").address == "192.0.2.25"


def test_a_record_with_more_terms_than_are_read_is_not_judged() -> None:
    result = checked("v=spf1 " + "ip4:192.0.2.1 " * 1001 + "-all")
    assert result.result is SpfResult.TEMPERROR
    assert "more terms than are read" in result.reason


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a.example.", "a.example"),
        ("a..example", None),
        (".example", None),
        ("a" * 64 + ".example", None),
        ("", None),
        ("x" * 300, None),
        (".".join(["abcdefgh"] * 30), ".".join(["abcdefgh"] * 28)),
        ("a\\b.example", "a\\\\b.example"),
    ],
)
def test_names_that_can_be_asked_for(text: str, name: str | None) -> None:
    assert target_name(text) == name


@pytest.mark.parametrize("text", ["localhost", "[192.0.2.1]", "a..b", "", ".", ".".join(["abcdefgh"] * 30)])
def test_no_domain_to_begin_with_is_none(text: str) -> None:
    assert domain_to_check(text) is None
    result = asyncio.run(check_host(Zone({}).ask, "192.0.2.1", text, f"x@{text}", "mail.example.com"))
    assert result.result is SpfResult.NONE


def test_hosts_by_preference() -> None:
    answer = found("example.com", "MX", "20 b.example.", "5 a.example.", "0 .", "x y", "")
    assert mail_hosts(answer) == ("a.example", "b.example")


_TEXTS = st.lists(
    st.sampled_from(
        ["a", "mx", "ptr", "all", "-all", "include:example.com", "include:_s.example.com", "redirect=_s.example.com",
         "exists:%{i}.%{d}", "a:%{l1r-}.%{p}.%{h}", "ip4:192.0.2.0/24", "exp=%{d}", "a/0//0", "moo", "mx:example.com"]
    ),
    max_size=12,
).map(" ".join)  # fmt: skip


@given(_TEXTS, _TEXTS, st.sampled_from(list(LookupOutcome)), st.ip_addresses())
def test_any_records_come_to_an_end_within_the_limits(
    first: str, second: str, outcome: LookupOutcome, address: object
) -> None:
    asked = zone(f"v=spf1 {first}", {"_s TXT": f"v=spf1 {second}", "mail A": outcome})
    result = asyncio.run(check_host(asked.ask, str(address), DOMAIN, f"postmaster@{DOMAIN}", HELO))
    assert result.lookups <= 11
    assert result.void <= 3
    # 11 records, 10 hosts or names for each of 10 terms, and 10 of them a second time for the macro p
    assert len(set(asked.asked)) <= 11 + 11 * 11 + 11
