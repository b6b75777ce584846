"""Servers for mailboxes: what they announce around TLS and what they say about themselves."""

from __future__ import annotations

from smtp_audit.facts.conversation import Dialogue
from smtp_audit.facts.endpoint import Role
from tests.auth_factories import identified, mailbox_access, said
from tests.conversation_factories import answered, unasked

from .case import Case, Expected

PASS, FAIL, NOT_APPLICABLE, INDETERMINATE = Expected

ROLES = (Role.IMAP, Role.IMAPS, Role.POP3, Role.POP3S, Role.SIEVE)
_NO_TLS = {"offered": False, "after_tls": None, "second_starttls": Dialogue(unknown="no TLS")}
_LOST = {
    "after_tls": None,
    "after_tls_unknown": "the server closed the connection",
    "second_starttls": unasked("closed"),
}

_TLS = (
    *(Case("mailbox-starttls-once", mailbox_access(role), PASS, "already active") for role in ROLES),
    *(
        Case(
            "mailbox-starttls-once", mailbox_access(role, second_starttls=answered("STARTTLS", answer)), FAIL, "inside"
        )
        for role, answer in ((Role.IMAP, "OK Begin TLS"), (Role.POP3S, "+OK Begin TLS"), (Role.SIEVE, 'OK "Begin"'))
    ),
    Case(
        "mailbox-starttls-once", mailbox_access(second_starttls=answered("STARTTLS", ended="closed")), INDETERMINATE, ""
    ),
    Case("mailbox-starttls-once", mailbox_access(**_LOST), INDETERMINATE, "closed"),
    Case("mailbox-starttls-once", mailbox_access(**_NO_TLS), NOT_APPLICABLE, "no TLS"),
    *(Case("mailbox-capabilities-inside-tls", mailbox_access(role), PASS, "announces what") for role in ROLES),
    Case(
        "mailbox-capabilities-inside-tls",
        mailbox_access(after_tls=("CAPABILITY IMAP4rev1 starttls LOGINDISABLED AUTH=PLAIN",)),
        FAIL,
        "announces STARTTLS, LOGINDISABLED inside",
    ),
    Case("mailbox-capabilities-inside-tls", mailbox_access(Role.POP3, after_tls=("UIDL", "STLS")), FAIL, "STLS"),
    Case("mailbox-capabilities-inside-tls", mailbox_access(Role.SIEVE, after_tls=('"STARTTLS"',)), FAIL, "STARTTLS"),
    # Only names of capabilities count.
    Case("mailbox-capabilities-inside-tls", mailbox_access(Role.POP3, after_tls=("X STLS",)), PASS, "announces what"),
    Case("mailbox-capabilities-inside-tls", mailbox_access(**_LOST), INDETERMINATE, "closed the connection"),
    Case("mailbox-capabilities-inside-tls", mailbox_access(**_NO_TLS), NOT_APPLICABLE, "no TLS"),
)

_PREAUTH = said("PREAUTH [CAPABILITY IMAP4rev1] welcome back")

_GREETING = (
    Case("imap-greeting-offers-no-login", mailbox_access(), PASS, "offers no login"),
    Case(
        "imap-greeting-offers-no-login",
        mailbox_access(greeting=said("OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN] ready")),
        FAIL,
        "offers AUTH=PLAIN, LOGIN before TLS",
    ),
    Case(
        "imap-greeting-offers-no-login",
        mailbox_access(greeting=said("OK [capability IMAP4rev1 STARTTLS LOGINDISABLED auth=login] ready")),
        FAIL,
        "offers AUTH=LOGIN before",
    ),
    Case("imap-greeting-offers-no-login", mailbox_access(greeting=said("OK ready")), NOT_APPLICABLE, "auth-only"),
    Case("imap-greeting-offers-no-login", mailbox_access(greeting=_PREAUTH), NOT_APPLICABLE, "service-greeting"),
)


def _greeted(text: str, role: Role = Role.IMAPS) -> object:
    return mailbox_access(role, greeting=said(text))


def _version(facts: object, expected: Expected, says: str) -> Case:
    return Case("mailbox-version-hidden", facts, expected, says)  # type: ignore[arg-type]


def _product(facts: object, expected: Expected, says: str) -> Case:
    return Case("mailbox-product-hidden", facts, expected, says)  # type: ignore[arg-type]


_SIEVE_WITH_VERSION = ('"IMPLEMENTATION" "Cyrus timsieved 3.6.1"', '"SASL" "PLAIN"', '"VERSION" "1.0"')

_IDENTITY = (
    *(_version(mailbox_access(role), PASS, "no version is named") for role in ROLES),
    *(_product(mailbox_access(role), PASS, "no known product is named") for role in ROLES),
    _version(_greeted("OK mail.example.com Cyrus IMAP v2.4.17 server ready"), FAIL, "the greeting names a version"),
    _version(_greeted("+OK Qpopper (version 4.0) at mail starting.", Role.POP3S), FAIL, "the greeting names a version"),
    _version(_greeted("OK [CAPABILITY IMAP4rev1 X1.2.3] ready"), PASS, "no version"),
    _version(_greeted("OK Dovecot (Debian) ready."), PASS, "no version"),
    # Addresses, names of hosts, and the timestamp of APOP look alike and are none.
    _version(_greeted("+OK POP3 ready <1896.697170952@mail1.2.example.com>", Role.POP3S), PASS, "no version"),
    _version(_greeted("OK [192.0.2.1] ready"), PASS, "no version"),
    _version(_greeted("OK 192.0.2.1 ready"), PASS, "no version"),
    _version(_greeted("OK mx1.2.example.com ready"), PASS, "no version"),
    _version(mailbox_access(identification=identified('"name" "Dovecot" "version" "2.3.19.1"')), FAIL, "ID names a"),
    _version(mailbox_access(identification=identified('"name" "x" "version" "blue"')), FAIL, "ID names a version"),
    _version(mailbox_access(identification=identified('"name" "Dovecot" "version" NIL')), PASS, "no version"),
    _version(mailbox_access(Role.SIEVE, after_tls=_SIEVE_WITH_VERSION), FAIL, "IMPLEMENTATION names a version"),
    _version(mailbox_access(Role.SIEVE, after_tls=_SIEVE_WITH_VERSION[1:]), PASS, "no version"),
    _version(mailbox_access(Role.POP3, before_tls=("IMPLEMENTATION popd-1.2.3",)), FAIL, "IMPLEMENTATION names a"),
    _version(mailbox_access(**_LOST), INDETERMINATE, "closed"),
    _version(mailbox_access(identification=unasked("not an IMAP response")), INDETERMINATE, "not an IMAP response"),
    _version(mailbox_access(identification=answered("ID NIL", ended="closed")), INDETERMINATE, "ID was not answered"),
    _product(_greeted("OK Dovecot (Debian) ready."), FAIL, "the greeting names the software"),
    _product(_greeted("OK mail.debian.org ready"), PASS, "no known product"),
    _product(mailbox_access(identification=identified('"name" "Dovecot"')), FAIL, "ID names the software"),
    _product(mailbox_access(Role.SIEVE, before_tls=_SIEVE_WITH_VERSION), FAIL, "IMPLEMENTATION names the software"),
    _product(mailbox_access(**_LOST), INDETERMINATE, "closed"),
)

CASES = (*_TLS, *_GREETING, *_IDENTITY)
