"""What one address has to bear is never exceeded, by anyone, in any order; and whoever waits gets their turn."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import time

import pytest

from smtp_audit.facts.observation import Absence
from smtp_audit.limits import BudgetLimits
from smtp_audit.probes import budget as budget_module
from smtp_audit.probes.budget import MAX_REASONS, HostBudget
from smtp_audit.probes.wire import PeerError

FAST = 1000.0
PAUSE = 0.03


@pytest.fixture(autouse=True)
def measurable_pauses(short_pauses: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Long enough to be told from the noise of a busy machine."""
    monkeypatch.setattr(budget_module, "FIRST_PAUSE", PAUSE)
    monkeypatch.setattr(budget_module, "LONGEST_PAUSE", PAUSE * 4)


def budget(connections: int = 4, per_second: float = FAST, total: int = 1000, **more) -> HostBudget:
    return HostBudget("192.0.2.25", BudgetLimits(connections=connections, per_second=per_second, total=total), **more)


class Crowd:
    """Counts how many hold a connection at once."""

    def __init__(self, shared: HostBudget) -> None:
        self.shared = shared
        self.now = self.most = 0
        self.times: list[float] = []

    async def hold(self, seconds: float = 0.005) -> None:
        async with self.shared.connection():
            self.times.append(time.monotonic())
            self.now += 1
            self.most = max(self.most, self.now)
            try:
                await asyncio.sleep(seconds)
            finally:
                self.now -= 1


class TestLimits:
    @pytest.mark.parametrize("limit", [1, 2, 5])
    async def test_never_more_at_once_than_allowed(self, limit):
        crowd = Crowd(budget(connections=limit))
        await asyncio.gather(*(crowd.hold(random.uniform(0, 0.01)) for _ in range(40)))
        assert crowd.most == limit
        assert crowd.shared.effort().connections == 40

    async def test_never_more_per_second_than_allowed(self):
        crowd = Crowd(budget(connections=20, per_second=50))
        await asyncio.gather(*(crowd.hold(0.05) for _ in range(15)))
        gaps = [later - earlier for earlier, later in zip(crowd.times, crowd.times[1:], strict=False)]
        assert min(gaps) >= 0.019

    async def test_a_fast_rate_may_be_uneven_and_never_gives_more_in_any_second(self):
        """A tenth of the second's connections at once, and the others spread over it."""
        crowd = Crowd(budget(connections=20, per_second=200))
        await asyncio.gather(*(crowd.hold(0) for _ in range(60)))
        for first, earlier in enumerate(crowd.times):
            for last, later in enumerate(crowd.times[first:], first):
                assert last - first <= 20 + 1 + 180 * (later - earlier) + 0.5

    async def test_a_slow_rate_holds_also_when_nobody_waits(self):
        crowd = Crowd(budget(per_second=20))
        for _ in range(3):
            await crowd.hold(0)
        assert crowd.times[2] - crowd.times[0] >= 0.099

    async def test_when_all_are_used_up_the_reason_is_ours(self):
        shared = budget(total=3)
        for _ in range(3):
            async with shared.connection():
                pass
        for _ in range(2):
            with pytest.raises(PeerError, match="3 connections") as error:
                async with shared.connection():
                    raise AssertionError("a fourth connection")
            assert error.value.absence is Absence.BUDGET
        assert shared.effort().connections == 3

    async def test_the_total_holds_for_those_who_were_waiting_too(self):
        shared = budget(connections=1, total=5)
        crowd = Crowd(shared)
        results = await asyncio.gather(*(crowd.hold() for _ in range(9)), return_exceptions=True)
        assert [type(result) for result in results].count(PeerError) == 4
        assert shared.effort().connections == 5

    async def test_who_gives_up_waiting_keeps_nobody_else_from_it(self):
        shared = budget(connections=1)
        crowd = Crowd(shared)

        async def visit() -> None:
            async with shared.connection():
                raise AssertionError("it had given up")

        async with shared.connection():
            waiting = [asyncio.ensure_future(visit()) for _ in range(3)]
            await asyncio.sleep(0.01)
            for each in waiting:
                each.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
        await asyncio.wait_for(crowd.hold(), 1)

    async def test_an_error_inside_gives_the_connection_back(self):
        crowd = Crowd(budget(connections=1))
        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                async with crowd.shared.connection():
                    raise ZeroDivisionError
        await asyncio.wait_for(crowd.hold(), 1)

    async def test_those_who_wait_are_served_in_order(self):
        shared = budget(connections=1)
        served: list[int] = []

        async def visit(number: int) -> None:
            async with shared.connection():
                served.append(number)
                await asyncio.sleep(0)

        await asyncio.gather(*(visit(number) for number in range(20)))
        assert served == list(range(20))


