"""What every family of facts about a domain is given: the domain, how to ask, and what else the run knows."""

from __future__ import annotations

from dataclasses import dataclass

from smtp_audit.configuration.model import Config
from smtp_audit.facts.endpoint import Endpoint
from smtp_audit.facts.lookup import Answer
from smtp_audit.probes.domain.lookups import Lookups
from smtp_audit.probes.tls.trust import Anchors
from smtp_audit.probes.wire import Transcript


@dataclass(frozen=True)
class DomainApproach:
    """One domain in a run.

    `endpoints` are all that the run is about, of whatever domain; `run_id` names the run in what it leaves behind.
    """

    domain: str
    config: Config
    lookups: Lookups
    anchors: Anchors
    endpoints: tuple[Endpoint, ...] = ()
    run_id: str = ""

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts that the run is about."""
        return tuple(dict.fromkeys(endpoint.host for endpoint in self.endpoints))

    async def ask(self, name: str, rdtype: str, transcript: Transcript) -> Answer:
        """The answer to a question, which the transcript tells in a line. Never raises."""
        answer = await self.lookups.ask(name, rdtype)
        transcript.note(str(answer))
        return answer
