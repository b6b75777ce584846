"""Look-ups at the resolver that was named and no other; what could not be looked up is never "does not exist"."""

from __future__ import annotations

import asyncio
import socket
import time

import dns.asyncresolver
import pytest

from smtp_audit.configuration.model import Config, Families
from smtp_audit.errors import ConfigurationError
from smtp_audit.facts.dns import MxFacts
from smtp_audit.facts.endpoint import STANDARD_PORTS, Domain, Endpoint
from smtp_audit.facts.observation import Absence
from smtp_audit.limits import MAX_ADDRESSES, MAX_HOSTS
from smtp_audit.probes import dns as dns_probe
from smtp_audit.probes.dns import Addresses, addresses_of, find_subjects, resolver_name

from .zone import Answers, Zone, nobody


@pytest.fixture(autouse=True)
def no_other_resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's resolver and its configuration are out of bounds, and look-ups end soon."""

    def forbidden(*_arguments: object, **_options: object) -> None:
        raise AssertionError("the system's resolver was asked")

    monkeypatch.setattr(dns_probe, "LOOKUP_SECONDS", 0.2)
    monkeypatch.setattr(socket, "getaddrinfo", forbidden)
    monkeypatch.setattr(dns.asyncresolver.Resolver, "read_resolv_conf", forbidden)


def find(answers: Answers, *names: str):
    with Zone(answers) as zone:
        found = find_subjects(Config(names=names or ("example.com",), resolver=zone.resolver))
        assert {kind for _, kind in zone.asked} == {"MX"}
    return found


def hosts(found) -> list[str]:
    return list(dict.fromkeys(subject.host for subject in found.subjects if isinstance(subject, Endpoint)))


def domains(found) -> list[str]:
    return [subject.name for subject in found.subjects if isinstance(subject, Domain)]


class TestMx:
    def test_a_mail_domain(self):
        found = find({("example.com", "MX"): ["20 MX2.Example.com.", "10 mx1.example.com.", "10 mx0.example.net."]})
        assert domains(found) == ["example.com"]
        assert hosts(found) == ["mx0.example.net", "mx1.example.com", "mx2.example.com"]
        (observation,) = found.observations
        assert isinstance(observation.facts, MxFacts)
        assert [(r.preference, r.exchange) for r in observation.facts.records] == [
            (10, "mx0.example.net"),
            (10, "mx1.example.com"),
            (20, "mx2.example.com"),
        ]

    def test_every_standard_port_of_every_host(self):
        found = find({("example.com", "MX"): ["10 a.example.", "20 b.example."]})
        endpoints = [subject for subject in found.subjects if isinstance(subject, Endpoint)]
        assert [(e.host, e.port, e.role) for e in endpoints] == [
            (host, port, role) for host in ("a.example", "b.example") for port, role in STANDARD_PORTS.items()
        ]
        assert not any(endpoint.declared for endpoint in endpoints)

    @pytest.mark.parametrize("answers", [{}, {("mail.example.com", "A"): ["192.0.2.1"]}])
    def test_a_name_without_mx_is_a_host(self, answers):
        found = find(answers, "mail.example.com")
        assert domains(found) == []
        assert hosts(found) == ["mail.example.com"]
        assert found.observations[0].facts == MxFacts(records=())

    @pytest.mark.parametrize("records", [["0 ."], ["10 mx.example.com.", "0 ."]])
    def test_a_domain_that_takes_no_mail(self, records):
        with pytest.raises(ConfigurationError, match="takes no mail"):
            find({("example.com", "MX"): records})

    @pytest.mark.parametrize("failure", ["SERVFAIL", "REFUSED", "FORMERR", "silence", "garbage"])
    def test_a_failed_look_up_is_recorded_and_the_name_is_audited_as_a_host(self, failure):
        began = time.monotonic()
        found = find({("example.com", "MX"): failure})
        assert time.monotonic() - began < 3
        assert hosts(found) == ["example.com"]
        assert domains(found) == []
        (observation,) = found.observations
        assert observation.facts is None
        assert observation.absence is Absence.UNREACHABLE
        assert observation.subject == "example.com"
        assert "MX of example.com" in observation.reason

    def test_a_resolver_that_is_not_there(self):
        found = find_subjects(Config(names=("example.com",), resolver=nobody()))
        assert found.observations[0].absence is Absence.UNREACHABLE

    @pytest.mark.parametrize(
        "exchange",
        [
            "\\<script\\>.example.",
            "a\\032b.example.",
            "192.0.2.1.",
            "\\195\\164.example.",
            "a\\.b.example.",
        ],
    )
    def test_an_exchange_that_is_no_host_name_is_a_failed_look_up(self, exchange):
        found = find({("example.com", "MX"): [f"10 {exchange}"]})
        assert hosts(found) == ["example.com"]
        (observation,) = found.observations
        assert observation.absence is Absence.UNREACHABLE
        assert observation.reason.isascii()
        assert observation.reason.isprintable()

    def test_too_many_hosts_are_refused_before_anything_is_probed(self):
        records = [f"10 mx{number}.example." for number in range(MAX_HOSTS + 1)]
        with pytest.raises(ConfigurationError, match=str(MAX_HOSTS)):
            find({("example.com", "MX"): records})
        assert len(hosts(find({("example.com", "MX"): records[1:]}))) == MAX_HOSTS

    def test_several_names_share_hosts_and_each_is_asked_once(self):
        shared = {(name, "MX"): ["10 mx.example."] for name in ("a.example", "b.example")}
        with Zone(shared) as zone:
            names = ("a.example", "b.example", "a.example")
            found = find_subjects(Config(names=names, resolver=zone.resolver))
            assert sorted(zone.asked) == [("a.example", "MX"), ("b.example", "MX")]
        assert domains(found) == ["a.example", "b.example"]
        assert hosts(found) == ["mx.example"]
        assert len(found.observations) == 2

    def test_without_names_nobody_is_asked(self):
        with Zone({}) as zone:
            assert find_subjects(Config(resolver=zone.resolver)).subjects == ()
            assert zone.asked == []


