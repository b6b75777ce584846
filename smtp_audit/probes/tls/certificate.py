"""Reading the certificates of a handshake into facts."""

from __future__ import annotations

import base64
import hashlib
import ssl
import warnings
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.x509.oid import NameOID

from smtp_audit.facts.certificate import Certificate
from smtp_audit.limits import MAX_CHAIN_CERTIFICATES
from smtp_audit.wiretext import escape_text

MAX_NAMES = 200
"""Subject alternative names kept of one certificate."""


def chain_of(tls: ssl.SSLObject) -> tuple[bytes, ...]:
    """The chain as the server sent it, leaf first, in DER."""
    if hasattr(tls, "get_unverified_chain"):  # public since Python 3.13
        return tuple(tls.get_unverified_chain())
    inner: Any = tls._sslobj  # type: ignore[attr-defined]  # the same call, not yet public before 3.13
    return tuple(certificate.public_bytes(2) for certificate in inner.get_unverified_chain() or ())


def read_chain(chain: tuple[bytes, ...]) -> tuple[tuple[Certificate, ...], str]:
    """The certificates, as far as they can be read, and why the rest cannot ("" when all can)."""
    read: list[Certificate] = []
    for place, der in enumerate(chain):
        if place >= MAX_CHAIN_CERTIFICATES:
            return tuple(read), f"{len(chain)} certificates sent, only {MAX_CHAIN_CERTIFICATES} are read"
        try:
            read.append(read_certificate(der))
        except Exception as error:  # the parser's own errors are many, and the octets are hostile
            return tuple(
                read
            ), f"certificate {place + 1} cannot be read: {type(error).__name__}: {escape_text(str(error), 200)}"
    return tuple(read), ""


def read_certificate(der: bytes) -> Certificate:
    """One certificate. Raises whatever the parser does on malformed octets."""
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # the library warns of odd serial numbers and the like; they are not ours to print
        parsed = x509.load_der_x509_certificate(der)
        names = _alternative_names(parsed)
        key_type, key_bits = _key(parsed)
        return Certificate(
            sha256=hashlib.sha256(der).hexdigest(),
            der_base64=base64.b64encode(der).decode(),
            subject=escape_text(parsed.subject.rfc4514_string()),
            issuer=escape_text(parsed.issuer.rfc4514_string()),
            serial=f"{parsed.serial_number:x}",
            common_names=tuple(
                escape_text(str(part.value)) for part in parsed.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
            ),
            dns_names=_dns_names(names),
            ip_addresses=_ip_addresses(names),
            not_before=parsed.not_valid_before_utc,
            not_after=parsed.not_valid_after_utc,
            key_type=key_type,
            key_bits=key_bits,
            signature_algorithm=_signature(parsed),
            is_ca=_is_ca(parsed),
            self_issued=parsed.subject == parsed.issuer,
        )


def _alternative_names(parsed: x509.Certificate) -> x509.SubjectAlternativeName | None:
    try:
        return parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None


def _dns_names(names: x509.SubjectAlternativeName | None) -> tuple[str, ...]:
    found = names.get_values_for_type(x509.DNSName) if names is not None else []
    return tuple(escape_text(name.lower().removesuffix(".")) for name in found[:MAX_NAMES])


def _ip_addresses(names: x509.SubjectAlternativeName | None) -> tuple[str, ...]:
    found = names.get_values_for_type(x509.IPAddress) if names is not None else []
    return tuple(str(address) for address in found[:MAX_NAMES])


def _is_ca(parsed: x509.Certificate) -> bool:
    try:
        return parsed.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _signature(parsed: x509.Certificate) -> str:
    scheme = getattr(parsed.signature_algorithm_oid, "_name", parsed.signature_algorithm_oid.dotted_string)
    return str(scheme)


def _key(parsed: x509.Certificate) -> tuple[str, int | None]:
    key = parsed.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return "RSA", key.key_size
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC {key.curve.name}", key.curve.key_size
    if isinstance(key, dsa.DSAPublicKey):
        return "DSA", key.key_size
    if isinstance(key, ed25519.Ed25519PublicKey):
        return "Ed25519", 256
    if isinstance(key, ed448.Ed448PublicKey):
        return "Ed448", 456
    return type(key).__name__.lstrip("_").removesuffix("PublicKey"), None
