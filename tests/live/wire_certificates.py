"""The second judge's look at certificates: by the openssl program, Python's ssl and cryptography."""

import itertools
import re
import ssl
import subprocess
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from . import wire, wire_tls
from .lab import Place

_S_CLIENT_NAME = {"mx": "smtp", "submission": "smtp", "imap": "imap", "pop3": "pop3", "sieve": "sieve"}

# OpenSSL's flags that Python's ssl has no name for (x509_vfy.h).
_NO_CHECK_TIME = 0x200000
_PARTIAL_CHAIN = 0x80000
# X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH.
_NAME_ERRORS = {62, 64}

_ACCEPTED_ISSUER = "Example Lab Authority"
_LONGEST = timedelta(days=398)
_SMALLEST_RSA, _SMALLEST_EC = 2048, 256

_RSA_SUITES = (0xC02F, 0xC030, 0xCCA8, 0xC013, 0xC014, 0xC027, 0xC028, 0x009C, 0x009D, 0x002F, 0x0035)
_ECDSA_SUITES = (0xC02B, 0xC02C, 0xCCA9, 0xC009, 0xC00A, 0xC023, 0xC024)
_RSA_SIGNATURES = (0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0201)
_ECDSA_SIGNATURES = (0x0403, 0x0503, 0x0603, 0x0203)


def faults(place: Place, anchors: Path, others: Sequence[Place]) -> set[str]:
    """What is wrong with what the server shows; `others` are places on the same host."""
    said = s_client(place, anchors)
    chain, verdict = _chain(said), _verdict(said)
    leaf = chain[0]
    found = set() if verdict == 0 else {"certificate-trusted"}
    now = datetime.now(UTC)
    in_date = all(cert.not_valid_before_utc <= now <= cert.not_valid_after_utc for cert in chain)
    if not in_date:
        found.add("certificate-in-date")
    # An expired leaf has no days left; a leaf that is not valid yet has them.
    elif leaf.not_valid_after_utc - now < timedelta(days=30):
        found.add("certificate-days-left")
    if not name_matches(place, leaf):
        found.add("certificate-name")
    found |= _chain_faults(chain) | _leaf_faults(leaf)
    if _must_staple(leaf) and b"OCSP response: no response sent" in said:
        found.add("certificate-staple")
    # What s_client prints of a CertificateRequest, in every version.
    if b"Client Certificate Types" in said or b"Requested Signature Algorithms" in said:
        found.add("client-certificate-request")
    if any(not _alike(_chain(s_client(other, anchors))[0], leaf) for other in others):
        found.add("certificate-same-on-ports")
    if _another_client_is_shown_worse(place, anchors, leaf):
        found.add("certificate-every-client")
    return found


def s_client(place: Place, anchors: Path) -> bytes:
    """What OpenSSL's client prints about a connection, with the time left out of the verdict."""
    command = ["/usr/bin/openssl", "s_client", "-connect", f"{place.address}:{place.port}"]
    command += ["-CAfile", str(anchors), "-no-CApath", "-no-CAstore", "-showcerts", "-status"]
    command += ["-no_check_time", "-purpose", "sslserver", "-servername", place.host]
    # Short keys and old hashes have controls of their own.
    command += ["-cipher", "ALL:@SECLEVEL=0"]
    if place.role not in wire.IMPLICIT:
        command += ["-starttls", _S_CLIENT_NAME[place.role]]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=False).stdout


