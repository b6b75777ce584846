"""Facts about TLS versions, from the project's own ClientHello, and about known TLS flaws, from sslyze."""

from enum import StrEnum
from typing import ClassVar

from smtp_audit.errors import Undetermined
from smtp_audit.facts.observation import Facts
from smtp_audit.frozen import Frozen
from smtp_audit.ranked import Ranked


class TlsVersion(Ranked):
    """A protocol version, ordered from SSL 2 to TLS 1.3."""

    SSL2 = "SSLv2"
    SSL3 = "SSLv3"
    TLS10 = "TLSv1.0"
    TLS11 = "TLSv1.1"
    TLS12 = "TLSv1.2"
    TLS13 = "TLSv1.3"

    @property
    def code(self) -> int:
        """The number on the wire (RFC 8446 section 4.2.1; SSL 2: 0x0002)."""
        return _CODES[self]


_CODES = {
    TlsVersion.SSL2: 0x0002,
    TlsVersion.SSL3: 0x0300,
    TlsVersion.TLS10: 0x0301,
    TlsVersion.TLS11: 0x0302,
    TlsVersion.TLS12: 0x0303,
    TlsVersion.TLS13: 0x0304,
}


class Acceptance(StrEnum):
    """The three things a hello can show. What is not clearly one of the first two is unknown."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class VersionOutcome(Frozen):
    """What the server did with hellos of one version.

    `suite` is the cipher suite chosen (IANA name, or its number in hex), `detail` the alert, the lower version or the
    reason why it is unknown, `hellos` the connections it took.
    """

    version: TlsVersion
    acceptance: Acceptance
    suite: str = ""
    detail: str = ""
    hellos: int = 1

    def __str__(self) -> str:
        what = f" with {self.suite}" if self.suite else ""
        return f"{self.version}: {self.acceptance}{what}" + (f" ({self.detail})" if self.detail else "")


class TlsFacts(Facts):
    """The TLS versions of an endpoint. `offered` is False when there is no TLS to speak of (STARTTLS not offered)."""

    kind: ClassVar[str] = "tls"

    offered: bool
    versions: tuple[VersionOutcome, ...] = ()

    @property
    def seen(self) -> tuple[TlsVersion, ...]:
        """The versions seen to be accepted; others may be unknown."""
        return tuple(o.version for o in self.versions if o.acceptance is Acceptance.ACCEPTED)

    def handshakes(self, versions: tuple[TlsVersion, ...] | None = None) -> tuple[str, ...]:
        """A line of evidence for each version (or each of `versions`)."""
        return tuple(str(o) for o in self.versions if versions is None or o.version in versions)

    def require_known(self, *versions: TlsVersion) -> None:
        """Say that a judgement rests on these versions.

        Raises:
            Undetermined: one of them is unknown or was not tried.
        """
        outcomes = {o.version: o for o in self.versions}
        unknown = [
            f"{version}: {outcomes[version].detail or 'unknown'}" if version in outcomes else f"{version}: not tried"
            for version in versions
            if version not in outcomes or outcomes[version].acceptance is Acceptance.UNKNOWN
        ]
        if unknown:
            raise Undetermined("; ".join(unknown))


class TlsFlaw(StrEnum):
    """A flaw of a TLS implementation that sslyze tests for."""

    HEARTBLEED = "heartbleed"
    CCS_INJECTION = "ccs_injection"
    ROBOT = "robot"
    CLIENT_RENEGOTIATION = "client_renegotiation"


class FlawOutcome(Frozen):
    """sslyze's result for one flaw: None where it could not tell, with its reason."""

    flaw: TlsFlaw
    vulnerable: bool | None
    detail: str = ""


class TlsFlawFacts(Facts):
    """The results of one sslyze process. `seconds` and `connections` are its own, beside ours.

    The connections are None where they were not counted.
    """

    kind: ClassVar[str] = "tls_flaws"

    offered: bool
    outcomes: tuple[FlawOutcome, ...] = ()
    sslyze_version: str = ""
    seconds: float = 0.0
    connections: int | None = None

    def vulnerable(self, flaw: TlsFlaw) -> bool:
        """Whether the server has the flaw.

        Raises:
            Undetermined: sslyze could not tell, or gave no result.
        """
        for outcome in self.outcomes:
            if outcome.flaw is flaw and outcome.vulnerable is not None:
                return outcome.vulnerable
            if outcome.flaw is flaw:
                raise Undetermined(f"sslyze could not tell: {outcome.detail}")
        raise Undetermined(f"sslyze gave no result for {flaw}")
