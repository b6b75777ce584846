"""Whether a text is harmless where it will be shown: a terminal, an HTML page, a log."""

import base64
import html
import json
import unicodedata
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

from smtp_audit.wiretext import escape, escape_text

from .markers import PASSWORD, TAG, USER

_ELEMENTS = frozenset({TAG, "script", "img", "iframe", "object", "embed", "base", "form"})
"""Elements that only a peer would bring into a report."""


def control_characters(text: str) -> set[str]:
    """Control, bidirectional and other invisible characters, but for the line feed."""
    return {f"U+{ord(c):04X}" for c in set(text) - {"\n"} if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")}


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.foreign: set[str] = set()
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _ELEMENTS:
            self.foreign.add(tag)
        for name, value in attrs:
            if name.startswith("on") or (value or "").strip().lower().startswith(("javascript:", "data:")):
                self.foreign.add(f"{tag} {name}")

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def foreign_markup(page: str) -> set[str]:
    """Elements and attributes of a page that a report never has of its own."""
    parser = _Page()
    parser.feed(page)
    parser.close()
    return parser.foreign


def visible_text(page: str) -> str:
    """What a reader sees of a page."""
    parser = _Page()
    parser.feed(page)
    parser.close()
    return "".join(parser.text)


def strings(value: Any) -> Iterator[str]:
    """Every text in a JSON value, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield key
            yield from strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from strings(each)


def password_forms() -> dict[str, str]:
    """Every spelling in which the password may come to light, by name."""
    raw = PASSWORD.encode()
    blob = base64.b64encode(b"\0" + USER.encode() + b"\0" + raw).decode()
    return {
        "as it is": PASSWORD,
        "escaped octets": escape(raw),
        "escaped characters": escape_text(PASSWORD),
        "escaped twice": escape_text(escape(raw)),
        "base64": base64.b64encode(raw).decode().rstrip("="),
        "AUTH PLAIN": blob.rstrip("="),
    }


def password_leaks(text: str) -> set[str]:
    """The spellings of the password in a text, also when it is HTML or JSON."""
    readings = [text, html.unescape(text)]
    if text.lstrip().startswith("{"):
        readings += strings(json.loads(text))
    return {name for name, form in password_forms().items() if any(form in reading for reading in readings)}
