"""Facts of handshakes for the tests of the pure core; a server as it should be, but for what a test gives.

`facts_factories` has them, too: tests of controls use that one name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from smtp_audit.facts.handshake import (
    AcceptedSuite,
    Chooser,
    ClientHandshake,
    DhGroup,
    Feature,
    FeatureSeen,
    StarttlsBoundaryFacts,
    TlsClientFacts,
    TlsFeatureFacts,
    TlsGroupFacts,
    TlsSessionFacts,
    TlsSignatureFacts,
    TlsSuiteFacts,
    VersionGroups,
    VersionSession,
    VersionSignatures,
    VersionSuites,
)
from smtp_audit.facts.tls import TlsVersion

TLS13_SUITES = ("TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256")
TLS12_SUITES = ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384")
GOOD_SUITES = {TlsVersion.TLS13: TLS13_SUITES, TlsVersion.TLS12: TLS12_SUITES}
GOOD_GROUPS = {TlsVersion.TLS13: ("X25519MLKEM768", "x25519", "secp256r1"), TlsVersion.TLS12: ("x25519", "secp256r1")}
GOOD_SCHEMES = {
    TlsVersion.TLS13: ("ecdsa_secp256r1_sha256",),
    TlsVersion.TLS12: ("ecdsa_secp256r1_sha256", "rsa_pss_rsae_sha256"),
}
GOOD_FEATURES: Mapping[Feature, bool] = {
    Feature.EXTENDED_MASTER_SECRET: True,
    Feature.SECURE_RENEGOTIATION: True,
    Feature.COMPRESSION: False,
    Feature.FALLBACK_SCSV: True,
    Feature.HEARTBEAT: False,
    Feature.ENCRYPT_THEN_MAC: True,
    Feature.HELLO_TOLERANCE: True,
    Feature.CLIENT_CERTIFICATE_REQUEST: False,
}


def version_suites(version: TlsVersion, *suites: str | AcceptedSuite, **more: Any) -> VersionSuites:
    """The suites of one version, all of them, in the server's order; for `complete=False` give a `detail`."""
    listed = tuple(suite if isinstance(suite, AcceptedSuite) else AcceptedSuite(name=suite) for suite in suites)
    chooser = Chooser.SERVER if len(listed) > 1 else Chooser.NOBODY
    detail = "alert 40 (handshake_failure)"
    return VersionSuites(
        **{"version": version, "suites": listed, "complete": True, "detail": detail, "chooser": chooser, **more}
    )


def suites(
    by_version: Mapping[TlsVersion, Sequence[str | AcceptedSuite]] | None = None, *, offered: bool = True, **more: Any
) -> TlsSuiteFacts:
    """The suites by version; `more` is for every version (`complete`, `detail`, `chooser`)."""
    if not offered:
        return TlsSuiteFacts(offered=False)
    listed = GOOD_SUITES if by_version is None else by_version
    return TlsSuiteFacts(offered=True, versions=tuple(version_suites(v, *names, **more) for v, names in listed.items()))


def dh_group(bits: int = 2048, **more: Any) -> DhGroup:
    """A finite field of a server's own making: a safe prime that nobody published."""
    return DhGroup(**{"bits": bits, "sha256": f"{bits:064x}", "prime": True, "safe": True, "generator": 2, **more})


def groups(
    by_version: Mapping[TlsVersion, Sequence[str]] | None = None,
    *finite_fields: DhGroup,
    offered: bool = True,
    finite_fields_detail: str = "",
    **more: Any,
) -> TlsGroupFacts:
    """The named groups by version and finite fields; `more` is for every version (`complete`, `detail`)."""
    if not offered:
        return TlsGroupFacts(offered=False)
    listed = GOOD_GROUPS if by_version is None else by_version
    return TlsGroupFacts(
        offered=True,
        versions=tuple(
            VersionGroups(**{"version": version, "groups": tuple(names), "complete": True, **more})
            for version, names in listed.items()
        ),
        finite_fields=finite_fields,
        finite_fields_detail=finite_fields_detail,
    )


def signatures(
    by_version: Mapping[TlsVersion, Sequence[str]] | None = None, *, offered: bool = True, **more: Any
) -> TlsSignatureFacts:
    """The signature schemes by version; `more` is for every version (`complete`, `detail`)."""
    if not offered:
        return TlsSignatureFacts(offered=False)
    listed = GOOD_SCHEMES if by_version is None else by_version
    return TlsSignatureFacts(
        offered=True,
        versions=tuple(
            VersionSignatures(**{"version": version, "schemes": tuple(names), "complete": True, **more})
            for version, names in listed.items()
        ),
    )


def features(*seen: FeatureSeen, offered: bool = True, **present: bool | None) -> TlsFeatureFacts:
    """Every feature as it should be, but for those given: `compression=True`, or a whole `feature(...)`."""
    if not offered:
        return TlsFeatureFacts(offered=False)
    found = {each: feature(each, value) for each, value in GOOD_FEATURES.items()}
    found |= {Feature(name): feature(Feature(name), value) for name, value in present.items()}
    found |= {each.feature: each for each in seen}
    return TlsFeatureFacts(offered=True, features=tuple(found.values()))


def feature(which: Feature, present: bool | None, **more: Any) -> FeatureSeen:
    """One feature: there, not there, or (None) not known."""
    detail = "closed without an alert" if present is None else ""
    return FeatureSeen(**{"feature": which, "present": present, "detail": detail, **more})


def session(version: TlsVersion = TlsVersion.TLS13, resumed: bool | None = True, **more: Any) -> VersionSession:
    """A session that is resumed by a ticket of two hours, without early data."""
    about = {"by": "ticket", "lifetime": 7200} if resumed else {}
    early = {"early_data": 0} if resumed and version is TlsVersion.TLS13 else {}
    return VersionSession(**{"version": version, "resumed": resumed, **about, **early, **more})


def sessions(*versions: VersionSession, offered: bool = True) -> TlsSessionFacts:
    """Resumption by version; without one given, of TLS 1.3 and 1.2."""
    if not offered:
        return TlsSessionFacts(offered=False)
    return TlsSessionFacts(offered=True, versions=versions or (session(), session(TlsVersion.TLS12)))


def client(name: str = "Gmail", accepted: bool | None = True, **more: Any) -> ClientHandshake:
    """What one client negotiates: TLS 1.3, unless it is refused or nothing is known."""
    got: dict[str, Any] = {"version": "TLSv1.3", "suite": "TLS_AES_256_GCM_SHA384", "group": "x25519"}
    about = got if accepted else {"detail": "alert 70 (protocol_version)" if accepted is False else "no answer"}
    return ClientHandshake(**{"client": name, "sort": "sender", "accepted": accepted, **about, **more})


def clients(*handshakes: ClientHandshake, offered: bool = True) -> TlsClientFacts:
    """What well-known clients negotiate; without one given, two that do."""
    if not offered:
        return TlsClientFacts(offered=False)
    both = (client(), client("Thunderbird 115", sort="mail program"))
    return TlsClientFacts(offered=True, clients=handshakes or both)


def boundary(*, offered: bool = True, **more: Any) -> StarttlsBoundaryFacts:
    """A server that forgets what stood behind STARTTLS, unless it is told to answer."""
    return StarttlsBoundaryFacts(**{"offered": offered, "command": "NOOP" if offered else "", **more})
