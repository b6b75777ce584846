"""The files of a tree of source text: which to read, which to leave out and why. Links are not followed."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Final

from smtp_audit.facts.source import Language, LeftOut
from smtp_audit.limits import MAX_SOURCE_BYTES, MAX_SOURCE_DEPTH, MAX_SOURCE_FILE_BYTES, MAX_SOURCE_FILES
from smtp_audit.wiretext import escape, escape_text

GRAMMARS: Final = {
    ".js": (Language.JAVASCRIPT, "javascript"),
    ".mjs": (Language.JAVASCRIPT, "javascript"),
    ".cjs": (Language.JAVASCRIPT, "javascript"),
    ".jsx": (Language.JAVASCRIPT, "javascript"),
    ".ts": (Language.TYPESCRIPT, "typescript"),
    ".mts": (Language.TYPESCRIPT, "typescript"),
    ".cts": (Language.TYPESCRIPT, "typescript"),
    ".tsx": (Language.TYPESCRIPT, "tsx"),
    ".py": (Language.PYTHON, "python"),
    ".php": (Language.PHP, "php"),
    ".phtml": (Language.PHP, "php"),
    ".rb": (Language.RUBY, "ruby"),
    ".rake": (Language.RUBY, "ruby"),
    ".go": (Language.GO, "go"),
    ".java": (Language.JAVA, "java"),
}
"""The language of a file, and the parser's name for it, by the end of its name."""

FOREIGN: Final = {
    "node_modules": "dependencies",
    "bower_components": "dependencies",
    "vendor": "dependencies",
    "site-packages": "dependencies",
    ".venv": "an environment of Python",
    "venv": "an environment of Python",
    ".tox": "an environment of Python",
    ".nox": "an environment of Python",
    "__pycache__": "made by Python",
    ".git": "a repository's own files",
    ".hg": "a repository's own files",
    ".svn": "a repository's own files",
}
"""Folders that are nobody's own text, and what they are."""

_MINIFIED: Final = re.compile(r"[.-]min\.(?:js|mjs|cjs)\Z|\.bundle\.js\Z|\.d\.ts\Z", re.IGNORECASE)
_TEST_FOLDERS: Final = frozenset(("test", "tests", "__tests__", "spec", "specs", "testdata", "fixtures", "__mocks__"))
_TEST_FILE: Final = re.compile(
    r"\A(?:test_.*|.*_test|.*\.(?:test|spec)|.*_spec|.*Tests?|conftest)\.[a-z]+\Z|\A(?:test|spec)\.[a-z]+\Z"
)


@dataclass(frozen=True)
class SourceFile:
    """A file to read. `shown` is its path in the tree, escaped."""

    path: Path
    shown: str
    language: Language
    grammar: str
    test: bool


@dataclass
class Tree:
    """What a walk found."""

    files: list[SourceFile] = field(default_factory=list)
    unread: list[LeftOut] = field(default_factory=list)
    skipped: list[LeftOut] = field(default_factory=list)
    others: int = 0
    entries: int = 0
    octets: int = 0


def walk(root: Path) -> Tree:
    """The files under `root`, or `root` itself when it is a file: one that was named is read whatever its name.

    Raises:
        OSError: there is no such file or folder, or it may not be read.
    """
    tree = Tree()
    if stat.S_ISREG(root.stat().st_mode):
        _take(tree, root, PurePath(root.name), root.stat().st_size, named=True)
        return tree
    for path, size in _entries(tree, root, PurePath(), 0):
        _take(tree, root / path, path, size)
    return tree


def shown(path: PurePath) -> str:
    """A path as printable text: a file's name may hold any octet."""
    return escape_text(path.as_posix().encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace"), 300)


def _entries(tree: Tree, root: Path, folder: PurePath, depth: int) -> Iterator[tuple[PurePath, int]]:
    try:
        with os.scandir(root / folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        if depth == 0:
            raise
        tree.unread.append(LeftOut(path=f"{shown(folder)}/", reason=_reason(error)))
        return
    for entry in entries:
        path = folder / entry.name
        tree.entries += 1
        try:
            if entry.is_symlink():
                tree.skipped.append(LeftOut(path=shown(path), reason="a link"))
            elif entry.is_dir(follow_symlinks=False):
                yield from _folder(tree, root, path, depth + 1)
            elif entry.is_file(follow_symlinks=False):
                yield path, entry.stat(follow_symlinks=False).st_size
        except OSError as error:
            tree.unread.append(LeftOut(path=shown(path), reason=_reason(error)))


def _folder(tree: Tree, root: Path, path: PurePath, depth: int) -> Iterator[tuple[PurePath, int]]:
    if path.name in FOREIGN:
        tree.skipped.append(LeftOut(path=f"{shown(path)}/", reason=FOREIGN[path.name]))
    elif (root / path / "pyvenv.cfg").is_file():
        tree.skipped.append(LeftOut(path=f"{shown(path)}/", reason="an environment of Python"))
    elif depth > MAX_SOURCE_DEPTH:
        tree.unread.append(LeftOut(path=f"{shown(path)}/", reason=f"deeper than {MAX_SOURCE_DEPTH} folders"))
    elif tree.entries > 20 * MAX_SOURCE_FILES:
        tree.unread.append(LeftOut(path=f"{shown(path)}/", reason="too many files before it"))
    else:
        yield from _entries(tree, root, path, depth)


def _take(tree: Tree, path: Path, place: PurePath, size: int, *, named: bool = False) -> None:
    known = GRAMMARS.get(place.suffix.lower())
    if known is None:
        tree.others += 1
        return
    where = shown(place)
    if not named and _MINIFIED.search(place.name):
        reason = "declarations" if place.name.lower().endswith(".d.ts") else "minified"
        tree.skipped.append(LeftOut(path=where, reason=reason))
    elif size > MAX_SOURCE_FILE_BYTES:
        tree.unread.append(LeftOut(path=where, reason=f"larger than {MAX_SOURCE_FILE_BYTES} octets"))
    elif len(tree.files) >= MAX_SOURCE_FILES:
        tree.unread.append(LeftOut(path=where, reason=f"{MAX_SOURCE_FILES} files were found before it"))
    elif tree.octets + size > MAX_SOURCE_BYTES:
        tree.unread.append(LeftOut(path=where, reason=f"{MAX_SOURCE_BYTES} octets were found before it"))
    else:
        tree.octets += size
        test = not named and (
            any(part.lower() in _TEST_FOLDERS for part in place.parent.parts) or bool(_TEST_FILE.match(place.name))
        )
        tree.files.append(SourceFile(path, where, known[0], known[1], test))


def _reason(error: OSError) -> str:
    return f"cannot be read ({escape((error.strerror or type(error).__name__).encode())})"
