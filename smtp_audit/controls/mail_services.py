"""Whether programs of mail users find the services: SRV records (RFC 6186, RFC 8314) and automatic configuration."""

from __future__ import annotations

from collections.abc import Iterable

from smtp_audit.control import Medium, Rule, Verdict, control, fail, not_applicable, passed
from smtp_audit.errors import Undetermined
from smtp_audit.facts.endpoint import SUBMISSION_ROLES, Domain, Role
from smtp_audit.facts.host_names import HostAnswers
from smtp_audit.facts.mail_services import MailServicesFacts, ServiceRecords
from smtp_audit.published.service import Service
from smtp_audit.published.special_networks import Network, special_network

_REMEDY = {
    "dns": "_submissions._tcp.example.com. IN SRV 0 1 465 mail.example.com.",
    "any": "publish one SRV record for each service that users have, with the host and port that it is at",
}


def _all_answered(facts: MailServicesFacts) -> None:
    for each in facts.services:
        each.answer.require()


def _told(services: Iterable[ServiceRecords]) -> tuple[str, ...]:
    return tuple(str(each.answer) for each in services if each.answer.found or not each.answer.answered)


def _none(facts: MailServicesFacts) -> Verdict:
    _all_answered(facts)
    return not_applicable("no SRV record offers a service to users")


def _published(facts: MailServicesFacts) -> bool:
    return any(each.records for each in facts.services)


def _target(facts: MailServicesFacts, record: Service) -> HostAnswers | None:
    return next((host for host in facts.targets if host.name == record.target), None)


@control(
    "srv-form",
    title="SRV records of mail services are well formed",
    expects="a host name and a port, or a single record with the target . that says that there is no such service",
    subject=Domain,
    needs=MailServicesFacts,
    spec=("RFC 2782", "RFC 6186 section 3.4"),
    remedy=_REMEDY | {"dns": "_imap._tcp.example.com. IN SRV 0 0 0 ."},
    medium=Medium.DNS,
)
def form(facts: MailServicesFacts, rule: Rule) -> Verdict:
    """A program that meets a record it cannot use falls back to guesses, and the password goes to whatever it guessed.

    A record that says "not offered" beside one that offers leaves it to chance.
    """
    wrong = [
        f"{each.service}: {problem}"
        for each in facts.services
        for record in each.records
        for problem in record.problems
    ]
    wrong += [
        f"{each.service}: says that there is no such service, beside {', '.join(map(str, each.offered))}"
        for each in facts.services
        if each.offered and any(not record.offered and not record.problems for record in each.records)
    ]
    if wrong:
        return fail("; ".join(wrong), evidence=_told(facts.services))
    _all_answered(facts)
    if not _published(facts):
        return not_applicable("there are no SRV records")
    return passed(
        ", ".join(f"{each.service} {' | '.join(map(str, each.records))}" for each in facts.services if each.records),
        evidence=_told(facts.services),
    )


@control(
    "srv-no-alias",
    title="SRV records name hosts that are no aliases",
    expects="each target has its addresses itself, and is no CNAME",
    subject=Domain,
    needs=MailServicesFacts,
    spec=("RFC 2782", "RFC 2181 section 10.3"),
    remedy={"any": "let the SRV record name the host that the alias leads to"},
    medium=Medium.DNS,
)
def no_alias(facts: MailServicesFacts, rule: Rule) -> Verdict:
    """The certificate is compared with the name in the record (RFC 6186 section 6), not with what it is an alias of.

    RFC 2782 forbids it, and programs differ in what they do then.
    """
    aliases = [host for host in facts.targets if host.alias]
    if aliases:
        words = "; ".join(f"{host.name} is an alias of {host.alias}" for host in aliases)
        return fail(words, evidence=(line for host in aliases for line in host.told()))
    if not facts.offered:
        return _none(facts)
    for host in facts.targets:
        host.require_alias()
    _whole(facts)
    return passed("no target is an alias", evidence=(line for host in facts.targets for line in host.told()))


def _whole(facts: MailServicesFacts) -> None:
    _all_answered(facts)
    if facts.left_out:
        raise Undetermined("the SRV records name more hosts than are looked at")


