"""Cases of the controls of SPF: zones, and what each control has to say of them."""

from __future__ import annotations

from smtp_audit.facts.lookup import LookupOutcome
from tests.spf_factories import Content, spf, spf_helo, spf_sending

from .case import Case, Expected

PASS, FAIL, NOT_APPLICABLE, INDETERMINATE = Expected

TIMEOUT, SERVFAIL, BOGUS = LookupOutcome.TIMEOUT, LookupOutcome.SERVFAIL, LookupOutcome.BOGUS

_TWO = ["v=spf1 mx -all", "v=spf1 a -all"]
_UNKNOWN = spf(TIMEOUT)
_NO_RECORD = spf("unrelated")
_REQUIRED = {"required": True}
_BROKEN = spf("v=spf1 a:192.0.2.1 -all")
_NAMED: Content = {"a.example.net A": "192.0.2.1", "b.example.net A": "192.0.2.2", "c.example.net A": "192.0.2.3"}


def _include(*records: str) -> Content:
    """_spf1.example.net and so on, with these records."""
    return {f"_spf{number}.example.net TXT": record for number, record in enumerate(records, 1)}


_RECORD = (
    Case("spf-record", spf("v=spf1 mx -all"), PASS, "one record: v=spf1 mx -all", _REQUIRED),
    Case("spf-record", spf(["v=spf1 mx -all", "site-verification=1", "v=spf10 all"]), PASS, "one record", _REQUIRED),
    Case("spf-record", spf("V=SPF1 mx -all"), PASS, "one record: V=SPF1", _REQUIRED),
    Case("spf-record", spf("v=spf1"), PASS, "one record: v=spf1", _REQUIRED),
    Case("spf-record", _NO_RECORD, FAIL, "no SPF record", _REQUIRED),
    Case("spf-record", spf(()), FAIL, "no SPF record", _REQUIRED),
    Case("spf-record", spf(_TWO), FAIL, "2 SPF records: a permerror", _REQUIRED),
    Case("spf-record", spf(["v=spf1 mx -all", "v=SPF1 mx -all"]), FAIL, "2 SPF records", _REQUIRED),
    Case("spf-record", spf(" v=spf1 mx -all"), FAIL, "this is none, because of how it begins:  v=spf1", _REQUIRED),
    Case("spf-record", spf("v=spf1;mx;-all"), FAIL, "this is none, because of how it begins", _REQUIRED),
    Case("spf-record", _UNKNOWN, INDETERMINATE, "TXT of example.com: time-out", _REQUIRED),
    Case("spf-record", spf(BOGUS), INDETERMINATE, "TXT of example.com: bogus", _REQUIRED),
    Case("spf-record", _NO_RECORD, NOT_APPLICABLE, "no SPF record", {"required": False}),
    Case("spf-record", spf(_TWO), FAIL, "2 SPF records: a permerror", {"required": False}),
    Case("spf-record", spf("v=spf1 -all"), PASS, "one record", {"required": False}),
)

_SYNTAX = (
    Case(
        "spf-syntax", spf("v=spf1 A:mail.example.com MX/24//64 ip6:2001:DB8::/32 X-what=ever:/ -ALL"), PASS, "5 terms"
    ),
    Case("spf-syntax", spf("v=spf1   mx   -all   "), PASS, "2 terms, all well formed"),
    Case(
        "spf-syntax", _BROKEN, FAIL, "term 1 (a:192.0.2.1): 192.0.2.1 is an address, and no name: write ip4:192.0.2.1"
    ),
    Case("spf-syntax", spf("v=spf1 mx -all moo"), FAIL, "term 3 (moo): no mechanism and no modifier"),
    Case("spf-syntax", spf("v=spf1 redirect=a.example.com redirect=b.example.com"), FAIL, "a second redirect"),
    Case("spf-syntax", spf("v=spf1 ipv4:192.0.2.1 ip4:192.0.2.0/33 -all"), FAIL, "did you mean 'ip4'?), and 1 more"),
    Case("spf-syntax", spf("v=spf1 mx\t-all"), FAIL, "term 1"),
    Case("spf-syntax", spf("v=spf1 mx \x96all"), FAIL, "no mechanism"),
    Case("spf-syntax", spf("v=spf1 include: -all"), FAIL, "the name is missing"),
    Case("spf-syntax", spf("v=spf1 exists:%(ir).example.com -all"), FAIL, "a percent sign begins"),
    Case("spf-syntax", _NO_RECORD, NOT_APPLICABLE, "spf-record judges that"),
    Case("spf-syntax", spf(_TWO), NOT_APPLICABLE, "spf-record judges that"),
    Case("spf-syntax", spf("v=spf1 " + "mx " * 1001 + "-all"), INDETERMINATE, "more terms than are read"),
    Case("spf-syntax", _UNKNOWN, INDETERMINATE, "time-out"),
)

