"""What is asked about the hosts of a domain, and what is kept of the answers."""

from __future__ import annotations

import asyncio

import pytest

from smtp_audit.configuration.model import Config, Families, Sending
from smtp_audit.facts.lookup import LookupOutcome
from smtp_audit.facts.observation import Absence
from smtp_audit.limits import MAX_HOSTS
from smtp_audit.probes.domain.aliases import look_for_aliases
from smtp_audit.probes.domain.block_lists import entry, look_at_block_lists
from smtp_audit.probes.domain.mail_hosts import look_for_mail_hosts
from smtp_audit.probes.domain.name_servers import directly, look_at_name_servers
from smtp_audit.probes.domain.self_hosting import MAX_SPF_RECORDS, look_for_self_hosting
from smtp_audit.probes.domain.sending import look_for_helo, look_for_sending
from smtp_audit.probes.wire import PeerError, Transcript
from tests.hosts_factories import IP4, SERVED, mail_hosts, name_servers, self_hosting, zone

from .zone import domain_approach

SENDING = Sending(addresses=(IP4,), helo="mail.example.com")


def test_every_exchange_is_asked_for_both_kinds_of_address_and_its_alias() -> None:
    content = zone({"@ MX": ["10 mail.example.com.", "20 b.example.net."], "mail A": [IP4]})
    facts = asyncio.run(look_for_mail_hosts(domain_approach(content), Transcript()))
    assert [each.host for each in facts.exchanges] == ["mail.example.com", "b.example.net"]
    for name in ("mail.example.com", "b.example.net"):
        assert {(name, "A"), (name, "AAAA"), (name, "CNAME")} <= set(content.asked)
    assert ("4.4.8.8.in-addr.arpa", "PTR") in content.asked


def test_a_failing_aaaa_leaves_the_a_records_and_their_names() -> None:
    facts = mail_hosts({"mail AAAA": LookupOutcome.SERVFAIL})
    assert facts.hosts[0].addresses == (IP4,)
    assert [each.address for each in facts.reverse] == [IP4]
    assert facts.hosts[0].aaaa.outcome is LookupOutcome.SERVFAIL


def test_addresses_in_the_place_of_names_are_not_asked_for() -> None:
    content = zone({"@ MX": ["10 192.0.2.1."]})
    facts = asyncio.run(look_for_mail_hosts(domain_approach(content), Transcript()))
    assert facts.hosts == ()
    assert not any(name.startswith("192.0.2.1") for name, _ in content.asked)


def test_no_more_hosts_than_the_cap_are_asked_for() -> None:
    facts = mail_hosts({"@ MX": [f"10 mx{number}.example.com." for number in range(MAX_HOSTS + 5)]})
    assert len(facts.hosts) == MAX_HOSTS
    assert facts.left_out == 5


@pytest.mark.parametrize(
    ("look", "config", "words"),
    [
        (look_for_sending, Config(), "addresses in [sending]"),
        (look_for_helo, Config(sending=Sending(addresses=(IP4,))), "helo in [sending]"),
        (look_for_helo, Config(sending=Sending(helo="mail.example.com")), "addresses in [sending]"),
        (look_at_block_lists, Config(sending=SENDING), "block_lists in [dns]"),
        (look_at_block_lists, Config(dnsbl=("bl.example.net",)), "addresses in [sending]"),
        (look_at_name_servers, Config(), "authoritative = true in [dns]"),
    ],
)
def test_what_the_configuration_does_not_give_is_said(look, config: Config, words: str) -> None:  # type: ignore[no-untyped-def]
    content = zone(SERVED)
    with pytest.raises(PeerError) as caught:
        asyncio.run(look(domain_approach(content, config=config), Transcript()))
    assert caught.value.absence is Absence.NOT_AVAILABLE
    assert words in caught.value.reason


def test_nobody_but_the_resolver_is_asked_without_being_told_to() -> None:
    content = zone(SERVED)
    with pytest.raises(PeerError):
        asyncio.run(look_at_name_servers(domain_approach(content), Transcript()))
    assert content.asked == []