@control(
    "srv-resolves",
    title="The hosts in SRV records have addresses",
    expects="each target has an A or AAAA record",
    subject=Domain,
    needs=MailServicesFacts,
    spec=("RFC 2782",),
    remedy={"any": "give the host its address, or remove the record"},
    medium=Medium.DNS,
)
def resolves(facts: MailServicesFacts, rule: Rule) -> Verdict:
    """A program is sent to a host that nobody can find.

    When the name can be registered by somebody else, passwords go there.
    """
    homeless = [host for host in facts.targets if not host.addresses and host.a.absent and host.aaaa.absent]
    if homeless:
        words = ", ".join(f"{host.name} ({host.a.outcome})" for host in homeless)
        return fail(f"no address: {words}", evidence=(line for host in homeless for line in host.told()))
    if not facts.offered:
        return _none(facts)
    for host in facts.targets:
        host.require_addresses()
    _whole(facts)
    return passed(
        ", ".join(f"{host.name} ({', '.join(host.addresses)})" for host in facts.targets),
        evidence=(line for host in facts.targets for line in host.told()),
    )


@control(
    "srv-port",
    title="SRV records lead to the services that are there",
    expects="the port in the record is the one at which this audit looks at the service, where it does so on that host",
    subject=Domain,
    needs=MailServicesFacts,
    spec=("RFC 6186 section 3", "RFC 8314 section 5.1"),
    remedy=_REMEDY,
    medium=Medium.DNS,
)
def port(facts: MailServicesFacts, rule: Rule) -> Verdict:
    """A program that is sent to the wrong port, or speaks the wrong way of TLS there, does not get in.

    The most common mistake is port 465 under `_submission`, or 587 under `_submissions`.
    """
    wrong, right, strange = [], [], []
    for each, record in facts.offered:
        here = [endpoint for endpoint in facts.audited if endpoint.host == record.target]
        at_port = {endpoint.role for endpoint in here if endpoint.port == record.port}
        # A standard port that nobody named says nothing about where else the service may be.
        places = [str(endpoint.port) for endpoint in here if endpoint.role is each.role and endpoint.declared]
        words = f"{each.service} names port {record.port} of {record.target}"
        if each.role in at_port:
            right.append(f"{each.service} {record.target}:{record.port}")
        elif at_port:
            wrong.append(f"{words}, which is that of {', '.join(sorted(at_port))}")
        elif places:
            wrong.append(f"{words}, and the service is at {', '.join(places)}")
        else:
            strange.append(f"{record.target}:{record.port}")
    if wrong:
        return fail("; ".join(wrong), evidence=_told(facts.services))
    if not facts.offered:
        return _none(facts)
    _all_answered(facts)
    if not right:
        return not_applicable(f"not part of this audit: {', '.join(dict.fromkeys(strange))}")
    others = f"; not part of this audit: {', '.join(dict.fromkeys(strange))}" if strange else ""
    return passed(", ".join(right) + others, evidence=_told(facts.services))


_PAIRS = (("_submissions", "_submission"), ("_imaps", "_imap"), ("_pop3s", "_pop3"))


@control(
    "srv-prefers-tls",
    title="Services with TLS from the first octet are preferred",
    expects="where STARTTLS is offered by SRV, the service with implicit TLS is too, with a lower priority number",
    subject=Domain,
    needs=MailServicesFacts,
    spec=("RFC 8314 section 5.1", "RFC 6186 section 3.2"),
    remedy={
        "dns": "_submissions._tcp.example.com. IN SRV 0 1 465 mail.example.com. and _submission with 10 1 587",
        "any": "give the record of the service with implicit TLS the lower priority number",
    },
    medium=Medium.DNS,
)
def prefers_tls(facts: MailServicesFacts, rule: Rule) -> Verdict:
    """STARTTLS can be stripped by somebody on the way, before a careless program has sent the password.

    The priority is what tells a program which of the two services to try first.
    """
    wrong, right, unknown = [], [], []
    for better, worse in ((facts.service(b), facts.service(w)) for b, w in _PAIRS):
        if not worse.offered:
            unknown += [] if worse.answer.answered else [worse.answer]
            continue
        if not better.offered:
            unknown += [] if better.answer.answered else [better.answer]
            if better.answer.answered:
                wrong.append(f"{worse.service} is offered, and {better.service} is not")
            continue
        best, other = (min(record.priority for record in each.offered) for each in (better, worse))
        if best >= other:
            wrong.append(f"{better.service} has priority {best}, {worse.service} {other}: the lower is tried first")
        right.append(f"{better.service} before {worse.service}")
    if wrong:
        return fail("; ".join(wrong), evidence=_told(facts.services))
    for answer in unknown:
        answer.require()
    if not right:
        return not_applicable("no SRV record offers a service with STARTTLS")
    return passed(", ".join(right), evidence=_told(facts.services))


