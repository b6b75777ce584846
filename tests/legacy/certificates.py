"""The certificates of these servers: an RSA leaf, since the old suites know no other, from the lab's authority."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from tests.live.authority import Authority, Kind

from .front import HOST


@dataclass
class Certificates:
    """One chain in the forms that the servers want; files go to `directory`."""

    directory: Path
    file: Path = field(init=False)
    """Key, leaf and intermediate, in PEM."""
    anchors: Path = field(init=False)

    def __post_init__(self) -> None:
        authority = Authority(self.directory)
        self.anchors = authority.anchors
        self.file = authority.issue(
            "legacy", Kind(names=("DNS:@host@", "DNS:*.legacy.example"), common_name="@host@", key="rsa-2048"), [HOST]
        )
        key = load_pem_private_key(self.file.read_bytes(), None)
        assert isinstance(key, rsa.RSAPrivateKey)
        self.key = key
        self._chain = x509.load_pem_x509_certificates(self.file.read_bytes())

    @property
    def der(self) -> list[bytes]:
        return [certificate.public_bytes(Encoding.DER) for certificate in self._chain]

    @property
    def pem(self) -> str:
        return "".join(certificate.public_bytes(Encoding.PEM).decode() for certificate in self._chain)

    @property
    def key_pem(self) -> str:
        return self.file.read_text().partition("-----BEGIN CERTIFICATE")[0]

    def context(self) -> ssl.SSLContext:
        """A server context with the chain and nothing else set."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.file)
        return context
