"""DMARC policy records."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_audit.limits import MAX_REPORT_ADDRESSES
from smtp_audit.published.dmarc import Policy, is_dmarc, parse_dmarc, parse_report_uri, resembles_dmarc

OCTETS = st.characters(max_codepoint=255)
POLICIES = st.sampled_from(list(Policy))


@given(st.text(alphabet=OCTETS, max_size=300))
def test_whatever_a_record_holds_is_read(text: str) -> None:
    is_dmarc(text)
    resembles_dmarc(text)
    for record in (parse_dmarc(text), parse_dmarc(f"v=DMARC1; p={text}; rua={text}; pct={text}; fo={text}")):
        for each in (*record.problems, *record.notes, *record.obsolete, str(record), *map(str, record.rua)):
            assert each.isascii()
            assert each.isprintable()
        assert 0 <= record.pct <= 100


@given(st.text(alphabet=OCTETS, max_size=100))
def test_whatever_an_address_is(text: str) -> None:
    for each in (text, f"mailto:{text}", f"https://{text}", f"mailto:a@{text}!10m"):
        uri = parse_report_uri(each)
        assert uri.problem.isascii()
        assert not (uri.host and uri.problem)
        assert not uri.host.endswith(".")


@given(POLICIES, st.none() | POLICIES, st.none() | POLICIES, st.booleans(), st.permutations(range(4)))
def test_what_is_written_is_read(
    p: Policy, sp: Policy | None, np: Policy | None, testing: bool, order: list[int]
) -> None:
    tags = [f"p={p}", f"sp={sp}" if sp else "adkim=s", f"np={np}" if np else "aspf=s", f"t={'y' if testing else 'n'}"]
    record = parse_dmarc("; ".join(["v=DMARC1", *(tags[number] for number in order)]))
    assert (record.p, record.sp, record.np, record.testing) == (p, sp, np, testing)
    assert not record.problems
    assert bool(record.notes) is (order[0] != 0)


@pytest.mark.parametrize("text", ["v=DMARC1", "v=DMARC1;", "v = DMARC1 ; p=none", "V=DMARC1; p=none", "v=DMARC1 "])
def test_what_is_a_dmarc_record(text: str) -> None:
    assert is_dmarc(text)
    assert not resembles_dmarc(text)


@pytest.mark.parametrize(
    ("text", "nearly"),
    [
        ("", False),
        ("v=spf1 -all", False),
        ("google-site-verification=x", False),
        (" v=DMARC1; p=none", True),
        ("v=dmarc1; p=none", True),
        ("v=DMARC1 p=none", True),
        ("v=DMARC1, p=none", True),
        ("p=none; v=DMARC1", True),
        ('"v=DMARC1; p=none"', True),
        ("v=DMARC1\\; p=none", True),
        ("v=DMARC10; p=none", True),
        ("v=DMARC2; p=none", False),
    ],
)
def test_what_is_none(text: str, nearly: bool) -> None:
    assert not is_dmarc(text)
    assert resembles_dmarc(text) is nearly


@pytest.mark.parametrize(
    ("tags", "problem"),
    [
        ("p=monitor", "is no policy"),
        ("p=none; sp=rejct", "is no policy"),
        ("p=none; np=", "is no policy"),
        ("p=none; p=reject", '"p" 2 times'),
        ("p=none;; sp=none", "a semicolon too many"),
        ("p=none, sp=none", "is no policy"),
        ("p=none; rua", "it has no '='"),
        ("p=none; t=yes", "none of y, n: n counts"),
        ("p=none; psd=1", "u counts"),
        ("p=none; adkim=strict", "r counts"),
        ("p=none; aspf=", "r counts"),
        ("p=none; fo=2", "other options"),
        ("p=none; fo=1,d", "other options"),
        ("p=none; pct=50%", "no number from 0"),
        ("p=none; pct=101", "no number from 0"),
        ("P=reject", "in capitals"),
        ("p=none; rua=dmarc@example.com", "mailto: is missing"),
        ("p=none; rua=mailto:dmarc", "no mail address"),
        ("p=none; rua=mailto:dmarc@localhost", "no mail address"),
        ("p=none; rua=mailto:a@example.com mailto:b@example.com", "is no URI"),
        ("p=none; rua=mailto:a@example.com,", "is no URI"),
        ("p=none; rua=", "is no URI"),
        ("p=none; ruf=mailto:a!b@example.com", "is no URI"),
    ],
)
def test_form(tags: str, problem: str) -> None:
    record = parse_dmarc(f"v=DMARC1; {tags}")
    assert any(problem in each for each in record.problems), record.problems


def test_unknown_tags_and_any_order_are_tolerated() -> None:
    record = parse_dmarc("v=DMARC1;sp=Reject ;rua=mailto:a@example.com , mailto:b@example.org;x_y=1;p=QUARANTINE;")
    assert (record.p, record.sp, record.problems) == (Policy.QUARANTINE, Policy.REJECT, ())
    assert record.hosts == ("example.com", "example.org")
    assert len(record.notes) == 2


def test_a_policy_may_be_missing() -> None:
    record = parse_dmarc("v=DMARC1; rua=mailto:a@example.com")
    assert (record.p, record.problems) == (None, ())
    assert "stands for p=none" in record.notes[0]


def test_what_is_obsolete() -> None:
    record = parse_dmarc("v=DMARC1; p=reject; pct=50; ri=3600; rf=afrf; rua=mailto:a@example.com!10m")
    assert record.obsolete == ("pct=50", "ri=3600", "rf=afrf", "!10m behind mailto:a@example.com!10m")
    assert record.pct == 50
    assert not record.problems
    assert record.asks_for_reports


def test_a_policy_twice_is_none_that_can_be_told() -> None:
    record = parse_dmarc("v=DMARC1; p=reject; p=none")
    assert (record.p, record.invalid) == (None, ("p",))


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("mailto:a@Example.COM", "example.com"),
        ("mailto:a%2Bb@example.com.", "example.com"),
        ("mailto:%22a%20b%22@example.com", "example.com"),
        ("mailto:a+dmarc@example.com?subject=x", "example.com"),
        ("MAILTO:a@example.com!5", "example.com"),
        ("https://user@reports.example.com:8443/x", "reports.example.com"),
        ("urn:x", ""),
    ],
)
def test_addresses(text: str, host: str) -> None:
    uri = parse_report_uri(text)
    assert (uri.host, uri.problem) == (host, "")


def test_addresses_are_capped() -> None:
    many = ",".join(["mailto:a@example.com"] * (MAX_REPORT_ADDRESSES + 1))
    record = parse_dmarc(f"v=DMARC1; p=none; rua={many}")
    assert len(record.rua) == MAX_REPORT_ADDRESSES
    assert record.problems


def test_policies_go_down_one_step() -> None:
    assert [policy.lowered for policy in Policy] == [Policy.NONE, Policy.NONE, Policy.QUARANTINE]
