"""TLS reports: whether senders can say that they could not deliver by TLS (RFC 8460)."""

from __future__ import annotations

from smtp_audit.control import Medium, Rule, Verdict, control, fail, not_applicable, passed
from smtp_audit.facts.endpoint import Domain
from smtp_audit.facts.mta_sts import ReportDestination, TlsRptFacts
from smtp_audit.facts.mx_hosts import NO_MAIL
from smtp_audit.published.mail_exchanger import exchanges
from smtp_audit.published.tls_rpt import parse_record

_NONE_TO_JUDGE = "there is no record that can be read; tls-rpt-record judges that"
_REMEDY = {
    "dns": '_smtp._tls.example.com. IN TXT "v=TLSRPTv1; rua=mailto:tls-reports@example.com"',
    "any": "name a mailbox or a web address that is read; several stand in one rua with commas between them",
}


@control(
    "tls-rpt-record",
    title="The domain asks for TLS reports with a valid record",
    expects="_smtp._tls.DOMAIN has exactly one TXT record that begins with v=TLSRPTv1; and its rua names mailto: or "
    "https: addresses",
    subject=Domain,
    needs=TlsRptFacts,
    spec=("RFC 8460 section 3",),
    remedy=_REMEDY,
    medium=Medium.DNS,
)
def record(facts: TlsRptFacts, rule: Rule) -> Verdict:
    """Only senders see that a delivery failed for TLS, by mistake or by attack: without reports nobody learns of it.

    A record that they cannot read is as good as none.
    """
    if facts.mx.none:
        return not_applicable(NO_MAIL)
    answer = facts.record.require()
    name = f"_smtp._tls.{facts.domain}"
    publish = f'publish: {name}. IN TXT "v=TLSRPTv1; rua=mailto:tls-reports@{facts.domain}"'
    if not facts.candidates:
        if facts.discarded:
            return fail(f"the record at {name} does not begin with v=TLSRPTv1;", evidence=(str(answer), publish))
        facts.mx.answer.require()
        return fail(f"no TLS-RPT record at {name}", evidence=(str(answer), publish))
    if len(facts.candidates) > 1:
        many = f"{len(facts.candidates)} TLS-RPT records at {name}: senders take that for none"
        return fail(many, evidence=(str(answer),))
    read = parse_record(facts.candidates[0])
    problems = [*read.problems, *(f"has an address that {d.problem}: {d.uri}" for d in read.destinations if d.problem)]
    if problems:
        return fail(f"the record at {name} {problems[0]}", evidence=(str(answer), *problems, publish))
    return passed(f"reports go to {', '.join(d.uri for d in read.destinations)}", evidence=(str(answer),))


@control(
    "tls-rpt-destination",
    title="TLS reports can arrive where they are sent to",
    expects="each domain in rua takes mail, and each web host has an address",
    subject=Domain,
    needs=TlsRptFacts,
    spec=("RFC 8460 section 3", "RFC 8460 section 5.3"),
    remedy={**_REMEDY, "any": "name a mailbox of a domain that has MX records, or a web host that exists"},
    medium=Medium.DNS,
)
def destination(facts: TlsRptFacts, rule: Rule) -> Verdict:
    """Reports to a domain without mail are lost, and with them the news that TLS fails.

    A domain that expired is worse: whoever takes it next reads them.
    """
    if facts.mx.none:
        return not_applicable(NO_MAIL)
    facts.record.require()
    if len(facts.candidates) != 1 or not any(each.answers for each in facts.destinations):
        return not_applicable(_NONE_TO_JUDGE)
    faults = [fault for each in facts.destinations if (fault := _fault(each))]
    evidence = [str(answer) for each in facts.destinations for answer in each.answers]
    if faults:
        return fail(faults[0], evidence=(*faults[1:], *evidence))
    for each in facts.destinations:
        _require(each)
    return passed("reports can arrive", evidence=evidence)


def _fault(each: ReportDestination) -> str:
    host, answers = each.destination.host, {answer.type: answer for answer in each.answers}
    if not answers:
        return ""
    exchange = answers.get("MX")
    if exchange is not None and exchange.found:
        return f"{host} says that it takes no mail (null MX)" if exchanges(exchange.records) == ("",) else ""
    if all(answer.absent for answer in answers.values()):
        return f"{host} takes no mail: neither MX nor address" if exchange is not None else f"{host} has no address"
    return ""


def _require(each: ReportDestination) -> None:
    """Raises Undetermined when what the judgement rests on was not answered: the MX records, or any address."""
    exchange = next((answer for answer in each.answers if answer.type == "MX"), None)
    if exchange is not None and exchange.require().found:
        return
    if not any(answer.found for answer in each.answers):
        for answer in each.answers:
            answer.require()
