"""Which DMARC policy applies to a domain: the tree walk of RFC 9989 section 4.10, and RFC 7489's way before it."""

from __future__ import annotations

from collections.abc import Callable

from smtp_audit.frozen import Frozen
from smtp_audit.published.dmarc import DmarcRecord, Policy

MOST_QUERIES = 8
"""RFC 9989 section 4.10: names of more labels are cut down, so that no walk has more questions than these."""

RecordsAt = Callable[[str], tuple[DmarcRecord, ...]]
"""The DMARC records of a domain (at `_dmarc` below it). It may raise when that is not known."""


class Applied(Frozen):
    """The policy that applies to messages from a domain.

    `policy` None: receivers do not apply DMARC at all. `domain` is where the record stands (empty: there is none),
    `tag` the one that the policy is from, `lowered` what made it milder (`t=y`, `pct=50`).
    """

    policy: Policy | None = None
    domain: str = ""
    tag: str = ""
    lowered: str = ""

    def __str__(self) -> str:
        if not self.domain:
            return "no DMARC record applies"
        if self.policy is None:
            return f"the record of {self.domain} is not applied"
        less = f", lowered by {self.lowered}" if self.lowered else ""
        return f"{self.policy} ({self.tag} of {self.domain}{less})"


NOTHING = Applied()


def walk_names(domain: str) -> tuple[str, ...]:
    """The domains of a tree walk, from the domain itself up to its last label: at most `MOST_QUERIES`."""
    labels = domain.split(".")
    first = max(1, len(labels) - MOST_QUERIES + 1)
    return (domain, *(".".join(labels[start:]) for start in range(first, len(labels))))


def _walk(names: tuple[str, ...], at: RecordsAt) -> list[tuple[str, DmarcRecord]]:
    """The records of a walk: only of names that have exactly one, until one of them says what it is (psd=y, psd=n)."""
    found = []
    for name in names:
        records = at(name)
        if len(records) == 1:
            found.append((name, records[0]))
            if records[0].psd != "u":
                break
    return found


def organizational_domain(domain: str, at: RecordsAt) -> str:
    """RFC 9989 section 4.10.2: the domain that alignment is measured by."""
    found = _walk(walk_names(domain), at)
    for name, record in found:
        if record.psd == "n":
            return name
        if record.psd == "y" and name != domain:
            return _one_below(name, domain)
    return found[-1][0] if found else domain


def _one_below(suffix: str, domain: str) -> str:
    return ".".join(domain.split(".")[-len(suffix.split(".")) - 1 :])


def applied(domain: str, at: RecordsAt, *, exists: bool = True) -> Applied:
    """The policy by RFC 9989 section 4.10.1: of the domain, else of its organizational domain, else of its suffix.

    `exists` says whether the domain has anything in the DNS: where it has not, np counts before sp.
    """
    own = at(domain)
    if len(own) == 1:
        return _newer(domain, own[0], "p")
    found = _walk(walk_names(domain)[1:], at)
    if not found:
        return NOTHING
    name, record = found[-1]
    if record.psd == "y":
        organisation = _one_below(name, domain)
        name, record = next((each for each in found if each[0] == organisation), (name, record))
    if not exists and record.np is not None:
        return _newer(name, record, "np")
    return _newer(name, record, "sp" if record.sp is not None else "p")


def _newer(domain: str, record: DmarcRecord, tag: str) -> Applied:
    if record.invalid or record.p is None:
        # Section 4.10.1: with an address for reports it counts as p=none, without one DMARC is not applied. A p that
        # is only missing counts as none either way (section 4.7).
        harmless = record.asks_for_reports or not record.invalid
        return Applied(policy=Policy.NONE if harmless else None, domain=domain, tag="p")
    policy = {"p": record.p, "sp": record.sp, "np": record.np}[tag]
    assert policy is not None  # noqa: S101 (the caller takes the tags that are there)
    if record.testing and policy is not Policy.NONE:
        return Applied(policy=policy.lowered, domain=domain, tag=tag, lowered="t=y")
    return Applied(policy=policy, domain=domain, tag=tag)


def applied_older(domain: str, organisation: str, at: RecordsAt) -> Applied:
    """The policy by RFC 7489 section 6.6.3: of the domain, else of its organizational domain by the list of suffixes.

    Several records end the search there, np, psd and t are unknown tags, and pct lowers the policy of some messages:
    what applies to the others is given.
    """
    records, name = at(domain), domain
    if not records and organisation != domain:
        records, name = at(organisation), organisation
    if len(records) != 1:
        return NOTHING
    record = records[0]
    if record.p is None or {"p", "sp"} & set(record.invalid):
        return Applied(policy=Policy.NONE if record.asks_for_reports else None, domain=name, tag="p")
    tag = "sp" if name != domain and record.sp is not None else "p"
    policy = record.sp if tag == "sp" and record.sp is not None else record.p
    if record.pct < 100 and policy is not Policy.NONE:
        return Applied(policy=policy.lowered, domain=name, tag=tag, lowered=f"pct={record.pct}")
    return Applied(policy=policy, domain=name, tag=tag)
