"""Whether processes that a test has seen are gone."""

from __future__ import annotations

import time
from pathlib import Path


def alive(pid: int) -> bool:
    """Whether there is such a process. A zombie that its new parent has not fetched yet is dead enough."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until_dead(pid: int) -> None:
    """Raises AssertionError when it is there after two seconds."""
    for _ in range(100):
        if not alive(pid):
            return
        time.sleep(0.02)
    raise AssertionError(f"process {pid} lives on")
