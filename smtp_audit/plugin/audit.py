"""The audit of one pytest session: its plan, and its facts once the run has begun. The same in a worker of xdist."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from threading import Lock

from smtp_audit.control import Control
from smtp_audit.facts.observation import Observation
from smtp_audit.facts.snapshot import Snapshot
from smtp_audit.facts.subject import AnySubject
from smtp_audit.judge import Bench, Pair, judge
from smtp_audit.plan import FactSource, Plan
from smtp_audit.record import Record


class Progress:
    """Where lines about gathering go. This one drops them."""

    def __call__(self, line: str) -> None:
        """Take one line; called from the gathering's thread."""

    def shown(self) -> AbstractContextManager[object]:
        """While this is open the main thread waits and does not write: lines may appear at once."""
        return nullcontext()


class Audit:
    """Plan and facts of this session.

    `chosen` are the pairs that become items (those named on the command line, else all); `dry` is true when nothing is
    to be run (`--collect-only`, `--setup-plan`).
    """

    def __init__(self, plan: Plan, chosen: tuple[Pair, ...], *, dry: bool, progress: Progress | None = None) -> None:
        self.plan = plan
        self.chosen = chosen
        self.dry = dry
        self.progress = progress or Progress()
        self.planned_at = datetime.now(UTC)
        self._lock = Lock()
        self._source: FactSource | None = None
        self._bench: Bench | None = None

    @property
    def begun(self) -> bool:
        """Whether gathering has begun."""
        return self._source is not None

    def begin(self, pairs: Iterable[Pair] | None = None) -> FactSource:
        """Begin to gather, once: what `pairs` need, or all that the plan needs."""
        with self._lock:
            if self._source is None:
                wanted = None
                if pairs is not None:
                    wanted = frozenset((need.kind, subject.key) for control, subject in pairs for need in control.needs)
                self._source = self.plan.source(self.progress, wanted)
            return self._source

    def await_facts(self, control: Control, subject: AnySubject) -> None:
        """Block until the facts that a judgement needs are there."""
        source = self.begin()
        with self.progress.shown():
            for need in control.needs:
                source.wait(need.kind, subject.key)

    def judge(self, control: Control, subject: AnySubject) -> Record:
        """The record of one control on one subject; blocks until its facts are there."""
        source = self.begin()
        if self._bench is None:
            self._bench = self.plan.bench(source.time, self.planned_at)
        return judge(control, subject, source.wait, self._bench)

    def observations(self, kind: str, subject: str) -> tuple[Observation, ...]:
        """The observations of one kind on one subject; blocks until they are there."""
        return self.begin().wait(kind, subject)

    def snapshot(self) -> Snapshot:
        """All facts; blocks until gathering has ended."""
        source = self.begin()
        with self.progress.shown():
            return source.finish()

    def end(self, *, whole: bool) -> Snapshot | None:
        """The facts at the end of the run, None when gathering never began; unless `whole`, gathering is cut short."""
        if self._source is None:
            return None
        finish: Callable[[], Snapshot] = self._source.finish if whole else self._source.stop
        return finish()

    def latecomers(self) -> tuple[str, ...]:
        """Controls that were registered after the run was planned: no item judges them."""
        return tuple(
            control.id
            for control in self.plan.registry
            if control.id not in self.plan.profile.controls and not control.origin.startswith("smtp_audit.controls.")
        )
