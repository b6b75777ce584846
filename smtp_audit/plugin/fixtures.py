"""Fixtures for a user's own tests: the facts of the same audit. Without an audit, tests that use them are skipped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from smtp_audit.plugin.stash import AUDIT

if TYPE_CHECKING:
    from collections.abc import Callable

    from smtp_audit.facts.snapshot import Snapshot
    from smtp_audit.facts.subject import AnySubject
    from smtp_audit.plugin.audit import Audit
    from smtp_audit.plugin.lookup import FactsLookup

NAMES: Final = frozenset({"smtp_facts", "smtp_snapshot"})
"""The fixtures that need facts."""


def _audit(request: pytest.FixtureRequest) -> Audit:
    audit = request.config.stash.get(AUDIT, None)
    if audit is None:
        pytest.skip("no mail server is audited in this run: give --smtp-target")
    return audit


@pytest.fixture(scope="session")
def smtp_subjects(request: pytest.FixtureRequest) -> tuple[AnySubject, ...]:
    """The endpoints and domains that this run is about."""
    return _audit(request).plan.subjects


@pytest.fixture(scope="session")
def smtp_snapshot(request: pytest.FixtureRequest) -> Snapshot:
    """All facts of this run; waits until they are gathered."""
    return _audit(request).snapshot()


@pytest.fixture(scope="session")
def smtp_facts(request: pytest.FixtureRequest) -> FactsLookup:
    """Facts by type and subject: `smtp_facts(TlsFacts, "mail.example.com:25")`; waits for these only.

    Returns one for each address of the subject. Raises `Undetermined` when there are none at one of them, so that a
    test never passes on what was not seen, and `LookupError` for a subject that is not part of the run.
    """
    from smtp_audit.plugin.lookup import FactsLookup

    return FactsLookup(_audit(request))


@pytest.fixture(scope="session")
def assert_template_safe() -> Callable[..., None]:
    """Every payload of the audit put into a function that renders: `assert_template_safe(render, ["name", "link"])`.

    `render` gets a dict with a value for each variable and returns the document. The test fails with what the values
    did; `Undetermined` says that nothing can be said. Needs no audit, but the extra `client`. More arguments:
    `smtp_audit.documents.asserting.assert_safe`.
    """
    from smtp_audit.documents.asserting import assert_safe
    from smtp_audit.documents.markup import is_available

    if not is_available():
        pytest.fail("assert_template_safe needs the extra client: pip install 'smtp-audit[client]'", pytrace=False)
    return assert_safe
