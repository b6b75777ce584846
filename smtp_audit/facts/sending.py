"""Facts about the addresses that a domain's mail leaves from, as other servers look them up."""

from __future__ import annotations

from typing import ClassVar

from smtp_audit.facts.host_names import AddressNames, HostAnswers
from smtp_audit.facts.observation import Facts


class SendingFacts(Facts):
    """The names of each address that the configuration names in `[sending]`."""

    kind: ClassVar[str] = "sending"

    domain: str
    addresses: tuple[AddressNames, ...]


class SendingHeloFacts(Facts):
    """The name that is given in EHLO by the senders, its addresses, and the names of theirs."""

    kind: ClassVar[str] = "sending_helo"

    helo: HostAnswers
    addresses: tuple[AddressNames, ...]
