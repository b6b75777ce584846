"""Which DMARC policy applies, by both RFCs."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_audit.errors import Undetermined
from smtp_audit.published.dmarc import DmarcRecord, Policy, parse_dmarc
from smtp_audit.published.tree_walk import (
    MOST_QUERIES,
    applied,
    applied_older,
    organizational_domain,
    walk_names,
)

At = Callable[[str], tuple[DmarcRecord, ...]]


def _at(records: dict[str, str | list[str]]) -> At:
    def at(domain: str) -> tuple[DmarcRecord, ...]:
        texts = records.get(domain, [])
        if texts == "?":
            raise Undetermined(f"{domain}: time-out")
        return tuple(parse_dmarc(f"v=DMARC1; {text}") for text in ([texts] if isinstance(texts, str) else texts))

    return at


def test_the_walks_of_the_rfc() -> None:
    # RFC 9989 sections 4.10 and 5.1.
    assert walk_names("a.mail.example.com") == ("a.mail.example.com", "mail.example.com", "example.com", "com")
    assert walk_names("mail.a.b.c.d.e.f.g.example.com") == (
        "mail.a.b.c.d.e.f.g.example.com",
        "c.d.e.f.g.example.com",
        "d.e.f.g.example.com",
        "e.f.g.example.com",
        "f.g.example.com",
        "g.example.com",
        "example.com",
        "com",
    )


@given(st.lists(st.sampled_from(["a", "b", "example"]), min_size=1, max_size=30))
def test_walks_are_short(labels: list[str]) -> None:
    domain = ".".join(labels)
    names = walk_names(domain)
    assert names[0] == domain
    assert names[-1] == labels[-1]
    assert len(names) == min(len(labels), MOST_QUERIES)
    assert all(above == below.partition(".")[2] for below, above in pairwise(names[1:]))


@pytest.mark.parametrize(
    ("records", "organisation"),
    [
        ({}, "a.mail.example.com"),
        ({"mail.example.com": "p=none", "example.com": "p=none"}, "example.com"),
        ({"mail.example.com": "p=none; psd=n", "example.com": "p=none"}, "mail.example.com"),
        ({"com": "p=none; psd=y"}, "example.com"),
        ({"com": "p=none; psd=y", "mail.example.com": "p=none"}, "example.com"),
        ({"a.mail.example.com": "p=none"}, "a.mail.example.com"),
        ({"a.mail.example.com": "p=none; psd=y", "example.com": "p=none"}, "a.mail.example.com"),
        ({"example.com": ["p=none", "p=none"], "mail.example.com": "p=none"}, "mail.example.com"),
        ({"com": "p=none"}, "com"),
    ],
)
def test_organizational_domain(records: dict[str, str | list[str]], organisation: str) -> None:
    assert organizational_domain("a.mail.example.com", _at(records)) == organisation


R, Q, N = Policy.REJECT, Policy.QUARANTINE, Policy.NONE


@pytest.mark.parametrize(
    ("records", "policy", "domain"),
    [
        ({}, None, ""),
        ({"mail.example.com": "p=quarantine; sp=none", "example.com": "p=none"}, Q, "mail.example.com"),
        ({"mail.example.com": ["p=reject", "p=reject"], "example.com": "p=none; sp=quarantine"}, Q, "example.com"),
        ({"example.com": "p=reject"}, R, "example.com"),
        ({"example.com": "p=reject; sp=none; np=quarantine"}, N, "example.com"),
        ({"com": "p=none; sp=reject; psd=y"}, R, "com"),
        ({"example.com": "p=none", "com": "p=reject; psd=y"}, N, "example.com"),
        ({"example.com": "p=reject; t=y"}, Q, "example.com"),
        ({"example.com": "p=quarantine; t=y"}, N, "example.com"),
        ({"mail.example.com": "p=reject; pct=10"}, R, "mail.example.com"),
        ({"mail.example.com": "sp=reject"}, N, "mail.example.com"),
        ({"mail.example.com": "p=rejct"}, None, "mail.example.com"),
        ({"mail.example.com": "p=rejct; rua=mailto:a@example.com"}, N, "mail.example.com"),
        ({"mail.example.com": "p=reject; np=x; rua=mailto:a@example.com"}, N, "mail.example.com"),
        ({"mail.example.com": "p=reject; sp=x"}, None, "mail.example.com"),
        ({"mail.example.com": "p=reject", "com": "?"}, R, "mail.example.com"),
    ],
)
def test_newer_way(records: dict[str, str | list[str]], policy: Policy | None, domain: str) -> None:
    found = applied("mail.example.com", _at(records))
    assert (found.policy, found.domain) == (policy, domain)
    assert str(found).isascii()


def test_names_that_do_not_exist() -> None:
    at = _at({"example.com": "p=reject; sp=quarantine; np=none", "example.org": "p=reject; sp=none"})
    assert str(applied("x.example.com", at, exists=False)) == "none (np of example.com)"
    assert str(applied("x.example.com", at)) == "quarantine (sp of example.com)"
    assert str(applied("x.example.org", at, exists=False)) == "none (sp of example.org)"


def test_a_record_of_a_domain_that_is_no_organisation_says_nothing_of_those_below() -> None:
    at = _at({"mail.example.com": "p=reject; sp=reject", "example.com": "p=none"})
    assert str(applied("x.mail.example.com", at)) == "none (p of example.com)"


def test_what_is_not_known_is_not_passed_over() -> None:
    with pytest.raises(Undetermined):
        applied("mail.example.com", _at({"example.com": "p=reject", "com": "?"}))
    with pytest.raises(Undetermined):
        organizational_domain("example.com", _at({"example.com": "p=reject", "com": "?"}))


@pytest.mark.parametrize(
    ("records", "policy", "domain"),
    [
        ({}, None, ""),
        ({"mail.example.com": "p=quarantine"}, Q, "mail.example.com"),
        ({"mail.example.com": ["p=reject", "p=reject"], "example.com": "p=reject"}, None, ""),
        ({"example.com": "p=reject; sp=none"}, N, "example.com"),
        ({"com": "p=reject; psd=y"}, None, ""),
        ({"example.com": "p=reject; t=y"}, R, "example.com"),
        ({"mail.example.com": "p=reject; pct=10"}, Q, "mail.example.com"),
        ({"mail.example.com": "p=reject; np=x"}, R, "mail.example.com"),
        ({"mail.example.com": "sp=reject"}, None, "mail.example.com"),
        ({"mail.example.com": "sp=reject; rua=mailto:a@example.com"}, N, "mail.example.com"),
    ],
)
def test_older_way(records: dict[str, str | list[str]], policy: Policy | None, domain: str) -> None:
    found = applied_older("mail.example.com", "example.com", _at(records))
    assert (found.policy, found.domain) == (policy, domain)


@given(
    st.dictionaries(
        st.sampled_from(walk_names("a.b.mail.example.com")),
        st.lists(
            st.sampled_from(["p=reject", "p=none; psd=y", "p=quarantine; sp=x", "sp=none; psd=n", "t=y; p=reject"])
        ),
    )
)
def test_wherever_records_stand_something_is_said(records: dict[str, list[str]]) -> None:
    domain, at = "a.b.mail.example.com", _at(dict(records))
    for exists in (True, False):
        found = applied(domain, at, exists=exists)
        # It is from a place that has exactly one record, and there is nothing only where no place has one.
        assert len(records.get(found.domain, [])) == (1 if found.domain else 0)
        assert bool(found.domain) is any(len(texts) == 1 for texts in records.values())
    organisation = organizational_domain(domain, at)
    assert domain == organisation or domain.endswith(f".{organisation}")
