"""Fixtures: the certificates, and a peer put on stage for one test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

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
