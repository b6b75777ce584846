"""Fixtures: the certificates, and a peer put on stage for one test."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from types import MappingProxyType

import pytest

from .audits import Audits
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
    """The audits of all peers whose tests were selected, begun together."""
    ahead = [item.callspec.params["audited_peer"] for item in request.session.items if _about_audit(item)]
    audits = Audits(certificates, tmp_path_factory.mktemp, ahead)
    yield audits
    audits.close()


def _about_audit(item: pytest.Item) -> bool:
    return isinstance(item, pytest.Function) and "audited_peer" in getattr(item, "callspec", _None).params


class _None:
    params: Mapping[str, str] = MappingProxyType({})
