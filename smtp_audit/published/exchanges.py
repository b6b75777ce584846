"""MX records: who takes a domain's mail (RFC 5321 section 5.1, RFC 7505)."""

from __future__ import annotations

import re
from collections.abc import Iterable

_FORM = re.compile(r"([0-9]{1,5})\s+(\S+)")


def exchanges(records: Iterable[str]) -> tuple[str, ...]:
    """The hosts of MX records in their presentation form, by preference, each once, without the last dot.

    The exchange of a null MX (RFC 7505) is "". What is no MX record is left out.
    """
    found = (_FORM.fullmatch(record.strip()) for record in records)
    pairs = sorted((int(each[1]), each[2].lower().removesuffix(".")) for each in found if each is not None)
    return tuple(dict.fromkeys(host for _, host in pairs))
