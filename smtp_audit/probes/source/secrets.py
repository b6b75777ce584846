"""Whether a literal text looks like a secret. The text itself goes no further than this module's callers."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import Final, Literal

_QUOTED: Final = re.compile(r"""\A[rRbBuUfF]{0,2}("{3}|'{3}|["'`])(.*)\1\Z""", re.DOTALL)

_FILLED_IN: Final = re.compile(r"\$\{|#\{|\{\{|\$\(|<%|%\(|\A\$[A-Za-z_]|\A%[A-Z_]+%\Z|\A\{[A-Za-z_.]*\}\Z")
"""Text that something else is put into before it is used."""

_PLACEHOLDER: Final = re.compile(
    r"\A(?:<.*>|\[.*\]|\.{3}|[xX*.•-]+|.*(?:REPLACE|PLACEHOLDER|CHANGE[_-]?THIS).*|(?:your|my|insert|enter|put|some)[ _-].*"
    r"|YOUR[A-Z_]*|.*(?:example|dummy|todo|fixme|redacted).*|none|null|undefined|true|false)\Z",
    re.IGNORECASE | re.DOTALL,
)

_PLAIN_WORD: Final = re.compile(
    r"\A(?:[A-Za-z]+|[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|[a-z][a-z0-9]*(?:[_.-][a-z][a-z0-9]*)+|[A-Za-z]+(?: [A-Za-z.,:!?']+)+)\Z"
)
"""A word, a name of a variable, a key of a translation, a sentence: what stands at such places and is no secret."""

_SHORTEST: Final = 8
_LEAST_BITS: Final = 2.75
"""Entropy of a character, in bits: "aaaaaaaa" has 0, a date or a number about 2, a random password 3 and more."""


def literal(text: str) -> str | None:
    """The content of a literal as the program's text has it; None when it is none, or something is put into it."""
    found = _QUOTED.match(text)
    if found is None:
        return None
    content = found[2]
    return None if _FILLED_IN.search(content) else content


def entropy(text: str) -> float:
    """Shannon's entropy of one character, in bits, by the text's own frequencies."""
    counts = Counter(text)
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts.values()) if text else 0.0


def looks_secret(text: str, how: Literal["given", "named"]) -> bool:
    """Whether the literal `text`, quotes included, is a secret where it stands.

    What is given to a login is one unless it is empty or a placeholder; what only has a secret's name has to look it.
    """
    content = literal(text)
    if content is None or not content.strip() or _PLACEHOLDER.match(content.strip()):
        return False
    if how == "given":
        return True
    return (
        len(content) >= _SHORTEST
        and not _PLAIN_WORD.match(content)
        and "://" not in content
        and not content.startswith(("/", "./", "../", "--"))
        and entropy(content) >= _LEAST_BITS
    )
