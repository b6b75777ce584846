"""Where a domain's mail goes: MX records and the hosts that they name."""

from __future__ import annotations

from smtp_audit.facts.lookup import LookupOutcome
from smtp_audit.limits import MAX_HOSTS
from tests.hosts_factories import IP4, IP6, PTR4, PTR6, mail_hosts

from .case import Case, Expected

PASS, FAIL, INDETERMINATE = Expected.PASS, Expected.FAIL, Expected.INDETERMINATE
NOT_APPLICABLE = Expected.NOT_APPLICABLE

SERVFAIL, TIMEOUT, BOGUS = LookupOutcome.SERVFAIL, LookupOutcome.TIMEOUT, LookupOutcome.BOGUS

_SOUND = mail_hosts()
_NO_MX = mail_hosts({"@ MX": [], "mail A": [], "mail AAAA": []})
_IMPLICIT = mail_hosts({"@ MX": [], "@ A": [IP4]})
_NULL = mail_hosts({"@ MX": ["0 ."]}, used=False)
_NULL_BESIDE = mail_hosts({"@ MX": ["0 .", "10 mail.example.com."]})
_UNKNOWN = mail_hosts({"@ MX": SERVFAIL})
_ALIAS = mail_hosts({"mail A": [], "mail AAAA": [], "mail CNAME": ["host.example.com."], "host A": [IP4]})
_LITERAL = mail_hosts({"@ MX": ["10 192.0.2.25."]})
_LITERAL6 = mail_hosts({"@ MX": ["10 2001:db8::25."]})
_LITERAL_BRACKETS = mail_hosts({"@ MX": ["10 [192.0.2.25].", "20 mail.example.com."]})
_NO_AAAA = mail_hosts({"mail AAAA": []})
_AAAA_FAILS = mail_hosts({"mail AAAA": SERVFAIL})
_ONLY_AAAA_FAILS = mail_hosts({"mail A": [], "mail AAAA": SERVFAIL})
_HOMELESS = mail_hosts({"mail A": [], "mail AAAA": []})
_TWO = mail_hosts({"@ MX": ["10 mail.example.com.", "20 mail2.example.com."], "mail2 A": ["8.8.8.8"]})
_ONE_HOMELESS = mail_hosts({"@ MX": ["10 mail.example.com.", "20 gone.example.com."]})
_ONE_UNKNOWN = mail_hosts({"@ MX": ["10 mail.example.com.", "20 b.example.net."], "b.example.net. A": TIMEOUT})
_SAME_MACHINE = mail_hosts({"@ MX": ["10 mail.example.com.", "20 mx2.example.com."], "mx2 A": [IP4]})
_MANY = mail_hosts(
    {
        "@ MX": [f"10 mx{number}.example.com." for number in range(MAX_HOSTS + 1)],
        **{
            f"mx{number} {kind}": [address]
            for number in range(MAX_HOSTS + 1)
            for kind, address in (("A", IP4), ("AAAA", IP6))
        },
    }
)

_NONE_ALLOWED = {"allowed": []}
_LOOPBACK_ALLOWED = {"allowed": ["127.0.0.0/8"]}


def _at(*addresses: str):  # type: ignore[no-untyped-def]
    return mail_hosts({"mail A": list(addresses), "mail AAAA": []})


_RECORD = (
    Case("mx-record", _SOUND, PASS, "mail goes to mail.example.com"),
    Case("mx-record", _NO_MX, FAIL, "no MX record and no address"),
    Case("mx-record", mail_hosts({"@ MX": []}, start={}), FAIL, "nobody can send it mail (NXDOMAIN)"),
    Case("mx-record", _IMPLICIT, PASS, f"domain's own address, {IP4}"),
    Case("mx-record", _NULL, PASS, "takes no mail"),
    Case("mx-record", mail_hosts({"@ MX": ["0 ."]}), FAIL, "and it is used for mail"),
    Case("mx-record", _NULL_BESIDE, PASS, "mail.example.com"),
    Case("mx-record", _UNKNOWN, INDETERMINATE, "MX of example.com: SERVFAIL"),
    Case("mx-record", mail_hosts({"@ MX": TIMEOUT}), INDETERMINATE, "time-out"),
    Case("mx-record", mail_hosts({"@ MX": BOGUS}), INDETERMINATE, "bogus"),
    Case("mx-record", mail_hosts({"@ MX": LookupOutcome.REFUSED}), INDETERMINATE, "refused"),
    Case("mx-record", mail_hosts({"@ MX": LookupOutcome.MALFORMED}), INDETERMINATE, "malformed"),
    Case("mx-record", mail_hosts({"@ MX": [], "@ A": TIMEOUT}), INDETERMINATE, "A of example.com"),
    #
    Case("mx-explicit", _SOUND, PASS, "1 MX records"),
    Case("mx-explicit", _IMPLICIT, FAIL, "no MX record says so"),
    Case("mx-explicit", _NO_MX, NOT_APPLICABLE, "mx-record"),
    Case("mx-explicit", _UNKNOWN, INDETERMINATE, "SERVFAIL"),
    #
    Case("mx-null-alone", _NULL, PASS, "the only record"),
    Case("mx-null-alone", _NULL_BESIDE, FAIL, "beside 10 mail.example.com"),
    Case("mx-null-alone", mail_hosts({"@ MX": ["0 .", "10 ."]}), FAIL, "another one"),
    Case("mx-null-alone", _SOUND, NOT_APPLICABLE, "no null MX"),
    Case("mx-null-alone", _UNKNOWN, INDETERMINATE, "SERVFAIL"),
)

