"""The families of facts about a domain: one line each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from smtp_audit.facts.aliases import AliasFacts
from smtp_audit.facts.bimi import BimiFacts
from smtp_audit.facts.block_lists import BlockListFacts
from smtp_audit.facts.dkim import DkimFacts
from smtp_audit.facts.dmarc import DmarcFacts
from smtp_audit.facts.lookup import ResolverFacts
from smtp_audit.facts.mail_hosts import MailHostsFacts
from smtp_audit.facts.mail_services import MailServicesFacts
from smtp_audit.facts.name_servers import NameServersFacts
from smtp_audit.facts.observation import Facts
from smtp_audit.facts.self_hosting import SelfHostingFacts
from smtp_audit.facts.sending import SendingFacts, SendingHeloFacts
from smtp_audit.facts.spf import SpfFacts, SpfHeloFacts, SpfSendingFacts
from smtp_audit.probes.domain.aliases import look_for_aliases
from smtp_audit.probes.domain.approach import DomainApproach
from smtp_audit.probes.domain.bimi import look_for_bimi
from smtp_audit.probes.domain.block_lists import look_at_block_lists
from smtp_audit.probes.domain.dkim import look_for_dkim
from smtp_audit.probes.domain.dmarc import look_for_dmarc
from smtp_audit.probes.domain.mail_hosts import look_for_mail_hosts
from smtp_audit.probes.domain.mail_services import look_for_mail_services
from smtp_audit.probes.domain.name_servers import look_at_name_servers
from smtp_audit.probes.domain.resolver import look_at_resolver
from smtp_audit.probes.domain.self_hosting import look_for_self_hosting
from smtp_audit.probes.domain.sending import look_for_helo, look_for_sending
from smtp_audit.probes.domain.spf.family import look_for_spf, look_for_spf_helo, look_for_spf_sending
from smtp_audit.probes.wire import Transcript


@dataclass(frozen=True)
class DomainFamily:
    """A kind of facts and the probe that gathers it. `look` raises PeerError when there are none."""

    facts: type[Facts]
    look: Callable[[DomainApproach, Transcript], Awaitable[Facts]]


DOMAIN_FAMILIES = (
    DomainFamily(ResolverFacts, look_at_resolver),
    DomainFamily(SpfFacts, look_for_spf),
    DomainFamily(SpfSendingFacts, look_for_spf_sending),
    DomainFamily(SpfHeloFacts, look_for_spf_helo),
    DomainFamily(MailHostsFacts, look_for_mail_hosts),
    DomainFamily(MailServicesFacts, look_for_mail_services),
    DomainFamily(SendingFacts, look_for_sending),
    DomainFamily(SendingHeloFacts, look_for_helo),
    DomainFamily(AliasFacts, look_for_aliases),
    DomainFamily(BlockListFacts, look_at_block_lists),
    DomainFamily(SelfHostingFacts, look_for_self_hosting),
    DomainFamily(NameServersFacts, look_at_name_servers),
    DomainFamily(DkimFacts, look_for_dkim),
    DomainFamily(DmarcFacts, look_for_dmarc),
    DomainFamily(BimiFacts, look_for_bimi),
)

FAMILY_BY_KIND = {family.facts.kind: family for family in DOMAIN_FAMILIES}
