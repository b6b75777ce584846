"""What SPF verdicts tell to publish: records that are well formed, and that the control then takes."""

from __future__ import annotations

import re

import pytest

from smtp_audit.control import REGISTRY, Verdict, load_builtin
from smtp_audit.controls.zone_line import publish
from smtp_audit.facts.observation import Facts
from smtp_audit.published.spf import parse_spf
from tests.facts_factories import rule
from tests.spf_factories import spf, spf_helo, spf_sending

load_builtin()


def _judged(control: str, facts: Facts, **parameters: object) -> Verdict:
    verdict: Verdict = REGISTRY[control].judge(facts, rule(**parameters))
    return verdict


def _published(verdict: Verdict) -> tuple[str, str]:
    (line,) = [line for line in verdict.evidence if line.startswith("publish: ")]
    found = re.fullmatch(r'publish: (\S+)\. IN TXT ((?:"[^"]*" ?)+)', line)
    assert found is not None, line
    return found[1], "".join(re.findall(r'"([^"]*)"', found[2]))


@pytest.mark.parametrize(
    ("record", "better"),
    [
        ("v=spf1 mx ?all", "v=spf1 mx -all"),
        ("v=spf1 mx +all exp=why.example.com", "v=spf1 mx -all exp=why.example.com"),
        ("v=spf1 mx", "v=spf1 mx -all"),
    ],
)
def test_spf_all(record: str, better: str) -> None:
    verdict = _judged("spf-all", spf(record), accepted=["-all"])
    assert _published(verdict) == ("example.com", better)
    assert _judged("spf-all", spf(better), accepted=["-all"]).outcome == "pass"


def test_spf_all_behind_a_redirect_is_the_other_name() -> None:
    facts = spf("v=spf1 redirect=_s.example.com", {"_s TXT": "v=spf1 mx ?all"})
    assert _published(_judged("spf-all", facts, accepted=["-all"])) == ("_s.example.com", "v=spf1 mx -all")


def test_spf_record_knows_a_domain_without_mail() -> None:
    assert _published(_judged("spf-record", spf(()), required=True)) == ("example.com", "v=spf1 mx -all")
    assert _published(_judged("spf-record", spf((), {"@ MX": "0 ."}), required=True)) == ("example.com", "v=spf1 -all")


def test_spf_ptr() -> None:
    assert _published(_judged("spf-ptr", spf("v=spf1 ptr mx -all"))) == ("example.com", "v=spf1 mx -all")


@pytest.mark.parametrize("record", ["v=spf1 -all", "v=spf1 ip4:192.0.2.25 ~all", "v=spf1 -ip4:192.0.2.0/24 mx -all"])
def test_spf_covers_sending(record: str) -> None:
    name, better = _published(_judged("spf-covers-sending", spf_sending(record)))
    assert name == "example.com"
    assert parse_spf(better).problems == ()
    assert _judged("spf-covers-sending", spf_sending(better)).outcome == "pass"


def test_a_broken_record_is_not_mended_by_adding_to_it() -> None:
    verdict = _judged("spf-covers-sending", spf_sending("v=spf1 moo -all"))
    assert not any(line.startswith("publish: ") for line in verdict.evidence)


@pytest.mark.parametrize("record", [(), "v=spf1 -all"])
def test_spf_helo(record: str) -> None:
    name, better = _published(_judged("spf-helo", spf_helo(record)))
    assert name == "mail.example.com"
    assert _judged("spf-helo", spf_helo(better)).outcome == "pass"


def test_long_and_odd_texts_in_a_zone_file() -> None:
    assert publish("example.com", "a" * 300) == f'publish: example.com. IN TXT "{"a" * 255}" "{"a" * 45}"'
    assert publish("example.com", 'a"b\\c\xe9') == 'publish: example.com. IN TXT "a\\"b\\\\c\\233"'
    assert publish("example.com", "") == 'publish: example.com. IN TXT ""'


def test_lookups_are_shown_for_each_include() -> None:
    facts = spf("v=spf1 mx include:_a.example.net -all", {"_a.example.net TXT": "v=spf1 a mx"})
    verdict = _judged("spf-lookups", facts, max_lookups=10)
    assert verdict.evidence == ("example.com: 4 look-ups", "  include:_a.example.net: 2 look-ups")
