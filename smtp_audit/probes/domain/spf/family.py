"""The families of SPF facts: of the domain, of the addresses that mail leaves from, and of the name in HELO."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from smtp_audit.facts.lookup import Answer
from smtp_audit.facts.observation import Absence
from smtp_audit.facts.spf import (
    FOREIGN_ADDRESSES,
    SpfEvaluation,
    SpfFacts,
    SpfHeloFacts,
    SpfIdentity,
    SpfNode,
    SpfSendingFacts,
)
from smtp_audit.limits import MAX_ADDRESSES
from smtp_audit.probes.domain.approach import DomainApproach
from smtp_audit.probes.domain.spf.asking import target_name
from smtp_audit.probes.domain.spf.check_host import check_host, mail_hosts
from smtp_audit.probes.domain.spf.tree import walk
from smtp_audit.probes.wire import PeerError, Transcript
from smtp_audit.published.spf_macro import expand, macro_letters


class _Asking:
    """The questions of one family: each is told in the transcript once, and every answer kept."""

    def __init__(self, approach: DomainApproach, transcript: Transcript) -> None:
        self._approach = approach
        self._transcript = transcript
        self.answers: dict[tuple[str, str], Answer] = {}

    async def ask(self, name: str, rdtype: str) -> Answer:
        key = (name.lower(), rdtype)
        if key in self.answers:
            return self.answers[key]
        answer = await self._approach.lookups.ask(name, rdtype)
        if key not in self.answers:
            self.answers[key] = answer
            self._transcript.note(str(answer))
        return answer

    def others(self, shown: Iterable[Answer | None]) -> tuple[Answer, ...]:
        """The answers that are not among those shown elsewhere, by name."""
        known = {(each.name, each.type) for each in shown if each is not None}
        found = {(each.name, each.type): each for each in self.answers.values()}
        return tuple(found[key] for key in sorted(found) if key not in known)


async def look_for_spf(approach: DomainApproach, transcript: Transcript) -> SpfFacts:
    """The tree of a domain, and what it makes of its own MX hosts and of foreign addresses. Never raises."""
    asking, domain = _Asking(approach, transcript), approach.domain
    helo = approach.config.sending.helo or domain
    nodes, foreign, (mx, own), old = await asyncio.gather(
        walk(asking.ask, domain),
        _evaluate(asking, FOREIGN_ADDRESSES, domain, helo, SpfIdentity.MAIL_FROM),
        _mail_hosts(asking, domain, helo),
        asking.ask(domain, "SPF"),
    )
    explanation = await _explanation(asking, nodes[0])
    shown = [mx, old, explanation, *(node.answer for node in nodes)]
    shown += [answer for node in nodes for term in node.terms for answer in term.answers]
    return SpfFacts(
        domain=domain,
        nodes=nodes,
        mx=mx,
        old=old,
        explanation=explanation,
        evaluations=own,
        foreign=foreign,
        answers=asking.others(shown),
    )


async def look_for_spf_sending(approach: DomainApproach, transcript: Transcript) -> SpfSendingFacts:
    """What receivers make of the domain in MAIL FROM, from every address that mail leaves from.

    Raises:
        PeerError: the configuration names no addresses.
    """
    sending, domain = approach.config.sending, approach.domain
    _require_addresses(approach)
    asking = _Asking(approach, transcript)
    record = await asking.ask(domain, "TXT")
    evaluations = await _evaluate(asking, sending.addresses, domain, sending.helo or domain, SpfIdentity.MAIL_FROM)
    return SpfSendingFacts(domain=domain, record=record, evaluations=evaluations, answers=asking.others([record]))


async def look_for_spf_helo(approach: DomainApproach, transcript: Transcript) -> SpfHeloFacts:
    """What receivers make of the name in HELO, from every address that mail leaves from and from foreign ones.

    Raises:
        PeerError: the configuration names no addresses, or no name.
    """
    sending = approach.config.sending
    _require_addresses(approach)
    if sending.helo is None:
        raise PeerError(Absence.NOT_AVAILABLE, "say which name the server gives in HELO: helo in [sending]")
    asking, helo = _Asking(approach, transcript), sending.helo
    record = await asking.ask(helo, "TXT")
    evaluations, foreign = await asyncio.gather(
        _evaluate(asking, sending.addresses, helo, helo, SpfIdentity.HELO),
        _evaluate(asking, FOREIGN_ADDRESSES, helo, helo, SpfIdentity.HELO),
    )
    return SpfHeloFacts(
        helo=helo, record=record, evaluations=evaluations, foreign=foreign, answers=asking.others([record])
    )


def _require_addresses(approach: DomainApproach) -> None:
    if not approach.config.sending.addresses:
        raise PeerError(Absence.NOT_AVAILABLE, "say which addresses mail leaves from: addresses in [sending]")


async def _evaluate(
    asking: _Asking, addresses: Iterable[str], domain: str, helo: str, identity: SpfIdentity
) -> tuple[SpfEvaluation, ...]:
    """One evaluation an address; the sender is the postmaster, who is there by RFC 5321 section 4.5.1."""
    checks = (
        check_host(asking.ask, address, domain, f"postmaster@{domain}", helo, identity=identity)
        for address in addresses
    )
    return tuple(await asyncio.gather(*checks))


async def _mail_hosts(asking: _Asking, domain: str, helo: str) -> tuple[Answer, tuple[SpfEvaluation, ...]]:
    """The MX records, and what the domain makes of the addresses of their hosts."""
    mx = await asking.ask(domain, "MX")
    hosts = mail_hosts(mx)[:MAX_ADDRESSES]
    found = await asyncio.gather(*(asking.ask(host, kind) for host in hosts for kind in ("A", "AAAA")))
    addresses = dict.fromkeys(address for answer in found for address in answer.records)
    return mx, await _evaluate(asking, list(addresses)[:MAX_ADDRESSES], domain, helo, SpfIdentity.MAIL_FROM)


async def _explanation(asking: _Asking, root: SpfNode) -> Answer | None:
    """The text that exp= of the domain's own record leads to, where its name does not depend on the message."""
    modifier = root.record.explanation if root.record is not None else None
    if modifier is None or macro_letters(modifier.value) - {"d", "o"}:
        return None
    target = target_name(expand(modifier.value, {"d": root.name, "o": root.name}))
    return None if target is None else await asking.ask(target, "TXT")
