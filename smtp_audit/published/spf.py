"""SPF records (RFC 7208): text in, terms out, and every departure from the grammar of section 12 with its place."""

from __future__ import annotations

import re
from enum import StrEnum
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from itertools import islice
from typing import Any, Final

from smtp_audit.frozen import Frozen
from smtp_audit.limits import MAX_SPF_TERMS
from smtp_audit.published.spf_macro import EXPLANATION_LETTERS, ends_in_macro, macro_letters, macro_problem
from smtp_audit.suggestion import did_you_mean
from smtp_audit.wiretext import escape_text

SPF_VERSION: Final = "v=spf1"
MECHANISMS: Final = ("all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists")
MOST_IN_PROBLEMS: Final = 60
"""Characters of a term that a problem shows."""

_MODIFIER = re.compile(r"([A-Za-z][A-Za-z0-9\-_.]*)=(.*)", re.DOTALL)
_MECHANISM = re.compile(r"([A-Za-z][A-Za-z0-9]*)(.*)", re.DOTALL)
_PREFIX4 = r"0|[1-9][0-9]?"
_PREFIX6 = r"0|[1-9][0-9]{0,2}"
_DUAL_PREFIX = re.compile(rf"(?:/(?P<four>{_PREFIX4}))?(?://(?P<six>{_PREFIX6}))?\Z")
_PREFIX_LIKE = re.compile(r"/[^/:.]*\Z")
_LABEL = re.compile(r"[A-Za-z0-9-]+")
# What somebody meant as SPF and no receiver takes for it: a space or quote in front, no space behind, another sign.
_NEARLY = re.compile(r"(?:v\s*)?(?:[=:]\s*)?[\"']?spf[-_]?1?\b|.*\bv\s*=\s*spf1", re.IGNORECASE | re.DOTALL)
_LOOKED_AT = 1000
"""Characters of a record that are looked at for that."""
_IN_FRONT = " \t\r\n\"'`(\ufeff\xa0\xef\xbb\xbf"


class Qualifier(StrEnum):
    """What a match of a mechanism means (RFC 7208 section 4.6.2)."""

    PASS = "+"  # noqa: S105 (no password)
    FAIL = "-"
    SOFTFAIL = "~"
    NEUTRAL = "?"


_QUALIFIERS = frozenset(Qualifier)


class Mechanism(Frozen):
    """A directive: a mechanism with its qualifier.

    `place` counts the terms of the record from 1; `text` is the term as written, which is printable ASCII. `domain` is
    the domain-spec with its macros, empty when there is none. `address` is that of ip4 and ip6. A prefix is None when
    the term does not give one.
    """

    place: int
    text: str
    qualifier: Qualifier
    name: str
    domain: str = ""
    address: str = ""
    prefix4: int | None = None
    prefix6: int | None = None

    @property
    def asks(self) -> bool:
        """Whether it counts among the terms with look-ups (RFC 7208 section 4.6.4)."""
        return self.name in ("include", "a", "mx", "ptr", "exists")


class Modifier(Frozen):
    """A modifier; its name is in lower case."""

    place: int
    text: str
    name: str
    value: str


class SpfRecord(Frozen):
    """A record that begins as SPF does.

    With `problems` it is a permerror for every receiver (RFC 7208 section 4.6); the terms are then those that could be
    read. `cut`: there are more terms than are read here, and nothing is known of them.
    """

    text: str
    mechanisms: tuple[Mechanism, ...] = ()
    modifiers: tuple[Modifier, ...] = ()
    problems: tuple[str, ...] = ()
    cut: bool = False

    @property
    def all(self) -> Mechanism | None:
        """The first `all`: it matches everyone, so that nothing behind it counts (section 5.1)."""
        return next((term for term in self.mechanisms if term.name == "all"), None)

    @property
    def live(self) -> tuple[Mechanism, ...]:
        """The mechanisms that can be reached: those up to the first `all`."""
        last = self.all
        return tuple(term for term in self.mechanisms if last is None or term.place <= last.place)

    @property
    def dead(self) -> tuple[Mechanism, ...]:
        """The mechanisms behind an `all`."""
        return self.mechanisms[len(self.live) :]

    @property
    def redirect(self) -> Modifier | None:
        """The redirect, also where an `all` keeps it from being used."""
        return self._modifier("redirect")

    @property
    def explanation(self) -> Modifier | None:
        """The exp modifier."""
        return self._modifier("exp")

    def _modifier(self, name: str) -> Modifier | None:
        return next((term for term in self.modifiers if term.name == name), None)


