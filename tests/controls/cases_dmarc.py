"""DMARC: the record, the policies, both ways, and BIMI."""

from __future__ import annotations

from smtp_audit.facts.lookup import LookupOutcome
from tests.dmarc_factories import BELOW, GOOD, TIMEOUT, bimi, dmarc

from .case import Case, Expected

PASS, FAIL, NOT_APPLICABLE, INDETERMINATE = (
    Expected.PASS,
    Expected.FAIL,
    Expected.NOT_APPLICABLE,
    Expected.INDETERMINATE,
)
_NONE = dmarc()
_SILENT = dmarc(places={"example.com": TIMEOUT})
_BOGUS = dmarc(places={"example.com": LookupOutcome.BOGUS})
_MAIL = {"domain": "mail.example.com"}
_RUA = "rua=mailto:dmarc@example.com"

_RECORD = (
    Case("dmarc-record", dmarc(GOOD), PASS, "one record: v=DMARC1"),
    Case("dmarc-record", dmarc("v=DMARC1"), PASS, "one record"),
    # Texts of others at the name do not count.
    Case("dmarc-record", dmarc("some verification", GOOD, "v=spf1 -all"), PASS, "one record"),
    Case("dmarc-record", dmarc(**_MAIL, places={"example.com": GOOD}), PASS, "the record of example.com applies"),
    Case("dmarc-record", dmarc(GOOD, places={"com": TIMEOUT}), PASS, "one record"),
    Case("dmarc-record", dmarc(GOOD, GOOD), FAIL, "2 DMARC records"),
    Case("dmarc-record", _NONE, FAIL, "there is no DMARC record"),
    Case("dmarc-record", dmarc("v=dmarc1; p=reject"), FAIL, "nearly one: v=dmarc1; p=reject"),
    Case("dmarc-record", dmarc(" v=DMARC1; p=reject"), FAIL, "nearly one"),
    Case("dmarc-record", dmarc(places={"com": "v=DMARC1; p=reject; psd=y"}), FAIL, "only the public suffix com"),
    Case("dmarc-record", _SILENT, INDETERMINATE, "does not answer"),
    Case("dmarc-record", _BOGUS, INDETERMINATE, "bogus"),
    Case("dmarc-record", dmarc(places={"com": TIMEOUT}), INDETERMINATE, "_dmarc.com"),
)

_SYNTAX = (
    Case("dmarc-syntax", dmarc(GOOD), PASS, "well-formed"),
    Case("dmarc-syntax", dmarc("v=DMARC1;sp=none ; x=y;p = Reject;"), PASS, "well-formed"),
    Case("dmarc-syntax", dmarc("v=DMARC1"), PASS, "well-formed"),
    Case("dmarc-syntax", dmarc("v=DMARC1; p=rejct"), FAIL, 'p="rejct" is no policy'),
    Case("dmarc-syntax", dmarc("v=DMARC1; p=reject; rua=a@example.com"), FAIL, "mailto: is missing"),
    Case("dmarc-syntax", dmarc("v=DMARC1; p=reject", "v=DMARC1; p=reject; t=1"), FAIL, "n counts"),
    Case("dmarc-syntax", dmarc(**_MAIL, places={"example.com": "v=DMARC1; p"}), FAIL, "is no tag"),
    Case("dmarc-syntax", _NONE, NOT_APPLICABLE, "dmarc-record"),
    Case("dmarc-syntax", _SILENT, INDETERMINATE, "does not answer"),
)

_ENFORCED = {"accepted": ["quarantine", "reject"]}
_REJECT = {"accepted": ["reject"]}


def _policy(text: str, expected: Expected, says: str, parameters: dict[str, object] = _ENFORCED) -> Case:
    return Case("dmarc-policy", dmarc(f"v=DMARC1; {text}"), expected, says, parameters)


def _below(text: str, expected: Expected, says: str, parameters: dict[str, object] = _ENFORCED) -> Case:
    return Case("dmarc-subdomain-policy", dmarc(f"v=DMARC1; {text}"), expected, says, parameters)


def _nowhere(text: str, expected: Expected, says: str) -> Case:
    return Case("dmarc-nonexistent-policy", dmarc(f"v=DMARC1; {text}"), expected, says, _ENFORCED)


