"""With which groups keys are agreed on, and how the server signs its part."""

from __future__ import annotations

import re

from smtp_audit.control import Rule, Verdict, control, fail, not_applicable, passed
from smtp_audit.controls.words import NO_TLS
from smtp_audit.errors import Undetermined
from smtp_audit.facts.endpoint import Endpoint
from smtp_audit.facts.handshake import DhGroup, TlsGroupFacts, TlsSignatureFacts
from smtp_audit.facts.tls import TlsVersion

CURVE_BITS = {
    "x25519": 255, "x448": 448, "secp256r1": 256, "secp384r1": 384, "secp521r1": 521, "secp256k1": 256,
    "brainpoolP256r1": 256, "brainpoolP384r1": 384, "brainpoolP512r1": 512, "brainpoolP256r1tls13": 256,
    "brainpoolP384r1tls13": 384, "brainpoolP512r1tls13": 512,
}  # fmt: skip
"""The size of each curve's field in bits, where its name does not say it."""

HYBRIDS = ("X25519MLKEM768", "SecP256r1MLKEM768", "SecP384r1MLKEM1024", "MLKEM768", "MLKEM1024")
"""Groups with ML-KEM. X25519Kyber768Draft00 is none: the draft that it is of was given up."""

OF_ITS_CURVES_SIZE = ("X25519Kyber768Draft00",)
"""At least as strong as X25519, which is one half of it."""

_ADDED_DHE = {
    "postfix": "DHE suites off: tls_high_cipherlist = ECDHE+AESGCM:ECDHE+CHACHA20; or smtpd_tls_dh1024_param_file = "
    "auto (Postfix 3.1 and later; since 3.7 the default) for a group of 2048 bits or more",
    "dovecot": "ssl_dh = <dh.pem made from a group of RFC 7919 (openssl genpkey -genparam -algorithm DH -pkeyopt "
    "group:ffdhe3072), or ssl_cipher_list without DHE",
    "exim": "tls_dhparam = ffdhe2048 or ffdhe3072 (Exim 4.93 and later; before: ike24), and tls_dh_max_bits = 4096",
    "sendmail": "define(`confDH_PARAMETERS', `FILE.pem')dnl, or CipherList without DHE",
    "opensmtpd": 'dhe none (the default) or dhe auto, and ciphers "ECDHE+AESGCM:ECDHE+CHACHA20", on the listen line',
    "docker-mailserver": "TLS_LEVEL=modern; the image ships ffdhe4096.pem: remove your own dhparams.pem",
    "any": "use ECDHE suites alone, or a group of RFC 7919 with 2048 bits or more",
}
_CURVES = {
    "postfix": "tls_eecdh_auto_curves = X25519 prime256v1 secp384r1",
    "dovecot": "ssl_curve_list = X25519:P-256:P-384",
    "exim": "tls_eccurve = X25519:P-256:P-384 (OpenSSL); with GnuTLS: +GROUP-X25519:+GROUP-SECP256R1 in "
    "tls_require_ciphers",
    "any": "allow X25519, P-256 and P-384 alone",
}


def _bits(group: str) -> int | None:
    """The size of a named curve or finite field; None when the name does not tell."""
    if group in CURVE_BITS:
        return CURVE_BITS[group]
    found = re.fullmatch(r"(?:secp|sect|ffdhe)(\d+)(?:[rk]\d)?", group)
    return int(found[1]) if found else None


def _finite(group: str) -> bool:
    return group.startswith("ffdhe")


@control(
    "tls-key-exchange-strength",
    title="Keys are agreed on with groups of sufficient size",
    expects="finite fields have at least {minimum_dh_bits} bits and curves at least {minimum_curve_bits}",
    subject=Endpoint,
    needs=TlsGroupFacts,
    parameters={"minimum_dh_bits": int, "minimum_curve_bits": int},
    spec=("RFC 9325 section 4.1", "RFC 9325 section 4.5", "RFC 7919 section 1", "RFC 8422 section 5.1.1"),
    remedy={key: f"{_ADDED_DHE[key]}; curves: {_CURVES.get(key, _CURVES['any'])}" for key in _ADDED_DHE},
)
def key_exchange_strength(groups: TlsGroupFacts, rule: Rule) -> Verdict:
    """A short Diffie-Hellman group is broken once, and then every session that used it lies open.

    For 1024 bits a state can afford that (Logjam); 512 bits take hours. Weak curves are the same for ECDHE.
    """
    if not groups.offered:
        return not_applicable(NO_TLS)
    weak = [
        f"{name} ({bits} bits)"
        for name in groups.named()
        if (bits := _bits(name)) is not None
        and bits < rule["minimum_dh_bits" if _finite(name) else "minimum_curve_bits"]
    ]
    weak += [f"DHE with {field.bits} bits" for field in groups.finite_fields if field.bits < rule["minimum_dh_bits"]]
    # RFC 8422 section 5.4: nobody can tell how good a curve is that the server makes up.
    weak += [name for name in groups.named() if name.startswith("explicit ")]
    if weak:
        return fail(f"accepts {', '.join(dict.fromkeys(weak))}", evidence=groups.evidence())
    _require_all(groups)
    sizeless = (*HYBRIDS, *OF_ITS_CURVES_SIZE)
    odd = [name for name in groups.named() if _bits(name) is None and name not in sizeless]
    if odd:
        raise Undetermined(f"the size of {', '.join(odd)} is not known")
    if not groups.named() and not groups.finite_fields:
        return not_applicable("no suite agrees on keys with a group; tls-forward-secrecy judges that")
    return passed(f"accepts {_listed(groups)}", evidence=groups.evidence())


