"""The comparison of times: its false alarms are as rare as it says, and slow password hashes are seen."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import combinations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smtp_audit.controls.same_times import (
    DIFFERENCE,
    DOUBT,
    FALSE_ALARMS,
    WANTED,
    chance,
    chance_of_fastest,
    compare,
    ruled_out,
)
from smtp_audit.facts.wrong_passwords import BLOCKS, TRIES_IN_BLOCK

Times = list[list[float]]

seconds = st.floats(0, 30, allow_nan=False) | st.sampled_from([0.0, 0.5, 1.0, 2.0])
four = st.lists(seconds, min_size=4, max_size=4)


def labelled(times: Times, orders) -> list[list[tuple[bool, float]]]:
    return [
        [(place in order, value) for place, value in enumerate(block)]
        for block, order in zip(times, orders, strict=True)
    ]


def every_order(times: Times):
    pairs = list(combinations(range(TRIES_IN_BLOCK), 2))
    return [labelled(times, orders) for orders in product(pairs, repeat=len(times))]


@given(st.lists(four, min_size=1, max_size=3), st.sampled_from([0.01, 0.05, 0.2, 0.5]))
@settings(max_examples=60, deadline=None)
def test_no_times_whatever_are_called_different_more_often_than_stated(times: Times, level: float) -> None:
    """Over all orders that could have been drawn: not on average over some distribution, but for these very times."""
    for test in (chance, chance_of_fastest):
        chances = [test(blocks) for blocks in every_order(times)]
        assert sum(value <= level for value in chances) <= level * len(chances) + 1e-9
        assert all(0 < value <= 1 for value in chances)


@given(st.lists(four, min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_both_kinds_are_treated_alike(times: Times, lot: random.Random) -> None:
    blocks = drawn(times, lot)
    turned = [[(not kind, value) for kind, value in block] for block in blocks]
    one, other = compare(blocks), compare(turned)
    assert one.chance == pytest.approx(other.chance)
    assert one.difference == pytest.approx(-other.difference)
    assert one.differs == other.differs


@given(st.floats(0, 30))
def test_equal_times_are_equal(value: float) -> None:
    blocks = labelled([[value] * 4] * BLOCKS, [(0, 1)] * BLOCKS)
    assert compare(blocks).chance == 1
    assert not compare(blocks).differs
    assert ruled_out(blocks)


def test_what_is_tiny_is_no_difference_however_certain() -> None:
    blocks = labelled([[0.1, 0.1, 0.1 + DIFFERENCE / 2, 0.1 + DIFFERENCE / 2]] * BLOCKS, [(0, 1)] * BLOCKS)
    assert compare(blocks).chance < FALSE_ALARMS
    assert not compare(blocks).differs


def test_a_few_tries_prove_nothing() -> None:
    """Four blocks, completely apart, come about by lot in 2 of 1296 cases."""
    blocks = labelled([[0.0, 0.0, 1.0, 1.0]] * 4, [(0, 1)] * 4)
    assert chance(blocks) == pytest.approx(2 / 6**4)
    assert not compare(blocks).differs


# How long answers take, by the number of the try.
Server = Callable[[random.Random, int], float]

SERVERS: dict[str, Server] = {
    "even": lambda lot, _: lot.uniform(0.010, 0.012),
    "heavy tails": lambda lot, _: 0.02 * lot.paretovariate(1.1),
    "very noisy": lambda lot, _: lot.lognormvariate(-2, 1.5),
    "drifting": lambda lot, number: 0.05 + 0.01 * number + lot.gauss(0, 0.003),
    "falling": lambda lot, number: 2.0 - 0.05 * number + lot.gauss(0, 0.01),
    "growing delays": lambda lot, number: min(17.0, 2.0 ** (number / 4)) + lot.uniform(0, 0.01),
    "steps of half a second": lambda lot, _: 2.0 - lot.randint(0, 1) * 0.5 + lot.uniform(0, 0.005),
    "slow at times": lambda lot, _: 0.01 + (lot.random() < 0.2) * lot.uniform(0.5, 3),
    "first of a connection is slow": lambda lot, number: 0.01 + (number % 8 == 0) * 0.3 + lot.uniform(0, 0.002),
    "a jump in the middle": lambda lot, number: (0.01 if number < 12 else 0.9) + lot.uniform(0, 0.01),
}

RUNS = 1000


def drawn(times: Times, lot: random.Random) -> list[list[tuple[bool, float]]]:
    return labelled(times, [tuple(lot.sample(range(TRIES_IN_BLOCK), 2)) for _ in times])


def asked(server: Server, lot: random.Random, more: float = 0.0) -> list[list[tuple[bool, float]]]:
    """All tries on a server that takes `more` seconds for the first kind."""
    numbers = iter(range(BLOCKS * TRIES_IN_BLOCK))
    times = [[server(lot, next(numbers)) for _ in range(TRIES_IN_BLOCK)] for _ in range(BLOCKS)]
    return [[(kind, value + more if kind else value) for kind, value in block] for block in drawn(times, lot)]


def test_false_alarms_are_rarer_than_one_in_a_thousand() -> None:
    """On servers without the fault, of every kind that hurts."""
    alarms = {
        name: sum(compare(asked(server, random.Random(f"{name}{run}"))).differs for run in range(RUNS))
        for name, server in SERVERS.items()
    }
    assert sum(alarms.values()) <= FALSE_ALARMS * RUNS * len(SERVERS), alarms


@pytest.mark.parametrize("more", [0.05, 0.1, -0.05, -0.1])
@pytest.mark.parametrize("name", ["even", "drifting", "a jump in the middle"])
def test_a_slow_password_hash_is_seen(name: str, more: float) -> None:
    runs = 200
    seen = sum(compare(asked(SERVERS[name], random.Random(f"{name}{run}"), more)).differs for run in range(runs))
    assert seen >= 0.98 * runs


def test_jitter_of_the_network_does_not_hide_it() -> None:
    def far(lot: random.Random, _: int) -> float:
        return 0.08 + lot.expovariate(1 / 0.01)

    seen = sum(compare(asked(far, random.Random(run), 0.07)).differs for run in range(200))
    assert seen >= 190


@pytest.mark.parametrize("name", sorted(SERVERS))
def test_what_was_too_noisy_to_be_seen_is_not_called_the_same(name: str) -> None:
    """A server with the fault: that it is missed and ruled out as well is about as rare as stated."""
    runs = 300
    missed = 0
    for run in range(runs):
        blocks = asked(SERVERS[name], random.Random(f"{name}{run}"), WANTED)
        missed += not compare(blocks).differs and ruled_out(blocks)
    assert missed <= 3 * DOUBT * runs


def test_a_busy_machine_does_not_hide_that_there_is_none() -> None:
    """One answer in six comes late, by up to two seconds."""

    def busy(lot: random.Random, _: int) -> float:
        return 0.02 + (lot.random() < 1 / 6) * lot.uniform(0, 2) + lot.uniform(0, 0.01)

    runs = 200
    assert sum(ruled_out(asked(busy, random.Random(run))) for run in range(runs)) >= 0.6 * runs
    assert sum(ruled_out(asked(busy, random.Random(run), WANTED)) for run in range(runs)) <= 3 * DOUBT * runs


def test_noise_hides_and_calm_rules_out() -> None:
    assert not ruled_out(asked(SERVERS["very noisy"], random.Random(1)))
    assert ruled_out(asked(SERVERS["even"], random.Random(1)))
