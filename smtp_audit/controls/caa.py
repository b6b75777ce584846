"""CAA: which authorities may issue certificates for the mail hosts (RFC 8659, RFC 9495)."""

from __future__ import annotations

from smtp_audit.control import Medium, Rule, Verdict, control, fail, not_applicable, passed
from smtp_audit.facts.dane import CaaClimb, CaaFacts
from smtp_audit.facts.endpoint import Domain
from smtp_audit.facts.mx_hosts import NO_MAIL
from smtp_audit.published.caa import issuers_for

_NO_RECORDS = "there are no CAA records; caa-published judges that"


@control(
    "caa-published",
    title="CAA says which authorities may issue for each MX host",
    expects="the CAA records that count for each MX host have an issue property",
    subject=Domain,
    needs=CaaFacts,
    spec=("RFC 8659 section 3", "RFC 8659 section 4.2"),
    remedy={
        "dns": 'example.com. IN CAA 0 issue "letsencrypt.org"',
        "any": "publish a CAA record with the domain of the authority in use; matrix-caa tells which one that is",
    },
    medium=Medium.DNS,
)
def published(facts: CaaFacts, rule: Rule) -> Verdict:
    """Without CAA any of some hundred authorities may issue for the host: the weakest of them decides.

    A record at the domain counts for all names below that have none of their own.
    """
    if facts.mx.none:
        return not_applicable(NO_MAIL)
    facts.mx.require()
    climbs = [str(climb) for climb in facts.hosts]
    open_ones = [
        climb
        for climb in facts.hosts
        if all(answer.answered for answer in climb.answers) and issuers_for(climb.records) is None
    ]
    if open_ones:
        names = ", ".join(climb.name for climb in open_ones)
        publish = f'publish: {facts.domain}. IN CAA 0 issue "(the domain of your authority, as letsencrypt.org)"'
        return fail(f"any authority may issue for {names}", evidence=(*climbs, publish))
    for climb in facts.hosts:
        climb.require()
    return passed("issuing is restricted for every MX host", evidence=climbs)


def _all(facts: CaaFacts) -> tuple[CaaClimb, ...]:
    return (facts.own, *facts.hosts)


@control(
    "caa-form",
    title="CAA records can be read by every authority",
    expects="values by the grammar of their tags, and no critical tag that nobody knows",
    subject=Domain,
    needs=CaaFacts,
    spec=("RFC 8659 section 4.1", "RFC 8659 section 4.2", "RFC 8659 section 4.4"),
    remedy={
        "dns": 'example.com. IN CAA 0 issue "letsencrypt.org", and 0 iodef "mailto:security@example.com"',
        "any": "a domain, and after a semicolon parameters as name=value; flag 128 on tags of the RFCs only",
    },
    medium=Medium.DNS,
)
def form(facts: CaaFacts, rule: Rule) -> Verdict:
    """Authorities read a value that they cannot understand as "nobody": the next renewal fails.

    The same goes for a tag that is marked critical and that they do not know.
    """
    faults = list(
        dict.fromkeys(
            f"{climb.deciding.name}: {record}"
            for climb in _all(facts)
            if climb.deciding is not None
            for record in climb.records
            if record.problem
        )
    )
    if faults:
        return fail(faults[0], evidence=faults)
    for climb in _all(facts):
        climb.require()
    if not any(climb.records for climb in _all(facts)):
        return not_applicable(_NO_RECORDS)
    return passed("every record can be read", evidence=[str(climb) for climb in _all(facts)])


@control(
    "caa-issuemail",
    title="CAA says which authorities may issue S/MIME certificates",
    expects="the CAA records that count for the domain have an issuemail property",
    subject=Domain,
    needs=CaaFacts,
    spec=("RFC 9495 section 3",),
    remedy={
        "dns": 'example.com. IN CAA 0 issuemail ";", or the domain of the authority in its place',
        "any": 'publish issuemail ";" where nobody has S/MIME certificates',
    },
    medium=Medium.DNS,
)
def issuemail(facts: CaaFacts, rule: Rule) -> Verdict:
    """The issue property does not cover S/MIME: any authority may issue a certificate for an address of the domain.

    Only some authorities heed issuemail yet, and more have to from year to year.
    """
    records = facts.own.require()
    if not records:
        return not_applicable(_NO_RECORDS)
    if any(record.tag == "issuemail" for record in records):
        return passed("there is an issuemail property", evidence=(str(facts.own),))
    publish = f'publish: {facts.domain}. IN CAA 0 issuemail ";"'
    return fail("no issuemail property", evidence=(str(facts.own), publish))
