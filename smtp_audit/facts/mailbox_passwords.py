"""Facts about wrong passwords on the ports for mailboxes (IMAP, POP3, ManageSieve)."""

from collections.abc import Sequence
from typing import ClassVar

from smtp_audit.facts.conversation import Exchange
from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.observation import Facts
from smtp_audit.facts.service import Reply
from smtp_audit.frozen import Frozen

MOST_GUESSES = 16
"""Wrong passwords on an endpoint, every other one of the throw-away account; and one empty one."""

SLOW_IN_A_ROW = 4
"""Answers that have waited, one behind the other, before waiting is taken for the server's rule."""

SLOW = 1.0
"""Seconds that make a wrong password a slow one, as on the submission ports."""

_LATER = ("[UNAVAILABLE]", "[LIMIT]", "[INUSE]", "[SYS/", "[IN-USE]", "[LOGIN-DELAY", "(TRYLATER)")
"""Response codes that say nothing about the password (RFC 5530 section 3, RFC 2449 section 8.1, RFC 3206 section 4,
RFC 5804 section 1.3). SYS/PERM is for the administrator, and no better."""


class Guess(Frozen):
    """One login. `known`: it was the throw-away account, and not a user who does not exist."""

    known: bool
    exchange: Exchange

    @property
    def taken(self) -> bool:
        """Whether it was let in."""
        return self._reply is not None and self._reply.code in ("OK", "+OK")

    @property
    def later(self) -> bool:
        """Whether it was refused for now, whatever the password, or sent away (IMAP's and ManageSieve's BYE)."""
        if self._reply is None or self.taken:
            return False
        said = " ".join(self._reply.lines[-1:]).upper()
        return self._reply.code == "BYE" or said.startswith(_LATER)

    @property
    def refused(self) -> bool:
        """Whether it was refused for the password, or for the login as such."""
        return self._reply is not None and not (self.taken or self.later)

    @property
    def _reply(self) -> Reply | None:
        return self.exchange.reply

    def __str__(self) -> str:
        return f"{self.exchange} ({self.exchange.seconds:.1f} s)"


class MailboxPasswordFacts(Facts):
    """Logins inside TLS; the wrong ones on one connection, whose end is an answer.

    The right password was taken before the first wrong one.

    `guesses` are the wrong ones that were answered, in order. `stopped` says what the server did to end them before
    MOST_GUESSES were made; "" when all were, or when waiting made it clear enough.
    """

    kind: ClassVar[str] = "mailbox_passwords"

    role: Role
    empty: Guess
    """The throw-away account without a password."""
    guesses: tuple[Guess, ...] = ()
    stopped: str = ""
    returns: tuple[Guess, ...] = ()
    """The right password again, at once and after pauses, until it was taken."""

    @staticmethod
    def least_wait(guesses: Sequence[Guess]) -> float:
        """The least that the last SLOW_IN_A_ROW answers took, in seconds; 0 where there are fewer."""
        last = [guess.exchange.seconds for guess in guesses[-SLOW_IN_A_ROW:]]
        return min(last) if len(last) == SLOW_IN_A_ROW else 0.0