def _require_all(groups: TlsGroupFacts) -> None:
    """Raises Undetermined when there may be groups that were not seen, or no version was asked at all."""
    groups.require_complete()
    if not groups.versions and not groups.finite_fields:
        raise Undetermined("no version that agrees on keys with a group is known to be accepted")


def _listed(groups: TlsGroupFacts) -> str:
    return ", ".join((*groups.named(), *(f"DHE with {field.bits} bits" for field in groups.finite_fields))) or "none"


@control(
    "tls-dh-prime",
    title="Diffie-Hellman primes are sound",
    expects="every prime of DHE suites is that of a published group of 2048 bits or more, or a safe prime of one's own",
    subject=Endpoint,
    needs=TlsGroupFacts,
    spec=("RFC 7919 section 1", "RFC 7919 section 5.1", "RFC 9325 section 4.5", "RFC 3526"),
    remedy=_ADDED_DHE,
)
def dh_prime(groups: TlsGroupFacts, rule: Rule) -> Verdict:
    """A modulus that is no safe prime may hide a trap door, and leaks parts of the secret to small subgroups.

    A short one that many servers share is worth breaking: the work is done once for all of them (Logjam). The groups of
    RFC 7919 and 3526 with 2048 bits and more are shared, too, and long enough for that not to matter.
    """
    if not groups.offered:
        return not_applicable(NO_TLS)
    faults = [f"{fault}: {field}" for field in groups.finite_fields if (fault := _fault(field))]
    if faults:
        return fail(faults[0].partition(", SHA-256")[0], evidence=[f"DHE: {each}" for each in faults])
    if groups.finite_fields_detail:
        raise Undetermined(groups.finite_fields_detail)
    if not groups.finite_fields:
        _require_all(groups)
        return not_applicable("no suite with a finite field is accepted")
    if unknown := [field for field in groups.finite_fields if not field.name and field.safe is None]:
        raise Undetermined(f"not worked out whether the prime is safe: {unknown[0]}")
    if unknown := [field for field in groups.finite_fields if field.generator is None]:
        raise Undetermined(f"a generator so large that it was not looked into: {unknown[0]}")
    names = ", ".join(field.name or f"a safe prime of {field.bits} bits" for field in groups.finite_fields)
    return passed(names, evidence=groups.evidence())


def _fault(field: DhGroup) -> str:
    if field.prime is False:
        return "a modulus that is no prime"
    if not field.name and field.safe is False:
        return "a prime that is not safe"
    if field.name and field.bits < 2048:
        return "a short prime that many share"
    if field.generator is not None and field.generator < 2:
        return f"the generator {field.generator}"
    return ""


@control(
    "tls-allowed-groups",
    title="Only groups of the guideline",
    expects="every named group is one of: {allowed}; other finite fields have at least {minimum_dh_bits} bits",
    subject=Endpoint,
    needs=TlsGroupFacts,
    parameters={"allowed": list[str], "minimum_dh_bits": int},
    spec=("RFC 9325 section 4.2.1", "RFC 8446 section 4.2.7"),
    remedy={key: f"{_CURVES.get(key, _CURVES['any'])}; finite fields: {_ADDED_DHE[key]}" for key in _ADDED_DHE},
)
def allowed_groups(groups: TlsGroupFacts, rule: Rule) -> Verdict:
    """A curve that few use is a curve that few have looked at, and one more piece of code that a stranger can reach."""
    if not groups.offered:
        return not_applicable(NO_TLS)
    allowed: list[str] = rule["allowed"]
    outside = [name for name in groups.named() if name not in allowed]
    for field in groups.finite_fields:
        published = field.name.startswith("ffdhe")
        if (published and field.name not in allowed) or (not published and field.bits < rule["minimum_dh_bits"]):
            outside.append(field.name if published else f"DHE with {field.bits} bits")
    if outside:
        return fail(f"accepts {', '.join(dict.fromkeys(outside))}", evidence=groups.evidence())
    _require_all(groups)
    if not groups.named() and not groups.finite_fields:
        return not_applicable("no suite agrees on keys with a group; tls-forward-secrecy judges that")
    return passed(f"accepts {_listed(groups)}", evidence=groups.evidence())


