"""Files that settings of the catalogue name as @files@/NAME: groups for DHE, and settings of OpenSSL itself."""

import base64
import textwrap
from pathlib import Path

from tests.legacy.primes import NOT_SAFE_2048, OAKLEY_1024, OWN_1024, DhGroup

_GROUPS = {"dh-1024-own": OWN_1024, "dh-1024-shared": OAKLEY_1024, "dh-not-safe": NOT_SAFE_2048}

# tls_config_file of Postfix. Where a fault needs security level 0, this keeps SHA-1 out of the handshake's signatures,
# so that the fault stays the only one.
_MODERN_SIGNATURES = """\
openssl_conf = init
[init]
ssl_conf = ssl
[ssl]
system_default = default
[default]
SignatureAlgorithms = ECDSA+SHA256:ECDSA+SHA384:RSA-PSS+SHA256:RSA-PSS+SHA384:RSA+SHA256:RSA+SHA384
"""


def make_files(directory: Path) -> Path:
    """Write them down; returns the directory."""
    directory.mkdir(mode=0o755)
    for name, group in _GROUPS.items():
        (directory / f"{name}.pem").write_text(_dh_parameters(group))
    (directory / "modern-signatures.cnf").write_text(_MODERN_SIGNATURES)
    return directory


def _dh_parameters(group: DhGroup) -> str:
    """PKCS #3: a sequence of prime and generator, in PEM. By hand, since libraries take no prime that is not safe."""
    content = _integer(group.prime) + _integer(group.generator)
    text = base64.b64encode(b"\x30" + _length(content) + content).decode()
    lines = "\n".join(textwrap.wrap(text, 64))
    return f"-----BEGIN DH PARAMETERS-----\n{lines}\n-----END DH PARAMETERS-----\n"


def _integer(number: int) -> bytes:
    octets = number.to_bytes(number.bit_length() // 8 + 1)
    return b"\x02" + _length(octets) + octets


def _length(content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes([size])
    octets = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes([0x80 | len(octets)]) + octets
