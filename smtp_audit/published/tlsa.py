"""TLSA records (RFC 6698 section 2, RFC 7671): what they say, and whether SMTP can use them (RFC 7672 section 3.1)."""

from __future__ import annotations

import hashlib
import re

from smtp_audit.frozen import Frozen
from smtp_audit.published.unknown_form import octets_of
from smtp_audit.wiretext import escape_text

MAX_DATA = 64 * 1024
"""Octets of certificate association data that are read; a DNS record holds no more."""

TRUST_ANCHOR, END_ENTITY = 2, 3
"""The usages that SMTP knows: DANE-TA and DANE-EE (RFC 7672 section 3.1)."""

CERTIFICATE, PUBLIC_KEY = 0, 1
FULL, SHA256, SHA512 = 0, 1, 2

_LENGTHS = {SHA256: 32, SHA512: 64}
_FORM = re.compile(r"([0-9]{1,3})\s+([0-9]{1,3})\s+([0-9]{1,3})(?:\s+([0-9A-Fa-f\s]*))?")
_SHOWN = 60


class Tlsa(Frozen):
    """One record. `data` is lower-case hex; `problem` says why nobody can match it, if so.

    `digests` are SHA-256 and SHA-512 of the data where it is a whole certificate or key, so that it can be compared
    with those of a chain.
    """

    usage: int = -1
    selector: int = -1
    matching: int = -1
    data: str = ""
    digests: tuple[str, str] | None = None
    problem: str = ""

    @property
    def usable(self) -> bool:
        """Whether SMTP can use it: the others are as if they were not there (RFC 7672 section 3.1.3)."""
        return not self.problem and self.usage in (TRUST_ANCHOR, END_ENTITY)

    @property
    def sha256(self) -> str:
        """The SHA-256 that it asks for, in hex; "" when it asks for SHA-512 or cannot be read."""
        if self.digests is not None:
            return self.digests[0]
        return self.data if self.matching == SHA256 and not self.problem else ""

    @property
    def sha512(self) -> str:
        """The SHA-512 that it asks for, in hex; "" when it asks for SHA-256 or cannot be read."""
        if self.digests is not None:
            return self.digests[1]
        return self.data if self.matching == SHA512 and not self.problem else ""

    def __str__(self) -> str:
        shown = self.data if len(self.data) <= 2 * 64 else f"{self.data[:64]}... ({len(self.data) // 2} octets)"
        return f"{self.usage} {self.selector} {self.matching} {shown}" + (f" ({self.problem})" if self.problem else "")


def parse_tlsa(text: str) -> Tlsa:
    """Read a record in its presentation form. Never raises."""
    octets = octets_of(text)
    if octets is not None and len(octets) > 2:  # whose data does not fit its matching type
        text = f"{octets[0]} {octets[1]} {octets[2]} {octets[3:].hex()}"
    found = _FORM.fullmatch(text.strip())
    if found is None or len(text) > 3 * MAX_DATA:
        return Tlsa(problem=f"cannot be read: {escape_text(text, _SHOWN)}")
    usage, selector, matching = (int(found[number]) for number in (1, 2, 3))
    data = re.sub(r"\s", "", found[4] or "").lower()
    parsed = Tlsa(usage=usage, selector=selector, matching=matching, data=data)
    problem = _problem(parsed)
    if problem or matching != FULL:
        return parsed.model_copy(update={"problem": problem})
    whole = bytes.fromhex(data)
    digests = hashlib.sha256(whole).hexdigest(), hashlib.sha512(whole).hexdigest()
    return parsed.model_copy(update={"digests": digests})


def _problem(record: Tlsa) -> str:
    if record.usage > END_ENTITY:
        return f"usage {record.usage} is not known"
    if record.selector not in (CERTIFICATE, PUBLIC_KEY):
        return f"selector {record.selector} is not known"
    if record.matching not in (FULL, SHA256, SHA512):
        return f"matching type {record.matching} is not known"
    if len(record.data) % 2:
        return "half an octet of data"
    octets = len(record.data) // 2
    wanted = _LENGTHS.get(record.matching)
    if wanted is not None and octets != wanted:
        return f"{octets} octets of data, matching type {record.matching} has {wanted}"
    if wanted is None and not record.data.startswith("30"):
        return "the data is no certificate and no public key in DER"
    return ""
