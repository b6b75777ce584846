"""What one address may be asked to bear: connections at once, per second, in total; and backing off when it says no.

Real servers throttle (Postfix anvil and postscreen, Exim, appliances). "Too many connections" must slow the audit down
and never become a verdict.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

from smtp_audit.facts.observation import Absence
from smtp_audit.facts.snapshot import HostEffort
from smtp_audit.limits import BudgetLimits
from smtp_audit.probes.wire import PeerError

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 30.0

MAX_EXTENSION = 900.0
"""Seconds of pauses of one address that move the bounds of its endpoints; beyond that the audit gives up."""
MAX_REASONS = 20

EVEN_BELOW = 200.0
"""Connections per second below which they follow each other evenly. Above it the timers of the loop, which count whole
milliseconds, are too coarse for that: they would make half as many as are allowed."""

UNEVEN = 0.1
"""The part of those allowed per second that need not wait for their time, where that many are; the others are spread
over the second, so that there are never more in any second than allowed."""

SLOW_SECONDS = 0.02
"""A connection that takes longer, to the answer that it is made for, is worth being made beside others."""


class HostBudget:
    """The budget of one address, shared by every probe that talks to it."""

    def __init__(self, address: str, limits: BudgetLimits, progress: Callable[[str], None] = lambda _: None) -> None:
        self.address = address
        self.source = ""
        self._limits = limits
        self._progress = progress
        self._allowed = limits.connections
        fast = limits.per_second >= EVEN_BELOW
        self._interval = 1 / (limits.per_second * (1 - UNEVEN if fast else 1))
        self._ahead = UNEVEN * limits.per_second * self._interval if fast else 0.0
        self._active = 0
        self._waiting = 0
        self._next = 0.0
        self._took = 0.0
        self._pause = 0.0
        self._paused_at = 0.0
        self._bounds: list[asyncio.Timeout] = []
        self._extended = 0.0
        self._turn = asyncio.Lock()
        self._freed = asyncio.Event()
        self._connections = 0
        self.turned_away = 0
        """Refusals, each followed by a pause, since a connection was last served: whoever asks."""
        self.relayed = 0
        """Those of the connections that were made for another program."""
        self._backoffs = 0
        self._reasons: list[str] = []

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[None]:
        """Wait for leave to make one connection, and hold it while it lasts.

        Raises:
            PeerError: all connections allowed to this address are used up.
        """
        self._waiting += 1
        try:
            await self._leave()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._active -= 1
            self._freed.set()

    async def _leave(self) -> None:
        async with self._turn:
            if self._connections >= self._limits.total:
                raise PeerError(
                    Absence.BUDGET,
                    f"the {self._limits.total} connections allowed to {self.address} are used up (budget.total)",
                )
            while self._active >= self._allowed:
                self._freed.clear()
                await self._freed.wait()
            while (wait := self._next - time.monotonic()) > 0:  # noqa: ASYNC110 (`_next` moves while we sleep)
                await asyncio.sleep(wait)
            self._next = max(self._next, time.monotonic() - self._ahead) + self._interval
            self._active += 1
            self._connections += 1

    @contextmanager
    def standing_aside(self) -> Iterator[None]:
        """Within `connection`: while nothing is said on it for minutes, another may be made in its place."""
        self._active -= 1
        self._freed.set()
        try:
            yield
        finally:
            self._active += 1

    @asynccontextmanager
    async def burst(self, most: int) -> AsyncIterator[Callable[[], None]]:
        """Leave to make up to `most` connections at once, with nobody else's beside them; call the result for each.

        Raises:
            PeerError: so many are not left.
        """
        if self._connections + most > self._limits.total:
            reason = f"{most} connections are needed; those allowed to {self.address} do not suffice (budget.total)"
            raise PeerError(Absence.BUDGET, reason)
        async with self._turn:
            while self._active:
                self._freed.clear()
                await self._freed.wait()

            def count() -> None:
                self._connections += 1

            yield count

    @contextmanager
    def extending(self, bound: asyncio.Timeout) -> Iterator[None]:
        """While the block lasts, every pause that the server forces on us moves the bound, `MAX_EXTENSION` in all.

        A server that throttles makes an audit slower; it must not make it incomplete.
        """
        self._bounds.append(bound)
        try:
            yield
        finally:
            self._bounds.remove(bound)

    def back_off(self, reason: str, since: float) -> None:
        """The server turned a connection away that began at `since` (monotonic): fewer at once, and a longer pause.

        Connections that were under way together count as one refusal.
        """
        if since < self._paused_at:
            return
        self.turned_away += 1
        self._paused_at = time.monotonic()
        self._pause = min(max(FIRST_PAUSE, self._pause * 2), LONGEST_PAUSE)
        self._next = max(self._next, self._paused_at + self._pause)
        self._extend(self._pause)
        self._allowed = max(1, self._allowed // 2)
        self._backoffs += 1
        if reason not in self._reasons and len(self._reasons) < MAX_REASONS:
            self._reasons.append(reason)
        self._progress(f"{self.address}: backing off {self._pause:g} s ({reason})")

    def excuse(self, seconds: float) -> None:
        """Move the bounds for a wait that the server, or another probe's turn, forced on us without turning us away."""
        self._extend(seconds)

    def _extend(self, seconds: float) -> None:
        seconds = min(seconds, MAX_EXTENSION - self._extended)
        self._extended += seconds
        self.move_bounds(seconds)

    def move_bounds(self, seconds: float) -> None:
        """A probe that has to wait so long, whatever the server does, takes the time from nobody else."""
        for bound in self._bounds:
            when = bound.when()
            if when is not None and not bound.expired():
                bound.reschedule(when + seconds)

    def served(self, seconds: float = 0.0) -> None:
        """A connection was served, in `seconds`: the next refusal starts with a short pause again."""
        self._pause = 0.0
        self.turned_away = 0
        self._took = seconds if not self._took else 0.8 * self._took + 0.2 * seconds

    @property
    def allowed(self) -> int:
        """Connections at once, as far as the server bears them."""
        return self._allowed

    @property
    def idle(self) -> int:
        """Connections that could be made now and that nobody waits for."""
        return self._allowed - self._active - self._waiting

    @property
    def slow(self) -> bool:
        """Whether a connection takes so long that waiting for the network is most of it."""
        return self._took > SLOW_SECONDS

    def effort(self) -> HostEffort:
        """What it bore so far."""
        return HostEffort(
            address=self.address,
            source=self.source,
            connections=self._connections,
            relayed=self.relayed,
            backoffs=self._backoffs,
            backoff_reasons=tuple(self._reasons),
        )
