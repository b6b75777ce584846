"""How the tests are spread over workers (`pytest -n 2`, as `make test` has it)."""

from __future__ import annotations

import pytest
from xdist.scheduler import LoadScopeScheduling

LIVE = "tests/live/"
"""These share servers and audits that take minutes to make, and so as few workers as can be."""

AUDITS = frozenset({"test_mutants.py", "test_throttling.py"})
"""Of these tests those that wait for the audits of the whole catalogue: a worker has them to itself, while another
looks at the same servers with the second judge, and at all others."""


class _ByFile(LoadScopeScheduling):
    """Each file to one worker; of the live tests the audits of the catalogue together, and all others."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        if not path.startswith(LIVE):
            return path
        return f"{LIVE}audits" if path.rpartition("/")[2] in AUDITS else LIVE


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling:
    """Called in the controller when there are workers."""
    return _ByFile(config, log)
