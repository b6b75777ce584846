"""Cases of smtp_audit.controls.certificate_clients."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from smtp_audit.facts.certificate import (
    CertificateFacts,
    ClientKind,
    PortCertificatesFacts,
    ShownCertificatesFacts,
    Trust,
)
from smtp_audit.facts.endpoint import Role
from tests.facts_factories import (
    NO_TLS_CERTIFICATES,
    NO_TLS_SHOWN,
    NOW,
    certificate,
    certificates,
    issuer,
    port_leaf,
    port_leaves,
    presentation,
    shown,
)

from .case import Case, Expected

PASS, FAIL, NOT_APPLICABLE, INDETERMINATE = Expected

_UNTRUSTED = Trust(trusted=False, anchors="ca.pem", code=20, error="unable to get local issuer certificate")
_RSA = certificate(sha256="01" * 32, key_type="RSA", key_bits=2048)


def _with(client: ClientKind, role: Role = Role.MX, **more: Any) -> tuple[CertificateFacts, ShownCertificatesFacts]:
    """Sound for all, but one client is shown something else: a sound RSA chain, but for what is given."""
    other = presentation(client, **{"chain": (_RSA, issuer()), **more})
    return certificates(), shown(*(other if kind is client else presentation(kind) for kind in ClientKind), role=role)


def _refusing(*clients: ClientKind, role: Role = Role.MX) -> tuple[CertificateFacts, ShownCertificatesFacts]:
    """Sound for all but those who are refused."""
    return certificates(), shown(
        *(
            presentation(kind, **({"chain": (), "trust": None, "refused": "alert 40"} if kind in clients else {}))
            for kind in ClientKind
        ),
        role=role,
    )


def _other(**more: Any) -> dict[str, Any]:
    return {"chain": (_RSA.model_copy(update=more), issuer())}


_ADDRESS = "192.0.2.25"
_BY_ADDRESS = (certificate(dns_names=(), ip_addresses=(_ADDRESS,)), issuer())
_ALL_BUT_NAMELESS = tuple(
    presentation(kind, chain=_BY_ADDRESS) for kind in ClientKind if kind is not ClientKind.NAMELESS
)
_WITHOUT_NAMES = shown(
    *(
        presentation(kind, chain=_BY_ADDRESS)
        for kind in (ClientKind.DEFAULT, ClientKind.RSA_ONLY, ClientKind.ECDSA_ONLY)
    ),
    host=_ADDRESS,
    unknown=dict.fromkeys(
        (ClientKind.NAMELESS, ClientKind.OTHER_NAME), "the host is an address: no client gives a name"
    ),
)

_EVERY = (
    Case("certificate-every-client", (certificates(), shown()), PASS, "is shown the same sound certificate"),
    Case("certificate-every-client", _with(ClientKind.RSA_ONLY), PASS, "what each kind of client is shown is sound"),
    Case(
        "certificate-every-client",
        _refusing(ClientKind.RSA_ONLY),
        PASS,
        "the same sound certificate; a client that takes RSA only is refused (alert 40)",
    ),
    Case("certificate-every-client", _refusing(ClientKind.ECDSA_ONLY), PASS, "takes ECDSA only is refused"),
    Case("certificate-every-client", _refusing(ClientKind.OTHER_NAME), PASS, "does not know is refused"),
    Case("certificate-every-client", _refusing(ClientKind.NAMELESS, role=Role.IMAPS), PASS, "gives no name is refused"),
    # The strange name need not be in the certificate.
    Case(
        "certificate-every-client",
        _with(ClientKind.OTHER_NAME, **_other(dns_names=("www.example.com",))),
        PASS,
        "is sound",
    ),
    Case(
        "certificate-every-client",
        (certificates(*_BY_ADDRESS, host=_ADDRESS), shown(*_ALL_BUT_NAMELESS, host=_ADDRESS)),
        PASS,
        "the same sound certificate",
    ),
    # As the probe tells it: nobody gives the name of a server that has none, and there is no strange one either.
    Case(
        "certificate-every-client",
        (certificates(*_BY_ADDRESS, host=_ADDRESS), _WITHOUT_NAMES),
        PASS,
        "the same sound certificate",
    ),
    Case("certificate-every-client", _refusing(ClientKind.NAMELESS), FAIL, "a client that gives no name is refused"),
    Case("certificate-every-client", _refusing(ClientKind.DEFAULT), FAIL, "takes every kind of key is refused"),
    Case(
        "certificate-every-client",
        _refusing(ClientKind.RSA_ONLY, ClientKind.ECDSA_ONLY),
        FAIL,
        "takes RSA only is refused (alert 40); a client that takes ECDSA only is refused",
    ),
    Case(
        "certificate-every-client",
        _with(ClientKind.RSA_ONLY, trust=_UNTRUSTED),
        FAIL,
        "takes RSA only: not trusted: unable to get local issuer certificate (OpenSSL error 20)",
    ),
    Case(
        "certificate-every-client",
        _with(ClientKind.RSA_ONLY, **_other(not_after=NOW - timedelta(seconds=1))),
        FAIL,
        "takes RSA only: CN=mail.example.com is not in date",
    ),
    Case(
        "certificate-every-client",
        _with(ClientKind.NAMELESS, **_other(dns_names=("www.example.com",))),
        FAIL,
        "gives no name: issued to www.example.com, not to mail.example.com",
    ),
    Case("certificate-every-client", _with(ClientKind.OTHER_NAME, trust=_UNTRUSTED), FAIL, "not know: not trusted"),
    # The server's farm has more than one: what was seen first was another certificate.
    Case(
        "certificate-every-client",
        (certificates(_RSA, issuer()), shown(presentation(trust=_UNTRUSTED))),
        FAIL,
        "takes every kind of key: not trusted",
    ),
    Case("certificate-every-client", (NO_TLS_CERTIFICATES, NO_TLS_SHOWN), NOT_APPLICABLE, "no TLS on this endpoint"),
    Case(
        "certificate-every-client",
        (certificates(trust=_UNTRUSTED), shown(*(presentation(kind, trust=_UNTRUSTED) for kind in ClientKind))),
        NOT_APPLICABLE,
        "every client is shown the same certificate, and certificate-trusted",
    ),
    Case(
        "certificate-every-client",
        (certificates(), shown(presentation(), unknown={ClientKind.RSA_ONLY: "closed three times"})),
        INDETERMINATE,
        "takes RSA only: closed three times; a client that takes ECDSA only: not tried",
    ),
    # One kind refused and the other not seen: nothing says that either could not be served.
    Case(
        "certificate-every-client",
        (certificates(), shown(presentation(), presentation(ClientKind.RSA_ONLY, chain=(), refused="alert 40"))),
        INDETERMINATE,
        "takes ECDSA only: not tried",
    ),
    Case("certificate-every-client", _with(ClientKind.RSA_ONLY, trust=None), INDETERMINATE, "was not verified"),
    Case(
        "certificate-every-client",
        _with(ClientKind.RSA_ONLY, chain=(), unreadable="bad DER"),
        INDETERMINATE,
        "takes RSA only: bad DER",
    ),
)

_OTHER_LEAF = {"sha256": "02" * 32}


def _ports(**more: Any) -> PortCertificatesFacts:
    return port_leaves(port_leaf(), port_leaf(Role.IMAPS, **{**_OTHER_LEAF, **more}))


_SAME = (
    Case(
        "certificate-same-on-ports",
        port_leaves(port_leaf(), port_leaf(Role.IMAPS), port_leaf(Role.SUBMISSION)),
        PASS,
        "the same certificate on 2 of 2 other ports",
    ),
    Case("certificate-same-on-ports", _ports(key_type="RSA"), PASS, "993 has one with another kind of key (RSA)"),
    Case("certificate-same-on-ports", _ports(not_before=NOW), PASS, "993 has a newer one of the same issuer"),
    Case("certificate-same-on-ports", _ports(issuer="CN=Example CA 2"), PASS, "of the same issuer for the same"),
    Case(
        "certificate-same-on-ports",
        _ports(names=("www.example.com",)),
        FAIL,
        "mail.example.com:993 has a certificate for other names: www.example.com",
    ),
    Case(
        "certificate-same-on-ports",
        _ports(issuer_organisations=("Other Trust",)),
        FAIL,
        "993 has a certificate of another issuer",
    ),
    Case(
        "certificate-same-on-ports",
        _ports(issuer_organisations=(), issuer="CN=mail.example.com"),
        FAIL,
        "993 has a certificate of another issuer: CN=mail.example.com",
    ),
    Case(
        "certificate-same-on-ports",
        _ports(not_after=NOW - timedelta(seconds=1)),
        FAIL,
        "that of mail.example.com:993 is not in date: not reloaded?",
    ),
    Case(
        "certificate-same-on-ports",
        port_leaves(port_leaf(), port_leaf(Role.IMAPS, **_OTHER_LEAF, names=()), unseen={"a:465": "closed"}),
        FAIL,
        "other names: none",
    ),
    Case("certificate-same-on-ports", PortCertificatesFacts(offered=False), NOT_APPLICABLE, "no TLS on this endpoint"),
    Case("certificate-same-on-ports", port_leaves(), NOT_APPLICABLE, "no other port of the host has TLS"),
    Case(
        "certificate-same-on-ports",
        port_leaves(port_leaf(), port_leaf(Role.IMAPS), unseen={"mail.example.com:465": "no answer"}),
        INDETERMINATE,
        "not every port could be seen: mail.example.com:465: no answer",
    ),
    Case(
        "certificate-same-on-ports",
        PortCertificatesFacts(offered=True, others=(port_leaf(),)),
        INDETERMINATE,
        "could not be read",
    ),
)

_ACCEPTED = {"accepted": ["Example Trust", "Let's Encrypt"]}


def _issued_by(*organisations: str, **more: Any) -> CertificateFacts:
    return certificates(certificate(issuer_organisations=organisations), issuer(), **more)


_ISSUER = (
    Case("certificate-issuer", certificates(), PASS, "issued by Example Trust", _ACCEPTED),
    Case("certificate-issuer", _issued_by("Other Trust"), FAIL, "issued by Other Trust, which is not", _ACCEPTED),
    Case("certificate-issuer", _issued_by("example trust"), FAIL, "issued by example trust, which", _ACCEPTED),
    Case("certificate-issuer", _issued_by(), FAIL, "issued by no organisation (CN=Example CA)", _ACCEPTED),
    Case("certificate-issuer", _issued_by("Example Trust", "Other"), FAIL, "issued by Example Trust, Other", _ACCEPTED),
    Case("certificate-issuer", _issued_by("Other Trust", trust=_UNTRUSTED), FAIL, "which is not accepted", _ACCEPTED),
    Case("certificate-issuer", NO_TLS_CERTIFICATES, NOT_APPLICABLE, "no TLS on this endpoint", _ACCEPTED),
    Case("certificate-issuer", certificates(), NOT_APPLICABLE, "accepts every authority", {"accepted": []}),
    Case("certificate-issuer", certificates(trust=_UNTRUSTED), NOT_APPLICABLE, "certificate-trusted judges", _ACCEPTED),
    Case("certificate-issuer", certificates(trust=None), INDETERMINATE, "the chain was not verified", _ACCEPTED),
    Case(
        "certificate-issuer",
        certificates(certificate(extensions_read=False, issuer_organisations=())),
        INDETERMINATE,
        "the snapshot does not hold",
        _ACCEPTED,
    ),
)

CASES = (*_EVERY, *_SAME, *_ISSUER)
