"""Facts about where programs of mail users are sent to: SRV records and the hosts of automatic configuration."""

from typing import ClassVar

from smtp_audit.facts.endpoint import Endpoint, Role
from smtp_audit.facts.host_names import HostAnswers
from smtp_audit.facts.lookup import Answer
from smtp_audit.facts.observation import Facts
from smtp_audit.frozen import Frozen
from smtp_audit.published.service import Service

SERVICES = {
    "_submissions": Role.SUBMISSIONS,
    "_submission": Role.SUBMISSION,
    "_imaps": Role.IMAPS,
    "_imap": Role.IMAP,
    "_pop3s": Role.POP3S,
    "_pop3": Role.POP3,
    "_sieve": Role.SIEVE,
}
"""The services of mail users with an SRV record: RFC 6186 section 3, RFC 8314 section 5.1, RFC 5804 section 1.8."""


class ServiceRecords(Frozen):
    """The SRV records of one service (`_imaps`, without `_tcp`), as answered and as read."""

    service: str
    answer: Answer
    records: tuple[Service, ...] = ()

    @property
    def role(self) -> Role:
        """What the service is to the audit."""
        return SERVICES[self.service]

    @property
    def offered(self) -> tuple[Service, ...]:
        """The records that name a host."""
        return tuple(record for record in self.records if record.offered)


class MailServicesFacts(Facts):
    """The SRV records of a domain's services for users, the hosts that they name, and the hosts `configuration` that
    programs ask for settings (autoconfig, autodiscover). `audited` are the endpoints of the run."""

    kind: ClassVar[str] = "mail_services"

    domain: str
    services: tuple[ServiceRecords, ...]
    targets: tuple[HostAnswers, ...] = ()
    configuration: tuple[HostAnswers, ...] = ()
    audited: tuple[Endpoint, ...] = ()
    left_out: int = 0

    def service(self, name: str) -> ServiceRecords:
        """The records of one service."""
        return next(each for each in self.services if each.service == name)

    @property
    def offered(self) -> tuple[tuple[ServiceRecords, Service], ...]:
        """Every record that names a host, with the service that it is of."""
        return tuple((each, record) for each in self.services for record in each.offered)
