"""DMARC policy records: what stands at `_dmarc.DOMAIN` (RFC 9989 sections 4.7 and 4.8, RFC 7489 section 6.3 before)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum

from smtp_audit.frozen import Frozen
from smtp_audit.limits import MAX_REPORT_ADDRESSES
from smtp_audit.published.tags import TagList, parse_tags, quoted
from smtp_audit.wiretext import escape_text

_VERSION = re.compile(r"[vV][ \t]*=[ \t]*DMARC1[ \t]*(?:;|\Z)")
"""RFC 9989 section 4.8: v is the first tag, its value exact. What begins otherwise is no DMARC record, and no fault."""

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9._~:/?#\[\]@$&'()*+;=-]|%[0-9A-Fa-f]{2})+")
"""RFC 3986 appendix A, as far as characters go. Commas and exclamation marks are encoded (RFC 9989 section 4.8)."""
_PERCENT = re.compile("%([0-9A-Fa-f]{2})")
_SIZE = re.compile(r"!([0-9]{1,15}[kmgtKMGT]?)\Z")
_LOCAL = re.compile(r"[^\s@<>()\[\],;:\"\\]{1,64}|\"[^\"\\\r\n]{1,62}\"")
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})+\.?")
_WSP = " \t\r\n"

CURRENT = ("v", "p", "sp", "np", "psd", "t", "adkim", "aspf", "fo", "rua", "ruf")
OBSOLETE = ("pct", "ri", "rf")
"""Tags of RFC 7489 that RFC 9989 (appendix C) has no more."""


class Policy(StrEnum):
    """What the owner of a domain asks for when a message fails DMARC; from the mildest."""

    NONE = "none"
    QUARANTINE = "quarantine"
    REJECT = "reject"

    @property
    def lowered(self) -> Policy:
        """One step down: what t=y makes of it (RFC 9989 section 4.7)."""
        return Policy.QUARANTINE if self is Policy.REJECT else Policy.NONE


class ReportUri(Frozen):
    """An address that reports go to. `host` is empty where it has none; `size` the obsolete limit behind `!`.

    `problem` is escaped; with one, nobody sends there.
    """

    text: str
    scheme: str = ""
    host: str = ""
    size: str = ""
    problem: str = ""

    def __str__(self) -> str:
        return escape_text(self.text, 120)


class DmarcRecord(Frozen):
    """One policy record.

    `p`, `sp`, `np` are None where the tag is absent or `invalid` names it. `pct` is what older receivers read. `psd` is
    "u" without the tag. `problems` are breaches of the form, `notes` what is allowed and may surprise; both escaped.
    """

    tags: TagList
    p: Policy | None = None
    sp: Policy | None = None
    np: Policy | None = None
    invalid: tuple[str, ...] = ()
    psd: str = "u"
    testing: bool = False
    adkim: str = "r"
    aspf: str = "r"
    rua: tuple[ReportUri, ...] = ()
    ruf: tuple[ReportUri, ...] = ()
    pct: int = 100
    obsolete: tuple[str, ...] = ()
    """What RFC 9989 has no more, as published: `pct=50`, or a limit of size."""
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def asks_for_reports(self) -> bool:
        """Whether rua has at least one address of a right form (RFC 9989 section 4.10.1)."""
        return any(not uri.problem for uri in self.rua)

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts that reports go to, of both kinds."""
        return tuple(dict.fromkeys(uri.host for uri in (*self.rua, *self.ruf) if uri.host and not uri.problem))

    def improved(self, **policies: Policy) -> str:
        """The record with other policies, without what is wrong or obsolete in it, and not in test mode."""
        chosen = {"p": self.p or Policy.NONE, "sp": self.sp, "np": self.np, **policies}
        parts = ["v=DMARC1", *(f"{name}={policy}" for name, policy in chosen.items() if policy is not None)]
        parts += [f"psd={self.psd}"] if self.psd != "u" else []
        parts += [f"{name}=s" for name, mode in (("adkim", self.adkim), ("aspf", self.aspf)) if mode == "s"]
        for name, uris in (("rua", self.rua), ("ruf", self.ruf)):
            right = [str(uri).removesuffix(f"!{uri.size}") for uri in uris if not uri.problem]
            parts += [f"{name}={','.join(right)}"] if right else []
        return "; ".join(parts)

    def __str__(self) -> str:
        return escape_text(str(self.tags), 300)


def is_dmarc(text: str) -> bool:
    """Whether the text of a TXT record is a DMARC record; all others at the name are ignored (RFC 9989 4.10)."""
    return _VERSION.match(text) is not None


def resembles_dmarc(text: str) -> bool:
    """Whether a text that is none was probably meant to be one."""
    return not is_dmarc(text) and "dmarc1" in re.sub(r"[^a-z0-9]", "", text.lower())


