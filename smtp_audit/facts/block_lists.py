"""Facts from lists of addresses with a bad name (RFC 5782): the entries of the domain's sending addresses."""

import ipaddress
from typing import ClassVar

from smtp_audit.facts.lookup import Answer
from smtp_audit.facts.observation import Facts
from smtp_audit.frozen import Frozen

_CODES = ipaddress.ip_network("127.0.0.0/8")
"""What a list answers with for what it lists (RFC 5782 section 2.1)."""

_ERRORS = ipaddress.ip_network("127.255.255.0/24")
"""What Spamhaus and lists like it answer with to those whom they do not serve: open resolvers, too many questions."""


class ListTest(Frozen):
    """The entries by which a list shows that it works, for one family of addresses (RFC 5782 section 5): 127.0.0.2 is
    listed, 127.0.0.1 is not; for IPv6 the same addresses, mapped."""

    listed: Answer
    unlisted: Answer

    @property
    def trouble(self) -> str:
        """Why the list cannot be believed; empty when it can."""
        if self.listed.trouble or self.unlisted.trouble:
            return self.listed.trouble or self.unlisted.trouble
        if self.listed.absent:
            return "it does not list its test address: it is closed, or does not serve this resolver"
        if refusal := refused(self.listed):
            return refusal
        if self.unlisted.found:
            return "it lists everything: it is closed, or the name belongs to somebody else now"
        return ""


class Listing(Frozen):
    """What a list says of one address; `reason` is its text, asked for when it is listed."""

    address: str
    answer: Answer
    reason: Answer | None = None

    @property
    def listed(self) -> bool:
        """The list has it."""
        return self.answer.found and not refused(self.answer)


class BlockList(Frozen):
    """One list: its tests for IPv4 and IPv6, and what it says of the addresses."""

    name: str
    ipv4: ListTest
    ipv6: ListTest
    listings: tuple[Listing, ...] = ()

    @property
    def without_ipv6(self) -> bool:
        """It works, and has no entries for IPv6: those that do have the test entries of IPv6 (RFC 5782 section 5)."""
        return not self.ipv4.trouble and self.ipv6.listed.absent and self.ipv6.unlisted.absent

    def test(self, address: str) -> ListTest:
        """The test for the family of an address."""
        return self.ipv6 if ":" in address else self.ipv4


class BlockListFacts(Facts):
    """What each list of the configuration says of each sending address."""

    kind: ClassVar[str] = "block_lists"

    addresses: tuple[str, ...]
    lists: tuple[BlockList, ...]


def refused(answer: Answer) -> str:
    """Why an entry that was found is none; empty when it is one."""
    codes = [ipaddress.ip_address(record) for record in answer.records]
    if any(code in _ERRORS for code in codes):
        return f"it refuses to answer this resolver ({', '.join(answer.records)})"
    if not all(code in _CODES for code in codes):
        return f"it answers with {', '.join(answer.records)}, which is no entry of a list"
    return ""
