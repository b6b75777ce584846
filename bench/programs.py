#!/usr/bin/env python3
"""Measure the traps and the messages on the shipped senders: time, and whether repeats agree. Ends with 1 on a miss.

Every scenario is played with a sound and an unsound sender, some times with nothing else running and some times beside
processes that keep every processor busy. What is compared is what a verdict rests on. It needs a private network.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import re
import statistics
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from smtp_audit.configuration.model import ClientSettings
from smtp_audit.facts.client import ScenarioRun
from smtp_audit.facts.client_messages import SentMessage
from smtp_audit.probes.client.inside import Job, Said
from smtp_audit.probes.client.network import containment
from smtp_audit.probes.client.trapping import hear
from smtp_audit.probes.client.traps.scenarios import SCENARIOS

EXAMPLES = Path(__file__).resolve().parents[1] / "examples" / "python"
SENDERS = {
    name: ClientSettings(name=name, argv=(sys.executable, str(EXAMPLES / f"smtplib_{name}.py")))
    for name in ("sound", "unsound")
}
UNHURRIED = tuple(scenario.name for scenario in SCENARIOS if scenario.group != "hangs")
_UNGUESSABLE = re.compile(r"(?<=private-)[0-9a-f]+")
"""What is another one in each run, so that it is found wherever a program shows it."""

MOST_SECONDS = {"scenarios": 15.0, "messages": 60.0}


def seen(run: ScenarioRun) -> object:
    """What a verdict rests on."""
    acted = any(visit.acted_on_injection for visit in run.visits)
    given = len(run.deliveries), run.exposed, run.acknowledged, acted
    return run.execution.claim, run.played, bool(run.visits), *given, run.strays, run.execution.leaks


async def _heard(job: Job) -> list[Said]:
    return [said async for said in hear(job, containment().command)]


def play(sender: str, scenarios: tuple[str, ...] = ()) -> tuple[Mapping[str, object], float]:
    """Scenario -> what was seen, and the seconds it took."""
    began = time.perf_counter()
    heard = asyncio.run(_heard(Job(settings=SENDERS[sender], scenarios=scenarios)))
    return {said.run.scenario: seen(said.run) for said in heard if said.run}, time.perf_counter() - began


def send(sender: str) -> tuple[Mapping[str, object], float]:
    """Message -> what arrived of it, and the seconds that all took."""
    began = time.perf_counter()
    heard = asyncio.run(_heard(Job(settings=SENDERS[sender], kind="messages")))
    return {said.message.name: _arrived(said.message) for said in heard if said.message}, time.perf_counter() - began


def _arrived(message: SentMessage) -> object:
    arrivals = [
        (sorted(field.name for field in each.fields), [_UNGUESSABLE.sub("...", to) for to in each.recipients])
        for each in message.arrivals
    ]
    return message.execution.claim, arrivals, message.resolved, message.execution.leaks, message.strays


def _busy() -> None:
    while True:
        pass


@contextmanager
def load() -> Iterator[None]:
    """Every processor busy with something else."""
    context = multiprocessing.get_context("fork")
    busy = [context.Process(target=_busy, daemon=True) for _ in range(os.cpu_count() or 1)]
    for process in busy:
        process.start()
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.join()


def differences(runs: list[Mapping[str, object]]) -> list[str]:
    """What was not seen alike in every run."""
    names = {name for run in runs for name in run}
    return sorted(name for name in names if len({repr(run.get(name)) for run in runs}) > 1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=10, help="how often beside other processes")
    parser.add_argument("--quiet-repeats", type=int, default=5, help="how often without")
    parser.add_argument("--senders", nargs="+", choices=SENDERS, default=list(SENDERS))
    chosen = parser.parse_args()
    missed = []
    for sender in chosen.senders:
        played = [play(sender, UNHURRIED) for _ in range(chosen.quiet_repeats)]
        sent = [send(sender) for _ in range(chosen.quiet_repeats)]
        for what, runs in (("scenarios", played), ("messages", sent)):
            seconds = statistics.median(took for _, took in runs)
            print(f"{sender}: {len(runs[0][0])} {what} in {seconds:.1f} s (most: {MOST_SECONDS[what]:g})", flush=True)
            if seconds > MOST_SECONDS[what]:
                missed.append(f"{sender}: {what} take {seconds:.1f} s")
        with load():
            loaded = [play(sender) for _ in range(chosen.repeats)]
            sent += [send(sender) for _ in range(chosen.repeats)]
        slow = statistics.median(took for _, took in loaded)
        differing = differences([run for run, _ in loaded])
        # What does not hang is compared with the runs without load too.
        unlike = differences([*(run for run, _ in played), *({n: r[n] for n in UNHURRIED} for r, _ in loaded)])
        differing += [name for name in unlike if name not in differing]
        differing += [f"message {name}" for name in differences([run for run, _ in sent])]
        print(f"{sender}: {chosen.repeats} loaded runs of {len(loaded[0][0])} scenarios, {slow:.1f} s each", flush=True)
        print(f"{sender}: seen alike in all runs but for: {', '.join(differing) or 'none'}", flush=True)
        missed += [f"{sender}: {name} is not seen alike" for name in differing]
    print("\n".join(missed))
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main())
