"""Proofs that the canned servers answer as they say, to hellos that were made here."""

import pytest

from . import answers
from .asking import SOUND_SIGNATURES, ask, client_hello, raw_answer, ssl2_hello
from .canned import MODERN, X25519MLKEM768
from .catalogue import SERVERS
from .primes import NOT_SAFE_2048, OAKLEY_768, OAKLEY_1024, OWN_512
from .suites import FALLBACK_SCSV, NAMES, SSL2_NAMES, numbers

GOOD = MODERN[0x0303]
NEW = MODERN[0x0304]
DHE = numbers("TLS_DHE_RSA_WITH_AES_256_GCM_SHA384")
ALL = tuple(NAMES)
CERTIFICATE, EXCHANGE, REQUEST, DONE = 11, 12, 13, 14


@pytest.mark.parametrize(
    ("name", "version", "suite"),
    [
        ("ssl3-canned", 0x0300, "TLS_RSA_WITH_3DES_EDE_CBC_SHA"),
        ("export", 0x0301, "TLS_RSA_EXPORT_WITH_RC4_40_MD5"),
        ("dhe-export", 0x0303, "TLS_DHE_RSA_EXPORT_WITH_DES40_CBC_SHA"),
        ("des", 0x0303, "TLS_RSA_WITH_DES_CBC_SHA"),
        ("idea", 0x0303, "TLS_RSA_WITH_IDEA_CBC_SHA"),
        ("seed", 0x0303, "TLS_RSA_WITH_SEED_CBC_SHA"),
        ("anonymous", 0x0303, "TLS_ECDH_anon_WITH_RC4_128_SHA"),
        ("kerberos", 0x0303, "TLS_KRB5_WITH_DES_CBC_SHA"),
        ("gost", 0x0303, "TLS_GOSTR341001_WITH_28147_CNT_IMIT"),
    ],
)
def test_a_suite_that_no_library_has(started, name, version, suite):
    weak = [number for number in ALL if number not in GOOD + NEW]
    flight = ask(started(name), client_hello(version, weak))
    assert (flight.version, NAMES[flight.suite]) == (version, suite)
    signed = "DHE" in suite or "EXPORT" in suite
    assert (EXCHANGE in flight.messages) == (signed or "anon" in suite)
    assert (CERTIFICATE in flight.messages) == ("anon" not in suite and "KRB5" not in suite)
    assert DONE in flight.messages
    assert ask(started("canned-sound"), client_hello(version, weak)).alert == (40 if version == 0x0303 else 70)


@pytest.mark.parametrize("name", [s.name for s in SERVERS if s.ability and s.finishes])
def test_good_suites_come_first(started, name):
    """Whatever else it does: asked as today's clients ask, it takes what a sound server takes."""
    flight = ask(started(name), client_hello(0x0303, ALL))
    if name == "tls13-alone":
        assert flight.alert == 70
    elif name == "client-order":
        assert flight.suite == 0xC027 or flight.suite in GOOD
    else:
        assert flight.suite == GOOD[0]
        assert flight.signature in SOUND_SIGNATURES
        assert flight.named_curve == 29


def test_export_keys_are_short(started):
    flight = ask(started("export"), client_hello(0x0301, numbers("TLS_RSA_EXPORT_WITH_RC2_CBC_40_MD5")))
    assert int.from_bytes(flight.messages[EXCHANGE][:2]) == 64


def test_ssl2(started):
    for name in ("ssl2", "ssl2-alone"):
        said = raw_answer(started(name), ssl2_hello((0x0700C0, 0x010080)))
        assert said[0] & 0x80
        assert int.from_bytes(said[:2]) & 0x7FFF == len(said) - 2
        assert said[2] == 4  # SERVER-HELLO
        assert said[5:7] == b"\x00\x02"
        certificate, specs, connection = (int.from_bytes(said[i : i + 2]) for i in (7, 9, 11))
        assert specs == 3 * len(SSL2_NAMES)
        assert connection == 16
        assert 13 + certificate + specs + connection == len(said)
        assert said[13:15] == b"\x30\x82"
    assert ask(started("canned-sound"), ssl2_hello((0x0700C0,))).alert == 70


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("dhe-export", OWN_512),
        ("dh-512", OWN_512),
        ("dh-768-shared", OAKLEY_768),
        ("dh-1024-shared", OAKLEY_1024),
        ("dh-not-safe", NOT_SAFE_2048),
    ],
)
def test_dh_groups(started, name, group):
    suites = DHE + numbers("TLS_DHE_RSA_EXPORT_WITH_DES40_CBC_SHA")
    prime, generator, public = ask(started(name), client_hello(0x0303, suites)).dh
    assert (prime, generator) == (group.prime, group.generator)
    assert 1 < public < prime - 1


