"""What checkdmarc 6.0.4 decides wrongly or passes over in DMARC, decided here."""

from __future__ import annotations

from smtp_audit.control import load_builtin
from smtp_audit.facts.dmarc import DmarcFacts
from smtp_audit.facts.lookup import LookupOutcome
from tests.dmarc_factories import GOOD, dmarc

from .case import Case, Expected

load_builtin()
ENFORCED = {"accepted": ["quarantine", "reject"]}


def _said(control: str, facts: DmarcFacts) -> Expected:
    return Case(control, facts, Expected.PASS, "", ENFORCED if control.endswith("-policy") else {}).judged()[0]


def test_an_unrelated_text_beside_the_record_is_no_fault() -> None:
    """There: fatal."""
    facts = dmarc("site-verification=0123456789", GOOD)
    assert _said("dmarc-record", facts) is Expected.PASS
    assert _said("dmarc-policy", facts) is Expected.PASS


def test_test_mode_lowers_the_policy() -> None:
    """There: not mentioned."""
    facts = dmarc("v=DMARC1; p=quarantine; t=y; rua=mailto:dmarc@example.com")
    assert _said("dmarc-policy", facts) is Expected.FAIL
    assert _said("dmarc-subdomain-policy", facts) is Expected.FAIL


def test_no_policy_for_names_that_do_not_exist_is_a_fault() -> None:
    """There: not mentioned."""
    assert _said("dmarc-nonexistent-policy", dmarc("v=DMARC1; p=reject; np=none")) is Expected.FAIL


def test_the_policy_that_takes_effect_below_the_domain_is_judged() -> None:
    """There: sp and np are shown as published, and what comes of them is not worked out."""
    below = dmarc(GOOD, domain="mail.example.com", places={"example.com": "v=DMARC1; p=none"})
    assert _said("dmarc-policy", below) is Expected.PASS
    assert _said("dmarc-subdomain-policy", below) is Expected.FAIL
    assert _said("dmarc-nonexistent-policy", below) is Expected.FAIL
    assert _said("dmarc-nonexistent-policy", dmarc("v=DMARC1; p=none; sp=reject")) is Expected.PASS


def test_a_record_that_cannot_be_looked_up_is_neither_there_nor_missing() -> None:
    """There: a time-out is `valid: False`."""
    for outcome in (LookupOutcome.TIMEOUT, LookupOutcome.SERVFAIL, LookupOutcome.REFUSED, LookupOutcome.BOGUS):
        assert _said("dmarc-record", dmarc(places={"example.com": outcome})) is Expected.INDETERMINATE
