"""Facts about commands that do not wait for the reply to the one before (RFC 2920)."""

from typing import ClassVar

from smtp_audit.facts.conversation import Dialogue
from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.observation import Facts


class PipeliningFacts(Facts):
    """Where the client may run ahead, and where it may not.

    `batch` is one segment with MAIL, two RCPT and RSET, or where a login comes first with four RSET (RFC 2920
    section 3.1); then QUIT: replies up to 221.
    """

    kind: ClassVar[str] = "pipelining"

    role: Role
    announced: bool
    """Whether EHLO announces PIPELINING."""
    batch: Dialogue
    together: Dialogue
    """Two NOOP in one segment: each has to be the last of its group (RFC 2920 section 3.1). Then QUIT, where the first
    was taken: another reply between theirs is the second's."""
    early: Dialogue | None = None
    """NOOP before the greeting was read; None where TLS begins at once, and nobody can be too early. On port 25 EHLO,
    MAIL and RCPT come behind it: some servers refuse no sooner."""
