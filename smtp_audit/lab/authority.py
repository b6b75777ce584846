"""Certificates for a lab, made at run time: a root, its intermediates, and leaves of every kind, sound and broken."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ORGANISATION = "smtp_audit lab"
"""The organisation of all issuers; the lab's profile accepts it."""

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

_PURPOSES = {"server": ExtendedKeyUsageOID.SERVER_AUTH, "client": ExtendedKeyUsageOID.CLIENT_AUTH}


@dataclass(frozen=True)
class Kind:
    """How a leaf is made, and what a server sends along with it. The defaults make a sound one, but for its names."""

    names: tuple[str, ...] = ()
    """Subject alternative names, as `DNS:name` or `IP:address`."""
    common_name: str | None = None
    days: tuple[float, float] = (-1, 90)
    """Validity: from and to, in days from now."""
    issuer: str = "intermediate"
    """`self`, or one of the issuers of `Authority`."""
    purposes: tuple[str, ...] = ("server",)
    """Extended key usage: `server`, `client`; empty leaves the extension out."""
    is_authority: bool = False
    send: tuple[str, ...] = ("intermediate",)
    """The issuers whose certificates follow the leaf, in this order."""


@dataclass(frozen=True)
class _Issuer:
    certificate: x509.Certificate
    key: PrivateKey


@dataclass
class Authority:
    """A test root, its intermediate, and a root that nobody trusts. Files go to `directory`, which is made if missing.

    Issuers: `root`, `intermediate`, `stranger-root`, `stranger-intermediate`, and those added with `add_issuer`.
    """

    directory: Path
    now: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))

    def __post_init__(self) -> None:
        self.directory.mkdir(mode=0o755, exist_ok=True)
        # One key serves all leaves: no test compares keys, and making them is the slow part.
        self._leaf_key = ec.generate_private_key(ec.SECP256R1())
        self._issuers: dict[str, _Issuer] = {}
        self.add_issuer("root", "Lab Root")
        self.add_issuer("intermediate", "Lab Intermediate", parent="root")
        self.add_issuer("stranger-root", "Stranger Root", organisation=None)
        self.add_issuer("stranger-intermediate", "Stranger Intermediate", parent="stranger-root", organisation=None)

    @property
    def anchors(self) -> Path:
        """The PEM file with the one trust anchor, for `--smtp-ca`."""
        path = self.directory / "anchors.pem"
        if not path.exists():
            path.write_bytes(self._issuers["root"].certificate.public_bytes(Encoding.PEM))
        return path

    def issue(self, name: str, kind: Kind) -> Path:
        """Make a leaf; returns one PEM file: key, leaf, and the certificates that are sent along."""
        leaf = self._leaf(kind, self._leaf_key)
        sent = [leaf, *(self._issuers[issuer].certificate for issuer in kind.send)]
        path = self.directory / f"{name}.pem"
        path.touch(mode=0o600)
        key = self._leaf_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path.write_bytes(key + b"".join(certificate.public_bytes(Encoding.PEM) for certificate in sent))
        return path

    def _leaf(self, kind: Kind, key: PrivateKey) -> x509.Certificate:
        subject = _name(kind.common_name)
        own = kind.issuer == "self"
        issuer = None if own else self._issuers[kind.issuer]
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer.certificate.subject if issuer else subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.now + timedelta(days=kind.days[0]))
            .not_valid_after(self.now + timedelta(days=kind.days[1]))
            .add_extension(x509.BasicConstraints(kind.is_authority, None), critical=True)
        )
        if kind.names:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_general_name(name) for name in kind.names]),
                critical=not kind.common_name,  # RFC 5280 section 4.2.1.6: critical when the subject is empty
            )
        if kind.purposes:
            usage = x509.ExtendedKeyUsage([_PURPOSES[purpose] for purpose in kind.purposes])
            builder = builder.add_extension(usage, critical=False)
        return _signed(builder, key, issuer.key if issuer else key)

    def add_issuer(
        self,
        name: str,
        common_name: str,
        parent: str | None = None,
        *,
        days: tuple[float, float] = (-900, 3650),
        is_authority: bool = True,
        permitted: str | None = None,
        organisation: str | None = ORGANISATION,
    ) -> None:
        """Make an issuer of leaves, under another one or (None) a root of its own.

        Args:
            name: what `Kind.issuer` and `Kind.send` call it.
            common_name: its subject.
            parent: the name of its own issuer.
            days: validity, in days from now.
            is_authority: whether it may sign certificates at all.
            permitted: the only domain that it may issue for (RFC 5280 section 4.2.1.10).
            organisation: the organisation of its subject, if any.
        """
        above = self._issuers[parent] if parent is not None else None
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _name(common_name, organisation)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(above.certificate.subject if above else subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.now + timedelta(days=days[0]))
            .not_valid_after(self.now + timedelta(days=days[1]))
            .add_extension(x509.BasicConstraints(is_authority, None), critical=True)
            .add_extension(_signing_usage(is_authority), critical=True)
        )
        if permitted:
            builder = builder.add_extension(x509.NameConstraints([x509.DNSName(permitted)], None), critical=True)
        self._issuers[name] = _Issuer(_signed(builder, key, above.key if above else key), key)


def _signing_usage(allowed: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=allowed,
        crl_sign=allowed,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str | None, organisation: str | None = None) -> x509.Name:
    parts = ((NameOID.ORGANIZATION_NAME, organisation), (NameOID.COMMON_NAME, common_name))
    return x509.Name([x509.NameAttribute(kind, text) for kind, text in parts if text])


def _general_name(text: str) -> x509.GeneralName:
    form, _, value = text.partition(":")
    if form == "DNS":
        return x509.DNSName(value)
    if form == "IP":
        return x509.IPAddress(ipaddress.ip_address(value))
    raise ValueError(f"neither DNS: nor IP: {text}")


def _signed(builder: x509.CertificateBuilder, key: PrivateKey, issuer_key: PrivateKey) -> x509.Certificate:
    """Add the two key identifiers (RFC 5280 sections 4.2.1.1 and 4.2.1.2) and sign."""
    return (
        builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .sign(issuer_key, hashes.SHA256())
    )
