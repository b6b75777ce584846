"""The messages of a TLS 1.3 server, parsed strictly: RFC 8446 section 4. No state, no keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from smtp_audit.limits import MAX_CHAIN_CERTIFICATES
from smtp_audit.probes.tls.hello import HELLO_RETRY_RANDOM
from smtp_audit.probes.tls.tls13.octets import HandshakeFault, Octets

SERVER_NAME, STATUS_REQUEST, GROUPS_EXTENSION, SIGNATURES_EXTENSION, ALPN, SCTS = 0, 5, 10, 13, 16, 18
EARLY_DATA, SUPPORTED_VERSIONS, COOKIE, PSK_MODES, KEY_SHARE = 42, 43, 44, 45, 51

TLS13 = 0x0304
OCSP = 1
MAX_SCTS = 32
"""Signed certificate timestamps kept of one certificate; policies ask for two to five."""


@dataclass(frozen=True)
class Ticket:
    """A NewSessionTicket: its lifetime in seconds, and the octets of early data it allows (None: says nothing)."""

    lifetime: int
    max_early_data: int | None = None


@dataclass(frozen=True)
class ServerHello:
    """A ServerHello or HelloRetryRequest. `version` is the one chosen, wherever it stands."""

    random: bytes
    session: bytes
    suite: int
    version: int
    extensions: Mapping[int, bytes]

    @property
    def retry(self) -> bool:
        return self.random == HELLO_RETRY_RANDOM


def server_hello(body: bytes) -> ServerHello:
    """RFC 8446 section 4.1.3. An older version, and extensions that have no place here, are faults."""
    octets = Octets(body, "ServerHello")
    legacy = octets.number(2)
    random = octets.take(32)
    session = octets.vector(1)
    suite = octets.number(2)
    compression = octets.number(1)
    extensions = octets.extensions() if octets.left else {}
    octets.end()
    chosen = extensions.get(SUPPORTED_VERSIONS)
    if chosen is not None and len(chosen) != 2:
        raise octets.malformed()
    version = legacy if chosen is None else int.from_bytes(chosen, "big")
    if version != TLS13 or legacy != 0x0303:
        raise HandshakeFault(f"a ServerHello of version 0x{version:04X}, legacy version 0x{legacy:04X}")
    if len(session) > 32 or compression:
        raise octets.malformed()
    hello = ServerHello(random, session, suite, version, extensions)
    allowed = {SUPPORTED_VERSIONS, KEY_SHARE, COOKIE} if hello.retry else {SUPPORTED_VERSIONS, KEY_SHARE}
    _only(extensions, allowed, "HelloRetryRequest" if hello.retry else "ServerHello")
    return hello


def retry_wish(hello: ServerHello) -> tuple[int | None, bytes | None]:
    """The group and the cookie of a HelloRetryRequest (RFC 8446 sections 4.2.8 and 4.2.2)."""
    group = cookie = None
    if KEY_SHARE in hello.extensions:
        octets = Octets(hello.extensions[KEY_SHARE], "HelloRetryRequest")
        group = octets.number(2)
        octets.end()
    if COOKIE in hello.extensions:
        octets = Octets(hello.extensions[COOKIE], "HelloRetryRequest")
        cookie = octets.vector(2, least=1)
        octets.end()
    if group is None and cookie is None:
        raise HandshakeFault("a HelloRetryRequest that asks for nothing")
    return group, cookie


def key_share(hello: ServerHello) -> tuple[int, bytes]:
    """The server's group and share."""
    if KEY_SHARE not in hello.extensions:
        raise HandshakeFault("a ServerHello without a key share")
    octets = Octets(hello.extensions[KEY_SHARE], "key share")
    group, share = octets.number(2), octets.vector(2, least=1)
    octets.end()
    return group, share


def encrypted_extensions(body: bytes) -> dict[int, bytes]:
    """The extensions of EncryptedExtensions, by number and in order; which of them may be there is not checked."""
    octets = Octets(body, "EncryptedExtensions")
    extensions = octets.extensions()
    octets.end()
    return extensions


def check_encrypted_extensions(extensions: Mapping[int, bytes], offered: frozenset[int]) -> None:
    """Only answers to what was offered may be there (RFC 8446 section 4.2, also its table)."""
    _only(extensions, offered & {SERVER_NAME, GROUPS_EXTENSION, ALPN}, "EncryptedExtensions")
    if extensions.get(SERVER_NAME):
        raise HandshakeFault("a server_name answer that is not empty")


