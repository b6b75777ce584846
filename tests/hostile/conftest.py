"""Fixtures: the certificates, and a peer put on stage for one test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from smtp_audit.probes import budget

from .audits import LONGEST_PAUSE, Audits
from .catalogue import PEERS
from .certificates import Certificates
from .stage import Stage


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("hostile-certificates"))


@pytest.fixture
def stage(certificates: Certificates) -> Iterator[Callable[[str], Stage]]:
    """Puts the peer of a name on stage; it leaves at the end of the test, which fails if the peer itself broke."""
    with ExitStack() as stack:
        stages: list[Stage] = []

        def put(name: str) -> Stage:
            stages.append(stack.enter_context(Stage(PEERS[name], certificates)))
            return stages[-1]

        yield put
    for each in stages:
        assert not each.faults, each.faults


@pytest.fixture(scope="session")
def audits(
    request: pytest.FixtureRequest, certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Audits]:
    """The audits of all peers whose tests were selected; many of them run together."""
    patch = pytest.MonkeyPatch()
    patch.setattr(budget, "LONGEST_PAUSE", LONGEST_PAUSE)
    order = [name for item in request.session.items if (name := _audited_peer(item))]
    audits = Audits(certificates, tmp_path_factory.mktemp, order)
    yield audits
    audits.close()
    patch.undo()


def _audited_peer(item: pytest.Item) -> str | None:
    callspec = getattr(item, "callspec", None)
    return callspec.params.get("audited_peer") if callspec else None
