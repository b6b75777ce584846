"""DNSSEC: the domain and its MX hosts are signed, with algorithms, keys and times that hold (RFC 4035, RFC 9364)."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from smtp_audit.control import Medium, Rule, Verdict, control, fail, not_applicable, passed
from smtp_audit.errors import Undetermined
from smtp_audit.facts.dane import DnssecFacts, SignedName, ZoneAnswers
from smtp_audit.facts.endpoint import Domain
from smtp_audit.facts.lookup import Answer, LookupOutcome, ResolverFacts
from smtp_audit.facts.mx_hosts import NO_MAIL
from smtp_audit.published.dnssec import DIGESTS, algorithm_name, ds_of

_UNSIGNED = "neither the domain nor its MX hosts are signed; dnssec-secure and dnssec-mx-secure judge that"
_ROLL = (
    "roll to a new key: publish it beside the old one, have the parent exchange the DS, then take the old key out; "
    "Knot: policy algorithm: ecdsap256sha256; BIND: dnssec-policy default; PowerDNS: pdnsutil add-zone-key"
)


@control(
    "dnssec-secure",
    title="The domain is signed, and its signatures are valid",
    expects="a validating resolver finds SOA and MX of the domain secure",
    subject=Domain,
    needs=(ResolverFacts, DnssecFacts),
    spec=("RFC 4035 section 4.3", "RFC 9364"),
    remedy={
        "any": "sign the zone at whoever serves it, and give the registrar the DS record",
        "dns": "example.com. IN DS 12345 13 2 (the SHA-256 digest of the key), in the parent's zone",
    },
    medium=Medium.DNS,
)
def secure(resolver: ResolverFacts, facts: DnssecFacts, rule: Rule) -> Verdict:
    """Without DNSSEC whoever can forge an answer sends the domain's mail where he likes, and DANE has no ground.

    Wrong signatures are worse than none: for everybody whose resolver checks them the domain does not exist.
    """
    return _secure(resolver, facts, (facts.own,))


@control(
    "dnssec-mx-secure",
    title="Every MX host is signed, and its signatures are valid",
    expects="a validating resolver finds the addresses of each MX host secure",
    subject=Domain,
    needs=(ResolverFacts, DnssecFacts),
    spec=("RFC 7672 section 2.2.1", "RFC 4035 section 4.3"),
    remedy={
        "any": "sign the zone of the MX host, or take hosts in a zone that is signed",
        "dns": "mail.example.com stands in the zone example.com: sign that, and publish its DS in the parent's zone",
    },
    medium=Medium.DNS,
)
def mx_secure(resolver: ResolverFacts, facts: DnssecFacts, rule: Rule) -> Verdict:
    """Signed MX records lead nowhere safe when the addresses of the hosts can be forged.

    The hosts often stand in the zone of somebody else, who has to sign it.
    """
    if facts.mx.none:
        return not_applicable(NO_MAIL)
    facts.mx.require()
    if not facts.hosts:
        return not_applicable("the only MX host is the domain itself; dnssec-secure judges that")
    return _secure(resolver, facts, facts.hosts)


def _secure(resolver: ResolverFacts, facts: DnssecFacts, names: tuple[SignedName, ...]) -> Verdict:
    bogus = [answer for name in names for answer in name.bogus]
    evidence = [str(answer) for name in names for answer in name.answers]
    if bogus:
        first = bogus[0]
        return fail(f"{first.name} {first.type}: bogus: {first.detail or 'no reason given'}", evidence=evidence)
    insecure = [name for name in names if name.insecure]
    if insecure:
        resolver.require_validation()
        told = ", ".join(name.name for name in insecure)
        return fail(f"not signed: {told}", evidence=(*evidence, *_missing_ds(facts, insecure)))
    for name in names:
        for answer in name.answers:
            answer.require()
    resolver.require_validation()
    return passed(f"secure: {', '.join(name.name for name in names)}", evidence=evidence)


def _missing_ds(facts: DnssecFacts, names: list[SignedName]) -> list[str]:
    """The DS records that would make a signed zone secure whose parent has none."""
    wanted = {name.zone for name in names}
    return [
        f"publish: {zone.zone}. IN DS {ds}, in the parent's zone"
        for zone in facts.zones
        if zone.zone in wanted and zone.delegation.absent
        for key in zone.dnskeys
        if key.signs and key.entry_point and (ds := ds_of(zone.zone, key))
    ]


def _signed(facts: DnssecFacts) -> tuple[ZoneAnswers, ...]:
    return tuple(zone for zone in facts.zones if zone.keys.found)


def _require_zones(facts: DnssecFacts) -> None:
    """Raises Undetermined when it is not known which zone a name stands in. One whose answers are all unsigned is none
    that anybody checks."""
    facts.mx.require()
    for name in (facts.own, *facts.hosts):
        if not name.zone and not (name.answers and all(each.answered and not each.secure for each in name.answers)):
            for answer in name.answers:
                answer.require()
            raise Undetermined(f"the zone of {name.name} is not known")


def _require_keys(facts: DnssecFacts) -> None:
    """Raises Undetermined when a zone's keys are not known."""
    _require_zones(facts)
    for zone in facts.zones:
        zone.keys.require()