_INCLUDE = "v=spf1 include:_spf1.example.net -all"
_INCLUDES = (
    Case("spf-includes", spf(_INCLUDE, _include("v=spf1 ip4:192.0.2.1 -all")), PASS, "1 names, each with one valid"),
    Case("spf-includes", spf("v=spf1 redirect=_spf1.example.net", _include("v=spf1 -all")), PASS, "1 names"),
    Case("spf-includes", spf("v=spf1 include:_s.%{d} -all", {"_s TXT": "v=spf1 -all"}), PASS, "1 names"),
    Case("spf-includes", spf(_INCLUDE), FAIL, "include:_spf1.example.net: _spf1.example.net does not exist"),
    Case("spf-includes", spf(_INCLUDE, _include("hello")), FAIL, "has no SPF record"),
    Case("spf-includes", spf(_INCLUDE, {"_spf1.example.net TXT": _TWO}), FAIL, "has 2 SPF records"),
    Case("spf-includes", spf(_INCLUDE, _include("v=spf1 ip4:1.2.3")), FAIL, "term 1 (ip4:1.2.3): 1.2.3 is no IPv4"),
    Case("spf-includes", spf("v=spf1 redirect=gone.example.net"), FAIL, "redirect=gone.example.net: gone.example.net"),
    Case("spf-includes", spf("v=spf1 include:a..example.net -all"), FAIL, "is no name that could be asked for"),
    Case(
        "spf-includes",
        spf(_INCLUDE, _include("v=spf1 include:_spf2.example.net", "v=spf1 include:gone.example.net -all")),
        FAIL,
        "include:gone.example.net: gone.example.net does not exist",
    ),
    Case("spf-includes", spf("v=spf1 include:%{i}.example.net -all"), FAIL, "for 198.51.100.77: include:%{i}"),
    Case(
        "spf-includes",
        spf("v=spf1 include:_spf1.example.net include:gone.example.net", {"_spf1.example.net TXT": SERVFAIL}),
        FAIL,
        "gone.example.net does not exist",
    ),
    Case("spf-includes", spf("v=spf1 mx -all"), PASS, "includes nothing"),
    Case("spf-includes", spf("v=spf1 mx -all include:gone.example.net"), PASS, "includes nothing"),
    Case("spf-includes", _BROKEN, NOT_APPLICABLE, "spf-syntax judges that"),
    Case("spf-includes", spf(_INCLUDE, {"_spf1.example.net TXT": SERVFAIL}), INDETERMINATE, "SERVFAIL"),
    Case("spf-includes", _UNKNOWN, INDETERMINATE, "time-out"),
)

