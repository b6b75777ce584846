r"""Text as a reader may see it: no control characters, nothing that changes direction, nothing endless.

Records hold escaped text already where it came from outside. This is the second fence, and the only one for what users
write themselves (reasons, titles): whatever a field holds, a page shows printable characters, a terminal ASCII.
"""

from __future__ import annotations

from typing import Final

MAX_TEXT: Final = 4000
"""Characters of one field that a page shows; report.json has all of it."""

MAX_TERMINAL_LINE: Final = 300
"""Characters of one field that a terminal shows."""


def visible(text: str, limit: int = MAX_TEXT) -> str:
    r"""`text` with every character that does not print as ``\u{...}``; line ends and tabs stay.

    Control and format characters (ANSI, NUL, bidirectional overrides, zero widths), surrogates and private characters
    are those that do not print.
    """
    shown = text[:limit]
    if not shown.isprintable():
        shown = "".join(char if char.isprintable() or char in "\n\t" else f"\\u{{{ord(char):x}}}" for char in shown)
    return shown if len(text) <= limit else f"{shown}...({len(text) - limit} characters more in report.json)"


def visible_line(text: str, limit: int = MAX_TEXT) -> str:
    """`visible` for one line of a transcript: a line end in it shows as an escape, so that no line can be faked."""
    return visible(text, limit).replace("\n", "\\u{a}").replace("\t", "\\u{9}")


def terminal_line(text: str, limit: int = MAX_TERMINAL_LINE) -> str:
    """`text` on one line of printable ASCII; words wrapped over lines are joined."""
    words = text[: limit * 4].replace("\n", " ").replace("\t", " ")
    shown = "".join(char if " " <= char <= "~" else f"\\u{{{ord(char):x}}}" for char in words)
    return shown if len(shown) <= limit and len(text) <= limit * 4 else f"{shown[: limit - 3]}..."
