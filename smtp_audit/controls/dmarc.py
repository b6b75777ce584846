"""DMARC: the record, its form, and the policies that come of it."""

from __future__ import annotations

from smtp_audit.control import Medium, Rule, Verdict, control, fail, not_applicable, passed
from smtp_audit.facts.dmarc import DmarcFacts
from smtp_audit.facts.endpoint import Domain
from smtp_audit.facts.lookup import LookupOutcome
from smtp_audit.published.dmarc import Policy
from smtp_audit.published.tree_walk import Applied

NO_RECORD = "no DMARC record applies to the domain; dmarc-record judges that"
_REPORTS = "rua=mailto:dmarc-reports@example.com"


def advice(dmarc: DmarcFacts, **policies: Policy) -> list[str]:
    """A line of evidence: the record that applies, as it ought to be published."""
    place, record = dmarc.applied.domain, dmarc.record
    return [f'publish: _dmarc.{place}. IN TXT "{record.improved(**policies)}"'] if record is not None else []


@control(
    "dmarc-record",
    title="The domain has exactly one DMARC record",
    expects="one TXT record at _dmarc begins with v=DMARC1; other texts there do not count. A sub-domain may leave it "
    "to the record of its organisation",
    subject=Domain,
    needs=DmarcFacts,
    medium=Medium.DNS,
    spec=("RFC 9989 section 4.10", "RFC 9989 section 5.1.4", "RFC 7489 section 6.6.3"),
    remedy={"any": f'_dmarc.example.com. IN TXT "v=DMARC1; p=reject; {_REPORTS}"'},
)
def record(dmarc: DmarcFacts, rule: Rule) -> Verdict:
    """Without a record nobody is told what to do with mail that only pretends to come from the domain.

    Of two records receivers take neither, and what begins in any other way than v=DMARC1 is none.
    """
    own = dmarc.rung(dmarc.domain)
    evidence = list(dmarc.told())
    if len(own.records) == 1:
        return passed(f"one record: {own.records[0]}", evidence=evidence)
    if own.records:
        return fail(f"{len(own.records)} DMARC records, of which receivers take none", evidence=evidence)
    nearly = f"; a text is nearly one: {own.nearly[0]}" if own.nearly else ""
    found = dmarc.applied
    if found.domain and dmarc.records_at(found.domain)[0].psd != "y":
        return passed(f"the record of {found.domain} applies{nearly}", evidence=evidence)
    evidence.append(
        f'publish: _dmarc.{dmarc.domain}. IN TXT "v=DMARC1; p=reject; rua=mailto:dmarc-reports@{dmarc.domain}"'
    )
    suffix = f", only the public suffix {found.domain} has one" if found.domain else ""
    return fail(f"there is no DMARC record{suffix}{nearly}", evidence=evidence)


@control(
    "dmarc-syntax",
    title="The DMARC record is well-formed",
    expects="tags and values as RFC 9989 has them, in any order behind v=DMARC1; unknown tags are no fault",
    subject=Domain,
    needs=DmarcFacts,
    medium=Medium.DNS,
    spec=("RFC 9989 section 4.7", "RFC 9989 section 4.8", "RFC 6376 section 3.2"),
    remedy={"any": f'_dmarc.example.com. IN TXT "v=DMARC1; p=reject; sp=reject; {_REPORTS}"'},
)
def syntax(dmarc: DmarcFacts, rule: Rule) -> Verdict:
    """A tag that cannot be read counts as not there, and with a wrong policy the whole record may be ignored.

    Receivers differ in how much they forgive, so that a wrong record protects from some senders only.
    """
    meant = dmarc.meant
    evidence = list(dmarc.told())
    problems = [problem for _, each in meant for problem in each.problems]
    evidence += [f"note: {note}" for _, each in meant for note in each.notes]
    if problems:
        return fail("; ".join(problems), evidence=[*evidence, *advice(dmarc)])
    if not meant:
        return not_applicable(NO_RECORD, evidence=evidence)
    return passed(f"well-formed: {meant[0][1]}", evidence=evidence)


def _weaker(newer: Applied, older: Applied) -> Applied:
    """pct makes a policy milder for receivers of RFC 7489 only; of the two readings the one that protects less."""
    if older.domain != newer.domain or not older.lowered or older.policy is None or newer.policy is None:
        return newer
    steps = list(Policy)
    return older if steps.index(older.policy) < steps.index(newer.policy) else newer


def _judge_policy(dmarc: DmarcFacts, found: Applied, accepted: list[Policy], whose: str, **policies: Policy) -> Verdict:
    evidence = [*dmarc.told(), f"applies to {whose}: {found}"]
    if found.policy in accepted:
        return passed(str(found), evidence=evidence)
    return fail(str(found), evidence=[*evidence, *advice(dmarc, **policies)])