_STRICT = {"accepted": ["-all"]}
_LENIENT = {"accepted": ["-all", "~all"]}
_REDIRECT = "v=spf1 redirect=_spf1.example.net"
_ALL = (
    Case("spf-all", spf("v=spf1 mx -all"), PASS, "ends in -all", _STRICT),
    Case("spf-all", spf("v=spf1 mx ~ALL"), PASS, "ends in ~all", _LENIENT),
    Case("spf-all", spf(_REDIRECT, _include("v=spf1 mx -all")), PASS, "ends in -all of _spf1.example.net", _STRICT),
    Case("spf-all", spf(_INCLUDE, _include("v=spf1 ip4:192.0.2.1 ?all")), PASS, "ends in -all", _STRICT),
    Case("spf-all", spf("v=spf1 mx ~all"), FAIL, "ends in ~all", _STRICT),
    Case("spf-all", spf("v=spf1 mx ?all"), FAIL, "ends in ?all", _LENIENT),
    Case("spf-all", spf("v=spf1 mx +all"), FAIL, "+all lets everyone pass", _LENIENT),
    Case("spf-all", spf("v=spf1 mx all"), FAIL, "all lets everyone pass", _LENIENT),
    Case("spf-all", spf("v=spf1 mx"), FAIL, "no all and no redirect", _LENIENT),
    Case("spf-all", spf(_REDIRECT, _include("v=spf1 mx ?all")), FAIL, "ends in ?all of _spf1.example.net", _LENIENT),
    Case("spf-all", spf(_REDIRECT, _include("v=spf1 mx")), FAIL, "no all and no redirect", _LENIENT),
    Case("spf-all", spf(_INCLUDE, _include("v=spf1 +all")), FAIL, "+all in _spf1.example.net lets everyone", _LENIENT),
    Case("spf-all", spf(_REDIRECT), NOT_APPLICABLE, "leads to no valid record", _LENIENT),
    Case("spf-all", _BROKEN, NOT_APPLICABLE, "spf-syntax judges that", _LENIENT),
    Case("spf-all", _NO_RECORD, NOT_APPLICABLE, "spf-record judges that", _LENIENT),
    Case("spf-all", spf(_REDIRECT, {"_spf1.example.net TXT": TIMEOUT}), INDETERMINATE, "time-out", _LENIENT),
    Case("spf-all", spf("v=spf1 redirect=%{h}.example.net"), INDETERMINATE, "depends on the message", _LENIENT),
    Case("spf-all", _UNKNOWN, INDETERMINATE, "time-out", _LENIENT),
)

_EXPLAINED = "v=spf1 mx -all exp=why.example.com"
_EXPLANATION = (
    Case("spf-explanation", spf(_EXPLAINED, {"why TXT": "%{i} is not ours: see %{r}"}), PASS, "one text: %{i} is"),
    Case("spf-explanation", spf(_EXPLAINED), FAIL, "why.example.com has 0 TXT records"),
    Case("spf-explanation", spf(_EXPLAINED, {"why TXT": ["one", "two"]}), FAIL, "has 2 TXT records"),
    Case("spf-explanation", spf(_EXPLAINED, {"why TXT": "100% wrong"}), FAIL, "the text cannot be used: % wrong"),
    Case("spf-explanation", spf(_EXPLAINED, {"why TXT": "caf\xe9"}), FAIL, "is no visible ASCII character"),
    Case("spf-explanation", spf("v=spf1 mx -all"), PASS, "no exp="),
    Case("spf-explanation", spf("v=spf1 mx -all exp=%{i}.example.com"), NOT_APPLICABLE, "depends on the message"),
    Case("spf-explanation", _BROKEN, NOT_APPLICABLE, "spf-syntax judges that"),
    Case("spf-explanation", spf(_EXPLAINED, {"why TXT": TIMEOUT}), INDETERMINATE, "time-out"),
)

_TYPE_99 = (
    Case("spf-type-99", spf(), PASS, "none of type SPF"),
    Case("spf-type-99", spf(also={"@ SPF": "v=spf1 +all"}), FAIL, "1 of type SPF (99)"),
    Case("spf-type-99", spf(also={"@ SPF": LookupOutcome.REFUSED}), INDETERMINATE, "refused"),
)

_450 = {"max_octets": 450}
_ANSWER_SIZE = (
    Case("spf-answer-size", spf(["v=spf1 mx -all", "a" * 400]), PASS, "425 octets in 2 TXT records", _450),
    Case("spf-answer-size", spf(["v=spf1 mx -all", "a" * 440]), FAIL, "465 octets in 2 TXT records", _450),
    Case("spf-answer-size", _NO_RECORD, NOT_APPLICABLE, "spf-record judges that", _450),
    Case("spf-answer-size", _UNKNOWN, INDETERMINATE, "time-out", _450),
)

