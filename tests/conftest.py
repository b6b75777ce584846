"""How the tests are spread over workers, as `make test` has them."""

from __future__ import annotations

import zlib

import pytest
from xdist.scheduler import LoadScopeScheduling

LIVE = "tests/live/"
"""These share servers and audits that take minutes to make, and are parted by what they wait for; see `_live`."""


class _ByFile(LoadScopeScheduling):
    """Each file to one worker; the live tests in eleven parts, which `make test` runs six and five at a time."""

    def _split_scope(self, nodeid: str) -> str:
        path, _, test = nodeid.partition("::")
        return _live(path, test) if path.startswith(LIVE) else path


def _live(path: str, test: str) -> str:
    """The part that a live test belongs to: each is run by one worker, with a lab of its own.

    Audits of servers that answer at once keep a processor busy. Those of servers that are given wrong passwords or left
    silent wait, mostly, and so does the second judge, whose servers are three parts. The live DNS and the programs that
    are played with need no mail server; those wait for silent servers, mostly, and are three parts.
    """
    for part in ("dns", "templates"):
        if path.startswith(f"{LIVE}{part}/"):
            return f"{LIVE}{part}"
    if path.startswith(f"{LIVE}clients/"):
        return f"{LIVE}clients{zlib.crc32(test.encode()) % 3}"
    file = path.rpartition("/")[2]
    if file == "test_mutants.py":
        return f"{LIVE}waiting" if test.startswith("test_is_caught_with_everything_allowed") else f"{LIVE}audits"
    if file == "test_throttling.py":
        return f"{LIVE}waiting"
    if test.startswith("test_shows_its_fault_and_no_other"):
        return f"{LIVE}judge{zlib.crc32(test.encode()) % 3}"
    return f"{LIVE}rest"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling:
    """Called in the controller when there are workers."""
    return _ByFile(config, log)
