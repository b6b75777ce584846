"""The servers of the lab as typed data, read from the files in servers/; servers/README.md explains them."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from typing import Any

from smtp_audit.control import load_builtin
from smtp_audit.facts.endpoint import Endpoint
from smtp_audit.facts.tls import TlsFlawFacts
from smtp_audit.safety import Safety

from . import faults as _faults  # noqa: F401 (names them)
from .authority import Kind
from .chapters import Chapters, only, read_chapters
from .scripted import broken
from .scripted_mailbox import MAILBOX_ROLES

CHAPTERS = "SMTP_AUDIT_LIVE_CHAPTERS"
"""An environment variable for narrow runs: the chapters whose servers are started and audited, parted by commas."""

HOST = "mail.lab.example"
DOMAIN = "lab.example"

_CONTROLS = {
    control.id: control
    for control in load_builtin()
    if control.subject is Endpoint
    # sslyze's; it has tests of its own.
    and TlsFlawFacts not in control.needs
    and control.origin.startswith("smtp_audit.controls.")
}

CONTROLS = frozenset(_CONTROLS)
"""The controls that this lab has to show at work."""

BEYOND_REACH = frozenset({"tls-post-quantum"})
"""What the strict profile asks for and Debian 12 cannot serve: OpenSSL has ML-KEM since 3.5."""

# Without a greeting or without TLS there is nothing left to judge.
_HIDES_THE_REST = frozenset({"service-greeting", "starttls-offered", "starttls-works", "implicit-tls"})
_SEEN_ALL_THE_SAME = frozenset({"port-open", "port-closed"})

GROUPS: Mapping[str, frozenset[Safety]] = {
    "quick": frozenset({Safety.PASSIVE}),
    "throttled": frozenset({Safety.PASSIVE}),
    "asked": frozenset({Safety.PASSIVE, Safety.ACTIVE, Safety.INTRUSIVE}),
    "slow": frozenset({Safety.PASSIVE, Safety.SLOW}),
}
"""The servers that are audited in one run, and the classes of controls that this run allows."""

INDEPENDENT = "independent"
"""What the servers of independent/ are audited as, in one run as well."""

# No server of others passes mail on to an address of the audit's.
_ALLOWED = {**GROUPS, INDEPENDENT: frozenset({Safety.PASSIVE, Safety.ACTIVE})}
_NEVER_MET = {INDEPENDENT: frozenset({"forwarded-line-ends", "forwarded-nul", "dropped-message-forgotten"})}

# It asks third parties: --smtp-revocation.
_NEVER_ASKED_FOR = frozenset({"certificate-revocation"})

SCRIPTED = "scripted"
"""The server of scripted.py."""
SCRIPTED_ROLES = frozenset({"mx", "submission", "submissions"}) | MAILBOX_ROLES

_SAME_NAME = ("certificate", "tls", "backend", "front", "group", "indeterminate", "host_of", "main")


@dataclass(frozen=True)
class Backend:
    """A Dovecot that is asked for passwords."""

    set: Mapping[str, str] = field(default_factory=dict)
    penalty: bool = False
    """Whether each wrong password makes the next one from the same address wait longer."""
    answers: bool = True
    """Whether anybody is there."""
    scheme: str = "PLAIN"
    """How passwords are stored: the name of one of Dovecot's schemes."""


