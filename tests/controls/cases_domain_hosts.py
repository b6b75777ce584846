"""What in a domain's DNS belongs to others, or to nobody: aliases, services of others, block lists, name servers."""

from __future__ import annotations

from smtp_audit.facts.lookup import LookupOutcome
from smtp_audit.probes.domain.block_lists import entry
from smtp_audit.probes.domain.name_servers import MAX_SERVER_ADDRESSES
from smtp_audit.probes.domain.self_hosting import MAX_SPF_RECORDS
from tests.hosts_factories import (
    IP4,
    IP6,
    SOA,
    WORKING,
    aliases,
    block_lists,
    mail_hosts,
    name_servers,
    self_hosting,
)

from .case import Case, Expected

PASS, FAIL, INDETERMINATE = Expected.PASS, Expected.FAIL, Expected.INDETERMINATE
NOT_APPLICABLE = Expected.NOT_APPLICABLE

SERVFAIL, TIMEOUT, REFUSED = LookupOutcome.SERVFAIL, LookupOutcome.TIMEOUT, LookupOutcome.REFUSED

_GONE = {"mta-sts CNAME": ["customer.provider.example."], "www.provider.example. A": [IP4]}
_FREE = {"s1._domainkey CNAME": ["key.gone.example.net."]}
_GOOD = {"autodiscover CNAME": ["settings.example.net."], "settings.example.net. A": [IP4]}
_TO_NO_DATA = {"autodiscover CNAME": ["settings.example.net."], "settings.example.net. AAAA": [IP6]}

_ALIASES = (
    Case("alias-dangling", aliases(_GOOD), PASS, "autodiscover.example.com -> settings.example.net"),
    Case("alias-dangling", aliases(_TO_NO_DATA), PASS, "settings.example.net"),
    Case("alias-dangling", aliases(_GONE), FAIL, "mta-sts.example.com is an alias of customer.provider.example"),
    Case("alias-dangling", aliases(_FREE), FAIL, "s1._domainkey.example.com"),
    Case("alias-dangling", aliases({"_dmarc CNAME": ["d.example.net."]}), FAIL, "_dmarc.example.com"),
    Case("alias-dangling", aliases({**_GONE, "autoconfig A": SERVFAIL}), FAIL, "mta-sts"),
    Case("alias-dangling", aliases(), NOT_APPLICABLE, "none of the names is an alias"),
    Case(
        "alias-dangling",
        aliases({"_mta-sts CNAME": ["a.example.net."], "a.example.net. TXT": TIMEOUT}),
        INDETERMINATE,
        "TXT of _mta-sts.example.com",
    ),
    Case("alias-dangling", aliases({"mail A": TIMEOUT, "mail CNAME": TIMEOUT}), INDETERMINATE, "A of mail.example.com"),
    #
    Case("alias-registrable", aliases(_FREE | {"example.net. SOA": [SOA]}), PASS, "key.gone.example.net"),
    Case(
        "alias-registrable", aliases({"s1._domainkey CNAME": ["key.free.test."]}), FAIL, "free.test is not registered"
    ),
    Case("alias-registrable", aliases(_GONE), PASS, "customer.provider.example"),
    Case("alias-registrable", aliases({**_GONE, "provider.example. SOA": SERVFAIL}), INDETERMINATE, "provider.example"),
    Case("alias-registrable", aliases(), NOT_APPLICABLE, "none of the names is an alias"),
)

_ENTRY = f"{entry(IP4, 'bl.example.net')}."
_LISTED = {**WORKING, f"{_ENTRY} A": ["127.0.0.3"], f"{_ENTRY} TXT": ["spam seen"]}
_V4_ONLY = {key: value for key, value in WORKING.items() if key.startswith("2.0.0.127.")}
_EVERYTHING = {**WORKING, f"{entry('127.0.0.1', 'bl.example.net')}. A": ["127.0.0.2"]}
_TEST = f"{entry('127.0.0.2', 'bl.example.net')}. A"

