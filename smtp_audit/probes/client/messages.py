"""The family of facts about messages: the corpus sent in the private network, heard out from here."""

from __future__ import annotations

import asyncio

from smtp_audit.facts.client_messages import ClientMessageFacts, SentMessage
from smtp_audit.facts.observation import Absence
from smtp_audit.probes.client import trapping
from smtp_audit.probes.client.inside import Job
from smtp_audit.probes.client.network import containment
from smtp_audit.probes.client.playing import AT_ONCE, SENDER
from smtp_audit.probes.client.sending import scenarios_for
from smtp_audit.probes.programs_approach import ProgramApproach
from smtp_audit.probes.wire import PeerError, Transcript

PROGRESS_EVERY = 25
"""Messages between two words of progress."""


def send_seconds(approach: ProgramApproach) -> float:
    """The longest that all messages may take: every one of them to its limit, as many at once as there are."""
    settings = trapping.settings_of(approach)
    each = sum(settings.seconds + scenario.seconds for scenario in scenarios_for(settings))
    return trapping.START_SECONDS + each / AT_ONCE


async def look_at_messages(approach: ProgramApproach, transcript: Transcript) -> ClientMessageFacts:
    """Give the program every message of the corpus.

    Raises:
        PeerError: the process for it could not be started, or broke off.
    """
    way = await asyncio.to_thread(containment)
    if not way.possible:
        raise PeerError(Absence.NOT_AVAILABLE, way.told)
    messages: list[SentMessage] = []
    job = Job(settings=trapping.settings_of(approach), kind="messages")
    async for said in trapping.hear(job, way.command):
        if said.kind == "missing":
            transcript.note(f"could not be set up: {said.text}")
        elif said.message is not None:
            messages.append(said.message)
            if len(messages) % PROGRESS_EVERY == 0:
                approach.progress(f"{approach.subject}: {len(messages)} messages tried")
    if not messages:
        raise PeerError(Absence.BROKEN, "the process for the messages ended without a result")
    return ClientMessageFacts(sender=SENDER, messages=tuple(messages))
