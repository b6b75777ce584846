"""The name server of the private network: the traps' hosts, and for every other name one address that hears strays."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final, cast

import dns.exception
import dns.flags
import dns.message
import dns.rdatatype
import dns.rrset

from smtp_audit.probes.client.network import NAME_SERVER

ELSEWHERE: Final = "192.0.2.99"
"""The address of all names that are not a trap's (RFC 5737: nobody's)."""

TTL: Final = 1


class Names(asyncio.DatagramProtocol):
    """Answers A and MX. `heard` is told of every name that is no trap's, with the port that the question came from."""

    def __init__(self, hosts: Mapping[str, str], heard: Callable[[str, int], None]) -> None:
        self._hosts = {name.lower(): address for name, address in hosts.items()}
        self._heard = heard
        self._transport: asyncio.DatagramTransport | None = None

    async def listen(self) -> None:
        """Begin, on the name server's address.

        Raises:
            OSError: the address is taken.
        """
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self, local_addr=(NAME_SERVER, 53))

    def close(self) -> None:
        """End."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)  # Python 3.11 has it of another class

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        try:
            query = dns.message.from_wire(data)
        except dns.exception.DNSException:
            return
        if not query.question or query.flags & dns.flags.QR or self._transport is None:
            return
        name = query.question[0].name.to_text(omit_final_dot=True).lower()
        kind = query.question[0].rdtype
        if name not in self._hosts and not name.endswith(".arpa"):
            self._heard(name, addr[1])
        reply = dns.message.make_response(query, recursion_available=True)
        for told in self._records(name, kind):
            reply.answer.append(dns.rrset.from_text(query.question[0].name, TTL, "IN", kind, told))
        self._transport.sendto(reply.to_wire(), addr)

    def _records(self, name: str, kind: dns.rdatatype.RdataType) -> tuple[str, ...]:
        if kind == dns.rdatatype.A:
            return (self._hosts.get(name, ELSEWHERE),)
        if kind == dns.rdatatype.MX and name not in self._hosts:
            return (f"10 mx.{name}.",)
        return ()
