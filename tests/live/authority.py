"""The certificates of the lab, made at run time: a root, its intermediates, and leaves of every kind.

What a kind looks like is data (`[certificate.*]` in servers/*.toml); this module only carries it out.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .old_hashes import signed_with_an_old_hash

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey

ORGANISATION = "Example Lab Authority"
"""Whose certificates the lab's audits take (lab-profile.toml)."""
_STRANGERS = "Example Strangers"

_CURVES = {"ec-p256": ec.SECP256R1, "ec-p384": ec.SECP384R1}

_PURPOSES = {
    "server": ExtendedKeyUsageOID.SERVER_AUTH,
    "client": ExtendedKeyUsageOID.CLIENT_AUTH,
}


@dataclass(frozen=True)
class Kind:
    """How a leaf is made and what the server sends along with it."""

    names: tuple[str, ...] = ()
    """Subject alternative names, as DNS:name or IP:address; in them and in the common name @host@ is the server's."""
    common_name: str | None = None
    days: tuple[float, float] = (-1, 90)
    """Validity, in days from now."""
    issuer: str = "intermediate"
    """`self`, or the name of an authority of `Authority`."""
    purposes: tuple[str, ...] = ("server",)
    is_authority: bool = False
    send: tuple[str, ...] = ("intermediate",)
    """The authorities whose certificates follow the leaf, in this order."""
    key: str = "ec-p256"
    """`ec-p256` and the like, `rsa-2048` and the like, or `ed25519`."""
    hash: str = "sha256"
    """Of the issuer's signature; `sha1` and `md5` need an issuer with an RSA key."""
    must_staple: bool = False
    """Whether it says that a stapled OCSP response comes with it (RFC 7633)."""
    beside: str | None = None
    """Another kind, whose key and chain the server has too: with a key of another type, for other clients."""

    def named(self, hosts: Sequence[str]) -> tuple[str | None, list[str]]:
        """The common name, and the alternative names for all of these hosts."""
        names = [_filled_in(name, host) for name in self.names for host in hosts]
        common_name = None if self.common_name is None else _filled_in(self.common_name, hosts[0])
        return common_name, list(dict.fromkeys(names))


@dataclass(frozen=True)
class _Issuer:
    certificate: x509.Certificate
    key: PrivateKey


@dataclass
class Authority:
    """The test root and everything below and beside it; files go to `directory`."""

    directory: Path
    now: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))
    leaf_keys: dict[str, PrivateKey] = field(default_factory=dict)
    """The keys of leaves, by their kind. One of each type serves all: making them is the slow part."""

    def __post_init__(self) -> None:
        self.directory.mkdir(mode=0o755, exist_ok=True)
        root = self._issuer("Lab Root", None)
        intermediate = self._issuer("Lab Intermediate", root)
        no_further = self._issuer("Lab Last Intermediate", root, path_length=0)
        stranger_root = self._issuer("Stranger Root", None, organisation=_STRANGERS)
        self._issuers = {
            "root": root,
            "intermediate": intermediate,
            "intermediate-below": self._issuer("Lab Intermediate Below", intermediate),
            "intermediate-rsa": self._issuer("Lab RSA Intermediate", root, key="rsa-2048"),
            "intermediate-last": no_further,
            # The path length of its issuer forbids it (RFC 5280 section 4.2.1.9).
            "intermediate-too-deep": self._issuer("Lab Deep Intermediate", no_further),
            "intermediate-of-others": self._issuer("Other Intermediate", root, organisation="Example Other Authority"),
            "intermediate-expired": self._issuer("Lab Old Intermediate", root, days=(-800, -10)),
            "intermediate-not-an-authority": self._issuer("Lab Leaf Issuer", root, is_authority=False),
            "intermediate-other-domains": self._issuer("Lab Constrained Intermediate", root, permitted="other.example"),
            "stranger-root": stranger_root,
            "stranger-intermediate": self._issuer("Stranger Intermediate", stranger_root, organisation=_STRANGERS),
        }
        rsa_issuer = self._issuers["intermediate-rsa"]
        sha1 = self._issuer("Lab SHA-1 Intermediate", rsa_issuer)
        self._issuers["intermediate-sha1"] = _Issuer(
            signed_with_an_old_hash(sha1.certificate, _rsa(rsa_issuer.key), "sha1"), sha1.key
        )

    @property
    def anchors(self) -> Path:
        """The PEM file with the one trust anchor, for `--smtp-ca`."""
        path = self.directory / "anchors.pem"
        if not path.exists():
            path.write_bytes(self._issuers["root"].certificate.public_bytes(Encoding.PEM))
        return path

    def issue(self, name: str, kind: Kind, hosts: Sequence[str]) -> Path:
        """Make a leaf for these hosts; returns one PEM file: key, leaf, and the certificates that are sent along."""
        return self._write(name, [(kind, hosts)])

    def issue_two(self, name: str, first: Kind, second: Kind, hosts: Sequence[str]) -> Path:
        """The same with two leaves, whose keys are of different types, each with its company."""
        return self._write(name, [(first, hosts), (second, hosts)])

    def _write(self, name: str, kinds: Sequence[tuple[Kind, Sequence[str]]]) -> Path:
        path = self.directory / f"{name}.pem"
        text = b""
        for kind, hosts in kinds:
            key = self._key(kind.key)
            sent = [self._leaf(kind, key, hosts), *(self._issuers[issuer].certificate for issuer in kind.send)]
            text += _key_bytes(key) + b"".join(certificate.public_bytes(Encoding.PEM) for certificate in sent)
        path.write_bytes(text)
        path.chmod(0o600)
        return path

    def _key(self, kind: str) -> PrivateKey:
        if kind not in self.leaf_keys:
            self.leaf_keys[kind] = _new_key(kind)
        return self.leaf_keys[kind]

    def _leaf(self, kind: Kind, key: PrivateKey, hosts: Sequence[str]) -> x509.Certificate:
        common_name, names = kind.named(hosts)
        subject = _name(common_name)
        if kind.issuer == "self":
            issuer_name, issuer_key = subject, key
        else:
            issuer = self._issuers[kind.issuer]
            issuer_name, issuer_key = issuer.certificate.subject, issuer.key
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer_name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.now + timedelta(days=kind.days[0]))
            .not_valid_after(self.now + timedelta(days=kind.days[1]))
            .add_extension(x509.BasicConstraints(kind.is_authority, None), critical=True)
        )
        if names:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_general_name(name) for name in names]),
                # RFC 5280 section 4.2.1.6: critical when the subject is empty.
                critical=not common_name,
            )
        if kind.purposes:
            builder = builder.add_extension(
                x509.ExtendedKeyUsage([_PURPOSES[purpose] for purpose in kind.purposes]),
                critical=False,
            )
        if kind.must_staple:
            builder = builder.add_extension(x509.TLSFeature([x509.TLSFeatureType.status_request]), critical=False)
        leaf = _signed(builder, key, issuer_key)
        if kind.hash != "sha256":
            leaf = signed_with_an_old_hash(leaf, _rsa(issuer_key), kind.hash)
        return leaf

    def _issuer(
        self,
        name: str,
        parent: _Issuer | None,
        *,
        days: tuple[float, float] = (-900, 3650),
        is_authority: bool = True,
        permitted: str | None = None,
        path_length: int | None = None,
        organisation: str = ORGANISATION,
        key: str = "ec-p256",
    ) -> _Issuer:
        private_key = _new_key(key)
        subject = _name(name, organisation)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(parent.certificate.subject if parent else subject)
            .public_key(private_key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.now + timedelta(days=days[0]))
            .not_valid_after(self.now + timedelta(days=days[1]))
            .add_extension(x509.BasicConstraints(is_authority, path_length), critical=True)
            .add_extension(_certificate_signing_usage(is_authority), critical=True)
        )
        if permitted:
            builder = builder.add_extension(x509.NameConstraints([x509.DNSName(permitted)], None), critical=True)
        return _Issuer(_signed(builder, private_key, parent.key if parent else private_key), private_key)


