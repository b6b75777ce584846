"""Suites and groups by traits that their names give, put in words; unlike the profile's rules they judge nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from smtp_audit.facts.handshake import AcceptedSuite
from smtp_audit.facts.suites import KeyExchange, WeakKind, traits
from smtp_audit.report.transport.model import Tone, TransportMark

NOT_FORWARD_SECRET = TransportMark(words="no forward secrecy")
CBC = TransportMark(words="CBC")
NAMELESS = TransportMark(words="not registered", tone=Tone.UNKNOWN)
POST_QUANTUM = TransportMark(words="post-quantum")

_POST_QUANTUM = re.compile(r"MLKEM|Kyber", re.IGNORECASE)
"""The key encapsulations of draft-ietf-tls-ecdhe-mlkem and of its forerunner."""

KIND_WORDS: Mapping[WeakKind, str] = {
    WeakKind.NULL: "no encryption",
    WeakKind.ANONYMOUS: "anonymous",
    WeakKind.EXPORT: "export",
    WeakKind.DES: "DES",
    WeakKind.RC2: "RC2",
    WeakKind.RC4: "RC4",
    WeakKind.MD5: "MD5",
    WeakKind.TRIPLE_DES: "3DES",
    WeakKind.IDEA: "IDEA",
    WeakKind.SEED: "SEED",
    WeakKind.GOST: "GOST",
}
"""Every weak kind in a word, the worst first."""


def is_post_quantum(group: str) -> bool:
    """Whether a group takes part of its secret from a key encapsulation that a quantum computer does not break."""
    return _POST_QUANTUM.search(group) is not None


def forward_secret(suite: str) -> bool | None:
    """Whether a suite is forward secret; None for a number without a name."""
    return None if _nameless(suite) else traits(suite).forward_secret


def suite_marks(suite: str) -> tuple[TransportMark, ...]:
    """The weak kinds of a suite, then what else tells it from a modern one."""
    about = traits(suite)
    kinds = tuple(TransportMark(words=word, tone=Tone.WEAK) for kind, word in KIND_WORDS.items() if kind in about.kinds)
    if _nameless(suite):
        return (*kinds, NAMELESS)
    return (*kinds, *(() if about.forward_secret else (NOT_FORWARD_SECRET,)), *((CBC,) if about.cbc else ()))


def suite_tone(suite: str) -> Tone:
    """Weak when a suite is of a weak kind, unknown when it has no name."""
    if traits(suite).kinds:
        return Tone.WEAK
    return Tone.UNKNOWN if _nameless(suite) else Tone.PLAIN


def weakest(suites: Iterable[AcceptedSuite]) -> AcceptedSuite | None:
    """The suite with the worst trait, the first of equals; None when there are none."""
    return min(suites, key=lambda suite: _strength(suite.name), default=None)


def _strength(suite: str) -> tuple[int, bool, bool]:
    about = traits(suite)
    worst = next((rank for rank, kind in enumerate(KIND_WORDS) if kind in about.kinds), len(KIND_WORDS))
    return worst, about.forward_secret, not about.cbc


def _nameless(suite: str) -> bool:
    """A number that no registry names: nothing follows from it."""
    return traits(suite).key_exchange is KeyExchange.OTHER and not suite.startswith(("TLS_", "SSL_"))
