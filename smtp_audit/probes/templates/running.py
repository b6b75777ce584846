"""A short process with a text on its standard input: capped, timed, and killed with all that it started."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from smtp_audit.facts.observation import Absence
from smtp_audit.probes.process import close_pipes, feed, read_capped, signal_group, start
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
    process = await _start(command, environment, directory)
    output, complaint = bytearray(), bytearray()
    tasks = [
        asyncio.create_task(feed(process, text)),
        asyncio.create_task(read_capped(process.stdout, output, limit + 1)),
        asyncio.create_task(read_capped(process.stderr, complaint, 4096)),
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
        _end(process)
    return Ended(process.returncode, bytes(output[:limit]), escape(bytes(complaint[-400:])), late, len(output) > limit)


class Answering:
    """A process that answers every line with a line, until it is ended."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._complaint = bytearray()
        self._listening = asyncio.create_task(read_capped(process.stderr, self._complaint, 65536))

    @classmethod
    async def start(cls, command: Sequence[str], environment: Mapping[str, str], limit: int) -> Answering:
        """Start it; `limit` caps the octets of an answer.

        Raises:
            PeerError: it cannot be started.
        """
        return cls(await _start(command, environment, None, limit))

    async def ask(self, text: str, seconds: float) -> bytes:
        """The answer to a line.

        Raises:
            PeerError: there is none in time, or it is too long, or the process has ended.
        """
        assert self._process.stdin is not None and self._process.stdout is not None  # noqa: S101, PT018 (asked for)
        try:
            async with asyncio.timeout(seconds):
                with contextlib.suppress(ConnectionError):
                    self._process.stdin.write(text.encode() + b"\n")
                    await self._process.stdin.drain()
                answer = await self._process.stdout.readline()
        except TimeoutError:
            raise PeerError(Absence.TIMEOUT, f"rendering once took more than {seconds:g} s") from None
        except ValueError:
            raise PeerError(Absence.EXCESSIVE, "rendering wrote too much") from None
        if not answer.endswith(b"\n"):
            await self._process.wait()
            await asyncio.wait((self._listening,), timeout=1.0)
            lines = bytes(self._complaint).strip().splitlines()
            raise PeerError(Absence.MALFORMED, f"cannot be read as Jinja2: {escape(lines[-1][:300]) if lines else '?'}")
        return answer

    async def end(self) -> None:
        """End it."""
        self._listening.cancel()
        _end(self._process)
        await self._process.wait()


async def _start(
    command: Sequence[str], environment: Mapping[str, str], directory: Path | None, limit: int = 65536
) -> asyncio.subprocess.Process:
    try:
        return await start(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=dict(environment),
            cwd=directory,
            limit=limit,
        )
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise PeerError(Absence.BROKEN, f"{command[0]} cannot be started: {why}") from None


def _end(process: asyncio.subprocess.Process) -> None:
    signal_group(process)
    close_pipes(process)
