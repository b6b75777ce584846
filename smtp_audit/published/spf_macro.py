"""SPF macros (RFC 7208 section 7): whether a macro string is one, which letters it uses, and what it expands to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from smtp_audit.wiretext import escape_text

EXPLANATION_LETTERS: Final = "crt"
"""Letters that explanation texts alone may use (section 7.2)."""

_LETTERS: Final = "slodiphcrtv"
_MOST_DIGITS: Final = 3
"""A name has at most 127 labels: more digits than these cannot ask for less than all parts."""

# section 7.1: macro-expand, or a macro-literal, which is any visible character but the percent sign
_EXPAND = rf"%\{{(?P<letter>[{_LETTERS}])(?P<digits>[0-9]*)(?P<reverse>r?)(?P<delimiters>[-.+,/_=]*)\}}|%[%_-]"
_EXPANDED = re.compile(_EXPAND, re.IGNORECASE | re.ASCII)
_FOR_PERCENT = {"%%": "%", "%_": " ", "%-": "%20"}


def macro_problem(text: str, *, spaces: bool = False) -> str:
    """What is wrong with a macro string; empty when nothing is. With `spaces` it may have them, as explanations do."""
    place = 0
    while place < len(text):
        if text[place] == "%":
            found = _EXPANDED.match(text, place)
            if found is None:
                return f"{escape_text(text[place : place + 12])}: a percent sign begins %{{, %%, %_ or %-, and no macro"
            digits = found["digits"] or ""
            if digits and not digits.strip("0"):
                return f"{found[0]}: the number of parts cannot be 0"
            place = found.end()
            continue
        if not ("!" <= text[place] <= "~" or (spaces and text[place] == " ")):
            return f"{escape_text(text[place])} is no visible ASCII character"
        place += 1
    return ""


def macro_letters(text: str) -> frozenset[str]:
    """The letters that a macro string uses, in lower case."""
    return frozenset(found["letter"].lower() for found in _EXPANDED.finditer(text) if found["letter"])


def ends_in_macro(text: str) -> bool:
    """Whether a valid macro string ends with a macro and not with a literal."""
    end = 0
    for found in _EXPANDED.finditer(text):
        end = found.end()
    return bool(text) and end == len(text)


def expand(text: str, values: Mapping[str, str]) -> str:
    """A valid macro string with its macros replaced (section 7.3); `values` by letter, in lower case."""
    return _EXPANDED.sub(lambda found: _expanded(found, values), text)


def _expanded(found: re.Match[str], values: Mapping[str, str]) -> str:
    letter = found["letter"]
    if letter is None:
        return _FOR_PERCENT[found[0]]
    parts = re.split("[" + re.escape(found["delimiters"] or ".") + "]", values[letter.lower()])
    if found["reverse"]:
        parts.reverse()
    digits = found["digits"].lstrip("0")
    if digits and len(digits) <= _MOST_DIGITS:
        parts = parts[-int(digits) :]
    value = ".".join(parts)
    # RFC 3986 section 2.3: what is not escaped in a URL
    return quote(value, safe="-._~", errors="replace") if letter.isupper() else value
