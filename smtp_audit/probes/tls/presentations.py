"""The certificates that each kind of client is shown: with and without a name, for one type of key alone."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from smtp_audit.facts.certificate import ClientKind, Presentation, ShownCertificatesFacts
from smtp_audit.facts.handshake import VersionSuites
from smtp_audit.facts.suites import traits
from smtp_audit.facts.tls import Acceptance, TlsFacts, TlsVersion
from smtp_audit.probes.tls.ask import SILENCE, Prober
from smtp_audit.probes.tls.encrypted import Carried, carry_through
from smtp_audit.probes.tls.flight import Flight
from smtp_audit.probes.tls.groups import numbered
from smtp_audit.probes.tls.hello import (
    CERTIFICATE_TIMESTAMPS,
    Shape,
    classic_suites,
    client_hello,
    suite_names,
    vector,
)
from smtp_audit.probes.tls.parameters import ECDSA_SIGNATURES, RSA_SIGNATURES, SIGNATURES
from smtp_audit.probes.tls.reply import Reply
from smtp_audit.probes.tls.status import present
from smtp_audit.probes.tls.trust import Anchors

OTHER_NAME = "name-that-nobody-has.invalid"
"""A server name that no server knows (RFC 6761 section 6.4)."""

KINDS = (ClientKind.RSA_ONLY, ClientKind.ECDSA_ONLY, ClientKind.NAMELESS, ClientKind.OTHER_NAME)


@dataclass
class Presentations:
    """Collects what each kind of client is shown. `chains` keeps the octets of the default one, for the revocation."""

    prober: Prober
    seen: dict[ClientKind, Presentation] = field(default_factory=dict)
    unknown: dict[ClientKind, str] = field(default_factory=dict)

    def facts(self, otherwise: str = "not looked at") -> ShownCertificatesFacts:
        """What was found so far."""
        unknown = {kind: otherwise for kind in ClientKind if kind not in self.seen} | self.unknown
        order = list(ClientKind)
        return ShownCertificatesFacts(
            offered=True,
            host=self.prober.approach.endpoint.host,
            role=self.prober.approach.endpoint.role,
            presentations=tuple(sorted(self.seen.values(), key=lambda shown: order.index(shown.client))),
            unknown={kind: why for kind, why in unknown.items() if kind not in self.seen},
        )

    @staticmethod
    def classic(tls: TlsFacts) -> TlsVersion | None:
        """The newest accepted version that shows its certificates in clear."""
        return max((v for v in tls.seen if TlsVersion.SSL3 < v < TlsVersion.TLS13), default=None)

    def take_flights(self, suites: VersionSuites, flights: Mapping[int, Flight]) -> None:
        """What the enumeration of that version has shown a client that takes one type of key alone: a server's suite
        says with which type of key it signs."""
        for kind, key in ((ClientKind.RSA_ONLY, "RSA"), (ClientKind.ECDSA_ONLY, "ECDSA")):
            having = [number for number, name in numbered(suites) if traits(name).authentication == key]
            flight = next((flights[n] for n in having if n in flights and flights[n].chain), None)
            if flight is not None:
                self._take_flight(kind, flight)
            elif not having and suites.complete:
                self.seen[kind] = Presentation(client=kind, refused=suites.detail)

    async def without_the_name(self, tls: TlsFacts) -> None:
        """Be the kinds of client that give no name, or another. Never raises for what the peer does."""
        await asyncio.gather(*(self._be_any(kind, tls) for kind in (ClientKind.NAMELESS, ClientKind.OTHER_NAME)))

    async def run(self, tls: TlsFacts, carried: Carried | None) -> ShownCertificatesFacts:
        """Be each kind of client that is left. Never raises for what the peer does.

        TLS 1.2 shows its certificates in clear; where it is not accepted, `carried` is a handshake of TLS 1.3, and more
        of them follow.
        """
        classic = self.classic(tls)
        if carried is not None and carried.done:
            self._take_carried(ClientKind.DEFAULT, carried)
        elif classic is not None:
            await self._be(ClientKind.DEFAULT, classic)
        for kind in KINDS:
            if kind not in self.seen and kind not in self.unknown:
                await self._be_any(kind, tls)
        return self.facts()

    async def _be_any(self, kind: ClientKind, tls: TlsFacts) -> None:
        classic = self.classic(tls)
        if kind in (ClientKind.NAMELESS, ClientKind.OTHER_NAME) and not self._has_name:
            self.unknown[kind] = "the host is an address: no client gives a name"
        elif classic is not None:
            await self._be(kind, classic)
        elif TlsVersion.TLS13 in tls.seen:
            await self._carry(kind)
        else:
            self.unknown[kind] = "no version that shows certificates is known to be accepted"

    @property
    def _has_name(self) -> bool:
        return self.prober.approach.endpoint.server_name is not None

    async def _be(self, kind: ClientKind, version: TlsVersion) -> None:
        reply = await _ask(self.prober, kind, version)
        flight = reply.flight
        if reply.refused:
            self.seen[kind] = Presentation(client=kind, refused=reply.detail)
        elif reply.accepted and flight is not None and flight.chain:
            self._take_flight(kind, flight)
        else:
            self.unknown[kind] = reply.detail or _missing(flight)

    def _take_flight(self, kind: ClientKind, flight: Flight) -> None:
        self._take(kind, flight.chain, flight.ocsp, flight.answer.extensions.get(CERTIFICATE_TIMESTAMPS))

    async def _carry(self, kind: ClientKind) -> None:
        name = _name(kind, self.prober.approach.endpoint.server_name)
        wanted: Sequence[int] = {ClientKind.RSA_ONLY: RSA_SIGNATURES, ClientKind.ECDSA_ONLY: ECDSA_SIGNATURES}.get(
            kind, SIGNATURES
        )
        carried = await carry_through(self.prober, signatures=wanted, server_name=name)
        self._take_carried(kind, carried)

    def _take_carried(self, kind: ClientKind, carried: Carried) -> None:
        seen = carried.handshake.seen if carried.handshake is not None else None
        if carried.refusal:
            self.seen[kind] = Presentation(client=kind, refused=carried.refusal)
        elif seen is None or not seen.chain:
            self.unknown[kind] = carried.trouble or "no certificate was sent"
        else:
            listed = None if seen.scts is None else vector(2, b"".join(vector(2, each) for each in seen.scts))
            self._take(kind, seen.chain, seen.staple, listed)

    def _take(self, kind: ClientKind, chain: Sequence[bytes], staple: bytes | None, scts: bytes | None) -> None:
        anchors: Anchors = self.prober.approach.anchors
        self.seen[kind] = present(kind, chain, anchors, staple=staple, scts=scts)


def _missing(flight: Flight | None) -> str:
    return (flight.fault if flight is not None else "") or "no certificate was sent"


def _name(kind: ClientKind, name: str | None) -> str | None:
    return {ClientKind.NAMELESS: None, ClientKind.OTHER_NAME: OTHER_NAME}.get(kind, name)


async def _ask(prober: Prober, kind: ClientKind, version: TlsVersion) -> Reply:
    """One client of this kind, as far as a hello makes it one."""
    types, signatures = {
        ClientKind.RSA_ONLY: (("RSA",), RSA_SIGNATURES),
        ClientKind.ECDSA_ONLY: (("ECDSA",), ECDSA_SIGNATURES),
    }.get(kind, (("RSA", "ECDSA"), SIGNATURES))
    suites = [number for number in classic_suites() if traits(suite_names()[number]).authentication in types]
    shape = Shape(extras=True, signatures=signatures)
    if kind is not ClientKind.OTHER_NAME:
        return await prober.settled(version, suites, shape, named=kind is not ClientKind.NAMELESS, whole=True)
    reply = Reply(Acceptance.UNKNOWN, "not tried")
    for _ in range(2):
        hello = client_hello(version, OTHER_NAME, suites, shape)
        raw = await prober.raw(version, hello, patient=False, whole=True, shown=f"server name {OTHER_NAME}")
        reply = prober.understood(version, suites, raw)
        if not reply.unknown or reply.detail.startswith(SILENCE):
            break
    return reply
