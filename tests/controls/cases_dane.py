"""Cases of smtp_audit.controls.dane, dnssec and caa."""

from datetime import timedelta

from smtp_audit.facts.dane import DnssecFacts
from smtp_audit.facts.lookup import LookupOutcome
from smtp_audit.limits import MAX_HOSTS
from tests.facts_factories import ADDRESS, HOST, NOW
from tests.lookup_factories import absent, found, resolver, unanswered
from tests.trust_factories import (
    CAA_FAILED,
    CERTIFICATE,
    DOMAIN,
    ECDSA_KEY,
    KEY,
    KEY512,
    NEXT,
    NULL_MX,
    OTHER,
    caa,
    climb,
    dane,
    dane_host,
    dnssec,
    failed,
    mx,
    mx_failed,
    no_tlsa,
    nsec3,
    rsa_key,
    signed,
    unsigned,
    unsigned_zone,
    zone,
    zones,
)

from .case import Case, Expected

PASS, FAIL, NOT_APPLICABLE, INDETERMINATE = Expected

_BOGUS = LookupOutcome.BOGUS
_OWNER = f"_25._tcp.{HOST}"
# Nobody says which zone the host stands in: what is known of the domain's says nothing of that.
_HOST_LOST = dnssec(None, signed(HOST, unanswered(HOST, "SOA"), zone=""))
_MANY = tuple(f"m{number}.example.com" for number in range(MAX_HOSTS + 1))
_TLSA_LOST = dane(dane_host(tlsa=(unanswered(_OWNER, "TLSA"),)))
_NO_TLSA = dane(no_tlsa())
_CHECKS, _BLIND, _UNCLEAR = resolver(), resolver(validates=False), resolver(validates=None)
_INSECURE_TLSA = dane(dane_host(tlsa=(found(_OWNER, "TLSA", f"3 1 1 {KEY}"),)))
_INSECURE_MX = dane(dane_host(), mx=mx(secure=False))
_INSECURE_HOST = dane(dane_host(addresses=(found(HOST, "A", ADDRESS), absent(HOST, "AAAA"))))
_LOST_AAAA = dane(dane_host(addresses=(found(HOST, "A", ADDRESS, secure=True), unanswered(HOST, "AAAA"))))
# RFC 7672 section 2.2.2: the host is an alias; its records stand where it leads to, or at its own name.
_ALIAS = dane(
    dane_host(tlsa=(found("_25._tcp.real.example.com", "TLSA", f"3 1 1 {KEY}", secure=True), absent(_OWNER, "TLSA")))
)
_ALIAS_OWN = dane(
    dane_host(tlsa=(absent("_25._tcp.real.example.com", "TLSA"), found(_OWNER, "TLSA", f"3 1 1 {KEY}", secure=True)))
)
_ALIAS_LOST = dane(
    dane_host(tlsa=(unanswered("_25._tcp.real.example.com", "TLSA"), found(_OWNER, "TLSA", f"3 1 1 {KEY}")))
)

