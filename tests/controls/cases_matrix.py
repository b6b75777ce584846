"""Cases of smtp_audit.controls.matrix."""

from datetime import timedelta
from typing import Any

from smtp_audit.facts.matrix import MatrixFacts
from smtp_audit.facts.mta_sts import FetchOutcome
from tests.facts_factories import HOST, NOW
from tests.lookup_factories import unanswered
from tests.trust_factories import (
    CA_KEY,
    CAA_FAILED,
    CERTIFICATE,
    KEY,
    KEY512,
    NEXT,
    NO_CHAIN,
    NO_STS,
    NULL_MX,
    OTHER,
    authority,
    climb,
    dane_host,
    fetch,
    fetch_failed,
    matrix,
    member,
    mx_failed,
    no_tlsa,
    row,
    shown,
    sts,
    sts_policy,
    unaudited,
)

from .case import Case, Expected

PASS, FAIL, NOT_APPLICABLE, INDETERMINATE = Expected

_NO_MAIL = matrix(mx=NULL_MX)
_NO_TLS = matrix(row(shown(offered=False, **NO_CHAIN)))
_UNSEEN = matrix(row(shown(unseen="no answer", **NO_CHAIN)))
_OTHER_UNSEEN = matrix(row(), unaudited())
_WRONG_NAME = shown(dns_names=("www.example.com",))
_EXPIRED = member(not_after=NOW - timedelta(days=1))

_NAMES = (
    Case("matrix-certificate-names", matrix(), PASS, "has the name of its MX host"),
    Case("matrix-certificate-names", matrix(row(shown(dns_names=("*.example.com",)))), PASS, "has the name"),
    Case("matrix-certificate-names", matrix(row(_WRONG_NAME)), FAIL, f"{HOST}: the certificate of {HOST}:25 at"),
    Case("matrix-certificate-names", matrix(row(_WRONG_NAME), unaudited()), FAIL, "other names: www.example.com"),
    Case("matrix-certificate-names", matrix(row(shown(dns_names=()))), FAIL, "other names: none"),
    Case("matrix-certificate-names", _NO_MAIL, NOT_APPLICABLE, "takes no mail"),
    Case("matrix-certificate-names", _NO_TLS, NOT_APPLICABLE, "starttls-offered judges that"),
    Case("matrix-certificate-names", _OTHER_UNSEEN, INDETERMINATE, f"{OTHER}: it was not audited"),
    Case("matrix-certificate-names", _UNSEEN, INDETERMINATE, "no answer"),
    Case("matrix-certificate-names", matrix(mx=mx_failed()), INDETERMINATE, "MX of example.com"),
)

_STS = (
    Case("matrix-mta-sts", matrix(), PASS, "every MX host fulfils the policy"),
    Case("matrix-mta-sts", matrix(row(_WRONG_NAME)), FAIL, "other names"),
    Case("matrix-mta-sts", matrix(row(shown(trusted=False, trust_detail="self-signed"))), FAIL, "not trusted: self"),
    Case("matrix-mta-sts", matrix(row(shown(members=(_EXPIRED,)))), FAIL, "valid from 2026-05-02 to 2026-05-31 only"),
    Case("matrix-mta-sts", _NO_TLS, FAIL, "offers no TLS"),
    Case("matrix-mta-sts", matrix(row(), unaudited()), FAIL, f"{OTHER}: the policy does not name it"),
    Case(
        "matrix-mta-sts",
        matrix(row(), unaudited(), sts=sts_policy("mode: enforce", "max_age: 1", f"mx: {HOST}", f"mx: {OTHER}")),
        INDETERMINATE,
        f"{OTHER}: it was not audited",
    ),
    Case("matrix-mta-sts", matrix(sts=NO_STS), NOT_APPLICABLE, "mta-sts-record judges that"),
    Case("matrix-mta-sts", matrix(sts=sts_policy("mode: none", "max_age: 1")), NOT_APPLICABLE, "mode is none"),
    Case("matrix-mta-sts", matrix(sts=sts(fetch=fetch(status=404))), NOT_APPLICABLE, "mta-sts-policy judges that"),
    Case("matrix-mta-sts", _NO_MAIL, NOT_APPLICABLE, "takes no mail"),
    Case("matrix-mta-sts", matrix(sts=None, unknown={"mta_sts": "broke"}), INDETERMINATE, "MTA-STS: broke"),
    Case("matrix-mta-sts", matrix(sts=sts(fetch=fetch_failed(FetchOutcome.UNREACHABLE))), INDETERMINATE, "not known"),
    Case("matrix-mta-sts", matrix(row(shown(trusted=None, trust_detail="no anchors"))), INDETERMINATE, "no anchors"),
)


