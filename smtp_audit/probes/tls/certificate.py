"""Reading the certificates of a handshake into facts."""

from __future__ import annotations

import base64
import hashlib
import ssl
import warnings
from collections.abc import Sequence
from functools import lru_cache
from itertools import islice
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, ExtensionOID, NameOID

from smtp_audit.facts.certificate import Certificate
from smtp_audit.limits import MAX_CHAIN_CERTIFICATES
from smtp_audit.wiretext import escape_text

MAX_NAMES = 200
"""Subject alternative names kept of one certificate."""

MAX_VALUES = 50
"""Values kept of every other field that may repeat: purposes, logs, addresses, organisations."""

MAX_KEY_ID = 64
"""Octets kept of a key identifier; that of a SHA-512 is as long."""


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


@lru_cache(maxsize=64)
def read_certificate(der: bytes) -> Certificate:
    """One certificate. Raises whatever the parser does on malformed octets."""
    with warnings.catch_warnings():
        # The library warns of odd serial numbers and the like; they are not ours to print.
        warnings.simplefilter("ignore")
        parsed = x509.load_der_x509_certificate(der)
        extensions = {extension.oid: extension.value for extension in parsed.extensions}
        names = extensions.get(ExtensionOID.SUBJECT_ALTERNATIVE_NAME)
        constraints = extensions.get(ExtensionOID.BASIC_CONSTRAINTS)
        key_type, key_bits = _key(parsed)
        public_key = spki_of(parsed.tbs_certificate_bytes)
        return Certificate(
            sha256=hashlib.sha256(der).hexdigest(),
            der_base64=base64.b64encode(der).decode(),
            subject=escape_text(parsed.subject.rfc4514_string()),
            issuer=escape_text(parsed.issuer.rfc4514_string()),
            serial=f"{parsed.serial_number:x}",
            common_names=_texts(parsed.subject, NameOID.COMMON_NAME),
            dns_names=_dns_names(names),
            ip_addresses=_ip_addresses(names),
            not_before=parsed.not_valid_before_utc,
            not_after=parsed.not_valid_after_utc,
            key_type=key_type,
            key_bits=key_bits,
            signature_algorithm=_signature(parsed),
            is_ca=constraints.ca if isinstance(constraints, x509.BasicConstraints) else False,
            self_issued=parsed.subject == parsed.issuer,
            version=parsed.version.value + 1,
            signature_hash=_signature_hash(parsed),
            extensions_read=True,
            key_usage=_key_usage(extensions.get(ExtensionOID.KEY_USAGE)),
            extended_key_usage=_purposes(extensions.get(ExtensionOID.EXTENDED_KEY_USAGE)),
            has_basic_constraints=constraints is not None,
            path_length=constraints.path_length if isinstance(constraints, x509.BasicConstraints) else None,
            must_staple=_must_staple(extensions.get(ExtensionOID.TLS_FEATURE)),
            sct_logs=logs_of(extensions.get(ExtensionOID.PRECERT_SIGNED_CERTIFICATE_TIMESTAMPS)),
            ocsp_urls=_ocsp_urls(extensions.get(ExtensionOID.AUTHORITY_INFORMATION_ACCESS)),
            crl_urls=_crl_urls(extensions.get(ExtensionOID.CRL_DISTRIBUTION_POINTS)),
            issuer_organisations=_texts(parsed.issuer, NameOID.ORGANIZATION_NAME),
            subject_key_id=_key_id(extensions.get(ExtensionOID.SUBJECT_KEY_IDENTIFIER)),
            authority_key_id=_key_id(extensions.get(ExtensionOID.AUTHORITY_KEY_IDENTIFIER)),
            sha512=hashlib.sha512(der).hexdigest(),
            spki_sha256=hashlib.sha256(public_key).hexdigest(),
            spki_sha512=hashlib.sha512(public_key).hexdigest(),
        )


def spki_of(tbs: bytes) -> bytes:
    """The SubjectPublicKeyInfo of a TBSCertificate (RFC 5280 section 4.1) as it was sent, which is what is hashed.

    The library would encode it anew, and an RSA-PSS key as one for RSA. Raises ValueError for what cannot be read.
    """
    start, _ = _element(tbs, 0)
    before = 6 if tbs[start : start + 1] == b"\xa0" else 5  # version, serial, signature, issuer, validity, subject
    place = start
    for _ in range(before):
        place = _element(tbs, place)[1]
    return tbs[place : _element(tbs, place)[1]]


def _element(der: bytes, place: int) -> tuple[int, int]:
    """Where the content of an element of DER begins, and where it ends."""
    if place + 2 > len(der):
        raise ValueError("the certificate ends in the middle of an element")
    length, begin = der[place + 1], place + 2
    if length & 0x80:
        octets = length & 0x7F
        length = int.from_bytes(der[begin : begin + octets], "big")
        begin += octets
    if begin + length > len(der):
        raise ValueError("the certificate ends in the middle of an element")
    return begin, begin + length


