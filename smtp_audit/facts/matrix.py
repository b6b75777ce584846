"""The matrix: for each MX host what it shows, beside what the DNS and the MTA-STS policy say that it shows.

No probe gives it: it follows from the certificates of the endpoints and from the facts about the domain.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from smtp_audit.errors import Undetermined
from smtp_audit.facts.certificate import Certificate, CertificateFacts
from smtp_audit.facts.dane import CaaClimb, CaaFacts, DaneFacts, DaneHost
from smtp_audit.facts.endpoint import Endpoint, Role
from smtp_audit.facts.lookup import ResolverFacts
from smtp_audit.facts.mta_sts import MtaStsFacts
from smtp_audit.facts.mx_hosts import NO_MAIL, MxHosts
from smtp_audit.facts.observation import Facts, Moment, Observation
from smtp_audit.frozen import Frozen
from smtp_audit.published.tlsa import CERTIFICATE, END_ENTITY, Tlsa

NOT_AUDITED = "its certificate is not known: it was not audited in this run"
"""Why nothing can be said of an MX host that is none of the endpoints of the run."""


class ChainMember(Frozen):
    """One certificate of a chain, as far as it is compared; hashes are lower-case hex, "" where they are not known."""

    subject: str
    issuer: str
    sha256: str
    sha512: str = ""
    spki_sha256: str = ""
    spki_sha512: str = ""
    not_before: Moment
    not_after: Moment

    def matches(self, record: Tlsa) -> bool:
        """Whether a TLSA record is about this certificate or its key (RFC 6698 section 2.1).

        Raises:
            Undetermined: the hash that it asks for is not known.
        """
        if record.problem:
            return False
        whole = record.selector == CERTIFICATE
        if record.sha256 and (self.sha256 if whole else self.spki_sha256):
            return record.sha256 == (self.sha256 if whole else self.spki_sha256)
        own = self.sha512 if whole else self.spki_sha512
        if not own:
            raise Undetermined("the snapshot has no hashes to compare TLSA records with; gather the facts again")
        return record.sha512 == own


class ShownChain(Frozen):
    """The chain that an MX host showed at one address, leaf first, or why it is not known.

    `offered` is False where there is no TLS: then there is nothing to compare, and starttls-offered judges that.
    """

    endpoint: str
    address: str | None = None
    offered: bool = True
    unseen: str = ""
    members: tuple[ChainMember, ...] = ()
    cut: str = ""
    """Why `members` ends before the chain does, if so."""
    dns_names: tuple[str, ...] = ()
    ip_addresses: tuple[str, ...] = ()
    issuer_organisations: tuple[str, ...] = ()
    self_issued: bool = False
    trusted: bool | None = None
    trust_detail: str = ""

    @property
    def place(self) -> str:
        """Where it was shown, for a sentence."""
        return f"{self.endpoint} at {self.address}" if self.address else self.endpoint

    def matched_by(self, records: Iterable[Tlsa]) -> Tlsa | None:
        """A usable TLSA record that this chain fulfils but for names and dates; None when there is none. One that is
        about the leaf comes first: with it names and dates do not count (RFC 7671 section 5.1).

        DANE-EE is about the leaf. DANE-TA is about an authority that the leaf leads to by the names of issuers (RFC
        7671 section 5.2).
        """
        known = sorted(records, key=lambda record: record.usage != END_ENTITY)
        for record in known:
            members = self.members[:1] if record.usage == END_ENTITY else self.path()
            if record.usable and any(member.matches(record) for member in members):
                return record
        return None

    def path(self) -> tuple[ChainMember, ...]:
        """The leaf and the authorities above it that were sent, by the names of issuers."""
        path = list(self.members[:1])
        rest = list(self.members[1:])
        while path and (above := next((m for m in rest if m.subject == path[-1].issuer), None)) is not None:
            path.append(above)
            rest.remove(above)
        return tuple(path)


class MatrixRow(Frozen):
    """One MX host: the chains that it showed, and what is published of it. What is None was not known: `unknown` says
    why, by the kind of facts."""

    host: str
    chains: tuple[ShownChain, ...] = ()
    unseen: str = ""
    """Why there is no chain at all, if so."""
    dane: DaneHost | None = None
    caa: CaaClimb | None = None

    @property
    def seen(self) -> tuple[ShownChain, ...]:
        """The chains with a certificate to compare."""
        return tuple(chain for chain in self.chains if chain.members)

    @property
    def troubles(self) -> tuple[str, ...]:
        """Why a chain of this host is not known, for each that is not, and without what has no TLS at all."""
        if self.unseen:
            return (f"{self.host}: {self.unseen}",)
        return tuple(f"{self.host}: {chain.place}: {chain.unseen}" for chain in self.chains if chain.unseen)


class MatrixFacts(Facts):
    """The rows, one for each MX host, and what is about all of them. `unknown` says why facts are missing, by kind."""

    kind: ClassVar[str] = "matrix"

    domain: str
    mx: MxHosts
    rows: tuple[MatrixRow, ...] = ()
    sts: MtaStsFacts | None = None
    resolver: ResolverFacts | None = None
    unknown: dict[str, str] = {}

    @property
    def nothing(self) -> str:
        """Why there is nothing to compare, if so."""
        return NO_MAIL if self.mx.none else ""

    def require(self) -> tuple[MatrixRow, ...]:
        """The rows.

        Raises:
            Undetermined: who takes the domain's mail is not known.
        """
        self.mx.require()
        return self.rows


MATRIX_NEEDS: tuple[type[Facts], ...] = (DaneFacts, MtaStsFacts, CaaFacts, ResolverFacts)
"""The facts about the domain that the matrix is made of, beside the certificates of its MX endpoints."""


def is_mx_of(endpoint: Endpoint, hosts: Iterable[str]) -> bool:
    """Whether an endpoint is where one of these hosts takes mail."""
    return endpoint.role is Role.MX and endpoint.host.lower().removesuffix(".") in set(hosts)


def mx_of(about: dict[str, Observation]) -> MxHosts | None:
    """Who takes the domain's mail, by whichever of the facts about it there are."""
    facts = (observation.facts for observation in about.values())
    return next((each.mx for each in facts if isinstance(each, DaneFacts | MtaStsFacts | CaaFacts)), None)


