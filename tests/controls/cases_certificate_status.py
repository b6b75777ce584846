"""Cases of smtp_audit.controls.certificate_status."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from smtp_audit.facts.certificate import (
    CertificateStatus,
    ClientKind,
    RevocationFacts,
    RevocationSource,
    ShownCertificatesFacts,
    Staple,
    Trust,
)
from tests.facts_factories import (
    NO_TLS_SHOWN,
    NOW,
    certificate,
    issuer,
    presentation,
    revocation,
    revocation_answer,
    shown,
    staple,
)

from .case import Case, Expected

PASS, FAIL, NOT_APPLICABLE, INDETERMINATE = Expected

_OPTIONAL, _REQUIRED = {"required": False}, {"required": True}
_NONE = Staple(present=False)
_UNTRUSTED = Trust(trusted=False, anchors="the system's", code=18, error="self-signed", system_anchors=True)
_OWN = Trust(trusted=True, anchors="ca.pem", system_anchors=False)


def _stapled(**more: Any) -> ShownCertificatesFacts:
    return shown(presentation(staple=staple(**more)))


def _bare(leaf: dict[str, Any] | None = None, **more: Any) -> ShownCertificatesFacts:
    """Nothing stapled."""
    return shown(presentation(chain=(certificate(**(leaf or {})), issuer()), **{"staple": _NONE, **more}))


_REFUSED = shown(presentation(chain=(), refused="alert 40"))
_UNSEEN = shown(presentation(ClientKind.NAMELESS), unknown={ClientKind.DEFAULT: "closed"})

_STAPLE = (
    Case("certificate-staple", _stapled(), PASS, "stapled OCSP response: good", _OPTIONAL),
    Case("certificate-staple", _stapled(), PASS, "stapled OCSP response: good", _REQUIRED),
    Case("certificate-staple", _stapled(next_update=NOW), PASS, "good", _OPTIONAL),
    Case("certificate-staple", _stapled(next_update=None), PASS, "to no date given", _OPTIONAL),
    Case("certificate-staple", _bare(), NOT_APPLICABLE, "and the certificate does not ask for it", _OPTIONAL),
    Case("certificate-staple", _bare({"ocsp_urls": ()}), NOT_APPLICABLE, "names no OCSP responder", _REQUIRED),
    Case("certificate-staple", NO_TLS_SHOWN, NOT_APPLICABLE, "no TLS on this endpoint", _REQUIRED),
    Case("certificate-staple", _REFUSED, NOT_APPLICABLE, "certificate-every-client judges", _REQUIRED),
    Case("certificate-staple", _bare(), FAIL, "no OCSP response is stapled", _REQUIRED),
    Case("certificate-staple", _bare({"must_staple": True}), FAIL, "demands a stapled OCSP response", _OPTIONAL),
    Case("certificate-staple", _stapled(readable=False, problem="bad DER"), FAIL, "cannot be used: bad DER", _OPTIONAL),
    Case(
        "certificate-staple",
        _stapled(signature_valid=False, signature_problem="the signature is wrong"),
        FAIL,
        "not authentic: the signature is wrong",
        _OPTIONAL,
    ),
    Case("certificate-staple", _stapled(about_leaf=False), FAIL, "about another certificate", _OPTIONAL),
    Case(
        "certificate-staple",
        _stapled(cert_status=CertificateStatus.REVOKED, revoked_at=NOW - timedelta(days=2)),
        FAIL,
        "says revoked since 2026-05-30",
        _OPTIONAL,
    ),
    Case("certificate-staple", _stapled(cert_status=CertificateStatus.UNKNOWN), FAIL, "says unknown", _OPTIONAL),
    Case(
        "certificate-staple",
        _stapled(next_update=NOW - timedelta(seconds=1)),
        FAIL,
        "ran out on 2026-06-01 11:59 UTC",
        _OPTIONAL,
    ),
    Case("certificate-staple", _stapled(this_update=NOW + timedelta(hours=2)), FAIL, "is from the future", _OPTIONAL),
    Case(
        "certificate-staple",
        _stapled(this_update=NOW - timedelta(days=11), next_update=None),
        FAIL,
        "has no end, and is older than 10 days",
        _OPTIONAL,
    ),
    # One kind of client gets a bad one.
    Case(
        "certificate-staple",
        shown(presentation(staple=staple()), presentation(ClientKind.RSA_ONLY, staple=staple(about_leaf=False))),
        FAIL,
        "about another certificate",
        _OPTIONAL,
    ),
    Case(
        "certificate-staple",
        _stapled(signature_valid=None, signature_problem="the certificate of the issuer is not at hand"),
        INDETERMINATE,
        "could not be checked: the certificate of the issuer",
        _OPTIONAL,
    ),
    Case("certificate-staple", _bare(staple=None), INDETERMINATE, "no client asked", _OPTIONAL),
    # Whose staple it is, is not known.
    Case(
        "certificate-staple",
        shown(
            presentation(
                chain=(), unreadable="bad DER", staple=staple(about_leaf=None, cert_status=CertificateStatus.REVOKED)
            )
        ),
        INDETERMINATE,
        "takes every kind of key: bad DER",
        _OPTIONAL,
    ),
    Case("certificate-staple", _UNSEEN, INDETERMINATE, "takes every kind of key: closed", _OPTIONAL),
)

_2 = {"minimum_scts": 2}
_LOG = ("0c" * 32,)

_TRANSPARENCY = (
    Case("certificate-transparency", shown(), PASS, "timestamps of 2 different logs", _2),
    Case(
        "certificate-transparency",
        _bare({"sct_logs": ("0a" * 32,)}, tls_sct_logs=_LOG),
        PASS,
        "timestamps of 2 different logs",
        _2,
    ),
    Case(
        "certificate-transparency",
        _bare({"sct_logs": _LOG}, staple=staple(sct_logs=("0d" * 32,))),
        PASS,
        "timestamps of 2 different logs",
        _2,
    ),
    Case("certificate-transparency", _bare(trust=None, trust_unknown="no anchors"), PASS, "2 different logs", _2),
    # The same log twice is one log.
    Case("certificate-transparency", _bare({"sct_logs": _LOG}, tls_sct_logs=_LOG), FAIL, "of 1 different logs", _2),
    Case("certificate-transparency", _bare({"sct_logs": ()}), FAIL, "timestamps of 0 different logs, 2 are", _2),
    Case("certificate-transparency", _bare({"sct_logs": ()}, trust=_OWN), NOT_APPLICABLE, "do not log", _2),
    Case("certificate-transparency", _bare({"sct_logs": ()}, trust=_UNTRUSTED), NOT_APPLICABLE, "certificate-tr", _2),
    Case("certificate-transparency", NO_TLS_SHOWN, NOT_APPLICABLE, "no TLS on this endpoint", _2),
    Case("certificate-transparency", _REFUSED, NOT_APPLICABLE, "certificate-every-client judges", _2),
    Case(
        "certificate-transparency",
        _bare({"sct_logs": ()}, trust=None, trust_unknown="no anchors"),
        INDETERMINATE,
        "publicly trusted is not known: no anchors",
        _2,
    ),
    Case("certificate-transparency", _bare({"sct_logs": ()}, tls_sct_logs=None), INDETERMINATE, "no client asked", _2),
    Case("certificate-transparency", _bare({"sct_logs": ()}, sct_problem="too short"), INDETERMINATE, "too short", _2),
    Case(
        "certificate-transparency",
        shown(presentation(chain=(), unreadable="bad DER")),
        INDETERMINATE,
        "takes every kind of key: bad DER",
        _2,
    ),
    Case("certificate-transparency", _UNSEEN, INDETERMINATE, "takes every kind of key: closed", _2),
)

_LIST = RevocationSource.CRL
_DEAD = {"reachable": False, "status": None, "detail": "no whole answer within 25 s"}


def _asked(**more: Any) -> RevocationFacts:
    return revocation(revocation_answer(**more))


_REVOCATION = (
    Case("certificate-revocation", revocation(), PASS, "good, says ocsp"),
    Case("certificate-revocation", revocation(revocation_answer(), revocation_answer(_LIST)), PASS, "ocsp and crl"),
    Case(
        "certificate-revocation",
        revocation(revocation_answer(**_DEAD), revocation_answer(_LIST)),
        PASS,
        "good, says crl (of no use: ocsp http://ocsp.example.com/: no whole answer",
    ),
    Case(
        "certificate-revocation",
        _asked(status=CertificateStatus.REVOKED, revoked_at=NOW - timedelta(days=2)),
        FAIL,
        "revoked since 2026-05-30, says ocsp http://ocsp.example.com/",
    ),
    Case("certificate-revocation", _asked(status=CertificateStatus.UNKNOWN), FAIL, "unknown to its own authority"),
    Case(
        "certificate-revocation",
        revocation(revocation_answer(), revocation_answer(_LIST, status=CertificateStatus.REVOKED)),
        FAIL,
        "revoked, says crl",
    ),
    # What was revoked once stays so, however old the word is.
    Case(
        "certificate-revocation",
        _asked(status=CertificateStatus.REVOKED, next_update=NOW - timedelta(days=1)),
        FAIL,
        "revoked, says ocsp",
    ),
    Case("certificate-revocation", RevocationFacts(offered=False), NOT_APPLICABLE, "no TLS on this endpoint"),
    Case("certificate-revocation", RevocationFacts(offered=True), NOT_APPLICABLE, "names no address"),
    Case("certificate-revocation", _asked(**_DEAD), INDETERMINATE, "no whole answer within 25 s"),
    Case("certificate-revocation", _asked(next_update=NOW - timedelta(seconds=1)), INDETERMINATE, "ran out on"),
    Case(
        "certificate-revocation",
        _asked(status=CertificateStatus.UNKNOWN, next_update=NOW - timedelta(seconds=1)),
        INDETERMINATE,
        "ran out on",
    ),
    Case(
        "certificate-revocation",
        RevocationFacts(offered=True, left_out=("ldap://x/: only plain http is asked",)),
        INDETERMINATE,
        "not asked: ldap://x/: only plain http",
    ),
)

CASES = (*_STAPLE, *_TRANSPARENCY, *_REVOCATION)
