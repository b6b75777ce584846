"""Where programs of mail users are sent to."""

from __future__ import annotations

from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.lookup import LookupOutcome
from smtp_audit.limits import MAX_HOSTS
from tests.hosts_factories import IP4, endpoints, services

from .case import Case, Expected

PASS, FAIL, INDETERMINATE = Expected.PASS, Expected.FAIL, Expected.INDETERMINATE
NOT_APPLICABLE = Expected.NOT_APPLICABLE

SERVFAIL, TIMEOUT = LookupOutcome.SERVFAIL, LookupOutcome.TIMEOUT

_SOUND = {
    "_submissions._tcp SRV": ["0 1 465 mail.example.com."],
    "_submission._tcp SRV": ["10 1 587 mail.example.com."],
    "_imaps._tcp SRV": ["0 1 993 mail.example.com."],
    "_imap._tcp SRV": ["0 0 0 ."],
}
_NONE = services()
_ALL = services(_SOUND)
_FAILS = services({**_SOUND, "_pop3._tcp SRV": SERVFAIL})
_NOT_OFFERED = services({"_imap._tcp SRV": ["0 0 0 ."]})
_ELSEWHERE = {"_imaps._tcp SRV": ["0 1 993 imap.example.net."]}
_MANY = services(
    {
        "_imaps._tcp SRV": [f"0 1 993 h{number}.example.com." for number in range(MAX_HOSTS + 1)],
        **{f"h{number} A": [IP4] for number in range(MAX_HOSTS + 1)},
    }
)
_AUDITED = endpoints((Role.MX, 25), (Role.SUBMISSION, 587), (Role.SUBMISSIONS, 465), (Role.IMAPS, 993))
_SCANNED = endpoints((Role.SUBMISSIONS, 465), (Role.IMAPS, 993), declared=False)


def _ports(changes: dict[str, list[str]], audited=_AUDITED):  # type: ignore[no-untyped-def]
    return services({**_SOUND, **changes}, audited)


_FORM = (
    Case("srv-form", _ALL, PASS, "_submissions 0 1 465 mail.example.com"),
    Case("srv-form", _NOT_OFFERED, PASS, "_imap 0 0 0 ."),
    Case("srv-form", services({"_imap._tcp SRV": ["0 0 0 .", "0 1 143 mail.example.com."]}), FAIL, "no such service"),
    Case("srv-form", services({"_imaps._tcp SRV": ["0 1 0 mail.example.com."]}), FAIL, "port 0"),
    Case("srv-form", services({"_imaps._tcp SRV": ["0 1 993 192.0.2.25."]}), FAIL, "no name of a host"),
    Case("srv-form", _NONE, NOT_APPLICABLE, "no SRV records"),
    Case("srv-form", _FAILS, INDETERMINATE, "_pop3._tcp.example.com: SERVFAIL"),
    #
    Case("srv-no-alias", _ALL, PASS, "no target is an alias"),
    Case(
        "srv-no-alias",
        services({**_ELSEWHERE, "imap.example.net. CNAME": ["mail.example.com."]}),
        FAIL,
        "imap.example.net is an alias of mail.example.com",
    ),
    Case("srv-no-alias", _NOT_OFFERED, NOT_APPLICABLE, "no SRV record offers"),
    Case(
        "srv-no-alias",
        services(
            {
                **_ELSEWHERE,
                "imap.example.net. A": TIMEOUT,
                "imap.example.net. AAAA": TIMEOUT,
                "imap.example.net. CNAME": TIMEOUT,
            }
        ),
        INDETERMINATE,
        "imap.example.net",
    ),
    Case("srv-no-alias", _MANY, INDETERMINATE, "more hosts"),
    #
    Case("srv-resolves", _ALL, PASS, f"mail.example.com ({IP4}"),
    Case("srv-resolves", services(_ELSEWHERE), FAIL, "imap.example.net (NXDOMAIN)"),
    Case("srv-resolves", services({**_ELSEWHERE, "imap.example.net. AAAA": SERVFAIL}), INDETERMINATE, "AAAA of imap"),
    Case(
        "srv-resolves",
        services({**_ELSEWHERE, "imap.example.net. A": [IP4], "imap.example.net. AAAA": SERVFAIL}),
        PASS,
        IP4,
    ),
    Case("srv-resolves", _NONE, NOT_APPLICABLE, "no SRV record offers"),
    Case("srv-resolves", _MANY, INDETERMINATE, "more hosts"),
    Case("srv-resolves", services({"_imaps._tcp SRV": TIMEOUT}), INDETERMINATE, "_imaps._tcp"),
)

