"""The messages that an audit sends to mailboxes of its user: short, harmless, and marked with the run's id."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime

from smtp_audit.probes.approach import Approach
from smtp_audit.probes.conversation.envelope import local_domain
from smtp_audit.probes.conversation.interview import Say, say
from smtp_audit.version import __version__

RUN_HEADER = "X-SMTP-Audit-Run"

_TEXT = (
    "This message was sent by smtp_audit, which tests mail servers, at the wish of the owner of this mailbox.",
    "It can be deleted.",
)


def message_for(
    approach: Approach, sender: str, recipient: str, subject: str, originators: Sequence[str] | None = None
) -> bytes:
    """A message (RFC 5322) with CRLF behind each line, without the final dot.

    Args:
        approach: whose run it is.
        sender: the address in From.
        recipient: the address in To.
        subject: what is tested, in a few words.
        originators: whole header lines to stand in the place of From.
    """
    domain = local_domain(approach)
    lines = (
        *(originators if originators is not None else (f"From: <{sender}>",)),
        f"To: <{recipient}>",
        f"Subject: smtp_audit: {subject}",
        f"Date: {format_datetime(datetime.now(UTC))}",
        f"Message-ID: <{secrets.token_hex(16)}@{domain}>",
        f"{RUN_HEADER}: {approach.run_id}",
        f"User-Agent: smtp_audit/{__version__}",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=us-ascii",
        "Auto-Submitted: auto-generated",
        "",
        *_TEXT,
    )
    return "".join(f"{line}\r\n" for line in lines).encode()


def message_says(recipient: Say, text: bytes) -> tuple[Say, ...]:
    """RCPT, DATA and the message, for behind MAIL."""
    shown = "message: " + text.partition(b"\r\n\r\n")[0].partition(b"\r\nTo:")[0].decode().replace("\r\n", ", ")
    return (
        replace(recipient, needs="2"),
        say("DATA", needs="354"),
        Say(text + b".\r\n", shown=f"{shown} ({len(text)} octets), and the final dot"),
    )
