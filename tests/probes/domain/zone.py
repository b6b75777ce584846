"""A DNS made of a dictionary: what is not in it does not exist."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from smtp_audit.configuration.model import Config
from smtp_audit.facts.endpoint import Endpoint
from smtp_audit.facts.lookup import Answer, LookupOutcome
from smtp_audit.probes.domain.approach import DomainApproach
from smtp_audit.probes.domain.lookups import Lookups
from smtp_audit.probes.tls.trust import Anchors

MAX_CHAIN = 8


class Zone(Lookups):
    """Answers from a dictionary of (name, type) to records; an outcome or an `Answer` in their place is given as it is.

    CNAMEs are followed. A name that exists with other types has no data; below it, empty non-terminals count as names.
    `asked` lists the questions in their order.
    """

    def __init__(
        self,
        content: Mapping[tuple[str, str], Sequence[str] | LookupOutcome | Answer],
        *,
        secure: bool = False,
    ) -> None:
        super().__init__(())
        self.content = dict(content)
        self.secure = secure
        self.asked: list[tuple[str, str]] = []

    async def ask(self, name: str, rdtype: str) -> Answer:
        key = (name.rstrip(".").lower() or ".", rdtype)
        self.asked.append(key)
        return self._answer(key)

    def _answer(self, key: tuple[str, str]) -> Answer:
        aliases: list[str] = []
        name, rdtype = key
        for _ in range(MAX_CHAIN):
            found = self.content.get((name, rdtype))
            alias = self.content.get((name, "CNAME"))
            if found is None and rdtype != "CNAME" and isinstance(alias, Sequence) and not isinstance(alias, str):
                name = alias[0].rstrip(".").lower()
                aliases.append(name)
                continue
            break
        else:
            return Answer(name=key[0], type=rdtype, outcome=LookupOutcome.MALFORMED, detail="CNAME loop")
        told: dict[str, Any] = {"name": key[0], "type": rdtype, "aliases": tuple(aliases), "secure": self.secure}
        if isinstance(found, Answer):
            return found
        if isinstance(found, LookupOutcome):
            return Answer(**{**told, "secure": False}, outcome=found, detail="scripted")
        if found:
            size = 100 + sum(len(record) for record in found)
            return Answer(**told, outcome=LookupOutcome.FOUND, records=tuple(found), ttl=3600, size=size)
        exists = any(known == name or known.endswith(f".{name}") for known, _ in self.content)
        return Answer(**told, outcome=LookupOutcome.NO_DATA if exists else LookupOutcome.NXDOMAIN)


def domain_approach(
    zone: Lookups,
    domain: str = "example.com",
    config: Config | None = None,
    endpoints: tuple[Endpoint, ...] = (),
    ca: Path | None = None,
) -> DomainApproach:
    """An approach to a domain whose DNS is the zone."""
    return DomainApproach(domain, config or Config(), zone, Anchors(ca), endpoints, "0123456789abcdef")