@dataclass(frozen=True)
class Entry:
    """One server of the catalogue; servers/README.md says what each key means."""

    name: str
    role: str
    server: str
    what: str
    must_fail: frozenset[str]
    """All that fails, by the fault and by the role."""
    role_passes: frozenset[str] = frozenset()
    """What the role's well-kept service passes, whatever it fails by its role alone."""
    role_fails: frozenset[str] = frozenset()
    """What every server of the role fails."""
    strict: frozenset[str] | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    certificate: str = "sound"
    tls: bool | None = None
    backend: str = "sound"
    front: str = "smtpd"
    group: str = "quick"
    indeterminate: bool = False
    undecided: frozenset[str] = frozenset()
    """The controls that can come to no verdict; with `indeterminate` others may not, either."""
    without: frozenset[str] = frozenset()
    """The controls of the role that have no object here: what they are about is not offered."""
    host_of: str | None = None
    """Another entry, whose host this one is on, too; by itself each entry is a host of its own."""
    main: Mapping[str, str] = field(default_factory=dict)
    """Settings of Postfix that only main.cf can hold; such an entry is an instance of its own."""
    faults: tuple[str, ...] = ()
    """Of the scripted server, in faults/."""
    opens: tuple[int, ...] = ()
    """Further ports of its address that take connections."""
    chapter: str = "sound"
    """The file it stands in, without its suffix."""

    @property
    def sound(self) -> bool:
        """Whether this is the well-kept service that its siblings are compared with."""
        return self.name == sound_name(self.role, self.group)

    @property
    def hides(self) -> bool:
        """Whether its fault stands before others that may be there too: nobody can see and judge those."""
        return self.indeterminate or bool(self.must_fail & _HIDES_THE_REST)

    @property
    def judged(self) -> frozenset[str]:
        """The controls that the audit of its group allows."""
        return judged(self.group)

    @property
    def must_pass(self) -> frozenset[str]:
        """The controls that have to pass: a verdict that is merely missing is no success."""
        passing = self.role_passes & self.judged
        if self.hides:
            return passing & {"port-open"}
        passing -= self.must_fail | self.undecided | self.without
        if "certificate-in-date" in self.must_fail:
            # Not applicable: what is out of date has no days left to count.
            passing -= {"certificate-days-left"}
        if "certificate-trusted" in self.must_fail:
            # Nor is the issuer's name, which anybody can write into a certificate.
            passing -= {"certificate-issuer"}
        if "certificate-name" in self.must_fail:
            # Nor is the name that the server greets with compared with those of a certificate for somebody else.
            passing -= {"greeting-name-in-certificate"}
        if "smtp-greeting-name" in self.must_fail:
            # Half a name is compared with nothing.
            passing -= {"greeting-name-agrees", "greeting-name-in-certificate"}
        if "tls-current-version" in self.must_fail:
            # Before TLS 1.2 there is no choice of signatures to judge.
            passing -= {"tls-signature-hash"}
        if "relay-refused" in self.must_fail:
            # Where plain addresses are relayed, routed ones say nothing more.
            passing -= {"relay-routed-refused"}
        if {"auth-wrong-passwords", "auth-limits-guesses"} <= self.must_fail:
            # Where every password is right there is nothing to compare.
            passing -= {"auth-same-answer", "auth-same-time"}
        if "auth-offered" in self.must_fail:
            # What is not offered cannot be cancelled.
            passing -= {"auth-cancel"}
        return passing


@dataclass(frozen=True)
class Catalogue:
    entries: tuple[Entry, ...]
    """The well-kept services of group quick first, the others chapter by chapter."""
    certificates: Mapping[str, Kind]
    backends: Mapping[str, Backend]
    debian_default: Mapping[str, frozenset[str]]
    """Role -> the true findings about Debian's servers as installed."""
    about: Mapping[str, str]
    """Chapter -> what it is about, in a sentence."""

    def group(self, name: str) -> list[Entry]:
        """The entries that are audited in one run."""
        return [entry for entry in self.entries if entry.group == name]


def sound_name(role: str, group: str = "quick") -> str:
    """The name of the well-kept service of a role."""
    return f"sound-{role}" if group in ("quick", "throttled") else f"sound-{role}-{group}"


def judged(group: str) -> frozenset[str]:
    """The controls that the audit of a group allows."""
    allowed, never = _ALLOWED[group], _NEVER_ASKED_FOR | _NEVER_MET.get(group, frozenset())
    return frozenset(name for name, control in _CONTROLS.items() if control.safety in allowed) - never


@cache
def catalogue() -> Catalogue:
    """The catalogue; raises ValueError when a line of it makes no sense."""
    chapters = read_chapters(Path(__file__).with_name("servers"))
    if only_these := os.environ.get(CHAPTERS):
        chapters.servers = [item for item in chapters.servers if item[0] in only_these.split(",")]
    return made_of(chapters)


def made_of(chapters: Chapters) -> Catalogue:
    """The catalogue that these files hold together; raises ValueError when a line makes no sense."""
    certificates = {name: _kind(name, table) for name, table in chapters.certificates.items()}
    backends = {name: _backend(name, table) for name, table in chapters.backends.items()}
    for role in {*chapters.passes, *chapters.fails, *chapters.debian_default} - {"every_role", *chapters.sound}:
        raise ValueError(f"there is no well-kept {role}")
    sound = {role: _sound(role, chapters) for role in chapters.sound}
    twins = [_twin(group, role, chapters, sound) for group, role in chapters.twins]
    base = {(entry.group, entry.role): entry for entry in (*sound.values(), *twins)}
    base |= {("throttled", role): replace(entry, group="throttled") for role, entry in sound.items()}
    servers = [_server(chapter, table, base) for chapter, table in chapters.servers]
    entries = (*sound.values(), *twins, *servers)
    names = [entry.name for entry in entries]
    for entry in entries:
        if names.count(entry.name) > 1:
            raise ValueError(f"two servers are called {entry.name}")
        _check(entry, certificates, backends)
    debian = {role: frozenset(found) for role, found in chapters.debian_default.items()}
    return Catalogue(entries, certificates, backends, debian, chapters.about)


