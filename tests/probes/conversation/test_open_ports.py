"""A short list of ports, once for each address, a few at a time."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from smtp_audit.facts.observation import Absence
from smtp_audit.probes.conversation import open_ports as probe
from smtp_audit.probes.conversation.open_ports import PORTS, scan_ports
from smtp_audit.probes.wire import PeerError
from tests.probes.stage import serving, talking


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch):
    """Ports as told, without a network: open, silent, and closed for all others."""

    net = SimpleNamespace(open=set(), silent=set(), asked=[], at_once=0, most=0, bans_after=10_000)

    class Opened:
        def abort(self) -> None:
            pass

    async def connect(address, port, seconds, transcript):
        net.asked.append(port)
        net.at_once += 1
        net.most = max(net.most, net.at_once)
        await asyncio.sleep(0)
        net.at_once -= 1
        if port in net.silent or len(net.asked) > net.bans_after:
            raise PeerError(Absence.UNREACHABLE, "no answer")
        if port not in net.open:
            raise PeerError(Absence.CLOSED, "refused")
        return Opened()

    monkeypatch.setattr(probe, "connect", connect)
    return net


async def scan(ports=(25,), speaks_for=""):
    async with serving(talking()) as stage:
        approach = stage.approach()
        approach.host_ports, approach.speaks_for = ports, speaks_for
        return await scan_ports(approach, approach.transcript()), approach


async def test_what_is_open_what_is_silent(network):
    network.open, network.silent = {25, 6379, 20025}, {22, 3306}
    facts, approach = await scan((25, 20025))
    assert facts.open == (25, 6379, 20025)
    assert facts.silent == (22, 3306)
    assert facts.declared == (25, 20025)
    assert set(facts.scanned) == {*PORTS, 20025}
    assert not facts.trouble
    # Each once, and the last look at one that was open.
    assert sorted(network.asked) == sorted([*facts.scanned, 25])
    assert approach.budget.effort().connections == len(network.asked)
    assert network.most <= 4


async def test_the_other_endpoints_of_the_host_scan_nothing(network):
    facts, _ = await scan((25, 587), speaks_for="mail.example:25")
    assert facts.judged_with == "mail.example:25"
    assert network.asked == []


async def test_a_host_that_bans_is_not_one_without_ports(network):
    network.open, network.bans_after = {21, 25, 6379}, 20
    facts, _ = await scan()
    assert 21 in facts.open
    assert "banned" in facts.trouble


async def test_a_host_that_drops_everything_is_not_one_without_ports(network):
    network.silent = set(range(65536))
    facts, _ = await scan()
    assert facts.open == ()
    assert "down" in facts.trouble


async def test_a_host_that_refuses_everything_is(network):
    facts, _ = await scan()
    assert (facts.open, facts.trouble) == ((), "")


async def test_the_budget_counts(network):
    async with serving(talking()) as stage:
        approach = stage.approach(budget=stage.approach().config.budget.model_copy(update={"total": 10}))
        with pytest.raises(PeerError) as error:
            await scan_ports(approach, approach.transcript())
    assert error.value.absence is Absence.BUDGET


def test_the_list_is_short_and_in_order():
    assert list(PORTS) == sorted(set(PORTS))
    assert len(PORTS) < 100
