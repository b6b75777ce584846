"""Profiles and standards: data that says which controls apply, how severe they are, and for which clauses.

A profile is a TOML file of the package (by name) or of the user (by path). It may extend another: a line of the child
replaces the keys it names. Everything is checked when it is loaded: a profile that names an unknown control, clause or
parameter never starts an audit.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Mapping
from datetime import date
from functools import cached_property, lru_cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from smtp_audit.control import Control, Medium, Registry
from smtp_audit.errors import ConfigurationError
from smtp_audit.facts.endpoint import Endpoint, Role
from smtp_audit.frozen import Frozen
from smtp_audit.limits import MAX_CONFIG_BYTES
from smtp_audit.message import problem, shown_path
from smtp_audit.record import Severity, WhenNotRun
from smtp_audit.suggestion import did_you_mean
from smtp_audit.tomlfile import parse_toml, read_capped

_RULE_KEYS = ("severity", "clauses", "when_not_run")


class Clause(Frozen):
    """A numbered requirement of a standard; `by` lists the ways in which it has to be shown."""

    id: str
    title: str
    requirement: str
    by: tuple[Medium, ...]
    note: str = ""


class Standard(Frozen):
    """A catalogue of clauses."""

    id: str
    title: str
    version: str
    date: date
    clause: tuple[Clause, ...]

    def __contains__(self, clause_id: object) -> bool:
        return clause_id in self._ids

    @cached_property
    def _ids(self) -> frozenset[str]:
        return frozenset(clause.id for clause in self.clause)


class ControlRule(Frozen):
    """A profile's line about one control."""

    severity: Severity
    clauses: tuple[str, ...] = ()
    when_not_run: WhenNotRun = WhenNotRun.CLOSE
    parameters: dict[str, Any] = {}
    medium: Medium = Medium.PROBE
    """The control's own, so that the matrix knows it also where the control was applied to nothing."""
    roles: tuple[Role, ...] = ()
    """The roles of endpoints that the control is about; empty for controls about other subjects."""


class Profile(Frozen):
    """A loaded, checked profile. `sha256` covers every file it was made from."""

    name: str
    title: str
    version: str
    standard: Standard
    gate: Severity
    max_snapshot_age_hours: float
    certificate_scope: tuple[str, ...]
    controls: dict[str, ControlRule]
    partly: dict[str, dict[Medium, str]] = {}
    changes: tuple[str, ...] = ()
    """What a user's profile changes against the shipped one that it extends."""
    sha256: str

    @property
    def required_roles(self) -> frozenset[Role]:
        """The roles that have to be there, by the profile's word: the parameter `required_roles` of its controls."""
        lines = (rule.parameters.get("required_roles", ()) for rule in self.controls.values())
        return frozenset(Role(role) for roles in lines for role in roles)

    def rule(self, control: Control) -> ControlRule:
        """The line about `control`; KeyError when the profile leaves it out."""
        return self.controls[control.id]


class _ProfileFile(Frozen):
    """The form of a profile file, before inheritance. One serves every profile that extends it."""

    name: str
    extends: str | None = None
    title: str | None = None
    version: str | None = None
    standard: str | None = None
    gate: Severity | None = None
    max_snapshot_age_hours: Annotated[float, Field(gt=0, le=24 * 366, allow_inf_nan=False)] | None = None
    certificate_scope: tuple[str, ...] | None = None
    controls: dict[str, dict[str, Any]] = {}
    leave_out: tuple[str, ...] = ()
    partly: dict[str, dict[Medium, str]] = {}


def shipped_profiles() -> tuple[str, ...]:
    """The names of the profiles that come with the package."""
    folder = resources.files("smtp_audit") / "profiles"
    return tuple(sorted(item.name[:-5] for item in folder.iterdir() if item.name.endswith(".toml")))


def shipped_standards() -> tuple[str, ...]:
    """The ids of the standards that come with the package."""
    folder = resources.files("smtp_audit") / "clauses"
    return tuple(sorted(item.name[:-5] for item in folder.iterdir() if item.name.endswith(".toml")))