def _chain(said: bytes) -> list[x509.Certificate]:
    blocks = re.findall(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", said, re.DOTALL)
    if not blocks:
        raise AssertionError(f"openssl saw no certificate: {said!r}")
    return [x509.load_pem_x509_certificate(block) for block in blocks]


def _verdict(said: bytes) -> int:
    verdict = re.search(rb"Verify return code: (\d+)", said)
    if verdict is None:
        raise AssertionError(f"openssl gave no verdict: {said!r}")
    return int(verdict[1])


def name_matches(place: Place, leaf: x509.Certificate) -> bool:
    """Whether OpenSSL takes the leaf for the host, common names left out (RFC 9525).

    The leaf itself is the trust anchor, so that only its name can be wrong.
    """
    context = wire.any_version()
    # Anonymous suites would leave nothing to look at.
    context.set_ciphers("ALL:!aNULL:@SECLEVEL=0")
    context.hostname_checks_common_name = False
    context.check_hostname = True
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VerifyFlags(_NO_CHECK_TIME | _PARTIAL_CHAIN)
    context.load_verify_locations(cadata=leaf.public_bytes(Encoding.DER))
    try:
        wire.encrypted(place, context, place.host).socket.close()
    except ssl.SSLCertVerificationError as error:
        # The name is checked last; another complaint (the purpose) stands before it.
        return error.verify_code not in _NAME_ERRORS
    return True


def _chain_faults(chain: Sequence[x509.Certificate]) -> set[str]:
    found = set()
    for place, (one, issuer) in enumerate(itertools.pairwise(chain)):
        # RFC 5246 section 7.4.2: each certificate certifies the one before it.
        if one.issuer != issuer.subject or issuer in chain[: place + 1]:
            found.add("certificate-chain-order")
        if not _may_issue(issuer, below=place):
            found.add("certificate-not-an-authority")
    for one in chain:
        if one is not chain[0] and one.issuer == one.subject:
            continue  # a root: clients take their own copy
        if not _strong(one):
            found.add("certificate-key-strength")
        if one.signature_hash_algorithm is not None and one.signature_hash_algorithm.name in ("md5", "sha1"):
            found.add("certificate-signature")
    return found


def _may_issue(issuer: x509.Certificate, below: int) -> bool:
    constraints = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value
    usage = issuer.extensions.get_extension_for_class(x509.KeyUsage).value
    shallow = constraints.path_length is not None and constraints.path_length < below
    return constraints.ca and usage.key_cert_sign and not shallow


def _strong(certificate: x509.Certificate) -> bool:
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return key.key_size >= _SMALLEST_RSA
    return not isinstance(key, ec.EllipticCurvePublicKey) or key.key_size >= _SMALLEST_EC


def _leaf_faults(leaf: x509.Certificate) -> set[str]:
    found = set()
    if leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
        found.add("certificate-not-an-authority")
    if leaf.not_valid_after_utc - leaf.not_valid_before_utc > _LONGEST:
        found.add("certificate-lifetime")
    purposes = [e.value for e in leaf.extensions if isinstance(e.value, x509.ExtendedKeyUsage)]
    if purposes and ExtendedKeyUsageOID.SERVER_AUTH not in purposes[0]:
        found.add("certificate-purpose")
    issuers = [name.value for name in leaf.issuer.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
    if issuers != [_ACCEPTED_ISSUER]:
        found.add("certificate-issuer")
    return found


def _alike(one: x509.Certificate, other: x509.Certificate) -> bool:
    """Whether two leaves are the same, or one renews the other."""
    names = [cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value for cert in (one, other)]
    return one == other or (set(names[0]) == set(names[1]) and one.issuer == other.issuer)


def _must_staple(leaf: x509.Certificate) -> bool:
    features = [e.value for e in leaf.extensions if isinstance(e.value, x509.TLSFeature)]
    return any(x509.TLSFeatureType.status_request in feature for feature in features)


def _another_client_is_shown_worse(place: Place, anchors: Path, leaf: x509.Certificate) -> bool:
    """Whether a client of another kind is shown another leaf that is expired, untrusted, or not for this host.

    By hellos of TLS 1.2: a server with TLS 1.3 alone is not looked at.
    """
    everything, signatures = (*_RSA_SUITES, *_ECDSA_SUITES), (*_RSA_SIGNATURES, *_ECDSA_SIGNATURES)
    for suites, schemes, name in (
        (_RSA_SUITES, _RSA_SIGNATURES, place.host),
        (_ECDSA_SUITES, _ECDSA_SIGNATURES, place.host),
        (everything, signatures, None),
        (everything, signatures, "other.example"),
    ):
        flight = wire_tls.ask(place, suites, signatures=schemes, name=name)
        if 11 not in flight.messages:
            continue  # refused
        shown = [x509.load_der_x509_certificate(der) for der in flight.certificates]
        if shown[0] != leaf and not _good(shown, place.host, anchors):
            return True
    return False


def _good(shown: Sequence[x509.Certificate], host: str, anchors: Path) -> bool:
    """By the openssl program, which looks at dates, trust and name here."""
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        file.write(b"".join(certificate.public_bytes(Encoding.PEM) for certificate in shown))
        file.flush()
        command = ["/usr/bin/openssl", "verify", "-auth_level", "0", "-CAfile", str(anchors), "-no-CApath"]
        command += ["-purpose", "sslserver", "-verify_hostname", host, "-untrusted", file.name, file.name]
        return subprocess.run(command, capture_output=True, timeout=20, check=False).returncode == 0
