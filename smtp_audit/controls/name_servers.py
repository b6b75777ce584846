"""Whether the authoritative name servers of a domain are there, know its zone, and say the same."""

from __future__ import annotations

from collections.abc import Iterable

from smtp_audit.control import Medium, Rule, Verdict, control, fail, passed
from smtp_audit.errors import Undetermined
from smtp_audit.facts.endpoint import Domain
from smtp_audit.facts.lookup import Answer, LookupOutcome
from smtp_audit.facts.name_servers import NameServersFacts, ServerAnswers


def _servers_known(facts: NameServersFacts) -> None:
    """Raises Undetermined when the name servers of the domain are not known, or are more than are asked."""
    facts.ns.require()
    if not facts.hosts:
        raise Undetermined(f"the name servers of {facts.domain} are not known: {facts.soa}; {facts.ns}")
    if facts.left_out:
        raise Undetermined(f"{facts.zone} has more name servers than are asked")


def _at(facts: NameServersFacts, name: str) -> list[ServerAnswers]:
    return [each for each in facts.servers if each.server == name]


def _told(servers: Iterable[ServerAnswers]) -> tuple[str, ...]:
    return tuple(f"{each}: {each.soa}" for each in servers)


@control(
    "dns-servers-count",
    title="The domain has name servers enough",
    expects="{minimum} name servers or more, at as many addresses",
    subject=Domain,
    needs=NameServersFacts,
    parameters={"minimum": int},
    spec=("RFC 1034 section 4.1", "RFC 2182 section 5"),
    remedy={"dns": "example.com. IN NS ns2.example.net.", "any": "add a second name server, in another network"},
    medium=Medium.DNS,
)
def count(facts: NameServersFacts, rule: Rule) -> Verdict:
    """When the only name server is down, nobody finds the mail server, and SPF, DKIM and DMARC cannot be checked.

    Two names of one address are one server.
    """
    facts.ns.require()
    names = len(facts.ns.records)
    if facts.hosts and names < rule["minimum"]:
        return fail(f"{names} of {rule['minimum']} name servers", evidence=(str(facts.ns),))
    _servers_known(facts)
    addresses = {address for host in facts.hosts for address in host.addresses}
    if len(addresses) >= rule["minimum"]:
        return passed(f"{names} name servers at {len(addresses)} addresses", evidence=(str(facts.ns),))
    for host in facts.hosts:
        host.a.require()
        host.aaaa.require()
    return fail(
        f"{names} name servers at {len(addresses)} addresses",
        evidence=(str(facts.ns), *(line for host in facts.hosts for line in host.told())),
    )


@control(
    "dns-servers-answer",
    title="Every name server of the domain can be found and answers",
    expects="each NS record names a host with an address, no alias, and something answers there",
    subject=Domain,
    needs=NameServersFacts,
    spec=("RFC 1034 section 4.1", "RFC 2181 section 10.3"),
    remedy={"any": "repair the name server, or remove its NS record here and at the registry"},
    medium=Medium.DNS,
)
def answer(facts: NameServersFacts, rule: Rule) -> Verdict:
    """Resolvers ask any of them, and wait for one that is gone: mail is late, or its checks end in a time-out.

    The name of one that is gone may be free for others to take, and with it the whole domain.
    """
    wrong = [f"{host.name} is an alias of {host.alias}" for host in facts.hosts if host.alias]
    wrong += [
        f"{host.name} has no address ({host.a.outcome})"
        for host in facts.hosts
        if not host.addresses and host.a.absent and host.aaaa.absent
    ]
    evidence = (str(facts.ns), *_told(facts.servers))
    if wrong:
        return fail("; ".join(wrong), evidence=evidence)
    _servers_known(facts)
    for host in facts.hosts:
        host.require_addresses()
        _heard(facts, host.name)
    return passed(", ".join(str(each) for each in facts.servers if _heard_at(each)), evidence=evidence)


def _heard_at(each: ServerAnswers) -> bool:
    return each.soa.answered or each.soa.outcome is LookupOutcome.REFUSED


def _heard(facts: NameServersFacts, name: str) -> list[ServerAnswers]:
    """The addresses at which a server answers; one is enough, since we may have no way to the others (IPv6).

    Raises:
        Undetermined: there is none, and the server has an address.
    """
    heard = [each for each in _at(facts, name) if _heard_at(each)]
    if any(host.name == name and host.a.absent and host.aaaa.absent for host in facts.hosts):
        return heard  # it cannot be asked; dns-servers-answer judges that
    if not heard:
        troubles = [f"{each}: {each.soa.trouble}" for each in _at(facts, name)]
        raise Undetermined("; ".join(troubles) or f"{name} has no address of the families that are audited")
    return heard


