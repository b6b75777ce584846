"""SPF: what the record costs its receivers, and terms that allow too much or do nothing."""

from __future__ import annotations

from ipaddress import ip_network

from smtp_audit.control import Medium, Rule, Verdict, control, fail, not_applicable, passed
from smtp_audit.controls.spf_record import shown, sound
from smtp_audit.controls.zone_line import publish
from smtp_audit.errors import Undetermined
from smtp_audit.facts.endpoint import Domain
from smtp_audit.facts.spf import SpfFacts, SpfResult
from smtp_audit.facts.spf_tree import SpfTree
from smtp_audit.published.spf import MECHANISMS, Mechanism
from smtp_audit.published.spf_macro import macro_letters
from smtp_audit.wiretext import escape_text

_MOST_HOSTS = 10
"""MX hosts of one term (RFC 7208 section 4.6.4)."""

_NOT_PUBLIC = [
    ip_network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
        "224.0.0.0/4", "240.0.0.0/4", "::/127", "fc00::/7", "fe80::/10", "ff00::/8",
    )
]  # fmt: skip
"""Networks that no client on the Internet has (RFC 6890); those of documentation are left to examples."""

_FAMILIES = {"A": "IPv4", "AAAA": "IPv6"}

_MISTAKEN = {*MECHANISMS, "ip", "ipv4", "ipv6", "host", "redir", "rediect", "redirct", "explanation"}
"""Names of modifiers that somebody took for a mechanism or for redirect: receivers pass over them (section 6)."""


@control(
    "spf-lookups",
    title="SPF needs no more look-ups than receivers make",
    expects="at most {max_lookups} terms with look-ups on the longest way through the record and all it includes, and "
    "at most 10 hosts behind each mx",
    subject=Domain,
    needs=SpfFacts,
    medium=Medium.DNS,
    parameters={"max_lookups": int},
    spec=("RFC 7208 section 4.6.4",),
    remedy={
        "dns": 'example.com. IN TXT "v=spf1 ip4:192.0.2.25 ip6:2001:db8::25 -all": ip4 and ip6 need no look-up; take '
        "a, mx and include away for what sends no mail",
        "any": "include fewer names, and write addresses in place of names",
    },
)
def spf_lookups(spf: SpfFacts, rule: Rule) -> Verdict:
    """With an eleventh look-up the result is permerror: mail from the very servers that are named is refused.

    Which message meets it depends on the order of the terms, so that it works for some senders and not for others.
    """
    record = sound(spf)
    if isinstance(record, Verdict):
        return record
    tree, most = SpfTree(spf.nodes), rule["max_lookups"]
    evidence = [escape_text(line, 200) for line in tree.costs()[:60]]
    reached = list(tree.reached())
    for here in reached:
        node = spf.nodes[here]
        if node.loop:
            return fail(f"{escape_text(node.via, 100)} leads round in a circle", evidence=evidence)
        for term in tree.way(here).terms:
            hosts = _hosts(tree, here, term)
            if hosts > _MOST_HOSTS:
                return fail(
                    f"{tree.told(here, term)} leads to {hosts} hosts, at most 10 are allowed", evidence=evidence
                )
    found = tree.lookups()
    if found > most:
        return fail(f"{found} look-ups, at most {most} are allowed", evidence=evidence)
    tree.require_known()
    tried = (*spf.foreign, *spf.evaluations)
    if tree.dynamic():
        # What such a name leads to is known for the addresses that were tried.
        costly = next((each for each in tried if each.lookups > most), None)
        if costly is not None:
            return fail(f"more than {most} look-ups: {costly}", evidence=evidence)
        for each in tried:
            each.require()
        found = max([found, *(each.lookups for each in tried)])
    return passed(f"{found} look-ups", evidence=evidence)


def _hosts(tree: SpfTree, here: int, term: Mechanism) -> int:
    known = tree.answers(here, term) if term.name == "mx" else None
    if known is None:
        return 0
    return sum(len(each.require().records) for each in known.answers if each.type == "MX")


