"""What the DNS says of one host: its addresses, whether it is an alias, and the names that an address has."""

import ipaddress

from smtp_audit.errors import Undetermined
from smtp_audit.facts.lookup import Answer
from smtp_audit.frozen import Frozen
from smtp_audit.wiretext import escape_text


class HostAnswers(Frozen):
    """The answers about one name: A, AAAA, and CNAME asked for by itself, since an alias shows that way also when the
    name that it leads to fails."""

    name: str
    a: Answer
    aaaa: Answer
    cname: Answer

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses that were found; there may be more where a question was not answered."""
        return (*self.a.records, *self.aaaa.records)

    def require_addresses(self) -> tuple[str, ...]:
        """The addresses; empty when the host has none.

        Raises:
            Undetermined: none was found, and one of the two questions was not answered.
        """
        if not self.addresses:
            self.a.require()
            self.aaaa.require()
        return self.addresses

    @property
    def alias(self) -> str:
        """The name that it is an alias of, without the last dot; empty when that was not seen."""
        followed = self.a.aliases or self.aaaa.aliases
        if followed:
            return followed[0]
        return self.cname.records[0].rstrip(".") if self.cname.records else ""

    def require_alias(self) -> str:
        """The same; empty when the host is none.

        Raises:
            Undetermined: no answer tells.
        """
        if not self.alias and not (self.a.answered or self.aaaa.answered):
            self.cname.require()
        return self.alias

    def told(self) -> tuple[str, ...]:
        """The answers, as evidence."""
        return (str(self.a), str(self.aaaa))


class AddressNames(Frozen):
    """The names of an address (PTR), and of each name the addresses of the same family. `left_out`: names that were not
    looked up."""

    address: str
    ptr: Answer
    forward: tuple[Answer, ...] = ()
    left_out: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """The names that were found, without the last dot."""
        return tuple(record.rstrip(".") for record in self.ptr.records)

    def confirmed(self) -> str:
        """A name of the address that has the address among its own; empty when there is none.

        Raises:
            Undetermined: a question was not answered, and no name was confirmed.
        """
        for answer in self.forward:
            if has_address(answer.records, self.address):
                return answer.name
        self.ptr.require()
        for answer in self.forward:
            answer.require()
        if self.left_out:
            raise Undetermined(f"{self.address} has {len(self.ptr.records)} names, and not all were looked up")
        return ""

    def told(self) -> tuple[str, ...]:
        """The answers, as evidence."""
        return (str(self.ptr), *(str(answer) for answer in self.forward))

    def __str__(self) -> str:
        return f"{self.address} ({', '.join(escape_text(name) for name in self.names) or 'no name'})"


def has_address(found: tuple[str, ...], address: str) -> bool:
    """Whether an address is among others, in whatever spelling."""
    wanted = ipaddress.ip_address(address)
    for text in found:
        try:
            if ipaddress.ip_address(text) == wanted:
                return True
        except ValueError:
            continue
    return False
