"""Stands in for the network: `-p tests.plugin.fake_gathering`, or `install` within this process.

Each gathering and each look-up leaves a line in the file that FAKE_LOG names: what, and the process id. The facts are
those of the file that FAKE_FACTS names, for the subjects asked for. FAKE_HANG: they never come. FAKE_HELD, FAKE_UNTIL:
those of one kind come when a file is there.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from typing import Any

import smtp_audit.gather
import smtp_audit.probes.dns
from smtp_audit.configuration.model import Config
from smtp_audit.facts.dns import Found
from smtp_audit.facts.endpoint import Endpoint
from smtp_audit.facts.observation import Observation
from smtp_audit.facts.snapshot import Snapshot
from smtp_audit.facts.subject import AnySubject


def log(what: str) -> None:
    """Leave a line."""
    with Path(os.environ["FAKE_LOG"]).open("a") as file:
        file.write(f"{what} {os.getpid()}\n")


class FakeGathering:
    """Has the face of `Gathering`."""

    def __init__(
        self,
        config: Config,
        subjects: Sequence[AnySubject],
        *,
        kinds: Collection[tuple[str, str]],
        scope: Sequence[str] = ("server",),
        found: Iterable[Observation] = (),
        progress: Callable[[str], None] | None = None,
    ) -> None:
        wanted = ",".join(sorted({f"{subject}/{kind}" for kind, subject in kinds}))
        log(f"gather {wanted}")
        facts = Snapshot.load(Path(os.environ["FAKE_FACTS"]))
        keys = {s.key for s in subjects}
        self._snapshot = facts.model_copy(
            update={
                "subjects": tuple(subjects),
                "started": datetime.now(UTC),
                "observations": (*found, *(o for o in facts.observations if o.subject in keys)),
            }
        )
        self._progress = progress or (lambda _: None)
        self._there = Event()

    @property
    def time(self) -> datetime:
        """When it began."""
        return self._snapshot.started

    def start(self) -> FakeGathering:
        """Begin."""
        Thread(target=self._gather, daemon=True).start()
        return self

    def _gather(self) -> None:
        self._progress("looking")
        if os.environ.get("FAKE_HANG"):
            return
        self._progress("all seen")
        self._there.set()

    def wait(self, kind: str, subject: str) -> tuple[Observation, ...]:
        """Blocks until the facts are there."""
        self._there.wait()
        if kind == os.environ.get("FAKE_HELD"):
            until, patience = Path(os.environ["FAKE_UNTIL"]), time.monotonic() + 10
            while not until.exists():
                if time.monotonic() > patience:
                    raise RuntimeError(f"{kind} was asked for before {until.name} was there")
                time.sleep(0.01)
        return self._snapshot.about(kind, subject)

    def finish(self) -> Snapshot:
        """Blocks until the facts are there."""
        self._there.wait()
        return self._snapshot

    def stop(self) -> Snapshot:
        """What there is."""
        log("stop")
        if self._there.is_set():
            return self._snapshot
        return self._snapshot.model_copy(update={"complete": False, "observations": ()})


def find_subjects(config: Config) -> Found:
    """Every bare name is a host with one port."""
    from smtp_audit.facts.endpoint import Role

    log("look-up")
    return Found(subjects=tuple(Endpoint(role=Role.MX, host=name, port=25) for name in config.names))


def install(patch: Callable[[Any, str, Any], None] = setattr) -> None:
    """Put it in place of the real one."""
    patch(smtp_audit.gather, "Gathering", FakeGathering)
    patch(smtp_audit.probes.dns, "find_subjects", find_subjects)


if os.environ.get("FAKE_INSTALL"):
    install()
