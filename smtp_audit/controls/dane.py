"""DANE for SMTP: TLSA records of every MX host that senders can use (RFC 7672)."""

from __future__ import annotations

from smtp_audit.control import Medium, Rule, Verdict, control, fail, not_applicable, passed
from smtp_audit.facts.dane import DaneFacts, DaneHost
from smtp_audit.facts.endpoint import Domain
from smtp_audit.facts.lookup import Answer, ResolverFacts
from smtp_audit.facts.mx_hosts import NO_MAIL
from smtp_audit.published.tlsa import TRUST_ANCHOR, Tlsa

_NONE_TO_JUDGE = "no MX host has TLSA records; dane-published judges that"
_RECORD = "_25._tcp.mail.example.com. IN TLSA 3 1 1 (the SHA-256 of the public key, in hex)"
_HASH = (
    "the hash of the key: openssl x509 -in CERT.pem -noout -pubkey | openssl pkey -pubin -outform DER | openssl dgst "
    "-sha256"
)


@control(
    "dane-published",
    title="Every MX host has TLSA records",
    expects="_25._tcp.HOST has TLSA records for each MX host",
    subject=Domain,
    needs=DaneFacts,
    spec=("RFC 7672 section 2.2", "RFC 6698 section 3"),
    remedy={"dns": _RECORD, "any": f"publish a TLSA record for each MX host, in a signed zone; {_HASH}"},
    medium=Medium.DNS,
)
def published(facts: DaneFacts, rule: Rule) -> Verdict:
    """TLSA records tell senders that the host has TLS and which key: nobody on the way can take either out.

    One host without them is the one that an attacker leaves standing. matrix-tlsa gives the record of the key in use.
    """
    if facts.mx.none:
        return not_applicable(NO_MAIL)
    facts.mx.require()
    missing = [host for host in facts.hosts if host.chosen is None or host.chosen.absent]
    evidence = [str(answer) for host in facts.hosts for answer in host.tlsa]
    if missing:
        publish = [f"publish: {host.owner}. IN TLSA 3 1 1 (the SHA-256 of its public key)" for host in missing]
        names = ", ".join(host.host for host in missing)
        return fail(f"no TLSA records: {names}", evidence=(*evidence, *publish))
    for host in facts.hosts:
        if host.chosen is not None:
            host.chosen.require()
    return passed(f"TLSA records of {_counted(facts.hosts)}", evidence=evidence)


def _counted(hosts: tuple[DaneHost, ...]) -> str:
    return "the MX host" if len(hosts) == 1 else f"all {len(hosts)} MX hosts"


@control(
    "dane-secure",
    title="Every answer that DANE rests on is signed",
    expects="the MX records, and addresses and TLSA records of each host that has some, are secure",
    subject=Domain,
    needs=(ResolverFacts, DaneFacts),
    spec=("RFC 7672 section 2.1", "RFC 7672 section 2.2.1"),
    remedy={
        "any": "sign the zone of the domain and that of each MX host, and have their parents publish the DS records",
        "dns": "example.com. IN DS 12345 13 2 (the SHA-256 digest of the key), in the parent's zone",
    },
    medium=Medium.DNS,
)
def secure(resolver: ResolverFacts, facts: DaneFacts, rule: Rule) -> Verdict:
    """TLSA records that are not signed are ignored, and so are those of a host that an unsigned MX record names.

    Who publishes them believes that mail is protected, and it is not.
    """
    absent = _absent(facts)
    if absent is not None:
        return absent
    rest_on = [facts.mx.answer]
    for host in facts.hosts:
        if host.records:
            rest_on += [*(a for a in host.addresses if not a.absent), *(a for a in (host.chosen,) if a is not None)]
    insecure = [answer for answer in rest_on if answer.found and not answer.secure]
    if insecure:
        resolver.require_validation()
        return fail(f"not signed: {_told(insecure)}", evidence=map(str, insecure))
    for answer in rest_on:
        answer.require()
    resolver.require_validation()
    return passed("MX records, addresses and TLSA records are secure", evidence=map(str, rest_on))


def _told(answers: list[Answer]) -> str:
    return ", ".join(f"{answer.name} {answer.type}" for answer in answers)


def _absent(facts: DaneFacts) -> Verdict | None:
    """Why there is nothing to judge, if so. Raises Undetermined when nothing is known of any record."""
    if facts.mx.none:
        return not_applicable(NO_MAIL)
    facts.mx.require()
    if any(host.records for host in facts.hosts):
        return None
    _require_records(facts)
    return not_applicable(_NONE_TO_JUDGE)


