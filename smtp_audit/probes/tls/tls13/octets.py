"""Reading what a server sent with care, and the two ways in which a handshake fails."""

from __future__ import annotations

from smtp_audit.probes.tls.hello import ALERT_NAMES, extension_map, vector

MAX_EXTENSIONS = 64
"""Extensions of one message; about sixty are registered, and a server may only answer those that were offered."""


class HandshakeFault(ValueError):
    """The server broke the protocol. The text is ours alone: short, and nothing of the server's in it but numbers."""


class BeyondUs(HandshakeFault):
    """The server did something that it may do and we cannot: it says nothing against the server."""


class HandshakeAlert(Exception):
    """The server sent an alert that ends the connection; `number` is its description (RFC 8446 section 6)."""

    def __init__(self, number: int) -> None:
        super().__init__(f"alert {number} {ALERT_NAMES.get(number, '')}".strip())
        self.number = number


class Octets:
    """A place in the body of one message. Whatever does not fit is a HandshakeFault that names the message."""

    def __init__(self, data: bytes, message: str) -> None:
        self._data = data
        self._message = message
        self._place = 0

    @property
    def left(self) -> bool:
        """Whether there is more."""
        return self._place < len(self._data)

    def take(self, count: int) -> bytes:
        """The next `count` octets."""
        end = self._place + count
        if end > len(self._data):
            raise self.malformed()
        taken = self._data[self._place : end]
        self._place = end
        return taken

    def number(self, width: int) -> int:
        """The next `width` octets as a number."""
        return int.from_bytes(self.take(width), "big")

    def vector(self, width: int, least: int = 0) -> bytes:
        """A vector with a length of `width` octets, of at least `least` octets (RFC 8446 section 3.4)."""
        length = self.number(width)
        if length < least:
            raise self.malformed()
        return self.take(length)

    def extensions(self) -> dict[int, bytes]:
        """A block of extensions by number, in their order."""
        found = extension_map(vector(2, self.vector(2)))
        if found is None or len(found) > MAX_EXTENSIONS:
            raise self.malformed()
        return found

    def end(self) -> None:
        """Nothing may follow."""
        if self.left:
            raise self.malformed()

    def malformed(self) -> HandshakeFault:
        """The fault that says which message it is."""
        return HandshakeFault(f"a malformed {self._message}")
