"""Cases of smtp_audit.controls.mta_sts and smtp_audit.controls.tls_rpt."""

from smtp_audit.facts.lookup import LookupOutcome
from smtp_audit.facts.mta_sts import FetchOutcome
from tests.facts_factories import HOST
from tests.lookup_factories import absent, found, unanswered
from tests.trust_factories import (
    NO_STS,
    NULL_MX,
    OTHER,
    POLICY,
    fetch,
    fetch_failed,
    mx,
    mx_failed,
    rpt,
    rpt_to,
    sts,
    sts_policy,
)

from .case import Case, Expected

PASS, FAIL, NOT_APPLICABLE, INDETERMINATE = Expected

_LOST = unanswered("_mta-sts.example.com", "TXT")
_NO_HOST = (absent("mta-sts.example.com", "A"), absent("mta-sts.example.com", "AAAA"))
_HOST_LOST = (absent("mta-sts.example.com", "A"), unanswered("mta-sts.example.com", "AAAA"))
_UNREACHABLE = sts(fetch=fetch_failed(FetchOutcome.UNREACHABLE, "connection refused"))
_CERTIFICATE = sts(fetch=fetch_failed(FetchOutcome.CERTIFICATE, "certificate has expired"))
_NULL = sts(mx=NULL_MX)

_RECORD = (
    Case("mta-sts-record", sts(), PASS, "one record, id 1"),
    Case("mta-sts-record", sts("v=STSv1; id=1;"), PASS, "id 1"),
    Case("mta-sts-record", sts("v=STSv1;id=1"), PASS, "id 1"),
    Case("mta-sts-record", sts("v=STSv1; x-new=2; id=20260101T000000"), PASS, "id 20260101T000000"),
    Case("mta-sts-record", sts("v=STSv1; id=1; id=2"), PASS, "id 1"),
    Case("mta-sts-record", sts("hello", "v=STSv1; id=1"), PASS, "id 1"),
    Case("mta-sts-record", NO_STS, FAIL, "no MTA-STS record at _mta-sts.example.com"),
    Case("mta-sts-record", sts("hello"), FAIL, "no MTA-STS record"),
    Case("mta-sts-record", sts("v=STSv1 ; id=1"), FAIL, "does not begin with v=STSv1;"),
    Case("mta-sts-record", sts("v=stsv1; id=1"), FAIL, "does not begin with v=STSv1;"),
    Case("mta-sts-record", sts(" v=STSv1; id=1"), FAIL, "does not begin with v=STSv1;"),
    Case("mta-sts-record", sts("id=1; v=STSv1"), FAIL, "does not begin with v=STSv1;"),
    Case("mta-sts-record", sts("v=STSv1; id=1", "v=STSv1; id=2"), FAIL, "2 MTA-STS records"),
    Case("mta-sts-record", sts("v=STSv1;"), FAIL, "has no id"),
    Case("mta-sts-record", sts("v=STSv1; id=2026-01-01"), FAIL, "not 1 to 32 letters and digits: 2026-01-01"),
    Case("mta-sts-record", sts("v=STSv1; id=" + "1" * 33), FAIL, "not 1 to 32"),
    Case("mta-sts-record", sts("v=STSv1; id=1;; a=b"), FAIL, "two semicolons"),
    Case("mta-sts-record", sts("v=STSv1; id"), FAIL, "without a value"),
    Case("mta-sts-record", _NULL, NOT_APPLICABLE, "takes no mail"),
    Case("mta-sts-record", sts(record=_LOST), INDETERMINATE, "_mta-sts.example.com: time-out"),
    Case("mta-sts-record", sts(record=absent("_mta-sts.example.com", "TXT"), mx=mx_failed()), INDETERMINATE, "MX"),
)