_DANE = (
    Case("dane-published", dane(mx=mx(*_MANY)), INDETERMINATE, "more than 32 MX hosts"),
    Case("dane-published", dane(), PASS, "TLSA records of the MX host"),
    Case("dane-published", dane(dane_host(), dane_host(host=OTHER)), PASS, "all 2 MX hosts"),
    Case("dane-published", _ALIAS, PASS, "TLSA records"),
    Case("dane-published", _ALIAS_OWN, PASS, "TLSA records"),
    Case("dane-published", dane(dane_host(), no_tlsa(OTHER)), FAIL, f"no TLSA records: {OTHER}"),
    Case("dane-published", dane(_TLSA_LOST.hosts[0], no_tlsa(OTHER)), FAIL, f"no TLSA records: {OTHER}"),
    Case("dane-published", dane(mx=NULL_MX), NOT_APPLICABLE, "takes no mail"),
    Case("dane-published", _TLSA_LOST, INDETERMINATE, "time-out"),
    Case("dane-published", _ALIAS_LOST, INDETERMINATE, "time-out"),
    Case("dane-published", dane(mx=mx_failed()), INDETERMINATE, "MX of example.com: SERVFAIL"),
    Case("dane-secure", (_CHECKS, dane()), PASS, "are secure"),
    Case("dane-secure", (_CHECKS, _INSECURE_TLSA), FAIL, f"not signed: {_OWNER} TLSA"),
    Case("dane-secure", (_CHECKS, _INSECURE_MX), FAIL, "not signed: example.com MX"),
    Case("dane-secure", (_CHECKS, _INSECURE_HOST), FAIL, f"not signed: {HOST} A"),
    Case("dane-secure", (_CHECKS, _NO_TLSA), NOT_APPLICABLE, "dane-published judges that"),
    Case("dane-secure", (_BLIND, _INSECURE_TLSA), INDETERMINATE, "does not check signatures"),
    Case("dane-secure", (_UNCLEAR, _INSECURE_TLSA), INDETERMINATE, "is not known"),
    Case("dane-secure", (_UNCLEAR, dane()), INDETERMINATE, "is not known"),
    Case("dane-secure", (_CHECKS, _TLSA_LOST), INDETERMINATE, "time-out"),
    Case("dane-secure", (_CHECKS, _LOST_AAAA), INDETERMINATE, f"AAAA of {HOST}"),
    Case("dane-usage", dane(), PASS, "usages 2 and 3 only"),
    Case("dane-usage", dane(dane_host(f"2 1 1 {KEY}")), PASS, "usages 2 and 3 only"),
    Case("dane-usage", dane(dane_host(f"1 1 1 {KEY}")), FAIL, "does not know: _25._tcp.mail.example.com: 1 1 1"),
    Case("dane-usage", dane(dane_host(f"3 1 1 {KEY}", f"0 0 1 {KEY}")), FAIL, "0 0 1"),
    Case("dane-usage", dane(dane_host(f"4 1 1 {KEY}")), FAIL, "4 1 1"),
    Case("dane-usage", _NO_TLSA, NOT_APPLICABLE, "dane-published judges that"),
    Case("dane-usage", _TLSA_LOST, INDETERMINATE, "time-out"),
    Case("dane-record-form", dane(), PASS, "can be compared"),
    Case("dane-record-form", dane(dane_host(f"3 1 2 {KEY512}")), PASS, "can be compared"),
    Case("dane-record-form", dane(dane_host("3 0 0 3003020101")), PASS, "can be compared"),
    Case("dane-record-form", dane(dane_host(f"3 1 1 {KEY[:40]}")), FAIL, "20 octets of data"),
    Case("dane-record-form", dane(dane_host(f"3 1 2 {KEY}")), FAIL, "32 octets of data, matching type 2 has 64"),
    Case("dane-record-form", dane(dane_host(f"3 2 1 {KEY}")), FAIL, "selector 2 is not known"),
    Case("dane-record-form", dane(dane_host(f"3 1 3 {KEY}")), FAIL, "matching type 3 is not known"),
    Case("dane-record-form", dane(dane_host("3 1 0 ff")), FAIL, "in DER"),
    Case("dane-record-form", dane(dane_host("3 1 1")), FAIL, "0 octets"),
    Case("dane-record-form", dane(dane_host(r"\# 2 0301")), FAIL, "cannot be read"),
    Case("dane-record-form", _NO_TLSA, NOT_APPLICABLE, "dane-published judges that"),
    Case("dane-record-form", _TLSA_LOST, INDETERMINATE, "time-out"),
    Case("dane-next-key", dane(), PASS, "records of two keys"),
    Case("dane-next-key", dane(dane_host(f"3 1 1 {KEY}", f"2 1 1 {NEXT}")), PASS, "of an authority"),
    Case("dane-next-key", dane(dane_host(f"3 1 1 {KEY}")), FAIL, f"one key only: {HOST}"),
    Case("dane-next-key", dane(dane_host(f"3 1 1 {KEY}", f"3 1 2 {KEY512}")), FAIL, "one key only"),
    Case("dane-next-key", dane(dane_host(f"3 1 1 {KEY}", f"3 0 1 {CERTIFICATE}")), FAIL, "one key only"),
    Case("dane-next-key", dane(dane_host(f"1 1 1 {KEY}")), NOT_APPLICABLE, "dane-usage and dane-record-form"),
    Case("dane-next-key", _NO_TLSA, NOT_APPLICABLE, "dane-published judges that"),
    Case("dane-next-key", _TLSA_LOST, INDETERMINATE, "time-out"),
)

