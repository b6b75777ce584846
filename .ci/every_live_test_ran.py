"""Exit with an error when a live test was skipped, or none was run: a skip proves nothing and is no pass."""

import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

LIVE = ("tests.live", "tests.lab", "tests.probes.client")
"""Where tests talk to real servers or programs, or run real tools."""


def faults(*records: Path) -> list[str]:
    """What is wrong with the runs that these files record, as far as the live tests go."""
    cases = [
        case
        for junit in records
        for case in ElementTree.parse(junit).getroot().iter("testcase")  # noqa: S314 (pytest has just written it)
        # A module that is skipped as a whole has its name in `name`.
        if case.get("classname", "").startswith(LIVE) or case.get("name", "").startswith(LIVE)
    ]
    if not cases:
        return ["no live test was run"]
    return [
        f"skipped: {case.get('classname')}::{case.get('name')}: {skip.get('message')}"
        for case in cases
        for skip in case.iter("skipped")
        if skip.get("type") != "pytest.xfail"
    ]


if __name__ == "__main__":
    found = faults(*map(Path, sys.argv[1:]))
    sys.exit("\n".join(found) if found else 0)
