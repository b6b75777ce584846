"""Cases of smtp_audit.controls.certificate. Names are tested in full in test_hostnames.py."""

from datetime import timedelta
from typing import Any

from smtp_audit.facts.certificate import CertificateFacts, Trust
from tests.facts_factories import NO_TLS_CERTIFICATES, NOW, certificate, certificates, issuer

from .case import Case, Expected

PASS, FAIL, NOT_APPLICABLE, INDETERMINATE = Expected

_INSTANT = timedelta(seconds=1)
_NO_CHAIN = {"chain": (), "unreadable": "certificate 1 cannot be read: bad DER"}
_CUT_CHAIN = {"unreadable": "certificate 2 cannot be read: bad DER"}


def _untrusted(code: int, error: str) -> CertificateFacts:
    return certificates(trust=Trust(trusted=False, anchors="ca.pem", code=code, error=error))


def _leaf(**more: Any) -> CertificateFacts:
    return certificates(certificate(**more), issuer())


_TRUSTED = (
    Case("certificate-trusted", certificates(), PASS, "trusted by the system's trust anchors"),
    # Dates and names belong to the other controls.
    Case("certificate-trusted", _leaf(not_after=NOW - _INSTANT, dns_names=()), PASS, "trusted by"),
    Case("certificate-trusted", certificates(**_NO_CHAIN), PASS, "trusted by"),
    Case("certificate-trusted", _untrusted(18, "self-signed certificate"), FAIL, "(OpenSSL error 18): self-signed"),
    Case("certificate-trusted", _untrusted(20, "unable to get issuer"), FAIL, "an intermediate is missing"),
    Case("certificate-trusted", _untrusted(99, "odd"), FAIL, "not trusted by ca.pem: odd (OpenSSL error 99)"),
    Case("certificate-trusted", NO_TLS_CERTIFICATES, NOT_APPLICABLE, "no TLS on this endpoint"),
    Case("certificate-trusted", certificates(trust=None), INDETERMINATE, "the chain was not verified"),
    Case("certificate-trusted", certificates(trust=None, **_NO_CHAIN), INDETERMINATE, "certificate 1 cannot be read"),
)

_NAME = (
    Case("certificate-name", certificates(), PASS, "issued to mail.example.com"),
    Case("certificate-name", _leaf(dns_names=("a.example", "*.example.com")), PASS, "issued to *.example.com"),
    Case("certificate-name", certificates(host="MAIL.Example.com."), PASS, "issued to mail.example.com"),
    Case("certificate-name", certificates(**_CUT_CHAIN), PASS, "issued to mail.example.com"),
    Case(
        "certificate-name",
        _leaf(dns_names=("www.example.com",), common_names=()),
        FAIL,
        "issued to www.example.com, not",
    ),
    Case("certificate-name", _leaf(dns_names=()), FAIL, "its common name would match, but does not count (RFC"),
    Case("certificate-name", _leaf(dns_names=(), ip_addresses=("192.0.2.25",)), FAIL, "issued to 192.0.2.25"),
    Case(
        "certificate-name",
        certificates(certificate(dns_names=(), ip_addresses=("192.0.2.25",)), host="192.0.2.25"),
        PASS,
        "issued to 192.0.2.25",
    ),
    Case(
        "certificate-name",
        certificates(certificate(dns_names=("192.0.2.25",)), host="192.0.2.25"),
        FAIL,
        "the address stands in a DNS name, and has to be an IP address",
    ),
    Case(
        "certificate-name",
        certificates(certificate(dns_names=("xn--bcher-kva.example",)), host="xn--bcher-kva.example"),
        PASS,
        "issued to xn--bcher-kva.example",
    ),
    # The names of the issuer are not the server's.
    Case(
        "certificate-name",
        certificates(certificate(dns_names=("www.example.com",)), issuer(dns_names=("mail.example.com",))),
        FAIL,
        "issued to www.example.com",
    ),
    Case("certificate-name", NO_TLS_CERTIFICATES, NOT_APPLICABLE, "no TLS on this endpoint"),
    Case("certificate-name", certificates(**_NO_CHAIN), INDETERMINATE, "certificate 1 cannot be read"),
    Case(
        "certificate-name",
        CertificateFacts(offered=True, host="a.example"),
        INDETERMINATE,
        "no certificate was recorded",
    ),
)

