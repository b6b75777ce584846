"""CAA records: which authorities may issue for a name (RFC 8659 section 4, RFC 9495)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from smtp_audit.frozen import Frozen
from smtp_audit.published.unknown_form import octets_of
from smtp_audit.wiretext import escape_text

CRITICAL = 128
"""The flag that forbids to issue to whoever does not know the tag (RFC 8659 section 4.1)."""

KNOWN_TAGS = frozenset({"issue", "issuewild", "iodef", "issuemail", "issuevmc", "contactemail", "contactphone"})
"""The tags of IANA's registry whose meaning authorities know; `auth`, `path` and `policy` there are reserved only."""

_ISSUING = frozenset({"issue", "issuewild", "issuemail", "issuevmc"})
_LABEL = r"[A-Za-z0-9](?:-*[A-Za-z0-9])*"
_PARAMETER = rf"{_LABEL}[ \t]*=[ \t]*[!-:<-~]*"
_ISSUE = re.compile(
    rf"[ \t]*(?P<issuer>{_LABEL}(?:\.{_LABEL})*)?[ \t]*"
    rf"(?:;[ \t]*(?P<parameters>{_PARAMETER}(?:[ \t]*;[ \t]*{_PARAMETER})*)?[ \t]*;?[ \t]*)?"
)
_FORM = re.compile(r'([0-9]{1,3})\s+(\S+)\s+(?:"((?:[^"\\]|\\.)*)"|(\S*))', re.DOTALL)
_ESCAPED = re.compile(r"\\([0-9]{3}|.)", re.DOTALL)
_SHOWN = 80
_BAD_TAG = "its tag has other characters than letters and digits, or none"
MAX_VALUE = 4096
"""Characters of a value that are read; longer ones are no names of authorities."""


class Caa(Frozen):
    """One record. `tag` is lower case; `issuer` is the authority's domain of an issuing tag: "" forbids to issue, and
    that is also how authorities read a value that they cannot read (RFC 8659 section 4.2)."""

    flags: int = 0
    tag: str = ""
    value: str = ""
    issuer: str = ""
    parameters: str = ""
    problem: str = ""

    @property
    def critical(self) -> bool:
        """Whether who does not know the tag must not issue."""
        return bool(self.flags & CRITICAL)

    @property
    def blocks(self) -> bool:
        """Whether it keeps every authority from issuing: critical, and nobody knows the tag."""
        return self.critical and bool(self.tag) and self.tag not in KNOWN_TAGS

    def __str__(self) -> str:
        shown = f'{self.flags} {self.tag} "{escape_text(self.value, _SHOWN)}"'
        return shown + (f" ({self.problem})" if self.problem else "")


def parse_caa(text: str) -> Caa:
    """Read a record in its presentation form. Never raises."""
    octets = octets_of(text)
    if octets is not None and len(octets) >= 2 and len(octets) - 2 >= octets[1]:  # whose tag is none
        tag, value = octets[2 : 2 + octets[1]].decode("latin-1"), octets[2 + octets[1] :].decode("latin-1")
        shown = Caa(flags=octets[0], tag=escape_text(tag.lower(), _SHOWN), value=escape_text(value, _SHOWN))
        return shown.model_copy(update={"problem": _BAD_TAG})
    found = _FORM.fullmatch(text.strip()) if len(text) <= 4 * MAX_VALUE else None
    if found is None or int(found[1]) > 255:
        return Caa(value=escape_text(text, _SHOWN), problem="cannot be read")
    value = _unescaped(found[3] if found[3] is not None else found[4])
    tag = found[2].lower()
    record = Caa(flags=int(found[1]), tag=escape_text(tag, _SHOWN), value=escape_text(value, MAX_VALUE))
    if not re.fullmatch(r"[a-z0-9]{1,255}", tag):
        return record.model_copy(update={"problem": _BAD_TAG})
    if tag in _ISSUING:
        return _issuing(record, value)
    if tag == "iodef" and not _reachable(value):
        return record.model_copy(update={"problem": "its value is no mailto:, http: or https: address"})
    if record.blocks:
        return record.model_copy(update={"problem": "critical, and a tag that no authority knows: nobody may issue"})
    return record


def _issuing(record: Caa, value: str) -> Caa:
    found = _ISSUE.fullmatch(value) if len(value) <= MAX_VALUE else None
    if found is None:
        why = "its value cannot be read: authorities take it as forbidding to issue"
        return record.model_copy(update={"problem": why})
    update = {"issuer": (found["issuer"] or "").lower(), "parameters": found["parameters"] or ""}
    return record.model_copy(update=update)


def _reachable(value: str) -> bool:
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    if parts.scheme.lower() == "mailto":
        return "@" in parts.path
    return parts.scheme.lower() in ("http", "https") and bool(parts.netloc)


def _unescaped(text: str) -> str:
    def plain(found: re.Match[str]) -> str:
        return chr(int(found[1]) & 0xFF) if len(found[1]) == 3 else found[1]

    return _ESCAPED.sub(plain, text)


def issuers_for(records: Iterable[Caa], *, wildcard: bool = False) -> tuple[str, ...] | None:
    """The authorities' domains that may issue TLS certificates for a name; None: there is no restriction.

    `issuewild` counts for wildcard names alone, and then in place of `issue` (RFC 8659 section 4.3). Empty: nobody.
    """
    known = list(records)
    if any(record.blocks for record in known):
        return ()
    tags = {record.tag for record in known}
    tag = "issuewild" if wildcard and "issuewild" in tags else "issue"
    if tag not in tags:
        return None
    return tuple(dict.fromkeys(record.issuer for record in known if record.tag == tag and record.issuer))
