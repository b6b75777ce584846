"""What all processes that are started here have in common: fed, read up to a cap, and ended with all of their group."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from typing import Any


def import_path() -> dict[str, str]:
    """The variable by which a Python process imports what this one does."""
    return {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


async def start(*argv: str, **options: Any) -> asyncio.subprocess.Process:
    """Start a program in a session of its own. Whoever is cancelled meanwhile leaves nothing of it behind.

    asyncio would end the program alone then, and not what that has started already.

    Raises:
        OSError, ValueError: it cannot be started.
    """
    starting = asyncio.ensure_future(asyncio.create_subprocess_exec(*argv, start_new_session=True, **options))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        with contextlib.suppress(OSError, ValueError):
            process = await starting
            signal_group(process)
            close_pipes(process)
        raise


async def feed(process: asyncio.subprocess.Process, data: bytes) -> None:
    """Give it its standard input; one that reads nothing is waited for by nobody but this task."""
    assert process.stdin is not None  # noqa: S101 (it was asked for)
    with contextlib.suppress(ConnectionError, asyncio.CancelledError):
        process.stdin.write(data)
        await process.stdin.drain()
    with contextlib.suppress(Exception):
        process.stdin.close()


async def read_capped(stream: asyncio.StreamReader | None, kept: bytearray, limit: int) -> None:
    """Keep the beginning of what comes; the rest is thrown away, so that nobody blocks on a full pipe."""
    while stream is not None and (data := await stream.read(65536)):
        kept += data[: max(0, limit - len(kept))]


def signal_group(process: asyncio.subprocess.Process, number: signal.Signals = signal.SIGKILL) -> None:
    """Signal a process and its group. It leads a session of its own, so that nobody else's is in it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def close_pipes(process: asyncio.subprocess.Process) -> None:
    """Close the pipes to it, which something that it left running may hold open; nothing public does that."""
    process._transport.close()  # type: ignore[attr-defined]
