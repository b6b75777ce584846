"""DMARC: where reports go."""

from __future__ import annotations

from smtp_audit.facts.dmarc import ReportHost
from smtp_audit.facts.lookup import LookupOutcome
from tests import lookup_factories as look
from tests.dmarc_factories import GOOD, TIMEOUT, dmarc, host

from .case import Case, Expected

PASS, FAIL, NOT_APPLICABLE, INDETERMINATE = (
    Expected.PASS,
    Expected.FAIL,
    Expected.NOT_APPLICABLE,
    Expected.INDETERMINATE,
)
_NONE = dmarc()
_SILENT = dmarc(places={"example.com": TIMEOUT})
_QUIET = dmarc("v=DMARC1; p=reject")

_ADDRESSES = (
    Case("dmarc-report-addresses", dmarc(GOOD), PASS, "mailto:dmarc@example.com"),
    Case("dmarc-report-addresses", dmarc(f"{GOOD},https://example.com/x"), PASS, "mailto:dmarc@example.com"),
    Case("dmarc-report-addresses", _QUIET, FAIL, "there is no rua"),
    Case("dmarc-report-addresses", dmarc("v=DMARC1; p=none; rua=https://example.com/x"), FAIL, "no mailto: address"),
    Case("dmarc-report-addresses", dmarc(f"{GOOD}; ruf=mailto:x"), FAIL, "no mail address"),
    Case("dmarc-report-addresses", dmarc("v=DMARC1; p=none; rua=dmarc@example.com"), FAIL, "mailto: is missing"),
    Case("dmarc-report-addresses", _NONE, NOT_APPLICABLE, "dmarc-record"),
    Case("dmarc-report-addresses", _SILENT, INDETERMINATE, "does not answer"),
)

_OUT = "v=DMARC1; p=reject; rua=mailto:dmarc@reports.net"
_BOTH = f"{GOOD},mailto:dmarc@reports.net"
_INSIDE = "v=DMARC1; p=reject; rua=mailto:dmarc@mail.example.com"


def _out(*hosts: ReportHost, text: str = _OUT, **more: object) -> object:
    return dmarc(text, hosts=hosts, **more)  # type: ignore[arg-type]


_YES = "v=DMARC1"
_NOT = LookupOutcome.NXDOMAIN
_PLACES = {"mail.example.com": "something else"}

_CONSENT = (
    Case("dmarc-report-authorisation", _out(host("reports.net", consent=_YES)), PASS, "agreed: reports.net"),
    Case(
        "dmarc-report-authorisation",
        _out(host("reports.net", consent="v=DMARC1; rua=mailto:other@reports.net;")),
        PASS,
        "agreed",
    ),
    Case("dmarc-report-authorisation", _out(host("reports.net", consent=_NOT)), FAIL, "reports.net has not agreed"),
    Case("dmarc-report-authorisation", _out(host("reports.net", consent="yes")), FAIL, "has not agreed"),
    Case(
        "dmarc-report-authorisation",
        _out(host("reports.net", consent="v=DMARC1; rua=mailto:other@reports.org")),
        FAIL,
        "on to another host",
    ),
    Case(
        "dmarc-report-authorisation",
        _out(host("example.com"), host("reports.net", consent=_NOT), text=_BOTH),
        FAIL,
        "has not agreed",
    ),
    # A host below the domain belongs to it, unless it says itself that it does not.
    Case(
        "dmarc-report-authorisation",
        _out(host("mail.example.com", consent=_NOT), text=_INSIDE, places=_PLACES),
        NOT_APPLICABLE,
        "within the organisation",
    ),
    Case(
        "dmarc-report-authorisation",
        _out(host("mail.example.com", consent=_NOT), text=_INSIDE, places={"mail.example.com": "v=DMARC1; psd=n"}),
        FAIL,
        "mail.example.com has not agreed",
    ),
    # Ends in the same letters, and is somebody else's.
    Case(
        "dmarc-report-authorisation",
        _out(host("myexample.com", consent=_NOT), text="v=DMARC1; p=none; rua=mailto:a@myexample.com"),
        FAIL,
        "has not agreed",
    ),
    Case("dmarc-report-authorisation", dmarc(GOOD), NOT_APPLICABLE, "within the organisation"),
    Case("dmarc-report-authorisation", _QUIET, NOT_APPLICABLE, "dmarc-report-addresses"),
    Case("dmarc-report-authorisation", _NONE, NOT_APPLICABLE, "dmarc-record"),
    Case("dmarc-report-authorisation", _SILENT, INDETERMINATE, "does not answer"),
    Case("dmarc-report-authorisation", _out(host("reports.net", consent=TIMEOUT)), INDETERMINATE, "time-out"),
    Case("dmarc-report-authorisation", _out(), INDETERMINATE, "only 0 of 1"),
    Case(
        "dmarc-report-authorisation",
        _out(
            host("reports.net", consent=TIMEOUT), host("reports.org", consent=_NOT), text=f"{_OUT},mailto:a@reports.org"
        ),
        FAIL,
        "reports.org has not agreed",
    ),
)

