"""The matrix of a domain as the report shows it: in words that agree with the facts, and harmless."""

from __future__ import annotations

import pytest

from smtp_audit.facts.endpoint import Domain
from smtp_audit.facts.lookup import LookupOutcome
from smtp_audit.facts.matrix import MatrixFacts
from smtp_audit.facts.observation import Absence, Observation
from smtp_audit.report.domain.entries import domains_of
from smtp_audit.report.domain.model import Agreement, DomainMatrix, MatrixCell, MatrixLine
from smtp_audit.report.html import render
from smtp_audit.report.words import AGREEMENT
from tests import facts_factories as make
from tests import trust_factories as trust
from tests.factories import make_report
from tests.lookup_factories import found, resolver, unanswered
from tests.report.page import Page, assert_sound

DOMAIN = Domain(name=trust.DOMAIN)
AGREES, DIFFERS, UNKNOWN, NOTHING = Agreement


def shown(facts: MatrixFacts) -> DomainMatrix:
    observation = make.seen(facts, DOMAIN.key, None)
    (entry,) = domains_of(make.snapshot(observation, subjects=(DOMAIN,)))
    return entry


def line(facts: MatrixFacts) -> MatrixLine:
    (found,) = shown(facts).lines
    return found


def told(cells: tuple[MatrixCell, ...]) -> list[tuple[Agreement, str]]:
    return [(cell.agreement, cell.words) for cell in cells]


def test_all_agrees() -> None:
    entry = shown(trust.matrix())
    assert entry.policy.startswith("mode enforce")
    (row,) = entry.lines
    for cells in (row.certificate, row.mta_sts, row.tlsa, row.caa, row.dnssec):
        assert {cell.agreement for cell in cells} == {AGREES}
    assert told(row.tlsa) == [(AGREES, "3 1 1 matches")]
    assert [cell.words for cell in row.dnssec] == ["MX secure", "A secure", "TLSA secure"]


def test_all_differs() -> None:
    chain = trust.shown(dns_names=("www.example.com",), issuer_organisations=("DigiCert Inc",))
    bogus = unanswered(make.HOST, "A", LookupOutcome.BOGUS)
    row = trust.row(chain, dane=trust.dane_host(f"3 1 1 {trust.NEXT}", addresses=(bogus,)))
    policy = trust.sts_policy("mode: enforce", "max_age: 1", "mx: mx.example.com")
    seen = line(trust.matrix(row, sts=policy))
    assert told(seen.certificate) == [(DIFFERS, "has other names")]
    assert told(seen.mta_sts) == [(DIFFERS, "not named by the policy")]
    assert told(seen.tlsa) == [(DIFFERS, "no record matches")]
    assert told(seen.caa) == [(DIFFERS, "does not allow the issuer")]
    assert (DIFFERS, "A bogus") in told(seen.dnssec)


def test_nothing_is_published() -> None:
    bare = trust.row(trust.shown(), dane=trust.no_tlsa(), caa=trust.climb(make.HOST))
    seen = line(trust.matrix(bare, sts=trust.NO_STS))
    assert told(seen.mta_sts) == [(NOTHING, "no policy")]
    assert told(seen.tlsa) == [(NOTHING, "no record")]
    assert told(seen.caa) == [(NOTHING, "no record")]
    no_tls = trust.row(trust.shown(offered=False, **trust.NO_CHAIN))
    assert told(line(trust.matrix(no_tls)).certificate) == [(NOTHING, "no TLS")]


def test_what_is_not_known_says_why() -> None:
    seen = shown(trust.matrix(trust.unaudited(make.HOST), sts=None, unknown={"mta_sts": "broke"})).lines[0]
    assert told(seen.certificate) == told(seen.tlsa) == told(seen.caa) == [(UNKNOWN, "not known")]
    assert (seen.mta_sts[0].agreement, seen.mta_sts[0].note) == (UNKNOWN, "broke")
    lost = trust.row(dane=None, caa=trust.CAA_FAILED)
    seen = line(trust.matrix(lost, unknown={"dane": "late"}))
    assert (seen.tlsa[0].agreement, seen.tlsa[0].note) == (UNKNOWN, "late")
    assert (seen.caa[0].agreement, "SERVFAIL" in seen.caa[0].note) == (UNKNOWN, True)


@pytest.mark.parametrize(("validates", "agreement"), [(True, NOTHING), (False, UNKNOWN), (None, UNKNOWN)])
def test_not_signed_and_not_checked_are_told_apart(validates: bool | None, agreement: Agreement) -> None:
    row = trust.row(dane=trust.dane_host(addresses=(found(make.HOST, "A", "192.0.2.1"),)))
    seen = line(trust.matrix(row, resolver=resolver(validates=validates)))
    assert seen.dnssec[1].agreement is agreement


def test_a_domain_without_rows_says_why() -> None:
    entry = shown(trust.matrix(mx=trust.NULL_MX))
    assert entry.nothing is not None
    assert entry.nothing.agreement is NOTHING
    lost = trust.matrix(mx=trust.mx_failed()).model_copy(update={"rows": ()})
    entry = shown(lost)
    assert entry.nothing is not None
    assert entry.nothing.note == "SERVFAIL"
    gone = Observation(
        kind="matrix", subject=DOMAIN.key, absence=Absence.BROKEN, reason="broke", started=make.NOW, finished=make.NOW
    )
    (entry,) = domains_of(make.snapshot(gone, subjects=(DOMAIN,)))
    assert entry.nothing is not None
    assert entry.nothing.note == "broke"
    assert domains_of(make.snapshot()) == ()


def test_every_agreement_has_words_and_a_sign() -> None:
    assert set(AGREEMENT) == set(Agreement)
    assert all(word.symbol and word.meaning for word in AGREEMENT.values())


def test_the_page_has_a_row_for_each_mx_host() -> None:
    entry = shown(trust.matrix(trust.row(), trust.unaudited()))
    page = Page(render(make_report(domains=(entry,))))
    assert_sound(page)
    rows = [e.text for e in page.elements if e.tag == "th" and e.attributes.get("scope") == "row"]
    start = rows.index(make.HOST)
    assert rows[start : start + 2] == [make.HOST, trust.OTHER]
    assert "Mail domains" not in render(make_report())


def test_hostile_text_stays_text() -> None:
    evil = '"><script>alert(1)</script>\x1b'
    cell = MatrixCell(words=evil, note=evil, agreement=DIFFERS)
    cells = (cell,)
    row = MatrixLine(host=evil, certificate=cells, mta_sts=cells, tlsa=cells, caa=cells, dnssec=cells)
    page = render(make_report(domains=(DomainMatrix(domain=evil, policy=evil, lines=(row,), nothing=cell),)))
    assert "<script>" not in page
    assert "\x1b" not in page
    assert_sound(Page(page))
