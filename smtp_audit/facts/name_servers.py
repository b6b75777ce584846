"""Facts from the authoritative name servers of a domain, each asked for itself."""

from typing import ClassVar

from smtp_audit.facts.host_names import HostAnswers
from smtp_audit.facts.lookup import Answer
from smtp_audit.facts.observation import Facts
from smtp_audit.frozen import Frozen


class ServerAnswers(Frozen):
    """What one server says at one address: its SOA record of the zone, and what the domain publishes about mail."""

    server: str
    address: str
    soa: Answer
    content: tuple[Answer, ...] = ()

    @property
    def serial(self) -> str:
        """The serial number of the zone there; empty when it was not heard."""
        fields = self.soa.records[0].split() if self.soa.records else []
        return fields[2] if len(fields) > 2 else ""

    def __str__(self) -> str:
        return f"{self.server} ({self.address})"


class NameServersFacts(Facts):
    """The zone that the domain is in (`soa` found it), its name servers as the resolver knows them, and what each says.

    `left_out` counts addresses that were more than our cap.
    """

    kind: ClassVar[str] = "name_servers"

    domain: str
    zone: str
    soa: Answer
    ns: Answer
    hosts: tuple[HostAnswers, ...] = ()
    servers: tuple[ServerAnswers, ...] = ()
    left_out: int = 0