def test_what_the_primes_are():
    for group in (OAKLEY_768, OAKLEY_1024, OWN_512):
        assert prime(group.prime)
        assert prime((group.prime - 1) // 2)
    assert prime(NOT_SAFE_2048.prime)
    assert not prime((NOT_SAFE_2048.prime - 1) // 2)
    assert [g.bits for g in (OWN_512, OAKLEY_768, OAKLEY_1024, NOT_SAFE_2048)] == [512, 768, 1024, 2048]


def prime(number: int) -> bool:
    """Fermat's test to a few bases: enough for numbers that nobody made to deceive it."""
    return all(pow(base, number - 1, number) == 1 for base in (2, 3, 5, 7, 11))


def test_a_short_curve(started):
    assert ask(started("curve-secp160r1"), client_hello(0x0303, GOOD, groups=(16,))).named_curve == 16
    assert ask(started("canned-sound"), client_hello(0x0303, GOOD, groups=(16,))).alert == 40


def test_a_curve_that_is_spelt_out(started):
    flight = ask(started("curve-spelt-out"), client_hello(0x0303, GOOD, groups=(answers.EXPLICIT_PRIME,)))
    exchange = flight.messages[EXCHANGE]
    assert exchange[:2] == b"\x01\x14"
    assert exchange[2:22] == (2**160 - 2**31 - 1).to_bytes(20)


def test_a_post_quantum_group_is_asked_for(started):
    hello = client_hello(0x0303, NEW, newest=0x0304, groups=(X25519MLKEM768, 29))
    flight = ask(started("post-quantum"), hello)
    assert flight.random == answers.RETRY_RANDOM
    assert flight.version == 0x0304
    assert flight.extensions[51] == X25519MLKEM768.to_bytes(2)
    other = ask(started("canned-sound"), hello)
    assert other.extensions[51] == b"\x00\x1d"


@pytest.mark.parametrize(("name", "scheme"), [("canned-sha1-signatures", 0x0201), ("md5-signatures", 0x0101)])
def test_old_signatures(started, name, scheme):
    hello = client_hello(0x0303, GOOD, signatures=(scheme,))
    assert ask(started(name), hello).signature == scheme
    assert ask(started("canned-sound"), hello).alert == 40


def test_compression(started):
    hello = client_hello(0x0303, GOOD, compressions=(1, 0))
    assert ask(started("compression"), hello).compression == 1
    assert ask(started("canned-sound"), hello).compression == 0


def test_heartbeat(started):
    hello = client_hello(0x0303, GOOD, extensions={15: b"\x01"})
    assert ask(started("canned-heartbeat"), hello).extensions[15] == b"\x01"
    assert 15 not in ask(started("canned-sound"), hello).extensions


def test_fallback(started):
    hello = client_hello(0x0303, (*GOOD, FALLBACK_SCSV))
    assert ask(started("fallback-scsv-ignored"), hello).suite == GOOD[0]
    assert ask(started("canned-sound"), hello).alert == 86
    assert ask(started("tls12-alone"), hello).suite == GOOD[0]


def test_grease(started):
    for greased in (
        client_hello(0x0303, (0x1A1A, *GOOD)),
        client_hello(0x0303, GOOD, extensions={0x2A2A: b""}),
        client_hello(0x0303, GOOD, groups=(0xFAFA, 29)),
    ):
        assert ask(started("stumbles-over-grease"), greased).alert == 47
        assert ask(started("canned-sound"), greased).suite == GOOD[0]


def test_order(started):
    own, clients = started("canned-sound"), started("client-order")
    assert ask(own, client_hello(0x0303, GOOD)).suite == ask(own, client_hello(0x0303, GOOD[::-1])).suite
    assert ask(clients, client_hello(0x0303, GOOD)).suite == GOOD[0]
    assert ask(clients, client_hello(0x0303, GOOD[::-1])).suite == GOOD[-1]


@pytest.mark.parametrize("pieces", [1, 7, 100])
def test_a_hello_may_come_in_pieces(started, pieces):
    hello = client_hello(0x0303, numbers("TLS_RSA_WITH_DES_CBC_SHA"))
    assert ask(started("des"), hello, pieces=pieces).suite == 9


def test_a_hello_may_come_in_many_records(started):
    hello = client_hello(0x0303, numbers("TLS_RSA_WITH_DES_CBC_SHA"))
    payload = hello[5:]
    cut = b"".join(b"\x16\x03\x01\x00\x01" + payload[i : i + 1] for i in range(len(payload)))
    assert ask(started("des"), cut).suite == 9


def test_what_is_no_hello_is_hung_up_on(started):
    assert raw_answer(started("canned-sound"), b"GET / HTTP/1.1\r\n\r\n") == b""


def test_versions_are_refused_by_their_alert(started):
    assert ask(started("tls12-alone"), client_hello(0x0302, GOOD)).alert == 70
    assert ask(started("tls13-alone"), client_hello(0x0303, GOOD)).alert == 70
    assert ask(started("canned-sound"), client_hello(0x0300, ALL)).alert == 70
