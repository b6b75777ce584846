"""Facts about what the DNS says of keys: TLSA records, DNSSEC and CAA (RFC 7672, RFC 4035, RFC 8659)."""

from __future__ import annotations

from typing import ClassVar

from smtp_audit.facts.lookup import Answer, LookupOutcome
from smtp_audit.facts.mx_hosts import MxHosts
from smtp_audit.facts.observation import Facts
from smtp_audit.frozen import Frozen
from smtp_audit.published.caa import Caa, parse_caa
from smtp_audit.published.dnssec import (
    DnsKey,
    DsRecord,
    Nsec3Param,
    parse_dnskey,
    parse_ds,
    parse_nsec3param,
)
from smtp_audit.published.tlsa import Tlsa, parse_tlsa


class DaneHost(Frozen):
    """One MX host: its addresses (A, AAAA) and the answers for TLSA, in the order in which a sender takes them.

    A host that is an alias is first looked for by the name that it leads to (RFC 7672 section 2.2.2).
    """

    host: str
    addresses: tuple[Answer, ...] = ()
    tlsa: tuple[Answer, ...] = ()

    @property
    def chosen(self) -> Answer | None:
        """The answer that counts: the first with records, or the first that is none; else the first of all."""
        for answer in self.tlsa:
            if answer.found or not answer.answered:
                return answer
        return self.tlsa[0] if self.tlsa else None

    @property
    def records(self) -> tuple[Tlsa, ...]:
        """The TLSA records that count, usable or not."""
        chosen = self.chosen
        return tuple(map(parse_tlsa, chosen.records)) if chosen is not None and chosen.found else ()

    @property
    def usable(self) -> tuple[Tlsa, ...]:
        """Those of them that SMTP can use."""
        return tuple(record for record in self.records if record.usable)

    @property
    def owner(self) -> str:
        """The name that the records stand at, or would stand at."""
        chosen = self.chosen
        return chosen.name if chosen is not None else f"_25._tcp.{self.host}"


class DaneFacts(Facts):
    """The TLSA records of every MX host."""

    kind: ClassVar[str] = "dane"

    domain: str
    mx: MxHosts
    hosts: tuple[DaneHost, ...] = ()


class ZoneAnswers(Frozen):
    """What a zone says of its own signatures. `names` are those of this domain's mail that stand in it."""

    zone: str
    names: tuple[str, ...] = ()
    keys: Answer
    delegation: Answer
    """The DS records, which are the parent's."""
    parameters: Answer
    """NSEC3PARAM."""

    @property
    def dnskeys(self) -> tuple[DnsKey, ...]:
        """The keys, unreadable ones included."""
        return tuple(map(parse_dnskey, self.keys.records)) if self.keys.found else ()

    @property
    def ds_records(self) -> tuple[DsRecord, ...]:
        """The parent's DS records, unreadable ones included."""
        return tuple(map(parse_ds, self.delegation.records)) if self.delegation.found else ()

    @property
    def nsec3(self) -> tuple[Nsec3Param, ...]:
        """The parameters of NSEC3; none where the zone has NSEC, or nothing."""
        return tuple(map(parse_nsec3param, self.parameters.records)) if self.parameters.found else ()


class SignedName(Frozen):
    """The answers about one name: whether they are secure, insecure or bogus."""

    name: str
    zone: str = ""
    """The zone that it stands in; "" where that is not known."""
    answers: tuple[Answer, ...] = ()

    @property
    def bogus(self) -> tuple[Answer, ...]:
        """The answers whose signatures are wrong."""
        return tuple(answer for answer in self.answers if answer.outcome is LookupOutcome.BOGUS)

    @property
    def insecure(self) -> tuple[Answer, ...]:
        """The answers that came, and that no signature protects."""
        return tuple(answer for answer in self.answers if answer.answered and not answer.secure)

    @property
    def unanswered(self) -> tuple[Answer, ...]:
        """The questions that nobody answered, but for bogus ones."""
        return tuple(a for a in self.answers if not a.answered and a.outcome is not LookupOutcome.BOGUS)


class DnssecFacts(Facts):
    """The domain and its MX hosts, and the zones that they stand in."""

    kind: ClassVar[str] = "dnssec"

    domain: str
    mx: MxHosts
    own: SignedName
    hosts: tuple[SignedName, ...] = ()
    zones: tuple[ZoneAnswers, ...] = ()


class CaaClimb(Frozen):
    """The CAA answers for a name, from the name itself up to the first that has records (RFC 8659 section 3).

    A climb that ends with neither records nor the top ends with a question that nobody answered.
    """

    name: str
    answers: tuple[Answer, ...] = ()

    @property
    def deciding(self) -> Answer | None:
        """The last answer: the one with records, or the one that ended the climb."""
        return self.answers[-1] if self.answers else None

    @property
    def records(self) -> tuple[Caa, ...]:
        """The records that count for the name; none: no restriction, or not known (`require`)."""
        return tuple(map(parse_caa, self.deciding.records)) if self.deciding and self.deciding.found else ()

    def require(self) -> tuple[Caa, ...]:
        """The records that count.

        Raises:
            Undetermined: the climb did not come to its end.
        """
        for answer in self.answers:
            answer.require()
        return self.records

    def __str__(self) -> str:
        return f"{self.name}: " + "; ".join(map(str, self.answers))


class CaaFacts(Facts):
    """The CAA records that count for the domain and for each MX host."""

    kind: ClassVar[str] = "caa"

    domain: str
    mx: MxHosts
    own: CaaClimb
    hosts: tuple[CaaClimb, ...] = ()
