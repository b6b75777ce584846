"""Lists of tags, `name=value; name=value` (RFC 6376 section 3.2): DKIM keys, DMARC and BIMI are written in them."""

from __future__ import annotations

import re

from smtp_audit.frozen import Frozen
from smtp_audit.limits import MAX_TAGS
from smtp_audit.wiretext import escape_text

_WSP = " \t\r\n"
"""White space between the parts; line ends do not belong into a TXT record, and harm nobody."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_VALUE = re.compile(r"[\t\n\r -:<-~]*")
SHOWN = 60
"""Characters of a value that a problem quotes."""


class Tag(Frozen):
    """One `name=value`, without the white space around both."""

    name: str
    value: str


class TagList(Frozen):
    """The tags of a record in their order, and what is wrong with its form.

    Names and values are as they were published: hostile text, one character an octet. Problems are escaped.
    """

    tags: tuple[Tag, ...] = ()
    problems: tuple[str, ...] = ()

    def get(self, name: str) -> str | None:
        """The value of the first tag of this name; names are compared with their case (RFC 6376 section 3.2)."""
        return next((tag.value for tag in self.tags if tag.name == name), None)

    @property
    def names(self) -> tuple[str, ...]:
        """The names in their order."""
        return tuple(tag.name for tag in self.tags)

    def __str__(self) -> str:
        return "; ".join(f"{tag.name}={tag.value}" for tag in self.tags)


def parse_tags(text: str) -> TagList:
    """The tags of a record. Never raises: what is no tag is a problem and left out."""
    tags: list[Tag] = []
    problems: list[str] = []
    parts = text.split(";", MAX_TAGS + 1)
    if len(parts) > MAX_TAGS + 1:
        problems.append(f"has more than {MAX_TAGS} tags")
        parts = parts[:MAX_TAGS]
    if len(parts) > 1 and not parts[-1].strip(_WSP):
        parts.pop()  # one semicolon may stand at the end
    for part in parts:
        name, equals, value = part.partition("=")
        name, value = name.strip(_WSP), value.strip(_WSP)
        if not name and not equals:
            problems.append("has a semicolon too many" if len(parts) > 1 else "is empty")
        elif not equals:
            problems.append(f"{quoted(name)} is no tag: it has no '='")
        elif not _NAME.fullmatch(name):
            problems.append(f"{quoted(name)} is no name of a tag")
        else:
            if not _VALUE.fullmatch(value):
                problems.append(f"{quoted(name)} has octets that may not stand in a value: {quoted(value)}")
            tags.append(Tag(name=name, value=value))
    seen: dict[str, int] = {}
    for tag in tags:
        seen[tag.name] = seen.get(tag.name, 0) + 1
    # RFC 6376 section 3.2: tags with duplicate names do not occur, and a list that has them is invalid as a whole.
    problems += [f"has the tag {quoted(name)} {count} times" for name, count in seen.items() if count > 1]
    return TagList(tags=tuple(tags), problems=tuple(problems))


def quoted(text: str) -> str:
    """Text of a record between quotes, escaped and cut to what a line can hold."""
    return f'"{escape_text(text, SHOWN)}"'