_NO_DS = dnssec(unsigned(), zones=(zone(ds=()),))

_DNSSEC = (
    Case("dnssec-secure", (_CHECKS, dnssec()), PASS, "secure: example.com"),
    Case("dnssec-secure", (_CHECKS, dnssec(unsigned(), zones=(unsigned_zone(),))), FAIL, "not signed: example.com"),
    Case("dnssec-secure", (_CHECKS, _NO_DS), FAIL, "not signed: example.com"),
    Case("dnssec-secure", (_CHECKS, dnssec(failed(DOMAIN, _BOGUS, "EDE 7"))), FAIL, "SOA: bogus: EDE 7"),
    Case("dnssec-secure", (_BLIND, dnssec(unsigned())), INDETERMINATE, "does not check signatures"),
    Case("dnssec-secure", (_UNCLEAR, dnssec()), INDETERMINATE, "is not known"),
    Case("dnssec-secure", (_CHECKS, dnssec(failed(DOMAIN, LookupOutcome.TIMEOUT))), INDETERMINATE, "time-out"),
    Case("dnssec-mx-secure", (_CHECKS, dnssec()), PASS, f"secure: {HOST}"),
    Case("dnssec-mx-secure", (_CHECKS, dnssec(None, signed(HOST), unsigned(OTHER))), FAIL, f"not signed: {OTHER}"),
    Case("dnssec-mx-secure", (_CHECKS, dnssec(None, failed(HOST, _BOGUS))), FAIL, "bogus"),
    Case("dnssec-mx-secure", (_CHECKS, dnssec(mx=NULL_MX)), NOT_APPLICABLE, "takes no mail"),
    Case(
        "dnssec-mx-secure",
        (_CHECKS, dnssec(mx=mx(DOMAIN)).model_copy(update={"hosts": ()})),
        NOT_APPLICABLE,
        "dnssec-secure judges that",
    ),
    Case("dnssec-mx-secure", (_BLIND, dnssec(None, unsigned(HOST))), INDETERMINATE, "does not check"),
    Case("dnssec-mx-secure", (_CHECKS, dnssec(None, failed(HOST, LookupOutcome.SERVFAIL))), INDETERMINATE, "SERVFAIL"),
    Case("dnssec-mx-secure", (_CHECKS, dnssec(mx=mx_failed())), INDETERMINATE, "MX of example.com"),
)

_ALGORITHMS = {"refused_algorithms": [1, 3, 5, 6, 7, 12]}
_BITS, _DIGESTS, _HOURS, _ROUNDS = (
    {"minimum_rsa_bits": 2048},
    {"refused_digests": [1, 3]},
    {"minimum_hours": 12},
    {"maximum_iterations": 0},
)
_UNSIGNED = dnssec(unsigned(), unsigned(HOST), zones=(unsigned_zone(),))
_KEYS_LOST = zones(zone(keys=unanswered(DOMAIN, "DNSKEY")))
_REVOKED = "385 3 5 " + rsa_key(1024).split()[3]


def _left(hours: float) -> DnssecFacts:
    expire = NOW + timedelta(hours=hours)
    return dnssec(signed(DOMAIN, found(DOMAIN, "SOA", "s", secure=True, signatures_expire=expire)))