@control(
    "dns-servers-authoritative",
    title="Every name server of the domain knows its zone",
    expects="each server in the NS records answers for the zone with authority (AA)",
    subject=Domain,
    needs=NameServersFacts,
    spec=("RFC 1034 section 4.2.2", "RFC 1912 section 2.8"),
    remedy={"any": "set the zone up on that server, or remove its NS record here and at the registry"},
    medium=Medium.DNS,
)
def authoritative(facts: NameServersFacts, rule: Rule) -> Verdict:
    """A lame delegation: every resolver that picks this server has to try again elsewhere.

    Where the server belongs to a provider, another customer may set up the zone there, and answer for the domain.
    """
    lame = [each for each in facts.servers if _lame(each)]
    if lame:
        words = "; ".join(
            f"{each} does not answer for {facts.zone}: {each.soa.trouble or each.soa.outcome}" for each in lame
        )
        return fail(words, evidence=_told(facts.servers))
    _servers_known(facts)
    for host in facts.hosts:
        _heard(facts, host.name)
    heard = [each for each in facts.servers if _heard_at(each)]
    return passed(f"{len(heard)} servers answer for {facts.zone}", evidence=_told(facts.servers))


def _lame(each: ServerAnswers) -> bool:
    """It answers, and has no such zone: refused, without authority, or no SOA record where the zone begins."""
    return each.soa.outcome is LookupOutcome.REFUSED or each.soa.absent


@control(
    "dns-servers-agree",
    title="All name servers of the domain say the same about its mail",
    expects="MX, SPF, DMARC and the configured keys are the same on each server",
    subject=Domain,
    needs=NameServersFacts,
    spec=("RFC 1034 section 4.3.5", "RFC 2182 section 4"),
    remedy={"any": "find out why the zone is not transferred, or which provider has the old records"},
    medium=Medium.DNS,
)
def agree(facts: NameServersFacts, rule: Rule) -> Verdict:
    """What a receiver finds depends on the server that its resolver picked: mail fails now and then.

    An old server that nobody asks on purpose is where it mostly comes from.
    """
    differing, compared, places = [], 0, _places(facts)
    for place in places:
        said: dict[tuple[str, ...], list[ServerAnswers]] = {}
        for each in facts.servers:
            there = each.content[place]
            if there.answered:
                said.setdefault(_said(there), []).append(each)
                compared += 1
        if len(said) > 1:
            question = facts.servers[0].content[place]
            views = "; ".join(f"{', '.join(map(str, who))}: {' | '.join(what)}" for what, who in said.items())
            differing.append(f"{question.type} of {question.name}: {views}")
    evidence = [f"{each}: {answer}" for each in facts.servers for answer in each.content]
    if differing:
        return fail(f"{len(differing)} answers differ: {differing[0]}", evidence=(*differing, *evidence))
    _servers_known(facts)
    whole = [each for each in facts.servers if all(each.content[place].answered for place in places)]
    _others_lame(facts, whole)
    return passed(f"{len(whole)} servers give the same {compared} answers", evidence=evidence)


def _places(facts: NameServersFacts) -> list[int]:
    """The questions that are the zone's to answer: a name that is delegated to further servers is not."""
    knowing = [each for each in facts.servers if each.soa.found]
    return [
        place
        for place in range(len(facts.servers[0].content) if facts.servers else 0)
        if not knowing or any(each.content[place].outcome is not LookupOutcome.REFUSED for each in knowing)
    ]


def _others_lame(facts: NameServersFacts, told: list[ServerAnswers]) -> None:
    """What a server says is known when one of its addresses has told it, and does not count when it is lame, or has no
    address: dns-servers-authoritative and dns-servers-answer judge that.

    Raises:
        Undetermined: there is another reason why a server told nothing, or none told anything.
    """
    for host in facts.hosts:
        heard = _heard(facts, host.name)
        if any(each.server == host.name for each in told) or any(_lame(each) for each in heard):
            continue
        troubles = [f"{each}: {a}" for each in heard for a in (each.soa, *each.content) if not a.answered]
        if troubles:
            raise Undetermined(troubles[0])
    if not told:
        raise Undetermined("no name server told anything")


def _said(given: Answer) -> tuple[str, ...]:
    """What counts of an answer: the records, or that there are none; an alias counts as where it leads."""
    return (*given.records, *(f"CNAME {alias}" for alias in given.aliases)) or (str(given.outcome),)


@control(
    "dns-serials-agree",
    title="All name servers of the domain have the same version of the zone",
    expects="one serial number in the SOA records of all servers",
    subject=Domain,
    needs=NameServersFacts,
    spec=("RFC 1034 section 4.3.5", "RFC 1912 section 2.2"),
    remedy={"any": "look at the transfers of the zone; those of two providers may differ without fault"},
    medium=Medium.DNS,
)
def serials(facts: NameServersFacts, rule: Rule) -> Verdict:
    """An old serial number is an old zone: a change of a key or of SPF has not arrived there.

    It is also seen for the minutes that a change takes, and where providers number the zone each for itself.
    """
    by_serial: dict[str, list[str]] = {}
    for each in facts.servers:
        if each.serial:
            by_serial.setdefault(each.serial, []).append(str(each))
    if len(by_serial) > 1:
        words = "; ".join(f"{serial}: {', '.join(who)}" for serial, who in sorted(by_serial.items()))
        return fail(words, evidence=_told(facts.servers))
    _servers_known(facts)
    _others_lame(facts, [each for each in facts.servers if each.serial])
    return passed(f"serial number {next(iter(by_serial))} everywhere", evidence=_told(facts.servers))