_NULL = host("example.com", look.found("example.com", "MX", "0 ."))
_ADDRESS = host(
    "example.com",
    look.absent("example.com", "MX", LookupOutcome.NO_DATA),
    look.found("example.com", "A", "192.0.2.1"),
    look.unanswered("example.com", "AAAA"),
)
_EMPTY = host(
    "example.com",
    look.absent("example.com", "MX", LookupOutcome.NO_DATA),
    look.absent("example.com", "A", LookupOutcome.NO_DATA),
    look.absent("example.com", "AAAA", LookupOutcome.NO_DATA),
)
_DANGLING = host(
    "example.com",
    look.found("example.com", "MX", "10 mail.example.com."),
    look.absent("mail.example.com", "A"),
    look.absent("mail.example.com", "AAAA"),
)
_TAKES = "dmarc-report-domain-takes-mail"

_MAIL = (
    Case(_TAKES, dmarc(GOOD), PASS, "takes mail: example.com"),
    Case(_TAKES, dmarc(GOOD, hosts=(_ADDRESS,)), PASS, "takes mail"),
    Case(_TAKES, dmarc(GOOD, hosts=(_NULL,)), FAIL, "null MX"),
    Case(_TAKES, dmarc(GOOD, hosts=(_EMPTY,)), FAIL, "neither MX nor address"),
    Case(_TAKES, dmarc(GOOD, hosts=(_DANGLING,)), FAIL, "no mail exchanger with an address"),
    Case(_TAKES, dmarc(GOOD, hosts=(host("example.com", look.absent("example.com", "MX")),)), FAIL, "does not exist"),
    Case(_TAKES, _QUIET, NOT_APPLICABLE, "dmarc-report-addresses"),
    Case(
        _TAKES, dmarc("v=DMARC1; rua=https://example.org/x", hosts=(host("example.org"),)), NOT_APPLICABLE, "no reports"
    ),
    Case(_TAKES, _NONE, NOT_APPLICABLE, "dmarc-record"),
    Case(_TAKES, _SILENT, INDETERMINATE, "does not answer"),
    Case(
        _TAKES, dmarc(GOOD, hosts=(host("example.com", look.unanswered("example.com", "MX")),)), INDETERMINATE, "MX of"
    ),
    Case(_TAKES, dmarc(GOOD, hosts=()), INDETERMINATE, "only 0 of 1"),
    Case(
        _TAKES,
        dmarc(
            GOOD,
            hosts=(
                host(
                    "example.com",
                    look.found("example.com", "MX", "10 a.example.com.", "20 b.example.com."),
                    look.absent("a.example.com", "A"),
                    look.absent("a.example.com", "AAAA"),
                ),
            ),
        ),
        INDETERMINATE,
        "not all of its mail exchangers",
    ),
)

CASES = (*_ADDRESSES, *_CONSENT, *_MAIL)
