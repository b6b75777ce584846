"""BIMI: whether a logo that the domain publishes can be shown."""

from __future__ import annotations

from smtp_audit.control import Medium, Rule, Verdict, control, fail, not_applicable, passed
from smtp_audit.facts.bimi import BimiFacts
from smtp_audit.facts.dmarc import DmarcFacts
from smtp_audit.facts.endpoint import Domain
from smtp_audit.published.dmarc import Policy


@control(
    "bimi-record",
    title="The BIMI record is right, and the domain's DMARC policy lets it count",
    expects="one record at default._bimi with https URLs, and a DMARC policy of quarantine or reject for the domain "
    "and its sub-domains, without pct below 100",
    subject=Domain,
    needs=(BimiFacts, DmarcFacts),
    medium=Medium.DNS,
    spec=("draft-brand-indicators-for-message-identification section 4",),
    remedy={"any": 'default._bimi.example.com. IN TXT "v=BIMI1; l=https://example.com/logo.svg; a="'},
)
def bimi_record(bimi: BimiFacts, dmarc: DmarcFacts, rule: Rule) -> Verdict:
    """A logo beside messages is shown only where the record can be read and DMARC stops forged mail.

    Information: nothing depends on it, and domains without are none the worse.
    """
    evidence = [str(bimi.answer)]
    bimi.answer.require()
    if not bimi.records:
        return not_applicable("the domain has no BIMI record", evidence=evidence)
    if len(bimi.records) > 1:
        return fail(f"{len(bimi.records)} BIMI records, of which receivers take none", evidence=evidence)
    record = bimi.records[0]
    if record.problems:
        return fail("; ".join(record.problems), evidence=evidence)
    if record.declines:
        return passed("the domain declines to show a logo", evidence=evidence)
    evidence += dmarc.told()
    enforced = (Policy.QUARANTINE, Policy.REJECT)
    for whose, found in (("the domain", dmarc.applied), ("sub-domains", dmarc.applied_below)):
        if found.policy not in enforced:
            return fail(f"no logo is shown, for the DMARC policy of {whose} is {found}", evidence=evidence)
    applies = dmarc.record
    if applies is not None and applies.pct < 100:
        return fail(f"no logo is shown, for DMARC has pct={applies.pct}", evidence=evidence)
    return passed("the record is right, and the DMARC policy is enforced", evidence=evidence)
