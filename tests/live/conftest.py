"""Fixtures of the live lab. Without Postfix and Dovecot its tests are skipped, or fail where they are demanded."""

import shutil
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

import pytest

from .audited import Outcome, audited_places
from .audits import Audits, audit_group
from .catalogue import Catalogue
from .catalogue import catalogue as read_catalogue
from .installed import skip_or_fail, why_not
from .lab import Lab, running_lab
from .recorded import keep_places
from .standard import MailServer, debian_default, hardened


@pytest.fixture(scope="session")
def servers_installed() -> None:
    """Skip, or fail where the servers are demanded."""
    reason = why_not()
    if reason is not None:
        skip_or_fail(reason)


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return read_catalogue()


@pytest.fixture(scope="session")
def lab(servers_installed: None, catalogue: Catalogue) -> Iterator[Lab]:
    """All servers of the catalogue, running."""
    with running_lab(catalogue) as lab:
        yield lab


@pytest.fixture(scope="session")
def hardened_server(servers_installed: None, catalogue: Catalogue) -> Iterator[MailServer]:
    """A well-kept server on 25, 587, 465 and 993."""
    with hardened(catalogue) as server:
        yield server


@pytest.fixture(scope="session")
def strict_server(servers_installed: None, catalogue: Catalogue) -> Iterator[MailServer]:
    """The same, with TLS 1.3 only."""
    with hardened(catalogue, tls13_only=True) as server:
        yield server


@pytest.fixture(scope="session")
def debian_server(servers_installed: None) -> Iterator[MailServer]:
    """Debian's Postfix and Dovecot as installed."""
    with debian_default() as server:
        yield server


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where audits run: outside of this repository, so that none of its configuration applies."""
    directory = tmp_path_factory.mktemp("audits")
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def throttled_run(lab: Lab, runs: Path, catalogue: Catalogue) -> Iterator[Future[Outcome]]:
    """One audit of the servers that slow their clients down or turn them away; it mostly waits, beside the others."""
    places = [lab.places[entry.name] for entry in catalogue.group("throttled")]
    with ThreadPoolExecutor(1) as pool:
        lab.audit_of_throttled = pool.submit(
            audit_group, "throttled", runs / "throttled", places, anchors=lab.authority.anchors
        )
        yield lab.audit_of_throttled


@pytest.fixture(scope="session")
def throttled_audit(throttled_run: Future[Outcome], lab: Lab, catalogue: Catalogue) -> Outcome:
    places = [lab.places[entry.name] for entry in catalogue.group("throttled")]
    return keep_places("throttled", throttled_run.result(), places)


@pytest.fixture
def idle_lab(lab: Lab) -> Lab:
    """The lab while no audit uses up the connections that its throttled servers allow."""
    if lab.audit_of_throttled is not None:
        wait([lab.audit_of_throttled])
    return lab


@pytest.fixture(scope="session")
def audits(request: pytest.FixtureRequest, lab: Lab, runs: Path, catalogue: Catalogue) -> Audits:
    """The audits of all servers that answer at once, profile enterprise."""
    if any("throttled_run" in getattr(item, "fixturenames", ()) for item in request.session.items):
        # It goes on beside these; where no test asks for it, nobody should have to wait for it.
        request.getfixturevalue("throttled_run")
    return Audits(lab, runs, catalogue)


@pytest.fixture(scope="session")
def strict_audit(lab: Lab, runs: Path, catalogue: Catalogue) -> Outcome:
    """One audit of the servers that say something about profile enterprise-strict."""
    places = [lab.places[entry.name] for entry in catalogue.entries if entry.strict is not None]
    outcome = audited_places(runs / "strict", places, anchors=lab.authority.anchors, profile="enterprise-strict")
    return keep_places("strict", outcome, places)
