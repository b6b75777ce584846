"""What the tree of an SPF record costs and allows: the longest way through it, look-ups, void answers, networks.

The longest way is that of a client that no mechanism matches: it meets every term, in every include, up to the first
`all` of each record (RFC 7208 sections 4.6.2 and 5.1), and then the redirect.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from smtp_audit.errors import Undetermined
from smtp_audit.facts.spf import SpfNode, SpfResult, SpfTermAnswers
from smtp_audit.published.spf import Mechanism, Modifier, Qualifier

_DEFAULTS = {
    Qualifier.PASS: SpfResult.PASS,
    Qualifier.FAIL: SpfResult.FAIL,
    Qualifier.SOFTFAIL: SpfResult.SOFTFAIL,
    Qualifier.NEUTRAL: SpfResult.NEUTRAL,
}


@dataclass(frozen=True)
class Way:
    """What a client that nothing matches meets in one record, and the result it leaves with.

    `ends` is the term that stops it before the end: an `all`, or one that matches everyone. `result` is None where it
    is not known: a look-up was not answered, or a name depends on the message.
    """

    terms: tuple[Mechanism, ...] = ()
    redirect: Modifier | None = None
    ends: Mechanism | None = None
    result: SpfResult | None = None


class SpfTree:
    """The nodes of `SpfFacts` as a tree."""

    def __init__(self, nodes: tuple[SpfNode, ...]) -> None:
        self.nodes = nodes
        self._below: dict[tuple[int, int], int] = {}
        for here, node in enumerate(nodes):
            if 0 <= node.parent < here:  # a snapshot may hold anything; a parent comes before its children
                self._below[node.parent, node.place] = here
        self._ways: dict[int, Way] = {}

    def below(self, here: int, term: Mechanism | Modifier) -> int | None:
        """The node that a term of a node leads to."""
        return self._below.get((here, term.place))

    def answers(self, here: int, term: Mechanism) -> SpfTermAnswers | None:
        """What the names of a term lead to."""
        return next((each for each in self.nodes[here].terms if each.place == term.place), None)

    def way(self, here: int) -> Way:
        """The longest way through the record of a node."""
        if here not in self._ways:
            self._ways[here] = self._way(here)
        return self._ways[here]

    def _way(self, here: int) -> Way:
        record = self.nodes[here].record
        if record is None or record.problems:
            return Way()
        met: list[Mechanism] = []
        for term in record.live:
            met.append(term)
            if self.matches_everyone(here, term):
                return Way(tuple(met), ends=term, result=_DEFAULTS[term.qualifier])
        if record.redirect is None:
            return Way(tuple(met), result=SpfResult.NEUTRAL)
        there = self.below(here, record.redirect)
        return Way(tuple(met), record.redirect, result=self.way(there).result if there is not None else None)

    def matches_everyone(self, here: int, term: Mechanism) -> bool:
        """Whether no client gets past a term: all, exists with a name that is there, an include that passes all."""
        if term.name == "all":
            return True
        if term.name == "exists":
            known = self.answers(here, term)
            return known is not None and any(each.found for each in known.answers)
        there = self.below(here, term) if term.name == "include" else None
        return there is not None and self.way(there).result is SpfResult.PASS

    def reached(self, here: int = 0) -> Iterator[int]:
        """The nodes on the longest way, in the order in which a receiver comes to them."""
        if here >= len(self.nodes):
            return
        yield here
        way = self.way(here)
        leading: tuple[Mechanism | Modifier, ...] = way.terms if way.redirect is None else (*way.terms, way.redirect)
        for term in leading:
            there = self.below(here, term)
            if there is not None:
                yield from self.reached(there)

    def lookups(self, here: int = 0) -> int:
        """The terms with look-ups on the longest way from a node on (RFC 7208 section 4.6.4)."""
        return sum(
            sum(term.asks for term in self.way(there).terms) + (self.way(there).redirect is not None)
            for there in self.reached(here)
        )

    def met(self, here: int = 0) -> Iterator[tuple[int, Mechanism]]:
        """The terms on the longest way, in the order in which a receiver comes to them; includes before what is in
        them."""
        if here >= len(self.nodes):
            return
        way = self.way(here)
        for term in way.terms:
            yield here, term
            there = self.below(here, term) if term.name == "include" else None
            if there is not None:
                yield from self.met(there)
        there = self.below(here, way.redirect) if way.redirect is not None else None
        if there is not None:
            yield from self.met(there)

    def void(self, here: int, term: Mechanism, family: str) -> bool:
        """Whether the look-up of a term brings nothing for a client of a family ("A" or "AAAA") that it does not match.

        An exists that does not match is such a term by its nature, whatever its macros. What ptr finds is not the
        domain's.

        Raises:
            Undetermined: an answer is missing.
        """
        known = self.answers(here, term)
        if known is None:
            return False
        if term.name == "exists" and (known.dynamic or not known.answers):
            return known.dynamic
        return bool(known.answers) and known.void(family)

    def permitting(self) -> Iterator[tuple[int, Mechanism]]:
        """The terms by which clients pass: those with + in records that are reached through + alone."""
        yield from self._permitting(0)

    def _permitting(self, here: int) -> Iterator[tuple[int, Mechanism]]:
        if here >= len(self.nodes):
            return
        way = self.way(here)
        for term in way.terms:
            if term.qualifier is not Qualifier.PASS:
                continue
            yield here, term
            there = self.below(here, term)
            if term.name == "include" and there is not None:
                yield from self._permitting(there)
        there = self.below(here, way.redirect) if way.redirect is not None else None
        if there is not None:
            yield from self._permitting(there)

    def permits(self, here: int, term: Mechanism, family: str) -> bool:
        """Whether a term that passes may do so for a client of a family ("A" or "AAAA"), as far as is known."""
        if term.name == "include":
            there = self.below(here, term)
            return there is not None and self.nodes[there].record is None  # what is in it is not known
        if term.name in ("ip4", "ip6"):
            return term.name == ("ip4" if family == "A" else "ip6")
        known = self.answers(here, term)
        return known is None or known.dynamic or any(e.type == family and not e.absent for e in known.answers)

    def own(self) -> Iterator[int]:
        """The nodes that the domain itself publishes: itself, what is below it, and where its redirects lead."""
        ours: set[int] = set()
        for here, node in enumerate(self.nodes):
            redirected = node.parent in ours and node.via.lower().startswith("redirect=")
            if here == 0 or redirected or f".{node.name}".lower().endswith(f".{self.nodes[0].name}".lower()):
                ours.add(here)
                yield here

    def told(self, here: int, term: Mechanism | Modifier) -> str:
        """A term with the name in whose record it stands, unless that is the domain itself."""
        return term.text if here == 0 else f"{term.text} in {self.nodes[here].name}"

    def require_known(self) -> None:
        """Raises Undetermined when a record of the tree is not known, other than by its macros."""
        for node in self.nodes:
            if node.left_out:
                raise Undetermined(f"{node.name}: {node.note}")
            if node.answer is not None:
                node.answer.require()
            if node.record is not None and node.record.cut:
                raise Undetermined(f"{node.name}: its record has more terms than are read")

    def dynamic(self) -> list[str]:
        """The terms that lead to records which depend on the message."""
        return [node.via for node in self.nodes if node.dynamic]

    def costs(self) -> list[str]:
        """The tree in lines: each name with its look-ups, those below it included."""
        return [line for here in range(min(1, len(self.nodes))) for line in self._costs(here, 0)]

    def _costs(self, here: int, depth: int) -> Iterator[str]:
        node = self.nodes[here]
        label = node.via or node.name
        if node.record is None:
            said = node.note or (
                str(node.answer.trouble or "no SPF record") if node.answer is not None else "not asked"
            )
            yield f"{'  ' * depth}{label}: {said}"
            return
        yield f"{'  ' * depth}{label}: {self.lookups(here)} look-ups"
        for there in range(here + 1, len(self.nodes)):
            if self.nodes[there].parent == here:
                yield from self._costs(there, depth + 1)
