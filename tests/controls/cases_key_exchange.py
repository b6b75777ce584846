"""Cases of smtp_audit.controls.key_exchange."""

from typing import Any

from smtp_audit.facts.handshake import (
    TlsGroupFacts,
    TlsSignatureFacts,
    VersionGroups,
    VersionSignatures,
)
from smtp_audit.facts.tls import TlsVersion
from tests.facts_factories import dh_group, groups, signatures

from .case import Case, Expected

PASS, FAIL, NOT_APPLICABLE, INDETERMINATE = Expected
SSL2, SSL3, TLS10, TLS11, TLS12, TLS13 = TlsVersion

_NO_TLS = groups(offered=False)
_NOTHING = TlsGroupFacts(offered=True)
_NO_END = groups(complete=False, detail="closed without an alert")
_RSA_ALONE = groups({TLS12: ()}, detail="no suite with elliptic curves")

_OWN = dh_group(2048)
_OWN_1024 = dh_group(1024)
_OAKLEY = dh_group(1024, name="Oakley group 2 of RFC 2409")
_GROUP_14 = dh_group(2048, name="group 14 of RFC 3526")
_FFDHE2048 = dh_group(2048, name="ffdhe2048")
_FFDHE3072 = dh_group(3072, name="ffdhe3072")


def _curves(*names: str, **more: Any) -> TlsGroupFacts:
    return groups({TLS12: names}, **more)


_SIZES = {"minimum_dh_bits": 2048, "minimum_curve_bits": 255}
_LONG = {"minimum_dh_bits": 3000, "minimum_curve_bits": 256}

_STRENGTH = (
    Case("tls-key-exchange-strength", groups(), PASS, "accepts X25519MLKEM768, x25519, secp256r1", _SIZES),
    Case("tls-key-exchange-strength", _curves("secp521r1", "x448", "sect283k1"), PASS, "accepts secp521r1", _SIZES),
    Case("tls-key-exchange-strength", _curves("brainpoolP256r1", "brainpoolP512r1tls13"), PASS, "brainpool", _SIZES),
    # The draft is none that the post-quantum control takes, but X25519 is half of it.
    Case("tls-key-exchange-strength", groups({TLS13: ("X25519Kyber768Draft00",)}), PASS, "Kyber768Draft00", _SIZES),
    Case("tls-key-exchange-strength", groups({TLS13: ("MLKEM1024",)}), PASS, "accepts MLKEM1024", _SIZES),
    Case("tls-key-exchange-strength", groups({TLS13: ("ffdhe2048", "ffdhe3072")}), PASS, "ffdhe2048", _SIZES),
    # Finite fields alone: no suite with curves is accepted.
    Case("tls-key-exchange-strength", groups({TLS12: ()}, _OWN), PASS, "accepts DHE with 2048 bits", _SIZES),
    Case("tls-key-exchange-strength", groups(None, _OWN), PASS, "secp256r1, DHE with 2048 bits", _SIZES),
    Case("tls-key-exchange-strength", groups(None, dh_group(2047)), FAIL, "accepts DHE with 2047 bits", _SIZES),
    Case("tls-key-exchange-strength", groups(None, _OWN_1024), FAIL, "accepts DHE with 1024 bits", _SIZES),
    Case("tls-key-exchange-strength", groups(None, _OAKLEY), FAIL, "accepts DHE with 1024 bits", _SIZES),
    Case("tls-key-exchange-strength", groups({TLS13: ("x25519", "ffdhe2048")}), FAIL, "ffdhe2048 (2048 bits)", _LONG),
    Case("tls-key-exchange-strength", _curves("secp256r1", "x25519"), FAIL, "accepts x25519 (255 bits)", _LONG),
    Case("tls-key-exchange-strength", _curves("secp224r1"), FAIL, "accepts secp224r1 (224 bits)", _SIZES),
    Case("tls-key-exchange-strength", _curves("x25519", "secp160k1"), FAIL, "accepts secp160k1 (160 bits)", _SIZES),
    Case("tls-key-exchange-strength", _curves("sect163r2"), FAIL, "accepts sect163r2 (163 bits)", _SIZES),
    Case("tls-key-exchange-strength", _curves("explicit curve"), FAIL, "accepts explicit curve", _SIZES),
    # What was seen wins over what was not.
    Case("tls-key-exchange-strength", _curves("secp192r1", complete=False), FAIL, "accepts secp192r1", _SIZES),
    Case(
        "tls-key-exchange-strength",
        groups(None, _OWN_1024, finite_fields_detail="TLSv1.0: reset"),
        FAIL,
        "accepts DHE with 1024 bits",
        _SIZES,
    ),
    Case("tls-key-exchange-strength", _curves("0x1234", "secp192r1"), FAIL, "accepts secp192r1", _SIZES),
    Case("tls-key-exchange-strength", _NO_TLS, NOT_APPLICABLE, "no TLS on this endpoint", _SIZES),
    Case("tls-key-exchange-strength", _RSA_ALONE, NOT_APPLICABLE, "tls-forward-secrecy judges that", _SIZES),
    Case("tls-key-exchange-strength", _NO_END, INDETERMINATE, "TLSv1.3: closed without", _SIZES),
    Case("tls-key-exchange-strength", groups(finite_fields_detail="reset"), INDETERMINATE, "reset", _SIZES),
    Case("tls-key-exchange-strength", _curves("0x1234"), INDETERMINATE, "size of 0x1234 is not known", _SIZES),
    Case("tls-key-exchange-strength", groups({TLS13: ()}, complete=False), INDETERMINATE, "not tried", _SIZES),
    Case("tls-key-exchange-strength", _NOTHING, INDETERMINATE, "no version", _SIZES),
)

