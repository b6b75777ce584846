"""Facts about who an address says it is: its names in the DNS, and the names of our own that a server may repeat."""

from typing import ClassVar

from smtp_audit.facts.conversation import Dialogue
from smtp_audit.facts.observation import Facts
from smtp_audit.frozen import Frozen


class ReverseName(Frozen):
    """One name of an address (PTR), lower case without final dot, and the addresses that the name has.

    `trouble` says why these could not be looked up, if so.
    """

    name: str
    addresses: tuple[str, ...] = ()
    trouble: str = ""

    def __str__(self) -> str:
        return f"{self.name} -> {self.trouble or ', '.join(self.addresses) or 'no address'}"


class IdentityFacts(Facts):
    """The names of an address, and what a server can have from us alone.

    `public` is False for an address that the public DNS has no names for (RFC 6890: private, loopback and the like):
    it is not looked up. `trouble` says why the names could not be looked up, if so. `source` is the address that we
    came from and `client_name` what we called ourselves: a server that repeats them reveals nothing of its own.
    """

    kind: ClassVar[str] = "identity"

    host: str
    address: str
    public: bool
    reverse: tuple[ReverseName, ...] = ()
    trouble: str = ""
    source: str = ""
    client_name: str = ""
    etrn: Dialogue = Dialogue()
    """ETRN for a domain that nobody has (RFC 1985 section 5)."""
    help: Dialogue = Dialogue()
    """What the server says to HELP (RFC 5321 section 4.1.1.8)."""
