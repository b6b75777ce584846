"""An authority for one test: leaves of every kind, OCSP responses and revocation lists, sound and broken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

HOST = "mail.probe.example"
NOW = datetime.now(UTC).replace(microsecond=0)


def name(text: str, organisation: str | None = None) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, text)]
    if organisation is not None:
        parts.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation))
    return x509.Name(parts)


def new_key() -> Any:
    return ec.generate_private_key(ec.SECP256R1())


def digest_for(key: Any) -> hashes.HashAlgorithm | None:
    return None if isinstance(key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey) else hashes.SHA256()


@dataclass
class Issuer:
    """A self-signed authority."""

    key: Any = field(default_factory=new_key)
    subject: x509.Name = field(default_factory=lambda: name("Test CA", "Test Trust"))

    def __post_init__(self) -> None:
        self.certificate = self.sign(self.subject, self.key, x509.BasicConstraints(True, None))

    def sign(
        self,
        subject: x509.Name,
        key: Any,
        *extensions: x509.ExtensionType,
        serial: int | None = None,
        days: tuple[float, float] = (-1, 90),
    ) -> x509.Certificate:
        """A certificate of this authority with just these extensions."""
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.subject)
            .public_key(key.public_key())
            .serial_number(serial or x509.random_serial_number())
            .not_valid_before(NOW + timedelta(days=days[0]))
            .not_valid_after(NOW + timedelta(days=days[1]))
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        return builder.sign(self.key, digest_for(self.key))

    def leaf(
        self, *extensions: x509.ExtensionType, ocsp_url: str | None = None, crl_url: str | None = None, **more: Any
    ) -> x509.Certificate:
        """A server's certificate, with the addresses for revocation."""
        added: list[x509.ExtensionType] = [x509.SubjectAlternativeName([x509.DNSName(HOST)]), *extensions]
        if ocsp_url:
            place = x509.UniformResourceIdentifier(ocsp_url)
            added.append(
                x509.AuthorityInformationAccess([x509.AccessDescription(AuthorityInformationAccessOID.OCSP, place)])
            )
        if crl_url:
            full = [x509.UniformResourceIdentifier(crl_url)]
            added.append(x509.CRLDistributionPoints([x509.DistributionPoint(full, None, None, None)]))
        return self.sign(name(HOST), new_key(), *added, **more)

    def leaf_and_key(self) -> tuple[x509.Certificate, Any]:
        """A server's certificate with its key."""
        key = new_key()
        return self.sign(name(HOST), key, x509.SubjectAlternativeName([x509.DNSName(HOST)])), key

    def delegate(self, *, may_sign: bool = True, days: tuple[float, float] = (-1, 90)) -> Issuer:
        """A responder of its own, delegated or not."""
        other = Issuer(subject=name("Test Responder"))
        purpose = ExtendedKeyUsageOID.OCSP_SIGNING if may_sign else ExtendedKeyUsageOID.SERVER_AUTH
        other.certificate = self.sign(other.subject, other.key, x509.ExtendedKeyUsage([purpose]), days=days)
        return other

    def respond(
        self,
        leaf: x509.Certificate,
        *,
        status: ocsp.OCSPCertStatus = ocsp.OCSPCertStatus.GOOD,
        signer: Issuer | None = None,
        send: Sequence[x509.Certificate] | None = None,
        by_key: bool = False,
        days: tuple[float, float | None] = (-1, 3),
        algorithm: hashes.HashAlgorithm | None = None,
        issuer: Issuer | None = None,
    ) -> bytes:
        """An OCSP response about a leaf; `issuer` is named as its issuer instead of this one."""
        who = signer or self
        revoked = status is ocsp.OCSPCertStatus.REVOKED
        builder = (
            ocsp.OCSPResponseBuilder()
            .add_response(
                leaf,
                (issuer or self).certificate,
                algorithm or hashes.SHA1(),
                status,
                NOW + timedelta(days=days[0]),
                None if days[1] is None else NOW + timedelta(days=days[1]),
                NOW - timedelta(days=1) if revoked else None,
                x509.ReasonFlags.key_compromise if revoked else None,
            )
            .responder_id(
                ocsp.OCSPResponderEncoding.HASH if by_key else ocsp.OCSPResponderEncoding.NAME, who.certificate
            )
        )
        certificates = list(send) if send is not None else [] if signer is None else [signer.certificate]
        if certificates:
            builder = builder.certificates(certificates)
        return builder.sign(who.key, digest_for(who.key)).public_bytes(Encoding.DER)

    def crl(
        self, *revoked: int, days: tuple[float, float] = (-1, 3), extensions: Sequence[x509.ExtensionType] = ()
    ) -> bytes:
        """A revocation list with these serial numbers."""
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.subject)
            .last_update(NOW + timedelta(days=days[0]))
            .next_update(NOW + timedelta(days=days[1]))
        )
        for serial in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(NOW - timedelta(days=1))
            builder = builder.add_revoked_certificate(entry.build())
        for extension in extensions:
            builder = builder.add_extension(extension, critical=True)
        return builder.sign(self.key, digest_for(self.key)).public_bytes(Encoding.DER)

    def write(self, path: Path) -> Path:
        """The authority's own certificate as a file of anchors."""
        path.write_bytes(self.certificate.public_bytes(Encoding.PEM))
        return path

    def write_key(self, path: Path) -> Path:
        """Its key, for OpenSSL."""
        path.write_bytes(self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return path


def der(*certificates: x509.Certificate) -> list[bytes]:
    return [one.public_bytes(Encoding.DER) for one in certificates]


def sct(log: bytes, version: int = 0) -> bytes:
    """A timestamp of a log, without its two octets of length."""
    return bytes([version]) + log + bytes(8) + b"\0\0" + b"\x04\x03\0\2xy"


def sct_list(*timestamps: bytes) -> bytes:
    inner = b"".join(len(one).to_bytes(2, "big") + one for one in timestamps)
    return len(inner).to_bytes(2, "big") + inner


def write_index(path: Path, leaf: x509.Certificate, state: str) -> Path:
    """OpenSSL's list of issued certificates: `V` valid, `R` revoked, `-` not in it."""
    serial = f"{leaf.serial_number:X}"
    revoked = "260101000000Z" if state == "R" else ""
    line = f"{state}\t350101000000Z\t{revoked}\t{'0' * (len(serial) % 2)}{serial}\tunknown\t/CN={HOST}\n"
    path.write_text("" if state == "-" else line)
    return path
