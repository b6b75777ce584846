"""Writing reports and snapshots: whole or not at all, and never an open gate that the run did not earn.

`report.json` is the machine's word. A closed report is written JSON first, an open one JSON last, so that whatever
fails or is killed in between, `report.json` says open only beside a whole `report.html` that says the same.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from smtp_audit.errors import ConfigurationError
from smtp_audit.facts.snapshot import Snapshot
from smtp_audit.report.html import render
from smtp_audit.report.machine import dump
from smtp_audit.report.model import Report

HTML: Final = "report.html"
JSON: Final = "report.json"
SNAPSHOT: Final = "snapshot.json"

_CLOSED_HTML = b'<meta name="smtp-audit-gate" content="closed">'
"""What the template puts near the top of a page whose gate is closed."""


def write_report(report: Report, folder: Path) -> None:
    """Write `report.html` and `report.json`; the folder is made if need be.

    When it fails, the closed report that may be there stays. An older one that does not plainly say closed is withdrawn
    (removed or emptied): a verdict that was not reached must not be read off the last run's files.

    Raises:
        ConfigurationError: a file or the folder cannot be written.
    """
    texts = {HTML: render(report), JSON: dump(report)}
    _write(folder, texts, (HTML, JSON) if report.gate.open else (JSON, HTML))


def write_snapshot(snapshot: Snapshot, folder: Path) -> None:
    """Write `snapshot.json`; its octets have the hash `snapshot.sha256`. Failure is treated as in `write_report`.

    Raises:
        ConfigurationError: the file or the folder cannot be written.
    """
    _write(folder, {SNAPSHOT: snapshot.dump()}, (SNAPSHOT,))


def _write(folder: Path, texts: Mapping[str, str], order: Sequence[str]) -> None:
    try:
        _replace(folder, [(folder / name, texts[name].encode()) for name in order])
    except ConfigurationError as error:
        left = [path for path in (folder / JSON, folder / HTML) if not _withdrawn(path)]
        if left:
            raise ConfigurationError(f"{error}; remove {left[0]} yourself: it is of an earlier run") from None
        raise


def _replace(folder: Path, files: Sequence[tuple[Path, bytes]]) -> None:
    """Replace files in the given order. All of them are on the disk, whole, before the first is replaced."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        wrong = isinstance(error, FileExistsError | NotADirectoryError)
        reason = "it, or a part of its path, is a file" if wrong else _reason(error)
        raise ConfigurationError(f"report folder {folder}: cannot be made ({reason})") from None
    with contextlib.ExitStack() as cleaning:
        ready = [(cleaning.enter_context(_beside(target, data)), target) for target, data in files]
        for temporary, target in ready:
            with _explained(target):
                temporary.replace(target)
    with contextlib.suppress(OSError):  # not every file system lets a folder be synced
        _sync(folder)


@contextlib.contextmanager
def _beside(target: Path, data: bytes) -> Iterator[Path]:
    """A temporary file in the target's folder with the data on the disk; gone afterwards unless it was moved."""
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(6)}.tmp")
    try:
        with _explained(target):
            if target.is_dir():
                raise IsADirectoryError(None, "it is a folder")
            # O_EXCL: never through a link that somebody put there; the mode is the user's umask, as for any file.
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o666)
            with open(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        yield temporary
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def _explained(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigurationError(f"{target}: cannot be written ({_reason(error)})") from None


def _reason(error: OSError) -> str:
    return error.strerror or str(error)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _withdrawn(path: Path) -> bool:
    """Take a report away unless it plainly says closed; False when it would not go."""
    if not path.is_file() or _says_closed(path):
        return True
    for remove in (Path.unlink, lambda p: os.truncate(p, 0)):
        with contextlib.suppress(OSError):
            remove(path)
            return True
    return False


def _says_closed(path: Path) -> bool:
    try:
        data = path.read_bytes()
        return _CLOSED_HTML in data[:400] if path.name == HTML else json.loads(data)["gate"]["open"] is False
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False