def parse_dmarc(text: str) -> DmarcRecord:
    """The policy record in a text that `is_dmarc`. Never raises: a tag that is wrong is named and has its default."""
    tags = parse_tags(text)
    problems = list(tags.problems)
    notes: list[str] = []
    policies, invalid = _policies(tags, problems, notes)
    fields = {
        "psd": _choice(tags, "psd", ("y", "n", "u"), "u", problems),
        "adkim": _choice(tags, "adkim", ("r", "s"), "r", problems),
        "aspf": _choice(tags, "aspf", ("r", "s"), "r", problems),
    }
    testing = _choice(tags, "t", ("y", "n"), "n", problems) == "y"
    rua = _uris(tags, "rua", problems, notes)
    ruf = _uris(tags, "ruf", problems, notes)
    _failure_options(tags, problems, notes)
    percent = _percent(tags, problems)
    obsolete = [f"{name}={escape_text(tags.get(name) or '', 20)}" for name in OBSOLETE if name in tags.names]
    obsolete += [f"!{uri.size} behind {uri}" for uri in (*rua, *ruf) if uri.size]
    for name in tags.names:
        if name in (*CURRENT, *OBSOLETE):
            continue
        if name.lower() in (*CURRENT, *OBSOLETE):
            # RFC 6376 section 3.2, which DMARC takes over, compares the names of tags with their case.
            problems.append(f"the tag {quoted(name)} is written in capitals, and so is another one for many receivers")
        else:
            notes.append(f"the tag {quoted(name)} is not known and ignored")
    if "p" in tags.names and tags.names.index("p") != 1:
        notes.append("p is not the second tag, as RFC 7489 section 6.4 had it")
    return DmarcRecord(
        tags=tags,
        **policies,
        **fields,
        invalid=tuple(invalid),
        testing=testing,
        rua=rua,
        ruf=ruf,
        pct=percent,
        obsolete=tuple(obsolete),
        problems=tuple(problems),
        notes=tuple(notes),
    )


def _policies(tags: TagList, problems: list[str], notes: list[str]) -> tuple[dict[str, Policy | None], list[str]]:
    found: dict[str, Policy | None] = {}
    invalid: list[str] = []
    for name in ("p", "sp", "np"):
        value = tags.get(name)
        known = value.lower() if value is not None else ""
        if known in tuple(Policy) and tags.names.count(name) == 1:
            found[name] = Policy(known)
        elif value is not None:
            invalid.append(name)
            if known not in tuple(Policy):
                problems.append(f"{name}={quoted(value)} is no policy: none, quarantine or reject")
    if "p" not in tags.names:
        notes.append("has no p= tag, which stands for p=none, and which RFC 7489 asked for")
    return found, invalid


def _choice(tags: TagList, name: str, known: Iterable[str], default: str, problems: list[str]) -> str:
    value = tags.get(name)
    if value is None:
        return default
    if value.lower() in known:
        return value.lower()
    problems.append(f"{name}={quoted(value)} is none of {', '.join(known)}: {default} counts")
    return default


def _failure_options(tags: TagList, problems: list[str], notes: list[str]) -> None:
    value = tags.get("fo")
    if value is None:
        return
    bad = [part for part in value.split(":") if part.strip(_WSP).lower() not in ("0", "1", "d", "s")]
    if bad:
        problems.append(f"fo={quoted(value)} has other options than 0, 1, d and s")
    if "ruf" not in tags.names:
        notes.append("fo has no effect without ruf")


def _percent(tags: TagList, problems: list[str]) -> int:
    value = tags.get("pct")
    if value is None:
        return 100
    if re.fullmatch(r"[0-9]{1,3}", value) and int(value) <= 100:
        return int(value)
    problems.append(f"pct={quoted(value)} is no number from 0 to 100")
    return 100


def _uris(tags: TagList, name: str, problems: list[str], notes: list[str]) -> tuple[ReportUri, ...]:
    value = tags.get(name)
    if value is None:
        return ()
    parts = value.split(",")
    if len(parts) > MAX_REPORT_ADDRESSES:
        problems.append(f"{name} has {len(parts)} addresses, at most {MAX_REPORT_ADDRESSES} are looked at")
        parts = parts[:MAX_REPORT_ADDRESSES]
    uris = tuple(parse_report_uri(part.strip(_WSP)) for part in parts)
    problems += [f"{name}: {uri.problem}" for uri in uris if uri.problem]
    notes += [
        f"{name}: {uri} is for receivers that know {escape_text(uri.scheme, 20)}: only mailto is a duty"
        for uri in uris
        if not uri.problem and uri.scheme != "mailto"
    ]
    return uris


def parse_report_uri(text: str) -> ReportUri:
    """One address of rua or ruf. Never raises."""
    limit = _SIZE.search(text)
    bare = text[: limit.start()] if limit else text
    size = limit[1] if limit else ""
    scheme, colon, rest = bare.partition(":")
    if not colon or not _SCHEME.fullmatch(scheme):
        why = "is no URI: mailto: is missing" if "@" in bare else "is no URI"
        return ReportUri(text=text, size=size, problem=f"{quoted(text)} {why}")
    scheme = scheme.lower()
    if not _URI.fullmatch(bare):
        return ReportUri(text=text, scheme=scheme, size=size, problem=f"{quoted(text)} is no URI")
    if scheme != "mailto":
        host = rest.removeprefix("//").partition("/")[0].rpartition("@")[2].partition(":")[0]
        host = host if rest.startswith("//") and _HOST.fullmatch(host) else ""
        return ReportUri(text=text, scheme=scheme, host=host.lower().removesuffix("."), size=size)
    # RFC 6068: addresses in percent-encoding, then header fields behind a question mark.
    address = _PERCENT.sub(lambda found: chr(int(found[1], 16)), rest.partition("?")[0])
    local, at, host = address.rpartition("@")
    if not at or not _LOCAL.fullmatch(local) or not _HOST.fullmatch(host) or len(host) > 253:
        return ReportUri(text=text, scheme=scheme, size=size, problem=f"{quoted(text)} has no mail address")
    return ReportUri(text=text, scheme=scheme, host=host.lower().removesuffix("."), size=size)
