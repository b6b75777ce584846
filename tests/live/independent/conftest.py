"""Fixtures of the independent servers. Without them the tests are skipped, or fail where they are demanded."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.audited import Outcome, audited_places
from tests.live.catalogue import Catalogue
from tests.live.installed import skip_or_fail
from tests.live.recorded import keep_places

from .roots import installed
from .running import Running, running
from .site import FOREIGN, OTHER, OWN, PASSWORDS


@pytest.fixture(scope="session")
def independent(catalogue: Catalogue) -> Iterator[Running]:
    """All of them, running."""
    if os.geteuid() != 0:
        skip_or_fail("the independent servers need root: they are in folders to chroot into, on ports below 1024")
    if not installed().exists() or shutil.which("node") is None:
        skip_or_fail("run tests/live/install-servers (missing: the independent servers)")
    with running(catalogue) as servers:
        yield servers


@pytest.fixture(scope="session")
def independent_audit(independent: Running, runs: Path) -> Outcome:
    """One audit of all of them, profile enterprise, with an account for the submission ports and with mailboxes."""
    outcome = audited_places(
        runs / "independent",
        independent.places,
        anchors=independent.anchors,
        user=OWN,
        password=PASSWORDS[OWN],
        tables={"mailboxes": {"own": OWN, "other": OTHER, "foreign": FOREIGN}},
    )
    return keep_places("independent", outcome, independent.places)