def logs_of(timestamps: object) -> tuple[str, ...]:
    """The distinct logs of the timestamps in an extension of a certificate or of an OCSP response; none, when None."""
    kinds = (x509.PrecertificateSignedCertificateTimestamps, x509.SignedCertificateTimestamps)
    if not isinstance(timestamps, kinds):
        return ()
    return tuple(dict.fromkeys(one.log_id.hex() for one in islice(timestamps, MAX_VALUES)))


def _texts(name: x509.Name, oid: x509.ObjectIdentifier) -> tuple[str, ...]:
    return tuple(escape_text(str(part.value)) for part in name.get_attributes_for_oid(oid)[:MAX_VALUES])


def _dns_names(names: object) -> tuple[str, ...]:
    found = names.get_values_for_type(x509.DNSName) if isinstance(names, x509.SubjectAlternativeName) else []
    return tuple(escape_text(name.lower().removesuffix(".")) for name in found[:MAX_NAMES])


def _ip_addresses(names: object) -> tuple[str, ...]:
    found = names.get_values_for_type(x509.IPAddress) if isinstance(names, x509.SubjectAlternativeName) else []
    return tuple(str(address) for address in found[:MAX_NAMES])


_USES = {
    "digitalSignature": "digital_signature",
    "nonRepudiation": "content_commitment",
    "keyEncipherment": "key_encipherment",
    "dataEncipherment": "data_encipherment",
    "keyAgreement": "key_agreement",
    "keyCertSign": "key_cert_sign",
    "cRLSign": "crl_sign",
}


def _key_usage(usage: object) -> tuple[str, ...] | None:
    if not isinstance(usage, x509.KeyUsage):
        return None
    return tuple(name for name, attribute in _USES.items() if getattr(usage, attribute))


def _purposes(usage: object) -> tuple[str, ...] | None:
    if not isinstance(usage, x509.ExtendedKeyUsage):
        return None
    return tuple(_PURPOSES.get(oid, oid.dotted_string) for oid in islice(usage, MAX_VALUES))


_PURPOSES = {
    ExtendedKeyUsageOID.SERVER_AUTH: "serverAuth",
    ExtendedKeyUsageOID.CLIENT_AUTH: "clientAuth",
    ExtendedKeyUsageOID.CODE_SIGNING: "codeSigning",
    ExtendedKeyUsageOID.EMAIL_PROTECTION: "emailProtection",
    ExtendedKeyUsageOID.TIME_STAMPING: "timeStamping",
    ExtendedKeyUsageOID.OCSP_SIGNING: "OCSPSigning",
    ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE: "anyExtendedKeyUsage",
}


def _must_staple(features: object) -> bool:
    return isinstance(features, x509.TLSFeature) and x509.TLSFeatureType.status_request in features


def _ocsp_urls(access: object) -> tuple[str, ...]:
    if not isinstance(access, x509.AuthorityInformationAccess):
        return ()
    places = [one.access_location for one in access if one.access_method == AuthorityInformationAccessOID.OCSP]
    return _urls(places)


def _crl_urls(points: object) -> tuple[str, ...]:
    if not isinstance(points, x509.CRLDistributionPoints):
        return ()
    return _urls([name for point in points for name in point.full_name or ()])


def _urls(names: Sequence[x509.GeneralName]) -> tuple[str, ...]:
    found = [name.value for name in names if isinstance(name, x509.UniformResourceIdentifier)]
    return tuple(dict.fromkeys(escape_text(url) for url in found[:MAX_VALUES]))


def _key_id(identifier: object) -> str:
    if isinstance(identifier, x509.SubjectKeyIdentifier):
        digest: bytes | None = identifier.digest
    else:
        digest = identifier.key_identifier if isinstance(identifier, x509.AuthorityKeyIdentifier) else None
    return (digest or b"")[:MAX_KEY_ID].hex()


def _signature(parsed: x509.Certificate) -> str:
    scheme = getattr(parsed.signature_algorithm_oid, "_name", parsed.signature_algorithm_oid.dotted_string)
    return str(scheme)


# Digests so old that the library does not know them (RFC 8017 appendix C).
_ANCIENT = {"1.2.840.113549.1.1.2": "md2", "1.2.840.113549.1.1.3": "md4"}


def _signature_hash(parsed: x509.Certificate) -> str | None:
    ancient = _ANCIENT.get(parsed.signature_algorithm_oid.dotted_string)
    if ancient is not None:
        return ancient
    try:
        digest = parsed.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return None
    return digest.name if digest is not None else ""


_RSA_PSS = "1.2.840.113549.1.1.10"


def _key(parsed: x509.Certificate) -> tuple[str, int | None]:
    key = parsed.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        # A key for RSASSA-PSS alone (RFC 4055 section 1.2) signs in other ways than one for RSA in general.
        return "RSA-PSS" if parsed.public_key_algorithm_oid.dotted_string == _RSA_PSS else "RSA", key.key_size
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC {key.curve.name}", key.curve.key_size
    if isinstance(key, dsa.DSAPublicKey):
        return "DSA", key.key_size
    if isinstance(key, ed25519.Ed25519PublicKey):
        return "Ed25519", 256
    if isinstance(key, ed448.Ed448PublicKey):
        return "Ed448", 456
    return type(key).__name__.lstrip("_").removesuffix("PublicKey"), None
