"""Records of semicolon-separated fields that begin with a version: `v=STSv1; id=1` (RFC 8461 section 3.1, RFC 8460
section 3)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from smtp_audit.wiretext import escape_text

MAX_FIELDS = 64
"""Fields of one record that are read."""

SHOWN = 80
"""Characters of a field that a problem quotes."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")
_VALUE = re.compile(r"[!-:<>-~]+")
_URI_VALUE = re.compile(r"[!-:<-~]+(?:[ \t]*,[ \t]*[!-:<-~]+)*")


@dataclass(frozen=True)
class VersionedFields:
    """The fields by name, the first of each name (RFC 8461 section 3.2: all others are ignored), and what is wrong."""

    fields: dict[str, str]
    problems: tuple[str, ...] = ()


def of_version(records: tuple[str, ...], version: str) -> tuple[str, ...]:
    """The TXT records that count: "records that do not begin with v=...; are discarded" (RFC 8461 section 3.1)."""
    return tuple(record for record in records if record.startswith(f"{version};"))


def nearly_of_version(records: tuple[str, ...], version: str) -> tuple[str, ...]:
    """The records that were meant to be of this version, and are discarded for how they are written."""
    meant = version.removeprefix("v=").lower()
    return tuple(
        record
        for record in records
        if meant in record.lower().replace(" ", "") and not record.startswith(f"{version};")
    )


def read_fields(record: str, version: str, lists: frozenset[str] = frozenset()) -> VersionedFields:
    """Read one record of `of_version`.

    Args:
        record: the text of the TXT record, one character for each octet.
        version: what it begins with, `v=STSv1`.
        lists: the names of fields whose value may be a list, with white space around its commas.
    """
    parts = record.removeprefix(version).split(";")
    problems: list[str] = []
    fields: dict[str, str] = {}
    if parts[-1].strip(" \t") == "":
        parts.pop()  # the delimiter at the end, which is optional
    if len(parts) > MAX_FIELDS:
        problems.append(f"has more than {MAX_FIELDS} fields")
    for part in parts[1:MAX_FIELDS]:
        text = part.strip(" \t")
        name, equals, value = text.partition("=")
        if not text:
            problems.append("has two semicolons with nothing between them")
        elif not equals:
            problems.append(f"has a field without a value: {escape_text(text, SHOWN)}")
        elif not _NAME.fullmatch(name):
            problems.append(f"has a field whose name is none: {escape_text(text, SHOWN)}")
        elif not (_URI_VALUE if name in lists else _VALUE).fullmatch(value):
            problems.append(f"has a value that is empty or has characters not allowed: {escape_text(text, SHOWN)}")
        else:
            fields.setdefault(name, value)
    return VersionedFields(fields, tuple(problems))
