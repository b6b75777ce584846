"""What arrived at a trap, taken apart: header fields under three readings, mailboxes, parts and links."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from smtp_audit.facts.client import Delivery
from smtp_audit.facts.client_messages import Arrival, HeaderField, Part
from smtp_audit.mailtext import (
    bare_ends,
    early_ends,
    header_fields,
    header_names,
    links,
    longest_line,
    mailboxes,
    parts_of,
)
from smtp_audit.wiretext import escape, escape_text

SHOWN_FIELDS = 60
SHOWN_VALUE = 600
SHOWN_LINK = 300
SHOWN_RECIPIENTS = 100
SHOWN_MAILBOX = 330
"""Characters of a mailbox; 254 octets is the longest that there can be (RFC 5321 section 4.5.3.1.3)."""


def arrived(delivery: Delivery, now: datetime | None = None) -> Arrival:
    """A delivery taken apart. `now` is when it arrived."""
    content = delivery.content
    # Who ends all lines in LF is told so by one control; the others see the fields that everybody means.
    fields = header_fields(content, "lf")

    def listed(name: str) -> tuple[str, ...]:
        found = (mailbox for field, value in fields if field == name for mailbox in mailboxes(value))
        return tuple(shown(mailbox) for mailbox in found)[:SHOWN_RECIPIENTS]

    return Arrival(
        sender=shown(delivery.sender),
        recipients=tuple(shown(recipient) for recipient in delivery.recipients[:SHOWN_RECIPIENTS]),
        names_crlf=tuple(escape_text(name) for name in header_names(content, "crlf")),
        names_lf=tuple(escape_text(name) for name in header_names(content, "lf")),
        names_any=tuple(escape_text(name) for name in header_names(content, "any")),
        author=listed("from"),
        to=listed("to"),
        copied=listed("cc"),
        answers=listed("reply-to"),
        early_ends=early_ends(content),
        bare_ends=bare_ends(content),
        longest_line=longest_line(content),
        skew=_skew([value for name, value in fields if name == "date"], now or datetime.now(UTC)),
        fields=tuple(
            HeaderField(name=escape_text(name), value=escape(value.encode("latin-1"), SHOWN_VALUE))
            for name, value in fields[:SHOWN_FIELDS]
        ),
        parts=tuple(
            Part(
                kind=escape_text(kind, 100),
                depth=depth,
                characters=len("".join(text.split())),
                links=tuple(escape_text(link, SHOWN_LINK) for link in links(kind, text)),
            )
            for kind, depth, text in parts_of(content)
        ),
        acknowledged=delivery.acknowledged,
    )


def shown(mailbox: str) -> str:
    """A mailbox as it was written, in UTF-8 where it is that, as printable ASCII."""
    with contextlib.suppress(UnicodeError):
        mailbox = mailbox.encode("latin-1").decode("utf-8")
    return escape_text(mailbox, SHOWN_MAILBOX)


def _skew(dates: list[str], now: datetime) -> float | None:
    with contextlib.suppress(ValueError, TypeError, IndexError, OverflowError):
        if len(dates) == 1:
            date = parsedate_to_datetime(dates[0])
            return round((now - (date if date.tzinfo else date.replace(tzinfo=UTC))).total_seconds(), 1)
    return None
