"""The shape of style sheets and scripts: their tokens without what strings, words and numbers say.

A value that stays within its place leaves the shape as it is: a string stays one string, a word one word.
Simple lexers after CSS Syntax Level 3 section 4 and ECMA-262 section 12, enough to see a value leave its place.
"""

from __future__ import annotations

import re
from typing import Final

_STRING = r"""(?P<string>"(?:[^"\\\n\r\f]|\\(?:\r\n|[\s\S]))*"|'(?:[^'\\\n\r\f]|\\(?:\r\n|[\s\S]))*')"""
_ESCAPE = r"\\[0-9a-fA-F]{1,6}[ \t\n]?|\\[^\n\r\f]"
_CSS = re.compile(
    r"(?P<comment>/\*[\s\S]*?(?:\*/|\Z))|(?P<blank>[ \t\n\r\f]+)|" + _STRING + r"|(?P<url>url\(\s*(?![\"'\s])[^)]*\)?)"
    r"|(?P<call>(?:[-\w\u0080-\U0010ffff]|" + _ESCAPE + r")+\()|(?P<at>@[-\w]+)|(?P<hash>#(?:[-\w]|" + _ESCAPE + r")+)"
    r"|(?P<number>[+-]?\d*\.?\d+(?:%|[a-zA-Z]+)?)|(?P<word>(?:[-\w\u0080-\U0010ffff]|"
    + _ESCAPE
    + r")+)|(?P<mark>[\s\S])",
    re.IGNORECASE,
)
_SCRIPT = re.compile(
    r"(?P<comment>/\*[\s\S]*?(?:\*/|\Z)|//[^\n\r\u2028\u2029]*|<!--[^\n\r]*)|(?P<blank>\s+)|"
    + _STRING
    + r"|(?P<template>`(?:[^`\\]|\\[\s\S])*`)|(?P<number>\d[\w.]*)|(?P<word>[\w$\u0080-\U0010ffff]+)|(?P<mark>[\s\S])"
)
_VALUES: Final = frozenset({"number", "word", "hash"})
_CSS_MARKS: Final = frozenset(";{}()[]\"'")
_CSS_ESCAPE = re.compile(r"\\([0-9a-fA-F]{1,6})\s?|\\(.)", re.DOTALL)

Shape = tuple[str, ...]
"""Kinds of tokens, and the marks themselves."""


def css_shape(text: str) -> Shape:
    """The shape of a style sheet or of the value of a `style` attribute.

    Words and numbers leave no trace, nor do marks that end nothing: a value may be any of them. Functions keep their
    names, since `url()` and `expression()` act; so does an `@` rule.
    """
    found: list[str] = []
    for token in _CSS.finditer(text):
        kind = token.lastgroup or "mark"
        if kind in ("blank", "comment"):
            if kind == "comment" and not token[0].endswith("*/"):
                found.append("unclosed comment")
            continue
        if kind in ("call", "at"):
            found.append(plain_css(token[0]).lower())
        elif kind == "mark" and token[0] in _CSS_MARKS:
            found.append(token[0])
        elif kind in ("string", "url"):
            found.append(kind)
    return tuple(found)


def plain_css(text: str) -> str:
    r"""A style sheet without comments and with its escapes resolved (`\75rl(` is `url(`)."""
    without = re.sub(r"/\*[\s\S]*?\*/", "", text)
    return _CSS_ESCAPE.sub(lambda m: chr(min(int(m[1], 16), 0x10FFFF)) if m[1] else m[2], without)


def script_shape(text: str) -> Shape:
    """The shape of a script. Words are of one kind with numbers, but strings are not: a value must stay what it is."""
    found: list[str] = []
    for token in _SCRIPT.finditer(text):
        kind = token.lastgroup or "mark"
        if kind == "blank":
            continue
        if kind == "template":
            # What is in ${} runs.
            found.append("template" + "${" * token[0].count("${"))
        elif kind in _VALUES:
            found.append("value")
        else:
            found.append(token[0] if kind == "mark" else kind)
    return tuple(found)