_10 = {"max_lookups": 10}
_ELEVEN = {f"_spf{number}.example.net TXT": f"v=spf1 include:_spf{number + 1}.example.net" for number in range(1, 11)}
_LOOKUPS = (
    Case("spf-lookups", spf("v=spf1 ip4:192.0.2.1 -all"), PASS, "0 look-ups", _10),
    Case("spf-lookups", spf("v=spf1 a mx a:mail.example.com include:_spf1.example.net exists:%{i}.example.net ptr -all",
                            _include("v=spf1 a mx -all mx mx mx mx mx")), PASS, "8 look-ups", _10),
    Case("spf-lookups", spf("v=spf1 " + "mx " * 10 + "-all"), PASS, "10 look-ups", _10),
    Case("spf-lookups", spf("v=spf1 " + "mx " * 10 + "-all redirect=_spf1.example.net"), PASS, "10 look-ups", _10),
    Case("spf-lookups", spf("v=spf1 mx -all " + "mx " * 11), PASS, "1 look-ups", _10),
    Case("spf-lookups", spf("v=spf1 " + "mx " * 11 + "-all"), FAIL, "11 look-ups, at most 10", _10),
    Case("spf-lookups", spf("v=spf1 " + "mx " * 10 + "redirect=_spf1.example.net", _include("v=spf1 -all")),
         FAIL, "11 look-ups", _10),
    Case("spf-lookups", spf("v=spf1 include:_spf1.example.net mx -all", _include("v=spf1 " + "a " * 9)),
         FAIL, "11 look-ups", _10),
    Case("spf-lookups", spf("v=spf1 include:_spf1.example.net -all", _ELEVEN), FAIL, "11 look-ups", _10),
    Case("spf-lookups", spf("v=spf1 include:example.com -all"), FAIL, "leads round in a circle", _10),
    Case("spf-lookups", spf(_REDIRECT, _include("v=spf1 redirect=Example.COM")), FAIL, "in a circle", _10),
    Case("spf-lookups", spf(also={"@ MX": [f"10 m{n}.example.com." for n in range(11)]}), FAIL, "11 hosts", _10),
    Case("spf-lookups", spf("v=spf1 " + "mx " * 10 + "include:_spf1.example.net", {"_spf1.example.net TXT": TIMEOUT}),
         FAIL, "11 look-ups", _10),
    Case("spf-lookups", spf("v=spf1 include:%{v}.example.net -all",
                            {"in-addr.example.net TXT": "v=spf1 " + "a:mail.example.com " * 10}),
         FAIL, "more than 10 look-ups: 198.51.100.77", _10),
    Case("spf-lookups", spf("v=spf1 include:%{v}.example.net -all",
                            {"in-addr.example.net TXT": "v=spf1 a:mail.example.com",
                             "ip6.example.net TXT": "v=spf1 a:mail.example.com a:mail.example.com"}),
         PASS, "3 look-ups", _10),
    Case("spf-lookups", _BROKEN, NOT_APPLICABLE, "spf-syntax judges that", _10),
    Case("spf-lookups", spf(_INCLUDE, {"_spf1.example.net TXT": TIMEOUT}), INDETERMINATE, "time-out", _10),
    Case("spf-lookups", spf("v=spf1 " + "mx " * 11 + "-all", {"@ MX": TIMEOUT}), FAIL, "11 look-ups", _10),
    Case("spf-lookups", spf(also={"@ MX": TIMEOUT}), INDETERMINATE, "MX of example.com: time-out", _10),
    Case("spf-lookups", spf("v=spf1 include:%{v}.example.net -all", {"in-addr.example.net TXT": TIMEOUT}),
         INDETERMINATE, "time-out", _10),
)  # fmt: skip

