"""DMARC: where reports are to go, and whether they can."""

from __future__ import annotations

from smtp_audit.control import Medium, Rule, Verdict, control, fail, not_applicable, passed
from smtp_audit.controls.dmarc import NO_RECORD
from smtp_audit.errors import Undetermined
from smtp_audit.facts.dmarc import DmarcFacts, ReportHost
from smtp_audit.facts.endpoint import Domain

_NO_REPORTS = "no reports are asked for; dmarc-report-addresses judges that"


@control(
    "dmarc-report-addresses",
    title="The domain asks for DMARC reports, at addresses that are right",
    expects="rua has at least one mailto: address, and what rua and ruf have is well-formed",
    subject=Domain,
    needs=DmarcFacts,
    medium=Medium.DNS,
    spec=("RFC 9989 section 4.7", "RFC 9989 section 4.8", "RFC 9989 section 5.1.3"),
    remedy={"any": '_dmarc.example.com. IN TXT "v=DMARC1; p=reject; rua=mailto:dmarc-reports@example.com"'},
)
def report_addresses(dmarc: DmarcFacts, rule: Rule) -> Verdict:
    """Without reports nobody learns that one's own mail fails, or that somebody sends in the domain's name.

    Receivers send them once a day and free of charge to whoever asks with rua.
    """
    record = dmarc.record
    if record is None:
        return not_applicable(NO_RECORD, evidence=dmarc.told())
    evidence = list(dmarc.told())
    wrong = [uri.problem for uri in (*record.rua, *record.ruf) if uri.problem]
    if wrong:
        return fail("; ".join(wrong), evidence=evidence)
    by_mail = [str(uri) for uri in record.rua if uri.scheme == "mailto"]
    if not by_mail:
        place = dmarc.applied.domain
        improved = record.improved()
        if not record.rua:
            improved += f"; rua=mailto:dmarc-reports@{place}"
        evidence.append(f'publish: _dmarc.{place}. IN TXT "{improved}"')
        return fail("rua has no mailto: address" if record.rua else "there is no rua", evidence=evidence)
    return passed(", ".join(by_mail), evidence=evidence)


@control(
    "dmarc-report-authorisation",
    title="Others to whom DMARC reports are to go have agreed",
    expects="for each host in rua and ruf that is another organisation's, DOMAIN._report._dmarc.HOST has a TXT record "
    "v=DMARC1",
    subject=Domain,
    needs=DmarcFacts,
    medium=Medium.DNS,
    spec=("RFC 9990 section 4", "RFC 9991 section 5", "RFC 7489 section 7.1"),
    remedy={
        "any": 'in the zone of the receiver of the reports: example.com._report._dmarc.reports.net. IN TXT "v=DMARC1"'
    },
)
def report_authorisation(dmarc: DmarcFacts, rule: Rule) -> Verdict:
    """Reports to another organisation are sent only when that has agreed in its own DNS; without, they are not sent.

    Otherwise anyone could have them sent to a victim.
    """
    record = dmarc.record
    if record is None:
        return not_applicable(NO_RECORD, evidence=dmarc.told())
    if not record.hosts:
        return not_applicable(_NO_REPORTS, evidence=dmarc.told())
    place = dmarc.applied.domain
    evidence = [*dmarc.told(), *(str(host.consent) for host in dmarc.hosts if host.consent is not None)]
    faults: list[str] = []
    unknown: list[str] = []
    agreed: list[str] = []
    for host in dmarc.hosts:
        try:
            external = dmarc.is_external(host.host)
            fault = _refusal(host) if external else ""
        except Undetermined as reason:
            unknown.append(str(reason))
            continue
        if fault:
            faults.append(fault)
            evidence.append(f'publish: {place}._report._dmarc.{host.host}. IN TXT "v=DMARC1"')
        elif external:
            agreed.append(host.shown)
    if faults:
        return fail("; ".join(faults), evidence=evidence)
    _require_all(dmarc, len(record.hosts), unknown)
    if not agreed:
        return not_applicable("all reports stay within the organisation", evidence=evidence)
    return passed(f"agreed: {', '.join(agreed)}", evidence=evidence)


def _refusal(host: ReportHost) -> str:
    if host.consent is None:
        return ""
    host.consent.require()
    if not host.overrides:
        return f"{host.shown} has not agreed"
    others = [other for record in host.overrides for other in record.hosts if other != host.host]
    return f"{host.shown} sends the reports on to another host, which receivers do not follow" if others else ""


def _require_all(dmarc: DmarcFacts, expected: int, unknown: list[str]) -> None:
    if unknown:
        raise Undetermined("; ".join(unknown))
    if len(dmarc.hosts) < expected:
        raise Undetermined(f"only {len(dmarc.hosts)} of {expected} hosts were looked at")


@control(
    "dmarc-report-domain-takes-mail",
    title="The hosts that DMARC reports go to take mail",
    expects="each host in rua and ruf has a mail exchanger with an address, or an address and no MX record",
    subject=Domain,
    needs=DmarcFacts,
    medium=Medium.DNS,
    spec=("RFC 9990 section 3.5", "RFC 5321 section 5.1", "RFC 7505 section 3"),
    remedy={
        "any": "name a mailbox that exists in rua and ruf; or let the host take mail: "
        "reports.example.com. IN MX 10 mail.example.com."
    },
)
def report_domain_takes_mail(dmarc: DmarcFacts, rule: Rule) -> Verdict:
    """Reports to a host that takes no mail are lost, and their senders will not say so.

    Domains that send nothing often have a null MX, which keeps out their own reports as well.
    """
    record = dmarc.record
    if record is None:
        return not_applicable(NO_RECORD, evidence=dmarc.told())
    by_mail = {uri.host for uri in (*record.rua, *record.ruf) if uri.scheme == "mailto" and not uri.problem}
    if not by_mail:
        return not_applicable(_NO_REPORTS, evidence=dmarc.told())
    hosts = [host for host in dmarc.hosts if host.host in by_mail]
    evidence = [*dmarc.told(), *(str(answer) for host in hosts for answer in host.mail)]
    faults: list[str] = []
    unknown: list[str] = []
    for host in hosts:
        try:
            why = host.refuses_mail
        except Undetermined as reason:
            unknown.append(str(reason))
            continue
        if why:
            faults.append(f"{host.shown} {why}")
    if faults:
        return fail("; ".join(faults), evidence=evidence)
    _require_all(dmarc, len(record.hosts), unknown)
    return passed(f"takes mail: {', '.join(host.shown for host in hosts)}", evidence=evidence)
