"""The mail domains of the lab as typed data, read from the files in zones/; README.md explains them."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from smtp_audit.facts.endpoint import Role

from .records import ADDRESSES, Key, Records, Value, Words, key_of, rdata_of, words_of

FOLDER = Path(__file__).parent / "zones"
TOP = "example"

HOW = ("signed", "unsigned", "no-ds", "wrong-ds", "stripped", "expired", "not-yet")
SERVICES = ("submissions:465", "submission:587", "imaps:993")
OFFLINE = frozenset({"expired", "not-yet"})


@dataclass(frozen=True)
class Signing:
    """How a zone is signed, and what its parent says about that."""

    how: str = "signed"
    algorithm: int = 13
    bits: int = 2048
    digests: tuple[int, ...] = (2,)
    nsec3: int | None = None
    salt_octets: int = 0
    hours: float | None = None
    without_signatures: frozenset[Key] = frozenset()
    wrong_signatures: frozenset[Key] = frozenset()

    @property
    def offline(self) -> bool:
        """Whether knot could not do it by itself."""
        tampered = self.hours is not None or self.without_signatures or self.wrong_signatures
        weak = self.algorithm in (5, 7, 8, 10) and self.bits < 1024
        return self.how in OFFLINE or bool(tampered) or weak

    @property
    def by_knot(self) -> bool:
        return self.how in ("signed", "no-ds", "wrong-ds") and not self.offline


@dataclass(frozen=True)
class Served:
    """A zone as the name servers have it; `second` is what the second of them says instead, and `lame` that it knows
    nothing of it."""

    name: str
    records: Records
    signing: Signing = Signing()
    second: Records | None = None
    lame: bool = False

    @property
    def apart(self) -> bool:
        """Whether its two name servers are not the same one."""
        return self.second is not None or self.lame


@dataclass(frozen=True)
class Policy:
    """What the policy server does for a domain."""

    body: str
    status: int = 200
    type: str = "text/plain"
    location: str = ""
    certificate: str = "sound"
    behaviour: str = "answer"
    path: str = "/.well-known/mta-sts.txt"


@dataclass(frozen=True)
class Case:
    """One audited domain: what it publishes, the configuration of its audit, and what that must say."""

    family: str
    name: str
    domain: str
    what: str
    must_fail: frozenset[str]
    unknown: frozenset[str]
    not_run: frozenset[str]
    only: bool
    policy: Policy
    sending: tuple[str, ...]
    helo: str
    selectors: tuple[str, ...]
    dnsbl: tuple[str, ...]
    authoritative: bool
    services: tuple[tuple[str, int], ...]
    """Role and port of what the configuration names on the mail server."""
    chain: str | None
    """What its mail server shows; None: nobody looks at it."""
    zones: tuple[Served, ...] = field(repr=False)

    @property
    def right(self) -> bool:
        """Whether nothing is broken in it."""
        return self.what.startswith("right:")


_SIGNING = frozenset(
    [
        "signing",
        "algorithm",
        "bits",
        "digests",
        "nsec3",
        "salt_octets",
        "hours",
        "without_signatures",
        "wrong_signatures",
    ]
)
_CONTENT = frozenset({"extends", "add", "replace", "remove", "second", "lame"})
_AUDIT = frozenset(["policy", "sending", "helo", "selectors", "dnsbl", "authoritative", "services", "chain"])
_SAYS = frozenset(["name", "domain", "what", "must_fail", "unknown", "not_run", "only", "also"])


@dataclass(frozen=True)
class _Read:
    sound: Mapping[str, Sequence[Value]]
    keys: Mapping[str, str]
    entries: Mapping[str, Mapping[str, Any]]
    families: Mapping[str, str]


@cache
def cases(folder: Path = FOLDER) -> tuple[Case, ...]:
    """All audited domains; raises ValueError when something in the files is not understood."""
    read = _read(folder)
    found = []
    addresses = iter(ADDRESSES)
    for number, name in enumerate(read.entries, 1):
        try:
            found.append(_case(number, name, read, addresses))
        except Exception as error:
            raise ValueError(f"{read.families[name]}.toml: {name}: {error}") from error
    domains = [case.domain for case in found]
    if twice := {domain for domain in domains if domains.count(domain) > 1}:
        raise ValueError(f"domains that several entries have: {sorted(twice)}")
    return tuple(found)


def _read(folder: Path) -> _Read:
    sound: Mapping[str, Sequence[Value]] = {}
    keys: Mapping[str, str] = {}
    entries: dict[str, Mapping[str, Any]] = {}
    families: dict[str, str] = {}
    for path in sorted(folder.glob("*.toml")):
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        if unknown := table.keys() - {"about", "sound", "zone", "words"}:
            raise ValueError(f"{path.name}: no such tables: {sorted(unknown)}")
        if "sound" in table:
            sound = table["sound"]["records"]
            keys = table["words"]
        for entry in table.get("zone", ()):
            name = entry.get("name")
            if name in entries:
                raise ValueError(f"{path.name}: a second zone {name}")
            if unknown := entry.keys() - _SIGNING - _CONTENT - _AUDIT - _SAYS:
                raise ValueError(f"{path.name}: {name}: no such keys: {sorted(unknown)}")
            if missing := {"name", "what"} - entry.keys():
                raise ValueError(f"{path.name}: {name}: it lacks {sorted(missing)}")
            entries[name] = entry
            families[name] = path.stem
    return _Read(sound, keys, entries, families)


def _case(number: int, name: str, read: _Read, addresses: Iterator[str]) -> Case:
    entry = read.entries[name]
    domain = str(entry.get("domain", f"{name}.{TOP}"))
    whole = _inherited(entry, read)
    own = list(islice(addresses, 2 if "@ip4b@" in str(whole) else 1))
    words = words_of(number, domain, read.keys, own)
    zones = [_served(domain, _lines(whole, read), whole, words)]
    for other in whole.get("also", ()):
        if unknown := other.keys() - _SIGNING - _CONTENT - {"name", "records"}:
            raise ValueError(f"also: no such keys: {sorted(unknown)}")
        other_name = words.fill_in(other["name"])
        lines = _lines({"extends": "nothing", **other}, read)
        lines.update(other.get("records", {}))
        theirs = replace(words, known={**words.known, "domain": other_name})
        zones.append(_served(other_name, lines, other, theirs))
    policy = dict(whole.get("policy", {}))
    return Case(
        family=read.families[name],
        name=name,
        domain=domain,
        what=entry["what"],
        must_fail=frozenset(entry.get("must_fail", ())),
        unknown=frozenset(entry.get("unknown", ())),
        not_run=frozenset(entry.get("not_run", ())),
        only=bool(entry.get("only", False)),
        policy=_policy(policy, words),
        sending=tuple(words.fill_in(text) for text in whole.get("sending", ("@ip4@", "@ip6@"))),
        helo=words.fill_in(whole.get("helo", "mail.@domain@")),
        selectors=tuple(whole.get("selectors", ("s1", "s2"))),
        dnsbl=tuple(words.fill_in(text) for text in whole.get("dnsbl", ())),
        authoritative=bool(whole.get("authoritative", False)),
        services=tuple(_service(text) for text in whole.get("services", SERVICES)),
        chain=whole.get("chain"),
        zones=tuple(zones),
    )


def _service(text: str) -> tuple[str, int]:
    role, _, port = text.partition(":")
    return Role(role).value, int(port)


def _inherited(entry: Mapping[str, Any], read: _Read) -> dict[str, Any]:
    """The entry with what it takes over from the one that it extends; what is told of a verdict is never taken over."""
    base = entry.get("extends", "sound")
    if base in ("sound", "nothing"):
        return {**entry, "steps": [(base, entry)]}
    inherited = _inherited(read.entries[base], read)
    taken = {key: value for key, value in inherited.items() if key in _SIGNING | _AUDIT | {"also"}}
    return {**taken, **entry, "steps": [*inherited["steps"], (None, entry)]}


def _lines(whole: Mapping[str, Any], read: _Read) -> dict[str, list[Value]]:
    """Keys and values after all removing, replacing and adding."""
    lines: dict[str, list[Value]] = {}
    for base, step in whole.get("steps") or [(whole["extends"], whole)]:
        if base == "sound":
            lines = {key: list(values) for key, values in read.sound.items()}
        for key in step.get("remove", ()):
            owner, _, rdtype = key.partition(" ")
            gone = [known for known in lines if known == key or (rdtype == "*" and known.split()[0] == owner)]
            if not gone:
                raise ValueError(f"remove: there is no {key!r}")
            for known in gone:
                del lines[known]
        for key, values in step.get("replace", {}).items():
            if key not in lines:
                raise ValueError(f"replace: there is no {key!r}")
            lines[key] = list(values)
        for key, values in step.get("add", {}).items():
            lines.setdefault(key, []).extend(values)
    return lines


def _served(name: str, lines: Mapping[str, Sequence[Value]], table: Mapping[str, Any], words: Words) -> Served:
    second = table.get("second")
    return Served(
        name=name,
        records=_records(lines, name, words),
        signing=_signing(table, name, words),
        second=None if second is None else _records(second, name, words),
        lame=bool(table.get("lame", False)),
    )


def _records(lines: Mapping[str, Sequence[Value]], domain: str, words: Words) -> Records:
    found: Records = {}
    for text, values in lines.items():
        key = key_of(text, domain, words)
        found.setdefault(key, []).extend(rdata_of(key[1], value, domain, words) for value in values)
    return found


def _signing(table: Mapping[str, Any], domain: str, words: Words) -> Signing:
    if (how := table.get("signing", "signed")) not in HOW:
        raise ValueError(f"signing is one of {HOW}, not {how!r}")
    without, wrong = (
        frozenset(key_of(text, domain, words) for text in table.get(key, ()))
        for key in ("without_signatures", "wrong_signatures")
    )
    return Signing(
        how=how,
        algorithm=table.get("algorithm", 13),
        bits=table.get("bits", 2048),
        digests=tuple(table.get("digests", (2,))),
        nsec3=table.get("nsec3"),
        salt_octets=table.get("salt_octets", 0),
        hours=table.get("hours"),
        without_signatures=without,
        wrong_signatures=wrong,
    )


def _policy(table: dict[str, Any], words: Words) -> Policy:
    ends = table.pop("ends", "\r\n")
    body = table.pop("body", "version: STSv1\nmode: enforce\nmx: mail.@domain@\nmax_age: 604800\n")
    if "location" in table:
        table["location"] = words.fill_in(table["location"])
    return Policy(body=words.fill_in(body).replace("\r\n", "\n").replace("\n", ends), **table)