_2 = {"max_void": 2}
_VOID = (
    Case("spf-void-lookups", spf(), PASS, "0 for clients with IPv4, 0 for clients with IPv6", _2),
    Case("spf-void-lookups", spf("v=spf1 mx a:x.example.net a:y.example.net -all"), PASS, "2 for clients with", _2),
    Case("spf-void-lookups", spf("v=spf1 a:a.example.net a:b.example.net a:c.example.net -all", _NAMED), PASS,
         "0 for clients with IPv4, 3 for clients with IPv6", _2),
    Case("spf-void-lookups", spf("v=spf1 mx -all a:x.example.net a:y.example.net a:z.example.net"), PASS, "0 for", _2),
    Case("spf-void-lookups", spf("v=spf1 mx a:x.example.net a:y.example.net mx:z.example.net -all"), FAIL,
         "3, at most 2", _2),
    Case("spf-void-lookups", spf("v=spf1 exists:a.example.net exists:b.example.net exists:c.example.net mx -all"), FAIL,
         "3 for clients with IPv4 before mx", _2),
    Case("spf-void-lookups", spf("v=spf1 a:a.example.net a:b.example.net a:c.example.net ip6:2001:db8::25 ~all",
                                 _NAMED), FAIL, "3 for clients with IPv6", _2),
    Case("spf-void-lookups", spf(_INCLUDE, _include("v=spf1 a:x.test a:y.test a:z.test ip4:192.0.2.1")), FAIL,
         "3 for clients with IPv4 before ip4:192.0.2.1 in _spf1", _2),
    Case("spf-void-lookups", spf("v=spf1 mx a:a.example.net a:b.example.net a:c.example.net -all", _NAMED), PASS,
         "3 for clients with IPv6", _2),
    Case("spf-void-lookups", spf("v=spf1 mx exists:%{i}.a.test exists:%{i}.b.test exists:%{i}.c.test -all"), FAIL,
         "3, at most 2", _2),
    Case("spf-void-lookups", spf("v=spf1 ip4:192.0.2.1 -all"), PASS, "needs no look-up", _2),
    Case("spf-void-lookups", _BROKEN, NOT_APPLICABLE, "spf-syntax judges that", _2),
    Case("spf-void-lookups", spf("v=spf1 a:mail.example.com a:x.example.net -all", {"x.example.net A": TIMEOUT}),
         INDETERMINATE, "A of x.example.net: time-out", _2),
    Case("spf-void-lookups", spf(_INCLUDE, {"_spf1.example.net TXT": SERVFAIL}), INDETERMINATE, "SERVFAIL", _2),
)  # fmt: skip

_PTR = (
    Case("spf-ptr", spf(), PASS, "no ptr"),
    Case("spf-ptr", spf("v=spf1 mx -all ptr"), PASS, "no ptr"),
    Case("spf-ptr", spf("v=spf1 mx PTR:example.com -all"), FAIL, "uses PTR:example.com"),
    Case("spf-ptr", spf(_INCLUDE, _include("v=spf1 ptr -all")), FAIL, "uses ptr in _spf1.example.net"),
    Case("spf-ptr", spf("v=spf1 exists:%{p}.example.net -all"), FAIL, "uses exists:%{p}.example.net"),
    Case("spf-ptr", spf(_INCLUDE, {"_spf1.example.net TXT": BOGUS}), INDETERMINATE, "bogus"),
    Case("spf-ptr", _BROKEN, NOT_APPLICABLE, "spf-syntax judges that"),
)

_WIDE = {"shortest_prefix4": 16, "shortest_prefix6": 32}
_NETWORKS = (
    Case("spf-wide-networks", spf("v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 mx/24//64 -all"), PASS,
         "no network", _WIDE),
    Case("spf-wide-networks", spf("v=spf1 -ip4:10.0.0.0/8 ?ip4:11.0.0.0/8 mx -all"), PASS, "no network", _WIDE),
    Case("spf-wide-networks", spf("v=spf1 ?include:_spf1.example.net -all", _include("v=spf1 ip4:11.0.0.0/8")),
         PASS, "no network", _WIDE),
    Case("spf-wide-networks", spf("v=spf1 mx -all ip4:0.0.0.0/0"), PASS, "no network", _WIDE),
    Case("spf-wide-networks", spf("v=spf1 ip4:192.0.2.0/15 -all"), FAIL, "allows ip4:192.0.2.0/15", _WIDE),
    Case("spf-wide-networks", spf("v=spf1 ip4:0.0.0.0/0 -all"), FAIL, "allows ip4:0.0.0.0/0", _WIDE),
    Case("spf-wide-networks", spf("v=spf1 ip6:2001::/16 -all"), FAIL, "allows ip6:2001::/16", _WIDE),
    Case("spf-wide-networks", spf("v=spf1 mx/8 -all"), FAIL, "allows mx/8", _WIDE),
    Case("spf-wide-networks", spf("v=spf1 a//0 -all"), FAIL, "allows a//0", _WIDE),
    Case("spf-wide-networks", spf(_INCLUDE, _include("v=spf1 ip4:11.0.0.0/8")), FAIL, "ip4:11.0.0.0/8 in _spf1", _WIDE),
    Case("spf-wide-networks", spf(_INCLUDE, {"_spf1.example.net TXT": TIMEOUT}), INDETERMINATE, "time-out", _WIDE),
    Case("spf-wide-networks", _NO_RECORD, NOT_APPLICABLE, "spf-record judges that", _WIDE),
)  # fmt: skip

