"""Facts about the certificates that a server presents: the chain, what each kind of client is shown, revocation."""

from collections.abc import Iterable
from enum import StrEnum
from typing import ClassVar

from smtp_audit.errors import Undetermined
from smtp_audit.facts.endpoint import Endpoint, Role
from smtp_audit.facts.observation import Absence, Facts, Moment, Observation
from smtp_audit.frozen import Frozen


class Certificate(Frozen):
    """One X.509 certificate. Names are escaped text; DNS names are lower case, without trailing dot.

    The fields from `version` on came later: in a snapshot that lacks them `extensions_read` is False, and whoever needs
    one of them asks `require_extensions` first.
    """

    sha256: str
    der_base64: str
    subject: str
    issuer: str
    serial: str
    common_names: tuple[str, ...] = ()
    dns_names: tuple[str, ...] = ()
    ip_addresses: tuple[str, ...] = ()
    not_before: Moment
    not_after: Moment
    key_type: str
    """`RSA`, `RSA-PSS`, `EC` and the name of the curve, `Ed25519`, `Ed448`, `DSA`, or what the library calls it."""
    key_bits: int | None = None
    signature_algorithm: str
    is_ca: bool = False
    self_issued: bool = False

    version: int | None = None
    """1 or 3; None: not known."""
    signature_hash: str | None = None
    """The digest that is signed, as `sha256`; "" where the algorithm has none of its own (Ed25519); None: not known."""
    extensions_read: bool = False
    """Whether the fields below say anything."""
    key_usage: tuple[str, ...] | None = None
    """The uses by their names in RFC 5280 section 4.2.1.3; None: the certificate has no such extension."""
    extended_key_usage: tuple[str, ...] | None = None
    """Purposes as `serverAuth`, unknown ones as dotted numbers; None: the certificate has no such extension."""
    has_basic_constraints: bool = False
    path_length: int | None = None
    """How many authorities may stand below this one; None: no limit is given."""
    must_staple: bool = False
    """It carries the TLS feature status_request (RFC 7633)."""
    sct_logs: tuple[str, ...] = ()
    """The logs whose timestamps are embedded (RFC 6962 section 3.3): distinct ids in hex."""
    ocsp_urls: tuple[str, ...] = ()
    crl_urls: tuple[str, ...] = ()
    issuer_organisations: tuple[str, ...] = ()
    """The O= of the issuer's name; more than one is odd, and possible."""
    subject_key_id: str = ""
    authority_key_id: str = ""
    sha512: str = ""
    """As `sha256`, for TLSA records (RFC 6698 section 2.1.3); "": not known."""
    spki_sha256: str = ""
    """The hashes of the SubjectPublicKeyInfo (RFC 6698 section 2.1.2); "": not known."""
    spki_sha512: str = ""

    @property
    def curve(self) -> str:
        """The curve of an elliptic key (`secp256r1`, `Ed25519`); "" for a key of another kind."""
        if self.key_type in ("Ed25519", "Ed448"):
            return self.key_type
        return self.key_type.removeprefix("EC ") if self.key_type.startswith("EC ") else ""

    @property
    def key_kind(self) -> str:
        """The kind of key without its curve: `RSA`, `EC`, `Ed25519` ..."""
        return self.key_type.partition(" ")[0]

    def require_extensions(self) -> None:
        """Say that a judgement rests on the extensions.

        Raises:
            Undetermined: the snapshot is older than these facts.
        """
        if not self.extensions_read:
            raise Undetermined("the snapshot does not hold the extensions of the certificate; gather the facts again")

    def __str__(self) -> str:
        names = ", ".join((*self.dns_names, *self.ip_addresses)) or "none"
        return (
            f"subject {self.subject or '(empty)'}; issuer {self.issuer or '(empty)'}; names {names}; valid "
            f"{self.not_before:%Y-%m-%d %H:%M} to {self.not_after:%Y-%m-%d %H:%M} UTC; {self.key_type}"
            f"{f' {self.key_bits} bits' if self.key_bits else ''}, {self.signature_algorithm}; SHA-256 "
            f"{self.sha256[:16]}..."
        )


class Trust(Frozen):
    """What OpenSSL says of the chain as sent, for a TLS server, with the checks of dates and names left out.

    `anchors` names the trust anchors used; `error` is OpenSSL's text and `code` its number (X509_V_ERR_*) when not
    trusted. `system_anchors` says whether they are the system's (None: not known), or a file that the user gave.
    """

    trusted: bool
    anchors: str
    code: int = 0
    error: str = ""
    system_anchors: bool | None = None


class CertificateFacts(Facts):
    """The chain in the order sent, leaf first, and its trust. `offered` is False where there is no TLS to speak of."""

    kind: ClassVar[str] = "certificate"

    offered: bool
    host: str
    chain: tuple[Certificate, ...] = ()
    trust: Trust | None = None
    trust_unknown: str = ""
    """Why there is no trust to speak of, if so and known."""
    unreadable: str = ""
    """Why a certificate of the chain could not be parsed, if so; `chain` ends before it."""

    @property
    def leaf(self) -> Certificate:
        """The server's own certificate. Raises IndexError when there is none, which `offered` excludes."""
        return self.chain[0]