def load_profile(name_or_path: str, registry: Registry, base: Path | None = None) -> Profile:
    """Load a shipped profile by name or a user's by path (relative to `base`).

    Controls that users registered and that no profile line names join with severity `medium` and no clause: a control
    is never left out by forgetting it. Those of the package that a profile does not name are left out on purpose.

    Raises:
        ConfigurationError: unknown name, unreadable file, unknown or missing key, control, clause or parameter.
    """
    layers: list[tuple[str, _ProfileFile]] = []
    seen: set[str] = set()
    digest = hashlib.sha256()
    name: str | None = name_or_path
    where = base
    while name is not None:
        label, data, where = _read(name, where)
        identity = label if where is None else str(Path(label).resolve())  # one file may be named in many ways
        if identity in seen:
            raise ConfigurationError(f"{label}: profiles extend each other in a circle")
        seen.add(identity)
        digest.update(data)
        layer = _parse(label, data)
        for control_id in layer.leave_out:
            if control_id not in registry:
                hint = did_you_mean(control_id, registry.ids())
                raise ConfigurationError(f"{label}: leave_out: no control {control_id!r}{hint}")
        layers.append((label, layer))
        name = layer.extends
    label = layers[0][0]
    merged = _merge([layer for _, layer in reversed(layers)])
    for key in ("title", "version", "standard", "gate", "max_snapshot_age_hours", "certificate_scope"):
        if merged[key] is None:
            raise ConfigurationError(f"{label}: the key {key!r} is missing")
    standard, standard_data = load_standard(merged["standard"], label)
    digest.update(standard_data)
    rules = _rules(registry, standard, merged, label)
    for control in registry:
        if control.id not in rules and not control.origin.startswith("smtp_audit.controls."):
            rules[control.id] = _rule(registry, standard, control.id, {"severity": "medium"}, label)
    for clause in merged["partly"]:
        _known_clause(standard, clause, f"{label}: [partly]")
    changes: tuple[str, ...] = ()
    if label not in _labels_of_shipped():
        shipped = _merge([layer for place, layer in reversed(layers) if place in _labels_of_shipped()])
        if shipped["standard"] == merged["standard"]:
            # Most lines are the same in both, and were checked above.
            same = {c: rules[c] for c, line in shipped["controls"].items() if merged["controls"].get(c) == line}
            other = {c: line for c, line in shipped["controls"].items() if c not in same}
            base_rules = {**same, **_rules(registry, standard, {"controls": other}, label)}
            changes = _note_changes(merged["name"], base_rules, rules, merged["partly"])
        # A title or version says what a file is; the shipped one's would say it of another.
        own = [layer for place, layer in layers if place not in _labels_of_shipped()]
        merged["title"] = _first_given(layer.title for layer in own) or f"{own[0].name}, extends {own[-1].extends}"
        merged["version"] = _first_given(layer.version for layer in own) or "unversioned"
    return Profile(
        name=merged["name"],
        title=merged["title"],
        version=merged["version"],
        standard=standard,
        gate=merged["gate"],
        max_snapshot_age_hours=merged["max_snapshot_age_hours"],
        certificate_scope=merged["certificate_scope"],
        controls=rules,
        partly=merged["partly"],
        changes=changes,
        sha256=digest.hexdigest(),
    )


def _first_given(values: Iterable[str | None]) -> str | None:
    return next((value for value in values if value is not None), None)


def _labels_of_shipped() -> tuple[str, ...]:
    return tuple(f"profile {name}" for name in shipped_profiles())


def _rules(registry: Registry, standard: Standard, merged: Mapping[str, Any], label: str) -> dict[str, ControlRule]:
    return {
        control_id: _rule(registry, standard, control_id, line, label)
        for control_id, line in merged["controls"].items()
    }


def _note_changes(
    name: str,
    base: Mapping[str, ControlRule],
    own: Mapping[str, ControlRule],
    partly: dict[str, dict[Medium, str]],
) -> tuple[str, ...]:
    """What a user's profile changes of a shipped one, in words; the clauses it touches become "partly covered" at most.

    The catalogue of clauses says what its publisher asks. With another threshold a control may show less than that, and
    no program can tell which way is stricter.
    """
    changes: list[str] = []
    for control_id, rule in base.items():
        mine = own.get(control_id)
        if mine is None:
            words, touched = f"{control_id}: left out", rule.clauses
        elif mine.parameters != rule.parameters:
            keys = [key for key in rule.parameters if mine.parameters[key] != rule.parameters[key]]
            shown = ", ".join(f"{key} = {_shown(mine.parameters[key])}" for key in keys)
            was = ", ".join(_shown(rule.parameters[key]) for key in keys)
            words, touched = f"{control_id}: {shown} (was {was})", rule.clauses
        elif set(rule.clauses) - set(mine.clauses):
            touched = tuple(c for c in rule.clauses if c not in mine.clauses)
            words = f"{control_id}: no longer for {', '.join(touched)}"
        else:
            continue
        changes.append(words)
        for clause in touched:
            gaps = partly.setdefault(clause, {})
            gap = f"profile {name} changes {words}"
            gaps[rule.medium] = f"{gaps[rule.medium]}; {gap}" if rule.medium in gaps else gap
    return tuple(changes)


def _shown(value: Any) -> str:
    return ", ".join(str(item) for item in value) or "none" if isinstance(value, list | tuple) else str(value)


