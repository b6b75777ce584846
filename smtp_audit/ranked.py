"""Words in an order of their own."""

from __future__ import annotations

from enum import StrEnum
from functools import cache


class Ranked(StrEnum):
    """Words that compare by their place in the list, not by the alphabet.

    All four comparisons are written out: text brings its own, which `functools.total_ordering` leaves in place.
    """

    @property
    def rank(self) -> int:
        """The place: 0 for the first."""
        return _ranks(type(self))[self]

    def __lt__(self, other: object) -> bool:
        return self.rank < other.rank if isinstance(other, type(self)) else NotImplemented

    def __le__(self, other: object) -> bool:
        return self.rank <= other.rank if isinstance(other, type(self)) else NotImplemented

    def __gt__(self, other: object) -> bool:
        return self.rank > other.rank if isinstance(other, type(self)) else NotImplemented

    def __ge__(self, other: object) -> bool:
        return self.rank >= other.rank if isinstance(other, type(self)) else NotImplemented


@cache
def _ranks(words: type[Ranked]) -> dict[Ranked, int]:
    return {word: place for place, word in enumerate(words)}
