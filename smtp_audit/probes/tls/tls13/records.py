"""From the records of a TLS 1.3 server to handshake messages and application data: RFC 8446 sections 5 and 6."""

from __future__ import annotations

from smtp_audit.limits import MAX_CONNECTION_BYTES, MAX_HANDSHAKE_BYTES
from smtp_audit.probes.tls.hello import ALERT_RECORD, FATAL, HANDSHAKE_RECORD, MAX_WARNINGS
from smtp_audit.probes.tls.tls13.key_schedule import APPLICATION_RECORD, MAX_PLAINTEXT, Protection
from smtp_audit.probes.tls.tls13.octets import HandshakeAlert, HandshakeFault

CHANGE_RECORD = 20
WARNING = 1
CLOSE_NOTIFY, USER_CANCELED = 0, 90

MAX_IDLE = 32
"""Records that carry nothing: change_cipher_spec, and application data without an octet."""

_KINDS = (CHANGE_RECORD, ALERT_RECORD, HANDSHAKE_RECORD, APPLICATION_RECORD)


class ServerRecords:
    """What came from the server, record by record.

    `closed` is whether it said close_notify after the handshake, `received` the application data so far.
    """

    def __init__(self) -> None:
        self.closed = False
        self.received = bytearray()
        self._incoming = bytearray()
        self._messages = bytearray()
        self._reading: Protection | None = None
        self._done = False
        self._octets = self._warnings = self._idle = 0

    def add(self, data: bytes) -> None:
        """Octets as they came; after a close_notify they mean nothing (RFC 8446 section 6.1)."""
        if not self.closed:
            self._incoming += data

    def message(self, expected: tuple[int, ...]) -> bytes | None:
        """The next whole handshake message, of one of the expected types; None when more octets are needed."""
        while not self.closed:
            if (message := self._whole_message(expected)) is not None:
                return message
            if (record := self._next_record()) is None:
                break
            self._take(*record)
        return None

    def at_boundary(self) -> None:
        """Nothing may stand behind a message that changes the keys or waits for an answer (RFC 8446 section 5.1)."""
        if self._messages:
            raise HandshakeFault("octets behind a message that must end its record")

    def change_keys(self, reading: Protection, *, done: bool) -> None:
        """From here on records are under `reading`; `done` when the handshake is over."""
        self.at_boundary()
        self._reading = reading
        self._done = done

    def _whole_message(self, expected: tuple[int, ...]) -> bytes | None:
        buffer = self._messages
        if buffer and buffer[0] not in expected:
            raise HandshakeFault(f"handshake message {buffer[0]} where {expected[0]} should be")
        if len(buffer) < 4:
            return None
        length = int.from_bytes(buffer[1:4], "big")
        if length > MAX_HANDSHAKE_BYTES:
            raise HandshakeFault(f"a handshake message of {length} octets")
        if len(buffer) < 4 + length:
            return None
        message = bytes(buffer[: 4 + length])
        del buffer[: 4 + length]
        return message

    def _next_record(self) -> tuple[int, bytes] | None:
        """The kind and the content of the next whole record, in clear."""
        buffer = self._incoming
        if buffer and (buffer[0] not in _KINDS or (len(buffer) > 1 and buffer[1] != 3)):
            raise HandshakeFault("what came is not a TLS record")
        if len(buffer) < 5:
            return None
        kind, length = buffer[0], int.from_bytes(buffer[3:5], "big")
        if length == 0 or length > MAX_PLAINTEXT + (256 if self._reading else 0):
            raise HandshakeFault(f"a TLS record of {length} octets")
        if len(buffer) < 5 + length:
            return None
        header, payload = bytes(buffer[:5]), bytes(buffer[5 : 5 + length])
        del buffer[: 5 + length]
        if not self._done:
            self._count(5 + length)  # headers too: a record may carry a single octet
        if kind == CHANGE_RECORD or (self._reading is None and kind != APPLICATION_RECORD):
            return kind, payload
        if self._reading is None:
            raise HandshakeFault("application data before a ServerHello")
        if kind != APPLICATION_RECORD:
            raise HandshakeFault("a record in clear text where all must be encrypted")
        kind, content = self._reading.open(header, payload)
        # RFC 8446 section 5.4: only application data may be empty.
        if kind not in _KINDS[1:] or (not content and kind != APPLICATION_RECORD):
            raise HandshakeFault(f"an encrypted record of kind {kind} with {len(content)} octets")
        return kind, content

    def _take(self, kind: int, content: bytes) -> None:
        if kind == HANDSHAKE_RECORD:
            if self._done:
                self._count(len(content))
            self._messages += content
        elif self._messages:
            raise HandshakeFault(f"a record of kind {kind} inside a handshake message")  # RFC 8446 section 5.1
        elif kind == ALERT_RECORD:
            self._take_alert(content)
        elif kind == CHANGE_RECORD:
            # RFC 8446 section 5: dropped as long as the handshake lasts.
            if content != b"\x01" or self._done:
                raise HandshakeFault("a change_cipher_spec that may not be there")
            self._count_idle()
        else:
            self._take_application_data(content)

    def _take_application_data(self, content: bytes) -> None:
        if not self._done:
            raise HandshakeFault("application data before the server's Finished")
        if not content:
            self._count_idle()
        self.received += content
        if len(self.received) > MAX_CONNECTION_BYTES:
            raise HandshakeFault(f"more than {MAX_CONNECTION_BYTES} octets of application data")

    def _take_alert(self, content: bytes) -> None:
        if len(content) != 2 or content[0] not in (WARNING, FATAL):
            raise HandshakeFault("a malformed alert")
        number = content[1]
        if number == CLOSE_NOTIFY and self._done:
            self.closed = True
            return
        # RFC 8446 section 6: in TLS 1.3 the level means nothing. Before TLS 1.3 is chosen, a warning is a warning.
        early = self._reading is None and content[0] == WARNING and number != CLOSE_NOTIFY
        if not early and number != USER_CANCELED:
            raise HandshakeAlert(number)
        self._warnings += 1
        if self._warnings > MAX_WARNINGS:
            raise HandshakeFault(f"more than {MAX_WARNINGS} warning alerts")

    def _count(self, octets: int) -> None:
        self._octets += octets
        if self._octets > MAX_HANDSHAKE_BYTES:
            raise HandshakeFault(f"more than {MAX_HANDSHAKE_BYTES} octets of handshake")

    def _count_idle(self) -> None:
        self._idle += 1
        if self._idle > MAX_IDLE:
            raise HandshakeFault(f"more than {MAX_IDLE} records that carry nothing")
