"""A message as it came over the wire, read without belief: header fields under three readings, mailboxes, parts, links.

Whoever injects lines relies on somebody reading line ends more generously than the sender did: so every reading that is
in use is tried, and none is called the right one. Text is the octets as ISO 8859-1.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from email import message_from_bytes
from email.errors import MessageError
from email.header import decode_header
from email.message import Message
from typing import Final, Literal

Reading = Literal["crlf", "lf", "any"]
"""What ends a line: CR LF alone (RFC 5321 section 2.3.8), LF with or without CR, or CR, LF and CR LF."""

READINGS: Final[tuple[Reading, ...]] = ("crlf", "lf", "any")

NAMELESS: Final = "(no name)"
"""A line of a header that is neither a field nor the continuation of one."""

MAX_FIELDS: Final = 400
MAX_PARTS: Final = 40
MAX_LINKS: Final = 20
MAX_HEADER: Final = 256 * 1024
MAX_VALUE: Final = 32 * 1024
MAX_PARSED: Final = 1024 * 1024
"""Characters of a header, of one value, and of a message that are read: more is nobody's honest mail."""

_ENDS: Final = {"crlf": re.compile("\r\n"), "lf": re.compile("\r?\n"), "any": re.compile("\r\n|\r|\n")}
# After CR LF the receiving server has taken a stuffed dot away already, so that an end there cannot be told any more.
_EARLY_END: Final = re.compile(r"(?<!\r)\n\.\r?\n|\r\.\r")
_BARE: Final = re.compile(r"\r(?!\n)|(?<!\r)\n")
_FIELD: Final = re.compile(r"([^\x00-\x20:\x7f][^:\x00-\x1f\x7f]{0,200}):")
_HREF: Final = re.compile(r"""<a\s[^>]{0,400}?href\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"']+))""", re.IGNORECASE)
_URL: Final = re.compile(r"https?://[^\s<>\"']{1,2000}", re.IGNORECASE)
_ATOM: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+")


def header_fields(content: str, reading: Reading = "crlf") -> tuple[tuple[str, str], ...]:
    """Name, in lower case, and value of each field, with folded lines put together, up to the first empty line."""
    fields: list[tuple[str, list[str]]] = []
    for line in _ENDS[reading].split(content[:MAX_HEADER]):
        if not line or len(fields) >= MAX_FIELDS:
            break
        if line[0] in " \t" and fields:
            fields[-1][1].append(line)
        elif found := _FIELD.match(line):
            fields.append((found[1].rstrip().lower(), [line[found.end() :]]))
        else:
            fields.append((NAMELESS, [line]))
    return tuple((name, "".join(lines)[:MAX_VALUE].strip(" \t")) for name, lines in fields)


def header_names(content: str, reading: Reading) -> tuple[str, ...]:
    """The names of the fields, in order."""
    return tuple(name for name, _ in header_fields(content, reading))


def early_ends(content: str) -> int:
    """Places where a server that reads line ends more generously sees the message end, and commands begin."""
    return len(_EARLY_END.findall(content))


def bare_ends(content: str) -> int:
    """CR without LF and LF without CR (RFC 5321 section 2.3.8 allows neither)."""
    return len(_BARE.findall(content))


def longest_line(content: str) -> int:
    """Octets of the longest line, without CR LF (RFC 5321 section 4.5.3.1.6 allows 998)."""
    return max(len(line) for line in content.split("\r\n"))


def mailboxes(text: str) -> tuple[str, ...]:
    """The mailboxes of an address list (RFC 5322 section 3.4), as written, without names, comments and routes.

    What is no mailbox comes as it is: nothing that stands in the list is left out.
    """
    return tuple(mailbox for item in _items(text) for mailbox in _of_item(item))


def canonical(mailbox: str) -> str:
    """The mailbox in one spelling: the domain in lower case, no quotes that are not needed (RFC 5321 section 4.1.2)."""
    local, at, domain = mailbox.rpartition("@")
    if len(local) > 1 and local[0] == local[-1] == '"':
        bare = re.sub(r"\\(.)", r"\1", local[1:-1], flags=re.DOTALL)
        plain = _ATOM.fullmatch(bare) and not bare.startswith(".") and not bare.endswith(".") and ".." not in bare
        local = bare if plain else '"' + re.sub(r'(["\\])', r"\\\1", bare) + '"'
    return f"{local}{at}{domain.lower()}"


