"""What a domain publishes about MTA-STS: the TXT record and the policy (RFC 8461 sections 3.1 and 3.2)."""

from __future__ import annotations

import re

from smtp_audit.frozen import Frozen
from smtp_audit.published.fields import SHOWN, read_fields
from smtp_audit.wiretext import escape_text

VERSION = "v=STSv1"
"""What the TXT record begins with."""

MODES = ("enforce", "testing", "none")

MAX_AGE = 31557600
"""The longest `max_age` in seconds: a year (RFC 8461 section 3.2)."""

MAX_POLICY_LINES = 1000
"""Lines of a policy that are read."""

MAX_PATTERNS = 200
"""Patterns of a policy that are kept."""

_ID = re.compile(r"[A-Za-z0-9]{1,32}")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_PATTERN = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*")
_FIELD = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]{0,31}):[ \t]*(.*)")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class StsRecord(Frozen):
    """The TXT record. `id` is "" when there is none that can be read."""

    id: str = ""
    problems: tuple[str, ...] = ()


class StsPolicy(Frozen):
    """A policy. `version` and `mode` are "" and `max_age` is None where they are missing or cannot be read; `mx` are
    the patterns in lower case."""

    version: str = ""
    mode: str = ""
    max_age: int | None = None
    mx: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    def pattern_for(self, host: str) -> str | None:
        """The first pattern that matches an MX host, or None."""
        return next((pattern for pattern in self.mx if pattern_matches(pattern, host)), None)

    def __str__(self) -> str:
        age = "no max_age" if self.max_age is None else f"max_age {self.max_age}"
        return f"mode {self.mode or '(none)'}, {age}, mx {', '.join(self.mx) or '(none)'}"


def pattern_matches(pattern: str, host: str) -> bool:
    """Whether a pattern matches the name of an MX host (RFC 8461 section 4.1).

    An asterisk stands for the whole left-most label and for exactly one: `*.example.com` matches `mx.example.com`, and
    neither `example.com` nor `a.mx.example.com`.
    """
    wanted, name = pattern.lower().removesuffix("."), host.lower().removesuffix(".")
    if wanted.startswith("*."):
        first, dot, rest = name.partition(".")
        return bool(first and dot) and rest == wanted[2:]
    return bool(name) and wanted == name


def parse_record(text: str) -> StsRecord:
    """Read a TXT record that begins with `v=STSv1;`. Never raises."""
    read = read_fields(text, VERSION)
    problems = list(read.problems)
    found = read.fields.get("id")
    if found is None:
        problems.append("has no id")
    elif not _ID.fullmatch(found):
        problems.append(f"has an id that is not 1 to 32 letters and digits: {escape_text(found, SHOWN)}")
        found = None
    return StsRecord(id=found or "", problems=tuple(problems))


def parse_policy(body: bytes) -> StsPolicy:
    """Read a policy. Never raises; unknown fields are ignored, and of a repeated one all but the first, as section 3.2
    says."""
    problems: list[str] = []
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        problems.append(f"is not UTF-8 (octet {error.start + 1})")
        text = body.decode("latin-1")
    fields: dict[str, str] = {}
    patterns: list[str] = []
    lines = text.replace("\r\n", "\n").split("\n")
    if lines[-1] == "":
        lines.pop()
    if len(lines) > MAX_POLICY_LINES:
        problems.append(f"has more than {MAX_POLICY_LINES} lines")
    for number, line in enumerate(lines[:MAX_POLICY_LINES], start=1):
        stripped = line.rstrip(" \t")
        found = _FIELD.fullmatch(stripped)
        if found is None or _UNPRINTABLE.search(stripped) or not found[2]:
            what = escape_text(line, SHOWN) or "empty"
            problems.append(f"line {number} is not a name, a colon and a value: {what}")
        elif found[1] == "mx":
            patterns.append(found[2])
        else:
            fields.setdefault(found[1], found[2])
    problems += _wrong_fields(fields)
    wrong = [pattern for pattern in patterns if not _PATTERN.fullmatch(pattern)]
    problems += [f"has an mx that is no host name or *.name: {escape_text(pattern, SHOWN)}" for pattern in wrong[:5]]
    if len(patterns) > MAX_PATTERNS:
        problems.append(f"has more than {MAX_PATTERNS} mx")
    mode = fields.get("mode", "")
    if not patterns and mode != "none":
        problems.append("has no mx")
    age = fields.get("max_age", "")
    return StsPolicy(
        version=fields.get("version", "") if fields.get("version") == "STSv1" else "",
        mode=mode if mode in MODES else "",
        max_age=int(age) if _is_age(age) else None,
        mx=tuple(p.lower() for p in patterns[:MAX_PATTERNS] if p not in wrong),
        problems=tuple(problems),
    )


def _is_age(text: str) -> bool:
    return re.fullmatch(r"[0-9]{1,10}", text) is not None


def _wrong_fields(fields: dict[str, str]) -> list[str]:
    problems = [f"has no {name}" for name in ("version", "mode", "max_age") if name not in fields]
    version, mode, age = fields.get("version", "STSv1"), fields.get("mode", "enforce"), fields.get("max_age", "0")
    if version != "STSv1":
        problems.append(f"has the version {escape_text(version, SHOWN)}, not STSv1")
    if mode not in MODES:
        problems.append(f"has the mode {escape_text(mode, SHOWN)}, which is none of {', '.join(MODES)}")
    if not _is_age(age):
        problems.append(f"has a max_age that is no number of seconds: {escape_text(age, SHOWN)}")
    elif int(age) > MAX_AGE:
        problems.append(f"has a max_age of {int(age)} seconds, more than a year ({MAX_AGE})")
    return problems
