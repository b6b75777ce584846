"""The audits of the lab's servers: one for each chapter of each group, when a test first asks for it."""

from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path

from . import asked
from .audited import Outcome, Tables, audited_places
from .catalogue import Catalogue, Entry
from .lab import Lab, Place
from .recorded import keep_places


class Audits:
    """What audits of the running lab say; each is run once, however often it is asked for, and however it ends.

    One audit of everything would take longer than a test may, and who runs a few tests wants to wait for these only.
    """

    def __init__(self, lab: Lab, runs: Path, catalogue: Catalogue) -> None:
        self._lab = lab
        self._runs = runs
        self._catalogue = catalogue
        self._known: dict[tuple[str, str], Future[Outcome]] = {}

    def of(self, entry: Entry) -> Outcome:
        """The audit that has this server among others."""
        key = (entry.group, entry.chapter)
        if key not in self._known:
            self._known[key] = Future()
            try:
                self._known[key].set_result(self._audit(entry))
            except Exception as error:
                # The next test would only wait for the same.
                self._known[key].set_exception(error)
        return self._known[key].result()

    def group(self, name: str) -> list[Outcome]:
        """All audits of a group."""
        return list({entry.chapter: self.of(entry) for entry in self._catalogue.group(name)}.values())

    def directory(self, entry: Entry) -> Path:
        """Where the audit of this server runs and leaves its reports."""
        return self._runs / f"{entry.group}-{entry.chapter}"

    def _audit(self, entry: Entry) -> Outcome:
        together = [other for other in self._catalogue.group(entry.group) if other.chapter == entry.chapter]
        places = [self._lab.places[other.name] for other in together]
        anchors = self._lab.authority.anchors
        outcome = audit_group(entry.group, self.directory(entry), places, anchors=anchors)
        return keep_places(entry.group, outcome, places)


THROTTLED_SECONDS = 400.0
"""An audit of servers that slow it down: behind a greeting that comes after 6 s some 100 connections take that long."""


def audit_group(group: str, directory: Path, places: Sequence[Place], *, anchors: Path) -> Outcome:
    """One audit of these servers, as all of their group are audited (profile enterprise)."""
    if group == "asked":
        return asked.audit(directory, places, anchors=anchors)
    if group == "throttled":
        # As many at once as an audit has untold: what is limited here has to be met.
        return audited_places(directory, places, anchors=anchors, connections=4, longest=THROTTLED_SECONDS)
    if group == "slow":
        # Waiting costs nothing: all of them at once. Well-kept servers of this group wait for 3 s and no longer.
        tables: Tables = {"limits": {"idle_seconds": 5}, "mailboxes": {"own": asked.OWN}}
        options = ["--smtp-slow"]
        return audited_places(
            directory, places, anchors=anchors, connections=len(places), options=options, tables=tables
        )
    return audited_places(directory, places, anchors=anchors)
