"""Whether the addresses of a domain's mail hosts have names that lead back: those that it goes to, and leaves from."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

from smtp_audit.control import Medium, Rule, Verdict, control, fail, not_applicable, passed
from smtp_audit.errors import Undetermined
from smtp_audit.facts.endpoint import Domain
from smtp_audit.facts.host_names import AddressNames, has_address
from smtp_audit.facts.mail_hosts import MailHostsFacts
from smtp_audit.facts.sending import SendingFacts, SendingHeloFacts
from smtp_audit.published.special_networks import Network, special_network

_PTR = {
    "dns": "25.2.0.192.in-addr.arpa. IN PTR mail.example.com. and mail.example.com. IN A 192.0.2.25",
    "any": "ask whoever the address belongs to (mostly the provider) for a PTR record with the server's own name, and "
    "let that name have the address (A, AAAA)",
}


def _public(addresses: Iterable[AddressNames], allowed: list[Network]) -> list[AddressNames]:
    """Those that the public DNS has names for, and those that the profile allows in their place."""
    return [each for each in addresses if not special_network(each.address, allowed)]


def _judge_confirmed(addresses: list[AddressNames]) -> Verdict:
    """Fails for every address without a name that leads back."""
    lost, unknown, good = [], "", []
    for each in addresses:
        try:
            name = each.confirmed()
        except Undetermined as reason:
            unknown = unknown or str(reason)
            continue
        if name:
            good.append(f"{each.address} is {name}")
        else:
            lost.append(each)
    if lost:
        words = "; ".join(
            f"no name of {each} leads back to it" if each.names else f"{each.address} has no name (PTR)"
            for each in lost
        )
        return fail(words, evidence=(*(line for each in lost for line in each.told()), *_to_publish(lost)))
    if unknown:
        raise Undetermined(unknown)
    return passed(", ".join(good), evidence=(line for each in addresses for line in each.told()))


def _to_publish(addresses: Iterable[AddressNames]) -> Iterable[str]:
    for each in addresses:
        pointer = ipaddress.ip_address(each.address).reverse_pointer
        kind = "AAAA" if ":" in each.address else "A"
        name = each.names[0] if each.names else "NAME"
        if not each.names:
            yield f"publish: {pointer}. IN PTR {name}."
        yield f"publish: {name}. IN {kind} {each.address}"


@control(
    "mx-reverse-confirmed",
    title="The addresses of mail exchangers have names that lead back to them",
    expects="each address of each mail exchanger has a name (PTR) with that address among its own",
    subject=Domain,
    needs=MailHostsFacts,
    parameters={"allowed": list[Network]},
    spec=("RFC 1912 section 2.1", "RFC 8601 section 2.7.3"),
    remedy=_PTR,
    medium=Medium.DNS,
)
def mx_reverse(facts: MailHostsFacts, rule: Rule) -> Verdict:
    """A mail server mostly sends from the address that it takes mail at, and then needs the name.

    Large receivers refuse mail from addresses without one, or with one that leads elsewhere.
    """
    facts.mx.require()
    addresses = _public(facts.reverse, rule["allowed"])
    if addresses:
        verdict = _judge_confirmed(addresses)
        if facts.left_out:
            raise Undetermined("there are more mail exchangers or addresses than are looked at")
        return verdict
    for host in facts.hosts:
        host.require_addresses()
    return not_applicable("no mail exchanger has a public address; mx-resolves and mx-public-addresses judge that")


@control(
    "sending-reverse-confirmed",
    title="The addresses that mail leaves from have names that lead back to them",
    expects="each address in [sending] has a name (PTR) with that address among its own",
    subject=Domain,
    needs=SendingFacts,
    spec=("RFC 1912 section 2.1", "RFC 8601 section 2.7.3"),
    remedy=_PTR,
    medium=Medium.DNS,
)
def sending_confirmed(facts: SendingFacts, rule: Rule) -> Verdict:
    """The large receivers refuse mail from addresses without such a name.

    Whoever owns an address may give it any name; only the owner of that name can lead it back.
    """
    return _judge_confirmed(list(facts.addresses))


_WORDS = re.compile(
    r"(?:^|[.-])(?:dyn|dynamic|dyn-?ip|dhcp|pool|ppp|pppoe|dial|dialup|dialin|dsl|adsl|vdsl|cable|broadband|client|clients|"
    r"customer|cust|static|unassigned|unused|reverse|rev|generic|hsd|wireless|mobile|nat)\d*(?=[.-])"
)


def _generic(name: str, address: str, domain: str) -> str:
    """Why a name looks as if a provider had made it up for the address; empty when it does not.

    Words count neither in a name of the domain's own, nor in the domain that another name is of.
    """
    octets = ipaddress.ip_address(address)
    host = name.lower()
    if isinstance(octets, ipaddress.IPv4Address):
        parts = str(octets).split(".")
        wanted = (parts, parts[::-1])
        runs = re.findall(r"\d+", host)
        if any([run.lstrip("0") or "0" for run in runs[start : start + 4]] in wanted for start in range(len(runs) - 3)):
            return "it spells the address"
        joined = ("".join(part.zfill(3) for part in parts), f"{int(octets):08x}")
        if any(text in host for text in joined):
            return "it spells the address"
    elif octets.exploded.replace(":", "") in re.sub(r"[.:-]", "", host):
        return "it spells the address"
    if f".{host}".endswith(f".{domain}"):
        return ""
    found = _WORDS.search(".".join([*host.split(".")[:-2], ""]))
    return f"it has {found[0].strip('.-')} in it" if found else ""


@control(
    "sending-reverse-own",
    title="The addresses that mail leaves from have names of their own",
    expects="no name that a provider made up for the address, such as static-192-0-2-25.example.net",
    subject=Domain,
    needs=SendingFacts,
    spec=("RFC 1912 section 2.1",),
    remedy=_PTR,
    medium=Medium.DNS,
)
def sending_own(facts: SendingFacts, rule: Rule) -> Verdict:
    """Filters take such an address for one of the many home computers and rented machines that were taken over.

    A name of the mail domain shows that somebody looks after the machine.
    """
    named = [each for each in facts.addresses if each.names]
    generic = [
        f"{each.address} is {name}: {reason}"
        for each in named
        for name in each.names
        if (reason := _generic(name, each.address, facts.domain))
    ]
    if generic:
        return fail("; ".join(generic), evidence=(line for each in named for line in each.told()))
    for each in facts.addresses:
        each.ptr.require()
    if not named:
        return not_applicable("no address has a name; sending-reverse-confirmed judges that")
    return passed(", ".join(str(each) for each in named), evidence=(str(each.ptr) for each in named))


@control(
    "sending-helo-agrees",
    title="The senders call themselves by the name of their address",
    expects="the EHLO name has every address in [sending], and is a name (PTR) of each",
    subject=Domain,
    needs=SendingHeloFacts,
    spec=("RFC 5321 section 4.1.4", "RFC 1912 section 2.1"),
    remedy={
        "dns": "mail.example.com. IN A 192.0.2.25 and 25.2.0.192.in-addr.arpa. IN PTR mail.example.com.",
        "postfix": "smtp_helo_name = mail.example.com",
        "exim": "helo_data = mail.example.com",
        "any": "let EHLO, PTR and A (AAAA) say the same name",
    },
    medium=Medium.DNS,
)
def helo_agrees(facts: SendingHeloFacts, rule: Rule) -> Verdict:
    """Receivers compare EHLO, PTR and A, and count a difference against the sender.

    The name is also what SPF is asked for when a message has no sender, as bounces have none.
    """
    helo = facts.helo
    found = helo.require_addresses()
    evidence = (*helo.told(), *(str(each.ptr) for each in facts.addresses))
    if not found:
        return fail(f"{helo.name} has no address ({helo.a.outcome})", evidence=evidence)
    wrong, unknown = [], ""
    for each in facts.addresses:
        forward = helo.aaaa if ":" in each.address else helo.a
        if not has_address(forward.records, each.address):
            if forward.answered:
                wrong.append(f"{helo.name} does not have {each.address}")
            unknown = unknown or forward.trouble
        if helo.name not in each.names:
            if each.ptr.answered:
                wrong.append(f"{each} is not {helo.name}")
            unknown = unknown or each.ptr.trouble
    if wrong:
        return fail("; ".join(wrong), evidence=evidence)
    if unknown:
        raise Undetermined(f"names of {helo.name} and its addresses: {unknown}")
    return passed(f"{helo.name} is {', '.join(each.address for each in facts.addresses)}", evidence=evidence)
