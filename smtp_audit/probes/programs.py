"""The families of facts about what is the user's own, one line each: programs that send mail, templates, sources."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from smtp_audit.facts.client import HealthFacts, TrapFacts
from smtp_audit.facts.client_messages import ClientMessageFacts
from smtp_audit.facts.observation import Facts
from smtp_audit.facts.source import SourceFacts
from smtp_audit.facts.template import ClientTemplateFacts, TemplateFacts
from smtp_audit.probes.client.health import health_seconds, look_at_health
from smtp_audit.probes.client.messages import look_at_messages, send_seconds
from smtp_audit.probes.client.rendering import client_template_seconds, look_at_client_templates
from smtp_audit.probes.client.trapping import look_at_traps, play_seconds
from smtp_audit.probes.programs_approach import ProgramApproach
from smtp_audit.probes.source.looking import look_at_source, source_seconds
from smtp_audit.probes.templates.looking import look_at_template, template_seconds
from smtp_audit.probes.wire import Transcript


@dataclass(frozen=True)
class ProgramFamily:
    """A kind of facts and the probe that gathers it. `look` raises PeerError when there are none.

    `seconds` is the longest that it may take, from what it is about to do.
    """

    facts: type[Facts]
    look: Callable[[ProgramApproach, Transcript], Awaitable[Facts]]
    seconds: Callable[[ProgramApproach], float]


FAMILIES: tuple[ProgramFamily, ...] = (
    ProgramFamily(TrapFacts, look_at_traps, play_seconds),
    ProgramFamily(HealthFacts, look_at_health, health_seconds),
    ProgramFamily(SourceFacts, look_at_source, source_seconds),
    ProgramFamily(ClientMessageFacts, look_at_messages, send_seconds),
    ProgramFamily(ClientTemplateFacts, look_at_client_templates, client_template_seconds),
    ProgramFamily(TemplateFacts, look_at_template, template_seconds),
)

PROGRAM_FAMILIES = {family.facts.kind: family for family in FAMILIES}
