"""Fixtures of the live DNS. Without knot and unbound its tests are skipped, or fail where they are demanded."""

from collections.abc import Iterator

import pytest

from ..installed import skip_or_fail
from .installed import why_not
from .lab import DnsLab, running_dns_lab
from .zones import cases


@pytest.fixture(scope="session")
def dns_lab() -> Iterator[DnsLab]:
    """All domains of the files, published."""
    reason = why_not()
    if reason is not None:
        skip_or_fail(reason)
    with running_dns_lab(cases()) as lab:
        yield lab
