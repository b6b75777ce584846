"""Everything that an SPF record leads to: all includes and redirects, and the names of all terms, whoever matches.

`check_host.py` stops at the first match, as a receiver does. What no receiver reaches, behind an `all`, is not asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from smtp_audit.facts.lookup import Answer, LookupOutcome
from smtp_audit.facts.spf import SpfNode, SpfTermAnswers
from smtp_audit.limits import MAX_ADDRESSES, MAX_SPF_DEPTH, MAX_SPF_RECORDS
from smtp_audit.probes.domain.spf.asking import Ask, plain_name, target_name
from smtp_audit.probes.domain.spf.check_host import mail_hosts
from smtp_audit.published.spf import Mechanism, Modifier, SpfRecord, is_spf, parse_spf
from smtp_audit.published.spf_macro import expand, macro_letters

T = TypeVar("T")

MOST_TERMS_ASKED = 60
"""Terms of all records together whose names are looked up; receivers give up after the tenth."""


async def walk(ask: Ask, domain: str) -> tuple[SpfNode, ...]:
    """The tree of a domain, as a list in the order of the terms; the domain itself is the first."""
    tree = await _Walk(ask, domain).branch(domain, (), "", 0)
    nodes: list[SpfNode] = []
    _flatten(tree, -1, nodes)
    return tuple(nodes)


@dataclass(frozen=True)
class _Branch:
    node: SpfNode
    below: tuple[_Branch, ...] = ()


@dataclass
class _Walk:
    ask: Ask
    sender: str
    count: int = 0
    terms: int = 0

    async def branch(self, name: str, above: tuple[str, ...], via: str, place: int) -> _Branch:
        """A name and all below it; `above` are the names on the way there."""
        node = SpfNode(name=name, via=via, place=place)
        if name.lower() in above:
            return _Branch(node.model_copy(update={"loop": True, "note": "leads back to a name above it"}))
        if len(above) >= MAX_SPF_DEPTH:
            return self._left_out(node, f"more than {MAX_SPF_DEPTH} includes deep: not followed")
        self.count += 1
        if self.count > MAX_SPF_RECORDS:
            return self._left_out(node, f"more than {MAX_SPF_RECORDS} records in all: not followed")
        answer = await self.ask(name, "TXT")
        texts = [text for text in answer.records if is_spf(text)]
        if len(texts) != 1:
            return _Branch(node.model_copy(update={"answer": answer}))
        record = parse_spf(texts[0])
        below, terms = await asyncio.gather(
            _all(self._follow(term, name, (*above, name.lower())) for term in following(record)),
            _all(self._look(term, name) for term in record.live if term.name in ("a", "mx", "exists")),
        )
        return _Branch(
            node.model_copy(update={"answer": answer, "record": record, "terms": tuple(terms)}), tuple(below)
        )

    @staticmethod
    def _left_out(node: SpfNode, note: str) -> _Branch:
        return _Branch(node.model_copy(update={"left_out": True, "note": note}))

    async def _follow(self, term: Mechanism | Modifier, name: str, above: tuple[str, ...]) -> _Branch:
        spec = term.domain if isinstance(term, Mechanism) else term.value
        note, target = self._static(spec, name)
        if target is None:
            unknown = SpfNode(name=spec, via=term.text, place=term.place, note=note, dynamic=bool(self._dynamic(spec)))
            return _Branch(unknown)
        return await self.branch(target, above, term.text, term.place)

    async def _look(self, term: Mechanism, name: str) -> SpfTermAnswers:
        note, target = self._static(term.domain, name) if term.domain else ("", name)
        if target is None:
            return SpfTermAnswers(place=term.place, note=note, dynamic=bool(self._dynamic(term.domain)))
        self.terms += 1
        if self.terms > MOST_TERMS_ASKED:
            detail = f"more than {MOST_TERMS_ASKED} terms with names"
            unasked = Answer(name=target, type="A", outcome=LookupOutcome.NOT_ASKED, detail=detail)
            return SpfTermAnswers(place=term.place, answers=(unasked,))
        if term.name == "exists":
            return SpfTermAnswers(place=term.place, answers=(await self.ask(target, "A"),))
        if term.name == "a":
            return SpfTermAnswers(place=term.place, answers=await self._addresses(target))
        mx = await self.ask(target, "MX")
        found = await _all(self._addresses(host) for host in mail_hosts(mx)[:MAX_ADDRESSES])
        return SpfTermAnswers(place=term.place, answers=(mx, *(each for pair in found for each in pair)))

    async def _addresses(self, name: str) -> tuple[Answer, Answer]:
        return await asyncio.gather(self.ask(name, "A"), self.ask(name, "AAAA"))

    def _static(self, spec: str, name: str) -> tuple[str, str | None]:
        """The name that a domain-spec stands for, whoever sends; or why there is none."""
        dynamic = self._dynamic(spec)
        if dynamic:
            return f"depends on the message ({', '.join(dynamic)})", None
        # d and o are the same for every message of the domain (RFC 7208 section 7.2)
        target = target_name(expand(spec, {"d": plain_name(name), "o": plain_name(self.sender)}))
        return ("", target) if target is not None else ("is no name that could be asked for", None)

    @staticmethod
    def _dynamic(spec: str) -> list[str]:
        return [f"%{{{letter}}}" for letter in sorted(macro_letters(spec) - {"d", "o"})]


def following(record: SpfRecord) -> tuple[Mechanism | Modifier, ...]:
    """The terms that lead to other records, in the order in which a receiver comes to them."""
    includes: list[Mechanism | Modifier] = [term for term in record.live if term.name == "include"]
    if record.redirect is not None and record.all is None:
        includes.append(record.redirect)
    return tuple(includes)


def _flatten(branch: _Branch, parent: int, nodes: list[SpfNode]) -> None:
    nodes.append(branch.node.model_copy(update={"parent": parent}))
    here = len(nodes) - 1
    for each in branch.below:
        _flatten(each, here, nodes)


async def _all(awaitables: Iterable[Awaitable[T]]) -> list[T]:
    return list(await asyncio.gather(*awaitables))
