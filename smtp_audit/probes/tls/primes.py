"""Published primes of finite-field Diffie-Hellman groups, and what is to be known of any other.

The primes of RFC 2409 section 6, RFC 3526 and RFC 7919 follow from the formula that they are published with:
2^b - 2^(b-64) - 1 + 2^64 * (floor(2^(b-130) * c) + k), with c = pi for the first two and c = e for RFC 7919.
"""

from __future__ import annotations

import hashlib
from functools import cache

_MODP = {  # bits: (name, k)
    768: ("Oakley group 1 of RFC 2409", 149686),
    1024: ("Oakley group 2 of RFC 2409", 129093),
    1536: ("group 5 of RFC 3526", 741804),
    2048: ("group 14 of RFC 3526", 124476),
    3072: ("group 15 of RFC 3526", 1690314),
    4096: ("group 16 of RFC 3526", 240904),
    6144: ("group 17 of RFC 3526", 929484),
    8192: ("group 18 of RFC 3526", 4743158),
}
_FFDHE = {
    2048: ("ffdhe2048", 560316),
    3072: ("ffdhe3072", 2625351),
    4096: ("ffdhe4096", 5736041),
    6144: ("ffdhe6144", 15705020),
    8192: ("ffdhe8192", 10965728),
}

_SMALL = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)

ROUNDS = 8
"""Bases of Miller and Rabin's test. They come from the number's hash: against fixed ones composites can be built."""

MAX_TESTED_BITS = 4096
"""Longer primes are not tested: it would take seconds."""


def published() -> dict[int, str]:
    """Prime to the name of its group."""
    return {prime: name for bits in {**_MODP, **_FFDHE} for prime, name in _of_length(bits).items()}


def published_name(prime: int) -> str:
    """The name of the group that has this prime, "" if none is known; only primes of its length are worked out."""
    return _of_length(prime.bit_length()).get(prime, "")


@cache
def _of_length(bits: int) -> dict[int, str]:
    families = ((_pi, _MODP), (_e, _FFDHE))
    found = [(constant, family[bits]) for constant, family in families if bits in family]
    return {_by_formula(bits, constant(bits), k): name for constant, (name, k) in found}


def _by_formula(bits: int, constant: int, k: int) -> int:
    """`constant` is the constant times 2^(bits + 64)."""
    digits = constant >> (bits + 64 - (bits - 130))
    return (1 << bits) - (1 << (bits - 64)) - 1 + ((digits + k) << 64)


def _pi(bits: int) -> int:
    """Pi times 2^(bits + 64), by Machin's formula, with a few bits more on the way."""
    scale = bits + 64 + 32
    unit = 1 << scale

    def arctan_of_inverse(n: int) -> int:
        power = total = unit // n
        place, sign = 3, -1
        while power:
            power //= n * n
            total += sign * (power // place)
            place, sign = place + 2, -sign
        return total

    return (4 * (4 * arctan_of_inverse(5) - arctan_of_inverse(239))) >> 32


def _e(bits: int) -> int:
    """e times 2^(bits + 64), by its series."""
    scale = bits + 64 + 32
    term = total = 1 << scale
    n = 1
    while term:
        term //= n
        total += term
        n += 1
    return total >> 32


def is_prime(number: int) -> bool:
    """Whether `number` is prime, but for a chance that may be neglected."""
    if number < 2:
        return False
    for small in _SMALL:
        if number % small == 0:
            return number == small
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    octets = number.to_bytes((number.bit_length() + 7) // 8, "big")
    for place in range(ROUNDS):
        base = 2 + int.from_bytes(hashlib.sha512(bytes([place]) + octets).digest(), "big") % (number - 3)
        x = pow(base, odd, number)
        if x in (1, number - 1):
            continue
        for _ in range(twos - 1):
            x = x * x % number
            if x == number - 1:
                break
        else:
            return False
    return True
