"""The tree of includes, and the facts of the three families, from a DNS that is a dictionary."""

from __future__ import annotations

import asyncio

import pytest

from smtp_audit.configuration.model import Config
from smtp_audit.errors import Undetermined
from smtp_audit.facts.lookup import LookupOutcome
from smtp_audit.facts.observation import Absence
from smtp_audit.facts.spf import FOREIGN_ADDRESSES, SpfFacts, SpfIdentity, SpfResult
from smtp_audit.facts.spf_tree import SpfTree
from smtp_audit.limits import MAX_SPF_DEPTH, MAX_SPF_RECORDS
from smtp_audit.probes.domain.spf.family import look_for_spf, look_for_spf_helo, look_for_spf_sending
from smtp_audit.probes.domain.spf.tree import MOST_TERMS_ASKED
from smtp_audit.probes.wire import PeerError, Transcript
from tests.probes.domain.zone import domain_approach
from tests.spf_factories import DOMAIN, SENDING, config, spf, spf_helo, spf_sending, zone


def test_everything_is_walked_whoever_matches() -> None:
    facts = spf(
        "v=spf1 ip4:0.0.0.0/0 include:_a.example.net ?include:_b.%{d} redirect=_c.example.net",
        {
            "_a.example.net TXT": "v=spf1 include:_d.example.net a:mail.example.com",
            "_b TXT": "v=spf1 mx:example.com",
            "_c.example.net TXT": "v=spf1 exists:%{i}.example.net exists:mail.example.com -all",
            "_d.example.net TXT": "v=spf1 ip4:192.0.2.0/24",
        },
    )
    tree = [(node.name, node.parent, node.via) for node in facts.nodes]
    assert tree == [
        ("example.com", -1, ""),
        ("_a.example.net", 0, "include:_a.example.net"),
        ("_d.example.net", 1, "include:_d.example.net"),
        ("_b.example.com", 0, "?include:_b.%{d}"),
        ("_c.example.net", 0, "redirect=_c.example.net"),
    ]
    (a,) = facts.nodes[1].terms
    assert [(each.name, each.type) for each in a.answers] == [("mail.example.com", "A"), ("mail.example.com", "AAAA")]
    (mx,) = facts.nodes[3].terms
    assert [each.type for each in mx.answers] == ["MX", "A", "AAAA"]
    dynamic, static = facts.nodes[4].terms
    assert dynamic.dynamic
    assert dynamic.note == "depends on the message (%{i})"
    assert [each.type for each in static.answers] == ["A"]


def test_what_nobody_reaches_is_not_asked() -> None:
    asked = zone("v=spf1 -all redirect=_r.example.net include:_i.example.net a:h.example.net", {})
    facts = asyncio.run(look_for_spf(domain_approach(asked), Transcript()))
    assert len(facts.nodes) == 1
    assert not [name for name, _ in asked.asked if name.endswith(".example.net")]


def test_what_each_include_costs() -> None:
    facts = spf(
        "v=spf1 mx include:_a.example.net include:%{i}.example.net -all",
        {"_a.example.net TXT": "v=spf1 a:mail.example.com include:_d.example.net", "_d.example.net TXT": "v=spf1 a a"},
    )
    assert SpfTree(facts.nodes).costs() == [
        "example.com: 7 look-ups",
        "  include:_a.example.net: 4 look-ups",
        "    include:_d.example.net: 2 look-ups",
        "  include:%{i}.example.net: depends on the message (%{i})",
    ]


def test_the_longest_way_ends_where_everyone_matches() -> None:
    also = {"_a.example.net TXT": "v=spf1 a redirect=_b.example.net", "_b.example.net TXT": "v=spf1 +all mx"}
    facts = spf("v=spf1 include:_a.example.net mx mx mx -all", also)
    tree = SpfTree(facts.nodes)
    assert tree.lookups() == 3
    assert tree.way(0).result is SpfResult.PASS
    assert [node.name for node in facts.nodes] == ["example.com", "_a.example.net", "_b.example.net"]


@pytest.mark.parametrize("record", ["v=spf1 include:example.com -all", "v=spf1 include:_a.example.net -all"])
def test_circles_end(record: str) -> None:
    facts = spf(record, {"_a.example.net TXT": "v=spf1 redirect=EXAMPLE.com"})
    assert facts.nodes[-1].loop
    assert len(facts.nodes) <= 3


def test_depth_and_number_are_capped() -> None:
    deep = {f"_{n}.example.net TXT": f"v=spf1 include:_{n + 1}.example.net" for n in range(40)}
    facts = spf("v=spf1 include:_0.example.net -all", deep)
    assert len(facts.nodes) == MAX_SPF_DEPTH + 1
    assert facts.nodes[-1].left_out
    wide = {f"_{n}.example.net TXT": "v=spf1" + f" include:_{n + 1}.example.net" * 9 for n in range(10)}
    facts = spf("v=spf1 include:_0.example.net -all", wide)
    assert sum(node.answer is not None for node in facts.nodes) == MAX_SPF_RECORDS
    assert len(facts.nodes) < MAX_SPF_RECORDS * 10


