"""The family of facts about a program's health check: what it says of sound servers, and of those it cannot use."""

from __future__ import annotations

from typing import Final

from smtp_audit.configuration.model import ClientSettings
from smtp_audit.facts.client import Duty, HealthFacts
from smtp_audit.facts.observation import Absence
from smtp_audit.probes.client.inside import Job
from smtp_audit.probes.client.playing import AT_ONCE
from smtp_audit.probes.client.trapping import START_SECONDS, play, settings_of
from smtp_audit.probes.client.traps.scenario import Scenario
from smtp_audit.probes.client.traps.scenarios import SCENARIOS
from smtp_audit.probes.programs_approach import ProgramApproach
from smtp_audit.probes.wire import PeerError, Transcript

SOUND: Final = ("controls", "implicit")
"""Groups whose sound servers have to be called healthy. Those of "syntax" are for messages."""

BEFORE_MAIL: Final = frozenset(
    {
        *("fault-close-greeting", "fault-554-greeting", "fault-421-greeting", "fault-close-ehlo", "fault-close-auth"),
        *("hang-greeting", "hang-starttls", "hang-handshake", "hang-auth", "implicit-silent"),
    }
)
"""Faults that show before a message begins: a check that sends nothing can see them."""


def _seen_by_a_check(scenario: Scenario) -> bool:
    if scenario.duty is Duty.DELIVER:
        return scenario.group in SOUND
    if scenario.duty is Duty.REFUSE:
        return not scenario.warns
    return scenario.name in BEFORE_MAIL or (scenario.duty is Duty.REPORT and scenario.group == "authentication")


CHECKED: Final = tuple(each for each in SCENARIOS if _seen_by_a_check(each))
"""The scenarios that have one right answer for a health check."""


def _check_of(approach: ProgramApproach) -> ClientSettings:
    settings = settings_of(approach)
    return settings.model_copy(update={"argv": settings.health, "success": "exit"})


def health_seconds(approach: ProgramApproach) -> float:
    """The longest that the checks may take: every one of them to its limit, as many at once as there are."""
    settings = settings_of(approach)
    if not settings.health:
        return START_SECONDS
    return START_SECONDS + sum(settings.seconds + each.seconds for each in CHECKED) / AT_ONCE


async def look_at_health(approach: ProgramApproach, transcript: Transcript) -> HealthFacts:
    """Run the health check against each of `CHECKED`.

    Raises:
        PeerError: none was named, the process for it could not be started, or broke off.
    """
    check = _check_of(approach)
    if not check.argv:
        raise PeerError(Absence.NOT_ALLOWED, "no health check is named ([[client]] health)")
    job = Job(settings=check, scenarios=tuple(each.name for each in CHECKED))
    done = await play(job, approach, transcript)
    return HealthFacts(runs=done.runs, contained=done.contained, containment=done.containment)
