"""Facts about BIMI: the record that says where a domain's logo is."""

from __future__ import annotations

from typing import ClassVar

from smtp_audit.facts.lookup import Answer
from smtp_audit.facts.observation import Facts
from smtp_audit.published.bimi import BimiRecord


class BimiFacts(Facts):
    """TXT at `default._bimi` below the domain, and the assertion records in it; other texts do not count."""

    kind: ClassVar[str] = "bimi"

    answer: Answer
    records: tuple[BimiRecord, ...] = ()
