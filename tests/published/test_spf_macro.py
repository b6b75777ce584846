"""SPF macros: what is one, and what it expands to (RFC 7208 section 7)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_audit.published.spf_macro import ends_in_macro, expand, macro_letters, macro_problem

# The examples of RFC 7208 section 7.4: strong-bad@email.example.com from 192.0.2.3.
VALUES = {
    "s": "strong-bad@email.example.com",
    "l": "strong-bad",
    "o": "email.example.com",
    "d": "email.example.com",
    "i": "192.0.2.3",
    "p": "mx.example.org",
    "v": "in-addr",
    "h": "mx.example.org",
}


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("%{s}", "strong-bad@email.example.com"),
        ("%{o}", "email.example.com"),
        ("%{d4}", "email.example.com"),
        ("%{d3}", "email.example.com"),
        ("%{d2}", "example.com"),
        ("%{d1}", "com"),
        ("%{dr}", "com.example.email"),
        ("%{d2r}", "example.email"),
        ("%{l}", "strong-bad"),
        ("%{l-}", "strong.bad"),
        ("%{lr}", "strong-bad"),
        ("%{lr-}", "bad.strong"),
        ("%{l1r-}", "strong"),
        ("%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"),
        ("%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"),
        ("%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"),
        ("%{D2R}", "example.email"),
        ("%{S}", "strong-bad%40email.example.com"),
        ("%{d999}%{d00002}", "email.example.comexample.com"),
        ("a%%b%_c%-d", "a%b c%20d"),
    ],
)
def test_expansion(text: str, expanded: str) -> None:
    assert macro_problem(text) == ""
    assert expand(text, VALUES) == expanded


@pytest.mark.parametrize(
    "text", ["%", "100%", "%a", "%{", "%{}", "%{x}", "%{d", "%{d0}", "%{d00}", "%{dr2}", "%{d;}", "%(i)"]
)
def test_what_is_no_macro(text: str) -> None:
    assert macro_problem(text)


@pytest.mark.parametrize("text", ["a b", "caf\xe9", "a\x00", "tab\t", "%{\u017f}", "%{\u212a}"])
def test_characters_that_have_no_place(text: str) -> None:
    assert macro_problem(text)


def test_explanations_may_have_spaces() -> None:
    assert macro_problem("not ours: %{i}", spaces=True) == ""
    assert macro_problem("not\tours", spaces=True)


def test_letters_and_ends() -> None:
    assert macro_letters("%{I}.%{d2}.%%{s}.%{lr-}") == {"i", "d", "l"}
    assert ends_in_macro("a.%{d}")
    assert ends_in_macro("a%%")
    assert not ends_in_macro("%{d}.com")
    assert not ends_in_macro("")


@given(st.text(st.sampled_from("%{}dlsi0129r.-_= aZ\xe9"), max_size=40))
def test_a_sound_macro_string_expands(text: str) -> None:
    if macro_problem(text):
        return
    expanded = expand(text, VALUES)
    assert isinstance(expanded, str)
    if "%" not in text:
        assert expanded == text


@given(st.text(max_size=60), st.booleans())
def test_never_raises(text: str, spaces: bool) -> None:
    assert isinstance(macro_problem(text, spaces=spaces), str)
    macro_letters(text)
    ends_in_macro(text)


def test_long_input_takes_no_time() -> None:
    for text in ("%{d" + "1" * 60_000, "%{d" * 20_000, "%{d" + "." * 60_000 + "}", "%%" * 30_000):
        macro_problem(text)
        macro_letters(text)