_PRIVATE = (
    Case("spf-private-networks", spf("v=spf1 ip4:192.0.2.25 ip6:2001:db8::25 mx -all"), PASS, "public addresses only"),
    Case("spf-private-networks", spf(_INCLUDE, _include("v=spf1 ip4:10.0.0.1")), PASS, "public addresses only"),
    Case("spf-private-networks", spf("v=spf1 ip4:192.0.2.25 ip4:10.1.0.0/16 -all"), FAIL, "names ip4:10.1.0.0/16"),
    Case("spf-private-networks", spf("v=spf1 ip6:fd00::1 -all"), FAIL, "names ip6:fd00::1"),
    Case("spf-private-networks", spf("v=spf1 ip4:127.0.0.1 -all"), FAIL, "names ip4:127.0.0.1"),
    Case("spf-private-networks", spf("v=spf1 include:_s.example.com -all", {"_s TXT": "v=spf1 ip4:192.168.1.1"}),
         FAIL, "names ip4:192.168.1.1 in _s.example.com"),
    Case("spf-private-networks", spf("v=spf1 include:_s.example.com -all", {"_s TXT": TIMEOUT}), INDETERMINATE,
         "TXT of _s.example.com"),
    Case("spf-private-networks", _BROKEN, NOT_APPLICABLE, "spf-syntax judges that"),
)  # fmt: skip

_DEAD = (
    Case("spf-dead-terms", spf("v=spf1 mx a:mail.example.com ra=postmaster -all"), PASS, "every term counts"),
    Case("spf-dead-terms", spf(_INCLUDE, _include("v=spf1 -all mx")), PASS, "every term counts"),
    Case("spf-dead-terms", spf("v=spf1 exists:%{i}.example.net -all"), PASS, "every term counts"),
    Case("spf-dead-terms", spf("v=spf1 mx -all ip4:192.0.2.1"), FAIL, "ip4:192.0.2.1 stands behind -all"),
    Case("spf-dead-terms", spf("v=spf1 mx ~all -all"), FAIL, "-all stands behind ~all"),
    Case("spf-dead-terms", spf("v=spf1 mx -all redirect=_spf1.example.net"), FAIL, "redirect=_spf1.example.net is not"),
    Case("spf-dead-terms", spf("v=spf1 a:gone.example.net mx -all"), FAIL, "a:gone.example.net names nothing"),
    Case("spf-dead-terms", spf("v=spf1 a mx -all"), FAIL, "a names nothing: example.com A: no data"),
    Case("spf-dead-terms", spf("v=spf1 mx:gone.example.net mx -all"), FAIL, "mx:gone.example.net names nothing"),
    Case("spf-dead-terms", spf("v=spf1 mx -all", {"@ MX": "0 ."}), FAIL, "mx names nothing"),
    Case("spf-dead-terms", spf("v=spf1 mx a:x..example.net -all"), FAIL, "a:x..example.net names nothing: is no name"),
    Case("spf-dead-terms", spf("v=spf1 mx MX -all"), FAIL, "MX is there twice"),
    Case("spf-dead-terms", spf("v=spf1 mx ip4=192.0.2.1 -all"), FAIL, "ip4=192.0.2.1 is an unknown modifier"),
    Case("spf-dead-terms", spf("v=spf1 include:_spf1.example.net mx -all", _include("v=spf1 +all")), FAIL,
         "mx stands behind include:_spf1.example.net, which matches everyone"),
    Case("spf-dead-terms", spf("v=spf1 a:x.example.net mx -all", {"x.example.net A": TIMEOUT}),
         INDETERMINATE, "A of x"),
    Case("spf-dead-terms", _UNKNOWN, INDETERMINATE, "time-out"),
    Case("spf-dead-terms", _BROKEN, NOT_APPLICABLE, "spf-syntax judges that"),
)  # fmt: skip

