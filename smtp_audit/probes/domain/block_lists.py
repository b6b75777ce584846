"""Lists of addresses with a bad name, asked for the sending addresses (RFC 5782)."""

from __future__ import annotations

import asyncio
import ipaddress

from smtp_audit.facts.block_lists import BlockList, BlockListFacts, Listing, ListTest
from smtp_audit.facts.observation import Absence
from smtp_audit.probes.domain.approach import DomainApproach
from smtp_audit.probes.domain.sending import NO_ADDRESSES
from smtp_audit.probes.wire import PeerError, Transcript

NO_LISTS = "say which lists to ask: block_lists in [dns]; they learn which addresses are looked at"

_IPV4 = ("127.0.0.2", "127.0.0.1")
_IPV6 = ("::ffff:7f00:2", "::ffff:7f00:1")
"""The test entries of a list: one that it has, and one that it never has."""


async def look_at_block_lists(approach: DomainApproach, transcript: Transcript) -> BlockListFacts:
    """What the lists of the configuration say.

    Raises:
        PeerError: no list or no address is given.
    """
    addresses = approach.config.sending.addresses
    if not approach.config.dnsbl:
        raise PeerError(Absence.NOT_AVAILABLE, NO_LISTS)
    if not addresses:
        raise PeerError(Absence.NOT_AVAILABLE, NO_ADDRESSES)
    lists = await asyncio.gather(*(_ask(approach, name, addresses, transcript) for name in approach.config.dnsbl))
    return BlockListFacts(addresses=addresses, lists=tuple(lists))


async def _ask(approach: DomainApproach, name: str, addresses: tuple[str, ...], transcript: Transcript) -> BlockList:
    ipv4, ipv6, *listings = await asyncio.gather(
        _test(approach, name, _IPV4, transcript),
        _test(approach, name, _IPV6, transcript),
        *(_listing(approach, name, address, transcript) for address in addresses),
    )
    return BlockList(name=name, ipv4=ipv4, ipv6=ipv6, listings=tuple(listings))


async def _test(approach: DomainApproach, name: str, entries: tuple[str, str], transcript: Transcript) -> ListTest:
    listed, unlisted = await asyncio.gather(
        *(approach.ask(entry(address, name), "A", transcript) for address in entries)
    )
    return ListTest(listed=listed, unlisted=unlisted)


async def _listing(approach: DomainApproach, name: str, address: str, transcript: Transcript) -> Listing:
    answer = await approach.ask(entry(address, name), "A", transcript)
    reason = await approach.ask(entry(address, name), "TXT", transcript) if answer.found else None
    return Listing(address=address, answer=answer, reason=reason)


def entry(address: str, list_name: str) -> str:
    """The name of an address in a list (RFC 5782 sections 2.1 and 2.4)."""
    octets = ipaddress.ip_address(address)
    if isinstance(octets, ipaddress.IPv4Address):
        return f"{'.'.join(reversed(str(octets).split('.')))}.{list_name}"
    return f"{'.'.join(reversed(octets.packed.hex()))}.{list_name}"
