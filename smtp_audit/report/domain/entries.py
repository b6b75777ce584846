"""From a snapshot to the matrix of each mail domain."""

from __future__ import annotations

from collections.abc import Callable

from smtp_audit.errors import Undetermined
from smtp_audit.facts.dane import CaaFacts, DaneFacts
from smtp_audit.facts.endpoint import Domain
from smtp_audit.facts.lookup import LookupOutcome
from smtp_audit.facts.matrix import MatrixFacts, MatrixRow, ShownChain
from smtp_audit.facts.mta_sts import MtaStsFacts
from smtp_audit.facts.snapshot import Snapshot
from smtp_audit.hostnames import matching_name
from smtp_audit.published.caa import issuers_for
from smtp_audit.published.caa_issuers import caa_domains
from smtp_audit.report.domain.model import Agreement, DomainMatrix, MatrixCell, MatrixLine

Cells = tuple[MatrixCell, ...]


def domains_of(snapshot: Snapshot) -> tuple[DomainMatrix, ...]:
    """One entry for every domain whose matrix was asked for, in the order of the subjects."""
    found: list[DomainMatrix] = []
    for domain in (subject for subject in snapshot.subjects if isinstance(subject, Domain)):
        for observation in snapshot.about(MatrixFacts.kind, domain.key):
            facts = observation.facts
            if isinstance(facts, MatrixFacts):
                found.append(_matrix(facts))
            else:
                why = observation.reason or "no facts"
                found.append(DomainMatrix(domain=domain.name, nothing=_unknown("not known", why)))
    return tuple(found)


def _cell(words: str, note: str, agreement: Agreement) -> MatrixCell:
    return MatrixCell(words=words, note=note, agreement=agreement)


def _agrees(words: str, note: str = "") -> MatrixCell:
    return _cell(words, note, Agreement.AGREES)


def _differs(words: str, note: str = "") -> MatrixCell:
    return _cell(words, note, Agreement.DIFFERS)


def _unknown(words: str, note: str = "") -> MatrixCell:
    return _cell(words, note, Agreement.UNKNOWN)


def _nothing(words: str, note: str = "") -> MatrixCell:
    return _cell(words, note, Agreement.NOTHING)


def _matrix(facts: MatrixFacts) -> DomainMatrix:
    policy = facts.sts.policy if facts.sts is not None else None
    shown = str(policy) if policy is not None else ""
    if facts.nothing:
        return DomainMatrix(domain=facts.domain, policy=shown, nothing=_nothing("no MX host", facts.nothing))
    if not facts.rows:
        why = facts.mx.answer.trouble or "no host was found"
        return DomainMatrix(domain=facts.domain, policy=shown, nothing=_unknown("the MX hosts are not known", why))
    return DomainMatrix(domain=facts.domain, policy=shown, lines=tuple(_line(facts, row) for row in facts.rows))


def _line(facts: MatrixFacts, row: MatrixRow) -> MatrixLine:
    return MatrixLine(
        host=row.host,
        certificate=_each(row, lambda chain: _certificate(row, chain)),
        mta_sts=(_mta_sts(facts, row),),
        tlsa=_tlsa(facts, row),
        caa=_caa(facts, row),
        dnssec=_dnssec(facts, row),
    )


def _unseen(chain: ShownChain) -> MatrixCell | None:
    """Why a chain cannot be compared, if so."""
    if chain.unseen:
        return _unknown("not known", f"{chain.place}: {chain.unseen}")
    return None if chain.offered else _nothing("no TLS", chain.place)


def _each(row: MatrixRow, compare: Callable[[ShownChain], MatrixCell]) -> Cells:
    """A cell for each chain; several that say the same become one."""
    if not row.chains:
        return (_unknown("not known", row.unseen),)
    cells = (_unseen(chain) or compare(chain) for chain in row.chains)
    return tuple(dict.fromkeys(cells))


