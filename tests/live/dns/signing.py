"""Signatures that knot does not make: of another time, spoilt, missing, or by a key that is far too short."""

import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import dns.dnssec
import dns.dnssectypes
import dns.name
import dns.node
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.rdtypes.ANY.DNSKEY
import dns.zone
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from .records import TTL, Key
from .zones import Signing

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey

_RSA = (5, 7, 8, 10)
_SIGNING_KEY = 257
"""Flags of a key that signs keys, too (RFC 4034 section 2.1.1)."""


class OfflineKey:
    """One key, which signs everything in its zone."""

    def __init__(self, algorithm: int, bits: int) -> None:
        self._private = _private(algorithm, bits)
        self.record: dns.rdtypes.ANY.DNSKEY.DNSKEY = dns.dnssec.make_dnskey(
            self._private.public_key(), dns.dnssectypes.Algorithm(algorithm), flags=_SIGNING_KEY
        )

    def sign(self, name: str, text: str, signing: Signing) -> str:
        """The zone file with keys, signatures and NSEC records."""
        zone = dns.zone.from_text(text, origin=f"{name}.", relativize=False, check_origin=False)
        inception, expiration = _times(signing)
        dns.dnssec.sign_zone(
            zone,
            keys=[(self._private, self.record)],
            dnskey_ttl=TTL,
            inception=inception,
            expiration=expiration,
            policy=dns.dnssec.allow_all_policy,
        )
        for key in signing.without_signatures:
            _tamper(zone, key, lambda kept: [])
        for key in signing.wrong_signatures:
            _tamper(zone, key, lambda kept: [record.replace(signature=_spoilt(record.signature)) for record in kept])
        return zone.to_text(relativize=False, want_origin=False)


def _times(signing: Signing) -> tuple[datetime, datetime]:
    now = datetime.now(UTC).replace(microsecond=0)
    # Unbound overlooks a day (val-sig-skew-max).
    if signing.how == "expired":
        return now - timedelta(days=17), now - timedelta(days=3)
    if signing.how == "not-yet":
        return now + timedelta(days=3), now + timedelta(days=17)
    lifetime = timedelta(days=14) if signing.hours is None else timedelta(hours=signing.hours)
    # Clocks differ a little (RFC 6781 section 4.4.2).
    return now - timedelta(hours=1), now + lifetime


def _private(algorithm: int, bits: int) -> PrivateKey:
    if algorithm in _RSA:
        if bits >= 1024:
            return rsa.generate_private_key(public_exponent=65537, key_size=bits)
        # The library makes no such keys any more.
        command = ["openssl", "genrsa", str(bits)]
        text = subprocess.run(command, check=True, capture_output=True, timeout=30).stdout
        key = load_pem_private_key(text, None, unsafe_skip_rsa_key_validation=True)
        assert isinstance(key, rsa.RSAPrivateKey)
        return key
    if algorithm == 15:
        return ed25519.Ed25519PrivateKey.generate()
    if algorithm == 16:
        return ed448.Ed448PrivateKey.generate()
    return ec.generate_private_key(ec.SECP256R1() if algorithm == 13 else ec.SECP384R1())


def _spoilt(signature: bytes) -> bytes:
    return bytes([signature[0] ^ 0xFF]) + signature[1:]


def _tamper(zone: dns.zone.Zone, key: Key, change: object) -> None:
    owner, rdtype = dns.name.from_text(f"{key[0]}."), dns.rdatatype.from_text(key[1])
    node = zone.find_node(owner)
    signatures = node.get_rdataset(dns.rdataclass.IN, dns.rdatatype.RRSIG, rdtype)
    if signatures is None:
        raise ValueError(f"there are no signatures of {key[0]} {key[1]}")
    assert callable(change)
    changed: Iterable[object] = change(list(signatures))
    node.delete_rdataset(dns.rdataclass.IN, dns.rdatatype.RRSIG, rdtype)
    if records := list(changed):
        rdataset = dns.rdataset.from_rdata_list(TTL, records)
        rdataset.covers = rdtype
        node.replace_rdataset(rdataset)
