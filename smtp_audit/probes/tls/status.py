"""Reading what comes with a certificate: OCSP responses and signed certificate timestamps. Both are hostile octets."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from smtp_audit.facts.certificate import CertificateStatus, ClientKind, Presentation, Staple
from smtp_audit.limits import MAX_CHAIN_CERTIFICATES, MAX_OCSP_BYTES, MAX_OCSP_PARTS
from smtp_audit.probes.tls.certificate import MAX_VALUES, logs_of, read_chain
from smtp_audit.probes.tls.trust import Anchors, chain_trust
from smtp_audit.wiretext import escape_text

_LOG_ID = 32
"""Octets of a log's id (RFC 6962 section 3.2)."""


def present(
    client: ClientKind,
    chain: Sequence[bytes],
    anchors: Anchors,
    *,
    staple: bytes | None = None,
    scts: bytes | None = None,
    asked: bool = True,
) -> Presentation:
    """What one kind of client was shown.

    Args:
        client: the kind.
        chain: the certificates in DER as sent, leaf first.
        anchors: what its trust is judged by.
        staple: the OCSPResponse in DER that came along; None: none came.
        scts: the SignedCertificateTimestampList of the TLS extension; None: none came.
        asked: whether the client asked for both. If not, their absence says nothing.
    """
    read, unreadable = read_chain(tuple(chain))
    trust, unknown = chain_trust(chain, anchors)
    logs, problem = _timestamps(scts, asked=asked)
    stapled = None
    if staple is not None:
        stapled = read_staple(staple, chain, anchors)
    elif asked:
        stapled = Staple(present=False)
    return Presentation(
        client=client,
        chain=read,
        trust=trust,
        trust_unknown=unknown,
        unreadable=unreadable,
        staple=stapled,
        tls_sct_logs=logs,
        sct_problem=problem,
    )


def _timestamps(scts: bytes | None, *, asked: bool) -> tuple[tuple[str, ...] | None, str]:
    if scts is None:
        return (() if asked else None), ""
    try:
        return read_scts(scts), ""
    except ValueError as error:
        return (), f"the list of certificate timestamps cannot be read: {error}"


def read_scts(octets: bytes) -> tuple[str, ...]:
    """The distinct logs, in hex, of a SignedCertificateTimestampList (RFC 6962 section 3.3).

    A timestamp of another version than 1 is left out: its log cannot be told.

    Raises:
        ValueError: it is malformed.
    """
    if len(octets) < 2 or int.from_bytes(octets[:2], "big") != len(octets) - 2:
        raise ValueError("its length is wrong")
    logs: list[str] = []
    place = 2
    while place < len(octets):
        end = place + 2 + int.from_bytes(octets[place : place + 2], "big")
        one = octets[place + 2 : end]
        if end > len(octets) or not one:
            raise ValueError("the length of a timestamp is wrong")
        if one[0] == 0:
            if len(one) < 1 + _LOG_ID:
                raise ValueError("a timestamp is too short")
            logs.append(one[1 : 1 + _LOG_ID].hex())
        place = end
    return tuple(islice(dict.fromkeys(logs), MAX_VALUES))


@dataclass(frozen=True)
class Pair:
    """A leaf and its issuer, parsed; the issuer is None when its certificate is not at hand."""

    leaf: x509.Certificate
    issuer: x509.Certificate | None


def pair_of(chain: Sequence[bytes], anchors: Anchors) -> Pair:
    """The leaf of a chain and the certificate that it is signed with, from the chain or the file of anchors.

    Raises:
        Exception: the leaf cannot be parsed; the parser's own errors are many.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        leaf = x509.load_der_x509_certificate(chain[0])
        others = [*_parsed(chain[1:MAX_CHAIN_CERTIFICATES]), leaf, *_of_file(anchors)]
        issuer = next((one for one in others if one.subject == leaf.issuer and _issued(leaf, one)), None)
    return Pair(leaf, issuer)


def _parsed(ders: Iterable[bytes]) -> list[x509.Certificate]:
    parsed = []
    for der in ders:
        try:
            parsed.append(x509.load_der_x509_certificate(der))
        except Exception:  # noqa: S112 (read_chain says what is wrong with it)
            continue
    return parsed


def _of_file(anchors: Anchors) -> list[x509.Certificate]:
    """The certificates of the user's file: its authority may have issued the leaf itself."""
    if anchors.file is None:
        return []
    try:
        return x509.load_pem_x509_certificates(anchors.file.read_bytes())
    except (OSError, ValueError):
        return []


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return True


def read_staple(der: bytes, chain: Sequence[bytes], anchors: Anchors) -> Staple:
    """An OCSP response about the leaf of `chain`. Never raises: what is wrong with it is in the facts."""
    if len(der) > MAX_OCSP_BYTES:
        return Staple(present=True, problem=f"more than {MAX_OCSP_BYTES} octets")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _read(der, chain, anchors)
    except Exception as error:  # the parser's own errors are many, and the octets are hostile
        return Staple(present=True, problem=f"{type(error).__name__}: {escape_text(str(error), 200)}")


