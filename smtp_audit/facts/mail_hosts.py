"""Facts about where a domain's mail goes: its mail exchangers, their addresses and the names of these."""

from __future__ import annotations

from typing import ClassVar

from smtp_audit.facts.host_names import AddressNames, HostAnswers
from smtp_audit.facts.lookup import Answer
from smtp_audit.facts.observation import Facts
from smtp_audit.published.mail_exchanger import Exchange


class MailHostsFacts(Facts):
    """The MX records of a domain, as answered (`mx`) and as read (`exchanges`, by preference).

    `own` are the domain's own addresses, which mail goes to where there is no MX record (RFC 5321 section 5.1). `hosts`
    are the answers about each exchange that can be asked for, `reverse` the names of their addresses. `left_out` counts
    what was more than our caps. `used` says that the run takes the domain for one with mail: a server that takes it is
    audited, or addresses that it leaves from are given.
    """

    kind: ClassVar[str] = "mail_hosts"

    domain: str
    mx: Answer
    exchanges: tuple[Exchange, ...] = ()
    own: HostAnswers
    hosts: tuple[HostAnswers, ...] = ()
    reverse: tuple[AddressNames, ...] = ()
    left_out: int = 0
    used: bool = False

    def host(self, exchange: Exchange) -> HostAnswers | None:
        """The answers about an exchange; None for one that could not be asked for."""
        return next((host for host in self.hosts if host.name == exchange.host), None)

    @property
    def named(self) -> tuple[Exchange, ...]:
        """The exchanges that are hosts, or are meant to be."""
        return tuple(exchange for exchange in self.exchanges if not exchange.null)
