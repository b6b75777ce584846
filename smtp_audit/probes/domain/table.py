"""The families of facts about a domain: one line each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from smtp_audit.facts.lookup import ResolverFacts
from smtp_audit.facts.observation import Facts
from smtp_audit.probes.domain.approach import DomainApproach
from smtp_audit.probes.domain.resolver import look_at_resolver
from smtp_audit.probes.wire import Transcript


@dataclass(frozen=True)
class DomainFamily:
    """A kind of facts and the probe that gathers it. `look` raises PeerError when there are none."""

    facts: type[Facts]
    look: Callable[[DomainApproach, Transcript], Awaitable[Facts]]


DOMAIN_FAMILIES = (DomainFamily(ResolverFacts, look_at_resolver),)

FAMILY_BY_KIND = {family.facts.kind: family for family in DOMAIN_FAMILIES}