def test_the_number_of_terms_is_capped() -> None:
    facts = spf("v=spf1 " + " ".join(f"a:h{n}.example.net" for n in range(MOST_TERMS_ASKED + 5)) + " -all")
    assert len([each for each in facts.nodes[0].terms if len(each.answers) == 2]) == MOST_TERMS_ASKED
    left = facts.nodes[0].terms[-1]
    assert left.answers[0].outcome is LookupOutcome.NOT_ASKED
    with pytest.raises(Undetermined, match="more than 60 terms"):
        _ = left.nothing


def test_a_name_with_a_backslash_stays_one() -> None:
    facts = spf("v=spf1 include:a\\b.example.net -all", {"a\\\\b.example.net TXT": "v=spf1 include:x.%{d} -all"})
    assert [node.name for node in facts.nodes[1:]] == ["a\\\\b.example.net", "x.a\\\\b.example.net"]


def test_each_question_is_told_once_and_every_answer_kept() -> None:
    asked = zone("v=spf1 ptr mx -all exp=why.example.com", {"why TXT": "no"})
    transcript = Transcript()
    facts = asyncio.run(look_for_spf(domain_approach(asked), transcript))
    told = [line.text for line in transcript.lines]
    assert len(told) == len(set(told)) == len(set(asked.asked))
    kept = {(each.name, each.type) for each in facts.answers} | {("example.com", "MX"), ("example.com", "SPF")}
    kept |= {(node.answer.name, "TXT") for node in facts.nodes if node.answer is not None} | {
        ("why.example.com", "TXT")
    }
    kept |= {(each.name, each.type) for node in facts.nodes for term in node.terms for each in term.answers}
    assert kept == set(asked.asked)


def test_foreign_addresses_and_mx_hosts_are_evaluated() -> None:
    facts = spf()
    assert [each.address for each in facts.foreign] == list(FOREIGN_ADDRESSES)
    assert [each.result for each in facts.foreign] == [SpfResult.FAIL, SpfResult.FAIL]
    assert [(each.address, each.result) for each in facts.evaluations] == [(each, SpfResult.PASS) for each in SENDING]


def test_sending_and_helo() -> None:
    sending = spf_sending()
    assert [(each.address, each.identity, each.domain) for each in sending.evaluations] == [
        (address, SpfIdentity.MAIL_FROM, DOMAIN) for address in SENDING
    ]
    helo = spf_helo()
    assert [(each.identity, each.domain, each.by) for each in helo.evaluations] == [
        (SpfIdentity.HELO, "mail.example.com", ("a",)) for _ in SENDING
    ]
    assert [each.result for each in helo.foreign] == [SpfResult.FAIL, SpfResult.FAIL]


@pytest.mark.parametrize(
    ("look", "given", "says"),
    [
        (look_for_spf_sending, Config(), "addresses in \\[sending\\]"),
        (look_for_spf_helo, Config(), "addresses in \\[sending\\]"),
        (look_for_spf_helo, config(helo=None), "helo in \\[sending\\]"),
    ],
)
def test_what_is_not_given_is_asked_for(look: object, given: Config, says: str) -> None:
    with pytest.raises(PeerError, match=says) as raised:
        asyncio.run(look(domain_approach(zone(), DOMAIN, given), Transcript()))  # type: ignore[operator]
    assert raised.value.absence is Absence.NOT_AVAILABLE


@pytest.mark.parametrize("outcome", list(LookupOutcome), ids=str)
def test_facts_are_there_whatever_the_resolver_does(outcome: LookupOutcome) -> None:
    dead = zone(outcome, {"@ MX": outcome, "@ SPF": outcome, "mail A": outcome, "mail AAAA": outcome})
    facts = asyncio.run(look_for_spf(domain_approach(dead), Transcript()))
    assert facts.record is None if facts.root.answer is not None and facts.root.answer.answered else True
    assert SpfFacts.model_validate_json(facts.model_dump_json()) == facts


def test_own_records_are_those_below_the_domain_and_behind_its_redirects() -> None:
    facts = spf(
        "v=spf1 include:_a.example.com include:_b.example.net redirect=_c.example.org",
        {
            "_a TXT": "v=spf1 include:_x.example.net",
            "_b.example.net TXT": "v=spf1 redirect=_y.example.net",
            "_c.example.org TXT": "v=spf1 redirect=_z.example.org",
            "_z.example.org TXT": "v=spf1 -all",
        },
    )
    tree = SpfTree(facts.nodes)
    assert [facts.nodes[here].name for here in tree.own()] == [
        "example.com", "_a.example.com", "_c.example.org", "_z.example.org",
    ]  # fmt: skip
