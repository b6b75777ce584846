"""The matrix of a domain: made when everything it rests on is there, and of everything that is there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from smtp_audit import gather
from smtp_audit.configuration.model import Config
from smtp_audit.derived import compared_domain
from smtp_audit.facts.certificate import CertificateFacts
from smtp_audit.facts.endpoint import Domain, Endpoint, Role
from smtp_audit.facts.lookup import LookupOutcome
from smtp_audit.facts.matrix import MATRIX_NEEDS, MatrixFacts, matrix
from smtp_audit.facts.observation import Absence, Facts, Observation
from smtp_audit.facts.snapshot import Snapshot
from smtp_audit.gather import Gathering
from smtp_audit.probes.domain import lookups
from smtp_audit.probes.wire import PeerError
from tests import trust_factories as trust
from tests.facts_factories import (
    HOST,
    NO_TLS_CERTIFICATES,
    NOW,
    absent,
    certificate,
    certificates,
    endpoint,
    issuer,
    seen,
)
from tests.lookup_factories import resolver
from tests.probes.domain.zone import Zone

DOMAIN = Domain(name=trust.DOMAIN)
MX = endpoint()


def observation(facts: Facts) -> Observation:
    return Observation(kind=facts.kind, subject=DOMAIN.key, facts=facts, started=NOW, finished=NOW)


def about(**missing: str) -> dict[str, Observation]:
    """All that the matrix needs to know of the domain, but for the kinds that are missing, with the reason."""
    facts: tuple[Facts, ...] = (trust.dane(), trust.sts(), trust.caa(), resolver())
    found = {each.kind: observation(each) for each in facts}
    assert set(found) == {need.kind for need in MATRIX_NEEDS}
    for kind, reason in missing.items():
        gone = {"kind": kind, "subject": DOMAIN.key, "absence": Absence.BROKEN, "reason": reason}
        found[kind] = Observation(**gone, started=NOW, finished=NOW)
    return found


def test_each_mx_host_has_a_row_with_all_that_is_known() -> None:
    leaf = certificate(spki_sha256=trust.KEY, issuer_organisations=("Let's Encrypt",))
    found = matrix(about(), [(MX, seen(certificates(leaf, issuer())))])
    assert found is not None
    (row,) = found.rows
    (chain,) = row.chains
    assert (row.host, row.unseen, chain.place) == (HOST, "", f"{HOST}:25 at 192.0.2.25")
    assert (chain.dns_names, chain.trusted, chain.issuer_organisations) == ((HOST,), True, ("Let's Encrypt",))
    assert [member.spki_sha256 for member in chain.members] == [trust.KEY, ""]
    assert row.dane is not None
    assert row.caa is not None
    assert found.sts is not None
    assert found.unknown == {}


def test_other_endpoints_and_hosts_are_left_out() -> None:
    others = [endpoint(Role.IMAPS), endpoint(host="other.example.com")]
    found = matrix(about(), [(each, seen(certificates(), each.key)) for each in others])
    assert found is not None
    assert found.rows[0].chains == ()
    assert "not audited" in found.rows[0].unseen


@pytest.mark.parametrize(
    ("facts", "unseen", "offered"),
    [
        (absent("certificate", Absence.TIMEOUT, "no answer"), "no answer", True),
        (absent("certificate", Absence.CLOSED, "the port is closed"), "the port is closed", True),
        (seen(NO_TLS_CERTIFICATES), "", False),
        (seen(certificates(chain=(), unreadable="bad DER")), "bad DER", True),
    ],
)
def test_a_chain_that_is_not_known_says_why(facts: Observation, unseen: str, offered: bool) -> None:
    found = matrix(about(), [(MX, facts)])
    assert found is not None
    assert [(chain.unseen, chain.offered) for chain in found.rows[0].chains] == [(unseen, offered)]
    assert bool(found.rows[0].troubles) is bool(unseen)


def test_facts_about_the_domain_that_are_missing_say_why() -> None:
    found = matrix(about(dane="broke", caa="late"), [])
    assert found is not None
    assert found.unknown == {"dane": "broke", "caa": "late"}
    assert (found.rows[0].dane, found.rows[0].caa) == (None, None)


def test_without_mx_there_is_no_matrix() -> None:
    gone = about(dane="broke", mta_sts="broke", caa="late")
    assert matrix(gone, []) is None
    placed = compared_domain(DOMAIN, [], lambda kind, subject: (gone[kind],))
    assert placed is not None
    assert (placed.kind, placed.absence, placed.reason) == ("matrix", Absence.BROKEN, "broke")


def test_nothing_is_made_before_all_is_known() -> None:
    known = about()
    certificates_of = {MX.key: (seen(certificates()),)}

    def look(kind: str, subject: str) -> tuple[Observation, ...] | None:
        return (
            certificates_of.get(subject) if kind == CertificateFacts.kind else (known[kind],) if kind in known else None
        )

    assert compared_domain(DOMAIN, [MX], look) is not None
    kept = known.pop("caa")
    assert compared_domain(DOMAIN, [MX], look) is None
    known["caa"] = kept
    del certificates_of[MX.key]
    assert compared_domain(DOMAIN, [MX], look) is None
    assert compared_domain(DOMAIN, [endpoint(Role.IMAPS)], look) is not None


# In a gathering


class Shows:
    """In place of the inspection of an endpoint: it shows a certificate."""

    began = datetime.now(UTC)

    def __init__(self, approach: Any, wanted: tuple[str, ...], emit: Any, progress: Any) -> None:
        self.wanted, self._emit, self._approach = wanted, emit, approach

    async def run(self) -> None:
        for kind in self.wanted:
            what = certificates() if kind == CertificateFacts.kind else PeerError(Absence.DROPPED, "as told")
            self._emit(kind, what, self._approach.transcript(), self.began)

    def rest(self, trouble: PeerError) -> Iterator[tuple[str, Any, Any]]:
        for kind in self.wanted:
            yield kind, trouble, self._approach.transcript()


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Zone:
    zone = Zone({("example.com", "MX"): [f"10 {HOST}.", f"20 {trust.OTHER}."], (HOST, "A"): ["192.0.2.25"]})
    monkeypatch.setattr(gather, "Inspection", Shows)
    monkeypatch.setattr(lookups, "Lookups", lambda servers: zone)
    return zone


def gathered(*subjects: Endpoint | Domain, kinds: tuple[str, ...] = (MatrixFacts.kind,)) -> Snapshot:
    asked = frozenset((kind, DOMAIN.key) for kind in kinds)
    return Gathering(Config(), subjects, kinds=asked).start().finish()


def test_a_gathering_makes_the_matrix_of_the_endpoints_that_it_has(zone: Zone) -> None:
    mx = endpoint(address="127.0.0.1")
    snapshot = gathered(DOMAIN, mx, endpoint(Role.IMAPS, address="127.0.0.1"))
    (placed,) = snapshot.about("matrix", DOMAIN.key)
    assert isinstance(placed.facts, MatrixFacts)
    assert [row.host for row in placed.facts.rows] == [HOST, trust.OTHER]
    assert [len(row.seen) for row in placed.facts.rows] == [1, 0]
    assert snapshot.about("certificate", mx.key)
    assert snapshot.about("certificate", f"{HOST}:993") == ()
    assert Snapshot.parse(snapshot.dump()) == snapshot


def test_without_the_matrix_no_endpoint_is_looked_at(zone: Zone) -> None:
    snapshot = gathered(DOMAIN, endpoint(address="127.0.0.1"), kinds=("dane",))
    assert {o.kind for o in snapshot.observations} == {"dane"}


def test_a_domain_without_endpoints_has_a_matrix_that_says_so(zone: Zone) -> None:
    (placed,) = gathered(DOMAIN).about("matrix", DOMAIN.key)
    assert isinstance(placed.facts, MatrixFacts)
    assert [bool(row.unseen) for row in placed.facts.rows] == [True, True]


def test_an_endpoint_whose_host_has_no_address_is_waited_for(zone: Zone, monkeypatch: pytest.MonkeyPatch) -> None:
    async def nowhere(config: Config, host: str) -> Any:
        return gather.Addresses((), "no address")

    monkeypatch.setattr(gather, "addresses_of", nowhere)
    (placed,) = gathered(DOMAIN, endpoint()).about("matrix", DOMAIN.key)
    assert isinstance(placed.facts, MatrixFacts)
    assert placed.facts.rows[0].chains[0].unseen == "no address"


def test_who_takes_the_mail_may_be_unknown(zone: Zone) -> None:
    zone.content["example.com", "MX"] = LookupOutcome.SERVFAIL
    (placed,) = gathered(DOMAIN, endpoint(address="127.0.0.1")).about("matrix", DOMAIN.key)
    assert isinstance(placed.facts, MatrixFacts)
    assert placed.facts.rows == ()
    assert not placed.facts.mx.none