def test_the_last_two_labels_of_a_dangling_alias_are_asked_for() -> None:
    content = zone({"mta-sts CNAME": ["x.y.provider.test."]})
    facts = asyncio.run(look_for_aliases(domain_approach(content), Transcript()))
    (found,) = [each for each in facts.names if each.dangling]
    assert found.alias == "x.y.provider.test"
    assert found.registered is not None
    assert found.registered.name == "provider.test"
    assert found.open_to_all
    nowhere = found.registered.model_copy(update={"zone": "."})
    assert not found.model_copy(update={"registered": nowhere}).open_to_all, "there is no such top-level domain"


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("192.0.2.99", "99.2.0.192.bl.example.net"),
        ("2001:db8:1:2:3:4:567:89ab", "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.bl.example.net"),
        ("::ffff:7f00:2", "2.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.bl.example.net"),
    ],
)
def test_entries_are_named_as_rfc_5782_says(address: str, name: str) -> None:
    assert entry(address, "bl.example.net") == name


def test_spf_is_followed_once_and_in_circles_not_at_all() -> None:
    facts = self_hosting({
        "@ TXT": ["v=spf1 include:a.example.com include:b.example.com -all"],
        "a TXT": ["v=spf1 include:b.example.com include:example.com -all"],
        "b TXT": ["v=spf1 redirect=a.example.com"],
    })  # fmt: skip
    assert [record.answer.name for record in facts.spf] == ["example.com", "a.example.com", "b.example.com"]
    assert facts.left_out == 0


def test_spf_is_followed_to_the_cap_and_no_further() -> None:
    chain = {f"i{number} TXT": [f"v=spf1 include:i{number + 1}.example.com -all"] for number in range(100)}
    facts = self_hosting({"@ TXT": ["v=spf1 include:i0.example.com -all"], **chain})
    assert len(facts.spf) == MAX_SPF_RECORDS
    assert facts.left_out == 1


def test_keys_are_guessed_only_as_aliases() -> None:
    content = zone({"s1._domainkey TXT": ["v=DKIM1; p=a"], "k2._domainkey CNAME": ["dkim2.mcsv.net."]})
    facts = asyncio.run(look_for_self_hosting(domain_approach(content), Transcript()))
    assert [key.targets for key in facts.keys if key.targets] == [("dkim2.mcsv.net",)]
    assert ("s1._domainkey.example.com", "TXT") not in content.asked


def test_the_zone_of_a_domain_without_one_of_its_own_is_found() -> None:
    content = zone(SERVED)
    negative = asyncio.run(content.ask("mail.sub.example.com", "SOA"))
    content.content["sub.example.com", "SOA"] = negative.model_copy(update={"zone": "example.com"})
    config = Config(authoritative=True, authoritative_port=1, families=Families.IPV6)
    facts = asyncio.run(look_at_name_servers(domain_approach(content, "sub.example.com", config), Transcript()))
    assert facts.zone == "example.com"
    assert facts.ns.records == ("ns1.example.com.", "ns2.example.net.")
    assert facts.servers == (), "no address of that family"


def test_every_server_is_asked_for_itself() -> None:
    facts = name_servers(selectors=("s1",), at={"192.0.2.2": {"@ MX": ["5 other.example.com."]}})
    assert [each.address for each in facts.servers] == ["192.0.2.1", "192.0.2.2"]
    assert [each.content[0].records for each in facts.servers] == [("10 mail.example.com.",), ("5 other.example.com.",)]
    assert [answer.name for answer in facts.servers[0].content][-1] == "s1._domainkey.example.com"
    assert facts.servers[0].serial == "7"


def test_the_port_of_the_configuration_is_asked() -> None:
    lookups = directly("127.0.0.1", 5353)
    assert [(server.address, server.port) for server in lookups.servers] == [("127.0.0.1", 5353)]
