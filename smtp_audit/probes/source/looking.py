"""The family of facts about source text: finds the files and has them read."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from smtp_audit.facts.observation import Absence
from smtp_audit.facts.source import LeftOut, SourceFacts, SourceFinding, Topic
from smtp_audit.limits import (
    MAX_SOURCE_FILE_SECONDS,
    MAX_SOURCE_FINDINGS,
    MAX_SOURCE_LEFT_OUT,
    MAX_SOURCE_SECONDS,
)
from smtp_audit.message import shown_path
from smtp_audit.probes.process import import_path
from smtp_audit.probes.programs_approach import ProgramApproach
from smtp_audit.probes.source.inside import job
from smtp_audit.probes.source.reading import Reading
from smtp_audit.probes.source.rules import covered
from smtp_audit.probes.source.tree import SourceFile, Tree, walk
from smtp_audit.probes.wire import PeerError, Transcript

EXTRA: Final = 'reading source text needs an extra of this package: pip install "smtp-audit[source]"'

START_SECONDS: Final = 20.0
"""Seconds that the process may take to start, on a busy machine."""

_LINE: Final = 4 * 1024 * 1024
"""Octets of what is told of one file."""


def source_seconds(_: ProgramApproach) -> float:
    """The longest that reading a tree may take."""
    return MAX_SOURCE_SECONDS + 2 * START_SECONDS


async def look_at_source(approach: ProgramApproach, transcript: Transcript) -> SourceFacts:
    """Read every file of a tree.

    Raises:
        PeerError: the parser is not installed, or there is no such file or folder.
    """
    name = approach.subject.partition(":")[2]
    root = next(each.path for each in approach.config.source_trees if each.name == name)
    return await read_tree(root, transcript)


async def read_tree(root: Path, transcript: Transcript, seconds: float = MAX_SOURCE_SECONDS) -> SourceFacts:
    """The same for a path.

    Raises:
        PeerError: as above.
    """
    if find_spec("ast_grep_py") is None:
        raise PeerError(Absence.NOT_AVAILABLE, EXTRA)
    try:
        tree = await asyncio.to_thread(walk, root)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise PeerError(Absence.NOT_GIVEN, f"{shown_path(root)} cannot be read ({why})") from None
    transcript.note(f"{len(tree.files)} files to read, {len(tree.skipped)} left out, {tree.others} of other kinds")
    gathered = _Gathered(tree)
    async for file, reading in _readings(tree.files, seconds):
        gathered.add(file, reading)
    return gathered.facts()


class _Gathered:
    """What the readings add up to, capped."""

    def __init__(self, tree: Tree) -> None:
        self.unread, self.skipped = list(tree.unread), list(tree.skipped)
        self.others = tree.others
        self.read: Counter[str] = Counter()
        self.tests = 0
        self.libraries: dict[str, list[str]] = defaultdict(list)
        self.findings: dict[Topic, list[SourceFinding]] = defaultdict(list)
        self.more: Counter[Topic] = Counter()

    def add(self, file: SourceFile, reading: Reading) -> None:
        if reading.skipped:
            self.skipped.append(LeftOut(path=file.shown, reason=reading.skipped))
            return
        if reading.unread:
            self.unread.append(LeftOut(path=file.shown, reason=reading.unread))
        elif file.test:
            self.tests += 1
        else:
            self.read[file.language] += 1
        for name in reading.libraries:
            self.libraries[name].append(file.shown)
        for finding in reading.findings:
            if len(self.findings[finding.topic]) < MAX_SOURCE_FINDINGS:
                self.findings[finding.topic].append(finding)
            else:
                self.more[finding.topic] += 1

    def facts(self) -> SourceFacts:
        named = MAX_SOURCE_LEFT_OUT
        return SourceFacts.model_validate(
            {
                "read": dict(self.read),
                "tests": self.tests,
                "others": self.others,
                "unread": tuple(self.unread[:named]),
                "more_unread": max(0, len(self.unread) - named),
                "skipped": tuple(self.skipped[:named]),
                "more_skipped": max(0, len(self.skipped) - named),
                "libraries": tuple(
                    f"{name}: {', '.join(paths[:5])}{', ...' if len(paths) > 5 else ''}"
                    for name, paths in sorted(self.libraries.items())
                ),
                "covered": covered(),
                "findings": tuple(finding for topic in Topic for finding in self.findings[topic]),
                "more_findings": dict(self.more),
            }
        )


async def _readings(files: Sequence[SourceFile], seconds: float) -> AsyncIterator[tuple[SourceFile, Reading]]:
    """Every file with its reading. One that hangs or kills the process is unread, and the next process goes on."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    place = 0
    while place < len(files):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "smtp_audit.probes.source.inside"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=_LINE,
            env={**os.environ, **import_path()},
        )
        try:
            assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018
            process.stdin.write(job(files[place:]))
            process.stdin.close()
            start = START_SECONDS
            while place < len(files):
                left = until - loop.time()
                trouble = ""
                try:
                    async with asyncio.timeout(min(left, MAX_SOURCE_FILE_SECONDS + start)):
                        reading = Reading.model_validate_json(await process.stdout.readline())
                except TimeoutError:
                    trouble = f"takes longer than {MAX_SOURCE_FILE_SECONDS:g} s"
                except (ValidationError, ValueError):
                    trouble = "ends the process that reads it"
                if until <= loop.time():
                    for file in files[place:]:
                        yield file, Reading(unread=f"not reached within the {seconds:g} s for one tree")
                    return
                yield files[place], Reading(unread=trouble) if trouble else reading
                place += 1
                start = 0.0
                if trouble:
                    break
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