def _best(accepted: list[Policy]) -> Policy:
    return Policy.REJECT if Policy.REJECT in accepted or not accepted else accepted[-1]


@control(
    "dmarc-policy",
    title="Mail that only pretends to come from the domain is to be stopped",
    expects="the policy that applies to the domain, after t=y and pct, is one of {accepted}",
    subject=Domain,
    needs=DmarcFacts,
    medium=Medium.DNS,
    parameters={"accepted": list[Policy]},
    spec=("RFC 9989 section 4.7", "RFC 9989 section 4.10.1", "RFC 9989 section 5.1.7"),
    remedy={
        "any": f'_dmarc.example.com. IN TXT "v=DMARC1; p=reject; {_REPORTS}" - first with p=none until the reports '
        "show that all mail of one's own passes",
    },
)
def policy(dmarc: DmarcFacts, rule: Rule) -> Verdict:
    """With p=none receivers report forged mail and deliver it; quarantine and reject are what stops it.

    t=y lowers a policy by one step: t=y with reject is quarantine, and with quarantine it is none. Receivers of the
    older RFC 7489 lower it in the same way for the messages that pct leaves out.
    """
    newer = dmarc.applied
    if not newer.domain:
        return not_applicable(NO_RECORD, evidence=dmarc.told())
    found = _weaker(newer, dmarc.older) if dmarc.records_at(newer.domain)[0].pct < 100 else newer
    accepted = rule["accepted"]
    return _judge_policy(dmarc, found, accepted, "the domain", **{newer.tag or "p": _best(accepted)})


@control(
    "dmarc-subdomain-policy",
    title="Mail that only pretends to come from a sub-domain is to be stopped",
    expects="the policy that applies to sub-domains (sp, or p without it), after t=y and pct, is one of {accepted}",
    subject=Domain,
    needs=DmarcFacts,
    medium=Medium.DNS,
    parameters={"accepted": list[Policy]},
    spec=("RFC 9989 section 4.7", "RFC 9989 section 4.10.1"),
    remedy={"any": f'_dmarc.example.com. IN TXT "v=DMARC1; p=reject; sp=reject; {_REPORTS}"'},
)
def subdomain_policy(dmarc: DmarcFacts, rule: Rule) -> Verdict:
    """Who cannot forge mail of example.com takes news.example.com, which looks as good to its readers.

    sp counts only in the record of an organisation, and a wildcard TXT record can take the sub-domains out of it.
    """
    newer = dmarc.applied_below
    if not newer.domain and not dmarc.applied.domain:
        return not_applicable(NO_RECORD, evidence=dmarc.told())
    lowered = bool(newer.domain) and dmarc.records_at(newer.domain)[0].pct < 100
    found = _weaker(newer, dmarc.older_below) if lowered else newer
    accepted = rule["accepted"]
    return _judge_policy(dmarc, found, accepted, "sub-domains", sp=_best(accepted))


@control(
    "dmarc-nonexistent-policy",
    title="Mail from sub-domains that do not exist is to be stopped",
    expects="the policy that applies to them (np, or sp or p without it), after t=y, is one of {accepted}",
    subject=Domain,
    needs=DmarcFacts,
    medium=Medium.DNS,
    parameters={"accepted": list[Policy]},
    spec=("RFC 9989 section 4.7", "RFC 9989 section 3.2.13"),
    remedy={"any": f'_dmarc.example.com. IN TXT "v=DMARC1; p=reject; sp=reject; np=reject; {_REPORTS}"'},
)
def nonexistent_policy(dmarc: DmarcFacts, rule: Rule) -> Verdict:
    """No mail ever comes from a name that does not exist: there is no reason to let it through.

    np is newer than most receivers; those that do not know it apply sp or p, which dmarc-subdomain-policy judges.
    """
    found = dmarc.applied_nowhere
    if not found.domain and not dmarc.applied.domain:
        return not_applicable(NO_RECORD, evidence=dmarc.told())
    answer = dmarc.below_answer.require()
    if answer.outcome is not LookupOutcome.NXDOMAIN:
        return not_applicable(
            "every name below the domain exists, by a wildcard or by the way its servers say no; "
            "dmarc-subdomain-policy judges those that exist",
            evidence=[*dmarc.told(), str(answer)],
        )
    accepted = rule["accepted"]
    verdict = _judge_policy(dmarc, found, accepted, "sub-domains that do not exist", np=_best(accepted))
    return verdict.model_copy(update={"evidence": (*verdict.evidence, str(answer))})


