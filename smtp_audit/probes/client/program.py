"""One run of a program: started in a process group of its own, fed, watched, and killed when its time is over."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from smtp_audit.configuration.model import ClientSettings
from smtp_audit.facts.client import Claim, Execution
from smtp_audit.limits import MAX_PROGRAM_OUTPUT, MAX_WATCHED_FILES
from smtp_audit.probes.client.events import events_in
from smtp_audit.probes.process import close_pipes, feed, read_capped, signal_group, start
from smtp_audit.secret import Secret, redact
from smtp_audit.wiretext import escape

KILL_SECONDS = 2.0
"""How long a program gets to end by itself when it is asked to."""

SHOWN_OUTPUT = 4000
"""Characters of each kind of output that an execution keeps."""

POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Time:
    """How long a run may take: `seconds` from its start, and `since_connect` from its first connection."""

    seconds: float
    since_connect: float
    first_connection: Callable[[], float | None] = field(default=lambda: None)
    """When the first connection came (`time.monotonic`), None before."""

    def is_over(self, began: float) -> bool:
        """Whether the run that began then has had its time."""
        now = time.monotonic()
        first = self.first_connection()
        return now - began > self.seconds or (first is not None and now - first > self.since_connect)


async def execute(
    settings: ClientSettings,
    environment: Mapping[str, str],
    message: bytes,
    limit: Time,
    secrets: Mapping[str, Secret],
    started: Callable[[int], None] | None = None,
) -> Execution:
    """Run the program once with a message.

    Args:
        settings: what to run, and where.
        environment: the whole environment that it gets.
        message: what it gets on standard input.
        limit: after what time it is killed, with all that it started.
        secrets: what must not be in its output, by name.
        started: is told the session that the program and what it starts are in.
    """
    watched = _sizes(settings.watch)
    began = time.monotonic()
    try:
        process = await start(
            *settings.argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=dict(environment),
            cwd=settings.directory,
        )
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        return Execution(claim=Claim.NOT_STARTED, detail=f"{settings.argv[0]}: {why}")
    if started is not None:
        started(process.pid)
    kept = (bytearray(), bytearray())
    streams = (process.stdout, process.stderr)
    reading = [
        asyncio.create_task(read_capped(stream, to, MAX_PROGRAM_OUTPUT))
        for stream, to in zip(streams, kept, strict=True)
    ]
    feeding = asyncio.create_task(feed(process, message))
    try:
        hung = await _until_over(process, began, limit)
    finally:
        seconds = time.monotonic() - began
        first = limit.first_connection()
        await _kill_group(process)
        feeding.cancel()
    # What it left running may hold the pipes open: its output so far is enough.
    await asyncio.wait(reading, timeout=KILL_SECONDS)
    for task in reading:
        task.cancel()
    close_pipes(process)
    texts = [bytes(output) for output in kept]
    texts += _written(settings.watch, watched)
    claim, reply = _claim(settings, process.returncode, texts[0], hung=hung)
    return Execution(
        claim=claim,
        status=process.returncode,
        seconds=round(seconds, 3),
        since_connect=None if first is None else round(max(0.0, began + seconds - first), 3),
        reply=redact(escape(reply), secrets.values())[:SHOWN_OUTPUT],
        output=tuple(redact(escape(text), secrets.values())[:SHOWN_OUTPUT] for text in texts if text),
        leaks=tuple(name for name, secret in secrets.items() if _leaks(texts, secret)),
        events=events_in(texts, reply, secrets.values()),
        detail="killed when its time was over" if hung else "",
    )


async def _until_over(process: asyncio.subprocess.Process, began: float, limit: Time) -> bool:
    """Wait for the end; whether the time ran out first.

    `process.wait()` waits for the pipes too, which something that the program left running may hold open.
    """
    while process.returncode is None:
        if limit.is_over(began):
            return True
        await asyncio.sleep(POLL_SECONDS)
    return False


async def _kill_group(process: asyncio.subprocess.Process) -> None:
    """End the program and everything in its group; the session is ours, so nobody else's is in it."""
    for stop in (signal.SIGTERM, signal.SIGKILL):
        signal_group(process, stop)
        await _until_over(process, time.monotonic(), Time(KILL_SECONDS, KILL_SECONDS))


def _claim(settings: ClientSettings, status: int | None, output: bytes, *, hung: bool) -> tuple[Claim, bytes]:
    reply = _reply(output)
    if hung:
        return Claim.HUNG, reply
    if settings.success == "reply":
        said = _parsed(reply)
        return (Claim.SENT if isinstance(said, dict) and said.get("success") is True else Claim.NOT_SENT), reply
    return (Claim.SENT if status == 0 else Claim.NOT_SENT), reply


def _reply(output: bytes) -> bytes:
    """The last line of output that is a JSON object."""
    lines = [line.strip() for line in output.splitlines()[-50:]]
    return next((line for line in reversed(lines) if isinstance(_parsed(line), dict)), b"")


def _parsed(text: bytes) -> object:
    if not text.startswith(b"{"):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _leaks(texts: Iterable[bytes], secret: Secret) -> bool:
    return any(redact(escape(text), (secret,)) != escape(text) for text in texts)


def _sizes(folder: Path | None) -> dict[Path, int]:
    """The files of a watched folder with their sizes."""
    if folder is None or not folder.is_dir():
        return {}
    found: dict[Path, int] = {}
    for path in folder.rglob("*"):
        if len(found) >= MAX_WATCHED_FILES:
            break
        with contextlib.suppress(OSError):
            if path.is_file() and not path.is_symlink():
                found[path] = path.stat().st_size
    return found


def _written(folder: Path | None, before: Mapping[Path, int]) -> list[bytes]:
    """What was added to the files of a watched folder."""
    texts: list[bytes] = []
    for path, size in _sizes(folder).items():
        start = before.get(path, 0)
        if size > start:
            with contextlib.suppress(OSError), path.open("rb") as file:
                file.seek(start)
                texts.append(file.read(MAX_PROGRAM_OUTPUT))
    return texts
