"""Whether the resolver checks DNSSEC: without that, "not signed" and "not checked" look the same."""

from __future__ import annotations

from smtp_audit.facts.lookup import ResolverFacts
from smtp_audit.probes.dns import resolver_name
from smtp_audit.probes.domain.approach import DomainApproach
from smtp_audit.probes.wire import Transcript


async def look_at_resolver(approach: DomainApproach, transcript: Transcript) -> ResolverFacts:
    """Ask for what is signed for everyone: the root (RFC 4035 section 3.2.3: AD when the resolver has checked it)."""
    root = await approach.ask(".", "SOA", transcript)
    if root.secure:
        validates, detail = True, "checks signatures (AD on the answer for the root)"
    elif root.found and root.algorithms:
        validates, detail = False, "passes signatures on and does not check them (no AD on the answer for the root)"
    elif root.found:
        validates, detail = False, "does not check signatures: the root comes without any"
    else:
        validates, detail = None, f"whether it checks signatures is not known: the root: {root.trouble or root.outcome}"
    return ResolverFacts(name=resolver_name(approach.config), validates=validates, detail=detail, root=root)
