"""Facts about what a server takes for the end of a message (RFC 5321 section 4.1.1.4)."""

import re
from typing import ClassVar

from smtp_audit.facts.conversation import Dialogue
from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.observation import Facts
from smtp_audit.facts.service import Reply
from smtp_audit.frozen import Frozen

_LINE_ENDS = re.compile(
    r"\b(?:bare|stray)[ _-]?<?(?:cr|lf|nl|newline|line ?feed|carriage[ -]return)\b|\bsmtplf\.html\b", re.IGNORECASE
)


class Letter(Frozen):
    """A message of the audit with something in its middle that looks like an end.

    Behind that stand a line which is no command of SMTP, and the rest of the message with its true end.
    """

    name: str
    """What is in the middle, such as ``LF.CRLF``."""
    octets: str
    """The same, escaped; "" for a message like any other."""
    reply: Reply | None = None
    """The first reply to the message."""
    behind: tuple[Reply, ...] = ()
    """Where the message was taken, the replies to the NOOP behind it, up to the first that says yes."""
    hung_up: bool = False
    """The server closed the connection, each time that the message was sent, before the reply or before NOOP's."""
    unknown: str = ""
    """Why it could not be sent, or what came is no answer."""

    @property
    def taken(self) -> bool:
        """Whether the server took a message: the whole, or the part up to the end that is none."""
        return self.reply is not None and self.reply.code.startswith("2")

    @property
    def refused(self) -> bool:
        """Whether it said no for good, or for the line ends, or hung up without a word."""
        if self.reply is None:
            return self.hung_up
        return self.reply.code.startswith("5") or (self.reply.code.startswith("4") and self._names_line_ends)

    @property
    def _names_line_ends(self) -> bool:
        """Whether the reply says that line ends are wrong, as Sendmail's 421 and qmail's 451 do."""
        return self.reply is not None and any(_LINE_ENDS.search(line) for line in self.reply.lines)

    @property
    def split(self) -> bool:
        """Whether the part behind was read as commands: only then NOOP is answered after a refusal."""
        return self.taken and any(reply.code.startswith("5") for reply in self.behind)

    @property
    def whole(self) -> bool:
        """Whether it was taken as one message: NOOP has the very next reply."""
        return self.taken and len(self.behind) == 1 and self.behind[0].code.startswith("2")

    def __str__(self) -> str:
        said = [str(reply) for reply in (self.reply, *self.behind) if reply is not None]
        said += ["hung up"] if self.hung_up else []
        return f"{self.name}: {self.unknown or ', then '.join(said) or 'no reply'}"


class EndOfDataFacts(Facts):
    """Messages to an own mailbox, each with another end that is none, or something else that is rare."""

    kind: ClassVar[str] = "end_of_data"

    role: Role
    ordinary: Letter
    """A message like any other: what the server does with messages of the audit."""
    letters: tuple[Letter, ...] = ()
    """Those with an end that is none, and with a NUL in header and text."""
    long_line: Letter | None = None
    """A message with a line of 1000 octets, CR LF included; None where it was not sent."""
    behind_data: Dialogue | None = None
    """MAIL, RCPT, then DATA and NOOP in one segment, and no message; None where it was not asked."""
    behind_dot: Dialogue | None = None
    """A message and NOOP in one segment, then QUIT. None where PIPELINING is announced, as RFC 2920 section 3.1 then
    lets a message be the first of a group; or where it was not asked."""
