"""The tests of the tests: what looks for harm in a report does find it."""

import base64
import html
import json

import pytest

from .harmless import control_characters, foreign_markup, password_leaks, visible_text
from .markers import MARKUP, MARKUP_IN_LINE, PASSWORD


@pytest.mark.parametrize("bad", ["\x1b", "\0", "\r", "\x7f", "\x9b", "\u202e", "\u2066", "\u2028", "\u200b"])
def test_control_characters_are_found(bad):
    assert control_characters(f"a\n{bad}b") == {f"U+{ord(bad):04X}"}


def test_plain_text_is_harmless():
    assert control_characters("Plain text, \u00e4\u20ac\n") == set()
    assert foreign_markup("<p>a <b>b</b></p>") == set()
    assert password_leaks("nothing <secret>") == set()


@pytest.mark.parametrize("bad", [MARKUP, MARKUP_IN_LINE, "<b onclick=x>", '<a href=" javascript:x">', "<script>"])
def test_markup_is_found_raw_and_not_when_escaped(bad):
    assert foreign_markup(f"<p>{bad}</p>")
    assert not foreign_markup(f"<p>{html.escape(bad)}</p>")
    assert bad in visible_text(f"<p>{html.escape(bad)}</p>")


@pytest.mark.parametrize(
    "text",
    [
        f"said {PASSWORD}.",
        html.escape(f"said {PASSWORD}."),
        json.dumps({"a": [{"b": PASSWORD}]}),
        base64.b64encode(PASSWORD.encode()).decode(),
        base64.b64encode(f"\0alice@hostile.example\0{PASSWORD}".encode()).decode(),
        "Pa\\\\ss<w\\xc3\\xb6rd>&\"42' x",
    ],
)
def test_the_password_is_found(text):
    assert password_leaks(text)