def _check(entry: Entry, certificates: Mapping[str, Kind], backends: Mapping[str, Backend]) -> None:
    if (
        unknown := (
            entry.must_fail | entry.undecided | entry.without | entry.role_passes | (entry.strict or frozenset())
        )
        - CONTROLS
    ):
        raise ValueError(f"{entry.name}: unknown controls {sorted(unknown)}")
    if unseen := entry.must_fail - entry.judged:
        raise ValueError(f"{entry.name}: group {entry.group} does not allow {sorted(unseen)}")
    if entry.certificate not in certificates:
        raise ValueError(f"{entry.name}: unknown certificate {entry.certificate}")
    if entry.backend not in backends:
        raise ValueError(f"{entry.name}: unknown backend {entry.backend}")
    if entry.server == "dovecot" and not backends[entry.backend].answers:
        raise ValueError(f"{entry.name}: Dovecot answers by itself")
    if entry.indeterminate and entry.must_fail:
        raise ValueError(f"{entry.name}: what hides its facts cannot be proven to fail")
    if entry.server != SCRIPTED and entry.faults:
        raise ValueError(f"{entry.name}: only the scripted server has faults")
    broken(entry.faults, entry.role)


def _kind(name: str, table: dict[str, Any]) -> Kind:
    only(table, {item.name for item in fields(Kind)}, f"certificate.{name}")
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    return Kind(**values)


def _backend(name: str, table: dict[str, Any]) -> Backend:
    only(table, {item.name for item in fields(Backend)}, f"backend.{name}")
    return Backend(**table)


def _sound(role: str, chapters: Chapters) -> Entry:
    table = chapters.sound[role]
    only(table, {"server", "strict", "set"}, f"sound.{role}")
    fails = frozenset(chapters.fails.get(role, ())) & judged("quick")
    return Entry(
        name=sound_name(role),
        role=role,
        server=table["server"],
        what="well kept",
        must_fail=fails,
        role_passes=frozenset([*chapters.passes.get("every_role", ()), *chapters.passes.get(role, ())]),
        role_fails=frozenset(chapters.fails.get(role, ())),
        strict=_optional(table.get("strict"), fails),
        settings=table.get("set", {}),
    )


def _twin(group: str, role: str, chapters: Chapters, sound: Mapping[str, Entry]) -> Entry:
    if group not in ("asked", "slow") or role not in sound:
        raise ValueError(f"twin.{group}.{role}: no such group or role")
    table = chapters.twins[group, role]
    only(table, {"set", "backend"}, f"twin.{group}.{role}")
    base = sound[role]
    return replace(
        base,
        name=sound_name(role, group),
        must_fail=base.role_fails & judged(group),
        strict=None,
        settings={**base.settings, **table.get("set", {})},
        backend=table.get("backend", base.backend),
        group=group,
    )


def _server(chapter: str, table: dict[str, Any], base: Mapping[tuple[str, str], Entry]) -> Entry:
    name, group = str(table.get("name")), table.get("group", "quick")
    made_by_us = {"settings", "role_passes", "role_fails", "chapter"}
    only(table, {item.name for item in fields(Entry)} - made_by_us | {"set"}, name)
    if group not in GROUPS:
        raise ValueError(f"{name}: unknown group {group}")
    if (group, table["role"]) not in base:
        raise ValueError(f"{name}: there is no well-kept {table['role']} in group {group}")
    sound = base[group, table["role"]]
    server = table.get("server", sound.server)
    if server != sound.server and (server != SCRIPTED or table["role"] not in SCRIPTED_ROLES):
        raise ValueError(f"{name}: {server} is no server for {table['role']}")
    if server == SCRIPTED and (wrong := set(table) & {"set", "tls", "front", "backend", "main"}):
        raise ValueError(f"{name}: the scripted server has no {sorted(wrong)}")
    entry = Entry(
        name=name,
        role=table["role"],
        server=server,
        what=table["what"],
        must_fail=frozenset(table["must_fail"]),
        undecided=frozenset(table.get("undecided", ())),
        without=frozenset(table.get("without", ())),
        role_passes=sound.role_passes,
        role_fails=sound.role_fails,
        settings={} if server == SCRIPTED else {**sound.settings, **table.get("set", {})},
        faults=tuple(table.get("faults", ())),
        opens=tuple(table.get("opens", ())),
        chapter=chapter,
        **{"backend": sound.backend, **{key: table[key] for key in _SAME_NAME if key in table}},
    )
    if entry.indeterminate:
        return entry
    fails = entry.role_fails & entry.judged
    if entry.hides:
        fails &= _SEEN_ALL_THE_SAME
    return replace(entry, must_fail=entry.must_fail | fails, strict=_optional(table.get("strict"), fails))


def _optional(controls: list[str] | None, fails: frozenset[str]) -> frozenset[str] | None:
    return None if controls is None else frozenset(controls) | fails
