"""Named groups and signature schemes of TLS: number, name and what kind of thing it is.

IANA "TLS Supported Groups" and "TLS SignatureScheme", RFC 8446 sections 4.2.3 and 4.2.7, RFC 8422, RFC 7919, RFC 8734,
and the hybrids of draft-ietf-tls-ecdhe-mlkem; for TLS 1.2 the pairs of hash and signature of RFC 5246 section
7.4.1.4.1.
"""

from __future__ import annotations

GROUP_NAMES = {
    0x11EC: "X25519MLKEM768",
    0x11EB: "SecP256r1MLKEM768",
    0x11ED: "SecP384r1MLKEM1024",
    0x6399: "X25519Kyber768Draft00",
    0x0201: "MLKEM768",
    0x0202: "MLKEM1024",
    0x001D: "x25519",
    0x0017: "secp256r1",
    0x0018: "secp384r1",
    0x0019: "secp521r1",
    0x001E: "x448",
    0x001A: "brainpoolP256r1",
    0x001B: "brainpoolP384r1",
    0x001C: "brainpoolP512r1",
    0x001F: "brainpoolP256r1tls13",
    0x0020: "brainpoolP384r1tls13",
    0x0021: "brainpoolP512r1tls13",
    0x0100: "ffdhe2048",
    0x0101: "ffdhe3072",
    0x0102: "ffdhe4096",
    0x0103: "ffdhe6144",
    0x0104: "ffdhe8192",
    0x0016: "secp256k1",
    0x0015: "secp224r1",
    0x0014: "secp224k1",
    0x0013: "secp192r1",
    0x0012: "secp192k1",
    0x0011: "secp160r2",
    0x0010: "secp160r1",
    0x000F: "secp160k1",
    0x000E: "sect571r1",
    0x000D: "sect571k1",
    0x000C: "sect409r1",
    0x000B: "sect409k1",
    0x000A: "sect283r1",
    0x0009: "sect283k1",
    0x0008: "sect239k1",
    0x0007: "sect233r1",
    0x0006: "sect233k1",
    0x0005: "sect193r2",
    0x0004: "sect193r1",
    0x0003: "sect163r2",
    0x0002: "sect163r1",
    0x0001: "sect163k1",
    0xFF01: "explicit prime curve",
    0xFF02: "explicit binary curve",
}
"""Every group that is offered, the likeliest first. The last two stand for curves that the server spells out."""

EXPLICIT_CURVES = {1: 0xFF01, 2: 0xFF02}
"""The kinds of parameters that spell a curve out (RFC 4492 section 5.4), and the number that a client offers for it."""

GROUPS = tuple(number for number in GROUP_NAMES if number not in EXPLICIT_CURVES.values())
"""For TLS 1.3: always the ffdhe groups, the usual curves and the post-quantum hybrids; some servers insist on one."""

ONLY_TLS13 = frozenset({0x11EC, 0x11EB, 0x11ED, 0x6399, 0x0201, 0x0202, 0x001F, 0x0020, 0x0021})
FINITE_FIELDS = frozenset(range(0x0100, 0x0105))

CLASSIC_GROUPS = tuple(number for number in GROUP_NAMES if number not in ONLY_TLS13)
"""For TLS 1.2 and before."""

RESERVED_IN_TLS13 = frozenset({*range(0x0001, 0x0017), 0x001A, 0x001B, 0x001C})
"""Groups of older versions that a client of TLS 1.3 alone must not offer (RFC 8446 appendix B.3.1.4)."""

CURVES = tuple(number for number in CLASSIC_GROUPS if number not in FINITE_FIELDS)


def group_name(number: int) -> str:
    """The registered name, or the number in hex."""
    return GROUP_NAMES.get(number, f"0x{number:04X}")


_HASHES = {1: "md5", 2: "sha1", 3: "sha224", 4: "sha256", 5: "sha384", 6: "sha512"}
_KEYS = {1: "rsa_pkcs1", 2: "dsa", 3: "ecdsa"}

SIGNATURE_NAMES = {
    0x0403: "ecdsa_secp256r1_sha256",
    0x0503: "ecdsa_secp384r1_sha384",
    0x0603: "ecdsa_secp521r1_sha512",
    0x0807: "ed25519",
    0x0808: "ed448",
    0x0809: "rsa_pss_pss_sha256",
    0x080A: "rsa_pss_pss_sha384",
    0x080B: "rsa_pss_pss_sha512",
    0x0804: "rsa_pss_rsae_sha256",
    0x0805: "rsa_pss_rsae_sha384",
    0x0806: "rsa_pss_rsae_sha512",
    0x081A: "ecdsa_brainpoolP256r1tls13_sha256",
    0x081B: "ecdsa_brainpoolP384r1tls13_sha384",
    0x081C: "ecdsa_brainpoolP512r1tls13_sha512",
    0x0904: "mldsa44",
    0x0905: "mldsa65",
    0x0906: "mldsa87",
    0x0401: "rsa_pkcs1_sha256",
    0x0501: "rsa_pkcs1_sha384",
    0x0601: "rsa_pkcs1_sha512",
    **{
        hash_number << 8 | key_number: f"{key}_{hash_name}"
        for hash_number, hash_name in _HASHES.items()
        for key_number, key in _KEYS.items()
        if not (hash_number >= 4 and key_number != 2)
    },
}
"""Every scheme that is offered; of the pairs of TLS 1.2 those too that TLS 1.3 forbids."""

SIGNATURES = tuple(SIGNATURE_NAMES)

ECDSA_SIGNATURES = tuple(n for n, name in SIGNATURE_NAMES.items() if name.startswith(("ecdsa", "ed25519", "ed448")))
RSA_SIGNATURES = tuple(n for n, name in SIGNATURE_NAMES.items() if name.startswith("rsa"))
"""For a client that takes certificates of one type of key alone. rsa_pss_pss is for RSA keys, too."""


def signature_name(number: int) -> str:
    """The registered name, or the number in hex."""
    return SIGNATURE_NAMES.get(number, f"0x{number:04X}")
