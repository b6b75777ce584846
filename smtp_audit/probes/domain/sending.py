"""The addresses that mail leaves from, and the name that is given there."""

from __future__ import annotations

import asyncio

from smtp_audit.facts.host_names import AddressNames
from smtp_audit.facts.observation import Absence
from smtp_audit.facts.sending import SendingFacts, SendingHeloFacts
from smtp_audit.probes.domain.approach import DomainApproach
from smtp_audit.probes.domain.host_names import address_names, host_answers
from smtp_audit.probes.wire import PeerError, Transcript

NO_ADDRESSES = "say where the domain's mail leaves from: addresses in [sending]"
NO_HELO = "say what the senders call themselves in EHLO: helo in [sending]"


async def look_for_sending(approach: DomainApproach, transcript: Transcript) -> SendingFacts:
    """The names of the addresses that are given.

    Raises:
        PeerError: none is given.
    """
    return SendingFacts(domain=approach.domain, addresses=await _names(approach, transcript))


async def look_for_helo(approach: DomainApproach, transcript: Transcript) -> SendingHeloFacts:
    """The addresses of the name that is given in EHLO, and the names of those that it is given from.

    Raises:
        PeerError: no name or no address is given.
    """
    helo = approach.config.sending.helo
    if helo is None:
        raise PeerError(Absence.NOT_AVAILABLE, NO_HELO)
    answers, names = await asyncio.gather(host_answers(approach, helo, transcript), _names(approach, transcript))
    return SendingHeloFacts(helo=answers, addresses=names)


async def _names(approach: DomainApproach, transcript: Transcript) -> tuple[AddressNames, ...]:
    addresses = approach.config.sending.addresses
    if not addresses:
        raise PeerError(Absence.NOT_AVAILABLE, NO_ADDRESSES)
    return tuple(await asyncio.gather(*(address_names(approach, address, transcript) for address in addresses)))
