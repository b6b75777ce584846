"""The names of the addresses that mail leaves from."""

from __future__ import annotations

from smtp_audit.facts.lookup import LookupOutcome
from smtp_audit.limits import MAX_REVERSE_NAMES
from tests.hosts_factories import IP4, IP6, PTR4, PTR6, helo, sending

from .case import Case, Expected

PASS, FAIL, INDETERMINATE = Expected.PASS, Expected.FAIL, Expected.INDETERMINATE
NOT_APPLICABLE = Expected.NOT_APPLICABLE

SERVFAIL, TIMEOUT = LookupOutcome.SERVFAIL, LookupOutcome.TIMEOUT

_NAMELESS = sending({PTR4: [], PTR6: []})


def _named(name: str):  # type: ignore[no-untyped-def]
    return sending({PTR4: [f"{name}."]}, (IP4,))


def _own(name: str, says: str, expected: Expected = FAIL) -> Case:
    return Case("sending-reverse-own", _named(name), expected, says)


CASES = (
    Case("sending-reverse-confirmed", sending(), PASS, f"{IP4} is mail.example.com, {IP6} is mail.example.com"),
    Case("sending-reverse-confirmed", sending({PTR6: []}), FAIL, f"{IP6} has no name"),
    Case("sending-reverse-confirmed", sending({PTR4: ["b.example.net."]}), FAIL, f"no name of {IP4} (b.example.net)"),
    Case(
        "sending-reverse-confirmed", sending({PTR4: ["b.example.net.", "mail.example.com."]}), PASS, "mail.example.com"
    ),
    Case("sending-reverse-confirmed", sending({PTR4: SERVFAIL}), INDETERMINATE, "PTR of 4.4.8.8.in-addr.arpa"),
    Case("sending-reverse-confirmed", sending({PTR4: SERVFAIL, PTR6: []}), FAIL, f"{IP6} has no name"),
    Case(
        "sending-reverse-confirmed",
        sending({PTR4: [f"n{n}.example.net." for n in range(MAX_REVERSE_NAMES + 1)]}),
        INDETERMINATE,
        "not all were looked up",
    ),
    #
    Case("sending-reverse-own", sending(), PASS, "mail.example.com"),
    _own("static-8-8-4-4.isp.example.net", "spells the address"),
    _own("4.4.8.8.dsl.example.net", "spells the address"),
    _own("008008004004.example.net", "spells the address"),
    _own("x08080404.example.net", "spells the address"),
    _own("host7.dynamic.example.net", "it has dynamic in it"),
    _own("pool3.example.net", "it has pool3 in it"),
    _own("mx4.lax8.mail8.example4.com", "mail8", PASS),
    _own("dynamics.example.com", "dynamics", PASS),
    _own("mail.pool-supplies.example", "pool-supplies", PASS),
    _own("pool.dynamic.example.com", "pool.dynamic.example.com", PASS),
    Case("sending-reverse-own", sending({PTR6: ["2a00-0000-0000-0000-0000-0000-0000-0025.example.net."]}), FAIL, IP6),
    Case("sending-reverse-own", _NAMELESS, NOT_APPLICABLE, "sending-reverse-confirmed"),
    Case("sending-reverse-own", sending({PTR4: TIMEOUT}), INDETERMINATE, "time-out"),
    #
    Case("sending-helo-agrees", helo(), PASS, f"mail.example.com is {IP4}, {IP6}"),
    Case("sending-helo-agrees", helo({PTR4: ["MAIL.example.com.".lower()]}), PASS, "mail.example.com"),
    Case("sending-helo-agrees", helo({"mail A": ["8.8.8.8"]}), FAIL, f"does not have {IP4}"),
    Case("sending-helo-agrees", helo({PTR4: ["b.example.net."]}), FAIL, "(b.example.net) is not mail.example.com"),
    Case("sending-helo-agrees", helo({PTR6: []}), FAIL, "(no name) is not mail.example.com"),
    Case("sending-helo-agrees", helo({"mail A": [], "mail AAAA": []}), FAIL, "has no address"),
    Case("sending-helo-agrees", helo({"mail AAAA": TIMEOUT}), INDETERMINATE, "time-out"),
    Case("sending-helo-agrees", helo({PTR6: SERVFAIL}), INDETERMINATE, "SERVFAIL"),
)