@control(
    "dnssec-algorithms",
    title="The zones are signed with algorithms that hold",
    expects="no zone key has one of the algorithms {refused_algorithms}",
    subject=Domain,
    needs=DnssecFacts,
    parameters={"refused_algorithms": list[int]},
    spec=("RFC 8624 section 3.1", "RFC 9905", "RFC 9906"),
    remedy={"any": _ROLL, "dns": "keys of algorithm 13 (ECDSAP256SHA256) or 15 (ED25519)"},
    medium=Medium.DNS,
)
def algorithms(facts: DnssecFacts, rule: Rule) -> Verdict:
    """Signatures over SHA-1 can be forged with means that are for hire; resolvers begin to take such zones as unsigned.

    A key counts even when a better one stands beside it: any key of the zone may sign anything in it.
    """
    faults = [
        f"{zone.zone}: {key}"
        for zone in _signed(facts)
        for key in zone.dnskeys
        if key.signs and key.algorithm in rule["refused_algorithms"]
    ]
    if faults:
        return fail(f"a weak algorithm: {faults[0]}", evidence=faults)
    _require_keys(facts)
    if not _signed(facts):
        return not_applicable(_UNSIGNED)
    used = sorted({key.algorithm for zone in _signed(facts) for key in zone.dnskeys if key.signs})
    return passed(f"algorithms in use: {', '.join(map(algorithm_name, used)) or 'none'}", evidence=_keys(facts))


def _keys(facts: DnssecFacts) -> list[str]:
    return [f"{zone.zone}: {key}" for zone in _signed(facts) for key in zone.dnskeys]


@control(
    "dnssec-key-size",
    title="RSA keys of the zones are long enough",
    expects="each RSA key of a zone has at least {minimum_rsa_bits} bits",
    subject=Domain,
    needs=DnssecFacts,
    parameters={"minimum_rsa_bits": Annotated[int, Field(ge=0)]},
    spec=("RFC 8624 section 3.1", "NIST SP 800-81-2 section 11.2"),
    remedy={"any": _ROLL, "dns": "keys of algorithm 13 (ECDSAP256SHA256), which are short and strong"},
    medium=Medium.DNS,
)
def key_size(facts: DnssecFacts, rule: Rule) -> Verdict:
    """An RSA key of 512 bits is broken overnight, one of 1024 bits by whoever has a large budget.

    Keys that sign the zone's data count like the one that signs the keys: they are replaced more often on paper only.
    """
    rsa = [(zone, key) for zone in _signed(facts) for key in zone.dnskeys if key.signs and key.bits is not None]
    faults = [f"{zone.zone}: {key}" for zone, key in rsa if (key.bits or 0) < rule["minimum_rsa_bits"]]
    if faults:
        return fail(f"a short key: {faults[0]}", evidence=faults)
    _require_keys(facts)
    if not _signed(facts):
        return not_applicable(_UNSIGNED)
    unread = [f"{z.zone}: {k}" for z in _signed(facts) for k in z.dnskeys if k.signs and k.bits is None and k.is_rsa]
    if unread:
        raise Undetermined(f"an RSA key that cannot be read: {unread[0]}")
    if not rsa:
        return passed("there are no RSA keys", evidence=_keys(facts))
    return passed(f"the shortest RSA key has {min(key.bits or 0 for _, key in rsa)} bits", evidence=_keys(facts))


