"""Facts about BDAT (RFC 3030). No chunk that is asked for here ever becomes a message."""

from typing import ClassVar

from smtp_audit.facts.conversation import Dialogue
from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.observation import Facts


class ChunkingFacts(Facts):
    """BDAT where it has no place, and with a size that no server can take."""

    kind: ClassVar[str] = "chunking"

    role: Role
    announced: bool
    """Whether EHLO announces CHUNKING."""
    no_transaction: Dialogue
    """BDAT 0 LAST without MAIL."""
    no_recipient: Dialogue | None = None
    """BDAT 0 LAST behind MAIL; None on ports that want a login first."""
    data_after_chunk: Dialogue | None = None
    """DATA behind a chunk that is not the last; None on ports that want a login first."""
    gigantic: Dialogue
    """BDAT with 2^64 octets, none of which is sent."""
