"""Certificates that are signed with SHA-1 or MD5, which no library signs with any more."""

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

_OLD: dict[str, tuple[int, hashes.HashAlgorithm]] = {"sha1": (5, hashes.SHA1()), "md5": (4, hashes.MD5())}

# sha256WithRSAEncryption, 1.2.840.113549.1.1.11; its older sisters differ in the last octet (RFC 8017 appendix C).
_SHA256_WITH_RSA = bytes.fromhex("06092a864886f70d01010b")


def signed_with_an_old_hash(
    certificate: x509.Certificate, issuer_key: rsa.RSAPrivateKey, name: str
) -> x509.Certificate:
    """The same certificate, its SHA-256 signature replaced by one of `sha1` or `md5`."""
    last, algorithm = _OLD[name]
    old = _SHA256_WITH_RSA[:-1] + bytes([last])
    # RFC 5280 section 4.1: the algorithm stands in the signed part and again beside the signature.
    signed_part = certificate.tbs_certificate_bytes.replace(_SHA256_WITH_RSA, old, 1)
    if signed_part == certificate.tbs_certificate_bytes:
        raise ValueError("not signed with RSA and SHA-256")
    signature = issuer_key.sign(signed_part, padding.PKCS1v15(), algorithm)
    parts = signed_part + _der(0x30, old + b"\x05\x00") + _der(0x03, b"\x00" + signature)
    made = x509.load_der_x509_certificate(_der(0x30, parts))
    assert len(made.public_bytes(Encoding.DER)) == len(certificate.public_bytes(Encoding.DER))
    return made


def _der(tag: int, content: bytes) -> bytes:
    """A DER value (ITU-T X.690 section 8.1.3): tag, length, content."""
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(length)]) + length + content