@control(
    "spf-void-lookups",
    title="SPF asks for no more than two names that are not there",
    expects="at most {max_void} terms on the longest way through the record and all it includes whose look-up brings "
    "nothing; for the addresses of one family, in front of what lets them pass",
    subject=Domain,
    needs=SpfFacts,
    medium=Medium.DNS,
    parameters={"max_void": int},
    spec=("RFC 7208 section 4.6.4", "RFC 7208 section 11.1"),
    remedy={
        "dns": "take the a:, mx: and exists: terms away whose names have no addresses any more; write ip4: and ip6: "
        "instead",
        "any": "remove terms for hosts that are gone",
    },
)
def spf_void_lookups(spf: SpfFacts, rule: Rule) -> Verdict:
    """Receivers take a record that asks for names without addresses for an attack, and stop at the third.

    The limit is one of terms: those whose look-ups bring no record. An a: of a host with IPv4 alone is one of them for
    clients with IPv6, which matters in front of what lets IPv6 pass; an exists that does not match always is one.
    """
    record = sound(spf)
    if isinstance(record, Verdict):
        return record
    tree, most = SpfTree(spf.nodes), rule["max_void"]
    if not tree.lookups():
        return not_applicable("the record needs no look-up")
    unknown: Undetermined | None = None
    passing = set(tree.permitting())
    void: dict[str, list[tuple[int, Mechanism]]] = {"A": [], "AAAA": []}
    for here, term in tree.met():
        for family, name in _FAMILIES.items():
            if len(void[family]) > most and (here, term) in passing and tree.permits(here, term, family):
                return fail(
                    f"{len(void[family])} for clients with {name} before {tree.told(here, term)}, "
                    f"at most {most} are allowed",
                    evidence=_terms(tree, void[family]),
                )
            try:
                void[family] += [(here, term)] if tree.void(here, term, family) else []
            except Undetermined as reason:
                unknown = unknown or reason
    everywhere = [each for each in void["A"] if each in void["AAAA"]]
    if len(everywhere) > most:
        return fail(f"{len(everywhere)}, at most {most} are allowed", evidence=_terms(tree, everywhere))
    if unknown is not None:
        raise unknown
    tree.require_known()
    if tree.dynamic():
        tried = [each.require() for each in spf.foreign]
        if tried and all(each.void > most for each in tried):
            return fail(f"more than {most}: {tried[0]}", evidence=[str(each) for each in tried])
    told = ", ".join(f"{len(void[family])} for clients with {name}" for family, name in _FAMILIES.items())
    return passed(told, evidence=_terms(tree, [*dict.fromkeys([*void["A"], *void["AAAA"]])]))


def _terms(tree: SpfTree, terms: list[tuple[int, Mechanism]]) -> list[str]:
    return [escape_text(tree.told(here, term), 200) for here, term in terms[:20]]


@control(
    "spf-ptr",
    title="SPF does not use ptr",
    expects="neither the mechanism ptr nor the macro p, in the record and all it includes",
    subject=Domain,
    needs=SpfFacts,
    medium=Medium.DNS,
    spec=("RFC 7208 section 5.5", "RFC 7208 section 7.2"),
    remedy={
        "dns": 'example.com. IN TXT "v=spf1 mx -all": mx, a, ip4 or ip6 in place of ptr',
        "any": "replace ptr by the addresses of the hosts that send",
    },
)
def spf_ptr(spf: SpfFacts, rule: Rule) -> Verdict:
    """The mechanism is slow, burdens the name servers of arpa, and leaves the decision to whoever runs a reverse zone.

    Some large receivers do not evaluate it at all, so that mail which should pass does not.
    """
    record = sound(spf)
    if isinstance(record, Verdict):
        return record
    tree = SpfTree(spf.nodes)
    for here in tree.reached():
        for term in tree.way(here).terms:
            if term.name == "ptr" or "p" in macro_letters(term.domain):
                kept = [each.text for each in record.mechanisms if each.name != "ptr"]
                line = [publish(spf.domain, " ".join(["v=spf1", *kept]))] if here == 0 and term.name == "ptr" else []
                return fail(f"uses {tree.told(here, term)}", evidence=[*shown(spf.nodes[here].answer), *line])
        redirect = tree.way(here).redirect
        if redirect is not None and "p" in macro_letters(redirect.value):
            return fail(f"uses {tree.told(here, redirect)}", evidence=shown(spf.nodes[here].answer))
    tree.require_known()
    return passed("no ptr", evidence=_not_seen(tree))


