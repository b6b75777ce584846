"""Facts about DMARC: what they give as evidence, and that they survive a snapshot."""

from __future__ import annotations

import pytest

from smtp_audit.control import REGISTRY, load_builtin
from smtp_audit.facts.dmarc import DmarcFacts
from smtp_audit.published.dmarc import Policy, is_dmarc, parse_dmarc
from tests.dmarc_factories import GOOD, dmarc
from tests.facts_factories import rule

ACCEPTED = [Policy.QUARANTINE, Policy.REJECT]


@pytest.mark.parametrize(
    ("control", "facts", "record"),
    [
        (
            "dmarc-policy",
            dmarc("v=DMARC1; p=none; t=y; pct=5; rua=mailto:a@example.com!5m,mailto:x"),
            "v=DMARC1; p=reject; rua=mailto:a@example.com",
        ),
        ("dmarc-subdomain-policy", dmarc("v=DMARC1; p=reject; sp=none"), "v=DMARC1; p=reject; sp=reject"),
        ("dmarc-nonexistent-policy", dmarc("v=DMARC1; p=reject; np=none"), "v=DMARC1; p=reject; np=reject"),
        ("dmarc-record", dmarc(), "v=DMARC1; p=reject; rua=mailto:dmarc-reports@example.com"),
        ("dmarc-obsolete-tags", dmarc(f"{GOOD}; rf=afrf"), GOOD),
        (
            "dmarc-report-addresses",
            dmarc("v=DMARC1; p=reject"),
            "v=DMARC1; p=reject; rua=mailto:dmarc-reports@example.com",
        ),
    ],
)
def test_the_record_to_publish(control: str, facts: DmarcFacts, record: str) -> None:
    load_builtin()
    parameters = {"accepted": ACCEPTED} if control.endswith("-policy") else {}
    verdict = REGISTRY[control].judge(facts, rule(**parameters))
    (line,) = [line for line in verdict.evidence if line.startswith("publish: ")]
    assert line == f'publish: _dmarc.example.com. IN TXT "{record}"'
    assert is_dmarc(record)
    assert not parse_dmarc(record).problems


def test_the_record_of_an_organisation_is_published_there() -> None:
    load_builtin()
    facts = dmarc(domain="mail.example.com", places={"example.com": "v=DMARC1; p=reject; sp=none"})
    verdict = REGISTRY["dmarc-policy"].judge(facts, rule(accepted=ACCEPTED))
    assert 'publish: _dmarc.example.com. IN TXT "v=DMARC1; p=reject; sp=reject"' in verdict.evidence


def test_facts_are_read_back_as_they_were() -> None:
    facts = dmarc(GOOD, places={"com": "v=DMARC1; p=none; psd=y"})
    assert DmarcFacts.model_validate_json(facts.model_dump_json()) == facts
