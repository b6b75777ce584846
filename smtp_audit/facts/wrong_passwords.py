"""Facts about wrong passwords, tried on the throw-away account and on a user who does not exist."""

from typing import ClassVar

from smtp_audit.facts.conversation import Dialogue, Exchange
from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.observation import Facts
from smtp_audit.frozen import Frozen

TRIES_IN_BLOCK = 4
"""Two for each user, in an order drawn by lot for every block: what changes with time hits both alike."""

BLOCKS = 6


class WrongPassword(Frozen):
    """One login with a wrong password. In the reply, the user's name is masked."""

    known: bool
    """Whether it was the throw-away account, and not the user who does not exist."""
    exchange: Exchange


class Return(Frozen):
    """The right password again, so many seconds after the last wrong one."""

    waited: float
    exchange: Exchange


class WrongPasswordFacts(Facts):
    """Logins inside TLS. The right password was taken before the first wrong one.

    `tries` are in the order in which they were made, block by block of TRIES_IN_BLOCK; the last block may be short.
    `stopped` says what the server did to end it before all BLOCKS were made; that answer is not among the tries, nor is
    one that closed a connection.
    """

    kind: ClassVar[str] = "wrong_passwords"

    role: Role
    empty: Dialogue
    """The throw-away account without a password."""
    cut: Dialogue
    """The throw-away account with the right password, a NUL and more behind it."""
    tries: tuple[WrongPassword, ...]
    stopped: str = ""
    closed: str = ""
    """When the server first closed a connection on a wrong password, with 421 or without."""
    returns: tuple[Return, ...] = ()

    @property
    def back(self) -> bool:
        """Whether the right password was taken in the end."""
        return bool(self.returns) and self.returns[-1].exchange.accepted
