"""A TLS 1.3 client as octets in and octets out, to see what a server sends encrypted. RFC 8446.

It trusts nobody and judges nothing: names, validity and issuers are for others. What it proves is that the server
finished the handshake (`done`), and what it showed on the way (`seen`, filled as far as it got).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from smtp_audit.probes.tls.hello import ALERT_RECORD, HANDSHAKE_RECORD, SERVER_HELLO, vector
from smtp_audit.probes.tls.parameters import SIGNATURES
from smtp_audit.probes.tls.tls13 import messages
from smtp_audit.probes.tls.tls13.key_schedule import APPLICATION_RECORD, SUITES, KeySchedule, Protection, finished_mac
from smtp_audit.probes.tls.tls13.key_share import DOABLE_GROUPS, new_share
from smtp_audit.probes.tls.tls13.messages import ServerHello, Ticket
from smtp_audit.probes.tls.tls13.octets import BeyondUs, HandshakeAlert, HandshakeFault
from smtp_audit.probes.tls.tls13.offer import Offer, clear_records
from smtp_audit.probes.tls.tls13.records import CLOSE_NOTIFY, WARNING, ServerRecords
from smtp_audit.probes.tls.tls13.server_signature import may_sign, signature_holds

NEW_SESSION_TICKET, ENCRYPTED_EXTENSIONS, CERTIFICATE, CERTIFICATE_REQUEST = 4, 8, 11, 13
CERTIFICATE_VERIFY, FINISHED, KEY_UPDATE, MESSAGE_HASH = 15, 20, 24, 254

USUAL_GROUPS = (0x001D, 0x0017)
"""X25519 and P-256: nearly every server takes one of them, so shares of these are sent with the first hello."""

MAX_TICKETS = 16
"""Tickets kept; servers send one to four."""

MAX_KEY_UPDATES = 32

CHANGE_CIPHER_SPEC = bytes.fromhex("140303000101")
EMPTY_CERTIFICATE = bytes.fromhex("0B00000400000000")
KEY_UPDATE_ANSWER = bytes.fromhex("1800000100")


@dataclass(frozen=True)
class Seen13:
    """What the server showed; None and empty where the handshake did not get that far, or it was not sent.

    `encrypted_extensions` are numbers in order; `certificate_requested` is False only once the server's Certificate
    came without a request before it. `chain` is in DER as sent, capped; `chain_length` is how many there were. `staple`
    is the OCSP response of the leaf, `scts` its timestamps. `signature` is the scheme of CertificateVerify, and
    `signature_valid` whether it holds (None: the key or the scheme cannot be read here).
    """

    suite: int | None = None
    group: int | None = None
    retried: bool = False
    encrypted_extensions: tuple[int, ...] | None = None
    alpn: str | None = None
    certificate_requested: bool | None = None
    chain: tuple[bytes, ...] = ()
    chain_length: int = 0
    staple: bytes | None = None
    scts: tuple[bytes, ...] | None = None
    signature: int | None = None
    signature_valid: bool | None = None
    finished: bool = False


class Handshake13:
    """One handshake. `server_name` is sent as it is; None sends none.

    Groups without a share are reached through a HelloRetryRequest. By default only what can be done is offered.
    """

    def __init__(
        self,
        server_name: str | None,
        *,
        suites: Sequence[int] = (0x1301, 0x1302, 0x1303),
        groups: Sequence[int] = DOABLE_GROUPS,
        signatures: Sequence[int] = SIGNATURES,
        alpn: Sequence[str] = (),
        ocsp: bool = True,
        scts: bool = True,
    ) -> None:
        self.seen = Seen13()
        self._offer = Offer(server_name, tuple(suites), tuple(groups), tuple(signatures), tuple(alpn), ocsp, scts)
        doable = [group for group in groups if group in DOABLE_GROUPS]
        shared = [group for group in doable if group in USUAL_GROUPS] or doable[:1]
        self._shares = {group: new_share(group) for group in shared}
        self._first = self._offer.hello(self._shares)
        self._expected: tuple[int, ...] = (SERVER_HELLO,)
        self._records = ServerRecords()
        self._retry: ServerHello | None = None
        self._reading: Protection | None = None
        self._writing: Protection | None = None
        self._updates = 0
        self._tickets: list[Ticket] = []
        self._failure: HandshakeFault | HandshakeAlert | None = None

    @property
    def done(self) -> bool:
        """Whether the server's Finished was verified, after a signature that is not known to be wrong."""
        return self.seen.finished

    @property
    def tickets(self) -> tuple[Ticket, ...]:
        """The session tickets so far, at most MAX_TICKETS."""
        return tuple(self._tickets)

    @property
    def closed(self) -> bool:
        """Whether the server said close_notify after the handshake: nothing more will come."""
        return self._records.closed

    def hello(self) -> bytes:
        """The ClientHello, in its record."""
        return clear_records(HANDSHAKE_RECORD, self._first, 0x0301)

    def feed(self, data: bytes) -> bytes:
        """Octets from the server; returns the octets to send.

        Raises:
            HandshakeFault: something against the protocol (BeyondUs: allowed, and beyond us). It is raised again by
                every later call.
            HandshakeAlert: the server gave up. After `done` it may be about our empty Certificate.
        """
        if self._failure is not None:
            raise self._failure
        out = b""
        try:
            self._records.add(data)
            while (message := self._records.message(self._expected)) is not None:
                out += self._handler(message[0])(message)
        except (HandshakeFault, HandshakeAlert) as failure:
            self._failure = failure
            raise
        return out

    def protect(self, data: bytes) -> bytes:
        """Records with application data. Only after `done`."""
        if self._writing is None or not self.done:
            raise RuntimeError("the handshake is not done")
        return self._writing.seal(APPLICATION_RECORD, data)

    def farewell(self) -> bytes:
        """A close_notify, under the keys there are."""
        alert = bytes((WARNING, CLOSE_NOTIFY))
        if self._writing is None:
            return clear_records(ALERT_RECORD, alert)
        return self._writing.seal(ALERT_RECORD, alert)

    def received(self) -> bytes:
        """The application data that came since the last call."""
        data = bytes(self._records.received)
        self._records.received.clear()
        return data

    def _handler(self, kind: int) -> Callable[[bytes], bytes]:
        return {
            SERVER_HELLO: self._on_server_hello,
            ENCRYPTED_EXTENSIONS: self._on_encrypted_extensions,
            CERTIFICATE_REQUEST: self._on_certificate_request,
            CERTIFICATE: self._on_certificate,
            CERTIFICATE_VERIFY: self._on_certificate_verify,
            FINISHED: self._on_finished,
            NEW_SESSION_TICKET: self._on_ticket,
            KEY_UPDATE: self._on_key_update,
        }[kind]

    def _on_server_hello(self, message: bytes) -> bytes:
        hello = messages.server_hello(message[4:])
        if hello.session != self._offer.session:
            raise HandshakeFault("a ServerHello that does not echo the session id")
        if hello.suite not in self._offer.suites:
            raise HandshakeFault(f"a ServerHello with suite 0x{hello.suite:04X}, which was not offered")
        if self._retry is not None and hello.suite != self._retry.suite:
            raise HandshakeFault("another suite after the HelloRetryRequest")
        if hello.suite not in SUITES:
            raise BeyondUs(f"suite 0x{hello.suite:04X} is not one that we can do")
        self.seen = replace(self.seen, suite=hello.suite)
        if hello.retry:
            return self._on_retry(hello, message)
        group, peer = messages.key_share(hello)
        if group not in self._shares:
            raise HandshakeFault(f"a key share of group 0x{group:04X}, for which none was sent")
        self.seen = replace(self.seen, group=group)
        suite = self._suite = SUITES[hello.suite]
        if self._retry is None:
            self._transcript = hashlib.new(suite.hash.name, self._first)
        self._transcript.update(message)
        self._schedule = KeySchedule(suite, self._shares[group].exchange(peer))
        self._client_secret, self._server_secret = self._schedule.handshake_secrets(self._transcript.digest())
        self._records.change_keys(Protection(suite, self._server_secret), done=False)
        self._expected = (ENCRYPTED_EXTENSIONS,)
        return b""

    def _on_retry(self, hello: ServerHello, message: bytes) -> bytes:
        """RFC 8446 section 4.1.4."""
        self._records.at_boundary()
        if self._retry is not None:
            raise HandshakeFault("a second HelloRetryRequest")
        group, cookie = messages.retry_wish(hello)
        self._retry = hello
        self.seen = replace(self.seen, retried=True, group=group)
        if group is not None:
            if group not in self._offer.groups or group in self._shares:
                raise HandshakeFault(f"a HelloRetryRequest for group 0x{group:04X}, which it may not ask for")
            self._shares = {group: new_share(group)}
        second = self._offer.hello(self._shares, cookie)
        suite = SUITES[hello.suite]
        # RFC 8446 section 4.4.1: the first hello stands in the transcript as its hash.
        first = bytes((MESSAGE_HASH,)) + vector(3, suite.digest(self._first))
        self._transcript = hashlib.new(suite.hash.name, first + message + second)
        return CHANGE_CIPHER_SPEC + clear_records(HANDSHAKE_RECORD, second)

    def _on_encrypted_extensions(self, message: bytes) -> bytes:
        extensions = messages.encrypted_extensions(message[4:])
        self.seen = replace(self.seen, encrypted_extensions=tuple(extensions))
        messages.check_encrypted_extensions(extensions, self._offer.extensions)
        if messages.ALPN in extensions:
            chosen = messages.alpn_choice(extensions[messages.ALPN], self._offer.alpn)
            self.seen = replace(self.seen, alpn=chosen)
        self._transcript.update(message)
        self._expected = (CERTIFICATE, CERTIFICATE_REQUEST)
        return b""

    def _on_certificate_request(self, message: bytes) -> bytes:
        messages.check_certificate_request(message[4:])
        self.seen = replace(self.seen, certificate_requested=True)
        self._transcript.update(message)
        self._expected = (CERTIFICATE,)
        return b""

    def _on_certificate(self, message: bytes) -> bytes:
        sent = messages.certificate(message[4:], self._offer.extensions)
        self.seen = replace(
            self.seen,
            certificate_requested=bool(self.seen.certificate_requested),
            chain=sent.certificates,
            chain_length=sent.count,
            staple=sent.staple,
            scts=sent.scts,
        )
        self._transcript.update(message)
        self._expected = (CERTIFICATE_VERIFY,)
        return b""

    def _on_certificate_verify(self, message: bytes) -> bytes:
        scheme, signature = messages.certificate_verify(message[4:])
        holds = signature_holds(self.seen.chain[0], scheme, signature, self._transcript.digest())
        self.seen = replace(self.seen, signature=scheme, signature_valid=holds)
        if scheme not in self._offer.signatures or not may_sign(scheme):
            raise HandshakeFault(f"a CertificateVerify with scheme 0x{scheme:04X}, which it may not use")
        if holds is False:
            raise HandshakeFault("a CertificateVerify that is not of the certificate's key")
        self._transcript.update(message)
        self._expected = (FINISHED,)
        return b""

    def _on_finished(self, message: bytes) -> bytes:
        suite = self._suite
        if not hmac.compare_digest(message[4:], finished_mac(suite, self._server_secret, self._transcript.digest())):
            raise HandshakeFault("a Finished that does not fit the handshake")
        self._transcript.update(message)
        client, server = self._schedule.application_secrets(self._transcript.digest())
        flight = EMPTY_CERTIFICATE if self.seen.certificate_requested else b""
        self._transcript.update(flight)
        mac = finished_mac(suite, self._client_secret, self._transcript.digest())
        flight += bytes((FINISHED,)) + vector(3, mac)
        self._reading, self._writing = Protection(suite, server), Protection(suite, client)
        self._records.change_keys(self._reading, done=True)
        self._expected = (NEW_SESSION_TICKET, KEY_UPDATE)
        self.seen = replace(self.seen, finished=True)
        # RFC 8446 appendix D.4: a change_cipher_spec for middleboxes, once; a second hello had it in front already.
        changed = b"" if self._retry is not None else CHANGE_CIPHER_SPEC
        return changed + Protection(suite, self._client_secret).seal(HANDSHAKE_RECORD, flight)

    def _on_ticket(self, message: bytes) -> bytes:
        ticket = messages.ticket(message[4:])
        if len(self._tickets) < MAX_TICKETS:
            self._tickets.append(ticket)
        return b""

    def _on_key_update(self, message: bytes) -> bytes:
        """RFC 8446 section 4.6.3."""
        if message[4:] not in (b"\0", b"\x01") or self._reading is None or self._writing is None:
            raise HandshakeFault("a malformed KeyUpdate")
        self._updates += 1
        if self._updates > MAX_KEY_UPDATES:
            raise HandshakeFault(f"more than {MAX_KEY_UPDATES} key updates")
        self._reading = self._reading.next()
        self._records.change_keys(self._reading, done=True)
        if message[4:] == b"\0":
            return b""
        out = self._writing.seal(HANDSHAKE_RECORD, KEY_UPDATE_ANSWER)
        self._writing = self._writing.next()
        return out
