"""The matrix: what each MX host shows agrees with what is published of it. One control for each way to disagree."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from smtp_audit.control import Medium, Rule, Verdict, control, fail, not_applicable, passed
from smtp_audit.errors import Undetermined
from smtp_audit.facts.dane import CaaFacts, DaneFacts, DaneHost
from smtp_audit.facts.endpoint import Domain
from smtp_audit.facts.matrix import MatrixFacts, MatrixRow, ShownChain
from smtp_audit.facts.mta_sts import MtaStsFacts
from smtp_audit.hostnames import matching_name
from smtp_audit.published.caa import issuers_for
from smtp_audit.published.caa_issuers import caa_domains
from smtp_audit.published.mta_sts import StsPolicy
from smtp_audit.published.tlsa import FULL, TRUST_ANCHOR

_NO_TLS = "no MX host shows a certificate; starttls-offered judges that"


@dataclass
class _Findings:
    """What came of comparing every row; a fault that was seen counts before what could not be seen."""

    faults: list[str] = field(default_factory=list)
    unclear: list[str] = field(default_factory=list)
    agreed: list[str] = field(default_factory=list)
    publish: list[str] = field(default_factory=list)

    def verdict(self, agreement: str, nothing: str) -> Verdict:
        """Raises Undetermined when something is unclear and no fault was seen."""
        publish = [f"publish: {text}" for text in dict.fromkeys(self.publish)]
        if self.faults:
            evidence = (*self.faults[1:], *self.unclear, *self.agreed, *publish)
            return fail(self.faults[0], evidence=evidence)
        if self.unclear:
            raise Undetermined("; ".join(dict.fromkeys(self.unclear)))
        if not self.agreed:
            return not_applicable(nothing, evidence=publish)
        return passed(agreement, evidence=self.agreed)


Compare = Callable[[MatrixRow, ShownChain, _Findings], None]


def _compared(rows: Iterable[MatrixRow], compare: Compare) -> _Findings:
    """Compare every chain of the rows."""
    findings = _Findings()
    for row in rows:
        findings.unclear += row.troubles
        for chain in row.chains:
            if not chain.unseen:
                compare(row, chain, findings)
    return findings


def _wrong_name(row: MatrixRow, chain: ShownChain) -> str:
    """Why a certificate does not name its MX host; "" when it does."""
    if matching_name(row.host, chain.dns_names, chain.ip_addresses) is not None:
        return ""
    names = ", ".join((*chain.dns_names, *chain.ip_addresses)) or "none"
    return f"{row.host}: the certificate of {chain.place} has other names: {names}"


def _out_of_date(row: MatrixRow, chain: ShownChain, time: datetime) -> str:
    leaf = chain.members[0]
    if leaf.not_before <= time <= leaf.not_after:
        return ""
    return (
        f"{row.host}: the certificate of {chain.place} is valid from {leaf.not_before:%Y-%m-%d} to "
        f"{leaf.not_after:%Y-%m-%d} only"
    )


@control(
    "matrix-certificate-names",
    title="Each MX host shows a certificate for the name in the MX record",
    expects="every certificate that an MX host shows has the host's name in the MX record",
    subject=Domain,
    needs=MatrixFacts,
    spec=("RFC 8461 section 4.1", "RFC 7672 section 3.2.3", "RFC 9525 section 6.3"),
    remedy={
        "any": "issue the certificate for the name in the MX record, or let the MX record name what the certificate "
        "names",
        "dns": "example.com. IN MX 10 mail.example.com., where the certificate has mail.example.com",
    },
    medium=Medium.PROBE,
)
def certificate_names(facts: MatrixFacts, rule: Rule) -> Verdict:
    """A sender knows the host by its MX record alone: that is the name that the certificate has to have.

    A host that is reached by several names needs a certificate with all of them.
    """
    if facts.nothing:
        return not_applicable(facts.nothing)

    def compare(row: MatrixRow, chain: ShownChain, findings: _Findings) -> None:
        if not chain.offered:
            return
        fault = _wrong_name(row, chain)
        if fault:
            findings.faults.append(fault)
        else:
            findings.agreed.append(f"{row.host}: the certificate of {chain.place} has the name")

    return _compared(facts.require(), compare).verdict("every certificate has the name of its MX host", _NO_TLS)


@control(
    "matrix-mta-sts",
    title="Each MX host shows what the MTA-STS policy asks for",
    expects="every MX host is named by the policy and shows a certificate that is trusted, in date and of its name",
    subject=Domain,
    needs=MatrixFacts,
    spec=("RFC 8461 section 4.1", "RFC 8461 section 4.2"),
    remedy={
        "any": "bring the MX records, the mx lines of the policy and the certificates to the same names; set mode: "
        "testing until they are",
        "dns": '_mta-sts.example.com. IN TXT "v=STSv1; id=20260102000000": a new id whenever the policy changes',
    },
    medium=Medium.PROBE,
)
def mta_sts(facts: MatrixFacts, rule: Rule) -> Verdict:
    """A policy that is enforced and that a host does not fulfil keeps mail out: senders wait, then give up.

    In testing mode it would, as soon as the mode is changed.
    """
    policy = _policy(facts)
    if isinstance(policy, Verdict):
        return policy
    rows = facts.require()
    findings = _compared(rows, lambda row, chain, found: _fulfils(row, chain, found, rule.time))
    uncovered = [row.host for row in rows if policy.pattern_for(row.host) is None]
    findings.faults[:0] = [f"{host}: the policy does not name it" for host in uncovered]
    findings.publish += [f"mx: {host} in the policy, and a new id in the record" for host in uncovered]
    return findings.verdict(f"every MX host fulfils the policy ({policy})", _NO_TLS)


def _policy(facts: MatrixFacts) -> StsPolicy | Verdict:
    if facts.nothing:
        return not_applicable(facts.nothing)
    if facts.sts is None:
        raise Undetermined(f"MTA-STS: {facts.unknown.get(MtaStsFacts.kind) or 'not known'}")
    if not facts.sts.published:
        return not_applicable("there is no MTA-STS record; mta-sts-record judges that")
    if facts.sts.without_policy:
        return not_applicable("there is no policy that can be read; mta-sts-policy judges that")
    policy = facts.sts.require_policy()
    if policy.mode == "none":
        return not_applicable("the mode is none: no sender compares; mta-sts-mode judges that")
    return policy


def _fulfils(row: MatrixRow, chain: ShownChain, findings: _Findings, time: datetime) -> None:
    if not chain.offered:
        findings.faults.append(f"{row.host}: {chain.place} offers no TLS")
        return
    faults = [fault for fault in (_wrong_name(row, chain), _out_of_date(row, chain, time)) if fault]
    if chain.trusted is False:
        faults.append(f"{row.host}: the certificate of {chain.place} is not trusted: {chain.trust_detail}")
    findings.faults += faults
    if chain.trusted is None:
        why = chain.trust_detail or "the chain was not verified"
        findings.unclear.append(f"{row.host}: {chain.place}: {why}")
    elif not faults:
        findings.agreed.append(f"{row.host}: {chain.place}: trusted, in date, and of its name")


@control(
    "matrix-tlsa",
    title="The TLSA records match what each MX host shows",
    expects="every chain that an MX host with TLSA records shows matches one of them",
    subject=Domain,
    needs=MatrixFacts,
    spec=("RFC 7672 section 3.1", "RFC 7671 section 5", "RFC 6698 section 2.1"),
    remedy={
        "dns": "_25._tcp.mail.example.com. IN TLSA 3 1 1 (the SHA-256 of the public key in use, in hex)",
        "any": "publish the record of the key in use beside the old one now; take the old one out when it has left all "
        "caches",
    },
    medium=Medium.PROBE,
)
def tlsa(facts: MatrixFacts, rule: Rule) -> Verdict:
    """Senders that heed DANE do not deliver to a host whose key is not the published one: mail is delayed, then lost.

    With usage 3 names and dates of the certificate do not count (RFC 7671 section 5.1); with usage 2 they do.
    """
    if facts.nothing:
        return not_applicable(facts.nothing)
    findings = _Findings()
    for row in facts.require():
        _compare_tlsa(facts, row, findings, rule.time)
    return findings.verdict(
        "what every MX host shows is published", "no MX host has usable TLSA records; dane-published judges that"
    )


def _compare_tlsa(facts: MatrixFacts, row: MatrixRow, findings: _Findings, time: datetime) -> None:
    host = row.dane
    if host is None or host.chosen is None or not host.chosen.answered:
        trouble = host.chosen.trouble if host is not None and host.chosen is not None else ""
        why = trouble or facts.unknown.get(DaneFacts.kind) or "not known"
        findings.unclear.append(f"{row.host}: its TLSA records: {why}")
        return
    keys = [chain.members[0].spki_sha256 for chain in row.seen if chain.members[0].spki_sha256]
    findings.publish += [f"{host.owner}. IN TLSA 3 1 1 {key}" for key in keys]
    if not host.usable:
        return
    findings.unclear += row.troubles
    for chain in row.chains:
        if not chain.offered:
            findings.faults.append(f"{row.host}: {chain.place} offers no TLS, which its TLSA records promise")
        elif not chain.unseen:
            _match(facts, host, row, chain, findings, time)


def _match(
    facts: MatrixFacts, host: DaneHost, row: MatrixRow, chain: ShownChain, findings: _Findings, time: datetime
) -> None:
    try:
        record = chain.matched_by(host.usable)
    except Undetermined as reason:
        findings.unclear.append(f"{row.host}: {reason}")
        return
    if record is None:
        anchors = [each for each in host.usable if each.usage == TRUST_ANCHOR]
        if chain.cut and anchors:
            findings.unclear.append(f"{row.host}: {chain.place}: {chain.cut}")
        elif any(each.matching == FULL for each in anchors):
            why = "the record holds an authority that the host did not send; whether it issued is not looked at"
            findings.unclear.append(f"{row.host}: {chain.place}: {why}")
        else:
            findings.faults.append(f"{row.host}: no TLSA record matches what {chain.place} shows")
        return
    faults: list[str] = []
    if record.usage == TRUST_ANCHOR:
        accepted = (row.host, facts.domain, host.owner.removeprefix("_25._tcp."))
        if all(matching_name(name, chain.dns_names, chain.ip_addresses) is None for name in accepted):
            faults.append(_wrong_name(row, chain))
        faults += filter(None, [_out_of_date(row, chain, time)])
    findings.faults += faults
    if not faults:
        findings.agreed.append(f"{row.host}: {chain.place} matches {record}")


@control(
    "matrix-caa",
    title="CAA lets the authority in use issue for each MX host",
    expects="the authority that issued each MX host's certificate is one that CAA allows for that name",
    subject=Domain,
    needs=MatrixFacts,
    parameters={"more_issuers": dict[str, list[str]]},
    spec=("RFC 8659 section 3", "RFC 8659 section 4.2", "RFC 8659 section 4.3"),
    remedy={
        "dns": 'example.com. IN CAA 0 issue "letsencrypt.org"',
        "any": "add the authority in use to the CAA records, or change to one that they allow",
    },
    medium=Medium.PROBE,
)
def caa(facts: MatrixFacts, rule: Rule) -> Verdict:
    """An authority that CAA does not allow cannot renew the certificate: the host has an invalid one before long.

    A certificate against the CAA records may also be one that somebody else had issued.
    """
    if facts.nothing:
        return not_applicable(facts.nothing)

    def compare(row: MatrixRow, chain: ShownChain, findings: _Findings) -> None:
        if chain.offered and not chain.self_issued:
            _compare_caa(facts, row, chain, findings, rule["more_issuers"])

    nothing = "no MX host has both an authority's certificate and CAA records that restrict; caa-published judges that"
    return _compared(facts.require(), compare).verdict("CAA allows every authority in use", nothing)


def _compare_caa(
    facts: MatrixFacts, row: MatrixRow, chain: ShownChain, findings: _Findings, more: dict[str, list[str]]
) -> None:
    if row.caa is None:
        findings.unclear.append(f"{row.host}: CAA: {facts.unknown.get(CaaFacts.kind) or 'not known'}")
        return
    try:
        records = row.caa.require()
    except Undetermined as reason:
        findings.unclear.append(f"{row.host}: {reason}")
        return
    name = matching_name(row.host, chain.dns_names, chain.ip_addresses) or ""
    allowed = issuers_for(records, wildcard=name.startswith("*."))
    known = [domain for each in chain.issuer_organisations for domain in (*more.get(each, ()), *caa_domains(each))]
    issuer = ", ".join(chain.issuer_organisations) or chain.members[0].issuer
    if allowed is None:
        findings.publish += [f'{facts.domain}. IN CAA 0 issue "{domain}"' for domain in known[:1]]
    elif not known and allowed:
        findings.unclear.append(
            f"{row.host}: the domain by which CAA knows the authority of {chain.place} is not known: {issuer}"
        )
    elif set(known) & set(allowed):
        findings.agreed.append(f"{row.host}: {issuer} may issue ({', '.join(sorted(set(known) & set(allowed)))})")
    else:
        findings.faults.append(
            f"{row.host}: {chain.place} has a certificate of {issuer}, which CAA does not allow to issue: "
            f"{', '.join(allowed) or 'nobody may'}"
        )
        owner = row.caa.deciding.name if row.caa.deciding is not None else facts.domain
        findings.publish += [f'{owner}. IN CAA 0 issue "{domain}"' for domain in known[:1]]
