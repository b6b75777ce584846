"""DKIM key records: what stands at `SELECTOR._domainkey.DOMAIN` (RFC 6376 section 3.6.1, RFC 8301, RFC 8463)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from enum import StrEnum

from smtp_audit.frozen import Frozen
from smtp_audit.limits import MAX_BASE64
from smtp_audit.published.tags import TagList, parse_tags, quoted
from smtp_audit.wiretext import escape_text

VERSION = "DKIM1"
ED25519_OCTETS = 32
"""RFC 8463 section 4.2: the key itself, without any ASN.1 around it."""

_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}")
_WSP = re.compile(r"[ \t\r\n]+")
_HYPHENATED = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?")
_QUOTED_PRINTABLE = re.compile(r"(?:[ \t\r\n!-<>-~]|=[0-9A-F]{2})*")


class KeyForm(StrEnum):
    """How the octets of a key are packed."""

    SPKI = "SubjectPublicKeyInfo"
    """What everyone publishes (RFC 6376 appendix C.2, erratum 3017)."""
    PKCS1 = "RSAPublicKey"
    """What the text of RFC 6376 section 3.6.1 says; some verifiers read nothing else, and many do not read it."""
    RAW = "raw"
    """An Ed25519 key (RFC 8463 section 4.2)."""


class PublishedKey(Frozen):
    """A public key that could be read: its kind (`rsa` or `ed25519`), size in bits, and the SHA-256 of its octets."""

    type: str
    bits: int
    form: KeyForm
    sha256: str


class DkimRecord(Frozen):
    """One key record. `problems` are breaches of its form, `notes` what is allowed and may surprise; both escaped.

    `type`, `hashes`, `services` and `flags` are the k=, h=, s= and t= tags in lower case, as published; None stands
    for an h= that is not there: all hashes. `key` is None when it is revoked, missing, of an unknown type, or cannot be
    read.
    """

    tags: TagList
    type: str = "rsa"
    hashes: tuple[str, ...] | None = None
    services: tuple[str, ...] = ("*",)
    flags: tuple[str, ...] = ()
    revoked: bool = False
    key: PublishedKey | None = None
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def looks_like_key(self) -> bool:
        """Whether it is meant to be one: it says so, or has a p= tag."""
        version = self.tags.get("v")
        return (version or "").startswith("DKIM") or "p" in self.tags.names

    @property
    def usable(self) -> bool:
        """A verifier can check a signature of mail with it: well-formed, a key, for mail, and for SHA-256."""
        return not self.problems and self.key is not None and self.allows_sha256 and self.for_mail

    @property
    def allows_sha256(self) -> bool:
        """RFC 8301 section 3.1: SHA-256 is the only hash left."""
        return self.hashes is None or "sha256" in self.hashes

    @property
    def for_mail(self) -> bool:
        """RFC 6376 section 3.6.1: keys of other services are not for mail."""
        return bool({"*", "email"} & set(self.services))

    @property
    def testing(self) -> bool:
        """t=y: the domain is only trying DKIM, and its mail is to be treated as unsigned."""
        return "y" in self.flags

    @property
    def strict(self) -> bool:
        """t=s: the domain of i= has to be that of d= itself, not one below it."""
        return "s" in self.flags

    @property
    def shown_type(self) -> str:
        """The type, safe to show."""
        return escape_text(self.type, 40)

    @property
    def shown_hashes(self) -> str:
        """The hashes, safe to show."""
        return escape_text(", ".join(self.hashes or ()), 80)

    @property
    def shown_services(self) -> str:
        """The services, safe to show."""
        return escape_text(", ".join(self.services), 80)


def parse_dkim(text: str) -> DkimRecord:
    """The key record in the text of a TXT record. Never raises."""
    tags = parse_tags(text)
    problems = list(tags.problems)
    notes: list[str] = []
    version = tags.get("v")
    if version is not None and version != VERSION:
        problems.append(f"v={quoted(version)} is not {VERSION}")
    elif version is not None and tags.names[0] != "v":
        problems.append("v= is not the first tag")
    kind = (tags.get("k") or "").lower()
    if "k" not in tags.names:
        kind = "rsa"
    elif not _HYPHENATED.fullmatch(kind):
        problems.append(f"k={quoted(kind)} is no type of key")
    hashes, wrong = _colon_list(tags.get("h"), "h")
    services, more = _colon_list(tags.get("s"), "s", star=True)
    flags, most = _colon_list(tags.get("t"), "t")
    problems += wrong + more + most
    remark = tags.get("n")
    if remark is not None and not _QUOTED_PRINTABLE.fullmatch(remark):
        notes.append("n= is not in quoted-printable, as its text for people ought to be")
    value = tags.get("p")
    octets: bytes | None = None
    if value is None:
        problems.append("has no p= tag")
    elif value:
        octets = _decoded(value, problems)
    key = None
    if octets is not None and kind in ("rsa", "ed25519"):
        key = _rsa(octets, problems, notes) if kind == "rsa" else _ed25519(octets, problems)
    return DkimRecord(
        tags=tags,
        type=kind,
        hashes=hashes,
        services=("*",) if services is None else services,
        flags=flags or (),
        revoked=value == "",
        key=key,
        problems=tuple(problems),
        notes=tuple(notes),
    )


def _colon_list(value: str | None, name: str, *, star: bool = False) -> tuple[tuple[str, ...] | None, list[str]]:
    """The values of a list with colons, in lower case, and what is wrong with it. What is unknown is not wrong."""
    if value is None:
        return None, []
    parts = tuple(part.strip(" \t\r\n").lower() for part in value.split(":"))
    bad = [part for part in parts if not (_HYPHENATED.fullmatch(part) or (star and part == "*"))]
    return parts, [f"{name}= has {quoted(bad[0])} in its list"] if bad else []


def _decoded(value: str, problems: list[str]) -> bytes | None:
    """The octets of p=, in which white space may stand anywhere (RFC 6376 section 2.10)."""
    text = _WSP.sub("", value)
    if len(text) > MAX_BASE64:
        problems.append(f"p= has more than {MAX_BASE64} characters")
    elif not _BASE64.fullmatch(text):
        problems.append("p= is not base64")
    else:
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            problems.append("p= is not whole base64: characters are missing")
    return None


def _rsa(octets: bytes, problems: list[str], notes: list[str]) -> PublishedKey | None:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        key = load_der_public_key(octets)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        problems.append(
            "p= is no RSA key (k=rsa)" if len(octets) != ED25519_OCTETS else "p= is an Ed25519 key, k= is rsa"
        )
        return None
    if not isinstance(key, RSAPublicKey):
        problems.append("p= is a key of another type than k=rsa")
        return None
    form = KeyForm.PKCS1 if _is_pkcs1(octets) else KeyForm.SPKI
    if form is KeyForm.PKCS1:
        notes.append("p= is an RSAPublicKey without SubjectPublicKeyInfo around it, which many verifiers do not read")
    return PublishedKey(type="rsa", bits=key.key_size, form=form, sha256=hashlib.sha256(octets).hexdigest())


def _is_pkcs1(octets: bytes) -> bool:
    """Whether the outer SEQUENCE begins with an INTEGER, the modulus, and not with the algorithm's SEQUENCE."""
    length = octets[1] if len(octets) > 1 else 0
    start = 2 + (length & 0x7F if length & 0x80 else 0)
    return octets[start : start + 1] == b"\x02"


def _ed25519(octets: bytes, problems: list[str]) -> PublishedKey | None:
    if len(octets) != ED25519_OCTETS:
        problems.append(f"p= has {len(octets)} octets, an Ed25519 key has {ED25519_OCTETS} and no ASN.1 around it")
        return None
    return PublishedKey(type="ed25519", bits=256, form=KeyForm.RAW, sha256=hashlib.sha256(octets).hexdigest())