@control(
    "tls-post-quantum",
    title="A post-quantum hybrid is accepted",
    expects="TLS 1.3 takes a group with ML-KEM, such as X25519MLKEM768",
    subject=Endpoint,
    needs=TlsGroupFacts,
    spec=("draft-ietf-tls-ecdhe-mlkem", "FIPS 203"),
    remedy={
        "postfix": "OpenSSL 3.5 or later has X25519MLKEM768 on by default; Postfix 3.10 and later: "
        "tls_eecdh_auto_curves = X25519MLKEM768 X25519 prime256v1 secp384r1",
        "dovecot": "OpenSSL 3.5 or later; ssl_curve_list = X25519MLKEM768:X25519:P-256:P-384",
        "any": "OpenSSL 3.5, GnuTLS 3.8.9 with liboqs or leancrypto, or Go 1.24 and later have X25519MLKEM768",
    },
)
def post_quantum(groups: TlsGroupFacts, rule: Rule) -> Verdict:
    """What is recorded today can be read once a large quantum computer exists, unless the key exchange resists it.

    The hybrids cost little and are as strong as X25519 even if ML-KEM should fall.
    """
    if not groups.offered:
        return not_applicable(NO_TLS)
    found = [name for name in groups.named() if name in HYBRIDS]
    if found:
        return passed(f"accepts {', '.join(found)}", evidence=groups.evidence())
    # The hybrids are of TLS 1.3 alone: once its list has an end, nothing else can bring one.
    newest = [each for each in groups.versions if each.version is TlsVersion.TLS13]
    if not all(each.complete for each in newest) or not newest:
        _require_all(groups)
    return fail(f"accepts {_listed(groups)}, no hybrid", evidence=groups.evidence())


_SIGNATURE_REMEDY = {
    "postfix": "SignatureAlgorithms = RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512:ECDSA+SHA256:ECDSA+SHA384:"
    "ECDSA+SHA512:RSA+SHA256:RSA+SHA384:RSA+SHA512 in the section that Postfix reads of openssl.cnf (3.9 and later: "
    "tls_config_file and tls_config_name; before: system_default of the system's file)",
    "any": "SignatureAlgorithms in the system_default section of openssl.cnf; GnuTLS: -SIGN-RSA-SHA1 in the priority "
    "string; security level 1 and higher of OpenSSL 3 refuse SHA-1 and MD5 by themselves",
}


@control(
    "tls-signature-hash",
    title="Handshakes are not signed with broken hashes",
    expects="the server signs no handshake with: {forbidden_hashes}",
    subject=Endpoint,
    needs=TlsSignatureFacts,
    parameters={"forbidden_hashes": list[str]},
    spec=("RFC 9155 section 4", "RFC 8446 section 4.2.3"),
    remedy=_SIGNATURE_REMEDY,
)
def signature_hash(signatures: TlsSignatureFacts, rule: Rule) -> Verdict:
    """Who can make two texts with one hash can have the server sign the one and use it for the other (SLOTH).

    That needs a client that asks for such a signature, and somebody between who waters its list down.
    """
    if not signatures.offered:
        return not_applicable(NO_TLS)
    forbidden: list[str] = rule["forbidden_hashes"]
    found = [
        f"{scheme} in {each.version}"
        for each in signatures.versions
        for scheme in each.schemes
        if scheme.rpartition("_")[2] in forbidden
    ]
    if found:
        return fail(f"signs with {', '.join(found)} when a client asks for it", evidence=signatures.evidence())
    verdict = _schemes_passed(signatures)
    if odd := [scheme for each in signatures.versions for scheme in each.schemes if scheme.startswith("0x")]:
        raise Undetermined(f"the hash of {', '.join(dict.fromkeys(odd))} is not known")
    return verdict


@control(
    "tls-allowed-signatures",
    title="Only signature schemes of the guideline",
    expects="every handshake is signed with one of: {allowed}",
    subject=Endpoint,
    needs=TlsSignatureFacts,
    parameters={"allowed": list[str]},
    spec=("RFC 9155 section 4", "RFC 8446 section 4.2.3"),
    remedy=_SIGNATURE_REMEDY,
)
def allowed_signatures(signatures: TlsSignatureFacts, rule: Rule) -> Verdict:
    """The signature proves that the holder of the certificate is at the other end: it should be a current one."""
    if not signatures.offered:
        return not_applicable(NO_TLS)
    allowed: list[str] = rule["allowed"]
    outside = [
        f"{scheme} in {each.version}"
        for each in signatures.versions
        for scheme in each.schemes
        if scheme not in allowed
    ]
    if outside:
        return fail(f"signs with {', '.join(outside)} when a client asks for it", evidence=signatures.evidence())
    return _schemes_passed(signatures)


def _schemes_passed(signatures: TlsSignatureFacts) -> Verdict:
    signatures.require_complete()
    schemes = list(dict.fromkeys(scheme for each in signatures.versions for scheme in each.schemes))
    if not schemes:
        return not_applicable("no handshake of TLS 1.2 or 1.3 is signed")
    return passed(f"signs with {', '.join(schemes)}", evidence=signatures.evidence())