def _not_seen(tree: SpfTree) -> list[str]:
    return [f"not looked at, since it depends on the message: {escape_text(via, 100)}" for via in tree.dynamic()]


@control(
    "spf-wide-networks",
    title="SPF allows no very large networks",
    expects="no network that may send is larger than /{shortest_prefix4} (IPv4) or /{shortest_prefix6} (IPv6), in the "
    "record and all it includes",
    subject=Domain,
    needs=SpfFacts,
    medium=Medium.DNS,
    parameters={"shortest_prefix4": int, "shortest_prefix6": int},
    spec=("RFC 7208 section 5.6", "RFC 7208 section 11.1"),
    remedy={
        "dns": 'example.com. IN TXT "v=spf1 ip4:192.0.2.25 ip6:2001:db8::25 -all": the addresses of the mail servers '
        "and no others",
        "any": "name the mail servers in place of whole networks",
    },
)
def spf_wide_networks(spf: SpfFacts, rule: Rule) -> Verdict:
    """Whoever gets an address in such a network sends in the domain's name: a cloud's customers, a provider's bots.

    A prefix that is short by a slip of the pen (/0 to /8) lets a good part of the Internet pass.
    """
    record = sound(spf)
    if isinstance(record, Verdict):
        return record
    tree = SpfTree(spf.nodes)
    wide = [tree.told(here, term) for here, term in tree.permitting() if _is_wide(term, rule)]
    if wide:
        evidence = [escape_text(term, 200) for term in wide[:20]] + shown(spf.root.answer)
        return fail(f"allows {escape_text(wide[0], 100)}", evidence=evidence)
    tree.require_known()
    return passed("no network beyond that", evidence=_not_seen(tree))


def _is_wide(term: Mechanism, rule: Rule) -> bool:
    four, six = term.prefix4, term.prefix6
    return (four is not None and four < rule["shortest_prefix4"]) or (
        six is not None and six < rule["shortest_prefix6"]
    )


@control(
    "spf-private-networks",
    title="SPF names no address that the Internet does not have",
    expects="no ip4 and ip6 of private, loopback, link-local or multicast networks in the domain's own records",
    subject=Domain,
    needs=SpfFacts,
    medium=Medium.DNS,
    spec=("RFC 7208 section 5.6", "RFC 6890 section 2.2"),
    remedy={
        "dns": "take ip4:10.0.0.0/8 and the like away: receivers see the public address of the mail server",
        "any": "name public addresses only",
    },
)
def spf_private_networks(spf: SpfFacts, rule: Rule) -> Verdict:
    """No receiver on the Internet meets such an address; where one does, inside another network, it is a stranger's."""
    record = sound(spf)
    if isinstance(record, Verdict):
        return record
    tree = SpfTree(spf.nodes)
    found = [
        tree.told(here, term)
        for here in tree.own()
        for term in tree.way(here).terms
        if term.address and _is_private(term)
    ]
    if found:
        return fail(f"names {found[0]}", evidence=[*found[:20], *shown(spf.root.answer)])
    for here in tree.own():
        answer = spf.nodes[here].answer
        if answer is not None:
            answer.require()
    return passed("public addresses only")


def _is_private(term: Mechanism) -> bool:
    prefix = term.prefix4 if term.name == "ip4" else term.prefix6
    network = ip_network(term.address + ("" if prefix is None else f"/{prefix}"), strict=False)
    return any(network.version == each.version and network.subnet_of(each) for each in _NOT_PUBLIC)  # type: ignore[arg-type]


