"""Records as the files in zones/ write them: owners and values to names and rdata."""

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.reversename
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

Value = str | Sequence[str]
Key = tuple[str, str]
"""Absolute owner without its last dot, in lower case, and type."""

Records = dict[Key, list[dns.rdata.Rdata]]

TTL = 3600

_STRING = 255
"""Octets of one string of a TXT record (RFC 1035 section 3.3)."""

MAIL_KEY = ec.derive_private_key(int.from_bytes(sha256(b"the key of the mail servers").digest()), ec.SECP256R1())
"""The key of all mail servers of the lab, always the same, so that zones can name it."""

NEXT_KEY = ec.derive_private_key(int.from_bytes(sha256(b"their next key").digest()), ec.SECP256R1())


def _hash(key: ec.EllipticCurvePrivateKey) -> str:
    """As a TLSA record with selector 1 and matching type 1 has it (RFC 6698 section 2.1)."""
    return sha256(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


@dataclass(frozen=True)
class Words:
    """What stands for the words between @ signs, for one domain."""

    known: Mapping[str, str]

    def fill_in(self, text: str) -> str:
        """The text with all words filled in; raises ValueError for one that is not known."""

        def word(found: re.Match[str]) -> str:
            if found[1] not in self.known:
                raise ValueError(f"no word @{found[1]}@ is known")
            return self.known[found[1]]

        return re.sub(r"@([a-z][a-z0-9_]*)@", word, text)


ADDRESSES = tuple(f"{network}.{number}" for network in ("192.0.2", "203.0.113") for number in range(1, 255))
"""The addresses of version 4 that domains get (RFC 5737)."""


def words_of(number: int, domain: str, keys: Mapping[str, str], addresses: Sequence[str]) -> Words:
    """The words of a domain by its number, and by the addresses of version 4 that are its own: one or two."""
    return Words(
        {
            **keys,
            "domain": domain,
            **dict(zip(("ip4", "ip4b"), addresses, strict=False)),
            "ip6": f"2001:db8:{256 + number:x}::25",
            "ip6b": f"2001:db8:{256 + number:x}::26",
            "tlsa": _hash(MAIL_KEY),
            "tlsa_next": _hash(NEXT_KEY),
        }
    )


def key_of(text: str, domain: str, words: Words) -> Key:
    """`"OWNER TYPE"` as an absolute owner and a type."""
    owner, _, rdtype = words.fill_in(text).partition(" ")
    if not rdtype or " " in rdtype:
        raise ValueError(f"not an owner and a type: {text!r}")
    return _absolute(owner, domain), rdtype if rdtype == "*" else dns.rdatatype.from_text(rdtype).name


def _absolute(owner: str, domain: str) -> str:
    try:
        return dns.reversename.from_address(str(ipaddress.ip_address(owner))).to_text(omit_final_dot=True)
    except ValueError:
        pass
    if owner == "@":
        return domain
    return owner.rstrip(".").lower() if owner.endswith(".") else f"{owner}.{domain}".lower()


def rdata_of(rdtype: str, value: Value, domain: str, words: Words) -> dns.rdata.Rdata:
    """One value of the files as rdata."""
    if rdtype in ("TXT", "SPF") and not (isinstance(value, str) and value.startswith("\\#")):
        return dns.rdata.from_text(dns.rdataclass.IN, rdtype, _strings(value, words))
    if not isinstance(value, str):
        raise ValueError(f"only TXT has a list of strings: {value!r}")
    origin = dns.name.from_text(domain)
    text = words.fill_in(value)
    if text.startswith("\\# "):  # as it is: it may be what nobody can write otherwise
        return dns.rdata.GenericRdata(dns.rdataclass.IN, rdtype, bytes.fromhex("".join(text.split()[2:])))
    return dns.rdata.from_text(dns.rdataclass.IN, rdtype, text, origin, relativize=False)


def _strings(value: Value, words: Words) -> str:
    if isinstance(value, str):
        octets = words.fill_in(value).encode("latin-1")
        parts = [octets[start : start + _STRING] for start in range(0, len(octets), _STRING)] or [b""]
    else:
        parts = [words.fill_in(part).encode("latin-1") for part in value]
    return " ".join('"' + "".join(_character(octet) for octet in part) + '"' for part in parts)


def _character(octet: int) -> str:
    if octet in b'"\\':
        return "\\" + chr(octet)
    return chr(octet) if 32 <= octet < 127 else f"\\{octet:03d}"
