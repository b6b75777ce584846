"""Facts of a TLS handshake beyond its version: suites, groups, signatures, extensions, sessions, well-known clients.

All of them say what was seen, and what is missing with the reason: `complete` is True only when a clean refusal of
everything else was seen.
"""

from enum import StrEnum
from typing import ClassVar

from smtp_audit.errors import Undetermined
from smtp_audit.facts.observation import Facts
from smtp_audit.facts.suites import SuiteTraits, traits
from smtp_audit.facts.tls import TlsVersion
from smtp_audit.frozen import Frozen


class AcceptedSuite(Frozen):
    """A suite that the server chose. `group` and `signature` are what its first flight showed with it, "" if nothing.

    A group of RFC 7919 or a curve has its registered name, another finite field is `DH` and its bits.
    """

    name: str
    group: str = ""
    signature: str = ""

    @property
    def traits(self) -> SuiteTraits:
        """What its name says of it."""
        return traits(self.name)

    def __str__(self) -> str:
        more = ", ".join(part for part in (self.group, self.signature) if part)
        return f"{self.name} ({more})" if more else self.name


class Chooser(StrEnum):
    """Who decides which of the suites that both sides have is taken."""

    SERVER = "server"
    CLIENT = "client"
    UNKNOWN = "unknown"
    """Could not be told."""
    NOBODY = "nobody"
    """There is one suite at most."""


class VersionSuites(Frozen):
    """The suites of one version, in the order in which the server chose them while the chosen ones were struck."""

    version: TlsVersion
    suites: tuple[AcceptedSuite, ...] = ()
    complete: bool = False
    detail: str = ""
    """How the rest was refused, or why it is not known."""
    chooser: Chooser = Chooser.UNKNOWN
    chooser_detail: str = ""
    hellos: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the suites."""
        return tuple(suite.name for suite in self.suites)

    def __str__(self) -> str:
        listed = ", ".join(str(suite) for suite in self.suites) or "none"
        return f"{self.version}: {listed}" + ("" if self.complete else f" (not complete: {self.detail})")


class TlsSuiteFacts(Facts):
    """The cipher suites of every version that is accepted, or may be."""

    kind: ClassVar[str] = "tls_suites"

    offered: bool
    versions: tuple[VersionSuites, ...] = ()

    def accepted(self) -> tuple[tuple[TlsVersion, AcceptedSuite], ...]:
        """Every suite seen, with its version."""
        return tuple((each.version, suite) for each in self.versions for suite in each.suites)

    def evidence(self) -> tuple[str, ...]:
        """A line for each version."""
        return tuple(str(each) for each in self.versions)

    def require_complete(self) -> None:
        """Say that a judgement rests on the suites that were not seen.

        Raises:
            Undetermined: some version's list has no end.
        """
        open_ended = [f"{each.version}: {each.detail or 'not tried'}" for each in self.versions if not each.complete]
        if open_ended:
            raise Undetermined("; ".join(open_ended))


class DhGroup(Frozen):
    """Finite-field parameters that a server sent with DHE or anonymous suites.

    `name` is that of a published group (RFC 2409, 3526, 5114, 7919) or of a program that ships it, "" for any other.
    `prime` and `safe` (the half of it is prime, too) are None where that was not worked out.
    """

    bits: int
    sha256: str
    name: str = ""
    prime: bool | None = None
    safe: bool | None = None
    generator: int | None = None
    suites: tuple[str, ...] = ()

    def __str__(self) -> str:
        what = self.name or {True: "a safe prime", False: "no safe prime", None: "a prime not looked into"}[self.safe]
        if self.prime is False:
            what = "not even a prime"
        return f"{self.bits} bits, {what}, SHA-256 {self.sha256[:16]}..."


class VersionGroups(Frozen):
    """The named groups that one version takes, in the order of discovery; `complete` as for suites."""

    version: TlsVersion
    groups: tuple[str, ...] = ()
    complete: bool = False
    detail: str = ""
    hellos: int = 0

    def __str__(self) -> str:
        listed = ", ".join(self.groups) or "none"
        return f"{self.version}: {listed}" + ("" if self.complete else f" (not complete: {self.detail})")


class TlsGroupFacts(Facts):
    """The groups of the key exchange: named ones by version, and finite fields that the server sent."""

    kind: ClassVar[str] = "tls_groups"

    offered: bool
    versions: tuple[VersionGroups, ...] = ()
    finite_fields: tuple[DhGroup, ...] = ()
    finite_fields_detail: str = ""
    """Why parameters of some DHE suite were not seen; "" when all were."""

    def named(self) -> tuple[str, ...]:
        """The named groups of all versions, each once."""
        return tuple(dict.fromkeys(name for each in self.versions for name in each.groups))

    def evidence(self) -> tuple[str, ...]:
        """A line for each version and finite field."""
        return (*(str(each) for each in self.versions), *(f"DHE: {each}" for each in self.finite_fields))

    def require_complete(self) -> None:
        """Raises Undetermined when there may be groups that were not seen."""
        missing = [f"{each.version}: {each.detail or 'not tried'}" for each in self.versions if not each.complete]
        if self.finite_fields_detail:
            missing.append(self.finite_fields_detail)
        if missing:
            raise Undetermined("; ".join(missing))


class VersionSignatures(Frozen):
    """The signature schemes with which the server signs its key exchange in one version."""

    version: TlsVersion
    schemes: tuple[str, ...] = ()
    complete: bool = False
    detail: str = ""
    hellos: int = 0

    def __str__(self) -> str:
        listed = ", ".join(self.schemes) or "none"
        return f"{self.version}: {listed}" + ("" if self.complete else f" (not complete: {self.detail})")


class TlsSignatureFacts(Facts):
    """The signature schemes of TLS 1.2 and 1.3 (RFC 8446 section 4.2.3); older versions have no choice."""

    kind: ClassVar[str] = "tls_signatures"

    offered: bool
    versions: tuple[VersionSignatures, ...] = ()

    def evidence(self) -> tuple[str, ...]:
        """A line for each version."""
        return tuple(str(each) for each in self.versions)

    def require_complete(self) -> None:
        """Raises Undetermined when there may be schemes that were not seen."""
        missing = [f"{each.version}: {each.detail or 'not tried'}" for each in self.versions if not each.complete]
        if missing:
            raise Undetermined("; ".join(missing))


class Feature(StrEnum):
    """A property of a server's handshake that is there or not."""

    EXTENDED_MASTER_SECRET = "extended_master_secret"  # noqa: S105 (no password)
    SECURE_RENEGOTIATION = "secure_renegotiation"
    COMPRESSION = "compression"
    FALLBACK_SCSV = "fallback_scsv"
    HEARTBEAT = "heartbeat"
    ENCRYPT_THEN_MAC = "encrypt_then_mac"
    HELLO_TOLERANCE = "hello_tolerance"
    CLIENT_CERTIFICATE_REQUEST = "client_certificate_request"


