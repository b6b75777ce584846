"""Facts about VRFY and EXPN: what a server tells strangers about its mailboxes and lists (RFC 5321 section 3.5)."""

from typing import ClassVar

from smtp_audit.facts.conversation import Dialogue
from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.observation import Facts


class DirectoryFacts(Facts):
    """VRFY for a mailbox that is there and for two that nobody has; EXPN for names that every server has, and for one
    that nobody has."""

    kind: ClassVar[str] = "directory"

    role: Role
    known: Dialogue
    unknown: Dialogue
    nobody: Dialogue
    """Another that nobody has: what differs from `unknown` alone is noise."""
    postmaster: Dialogue
    abuse: Dialogue
    no_list: Dialogue
    """EXPN for a name that nobody has."""
