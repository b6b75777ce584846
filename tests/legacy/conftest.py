"""Fixtures: the certificates, and the servers by name."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from .catalogue import server
from .certificates import Certificates
from .front import Front


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("legacy"))


@pytest.fixture
def started(certificates: Certificates) -> Iterator[Callable[[str], Front]]:
    """Starts a server by name; it is stopped after the test, which fails when the server did."""
    fronts: list[Front] = []
    with ExitStack() as stack:

        def start(name: str) -> Front:
            front = stack.enter_context(server(name).start(certificates))
            fronts.append(front)
            return front

        yield start
    faults = [fault for front in fronts for fault in front.faults]
    if faults:
        raise ExceptionGroup("the server itself went wrong", [f for f in faults if isinstance(f, Exception)])