_LISTS = (
    Case("sending-not-listed", block_lists(), PASS, f"{IP4}: not on bl.example.net"),
    Case("sending-not-listed", block_lists(addresses=(IP4, IP6)), PASS, IP6),
    Case("sending-not-listed", block_lists(_LISTED), FAIL, f"{IP4} is on bl.example.net (127.0.0.3): spam seen"),
    Case("sending-not-listed", block_lists({}), INDETERMINATE, "does not list its test address"),
    Case("sending-not-listed", block_lists({_TEST: REFUSED}), INDETERMINATE, "refused"),
    Case("sending-not-listed", block_lists(_EVERYTHING), INDETERMINATE, "lists everything"),
    Case(
        "sending-not-listed", block_lists({**WORKING, _TEST: ["127.255.255.254"]}), INDETERMINATE, "refuses to answer"
    ),
    Case(
        "sending-not-listed",
        block_lists({**WORKING, f"{_ENTRY} A": ["127.255.255.255"]}),
        INDETERMINATE,
        "refuses to answer this resolver (127.255.255.255)",
    ),
    Case(
        "sending-not-listed",
        block_lists({**WORKING, f"{_ENTRY} A": ["203.0.113.9"]}),
        INDETERMINATE,
        "no entry of a list",
    ),
    Case("sending-not-listed", block_lists({**WORKING, f"{_ENTRY} A": TIMEOUT}), INDETERMINATE, "time-out"),
    Case("sending-not-listed", block_lists(_V4_ONLY, (IP4,)), PASS, IP4),
    Case("sending-not-listed", block_lists(_V4_ONLY, (IP4, IP6)), INDETERMINATE, "none of the lists knows IPv6"),
)

_MX = mail_hosts()
_SENDGRID = self_hosting({"@ TXT": ["v=spf1 mx include:sendgrid.net -all"]})
_DEEP = self_hosting(
    {
        "@ TXT": ["v=spf1 include:_spf.example.com -all"],
        "_spf TXT": ["v=spf1 redirect=_b.example.com"],
        "_b TXT": ["v=spf1 include:spf.mtasv.net -all"],
    }
)
_MACRO = self_hosting({"@ TXT": ["v=spf1 include:%{i}._spf.example.com -all"]})
_LONG = self_hosting({"@ TXT": ["v=spf1 " + " ".join(f"include:i{n}.example.com" for n in range(MAX_SPF_RECORDS))]})
_KEY = self_hosting({"mine._domainkey CNAME": ["k.example.com."], "k CNAME": ["x.dkim.amazonses.com."]})
_GUESSED = self_hosting({"selector1._domainkey CNAME": ["selector1-x._domainkey.x.onmicrosoft.com."]})

