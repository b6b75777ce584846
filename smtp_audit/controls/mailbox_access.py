"""Servers for mailboxes: what they announce around TLS, and what they say about themselves to strangers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from smtp_audit.control import Rule, Verdict, control, fail, not_applicable, passed
from smtp_audit.controls.words import NO_TLS
from smtp_audit.errors import Undetermined
from smtp_audit.facts.endpoint import Endpoint, Protocol, Role
from smtp_audit.facts.mailbox_access import MailboxAccessFacts

MAILBOX_ROLES = frozenset({Role.IMAP, Role.IMAPS, Role.POP3, Role.POP3S, Role.SIEVE})

_ASK_ANOTHER = "no setting of a current server does this: update it, or look for a proxy that answers in its place"


@control(
    "mailbox-starttls-once",
    title="TLS cannot be started inside TLS",
    expects="STARTTLS or STLS inside TLS is refused",
    subject=Endpoint,
    needs=MailboxAccessFacts,
    roles=MAILBOX_ROLES,
    spec=("RFC 9051 section 6.2.1", "RFC 2595 section 4", "RFC 5804 section 2.2"),
    remedy={
        "dovecot": "no version does this: something else answers",
        "docker-mailserver": "no version does this: something else answers",
        "any": _ASK_ANOTHER,
    },
)
def mailbox_starttls_once(access: MailboxAccessFacts, rule: Rule) -> Verdict:
    """A server that begins TLS a second time has lost track of what it already knows about the session.

    Proxies that end TLS in front of a server without telling it do so. What was meant to be said inside TLS can then be
    said before it, and an attacker on the way can use the state that the server keeps to mix his words with the user's.
    """
    if not access.offered:
        return not_applicable(NO_TLS)
    last = access.second_starttls.last
    evidence = access.second_starttls.told()
    if last.reply is not None and last.reply.code in ("OK", "+OK"):
        return fail(f"starts TLS inside TLS: {last.reply}", evidence=evidence)
    if last.reply is not None and last.reply.code in ("NO", "BAD", "-ERR", "BYE"):
        return passed(f"refused: {last.reply}", evidence=evidence)
    raise Undetermined(f"neither begun nor refused: {last}")


@control(
    "mailbox-capabilities-inside-tls",
    title="The capabilities inside TLS are those of a session with TLS",
    expects="inside TLS neither STARTTLS or STLS nor LOGINDISABLED is announced",
    subject=Endpoint,
    needs=MailboxAccessFacts,
    roles=MAILBOX_ROLES,
    spec=("RFC 9051 section 6.2.1", "RFC 2595 section 4", "RFC 5804 section 2.2"),
    remedy={
        "dovecot": "leave imap_capability at its default",
        "docker-mailserver": "leave imap_capability out of dovecot.cf",
        "any": "let the server, not a proxy or a fixed list, say what it can do",
    },
)
def mailbox_capabilities_inside_tls(access: MailboxAccessFacts, rule: Rule) -> Verdict:
    """Clients decide by the capabilities whether and how to log in; a list from before TLS sends them the wrong way.

    Whoever reads STARTTLS or LOGINDISABLED again inside TLS takes the session for one without protection and gives up,
    or is set up to ignore both; then it logs in without TLS, too, when an attacker takes TLS away.
    """
    if not access.offered:
        return not_applicable(NO_TLS)
    if access.after_tls is None:
        raise Undetermined(f"the capabilities inside TLS are not known: {access.after_tls_unknown}")
    stale = [word for word in _words(access.after_tls) if word in ("STARTTLS", "STLS", "LOGINDISABLED")]
    if stale:
        return fail(f"announces {', '.join(stale)} inside TLS", evidence=access.after_tls)
    return passed("announces what there is inside TLS", evidence=access.after_tls)


def _words(capabilities: tuple[str, ...]) -> list[str]:
    """The names of capabilities; in IMAP a line has many."""
    words: list[str] = []
    for line in capabilities:
        parts = line.upper().split()
        words += parts[1:] if parts[:1] == ["CAPABILITY"] else [part.strip('"') for part in parts[:1]]
    return words


@control(
    "imap-greeting-offers-no-login",
    title="The greeting before TLS offers no login",
    expects="capabilities in the greeting before TLS have LOGINDISABLED and no AUTH=",
    subject=Endpoint,
    needs=MailboxAccessFacts,
    roles={Role.IMAP},
    spec=("RFC 9051 section 7.1", "RFC 9051 section 6.2.3"),
    remedy={
        "dovecot": "leave imap_capability at its default; ssl = required, and auth_allow_cleartext = no (2.4) or "
        "disable_plaintext_auth = yes (2.3)",
        "docker-mailserver": "leave imap_capability out of dovecot.cf, and set SSL_TYPE",
        "any": "let the greeting announce what the CAPABILITY command does",
    },
)
def imap_greeting_offers_no_login(access: MailboxAccessFacts, rule: Rule) -> Verdict:
    """Clients that find capabilities in the greeting need not ask again, and log in as these say.

    So an offer that only the greeting makes brings passwords into clear text, although the answer to CAPABILITY looks
    well kept.
    """
    text = " ".join(access.greeting.lines)
    found = re.search(r"\[CAPABILITY ([^\]]*)\]", text, re.IGNORECASE)
    if access.greeting.code == "PREAUTH":
        return not_applicable("the greeting says that nobody has to log in; service-greeting judges that")
    if found is None:
        return not_applicable("the greeting has no capabilities; auth-only-after-tls judges those of the command")
    words = found[1].upper().split()
    offers = [word for word in words if word.startswith("AUTH=")]
    offers += [] if "LOGINDISABLED" in words else ["LOGIN"]
    if offers:
        return fail(f"the greeting offers {', '.join(offers)} before TLS", evidence=(text,))
    return passed("the greeting offers no login before TLS", evidence=(text,))


_PRODUCTS = re.compile(
    r"(?<![\w.@-])(?:dovecot|pigeonhole|courier|cyrus|exchange|zimbra|hmailserver|mdaemon|kerio|stalwart|axigen|icewarp"
    r"|communigate|mailenable|smartermail|uw-imap|panda|qpopper|teapop|xmail|gimap|domino|groupwise|perdition"
    r"|imapproxy|nginx|mailcow|iredmail|debian|ubuntu|freebsd|openbsd|red ?hat|centos|windows|linux)(?![\w@-]|\.\w)",
    re.IGNORECASE,
)

_VERSION = re.compile(r"(?<![\w.@])v?\d{1,3}\.\d{1,3}(?:\.\d{1,5}){0,3}(?:[-+~]\w+)*(?![\w@]|\.\w)", re.IGNORECASE)
_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}|<[^<>]*>|\[[0-9A-Fa-f.:]+\]")
"""What looks like a version and is none: addresses, and the timestamp of APOP."""


def _told(access: MailboxAccessFacts) -> Iterator[tuple[str, str]]:
    """Where the server says something about itself, and what."""
    # RFC 5804 section 1.7: the greeting of ManageSieve is a list of capabilities, of which VERSION is the protocol's.
    if access.role.protocol is Protocol.SIEVE:
        yield "the greeting", access.greeting.lines[-1] if access.greeting.lines else ""
    else:
        yield "the greeting", re.sub(r"\[CAPABILITY [^\]]*\]", "", " ".join(access.greeting.lines), flags=re.IGNORECASE)
    for line in dict.fromkeys((*(access.before_tls or ()), *(access.after_tls or ()))):
        # RFC 5804 section 1.7, RFC 2449 section 6.9.
        name, _, rest = line.partition(" ")
        if name.strip('"').upper() == "IMPLEMENTATION":
            yield "IMPLEMENTATION", rest
    for exchange in access.identification.exchanges:
        for reply in exchange.replies:
            # RFC 2971 section 3.2: the untagged response is the list.
            for line in reply.lines[:-1]:
                if line.upper().startswith("* ID "):
                    yield "ID", line[5:]


@control(
    "mailbox-version-hidden",
    title="Strangers are not told the version of the server",
    expects="no version in greeting, ID and IMPLEMENTATION",
    subject=Endpoint,
    needs=MailboxAccessFacts,
    roles=MAILBOX_ROLES,
    spec=("RFC 2971 section 6", "RFC 5804 section 1.7", "RFC 2449 section 6.9"),
    remedy={
        "dovecot": "leave version out of login_greeting, imap_id_send and managesieve_implementation_string (2.4: "
        "imap_id_send { name = ... })",
        "docker-mailserver": "leave imap_id_send and login_greeting out of dovecot.cf: the defaults have no version",
        "any": "let greeting, ID and IMPLEMENTATION name no version",
    },
)
def mailbox_version_hidden(access: MailboxAccessFacts, rule: Rule) -> Verdict:
    """A version tells an attacker which known faults to try, and lists of such servers are for sale.

    Hiding it mends nothing that is broken; it only keeps the server out of the lists that are searched first when a
    fault becomes known.
    """
    found = [(where, text) for where, text in _told(access) if _names_version(text)]
    if found:
        where, text = found[0]
        return fail(f"{where} names a version: {text.strip()}", evidence=[f"{name}: {text}" for name, text in found])
    _require_told(access)
    return passed("no version is named", evidence=[f"{name}: {text}" for name, text in _told(access)])


@control(
    "mailbox-product-hidden",
    title="Strangers are not told which software the server is",
    expects="no product in greeting, ID and IMPLEMENTATION",
    subject=Endpoint,
    needs=MailboxAccessFacts,
    roles=MAILBOX_ROLES,
    spec=("RFC 2971 section 6", "RFC 5804 section 1.7", "RFC 2449 section 6.9"),
    remedy={
        "dovecot": "login_greeting = ready; 2.3: imap_id_send with one field of your own, for example support-url "
        "https://example.com/; managesieve_implementation_string = sieve",
        "docker-mailserver": "the same lines in dovecot.cf of the configuration volume",
        "any": "let greeting, ID and IMPLEMENTATION name no product",
    },
)
def mailbox_product_hidden(access: MailboxAccessFacts, rule: Rule) -> Verdict:
    """The name of the software narrows down what an attacker tries first.

    It is advice and no more: behaviour shows the software as well, to those who look closely.
    """
    found = [(where, text) for where, text in _told(access) if _PRODUCTS.search(text)]
    if found:
        where, text = found[0]
        return fail(f"{where} names the software: {text.strip()}", evidence=[f"{name}: {text}" for name, text in found])
    _require_told(access)
    return passed("no known product is named", evidence=[f"{name}: {text}" for name, text in _told(access)])


def _names_version(text: str) -> bool:
    if _VERSION.search(_ADDRESS.sub(" ", text)):
        return True
    # RFC 2971 section 3.3: the field of that name, whatever it holds.
    field = re.search(r'"version" (?:"([^"]*)"|NIL)', text, re.IGNORECASE)
    return bool(field and field[1])


def _require_told(access: MailboxAccessFacts) -> None:
    """Raises Undetermined when part of what could name it was not seen."""
    if access.offered and access.after_tls is None:
        raise Undetermined(f"what is said inside TLS is not known: {access.after_tls_unknown}")
    if access.role.protocol is Protocol.IMAP:
        # Raises when it was not asked; silence and a hang-up are no answer.
        last = access.identification.last
        if not last.replies:
            raise Undetermined(f"ID was not answered: {last.ended}")