_POLICY = (
    Case("mta-sts-policy", sts(), PASS, "a valid policy: mode enforce"),
    Case("mta-sts-policy", sts(fetch=fetch(body=POLICY.replace("\r\n", "\n"))), PASS, "max_age 604800"),
    Case("mta-sts-policy", sts(fetch=fetch(body=POLICY + "x-note: anything at all")), PASS, "valid"),
    Case("mta-sts-policy", sts(fetch=fetch(body=POLICY + "mode: testing\r\n")), PASS, "mode enforce"),
    Case("mta-sts-policy", sts(fetch=fetch(content_type="Text/Plain")), PASS, "valid"),
    Case("mta-sts-policy", sts_policy("mode: none", "max_age: 86400"), PASS, "mode none"),
    Case("mta-sts-policy", _CERTIFICATE, FAIL, "certificate has expired"),
    Case("mta-sts-policy", sts(fetch=fetch_failed(FetchOutcome.NAME_REFUSED)), FAIL, "nothing for the name"),
    Case("mta-sts-policy", sts(fetch=fetch_failed(FetchOutcome.MALFORMED)), FAIL, "not HTTP"),
    Case("mta-sts-policy", sts(fetch=fetch_failed(FetchOutcome.TOO_LARGE)), FAIL, "too large"),
    Case("mta-sts-policy", sts(fetch=fetch(status=404)), FAIL, "status 404, not 200"),
    Case("mta-sts-policy", sts(fetch=fetch(status=204)), FAIL, "status 204, not 200"),
    Case("mta-sts-policy", sts(fetch=fetch(status=301, location="https://x/")), FAIL, "no redirect (to https://x/)"),
    Case("mta-sts-policy", sts(fetch=fetch(content_type="text/html")), FAIL, "text/html, not text/plain"),
    Case("mta-sts-policy", sts(fetch=fetch(content_type=None)), FAIL, "without Content-Type"),
    Case("mta-sts-policy", sts(fetch=fetch(body="")), FAIL, "has no version"),
    Case("mta-sts-policy", sts_policy("mode: enforce", "max_age: 86400"), FAIL, "has no mx"),
    Case("mta-sts-policy", sts_policy("mode: strict", "max_age: 1", "mx: a.example"), FAIL, "the mode strict"),
    Case("mta-sts-policy", sts_policy("mode: enforce", "max_age: a day", "mx: a.example"), FAIL, "no number"),
    Case("mta-sts-policy", sts_policy("mode: enforce", "max_age: 31557601", "mx: a.example"), FAIL, "than a year"),
    Case("mta-sts-policy", sts_policy("mode: enforce", "max_age: 1", "mx: *.*.example"), FAIL, "no host name"),
    Case("mta-sts-policy", sts_policy("mode: enforce", "max_age: 1", "mx: .example.com"), FAIL, "no host name"),
    Case("mta-sts-policy", sts(fetch=None, addresses=_NO_HOST), FAIL, "has no address"),
    Case("mta-sts-policy", NO_STS, NOT_APPLICABLE, "mta-sts-record judges that"),
    Case("mta-sts-policy", _NULL, NOT_APPLICABLE, "takes no mail"),
    Case("mta-sts-policy", _UNREACHABLE, INDETERMINATE, "connection refused"),
    Case("mta-sts-policy", sts(fetch=fetch_failed(FetchOutcome.TLS)), INDETERMINATE, "could not be fetched"),
    Case("mta-sts-policy", sts(fetch=fetch(status=503)), INDETERMINATE, "status 503"),
    Case("mta-sts-policy", sts(fetch=fetch(status=429)), INDETERMINATE, "status 429"),
    Case("mta-sts-policy", sts(fetch=None, addresses=_HOST_LOST), INDETERMINATE, "AAAA of mta-sts"),
    Case("mta-sts-policy", sts(fetch=None, unfetched="leads to 127.0.0.1"), INDETERMINATE, "leads to 127.0.0.1"),
    Case("mta-sts-policy", sts(record=_LOST), INDETERMINATE, "time-out"),
)

_ENFORCE = {"accepted_modes": ["enforce"]}
_WEEK = {"minimum_seconds": 604800}

_RULES = (
    Case("mta-sts-mode", sts(), PASS, "mode enforce", _ENFORCE),
    Case("mta-sts-mode", sts_policy("mode: testing", "max_age: 1", "mx: a.example"), FAIL, "mode testing", _ENFORCE),
    Case("mta-sts-mode", sts_policy("mode: none", "max_age: 1"), FAIL, "mode none", _ENFORCE),
    Case("mta-sts-mode", sts_policy("max_age: 1"), NOT_APPLICABLE, "mta-sts-policy judges that", _ENFORCE),
    Case("mta-sts-mode", _CERTIFICATE, NOT_APPLICABLE, "mta-sts-policy judges that", _ENFORCE),
    Case("mta-sts-mode", sts(fetch=fetch(status=404)), NOT_APPLICABLE, "mta-sts-policy", _ENFORCE),
    Case("mta-sts-mode", sts(fetch=fetch(status=503)), INDETERMINATE, "status 503", _ENFORCE),
    Case("mta-sts-mode", sts(fetch=None, addresses=_NO_HOST), NOT_APPLICABLE, "mta-sts-policy", _ENFORCE),
    Case("mta-sts-mode", NO_STS, NOT_APPLICABLE, "mta-sts-record judges that", _ENFORCE),
    Case("mta-sts-mode", _NULL, NOT_APPLICABLE, "takes no mail", _ENFORCE),
    Case("mta-sts-mode", _UNREACHABLE, INDETERMINATE, "the policy is not known", _ENFORCE),
    Case("mta-sts-max-age", sts(), PASS, "604800 seconds", _WEEK),
    Case("mta-sts-max-age", sts_policy("mode: enforce", "max_age: 60", "mx: a.b"), FAIL, "60 seconds, less", _WEEK),
    Case("mta-sts-max-age", sts_policy("mode: none", "max_age: 60"), NOT_APPLICABLE, "mode is none", _WEEK),
    Case("mta-sts-max-age", sts_policy("mode: enforce", "mx: a.b"), NOT_APPLICABLE, "no max_age", _WEEK),
    Case("mta-sts-max-age", NO_STS, NOT_APPLICABLE, "mta-sts-record", _WEEK),
    Case("mta-sts-max-age", _UNREACHABLE, INDETERMINATE, "the policy is not known", _WEEK),
    Case("mta-sts-covers-mx", sts(), PASS, "names the MX host"),
    Case(
        "mta-sts-covers-mx",
        sts_policy("mode: enforce", "max_age: 1", "mx: *.example.com", f"mx: {OTHER.upper()}", mx=mx(HOST, OTHER)),
        PASS,
        "names all 2 MX hosts",
    ),
    Case("mta-sts-covers-mx", sts(mx=mx(HOST, OTHER)), FAIL, f"does not name {OTHER}"),
    Case("mta-sts-covers-mx", sts_policy("mode: enforce", "max_age: 1", "mx: *.mail.example.com"), FAIL, HOST),
    Case("mta-sts-covers-mx", sts_policy("mode: testing", "max_age: 1", "mx: example.com"), FAIL, HOST),
    Case("mta-sts-covers-mx", sts_policy("mode: none", "max_age: 60"), NOT_APPLICABLE, "mode is none"),
    Case("mta-sts-covers-mx", NO_STS, NOT_APPLICABLE, "mta-sts-record"),
    Case("mta-sts-covers-mx", sts(mx=mx_failed(LookupOutcome.BOGUS)), INDETERMINATE, "MX of example.com: bogus"),
    Case("mta-sts-covers-mx", _UNREACHABLE, INDETERMINATE, "the policy is not known"),
)

