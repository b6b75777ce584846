"""Facts about DMARC: the records that a receiver comes across, and where reports are to go."""

from typing import ClassVar

from smtp_audit.errors import Undetermined
from smtp_audit.facts.lookup import Answer, LookupOutcome
from smtp_audit.facts.observation import Facts
from smtp_audit.frozen import Frozen
from smtp_audit.published.dmarc import DmarcRecord, is_dmarc, parse_dmarc, resembles_dmarc
from smtp_audit.published.tree_walk import Applied, applied, applied_older, organizational_domain
from smtp_audit.wiretext import escape_text


class Rung(Frozen):
    """One place of a tree walk: a domain, TXT at `_dmarc` below it, and the DMARC records in that answer."""

    domain: str
    answer: Answer
    records: tuple[DmarcRecord, ...] = ()

    @property
    def nearly(self) -> tuple[str, ...]:
        """Texts that were probably meant to be DMARC records, safe to show."""
        return tuple(escape_text(text, 120) for text in self.answer.records if resembles_dmarc(text))


class ReportHost(Frozen):
    """A host that reports are to go to.

    `consent` is TXT at `DOMAIN._report._dmarc.HOST` (None: the host is the domain itself, nothing has to be asked),
    with the DMARC records in it. `mail` are the answers that say whether it takes mail: MX, then addresses.
    """

    host: str
    consent: Answer | None = None
    overrides: tuple[DmarcRecord, ...] = ()
    mail: tuple[Answer, ...] = ()

    @property
    def shown(self) -> str:
        """The host, safe to show."""
        return escape_text(self.host, 255)

    @property
    def refuses_mail(self) -> str:
        """Why it takes no mail; empty when it does.

        Raises:
            Undetermined: that is not known.
        """
        exchanges = next((answer for answer in self.mail if answer.type == "MX"), None)
        if exchanges is None:
            raise Undetermined(f"{self.shown} was not looked at")
        if exchanges.require().outcome is LookupOutcome.NXDOMAIN:
            return "does not exist"
        if any(record.split()[-1:] == ["."] for record in exchanges.records):
            return "takes no mail (null MX, RFC 7505)"
        addresses = [answer for answer in self.mail if answer.type in ("A", "AAAA")]
        if any(answer.found for answer in addresses):
            return ""
        for answer in addresses:
            answer.require()
        if len({answer.name for answer in addresses}) < max(1, len(exchanges.records)):
            raise Undetermined(
                f"{self.shown}: not all of its mail exchangers were looked up, and the others have no address"
            )
        return "has no mail exchanger with an address" if exchanges.found else "has neither MX nor address"


class DmarcFacts(Facts):
    """The records of the tree walk from the domain and from a name below it that nobody has, and of their reports.

    `below` is that name, `below_answer` what its A records are: NXDOMAIN says that names below the domain do not exist
    by themselves (RFC 9989 section 3.2.13). `listed_organisation` is the domain's organizational domain by the public
    suffix list `suffix_list` (RFC 7489 section 3.2), its name and date.
    """

    kind: ClassVar[str] = "dmarc"

    domain: str
    rungs: tuple[Rung, ...]
    below: str
    below_answer: Answer
    listed_organisation: str
    suffix_list: str = ""
    hosts: tuple[ReportHost, ...] = ()

    def rung(self, domain: str) -> Rung:
        """What was found at a domain.

        Raises:
            Undetermined: the question was not answered, or never put.
        """
        rung = next((each for each in self.rungs if each.domain == domain), None)
        if rung is None:
            raise Undetermined(f"_dmarc.{escape_text(domain, 255)} was not looked at")
        rung.answer.require()
        return rung

    def records_at(self, domain: str) -> tuple[DmarcRecord, ...]:
        """The DMARC records of a domain.

        Raises:
            Undetermined: that is not known.
        """
        return self.rung(domain).records

    # What follows raises Undetermined when it rests on a place of the walk that is not known.

    @property
    def applied(self) -> Applied:
        """The policy that applies to mail from the domain."""
        return applied(self.domain, self.records_at)

    @property
    def applied_below(self) -> Applied:
        """The policy that applies to mail from a sub-domain that exists."""
        return applied(self.below, self.records_at)

    @property
    def applied_nowhere(self) -> Applied:
        """The policy that applies to mail from a sub-domain that does not exist."""
        return applied(self.below, self.records_at, exists=False)

    @property
    def older(self) -> Applied:
        """The policy that applies to mail from the domain by RFC 7489."""
        return applied_older(self.domain, self.listed_organisation, self.records_at)

    @property
    def older_below(self) -> Applied:
        """The policy that applies to mail from a sub-domain by RFC 7489."""
        return applied_older(self.below, self.listed_organisation, self.records_at)

    @property
    def organisation(self) -> str:
        """The organizational domain of the domain (RFC 9989 section 4.10.2)."""
        return organizational_domain(self.domain, self.records_at)

    @property
    def organisation_below(self) -> str:
        """The organizational domain of a sub-domain."""
        return organizational_domain(self.below, self.records_at)

    @property
    def record(self) -> DmarcRecord | None:
        """The record that applies to the domain."""
        place = self.applied.domain
        return self.records_at(place)[0] if place else None

    @property
    def meant(self) -> tuple[tuple[str, DmarcRecord], ...]:
        """The records to read for their form, with their domains: the domain's own, else the one that applies."""
        own = self.records_at(self.domain)
        if own:
            return tuple((self.domain, record) for record in own)
        record = self.record
        return ((self.applied.domain, record),) if record is not None else ()

    def is_external(self, host: str) -> bool:
        """Whether a host for reports is another organisation's than the record (RFC 9990 section 4)."""
        place = self.applied.domain
        if host == place:
            return False
        organisation = organizational_domain(place, self.records_at)
        # A host's organizational domain is the host or above it: elsewhere no walk is needed to tell.
        if host != organisation and not host.endswith(f".{organisation}"):
            return True
        return organizational_domain(host, self.records_at) != organisation

    def told(self) -> tuple[str, ...]:
        """Lines of evidence: every place of the walk that has something, or was not answered; the domain's always."""
        return tuple(
            str(rung.answer)
            for rung in self.rungs
            if rung.domain == self.domain or rung.records or not rung.answer.answered
        )


def records_in(answer: Answer) -> tuple[DmarcRecord, ...]:
    """The DMARC records in an answer; all other texts are left out (RFC 9989 section 4.10)."""
    return tuple(parse_dmarc(text) for text in answer.records if is_dmarc(text))
