"""How the tests are spread over workers (`pytest -n 2`, as `make test` has it)."""

from __future__ import annotations

import pytest
from xdist.scheduler import LoadScopeScheduling

LIVE = "tests/live/"
"""These share servers and audits that take minutes to make: one worker has them all."""


class _ByFile(LoadScopeScheduling):
    """Each file to one worker; the live tests together."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return LIVE if path.startswith(LIVE) else path


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling:
    """Called in the controller when there are workers."""
    return _ByFile(config, log)
