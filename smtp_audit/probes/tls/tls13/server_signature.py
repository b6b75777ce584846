"""Whether the server has the key of the certificate it shows: the signature of CertificateVerify."""

from __future__ import annotations

import warnings

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa

_PSS: dict[int, hashes.HashAlgorithm] = {
    0x0804: hashes.SHA256(), 0x0805: hashes.SHA384(), 0x0806: hashes.SHA512(),
    0x0809: hashes.SHA256(), 0x080A: hashes.SHA384(), 0x080B: hashes.SHA512(),
}  # fmt: skip
# In TLS 1.3 each of these is for one curve alone (RFC 8446 section 4.2.3, RFC 8734 section 3).
_ECDSA: dict[int, tuple[str, hashes.HashAlgorithm]] = {
    0x0403: ("secp256r1", hashes.SHA256()),
    0x0503: ("secp384r1", hashes.SHA384()),
    0x0603: ("secp521r1", hashes.SHA512()),
    0x081A: ("brainpoolP256r1", hashes.SHA256()),
    0x081B: ("brainpoolP384r1", hashes.SHA384()),
    0x081C: ("brainpoolP512r1", hashes.SHA512()),
}
_EDWARDS = {0x0807: ed25519.Ed25519PublicKey, 0x0808: ed448.Ed448PublicKey}

KNOWN_SCHEMES = frozenset((*_PSS, *_ECDSA, *_EDWARDS))
"""The schemes whose signatures can be checked here."""


def may_sign(scheme: int) -> bool:
    """Whether TLS 1.3 lets a server sign with it: not RSA PKCS #1 v1.5, not SHA-1, nothing before TLS 1.2's end.

    RFC 8446 section 4.2.3: those are for certificates alone. Numbers of later documents are taken as allowed.
    """
    legacy_hash = scheme >> 8 <= 0x06
    return not legacy_hash or scheme in _ECDSA


def signature_holds(leaf: bytes, scheme: int, signature: bytes, transcript: bytes) -> bool | None:
    """Whether the signature is one of the leaf's key; None when the key or the scheme cannot be read here.

    Args:
        leaf: the certificate in DER.
        scheme: the number of the SignatureScheme.
        signature: the octets of the signature.
        transcript: the hash of the messages up to and with Certificate.
    """
    if scheme not in KNOWN_SCHEMES:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd serial numbers and the like; they are not ours to print
            key = x509.load_der_x509_certificate(leaf).public_key()
    except Exception:  # the parser's own errors are many, and the octets are hostile
        return None
    signed = b" " * 64 + b"TLS 1.3, server CertificateVerify\0" + transcript
    try:
        return _check(key, scheme, signature, signed)
    except InvalidSignature:
        return False
    except Exception:  # a key that the library loads and cannot use
        return None


def _check(key: object, scheme: int, signature: bytes, signed: bytes) -> bool:
    """True, or InvalidSignature; False when the key is not of the scheme's kind."""
    if scheme in _PSS and isinstance(key, rsa.RSAPublicKey):
        digest = _PSS[scheme]
        key.verify(signature, signed, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
        return True
    if scheme in _ECDSA and isinstance(key, ec.EllipticCurvePublicKey):
        curve, digest = _ECDSA[scheme]
        if key.curve.name != curve:
            return False
        key.verify(signature, signed, ec.ECDSA(digest))
        return True
    if scheme in _EDWARDS and isinstance(key, (ed25519.Ed25519PublicKey, ed448.Ed448PublicKey)):
        if not isinstance(key, _EDWARDS[scheme]):
            return False
        key.verify(signature, signed)
        return True
    return False