def _tlsa(*records: str, **more: Any) -> MatrixFacts:
    return matrix(row(shown(**more), dane=dane_host(*records)))


_LOST = dane_host(tlsa=(unanswered(f"_25._tcp.{HOST}", "TLSA"),))
_OLD = {"members": (member(sha512="", spki_sha256="", spki_sha512=""),)}
_UNRELATED = {"members": (member(issuer="CN=Another CA"), authority())}

_TLSA = (
    Case("matrix-tlsa", matrix(), PASS, "what every MX host shows is published"),
    Case("matrix-tlsa", _tlsa(f"3 1 1 {NEXT}", f"3 1 1 {KEY}"), PASS, "is published"),
    Case("matrix-tlsa", _tlsa(f"3 0 1 {CERTIFICATE}"), PASS, "is published"),
    Case("matrix-tlsa", _tlsa(f"3 1 2 {KEY512.upper()}"), PASS, "is published"),
    Case("matrix-tlsa", _tlsa(f"2 1 1 {CA_KEY}"), PASS, "is published"),
    # RFC 7671 section 5.1: with DANE-EE neither names nor dates count.
    Case("matrix-tlsa", _tlsa(f"3 1 1 {KEY}", dns_names=(), members=(_EXPIRED,)), PASS, "is published"),
    # One record that is fulfilled is enough, whatever another one asks for (RFC 7672 section 3.1).
    Case("matrix-tlsa", _tlsa(f"2 1 1 {CA_KEY}", f"3 1 1 {KEY}", dns_names=()), PASS, "is published"),
    # RFC 7672 section 3.2.2: with DANE-TA the name may also be the domain's.
    Case("matrix-tlsa", _tlsa(f"2 1 1 {CA_KEY}", dns_names=("example.com",)), PASS, "is published"),
    Case("matrix-tlsa", _tlsa(f"3 1 1 {NEXT}"), FAIL, f"no TLSA record matches what {HOST}:25 at"),
    Case("matrix-tlsa", _tlsa(f"3 0 1 {KEY}"), FAIL, "no TLSA record matches"),
    Case("matrix-tlsa", _tlsa(f"3 1 1 {CA_KEY}"), FAIL, "no TLSA record matches"),
    Case("matrix-tlsa", _tlsa(f"2 1 1 {CA_KEY}", **_UNRELATED), FAIL, "no TLSA record matches"),
    Case("matrix-tlsa", _tlsa(f"2 1 1 {CA_KEY}", members=(member(),)), FAIL, "no TLSA record matches"),
    Case("matrix-tlsa", _tlsa(f"2 1 1 {CA_KEY}", dns_names=("www.example.com",)), FAIL, "other names"),
    Case("matrix-tlsa", _tlsa(f"2 1 1 {CA_KEY}", members=(_EXPIRED, authority())), FAIL, "only"),
    Case("matrix-tlsa", matrix(row(shown(offered=False, **NO_CHAIN))), FAIL, "offers no TLS, which"),
    Case("matrix-tlsa", matrix(row(dane=no_tlsa())), NOT_APPLICABLE, "dane-published judges that"),
    Case("matrix-tlsa", matrix(row(dane=dane_host(f"1 1 1 {KEY}"))), NOT_APPLICABLE, "usable TLSA"),
    Case("matrix-tlsa", _NO_MAIL, NOT_APPLICABLE, "takes no mail"),
    Case("matrix-tlsa", _OTHER_UNSEEN, INDETERMINATE, f"{OTHER}: it was not audited"),
    Case("matrix-tlsa", _UNSEEN, INDETERMINATE, "no answer"),
    Case("matrix-tlsa", matrix(row(dane=_LOST)), INDETERMINATE, "its TLSA records: time-out"),
    Case("matrix-tlsa", matrix(row(dane=None), unknown={"dane": "broke"}), INDETERMINATE, "broke"),
    Case("matrix-tlsa", _tlsa(f"3 1 1 {KEY}", **_OLD), INDETERMINATE, "gather the facts again"),
    Case("matrix-tlsa", _tlsa("2 0 0 3003020101"), INDETERMINATE, "did not send"),
    Case("matrix-tlsa", _tlsa(f"2 1 1 {NEXT}", cut="certificate 3 cannot be read"), INDETERMINATE, "certificate 3"),
)

