"""Facts about DKIM keys: what they give as evidence."""

from __future__ import annotations

from smtp_audit.control import REGISTRY, load_builtin
from smtp_audit.facts.dkim import DkimFacts
from smtp_audit.published.dkim import parse_dkim
from tests.dkim_factories import RSA512, RSA2048, dkim, selector
from tests.facts_factories import rule


def _published(control: str, facts: DkimFacts, **parameters: object) -> list[str]:
    load_builtin()
    verdict = REGISTRY[control].judge(facts, rule(**parameters))
    return [line for line in verdict.evidence if line.startswith("publish: ")]


def test_the_record_to_publish_is_right_and_has_strings_that_fit() -> None:
    (line,) = _published("dkim-test-flag", dkim(selector("s1", f"v=DKIM1; h=sha1; t=y:s; p={RSA2048}")))
    name, _, text = line.removeprefix("publish: ").partition(" IN TXT ")
    assert name == "s1._domainkey.example.com."
    strings = text.strip('"').split('" "')
    assert all(len(string) <= 255 for string in strings)
    record = parse_dkim("".join(strings))
    assert record.usable
    assert record.strict
    assert not record.testing


def test_a_key_that_is_too_weak_is_not_proposed_again() -> None:
    facts = dkim(selector("s1", f"v=DKIM1; p={RSA512}"))
    assert _published("dkim-key-broken", facts) == []
    assert _published("dkim-key-strength", facts, minimum_bits=2048, maximum_bits=4096) == []


def test_without_a_key_there_is_nothing_to_publish() -> None:
    assert _published("dkim-syntax", dkim(selector("s1", "v=DKIM1; p=x"))) == []
