"""What a TLS 1.3 client offers, and the ClientHello that says it: RFC 8446 section 4.1.2."""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

from smtp_audit.probes.tls.hello import extension, name_extension, numbers, vector
from smtp_audit.probes.tls.tls13 import messages
from smtp_audit.probes.tls.tls13.key_schedule import MAX_PLAINTEXT
from smtp_audit.probes.tls.tls13.key_share import KeyShare
from smtp_audit.probes.tls.tls13.octets import BeyondUs

CLIENT_HELLO = 1


@dataclass(frozen=True)
class Offer:
    """One client's offer; the random and the session id are the same in both hellos of a handshake."""

    server_name: str | None
    suites: tuple[int, ...]
    groups: tuple[int, ...]
    signatures: tuple[int, ...]
    alpn: tuple[str, ...]
    ocsp: bool
    scts: bool
    random: bytes = field(default_factory=lambda: os.urandom(32))
    # RFC 8446 appendix D.4: with a session id, middleboxes take it for a resumption.
    session: bytes = field(default_factory=lambda: os.urandom(32))

    @property
    def extensions(self) -> frozenset[int]:
        """The numbers of the extensions that a server may answer."""
        optional = {
            messages.SERVER_NAME: self.server_name is not None,
            messages.STATUS_REQUEST: self.ocsp,
            messages.ALPN: bool(self.alpn),
            messages.SCTS: self.scts,
        }
        return frozenset((messages.GROUPS_EXTENSION, *(number for number, wanted in optional.items() if wanted)))

    def hello(self, shares: Mapping[int, KeyShare], cookie: bytes | None = None) -> bytes:
        """The handshake message. Raises BeyondUs when the cookie leaves no room for the rest."""
        parts = []
        if self.server_name is not None:
            parts.append(name_extension(self.server_name))
        if self.ocsp:
            parts.append(extension(messages.STATUS_REQUEST, b"\x01\0\0\0\0"))  # OCSP; no responders, no extensions
        if self.alpn:
            names = b"".join(vector(1, name.encode("ascii")) for name in self.alpn)
            parts.append(extension(messages.ALPN, vector(2, names)))
        if self.scts:
            parts.append(extension(messages.SCTS, b""))
        if cookie is not None:
            parts.append(extension(messages.COOKIE, vector(2, cookie)))
        entries = b"".join(numbers((group,)) + vector(2, share.public) for group, share in shares.items())
        parts += [
            extension(messages.GROUPS_EXTENSION, vector(2, numbers(self.groups))),
            extension(messages.SIGNATURES_EXTENSION, vector(2, numbers(self.signatures))),
            extension(messages.SUPPORTED_VERSIONS, vector(1, numbers((messages.TLS13,)))),
            # psk_dhe_ke: a server may send tickets only to a client that says it (RFC 8446 section 4.2.9).
            extension(messages.PSK_MODES, b"\x01\x01"),
            extension(messages.KEY_SHARE, vector(2, entries)),
        ]
        block = b"".join(parts)
        if len(block) > 0xFFFF:
            raise BeyondUs("a cookie too long to be sent back with the rest of the hello")
        body = struct.pack("!H", 0x0303) + self.random + vector(1, self.session)
        body += vector(2, numbers(self.suites)) + vector(1, b"\0") + vector(2, block)
        return bytes((CLIENT_HELLO,)) + vector(3, body)


def clear_records(kind: int, content: bytes, version: int = 0x0303) -> bytes:
    """`content` in clear, in as many records as it takes (RFC 8446 section 5.1)."""
    parts = (content[i : i + MAX_PLAINTEXT] for i in range(0, len(content), MAX_PLAINTEXT))
    return b"".join(struct.pack("!BH", kind, version) + vector(2, part) for part in parts)
