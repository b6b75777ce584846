"""Reads the files in servers/ together, so that a new chapter is a new file and no code."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_TABLES = {"about", "passes", "fails", "debian_default", "twin", "sound", "certificate", "backend", "server"}


@dataclass
class Chapters:
    """The tables of all files, not yet looked into."""

    passes: dict[str, list[str]] = field(default_factory=dict)
    fails: dict[str, list[str]] = field(default_factory=dict)
    debian_default: dict[str, list[str]] = field(default_factory=dict)
    sound: dict[str, dict[str, Any]] = field(default_factory=dict)
    twins: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    """By group and role."""
    certificates: dict[str, dict[str, Any]] = field(default_factory=dict)
    backends: dict[str, dict[str, Any]] = field(default_factory=dict)
    servers: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """Each with the chapter it stands in."""
    about: dict[str, str] = field(default_factory=dict)

    def add(self, chapter: str, raw: Mapping[str, Any]) -> None:
        """Add one file; raises ValueError when it contradicts another."""
        only(raw, _TABLES, chapter)
        if "about" in raw:
            self.about[chapter] = raw["about"]
        for mine, name in ((self.passes, "passes"), (self.fails, "fails"), (self.debian_default, "debian_default")):
            for role, controls in raw.get(name, {}).items():
                mine.setdefault(role, []).extend(controls)
        for known, name in ((self.sound, "sound"), (self.certificates, "certificate"), (self.backends, "backend")):
            for key, table in raw.get(name, {}).items():
                if key in known:
                    raise ValueError(f"{chapter}: {name}.{key} stands in another file, too")
                known[key] = table
        for group, roles in raw.get("twin", {}).items():
            for role, table in roles.items():
                _merge(self.twins.setdefault((group, role), {}), table, f"{chapter}: twin.{group}.{role}")
        self.servers += [(chapter, table) for table in raw.get("server", [])]


def read_chapters(folder: Path) -> Chapters:
    """All files of the folder, in the order of their names."""
    chapters = Chapters()
    for path in sorted(folder.glob("*.toml")):
        with path.open("rb") as file:
            chapters.add(path.stem, tomllib.load(file))
    return chapters


def only(table: Mapping[str, Any], known: set[str], where: str) -> None:
    """Raise ValueError for a key that is not known."""
    if unknown := set(table) - known:
        raise ValueError(f"{where}: unknown keys {sorted(unknown)}")


def _merge(into: dict[str, Any], table: Mapping[str, Any], where: str) -> None:
    for key, value in table.items():
        if isinstance(value, dict):
            _merge(into.setdefault(key, {}), value, f"{where}.{key}")
        elif into.setdefault(key, value) != value:
            raise ValueError(f"{where}: {key} is {into[key]!r} in another file")
