"""Well-known clients: what each would be answered, and never a refusal that was none."""

from __future__ import annotations

import pytest

from smtp_audit.facts.handshake import TlsClientFacts
from smtp_audit.facts.tls import TlsVersion
from smtp_audit.probes.tls.clients import client_profiles
from smtp_audit.probes.tls.known_clients import be_known_clients
from tests.hostile.flights import Script
from tests.hostile.records import Hello, alert, server_hello
from tests.probes.stage import QUICK, Peer, serving

from .scripted import Bend, dropping, playing, prober, saying, silent

TLS10, TLS12, TLS13 = TlsVersion.TLS10, TlsVersion.TLS12, TlsVersion.TLS13
MODERN = Script({TLS13.code: (0x1302, 0x1301), TLS12.code: (0xC02F, 0xC030, 0xC02B)}, groups=(0x001D, 0x0017))
HASTY = QUICK.model_copy(update={"handshake_seconds": 0.1})


async def be(script: Script, bend: Bend | None = None, known: TlsVersion | None = TLS12, **more) -> TlsClientFacts:
    async with serving(playing(script, bend)) as stage:
        facts = await be_known_clients(prober(stage, known, **more))
        assert [client.client for client in facts.clients] == [profile.name for profile in client_profiles()]
    return facts


def always(peer: Peer, hello: Hello) -> bool:
    return True


async def test_a_modern_server_takes_all_of_them():
    facts = await be(MODERN)
    assert len(facts.clients) >= 10
    for client, profile in zip(facts.clients, client_profiles(), strict=True):
        assert client.accepted is True, client
        assert client.version == (TLS13 if TLS13.code in profile.versions else TLS12)
        assert client.suite.startswith("TLS_")
        assert client.group or client.version == TLS12
        assert client.detail in ("", "HelloRetryRequest")


async def test_a_server_that_refuses():
    for number in (40, 70, 71):
        facts = await be(MODERN, saying(always, lambda _, n=number: alert(n)))
        assert {client.accepted for client in facts.clients} == {False}
        assert all(f"alert {number}" in client.detail for client in facts.clients)
        assert not any(client.version or client.suite or client.group for client in facts.clients)


@pytest.mark.parametrize("number", [10, 47, 50, 80])
async def test_other_alerts_are_no_refusals(number):
    facts = await be(MODERN, saying(always, lambda _: alert(number)))
    assert {client.accepted for client in facts.clients} == {None}


async def test_closing_is_no_refusal():
    facts = await be(MODERN, dropping(always))
    assert {client.accepted for client in facts.clients} == {None}


async def test_a_suite_that_was_not_offered_is_no_answer():
    facts = await be(MODERN, saying(always, lambda hello: server_hello(0x0303, hello.foreign_suite())))
    assert {client.accepted for client in facts.clients} == {None}


async def test_a_version_that_is_too_old_for_them():
    facts = await be(MODERN, saying(always, lambda hello: server_hello(0x0300, hello.suites[0])))
    assert True not in {client.accepted for client in facts.clients}


async def test_silence_costs_few_limits():
    async with serving(playing(MODERN, silent(always))) as stage:
        facts = await be_known_clients(prober(stage, TLS12, limits=HASTY))
        assert stage.connections <= 12
    assert {client.accepted for client in facts.clients} == {None}


class TestRefusingByClosing:
    async def calibrated(self, bend: Bend) -> TlsClientFacts:
        async with serving(playing(MODERN, bend)) as stage:
            asked = prober(stage, TLS12)
            asked.known.says_no_by["closed the connection without an alert"] = True
            return await be_known_clients(asked)

    async def test_twice_is_a_refusal(self):
        facts = await self.calibrated(dropping(lambda _, hello: TLS13.code in hello.supported))
        for client, profile in zip(facts.clients, client_profiles(), strict=True):
            assert client.accepted is (TLS13.code not in profile.versions)

    async def test_once_is_none(self):
        facts = await self.calibrated(dropping(lambda peer, _: peer.number == 3))
        assert {client.accepted for client in facts.clients} == {True}

    async def test_none_is_when_the_known_hello_is_dropped_too(self):
        facts = await self.calibrated(dropping(always))
        assert {client.accepted for client in facts.clients} == {None}
