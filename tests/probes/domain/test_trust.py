"""MTA-STS, TLS reports, TLSA, DNSSEC and CAA: what is asked, and what is made of the answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from smtp_audit.configuration.model import Config, PolicyHost
from smtp_audit.errors import Undetermined
from smtp_audit.facts.dane import CaaFacts, DaneFacts, DnssecFacts
from smtp_audit.facts.lookup import Answer, LookupOutcome
from smtp_audit.facts.mta_sts import FetchOutcome, MtaStsFacts, PolicyFetch, TlsRptFacts
from smtp_audit.limits import Limits
from smtp_audit.probes.domain import mta_sts
from smtp_audit.probes.domain.caa import look_for_caa
from smtp_audit.probes.domain.dane import look_for_tlsa
from smtp_audit.probes.domain.dnssec import look_at_signatures
from smtp_audit.probes.domain.mta_sts import look_for_mta_sts
from smtp_audit.probes.domain.policy_fetch import Place
from smtp_audit.probes.domain.tls_rpt import look_for_tls_rpt
from smtp_audit.probes.tls.trust import Anchors
from smtp_audit.probes.wire import Transcript
from tests.probes.domain.zone import Zone, domain_approach
from tests.trust_factories import ECDSA_KEY, KEY, POLICY

Content = Mapping[tuple[str, str], Sequence[str] | LookupOutcome | Answer]
MX: dict[tuple[str, str], Any] = {
    ("example.com", "MX"): ["10 mail.example.com.", "20 mx.example.net."],
    ("mail.example.com", "A"): ["192.0.2.25"],
    ("mx.example.net", "A"): ["192.0.2.26"],
}


async def looked(look: Any, content: Content, config: Config | None = None, **more: Any) -> tuple[Any, Zone]:
    zone = Zone(content, **more)
    return await look(domain_approach(zone, config=config), Transcript()), zone


async def test_tlsa_of_every_mx_host() -> None:
    facts, zone = await looked(look_for_tlsa, {**MX, ("_25._tcp.mail.example.com", "TLSA"): [f"3 1 1 {KEY}"]})
    assert isinstance(facts, DaneFacts)
    assert [host.host for host in facts.hosts] == ["mail.example.com", "mx.example.net"]
    assert [len(host.usable) for host in facts.hosts] == [1, 0]
    assert ("_25._tcp.mx.example.net", "TLSA") in zone.asked


async def test_a_host_that_is_an_alias_is_looked_for_where_it_leads_to() -> None:
    """RFC 7672 section 2.2.2; checkdmarc sees no TLSA behind a CNAME."""
    content = {
        ("example.com", "MX"): ["10 mail.example.com."],
        ("mail.example.com", "CNAME"): ["real.example.net."],
        ("real.example.net", "A"): ["192.0.2.25"],
        ("_25._tcp.real.example.net", "TLSA"): [f"3 1 1 {KEY}"],
    }
    facts, _ = await looked(look_for_tlsa, content)
    assert facts.hosts[0].owner == "_25._tcp.real.example.net"
    assert len(facts.hosts[0].usable) == 1
    own = {("_25._tcp.mail.example.com", "TLSA"): [f"2 1 1 {KEY}"]}
    del content["_25._tcp.real.example.net", "TLSA"]
    facts, _ = await looked(look_for_tlsa, {**content, **own})
    assert facts.hosts[0].owner == "_25._tcp.mail.example.com"


async def test_a_record_that_is_an_alias_itself() -> None:
    content = {**MX, ("_25._tcp.mail.example.com", "CNAME"): ["dane.example.net."]}
    facts, _ = await looked(look_for_tlsa, {**content, ("dane.example.net", "TLSA"): [f"3 1 1 {KEY}"]})
    assert facts.hosts[0].records[0].data == KEY


async def test_without_mx_the_domain_takes_its_own_mail_and_a_null_mx_has_no_hosts() -> None:
    facts, _ = await looked(look_for_tlsa, {("example.com", "A"): ["192.0.2.1"]})
    assert [host.host for host in facts.hosts] == ["example.com"]
    facts, _ = await looked(look_for_tlsa, {("example.com", "MX"): ["0 ."]})
    assert facts.hosts == ()
    assert facts.mx.none
    facts, _ = await looked(look_for_tlsa, {("example.com", "MX"): LookupOutcome.SERVFAIL})
    assert facts.hosts == ()
    with pytest.raises(Undetermined, match="SERVFAIL"):
        facts.mx.require()


async def test_the_zones_of_the_domain_and_its_hosts_are_asked_once() -> None:
    soa = ["ns. h. 1 2 3 4 5"]
    content = {
        **MX,
        ("example.com", "SOA"): soa,
        ("example.com", "DNSKEY"): [ECDSA_KEY],
        ("mail.example.com", "SOA"): Answer(
            name="mail.example.com", type="SOA", outcome=LookupOutcome.NO_DATA, zone="example.com", secure=True
        ),
        ("mx.example.net", "SOA"): Answer(
            name="mx.example.net", type="SOA", outcome=LookupOutcome.NO_DATA, zone="example.net"
        ),
    }
    facts, zone = await looked(look_at_signatures, content, secure=True)
    assert isinstance(facts, DnssecFacts)
    assert [(each.zone, each.names) for each in facts.zones] == [
        ("example.com", ("example.com", "mail.example.com")),
        ("example.net", ("mx.example.net",)),
    ]
    assert facts.zones[0].dnskeys[0].algorithm == 13
    assert zone.asked.count(("example.com", "DNSKEY")) == 1
    assert facts.own.insecure == ()


async def test_a_signed_child_is_its_own_zone() -> None:
    """checkdmarc misses it."""
    content = {
        **MX,
        ("mail.example.com", "SOA"): ["ns. h. 1 2 3 4 5"],
        ("mail.example.com", "DNSKEY"): [ECDSA_KEY],
    }
    facts, _ = await looked(look_at_signatures, content, secure=True)
    assert "mail.example.com" in [zone.zone for zone in facts.zones]


async def test_caa_is_climbed_to_the_first_records() -> None:
    content = {**MX, ("example.com", "CAA"): ['0 issue "ca.example"'], ("net", "CAA"): ['0 issue ";"']}
    facts, zone = await looked(look_for_caa, content)
    assert isinstance(facts, CaaFacts)
    assert [climb.name for climb in facts.hosts] == ["mail.example.com", "mx.example.net"]
    assert [record.issuer for record in facts.hosts[0].require()] == ["ca.example"]
    assert [answer.name for answer in facts.hosts[1].answers] == ["mx.example.net", "example.net", "net"]
    assert ("com", "CAA") not in zone.asked


async def test_a_climb_stops_where_nobody_answers() -> None:
    """Records further up may not count: there may be some where nobody answered."""
    content = {**MX, ("example.com", "CAA"): ['0 issue "a.b"'], ("mail.example.com", "CAA"): LookupOutcome.SERVFAIL}
    facts, _ = await looked(look_for_caa, content)
    with pytest.raises(Undetermined, match="SERVFAIL"):
        facts.hosts[0].require()
    assert facts.hosts[0].records == ()


async def test_where_tls_reports_go_to() -> None:
    content = {
        **MX,
        ("_smtp._tls.example.com", "TXT"): ["v=TLSRPTv1; rua=mailto:a@reports.example,https://web.example/v1"],
        ("reports.example", "MX"): ["10 mx.reports.example."],
        ("web.example", "A"): ["192.0.2.80"],
    }
    facts, zone = await looked(look_for_tls_rpt, content)
    assert isinstance(facts, TlsRptFacts)
    assert [each.destination.host for each in facts.destinations] == ["reports.example", "web.example"]
    assert ("web.example", "MX") not in zone.asked
    facts, zone = await looked(look_for_tls_rpt, {**MX, ("_smtp._tls.example.com", "TXT"): ["v=spf1 -all"]})
    assert facts.destinations == ()


STS: dict[tuple[str, str], Any] = {
    **MX,
    ("_mta-sts.example.com", "TXT"): ["v=STSv1; id=1"],
    ("mta-sts.example.com", "A"): ["192.0.2.80"],
}


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Place, str]]:
    """Where policies were fetched from; the first place of each answers, unless it is 192.0.2.81."""
    asked: list[tuple[Place, str]] = []

    async def fetch(place: Place, host: str, anchors: Anchors, limits: Limits) -> PolicyFetch:
        asked.append((place, host))
        dead = place.address == "192.0.2.81"
        outcome = FetchOutcome.UNREACHABLE if dead else FetchOutcome.ANSWERED
        return PolicyFetch(url="", address=str(place), outcome=outcome, status=None if dead else 200, body=POLICY)

    monkeypatch.setattr(mta_sts, "fetch_policy", fetch)
    return asked


async def test_a_policy_comes_from_the_address_that_the_resolver_gives(places: list[tuple[Place, str]]) -> None:
    facts, _ = await looked(look_for_mta_sts, STS)
    assert isinstance(facts, MtaStsFacts)
    assert places == [(Place("192.0.2.80", 443), "mta-sts.example.com")]
    assert facts.require_policy().mode == "enforce"


async def test_an_alias_of_the_policy_host_is_fine(places: list[tuple[Place, str]]) -> None:
    content = {key: value for key, value in STS.items() if key[0] != "mta-sts.example.com"}
    content |= {("mta-sts.example.com", "CNAME"): ["web.example."], ("web.example", "AAAA"): ["2001:db8::80"]}
    await looked(look_for_mta_sts, content)
    assert places == [(Place("2001:db8::80", 443), "mta-sts.example.com")]


async def test_the_next_address_is_tried_when_one_does_not_answer(places: list[tuple[Place, str]]) -> None:
    facts, _ = await looked(
        look_for_mta_sts, {**STS, ("mta-sts.example.com", "A"): ["192.0.2.81", "192.0.2.82", "192.0.2.83"]}
    )
    assert [place.address for place, _ in places] == ["192.0.2.81", "192.0.2.82"]
    assert facts.fetch.outcome is FetchOutcome.ANSWERED


async def test_the_configuration_may_say_where(places: list[tuple[Place, str]]) -> None:
    config = Config(mta_sts=PolicyHost(address="127.0.0.5", port=4443))
    await looked(look_for_mta_sts, STS, config)
    assert places == [(Place("127.0.0.5", 4443), "mta-sts.example.com")]


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "0.0.0.0"])
async def test_what_only_this_machine_can_reach_is_not_asked(places: list[tuple[Place, str]], address: str) -> None:
    facts, _ = await looked(look_for_mta_sts, {**STS, ("mta-sts.example.com", "A"): [address]})
    assert places == []
    with pytest.raises(Undetermined, match="not asked"):
        facts.require_policy()


async def test_without_record_or_address_nothing_is_fetched(places: list[tuple[Place, str]]) -> None:
    config = Config(mta_sts=PolicyHost(address="127.0.0.5"))
    facts, _ = await looked(look_for_mta_sts, {**STS, ("_mta-sts.example.com", "TXT"): ["hello"]}, config)
    assert not facts.published
    content = {key: value for key, value in STS.items() if key[0] != "mta-sts.example.com"}
    facts, _ = await looked(look_for_mta_sts, content, config)
    assert facts.published
    assert facts.fetch is None
    facts, _ = await looked(look_for_mta_sts, {**STS, ("_mta-sts.example.com", "TXT"): LookupOutcome.TIMEOUT}, config)
    with pytest.raises(Undetermined):
        assert facts.published
    assert places == []