_SELF = (
    Case("mail-self-hosted", (_MX, self_hosting()), PASS, "1 names"),
    Case(
        "mail-self-hosted",
        (mail_hosts({"@ MX": ["0 x.mail.protection.outlook.com."]}), self_hosting()),
        FAIL,
        "Microsoft 365",
    ),
    Case(
        "mail-self-hosted",
        (mail_hosts({"mail A": [], "mail AAAA": [], "mail CNAME": ["aspmx.l.google.com."]}), self_hosting()),
        FAIL,
        "Google Workspace",
    ),
    Case("mail-self-hosted", (_MX, _SENDGRID), FAIL, "Twilio SendGrid"),
    Case("mail-self-hosted", (_MX, _DEEP), FAIL, "Postmark"),
    Case("mail-self-hosted", (_MX, self_hosting({"@ TXT": ["V=SPF1 ?Include:SPF.Mailjet.com ~all"]})), FAIL, "Mailjet"),
    Case("mail-self-hosted", (_MX, self_hosting({"@ TXT": ["v=spf1 a:mail.sendgrid.net -all"]})), FAIL, "SendGrid"),
    Case("mail-self-hosted", (_MX, self_hosting({"@ TXT": ["use include:sendgrid.net"]})), PASS, "none of a known"),
    Case("mail-self-hosted", (_MX, _KEY), FAIL, "Amazon SES"),
    Case("mail-self-hosted", (_MX, _GUESSED), FAIL, "Microsoft 365"),
    Case("mail-self-hosted", (mail_hosts({"@ MX": TIMEOUT}), _SENDGRID), FAIL, "SendGrid"),
    Case(
        "mail-self-hosted",
        (mail_hosts({"@ MX": ["10 mx.mailbox.org."]}), self_hosting().model_copy(update={"domain": "mailbox.org"})),
        PASS,
        "none of a known",
    ),
    Case("mail-self-hosted", (mail_hosts({"@ MX": TIMEOUT}), self_hosting()), INDETERMINATE, "MX of example.com"),
    Case("mail-self-hosted", (_MX, self_hosting({"@ TXT": SERVFAIL})), INDETERMINATE, "TXT of example.com"),
    Case(
        "mail-self-hosted",
        (_MX, self_hosting({"@ TXT": ["v=spf1 include:x.example.net"], "x.example.net. TXT": TIMEOUT})),
        INDETERMINATE,
        "TXT of x.example.net",
    ),
    Case(
        "mail-self-hosted", (_MX, self_hosting({"mine._domainkey CNAME": SERVFAIL})), INDETERMINATE, "mine._domainkey"
    ),
    Case("mail-self-hosted", (_MX, _MACRO), INDETERMINATE, "%{i}._spf.example.com depends on the message"),
    Case("mail-self-hosted", (_MX, _LONG), INDETERMINATE, "more mail exchangers or SPF records"),
    Case(
        "mail-self-hosted",
        (mail_hosts({"@ MX": ["0 ."]}), self_hosting({"@ TXT": ["v=spf1 -all"]})),
        NOT_APPLICABLE,
        "nothing in the DNS names anybody",
    ),
)

_SAME_ADDRESS = {"ns2.example.net. A": ["192.0.2.1"]}
_ONE_LATE = {"192.0.2.2": {"@ SOA": [SOA.replace(" 7 ", " 6 ")]}}
_DEAD = dict.fromkeys(("@ SOA", "@ MX", "@ TXT", "_dmarc TXT"), TIMEOUT)
_LAME = dict.fromkeys(("@ SOA", "@ MX", "@ TXT", "_dmarc TXT"), REFUSED)
_OLD = {"192.0.2.2": {"@ TXT": ["v=spf1 mx ~all"]}}
_CROWD = {"ns1 A": [f"192.0.2.{number}" for number in range(1, MAX_SERVER_ADDRESSES + 2)]}
_UNKNOWN = name_servers({"@ NS": SERVFAIL})
_V6_DEAD = name_servers({"ns1 AAAA": [IP6]}, {IP6: _DEAD})
_TWO = {"minimum": 2}
_DELEGATED = {address: {"_dmarc TXT": REFUSED} for address in ("192.0.2.1", "192.0.2.2")}