@control(
    "spf-dead-terms",
    title="Every term of SPF does something",
    expects="nothing behind all, no redirect beside it, no term twice, and no a, mx or exists of names without "
    "addresses, in the domain's own records",
    subject=Domain,
    needs=SpfFacts,
    medium=Medium.DNS,
    spec=("RFC 7208 section 5.1", "RFC 7208 section 6.1", "RFC 7208 section 4.6.4"),
    remedy={
        "dns": "take the terms away that the evidence names, or put them in front of all",
        "any": "remove what has no effect: it costs look-ups, and somebody believes in it",
    },
)
def spf_dead_terms(spf: SpfFacts, rule: Rule) -> Verdict:
    """A term without effect is a mistake: somebody wrote it to allow a server, and the server is not allowed.

    A name that nobody has any more may be registered by a stranger, whose mail then passes.
    """
    record = sound(spf)
    if isinstance(record, Verdict):
        return record
    tree = SpfTree(spf.nodes)
    found: list[str] = []
    unknown: Undetermined | None = None
    for here in tree.own():
        try:
            found += _dead(tree, here)
        except Undetermined as reason:
            unknown = unknown or reason
    if found:
        return fail(found[0], evidence=[*found[:20], *shown(spf.root.answer)])
    if unknown is not None:
        raise unknown
    return passed("every term counts")


def _dead(tree: SpfTree, here: int) -> list[str]:
    """What has no effect in the record of a node.

    Raises:
        Undetermined: an answer is missing, and nothing else was found.
    """
    node = tree.nodes[here]
    if node.answer is not None:
        node.answer.require()
    record, way = node.record, tree.way(here)
    if record is None or record.problems:
        return []
    found, seen = [], set()
    unknown: Undetermined | None = None
    for term in record.mechanisms:
        told = tree.told(here, term)
        if way.ends is not None and term.place > way.ends.place:
            found.append(f"{told} stands behind {way.ends.text}, which matches everyone")
            continue
        if term.text.lower() in seen:
            found.append(f"{told} is there twice")
        seen.add(term.text.lower())
        known = tree.answers(here, term)
        if known is None:
            continue
        try:
            if known.nothing:
                found.append(f"{told} names nothing: {'; '.join(map(str, known.answers[:2])) or known.note}")
        except Undetermined as reason:
            unknown = unknown or reason
    if record.redirect is not None and way.ends is not None:
        found.append(f"{tree.told(here, record.redirect)} is not used, because {way.ends.text} matches everyone")
    found += [
        f"{tree.told(here, each)} is an unknown modifier, which receivers pass over"
        for each in record.modifiers
        if each.name in _MISTAKEN
    ]
    if unknown is not None and not found:
        raise unknown
    return found


@control(
    "spf-foreign-address",
    title="Mail from a stranger's address does not pass SPF",
    expects="addresses that nobody sends from (documentation's, IPv4 and IPv6) do not pass as MAIL FROM of the domain",
    subject=Domain,
    needs=SpfFacts,
    medium=Medium.DNS,
    spec=("RFC 7208 section 2.6", "RFC 7208 section 4"),
    remedy={
        "dns": 'example.com. IN TXT "v=spf1 mx -all": neither +all nor a network that holds everyone, here and in what '
        "is included",
        "any": "find the term that the evidence names, and narrow it",
    },
)
def spf_foreign_address(spf: SpfFacts, rule: Rule) -> Verdict:
    """The proof by trial: whatever the terms look like, a stranger must not be let through in the domain's name."""
    record = sound(spf)
    if isinstance(record, Verdict):
        return record
    if not spf.foreign:
        raise Undetermined("no foreign address was tried")
    evidence = [str(each) for each in spf.foreign]
    for each in spf.foreign:
        if each.result is SpfResult.PASS:
            return fail(f"{each.address} passes by {escape_text(' > '.join(each.by), 200)}", evidence=evidence)
    for each in spf.foreign:
        each.require()
    if all(each.result is SpfResult.PERMERROR for each in spf.foreign):
        return not_applicable(
            f"no receiver can evaluate it ({spf.foreign[0].reason}); spf-includes and spf-lookups judge that"
        )
    return passed(", ".join(f"{each.address}: {each.result}" for each in spf.foreign), evidence=evidence)
