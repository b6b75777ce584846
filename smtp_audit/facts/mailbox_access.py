"""Facts about the protocols of mailboxes (IMAP, POP3, ManageSieve): what is said before a login."""

from typing import ClassVar

from smtp_audit.facts.conversation import Dialogue
from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.observation import Facts
from smtp_audit.facts.service import Reply


class MailboxAccessFacts(Facts):
    """One connection up to where a user would log in, inside TLS where it can be had.

    Capabilities are lines as in CapabilityFacts; None where that state was not reached or does not exist.
    """

    kind: ClassVar[str] = "mailbox_access"

    role: Role
    greeting: Reply
    offered: bool
    """Whether TLS is offered on this connection."""
    before_tls: tuple[str, ...] | None = None
    after_tls: tuple[str, ...] | None = None
    after_tls_unknown: str = ""
    """Why there are no capabilities inside TLS, though TLS is offered."""
    identification: Dialogue = Dialogue()
    """IMAP: the command ID (RFC 2971)."""
    second_starttls: Dialogue = Dialogue()
    """STARTTLS or STLS inside TLS."""
