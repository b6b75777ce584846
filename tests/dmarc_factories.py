"""Facts about DMARC and BIMI for the cases of the controls, made as the probe makes them: of answers."""

from __future__ import annotations

from collections.abc import Mapping

from smtp_audit.facts.bimi import BimiFacts
from smtp_audit.facts.dmarc import DmarcFacts, ReportHost, Rung, records_in
from smtp_audit.facts.lookup import Answer, LookupOutcome
from smtp_audit.published.bimi import is_bimi, parse_bimi
from smtp_audit.published.tree_walk import walk_names
from tests import lookup_factories as look

DOMAIN = "example.com"
BELOW = "smtp-audit-0"
GOOD = "v=DMARC1; p=reject; sp=reject; np=reject; adkim=s; aspf=s; rua=mailto:dmarc@example.com"
TIMEOUT = LookupOutcome.TIMEOUT


def rung(domain: str, *texts: str) -> Rung:
    """A place of the walk with these texts; without any it does not exist."""
    name = f"_dmarc.{domain}"
    answer = look.found(name, "TXT", *texts) if texts else look.absent(name, "TXT")
    return Rung(domain=domain, answer=answer, records=records_in(answer))


def dmarc(
    *texts: str,
    domain: str = DOMAIN,
    places: Mapping[str, str | LookupOutcome] | None = None,
    below: LookupOutcome = LookupOutcome.NXDOMAIN,
    listed: str = DOMAIN,
    hosts: tuple[ReportHost, ...] | None = None,
) -> DmarcFacts:
    """A domain with these texts at `_dmarc`, and others at other places of the walk, or what became of the question.

    Its reports stay in the domain, which takes mail, unless `hosts` are given.
    """
    under = f"{BELOW}.{domain}"
    rungs = {name: rung(name) for name in dict.fromkeys((*walk_names(domain), *walk_names(under), listed))}
    rungs[domain] = rung(domain, *texts)
    for name, what in (places or {}).items():
        if isinstance(what, LookupOutcome):
            rungs[name] = Rung(domain=name, answer=look.unanswered(f"_dmarc.{name}", "TXT", what))
        else:
            rungs[name] = rung(name, what)
    return DmarcFacts(
        domain=domain,
        rungs=tuple(rungs.values()),
        below=under,
        below_answer=Answer(name=under, type="A", outcome=below),
        listed_organisation=listed,
        suffix_list="publicsuffixlist 1",
        hosts=(host(DOMAIN),) if hosts is None else hosts,
    )


def host(name: str, *mail: Answer, consent: str | LookupOutcome | None = None) -> ReportHost:
    """A host for reports; without other answers it has a mail exchanger with an address."""
    taking = (
        look.found(name, "MX", f"10 mail.{name}."),
        look.found(f"mail.{name}", "A", "192.0.2.1"),
        look.absent(f"mail.{name}", "AAAA", LookupOutcome.NO_DATA),
    )
    where = f"{DOMAIN}._report._dmarc.{name}"
    answer = None
    if isinstance(consent, LookupOutcome):
        answer = Answer(name=where, type="TXT", outcome=consent, detail="scripted")
    elif consent is not None:
        answer = look.found(where, "TXT", consent)
    overrides = records_in(answer) if answer is not None else ()
    return ReportHost(host=name, consent=answer, overrides=overrides, mail=mail or taking)


def bimi(*texts: str, outcome: LookupOutcome = LookupOutcome.NXDOMAIN) -> BimiFacts:
    """A domain with these texts at default._bimi, or what became of the question."""
    where = f"default._bimi.{DOMAIN}"
    answer = look.found(where, "TXT", *texts) if texts else Answer(name=where, type="TXT", outcome=outcome)
    return BimiFacts(answer=answer, records=tuple(parse_bimi(text) for text in texts if is_bimi(text)))
