"""Facts about the order of commands, and the commands that every server has (RFC 5321 sections 4.1.4 and 4.5.1)."""

from __future__ import annotations

from typing import ClassVar

from smtp_audit.facts.conversation import Dialogue
from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.observation import Facts


class SequenceFacts(Facts):
    """Commands in an order that is not allowed, and commands that are always there."""

    kind: ClassVar[str] = "sequence"

    role: Role
    recipient_first: Dialogue
    """RCPT before MAIL."""
    unknown_command: Dialogue
    """A verb that no RFC knows."""
