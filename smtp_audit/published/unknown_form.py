"""The form for records of unknown types, in which those come that could not be read (RFC 3597 section 5)."""

from __future__ import annotations

import re

_FORM = re.compile(r"\\#\s+([0-9]{1,5})((?:\s+[0-9A-Fa-f]+)*)\s*")


def octets_of(text: str) -> bytes | None:
    """The data of a record written as `\\# 4 03010100`; None for every other text."""
    found = _FORM.fullmatch(text)
    digits = re.sub(r"\s", "", found[2]) if found is not None else ""
    if found is None or len(digits) != 2 * int(found[1]):
        return None
    return bytes.fromhex(digits)
