"""The table of published primes is OpenSSL's; the test of primes is fooled by no composite that is known to fool."""

from __future__ import annotations

import subprocess
from math import isqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_audit.probes.tls.primes import is_prime, published

NAMES = {
    "modp_1536": "group 5 of RFC 3526",
    "modp_2048": "group 14 of RFC 3526",
    "modp_3072": "group 15 of RFC 3526",
    "modp_4096": "group 16 of RFC 3526",
    "modp_6144": "group 17 of RFC 3526",
    "modp_8192": "group 18 of RFC 3526",
    **{name: name for name in ("ffdhe2048", "ffdhe3072", "ffdhe4096", "ffdhe6144", "ffdhe8192")},
}

CARMICHAEL = (561, 1105, 1729, 2465, 2821, 6601, 8911, 10585, 825265, 321197185, 9746347772161)
STRONG_PSEUDOPRIMES = (2047, 1373653, 25326001, 3215031751, 2152302898747, 3474749660383, 341550071728321)
"""The least composites that pass for the first so many prime bases (OEIS A014233)."""

MERSENNE = (2, 3, 5, 7, 13, 17, 19, 31, 61, 89, 107, 127, 521, 607, 1279)


@pytest.mark.parametrize("name", NAMES)
def test_the_table_is_openssls(name):
    command = ["openssl", "genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", f"group:{name}"]
    pem = subprocess.run(command, capture_output=True, check=True).stdout
    shown = subprocess.run(["openssl", "asn1parse"], input=pem, capture_output=True, check=True).stdout.decode()
    prime = int(shown.partition("INTEGER")[2].split()[0].removeprefix(":"), 16)
    assert published()[prime] == NAMES[name]


def test_all_of_the_table_was_compared():
    others = set(published().values()) - set(NAMES.values())
    assert others == {"Oakley group 1 of RFC 2409", "Oakley group 2 of RFC 2409"}
    assert len(published()) == len(NAMES) + len(others)


@pytest.mark.parametrize("prime", [p for p in published() if p.bit_length() <= 2048], ids=lambda p: published()[p])
def test_published_primes_are_safe(prime):
    assert is_prime(prime)
    assert is_prime(prime // 2)


@pytest.mark.parametrize("composite", [*CARMICHAEL, *STRONG_PSEUDOPRIMES])
def test_composites_that_fool_weaker_tests(composite):
    assert not is_prime(composite)


def test_large_carmichael_numbers():
    """Chernick's (6m + 1)(12m + 1)(18m + 1), where all three are prime, pass Fermat's test for every base."""
    found = 0
    for m in range(10**12, 10**12 + 40_000):
        factors = (6 * m + 1, 12 * m + 1, 18 * m + 1)
        if all(pow(2, factor - 1, factor) == 1 for factor in factors) and all(map(is_prime, factors)):
            found += 1
            number = factors[0] * factors[1] * factors[2]
            assert pow(2, number - 1, number) == 1
            assert not is_prime(number)
    assert found


@pytest.mark.parametrize("exponent", MERSENNE)
def test_mersenne_primes(exponent):
    assert is_prime(2**exponent - 1)


@given(st.integers(-10, 100_000))
def test_small_numbers(number):
    assert is_prime(number) is (number > 1 and all(number % d for d in range(2, isqrt(number) + 1)))


@given(st.sampled_from([2**61 - 1, 2**89 - 1, 2**521 - 1]), st.sampled_from([2**107 - 1, 2**127 - 1, 2**607 - 1]))
def test_products_of_two_primes(one, other):
    assert not is_prime(one * other)
    assert not is_prime(one * one)