def _require_records(facts: DaneFacts) -> None:
    """Raises Undetermined when the records of a host are not known."""
    for host in facts.hosts:
        if host.chosen is not None:
            host.chosen.require()


def _each(facts: DaneFacts) -> list[tuple[DaneHost, Tlsa]]:
    return [(host, record) for host in facts.hosts for record in host.records]


@control(
    "dane-usage",
    title="TLSA records have a usage that SMTP knows",
    expects="every TLSA record has the usage 3 (DANE-EE) or 2 (DANE-TA)",
    subject=Domain,
    needs=DaneFacts,
    spec=("RFC 7672 section 3.1.3",),
    remedy={
        "dns": _RECORD,
        "any": f"publish 3 1 1 for the key of the host, or 2 1 1 for its authority's; {_HASH}",
    },
    medium=Medium.DNS,
)
def usage(facts: DaneFacts, rule: Rule) -> Verdict:
    """Senders ignore the usages 0 and 1 (PKIX): there is no list of authorities that all of them trust.

    When nothing else is published the host is not authenticated at all.
    """
    absent = _absent(facts)
    if absent is not None:
        return absent
    faults = [f"{host.owner}: {record}" for host, record in _each(facts) if record.usage not in (-1, 2, 3)]
    if faults:
        return fail(f"a usage that SMTP does not know: {faults[0]}", evidence=faults)
    _require_records(facts)
    return passed("usages 2 and 3 only", evidence=[f"{host.owner}: {record}" for host, record in _each(facts)])


@control(
    "dane-record-form",
    title="TLSA records say something that can be compared",
    expects="every TLSA record has a known selector and matching type, and data of the right form",
    subject=Domain,
    needs=DaneFacts,
    spec=("RFC 6698 section 2.1", "RFC 7671 section 4"),
    remedy={"dns": _RECORD, "any": f"publish the whole digest, 64 hex digits for SHA-256; {_HASH}"},
    medium=Medium.DNS,
)
def record_form(facts: DaneFacts, rule: Rule) -> Verdict:
    """A digest that is cut short, or of a kind that nobody knows, matches nothing.

    When no other record matches, senders that heed DANE do not deliver.
    """
    absent = _absent(facts)
    if absent is not None:
        return absent
    faults = [f"{host.owner}: {record}" for host, record in _each(facts) if record.problem and record.usage <= 3]
    if faults:
        return fail(f"a record that cannot match: {faults[0]}", evidence=faults)
    _require_records(facts)
    return passed("every record can be compared", evidence=[f"{host.owner}: {record}" for host, record in _each(facts)])


@control(
    "dane-next-key",
    title="The next key is published before it is used",
    expects="each MX host has TLSA records of two keys, or one of an authority (usage 2)",
    subject=Domain,
    needs=DaneFacts,
    spec=("RFC 7671 section 8.1", "RFC 7671 section 8.4"),
    remedy={
        "dns": f"a second record beside the first: {_RECORD}",
        "any": "make the next key now and publish its record, days before the server begins to use it; or keep the key "
        "when the certificate is renewed (certbot: --reuse-key)",
    },
    medium=Medium.DNS,
)
def next_key(facts: DaneFacts, rule: Rule) -> Verdict:
    """When a certificate is renewed with a new key and the record follows later, mail stops in between.

    Two records, of this key and of the next, leave no gap; so does a record of the authority.
    """
    absent = _absent(facts)
    if absent is not None:
        return absent
    single = [host for host in facts.hosts if host.usable and not _two_keys(host.usable)]
    if single:
        evidence = [f"{host.owner}: {record}" for host in single for record in host.usable]
        return fail(f"records of one key only: {', '.join(host.host for host in single)}", evidence=evidence)
    _require_records(facts)
    if not any(host.usable for host in facts.hosts):
        return not_applicable("no record can be used; dane-usage and dane-record-form judge that")
    return passed("records of two keys, or of an authority", evidence=[f"{h.owner}: {r}" for h, r in _each(facts)])


def _two_keys(records: tuple[Tlsa, ...]) -> bool:
    """Two digests of one kind are of two keys; of different kinds they may be of the same."""
    if any(record.usage == TRUST_ANCHOR for record in records):
        return True
    return len(set(records)) > len({(record.selector, record.matching) for record in records})
