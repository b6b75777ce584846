"""What was said to a server and what came back: the form that all facts about conversations share."""

from collections.abc import Sequence

from smtp_audit.errors import Undetermined
from smtp_audit.facts.service import Reply
from smtp_audit.frozen import Frozen


class Exchange(Frozen):
    """One thing said and what came back.

    `sent` is escaped and without secrets. `replies` are those that came, in order. `ended` says why another that was
    waited for did not: the server hung up (then `hung_up` is set), or was silent for so long. `seconds` is the wait for
    the last reply.
    """

    sent: str
    replies: tuple[Reply, ...] = ()
    ended: str = ""
    hung_up: bool = False
    seconds: float = 0.0

    @property
    def reply(self) -> Reply | None:
        """The first reply."""
        return self.replies[0] if self.replies else None

    @property
    def accepted(self) -> bool:
        """Whether the last reply says yes, or go on (RFC 5321 section 4.2.1: 2yz, 3yz)."""
        return bool(self.replies) and self.replies[-1].code[:1] in ("2", "3")

    @property
    def refused(self) -> bool:
        """Whether the last reply says no for good (RFC 5321 section 4.2.1: 5yz)."""
        return bool(self.replies) and self.replies[-1].code.startswith("5")

    def __str__(self) -> str:
        said = ", then ".join(str(reply) for reply in self.replies)
        return f"{self.sent} -> {', '.join(part for part in (said, self.ended) if part) or 'nothing'}"


def offered(capabilities: Sequence[str], keyword: str) -> str | None:
    """The parameters behind a keyword of an EHLO reply; None where it is not there (RFC 5321 section 4.1.1.1)."""
    for line in capabilities[1:]:
        word, _, parameters = line.partition(" ")
        if word.upper() == keyword:
            return parameters.strip()
    return None


class Dialogue(Frozen):
    """One question put to a server, which may take several exchanges on one connection.

    `unknown` says why it could not be held to its end: the server was not willing to go as far as the question needs
    (greylisting, no MAIL without AUTH), or spoke nonsense. Exchanges up to there are kept. A server that hangs up is
    asked once more on a connection of its own: `Exchange.ended` then is its answer.
    """

    exchanges: tuple[Exchange, ...] = ()
    inside_tls: bool = False
    unknown: str = ""

    @property
    def last(self) -> Exchange:
        """The exchange that the question is about.

        Raises:
            Undetermined: it was not reached.
        """
        if self.unknown or not self.exchanges:
            raise Undetermined(self.unknown or "it was not asked")
        return self.exchanges[-1]

    def told(self) -> tuple[str, ...]:
        """The exchanges as lines of evidence."""
        return tuple(str(exchange) for exchange in self.exchanges)