_NAMES = (
    Case("mx-cname", _SOUND, PASS, "no mail exchanger is an alias"),
    Case("mx-cname", _ALIAS, FAIL, "mail.example.com is an alias of host.example.com"),
    Case(
        "mx-cname",
        mail_hosts({"mail A": TIMEOUT, "mail AAAA": TIMEOUT, "mail CNAME": ["x.example.net."]}),
        FAIL,
        "alias of x.example.net",
    ),
    Case(
        "mx-cname",
        mail_hosts({"mail A": TIMEOUT, "mail AAAA": TIMEOUT, "mail CNAME": TIMEOUT}),
        INDETERMINATE,
        "CNAME of mail.example.com",
    ),
    Case("mx-cname", _AAAA_FAILS, PASS, "no mail exchanger"),
    Case("mx-cname", _LITERAL, NOT_APPLICABLE, "mx-address-literal"),
    Case("mx-cname", _NULL, NOT_APPLICABLE, "takes no mail"),
    Case("mx-cname", _IMPLICIT, NOT_APPLICABLE, "no MX record"),
    Case("mx-cname", _MANY, INDETERMINATE, "more than are looked at"),
    #
    Case("mx-address-literal", _SOUND, PASS, "has a name"),
    Case("mx-address-literal", _LITERAL, FAIL, "192.0.2.25 in the place"),
    Case("mx-address-literal", _LITERAL6, FAIL, "2001:db8::25 in the place"),
    Case("mx-address-literal", _LITERAL_BRACKETS, FAIL, "[192.0.2.25] in the place"),
    Case("mx-address-literal", _NULL, NOT_APPLICABLE, "takes no mail"),
    Case("mx-address-literal", _UNKNOWN, INDETERMINATE, "SERVFAIL"),
    #
    Case("mx-host-name", _SOUND, PASS, "can be a host's"),
    Case("mx-host-name", mail_hosts({"@ MX": ["10 mail_1.example.com."]}), FAIL, "underscore"),
    Case("mx-host-name", _NULL, NOT_APPLICABLE, "takes no mail"),
    Case("mx-host-name", _UNKNOWN, INDETERMINATE, "SERVFAIL"),
)

_ADDRESSES = (
    Case("mx-resolves", _SOUND, PASS, f"mail.example.com ({IP4}, {IP6})"),
    Case("mx-resolves", _NO_AAAA, PASS, IP4),
    Case("mx-resolves", _AAAA_FAILS, PASS, IP4),
    Case("mx-resolves", _ONLY_AAAA_FAILS, INDETERMINATE, "AAAA of mail.example.com"),
    Case("mx-resolves", _HOMELESS, FAIL, "mail.example.com (NXDOMAIN)"),
    Case("mx-resolves", _ONE_HOMELESS, FAIL, "gone.example.com"),
    Case("mx-resolves", _ONE_UNKNOWN, INDETERMINATE, "A of b.example.net"),
    Case("mx-resolves", _LITERAL, NOT_APPLICABLE, "mx-address-literal"),
    Case("mx-resolves", _NULL, NOT_APPLICABLE, "takes no mail"),
    Case("mx-resolves", _MANY, INDETERMINATE, "more than are looked at"),
    #
    Case("mx-public-addresses", _SOUND, PASS, "all addresses are public", _NONE_ALLOWED),
    Case("mx-public-addresses", _at("127.0.0.1"), FAIL, "loopback", _NONE_ALLOWED),
    Case("mx-public-addresses", _at("10.1.2.3"), FAIL, "private (RFC 1918) 10.0.0.0/8", _NONE_ALLOWED),
    Case("mx-public-addresses", _at(IP4, "192.168.1.1"), FAIL, "192.168.1.1", _NONE_ALLOWED),
    Case("mx-public-addresses", _at("172.31.255.255"), FAIL, "private", _NONE_ALLOWED),
    Case("mx-public-addresses", _at("172.32.0.1"), PASS, "public", _NONE_ALLOWED),
    Case("mx-public-addresses", _at("169.254.1.1"), FAIL, "link-local", _NONE_ALLOWED),
    Case("mx-public-addresses", _at("192.0.2.25"), FAIL, "documentation", _NONE_ALLOWED),
    Case("mx-public-addresses", mail_hosts({"mail AAAA": ["fe80::1"]}), FAIL, "link-local", _NONE_ALLOWED),
    Case("mx-public-addresses", mail_hosts({"mail AAAA": ["2001:db8::25"]}), FAIL, "documentation", _NONE_ALLOWED),
    Case("mx-public-addresses", mail_hosts({"mail AAAA": ["::ffff:8.8.4.4"]}), FAIL, "mapped", _NONE_ALLOWED),
    Case("mx-public-addresses", _at("127.0.0.1"), PASS, "public", _LOOPBACK_ALLOWED),
    Case("mx-public-addresses", _at("127.0.0.1", "10.0.0.1"), FAIL, "10.0.0.1", _LOOPBACK_ALLOWED),
    Case("mx-public-addresses", _AAAA_FAILS, INDETERMINATE, "AAAA of mail.example.com", _NONE_ALLOWED),
    Case("mx-public-addresses", _HOMELESS, NOT_APPLICABLE, "mx-resolves", _NONE_ALLOWED),
    #
    Case("mx-ipv6", _SOUND, PASS, "over IPv6: mail.example.com"),
    Case("mx-ipv6", _NO_AAAA, FAIL, "no mail exchanger has an IPv6 address"),
    Case("mx-ipv6", _AAAA_FAILS, INDETERMINATE, "AAAA of mail.example.com: SERVFAIL"),
    Case("mx-ipv6", _HOMELESS, NOT_APPLICABLE, "mx-resolves"),
)

