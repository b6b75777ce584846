"""What the name of a cipher suite says of it: key exchange, authentication, cipher, and its weaknesses.

The names are IANA's ("TLS Cipher Suites"), those of SSL 2 begin with `SSL_CK_`. RFC 5246 appendix C, RFC 8446 appendix
B.4; why each kind is weak: RFC 9325 section 4.1, RFC 7465 (RC4), RFC 5469 (DES, IDEA), RFC 8996.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache


class WeakKind(StrEnum):
    """Kinds of suites that nobody should accept."""

    NULL = "null"
    ANONYMOUS = "anonymous"
    EXPORT = "export"
    RC2 = "rc2"
    RC4 = "rc4"
    DES = "des"
    TRIPLE_DES = "3des"
    IDEA = "idea"
    SEED = "seed"
    MD5 = "md5"
    GOST = "gost"


class KeyExchange(StrEnum):
    """How the keys of a session are agreed on."""

    ECDHE = "ECDHE"
    DHE = "DHE"
    RSA = "RSA"
    STATIC_DH = "static DH"
    ANONYMOUS_DH = "anonymous DH"
    ANONYMOUS_ECDH = "anonymous ECDH"
    PRE_SHARED = "pre-shared"
    OTHER = "other"
    ANY = "any"
    """TLS 1.3: the suite does not say; it is always ephemeral here, since we offer no pre-shared key."""


@dataclass(frozen=True)
class SuiteTraits:
    """What a suite is. `authentication` is the type of key that signs or decrypts: RSA, ECDSA, DSS, none, other."""

    key_exchange: KeyExchange
    authentication: str
    cipher: str
    cbc: bool
    kinds: frozenset[WeakKind]

    @property
    def forward_secret(self) -> bool:
        """Whether a stolen key of the server opens no session of the past."""
        return self.key_exchange in _FORWARD_SECRET

    @property
    def finite_field(self) -> bool:
        """Whether the server sends the parameters of a Diffie-Hellman group of its own (RFC 5246 section 7.4.3)."""
        return self.key_exchange in (KeyExchange.DHE, KeyExchange.ANONYMOUS_DH)

    @property
    def elliptic(self) -> bool:
        """Whether a named curve is agreed on (RFC 8422)."""
        return self.key_exchange in (KeyExchange.ECDHE, KeyExchange.ANONYMOUS_ECDH)


_FORWARD_SECRET = frozenset(
    {KeyExchange.ECDHE, KeyExchange.DHE, KeyExchange.ANONYMOUS_DH, KeyExchange.ANONYMOUS_ECDH, KeyExchange.ANY}
)

_PATTERNS: tuple[tuple[WeakKind, str], ...] = (
    (WeakKind.NULL, r"(?:^|_)NULL(?:_|$)|^TLS_SHA(?:256|384)_SHA"),  # RFC 9150: integrity alone
    (WeakKind.ANONYMOUS, r"_anon_|^TLS_NULL_WITH"),
    (WeakKind.EXPORT, r"EXPORT|_40_|DES40|_RC4_64_"),
    (WeakKind.RC2, r"_RC2_"),
    (WeakKind.RC4, r"_RC4_"),
    (WeakKind.DES, r"_DES_(?!192_EDE3)|_DES40_"),
    (WeakKind.TRIPLE_DES, r"_3DES_|_DES_192_EDE3_"),
    (WeakKind.IDEA, r"_IDEA_"),
    (WeakKind.SEED, r"_SEED_"),
    (WeakKind.MD5, r"_MD5$"),
    (WeakKind.GOST, r"GOST|_28147_|_MAGMA_|_KUZNYECHIK_"),
)


_KINDS = tuple((kind, re.compile(pattern)) for kind, pattern in _PATTERNS)
_ANY_KIND = re.compile("|".join(pattern for _, pattern in _PATTERNS))
_NO_KIND: frozenset[WeakKind] = frozenset()


@cache
def traits(name: str) -> SuiteTraits:
    """What a suite of this name is; of a number without a name nothing is known, so that it counts as `other`."""
    kinds = frozenset(kind for kind, pattern in _KINDS if pattern.search(name)) if _ANY_KIND.search(name) else _NO_KIND
    exchange, has_with, cipher = name.partition("_WITH_")
    if name.startswith("SSL_CK_"):
        return SuiteTraits(KeyExchange.RSA, "RSA", name.removeprefix("SSL_CK_"), "_CBC_" in name, kinds)
    if not has_with:
        tls13 = re.match(r"TLS_(?:AES|CHACHA20|SHA)", name) is not None
        exchange_kind = KeyExchange.ANY if tls13 else KeyExchange.OTHER
        return SuiteTraits(exchange_kind, "any" if tls13 else "other", name.removeprefix("TLS_"), False, kinds)
    key_exchange, authentication = _exchange(exchange.removeprefix("TLS_"))
    return SuiteTraits(key_exchange, authentication, cipher, "_CBC" in cipher or "DES40" in cipher, kinds)


def _exchange(words: str) -> tuple[KeyExchange, str]:
    if "anon" in words:
        return (KeyExchange.ANONYMOUS_ECDH if words.startswith("ECDH") else KeyExchange.ANONYMOUS_DH), "none"
    if "PSK" in words:
        # TLS_PSK_DHE_WITH_AES_128_CCM_8 is registered in that order (RFC 6655 section 3).
        ephemeral = [kind for kind in (KeyExchange.DHE, KeyExchange.ECDHE) if kind in words.split("_")]
        return ephemeral[0] if ephemeral else KeyExchange.PRE_SHARED, "other"
    authentication = words.rpartition("_")[2] if "EXPORT" not in words else words.split("_EXPORT")[0].rpartition("_")[2]
    if words.startswith("ECDHE_"):
        return KeyExchange.ECDHE, authentication
    if words.startswith("DHE_"):
        return KeyExchange.DHE, authentication
    if words.startswith(("DH_", "ECDH_")):
        return KeyExchange.STATIC_DH, authentication
    if words.startswith("RSA"):
        return KeyExchange.RSA, "RSA"
    return KeyExchange.OTHER, "none" if words == "NULL" else "other"
