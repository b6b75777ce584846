"""Reading an answer off the wire (RFC 1035 section 4): the records that were asked for, and what vouches for them.

dnspython makes an object of every record of a message, also of those that deny the name and are signed for it, which
takes it ten times as long; a run asks a hundred questions. It reads the data of the records that were asked for.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import dns.edns
import dns.exception
import dns.flags
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
from dns.rdatatype import RdataType

Labels = tuple[bytes, ...]
"""A name in lower case, without the root's empty label."""

ODD_TYPES = frozenset({RdataType.TLSA, RdataType.CAA, RdataType.DS})
"""The types whose records are kept as octets, in the form for unknown types (RFC 3597 section 5), where dnspython
refuses them: a digest that is too short is a fault of who publishes it, and not of the answer. They have no names in
them, which may be compressed."""

MAX_CHAIN = 16
"""Aliases that are followed."""

_MAX_NAME = 255
_MAX_JUMPS = 127
"""Compression pointers of one name: it cannot have more labels."""

_HEADER = struct.Struct("!HHHHHH")
_RECORD = struct.Struct("!HHIH")
_SIGNATURE = struct.Struct("!HBBIIIH")
_WITHOUT_QUESTION = frozenset({dns.rcode.FORMERR, dns.rcode.SERVFAIL, dns.rcode.NOTIMP, dns.rcode.REFUSED})


class UnreadableError(ValueError):
    """It is no answer, or none to the question."""


@dataclass(frozen=True)
class Signature:
    """What is of interest in an RRSIG record (RFC 4034 section 3.1)."""

    algorithm: int
    expiration: int
    signer: str


@dataclass(frozen=True)
class Chain:
    """The aliases that were followed, and the records at their end; None when there are none of the type."""

    aliases: tuple[str, ...]
    records: tuple[dns.rdata.Rdata, ...] | None
    ttl: int


@dataclass(frozen=True)
class _Record:
    name: Labels
    kind: int
    place: int
    ttl: int
    start: int
    end: int


@dataclass(frozen=True)
class Reply:
    """An answer to a question. Its properties raise UnreadableError, or what dnspython raises, for what they cannot
    read."""

    wire: bytes
    asked: Labels
    kind: RdataType
    flags: int
    answer: tuple[_Record, ...]
    authority: tuple[_Record, ...]
    extended: _Record | None

    @property
    def rcode(self) -> dns.rcode.Rcode:
        """The response code, with its upper bits from EDNS (RFC 6891 section 6.1.3)."""
        return dns.rcode.Rcode.make(self.flags & 0xF | (self.extended.ttl >> 24 << 4 if self.extended else 0))

    def errors(self) -> tuple[dns.edns.EDEOption, ...]:
        """The extended errors (RFC 8914)."""
        return tuple(self._errors())

    def _errors(self) -> Iterator[dns.edns.EDEOption]:
        if self.extended is None:
            return
        at = self.extended.start
        while at < self.extended.end:
            if at + 4 > self.extended.end:
                raise UnreadableError("an option that is cut off")
            code, length = struct.unpack_from("!HH", self.wire, at)
            at += 4 + length
            if at > self.extended.end:
                raise UnreadableError("an option that is cut off")
            if code == dns.edns.OptionType.EDE:
                option = dns.edns.option_from_wire(code, self.wire, at - length, length)
                if isinstance(option, dns.edns.EDEOption):
                    yield option

    def chain(self) -> Chain:
        """From the name that was asked for to the records."""
        name, aliases, lives = self.asked, list[str](), list[int]()
        for _ in range(MAX_CHAIN):
            found = self._of(name, self.kind)
            if found:
                # An RRset holds no record twice (RFC 2181 section 5).
                data = tuple(dict.fromkeys(map(self._data, found)))
                return Chain(tuple(aliases), data, min([*lives, *(each.ttl for each in found)]))
            links = self._of(name, RdataType.CNAME)
            if not links:
                return Chain(tuple(aliases), None, 0)
            lives += [each.ttl for each in links]
            targets = [_name(self.wire, each.start)[0] for each in links]
            aliases += map(text_of, targets)
            name = targets[0]
        raise UnreadableError(f"more than {MAX_CHAIN} aliases")

    def _of(self, name: Labels, kind: int) -> list[_Record]:
        return [
            each for each in self.answer if each.kind == kind and each.name == name and each.place == dns.rdataclass.IN
        ]

    def _data(self, record: _Record) -> dns.rdata.Rdata:
        start, length = record.start, record.end - record.start
        try:
            return dns.rdata.from_wire(dns.rdataclass.IN, self.kind, self.wire, start, length)
        except (dns.exception.DNSException, ValueError):
            if self.kind not in ODD_TYPES:
                raise
            return dns.rdata.GenericRdata(dns.rdataclass.IN, self.kind, self.wire[start : record.end])

    def signatures(self) -> tuple[Signature, ...]:
        """Those of the answer and of what denies it."""
        return tuple(self._signature(each) for each in (*self.answer, *self.authority) if each.kind == RdataType.RRSIG)

    def _signature(self, record: _Record) -> Signature:
        after = record.start + _SIGNATURE.size
        if after >= record.end:
            raise UnreadableError("a signature that is cut off")
        _, algorithm, _, _, expiration, _, _ = _SIGNATURE.unpack_from(self.wire, record.start)
        return Signature(algorithm, expiration, text_of(_name(self.wire, after)[0]))

    @property
    def zone(self) -> str:
        """The owner of the SOA record that comes with a negative answer (RFC 2308 section 3); empty without one."""
        return next((text_of(each.name) for each in self.authority if each.kind == RdataType.SOA), "")


