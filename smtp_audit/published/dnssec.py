"""DNSKEY, DS and NSEC3PARAM records: algorithms, sizes, and the DS that a key asks its parent for (RFC 4034, 5155)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re

from smtp_audit.frozen import Frozen
from smtp_audit.published.unknown_form import octets_of
from smtp_audit.wiretext import escape_text

ALGORITHMS = {
    1: "RSAMD5", 3: "DSA", 5: "RSASHA1", 6: "DSA-NSEC3-SHA1", 7: "RSASHA1-NSEC3-SHA1", 8: "RSASHA256",
    10: "RSASHA512", 12: "ECC-GOST", 13: "ECDSAP256SHA256", 14: "ECDSAP384SHA384", 15: "ED25519", 16: "ED448",
    17: "SM2SM3", 23: "ECC-GOST12",
}  # fmt: skip
"""The algorithms of IANA's registry by their numbers."""

DIGESTS = {1: "SHA-1", 2: "SHA-256", 3: "GOST R 34.11-94", 4: "SHA-384", 5: "GOST R 34.11-2012", 6: "SM3"}
"""The digests of DS records."""

_RSA = frozenset({1, 5, 7, 8, 10})
ZONE_KEY, SECURE_ENTRY_POINT, REVOKED = 0x0100, 0x0001, 0x0080
_SHOWN = 60


class DnsKey(Frozen):
    """A DNSKEY record. `bits` is the size of an RSA key; None for other kinds and for what cannot be read."""

    flags: int = 0
    protocol: int = 0
    algorithm: int = 0
    key: str = ""
    bits: int | None = None
    tag: int = 0
    problem: str = ""

    @property
    def signs(self) -> bool:
        """Whether signatures of it count: a zone key that is not revoked (RFC 4034 section 2.1.1, RFC 5011)."""
        return not self.problem and bool(self.flags & ZONE_KEY) and not self.flags & REVOKED

    @property
    def is_rsa(self) -> bool:
        """Whether it is an RSA key, readable or not."""
        return self.algorithm in _RSA

    @property
    def entry_point(self) -> bool:
        """Whether its parent is to have a DS of it, by its flag."""
        return bool(self.flags & SECURE_ENTRY_POINT)

    def __str__(self) -> str:
        if self.problem:
            return self.problem
        size = f", {self.bits} bits" if self.bits else ""
        return f"key {self.tag}, {algorithm_name(self.algorithm)}{size}, flags {self.flags}"


class DsRecord(Frozen):
    """A DS record."""

    tag: int = 0
    algorithm: int = 0
    digest_type: int = 0
    digest: str = ""
    problem: str = ""

    def __str__(self) -> str:
        if self.problem:
            return self.problem
        kind = DIGESTS.get(self.digest_type, f"digest {self.digest_type}")
        return f"DS {self.tag}, {algorithm_name(self.algorithm)}, {kind}"


class Nsec3Param(Frozen):
    """An NSEC3PARAM record."""

    iterations: int = 0
    salt: str = ""
    problem: str = ""


def algorithm_name(number: int) -> str:
    """The name of an algorithm, with its number."""
    name = ALGORITHMS.get(number)
    return f"{name} ({number})" if name else f"algorithm {number}"


def parse_dnskey(text: str) -> DnsKey:
    """Read a DNSKEY record in its presentation form. Never raises."""
    numbers, rest = _numbers(text, 3)
    try:
        octets = base64.b64decode("".join(rest), validate=True)
    except (binascii.Error, ValueError):
        octets = b""
    if not numbers or not octets or numbers[0] > 0xFFFF or max(numbers[1:]) > 0xFF:
        return DnsKey(problem=f"a DNSKEY that cannot be read: {escape_text(text, _SHOWN)}")
    flags, protocol, algorithm = numbers
    wire = flags.to_bytes(2, "big") + bytes([protocol, algorithm]) + octets
    return DnsKey(
        flags=flags,
        protocol=protocol,
        algorithm=algorithm,
        key="".join(rest),
        bits=_rsa_bits(octets) if algorithm in _RSA else None,
        tag=_key_tag(wire),
    )


def parse_ds(text: str) -> DsRecord:
    """Read a DS record in its presentation form. Never raises."""
    octets = octets_of(text)
    if octets is not None and len(octets) > 4:  # whose digest has not the length of its type
        why = f"a DS for key {int.from_bytes(octets[:2], 'big')} with a digest of {len(octets) - 4} octets"
        return DsRecord(problem=f"{why}, digest type {octets[3]} has others")
    numbers, rest = _numbers(text, 3)
    digest = "".join(rest).lower()
    if not numbers or not re.fullmatch(r"(?:[0-9a-f]{2})+", digest):
        return DsRecord(problem=f"a DS that cannot be read: {escape_text(text, _SHOWN)}")
    return DsRecord(tag=numbers[0], algorithm=numbers[1], digest_type=numbers[2], digest=digest)


def parse_nsec3param(text: str) -> Nsec3Param:
    """Read an NSEC3PARAM record in its presentation form. Never raises."""
    numbers, rest = _numbers(text, 3)
    if not numbers or len(rest) != 1:
        return Nsec3Param(problem=f"an NSEC3PARAM that cannot be read: {escape_text(text, _SHOWN)}")
    return Nsec3Param(iterations=numbers[2], salt="" if rest[0] == "-" else escape_text(rest[0], 2 * 255))


def _numbers(text: str, count: int) -> tuple[list[int], list[str]]:
    """The numbers that a record begins with and the words behind them; no numbers when it has not so many."""
    words = text.split()
    if len(words) <= count or not all(re.fullmatch(r"[0-9]{1,5}", word) for word in words[:count]):
        return [], []
    return [int(word) for word in words[:count]], words[count:]


def _rsa_bits(octets: bytes) -> int | None:
    """The bits of the modulus (RFC 3110 section 2)."""
    length, start = octets[0], 1
    if length == 0:
        if len(octets) < 3:
            return None
        length, start = int.from_bytes(octets[1:3], "big"), 3
    modulus = octets[start + length :]
    return int.from_bytes(modulus, "big").bit_length() or None


def _key_tag(wire: bytes) -> int:
    """RFC 4034 appendix B."""
    if wire[3] == 1:
        return int.from_bytes(wire[-3:-1], "big")
    total = sum(octet << 8 if not place % 2 else octet for place, octet in enumerate(wire))
    return (total + (total >> 16 & 0xFFFF)) & 0xFFFF


def ds_of(zone: str, key: DnsKey) -> str:
    """The DS record with SHA-256 that the parent is to publish for a key (RFC 4509); "" when there is none to give."""
    labels = zone.rstrip(".").lower().split(".")
    if key.problem or not zone.isascii() or "\\" in zone or not all(1 <= len(label) <= 63 for label in labels):
        return ""
    name = b"".join(bytes([len(label)]) + label.encode("ascii") for label in labels) + b"\0"
    wire = name + key.flags.to_bytes(2, "big") + bytes([key.protocol, key.algorithm]) + base64.b64decode(key.key)
    return f"{key.tag} {key.algorithm} 2 {hashlib.sha256(wire).hexdigest()}"
