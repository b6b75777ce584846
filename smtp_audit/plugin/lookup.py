"""Facts by type and subject, for a user's own tests."""

from __future__ import annotations

from typing import Any, TypeVar, overload

from smtp_audit.errors import Undetermined
from smtp_audit.facts.observation import Facts
from smtp_audit.facts.subject import AnySubject
from smtp_audit.plugin.audit import Audit
from smtp_audit.suggestion import did_you_mean

F = TypeVar("F", bound=Facts)


class FactsLookup:
    """What the fixture `smtp_facts` gives."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit

    @overload
    def __call__(self, facts: type[F], subject: str | AnySubject) -> tuple[F, ...]: ...
    @overload
    def __call__(self, facts: str, subject: str | AnySubject) -> tuple[Any, ...]: ...
    def __call__(self, facts: type[F] | str, subject: str | AnySubject) -> tuple[Any, ...]:
        """The facts of one type (or kind, in words) on one subject, one for each of its addresses.

        Raises:
            Undetermined: at one address, or at all, there are none; the message says why.
            LookupError: the run is not about this subject, or there are no facts of this kind at all.
        """
        kind = facts if isinstance(facts, str) else facts.kind
        if kind not in Facts.registry:
            raise LookupError(f"no facts of kind {kind!r}{did_you_mean(kind, Facts.registry)}")
        key = subject if isinstance(subject, str) else subject.key
        known = [each.key for each in self._audit.plan.subjects]
        if key not in known:
            raise LookupError(f"this run is not about {key!r}{did_you_mean(key, known)}")
        observations = self._audit.observations(kind, key)
        if not observations:
            raise Undetermined(f"no facts of kind {kind} about {key} were gathered in this run")
        for seen in observations:
            if seen.facts is None:
                at = f" at {seen.address}" if seen.address else ""
                raise Undetermined(f"no facts of kind {kind} about {key}{at}: {seen.reason or seen.absence}")
        return tuple(seen.facts for seen in observations)