def snakeoil(directory: Path, host: str) -> tuple[Path, Path]:
    """The certificate that Debian's ssl-cert package makes: self-signed RSA, for the host's name.

    Returns the certificate file and the key file. Mirrors the package's ssleay.cnf.
    """
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(host))
        .issuer_name(_name(host))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=3650))
        .add_extension(x509.BasicConstraints(False, None), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
    )
    certificate = builder.sign(key, hashes.SHA256())
    directory.mkdir(mode=0o755, exist_ok=True)
    certificate_file = directory / "ssl-cert-snakeoil.pem"
    certificate_file.write_bytes(certificate.public_bytes(Encoding.PEM))
    key_file = directory / "ssl-cert-snakeoil.key"
    key_file.write_bytes(_key_bytes(key))
    key_file.chmod(0o600)
    return certificate_file, key_file


def _key_bytes(key: PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _filled_in(text: str, host: str) -> str:
    return text.replace("@host@", host).replace("@HOST@", host.upper())


def _new_key(kind: str) -> PrivateKey:
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if kind.startswith("rsa-"):
        return rsa.generate_private_key(public_exponent=65537, key_size=int(kind.removeprefix("rsa-")))
    return ec.generate_private_key(_CURVES[kind]())


def _rsa(key: PrivateKey) -> rsa.RSAPrivateKey:
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("an old hash needs an issuer with an RSA key")
    return key


def _name(common_name: str | None, organisation: str | None = None) -> x509.Name:
    words = [(NameOID.ORGANIZATION_NAME, organisation), (NameOID.COMMON_NAME, common_name)]
    return x509.Name([x509.NameAttribute(oid, word) for oid, word in words if word is not None])


def _general_name(text: str) -> x509.GeneralName:
    form, _, value = text.partition(":")
    if form == "DNS":
        return x509.DNSName(value)
    if form == "IP":
        return x509.IPAddress(ipaddress.ip_address(value))
    raise ValueError(f"neither DNS: nor IP: {text}")


def _certificate_signing_usage(allowed: bool) -> x509.KeyUsage:
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


def _signed(builder: x509.CertificateBuilder, key: PrivateKey, issuer_key: PrivateKey) -> x509.Certificate:
    """Add the two key identifiers (RFC 5280 sections 4.2.1.1 and 4.2.1.2) and sign."""
    return (
        builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
            critical=False,
        )
        .sign(issuer_key, None if isinstance(issuer_key, ed25519.Ed25519PrivateKey) else hashes.SHA256())
    )