class FeatureSeen(Frozen):
    """What was seen of one feature.

    `present` None: not known, `detail` says why. `applies` False: there is nothing to have it in, such as compression
    on a server that speaks TLS 1.3 alone; `detail` says what is missing.
    """

    feature: Feature
    present: bool | None
    applies: bool = True
    detail: str = ""

    def __str__(self) -> str:
        word = {True: "yes", False: "no", None: "not known"}[self.present] if self.applies else "no object"
        return f"{self.feature}: {word}" + (f" ({self.detail})" if self.detail else "")


class TlsFeatureFacts(Facts):
    """The features of an endpoint's handshakes."""

    kind: ClassVar[str] = "tls_features"

    offered: bool
    features: tuple[FeatureSeen, ...] = ()

    def of(self, feature: Feature) -> FeatureSeen:
        """What was seen of `feature`, which is known or without object.

        Raises:
            Undetermined: it is not known.
        """
        for seen in self.features:
            if seen.feature is feature:
                if seen.applies and seen.present is None:
                    raise Undetermined(f"{feature}: {seen.detail or 'could not be told'}")
                return seen
        raise Undetermined(f"{feature}: not asked")


class VersionSession(Frozen):
    """Resumption in one version. `resumed` None: not known; `lifetime` is the ticket's, in seconds.

    `early_data` is the number of octets that a client may send before the handshake ends, None where not known or
    where the version has none.
    """

    version: TlsVersion
    resumed: bool | None
    by: str = ""
    lifetime: int | None = None
    early_data: int | None = None
    detail: str = ""

    def __str__(self) -> str:
        word = {True: f"resumed by {self.by}", False: "not resumed", None: "not known"}[self.resumed]
        parts = [word]
        if self.lifetime is not None:
            parts.append(f"ticket for {self.lifetime} s")
        if self.early_data is not None:
            parts.append(f"early data {self.early_data} octets")
        if self.detail:
            parts.append(self.detail)
        return f"{self.version}: {', '.join(parts)}"


class TlsSessionFacts(Facts):
    """Session resumption, tickets and early data (RFC 5077, RFC 8446 sections 2.2 and 2.3)."""

    kind: ClassVar[str] = "tls_sessions"

    offered: bool
    versions: tuple[VersionSession, ...] = ()

    def evidence(self) -> tuple[str, ...]:
        """A line for each version."""
        return tuple(str(each) for each in self.versions)


class ClientHandshake(Frozen):
    """What the server answered to the recorded hello of a well-known client.

    `version` "" and `accepted` False: it refused, `detail` says how. `accepted` None: not known.
    """

    client: str
    sort: str
    accepted: bool | None
    version: str = ""
    suite: str = ""
    group: str = ""
    detail: str = ""


class TlsClientFacts(Facts):
    """What well-known senders and mail programs would negotiate: their recorded hellos, sent as they are."""

    kind: ClassVar[str] = "tls_clients"

    offered: bool
    clients: tuple[ClientHandshake, ...] = ()


class StarttlsBoundaryFacts(Facts):
    """What becomes of a command that stands in one segment with STARTTLS (RFC 3207 section 5, CVE-2011-0411).

    `answered_inside` is what the server said to it inside TLS, `clear_text` what it said in clear between its yes and
    the handshake; both "" when nothing. `refused` is its reply when it takes no STARTTLS with something behind it.
    """

    kind: ClassVar[str] = "starttls_boundary"

    offered: bool
    command: str = ""
    answered_inside: str = ""
    clear_text: str = ""
    refused: str = ""