class ClientKind(StrEnum):
    """The kinds of clients that a server may show different certificates to."""

    DEFAULT = "default"
    """Gives the server's name, takes every kind of key."""
    RSA_ONLY = "rsa_only"
    ECDSA_ONLY = "ecdsa_only"
    NAMELESS = "nameless"
    """Gives no name (no SNI)."""
    OTHER_NAME = "other_name"
    """Gives a name that the server does not know."""

    @property
    def words(self) -> str:
        """For a sentence: "a client that ..."."""
        return _CLIENT_WORDS[self]


_CLIENT_WORDS = {
    ClientKind.DEFAULT: "a client that gives the name and takes every kind of key",
    ClientKind.RSA_ONLY: "a client that takes RSA only",
    ClientKind.ECDSA_ONLY: "a client that takes ECDSA only",
    ClientKind.NAMELESS: "a client that gives no name",
    ClientKind.OTHER_NAME: "a client that gives a name the server does not know",
}


class CertificateStatus(StrEnum):
    """What an OCSP responder or a CRL says of one certificate (RFC 6960 section 2.2)."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"
    """The responder does not know the certificate."""


class Staple(Frozen):
    """The OCSP response that came with the handshake (RFC 6066 section 8), or that none came.

    `problem` says why nothing can be read from it: malformed, or an answer without a status (`tryLater`).
    """

    present: bool
    readable: bool = False
    problem: str = ""
    cert_status: CertificateStatus | None = None
    revoked_at: Moment | None = None
    produced_at: Moment | None = None
    this_update: Moment | None = None
    next_update: Moment | None = None
    """None: the responder promises newer information at any time (RFC 6960 section 4.2.2.1)."""
    about_leaf: bool | None = None
    """Whether it speaks of this leaf: serial number, and name and key of the issuer where that was sent."""
    signature_valid: bool | None = None
    """Signed by the leaf's issuer, or by a responder that the issuer delegated; None: could not be checked."""
    signature_problem: str = ""
    responder: str = ""
    """Name or key hash of the responder."""
    sct_logs: tuple[str, ...] = ()
    """The logs whose timestamps it carries: distinct ids in hex."""

    def __str__(self) -> str:
        if not self.present:
            return "no OCSP response stapled"
        if not self.readable:
            return f"a stapled OCSP response that cannot be used: {self.problem}"
        until = f"{self.next_update:%Y-%m-%d %H:%M} UTC" if self.next_update else "no date given"
        since = f"{self.this_update:%Y-%m-%d %H:%M}" if self.this_update else "?"
        return f"stapled OCSP response: {self.cert_status}, from {since} to {until}, by {self.responder}"


class Presentation(Frozen):
    """What one kind of client is shown.

    `refused` says why it was refused, "" when it got a certificate: a clean refusal is a fact like any other.
    """

    client: ClientKind
    chain: tuple[Certificate, ...] = ()
    trust: Trust | None = None
    trust_unknown: str = ""
    """Why there is no trust to speak of, if so."""
    unreadable: str = ""
    refused: str = ""
    staple: Staple | None = None
    """None: not asked for, or not known."""
    tls_sct_logs: tuple[str, ...] | None = None
    """The logs of the timestamps in the TLS extension (RFC 6962 section 3.3.1); None: not asked for."""
    sct_problem: str = ""
    """Why the list of timestamps in the TLS extension cannot be read, if so."""

    @property
    def leaf(self) -> Certificate:
        """The server's own certificate.

        Raises:
            Undetermined: it could not be read.
        """
        if not self.chain:
            raise Undetermined(f"{self.client.words}: {self.unreadable or 'no certificate was recorded'}")
        return self.chain[0]

    @property
    def sct_logs(self) -> tuple[str, ...]:
        """The distinct logs of all timestamps seen: embedded, in the TLS extension, in the OCSP response."""
        embedded = self.chain[0].sct_logs if self.chain else ()
        stapled = self.staple.sct_logs if self.staple is not None else ()
        return tuple(dict.fromkeys((*embedded, *(self.tls_sct_logs or ()), *stapled)))

    def __str__(self) -> str:
        if self.refused:
            return f"{self.client}: refused ({self.refused})"
        shown = str(self.chain[0]) if self.chain else f"unreadable: {self.unreadable}"
        trust = "trust unknown" if self.trust is None else "trusted" if self.trust.trusted else self.trust.error
        return f"{self.client}: {shown}; {trust}"


