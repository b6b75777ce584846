"""The certificates of the traps, made at run time: one root that programs trust, and leaves of every kind.

Made as they are asked for, one for each kind and host. The two keys are shared: no program compares keys.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dh, ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, ParameterFormat, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from smtp_audit.probes.tls.primes import published

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

OTHER_HOST: Final = "mail.somebody-else.example"
PURPOSES: Final = {"server": ExtendedKeyUsageOID.SERVER_AUTH, "client": ExtendedKeyUsageOID.CLIENT_AUTH}


@dataclass(frozen=True)
class Leaf:
    """How a leaf is made. `names`: `{host}` is the trap's; `key` is `ec`, `rsa` or `rsa-1024`; `days` are from now."""

    names: tuple[str, ...] = ("{host}",)
    common_name: str = "{host}"
    key: str = "ec"
    days: tuple[float, float] = (-1, 30)
    issuer: str = "root"
    """`root`, `stranger` (a root that nobody trusts), `self`, or `leaf` (a certificate that is no authority's)."""
    purpose: str = "server"
    must_staple: bool = False
    address: str = ""
    """An IP address among its names."""


KINDS: Final[Mapping[str, Leaf]] = {
    "sound": Leaf(),
    "rsa": Leaf(key="rsa"),
    "self-signed": Leaf(issuer="self"),
    "untrusted": Leaf(issuer="stranger"),
    "expired": Leaf(days=(-60, -2)),
    "not-yet": Leaf(days=(2, 60)),
    "wrong-host": Leaf(names=(OTHER_HOST,), common_name=OTHER_HOST),
    "wrong-host-cn-right": Leaf(names=(OTHER_HOST,)),
    "parent-domain": Leaf(names=("{domain}",), common_name="{domain}"),
    "sub-domain-wildcard": Leaf(names=("*.{host}",), common_name="*.{host}"),
    "wildcard": Leaf(names=("*.{domain}",), common_name="*.{domain}"),
    "partial-wildcard": Leaf(names=("m*.{domain}",), common_name="m*.{domain}"),
    "star": Leaf(names=("*",), common_name="*"),
    "star-top": Leaf(names=("*.example",), common_name="*.example"),
    "cn-only": Leaf(names=()),
    "client-only": Leaf(purpose="client"),
    "leaf-as-issuer": Leaf(issuer="leaf"),
    "rsa-1024": Leaf(key="rsa-1024"),
    "must-staple": Leaf(must_staple=True),
}
"""By name."""

DH: Final = {"dh-1024": 1024, "dh-2048": 2048}
"""DH parameters by name: bits of the prime (RFC 2409 section 6.2, RFC 3526 section 3)."""


@dataclass
class Certificates:
    """The files; `folder` has to be there."""

    folder: Path
    now: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))

    def __post_init__(self) -> None:
        self._keys: dict[str, PrivateKey] = {}
        self._issuers: dict[str, tuple[x509.Certificate, PrivateKey]] = {}
        self.authority.write_bytes(self._issuer("root")[0].public_bytes(Encoding.PEM))

    @cached_property
    def authority(self) -> Path:
        """The PEM file of the root that programs are told to trust."""
        return self.folder / "authority.pem"

    def chain(self, kind: str, host: str) -> Path:
        """One PEM file with the key, the leaf and what is sent along."""
        path = self.folder / f"{kind}-{host}.pem"
        if not path.exists():
            leaf = KINDS[kind]
            key = self._key(leaf.key)
            sent = [self._leaf(leaf, host, key)]
            if leaf.issuer == "leaf":
                sent.append(self._issuer("leaf")[0])
            path.touch(mode=0o600)
            secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            path.write_bytes(secret + b"".join(certificate.public_bytes(Encoding.PEM) for certificate in sent))
        return path

    def dh(self, name: str) -> Path:
        """The file of DH parameters."""
        path = self.folder / f"{name}.pem"
        if not path.exists():
            prime = next(number for number in published() if number.bit_length() == DH[name])
            parameters = dh.DHParameterNumbers(prime, 2).parameters()
            path.write_bytes(parameters.parameter_bytes(Encoding.PEM, ParameterFormat.PKCS3))
        return path

    def _key(self, kind: str) -> PrivateKey:
        if kind not in self._keys:
            bits = {"rsa": 2048, "rsa-1024": 1024}.get(kind)
            self._keys[kind] = (
                ec.generate_private_key(ec.SECP256R1()) if bits is None else rsa.generate_private_key(65537, bits)
            )
        return self._keys[kind]

    def _issuer(self, name: str) -> tuple[x509.Certificate, PrivateKey]:
        """`root` and `stranger` are authorities of their own; `leaf` is an ordinary certificate of the root."""
        if name not in self._issuers:
            key = ec.generate_private_key(ec.SECP256R1())
            subject = _subject(f"smtp_audit traps, {name}")
            above = (subject, key) if name != "leaf" else (self._issuer("root")[0].subject, self._issuer("root")[1])
            builder = self._builder(subject, above[0], key, (-10, 365)).add_extension(
                x509.BasicConstraints(name != "leaf", None), critical=True
            )
            self._issuers[name] = (builder.sign(above[1], hashes.SHA256()), key)
        return self._issuers[name]

    def _builder(
        self, subject: x509.Name, issuer: x509.Name, key: PrivateKey, days: tuple[float, float]
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.now + timedelta(days=days[0]))
            .not_valid_after(self.now + timedelta(days=days[1]))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )

    def _leaf(self, leaf: Leaf, host: str, key: PrivateKey) -> x509.Certificate:
        words = {"host": host, "domain": host.partition(".")[2]}
        subject = _subject(leaf.common_name.format(**words))
        own = leaf.issuer == "self"
        issuer, issuer_key = (subject, key) if own else _signer(self._issuer(leaf.issuer))
        builder = self._builder(subject, issuer, key, leaf.days)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
        )
        builder = builder.add_extension(x509.ExtendedKeyUsage([PURPOSES[leaf.purpose]]), critical=False)
        names = [_general_name(name.format(**words)) for name in leaf.names]
        if leaf.address:
            names.append(x509.IPAddress(ipaddress.ip_address(leaf.address)))
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        if leaf.must_staple:
            builder = builder.add_extension(x509.TLSFeature([x509.TLSFeatureType.status_request]), critical=False)
        return builder.sign(issuer_key, hashes.SHA256())


def _general_name(name: str) -> x509.GeneralName:
    """A host's name, or its IP address: a trap of a team's own tests has no name (RFC 5280 section 4.2.1.6)."""
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _signer(issuer: tuple[x509.Certificate, PrivateKey]) -> tuple[x509.Name, PrivateKey]:
    return issuer[0].subject, issuer[1]


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