def read_reply(wire: bytes, number: int, asked: dns.name.Name, kind: RdataType) -> Reply:
    """An answer to the question of this number, name and type.

    Raises:
        UnreadableError: it is no answer, or none to the question.
    """
    if len(wire) < _HEADER.size:
        raise UnreadableError("shorter than the head of an answer")
    received, flags, questions, *counts = _HEADER.unpack_from(wire)
    if received != number or not flags & dns.flags.QR or flags & 0x7800:  # another kind of message (OPCODE)
        raise UnreadableError("no answer to the question")
    labels = labels_of(asked)
    at = _HEADER.size
    if questions or flags & 0xF not in _WITHOUT_QUESTION:
        name, at = _name(wire, at)
        if questions != 1 or name != labels or wire[at : at + 4] != struct.pack("!HH", kind, dns.rdataclass.IN):
            raise UnreadableError("an answer to another question")
        at += 4
    sections: list[tuple[_Record, ...]] = []
    for count in counts:
        records = []
        for _ in range(count):
            record = _record(wire, at)
            at = record.end
            records.append(record)
        sections.append(tuple(records))
    if at != len(wire):
        raise UnreadableError("there is more after its end")
    answer, authority, additional = sections
    extended = [each for each in additional if each.kind == RdataType.OPT]
    if len(extended) > 1:
        raise UnreadableError("more than one OPT record")  # RFC 6891 section 6.1.1
    return Reply(wire, labels, kind, flags, answer, authority, extended[0] if extended else None)


def is_cut(wire: bytes, number: int) -> bool:
    """Whether an answer to the question of this number says that the whole of it goes by TCP only (TC)."""
    return len(wire) >= _HEADER.size and wire[:2] == number.to_bytes(2, "big") and bool(wire[2] & 0x02)


def labels_of(name: dns.name.Name) -> Labels:
    """A name as it stands in a `Reply`."""
    return tuple(label.lower() for label in name.labels if label)


def text_of(labels: Labels) -> str:
    """The name in text, without its last dot."""
    return dns.name.Name((*labels, b"")).to_text(omit_final_dot=True)


def _record(wire: bytes, at: int) -> _Record:
    name, at = _name(wire, at)
    start = at + _RECORD.size
    if start > len(wire):
        raise UnreadableError("a record that is cut off")
    kind, place, ttl, length = _RECORD.unpack_from(wire, at)
    if start + length > len(wire):
        raise UnreadableError("a record that is cut off")
    return _Record(name, kind, place, ttl, start, start + length)


def _name(wire: bytes, at: int) -> tuple[Labels, int]:
    """A name, compressed or not (RFC 1035 section 4.1.4), and where it ends."""
    labels: list[bytes] = []
    size, jumps, after = 1, 0, -1
    try:
        while octet := wire[at]:
            if octet < 0x40:
                label = wire[at + 1 : at + 1 + octet]
                size += 1 + octet
                at += 1 + octet
                if len(label) < octet or size > _MAX_NAME:
                    raise UnreadableError("a name that is cut off or too long")
                labels.append(label.lower())
                continue
            target = (octet & 0x3F) << 8 | wire[at + 1]
            jumps += 1
            if octet < 0xC0 or target >= at or jumps > _MAX_JUMPS:
                raise UnreadableError("a name that leads nowhere")
            after = at + 2 if after < 0 else after
            at = target
    except IndexError:
        raise UnreadableError("a name that is cut off") from None
    return tuple(labels), at + 1 if after < 0 else after
