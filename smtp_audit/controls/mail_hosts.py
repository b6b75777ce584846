"""Whether the world can find the hosts that take a domain's mail: MX records and what they lead to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from smtp_audit.control import Medium, Rule, Verdict, control, fail, not_applicable, passed
from smtp_audit.errors import Undetermined
from smtp_audit.facts.endpoint import Domain
from smtp_audit.facts.host_names import HostAnswers
from smtp_audit.facts.mail_hosts import MailHostsFacts
from smtp_audit.published.special_networks import Network, special_network

_NO_MX = "there is no MX record; mx-record judges that"
_NULL = "the domain says that it takes no mail"


def _named(facts: MailHostsFacts) -> Verdict | None:
    """Not applicable where no record names a host.

    Raises:
        Undetermined: the question for MX was not answered.
    """
    facts.mx.require()
    if facts.named:
        return None
    return not_applicable(_NULL if facts.exchanges else _NO_MX, evidence=(str(facts.mx),))


def _all_looked_at(facts: MailHostsFacts) -> None:
    if facts.left_out:
        raise Undetermined(f"{len(facts.exchanges)} MX records are more than are looked at")


def _told(facts: MailHostsFacts, hosts: Iterable[HostAnswers]) -> tuple[str, ...]:
    return (str(facts.mx), *(line for host in hosts for line in host.told()))


_MX_REMEDY = {
    "dns": "example.com. IN MX 10 mail.example.com.",
    "any": "publish an MX record that names the mail server",
}


@control(
    "mx-record",
    title="The domain says where its mail goes",
    expects="an MX record, or an address of the domain itself; a domain without mail says so by a null MX",
    subject=Domain,
    needs=MailHostsFacts,
    spec=("RFC 5321 section 5.1", "RFC 7505 section 3"),
    remedy=_MX_REMEDY,
    medium=Medium.DNS,
)
def mx_record(facts: MailHostsFacts, rule: Rule) -> Verdict:
    """Without it nobody can answer, and no bounce or warning arrives.

    A null MX says that a domain takes no mail: a mistake where mail is sent for it, or a server of it is audited.
    """
    mx = facts.mx.require()
    if facts.named:
        return passed(f"mail goes to {', '.join(each.host for each in facts.named)}", evidence=(str(mx),))
    if facts.exchanges and not any(each.problems for each in facts.exchanges):
        if facts.used:
            return fail(
                f"{_NULL} (null MX), and it is used for mail",
                evidence=(str(mx), f"publish: {facts.domain}. IN MX 10 mail.{facts.domain}."),
            )
        return passed(f"{_NULL} (null MX)", evidence=(str(mx),))
    own = facts.own.require_addresses()
    if own:
        return passed(
            f"no MX record: mail goes to the domain's own address, {', '.join(own)}", evidence=_told(facts, [facts.own])
        )
    return fail(
        f"{facts.domain} has no MX record and no address: nobody can send it mail ({mx.outcome})",
        evidence=(*_told(facts, [facts.own]), f"publish: {facts.domain}. IN MX 10 mail.{facts.domain}."),
    )


@control(
    "mx-explicit",
    title="The hosts that take mail are named by MX records",
    expects="an MX record rather than an address of the domain alone",
    subject=Domain,
    needs=MailHostsFacts,
    spec=("RFC 5321 section 5.1",),
    remedy=_MX_REMEDY,
    medium=Medium.DNS,
)
def mx_explicit(facts: MailHostsFacts, rule: Rule) -> Verdict:
    """Without MX records mail goes to whatever host has the domain's address, mostly the web server.

    Some receivers take a sender's domain without MX for one that nobody reads mail at.
    """
    mx = facts.mx.require()
    if facts.exchanges:
        return passed(f"has {len(facts.exchanges)} MX records", evidence=(str(mx),))
    if not facts.own.require_addresses():
        return not_applicable(_NO_MX, evidence=(str(mx),))
    return fail(
        f"mail goes to {', '.join(facts.own.addresses)}, and no MX record says so",
        evidence=(str(mx), f"publish: {facts.domain}. IN MX 10 {facts.domain}."),
    )


@control(
    "mx-null-alone",
    title="A null MX stands alone",
    expects="a record that says that the domain takes no mail is the only MX record",
    subject=Domain,
    needs=MailHostsFacts,
    spec=("RFC 7505 section 3",),
    remedy={"any": "remove the null MX (0 .) of a domain that takes mail, or all others of one that does not"},
    medium=Medium.DNS,
)
def null_alone(facts: MailHostsFacts, rule: Rule) -> Verdict:
    """Beside others it contradicts them: some senders give up at once, some try a host without a name.

    It is mostly a leftover of a time when the domain had no mail.
    """
    mx = facts.mx.require()
    nulls = [each for each in facts.exchanges if each.null]
    if not nulls:
        return not_applicable("there is no null MX", evidence=(str(mx),))
    if len(facts.exchanges) == 1:
        return passed("the null MX is the only record", evidence=(str(mx),))
    others = ", ".join(str(each) for each in facts.exchanges if not each.null)
    return fail(f"a null MX stands beside {others or 'another one'}", evidence=(str(mx),))


@control(
    "mx-cname",
    title="No mail exchanger is an alias",
    expects="the name in each MX record has its addresses itself, and is no CNAME",
    subject=Domain,
    needs=MailHostsFacts,
    spec=("RFC 2181 section 10.3", "RFC 5321 section 5.1"),
    remedy={
        "dns": "mail.example.com. IN A 192.0.2.25 in the place of mail.example.com. IN CNAME ...",
        "any": "let the MX record name the host that the alias leads to, or give the name addresses of its own",
    },
    medium=Medium.DNS,
)
def mx_cname(facts: MailHostsFacts, rule: Rule) -> Verdict:
    """Senders may refuse to follow it, and a host that meets itself under another name sends mail in circles.

    What names the certificate, TLSA records and MTA-STS are for gets unclear with it, too.
    """
    if (verdict := _named(facts)) is not None:
        return verdict
    aliases = [host for host in facts.hosts if host.alias]
    if aliases:
        shown = "; ".join(f"{host.name} is an alias of {host.alias}" for host in aliases)
        return fail(shown, evidence=_told(facts, aliases))
    for host in facts.hosts:
        host.require_alias()
    _all_looked_at(facts)
    if not facts.hosts:
        return not_applicable("no MX record has a name that can be looked up; mx-address-literal judges that")
    return passed("no mail exchanger is an alias", evidence=_told(facts, facts.hosts))


@control(
    "mx-address-literal",
    title="MX records name hosts, not addresses",
    expects="no MX record has an IP address in the place of a name",
    subject=Domain,
    needs=MailHostsFacts,
    spec=("RFC 5321 section 5.1", "RFC 1035 section 3.3.9"),
    remedy={
        "dns": "mail.example.com. IN A 192.0.2.25 and example.com. IN MX 10 mail.example.com.",
        "any": "give the address a name, and let the MX record name that",
    },
    medium=Medium.DNS,
)
def address_literal(facts: MailHostsFacts, rule: Rule) -> Verdict:
    """An address there is looked up as if it were a name, and does not exist: most senders cannot deliver.

    The few that take it for an address hide the mistake.
    """
    if (verdict := _named(facts)) is not None:
        return verdict
    literals = [each for each in facts.named if each.literal]
    if literals:
        return fail(f"{', '.join(each.host for each in literals)} in the place of a name", evidence=(str(facts.mx),))
    return passed("every MX record has a name", evidence=(str(facts.mx),))


@control(
    "mx-host-name",
    title="Mail exchangers have names that hosts may have",
    expects="labels of letters, digits and inner hyphens",
    subject=Domain,
    needs=MailHostsFacts,
    spec=("RFC 5321 section 4.1.2", "RFC 1123 section 2.1"),
    remedy={"any": "rename the host: letters, digits and hyphens, no underscore"},
    medium=Medium.DNS,
)
def host_name(facts: MailHostsFacts, rule: Rule) -> Verdict:
    """Software that checks names does not connect to others, and no public authority gives such a host a certificate.

    An underscore is the most common, and many resolvers let it pass.
    """
    if (verdict := _named(facts)) is not None:
        return verdict
    wrong = [each for each in facts.named if each.problems]
    if wrong:
        return fail("; ".join(f"{each.host or each}: {each.problems[0]}" for each in wrong), evidence=(str(facts.mx),))
    return passed("every name can be a host's", evidence=(str(facts.mx),))


@control(
    "mx-resolves",
    title="Every mail exchanger has an address",
    expects="each name in an MX record has an A or AAAA record",
    subject=Domain,
    needs=MailHostsFacts,
    spec=("RFC 5321 section 5.1",),
    remedy={
        "dns": "mail.example.com. IN A 192.0.2.25",
        "any": "give the host its address, or remove its MX record",
    },
    medium=Medium.DNS,
)
def resolves(facts: MailHostsFacts, rule: Rule) -> Verdict:
    """Mail for a host without address waits in queues, or comes back, though others could take it.

    A name that does not exist may also be one that somebody else can register, and take the mail.
    """
    if (verdict := _named(facts)) is not None:
        return verdict
    homeless = [host for host in facts.hosts if not host.addresses and host.a.absent and host.aaaa.absent]
    if homeless:
        shown = ", ".join(f"{host.name} ({host.a.outcome})" for host in homeless)
        return fail(f"no address: {shown}", evidence=_told(facts, homeless))
    for host in facts.hosts:
        host.require_addresses()
    _all_looked_at(facts)
    if not facts.hosts:
        return not_applicable("no MX record has a name that can be looked up; mx-address-literal judges that")
    found = ", ".join(f"{host.name} ({', '.join(host.addresses)})" for host in facts.hosts)
    return passed(found, evidence=_told(facts, facts.hosts))


@control(
    "mx-public-addresses",
    title="Mail exchangers have public addresses",
    expects="no address of a private, loopback, link-local or documentation network, but for {allowed}",
    subject=Domain,
    needs=MailHostsFacts,
    parameters={"allowed": list[Network]},
    spec=("RFC 5321 section 5.1", "RFC 6890", "RFC 1918 section 5"),
    remedy={"any": "publish the address by which the world reaches the host; keep inner addresses in an inner view"},
    medium=Medium.DNS,
)
def public_addresses(facts: MailHostsFacts, rule: Rule) -> Verdict:
    """Others connect to a machine of their own under such an address, and hand it the mail, or find nobody.

    An inner address that stands beside a public one delays every sender that tries it first.
    """
    if (verdict := _named(facts)) is not None:
        return verdict
    special = [
        f"{host.name} has {address}: {kind}"
        for host in facts.hosts
        for address in host.addresses
        if (kind := special_network(address, rule["allowed"]))
    ]
    if special:
        return fail("; ".join(special), evidence=_told(facts, facts.hosts))
    for host in facts.hosts:
        host.a.require()
        host.aaaa.require()
    _all_looked_at(facts)
    if not any(host.addresses for host in facts.hosts):
        return not_applicable("no mail exchanger has an address; mx-resolves judges that")
    return passed("all addresses are public", evidence=_told(facts, facts.hosts))


@control(
    "mx-duplicates",
    title="Every mail exchanger is named once",
    expects="no host stands in two MX records",
    subject=Domain,
    needs=MailHostsFacts,
    spec=("RFC 5321 section 5.1",),
    remedy={"any": "remove the record with the higher number"},
    medium=Medium.DNS,
)
def duplicates(facts: MailHostsFacts, rule: Rule) -> Verdict:
    """The second record makes senders try the same host again, and looks like a spare host where there is none.

    Mostly one of the two was meant to name another host.
    """
    if (verdict := _named(facts)) is not None:
        return verdict
    twice = [host for host, times in Counter(each.host for each in facts.named).items() if times > 1]
    if twice:
        return fail(f"named more than once: {', '.join(twice)}", evidence=(str(facts.mx),))
    return passed(f"{len(facts.named)} records, each of another host", evidence=(str(facts.mx),))


@control(
    "mx-preference",
    title="A spare mail exchanger is another machine",
    expects="hosts of different preference share no address",
    subject=Domain,
    needs=MailHostsFacts,
    spec=("RFC 5321 section 5.1",),
    remedy={"any": "remove the second record, or let it name a machine of its own"},
    medium=Medium.DNS,
)
def preference(facts: MailHostsFacts, rule: Rule) -> Verdict:
    """A second preference promises that somebody else takes the mail when the first host is down.

    With the same address behind both it only makes senders try in vain once more.
    """
    if (verdict := _named(facts)) is not None:
        return verdict
    looked_up = [(each, host) for each in facts.named if (host := facts.host(each)) is not None]
    if len({each.preference for each, _ in looked_up}) < 2:
        return not_applicable("all mail exchangers have the same preference", evidence=(str(facts.mx),))
    shared = [
        f"{each.host} and {other.host} are both {', '.join(sorted(both))}"
        for place, (each, host) in enumerate(looked_up)
        for other, second in looked_up[place + 1 :]
        if each.preference != other.preference
        and each.host != other.host
        and (both := set(host.addresses) & set(second.addresses))
    ]
    if shared:
        return fail("; ".join(shared), evidence=_told(facts, facts.hosts))
    for _, host in looked_up:
        host.a.require()
        host.aaaa.require()
    _all_looked_at(facts)
    return passed("no address stands behind two preferences", evidence=_told(facts, facts.hosts))


@control(
    "mx-single-host",
    title="Mail has somewhere to go when one host is down",
    expects="{minimum_hosts} mail exchangers or more, at different addresses",
    subject=Domain,
    needs=MailHostsFacts,
    parameters={"minimum_hosts": int},
    spec=("RFC 5321 section 5.1",),
    remedy={"dns": "example.com. IN MX 20 mail2.example.com.", "any": "add a second mail exchanger"},
    medium=Medium.DNS,
)
def single_host(facts: MailHostsFacts, rule: Rule) -> Verdict:
    """Senders keep mail for some days while the only host is down, and then give it back.

    A spare host that filters less than the first is worse than none: those who send spam try it first.
    """
    if (verdict := _named(facts)) is not None:
        return verdict
    wanted = rule["minimum_hosts"]
    places = {frozenset(host.addresses) for host in facts.hosts if host.addresses}
    if len(places) >= wanted:
        return passed(f"{len(places)} hosts take mail", evidence=_told(facts, facts.hosts))
    for host in facts.hosts:
        host.a.require()
        host.aaaa.require()
    _all_looked_at(facts)
    return fail(f"{len(places)} of {wanted} hosts that take mail", evidence=_told(facts, facts.hosts))


@control(
    "mx-ipv6",
    title="Mail can be sent to the domain over IPv6",
    expects="a mail exchanger has an IPv6 address",
    subject=Domain,
    needs=MailHostsFacts,
    spec=("RFC 3596 section 2.1", "RFC 6540 section 2"),
    remedy={"dns": "mail.example.com. IN AAAA 2001:db8::25", "any": "give the mail server an IPv6 address"},
    medium=Medium.DNS,
)
def ipv6(facts: MailHostsFacts, rule: Rule) -> Verdict:
    """Senders that have IPv6 alone cannot reach a domain without it.

    There are few of them yet, so that it is advice.
    """
    if (verdict := _named(facts)) is not None:
        return verdict
    having = [host.name for host in facts.hosts if host.aaaa.found]
    if having:
        return passed(f"over IPv6: {', '.join(having)}", evidence=_told(facts, facts.hosts))
    for host in facts.hosts:
        host.aaaa.require()
    _all_looked_at(facts)
    if not any(host.addresses for host in facts.hosts):
        return not_applicable("no mail exchanger has an address; mx-resolves judges that")
    return fail("no mail exchanger has an IPv6 address", evidence=_told(facts, facts.hosts))
