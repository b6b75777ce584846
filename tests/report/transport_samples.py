"""Facts of handshakes for the sample servers: a sound one, and a poor one that does and hides what it should not."""

from __future__ import annotations

from smtp_audit.facts.certificate import CertificateFacts, ClientKind, ShownCertificatesFacts
from smtp_audit.facts.endpoint import Endpoint, Role, TlsStart
from smtp_audit.facts.handshake import AcceptedSuite, Chooser, Feature, TlsSuiteFacts
from smtp_audit.facts.observation import Absence, Facts
from smtp_audit.facts.tls import TlsVersion
from smtp_audit.report.transport.entries import transport_of
from smtp_audit.report.transport.model import EndpointTransport
from tests import facts_factories as make

_OLD = (
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_DHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_DH_anon_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_RSA_WITH_RC4_128_MD5",
)
_MANY = (
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CAMELLIA_256_CBC_SHA384",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    *_OLD,
)


def handshake_facts(endpoint: Endpoint, poor: bool) -> tuple[Facts, ...]:
    """What the probes of the handshake saw of one endpoint."""
    starts = endpoint.tls_start is TlsStart.STARTTLS
    if not poor:
        return (
            make.suites(),
            make.groups(),
            make.signatures(),
            make.features(),
            make.sessions(),
            make.clients(
                make.client("Gmail", group="X25519MLKEM768"),
                make.client("Microsoft 365", version="TLSv1.2", suite=_MANY[0], group="secp384r1"),
                make.client("Windows 7, Outlook 2010", False, sort="mail program"),
                make.client("Postfix 2.6 (RHEL 6)", False, detail="alert 40 (handshake_failure)"),
            ),
            *((make.boundary(),) if starts else ()),
        )
    return (
        _poor_suites(endpoint),
        make.groups(
            {TlsVersion.TLS13: ("x25519", "secp256r1"), TlsVersion.TLS12: ("secp256r1", "sect571r1")},
            make.dh_group(1024, suites=("TLS_DHE_RSA_WITH_AES_256_GCM_SHA384",)),
            make.dh_group(2048, name="ffdhe2048", suites=_MANY[2:3]),
            finite_fields_detail="TLSv1.0: the connection was reset",
        ),
        make.signatures({TlsVersion.TLS12: ("rsa_pkcs1_sha256", "rsa_pkcs1_sha1")}),
        make.features(
            make.feature(Feature.COMPRESSION, None, applies=False, detail="TLS 1.3 alone"),
            secure_renegotiation=False,
            heartbeat=None,
        ),
        make.sessions(
            make.session(TlsVersion.TLS13, early_data=16384),
            make.session(TlsVersion.TLS12, None, detail="the second connection was refused"),
        ),
        make.clients(
            make.client("Gmail"),
            make.client("Windows 7, Outlook 2010", sort="mail program", version="TLSv1.0", suite=_OLD[4], group=""),
            make.client("Exim 4.80", None),
        ),
        *((make.boundary(answered_inside="250 2.0.0 Ok"),) if starts else ()),
    )


def _poor_suites(endpoint: Endpoint) -> TlsSuiteFacts:
    modern = [AcceptedSuite(name=name, group="x25519", signature="rsa_pss_rsae_sha256") for name in make.TLS13_SUITES]
    plain = [AcceptedSuite(name=name, group="secp256r1" if "ECDHE" in name else "") for name in _MANY]
    cut = endpoint.role is Role.IMAP
    older = {"complete": False, "detail": "closed without an alert after 6 suites"} if cut else {}
    versions = (
        make.version_suites(TlsVersion.TLS13, *modern),
        make.version_suites(TlsVersion.TLS12, *plain, chooser=Chooser.CLIENT),
        make.version_suites(TlsVersion.TLS11, *_OLD, chooser=Chooser.UNKNOWN, chooser_detail="no answer in time"),
        make.version_suites(TlsVersion.TLS10, *_OLD, **older),
    )
    return TlsSuiteFacts(offered=True, versions=versions)


def full_transport() -> tuple[EndpointTransport, ...]:
    """Entries that fill every field there is: a poor server, one that is closed, one whose clients are not known."""
    endpoint = make.endpoint()
    facts = (
        make.tls(*TlsVersion),
        *handshake_facts(endpoint, poor=True),
        make.clients(make.client(detail="after a retry"), make.client("old", False), make.client("silent", None)),
        make.certificates(),
        make.shown(),
    )
    chosen = {each.kind: each for each in facts}  # the later of a kind
    subjects = (endpoint, make.endpoint(Role.IMAPS), make.endpoint(Role.IMAP))
    return transport_of(
        make.snapshot(
            *(make.seen(each) for each in chosen.values()),
            make.absent("tls", Absence.CLOSED, subject=subjects[1].key),
            make.seen(make.tls(TlsVersion.TLS13), subject=subjects[2].key),
            subjects=subjects,
        )
    )


def shown_certificates(facts: CertificateFacts) -> ShownCertificatesFacts:
    """A server with one certificate of RSA: who takes ECDSA only is refused."""
    same = (ClientKind.DEFAULT, ClientKind.RSA_ONLY, ClientKind.NAMELESS, ClientKind.OTHER_NAME)
    presentations = [make.presentation(kind, chain=facts.chain, trust=facts.trust) for kind in same]
    refused = make.presentation(ClientKind.ECDSA_ONLY, chain=(), trust=None, refused="alert 40 (handshake_failure)")
    return make.shown(*presentations, refused)
