"""The servers with old TLS, audited: each is caught by the controls that its fault breaks, and by no others."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.legacy.catalogue import SERVERS
from tests.legacy.certificates import Certificates

from . import old_tls
from .audited import Outcome, audited_places
from .catalogue import Catalogue
from .lab import Place
from .recorded import keep_places
from .test_mutants import check

pytestmark = pytest.mark.live


@pytest.fixture(scope="session")
def legacy_certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("legacy"))


@pytest.fixture(scope="session")
def legacy_places(legacy_certificates: Certificates, catalogue: Catalogue) -> Iterator[dict[str, Place]]:
    with old_tls.running(SERVERS, legacy_certificates, catalogue) as places:
        yield places


@pytest.fixture(scope="session")
def legacy_audit(legacy_places: dict[str, Place], legacy_certificates: Certificates, runs: Path) -> Outcome:
    """One audit of all of them."""
    places = list(legacy_places.values())
    outcome = _about_tls(audited_places(runs / "legacy", places, anchors=legacy_certificates.anchors))
    return keep_places("legacy", outcome, places)


def _about_tls(outcome: Outcome) -> Outcome:
    """Without the conversations, which these servers hold badly."""
    records = [record for record in outcome.records if record["control"] not in old_tls.CONVERSED]
    return replace(outcome, report={**outcome.report, "records": records})


@pytest.mark.parametrize("name", [server.name for server in SERVERS])
def test_is_caught_by_the_right_controls_only(
    legacy_audit: Outcome, legacy_places: dict[str, Place], name: str
) -> None:
    place = legacy_places[name]
    check(legacy_audit, place, must_fail=place.entry.must_fail, must_pass=place.entry.must_pass)
