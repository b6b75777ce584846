"""The exit statuses of the command. They mean what pytest's mean, so that a pipeline needs one rule for both."""

from __future__ import annotations

from enum import IntEnum


class ExitStatus(IntEnum):
    """What the process ends with."""

    OK = 0
    """Done; where a gate was judged, it is open."""
    CLOSED = 1
    """The gate is closed, or what was asked for could not be done."""
    INTERRUPTED = 2
    USAGE = 4
    """The input is wrong: an option, a file, a name. Nothing was probed."""