_SEVERAL = (
    Case("mx-duplicates", _SOUND, PASS, "1 records"),
    Case(
        "mx-duplicates",
        mail_hosts({"@ MX": ["10 mail.example.com.", "20 mail.example.com."]}),
        FAIL,
        "more than once: mail.example.com",
    ),
    Case("mx-duplicates", _NULL, NOT_APPLICABLE, "takes no mail"),
    Case("mx-duplicates", _UNKNOWN, INDETERMINATE, "SERVFAIL"),
    #
    Case("mx-preference", _TWO, PASS, "no address stands behind two"),
    Case("mx-preference", _SAME_MACHINE, FAIL, f"mail.example.com and mx2.example.com are both {IP4}"),
    Case("mx-preference", _SOUND, NOT_APPLICABLE, "the same preference"),
    Case("mx-preference", _ONE_UNKNOWN, INDETERMINATE, "b.example.net"),
    #
    Case("mx-single-host", _TWO, PASS, "2 hosts take mail", {"minimum_hosts": 2}),
    Case("mx-single-host", _SOUND, PASS, "1 hosts take mail", {"minimum_hosts": 1}),
    Case("mx-single-host", _SOUND, FAIL, "1 of 2 hosts", {"minimum_hosts": 2}),
    Case("mx-single-host", _SAME_MACHINE, PASS, "2 hosts", {"minimum_hosts": 2}),
    Case("mx-single-host", _ONE_UNKNOWN, INDETERMINATE, "b.example.net", {"minimum_hosts": 2}),
    Case("mx-single-host", _NULL, NOT_APPLICABLE, "takes no mail", {"minimum_hosts": 2}),
)

_REVERSE = (
    Case("mx-reverse-confirmed", _SOUND, PASS, f"{IP4} is mail.example.com", _NONE_ALLOWED),
    Case("mx-reverse-confirmed", mail_hosts({PTR4: []}), FAIL, f"{IP4} has no name", _NONE_ALLOWED),
    Case("mx-reverse-confirmed", mail_hosts({PTR6: ["x.example.net."]}), FAIL, "leads back", _NONE_ALLOWED),
    Case("mx-reverse-confirmed", mail_hosts({PTR4: TIMEOUT}), INDETERMINATE, "PTR of 4.4.8.8", _NONE_ALLOWED),
    Case(
        "mx-reverse-confirmed",
        mail_hosts({PTR4: ["x.example.net."], "x.example.net. A": SERVFAIL}),
        INDETERMINATE,
        "A of x.example.net",
        _NONE_ALLOWED,
    ),
    Case("mx-reverse-confirmed", _at("127.0.0.1"), NOT_APPLICABLE, "public", _NONE_ALLOWED),
    Case("mx-reverse-confirmed", _at("127.0.0.1"), FAIL, "127.0.0.1 has no name", _LOOPBACK_ALLOWED),
    Case("mx-reverse-confirmed", _UNKNOWN, INDETERMINATE, "SERVFAIL", _NONE_ALLOWED),
)

CASES = (*_RECORD, *_NAMES, *_ADDRESSES, *_SEVERAL, *_REVERSE)