_POLICY = (
    _policy("p=reject", PASS, "reject (p of example.com)"),
    _policy("p=quarantine", PASS, "quarantine"),
    _policy("p=reject; t=y", PASS, "quarantine (p of example.com, lowered by t=y)"),
    _policy("p=reject; pct=10", PASS, "quarantine (p of example.com, lowered by pct=10)"),
    _policy("p=reject; pct=100", PASS, "reject"),
    _policy("p=none", FAIL, "none (p of example.com)"),
    _policy("p=quarantine; t=y", FAIL, "lowered by t=y"),
    _policy("p=quarantine; pct=50", FAIL, "none (p of example.com, lowered by pct=50)"),
    _policy("p=reject; t=y", FAIL, "lowered by t=y", _REJECT),
    _policy("p=reject; pct=99", FAIL, "lowered by pct=99", _REJECT),
    _policy(_RUA, FAIL, "none"),
    _policy(f"p=rejct; {_RUA}", FAIL, "none"),
    _policy("p=rejct", FAIL, "is not applied"),
    _policy("p=reject; sp=x", FAIL, "is not applied"),
    _policy("p=reject; p=reject", FAIL, "is not applied"),
    _policy("P=reject", FAIL, "none"),
    Case(
        "dmarc-policy",
        dmarc(**_MAIL, places={"example.com": "v=DMARC1; p=reject; sp=none"}),
        FAIL,
        "none (sp of example.com)",
        _ENFORCED,
    ),
    Case("dmarc-policy", dmarc(**_MAIL, places={"example.com": GOOD}), PASS, "reject (sp of", _ENFORCED),
    Case("dmarc-policy", _NONE, NOT_APPLICABLE, "dmarc-record", _ENFORCED),
    Case("dmarc-policy", _SILENT, INDETERMINATE, "does not answer", _ENFORCED),
    Case("dmarc-policy", _BOGUS, INDETERMINATE, "bogus", _ENFORCED),
    _below("p=reject", PASS, "reject (p of example.com)"),
    _below("p=none; sp=reject", PASS, "reject (sp of example.com)"),
    _below("p=reject; sp=none", FAIL, "none (sp of example.com)"),
    _below("p=reject; sp=quarantine; t=y", FAIL, "lowered by t=y"),
    _below("p=reject; sp=quarantine; pct=1", FAIL, "lowered by pct=1"),
    # np has nothing to say about names that exist.
    _below("p=none; np=reject", FAIL, "none (p of example.com)"),
    # sp of a domain that is no organisation counts for nobody.
    Case(
        "dmarc-subdomain-policy",
        dmarc(GOOD, **_MAIL, places={"example.com": "v=DMARC1; p=none"}),
        FAIL,
        "none (p of example.com)",
        _ENFORCED,
    ),
    Case(
        "dmarc-subdomain-policy",
        dmarc(GOOD.replace("np=", "psd=n; np="), **_MAIL, places={"example.com": "v=DMARC1; p=none"}),
        PASS,
        "reject (sp of mail.example.com)",
        _ENFORCED,
    ),
    # A wildcard TXT record.
    Case(
        "dmarc-subdomain-policy",
        dmarc(GOOD, places={f"{BELOW}.example.com": "v=DMARC1; p=none"}),
        FAIL,
        "none (p of smtp-audit-0.example.com)",
        _ENFORCED,
    ),
    Case("dmarc-subdomain-policy", _NONE, NOT_APPLICABLE, "dmarc-record", _ENFORCED),
    Case(
        "dmarc-subdomain-policy",
        dmarc(GOOD, places={f"{BELOW}.example.com": TIMEOUT}),
        INDETERMINATE,
        "_dmarc.smtp-audit-0",
        _ENFORCED,
    ),
    _nowhere("p=reject", PASS, "reject (p of example.com)"),
    _nowhere("p=none; sp=none; np=reject", PASS, "reject (np of example.com)"),
    _nowhere("p=reject; np=none", FAIL, "none (np of example.com)"),
    _nowhere("p=reject; sp=none", FAIL, "none (sp of example.com)"),
    _nowhere("p=reject; np=quarantine; t=y", FAIL, "lowered by t=y"),
    Case("dmarc-nonexistent-policy", _NONE, NOT_APPLICABLE, "dmarc-record", _ENFORCED),
    Case(
        "dmarc-nonexistent-policy",
        dmarc("v=DMARC1; p=reject; np=none", below=LookupOutcome.NO_DATA),
        NOT_APPLICABLE,
        "every name below the domain exists",
        _ENFORCED,
    ),
    Case("dmarc-nonexistent-policy", dmarc(GOOD, below=TIMEOUT), INDETERMINATE, "time-out", _ENFORCED),
)

_MODES = (
    Case("dmarc-alignment-modes", dmarc(GOOD), PASS, "strict"),
    Case("dmarc-alignment-modes", dmarc("v=DMARC1; p=reject"), FAIL, "relaxed for DKIM and SPF"),
    Case("dmarc-alignment-modes", dmarc("v=DMARC1; p=reject; adkim=s"), FAIL, "relaxed for SPF"),
    Case("dmarc-alignment-modes", _NONE, NOT_APPLICABLE, "dmarc-record"),
    Case("dmarc-alignment-modes", _SILENT, INDETERMINATE, "does not answer"),
    Case("dmarc-obsolete-tags", dmarc(GOOD), PASS, "nothing obsolete"),
    Case("dmarc-obsolete-tags", dmarc(f"{GOOD}; pct=100; ri=86400"), FAIL, "pct=100, ri=86400"),
    Case("dmarc-obsolete-tags", dmarc(f"{GOOD}!10m"), FAIL, "!10m behind mailto:dmarc@example.com!10m"),
    Case("dmarc-obsolete-tags", _NONE, NOT_APPLICABLE, "dmarc-record"),
    Case("dmarc-obsolete-tags", _SILENT, INDETERMINATE, "does not answer"),
)

