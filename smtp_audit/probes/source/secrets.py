"""Whether a literal text looks like a secret. The text itself goes no further than this module's callers."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import Final, Literal

_QUOTED: Final = re.compile(r"""\A[rRbBuUfF]{0,2}("{3}|'{3}|["'`])(.*)\1\Z""", re.DOTALL)

_FILLED_IN: Final = re.compile(
    r"\$\{|#\{|\{\{|\$\(|<%|%\(|\A\$[A-Z_][A-Z0-9_]*\Z|\A%(?:s|v|[A-Z_]+%)\Z|\A\{[A-Za-z_.]*\}\Z"
)
"""Text that something else is put into before it is used."""

_VARIABLE: Final = re.compile(r"\A\$[a-z_]\w*\Z")
"""In double quotes a variable of PHP; elsewhere it may be a password."""

_PLACEHOLDER: Final = re.compile(
    r"\A(?:<.*>|\[.*\]|\.{3}|[xX*.]+|.*(?:REPLACE|PLACEHOLDER|CHANGE[_-]?THIS).*|none|null|undefined|true|false"
    r"|(?:your|insert|enter)[ _-][a-z _-]*)\Z",
    re.IGNORECASE | re.DOTALL,
)

_LIKE_A_PLACEHOLDER: Final = re.compile(
    r"\A(?:(?:your|my|put|some|test)[ _-].*|.*(?:example|dummy|todo|fixme|redacted).*)\Z", re.IGNORECASE | re.DOTALL
)
"""Where only the name speaks for a secret, this speaks against it; given to a login it would be a password."""

_PLAIN_WORD: Final = re.compile(
    r"\A(?:[A-Za-z]+|[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|[a-z][a-z0-9]*(?:[_.-][a-z][a-z0-9]*)+"
    r"|[A-Za-z]+(?: [A-Za-z.,:!?']+)+)\Z"
)
"""A word, a name of a variable, a key of a translation, a sentence: what stands at such places and is no secret."""

_SHORTEST: Final = 8
_LONGEST: Final = 4096
_LEAST_BITS: Final = 2.75
"""Entropy of a character, in bits: "aaaaaaaa" has 0, a date or a number about 2, a random password 3 and more."""


def literal(text: str) -> str | None:
    """The content of a literal as the program's text has it; None when it is none, or something is put into it."""
    found = _QUOTED.match(text)
    if found is None:
        return None
    content = found[2]
    if _FILLED_IN.search(content) or (found[1] == '"' and _VARIABLE.match(content)):
        return None
    return content


def entropy(text: str) -> float:
    """Shannon's entropy of one character, in bits, by the text's own frequencies."""
    counts = Counter(text)
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts.values()) if text else 0.0


def looks_secret(text: str, how: Literal["given", "named"]) -> bool:
    """Whether the literal `text`, quotes included, is a secret where it stands.

    What is given to a login is one unless it is empty or a placeholder; what only has a secret's name has to look it.
    """
    content = literal(text)
    if content is None or len(content) > _LONGEST or not content.strip() or _PLACEHOLDER.match(content.strip()):
        return False
    if how == "given":
        return True
    return (
        len(content) >= _SHORTEST
        and not _PLAIN_WORD.match(content)
        and not _LIKE_A_PLACEHOLDER.match(content)
        and "://" not in content
        and not content.startswith(("/", "./", "../", "--"))
        and entropy(content) >= _LEAST_BITS
    )
