"""Whatever a server greets with, it is read in no time, and what is planted in it is found."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_audit.control import REGISTRY, Outcome, load_builtin
from smtp_audit.profile import load_profile
from tests.facts_factories import rule
from tests.identity_factories import HOST, announced, greeted, identity

load_builtin()
PROFILE = load_profile("enterprise", REGISTRY)
CONTROLS = ("greeting-product", "greeting-version", "greeting-system", "greeting-internal-names")

TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=300)
WORDS = st.lists(st.sampled_from(["ready", "ESMTP", "-", "(x)", "at", "Tue,", "2026", "21:45:52"]), max_size=6).map(
    " ".join
)


def outcome(name: str, line: str, **more: object) -> Outcome:
    control = REGISTRY[name]
    facts = (greeted(line), announced(name=line), identity(**more))
    return control.judge(*facts, rule(**PROFILE.rule(control).parameters)).outcome


@pytest.mark.parametrize("name", CONTROLS)
@given(TEXT)
def test_any_line_is_judged(name: str, line: str) -> None:
    assert outcome(name, line) in (Outcome.PASS, Outcome.FAIL)


@pytest.mark.parametrize("name", CONTROLS)
@pytest.mark.parametrize("piece", ["a", "a-", "a.", "1.", "10.", "a 1.", "[", ":", "0a", " ", "x/1", "..", "f1"])
def test_long_lines_take_no_time(name: str, piece: str) -> None:
    began = time.monotonic()
    outcome(name, (piece * 8192)[:8192])
    assert time.monotonic() - began < 1


@given(WORDS, WORDS, st.sampled_from(["Postfix", "exim", "SENDMAIL"]))
def test_a_product_is_found(before: str, behind: str, product: str) -> None:
    assert outcome("greeting-product", f"{HOST} {before} {product} {behind}") is Outcome.FAIL


@given(WORDS, WORDS, st.tuples(*[st.integers(0, 99)] * 3))
def test_a_version_is_found(before: str, behind: str, number: tuple[int, int, int]) -> None:
    version = ".".join(map(str, number))
    assert outcome("greeting-version", f"{HOST} {before} Thing {version} {behind}") is Outcome.FAIL


@given(WORDS, WORDS)
def test_nothing_is_found_where_nothing_is(before: str, behind: str) -> None:
    for name in CONTROLS:
        assert outcome(name, f"{HOST} {before} {behind}") is Outcome.PASS


@given(WORDS, st.ip_addresses(v=4, network="10.0.0.0/8"), st.booleans())
def test_a_private_address_is_found_unless_it_is_ours(before: str, address: object, ours: bool) -> None:
    found = outcome("greeting-internal-names", f"{HOST} {before} [{address}]", source=str(address) if ours else "")
    assert found is (Outcome.PASS if ours else Outcome.FAIL)
