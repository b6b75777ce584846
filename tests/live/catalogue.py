"""Reads catalogue.toml: the servers of the lab as typed data."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any

from smtp_audit.control import load_builtin
from smtp_audit.facts.endpoint import Endpoint
from smtp_audit.safety import Safety

from .authority import Kind

HOST = "mail.lab.example"
DOMAIN = "lab.example"

CONTROLS = frozenset(
    control.id
    for control in load_builtin()
    if control.subject is Endpoint
    and control.safety is not Safety.SLOW
    and control.origin.startswith("smtp_audit.controls.")
)
"""The controls that this lab has to show at work. The slow ones need sslyze, which has tests of its own."""

BEYOND_REACH = frozenset({"tls-post-quantum"})
"""What the strict profile asks for and Debian 12 cannot serve: OpenSSL has ML-KEM since 3.5."""

# Without a greeting or without TLS there is nothing left to judge.
_HIDES_THE_REST = frozenset({"service-greeting", "starttls-offered", "starttls-works", "implicit-tls"})

_TABLES = {"every_role_passes", "sound", "certificate", "server", "debian_default"}
_GROUPS = ("quick", "throttled")
_SAME_NAME = ("certificate", "tls", "backend", "front", "group", "indeterminate", "host_of", "main")
_BACKENDS = ("sound", "permissive", "dead")


@dataclass(frozen=True)
class Entry:
    """One server of the catalogue; the comments at the top of catalogue.toml say what each means."""

    name: str
    role: str
    server: str
    what: str
    must_fail: frozenset[str]
    role_passes: frozenset[str] = frozenset()
    """What the role's well-kept service passes, whatever it fails by its role alone."""
    strict: frozenset[str] | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    certificate: str = "sound"
    tls: bool | None = None
    backend: str = "sound"
    front: str = "smtpd"
    group: str = "quick"
    indeterminate: bool = False
    host_of: str | None = None
    """Another entry, whose host this one is on, too; by itself each entry is a host of its own."""
    main: Mapping[str, str] = field(default_factory=dict)
    """Settings of Postfix that only main.cf can hold; such an entry is an instance of its own."""

    @property
    def sound(self) -> bool:
        """Whether this is the well-kept service that its siblings are compared with."""
        return self.name == sound_name(self.role)

    @property
    def hides(self) -> bool:
        """Whether its fault stands before others that may be there too: nobody can see and judge those."""
        return self.indeterminate or bool(self.must_fail & _HIDES_THE_REST)

    @property
    def must_pass(self) -> frozenset[str]:
        """The controls that have to pass: a verdict that is merely missing is no success."""
        if self.hides:
            return self.role_passes & {"port-open"}
        passing = self.role_passes - self.must_fail
        if "certificate-in-date" in self.must_fail:
            # Not applicable: what is out of date has no days left to count.
            passing -= {"certificate-days-left"}
        if "certificate-trusted" in self.must_fail:
            # Nor is the issuer's name, which anybody can write into a certificate.
            passing -= {"certificate-issuer"}
        if "tls-current-version" in self.must_fail:
            # Before TLS 1.2 there is no choice of signatures to judge.
            passing -= {"tls-signature-hash"}
        return passing


@dataclass(frozen=True)
class Catalogue:
    entries: tuple[Entry, ...]
    certificates: Mapping[str, Kind]
    debian_default: Mapping[str, frozenset[str]]
    """Role -> the true findings about Debian's servers as installed."""

    def group(self, name: str) -> list[Entry]:
        """The entries that are audited in one run."""
        return [entry for entry in self.entries if entry.group == name]


def sound_name(role: str) -> str:
    """The name of the well-kept service of a role."""
    return f"sound-{role}"


@cache
def catalogue() -> Catalogue:
    """The catalogue; raises ValueError when a line of it makes no sense."""
    with (Path(__file__).with_name("catalogue.toml")).open("rb") as file:
        raw = tomllib.load(file)
    _only(raw, _TABLES, "catalogue")
    certificates = {name: _kind(name, table) for name, table in raw["certificate"].items()}
    everywhere = frozenset(raw["every_role_passes"])
    sound = {role: _sound(role, table, everywhere) for role, table in raw["sound"].items()}
    entries = [*sound.values(), *(_server(table, sound) for table in raw["server"])]
    names = [entry.name for entry in entries]
    for entry in entries:
        if names.count(entry.name) > 1:
            raise ValueError(f"two servers are called {entry.name}")
        if unknown := (entry.must_fail | entry.role_passes | (entry.strict or frozenset())) - CONTROLS:
            raise ValueError(f"{entry.name}: unknown controls {sorted(unknown)}")
        if entry.certificate not in certificates:
            raise ValueError(f"{entry.name}: unknown certificate {entry.certificate}")
        if entry.group not in _GROUPS or entry.backend not in _BACKENDS:
            raise ValueError(f"{entry.name}: unknown group or backend")
        if entry.indeterminate and entry.must_fail:
            raise ValueError(f"{entry.name}: what hides its facts cannot be proven to fail")
    debian = {role: frozenset(found) for role, found in raw["debian_default"].items()}
    return Catalogue(tuple(entries), certificates, debian)


def _kind(name: str, table: dict[str, Any]) -> Kind:
    _only(table, {item.name for item in fields(Kind)}, f"certificate.{name}")
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    return Kind(**values)


def _sound(role: str, table: dict[str, Any], everywhere: frozenset[str]) -> Entry:
    _only(table, {"server", "must_fail", "must_pass", "strict", "set"}, f"sound.{role}")
    return Entry(
        name=sound_name(role),
        role=role,
        server=table["server"],
        what="well kept",
        must_fail=frozenset(table["must_fail"]),
        role_passes=everywhere | frozenset(table["must_pass"]),
        strict=_optional(table.get("strict")),
        settings=table.get("set", {}),
    )


def _server(table: dict[str, Any], sound: Mapping[str, Entry]) -> Entry:
    known = {item.name for item in fields(Entry)} - {"server", "settings", "role_passes"} | {"set"}
    _only(table, known, str(table.get("name")))
    base = sound[table["role"]]
    rest = {key: table[key] for key in _SAME_NAME if key in table}
    return Entry(
        name=table["name"],
        role=table["role"],
        server=base.server,
        what=table["what"],
        must_fail=frozenset(table["must_fail"]),
        role_passes=base.role_passes,
        strict=_optional(table.get("strict")),
        settings={**base.settings, **table.get("set", {})},
        **rest,
    )


def _optional(controls: list[str] | None) -> frozenset[str] | None:
    return None if controls is None else frozenset(controls)


def _only(table: Mapping[str, Any], known: set[str], where: str) -> None:
    if unknown := set(table) - known:
        raise ValueError(f"{where}: unknown keys {sorted(unknown)}")
