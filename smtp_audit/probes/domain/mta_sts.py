"""The MTA-STS record of a domain and its policy, fetched as a sender fetches it (RFC 8461)."""

from __future__ import annotations

import asyncio
import ipaddress

from smtp_audit.facts.lookup import Answer
from smtp_audit.facts.mta_sts import POLICY_HOST, FetchOutcome, MtaStsFacts, PolicyFetch
from smtp_audit.probes.domain.approach import DomainApproach
from smtp_audit.probes.domain.mx_hosts import find_mx_hosts
from smtp_audit.probes.domain.policy_fetch import Place, fetch_policy
from smtp_audit.probes.tls.trust import Anchors
from smtp_audit.probes.wire import Transcript
from smtp_audit.published.fields import nearly_of_version, of_version
from smtp_audit.published.mta_sts import VERSION

MAX_TRIED = 4
"""Addresses of the policy host that are tried."""


async def look_for_mta_sts(approach: DomainApproach, transcript: Transcript) -> MtaStsFacts:
    """Ask for the record and the policy host, and fetch the policy where a record says that there is one."""
    host = f"{POLICY_HOST}.{approach.domain}"
    mx, record, *addresses = await asyncio.gather(
        find_mx_hosts(approach, transcript),
        approach.ask(f"_mta-sts.{approach.domain}", "TXT", transcript),
        approach.ask(host, "A", transcript),
        approach.ask(host, "AAAA", transcript),
    )
    facts = MtaStsFacts(domain=approach.domain, mx=mx, record=record, addresses=tuple(addresses))
    if not (of_version(record.records, VERSION) or nearly_of_version(record.records, VERSION)):
        return facts.model_copy(update={"unfetched": "no record says that there is a policy"})
    places, why = _places(approach, addresses)
    if not places:
        return facts.model_copy(update={"unfetched": why})
    fetch: PolicyFetch | None = None
    anchors = Anchors(approach.config.mta_sts.ca) if approach.config.mta_sts.ca is not None else approach.anchors
    for place in places:
        fetch = await fetch_policy(place, host, anchors, approach.config.limits)
        transcript.note(str(fetch))
        if fetch.outcome is not FetchOutcome.UNREACHABLE:
            break
    return facts.model_copy(update={"fetch": fetch})


def _places(approach: DomainApproach, answers: list[Answer]) -> tuple[list[Place], str]:
    """Where to connect to, and why nowhere, if so. An override stands in for addresses that there are."""
    found = [record for answer in answers if answer.found for record in answer.records]
    given = approach.config.mta_sts
    if not found:
        return [], "; ".join(map(str, answers))
    if given.address is not None:
        return [Place(given.address, given.port)], ""
    # A name that leads to this machine could have services asked that only it can reach.
    asked = [Place(address, given.port) for address in found if _may_ask(address)]
    return asked[:MAX_TRIED], f"it leads to {', '.join(found[:MAX_TRIED])}, which is not asked"


def _may_ask(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None) or parsed
    return not (mapped.is_loopback or mapped.is_link_local or mapped.is_unspecified or mapped.is_multicast)