class TestBackingOff:
    async def test_fewer_at_once_down_to_one_and_never_none(self):
        shared = budget(connections=5)
        most = []
        for _ in range(4):
            shared.back_off("421", time.monotonic())
            crowd = Crowd(shared)
            await asyncio.gather(*(crowd.hold(0.01) for _ in range(6)))
            most.append(crowd.most)
        assert most == [2, 1, 1, 1]

    async def test_pauses_grow_to_a_limit_and_start_again_after_a_success(self):
        said: list[str] = []
        shared = budget(progress=said.append)

        async def pause() -> float:
            began = time.monotonic()
            shared.back_off("421", began)
            async with shared.connection():
                return time.monotonic() - began

        waited = [await pause() for _ in range(5)]
        shared.served()
        waited.append(await pause())
        wanted = [PAUSE * factor for factor in (1, 2, 4, 4, 4, 1)]
        assert said == [f"192.0.2.25: backing off {seconds:g} s (421)" for seconds in wanted]
        assert all(longer >= shorter * 0.95 for longer, shorter in zip(waited, wanted, strict=True))

    def test_the_real_pauses(self):
        """In a process of its own: here other tests may have shortened them for the whole session."""
        program = "from smtp_audit.probes import budget; print(budget.FIRST_PAUSE, budget.LONGEST_PAUSE)"
        told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert told.stdout.split() == ["1.0", "30.0"]

    async def test_refusals_of_connections_that_were_under_way_together_count_once(self):
        """Four connections that are turned away together are one sign, not four."""
        shared = budget(connections=8)
        began = time.monotonic()
        for _ in range(4):
            shared.back_off("421", began)
        assert shared.effort().backoffs == 1
        crowd = Crowd(shared)
        await asyncio.gather(*(crowd.hold(0.02) for _ in range(8)))
        assert crowd.most == 4
        shared.back_off("421", time.monotonic())
        assert shared.effort().backoffs == 2

    async def test_a_pause_holds_for_those_who_are_waiting_already(self):
        shared = budget(connections=1)
        crowd = Crowd(shared)
        async with shared.connection():
            waiting = asyncio.create_task(crowd.hold(0))
            await asyncio.sleep(0.005)
            began = time.monotonic()
            shared.back_off("421", began)
        await waiting
        assert crowd.times[0] - began >= PAUSE * 0.95

    async def test_a_pause_lengthens_one_that_is_under_way(self):
        shared = budget(connections=4)
        shared.back_off("421", time.monotonic())
        crowd = Crowd(shared)
        waiting = asyncio.create_task(crowd.hold(0))
        await asyncio.sleep(PAUSE / 2)
        began = time.monotonic()
        shared.back_off("421", began)
        await waiting
        assert crowd.times[0] - began >= 2 * PAUSE * 0.95

    async def test_progress_and_effort_say_why(self):
        said: list[str] = []
        shared = budget(progress=said.append)
        for reason in ("421 busy", "421 busy", "closed"):
            shared.back_off(reason, time.monotonic())
        effort = shared.effort()
        assert (effort.address, effort.backoffs, effort.backoff_reasons) == ("192.0.2.25", 3, ("421 busy", "closed"))
        assert len(said) == 3
        assert all("192.0.2.25" in line for line in said)

    async def test_a_server_cannot_fill_the_list_of_reasons(self):
        shared = budget()
        for number in range(MAX_REASONS * 2):
            shared.back_off(f"421 {number}", time.monotonic())
        assert len(shared.effort().backoff_reasons) == MAX_REASONS


