"""Facts about commands outside of a mail transaction: their order, their form, and those that every server has.

RFC 5321 sections 2.4, 4.1, 4.2, 4.3.2, 4.5.1 and 4.5.3.
"""

from typing import ClassVar

from smtp_audit.facts.conversation import Dialogue
from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.observation import Facts
from smtp_audit.frozen import Frozen


class WireReply(Frozen):
    """A reply as it came: each line escaped, code and line end included.

    `ended` says why no further line came (`hung_up`: the server closed the connection, else it was silent).
    """

    sent: str = ""
    """What it answers; empty for the greeting."""
    lines: tuple[str, ...] = ()
    ended: str = ""
    hung_up: bool = False

    def told(self) -> tuple[str, ...]:
        """The lines as evidence."""
        said = (f"> {self.sent}",) if self.sent else ()
        return (*said, *(f"< {line}" for line in self.lines), *((f"* {self.ended}",) if self.ended else ()))


class SequenceFacts(Facts):
    """What every server has to answer, whoever asks.

    The first three are from one connection before any TLS (inside TLS where it comes first), as they were on the wire.
    """

    kind: ClassVar[str] = "sequence"

    role: Role
    greeting: WireReply = WireReply()
    early_mail: WireReply = WireReply()
    """MAIL before EHLO."""
    hello: WireReply = WireReply()
    """EHLO."""
    capabilities: tuple[str, ...] = ()
    """The lines of the reply to EHLO inside TLS where there is TLS, the first one included."""
    recipient_first: Dialogue = Dialogue()
    """RCPT before MAIL."""
    data_first: Dialogue = Dialogue()
    """DATA before MAIL."""
    unknown_command: Dialogue = Dialogue()
    """A verb that no RFC knows."""
    mail_without_path: Dialogue = Dialogue()
    """MAIL and nothing behind it."""
    ehlo_without_name: Dialogue = Dialogue()
    helo_without_name: Dialogue = Dialogue()
    noop: Dialogue = Dialogue()
    noop_with_text: Dialogue = Dialogue()
    """NOOP with an argument, which is to be ignored."""
    vrfy: Dialogue = Dialogue()
    """VRFY of a mailbox that may exist."""
    other_case: Dialogue = Dialogue()
    """NOOP, RSET and EHLO in small and capital letters."""
    helo: Dialogue = Dialogue()
    """HELO, and EHLO again behind it."""
    long_command: Dialogue = Dialogue()
    """NOOP in a line of 512 octets."""
    overlong_command: Dialogue = Dialogue()
    """NOOP in a line of 64 KiB."""
    quit: Dialogue = Dialogue()
    """QUIT, and what comes behind its reply: the end of the connection, or silence."""
