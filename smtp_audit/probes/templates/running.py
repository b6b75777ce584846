"""A short process with a text on its standard input: capped, timed, and killed with all that it started."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from smtp_audit.facts.observation import Absence
from smtp_audit.probes.wire import PeerError
from smtp_audit.wiretext import escape


@dataclass(frozen=True)
class Ended:
    """How a process ended, and what it wrote; `late`: it was killed for its time."""

    status: int | None
    output: bytes
    complaint: str
    late: bool = False
    excessive: bool = False


async def run(
    command: Sequence[str],
    text: bytes,
    *,
    seconds: float,
    limit: int,
    environment: Mapping[str, str],
    directory: Path | None = None,
) -> Ended:
    """Run a command. `limit` caps the octets of its output.

    Raises:
        PeerError: it cannot be started.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=dict(environment),
            cwd=directory,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise PeerError(Absence.BROKEN, f"{command[0]} cannot be started: {why}") from None
    output, complaint = bytearray(), bytearray()
    tasks = [
        asyncio.create_task(_feed(process, text)),
        asyncio.create_task(_read(process.stdout, output, limit + 1)),
        asyncio.create_task(_read(process.stderr, complaint, 4096)),
    ]
    late = False
    try:
        async with asyncio.timeout(seconds):
            await asyncio.gather(*tasks[1:])
            await process.wait()
    except TimeoutError:
        late = True
    finally:
        for task in tasks:
            task.cancel()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        # Nothing public closes pipes that something left running holds open.
        process._transport.close()  # type: ignore[attr-defined]
    return Ended(process.returncode, bytes(output[:limit]), escape(bytes(complaint[-400:])), late, len(output) > limit)


async def _feed(process: asyncio.subprocess.Process, text: bytes) -> None:
    assert process.stdin is not None  # noqa: S101 (it was asked for)
    with contextlib.suppress(ConnectionError):
        process.stdin.write(text)
        await process.stdin.drain()
    with contextlib.suppress(Exception):
        process.stdin.close()


async def _read(stream: asyncio.StreamReader | None, kept: bytearray, limit: int) -> None:
    while stream is not None and (data := await stream.read(65536)):
        kept += data[: max(0, limit - len(kept))]