_REPORTS = "reports.example"
_NO_RPT = rpt(record=absent("_smtp._tls.example.com", "TXT"), destinations=())

_TLS_RPT = (
    Case("tls-rpt-record", rpt(), PASS, "reports go to mailto:tls@reports.example"),
    Case("tls-rpt-record", rpt("v=TLSRPTv1;rua=https://reports.example/v1"), PASS, "https://reports.example/v1"),
    Case("tls-rpt-record", rpt("v=TLSRPTv1; rua=mailto:a@b.example , https://c.example/;"), PASS, "a@b.example, https"),
    Case("tls-rpt-record", _NO_RPT, FAIL, "no TLS-RPT record"),
    Case("tls-rpt-record", rpt("v=TLSRPTv1; rua=mailto:a@b.example", "v=TLSRPTv1; rua=mailto:c@d.example"), FAIL, "2 "),
    Case("tls-rpt-record", rpt("v=tlsrptv1; rua=mailto:a@b.example"), FAIL, "does not begin with"),
    Case("tls-rpt-record", rpt("v=TLSRPTv1;"), FAIL, "has no rua"),
    Case("tls-rpt-record", rpt("v=TLSRPTv1; rua=a@b.example"), FAIL, "has no scheme"),
    Case("tls-rpt-record", rpt("v=TLSRPTv1; rua=http://b.example/"), FAIL, "the scheme http"),
    Case("tls-rpt-record", rpt("v=TLSRPTv1; rua=mailto:b.example"), FAIL, "names no mailbox"),
    Case("tls-rpt-record", rpt(mx=NULL_MX), NOT_APPLICABLE, "takes no mail"),
    Case("tls-rpt-record", rpt(record=unanswered("_smtp._tls.example.com", "TXT")), INDETERMINATE, "time-out"),
    Case("tls-rpt-destination", rpt(), PASS, "reports can arrive"),
    Case("tls-rpt-destination", rpt_to(absent(_REPORTS, "MX"), found(_REPORTS, "A", "192.0.2.1")), PASS, "can arrive"),
    Case("tls-rpt-destination", rpt_to(found(_REPORTS, "MX", "0 .")), FAIL, "takes no mail (null MX)"),
    Case("tls-rpt-destination", rpt_to(absent(_REPORTS, "MX"), absent(_REPORTS, "A")), FAIL, "neither MX nor address"),
    Case(
        "tls-rpt-destination",
        rpt_to(absent("w.example", "A"), absent("w.example", "AAAA"), uri="https://w.example/"),
        FAIL,
        "w.example has no address",
    ),
    Case("tls-rpt-destination", rpt(mx=NULL_MX), NOT_APPLICABLE, "takes no mail"),
    Case("tls-rpt-destination", _NO_RPT, NOT_APPLICABLE, "tls-rpt-record judges that"),
    Case(
        "tls-rpt-destination",
        rpt_to(unanswered(_REPORTS, "MX"), found(_REPORTS, "A", "192.0.2.1")),
        INDETERMINATE,
        "MX of reports.example",
    ),
    Case("tls-rpt-destination", rpt_to(absent(_REPORTS, "MX"), unanswered(_REPORTS, "A")), INDETERMINATE, "A of"),
)

CASES = (*_RECORD, *_POLICY, *_RULES, *_TLS_RPT)
