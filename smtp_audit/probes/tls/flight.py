"""The first flight of a server, as far as it is in clear: ServerHello to ServerHelloDone (RFC 5246 section 7.4).

Nothing is decrypted and nothing is verified here. TLS 1.3 hides everything after its ServerHello; for that there is
`tls13`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from smtp_audit.facts.suites import traits
from smtp_audit.facts.tls import TlsVersion
from smtp_audit.limits import MAX_CHAIN_CERTIFICATES
from smtp_audit.probes.tls.hello import ALERT_RECORD, HANDSHAKE_RECORD, Answer, HelloAnswer, parse_answer, suite_name
from smtp_audit.probes.tls.parameters import EXPLICIT_CURVES, group_name, signature_name

NAMED_CURVE = 3
CERTIFICATE, SERVER_KEY_EXCHANGE, CERTIFICATE_REQUEST, SERVER_HELLO_DONE, CERTIFICATE_STATUS = 11, 12, 13, 14, 22


@dataclass(frozen=True)
class FiniteField:
    """The parameters p and g of a ServerKeyExchange for DHE (RFC 5246 section 7.4.3)."""

    prime: int
    generator: int

    @property
    def bits(self) -> int:
        """The length of the prime."""
        return self.prime.bit_length()

    @property
    def sha256(self) -> str:
        """The hash of the prime's octets, big-endian without leading zeros."""
        return hashlib.sha256(self.prime.to_bytes((self.bits + 7) // 8, "big")).hexdigest()


@dataclass
class Flight:
    """What a first flight says. `ended`: ServerHelloDone was read, or nothing more comes in clear.

    `group` and `signature` are the registered names, "" where there are none or the message that has them was not
    read. `fault` says what is malformed behind the ServerHello.
    """

    answer: HelloAnswer
    ended: bool = False
    chain: tuple[bytes, ...] = ()
    ocsp: bytes | None = None
    group: str = ""
    finite_field: FiniteField | None = None
    signature: str = ""
    key_exchange_read: bool = False
    asks_for_certificate: bool = False
    fault: str = ""
    messages: list[int] = field(default_factory=list)


class _Malformed(Exception):
    pass


class _Reader:
    """Takes fields off a message; raises _Malformed when it is too short."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._place = 0

    def take(self, size: int) -> bytes:
        if self._place + size > len(self._data):
            raise _Malformed
        self._place += size
        return self._data[self._place - size : self._place]

    def number(self, width: int) -> int:
        return int.from_bytes(self.take(width), "big")

    def vector(self, width: int) -> bytes:
        return self.take(self.number(width))

    def __bool__(self) -> bool:
        return self._place < len(self._data)


def read_flight(data: bytes, answer: HelloAnswer | None = None) -> Flight:
    """Read as much of a flight as is there; `answer` is its beginning if that was read before. Never raises."""
    flight = Flight(answer or parse_answer(data))
    if flight.answer.answer is not Answer.SERVER_HELLO:
        return flight
    if flight.answer.version >= TlsVersion.TLS13.code or flight.answer.retry:
        flight.ended = True
        return flight
    stream, alert, broken = _handshake_octets(data)
    try:
        _read_messages(flight, stream)
    except _Malformed:
        flight.fault = "a malformed message behind the ServerHello"
    if flight.fault or (not flight.ended and (alert is not None or broken)):
        flight.fault = flight.fault or (f"alert {alert} behind the ServerHello" if alert is not None else broken)
        flight.ended = True
    return flight


def _handshake_octets(data: bytes) -> tuple[bytes, int | None, str]:
    """The handshake octets of all whole and partial records; a fatal alert among them; what is no TLS record."""
    stream = bytearray()
    rest = data
    while len(rest) >= 5:
        kind, length = rest[0], int.from_bytes(rest[3:5], "big")
        if kind == HANDSHAKE_RECORD:
            stream += rest[5 : 5 + length]
        elif kind == ALERT_RECORD:
            if len(rest) >= 7 and rest[5] == 2:
                return bytes(stream), rest[6], ""
        else:
            return bytes(stream), None, f"a record of type {kind} behind the ServerHello"
        rest = rest[5 + length :]
    return bytes(stream), None, ""


def _read_messages(flight: Flight, stream: bytes) -> None:
    place = 0
    while len(stream) >= place + 4:
        kind, length = stream[place], int.from_bytes(stream[place + 1 : place + 4], "big")
        body = stream[place + 4 : place + 4 + length]
        if len(body) < length:
            return
        flight.messages.append(kind)
        if kind == CERTIFICATE:
            flight.chain = _chain(body)
        elif kind == CERTIFICATE_STATUS:
            flight.ocsp = _status(body)
        elif kind == SERVER_KEY_EXCHANGE:
            _key_exchange(flight, body)
        elif kind == CERTIFICATE_REQUEST:
            flight.asks_for_certificate = True
        elif kind == SERVER_HELLO_DONE:
            flight.ended = True
            return
        place += 4 + length


def _chain(body: bytes) -> tuple[bytes, ...]:
    listed = _Reader(_Reader(body).vector(3))
    chain: list[bytes] = []
    while listed and len(chain) <= MAX_CHAIN_CERTIFICATES:
        chain.append(listed.vector(3))
    return tuple(chain)


def _status(body: bytes) -> bytes | None:
    """RFC 6066 section 8: type 1 is an OCSPResponse."""
    reader = _Reader(body)
    return reader.vector(3) if reader.number(1) == 1 else None


def _key_exchange(flight: Flight, body: bytes) -> None:
    """RFC 5246 section 7.4.3 and RFC 8422 section 5.4; what other families put here is not read."""
    what = traits(suite_name(flight.answer.suite))
    reader = _Reader(body)
    if what.authentication == "other":
        return
    if what.elliptic:
        sort = reader.number(1)
        if sort in EXPLICIT_CURVES:
            # RFC 8422 section 5.4 allows named curves only; older servers sent parameters of their own.
            flight.group = group_name(EXPLICIT_CURVES[sort])
            flight.key_exchange_read = True
            return
        if sort != NAMED_CURVE:
            return
        flight.group = group_name(reader.number(2))
        reader.vector(1)
    elif what.finite_field:
        prime = int.from_bytes(reader.vector(2), "big")
        flight.finite_field = FiniteField(prime, int.from_bytes(reader.vector(2), "big"))
        flight.group = f"DH {flight.finite_field.bits}"
        reader.vector(2)
    else:
        return
    flight.key_exchange_read = True
    if what.authentication != "none" and flight.answer.version == TlsVersion.TLS12.code:
        flight.signature = signature_name(reader.number(2))
