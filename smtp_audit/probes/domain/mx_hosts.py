"""The MX hosts of a domain, for the families that are about each of them."""

from __future__ import annotations

from smtp_audit.facts.mx_hosts import MxHosts
from smtp_audit.probes.domain.approach import DomainApproach
from smtp_audit.probes.wire import Transcript


async def find_mx_hosts(approach: DomainApproach, transcript: Transcript) -> MxHosts:
    """Who takes the domain's mail."""
    return MxHosts(domain=approach.domain, answer=await approach.ask(approach.domain, "MX", transcript))
