"""The second judge's chapters: every module here is asked what is wrong with a server.

A module has one function, `faults(seen: Seen) -> set[str]`: the controls that the server must fail, found without any
code of smtp_audit. It is called for every server of the lab, in each of its groups, so it

- looks at `seen.place.role` first, and leaves what is not its business alone;
- tries what only an audit with leave would try (logging in, sending, guessing) where `seen.asked`, and waits where
  `seen.slow`;
- returns nothing where a server without TLS or without a greeting leaves nothing to see, as the controls do.
"""

import importlib
import pkgutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..lab import Place
from ..wire import IMPLICIT, Line, any_version, encrypted, greeting


@dataclass(frozen=True)
class Seen:
    """One server, and the ways to talk to it. The accounts and mailboxes are those of asked.py."""

    place: Place
    anchors: Path
    strict: bool
    """Whether profile enterprise-strict is meant."""
    others: Sequence[Place] = ()
    """The servers on the same host."""

    @property
    def asked(self) -> bool:
        """Whether everything is allowed."""
        return self.place.entry.group == "asked"

    @property
    def slow(self) -> bool:
        """Whether it may take long."""
        return self.place.entry.group == "slow"

    def clear(self) -> Line:
        """A connection without TLS, greeting read; raises ValueError where TLS comes first."""
        if self.place.role in IMPLICIT:
            raise ValueError(f"{self.place.role} begins with TLS")
        line = Line(self.place.address, self.place.port)
        greeting(line, self.place.role)
        return line

    def encrypted(self) -> Line:
        """A connection inside TLS before its first command; raises OSError or EOFError when there is none."""
        return encrypted(self.place, any_version())


def faults(seen: Seen) -> set[str]:
    """What all modules of this package find."""
    found: set[str] = set()
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        found |= importlib.import_module(module.name).faults(seen)
    return found
