"""How the SPF code asks the DNS, and which names it can ask for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from smtp_audit.facts.lookup import Answer

Ask = Callable[[str, str], Awaitable[Answer]]
"""A name and a type, and the answer."""

MAX_NAME: Final = 253
MAX_LABEL: Final = 63


def target_name(text: str) -> str | None:
    """An expanded domain-spec as a name to ask for; None for what cannot be a name.

    RFC 7208 section 7.3: from a name over 253 characters labels are taken away on the left until it fits. Section 4.8
    leaves open what is to be done with labels that are empty or too long; here it is no name, and matches nobody.
    """
    name = text.removesuffix(".")
    while len(name) > MAX_NAME:
        _, dot, name = name.partition(".")
        if not dot:
            return None
    labels = name.split(".")
    if not all(0 < len(label) <= MAX_LABEL for label in labels):
        return None
    return name.replace("\\", "\\\\")


def plain_name(name: str) -> str:
    """What `target_name` made of a text, as text again: for macros."""
    return name.replace("\\\\", "\\")


def domain_to_check(text: str) -> str | None:
    """The domain that a check begins with; None when the result is "none" (RFC 7208 section 4.3): not a name of
    several labels, or an address literal."""
    name = target_name(text)
    if name is None or "." not in name or text.startswith("["):
        return None
    return name if len(text.removesuffix(".")) <= MAX_NAME else None
