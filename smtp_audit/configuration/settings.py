"""The settings that several sources give (command line, configuration file, ini file), and what their texts mean."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from smtp_audit.configuration.model import Families, Resolver, Scope
from smtp_audit.configuration.target import parse_name, parse_place
from smtp_audit.facts.endpoint import is_address
from smtp_audit.message import problem, quoted, shown_path
from smtp_audit.profile import shipped_profiles
from smtp_audit.safety import Safety
from smtp_audit.severity import Severity
from smtp_audit.suggestion import did_you_mean

T = TypeVar("T")
E = TypeVar("E", Severity, Scope, Families, Safety)


@dataclass(frozen=True)
class Settings:
    """What one source says, understood; None where it says nothing."""

    profile: str | None = None
    report: Path | None = None
    gate: Severity | None = None
    scope: tuple[Scope, ...] | None = None
    resolver: Resolver | None = None
    ca: tuple[str, Path] | None = None
    """How messages name the option or key, and the file: it is opened only if no source before this one has another."""
    user: str | None = None
    domain: str | None = None
    allow: frozenset[Safety] = frozenset()
    revocation: bool | None = None


def read_settings(values: Mapping[str, object], where: Callable[[str], str], base: Path) -> Settings:
    """The values of one source, understood.

    Args:
        values: texts; `scope` and `allow` are tuples of texts, `revocation` is a truth value. Values of other names are
            left alone.
        where: names the option or key of a value in messages.
        base: what paths are relative to.

    Raises:
        ConfigurationError: a value is empty or has no meaning.
    """

    def get(name: str, read: Callable[[str, str], T]) -> T | None:
        value = values.get(name)
        if not isinstance(value, str):
            return None
        if not value.strip():
            raise problem(where(name), "is empty")
        return read(value, where(name))

    def words(name: str) -> tuple[str, ...] | None:
        value = values.get(name)
        return tuple(str(item) for item in value) if isinstance(value, tuple) else None

    def flag(name: str) -> bool | None:
        value = values.get(name)
        return value if isinstance(value, bool) else None

    ca = get("ca", lambda text, at: parse_path(text, at, base))
    scope = words("scope")
    allow = words("allow") or ()
    return Settings(
        profile=get("profile", lambda text, at: _profile(text, at, base)),
        report=get("report", lambda text, at: _folder(text, at, base)),
        gate=get("gate", lambda text, at: choice(text, at, Severity, "severity")),
        scope=_scope(scope, where("scope")) if scope is not None else None,
        resolver=get("resolver", _resolver),
        ca=(where("ca"), ca) if ca is not None else None,
        user=get("user", check_user),
        domain=get("domain", parse_name),
        allow=frozenset(choice(text, where("allow"), Safety, "safety class") for text in allow),
        revocation=flag("revocation"),
    )


def first(*values: T | None) -> T | None:
    """The first value that a source gives."""
    return next((value for value in values if value is not None), None)


def choice(text: str, where: str, kind: type[E], noun: str) -> E:
    """The member of an enumeration that `text` names.

    Raises:
        ConfigurationError: none; the message names the nearest.
    """
    for member in kind:
        if text == member.value:
            return member
    raise problem(
        where, f"no {noun} {quoted(text)}{did_you_mean(text[:60].lower(), (member.value for member in kind))}"
    )


def parse_path(text: str, where: str, base: Path) -> Path:
    """A path, relative to `base`.

    Raises:
        ConfigurationError: it cannot be shown in a report, or is far too long.
    """
    if not text.isprintable() or len(text) > 1000:
        raise problem(where, f"{quoted(text)} is not a usable path: too long, or a character that cannot be shown")
    return base / text


def _scope(items: tuple[str, ...], where: str) -> tuple[Scope, ...]:
    words = [word for item in items for word in re.split(r"[\s,]+", item.strip())]
    return tuple(dict.fromkeys(choice(word, where, Scope, "scope") for word in words))


def _resolver(text: str, where: str) -> Resolver:
    valid = "valid: the IP address of a DNS server; with a port: IPv4:PORT or [IPv6]:PORT"
    place = parse_place(text, where, valid)
    if not is_address(place.host):
        raise problem(where, f"{quoted(text)} is a name; {valid}")
    return Resolver(address=place.host, port=place.port or 53)


def _profile(text: str, where: str, base: Path) -> str:
    """A shipped profile's name as it is, or the path of a file. The file itself is read later, by `load_profile`."""
    known = shipped_profiles()
    if text in known:
        return text
    path = parse_path(text, where, base)
    if "/" in text or path.suffix == ".toml" or _is(Path.is_file, path):
        return str(path)
    raise problem(
        where, f"no profile {quoted(text)}{did_you_mean(text[:60].lower(), known)}; a file is named by its path"
    )


def _folder(text: str, where: str, base: Path) -> Path:
    path = parse_path(text, where, base)
    if os.path.lexists(path) and not _is(Path.is_dir, path):
        raise problem(where, f"{shown_path(path)} is not a folder")
    return path


def _is(test: Callable[[Path], bool], path: Path) -> bool:
    try:
        return test(path)
    except OSError:  # a name that is too long, a folder that may not be looked into
        return False


def check_user(text: str, where: str) -> str:
    """A login name.

    Raises:
        ConfigurationError: no command can hold it.
    """
    # RFC 4616 section 2 takes no NUL; line ends would be commands of their own. The value is not shown: it may be the
    # place where somebody put the password.
    if not text.isprintable() or len(text) > 320:
        raise problem(where, "must be a login name of at most 320 characters without control characters")
    return text