def matrix(about: dict[str, Observation], certificates: Iterable[tuple[Endpoint, Observation]]) -> MatrixFacts | None:
    """Set side by side what the MX hosts of a domain show and what is published of them.

    Args:
        about: the observations of the domain, by kind: those of `MATRIX_NEEDS`.
        certificates: the endpoints of the run with their observations of kind `certificate`.

    Returns:
        None when none of `about` says who takes the domain's mail.
    """
    found = {kind: observation.facts for kind, observation in about.items()}
    dane, sts = found.get(DaneFacts.kind), found.get(MtaStsFacts.kind)
    caa, resolver = found.get(CaaFacts.kind), found.get(ResolverFacts.kind)
    mx = mx_of(about)
    if mx is None:
        return None
    shown: dict[str, list[ShownChain]] = {host: [] for host in mx.hosts}
    for endpoint, observation in certificates:
        if is_mx_of(endpoint, mx.hosts):
            shown[endpoint.host.lower().removesuffix(".")].append(_shown(endpoint, observation))
    of_dane = {each.host: each for each in dane.hosts} if isinstance(dane, DaneFacts) else {}
    of_caa = {each.name: each for each in caa.hosts} if isinstance(caa, CaaFacts) else {}
    return MatrixFacts(
        domain=mx.domain,
        mx=mx,
        rows=tuple(
            MatrixRow(
                host=host,
                chains=tuple(chains),
                unseen="" if chains else NOT_AUDITED,
                dane=of_dane.get(host),
                caa=of_caa.get(host),
            )
            for host, chains in shown.items()
        ),
        sts=sts if isinstance(sts, MtaStsFacts) else None,
        resolver=resolver if isinstance(resolver, ResolverFacts) else None,
        unknown={kind: seen.reason or str(seen.absence) for kind, seen in about.items() if seen.facts is None},
    )


def _shown(endpoint: Endpoint, observation: Observation) -> ShownChain:
    facts = observation.facts
    place = {"endpoint": endpoint.key, "address": observation.address}
    if not isinstance(facts, CertificateFacts):
        return ShownChain(**place, unseen=observation.reason or str(observation.absence))
    if not facts.offered:
        return ShownChain(**place, offered=False)
    if not facts.chain:
        return ShownChain(**place, unseen=facts.unreadable or "no certificate was recorded")
    trust, leaf = facts.trust, facts.leaf
    return ShownChain(
        **place,
        members=tuple(map(_member, facts.chain)),
        cut=facts.unreadable,
        dns_names=leaf.dns_names,
        ip_addresses=leaf.ip_addresses,
        issuer_organisations=leaf.issuer_organisations,
        self_issued=leaf.self_issued,
        trusted=None if trust is None else trust.trusted,
        trust_detail=facts.trust_unknown if trust is None else trust.error,
    )


def _member(certificate: Certificate) -> ChainMember:
    return ChainMember(
        subject=certificate.subject,
        issuer=certificate.issuer,
        sha256=certificate.sha256,
        sha512=certificate.sha512,
        spki_sha256=certificate.spki_sha256,
        spki_sha512=certificate.spki_sha512,
        not_before=certificate.not_before,
        not_after=certificate.not_after,
    )