_PORT = (
    Case("srv-port", _ports({}), PASS, "_submissions mail.example.com:465"),
    Case("srv-port", _ports({"_submission._tcp SRV": ["10 1 465 mail.example.com."]}), FAIL, "that of submissions"),
    Case("srv-port", _ports({"_submissions._tcp SRV": ["0 1 587 mail.example.com."]}), FAIL, "that of submission"),
    Case("srv-port", _ports({"_submissions._tcp SRV": ["0 1 1465 mail.example.com."]}), FAIL, "the service is at 465"),
    Case(
        "srv-port",
        services({"_submissions._tcp SRV": ["0 1 1465 mail.example.com."]}, _SCANNED),
        NOT_APPLICABLE,
        "not part of this audit: mail.example.com:1465",
    ),
    Case("srv-port", services(_ELSEWHERE, _AUDITED), NOT_APPLICABLE, "imap.example.net:993"),
    Case("srv-port", _ports(_ELSEWHERE), PASS, "not part of this audit: imap.example.net:993"),
    Case("srv-port", _NONE, NOT_APPLICABLE, "no SRV record offers"),
    Case("srv-port", services({**_SOUND, "_pop3s._tcp SRV": TIMEOUT}, _AUDITED), INDETERMINATE, "_pop3s"),
    #
    Case("srv-prefers-tls", _ALL, PASS, "_submissions before _submission"),
    Case(
        "srv-prefers-tls",
        services({**_SOUND, "_submission._tcp SRV": ["0 1 587 mail.example.com."]}),
        FAIL,
        "_submissions has priority 0, _submission 0",
    ),
    Case("srv-prefers-tls", services({"_imap._tcp SRV": ["0 1 143 mail.example.com."]}), FAIL, "_imaps is not"),
    Case(
        "srv-prefers-tls",
        services({"_submissions._tcp SRV": ["0 1 465 mail.example.com."]}),
        NOT_APPLICABLE,
        "STARTTLS",
    ),
    Case("srv-prefers-tls", services({**_SOUND, "_submissions._tcp SRV": TIMEOUT}), INDETERMINATE, "_submissions"),
    Case("srv-prefers-tls", services({**_SOUND, "_submission._tcp SRV": TIMEOUT}), INDETERMINATE, "_submission._tcp"),
    Case("srv-prefers-tls", services({**_SOUND, "_pop3s._tcp SRV": TIMEOUT}), PASS, "before"),
    #
    Case("srv-published", _ports({}), PASS, "_submissions"),
    Case("srv-published", services({}, _AUDITED), FAIL, "sending and reading"),
    Case("srv-published", services({"_imaps._tcp SRV": ["0 1 993 mail.example.com."]}, _AUDITED), FAIL, "for sending"),
    Case("srv-published", services(_SOUND), NOT_APPLICABLE, "no service for users"),
    Case("srv-published", services({}, _SCANNED), NOT_APPLICABLE, "no service for users"),
    Case("srv-published", services({"_imaps._tcp SRV": TIMEOUT}, _AUDITED), INDETERMINATE, "_imaps"),
)

_NOTHING_ALLOWED = {"allowed": []}
_ALIAS = {"autoconfig CNAME": ["settings.example.net."]}

_HOSTS = (
    Case("autoconfig-host", services({"autoconfig A": [IP4]}), PASS, IP4, _NOTHING_ALLOWED),
    Case("autoconfig-host", services({**_ALIAS, "settings.example.net. A": [IP4]}), PASS, IP4, _NOTHING_ALLOWED),
    Case("autoconfig-host", services(_ALIAS), FAIL, "which has no address (NXDOMAIN)", _NOTHING_ALLOWED),
    Case("autoconfig-host", services({"autodiscover A": ["10.0.0.5"]}), FAIL, "private", _NOTHING_ALLOWED),
    Case("autoconfig-host", services({"autodiscover A": ["10.0.0.5"]}), PASS, "10.0.0.5", {"allowed": ["10.0.0.0/8"]}),
    Case("autoconfig-host", _NONE, NOT_APPLICABLE, "no autoconfig", _NOTHING_ALLOWED),
    Case("autoconfig-host", services({"autodiscover A": SERVFAIL}), INDETERMINATE, "autodiscover", _NOTHING_ALLOWED),
)

CASES = (*_FORM, *_PORT, *_HOSTS)
