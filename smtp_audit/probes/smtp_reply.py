"""The form of an SMTP reply (RFC 5321 section 4.2.1)."""

from __future__ import annotations

import re
from functools import lru_cache

from smtp_audit.facts.service import Reply
from smtp_audit.limits import MAX_REPLY_LINES
from smtp_audit.wiretext import escape

_LINE = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)


@lru_cache(maxsize=128)
def reply_line(raw: bytes) -> tuple[str, bool, str] | None:
    """Code, whether more lines follow, and the escaped text; None for what is no line of a reply."""
    found = _LINE.fullmatch(raw)
    return None if found is None else (found[1].decode(), found[2] == b"-", escape(found[3] or b""))


@lru_cache(maxsize=128)
def whole_reply(octets: bytes) -> Reply | None:
    """The reply that these octets are, exactly and in full: hundreds of visits are answered the same. None: they are
    to be read line by line, to see what they are."""
    *lines, rest = octets.split(b"\n")
    found = [reply_line(line.removesuffix(b"\r")) for line in lines]
    known = [line for line in found if line is not None]
    last = len(found) - 1
    if rest or not found or len(known) < len(found) or len(found) > MAX_REPLY_LINES:
        return None
    if any(code != known[0][0] or goes_on != (place < last) for place, (code, goes_on, _) in enumerate(known)):
        return None
    return Reply(code=known[0][0], lines=tuple(text for _, _, text in known))
