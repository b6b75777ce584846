"""The names of an address, looked up only where there can be any; HELP and ETRN on one connection."""

from __future__ import annotations

import time

import pytest

from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.identity import ReverseName
from smtp_audit.probes import dns as dns_probe
from smtp_audit.probes.conversation import identity as probe
from smtp_audit.probes.conversation.identity import look_at_identity
from smtp_audit.probes.dns import is_public, reverse_names
from tests.hostile.acts import leave
from tests.hostile.acts import say as answers
from tests.probes.stage import serving, talking
from tests.probes.test_dns import Config
from tests.probes.zone import Zone

POINTER = "4.4.8.8.in-addr.arpa"
POINTER6 = "1." + "0." * 23 + "0.6.8.4.1.0.0.2.ip6.arpa"


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dns_probe, "LOOKUP_SECONDS", 0.2)


async def names(answers, address="8.8.4.4"):
    with Zone(answers) as zone:
        return await reverse_names(Config(resolver=zone.resolver), address)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.4.4", True),
        ("2001:4860::1", True),
        ("127.3.2.1", False),
        ("10.0.0.1", False),
        ("172.20.0.1", False),
        ("192.168.0.1", False),
        ("169.254.1.1", False),
        ("100.64.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
    ],
)
def test_which_addresses_have_names(address, public):
    assert is_public(address) is public


async def test_names_and_where_they_lead():
    found = await names(
        {
            (POINTER, "PTR"): ["Mail.Example.com.", "old.example.net."],
            ("mail.example.com", "A"): ["8.8.4.4", "8.8.8.8"],
        }
    )
    assert not found.trouble
    assert set(found.names) == {
        ReverseName(name="mail.example.com", addresses=("8.8.4.4", "8.8.8.8")),
        ReverseName(name="old.example.net"),
    }


async def test_names_of_the_newer_kind():
    found = await names(
        {(POINTER6, "PTR"): ["mail.example.com."], ("mail.example.com", "AAAA"): ["2001:4860::1"]}, "2001:4860::1"
    )
    assert found.names == (ReverseName(name="mail.example.com", addresses=("2001:4860::1",)),)


@pytest.mark.parametrize("answers", [{}, {(POINTER, "PTR"): "NXDOMAIN"}])
async def test_no_name(answers):
    found = await names(answers)
    assert (found.names, found.trouble) == ((), "")


@pytest.mark.parametrize("failure", ["SERVFAIL", "REFUSED", "silence", "garbage"])
async def test_no_answer_is_no_name(failure):
    found = await names({(POINTER, "PTR"): failure})
    assert found.names == ()
    assert "PTR of" in found.trouble


async def test_a_name_that_cannot_be_looked_up():
    found = await names({(POINTER, "PTR"): ["mail.example.com."], ("mail.example.com", "A"): "SERVFAIL"})
    assert found.names[0].addresses == ()
    assert "A of mail.example.com" in found.names[0].trouble


async def test_a_name_that_is_none_leads_nowhere():
    found = await names({(POINTER, "PTR"): ["a\\032b.example."]})
    (name,) = found.names
    assert (name.addresses, name.trouble) == ((), "")


async def test_very_many_names_are_not_all_looked_up():
    found = await names({(POINTER, "PTR"): [f"n{number}.example." for number in range(12)]})
    assert len(found.names) == 8
    assert found.trouble.startswith("12 names")


async def test_loopback_is_not_looked_up():
    with Zone({}) as zone:
        async with serving(talking(capabilities=answers(b"250 mail.probe.example\r\n"))) as stage:
            approach = stage.approach(ehlo="client.example")
            approach.config = approach.config.model_copy(update={"resolver": zone.resolver})
            facts = await look_at_identity(approach, approach.transcript())
        assert zone.asked == []
    assert (facts.public, facts.reverse, facts.trouble) == (False, (), "")
    assert facts.client_name == "client.example"
    assert facts.help.last.reply.code == facts.etrn.last.reply.code == "503"
    assert stage.connections == 1


@pytest.mark.parametrize(("role", "asked"), [(Role.MX, True), (Role.SUBMISSIONS, False)])
async def test_only_who_takes_mail_from_others_is_looked_up(monkeypatch, role, asked):
    monkeypatch.setattr(probe, "is_public", lambda address: True)
    with Zone({("1.0.0.127.in-addr.arpa", "PTR"): ["mail.probe.example."]}) as zone:
        async with serving(talking(role, accept=leave)) as stage:
            approach = stage.approach(role)
            approach.config = approach.config.model_copy(update={"resolver": zone.resolver})
            facts = await look_at_identity(approach, approach.transcript())
    assert bool(facts.reverse) is asked
    # What the server does not say costs nothing of what the DNS says.
    assert facts.help.unknown
    assert facts.etrn.unknown


async def test_a_resolver_that_is_silent_does_not_hold_it_up(monkeypatch):
    monkeypatch.setattr(probe, "is_public", lambda address: True)
    with Zone({("1.0.0.127.in-addr.arpa", "PTR"): "silence"}) as zone:
        async with serving(talking()) as stage:
            approach = stage.approach()
            approach.config = approach.config.model_copy(update={"resolver": zone.resolver})
            began = time.monotonic()
            facts = await look_at_identity(approach, approach.transcript())
    assert time.monotonic() - began < 3
    assert "no answer" in facts.trouble