def addresses(answers: Answers, host: str = "mail.example.com", **more) -> Addresses:
    with Zone(answers) as zone:
        return asyncio.run(addresses_of(Config(resolver=zone.resolver, **more), host))


HOST = "mail.example.com"
BOTH: Answers = {(HOST, "A"): ["192.0.2.1", "192.0.2.2"], (HOST, "AAAA"): ["2001:db8::1"]}


class TestAddresses:
    def test_of_both_families(self):
        found = addresses(BOTH)
        assert sorted(found.addresses) == ["192.0.2.1", "192.0.2.2", "2001:db8::1"]
        assert found.trouble == ""

    @pytest.mark.parametrize(
        ("families", "wanted", "asked"),
        [
            (Families.IPV4, ("192.0.2.1", "192.0.2.2"), {"A"}),
            (Families.IPV6, ("2001:db8::1",), {"AAAA"}),
            (Families.ALL, ("192.0.2.1", "192.0.2.2", "2001:db8::1"), {"A", "AAAA"}),
        ],
    )
    def test_only_the_families_asked_for(self, families, wanted, asked):
        with Zone(BOTH) as zone:
            config = Config(resolver=zone.resolver, families=families)
            assert sorted(asyncio.run(addresses_of(config, HOST)).addresses) == list(wanted)
            assert {kind for _, kind in zone.asked} == asked

    @pytest.mark.parametrize("failing", ["A", "AAAA"])
    @pytest.mark.parametrize("failure", ["SERVFAIL", "silence", "garbage"])
    def test_one_family_that_fails_hides_addresses_and_that_is_said(self, failing, failure):
        found = addresses({**BOTH, (HOST, failing): failure})
        assert sorted(found.addresses) == (["2001:db8::1"] if failing == "A" else ["192.0.2.1", "192.0.2.2"])
        assert f"{failing} of {HOST}" in found.trouble

    def test_both_fail(self):
        found = addresses({(HOST, "A"): "SERVFAIL", (HOST, "AAAA"): "REFUSED"})
        assert found.addresses == ()
        assert "A of" in found.trouble
        assert "AAAA of" in found.trouble

    @pytest.mark.parametrize("answers", [{}, {(HOST, "MX"): ["10 mx.example."]}])
    def test_a_name_without_addresses(self, answers):
        found = addresses(answers)
        assert found.addresses == ()
        assert HOST in found.trouble

    def test_a_name_without_addresses_of_the_family(self):
        found = addresses({(HOST, "A"): ["192.0.2.1"]}, families=Families.IPV6)
        assert found.addresses == ()
        assert "ipv6" in found.trouble

    def test_too_many_addresses_are_cut_and_that_is_said(self):
        """The long answer comes by TCP (RFC 7766)."""
        with Zone({(HOST, "A"): "long"}) as zone:
            found = asyncio.run(addresses_of(Config(resolver=zone.resolver), HOST))
            assert zone.by_tcp == 1
        assert len(found.addresses) == MAX_ADDRESSES
        assert "199 addresses" in found.trouble

    @pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1", "::1"])
    def test_an_address_is_looked_up_nowhere(self, address):
        with Zone({}) as zone:
            found = asyncio.run(addresses_of(Config(resolver=zone.resolver, families=Families.IPV4), address))
            assert found == Addresses((address,))
            assert zone.asked == []

    @pytest.mark.parametrize(
        ("families", "wanted"),
        [(Families.ALL, ("127.0.0.1",)), (Families.IPV4, ("127.0.0.1",)), (Families.IPV6, ("::1",))],
    )
    def test_localhost_is_one_address(self, families, wanted):
        answers = {("localhost", "A"): ["127.0.0.1"], ("localhost", "AAAA"): ["::1"]}
        assert addresses(answers, "localhost", families=families) == Addresses(wanted)

    def test_localhost_with_ipv6_only(self):
        assert addresses({("localhost", "AAAA"): ["::1"]}, "localhost") == Addresses(("::1",))


