"""Answers of the DNS for the cases of controls about domains."""

from __future__ import annotations

from typing import Any

from smtp_audit.facts.lookup import Answer, LookupOutcome, ResolverFacts


def found(name: str, rdtype: str, *records: str, **more: Any) -> Answer:
    """Records are there."""
    told = {"ttl": 3600, "size": 100 + sum(len(record) for record in records), **more}
    return Answer(name=name, type=rdtype, outcome=LookupOutcome.FOUND, records=records, **told)


def absent(name: str, rdtype: str, outcome: LookupOutcome = LookupOutcome.NXDOMAIN, **more: Any) -> Answer:
    """There are none."""
    return Answer(name=name, type=rdtype, outcome=outcome, **more)


def unanswered(name: str, rdtype: str, outcome: LookupOutcome = LookupOutcome.TIMEOUT, detail: str = "") -> Answer:
    """Nobody could tell."""
    return Answer(name=name, type=rdtype, outcome=outcome, detail=detail or "127.0.0.1 port 53 does not answer")


def resolver(*, validates: bool | None = True) -> ResolverFacts:
    """A resolver, and whether it checks signatures."""
    root = found(".", "SOA", "a. b. 1 2 3 4 5", secure=bool(validates), algorithms=(8,))
    words = {True: "checks signatures", False: "does not check signatures", None: "whether it checks is not known"}
    return ResolverFacts(name="127.0.0.1 port 53", validates=validates, detail=words[validates], root=root)