def is_spf(text: str) -> bool:
    """Whether a TXT record is one of SPF: the version, in letters of either case, and a space or the end (section
    4.5)."""
    return text[: len(SPF_VERSION)].lower() == SPF_VERSION and text[len(SPF_VERSION) :][:1] in ("", " ")


def nearly_spf(text: str) -> bool:
    """Whether a TXT record was meant as SPF, and is not taken for it by anyone."""
    return not is_spf(text) and _NEARLY.match(text[:_LOOKED_AT].lstrip(_IN_FRONT)[:200]) is not None


def parse_spf(text: str) -> SpfRecord:
    """The record that a TXT record holds; `text` has one character an octet. Never raises."""
    mechanisms: list[Mechanism] = []
    modifiers: list[Modifier] = []
    problems: list[str] = []
    if not is_spf(text):
        problems.append(f"it does not begin with {SPF_VERSION} and a space")
    # Only spaces part the terms (section 4.6.1): a tab or a line end is part of a term, and an error in it.
    words = [found[0] for found in islice(re.finditer("[^ ]+", text[len(SPF_VERSION) :]), MAX_SPF_TERMS + 1)]
    for place, word in enumerate(words[:MAX_SPF_TERMS], 1):
        try:
            term = _term(word, place)
            if isinstance(term, Mechanism):
                mechanisms.append(term)
            else:
                if term.name in ("redirect", "exp") and any(known.name == term.name for known in modifiers):
                    problems.append(_at(place, word, f"a second {term.name}: a record has one at most"))
                modifiers.append(term)
        except _Problem as problem:
            problems.append(_at(place, word, str(problem)))
    return SpfRecord(
        text=text,
        mechanisms=tuple(mechanisms),
        modifiers=tuple(modifiers),
        problems=tuple(problems),
        cut=len(words) > MAX_SPF_TERMS,
    )


class _Problem(Exception):
    """What is wrong with one term."""


def _at(place: int, word: str, problem: str) -> str:
    return f"term {place} ({escape_text(word, MOST_IN_PROBLEMS)}): {problem}"


def _term(word: str, place: int) -> Mechanism | Modifier:
    modifier = _MODIFIER.fullmatch(word)
    if modifier is not None:
        return _modifier(modifier[1].lower(), modifier[2], word, place)
    signed = word[0] in _QUALIFIERS
    found = _MECHANISM.fullmatch(word[1:] if signed else word)
    if found is None or found[1].lower() not in MECHANISMS:
        raise _Problem(_unknown(word))
    name, rest = found[1].lower(), found[2]
    qualifier = Qualifier(word[0]) if signed else Qualifier.PASS
    return Mechanism(place=place, text=word, qualifier=qualifier, name=name, **_parts(name, rest))


def _modifier(name: str, value: str, word: str, place: int) -> Modifier:
    # The grammar would take a malformed redirect or exp for an unknown modifier; it is not meant so (section 6: "If
    # they do not conform to the syntax, permerror", as the RFC's own test suite has it).
    problem = _domain_problem(value) if name in ("redirect", "exp") else macro_problem(value)
    if problem:
        raise _Problem(problem)
    return Modifier(place=place, text=word, name=name, value=value)


def _parts(name: str, rest: str) -> dict[str, Any]:
    """What stands behind the name of a mechanism."""
    if name == "all":
        if rest:
            raise _Problem(f"nothing may stand behind all, and not {escape_text(rest, 20)}")
        return {}
    if name == "ip4":
        return _network4(rest)
    if name == "ip6":
        return _network6(rest)
    prefixes: dict[str, Any] = {}
    spec = rest
    if name in ("a", "mx"):
        found = _DUAL_PREFIX.search(rest)
        if found is not None and found[0]:
            spec = rest[: found.start()]
            prefixes = {"prefix4": _prefix(found["four"], 32), "prefix6": _prefix(found["six"], 128)}
    if not spec and name not in ("include", "exists"):
        return prefixes
    if not spec.startswith(":"):
        if spec.startswith("/"):
            raise _Problem(_no_prefix(name, spec))
        raise _Problem(f"a colon and a name have to stand behind {name}" if not spec else _unknown(name + spec))
    problem = _domain_problem(spec[1:])
    if problem:
        raise _Problem(_no_prefix(name, spec) if _PREFIX_LIKE.search(spec) and "%" not in spec else problem)
    return {"domain": spec[1:], **prefixes}