_PRIME = (
    Case("tls-dh-prime", groups(None, _OWN), PASS, "a safe prime of 2048 bits"),
    Case("tls-dh-prime", groups(None, _GROUP_14, _FFDHE3072), PASS, "group 14 of RFC 3526, ffdhe3072"),
    # Short, but nobody else's: tls-key-exchange-strength judges the length.
    Case("tls-dh-prime", groups(None, _OWN_1024), PASS, "a safe prime of 1024 bits"),
    Case("tls-dh-prime", groups(None, _OAKLEY), FAIL, "a short prime that many share: 1024 bits, Oakley group 2"),
    Case("tls-dh-prime", groups(None, dh_group(1536, name="group 5 of RFC 3526")), FAIL, "a short prime"),
    Case("tls-dh-prime", groups(None, dh_group(safe=False)), FAIL, "a prime that is not safe: 2048 bits"),
    Case("tls-dh-prime", groups(None, dh_group(prime=False, safe=False)), FAIL, "a modulus that is no prime: 2048"),
    Case("tls-dh-prime", groups(None, _OWN, dh_group(3072, prime=False, safe=None)), FAIL, "no prime: 3072 bits"),
    Case("tls-dh-prime", groups(None, dh_group(generator=1)), FAIL, "the generator 1: 2048 bits, a safe prime"),
    Case("tls-dh-prime", groups(None, dh_group(generator=0)), FAIL, "the generator 0"),
    Case("tls-dh-prime", groups(None, dh_group(safe=False), finite_fields_detail="reset"), FAIL, "not safe"),
    Case("tls-dh-prime", groups(None, dh_group(safe=None, prime=None), _OAKLEY), FAIL, "a short prime"),
    Case("tls-dh-prime", _NO_TLS, NOT_APPLICABLE, "no TLS on this endpoint"),
    Case("tls-dh-prime", groups(), NOT_APPLICABLE, "no suite with a finite field is accepted"),
    Case("tls-dh-prime", _RSA_ALONE, NOT_APPLICABLE, "no suite with a finite field is accepted"),
    Case("tls-dh-prime", groups(None, _OWN, finite_fields_detail="TLSv1.2: reset"), INDETERMINATE, "TLSv1.2: reset"),
    Case("tls-dh-prime", groups(finite_fields_detail="no parameters were sent"), INDETERMINATE, "no parameters"),
    Case("tls-dh-prime", groups(None, dh_group(prime=None, safe=None)), INDETERMINATE, "not worked out"),
    Case("tls-dh-prime", groups(None, dh_group(8192, safe=None)), INDETERMINATE, "not worked out"),
    # One below the prime would give the secret away, and a number of that size is not kept.
    Case("tls-dh-prime", groups(None, dh_group(generator=None)), INDETERMINATE, "a generator so large"),
    Case("tls-dh-prime", _NOTHING, INDETERMINATE, "no version"),
)