_SERVERS = (
    Case("dns-servers-count", name_servers(), PASS, "2 name servers at 2 addresses", _TWO),
    Case("dns-servers-count", name_servers({"@ NS": ["ns1.example.com."]}), FAIL, "1 of 2", _TWO),
    Case("dns-servers-count", name_servers(_SAME_ADDRESS), FAIL, "2 name servers at 1 addresses", _TWO),
    Case("dns-servers-count", name_servers({"ns2.example.net. A": TIMEOUT}), INDETERMINATE, "A of ns2", _TWO),
    Case("dns-servers-count", _UNKNOWN, INDETERMINATE, "NS of example.com", _TWO),
    Case("dns-servers-count", name_servers(_CROWD), INDETERMINATE, "more name servers than", _TWO),
    #
    Case("dns-servers-answer", name_servers(), PASS, "ns1.example.com (192.0.2.1)"),
    Case("dns-servers-answer", name_servers(at={"192.0.2.2": _LAME}), PASS, "ns2"),
    Case("dns-servers-answer", _V6_DEAD, PASS, "ns1"),
    Case("dns-servers-answer", name_servers({"ns2.example.net. A": []}), FAIL, "ns2.example.net has no address"),
    Case("dns-servers-answer", name_servers({"ns1 A": [], "ns1 CNAME": ["ns2.example.net."]}), FAIL, "is an alias of"),
    Case("dns-servers-answer", name_servers(at={"192.0.2.2": _DEAD}), INDETERMINATE, "ns2.example.net (192.0.2.2)"),
    Case("dns-servers-answer", _UNKNOWN, INDETERMINATE, "NS of example.com"),
    #
    Case("dns-servers-authoritative", name_servers(), PASS, "2 servers answer for example.com"),
    Case("dns-servers-authoritative", name_servers(at={"192.0.2.2": _LAME}), FAIL, "ns2.example.net (192.0.2.2)"),
    Case("dns-servers-authoritative", name_servers(at={"192.0.2.2": {"@ SOA": []}}), FAIL, "no data"),
    Case("dns-servers-authoritative", name_servers(at={"192.0.2.2": _DEAD}), INDETERMINATE, "time-out"),
    Case("dns-servers-authoritative", name_servers(at={"192.0.2.1": _DEAD, "192.0.2.2": _LAME}), FAIL, "ns2"),
    Case(
        "dns-servers-authoritative",
        name_servers(at={"192.0.2.2": dict.fromkeys(_DEAD, SERVFAIL)}),
        INDETERMINATE,
        "SERVFAIL",
    ),
    #
    Case("dns-servers-agree", name_servers(), PASS, "2 servers give the same 6 answers"),
    Case("dns-servers-agree", name_servers(selectors=("s1",)), PASS, "8 answers"),
    Case("dns-servers-agree", _V6_DEAD, PASS, "the same"),
    Case("dns-servers-agree", name_servers(at=_OLD), FAIL, "TXT of example.com"),
    Case("dns-servers-agree", name_servers(at={"192.0.2.2": {"_dmarc TXT": []}}), FAIL, "_dmarc.example.com"),
    Case(
        "dns-servers-agree",
        name_servers(selectors=("s1",), at={"192.0.2.1": {"s1._domainkey TXT": ["p=a"]}}),
        FAIL,
        "s1._domainkey",
    ),
    Case("dns-servers-agree", name_servers(at=_ONE_LATE), PASS, "the same"),
    Case("dns-servers-agree", name_servers(at={"192.0.2.2": _DEAD}), INDETERMINATE, "time-out"),
    Case("dns-servers-agree", name_servers(at={"192.0.2.2": _LAME}), PASS, "1 servers give the same 3 answers"),
    Case(
        "dns-servers-agree", name_servers(at={"192.0.2.1": _LAME, "192.0.2.2": _LAME}), INDETERMINATE, "no name server"
    ),
    Case("dns-servers-agree", name_servers({"ns2.example.net. A": []}), PASS, "1 servers"),
    Case(
        "dns-servers-agree",
        name_servers(at=_DELEGATED),
        PASS,
        "4 answers",
    ),
    Case("dns-servers-agree", name_servers(at={"192.0.2.1": {"_dmarc TXT": REFUSED}}), INDETERMINATE, "refused"),
    Case("dns-servers-agree", name_servers({"@ SOA": LookupOutcome.NXDOMAIN}), INDETERMINATE, "are not known"),
    Case("dns-servers-agree", name_servers({"@ SOA": SERVFAIL}), PASS, "6 answers"),
    Case("dns-servers-agree", _UNKNOWN, INDETERMINATE, "NS of example.com"),
    #
    Case("dns-serials-agree", name_servers(), PASS, "serial number 7"),
    Case("dns-serials-agree", name_servers(at=_ONE_LATE), FAIL, "6: ns2.example.net (192.0.2.2); 7: ns1"),
    Case("dns-serials-agree", name_servers(at={"192.0.2.2": _DEAD}), INDETERMINATE, "time-out"),
)

CASES = (*_ALIASES, *_LISTS, *_SELF, *_SERVERS)
