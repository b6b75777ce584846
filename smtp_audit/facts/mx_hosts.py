"""Who takes a domain's mail, as the facts that are about each of its MX hosts know it."""

from __future__ import annotations

from smtp_audit.errors import Undetermined
from smtp_audit.facts.lookup import Answer
from smtp_audit.frozen import Frozen
from smtp_audit.limits import MAX_HOSTS
from smtp_audit.published.mail_exchanger import exchanges

NO_MAIL = "the domain says that it takes no mail (null MX, RFC 7505)"
"""Why what is about incoming mail does not apply."""


class MxHosts(Frozen):
    """The answer to the question for the MX records of a domain, and the hosts that follow from it."""

    domain: str
    answer: Answer

    @property
    def none(self) -> bool:
        """The domain takes no mail, and says so (RFC 7505)."""
        return self.answer.found and exchanges(self.answer.records) == ("",)

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts by preference; the domain itself where there is no MX record (RFC 5321 section 5.1).

        Empty when the question was not answered: `require` says so.
        """
        if self.answer.absent:
            return (self.domain,)
        return tuple(host for host in exchanges(self.answer.records) if host)[:MAX_HOSTS]

    def require(self) -> tuple[str, ...]:
        """The hosts.

        Raises:
            Undetermined: the question was not answered, or they are more than our cap: what holds for those that were
                looked at says nothing of the others.
        """
        self.answer.require()
        if len(exchanges(self.answer.records)) > MAX_HOSTS:
            raise Undetermined(f"{self.domain} has more than {MAX_HOSTS} MX hosts: not all are looked at")
        return self.hosts
