"""Severities and versions compare by rank; the alphabet would put "high" below "low"."""

from __future__ import annotations

from itertools import product

import pytest

from smtp_audit.facts.tls import TlsVersion
from smtp_audit.ranked import Ranked
from smtp_audit.severity import Severity


@pytest.mark.parametrize("kind", [Severity, TlsVersion])
def test_every_comparison_goes_by_rank(kind: type[Ranked]) -> None:
    for one, other in product(kind, repeat=2):
        assert (one < other) is (one.rank < other.rank)
        assert (one <= other) is (one.rank <= other.rank)
        assert (one > other) is (one.rank > other.rank)
        assert (one >= other) is (one.rank >= other.rank)


def test_the_worst_and_the_newest() -> None:
    assert max(Severity) is Severity.CRITICAL
    assert min(Severity) is Severity.INFO
    assert max(TlsVersion) is TlsVersion.TLS13
    assert [version.code for version in TlsVersion] == sorted(version.code for version in TlsVersion)


def test_ranks_of_two_kinds_do_not_compare() -> None:
    assert Severity.LOW.__lt__(TlsVersion.SSL2) is NotImplemented
    assert Severity.LOW.__ge__("low") is NotImplemented
    assert Severity.LOW == "low"
