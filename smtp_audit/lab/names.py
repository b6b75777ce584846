"""The lab's name server: it knows the lab's domains, and answers as a resolver does that has checked signatures.

Nothing of it is a model for a name server. Zones are dictionaries; those that are signed are signed answer by answer,
and a negative answer brings the signed SOA without the proof that a real server owes (RFC 4035 section 3.1.3).
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import cast

import dns.dnssec
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.DNSKEY
import dns.rrset
from cryptography.hazmat.primitives.asymmetric import ec
from dns.dnssectypes import Algorithm as DnssecAlgorithm
from dns.rdtypes.dnskeybase import Flag

TTL = 3600
MAX_UDP = 1232
SIGNED_FOR = timedelta(days=30)
"""How long signatures hold."""

Records = Mapping[tuple[str, str], tuple[str, ...]]
"""(name, type) to presentation texts; `@` stands for the zone itself, other names are below it."""


@dataclass(frozen=True)
class Zone:
    """One zone. `signed`: with a key of its own, for which the lab's resolver vouches."""

    name: str
    records: Records
    signed: bool = False
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()), repr=False)

    @property
    def origin(self) -> dns.name.Name:
        """The name of the zone."""
        return dns.name.from_text(self.name)

    def _dnskey(self) -> dns.rdtypes.ANY.DNSKEY.DNSKEY:
        return dns.dnssec.make_dnskey(self.key.public_key(), DnssecAlgorithm.ECDSAP256SHA256, Flag.ZONE | Flag.SEP)

    def sign(self, rrset: dns.rrset.RRset) -> dns.rrset.RRset:
        """The signature over a set of records (RFC 4034 section 3)."""
        now = datetime.now(UTC)
        signature = dns.dnssec.sign(
            rrset,
            self.key,
            self.origin,
            self._dnskey(),
            inception=now - timedelta(hours=1),
            expiration=now + SIGNED_FOR,
        )
        return dns.rrset.from_rdata(rrset.name, rrset.ttl, signature)

    def find(self, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> dns.rrset.RRset | None:
        """The records of a name and type; None when there are none."""
        if self.signed and name == self.origin and kind == dns.rdatatype.DNSKEY:
            return dns.rrset.from_rdata(name, TTL, self._dnskey())
        if self.signed and name == self.origin and kind == dns.rdatatype.DS:
            return dns.rrset.from_rdata(name, TTL, dns.dnssec.make_ds(name, self._dnskey(), "SHA256"))
        if name == self.origin and kind == dns.rdatatype.SOA:
            return dns.rrset.from_text(name, TTL, "IN", "SOA", "ns.example. hostmaster.example. 1 7200 900 1209600 300")
        texts = self.records.get((self._below(name), dns.rdatatype.to_text(kind)))
        return dns.rrset.from_text(name, TTL, "IN", kind, *texts) if texts else None

    def has(self, name: dns.name.Name) -> bool:
        """Whether the name exists, with any type or below it."""
        below = self._below(name)
        return below == "@" or any(known == below or known.endswith(f".{below}") for known, _ in self.records)

    def _below(self, name: dns.name.Name) -> str:
        return name.relativize(self.origin).to_text().lower()


class NameService:
    """Answers for the zones, by UDP and TCP on one port of a loopback address."""

    def __init__(self, zones: tuple[Zone, ...]) -> None:
        self._zones = zones
        self._udp: asyncio.DatagramTransport | None = None
        self._tcp: asyncio.Server | None = None

    async def listen(self, address: str) -> int:
        """Begin, on a port that is free for both.

        Raises:
            OSError: there is none.
        """
        loop = asyncio.get_running_loop()
        for _ in range(20):
            self._tcp = await asyncio.start_server(self._over_tcp, address, 0)
            port = int(self._tcp.sockets[0].getsockname()[1])
            try:
                self._udp, _protocol = await loop.create_datagram_endpoint(
                    lambda: _OverUdp(self), local_addr=(address, port)
                )
            except OSError:  # taken for UDP
                self._tcp.close()
                continue
            return port
        raise OSError("no port is free for UDP and TCP")

    def close(self) -> None:
        """End."""
        if self._udp is not None:
            self._udp.close()
        if self._tcp is not None:
            self._tcp.close()

    def answer(self, data: bytes, *, tcp: bool) -> bytes | None:
        """The answer to a query; None to what is none."""
        try:
            query = dns.message.from_wire(data)
        except dns.exception.DNSException:
            return None
        if not query.question or query.flags & dns.flags.QR:
            return None
        reply = dns.message.make_response(query, recursion_available=True)
        zone = self._zone(query.question[0].name)
        if zone is None:
            reply.set_rcode(dns.rcode.REFUSED)
        else:
            self._fill(reply, zone, query.question[0].name, query.question[0].rdtype)
        wire = reply.to_wire(max_size=65535)
        if tcp or len(wire) <= MAX_UDP:
            return wire
        short = dns.message.make_response(query, recursion_available=True)
        short.flags |= dns.flags.TC
        return short.to_wire()

    def _zone(self, name: dns.name.Name) -> Zone | None:
        holding = [zone for zone in self._zones if name.is_subdomain(zone.origin)]
        return max(holding, key=lambda zone: len(zone.origin), default=None)

    def _fill(self, reply: dns.message.Message, zone: Zone, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> None:
        sets = [(zone, zone.find(name, kind))]
        if sets[0][1] is None and kind != dns.rdatatype.CNAME and (alias := zone.find(name, dns.rdatatype.CNAME)):
            target = alias[0].target
            there = self._zone(target)
            sets = [(zone, alias), *([(there, there.find(target, kind))] if there is not None else [])]
        found = [(owner, rrset) for owner, rrset in sets if rrset is not None]
        section = reply.answer
        if not found:
            section = reply.authority
            soa = zone.find(zone.origin, dns.rdatatype.SOA)
            found = [(zone, soa)] if soa is not None else []
            if not zone.has(name):
                reply.set_rcode(dns.rcode.NXDOMAIN)
        for owner, rrset in found:
            section.append(rrset)
            if owner.signed:
                section.append(owner.sign(rrset))
        if all(owner.signed for owner, _ in found):
            reply.flags |= dns.flags.AD

    async def _over_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            (length,) = struct.unpack("!H", await reader.readexactly(2))
            answer = self.answer(await reader.readexactly(length), tcp=True)
            if answer is not None:
                writer.write(struct.pack("!H", len(answer)) + answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # who asked has gone
        finally:
            writer.close()


class _OverUdp(asyncio.DatagramProtocol):
    def __init__(self, service: NameService) -> None:
        self._service = service
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)  # Python 3.11 has it of another class

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = self._service.answer(data, tcp=False)
        if answer is not None and self._transport is not None:
            self._transport.sendto(answer, addr)
