"""One-line messages about what a user gave: where, what is wrong, what is valid. Safe for a terminal, never long."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from smtp_audit.errors import ConfigurationError
from smtp_audit.wiretext import escape_text

MAX_MESSAGE: Final = 390
"""Characters of one message."""

_MAX_PATH: Final = 150


def quoted(text: str, limit: int = 60) -> str:
    """`text` in quotes, as printable ASCII, with at most `limit` characters of it."""
    shown = escape_text(text[:limit], limit)
    return f"'{shown[:limit]}{'...' if len(text) > limit or len(shown) > limit else ''}'"


def shown_path(path: Path | str) -> str:
    """A path as printable ASCII; of a very long one the end, which tells more than the beginning."""
    text = escape_text(str(path), 10_000)
    return text if len(text) <= _MAX_PATH else f"...{text[-_MAX_PATH:]}"


def problem(where: str, what: str) -> ConfigurationError:
    """The error to raise: `where` names the option, or the file and key; `what` says what is wrong and valid."""
    return ConfigurationError(_cut(f"{where}: {what}", MAX_MESSAGE))


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 3]}..."
