"""Whether a domain's mail passes through the service of somebody else (clauses CORE-1 and BAN-1 of the standard)."""

from __future__ import annotations

from collections.abc import Iterator

from smtp_audit.control import Medium, Rule, Verdict, control, fail, not_applicable, passed
from smtp_audit.errors import Undetermined
from smtp_audit.facts.endpoint import Domain
from smtp_audit.facts.mail_hosts import MailHostsFacts
from smtp_audit.facts.self_hosting import SelfHostingFacts
from smtp_audit.published.senders import external_sender, known_senders


def _places(hosts: MailHostsFacts, facts: SelfHostingFacts) -> Iterator[tuple[str, str]]:
    """Every name that may belong to a service, with where it stands."""
    for exchange in hosts.exchanges:
        yield exchange.host, f"MX {exchange}"
    for host in hosts.hosts:
        for alias in dict.fromkeys((*host.a.aliases, *host.aaaa.aliases, *([host.alias] if host.alias else []))):
            yield alias, f"mail exchanger {host.name}, an alias of {alias}"
    for record in facts.spf:
        for name in record.names:
            yield name, f"SPF of {record.answer.name}: {name}"
    for key in facts.keys:
        for target in key.targets:
            yield target, f"DKIM key {key.cname.name}, an alias of {target}"


def _own(name: str, domain: str) -> bool:
    """Whether a name belongs to the domain itself: the provider's own domain is no customer of it."""
    return f".{name}".endswith(f".{domain}")


@control(
    "mail-self-hosted",
    title="The domain's mail passes through no service of others",
    expects="no mail exchanger, no name in SPF and no key that is an alias belongs to a known mail service",
    subject=Domain,
    needs=(MailHostsFacts, SelfHostingFacts),
    spec=("Enterprise SMTP Standard CORE-1", "Enterprise SMTP Standard BAN-1"),
    remedy={
        "dns": 'example.com. IN MX 10 mail.example.com. and example.com. IN TXT "v=spf1 mx -all"',
        "any": "move the mail to servers of your own, then remove the records that let the service send or receive",
    },
    medium=Medium.DNS,
)
def self_hosted(hosts: MailHostsFacts, facts: SelfHostingFacts, rule: Rule) -> Verdict:
    """Whoever carries the mail can read it, can send in the domain's name, and decides what arrives.

    A record that a contract left behind still lets every customer of that service pass SPF for the domain.
    """
    dated = f"list of services as of {known_senders().dated}"
    hits = [
        (sender, place)
        for name, place in _places(hosts, facts)
        if not _own(name, facts.domain) and (sender := external_sender(name)) is not None
    ]
    if hits:
        names = ", ".join(dict.fromkeys(sender.name for sender, _ in hits))
        lines = dict.fromkeys(f"{place}: {sender.name} ({sender.sources[0]})" for sender, place in hits)
        return fail(f"mail passes through {names}", evidence=(*lines, dated))
    hosts.mx.require()
    for host in hosts.hosts:
        host.require_alias()
    for record in facts.spf:
        record.answer.require()
    for key in facts.keys:
        key.cname.require()
    if hosts.left_out or facts.left_out:
        raise Undetermined("there are more mail exchangers or SPF records than are followed")
    opened = next((name for record in facts.spf for name in record.open), "")
    if opened:
        raise Undetermined(f"what SPF brings in by {opened} depends on the message, and was not looked at")
    names_seen = list(_places(hosts, facts))
    if not hosts.named and not any(record.names for record in facts.spf) and not any(key.targets for key in facts.keys):
        return not_applicable(
            "nothing in the DNS names anybody: no mail exchanger, no name in SPF, no key that is an alias"
        )
    return passed(
        f"{len(names_seen)} names, none of a known service", evidence=(*(place for _, place in names_seen), dated)
    )