_LIST = {"allowed": ["X25519MLKEM768", "x25519", "secp256r1", "ffdhe3072"], "minimum_dh_bits": 2048}

_ALLOWED = (
    Case("tls-allowed-groups", groups(), PASS, "accepts X25519MLKEM768, x25519, secp256r1", _LIST),
    Case("tls-allowed-groups", groups(None, _FFDHE3072), PASS, "DHE with 3072 bits", _LIST),
    Case("tls-allowed-groups", groups({TLS13: ("ffdhe3072",)}), PASS, "accepts ffdhe3072", _LIST),
    # A list of groups has nothing to say of those without a number, but for their length.
    Case("tls-allowed-groups", groups(None, _OWN, _GROUP_14), PASS, "DHE with 2048 bits", _LIST),
    Case("tls-allowed-groups", groups({TLS12: ()}, _OWN), PASS, "accepts DHE with 2048 bits", _LIST),
    Case("tls-allowed-groups", groups(None, _FFDHE2048), FAIL, "accepts ffdhe2048", _LIST),
    Case("tls-allowed-groups", groups({TLS13: ("x25519", "ffdhe2048")}), FAIL, "accepts ffdhe2048", _LIST),
    Case("tls-allowed-groups", groups(None, dh_group(2047)), FAIL, "accepts DHE with 2047 bits", _LIST),
    Case("tls-allowed-groups", groups(None, _OAKLEY), FAIL, "accepts DHE with 1024 bits", _LIST),
    Case("tls-allowed-groups", _curves("brainpoolP256r1"), FAIL, "accepts brainpoolP256r1", _LIST),
    Case("tls-allowed-groups", groups({TLS13: ("X25519Kyber768Draft00",)}), FAIL, "X25519Kyber768Draft00", _LIST),
    Case("tls-allowed-groups", _curves("explicit curve"), FAIL, "accepts explicit curve", _LIST),
    # Not on the list, whatever it may be.
    Case("tls-allowed-groups", _curves("0x1234"), FAIL, "accepts 0x1234", _LIST),
    Case("tls-allowed-groups", groups({TLS13: ("secp384r1",), TLS12: ("secp384r1",)}), FAIL, "secp384r1", _LIST),
    Case("tls-allowed-groups", _curves("secp192r1", complete=False), FAIL, "accepts secp192r1", _LIST),
    Case("tls-allowed-groups", _NO_TLS, NOT_APPLICABLE, "no TLS on this endpoint", _LIST),
    Case("tls-allowed-groups", _RSA_ALONE, NOT_APPLICABLE, "tls-forward-secrecy judges that", _LIST),
    Case("tls-allowed-groups", _NO_END, INDETERMINATE, "TLSv1.2: closed without an alert", _LIST),
    Case("tls-allowed-groups", groups(finite_fields_detail="reset"), INDETERMINATE, "reset", _LIST),
    Case("tls-allowed-groups", _NOTHING, INDETERMINATE, "no version", _LIST),
)


def _versions(newest: VersionGroups, **more: Any) -> TlsGroupFacts:
    older = VersionGroups(version=TLS12, groups=("x25519",), detail="connection reset")
    return TlsGroupFacts(offered=True, versions=(newest, older), **more)


