"""Whether the names of a server agree: in its greeting, its answers, its certificate and the reverse DNS."""

from __future__ import annotations

import ipaddress
import re

from smtp_audit.control import Rule, Verdict, control, fail, not_applicable, passed
from smtp_audit.controls.words import NO_TLS, ONE_NAME
from smtp_audit.errors import Undetermined
from smtp_audit.facts.certificate import CertificateFacts
from smtp_audit.facts.endpoint import SMTP_ROLES, Endpoint, Role, is_address
from smtp_audit.facts.identity import IdentityFacts
from smtp_audit.facts.service import CapabilityFacts, GreetingFacts
from smtp_audit.hostnames import matching_name

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_QUALIFIED = re.compile(rf"(?:{_LABEL}\.)+(?!\d+$){_LABEL}\.?", re.IGNORECASE)


def _same(name: str) -> str:
    return name.lower().rstrip(".")


def _greeted(greeting: GreetingFacts) -> str:
    """The name in the greeting; "" for an empty line."""
    return greeting.reply.lines[0].partition(" ")[0] if greeting.reply is not None and greeting.reply.lines else ""


def _answered(capability: CapabilityFacts) -> tuple[str, ...]:
    """The names in the replies to EHLO."""
    states = (capability.before_tls, capability.after_tls)
    return tuple(dict.fromkeys(state[0].partition(" ")[0] for state in states if state))


def _known_name(greeting: GreetingFacts) -> str | None:
    """The greeting's name if it is one that can be compared."""
    name = _greeted(greeting)
    return name if _QUALIFIED.fullmatch(name) else None


_NO_NAME = "the greeting has no full name; smtp-greeting-name judges that"


@control(
    "greeting-name-agrees",
    title="The server calls itself by one name",
    expects="greeting and EHLO, before TLS and inside it, name the same host",
    subject=Endpoint,
    needs=(GreetingFacts, CapabilityFacts),
    roles=SMTP_ROLES,
    spec=("RFC 5321 section 4.1.1.1", "RFC 5321 section 4.3.1"),
    remedy=ONE_NAME,
)
def name_agrees(greeting: GreetingFacts, capability: CapabilityFacts, rule: Rule) -> Verdict:
    """Two names on one connection are two servers, or one whose settings contradict each other.

    A proxy that answers for another machine shows itself like that, and so does a banner typed in by hand.
    """
    name = _known_name(greeting)
    if name is None:
        return not_applicable(_NO_NAME)
    others = _answered(capability)
    if not others:
        raise Undetermined("no reply to EHLO was seen")
    differing = [other for other in others if _same(other) != _same(name)]
    if differing:
        return fail(f"greets as {name} and answers EHLO as {', '.join(differing)}")
    return passed(f"is {name} in greeting and EHLO")


@control(
    "greeting-name-in-certificate",
    title="The certificate is for the name that the server calls itself by",
    expects="the name in the greeting is among those of the certificate",
    subject=Endpoint,
    needs=(GreetingFacts, CertificateFacts),
    roles=SMTP_ROLES,
    spec=("RFC 9525 section 6", "RFC 5321 section 4.3.1"),
    remedy=ONE_NAME
    | {"any": "order the certificate for the host's own name, too, or give the host the certificate's name"},
)
def name_in_certificate(greeting: GreetingFacts, certificate: CertificateFacts, rule: Rule) -> Verdict:
    """A server that calls itself by one name and proves another cannot be told from somebody in between.

    Logs, reverse DNS and block lists speak of the one, MTA-STS and DANE of the other, and nobody finds them together.
    """
    if not certificate.offered:
        return not_applicable(NO_TLS)
    name = _known_name(greeting)
    if name is None:
        return not_applicable(_NO_NAME)
    if not certificate.chain:
        raise Undetermined(certificate.unreadable or "no certificate was seen")
    leaf = certificate.leaf
    if matching_name(certificate.host, leaf.dns_names, leaf.ip_addresses) is None:
        return not_applicable(f"the certificate is not for {certificate.host}; certificate-name judges that")
    if matching_name(_same(name), leaf.dns_names, leaf.ip_addresses) is not None:
        return passed(f"the certificate is for {name}", evidence=(str(leaf),))
    names = ", ".join((*leaf.dns_names, *leaf.ip_addresses))
    return fail(f"greets as {name}, and its certificate is for {names}", evidence=(str(leaf),))


_REVERSE = {
    "any": "ask whoever the address belongs to (mostly the provider) for a PTR record with the server's own name, and "
    "let that name have the address (A, AAAA)",
}


@control(
    "reverse-name-confirmed",
    title="The address of the server has a name that leads back to it",
    expects="one of the names of the address (PTR) has the address among its own",
    subject=Endpoint,
    needs=IdentityFacts,
    roles={Role.MX},
    spec=("RFC 1912 section 2.1", "RFC 8601 section 2.7.3"),
    remedy=_REVERSE,
)
def reverse_confirmed(identity: IdentityFacts, rule: Rule) -> Verdict:
    """The large receivers refuse mail from addresses without such a name, or with one that somebody else forged.

    Whoever owns an address may give it any name; only the owner of that name can lead it back.
    """
    if not identity.public:
        return not_applicable(f"{identity.address} is no public address")
    evidence = tuple(str(each) for each in identity.reverse)
    address = ipaddress.ip_address(identity.address)
    for each in identity.reverse:
        if any(is_address(found) and ipaddress.ip_address(found) == address for found in each.addresses):
            return passed(f"{identity.address} is {each.name}", evidence=evidence)
    if unknown := identity.trouble or next((each.trouble for each in identity.reverse if each.trouble), ""):
        raise Undetermined(unknown)
    if not identity.reverse:
        return fail(f"{identity.address} has no name (PTR)")
    return fail(f"no name of {identity.address} leads back to it: {'; '.join(evidence)}", evidence=evidence)


@control(
    "reverse-name-agrees",
    title="The server calls itself by the name of its address",
    expects="the name in the greeting is a name of the address (PTR)",
    subject=Endpoint,
    needs=(GreetingFacts, IdentityFacts),
    roles={Role.MX},
    spec=("RFC 1912 section 2.1", "RFC 5321 section 4.1.4"),
    remedy=_REVERSE | ONE_NAME | {"any": _REVERSE["any"]},
)
def reverse_agrees(greeting: GreetingFacts, identity: IdentityFacts, rule: Rule) -> Verdict:
    """Filters compare the name that a server gives with that of its address, and count a difference against it.

    A host with a name of the provider's (`static-1-2-3-4...`) looks like one of the many that were taken over.
    """
    if not identity.public:
        return not_applicable(f"{identity.address} is no public address")
    name = _known_name(greeting)
    if name is None:
        return not_applicable(_NO_NAME)
    names = [each.name for each in identity.reverse]
    if _same(name) in names:
        return passed(f"{identity.address} is {name}")
    if identity.trouble:
        raise Undetermined(identity.trouble)
    if not names:
        return not_applicable("the address has no name; reverse-name-confirmed judges that")
    return fail(f"greets as {name}, and {identity.address} is {', '.join(names)}")
