"""Facts about what a server takes for the end of a command, and about NUL in addresses."""

from typing import ClassVar

from smtp_audit.facts.conversation import Dialogue
from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.observation import Facts


class LineEndFacts(Facts):
    """Commands that end otherwise than with CR LF (RFC 5321 section 2.3.8), and addresses with a NUL (section 4.1.2).

    In `bare_lf` and `bare_cr` the first exchange is RSET and NOOP with LF or CR alone between them, the second QUIT:
    another reply between theirs says that the octet ended a command. There is no second where the first was refused.
    """

    kind: ClassVar[str] = "line_ends"

    role: Role
    bare_lf: Dialogue
    bare_cr: Dialogue
    nul_recipients: tuple[Dialogue, ...] = ()
    """RCPT with a NUL within a local part that exists, and behind a domain that does; on port 25 alone, where a
    stranger's RCPT is looked at."""
