"""Answers with records that dnspython refuses to read: a digest that is too short, a tag with a hyphen.

Such a record is a fault of who publishes it, and not of the answer. It comes in the form for unknown types (RFC 3597
section 5), `\\# 4 03010100`, and the readers of `smtp_audit.published` say what is wrong with it.
"""

from __future__ import annotations

import asyncio

import dns.exception
import dns.message
import dns.name
import dns.rdata
import dns.rdatatype
import dns.rrset
import dns.wire
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType

ODD_TYPES = frozenset({"TLSA", "CAA", "DS"})
"""The types whose records are kept as octets when they cannot be read: those without names in them."""


async def ask_again(message: dns.message.Message, address: str, port: int, seconds: float) -> dns.message.Message:
    """Put a question by TCP, and keep the records of its type that cannot be read as octets.

    Raises:
        dns.exception.DNSException, ValueError: the answer cannot be read beyond its records, or is none.
        OSError, EOFError: there was no connection, it broke, or it took too long.
    """
    wire = message.to_wire()
    async with asyncio.timeout(seconds):
        reader, writer = await asyncio.open_connection(address, port)
        try:
            writer.write(len(wire).to_bytes(2, "big") + wire)
            length = int.from_bytes(await reader.readexactly(2), "big")
            return read_tolerantly(message, await reader.readexactly(length))
        finally:
            writer.close()


def read_tolerantly(question: dns.message.Message, wire: bytes) -> dns.message.Message:
    """An answer to a question, with the records of its type that dnspython refuses kept as octets.

    Raises:
        ValueError: it is no answer to the question.
        dns.exception.DNSException: it cannot be read.
    """
    reply = dns.message.from_wire(wire, continue_on_error=True)
    if not question.is_response(reply):
        raise ValueError("no answer to the question")
    wanted = question.question[0].rdtype
    parser = dns.wire.Parser(wire, 12)
    counts = [int.from_bytes(wire[place : place + 2], "big") for place in (4, 6)]
    for _ in range(counts[0]):
        dns.name.from_wire_parser(parser)
        parser.get_bytes(4)
    for _ in range(counts[1]):
        name = dns.name.from_wire_parser(parser)
        kind, place, ttl, length = parser.get_struct("!HHIH")
        rdtype, rdclass = RdataType.make(kind), RdataClass.make(place)
        start = parser.current
        data = parser.get_bytes(length)
        if rdtype != wanted or _readable(wire, start, length, rdclass, rdtype):
            continue
        rrset = reply.find_rrset(reply.answer, name, rdclass, rdtype, create=True)
        rrset.update_ttl(ttl)
        rrset.add(dns.rdata.GenericRdata(rdclass, rdtype, data))
    return reply


def _readable(wire: bytes, start: int, length: int, rdclass: RdataClass, rdtype: RdataType) -> bool:
    try:
        dns.rdata.from_wire(rdclass, rdtype, wire, start, length)
    except (dns.exception.DNSException, ValueError):
        return False
    return True