@control(
    "dmarc-alignment-modes",
    title="Only the domain itself vouches for its mail, and no sub-domain",
    expects="adkim=s and aspf=s",
    subject=Domain,
    needs=DmarcFacts,
    medium=Medium.DNS,
    spec=("RFC 9989 section 4.4", "RFC 9989 section 4.7"),
    remedy={
        "any": f'_dmarc.example.com. IN TXT "v=DMARC1; p=reject; adkim=s; aspf=s; {_REPORTS}" - when the reports show '
        "that all mail is signed with d=example.com, and leaves from <...@example.com>",
    },
)
def alignment_modes(dmarc: DmarcFacts, rule: Rule) -> Verdict:
    """In relaxed mode whoever runs a sub-domain can send mail of the whole organisation that passes DMARC.

    Advice: relaxed is the default, and what bounces or newsletters under a sub-domain need.
    """
    applies = dmarc.record
    if applies is None:
        return not_applicable(NO_RECORD, evidence=dmarc.told())
    relaxed = [name for name, mode in (("DKIM", applies.adkim), ("SPF", applies.aspf)) if mode == "r"]
    if relaxed:
        return fail(f"relaxed for {' and '.join(relaxed)}", evidence=dmarc.told())
    return passed("strict for DKIM and SPF", evidence=dmarc.told())


@control(
    "dmarc-obsolete-tags",
    title="The DMARC record has no tags that are obsolete",
    expects="neither pct, ri nor rf, and no limit of size behind an address",
    subject=Domain,
    needs=DmarcFacts,
    medium=Medium.DNS,
    spec=("RFC 9989 appendix C", "RFC 9989 section 4.8"),
    remedy={"any": "take them out of the record; t=y stands for pct=0"},
)
def obsolete_tags(dmarc: DmarcFacts, rule: Rule) -> Verdict:
    """Receivers of RFC 9989 ignore these, those of RFC 7489 do not: the same record says two things.

    pct=0 with reject is quarantine for some of them and reject for others.
    """
    applies = dmarc.record
    if applies is None:
        return not_applicable(NO_RECORD, evidence=dmarc.told())
    if applies.obsolete:
        return fail(", ".join(applies.obsolete), evidence=[*dmarc.told(), *advice(dmarc)])
    return passed("nothing obsolete", evidence=dmarc.told())


@control(
    "dmarc-ways-differ",
    title="Receivers of the older and of the newer RFC come to the same",
    expects="RFC 9989 (tree walk) and RFC 7489 (list of public suffixes) have the same policy for the domain and for "
    "its sub-domains, and, where alignment is relaxed, the same organizational domain",
    subject=Domain,
    needs=DmarcFacts,
    medium=Medium.DNS,
    spec=("RFC 9989 section 4.10", "RFC 9989 appendix C", "RFC 7489 section 6.6.3", "RFC 7489 section 3.2"),
    remedy={
        "any": "publish one record at the organizational domain, without t=y and pct: _dmarc.example.com. IN TXT "
        f'"v=DMARC1; p=reject; sp=reject; {_REPORTS}"',
    },
)
def ways_differ(dmarc: DmarcFacts, rule: Rule) -> Verdict:
    """DMARC was replaced in 2026, and for years there will be receivers of both kinds.

    They differ in where they look for a record, in what they do with two of them, and in t, psd and pct. What forged
    mail meets, and which signatures align, then depends on who receives it.
    """
    newer, older = dmarc.applied, dmarc.older
    if not newer.domain and not older.domain:
        return not_applicable(NO_RECORD, evidence=dmarc.told())
    newer_below, older_below = dmarc.applied_below, dmarc.older_below
    evidence = [*dmarc.told(), f"the older way by {dmarc.suffix_list}: {dmarc.listed_organisation}"]
    differences = [
        f"{whose}: {new} by RFC 9989, {old} by RFC 7489"
        for whose, new, old in (("domain", newer, older), ("sub-domains", newer_below, older_below))
        if (new.policy or Policy.NONE) != (old.policy or Policy.NONE)
    ]
    applies = dmarc.record
    if applies is not None and "r" in (applies.adkim, applies.aspf):
        for whose, organisation in (("", dmarc.organisation), (" of sub-domains", dmarc.organisation_below)):
            if organisation != dmarc.listed_organisation:
                differences.append(
                    f"organizational domain{whose}: {organisation} by RFC 9989, {dmarc.listed_organisation} by RFC 7489"
                )
    if differences:
        return fail("; ".join(differences), evidence=evidence)
    return passed(f"both: {newer}, sub-domains {newer_below}", evidence=evidence)
