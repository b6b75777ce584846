"""Where a domain's mail goes: MX, the addresses of each exchange, and the names of these."""

from __future__ import annotations

import asyncio

from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.mail_hosts import MailHostsFacts
from smtp_audit.limits import MAX_HOSTS
from smtp_audit.probes.domain.approach import DomainApproach
from smtp_audit.probes.domain.host_names import address_names, host_answers
from smtp_audit.probes.wire import Transcript
from smtp_audit.published.mail_exchanger import parse_mx

MAX_MAIL_ADDRESSES = 64
"""Addresses of all exchanges together whose names are looked up."""


async def look_for_mail_hosts(approach: DomainApproach, transcript: Transcript) -> MailHostsFacts:
    """The mail exchangers of the domain."""
    mx, own = await asyncio.gather(
        approach.ask(approach.domain, "MX", transcript), host_answers(approach, approach.domain, transcript)
    )
    exchanges = sorted((parse_mx(record) for record in mx.records), key=lambda each: (each.preference, each.host))
    names = list(dict.fromkeys(each.host for each in exchanges if each.host and not each.literal))
    hosts = await asyncio.gather(*(host_answers(approach, name, transcript) for name in names[:MAX_HOSTS]))
    addresses = list(dict.fromkeys(address for host in hosts for address in host.addresses))
    reverse = await asyncio.gather(
        *(address_names(approach, address, transcript) for address in addresses[:MAX_MAIL_ADDRESSES])
    )
    sending = approach.config.sending
    return MailHostsFacts(
        domain=approach.domain,
        mx=mx,
        exchanges=tuple(exchanges),
        own=own,
        hosts=tuple(hosts),
        reverse=tuple(reverse),
        left_out=max(0, len(names) - MAX_HOSTS) + max(0, len(addresses) - MAX_MAIL_ADDRESSES),
        used=bool(sending.addresses) or any(endpoint.role is Role.MX for endpoint in approach.endpoints),
    )
