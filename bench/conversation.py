#!/usr/bin/env python3
"""Measure what the passive conversations ask of one endpoint: connections and time. Ends with 1 on a miss.

On a well-kept Postfix of the live lab. It needs root, and Postfix and Dovecot of `tests/live/install-servers`.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from smtp_audit.configuration.model import Config
from smtp_audit.facts.endpoint import Endpoint, Role
from smtp_audit.limits import BudgetLimits
from smtp_audit.probes.approach import Approach
from smtp_audit.probes.budget import HostBudget
from smtp_audit.probes.conversation.table import CONVERSATIONS, Conversation
from smtp_audit.probes.session import FirstLook, first_look
from smtp_audit.probes.tls.trust import Anchors
from smtp_audit.probes.wire import PeerError
from smtp_audit.safety import Safety
from tests.live.catalogue import DOMAIN, catalogue
from tests.live.standard import PORTS, MailServer, hardened

MOST_CONNECTIONS = 25
MOST_SECONDS = 5.0
ROLES = (Role.MX, Role.SUBMISSION, Role.SUBMISSIONS)


def passive(role: Role) -> list[Conversation]:
    """The conversations of the default run with an endpoint of this role."""
    return [one for one in CONVERSATIONS if one.safety is Safety.PASSIVE and role in one.roles]


async def approach_to(server: MailServer, role: Role) -> Approach:
    """A fresh approach that knows what the first look saw."""
    endpoint = Endpoint(role=role, host=server.host, port=PORTS[role], address=server.address)
    config = Config(targets=(server.host,), endpoints=(endpoint,), domain=DOMAIN, ca=server.anchors)
    budget = HostBudget(server.address, BudgetLimits())
    found = Approach(endpoint, server.address, config, budget, Anchors(server.anchors))
    look = FirstLook(found, found.transcript())
    await first_look(look)
    found.clear_mechanisms, found.tls_expected = look.clear_mechanisms, look.tls_offered is True
    found.budget = HostBudget(server.address, BudgetLimits())
    return found


async def hold(approach: Approach, conversation: Conversation) -> str:
    """One conversation; why it gave no facts, if it gave none."""
    try:
        await conversation.hold(approach, approach.transcript())
    except PeerError as error:
        return f"{conversation.facts.kind}: {error.reason}"
    return ""


async def one_by_one(server: MailServer, role: Role) -> dict[str, tuple[int, float]]:
    """Kind of facts -> connections and seconds, each alone."""
    costs: dict[str, tuple[int, float]] = {}
    for conversation in passive(role):
        approach = await approach_to(server, role)
        began = time.perf_counter()
        if trouble := await hold(approach, conversation):
            print(f"  no facts: {trouble}")
        costs[conversation.facts.kind] = approach.budget.effort().connections, time.perf_counter() - began
    return costs


async def all_at_once(server: MailServer, role: Role) -> tuple[int, float, int]:
    """Connections, seconds and pauses of the whole chapter, held as an audit holds it."""
    approach = await approach_to(server, role)
    began = time.perf_counter()
    await asyncio.gather(*(hold(approach, each) for each in passive(role) if not each.alone))
    for each in passive(role):
        if each.alone:
            await hold(approach, each)
    effort = approach.budget.effort()
    return effort.connections, time.perf_counter() - began, effort.backoffs


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    missed = []
    with hardened(catalogue()) as server:
        for role in ROLES:
            print(f"{role}, each conversation alone:")
            for kind, (connections, seconds) in asyncio.run(one_by_one(server, role)).items():
                print(f"  {kind:24} {connections:3} connections {seconds:6.2f} s")
            runs = [asyncio.run(all_at_once(server, role)) for _ in range(repeats)]
            connections = max(run[0] for run in runs)
            seconds = statistics.median(run[1] for run in runs)
            print(f"{role}, all of them: {connections} connections, {seconds:.2f} s, {runs[-1][2]} pauses")
            if connections > MOST_CONNECTIONS or seconds > MOST_SECONDS:
                missed.append(role)
    if missed:
        print(f"more than {MOST_CONNECTIONS} connections or {MOST_SECONDS:g} s: {', '.join(missed)}")
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main())
