"""The process inside the private network: `python -m smtp_audit.probes.client.inside`, a job on standard input.

It writes one JSON object a line: progress, then the result. Its parent has the deadline, and ends it with all that
runs in it.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal

from smtp_audit.configuration.model import ClientSettings
from smtp_audit.facts.client import ScenarioRun
from smtp_audit.facts.client_messages import SentMessage
from smtp_audit.frozen import Frozen
from smtp_audit.probes.client.contract import Message
from smtp_audit.probes.client.names import Names
from smtp_audit.probes.client.network import set_up
from smtp_audit.probes.client.playing import Stage, Stand, stands
from smtp_audit.probes.client.sending import Sending, scenarios_for
from smtp_audit.probes.client.strays import Strays
from smtp_audit.probes.client.traps.certificates import Certificates
from smtp_audit.probes.client.traps.scenario import Scenario
from smtp_audit.probes.client.traps.scenarios import SCENARIOS

SOUND: Final = "good-rsa"
"""The sound server that letters are sent to."""


class Job(Frozen):
    """What is to be done: the program, and what to play with it.

    `scenarios` are names of scenarios; all of them when there are none. `kind` "messages": the corpus of messages, at
    one sound trap, in their place.
    """

    settings: ClientSettings
    kind: Literal["traps", "messages"] = "traps"
    scenarios: tuple[str, ...] = ()
    letters: tuple[dict[str, Any], ...] = ()
    """Fields of messages, each to be sent to a sound server, in place of the scenarios."""
    contained: bool = True


class Said(Frozen):
    """A line of the process."""

    kind: Literal["progress", "run", "message", "missing"]
    text: str = ""
    run: ScenarioRun | None = None
    message: SentMessage | None = None


async def perform(job: Job, folder: Path) -> None:
    """Set the place up, play, and write what came of it."""
    chosen: tuple[Scenario, ...]
    if job.kind == "messages":
        chosen = scenarios_for(job.settings)
    elif job.letters:
        chosen = (next(each for each in SCENARIOS if each.name == SOUND),) * len(job.letters)
    else:
        chosen = tuple(each for each in SCENARIOS if not job.scenarios or each.name in job.scenarios)
    places = stands(chosen)
    hosts = {place.host: place.address for place in places}
    for missing in set_up(folder, hosts) if job.contained else ():
        _say(Said(kind="missing", text=missing))
    strays = Strays()
    names = Names(hosts, strays.heard_name)
    if job.contained:
        await names.listen()
        await strays.listen()
        for place in strays.deaf:
            _say(Said(kind="missing", text=f"an ear at {place}"))
    stage = Stage(
        job.settings,
        Certificates(folder),
        strays if job.contained else None,
        lambda text: _say(Said(kind="progress", text=text)),
    )
    if job.kind == "messages":
        sending = Sending(stage, job.settings, strays if job.contained else None, folder, places)
        async for message in sending.all():
            _say(Said(kind="message", message=message))
    else:
        for run in await _runs(stage, job, places):
            _say(Said(kind="run", run=run))
    names.close()
    strays.close()


async def _runs(stage: Stage, job: Job, places: Sequence[Stand]) -> Sequence[ScenarioRun]:
    """The letters, each to a sound server of its own, or the scenarios."""
    if not job.letters:
        return await stage.play_all(places)
    sent = (stage.play(place, letter(fields)) for place, fields in zip(places, job.letters, strict=True))
    return await asyncio.gather(*sent)


def letter(fields: dict[str, Any]) -> Message:
    """A message with some fields of the contract; one that brings no text or HTML has none."""
    more = {name: value for name, value in fields.items() if name not in ("html", "text")}
    return Message(html=fields.get("html"), text=fields.get("text"), more=more)


def _say(said: Said) -> None:
    sys.stdout.write(said.model_dump_json() + "\n")
    sys.stdout.flush()


def main() -> None:
    """Read the job and do it."""
    job = Job.model_validate(json.load(sys.stdin))
    with tempfile.TemporaryDirectory(prefix="smtp-audit-traps-") as folder:
        Path(folder).chmod(0o755)
        asyncio.run(perform(job, Path(folder)))


if __name__ == "__main__":
    main()