_QUANTUM = (
    Case("tls-post-quantum", groups(), PASS, "accepts X25519MLKEM768"),
    Case("tls-post-quantum", groups({TLS13: ("SecP384r1MLKEM1024",)}), PASS, "accepts SecP384r1MLKEM1024"),
    # One is enough, whatever else was not seen.
    Case("tls-post-quantum", _NO_END, PASS, "accepts X25519MLKEM768"),
    Case("tls-post-quantum", groups({TLS13: ("x25519",)}), FAIL, "accepts x25519, no hybrid"),
    Case("tls-post-quantum", _curves("secp256r1"), FAIL, "accepts secp256r1, no hybrid"),
    Case("tls-post-quantum", groups({TLS12: ()}, _OWN), FAIL, "accepts DHE with 2048 bits, no hybrid"),
    Case("tls-post-quantum", _RSA_ALONE, FAIL, "accepts none, no hybrid"),
    # The draft of it was given up, and current clients do not offer it.
    Case("tls-post-quantum", groups({TLS13: ("X25519Kyber768Draft00",)}), FAIL, "no hybrid"),
    # What older versions take is no matter: the hybrids are of TLS 1.3 alone.
    Case(
        "tls-post-quantum",
        _versions(VersionGroups(version=TLS13, groups=("x25519",), complete=True), finite_fields_detail="reset"),
        FAIL,
        "accepts x25519, no hybrid",
    ),
    Case("tls-post-quantum", _NO_TLS, NOT_APPLICABLE, "no TLS on this endpoint"),
    Case(
        "tls-post-quantum",
        groups({TLS13: ("x25519",)}, complete=False, detail="closed without an alert"),
        INDETERMINATE,
        "TLSv1.3: closed without an alert",
    ),
    # Whether there is TLS 1.3 at all is not known.
    Case(
        "tls-post-quantum",
        groups({TLS12: ("x25519",)}, finite_fields_detail="TLSv1.3: whether it is accepted: reset"),
        INDETERMINATE,
        "TLSv1.3: whether it is accepted: reset",
    ),
    Case("tls-post-quantum", _NOTHING, INDETERMINATE, "no version"),
)

_NO_TLS_SIGNED = signatures(offered=False)
_SIGNED_WITHOUT_END = signatures(complete=False, detail="connection reset")
_NEVER_SIGNED = signatures({TLS12: ()}, detail="no suite whose key exchange is signed")
_BROKEN = {"forbidden_hashes": ["md5", "sha1"]}
_ONLY_MD5 = {"forbidden_hashes": ["md5"]}


def _signed(*schemes: str, **more: Any) -> TlsSignatureFacts:
    return signatures({TLS13: ("ed25519",), TLS12: schemes}, **more)