class TestExtending:
    async def bounded(self, shared: HostBudget, pauses: int) -> asyncio.Timeout:
        """As many pauses as that, within a bound of 50 ms that they move."""
        async with asyncio.timeout(0.05) as bound:
            with shared.extending(bound):
                for _ in range(pauses):
                    shared.back_off("421", time.monotonic())
                    async with shared.connection():
                        await asyncio.sleep(0.005)
                if not pauses:
                    await asyncio.sleep(1)
        return bound

    async def test_a_pause_moves_the_bound_and_nothing_else_does(self):
        with pytest.raises(TimeoutError):
            await self.bounded(budget(), 0)
        began = time.monotonic()
        await self.bounded(budget(), 3)
        assert time.monotonic() - began >= 0.05

    async def test_not_for_ever(self, monkeypatch):
        monkeypatch.setattr(budget_module, "MAX_EXTENSION", 1.5 * PAUSE)
        shared = budget()
        with pytest.raises(TimeoutError):
            await self.bounded(shared, 8)
        assert shared.effort().backoffs < 8

    async def test_a_bound_that_is_over_is_left_alone(self):
        shared = budget()
        bound = await self.bounded(shared, 1)
        when = bound.when()
        shared.back_off("421", time.monotonic())
        assert bound.when() == when


class TestCancelling:
    async def free(self, shared: HostBudget, limit: int) -> None:
        """All connections can be had again."""
        crowd = Crowd(shared)
        await asyncio.wait_for(asyncio.gather(*(crowd.hold() for _ in range(limit * 3))), 2)
        assert crowd.most == limit

    async def cancel(self, task: asyncio.Task) -> None:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def test_while_holding(self):
        shared = budget(connections=2)
        tasks = [asyncio.create_task(Crowd(shared).hold(60)) for _ in range(2)]
        await asyncio.sleep(0.01)
        for task in tasks:
            await self.cancel(task)
        await self.free(shared, 2)

    async def test_while_waiting_for_a_connection_to_be_freed(self):
        """The one at the head of the queue holds the turn while it waits."""
        shared = budget(connections=1)
        holder = asyncio.create_task(Crowd(shared).hold(60))
        await asyncio.sleep(0.005)
        queue = [asyncio.create_task(Crowd(shared).hold(60)) for _ in range(3)]
        await asyncio.sleep(0.005)
        for task in queue:
            await self.cancel(task)
        await self.cancel(holder)
        await self.free(shared, 1)
        assert shared.effort().connections == 1 + 3

    async def test_while_waiting_for_the_rate(self):
        shared = budget(connections=3, per_second=2)
        async with shared.connection():
            pass
        task = asyncio.create_task(Crowd(shared).hold())
        await asyncio.sleep(0.01)
        await self.cancel(task)
        assert shared.effort().connections == 1
        began = time.monotonic()
        await Crowd(shared).hold(0)
        # The place of the one that went away is not paid for again: half a second each.
        assert time.monotonic() - began < 0.9

    async def test_at_the_moment_that_a_connection_is_freed(self):
        for _ in range(20):
            shared = budget(connections=1)
            async with shared.connection():
                waiting = [asyncio.create_task(Crowd(shared).hold(0)) for _ in range(3)]
                await asyncio.sleep(0)
            waiting[0].cancel()
            await asyncio.wait(waiting, timeout=1)
            assert all(task.done() for task in waiting)

    async def test_any_of_a_crowd_at_any_time(self):
        """Cancelled at random, nothing is lost and nothing is counted twice."""
        chance = random.Random(7)
        shared = budget(connections=3)
        crowd = Crowd(shared)
        tasks = [asyncio.create_task(crowd.hold(chance.uniform(0, 0.01))) for _ in range(120)]
        while not all(task.done() for task in tasks):
            chance.choice(tasks).cancel()
            if chance.random() < 0.1:
                shared.back_off("421", time.monotonic() - 1)
            await asyncio.sleep(chance.uniform(0, 0.002))
        assert crowd.now == 0
        assert crowd.most <= 3
        await self.free(shared, 3 if shared.effort().backoffs == 0 else 1)


