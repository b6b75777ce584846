"""Reads findings.toml: what is true about the independent servers."""

import tomllib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.live.catalogue import CONTROLS

_LISTS = ("controls", "undecided", "inapplicable")
_KEYS = {"server", "roles", "why", *_LISTS}


@dataclass(frozen=True)
class Finding:
    """One entry of the file; the comments at its top say what each means."""

    server: str
    roles: frozenset[str] | None
    controls: frozenset[str]
    undecided: frozenset[str]
    inapplicable: frozenset[str]
    why: str


@dataclass(frozen=True)
class Expected:
    """What an audit has to say about one endpoint."""

    failed: frozenset[str]
    undecided: frozenset[str]
    inapplicable: frozenset[str]


@cache
def findings() -> tuple[Finding, ...]:
    """All of them; raises ValueError when an entry makes no sense."""
    raw = tomllib.loads(Path(__file__).with_name("findings.toml").read_text())
    if set(raw) != {"finding"}:
        raise ValueError(f"unknown tables: {sorted(raw)}")
    return tuple(_finding(table) for table in raw["finding"])


def expected(server: str, role: str) -> Expected:
    """What is listed for this role of this server; raises ValueError when a control is listed twice."""
    mine = [item for item in findings() if item.server == server and (item.roles is None or role in item.roles)]
    _once(name for item in mine for name in (*item.controls, *item.undecided, *item.inapplicable))
    return Expected(
        frozenset(name for item in mine for name in item.controls),
        frozenset(name for item in mine for name in item.undecided),
        frozenset(name for item in mine for name in item.inapplicable),
    )


def _finding(table: dict[str, object]) -> Finding:
    where = f"{table.get('server')}: {table.get('why')}"
    if unknown := set(table) - _KEYS:
        raise ValueError(f"{where}: unknown keys {sorted(unknown)}")
    server, why = table.get("server"), table.get("why")
    if not isinstance(server, str) or not isinstance(why, str) or not why.strip():
        raise ValueError(f"{where}: a finding has a server and a reason")
    controls, undecided, inapplicable = (_names(table, key) for key in _LISTS)
    named = controls | undecided | inapplicable
    if not named:
        raise ValueError(f"{where}: no controls")
    if strange := named - CONTROLS:
        raise ValueError(f"{where}: unknown controls {sorted(strange)}")
    roles = _names(table, "roles") if "roles" in table else None
    return Finding(server, roles, controls, undecided, inapplicable, why)


def _names(table: dict[str, object], key: str) -> frozenset[str]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ValueError(f"{key} is a list of names")
    _once(value)
    return frozenset(value)


def _once(names: Iterable[str]) -> None:
    if twice := [name for name, times in Counter(names).items() if times > 1]:
        raise ValueError(f"listed twice: {sorted(twice)}")
