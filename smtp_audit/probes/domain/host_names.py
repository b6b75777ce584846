"""Questions about a host and about an address, which several families of facts put."""

from __future__ import annotations

import asyncio
import ipaddress

from smtp_audit.facts.host_names import AddressNames, HostAnswers
from smtp_audit.limits import MAX_REVERSE_NAMES
from smtp_audit.probes.domain.approach import DomainApproach
from smtp_audit.probes.wire import Transcript


async def host_answers(approach: DomainApproach, name: str, transcript: Transcript) -> HostAnswers:
    """A, AAAA and CNAME of a name."""
    a, aaaa, cname = await asyncio.gather(*(approach.ask(name, kind, transcript) for kind in ("A", "AAAA", "CNAME")))
    return HostAnswers(name=name, a=a, aaaa=aaaa, cname=cname)


async def address_names(approach: DomainApproach, address: str, transcript: Transcript) -> AddressNames:
    """The names of an address (PTR, RFC 1035 section 3.5, RFC 3596 section 2.5), and where each leads."""
    ptr = await approach.ask(ipaddress.ip_address(address).reverse_pointer, "PTR", transcript)
    kind = "AAAA" if ":" in address else "A"
    names = [record.rstrip(".") for record in ptr.records]
    forward = await asyncio.gather(*(approach.ask(name, kind, transcript) for name in names[:MAX_REVERSE_NAMES]))
    return AddressNames(
        address=address, ptr=ptr, forward=tuple(forward), left_out=max(0, len(names) - MAX_REVERSE_NAMES)
    )