_FOREIGN = (
    Case("spf-foreign-address", spf(), PASS, "198.51.100.77: fail, 2001:db8:f::77: fail"),
    Case("spf-foreign-address", spf("v=spf1 mx ?all"), PASS, "neutral"),
    Case("spf-foreign-address", spf("v=spf1 mx +all"), FAIL, "198.51.100.77 passes by +all"),
    Case("spf-foreign-address", spf("v=spf1 ip4:198.0.0.0/7 -all"), FAIL, "passes by ip4:198.0.0.0/7"),
    Case("spf-foreign-address", spf("v=spf1 mx//0 -all"), FAIL, "2001:db8:f::77 passes by mx//0"),
    Case("spf-foreign-address", spf("v=spf1 exists:mail.example.com -all"), FAIL, "passes by exists:mail.example.com"),
    Case("spf-foreign-address", spf(_INCLUDE, _include("v=spf1 all")), FAIL, "include:_spf1.example.net > all"),
    Case("spf-foreign-address", spf(_REDIRECT, _include("v=spf1 +all")), FAIL, "redirect=_spf1.example.net > +all"),
    Case("spf-foreign-address", spf(_INCLUDE), NOT_APPLICABLE, "no receiver can evaluate it"),
    Case("spf-foreign-address", _NO_RECORD, NOT_APPLICABLE, "spf-record judges that"),
    Case("spf-foreign-address", spf(_INCLUDE, {"_spf1.example.net TXT": SERVFAIL}), INDETERMINATE, "SERVFAIL"),
    Case("spf-foreign-address", spf("v=spf1 ptr -all", {"77.100.51.198.in-addr.arpa PTR": TIMEOUT}), INDETERMINATE,
         "fail, and other receivers may see more: PTR of"),
)  # fmt: skip

_COVERS = (
    Case("spf-covers-sending", spf_sending(), PASS, "2 addresses pass as MAIL FROM example.com"),
    Case("spf-covers-sending", spf_sending("v=spf1 ip4:192.0.2.25 -all"), FAIL, "2001:db8::25: fail"),
    Case("spf-covers-sending", spf_sending("v=spf1 mx ~all", addresses=["192.0.2.99"]), FAIL, "192.0.2.99: softfail"),
    Case("spf-covers-sending", spf_sending("v=spf1 ip4:192.0.2.1"), FAIL, "192.0.2.25: neutral (nothing matched)"),
    Case("spf-covers-sending", spf_sending("v=spf1 mx -all moo"), FAIL, "192.0.2.25: permerror (example.com: term 3"),
    Case(
        "spf-covers-sending", spf_sending("v=spf1 " + "a:x.example.net " * 3 + "mx -all"), FAIL, "one void look-up more"
    ),
    Case("spf-covers-sending", spf_sending("v=spf1 ip4:192.0.2.25 mx -all", {"@ MX": TIMEOUT}), INDETERMINATE, "MX of"),
    Case("spf-covers-sending", spf_sending(SERVFAIL), INDETERMINATE, "SERVFAIL"),
    Case("spf-covers-sending", spf_sending(()), NOT_APPLICABLE, "spf-record judges that"),
)

_HELO = (
    Case("spf-helo", spf_helo(), PASS, "2 addresses pass as HELO mail.example.com"),
    Case("spf-helo", spf_helo(()), FAIL, "mail.example.com has no SPF record"),
    Case("spf-helo", spf_helo("v=spf1 -all"), FAIL, "192.0.2.25: fail"),
    Case("spf-helo", spf_helo("v=spf1 +all"), FAIL, "foreign addresses pass: 198.51.100.77 by +all"),
    Case("spf-helo", spf_helo("v=spf1 include:mail.example.net -all", {"mail.example.net TXT": TIMEOUT}), INDETERMINATE,
         "TXT of mail.example.net: time-out"),
    Case("spf-helo", spf_helo(BOGUS), INDETERMINATE, "bogus"),
)  # fmt: skip

CASES = (
    *_RECORD,
    *_SYNTAX,
    *_INCLUDES,
    *_ALL,
    *_EXPLANATION,
    *_TYPE_99,
    *_ANSWER_SIZE,
    *_LOOKUPS,
    *_VOID,
    *_PTR,
    *_NETWORKS,
    *_PRIVATE,
    *_DEAD,
    *_FOREIGN,
    *_COVERS,
    *_HELO,
)