def _no_prefix(name: str, spec: str) -> str:
    shown = escape_text(spec[spec.index("/") :], 20)
    if name in ("a", "mx"):
        return f"{shown} is no prefix: /0 to /32 for IPv4, //0 to //128 for IPv6, or both, without leading zeros"
    return f"{name} takes no prefix, and {shown} is no end of a name"


def _prefix(digits: str | None, most: int) -> int | None:
    if digits is None:
        return None
    if int(digits) > most:  # three digits at most: the expression lets in no more
        raise _Problem(f"/{digits} is longer than an address of {most} bits")
    return int(digits)


def _network4(rest: str) -> dict[str, Any]:
    address, prefix = _network(rest, "ip4", _PREFIX4, 32)
    try:
        IPv4Address(address)
    except AddressValueError:
        version = "; an IPv6 address is written ip6:" if address.count(":") > 1 else ""
        raise _Problem(f"{escape_text(address, 50) or 'nothing'} is no IPv4 address{version}") from None
    return {"address": address, "prefix4": prefix}


def _network6(rest: str) -> dict[str, Any]:
    address, prefix = _network(rest, "ip6", _PREFIX6, 128)
    try:
        if "%" in address:  # a zone (RFC 4007): ipaddress knows it, RFC 4291 section 2.2 does not
            raise AddressValueError
        IPv6Address(address)
    except AddressValueError:
        version = "; an IPv4 address is written ip4:" if address.count(".") == 3 and ":" not in address else ""
        raise _Problem(f"{escape_text(address, 50) or 'nothing'} is no IPv6 address{version}") from None
    return {"address": address, "prefix6": prefix}


def _network(rest: str, name: str, prefix: str, most: int) -> tuple[str, int | None]:
    if not rest.startswith(":"):
        raise _Problem(f"a colon and an address have to stand behind {name}")
    address, slash, digits = rest[1:].partition("/")
    if slash and not re.fullmatch(prefix, digits):
        raise _Problem(f"/{escape_text(digits, 20)} is no prefix: /0 to /{most}, without leading zeros")
    return address, _prefix(digits if slash else None, most)


def _domain_problem(spec: str) -> str:
    """What keeps a text from being a domain-spec (section 7.1); empty when nothing does."""
    if not spec:
        return "the name is missing"
    problem = macro_problem(spec)
    if problem:
        return problem
    reserved = sorted(macro_letters(spec) & set(EXPLANATION_LETTERS))
    if reserved:
        return f"%{{{reserved[0]}}} is for explanation texts only"
    if ends_in_macro(spec):
        return ""
    before, dot, top = spec.removesuffix(".").rpartition(".")
    if not dot:
        return f"{escape_text(spec, 50)} is a single label, and no name"
    if not _is_top_label(top):
        if top.isdigit() and before.replace(".", "").isdigit():
            return f"{escape_text(spec, 50)} is an address, and no name: write ip4:{escape_text(spec, 50)}"
        return f"{escape_text(top, 50)} is no last label of a name"
    return ""


def _is_top_label(label: str) -> bool:
    """toplabel: letters, digits and hyphens, not digits alone, no hyphen at either end (RFC 3696 section 2)."""
    if not _LABEL.fullmatch(label):
        return False
    return not (label.isdigit() or label.startswith("-") or label.endswith("-"))


def _unknown(word: str) -> str:
    name = re.split(r"[:/=]", word.lstrip("+-~?"), maxsplit=1)[0]
    if name.lower() in ("redirect", "exp"):
        return f"{name.lower()} is a modifier, which has = and not : and no sign before it"
    if not name.isascii() or not name.isprintable() or not name:
        return "no mechanism and no modifier"
    return f"no mechanism and no modifier{did_you_mean(name[:20].lower(), MECHANISMS)}"