def alpn_choice(content: bytes, offered: tuple[str, ...]) -> str:
    """The one protocol chosen, which must be an offered one (RFC 7301 section 3.1)."""
    octets = Octets(content, "ALPN extension")
    names = Octets(octets.vector(2), "ALPN extension")
    octets.end()
    name = names.vector(1, least=1)
    names.end()
    for known in offered:
        if known.encode("ascii") == name:
            return known
    raise HandshakeFault("an ALPN protocol that was not offered")


def check_certificate_request(body: bytes) -> None:
    """RFC 8446 section 4.3.2: no context in a handshake, and signature_algorithms must be there."""
    octets = Octets(body, "CertificateRequest")
    context = octets.vector(1)
    extensions = octets.extensions()
    octets.end()
    if context or SIGNATURES_EXTENSION not in extensions:
        raise octets.malformed()


@dataclass(frozen=True)
class SentChain:
    """A Certificate message: the first certificates of it, how many there were, and what came with the leaf."""

    certificates: tuple[bytes, ...]
    count: int
    staple: bytes | None
    scts: tuple[bytes, ...] | None


def certificate(body: bytes, offered: frozenset[int]) -> SentChain:
    """RFC 8446 section 4.4.2; one more certificate than the cap is kept, so that readers see that there are more."""
    octets = Octets(body, "Certificate")
    context = octets.vector(1)
    entries = Octets(octets.vector(3), "Certificate")
    octets.end()
    if context:
        raise octets.malformed()
    if not entries.left:
        raise HandshakeFault("a Certificate without any certificate")
    kept: list[bytes] = []
    count = 0
    staple: bytes | None = None
    scts: tuple[bytes, ...] | None = None
    while entries.left:
        der = entries.vector(3, least=1)
        extensions = entries.extensions()
        _only(extensions, offered & {STATUS_REQUEST, SCTS}, "Certificate")
        if count == 0:
            staple = _staple(extensions[STATUS_REQUEST]) if STATUS_REQUEST in extensions else None
            scts = _timestamps(extensions[SCTS]) if SCTS in extensions else None
        if count <= MAX_CHAIN_CERTIFICATES:
            kept.append(der)
        count += 1
    return SentChain(tuple(kept), count, staple, scts)


def _staple(content: bytes) -> bytes:
    """The OCSP response of a CertificateStatus (RFC 6066 section 8)."""
    octets = Octets(content, "stapled OCSP response")
    if octets.number(1) != OCSP:
        raise octets.malformed()
    response = octets.vector(3, least=1)
    octets.end()
    return response


def _timestamps(content: bytes) -> tuple[bytes, ...]:
    """The entries of a SignedCertificateTimestampList (RFC 6962 section 3.3)."""
    octets = Octets(content, "list of certificate timestamps")
    listed = Octets(octets.vector(2, least=1), "list of certificate timestamps")
    octets.end()
    found: list[bytes] = []
    while listed.left:
        timestamp = listed.vector(2, least=1)
        if len(found) < MAX_SCTS:
            found.append(timestamp)
    return tuple(found)


def certificate_verify(body: bytes) -> tuple[int, bytes]:
    """The scheme and the signature (RFC 8446 section 4.4.3)."""
    octets = Octets(body, "CertificateVerify")
    scheme, signature = octets.number(2), octets.vector(2)
    octets.end()
    return scheme, signature


def ticket(body: bytes) -> Ticket:
    """RFC 8446 section 4.6.1. A lifetime above seven days, which it forbids, is kept as it is: it is a fact."""
    octets = Octets(body, "NewSessionTicket")
    lifetime = octets.number(4)
    octets.number(4)  # added to the ticket's age
    octets.vector(1)  # nonce
    octets.vector(2, least=1)
    extensions = octets.extensions()
    octets.end()
    early = extensions.get(EARLY_DATA)
    if early is not None and len(early) != 4:
        raise octets.malformed()
    return Ticket(lifetime, None if early is None else int.from_bytes(early, "big"))


def _only(extensions: Mapping[int, bytes], allowed: frozenset[int] | set[int], message: str) -> None:
    """RFC 8446 section 4.2: an answer to an extension that was not offered ends the handshake."""
    for number in extensions:
        if number not in allowed:
            raise HandshakeFault(f"extension {number} in a {message}, where it may not be")
