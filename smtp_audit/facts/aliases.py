"""Facts about the names of a domain that are often aliases (CNAME) of somebody else's: where each leads."""

from typing import ClassVar

from smtp_audit.facts.lookup import Answer, LookupOutcome
from smtp_audit.facts.observation import Facts
from smtp_audit.frozen import Frozen


class WatchedName(Frozen):
    """A name, the answer to the question that others put about it (`content`: A or TXT), and whether it is an alias.

    `registered` is the answer about the last two labels of the name that it leads to in the end, where that does not
    exist.
    """

    name: str
    content: Answer
    cname: Answer
    registered: Answer | None = None

    @property
    def alias(self) -> str:
        """The last name that it leads to; empty when it is no alias, as far as that was seen."""
        if self.content.aliases:
            return self.content.aliases[-1]
        return self.cname.records[0].rstrip(".") if self.cname.records else ""

    @property
    def dangling(self) -> bool:
        """It is an alias of a name that does not exist."""
        return bool(self.alias) and self.content.outcome is LookupOutcome.NXDOMAIN

    @property
    def open_to_all(self) -> bool:
        """The domain that it leads to does not exist, so that anybody may register it: not so where the top-level
        domain does not exist either (the SOA record of the root says so)."""
        registered = self.registered
        gone = registered is not None and registered.outcome is LookupOutcome.NXDOMAIN and registered.zone != "."
        return self.dangling and gone

    def told(self) -> tuple[str, ...]:
        """The answers, as evidence."""
        return (str(self.content), *([str(self.registered)] if self.registered is not None else []))


class AliasFacts(Facts):
    """The names of the domain that are watched."""

    kind: ClassVar[str] = "aliases"

    domain: str
    names: tuple[WatchedName, ...]