class TestWhatItSaysOfTheWay:
    """For who decides whether more at once would be faster."""

    def test_nothing_is_slow_before_it_was_seen(self):
        assert not budget().slow

    def test_slow_is_what_takes_long_on_average(self):
        shared = budget()
        shared.served(budget_module.SLOW_SECONDS * 2)
        assert shared.slow
        for _ in range(20):
            shared.served(0.0001)
        assert not shared.slow
        shared.served(budget_module.SLOW_SECONDS * 2)
        assert not shared.slow, "one slow connection among many"

    def test_refusals_in_a_row_are_counted_for_all_together(self):
        shared = budget()
        for count in range(1, 4):
            shared.back_off("421", time.monotonic())
            shared.back_off("421", 0.0)  # was under way at the same time
            assert shared.turned_away == count
        shared.served()
        assert shared.turned_away == 0

    def test_allowed_follows_the_refusals_and_is_never_none(self):
        shared = budget(connections=5)
        seen = [shared.allowed]
        for _ in range(4):
            shared.back_off("421", time.monotonic())
            seen.append(shared.allowed)
        assert seen == [5, 2, 1, 1, 1]


class TestBursts:
    async def test_nobody_else_connects_meanwhile(self):
        budget = HostBudget("192.0.2.1", BudgetLimits(connections=2))
        order: list[str] = []

        async def other() -> None:
            async with budget.connection():
                order.append("other")

        async with budget.connection():
            burst = asyncio.create_task(_burst(budget, order))
            await asyncio.sleep(0.02)
            assert order == []  # one is still open
            waiting = asyncio.create_task(other())
            await asyncio.sleep(0.02)
        await asyncio.gather(burst, waiting)
        assert order in (["begins", "ends", "other"], ["other", "begins", "ends"])
        assert budget.effort().connections == 2 + 3

    async def test_what_is_left_has_to_suffice(self):
        budget = HostBudget("192.0.2.1", BudgetLimits(total=2))
        with pytest.raises(PeerError) as error:
            await _burst(budget, [])
        assert error.value.absence is Absence.BUDGET
        async with budget.connection():
            pass

    async def test_a_burst_that_breaks_lets_others_go_on(self):
        budget = HostBudget("192.0.2.1", BudgetLimits())
        with pytest.raises(ZeroDivisionError):
            async with budget.burst(3):
                raise ZeroDivisionError
        async with asyncio.timeout(1), budget.connection():
            pass


async def _burst(budget: HostBudget, order: list[str]) -> None:
    async with budget.burst(3) as count:
        order.append("begins")
        for _ in range(3):
            count()
        await asyncio.sleep(0.02)
        order.append("ends")


async def test_who_stands_aside_takes_the_place_of_nobody():
    budget = HostBudget("192.0.2.1", BudgetLimits(connections=1))
    async with budget.connection():
        with budget.standing_aside():
            async with asyncio.timeout(1), budget.connection():
                assert budget.allowed == 1
        assert budget.idle == 0
    assert budget.idle == 1


async def test_time_that_a_probe_needs_by_itself_is_added():
    budget = HostBudget("192.0.2.1", BudgetLimits())
    async with asyncio.timeout(10) as bound:
        before = bound.when()
        with budget.extending(bound):
            budget.move_bounds(330)
        await asyncio.sleep(0)
        assert bound.when() == before + 330
