"""Facts about the hosts of a domain, gathered from zones that are dictionaries."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Mapping, Sequence

import pytest

from smtp_audit.configuration.model import Config, Sending
from smtp_audit.facts.aliases import AliasFacts
from smtp_audit.facts.block_lists import BlockListFacts
from smtp_audit.facts.endpoint import Endpoint, Role
from smtp_audit.facts.lookup import Answer, LookupOutcome
from smtp_audit.facts.mail_hosts import MailHostsFacts
from smtp_audit.facts.mail_services import MailServicesFacts
from smtp_audit.facts.name_servers import NameServersFacts
from smtp_audit.facts.self_hosting import SelfHostingFacts
from smtp_audit.facts.sending import SendingFacts, SendingHeloFacts
from smtp_audit.probes.domain import name_servers as direct
from smtp_audit.probes.domain.aliases import look_for_aliases
from smtp_audit.probes.domain.block_lists import entry, look_at_block_lists
from smtp_audit.probes.domain.mail_hosts import look_for_mail_hosts
from smtp_audit.probes.domain.mail_services import look_for_mail_services
from smtp_audit.probes.domain.self_hosting import look_for_self_hosting
from smtp_audit.probes.domain.sending import look_for_helo, look_for_sending
from smtp_audit.probes.wire import Transcript
from tests.probes.domain.zone import Zone, domain_approach

Content = Mapping[str, Sequence[str] | LookupOutcome | Answer]
"""`"mail A"` to records: the owner is relative to example.com, `@` is that itself, one with a last dot is absolute."""

IP4, IP6 = "8.8.4.4", "2a00::25"
"""Public addresses, of which nothing is asked for."""

PTR4, PTR6 = (f"{ipaddress.ip_address(each).reverse_pointer}. PTR" for each in (IP4, IP6))

SOUND: Content = {
    "@ MX": ["10 mail.example.com."],
    "@ TXT": ["v=spf1 mx -all"],
    "mail A": [IP4],
    "mail AAAA": [IP6],
    PTR4: ["mail.example.com."],
    PTR6: ["mail.example.com."],
}


def zone(content: Content) -> Zone:
    """A zone of owners relative to example.com."""
    return Zone({_key(key): value for key, value in content.items() if value})


def _key(key: str) -> tuple[str, str]:
    owner, rdtype = key.split()
    if owner == "@":
        return "example.com", rdtype
    return owner.rstrip(".") if owner.endswith(".") else f"{owner}.example.com", rdtype


def endpoints(*places: tuple[Role, int], declared: bool = True) -> tuple[Endpoint, ...]:
    """Endpoints of mail.example.com."""
    return tuple(Endpoint(role=role, host="mail.example.com", port=port, declared=declared) for role, port in places)


def mail_hosts(changes: Content | None = None, *, used: bool = True, start: Content = SOUND) -> MailHostsFacts:
    """A sound domain with other records; an empty list takes some away."""
    audited = endpoints((Role.MX, 25)) if used else ()
    approach = domain_approach(zone({**start, **(changes or {})}), endpoints=audited)
    return asyncio.run(look_for_mail_hosts(approach, Transcript()))


def services(content: Content | None = None, audited: tuple[Endpoint, ...] = ()) -> MailServicesFacts:
    """Services of a domain; the hosts are those of a sound one."""
    approach = domain_approach(zone({**SOUND, **(content or {})}), endpoints=audited)
    return asyncio.run(look_for_mail_services(approach, Transcript()))


def sending(changes: Content | None = None, addresses: tuple[str, ...] = (IP4, IP6)) -> SendingFacts:
    """The names of these addresses."""
    config = Config(sending=Sending(addresses=addresses))
    approach = domain_approach(zone({**SOUND, **(changes or {})}), config=config)
    return asyncio.run(look_for_sending(approach, Transcript()))


def helo(changes: Content | None = None, addresses: tuple[str, ...] = (IP4, IP6)) -> SendingHeloFacts:
    """What mail.example.com has to do with these addresses."""
    config = Config(sending=Sending(addresses=addresses, helo="mail.example.com"))
    approach = domain_approach(zone({**SOUND, **(changes or {})}), config=config)
    return asyncio.run(look_for_helo(approach, Transcript()))


def aliases(content: Content | None = None, selectors: tuple[str, ...] = ("s1",)) -> AliasFacts:
    """The watched names of a sound domain."""
    approach = domain_approach(zone({**SOUND, **(content or {})}), config=Config(dkim_selectors=selectors))
    return asyncio.run(look_for_aliases(approach, Transcript()))


WORKING: Content = {
    f"{entry('127.0.0.2', 'bl.example.net')}. A": ["127.0.0.2"],
    f"{entry('::ffff:7f00:2', 'bl.example.net')}. A": ["127.0.0.2"],
}
"""A list that works, for both families."""


def block_lists(content: Content = WORKING, addresses: tuple[str, ...] = (IP4,)) -> BlockListFacts:
    """What bl.example.net says."""
    config = Config(sending=Sending(addresses=addresses), dnsbl=("bl.example.net",))
    return asyncio.run(look_at_block_lists(domain_approach(zone(content), config=config), Transcript()))


def self_hosting(changes: Content | None = None, selectors: tuple[str, ...] = ("mine",)) -> SelfHostingFacts:
    """SPF and keys of a sound domain with other records."""
    approach = domain_approach(zone({**SOUND, **(changes or {})}), config=Config(dkim_selectors=selectors))
    return asyncio.run(look_for_self_hosting(approach, Transcript()))


SOA = "ns1.example.com. hostmaster.example.com. 7 3600 600 86400 300"
SERVED: Content = {
    "@ SOA": [SOA],
    "@ NS": ["ns1.example.com.", "ns2.example.net."],
    "@ MX": ["10 mail.example.com."],
    "@ TXT": ["v=spf1 mx -all"],
    "_dmarc TXT": ["v=DMARC1; p=reject"],
    "ns1 A": ["192.0.2.1"],
    "ns2.example.net. A": ["192.0.2.2"],
}


def name_servers(
    changes: Content | None = None,
    at: Mapping[str, Content] | None = None,
    selectors: tuple[str, ...] = (),
) -> NameServersFacts:
    """What the resolver says, with changes; and what the server at each address says, with changes of its own."""
    resolved = {**SERVED, **(changes or {})}
    served = at or {}
    config = Config(authoritative=True, dkim_selectors=selectors)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(direct, "directly", lambda address, port: zone({**SERVED, **served.get(address, {})}))
        approach = domain_approach(zone(resolved), config=config)
        return asyncio.run(direct.look_at_name_servers(approach, Transcript()))