_ZONES = (
    Case("dnssec-algorithms", dnssec(), PASS, "ECDSAP256SHA256 (13)", _ALGORITHMS),
    Case("dnssec-algorithms", zones(zone(ECDSA_KEY, _REVOKED)), PASS, "ECDSAP256SHA256", _ALGORITHMS),
    Case("dnssec-algorithms", zones(zone(rsa_key(2048, 5))), FAIL, "RSASHA1 (5)", _ALGORITHMS),
    Case("dnssec-algorithms", zones(zone(rsa_key(2048, 7))), FAIL, "RSASHA1-NSEC3-SHA1 (7)", _ALGORITHMS),
    Case("dnssec-algorithms", zones(zone(ECDSA_KEY, rsa_key(2048, 5))), FAIL, "RSASHA1 (5)", _ALGORITHMS),
    Case(
        "dnssec-algorithms", zones(zone(), zone(rsa_key(2048, 5), name="example.net")), FAIL, "example.net", _ALGORITHMS
    ),
    Case(
        "dnssec-algorithms", dnssec(None, signed(HOST, found(HOST, "A", ADDRESS), zone="")), PASS, "ECDSA", _ALGORITHMS
    ),
    Case("dnssec-algorithms", dnssec(mx=mx_failed()), INDETERMINATE, "MX of example.com", _ALGORITHMS),
    Case("dnssec-algorithms", _HOST_LOST, INDETERMINATE, "SOA of mail.example.com", _ALGORITHMS),
    Case("dnssec-key-size", _HOST_LOST, INDETERMINATE, "SOA of mail.example.com", _BITS),
    Case("dnssec-ds-digest", _HOST_LOST, INDETERMINATE, "SOA of mail.example.com", _DIGESTS),
    Case("dnssec-nsec3-iterations", _HOST_LOST, INDETERMINATE, "SOA of mail.example.com", _ROUNDS),
    Case("dnssec-key-size", zones(zone(ECDSA_KEY, "256 3 8 AA==")), INDETERMINATE, "cannot be read", _BITS),
    Case("dnssec-algorithms", _UNSIGNED, NOT_APPLICABLE, "dnssec-secure", _ALGORITHMS),
    Case("dnssec-algorithms", _KEYS_LOST, INDETERMINATE, "DNSKEY of example.com", _ALGORITHMS),
    Case("dnssec-key-size", zones(zone(rsa_key(2048), ECDSA_KEY)), PASS, "2048 bits", _BITS),
    Case("dnssec-key-size", zones(zone(rsa_key(2048, flags=257), rsa_key(1024))), FAIL, "1024 bits", _BITS),
    Case("dnssec-key-size", zones(zone(rsa_key(512))), FAIL, "512 bits", _BITS),
    Case("dnssec-key-size", dnssec(), PASS, "no RSA keys", _BITS),
    Case("dnssec-key-size", _UNSIGNED, NOT_APPLICABLE, "dnssec-secure", _BITS),
    Case("dnssec-key-size", _KEYS_LOST, INDETERMINATE, "DNSKEY of example.com", _BITS),
    Case("dnssec-ds-digest", dnssec(), PASS, "SHA-256", _DIGESTS),
    Case("dnssec-ds-digest", zones(zone(ds=("2371 13 1 " + "ab" * 20,))), FAIL, "SHA-1", _DIGESTS),
    Case(
        "dnssec-ds-digest",
        zones(zone(ds=("2371 13 1 " + "ab" * 20, "2371 13 2 " + "ab" * 32))),
        FAIL,
        "DS 2371, ECDSAP256SHA256 (13), SHA-1",
        _DIGESTS,
    ),
    Case("dnssec-ds-digest", _NO_DS, NOT_APPLICABLE, "no parent vouches", _DIGESTS),
    Case("dnssec-ds-digest", zones(zone(delegation=unanswered(DOMAIN, "DS"))), INDETERMINATE, "DS of", _DIGESTS),
    Case("dnssec-signatures-fresh", dnssec(), PASS, "2026-06-11 12:00", _HOURS),
    Case("dnssec-signatures-fresh", _left(11), FAIL, "runs out on 2026-06-01 23:00", _HOURS),
    Case("dnssec-signatures-fresh", _left(-1), FAIL, "which is past", _HOURS),
    Case("dnssec-signatures-fresh", _UNSIGNED, NOT_APPLICABLE, "dnssec-secure", _HOURS),
    Case("dnssec-signatures-fresh", dnssec(failed(DOMAIN, _BOGUS)), INDETERMINATE, "bogus", _HOURS),
    Case("dnssec-nsec3-iterations", zones(nsec3("1 0 0 -")), PASS, "no more iterations", _ROUNDS),
    Case("dnssec-nsec3-iterations", zones(nsec3("1 0 0 aabbccdd")), PASS, "no more iterations", _ROUNDS),
    Case("dnssec-nsec3-iterations", zones(nsec3("1 0 10 -")), FAIL, "example.com: 10 iterations", _ROUNDS),
    Case("dnssec-nsec3-iterations", dnssec(), PASS, "no NSEC3", _ROUNDS),
    Case("dnssec-nsec3-iterations", _UNSIGNED, NOT_APPLICABLE, "dnssec-secure", _ROUNDS),
    Case(
        "dnssec-nsec3-iterations",
        zones(zone(parameters=unanswered(DOMAIN, "NSEC3PARAM"))),
        INDETERMINATE,
        "NSEC3PARAM of",
        _ROUNDS,
    ),
)