class TestSystem:
    """Without a resolver of its own the machine is asked, as every mail client does."""

    def rows(self, *found: str):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in found]

    def test_its_addresses_without_doubles(self, monkeypatch):
        asked = []

        def answer(host: str, port: object, family: int = 0, type: int = 0, *_more: object) -> object:
            asked.append((host, family))
            return self.rows("192.0.2.1", "2001:db8::1", "192.0.2.1")

        monkeypatch.setattr(socket, "getaddrinfo", answer)
        assert asyncio.run(addresses_of(Config(), HOST)) == Addresses(("192.0.2.1", "2001:db8::1"))
        assert asyncio.run(addresses_of(Config(families=Families.IPV6), HOST)).addresses
        assert asked == [(HOST, socket.AF_UNSPEC), (HOST, socket.AF_INET6)]

    @pytest.mark.parametrize(
        "error",
        [
            socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
            socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"),
            UnicodeError("label too long"),
        ],
    )
    def test_no_answer_is_trouble(self, monkeypatch, error):
        def fail(*_arguments: object) -> None:
            raise error

        monkeypatch.setattr(socket, "getaddrinfo", fail)
        found = asyncio.run(addresses_of(Config(), HOST))
        assert found.addresses == ()
        assert HOST in found.trouble

    def test_a_resolver_that_hangs_is_not_waited_for(self, monkeypatch):
        monkeypatch.setattr(dns_probe, "LOOKUP_SECONDS", 0.1)
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_: time.sleep(0.5))

        async def look_up() -> tuple[Addresses, float]:
            began = time.monotonic()
            return await addresses_of(Config(), HOST), time.monotonic() - began

        found, seconds = asyncio.run(look_up())
        assert seconds < 0.4
        assert found.addresses == ()
        assert "no answer" in found.trouble


def test_the_resolver_in_words():
    assert "system" in resolver_name(Config())
    with Zone({}) as zone:
        assert str(zone.resolver.port) in resolver_name(Config(resolver=zone.resolver))


def test_the_system_s_resolvers_are_named_as_its_file_has_them(tmp_path, monkeypatch):
    file = tmp_path / "resolv.conf"
    monkeypatch.setattr(dns_probe, "RESOLVER_FILE", file)
    assert resolver_name(Config()) == "the system's resolver"
    file.write_text("# none\nsearch lab.example\n")
    assert resolver_name(Config()) == "the system's resolver, which is not configured"
    file.write_text("nameserver 192.0.2.1\n nameserver 192.0.2.9\nnameserver\t2001:db8::1  \nnameserver \x1b\n")
    assert resolver_name(Config()) == "the system's resolver (192.0.2.1, 2001:db8::1, \\u{1b})"
