"""The families of facts about what is the user's own: programs that send mail, templates, source text."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from smtp_audit.configuration.model import Config
from smtp_audit.facts.observation import Facts
from smtp_audit.probes.wire import Transcript


@dataclass(frozen=True)
class ProgramApproach:
    """What every family is given: the subject's key, the configuration that describes it, and how to show progress."""

    subject: str
    config: Config
    run_id: str
    progress: Callable[[str], None]


@dataclass(frozen=True)
class ProgramFamily:
    """A kind of facts and the probe that gathers it. `look` raises PeerError when there are none.

    `seconds` is the longest that it may take, from what it is about to do.
    """

    facts: type[Facts]
    look: Callable[[ProgramApproach, Transcript], Awaitable[Facts]]
    seconds: Callable[[ProgramApproach], float]


FAMILIES: tuple[ProgramFamily, ...] = ()

PROGRAM_FAMILIES = {family.facts.kind: family for family in FAMILIES}
