"""BIMI assertion records."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_audit.published.bimi import is_bimi, parse_bimi

SVG, PEM = "https://example.com/logo.svg", "https://example.com/mark.pem"


@given(st.text(alphabet=st.characters(max_codepoint=255), max_size=200))
def test_whatever_a_record_holds_is_read(text: str) -> None:
    for each in (text, f"v=BIMI1; l={text}", f"v=BIMI1; l=https://{text}; a={text}"):
        is_bimi(each)
        assert all(problem.isascii() and problem.isprintable() for problem in parse_bimi(each).problems)


def test_a_record() -> None:
    record = parse_bimi(f"v=BIMI1; l={SVG}; a={PEM}")
    assert (record.logo, record.evidence, record.problems, record.declines) == (SVG, PEM, (), False)
    assert not parse_bimi(f"v=BIMI1; l={SVG}").problems
    assert not parse_bimi(f"v=BIMI1; l={SVG}; a=; avp=brand;").problems


def test_declining() -> None:
    assert parse_bimi("v=BIMI1; l=; a=;").declines
    assert not parse_bimi("v=BIMI1").declines


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("v=BIMI1; a=" + PEM, "has no l= tag"),
        ("v=BIMI1; l=; a=" + PEM, "nothing to prove"),
        ("v=BIMI1; l=http://example.com/logo.svg", "no https URL"),
        ("v=BIMI1; l=https://", "no https URL"),
        ("v=BIMI1; l=https://[::1", "no https URL"),
        (f"v=BIMI1; l={SVG}; l={SVG}", '"l" 2 times'),
    ],
)
def test_form(text: str, problem: str) -> None:
    assert any(problem in each for each in parse_bimi(text).problems)


@pytest.mark.parametrize("text", ["", "BIMI1", "l=; v=BIMI1", "v=bimi1; l=", "v=BIMI10; l=", "v=BIMI1 l="])
def test_what_is_no_bimi(text: str) -> None:
    assert not is_bimi(text)