_IN_DATE = (
    Case("certificate-in-date", certificates(), PASS, "valid until 2026-07-31 12:00 UTC"),
    # RFC 5280 section 4.1.2.5: both dates are inclusive.
    Case("certificate-in-date", _leaf(not_after=NOW), PASS, "valid until 2026-06-01 12:00 UTC"),
    Case("certificate-in-date", _leaf(not_before=NOW), PASS, "valid until"),
    Case("certificate-in-date", _leaf(not_after=NOW - _INSTANT), FAIL, "the certificate expired on 2026-06-01 11:59"),
    Case(
        "certificate-in-date", _leaf(not_before=NOW + _INSTANT), FAIL, "the certificate is valid from 2026-06-01 12:00"
    ),
    Case(
        "certificate-in-date",
        certificates(certificate(), issuer(not_after=NOW - _INSTANT)),
        FAIL,
        "certificate 2 of the chain (CN=Example CA) expired",
    ),
    Case(
        "certificate-in-date",
        certificates(
            certificate(), issuer(), issuer(subject="CN=Old Root", self_issued=True, not_after=NOW - _INSTANT)
        ),
        FAIL,
        "certificate 3 of the chain (CN=Old Root) expired",
    ),
    Case(
        "certificate-in-date",
        certificates(certificate(not_after=NOW - _INSTANT), issuer(not_before=NOW + _INSTANT)),
        FAIL,
        "; certificate 2 of the chain (CN=Example CA) is valid from",
    ),
    # A fault that was seen wins over a certificate that cannot be read.
    Case(
        "certificate-in-date",
        certificates(certificate(not_after=NOW - _INSTANT), **_CUT_CHAIN),
        FAIL,
        "the certificate expired",
    ),
    Case("certificate-in-date", NO_TLS_CERTIFICATES, NOT_APPLICABLE, "no TLS on this endpoint"),
    Case("certificate-in-date", certificates(**_CUT_CHAIN), INDETERMINATE, "certificate 2 cannot be read"),
    Case("certificate-in-date", certificates(**_NO_CHAIN), INDETERMINATE, "certificate 1 cannot be read"),
)

_30 = {"minimum_days": 30}

_DAYS_LEFT = (
    Case("certificate-days-left", certificates(), PASS, "60 days left, until 2026-07-31 12:00 UTC", _30),
    Case("certificate-days-left", _leaf(not_after=NOW + timedelta(days=30)), PASS, "30 days left", _30),
    Case("certificate-days-left", _leaf(not_after=NOW + timedelta(days=30) - _INSTANT), FAIL, "29 days left", _30),
    Case("certificate-days-left", _leaf(not_after=NOW), FAIL, "0 days left", _30),
    Case("certificate-days-left", _leaf(not_after=NOW), PASS, "0 days left", {"minimum_days": 0}),
    # Of the leaf alone: intermediates are the authority's to renew.
    Case(
        "certificate-days-left",
        certificates(certificate(), issuer(not_after=NOW + timedelta(days=5))),
        PASS,
        "60 days left",
        _30,
    ),
    Case("certificate-days-left", _leaf(not_after=NOW - _INSTANT), NOT_APPLICABLE, "certificate-in-date judges", _30),
    Case("certificate-days-left", _leaf(not_before=NOW + _INSTANT), NOT_APPLICABLE, "certificate-in-date judges", _30),
    Case("certificate-days-left", NO_TLS_CERTIFICATES, NOT_APPLICABLE, "no TLS on this endpoint", _30),
    Case("certificate-days-left", certificates(**_NO_CHAIN), INDETERMINATE, "certificate 1 cannot be read", _30),
)

CASES = (*_TRUSTED, *_NAME, *_IN_DATE, *_DAYS_LEFT)