def decoded(value: str) -> str:
    """A field's value with its encoded words read (RFC 2047); as it is when they make no sense."""
    try:
        parts = decode_header(value)
        return "".join(
            part if isinstance(part, str) else part.decode(charset or "latin-1", "replace") for part, charset in parts
        )
    except (MessageError, ValueError, LookupError):
        return value


def parts_of(content: str) -> tuple[tuple[str, int, str], ...]:
    """Media type, depth and decoded text of each part, in order; the text of a multipart is empty."""
    found: list[tuple[str, int, str]] = []
    # Content is hostile: whatever the parser cannot read costs the parts, not the run.
    with contextlib.suppress(Exception):
        _collect(message_from_bytes(content[:MAX_PARSED].encode("latin-1", "replace")), 0, found)
    return tuple(found)


def links(kind: str, text: str) -> tuple[str, ...]:
    """Where a part links to, each once, in order: the anchors of HTML, or the addresses that stand in a text."""
    if kind == "text/html":
        urls = (next(group for group in found if group) for found in _HREF.findall(text) if any(found))
        urls = (url.replace("&amp;", "&") for url in urls)
    else:
        urls = (found.rstrip(".,;:!?)]") for found in _URL.findall(text))
    return tuple(dict.fromkeys(url for url in urls if _URL.match(url)))[:MAX_LINKS]


def _collect(message: object, depth: int, found: list[tuple[str, int, str]]) -> None:
    if len(found) >= MAX_PARTS or not isinstance(message, Message):
        return
    kind = message.get_content_type()
    payload = message.get_payload()
    if isinstance(payload, list):
        found.append((kind, depth, ""))
        for part in payload:
            _collect(part, depth + 1, found)
        return
    octets = message.get_payload(decode=True)
    charset = message.get_content_charset() or "utf-8"
    text = ""
    if isinstance(octets, bytes):
        try:
            text = octets.decode(charset, "replace")
        except LookupError:
            text = octets.decode("latin-1")
    found.append((kind, depth, text))


def _items(text: str) -> Iterator[list[tuple[str, str]]]:
    """The list cut at its commas and semicolons, into pieces that are `plain`, `quoted` or `angle`."""
    item: list[tuple[str, str]] = []
    at = 0
    while at < len(text):
        char = text[at]
        if char == '"':
            end = _quoted_end(text, at)
            item.append(("quoted", text[at:end]))
        elif char == "(":
            end = _comment_end(text, at)
        elif char == "<":
            end = _angle_end(text, at)
            item.append(("angle", text[at + 1 : end].removesuffix(">")))
        elif char in ",;":
            yield item
            item, end = [], at + 1
        elif char == ":" and not any(kind == "plain" and "@" in piece for kind, piece in item):
            item, end = [], at + 1  # the name of a group
        else:
            item.append(("plain", char))
            end = at + 1
        at = end
    yield item


def _quoted_end(text: str, at: int) -> int:
    at += 1
    while at < len(text) and text[at] != '"':
        at += 2 if text[at] == "\\" else 1
    return min(at + 1, len(text))


def _comment_end(text: str, at: int) -> int:
    depth = 0
    while at < len(text):
        if text[at] == "\\":
            at += 1
        elif text[at] == "(":
            depth += 1
        elif text[at] == ")":
            depth -= 1
            if depth == 0:
                return at + 1
        at += 1
    return len(text)


def _angle_end(text: str, at: int) -> int:
    at += 1
    while at < len(text) and text[at] != ">":
        at = _quoted_end(text, at) if text[at] == '"' else at + 1
    return min(at + 1, len(text))


def _of_item(item: list[tuple[str, str]]) -> tuple[str, ...]:
    angles = [piece for kind, piece in item if kind == "angle"]
    if angles:
        # A route before the mailbox is obsolete and names no mailbox (RFC 5322 section 4.4).
        return tuple(piece.rpartition(":")[2].strip() if piece.startswith("@") else piece.strip() for piece in angles)
    bare = "".join(piece for _, piece in item).strip()
    return (bare,) if bare else ()
