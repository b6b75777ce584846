"""The places of a page that links lead to. Names come from ids, so that a link to a finding survives the next run."""

from __future__ import annotations

import re
from collections.abc import Hashable


class Anchors:
    """Gives each thing a unique fragment of lower-case letters, digits and hyphens, whatever its name holds."""

    def __init__(self) -> None:
        self._given: dict[Hashable, str] = {}
        self._taken: set[str] = set()

    def __call__(self, kind: str, *names: str) -> str:
        """The fragment of the thing of this kind and name; the same each time."""
        key = (kind, *names)
        if key not in self._given:
            plain = re.sub(r"[^a-z0-9]+", "-", "-".join((kind, *names)).lower()[:200]).strip("-")
            fragment, number = plain, 2
            while fragment in self._taken:
                fragment, number = f"{plain}-{number}", number + 1
            self._taken.add(fragment)
            self._given[key] = fragment
        return self._given[key]