_NONE: dict[str, Any] = {"more_issuers": {}}
_OURS = {"more_issuers": {"Example Trust": ["ca.example"]}}


def _caa(*records: str, **more: Any) -> MatrixFacts:
    return matrix(row(shown(**more), caa=climb(HOST, *records)))


_PRIVATE = {"issuer_organisations": ("Example Trust",)}

_CAA = (
    Case("matrix-caa", matrix(), PASS, "CAA allows every authority in use", _NONE),
    Case("matrix-caa", _caa('0 issue "ca.example"', **_PRIVATE), PASS, "CAA allows", _OURS),
    Case(
        "matrix-caa",
        _caa('0 issue "ca.example"', '0 issuewild "letsencrypt.org"', dns_names=("*.example.com",)),
        PASS,
        "CAA allows",
        _NONE,
    ),
    Case("matrix-caa", _caa('0 issue "digicert.com"'), FAIL, "which CAA does not allow to issue: digicert", _NONE),
    Case("matrix-caa", _caa('0 issue ";"'), FAIL, "nobody may", _NONE),
    Case("matrix-caa", _caa('0 issue ";"', **_PRIVATE), FAIL, "nobody may", _NONE),
    Case("matrix-caa", _caa('0 issue "letsencrypt.org"', '128 x "y"'), FAIL, "nobody may", _NONE),
    Case("matrix-caa", _caa('0 issue "letsencrypt.org"', '0 issuewild ";"', dns_names=("*.example.com",)), FAIL, "n",
         _NONE),
    Case("matrix-caa", _caa(), NOT_APPLICABLE, "caa-published judges that", _NONE),
    Case("matrix-caa", _caa('0 issue "a.b"', self_issued=True), NOT_APPLICABLE, "caa-published", _NONE),
    Case("matrix-caa", _NO_TLS, NOT_APPLICABLE, "caa-published", _NONE),
    Case("matrix-caa", _NO_MAIL, NOT_APPLICABLE, "takes no mail", _NONE),
    Case("matrix-caa", _caa('0 issue "ca.example"', **_PRIVATE), INDETERMINATE, "not known: Example Trust", _NONE),
    Case("matrix-caa", matrix(row(caa=CAA_FAILED)), INDETERMINATE, "SERVFAIL", _NONE),
    Case("matrix-caa", matrix(row(caa=None), unknown={"caa": "broke"}), INDETERMINATE, "CAA: broke", _NONE),
    Case("matrix-caa", _OTHER_UNSEEN, INDETERMINATE, f"{OTHER}: it was not audited", _NONE),
)  # fmt: skip

CASES = (*_NAMES, *_STS, *_TLSA, *_CAA)
