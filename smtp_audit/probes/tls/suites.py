"""Every cipher suite that an endpoint takes: offer many, read which is chosen, strike it, offer the rest.

Of a version with k suites that takes k + 1 hellos for each list that is offered. The suites of TLS 1.2 and before are
offered in a few lists: a stack that reads only the beginning of a long one (GnuTLS: 256) would hide the rest, and one
that chooses a suite of one family and then fails would hide the other families.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

from smtp_audit.facts.handshake import AcceptedSuite, Chooser, VersionSuites
from smtp_audit.facts.suites import KeyExchange, traits
from smtp_audit.facts.tls import TlsVersion
from smtp_audit.probes.tls.ask import SILENCE, Prober
from smtp_audit.probes.tls.flight import Flight
from smtp_audit.probes.tls.hello import (
    PLAIN,
    SSL2_SUITES,
    TLS13_SUITES,
    Shape,
    classic_suites,
    families,
    suite_name,
)
from smtp_audit.probes.tls.reply import Reply

MAX_SPLITS = 24
"""Lists without a clear answer that are halved in search of what can be told, for one version."""

SHAPE = Shape(extras=True)


@cache
def lists() -> tuple[tuple[int, ...], ...]:
    """The suites of TLS 1.2 and before in the lists that they are offered in, of about as many likely ones each."""
    first = tuple(number for name in ("ECDHE", "RSA", "static DH") for number in families()[name])
    return first, tuple(number for number in classic_suites() if number not in first)


@dataclass
class Enumeration:
    """The enumeration of one version. `flights` are the first flights seen, by the number of the suite chosen."""

    prober: Prober
    version: TlsVersion
    first: Reply | None = None
    named: bool = True
    """Whether to give the server's name: a version may be there for those alone that give none."""
    flights: dict[int, Flight] = field(default_factory=dict)
    found: dict[int, AcceptedSuite] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)
    unclear: list[str] = field(default_factory=list)
    chooser: Chooser = Chooser.UNKNOWN
    chooser_detail: str = "not asked"
    splits: int = 0

    def facts(self, otherwise: str = "") -> VersionSuites:
        """What was found so far; `otherwise` is why it may not be all."""
        taken_back = filter(None, (self.prober.known.taken_back(refusal) for refusal in self.refusals))
        missing = "; ".join(dict.fromkeys((*self.unclear, *taken_back))) or otherwise
        return VersionSuites(
            version=self.version,
            suites=tuple(self.found.values()),
            complete=not missing,
            detail=missing or "; ".join(dict.fromkeys(self.refusals)),
            chooser=self.chooser,
            chooser_detail=self.chooser_detail,
            hellos=self.prober.hellos,
        )

    async def run(self) -> VersionSuites:
        """Find every suite, then who chooses. Never raises for what the peer does."""
        if self.version is TlsVersion.SSL2:
            return await self._ssl2()
        if self.first is not None and self.first.flight is not None:
            self._take(self.first.suite, self.first.flight)
        offers = (TLS13_SUITES,) if self.version is TlsVersion.TLS13 else lists()
        await asyncio.gather(*(self._exhaust([n for n in offer if n not in self.found]) for offer in offers))
        await self._find_chooser()
        return self.facts()

    async def _ssl2(self) -> VersionSuites:
        """An SSL 2 server lists its suites itself."""
        reply = self.first if self.first is not None else await self.prober.settled(self.version)
        if not reply.accepted or reply.flight is None:
            self.unclear.append(reply.detail or "its list of suites was not seen")
        else:
            for number in reply.flight.answer.ssl2_suites:
                name = SSL2_SUITES.get(number, f"0x{number:06X}")
                self.found[number] = AcceptedSuite(name=name)
            self.chooser, self.chooser_detail = Chooser.CLIENT, "in SSL 2 the client chooses"
        return self.facts()

    async def _exhaust(self, offered: Sequence[int]) -> None:
        """Offer the list until the server takes none of it any more."""
        remaining = list(offered)
        while remaining:
            reply = await self.prober.settled(self.version, remaining, SHAPE, named=self.named, whole=True)
            if reply.accepted and reply.flight is not None:
                remaining.remove(reply.suite)
                self._take(reply.suite, reply.flight)
                if self._worth_parting(len(remaining)):
                    await self._part(remaining)
                    return
            elif reply.refused:
                self.refusals.append(reply.detail)
                return
            elif len(remaining) == 1 or self._hopeless(reply):
                self.unclear.append(f"{_named(remaining)}: {reply.detail}")
                return
            else:
                self.splits += 1
                await self._part(remaining)
                return

    def _worth_parting(self, size: int) -> bool:
        """On a slow way more lists at once are faster, at the price of a refused hello for each: where a list has just
        turned out to hold suites that are taken, and connections are to be had that nobody waits for."""
        budget = self.prober.approach.budget
        return size >= 4 and budget.slow and budget.idle >= 2

    async def _part(self, remaining: Sequence[int]) -> None:
        # Every other one: what a server takes stands together in the list.
        await asyncio.gather(self._exhaust(remaining[::2]), self._exhaust(remaining[1::2]))

    def _hopeless(self, reply: Reply) -> bool:
        """Whether shorter lists would fare no better: a silence costs the whole time limit."""
        return bool(self.prober.known.over) or reply.detail.startswith(SILENCE) or self.splits >= MAX_SPLITS

    def _take(self, number: int, flight: Flight) -> None:
        self.flights.setdefault(number, flight)
        self.found.setdefault(
            number, AcceptedSuite(name=suite_name(number), group=flight.group, signature=flight.signature)
        )

    async def _find_chooser(self) -> None:
        """Offer the suites that are taken with the one taken first at the end: who insists on it chooses."""
        known = list(self.found)
        if len(known) < 2:
            nobody = not self.unclear
            self.chooser = Chooser.NOBODY if nobody else Chooser.UNKNOWN
            self.chooser_detail = "one suite at most" if nobody else "the suites are not all known"
            return
        offered = [
            n for n in (TLS13_SUITES if self.version is TlsVersion.TLS13 else classic_suites()) if n in self.found
        ]
        if self.first is not None and self.first.suite in self.found:
            chosen = self.first.suite  # it was offered all of them, in this order
        else:
            reply = await self.prober.settled(self.version, offered, PLAIN, named=self.named)
            if not reply.accepted:
                self.chooser_detail = f"offered its own suites: {reply.detail}"
                return
            chosen = reply.suite
        reordered = [*(number for number in offered if number != chosen), chosen]
        reply = await self.prober.settled(self.version, reordered, PLAIN, named=self.named)
        if not reply.accepted:
            self.chooser_detail = f"offered its own suites in another order: {reply.detail}"
        elif reply.suite == chosen:
            self.chooser = Chooser.SERVER
            self.chooser_detail = f"chose {suite_name(chosen)} although it was offered last"
        elif chosen == offered[0] and reply.suite == reordered[0]:
            self.chooser, self.chooser_detail = Chooser.CLIENT, "chose the first of the offer twice"
        else:
            first, second = suite_name(chosen), suite_name(reply.suite)
            self.chooser_detail = f"chose {first}, and {second} when that was offered last"


def _named(numbers: Sequence[int]) -> str:
    if len(numbers) == 1:
        return suite_name(numbers[0])
    kinds = sorted({traits(suite_name(number)).key_exchange for number in numbers}, key=list(KeyExchange).index)
    return f"{len(numbers)} suites ({', '.join(kinds)})"
