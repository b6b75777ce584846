"""Reads a TOML file that a user wrote: capped in size and depth, every failure one line."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, Final

from smtp_audit.limits import MAX_CONFIG_BYTES
from smtp_audit.message import problem, shown_path
from smtp_audit.wiretext import escape_text

MAX_KEY_PARTS: Final = 16
"""Parts of one dotted key. The parser's memory grows with their square: one key of 1 MB would take all there is."""

# Strings and comments, closed or not, so that what is left are keys and values without text in them. Every alternative
# matches wherever its first character does: one pass, whatever the input.
_TEXT = re.compile(
    r"""
      \"{3} (?: \\. | [^\\] )*? (?: \"{3} | \Z )
    | '{3} .*? (?: '{3} | \Z )
    | " (?: \\. | [^"\\\n] )*+ "?
    | ' [^'\n]*+ '?
    | \# [^\n]*+
    """,
    re.VERBOSE | re.DOTALL,
)
_LONG_KEY = re.compile(r'(?<![\w-])(?:[\w-]++|"")(?:[ \t]*+\.[ \t]*+(?:[\w-]++|"")){' + f"{MAX_KEY_PARTS}}}")


def read_toml(path: Path) -> dict[str, Any]:
    """The content of a TOML file.

    Raises:
        ConfigurationError: it cannot be read, is larger than `MAX_CONFIG_BYTES`, not UTF-8, or not TOML.
    """
    where = shown_path(path)
    data = read_capped(path, where, MAX_CONFIG_BYTES)
    try:
        text = data.decode("utf-8-sig")  # some editors begin a file with a byte order mark
    except UnicodeDecodeError as error:
        raise problem(where, f"is not UTF-8 text (octet {error.start + 1})") from None
    return parse_toml(text, where)


def parse_toml(text: str, where: str) -> dict[str, Any]:
    """The content of TOML text; `where` names its origin in messages.

    Raises:
        ConfigurationError: it is not TOML, or nested deeper than any file of this tool needs.
    """
    if _LONG_KEY.search(_TEXT.sub('""', text)):
        raise problem(where, f"has a key of more than {MAX_KEY_PARTS} dotted parts")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise problem(where, "is nested too deeply") from None
    except tomllib.TOMLDecodeError as error:
        raise problem(where, f"is not valid TOML: {escape_text(str(error), 120)}") from None
    except ValueError:  # int() refuses more than 4300 digits, with advice for programmers
        raise problem(where, "has a number with far too many digits") from None


def read_capped(path: Path, where: str, limit: int) -> bytes:
    """The octets of a file, at most `limit`.

    Raises:
        ConfigurationError: it cannot be read, or is larger.
    """
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise problem(where, f"cannot be read ({escape_text(error.strerror or type(error).__name__, 80)})") from None
    except ValueError:
        raise problem(where, "cannot be read (not a possible file name)") from None
    if len(data) > limit:
        raise problem(where, f"is larger than {limit} octets")
    return data