_USERS = SUBMISSION_ROLES | {Role.IMAP, Role.IMAPS, Role.POP3, Role.POP3S}


@control(
    "srv-published",
    title="Programs of mail users can find the services",
    expects="an SRV record for sending and one for reading, where services for users are part of the audit",
    subject=Domain,
    needs=MailServicesFacts,
    spec=("RFC 6186 section 3", "RFC 8314 section 5.1"),
    remedy=_REMEDY,
    medium=Medium.DNS,
)
def published(facts: MailServicesFacts, rule: Rule) -> Verdict:
    """Without records a program guesses host, port and TLS, or asks a service of its maker about the domain.

    Users who type settings in by hand choose what works, not what is safe.
    """
    roles = {endpoint.role for endpoint in facts.audited if endpoint.declared} & _USERS
    if not roles:
        return not_applicable("no service for users was named for this audit")
    groups = [("sending", SUBMISSION_ROLES & roles), ("reading", (_USERS - SUBMISSION_ROLES) & roles)]
    offered = {each.role for each, _ in facts.offered}
    lacking = [words for words, members in groups if members and not members & offered]
    if lacking:
        _all_answered(facts)
        host = next(endpoint.host for endpoint in facts.audited if endpoint.role in roles)
        return fail(
            f"no SRV record for {' and '.join(lacking)}",
            evidence=(
                f"publish: {each.service}._tcp.{facts.domain}. IN SRV 0 1 {each.role.standard_port} {host}."
                for each in facts.services
                if each.role in roles and not each.offered
            ),
        )
    return passed(", ".join(each.service for each in facts.services if each.offered), evidence=_told(facts.services))


@control(
    "autoconfig-host",
    title="Hosts that programs ask for settings can be reached",
    expects="autoconfig and autodiscover, where they exist, have public addresses, or such as {allowed}",
    subject=Domain,
    needs=MailServicesFacts,
    parameters={"allowed": list[Network]},
    spec=("RFC 1034 section 3.6.2", "RFC 6890"),
    remedy={"any": "give the name the address of the host that has the settings, or remove it"},
    medium=Medium.DNS,
)
def autoconfig(facts: MailServicesFacts, rule: Rule) -> Verdict:
    """Programs ask these names for settings as soon as somebody types an address of the domain.

    A name that leads nowhere makes them wait; one that others can take over sends users wherever those like.
    """
    there = [host for host in facts.configuration if host.alias or host.addresses]
    wrong = [
        f"{host.name} is an alias of {host.alias}, which has no address ({host.a.outcome})"
        for host in there
        if not host.addresses and host.a.absent and host.aaaa.absent
    ]
    wrong += [
        f"{host.name} has {address}: {kind}"
        for host in there
        for address in host.addresses
        if (kind := special_network(address, rule["allowed"]))
    ]
    if wrong:
        return fail("; ".join(wrong), evidence=(line for host in there for line in host.told()))
    for host in facts.configuration:
        host.a.require()
        host.aaaa.require()
    if not there:
        return not_applicable("there is no autoconfig and no autodiscover host")
    return passed(
        ", ".join(f"{host.name} ({', '.join(host.addresses)})" for host in there),
        evidence=(line for host in there for line in host.told()),
    )
