"""The family of facts about a program and the traps: starts the process in the private network, and hears it out."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass

from pydantic import ValidationError

from smtp_audit.configuration.model import ClientSettings
from smtp_audit.facts.client import ScenarioRun, TrapFacts
from smtp_audit.facts.observation import Absence
from smtp_audit.limits import MAX_PLAY_BYTES
from smtp_audit.probes.client.inside import Job, Said
from smtp_audit.probes.client.network import containment, end
from smtp_audit.probes.client.playing import AT_ONCE
from smtp_audit.probes.client.traps.scenarios import SCENARIOS
from smtp_audit.probes.process import import_path, start
from smtp_audit.probes.programs_approach import ProgramApproach
from smtp_audit.probes.wire import PeerError, Transcript
from smtp_audit.wiretext import escape

START_SECONDS = 30.0
"""What the private network and the certificates may take."""


def settings_of(approach: ProgramApproach) -> ClientSettings:
    """The program that a subject stands for."""
    name = approach.subject.partition(":")[2]
    return next(each for each in approach.config.clients if each.name == name)


def play_seconds(approach: ProgramApproach) -> float:
    """The longest that all scenarios may take: every one of them to its limit, as many at once as there are."""
    settings = settings_of(approach)
    return START_SECONDS + sum(settings.seconds + each.seconds for each in SCENARIOS) / AT_ONCE


@dataclass(frozen=True)
class Played:
    """What came of a job: the scenarios, and whether and how nothing could leave."""

    runs: tuple[ScenarioRun, ...]
    contained: bool
    containment: str


async def look_at_traps(approach: ProgramApproach, transcript: Transcript) -> TrapFacts:
    """Play every scenario with the program.

    Raises:
        PeerError: the process for it could not be started, or broke off.
    """
    done = await play(Job(settings=settings_of(approach)), approach, transcript)
    return TrapFacts(runs=done.runs, contained=done.contained, containment=done.containment)


async def play(job: Job, approach: ProgramApproach, transcript: Transcript) -> Played:
    """Have the job's scenarios played in the private network.

    Raises:
        PeerError: there is none here, its process could not be started, or broke off.
    """
    way = await asyncio.to_thread(containment)
    if not way.possible:
        raise PeerError(Absence.NOT_AVAILABLE, way.told)
    runs: list[ScenarioRun] = []
    missing: list[str] = []
    async for said in hear(job, way.command):
        if said.kind == "progress":
            approach.progress(f"{approach.subject}: {said.text}")
            transcript.note(said.text)
        elif said.kind == "missing":
            missing.append(said.text)
        elif said.run is not None:
            runs.append(said.run)
    if not runs:
        raise PeerError(Absence.BROKEN, "the process for the traps ended without a result")
    told = way.told + (f"; could not be set up there: {', '.join(missing)}" if missing else "")
    return Played(runs=tuple(runs), contained=not missing, containment=told)


async def hear(job: Job, command: tuple[str, ...]) -> AsyncIterator[Said]:
    """What the process in the private network says, line by line; it ends with the iteration.

    Raises:
        PeerError: it broke off, or wrote too much.
    """
    process = await start(
        *command,
        *(sys.executable, "-m", "smtp_audit.probes.client.inside"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=MAX_PLAY_BYTES,
        env={**os.environ, **import_path()},
    )
    assert process.stdin is not None and process.stdout is not None and process.stderr is not None  # noqa: S101, PT018
    complaints = asyncio.create_task(process.stderr.read())
    try:
        process.stdin.write(job.model_dump_json().encode())
        process.stdin.close()
        while line := await process.stdout.readline():
            with contextlib.suppress(ValidationError):
                yield Said.model_validate_json(line)
        if await process.wait() != 0:
            told = escape((await complaints)[-400:])
            raise PeerError(Absence.BROKEN, f"the process for the traps ended with {process.returncode}: {told}")
    except ValueError:
        raise PeerError(Absence.EXCESSIVE, "the process for the traps wrote too much in one line") from None
    finally:
        complaints.cancel()
        await end(process)
