"""The nearest valid name, for error messages."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

_NEAR: Final = 0.6
"""At 0.5 half of the letters are enough: `smpt` would be taken for `imap`."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`` (did you mean 'x'?)`` for the nearest of `known`, or the list of them, ready to append to a message."""
    names = [str(k) for k in known]
    begun = [n for n in names if name and n.startswith(name)]
    close = begun or get_close_matches(name, names, n=1, cutoff=_NEAR)
    if close:
        return f" (did you mean {close[0]!r}?)"
    return f" (known: {', '.join(names)})" if names else " (it takes none)"