def _read(der: bytes, chain: Sequence[bytes], anchors: Anchors) -> Staple:
    response = ocsp.load_der_ocsp_response(der)
    if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        return Staple(present=True, problem=f"the responder said {response.response_status.name.lower()}")
    pair = _pair_or_none(chain, anchors)
    singles = list(islice(response.responses, MAX_OCSP_PARTS))
    ours = next((one for one in singles if pair is not None and _about(one, pair)), None)
    single = ours or (singles[0] if singles else None)
    if single is None:
        return Staple(present=True, problem="it says nothing of any certificate")
    valid, problem = _signature(response, pair.issuer if pair is not None else None)
    status = CertificateStatus(single.certificate_status.name.lower())
    timestamps = [extension.value for extension in _single_extensions(response, len(singles))]
    return Staple(
        present=True,
        readable=True,
        cert_status=status,
        revoked_at=single.revocation_time_utc,
        produced_at=response.produced_at_utc,
        this_update=single.this_update_utc,
        next_update=single.next_update_utc,
        about_leaf=ours is not None if pair is not None else None,
        signature_valid=valid,
        signature_problem=problem,
        responder=_responder(response),
        sct_logs=tuple(dict.fromkeys(log for value in timestamps for log in logs_of(value))),
    )


def _pair_or_none(chain: Sequence[bytes], anchors: Anchors) -> Pair | None:
    """None when the leaf cannot be read, which is no fault of the response."""
    try:
        return pair_of(chain, anchors)
    except Exception:  # the parser's own errors are many; read_chain says what is wrong
        return None


def _single_extensions(response: ocsp.OCSPResponse, answers: int) -> Iterable[x509.Extension[x509.ExtensionType]]:
    """The extensions of the answer; the library has them only where there is a single one."""
    return response.single_extensions if answers == 1 else ()


def _about(single: ocsp.OCSPSingleResponse, pair: Pair) -> bool:
    """Whether an answer is about the leaf: serial number, and a hash of its issuer (RFC 6960 section 4.1.1).

    Either hash will do: who signed the answer is checked apart, and names can be encoded in more ways than one.
    """
    if single.serial_number != pair.leaf.serial_number:
        return False
    if pair.issuer is None:
        return True
    try:
        algorithm = single.hash_algorithm.name
        key_hash = hashlib.new(algorithm, _key_octets(pair.issuer)).digest()
        name_hash = hashlib.new(algorithm, pair.leaf.issuer.public_bytes()).digest()
    except (UnsupportedAlgorithm, ValueError):  # a digest that is not known here
        return True
    return key_hash == single.issuer_key_hash or name_hash == single.issuer_name_hash


def _key_octets(certificate: x509.Certificate) -> bytes:
    """The octets of the key itself, as its hash is made of them (RFC 6960 section 4.1.1).

    That is the BIT STRING at the end of SubjectPublicKeyInfo without its head: tag, length, number of unused bits.
    """
    info = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    body = _inside(info, 0)
    key = _after(info, body)
    return info[_inside(info, key) + 1 :]


def _inside(der: bytes, place: int) -> int:
    """Where the content of the element at `place` begins."""
    first = der[place + 1]
    return place + 2 + (first & 0x7F if first & 0x80 else 0)


def _after(der: bytes, place: int) -> int:
    """Where the element after the one at `place` begins."""
    inside = _inside(der, place)
    length = int.from_bytes(der[place + 2 : inside], "big") if inside > place + 2 else der[place + 1]
    return inside + length


def _responder(response: ocsp.OCSPResponse) -> str:
    if response.responder_name is not None:
        return escape_text(response.responder_name.rfc4514_string())
    return f"key {(response.responder_key_hash or b'').hex()}"


def _signature(response: ocsp.OCSPResponse, issuer: x509.Certificate | None) -> tuple[bool | None, str]:
    """Whether it is signed by the issuer or by a responder that the issuer delegated (RFC 6960 section 4.2.2.2)."""
    if issuer is None:
        return None, "the certificate of the issuer is not at hand"
    if _is_responder(response, issuer):
        return _verified(response, issuer)
    delegated = [one for one in islice(response.certificates, MAX_OCSP_PARTS) if _is_responder(response, one)]
    for one in delegated:
        if not _issued(one, issuer) or not _may_sign(one):
            continue
        if not one.not_valid_before_utc <= response.produced_at_utc <= one.not_valid_after_utc:
            return False, "the certificate of the responder was not in date when the response was made"
        return _verified(response, one)
    if delegated:
        return False, "the issuer did not delegate this responder (RFC 6960 section 4.2.2.2)"
    return False, "neither the issuer nor a certificate in the response is the responder that it names"


def _is_responder(response: ocsp.OCSPResponse, certificate: x509.Certificate) -> bool:
    if response.responder_name is not None:
        return certificate.subject == response.responder_name
    # RFC 6960 section 4.2.1: always SHA-1.
    return hashlib.sha1(_key_octets(certificate), usedforsecurity=False).digest() == response.responder_key_hash


def _may_sign(certificate: x509.Certificate) -> bool:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (x509.ExtensionNotFound, ValueError):
        return False
    return ExtendedKeyUsageOID.OCSP_SIGNING in usage


def _verified(response: ocsp.OCSPResponse, signer: x509.Certificate) -> tuple[bool | None, str]:
    key = signer.public_key()
    signature, signed = response.signature, response.tbs_response_bytes
    try:
        digest = response.signature_hash_algorithm
        if isinstance(key, rsa.RSAPublicKey) and digest is not None:
            key.verify(signature, signed, padding.PKCS1v15(), digest)
        elif isinstance(key, ec.EllipticCurvePublicKey) and digest is not None:
            key.verify(signature, signed, ec.ECDSA(digest))
        elif isinstance(key, dsa.DSAPublicKey) and digest is not None:
            key.verify(signature, signed, digest)
        elif isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
            key.verify(signature, signed)
        else:
            return None, "a kind of signature that cannot be checked here"
    except InvalidSignature:
        return False, "the signature is wrong"
    except UnsupportedAlgorithm as error:  # RSASSA-PSS among them, whose parameters the library does not tell here
        return None, f"the signature cannot be checked here: {escape_text(str(error), 200)}"
    return True, ""
