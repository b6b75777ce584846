"""The audits of the lab's groups of servers: what each run is allowed and given."""

from collections.abc import Sequence
from pathlib import Path

from . import asked
from .audited import Outcome, Tables, audited_places
from .lab import Place


def audit_group(group: str, directory: Path, places: Sequence[Place], *, anchors: Path) -> Outcome:
    """One audit of these servers, as all of their group are audited (profile enterprise)."""
    if group == "asked":
        return asked.audit(directory, places, anchors=anchors)
    if group == "throttled":
        # As many at once as an audit has untold: what is limited here has to be met.
        return audited_places(directory, places, anchors=anchors, connections=4)
    if group == "slow":
        # Waiting costs nothing: all of them at once. Well-kept servers of this group wait for 3 s and no longer.
        tables: Tables = {"limits": {"idle_seconds": 5}, "mailboxes": {"own": asked.OWN}}
        options = ["--smtp-slow"]
        return audited_places(
            directory, places, anchors=anchors, connections=len(places), options=options, tables=tables
        )
    return audited_places(directory, places, anchors=anchors)
