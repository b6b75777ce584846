r"""Hostile text made harmless: bytes and strings from outside as printable ASCII, without loss.

What a peer sends is kept in one form only: printable ASCII, with the backslash doubled and every other octet as
``\xNN``. That form is safe for a terminal, a log and JSON as it is, and the octets can be had back from it. (HTML needs
its own escaping on top, which the report's template engine does.)
"""

from __future__ import annotations

import re

_ESCAPES = [
    "\\\\" if octet == 0x5C else chr(octet) if 0x20 <= octet <= 0x7E else f"\\x{octet:02x}" for octet in range(256)
]
_HARMLESS = re.compile(rb"[ -\[\]-~]*")
_ESCAPED = re.compile(r"\\(\\|x[0-9a-f]{2})")


def escape(data: bytes, limit: int | None = None) -> str:
    """`data` as printable ASCII; at most `limit` octets of it, with a note of what was left out."""
    if limit is not None and len(data) > limit:
        return f"{escape(data[:limit])}...({len(data) - limit} octets more)"
    if _HARMLESS.fullmatch(data):
        return data.decode("ascii")  # nearly every line of a server is such
    return "".join(_ESCAPES[octet] for octet in data)


def unescape(text: str) -> bytes:
    """The octets that `escape` was given. `text` has to be its whole, unlimited result."""
    return _ESCAPED.sub(lambda found: "\\" if found[1] == "\\" else chr(int(found[1][1:], 16)), text).encode("latin-1")


def escape_text(text: str, limit: int = 1000) -> str:
    r"""A string from outside (a certificate's field, a resolver's message) as printable ASCII, others as
    ``\u{...}``."""
    if len(text) <= limit and text.isascii() and text.isprintable() and "\\" not in text:
        return text  # nearly every text is such
    shown = "".join(
        "\\\\" if char == "\\" else char if " " <= char <= "~" else f"\\u{{{ord(char):x}}}" for char in text[:limit]
    )
    return shown if len(text) <= limit else f"{shown}...({len(text) - limit} characters more)"


def printable(text: str, limit: int = 1000) -> str:
    """Text that should be escaped already, made certain: all but printable ASCII is escaped, backslashes are left."""
    if len(text) <= limit and text.isascii() and text.isprintable():
        return text  # nearly every text is such
    return escape_text(text, limit).replace("\\\\", "\\")
