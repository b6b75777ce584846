"""The log of a program: JSON objects, one a line, among whatever else it writes."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any, Final

from smtp_audit.facts.client import LogEvent
from smtp_audit.limits import MAX_LOG_EVENTS
from smtp_audit.secret import Secret, redact
from smtp_audit.wiretext import escape, escape_text

SHOWN: Final = 400
"""Characters of a line that an event keeps."""

LONGEST: Final = 10_000
"""Octets of a line; a longer one is no event."""

_MOMENT: Final = re.compile(r"[12][0-9]{3}-[01][0-9]-[0-3][0-9][T ][0-2][0-9]:[0-5][0-9].*", re.DOTALL)
_CLOCKS: Final = frozenset({"time", "timestamp", "@timestamp", "ts", "date", "datetime"})
_EARLIEST: Final = 1_000_000_000
"""Seconds since 1970: 2001. What is smaller is no clock."""


def events_in(texts: Iterable[bytes], reply: bytes, secrets: Collection[Secret]) -> tuple[LogEvent, ...]:
    """The events of all outputs, the first `MAX_LOG_EVENTS`. A reply that has "success" is to the caller: no event."""
    found: list[LogEvent] = []
    for line in (line.strip() for text in texts for line in text.splitlines()):
        said = _read(line)
        if said is None or (line == reply and "success" in said):
            continue
        text = redact(escape(line), secrets)[:SHOWN]
        found.append(LogEvent(time=escape_text(next(_moments(said), ""), 100), text=text))
        if len(found) == MAX_LOG_EVENTS:
            break
    return tuple(found)


def _read(line: bytes) -> dict[str, Any] | None:
    if not line.startswith(b"{") or len(line) > LONGEST:
        return None
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def _moments(said: dict[str, Any]) -> Iterator[str]:
    for name, value in said.items():
        if isinstance(value, str) and _MOMENT.fullmatch(value):
            yield value
        elif (
            name.lower() in _CLOCKS
            and isinstance(value, int | float)
            and not isinstance(value, bool)
            and value > _EARLIEST
        ):
            yield str(value)