_HASHES = (
    Case("tls-signature-hash", signatures(), PASS, "signs with ecdsa_secp256r1_sha256, rsa_pss_rsae_sha256", _BROKEN),
    Case("tls-signature-hash", _signed("ed448", "mldsa65"), PASS, "signs with ed25519, ed448, mldsa65", _BROKEN),
    Case("tls-signature-hash", _signed("dsa_sha224", "rsa_pkcs1_sha224"), PASS, "dsa_sha224", _BROKEN),
    Case("tls-signature-hash", _signed("rsa_pkcs1_sha1"), PASS, "signs with ed25519, rsa_pkcs1_sha1", _ONLY_MD5),
    Case("tls-signature-hash", _signed("rsa_pkcs1_sha1"), FAIL, "signs with rsa_pkcs1_sha1 in TLSv1.2", _BROKEN),
    Case("tls-signature-hash", _signed("ecdsa_sha1", "ed25519"), FAIL, "ecdsa_sha1 in TLSv1.2", _BROKEN),
    Case("tls-signature-hash", _signed("dsa_sha1"), FAIL, "dsa_sha1", _BROKEN),
    Case(
        "tls-signature-hash", _signed("rsa_pkcs1_md5", "dsa_sha1"), FAIL, "rsa_pkcs1_md5 in TLSv1.2, dsa_sha1", _BROKEN
    ),
    Case("tls-signature-hash", _signed("rsa_pkcs1_md5"), FAIL, "rsa_pkcs1_md5", _ONLY_MD5),
    Case("tls-signature-hash", signatures({TLS13: ("rsa_pkcs1_sha1",)}), FAIL, "sha1 in TLSv1.3", _BROKEN),
    Case("tls-signature-hash", _signed("rsa_pkcs1_sha1", complete=False), FAIL, "rsa_pkcs1_sha1", _BROKEN),
    Case("tls-signature-hash", _signed("0x0E0F", "ecdsa_sha1"), FAIL, "signs with ecdsa_sha1", _BROKEN),
    Case("tls-signature-hash", _NO_TLS_SIGNED, NOT_APPLICABLE, "no TLS on this endpoint", _BROKEN),
    Case("tls-signature-hash", _NEVER_SIGNED, NOT_APPLICABLE, "no handshake of TLS 1.2 or 1.3 is signed", _BROKEN),
    # So it is of a server that accepts neither TLS 1.2 nor 1.3: older versions name no scheme.
    Case("tls-signature-hash", TlsSignatureFacts(offered=True), NOT_APPLICABLE, "TLS 1.2 or 1.3 is signed", _BROKEN),
    Case("tls-signature-hash", _SIGNED_WITHOUT_END, INDETERMINATE, "TLSv1.3: connection reset; TLSv1.2", _BROKEN),
    Case(
        "tls-signature-hash",
        TlsSignatureFacts(offered=True, versions=(VersionSignatures(version=TLS13),)),
        INDETERMINATE,
        "TLSv1.3: not tried",
        _BROKEN,
    ),
    Case("tls-signature-hash", _signed("0x0E0F"), INDETERMINATE, "the hash of 0x0E0F is not known", _BROKEN),
)

_SCHEMES = {"allowed": ["ecdsa_secp256r1_sha256", "rsa_pss_rsae_sha256", "ed25519"]}

_ALLOWED_SCHEMES = (
    Case("tls-allowed-signatures", signatures(), PASS, "signs with ecdsa_secp256r1_sha256, rsa_pss", _SCHEMES),
    Case("tls-allowed-signatures", _signed("ed25519"), PASS, "signs with ed25519", _SCHEMES),
    Case("tls-allowed-signatures", _signed("rsa_pkcs1_sha256"), FAIL, "rsa_pkcs1_sha256 in TLSv1.2", _SCHEMES),
    Case("tls-allowed-signatures", _signed("dsa_sha256", "dsa_sha1"), FAIL, "dsa_sha256 in TLSv1.2, dsa", _SCHEMES),
    # Not on the list, whatever it may be.
    Case("tls-allowed-signatures", _signed("0x0E0F"), FAIL, "0x0E0F in TLSv1.2", _SCHEMES),
    Case("tls-allowed-signatures", _signed("ecdsa_sha1", complete=False), FAIL, "ecdsa_sha1", _SCHEMES),
    Case("tls-allowed-signatures", _NO_TLS_SIGNED, NOT_APPLICABLE, "no TLS on this endpoint", _SCHEMES),
    Case("tls-allowed-signatures", _NEVER_SIGNED, NOT_APPLICABLE, "no handshake of TLS 1.2 or 1.3", _SCHEMES),
    Case("tls-allowed-signatures", _SIGNED_WITHOUT_END, INDETERMINATE, "TLSv1.2: connection reset", _SCHEMES),
)

CASES = (*_STRENGTH, *_PRIME, *_ALLOWED, *_QUANTUM, *_HASHES, *_ALLOWED_SCHEMES)
