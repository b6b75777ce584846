"""What a server says about itself that helps nobody but an attacker: software, version, system, inner network."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence

from smtp_audit.control import Rule, Verdict, control, fail, not_applicable, passed
from smtp_audit.controls.words import NO_GREETING, ONE_NAME
from smtp_audit.errors import Undetermined
from smtp_audit.facts.endpoint import SMTP_ROLES, Endpoint, is_address
from smtp_audit.facts.identity import IdentityFacts
from smtp_audit.facts.service import CapabilityFacts, GreetingFacts

_BANNER = {
    "postfix": "smtpd_banner = $myhostname ESMTP",
    "exim": 'smtp_banner = "$smtp_active_hostname ESMTP"',
    "sendmail": "define(`confSMTP_LOGIN_MSG', `$j ESMTP')dnl in sendmail.mc, and an empty help file (confHELP_FILE)",
    "docker-mailserver": "smtpd_banner = $myhostname ESMTP in postfix-main.cf",
    "any": "greet with the host's name and ESMTP, and nothing else; software without such a setting (OpenSMTPD) needs "
    "a waiver",
}


def _words(greeting: GreetingFacts, capability: CapabilityFacts, identity: IdentityFacts) -> Iterator[tuple[str, str]]:
    """Where and what the server said in its own words: without the host name that comes first, and without ours."""
    if greeting.reply is not None:
        for line in greeting.reply.lines:
            yield "greeting", line.partition(" ")[2]
    for state in (capability.before_tls, capability.after_tls):
        if state:
            yield "EHLO", _without_ours(state[0].partition(" ")[2], identity)
    for exchange in identity.help.exchanges:
        for reply in exchange.replies:
            if reply.code.startswith("2"):
                yield from (("HELP", _without_ours(line, identity)) for line in reply.lines)


def _without_ours(text: str, identity: IdentityFacts) -> str:
    for name in (identity.client_name, identity.source):
        if name:
            text = re.sub(rf"(?<![\w.]){re.escape(name)}(?!\w|\.\w)", "", text)
    return text


def _told(
    found: Sequence[tuple[str, str]], identity: IdentityFacts, fault: str, sound: str, *, with_help: bool = True
) -> Verdict:
    """The verdict on what was found where; what HELP says has to be known before nothing can be said to be there."""
    if found:
        once = list(dict.fromkeys(found))
        listed = ", ".join(dict.fromkeys(what for _, what in once))
        return fail(f"{fault}: {listed}", evidence=(f"{where}: {what}" for where, what in once))
    if with_help and identity.help.unknown:
        raise Undetermined(f"what HELP says is not known: {identity.help.unknown}")
    if with_help and any(exchange.ended and not exchange.hung_up for exchange in identity.help.exchanges):
        raise Undetermined(f"what HELP says is not known: {identity.help.last}")
    return passed(sound)


@control(
    "greeting-product",
    title="The server does not say which product it is",
    expects="greeting, EHLO and HELP name none of these: {products}",
    subject=Endpoint,
    needs=(GreetingFacts, CapabilityFacts, IdentityFacts),
    roles=SMTP_ROLES,
    parameters={"products": list[str]},
    spec=("RFC 5321 section 7.5", "RFC 5321 section 4.3.1"),
    remedy=_BANNER,
)
def product(greeting: GreetingFacts, capability: CapabilityFacts, identity: IdentityFacts, rule: Rule) -> Verdict:
    """A scanner that reads the product off the greeting tries only what is known against it.

    It is no protection: behaviour tells the product, too. But nothing that the server says about itself helps a sender.
    """
    if greeting.reply is None:
        return not_applicable(NO_GREETING)
    names = "|".join(re.escape(name) for name in rule["products"])
    sign = re.compile(rf"(?<![\w.-])(?:{names})(?![\w-])", re.IGNORECASE)
    found = [(where, hit[0]) for where, text in _words(greeting, capability, identity) for hit in sign.finditer(text)]
    return _told(found, identity, "names its product", "names no product")


_VERSION = re.compile(
    r"\b(?P<word>[a-z][a-z0-9]*)(?P<between>[ /:_-]{1,3}v?)(?P<number>\d{1,5}(?:\.\d{1,6}){1,4}[0-9a-z+~-]*)",
    re.IGNORECASE,
)
_VERSION_WORDS = frozenset({"version", "ver", "release"})


def _versions(text: str, products: Sequence[str]) -> Iterator[re.Match[str]]:
    """Numbers that stand behind a word as versions do.

    Behind a product's name any number is one. Elsewhere two parts may be a quantity, and four an address.
    """
    known = _VERSION_WORDS | {part for name in products for part in name.lower().split()}
    for hit in _VERSION.finditer(text):
        sign = "/" in hit["between"] or "v" in hit["between"].lower()
        several = hit["number"].count(".") > 1 and not is_address(hit["number"])
        if hit["word"].lower() in known or sign or several:
            yield hit


@control(
    "greeting-version",
    title="The server does not say which version it is",
    expects="greeting, EHLO and HELP name no version of a product",
    subject=Endpoint,
    needs=(GreetingFacts, CapabilityFacts, IdentityFacts),
    roles=SMTP_ROLES,
    parameters={"products": list[str]},
    spec=("RFC 5321 section 7.5", "RFC 5321 section 4.3.1"),
    remedy=_BANNER,
)
def version(greeting: GreetingFacts, capability: CapabilityFacts, identity: IdentityFacts, rule: Rule) -> Verdict:
    """Lists of servers by version are for sale: on the day a fault becomes known, those on the list are attacked first.

    RFC 5321 allows the version to be left out for that reason.
    """
    if greeting.reply is None:
        return not_applicable(NO_GREETING)
    said = _words(greeting, capability, identity)
    found = [(where, hit[0]) for where, text in said for hit in _versions(text, rule["products"])]
    return _told(found, identity, "names a version", "names no version")


@control(
    "greeting-system",
    title="The server does not say which operating system it runs on",
    expects="greeting, EHLO and HELP name none of these: {systems}",
    subject=Endpoint,
    needs=(GreetingFacts, CapabilityFacts, IdentityFacts),
    roles=SMTP_ROLES,
    parameters={"systems": list[str]},
    spec=("RFC 5321 section 7.5", "RFC 5321 section 4.3.1"),
    remedy=_BANNER,
)
def system(greeting: GreetingFacts, capability: CapabilityFacts, identity: IdentityFacts, rule: Rule) -> Verdict:
    """The name of the distribution tells which packages, and so which faults, a host has beside its mail server.

    Debian's and Ubuntu's Postfix say it by default.
    """
    if greeting.reply is None:
        return not_applicable(NO_GREETING)
    names = "|".join(re.escape(name) for name in rule["systems"])
    # Not in an address: whoever asks for reports to bugs@openbsd.org need not run it.
    sign = re.compile(rf"(?<![\w.@])(?:{names})(?![a-z])", re.IGNORECASE)
    found = [(where, hit[0]) for where, text in _words(greeting, capability, identity) for hit in sign.finditer(text)]
    return _told(found, identity, "names its operating system", "names no operating system")


_ADDRESS = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])|(?<=IPv6:)[0-9a-f:.]{2,45}", re.IGNORECASE)
_HOST_NAME = re.compile(r"(?<![\w.@-])[a-z0-9_](?:[\w-]*[\w])?(?:\.[a-z0-9_](?:[\w-]*[\w])?)*", re.IGNORECASE)
_CONTAINER = re.compile(r"(?=.*[0-9])(?=.*[a-f])[0-9a-f]{12}")
"""What Docker gives a container for a host name, if nobody else does."""


@control(
    "greeting-internal-names",
    title="The server does not reveal names and addresses of the inner network",
    expects="greeting and EHLO show no private address, no container's id, and no name that is localhost or ends in: "
    "{suffixes}",
    subject=Endpoint,
    needs=(GreetingFacts, CapabilityFacts, IdentityFacts),
    roles=SMTP_ROLES,
    parameters={"suffixes": list[str]},
    spec=("RFC 5321 section 2.3.5", "RFC 5321 section 7.6", "RFC 1918 section 3"),
    remedy=ONE_NAME,
)
def internal_names(
    greeting: GreetingFacts, capability: CapabilityFacts, identity: IdentityFacts, rule: Rule
) -> Verdict:
    """Names and addresses from behind the firewall are a map for whoever gets in, and help a forged mail to look real.

    Mostly they show that nobody gave the server its name, which other servers then refuse.
    """
    if greeting.reply is None:
        return not_applicable(NO_GREETING)
    # Of EHLO only the server's own name: what comes behind may repeat ours.
    said = [("greeting", line) for line in greeting.reply.lines]
    said += [("EHLO", state[0].partition(" ")[0]) for state in (capability.before_tls, capability.after_tls) if state]
    found = [(where, name) for where, text in said for name in _internal(text, rule["suffixes"], identity)]
    return _told(found, identity, "reveals", "reveals no name of the inner network", with_help=False)


_INNER = tuple(
    ipaddress.ip_network(network)
    for network in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16", "100.64.0.0/10"),
        *("fc00::/7", "fe80::/10", "::1/128"),
    )
)
"""Private, loopback, link-local and shared addresses (RFC 6890); not those of documentation."""


def _inner(address: str) -> bool:
    return any(ipaddress.ip_address(address) in network for network in _INNER)


def _internal(text: str, suffixes: Sequence[str], identity: IdentityFacts) -> Iterator[str]:
    text = _without_ours(text, identity)
    behind = [hit.span("number") for hit in _VERSION.finditer(text) if hit["word"].lower() in _VERSION_WORDS]
    for hit in _ADDRESS.finditer(text):
        if any(begin <= hit.start() < end for begin, end in behind):
            continue
        if is_address(hit[0]) and hit[0] != identity.address and _inner(hit[0]):
            yield hit[0]
    first = text.partition(" ")[0]
    if _CONTAINER.fullmatch(first.partition(".")[0].lower()):
        yield first
        return
    host = identity.host.lower().rstrip(".")
    for hit in _HOST_NAME.finditer(text):
        name = hit[0].lower()
        if name == host:
            continue  # whoever connects knows it
        if name == "localhost" or any(name.endswith(f".{suffix}") for suffix in suffixes if not _under(host, suffix)):
            yield hit[0]


def _under(host: str, suffix: str) -> bool:
    """Whether the audited host is such a name itself: its domain is no secret then."""
    return host.endswith(f".{suffix}")
