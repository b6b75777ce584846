"""The certificates of the peers, made at run time: a sound one, one full of hostile text, two with too much company."""

import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .markers import MARKUP

HOST = "mail.hostile.example"

HOSTILE_SUBJECT = {
    NameOID.COMMON_NAME: f"{MARKUP}\x1b[31m",
    NameOID.ORGANIZATION_NAME: "\u202egpj.exe\u2066\u2028 \x00 \x9b2J",
    NameOID.ORGANIZATIONAL_UNIT_NAME: "\x1b]0;owned\x07\r\nSubject: injected",
}
HOSTILE_ISSUER = {
    NameOID.COMMON_NAME: f"issuer {MARKUP}",
    NameOID.ORGANIZATION_NAME: "\u202e\u0000\u0085\u009b31m",
}
HOSTILE_NAMES = (f"{MARKUP}.example", "nul\x00.example", "\x1b[2J.example", "a\r\nb.example", "*." * 20 + "example")

COMPANY = 200
"""Certificates sent along in the huge chain."""


@dataclass(frozen=True)
class _Issuer:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


@dataclass
class Certificates:
    """Chains by name: `sound`, `hostile` (of an issuer nobody knows), `huge` and `vast` (OpenSSL's client gives up)."""

    directory: Path
    now: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))

    def __post_init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        root = self._authority({NameOID.COMMON_NAME: "Peers Root", NameOID.ORGANIZATION_NAME: "Peers Authority"})
        self.anchors = self.directory / "anchors.pem"
        self.anchors.write_bytes(root.certificate.public_bytes(Encoding.PEM))
        stranger = self._authority(HOSTILE_ISSUER)
        sound = self._leaf(root, {NameOID.COMMON_NAME: HOST}, (HOST,))
        hostile = self._leaf(stranger, HOSTILE_SUBJECT, (HOST, *HOSTILE_NAMES))
        company = [self._filler(number) for number in range(COMPANY)]
        vast = [self._filler(number, padding=4000) for number in range(COMPANY)]
        self._paths = {
            "sound": self._write("sound", [sound]),
            "hostile": self._write("hostile", [hostile]),
            "huge": self._write("huge", [sound, *company]),
            "vast": self._write("vast", [sound, *vast]),
        }

    def context(self, chain: str) -> ssl.SSLContext:
        """A server that accepts TLS 1.2 and 1.3 and nothing older."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
        context.options |= ssl.OP_NO_RENEGOTIATION
        context.load_cert_chain(self._paths[chain])
        return context

    def _authority(self, words: dict[x509.ObjectIdentifier, str]) -> _Issuer:
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name(words)
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        builder = self._builder(name, name, key, days=3650).add_extension(
            x509.BasicConstraints(True, None), critical=True
        )
        return _Issuer(builder.add_extension(usage, critical=True).sign(key, hashes.SHA256()), key)

    def _leaf(
        self, issuer: _Issuer, words: dict[x509.ObjectIdentifier, str], names: tuple[str, ...]
    ) -> x509.Certificate:
        builder = (
            self._builder(_name(words), issuer.certificate.subject, self._key, days=90)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        )
        return builder.sign(issuer.key, hashes.SHA256())

    def _filler(self, number: int, padding: int = 0) -> x509.Certificate:
        name = _name({NameOID.COMMON_NAME: f"filler {number}"})
        builder = self._builder(name, name, self._key, days=90)
        if padding:
            oid = x509.ObjectIdentifier("1.3.6.1.4.1.32473.1")  # RFC 5612: for documentation
            builder = builder.add_extension(x509.UnrecognizedExtension(oid, bytes(padding)), critical=False)
        return builder.sign(self._key, hashes.SHA256())

    def _builder(
        self, subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: int
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.now - timedelta(days=1))
            .not_valid_after(self.now + timedelta(days=days))
        )

    def _write(self, name: str, sent: list[x509.Certificate]) -> Path:
        path = self.directory / f"{name}.pem"
        key = self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path.write_bytes(key + b"".join(certificate.public_bytes(Encoding.PEM) for certificate in sent))
        path.chmod(0o600)
        return path


def _name(words: dict[x509.ObjectIdentifier, str]) -> x509.Name:
    return x509.Name([x509.NameAttribute(oid, text) for oid, text in words.items()])