class ShownCertificatesFacts(Facts):
    """What each kind of client is shown; `unknown` says why that could not be seen for a kind."""

    kind: ClassVar[str] = "certificates_shown"

    offered: bool
    host: str
    role: Role
    presentations: tuple[Presentation, ...] = ()
    unknown: dict[ClientKind, str] = {}

    def to(self, client: ClientKind) -> Presentation:
        """What this kind of client is shown.

        Raises:
            Undetermined: it could not be seen, or was not tried.
        """
        for presentation in self.presentations:
            if presentation.client is client:
                return presentation
        raise Undetermined(f"{client.words}: {self.unknown.get(client) or 'not tried'}")


class RevocationSource(StrEnum):
    """Where revocation can be looked up."""

    OCSP = "ocsp"
    CRL = "crl"


class RevocationAnswer(Frozen):
    """What came of asking one address that the certificate names.

    `status` is set only for what is authentic (`signature_valid`) and about this certificate; `detail` says what is
    wrong otherwise. Whether it is in date is left to the judge.
    """

    source: RevocationSource
    url: str
    reachable: bool
    status: CertificateStatus | None = None
    detail: str = ""
    this_update: Moment | None = None
    next_update: Moment | None = None
    revoked_at: Moment | None = None

    def __str__(self) -> str:
        said = self.status or ("no usable answer" if self.reachable else "not reachable")
        until = f", until {self.next_update:%Y-%m-%d %H:%M} UTC" if self.next_update else ""
        return f"{self.source} {self.url}: {said}{until}" + (f" ({self.detail})" if self.detail else "")


class RevocationFacts(Facts):
    """What the authority says of the leaf when asked. `offered` is False where there is no TLS to speak of."""

    kind: ClassVar[str] = "revocation"

    offered: bool
    answers: tuple[RevocationAnswer, ...] = ()
    left_out: tuple[str, ...] = ()
    """Addresses that were not asked, each with the reason: another scheme than http, or too many."""


class PortLeaf(Frozen):
    """The leaf of one endpoint, as far as it is compared with others."""

    key: str
    """The key of the endpoint (Endpoint.key)."""
    role: Role
    address: str | None = None
    sha256: str
    subject: str
    issuer: str
    issuer_organisations: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    """DNS names and IP addresses."""
    not_before: Moment
    not_after: Moment
    key_type: str

    def __str__(self) -> str:
        return (
            f"{self.key}{f' at {self.address}' if self.address else ''}: {self.subject or '(empty)'}; issuer "
            f"{self.issuer or '(empty)'}; names {', '.join(self.names) or 'none'}; until "
            f"{self.not_after:%Y-%m-%d %H:%M} UTC; {self.key_type}; SHA-256 {self.sha256[:16]}..."
        )


class PortCertificatesFacts(Facts):
    """The leaf of this endpoint beside those of the other endpoints of the same host.

    `own` is None where there is no TLS (`offered` is False) or the leaf cannot be read; `unseen` names the endpoints
    that have TLS, or may have, and whose leaf was not seen, each with the reason.
    """

    kind: ClassVar[str] = "port_certificates"

    offered: bool
    own: PortLeaf | None = None
    others: tuple[PortLeaf, ...] = ()
    unseen: dict[str, str] = {}


def port_certificates(
    endpoint: Endpoint, own: Observation, others: Iterable[tuple[Endpoint, Observation]]
) -> PortCertificatesFacts | None:
    """Compare an endpoint's leaf with those of the other endpoints of its host.

    Args:
        endpoint: the endpoint that the facts are about.
        own: its observation of kind `certificate`.
        others: the endpoints of the same host with their observations of that kind, one for each address.

    Returns:
        None when `own` has no facts: then its absence is the absence of these facts, too.
    """
    if not isinstance(own.facts, CertificateFacts):
        return None
    if not own.facts.offered:
        return PortCertificatesFacts(offered=False)
    leaves: list[PortLeaf] = []
    unseen: dict[str, str] = {}
    for other, observation in ((endpoint, own), *others):
        facts = observation.facts
        if isinstance(facts, CertificateFacts):
            if facts.chain:
                leaves.append(_port_leaf(other, observation.address, facts.leaf))
            elif facts.offered:
                unseen[other.key] = facts.unreadable or "no certificate was recorded"
        elif observation.absence is not Absence.CLOSED:  # a closed port shows no certificate to anybody
            unseen[other.key] = observation.reason or str(observation.absence)
    if not own.facts.chain:
        return PortCertificatesFacts(offered=True, others=tuple(leaves), unseen=unseen)
    return PortCertificatesFacts(offered=True, own=leaves[0], others=tuple(leaves[1:]), unseen=unseen)


def _port_leaf(endpoint: Endpoint, address: str | None, leaf: Certificate) -> PortLeaf:
    return PortLeaf(
        key=endpoint.key,
        role=endpoint.role,
        address=address,
        sha256=leaf.sha256,
        subject=leaf.subject,
        issuer=leaf.issuer,
        issuer_organisations=leaf.issuer_organisations,
        names=(*leaf.dns_names, *leaf.ip_addresses),
        not_before=leaf.not_before,
        not_after=leaf.not_after,
        key_type=leaf.key_type,
    )
