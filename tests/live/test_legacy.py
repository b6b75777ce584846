"""The servers with old TLS, audited: each is caught by the controls that its fault breaks, and by no others.

They are this process's own and need neither root nor Postfix.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.legacy.catalogue import SERVERS, Server
from tests.legacy.certificates import Certificates
from tests.legacy.front import Front

from .audited import Outcome, audited_places
from .catalogue import Catalogue, Entry, sound_name
from .lab import Place
from .network import Block
from .test_mutants import check

pytestmark = pytest.mark.live

DOMAIN = "legacy.example"


@pytest.fixture(scope="session")
def legacy_certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("legacy"))


@pytest.fixture(scope="session")
def legacy_places(legacy_certificates: Certificates, catalogue: Catalogue) -> Iterator[dict[str, Place]]:
    """All of them, running, an address each."""
    sound = next(entry for entry in catalogue.entries if entry.name == sound_name("mx"))
    block = Block()
    fronts: list[Front] = []
    places: dict[str, Place] = {}
    with ExitStack() as stack:
        stack.callback(block.release)
        for number, server in enumerate(SERVERS):
            front = stack.enter_context(server.start(legacy_certificates, block.address(1 + number)))
            fronts.append(front)
            places[server.name] = Place(
                _entry(server, sound.role_passes), front.address, front.port, f"mail{number}.{DOMAIN}"
            )
        yield places
    faults = [fault for front in fronts for fault in front.faults if isinstance(fault, Exception)]
    if faults:
        raise ExceptionGroup("a server itself went wrong", faults)


def _entry(server: Server, passes: frozenset[str]) -> Entry:
    return Entry(
        name=server.name,
        role="mx",
        server="legacy",
        what=server.what,
        must_fail=server.must_fail,
        role_passes=passes,
        # A client that gets through no handshake sees little of the rest.
        indeterminate=not server.finishes,
    )


@pytest.fixture(scope="session")
def legacy_audit(legacy_places: dict[str, Place], legacy_certificates: Certificates, runs: Path) -> Outcome:
    """One audit of all of them."""
    return audited_places(runs / "legacy", list(legacy_places.values()), anchors=legacy_certificates.anchors)


@pytest.mark.parametrize("name", [server.name for server in SERVERS])
def test_is_caught_by_the_right_controls_only(
    legacy_audit: Outcome, legacy_places: dict[str, Place], name: str
) -> None:
    place = legacy_places[name]
    check(legacy_audit, place, must_fail=place.entry.must_fail, must_pass=place.entry.must_pass)
