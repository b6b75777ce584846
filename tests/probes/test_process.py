"""Processes that are started here: nothing of them outlives whoever started them."""

from __future__ import annotations

import asyncio
import os
import sys

import pytest

from smtp_audit.probes.process import start
from tests.processes import alive, wait_until_dead

WITH_CHILD = "import os, sys, time; pid = os.fork(); pid and open(sys.argv[1], 'w').write(str(pid)); time.sleep(60)"


def test_cancelled_while_it_starts_its_children_are_ended_too(tmp_path, monkeypatch):
    """The program may be at work before asyncio has its pipes: what it started then lived on."""
    noted = tmp_path / "pid"
    real = asyncio.create_subprocess_exec

    async def late(*argv, **options):
        process = await real(*argv, **options)
        while not (noted.exists() and noted.read_text()):  # noqa: ASYNC110 (a file of another process)
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", late)

    async def cancelled() -> None:
        starting = asyncio.create_task(start(sys.executable, "-c", WITH_CHILD, str(noted)))
        while not (noted.exists() and noted.read_text()):  # noqa: ASYNC110 (a file of another process)
            await asyncio.sleep(0.01)
        starting.cancel()
        await starting

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancelled())
    child = int(noted.read_text())
    try:
        wait_until_dead(child)
    finally:
        if alive(child):
            os.kill(child, 9)


def test_what_cannot_be_started_is_told():
    with pytest.raises(FileNotFoundError):
        asyncio.run(start("/nowhere/program"))
