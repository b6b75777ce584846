"""What the name of a suite says: every registered one, held against the words of the registry."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_audit.facts.suites import KeyExchange, WeakKind, traits
from smtp_audit.probes.tls.hello import SSL2_SUITES, TLS13_SUITES, suite_name, suite_names
from tests.hostile.flights import ANONYMOUS, DHE_SUITES, ECDHE_SUITES

NAMES = sorted(suite_names().values())
SSL2_NAMES = sorted(SSL2_SUITES.values())

ANONYMOUS_DH, ANONYMOUS_ECDH = KeyExchange.ANONYMOUS_DH, KeyExchange.ANONYMOUS_ECDH
NULL, EXPORT, RC2, RC4, DES = WeakKind.NULL, WeakKind.EXPORT, WeakKind.RC2, WeakKind.RC4, WeakKind.DES
TRIPLE_DES, IDEA, SEED, MD5, GOST = WeakKind.TRIPLE_DES, WeakKind.IDEA, WeakKind.SEED, WeakKind.MD5, WeakKind.GOST

EXAMPLES = [
    ("TLS_AES_256_GCM_SHA384", KeyExchange.ANY, "any", False, set()),
    ("TLS_CHACHA20_POLY1305_SHA256", KeyExchange.ANY, "any", False, set()),
    ("TLS_SHA256_SHA256", KeyExchange.ANY, "any", False, {NULL}),
    ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", KeyExchange.ECDHE, "ECDSA", False, set()),
    ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", KeyExchange.ECDHE, "RSA", True, set()),
    ("TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA", KeyExchange.DHE, "RSA", True, {TRIPLE_DES}),
    ("TLS_DHE_DSS_WITH_DES_CBC_SHA", KeyExchange.DHE, "DSS", True, {DES}),
    ("TLS_RSA_WITH_RC4_128_MD5", KeyExchange.RSA, "RSA", False, {RC4, MD5}),
    ("TLS_RSA_EXPORT_WITH_RC2_CBC_40_MD5", KeyExchange.RSA, "RSA", True, {EXPORT, RC2, MD5}),
    ("TLS_RSA_EXPORT_WITH_DES40_CBC_SHA", KeyExchange.RSA, "RSA", True, {EXPORT, DES}),
    ("TLS_RSA_WITH_IDEA_CBC_SHA", KeyExchange.RSA, "RSA", True, {IDEA}),
    ("TLS_RSA_WITH_SEED_CBC_SHA", KeyExchange.RSA, "RSA", True, {SEED}),
    ("TLS_RSA_WITH_NULL_SHA256", KeyExchange.RSA, "RSA", False, {NULL}),
    ("TLS_DH_anon_WITH_AES_128_GCM_SHA256", ANONYMOUS_DH, "none", False, {WeakKind.ANONYMOUS}),
    ("TLS_ECDH_anon_WITH_AES_128_CBC_SHA", ANONYMOUS_ECDH, "none", True, {WeakKind.ANONYMOUS}),
    ("TLS_ECDH_RSA_WITH_AES_128_GCM_SHA256", KeyExchange.STATIC_DH, "RSA", False, set()),
    ("TLS_DH_RSA_WITH_AES_128_GCM_SHA256", KeyExchange.STATIC_DH, "RSA", False, set()),
    ("TLS_PSK_WITH_AES_128_GCM_SHA256", KeyExchange.PRE_SHARED, "other", False, set()),
    ("TLS_RSA_PSK_WITH_AES_128_CBC_SHA", KeyExchange.PRE_SHARED, "other", True, set()),
    ("TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA", KeyExchange.ECDHE, "other", True, set()),
    ("TLS_SRP_SHA_RSA_WITH_AES_128_CBC_SHA", KeyExchange.OTHER, "other", True, set()),
    ("TLS_PSK_DHE_WITH_AES_128_CCM_8", KeyExchange.DHE, "other", False, set()),
    ("TLS_GOSTR341112_256_WITH_28147_CNT_IMIT", KeyExchange.OTHER, "other", False, {GOST}),
    ("TLS_NULL_WITH_NULL_NULL", KeyExchange.OTHER, "none", False, {NULL, WeakKind.ANONYMOUS}),
    ("SSL_CK_DES_192_EDE3_CBC_WITH_MD5", KeyExchange.RSA, "RSA", True, {TRIPLE_DES, MD5}),
    ("SSL_CK_DES_64_CBC_WITH_MD5", KeyExchange.RSA, "RSA", True, {DES, MD5}),
    ("SSL_CK_RC4_128_EXPORT40_WITH_MD5", KeyExchange.RSA, "RSA", False, {RC4, EXPORT, MD5}),
]


@pytest.mark.parametrize(("name", "exchange", "authentication", "cbc", "kinds"), EXAMPLES, ids=[e[0] for e in EXAMPLES])
def test_examples(name, exchange, authentication, cbc, kinds):
    what = traits(name)
    assert (what.key_exchange, what.authentication, what.cbc) == (exchange, authentication, cbc)
    assert what.kinds == kinds


@pytest.mark.parametrize("name", NAMES)
def test_every_registered_suite(name):
    """By other means than the table's patterns: the words of the name."""
    what = traits(name)
    exchange, _, rest = name.removeprefix("TLS_").partition("_WITH_")
    words = exchange.split("_")
    if not rest:
        return
    assert (WeakKind.ANONYMOUS in what.kinds) == ("anon" in words or exchange == "NULL")
    assert (EXPORT in what.kinds) == ("EXPORT" in exchange or "40" in rest.split("_"))
    assert (NULL in what.kinds) == ("NULL" in rest.split("_"))
    assert (RC4 in what.kinds) == ("RC4" in rest.split("_"))
    assert (TRIPLE_DES in what.kinds) == rest.startswith("3DES_EDE")
    assert (MD5 in what.kinds) == rest.endswith("_MD5")
    assert what.cbc == ("CBC" in rest.split("_"))
    assert what.elliptic == (words[0] in ("ECDHE", "ECDH") and (words[0] == "ECDHE" or "anon" in words))
    # "PSK_DHE" for DHE_PSK with CCM_8: RFC 6655 section 3.
    assert what.finite_field == ("DHE" in words or (words[0] == "DH" and "anon" in words))
    ephemeral = "ECDHE" in words or "DHE" in words or "anon" in words
    assert what.forward_secret == (ephemeral or what.key_exchange is KeyExchange.ANY)


@pytest.mark.parametrize("name", [suite_name(number) for number in TLS13_SUITES])
def test_tls13_always_has_forward_secrecy(name):
    assert traits(name).forward_secret
    assert not traits(name).cbc


def test_a_suite_without_a_name_is_nothing_good():
    for name in ("0xABCD", "0x00FF", "", "TLS_UNKNOWN"):
        what = traits(name)
        assert what.key_exchange is KeyExchange.OTHER
        assert not what.forward_secret
        assert (what.elliptic, what.finite_field) == (False, False)


def test_ssl2_is_rsa_and_md5():
    for name in SSL2_NAMES:
        assert traits(name).key_exchange is KeyExchange.RSA
        assert MD5 in traits(name).kinds
        assert not traits(name).forward_secret


def test_the_lists_of_the_scripted_server_agree():
    assert all(traits(suite_name(number)).elliptic for number in ECDHE_SUITES)
    assert all(traits(suite_name(number)).finite_field for number in DHE_SUITES)
    assert all(traits(suite_name(number)).authentication == "none" for number in ANONYMOUS)


@given(st.text(max_size=60))
def test_any_text(name):
    traits(name)
