"""The groups of the key exchange: named groups by striking the one chosen, finite fields as the server sends them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from smtp_audit.facts.handshake import DhGroup, TlsGroupFacts, VersionGroups, VersionSuites
from smtp_audit.facts.suites import traits
from smtp_audit.facts.tls import TlsVersion
from smtp_audit.probes.tls.ask import Prober
from smtp_audit.probes.tls.flight import FiniteField, Flight
from smtp_audit.probes.tls.hello import Shape, suite_name, suite_numbers
from smtp_audit.probes.tls.parameters import CURVES, GROUP_NAMES, GROUPS, RESERVED_IN_TLS13, group_name
from smtp_audit.probes.tls.primes import MAX_TESTED_BITS, is_prime, published_name

MAX_TESTED_PRIMES = 4
"""Unpublished primes that are tested of one endpoint."""

MAX_MISSING = 3
"""Hellos for finite fields that showed none, before no more are sent: each may cost the whole time limit."""


async def named_groups_of_tls13(prober: Prober, first: Flight | None = None) -> VersionGroups:
    """TLS 1.3, by hellos without a key share: the server names the group that it wants one of (HelloRetryRequest).

    That is in clear, and costs it no signature (RFC 8446 section 4.1.4). `first` is its answer to an offer of all.
    """
    chosen = first.answer.group if first is not None else None
    found: dict[int, None] = {chosen: None} if chosen in GROUPS else {}
    remaining = [group for group in GROUPS if group not in found]
    offered = len(remaining)
    detail = "every known group is taken"
    complete = True
    while remaining:
        if prober.known.strict_groups:
            remaining = [number for number in remaining if number not in RESERVED_IN_TLS13]
            if not remaining:
                detail = "every group of TLS 1.3 is taken, and hellos with older ones are refused"
                break
        shape = Shape(groups=tuple(remaining), key_shares=False)
        reply = await prober.settled(TlsVersion.TLS13, None, shape)
        group = reply.flight.answer.group if reply.flight is not None else None
        retry = reply.flight is not None and reply.flight.answer.retry
        if reply.refused:
            # It takes TLS 1.3, so that it has a group: unless one is asked for now, it refuses for something else.
            complete = len(remaining) < offered or await _asks_for(prober, found)
            detail = reply.detail if complete else f"took TLS 1.3, and no hello without a key share ({reply.detail})"
            break
        if not reply.accepted or group not in remaining or not retry:
            complete = False
            name = "no group" if group is None else group_name(group)
            detail = f"asked for {name}, which was not offered" if reply.accepted else reply.detail
            break
        found[group] = None
        remaining.remove(group)
    return _version_groups(TlsVersion.TLS13, found, complete, detail, prober)


async def _asks_for(prober: Prober, groups: Iterable[int]) -> bool:
    """Whether the server asks for one of these groups when there is no key share."""
    offer = tuple(groups)
    if not offer:
        return False
    reply = await prober.settled(TlsVersion.TLS13, None, Shape(groups=offer, key_shares=False))
    return reply.accepted and reply.flight is not None and reply.flight.answer.retry


async def named_groups_before_tls13(
    prober: Prober, suites: VersionSuites, flights: Mapping[int, Flight] = MappingProxyType({})
) -> VersionGroups:
    """TLS 1.2 and before, from the ServerKeyExchange of a suite with elliptic curves (RFC 8422 section 5.4).

    Those that the flights of the suites show are known already: each was chosen from all curves.

    A client that takes an ECDSA certificate has to offer the certificate's own curve, too (RFC 8422 section 5.1). So
    when the rest is refused, the curve struck last, without which it is refused, is offered again behind it: where the
    server then falls back on that, no client can ever come to any of the rest. Where suites without such a certificate
    are taken, those are offered.
    """
    elliptic = tuple(number for number, name in numbered(suites) if traits(name).elliptic)
    signed_otherwise = tuple(n for n in elliptic if traits(suite_name(n)).authentication in ("RSA", "none"))
    bound = not signed_otherwise  # to the curve of the certificate
    elliptic = signed_otherwise or elliptic
    if not elliptic:
        return VersionGroups(
            version=suites.version,
            complete=suites.complete,
            detail="no suite with elliptic curves" if suites.complete else suites.detail,
        )
    shown = {flights[number].group for number in elliptic if number in flights}
    found: dict[int, None] = {number: None for number in CURVES if group_name(number) in shown}
    remaining = [number for number in CURVES if number not in found]
    behind: list[int] = []
    last: list[int] = []
    while True:
        reply = await prober.settled(suites.version, elliptic, Shape(groups=(*remaining, *behind)), whole=True)
        if reply.refused and (behind or (found and not bound)):
            return _version_groups(suites.version, found, True, reply.detail, prober)
        if reply.refused:
            behind = last or list(found)
            if not behind:
                # It chose such a suite before, so that it must have a curve.
                detail = f"took an elliptic suite, and none with any known curve now ({reply.detail})"
                return _version_groups(suites.version, found, False, detail, prober)
            continue
        name = reply.flight.group if reply.flight is not None else ""
        group = next((number for number in (*remaining, *behind) if group_name(number) == name), None)
        if not reply.accepted or group is None:
            why = reply.flight.fault if reply.flight is not None else ""
            detail = reply.detail or why or f"chose the curve {name or 'that was not seen'}, which was not offered"
            return _version_groups(suites.version, found, False, detail, prober, also=name)
        if group in found:
            return _version_groups(suites.version, found, True, f"falls back on {name}", prober)
        found[group] = None
        remaining.remove(group)
        last = [group]


def _version_groups(
    version: TlsVersion, found: Iterable[int], complete: bool, detail: str, prober: Prober, also: str = ""
) -> VersionGroups:
    if complete and (doubt := prober.known.taken_back(detail)):
        complete, detail = False, doubt
    names = tuple(GROUP_NAMES[number] for number in found)
    if also and also not in names:
        names += (also,)
    return VersionGroups(version=version, groups=names, complete=complete, detail=detail, hellos=prober.hellos)


def numbered(suites: VersionSuites) -> tuple[tuple[int, str], ...]:
    """The suites of a version that have a registered name, with their numbers."""
    known = suite_numbers()
    return tuple((known[name], name) for name in suites.names if name in known)


@dataclass
class FiniteFields:
    """Collects the parameters of DHE suites over all versions."""

    seen: dict[FiniteField, list[str]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)

    async def look(self, prober: Prober, suites: VersionSuites, flights: Mapping[int, Flight]) -> None:
        """Every finite-field suite of a version: its flight if it was seen, a hello of its own if not.

        Once more for a client that offers no group of RFC 7919, since a server may then have another prime for it.
        """
        numbers = [number for number, name in numbered(suites) if traits(name).finite_field]
        for number in numbers:
            flight = flights.get(number)
            if flight is None or flight.finite_field is None:
                await self._ask(prober, suites.version, (number,), Shape())
            else:
                self._add(flight.finite_field, suite_name(number))
        if numbers:
            await self._ask(prober, suites.version, tuple(numbers), Shape(groups=CURVES), optional=True)

    async def _ask(
        self, prober: Prober, version: TlsVersion, offered: tuple[int, ...], shape: Shape, optional: bool = False
    ) -> None:
        if len(self.missing) >= MAX_MISSING:
            if not optional:
                self.missing.append(f"{version} {suite_name(offered[0])}: not asked")
            return
        reply = await prober.settled(version, offered, shape, whole=True)
        if reply.accepted and reply.flight is not None and reply.flight.finite_field is not None:
            self._add(reply.flight.finite_field, suite_name(reply.suite))
        elif not (optional and reply.refused):
            why = reply.detail or (reply.flight.fault if reply.flight is not None else "") or "no parameters were sent"
            self.missing.append(f"{version} {suite_name(offered[0])}: {why}")

    def _add(self, finite_field: FiniteField, name: str) -> None:
        names = self.seen.setdefault(finite_field, [])
        if name not in names:
            names.append(name)

    async def facts(self) -> tuple[DhGroup, ...]:
        """The groups seen; unpublished primes are looked into, in a thread of its own."""
        groups = []
        tested = 0
        for finite_field, names in self.seen.items():
            name = published_name(finite_field.prime)
            prime: bool | None = True if name else None
            safe = prime
            if not name and finite_field.bits <= MAX_TESTED_BITS and tested < MAX_TESTED_PRIMES:
                tested += 1
                prime, safe = await asyncio.to_thread(_look_into, finite_field.prime)
            groups.append(
                DhGroup(
                    bits=finite_field.bits,
                    sha256=finite_field.sha256,
                    name=name,
                    prime=prime,
                    safe=safe,
                    generator=finite_field.generator if finite_field.generator < 2**31 else None,
                    suites=tuple(names),
                )
            )
        return tuple(groups)


def _look_into(number: int) -> tuple[bool, bool]:
    prime = is_prime(number)
    return prime, prime and is_prime(number // 2)


def group_facts(
    versions: Iterable[VersionGroups], fields: tuple[DhGroup, ...], missing: Iterable[str]
) -> TlsGroupFacts:
    """All of it together."""
    return TlsGroupFacts(
        offered=True, versions=tuple(versions), finite_fields=fields, finite_fields_detail="; ".join(missing)
    )