_ISSUE = '0 issue "letsencrypt.org"'
_LOST = caa(_ISSUE, hosts=(CAA_FAILED,))

_CAA = (
    Case("caa-published", caa(_ISSUE), PASS, "restricted for every MX host"),
    Case("caa-published", caa('0 issue ";"'), PASS, "restricted"),
    Case("caa-published", caa(_ISSUE, hosts=(climb(HOST, _ISSUE, at=HOST),)), PASS, "restricted"),
    Case("caa-published", caa(), FAIL, f"any authority may issue for {HOST}"),
    Case("caa-published", caa('0 issuewild ";"', '0 iodef "mailto:a@b.example"'), FAIL, "any authority"),
    Case("caa-published", caa(_ISSUE, hosts=(climb(HOST, _ISSUE), climb(OTHER))), FAIL, OTHER),
    Case("caa-published", caa(mx=NULL_MX), NOT_APPLICABLE, "takes no mail"),
    Case("caa-published", _LOST, INDETERMINATE, f"CAA of {HOST}: SERVFAIL"),
    Case("caa-form", caa(_ISSUE, '0 iodef "mailto:a@b.example"'), PASS, "can be read"),
    Case("caa-form", caa('0 issue "ca.example; account=230123; validationmethods=dns-01"'), PASS, "can be read"),
    Case("caa-form", caa('0 issue "ca.example;"', '128 issue "b.example"', '0 ISSUE ""'), PASS, "can be read"),
    Case("caa-form", caa('0 tbs "Unknown"', _ISSUE), PASS, "can be read"),
    Case("caa-form", caa('0 issue "%%%%%"'), FAIL, "forbidding to issue"),
    Case("caa-form", caa('0 issue "https://letsencrypt.org"'), FAIL, "cannot be read"),
    Case("caa-form", caa('0 issue "letsencrypt.org, digicert.com"'), FAIL, "cannot be read"),
    Case("caa-form", caa('128 tbs "Unknown"', _ISSUE), FAIL, "nobody may issue"),
    Case("caa-form", caa(_ISSUE, '0 iodef "security@example.com"'), FAIL, "no mailto:"),
    Case("caa-form", caa(_ISSUE, hosts=(climb(HOST, '0 issue "a b"', at=HOST),)), FAIL, HOST),
    Case("caa-form", caa(), NOT_APPLICABLE, "caa-published judges that"),
    Case("caa-form", _LOST, INDETERMINATE, "SERVFAIL"),
    Case("caa-issuemail", caa(_ISSUE, '0 issuemail ";"'), PASS, "there is an issuemail"),
    Case("caa-issuemail", caa(_ISSUE), FAIL, "no issuemail"),
    Case("caa-issuemail", caa(), NOT_APPLICABLE, "caa-published judges that"),
    Case("caa-issuemail", caa(own=CAA_FAILED), INDETERMINATE, "SERVFAIL"),
)

CASES = (*_DANE, *_DNSSEC, *_ZONES, *_CAA)
