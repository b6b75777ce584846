"""SPF facts, gathered by the real probe from a DNS that is a dictionary."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from smtp_audit.configuration.model import Config, Sending
from smtp_audit.facts.lookup import Answer, LookupOutcome
from smtp_audit.facts.spf import SpfFacts, SpfHeloFacts, SpfSendingFacts
from smtp_audit.probes.domain.spf.family import look_for_spf, look_for_spf_helo, look_for_spf_sending
from smtp_audit.probes.wire import Transcript
from tests.probes.domain.zone import Zone, domain_approach

DOMAIN = "example.com"
HELO = "mail.example.com"
SENDING = ("192.0.2.25", "2001:db8::25")

Content = Mapping[str, str | Sequence[str] | LookupOutcome | Answer]
"""By "name TYPE"; a name without dot is below the domain, and @ is the domain itself."""

HOSTS: dict[str, str | Sequence[str]] = {
    "@ MX": "10 mail.example.com.",
    "mail A": "192.0.2.25",
    "mail AAAA": "2001:db8::25",
}


def content(given: Content) -> dict[tuple[str, str], Sequence[str] | LookupOutcome | Answer]:
    """What a `Zone` is made of."""
    made: dict[tuple[str, str], Sequence[str] | LookupOutcome | Answer] = {}
    for key, value in given.items():
        name, _, rdtype = key.partition(" ")
        full = DOMAIN if name == "@" else name if "." in name else f"{name}.{DOMAIN}"
        made[full, rdtype] = (value,) if isinstance(value, str) and not isinstance(value, LookupOutcome) else value
    return made


def zone(record: str | Sequence[str] | LookupOutcome = "v=spf1 mx -all", also: Content | None = None) -> Zone:
    """The zone of the domain with its TXT records, one host, and what else there is."""
    return Zone(content({**HOSTS, "@ TXT": record, **(also or {})}))


def config(addresses: Sequence[str] = SENDING, helo: str | None = HELO) -> Config:
    """A configuration that says where mail leaves from."""
    return Config(sending=Sending(addresses=tuple(addresses), helo=helo))


def spf(record: str | Sequence[str] | LookupOutcome = "v=spf1 mx -all", also: Content | None = None) -> SpfFacts:
    """The facts of a domain."""
    approach = domain_approach(zone(record, also), DOMAIN)
    return asyncio.run(look_for_spf(approach, Transcript()))


def spf_sending(
    record: str | Sequence[str] | LookupOutcome = "v=spf1 mx -all",
    also: Content | None = None,
    addresses: Sequence[str] = SENDING,
) -> SpfSendingFacts:
    """What receivers make of the addresses that mail leaves from."""
    approach = domain_approach(zone(record, also), DOMAIN, config(addresses))
    return asyncio.run(look_for_spf_sending(approach, Transcript()))


def spf_helo(
    record: str | Sequence[str] | LookupOutcome = "v=spf1 a -all",
    also: Content | None = None,
    addresses: Sequence[str] = SENDING,
) -> SpfHeloFacts:
    """What receivers make of the name in HELO, which has `record`."""
    also = {"mail TXT": record, **(also or {})} if record else also or {}
    approach = domain_approach(zone(also=also), DOMAIN, config(addresses))
    return asyncio.run(look_for_spf_helo(approach, Transcript()))