@control(
    "dnssec-ds-digest",
    title="The parents vouch for the keys with a digest that holds",
    expects="no DS record has one of the digest types {refused_digests}",
    subject=Domain,
    needs=DnssecFacts,
    parameters={"refused_digests": list[int]},
    spec=("RFC 8624 section 3.3", "RFC 9905", "RFC 9906"),
    remedy={
        "any": "give the registrar the DS record with SHA-256 (digest type 2), then have the old one removed",
        "dns": "example.com. IN DS 12345 13 2 (the SHA-256 digest of the key), in the parent's zone",
    },
    medium=Medium.DNS,
)
def ds_digest(facts: DnssecFacts, rule: Rule) -> Verdict:
    """The DS record is what the parent vouches for: a key that collides with its digest would sign the zone.

    RFC 9905 wants no DS with SHA-1 published any more, not even beside a better one.
    """
    held = [(zone, ds) for zone in facts.zones for ds in zone.ds_records]
    weak = [(zone, ds) for zone, ds in held if not ds.problem and ds.digest_type in rule["refused_digests"]]
    unreadable = [f"{zone.zone}: {ds}" for zone, ds in held if ds.problem]
    if unreadable:
        return fail(f"a DS record that no key can match: {unreadable[0]}", evidence=unreadable)
    if weak:
        publish = [
            f"publish: {zone.zone}. IN DS {better}, in the parent's zone"
            for zone, ds in weak
            for key in zone.dnskeys
            if key.tag == ds.tag and (better := ds_of(zone.zone, key))
        ]
        zone, ds = weak[0]
        told = (*(f"{zone.zone}: {ds}" for zone, ds in weak), *dict.fromkeys(publish))
        return fail(f"a weak digest: {zone.zone}: {ds}", evidence=told)
    _require_zones(facts)
    for zone in facts.zones:
        zone.delegation.require()
    if not held:
        return not_applicable("no parent vouches for a zone; dnssec-secure and dnssec-mx-secure judge that")
    used = sorted({ds.digest_type for _, ds in held})
    names = ", ".join(DIGESTS.get(number, f"digest {number}") for number in used)
    return passed(f"digests in use: {names}", evidence=[f"{zone.zone}: {ds}" for zone, ds in held])


@control(
    "dnssec-signatures-fresh",
    title="The signatures are renewed in time",
    expects="every signature is valid for {minimum_hours} hours more",
    subject=Domain,
    needs=DnssecFacts,
    parameters={"minimum_hours": Annotated[int, Field(ge=0)]},
    spec=("RFC 4035 section 5.3.1", "RFC 6781 section 4.4.2"),
    remedy={
        "any": "let the name server renew signatures by itself, and watch that it does: Knot: dnssec-signing: on; "
        "BIND: dnssec-policy default and inline-signing yes",
        "dns": "no record to publish: the zone has to be signed again",
    },
    medium=Medium.DNS,
)
def signatures_fresh(facts: DnssecFacts, rule: Rule) -> Verdict:
    """When a signature runs out the name is gone for every resolver that validates, and its mail with it.

    Servers that sign while they answer renew within the day; a day without renewal shows that something stands still.
    """
    dated = [(answer.signatures_expire, answer) for answer in _own_answers(facts) if answer.signatures_expire]
    if dated:
        soonest, answer = min(dated, key=lambda pair: pair[0])
        left = soonest - rule.time
        told = f"the signature of {answer.name} {answer.type} runs out on {soonest:%Y-%m-%d %H:%M} UTC"
        if left < timedelta(hours=rule["minimum_hours"]):
            return fail(told if left > timedelta(0) else f"{told}, which is past", evidence=(str(answer),))
    for answer in _own_answers(facts):
        answer.require()
    if not dated:
        return not_applicable(_UNSIGNED)
    return passed(f"{told}, the first of all", evidence=(str(answer),))


def _own_answers(facts: DnssecFacts) -> list[Answer]:
    """All that the zones sign; DS records are signed by the parents."""
    names = [answer for name in (facts.own, *facts.hosts) for answer in name.answers]
    zones = [answer for zone in _signed(facts) for answer in (zone.keys, zone.parameters)]
    return [answer for answer in (*names, *zones) if answer.outcome is not LookupOutcome.NOT_ASKED]


@control(
    "dnssec-nsec3-iterations",
    title="NSEC3 costs resolvers no more than it has to",
    expects="NSEC3 has at most {maximum_iterations} extra iterations",
    subject=Domain,
    needs=DnssecFacts,
    parameters={"maximum_iterations": Annotated[int, Field(ge=0)]},
    spec=("RFC 9276 section 3.1",),
    remedy={
        "any": "sign with NSEC, or with NSEC3 without iterations and without a salt; Knot: nsec3-iterations: 0 and "
        "nsec3-salt-length: 0; BIND: nsec3param iterations 0 optout no salt-length 0",
        "dns": "example.com. IN NSEC3PARAM 1 0 0 -",
    },
    medium=Medium.DNS,
)
def nsec3_iterations(facts: DnssecFacts, rule: Rule) -> Verdict:
    """Extra iterations protect nothing and cost every resolver: many take a zone with a lot of them as unsigned.

    RFC 9276 wants none at all.
    """
    held = [(zone, each) for zone in _signed(facts) for each in zone.nsec3 if not each.problem]
    faults = [
        f"{zone.zone}: {each.iterations} iterations"
        for zone, each in held
        if each.iterations > rule["maximum_iterations"]
    ]
    if faults:
        return fail(faults[0], evidence=faults)
    _require_keys(facts)
    for zone in _signed(facts):
        zone.parameters.require()
    if not _signed(facts):
        return not_applicable(_UNSIGNED)
    if not held:
        return passed("the zones have no NSEC3", evidence=[str(zone.parameters) for zone in _signed(facts)])
    return passed("no more iterations than allowed", evidence=[str(zone.parameters) for zone, _ in held])