def _certificate(row: MatrixRow, chain: ShownChain) -> MatrixCell:
    named = matching_name(row.host, chain.dns_names, chain.ip_addresses)
    if named is not None:
        return _agrees("names the host", named)
    names = ", ".join((*chain.dns_names, *chain.ip_addresses)) or "no name at all"
    return _differs("has other names", names)


def _mta_sts(facts: MatrixFacts, row: MatrixRow) -> MatrixCell:
    if facts.sts is None:
        return _unknown("not known", facts.unknown.get(MtaStsFacts.kind, ""))
    try:
        if not facts.sts.published:
            return _nothing("no policy", "there is no record")
        if facts.sts.without_policy:
            return _nothing("no policy", str(facts.sts.fetch or facts.sts.unfetched))
        policy = facts.sts.require_policy()
    except Undetermined as reason:
        return _unknown("not known", str(reason))
    pattern = policy.pattern_for(row.host)
    if policy.mode == "none":
        return _nothing("mode none", "senders compare nothing")
    return _differs("not named by the policy") if pattern is None else _agrees("named by the policy", f"mx: {pattern}")


def _tlsa(facts: MatrixFacts, row: MatrixRow) -> Cells:
    host = row.dane
    if host is None or host.chosen is None or not host.chosen.answered:
        trouble = host.chosen.trouble if host is not None and host.chosen is not None else ""
        return (_unknown("not known", trouble or facts.unknown.get(DaneFacts.kind, "")),)
    if not host.usable:
        return (_nothing("no record that can be used" if host.records else "no record", host.owner),)

    def compare(chain: ShownChain) -> MatrixCell:
        try:
            record = chain.matched_by(host.usable)
        except Undetermined as reason:
            return _unknown("not known", str(reason))
        if record is None:
            return _differs("no record matches", chain.place)
        return _agrees(f"{record.usage} {record.selector} {record.matching} matches", chain.place)

    return _each(row, compare)


def _caa(facts: MatrixFacts, row: MatrixRow) -> Cells:
    try:
        if row.caa is None:
            raise Undetermined(facts.unknown.get(CaaFacts.kind, ""))
        records = row.caa.require()
    except Undetermined as reason:
        return (_unknown("not known", str(reason)),)
    if not records:
        return (_nothing("no record", "any authority may issue"),)

    def compare(chain: ShownChain) -> MatrixCell:
        issuer = ", ".join(chain.issuer_organisations) or chain.members[0].issuer
        name = matching_name(row.host, chain.dns_names, chain.ip_addresses) or ""
        allowed = issuers_for(records, wildcard=name.startswith("*."))
        known = {domain for each in chain.issuer_organisations for domain in caa_domains(each)}
        if chain.self_issued:
            return _nothing("self-issued", "no authority had a part in it")
        if allowed is None:
            return _nothing("no restriction", issuer)
        if known & set(allowed):
            return _agrees("allows the issuer", issuer)
        if allowed and not known:
            return _unknown("the authority is not known", f"{issuer}; allowed: {', '.join(allowed)}")
        return _differs("does not allow the issuer", f"{issuer}; allowed: {', '.join(allowed) or 'nobody'}")

    return _each(row, compare)


def _dnssec(facts: MatrixFacts, row: MatrixRow) -> Cells:
    answers = [facts.mx.answer, *((*row.dane.addresses, row.dane.chosen) if row.dane is not None else ())]
    cells: list[MatrixCell] = []
    for answer in (each for each in answers if each is not None and not each.absent):
        if answer.found and answer.secure:
            cells.append(_agrees(f"{answer.type} secure"))
        elif answer.outcome is LookupOutcome.BOGUS:
            cells.append(_differs(f"{answer.type} bogus", answer.detail))
        elif not answer.answered:
            cells.append(_unknown(f"{answer.type} not known", answer.trouble))
        elif facts.resolver is not None and facts.resolver.validates:
            cells.append(_nothing(f"{answer.type} not signed"))
        else:
            cells.append(_unknown(f"{answer.type} not known", "the resolver does not check signatures"))
    return tuple(cells) or (_nothing("no record"),)
