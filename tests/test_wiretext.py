"""Hostile bytes and texts become printable ASCII, and the octets can be had back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_audit.wiretext import escape, escape_text, printable, unescape

HARMLESS = {chr(octet) for octet in range(0x20, 0x7F)}


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"220 mail.example.com ESMTP", "220 mail.example.com ESMTP"),
        (b"", ""),
        (b"\r\n", "\\x0d\\x0a"),
        (b"\x00\x7f\x80\xff", "\\x00\\x7f\\x80\\xff"),
        (b"\x1b[2J\x1b]0;title\x07", "\\x1b[2J\\x1b]0;title\\x07"),
        ("ä".encode(), "\\xc3\\xa4"),
        (rb"C:\x41", r"C:\\x41"),
    ],
)
def test_octets_are_shown_as_printable_ascii(data, shown):
    assert escape(data) == shown
    assert unescape(shown) == data


@given(st.binary(max_size=400))
def test_escaping_loses_nothing_and_lets_nothing_through(data):
    shown = escape(data)
    assert set(shown) <= HARMLESS
    assert unescape(shown) == data


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_different_octets_look_different(one, other):
    assert (escape(one) == escape(other)) is (one == other)


def test_a_limit_leaves_out_and_says_so():
    assert escape(b"abcdef", 6) == "abcdef"
    assert escape(b"abcdefg", 6) == "abcdef...(1 octets more)"
    assert escape(b"\xff" * 10, 2) == "\\xff\\xff...(8 octets more)"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("CN=mail.example.com", "CN=mail.example.com"),
        ("\x1b[31m", "\\u{1b}[31m"),
        ("a\nb\rc\td", "a\\u{a}b\\u{d}c\\u{9}d"),
        ("bücher", "b\\u{fc}cher"),
        ("\u202egnp.exe", "\\u{202e}gnp.exe"),
        ("\U0001f4e7", "\\u{1f4e7}"),
        ("\ud800", "\\u{d800}"),
        ("a\\b", "a\\\\b"),
    ],
)
def test_text_is_shown_as_printable_ascii(text, shown):
    assert escape_text(text) == shown


@given(st.text(st.characters(), max_size=200))
def test_text_lets_nothing_through(text):
    assert set(escape_text(text)) <= HARMLESS


@given(st.text(st.characters(), max_size=40), st.text(st.characters(), max_size=40))
def test_different_texts_look_different(one, other):
    assert (escape_text(one) == escape_text(other)) is (one == other)


def test_long_text_is_cut_and_says_so():
    assert escape_text("x" * 12, 10) == "x" * 10 + "...(2 characters more)"
    assert escape_text("x" * 1000) == "x" * 1000
    assert escape_text("x" * 1001).endswith("...(1 characters more)")


@given(st.binary(max_size=200))
def test_escaped_text_is_not_escaped_again(data):
    assert printable(escape(data)) == escape(data)


@given(st.text(st.characters(), max_size=200))
def test_text_that_should_have_been_escaped_is_made_so(text):
    assert set(printable(text)) <= HARMLESS
