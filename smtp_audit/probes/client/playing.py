"""Scenarios played with a program: one trap each, on an address and under a name of its own, two at a time a processor.

This runs inside the private network where there is one (`inside.py`), else in the process of the audit.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from smtp_audit.configuration.model import ClientSettings
from smtp_audit.facts.client import OTHER_PORT, Claim, Execution, ScenarioRun
from smtp_audit.probes.client.contract import Account, Message, environment_for, message_for, unguessable
from smtp_audit.probes.client.program import Time, execute
from smtp_audit.probes.client.strays import Strays
from smtp_audit.probes.client.traps.certificates import Certificates
from smtp_audit.probes.client.traps.scenario import Scenario
from smtp_audit.probes.client.traps.trap import Trap
from smtp_audit.secret import Secret

AT_ONCE: Final = 2 * (os.cpu_count() or 1)
"""Programs at once: with many more, verdicts change."""

WAITING_AT_ONCE: Final = 16
"""Programs at once in the scenarios where they only wait."""

MAX_ALONE: Final = 24
"""Scenarios that are played again, alone, to find out whose a stray was."""

HEARD_LATE: Final = 0.3
"""Seconds after the end of a program within which what it did is heard."""

DOMAIN: Final = "client-test.example"
"""The traps' hosts are in this domain, and the mail is from it."""

SENDER: Final = f"sender@{DOMAIN}"
"""Who the mail is from, and logs in."""

NETWORK: Final = "127.77"
"""The traps' addresses begin like that: a network that nothing else of a usual machine listens on."""


@dataclass(frozen=True)
class Stand:
    """A scenario with the place that it is played at."""

    scenario: Scenario
    host: str
    address: str
    port: int


def stands(scenarios: Sequence[Scenario]) -> tuple[Stand, ...]:
    """A name and an address for each."""
    return tuple(
        Stand(each, f"mail-{n}.{DOMAIN}", f"{NETWORK}.{n // 250}.{n % 250 + 1}", 465 if each.implicit else 587)
        for n, each in enumerate(scenarios, 1)
    )


class Stage:
    """Plays scenarios with one program."""

    def __init__(
        self,
        settings: ClientSettings,
        certificates: Certificates,
        strays: Strays | None,
        progress: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._certificates = certificates
        self._strays = strays
        self._progress = progress
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._waiting = asyncio.Semaphore(WAITING_AT_ONCE)
        self._times: dict[str, tuple[float, float]] = {}

    async def play_all(self, places: Iterable[Stand]) -> tuple[ScenarioRun, ...]:
        """Every scenario once; those of the group "controls" first, since they say whether the program sends at all."""
        chosen = tuple(places)
        first = [place for place in chosen if place.scenario.group == "controls"]
        rest = [place for place in chosen if place.scenario.group != "controls"]
        runs = [*await asyncio.gather(*(self.play(place) for place in first))]
        runs += await asyncio.gather(*(self.play(place) for place in rest))
        return tuple(await self._settle(zip((*first, *rest), runs, strict=True)))

    async def _settle(self, played: Iterable[tuple[Stand, ScenarioRun]]) -> list[ScenarioRun]:
        """Find out whose the strays are that nobody could be found for, by playing what may be theirs alone."""
        settled: list[ScenarioRun] = []
        again = 0
        for place, run in played:
            began, ended = self._times.get(run.scenario, (0.0, 0.0))
            found = self._strays.of_nobody(began, ended + HEARD_LATE) if self._strays else ()
            if self._strays is not None and found and again < MAX_ALONE:
                again += 1
                await asyncio.sleep(HEARD_LATE)
                alone = time.monotonic()
                replayed = await self.play(place)
                await asyncio.sleep(HEARD_LATE)
                found = (*replayed.strays, *self._strays.of_nobody(alone, time.monotonic()))
            strays = (*run.strays, *(_seen_from(place, stray) for stray in found))
            settled.append(run.model_copy(update={"strays": tuple(dict.fromkeys(strays))}))
        return settled

    async def play(self, place: Stand, message: Message | None = None, leave_out: str = "") -> ScenarioRun:
        """One scenario with one message. `leave_out` names what the program is not told (`contract.ENVIRONMENT`)."""
        scenario = place.scenario
        account = Account(
            host=place.host,
            port=place.port,
            user=SENDER,
            password=Secret(unguessable()),
            sender=SENDER,
            implicit=scenario.implicit,
        )
        message = message or Message()
        async with self._waiting if scenario.group == "hangs" else self._at_once:
            trap = Trap(scenario, account, place.address, self._certificates)
            why_not = await trap.open()
            if why_not:
                return _run(scenario, Execution(claim=Claim.NOT_STARTED, detail=why_not), detail=why_not)
            sessions: list[int] = []

            def started(session: int) -> None:
                sessions.append(session)
                if self._strays is not None:
                    self._strays.begun(session)

            began = time.monotonic()
            try:
                execution = await execute(
                    self._settings,
                    environment_for(self._settings, account, self._certificates.authority, os.environ, leave_out),
                    message_for(self._settings, message),
                    Time(self._settings.seconds + scenario.seconds, scenario.seconds, lambda: trap.first_connection),
                    {"password": account.password, **message.secrets},
                    started,
                )
                # What the program said last may be waiting to be read.
                await trap.settle()
            finally:
                await trap.close()
                self._times[scenario.name] = (began, time.monotonic())
        self._progress(f"{scenario.name}: {execution.claim}")
        return _run(
            scenario,
            execution,
            visits=trap.visits,
            strays=tuple(_seen_from(place, stray) for session in sessions for stray in self._strays.of(session))
            if self._strays
            else (),
        )


def _seen_from(place: Stand, stray: str) -> str:
    """A stray that went to the configured host, but not to its port, is told as that."""
    port = stray.removeprefix(f"connected to {place.address} port ")
    return stray if port == stray else f"{OTHER_PORT}{port} of the configured host"


def _run(scenario: Scenario, execution: Execution, **more: Any) -> ScenarioRun:
    return ScenarioRun(
        scenario=scenario.name,
        group=scenario.group,
        duty=scenario.duty,
        told=scenario.told,
        warns=scenario.warns,
        implicit=scenario.implicit,
        execution=execution,
        **more,
    )
