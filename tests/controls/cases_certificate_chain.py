"""Cases of smtp_audit.controls.certificate_chain."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from smtp_audit.facts.certificate import CertificateFacts
from tests.facts_factories import NO_TLS_CERTIFICATES, NOW, certificate, certificates, issuer

from .case import Case, Expected

PASS, FAIL, NOT_APPLICABLE, INDETERMINATE = Expected

_NO_CHAIN = {"chain": (), "unreadable": "certificate 1 cannot be read: bad DER"}
_CUT_CHAIN = {"unreadable": "certificate 3 cannot be read: bad DER"}


def _leaf(**more: Any) -> CertificateFacts:
    return certificates(certificate(**more), issuer())


def _issuer(**more: Any) -> CertificateFacts:
    return certificates(certificate(), issuer(**more))


def _root(**more: Any) -> Any:
    root = {"sha256": "ef" * 32, "subject": "CN=Example Root", "self_issued": True, "path_length": None}
    return issuer(**{**root, **more})


_OLD = {"extensions_read": False, "signature_hash": None, "version": None}
"""What a snapshot of an earlier version says."""

_ORDER = (
    Case("certificate-chain-order", certificates(), PASS, "2 certificates in order"),
    Case("certificate-chain-order", certificates(certificate()), PASS, "1 certificate in order"),
    Case(
        "certificate-chain-order",
        certificates(certificate(issuer=certificate().subject, self_issued=True)),
        PASS,
        "1 certificate in order",
    ),
    Case(
        "certificate-chain-order",
        certificates(certificate(), issuer(), _root()),
        PASS,
        "3 certificates in order; the root is sent, too",
    ),
    # A change of roots: the same authority, certified by two others.
    Case(
        "certificate-chain-order",
        certificates(certificate(), issuer(), issuer(sha256="01" * 32, issuer="CN=Old Root")),
        PASS,
        "3 certificates in order",
    ),
    Case(
        "certificate-chain-order",
        certificates(certificate(), _root(), issuer()),
        FAIL,
        "certificate 2 (CN=Example Root) is out of order: it does not certify the one before it",
    ),
    Case("certificate-chain-order", certificates(certificate(), issuer(), issuer()), FAIL, "certificate 3 (CN=Example"),
    Case("certificate-chain-order", certificates(certificate(), certificate()), FAIL, "is sent twice"),
    Case(
        "certificate-chain-order",
        certificates(certificate(), issuer(), issuer(sha256="01" * 32, subject="CN=Stranger", issuer="CN=Stranger")),
        FAIL,
        "certificate 3 (CN=Stranger) belongs to no certificate of the chain",
    ),
    # The name of the issuer with another key: the wrong generation of an intermediate.
    Case(
        "certificate-chain-order",
        certificates(certificate(authority_key_id="aa"), issuer(subject_key_id="bb")),
        FAIL,
        "certificate 2 (CN=Example CA) belongs to no certificate",
    ),
    Case(
        "certificate-chain-order",
        certificates(certificate(), issuer(), issuer(), **_CUT_CHAIN),
        FAIL,
        "is sent twice",
    ),
    Case("certificate-chain-order", NO_TLS_CERTIFICATES, NOT_APPLICABLE, "no TLS on this endpoint"),
    Case("certificate-chain-order", certificates(**_CUT_CHAIN), INDETERMINATE, "certificate 3 cannot be read"),
    Case("certificate-chain-order", certificates(**_NO_CHAIN), INDETERMINATE, "certificate 1 cannot be read"),
)

_STRONG = {"minimum_rsa_bits": 2048, "minimum_ec_bits": 224, "allowed_curves": ["secp256r1", "secp384r1", "Ed25519"]}
_RSA = {"key_type": "RSA", "key_bits": 2048}

_KEY = (
    Case("certificate-key-strength", certificates(), PASS, "the leaf: EC secp256r1, 256 bits", _STRONG),
    Case("certificate-key-strength", _leaf(**_RSA), PASS, "the leaf: RSA, 2048 bits", _STRONG),
    Case("certificate-key-strength", _leaf(key_type="Ed25519", key_bits=256), PASS, "the leaf: Ed25519", _STRONG),
    Case("certificate-key-strength", _leaf(**_RSA, **_OLD), PASS, "the leaf: RSA, 2048 bits", _STRONG),
    Case("certificate-key-strength", _leaf(key_type="RSA", key_bits=2047), FAIL, "RSA of 2047 bits", _STRONG),
    Case("certificate-key-strength", _leaf(key_type="RSA-PSS", key_bits=1024), FAIL, "RSA-PSS of 1024", _STRONG),
    Case("certificate-key-strength", _leaf(key_type="DSA", key_bits=2048), FAIL, "DSA of 2048 bits", _STRONG),
    Case("certificate-key-strength", _leaf(key_type="EC secp256k1"), FAIL, "the curve secp256k1", _STRONG),
    Case("certificate-key-strength", _leaf(key_type="Ed448", key_bits=456), FAIL, "the curve Ed448", _STRONG),
    Case(
        "certificate-key-strength",
        _leaf(key_type="EC secp192r1", key_bits=192),
        FAIL,
        "EC secp192r1 of 192 bits, at least 224",
        {**_STRONG, "allowed_curves": ["secp192r1"]},
    ),
    Case(
        "certificate-key-strength",
        _issuer(key_type="RSA", key_bits=1024),
        FAIL,
        "CN=Example CA: RSA of 1024 bits",
        _STRONG,
    ),
    # Clients have their own copy of a root. A leaf that signed itself is the server's key all the same.
    Case(
        "certificate-key-strength",
        certificates(certificate(), issuer(), _root(key_type="RSA", key_bits=1024)),
        PASS,
        "3 certificates",
        _STRONG,
    ),
    Case(
        "certificate-key-strength",
        certificates(certificate(self_issued=True, key_type="RSA", key_bits=1024)),
        FAIL,
        "the certificate: RSA of 1024 bits",
        _STRONG,
    ),
    Case(
        "certificate-key-strength",
        certificates(certificate(key_type="RSA", key_bits=512), issuer(key_bits=None), **_CUT_CHAIN),
        FAIL,
        "RSA of 512 bits",
        _STRONG,
    ),
    Case("certificate-key-strength", NO_TLS_CERTIFICATES, NOT_APPLICABLE, "no TLS on this endpoint", _STRONG),
    Case("certificate-key-strength", certificates(**_NO_CHAIN), INDETERMINATE, "certificate 1 cannot", _STRONG),
    Case("certificate-key-strength", certificates(**_CUT_CHAIN), INDETERMINATE, "certificate 3 cannot", _STRONG),
    Case("certificate-key-strength", _issuer(key_bits=None), INDETERMINATE, "the size of the key of CN=Ex", _STRONG),
    Case("certificate-key-strength", _leaf(key_type="MLDSA65", key_bits=None), INDETERMINATE, "MLDSA65", _STRONG),
)

_DIGESTS = {"forbidden_hashes": ["md2", "md4", "md5", "SHA-1"]}
_SHA1 = {"signature_hash": "sha1", "signature_algorithm": "sha1WithRSAEncryption"}

_SIGNATURE = (
    Case("certificate-signature", certificates(), PASS, "the leaf: ecdsa-with-SHA256", _DIGESTS),
    Case(
        "certificate-signature",
        _leaf(signature_hash="", signature_algorithm="ed25519"),
        PASS,
        "the leaf: ed25519",
        _DIGESTS,
    ),
    Case("certificate-signature", _leaf(**_SHA1), FAIL, "the certificate: signed with sha1WithRSAEncryption", _DIGESTS),
    Case("certificate-signature", _issuer(**_SHA1), FAIL, "CN=Example CA: signed with sha1With", _DIGESTS),
    Case("certificate-signature", certificates(certificate(), issuer(), _root(**_SHA1)), PASS, "are sound", _DIGESTS),
    Case("certificate-signature", _leaf(**_SHA1), PASS, "are sound", {"forbidden_hashes": ["md5"]}),
    Case(
        "certificate-signature",
        certificates(certificate(**_SHA1), issuer(**_OLD), **_CUT_CHAIN),
        FAIL,
        "the certificate: signed with",
        _DIGESTS,
    ),
    Case("certificate-signature", NO_TLS_CERTIFICATES, NOT_APPLICABLE, "no TLS on this endpoint", _DIGESTS),
    Case("certificate-signature", _leaf(**_OLD), INDETERMINATE, "the digest of ecdsa-with-SHA256", _DIGESTS),
    Case("certificate-signature", certificates(**_CUT_CHAIN), INDETERMINATE, "certificate 3 cannot", _DIGESTS),
    Case("certificate-signature", certificates(**_NO_CHAIN), INDETERMINATE, "certificate 1 cannot", _DIGESTS),
)

_PURPOSE = (
    Case("certificate-purpose", certificates(), PASS, "meant for serverAuth"),
    Case("certificate-purpose", certificates(**_CUT_CHAIN), PASS, "meant for serverAuth"),
    Case(
        "certificate-purpose",
        _leaf(extended_key_usage=("serverAuth", "clientAuth")),
        PASS,
        "meant for serverAuth and clientAuth",
    ),
    Case("certificate-purpose", _leaf(extended_key_usage=None), PASS, "no extended key usage: meant for every"),
    Case("certificate-purpose", _leaf(extended_key_usage=("anyExtendedKeyUsage",)), PASS, "meant for every purpose"),
    Case("certificate-purpose", _leaf(key_usage=None), PASS, "meant for serverAuth"),
    Case("certificate-purpose", _leaf(extended_key_usage=("clientAuth",)), FAIL, "meant for clientAuth, not for"),
    Case("certificate-purpose", _leaf(extended_key_usage=()), FAIL, "meant for nothing"),
    Case(
        "certificate-purpose",
        _leaf(key_usage=("keyEncipherment",)),
        FAIL,
        "may be used for keyEncipherment, not for digitalSignature",
    ),
    Case("certificate-purpose", NO_TLS_CERTIFICATES, NOT_APPLICABLE, "no TLS on this endpoint"),
    Case("certificate-purpose", certificates(**_NO_CHAIN), INDETERMINATE, "certificate 1 cannot be read"),
    Case("certificate-purpose", _leaf(extensions_read=False, extended_key_usage=None), INDETERMINATE, "the snapshot"),
)


def _deep(path_length: int | None) -> CertificateFacts:
    """A leaf below two authorities; the upper one may have so many below it."""
    upper = issuer(sha256="01" * 32, subject="CN=Upper", issuer="CN=Root", path_length=path_length)
    return certificates(certificate(), issuer(issuer="CN=Upper"), upper)


_AUTHORITY = (
    Case("certificate-not-an-authority", certificates(), PASS, "the leaf is no authority, its issuers are"),
    Case("certificate-not-an-authority", certificates(certificate()), PASS, "the leaf is no authority"),
    Case("certificate-not-an-authority", _issuer(key_usage=None), PASS, "the leaf is no authority"),
    Case("certificate-not-an-authority", _leaf(is_ca=True), FAIL, "the certificate is an authority"),
    Case(
        "certificate-not-an-authority",
        certificates(certificate(is_ca=True, self_issued=True)),
        FAIL,
        "the certificate is an authority (self-issued)",
    ),
    Case("certificate-not-an-authority", _issuer(is_ca=False), FAIL, "CN=Example CA is sent as an issuer and is no"),
    Case("certificate-not-an-authority", _issuer(key_usage=("cRLSign",)), FAIL, "may not sign certificates"),
    Case("certificate-not-an-authority", _deep(0), FAIL, "CN=Upper may have 0 authorities below it and has 1"),
    Case("certificate-not-an-authority", _deep(1), PASS, "the leaf is no authority"),
    Case("certificate-not-an-authority", _deep(None), PASS, "the leaf is no authority"),
    # What issues nothing here is a stray, and certificate-chain-order's.
    Case(
        "certificate-not-an-authority",
        certificates(certificate(), issuer(), certificate(sha256="01" * 32, subject="CN=other")),
        PASS,
        "the leaf is no authority",
    ),
    Case(
        "certificate-not-an-authority",
        certificates(certificate(is_ca=True), issuer(**_OLD), **_CUT_CHAIN),
        FAIL,
        "the certificate is an authority",
    ),
    Case("certificate-not-an-authority", NO_TLS_CERTIFICATES, NOT_APPLICABLE, "no TLS on this endpoint"),
    Case("certificate-not-an-authority", certificates(**_CUT_CHAIN), INDETERMINATE, "certificate 3 cannot be read"),
    Case("certificate-not-an-authority", _issuer(**_OLD), INDETERMINATE, "the snapshot does not hold"),
    Case("certificate-not-an-authority", _leaf(**_OLD), INDETERMINATE, "the snapshot does not hold"),
)

_90 = {"maximum_days": 90}

_LIFETIME = (
    Case("certificate-lifetime", certificates(), PASS, "issued for 90 days, 2026-05-02 to 2026-07-31", _90),
    Case("certificate-lifetime", certificates(**_CUT_CHAIN), PASS, "issued for 90 days", _90),
    Case(
        "certificate-lifetime",
        _leaf(not_after=NOW + timedelta(days=60, seconds=1)),
        FAIL,
        "issued for 91 days",
        _90,
    ),
    Case("certificate-lifetime", _leaf(not_after=NOW + timedelta(days=3650)), FAIL, "issued for 3680 days", _90),
    Case("certificate-lifetime", NO_TLS_CERTIFICATES, NOT_APPLICABLE, "no TLS on this endpoint", _90),
    Case("certificate-lifetime", certificates(**_NO_CHAIN), INDETERMINATE, "certificate 1 cannot be read", _90),
)

CASES = (*_ORDER, *_KEY, *_SIGNATURE, *_PURPOSE, *_AUTHORITY, *_LIFETIME)
