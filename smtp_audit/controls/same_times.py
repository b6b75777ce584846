"""Whether two kinds of tries take the same time: an exact test with a stated rate of false alarms.

Tries are made in blocks, and within each block the order of the two kinds was drawn by lot. If the kind made no
difference, every other order would have been as likely as the one drawn, whatever else changed the times: noise, drift,
delays that grow with every try. So the share of all possible orders that would have looked at least as different is the
chance of a false alarm, exactly, for times of any distribution. Ranks keep single very slow answers from counting more
than others. They are taken after each block's own fastest time was subtracted: slow blocks do not drown fast ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import comb
from typing import NamedTuple

FALSE_ALARMS = 0.001
"""The share of servers without the fault that may be called different: one in a thousand at most."""

DIFFERENCE = 0.015
"""Seconds below which a difference is not called one: what jitter on the way makes hard to use."""

WANTED = 0.05
"""Seconds of a difference that must have been ruled out before times are called the same: a password hash made to be
slow takes that long."""

DOUBT = 0.01
"""The chance of ruling it out although it is there."""

Timed = tuple[bool, float]
"""The kind of a try, and its seconds."""


class Comparison(NamedTuple):
    """What a comparison shows."""

    difference: float
    """The median of the differences within blocks, in seconds: the first kind (True) less the second."""
    chance: float
    """How often times as different as these come about by lot alone."""

    @property
    def differs(self) -> bool:
        """Whether the kinds differ, with the stated rate of false alarms."""
        return self.chance < FALSE_ALARMS and abs(self.difference) > DIFFERENCE


def compare(blocks: Sequence[Sequence[Timed]]) -> Comparison:
    """Compare the two kinds; each block needs both."""
    differences = sorted(
        first - second for block in blocks for kind, first in block if kind for other, second in block if not other
    )
    return Comparison(_median(differences), chance(blocks))


def ruled_out(blocks: Sequence[Sequence[Timed]]) -> bool:
    """Whether a difference of WANTED in either direction can be ruled out.

    What is shifted back by so much and differs then did not differ by so much before. Two tests are asked, each for
    half of the doubt: ranks see most, and the fastest answers see something where a busy machine makes others slow.
    """
    shifts = [_shifted(blocks, by) for by in (WANTED, -WANTED)]
    return all(min(chance(shift), chance_of_fastest(shift)) < DOUBT / 2 for shift in shifts)


def chance_of_fastest(blocks: Sequence[Sequence[Timed]]) -> float:
    """The share of orders in which all that is faster than the fastest of one kind would be of the other kind, too."""
    fastest = [
        min(seconds for block in blocks for kind, seconds in block if kind is wanted) for wanted in (True, False)
    ]
    leading = fastest[0] < fastest[1]
    share = 1.0
    for block in blocks:
        kinds = sum(1 for kind, _ in block if kind is leading)
        ahead = sum(1 for _, seconds in block if seconds < max(fastest))
        share *= comb(len(block) - ahead, kinds - ahead) / comb(len(block), kinds) if ahead <= kinds else 0
    return min(1.0, 2 * share)


def _shifted(blocks: Sequence[Sequence[Timed]], by: float) -> list[list[Timed]]:
    """The blocks with `by` taken from the first kind's times."""
    # Rounded, so that what was equal before is equal after.
    return [[(kind, round(seconds - by if kind else seconds, 6)) for kind, seconds in block] for block in blocks]


def chance(blocks: Sequence[Sequence[Timed]]) -> float:
    """The share of orders that would give a rank sum at least as far from the middle as the one that was drawn."""
    ranks = _aligned_ranks(blocks)
    total = {0: 1}
    seen = 0
    twice_middle = 0.0
    for block, ranked in zip(blocks, ranks, strict=True):
        chosen = sum(1 for kind, _ in block if kind)
        seen += sum(rank for (kind, _), rank in zip(block, ranked, strict=True) if kind)
        twice_middle += 2 * sum(ranked) * chosen / len(block)
        sums: dict[int, int] = {}
        for some in combinations(ranked, chosen):
            sums[sum(some)] = sums.get(sum(some), 0) + 1
        joined: dict[int, int] = {}
        for before, ways in total.items():
            for more, times in sums.items():
                joined[before + more] = joined.get(before + more, 0) + ways * times
        total = joined
    distance = abs(2 * seen - twice_middle)
    # A hair's breadth for the rounding of the middle.
    as_far = sum(ways for value, ways in total.items() if abs(2 * value - twice_middle) >= distance - 1e-6)
    return as_far / sum(total.values())


def _aligned_ranks(blocks: Sequence[Sequence[Timed]]) -> list[list[int]]:
    """Twice the rank of each try among all, after its block's fastest was taken away; equal ones share the middle."""
    aligned = [[round(seconds - min(s for _, s in block), 6) for _, seconds in block] for block in blocks]
    ordered = sorted(value for block in aligned for value in block)
    first: dict[float, int] = {}
    last: dict[float, int] = {}
    for place, value in enumerate(ordered, start=1):
        first.setdefault(value, place)
        last[value] = place
    return [[first[value] + last[value] for value in block] for block in aligned]


def _median(ordered: Sequence[float]) -> float:
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
