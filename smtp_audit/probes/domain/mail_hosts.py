"""The MX hosts of a domain, for the families that are about each of them."""

from __future__ import annotations

from smtp_audit.facts.mail_hosts import MailHosts
from smtp_audit.probes.domain.approach import DomainApproach
from smtp_audit.probes.wire import Transcript


async def find_mail_hosts(approach: DomainApproach, transcript: Transcript) -> MailHosts:
    """Who takes the domain's mail."""
    return MailHosts(domain=approach.domain, answer=await approach.ask(approach.domain, "MX", transcript))