_WAYS = (
    Case("dmarc-ways-differ", dmarc(GOOD), PASS, "both: reject"),
    Case("dmarc-ways-differ", dmarc("v=DMARC1; p=none; psd=u; np=reject"), PASS, "both: none"),
    Case("dmarc-ways-differ", dmarc("v=DMARC1"), PASS, "both: none"),
    Case("dmarc-ways-differ", dmarc(GOOD, **_MAIL, places={"example.com": GOOD}), PASS, "both: reject"),
    Case("dmarc-ways-differ", dmarc("v=DMARC1; p=reject; t=y"), FAIL, "domain: quarantine"),
    Case("dmarc-ways-differ", dmarc("v=DMARC1; p=reject; pct=0"), FAIL, "lowered by pct=0) by RFC 7489"),
    Case(
        "dmarc-ways-differ",
        dmarc(places={"com": "v=DMARC1; p=reject; psd=y"}),
        FAIL,
        "no DMARC record applies by RFC 7489",
    ),
    # Two records: the older way ends there, the newer one goes on upwards.
    Case(
        "dmarc-ways-differ",
        dmarc(GOOD, GOOD, **_MAIL, places={"example.com": GOOD}),
        FAIL,
        "domain: reject (sp of example.com) by RFC 9989, no DMARC record applies",
    ),
    # A department in the middle, which the list of suffixes does not know.
    Case(
        "dmarc-ways-differ",
        dmarc(domain="a.mail.example.com", places={"mail.example.com": GOOD}),
        FAIL,
        "no DMARC record applies by RFC 7489",
    ),
    Case(
        "dmarc-ways-differ",
        dmarc("v=DMARC1; p=reject", **_MAIL),
        FAIL,
        "organizational domain: mail.example.com by RFC 9989, example.com",
    ),
    Case(
        "dmarc-ways-differ",
        dmarc("v=DMARC1; p=reject; psd=y"),
        FAIL,
        "organizational domain of sub-domains: smtp-audit-0.example.com",
    ),
    Case("dmarc-ways-differ", _NONE, NOT_APPLICABLE, "dmarc-record"),
    Case("dmarc-ways-differ", _SILENT, INDETERMINATE, "does not answer"),
    Case("dmarc-ways-differ", dmarc("v=DMARC1; p=reject", places={"com": TIMEOUT}), INDETERMINATE, "_dmarc.com"),
)

_SVG = "v=BIMI1; l=https://example.com/logo.svg"
_BIMI = (
    Case("bimi-record", (bimi(_SVG), dmarc(GOOD)), PASS, "the record is right"),
    Case("bimi-record", (bimi(_SVG, "other"), dmarc(GOOD)), PASS, "the record is right"),
    Case("bimi-record", (bimi("v=BIMI1; l="), _NONE), PASS, "declines"),
    Case("bimi-record", (bimi(_SVG, _SVG), dmarc(GOOD)), FAIL, "2 BIMI records"),
    Case("bimi-record", (bimi("v=BIMI1; l=logo.svg"), dmarc(GOOD)), FAIL, "no https URL"),
    Case("bimi-record", (bimi(_SVG), dmarc("v=DMARC1; p=none")), FAIL, "policy of the domain is none"),
    Case("bimi-record", (bimi(_SVG), dmarc("v=DMARC1; p=reject; sp=none")), FAIL, "policy of sub-domains is none"),
    Case("bimi-record", (bimi(_SVG), dmarc("v=DMARC1; p=reject; pct=50")), FAIL, "pct=50"),
    Case("bimi-record", (bimi(_SVG), _NONE), FAIL, "no DMARC record applies"),
    Case("bimi-record", (bimi(), dmarc(GOOD)), NOT_APPLICABLE, "no BIMI record"),
    Case("bimi-record", (bimi("something"), dmarc(GOOD)), NOT_APPLICABLE, "no BIMI record"),
    Case("bimi-record", (bimi(outcome=LookupOutcome.SERVFAIL), dmarc(GOOD)), INDETERMINATE, "SERVFAIL"),
    Case("bimi-record", (bimi(_SVG), _SILENT), INDETERMINATE, "does not answer"),
)

CASES = (*_RECORD, *_SYNTAX, *_POLICY, *_MODES, *_WAYS, *_BIMI)