def load_standard(standard_id: str, where: str) -> tuple[Standard, bytes]:
    """A shipped standard and the octets of its file.

    Raises:
        ConfigurationError: no such standard, or its file is malformed.
    """
    known = shipped_standards()
    if standard_id not in known:
        raise ConfigurationError(f"{where}: no standard {standard_id!r}{did_you_mean(standard_id, known)}")
    data = (resources.files("smtp_audit") / "clauses" / f"{standard_id}.toml").read_bytes()
    try:
        return _standard(data), data
    except (ValidationError, ValueError) as error:
        raise ConfigurationError(f"clauses/{standard_id}.toml: {_first_problem(error)}") from None


# Many profiles extend the same one and rest on the same standard: to read either takes longer than all that follows.


@lru_cache(maxsize=4)
def _standard(data: bytes) -> Standard:
    return Standard.model_validate(tomllib.loads(data.decode()))


def _read(name: str, base: Path | None) -> tuple[str, bytes, Path | None]:
    shipped = shipped_profiles()
    if name in shipped:
        return f"profile {name}", (resources.files("smtp_audit") / "profiles" / f"{name}.toml").read_bytes(), None
    path = Path(name) if base is None else base / name
    if not (path.suffix == ".toml" or "/" in name or path.is_file()):
        raise ConfigurationError(f"no profile {name!r}{did_you_mean(name, shipped)}; a file is named by its path")
    label = shown_path(path)
    return label, read_capped(path, label, MAX_CONFIG_BYTES), path.parent


@lru_cache(maxsize=8)
def _parse(label: str, data: bytes) -> _ProfileFile:
    try:
        content = parse_toml(data.decode("utf-8-sig"), label)
    except UnicodeDecodeError as error:
        raise problem(label, f"is not UTF-8 text (octet {error.start + 1})") from None
    for key in content:
        if key not in _ProfileFile.model_fields:
            raise ConfigurationError(f"{label}: unknown key {key!r}{did_you_mean(key, _ProfileFile.model_fields)}")
    try:
        return _ProfileFile.model_validate(content)
    except ValidationError as error:
        raise ConfigurationError(f"{label}: {_first_problem(error)}") from None


def _merge(layers: Iterable[_ProfileFile]) -> dict[str, Any]:
    merged: dict[str, Any] = dict.fromkeys(_ProfileFile.model_fields)
    controls: dict[str, dict[str, Any]] = {}
    partly: dict[str, dict[Medium, str]] = {}
    for layer in layers:
        for key in ("name", "title", "version", "standard", "gate", "max_snapshot_age_hours", "certificate_scope"):
            value = getattr(layer, key)
            merged[key] = merged[key] if value is None else value
        for control_id, line in layer.controls.items():
            controls[control_id] = {**controls.get(control_id, {}), **line}
        for control_id in layer.leave_out:
            controls.pop(control_id, None)
        for clause, gaps in layer.partly.items():
            partly[clause] = {**partly.get(clause, {}), **gaps}
    return {**merged, "controls": controls, "partly": partly}


def _rule(registry: Registry, standard: Standard, control_id: str, line: Mapping[str, Any], label: str) -> ControlRule:
    if control_id not in registry:
        raise ConfigurationError(f"{label}: no control {control_id!r}{did_you_mean(control_id, registry.ids())}")
    control = registry[control_id]
    where = f"{label}: {control_id}"
    if "severity" not in line:
        raise ConfigurationError(f"{where}: the key 'severity' is missing")
    given = {key: value for key, value in line.items() if key not in _RULE_KEYS}
    try:
        rule = ControlRule.model_validate(
            {
                **{key: value for key, value in line.items() if key in _RULE_KEYS},
                "parameters": control.check_parameters(given, label),
                "medium": control.medium,
                "roles": tuple(sorted(control.roles)) if control.subject is Endpoint else (),
            }
        )
    except ValidationError as error:
        raise ConfigurationError(f"{where}: {_first_problem(error)}") from None
    for clause in rule.clauses:
        _known_clause(standard, clause, where)
    if (
        rule.when_not_run is WhenNotRun.LIST
        and control.safety == "passive"
        and not (control.needs_given or control.needs_words)
    ):
        raise ConfigurationError(
            f'{where}: when_not_run = "list" is for active, intrusive and slow controls, and for those that need '
            "credentials on some ports; this one is passive, and needs nothing"
        )
    return rule


def _known_clause(standard: Standard, clause: str, where: str) -> None:
    if clause not in standard:
        hint = did_you_mean(clause, (c.id for c in standard.clause)) if len(standard.clause) < 500 else ""
        raise ConfigurationError(f"{where}: {standard.id} has no clause {clause!r}{hint}")


def _first_problem(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return f"{where}: {first['msg']}" if where else str(first["msg"])
    return str(error)
