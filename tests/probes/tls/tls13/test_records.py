"""Records of a TLS 1.3 server: what may come when, under which keys, and how much of it."""

from __future__ import annotations

import pytest

from smtp_audit.limits import MAX_CONNECTION_BYTES, MAX_HANDSHAKE_BYTES
from smtp_audit.probes.tls.hello import MAX_WARNINGS
from smtp_audit.probes.tls.tls13.handshake import MAX_KEY_UPDATES, MAX_TICKETS, Handshake13
from smtp_audit.probes.tls.tls13.key_schedule import APPLICATION_RECORD, SUITES, Protection
from smtp_audit.probes.tls.tls13.messages import Ticket
from smtp_audit.probes.tls.tls13.octets import HandshakeAlert, HandshakeFault
from smtp_audit.probes.tls.tls13.records import MAX_IDLE
from tests.hostile.records import ALERT, CHANGE_CIPHER_SPEC, HANDSHAKE, alert, message, record
from tests.probes.tls.tls13.server import (
    CHANGE,
    REQUEST,
    Server13,
    met,
    refused,
    server,
    ticket,
)


class TestRecords:
    @pytest.mark.parametrize(
        ("data", "words"),
        [
            (b"220 mail.example ESMTP\r\n", "not a TLS record"),
            (b"\x16\x02", "not a TLS record"),
            (b"\x80", "not a TLS record"),
            (record(HANDSHAKE, b""), "of 0 octets"),
            (b"\x16\x03\x03\x40\x01", "of 16385 octets"),
            (record(APPLICATION_RECORD, bytes(32)), "before a ServerHello"),
            (record(HANDSHAKE, b"\x08"), "message 8 where 2"),
            (record(HANDSHAKE, b"\x02\xff\xff\xff"), "of 16777215 octets"),
            (record(HANDSHAKE, b"\x02") + CHANGE, "inside a handshake message"),
            (record(HANDSHAKE, b"\x02") + alert(40), "inside a handshake message"),
            (record(CHANGE_CIPHER_SPEC, b"\x02"), "change_cipher_spec"),
            (record(CHANGE_CIPHER_SPEC, b"\x01\x01"), "change_cipher_spec"),
            (record(ALERT, b"\x02"), "malformed alert"),
            (record(ALERT, b"\x03\x28"), "malformed alert"),
            (CHANGE * (MAX_IDLE + 1), "carry nothing"),
            (alert(112, level=1) * (MAX_WARNINGS + 1), "warning alerts"),
            (alert(90) * (MAX_WARNINGS + 1), "warning alerts"),
            (record(HANDSHAKE, message(2, b"x" * 10)), "malformed ServerHello"),
            (record(HANDSHAKE, b"\x02\x03\xff\xff" + b"x" * 16000) + record(HANDSHAKE, b"x" * 16000) * 16, "octets of"),
        ],
    )
    def test_in_clear(self, data, words):
        client = Handshake13(None)
        with pytest.raises(HandshakeFault, match=words):
            client.feed(data)

    @pytest.mark.parametrize(("number", "level"), [(40, 2), (70, 2), (0, 1), (0, 2), (255, 2)])
    def test_alerts(self, number, level):
        with pytest.raises(HandshakeAlert) as caught:
            Handshake13(None).feed(alert(number, level))
        assert caught.value.number == number

    def test_a_warning_before_the_hello_and_change_cipher_spec_are_passed_over(self):
        client, peer = Handshake13(None), server()
        hello = peer.hello(client.hello())
        client.feed(alert(112, level=1) + hello + CHANGE + peer.sealing.seal(HANDSHAKE, peer.flight()))
        assert client.done

    def sealed(self, *parts: tuple[int, bytes], padding: bytes = b"") -> tuple[Handshake13, bytes]:
        """A handshake, and the octets up to encrypted records of our choice."""
        client, peer = Handshake13(None), server()
        out = peer.hello(client.hello())
        return client, out + b"".join(seal(peer.sealing, kind, content, padding) for kind, content in parts)

    @pytest.mark.parametrize(
        ("kind", "content", "words"),
        [
            (APPLICATION_RECORD, b"early", "before the server's Finished"),
            (HANDSHAKE, b"", "kind 22 with 0 octets"),
            (ALERT, b"", "kind 21 with 0 octets"),
            (CHANGE_CIPHER_SPEC, b"\x01", "kind 20"),
            (0x18, b"\x01", "kind 24"),
            (0, b"\0\0\0", "padding alone"),
            (HANDSHAKE, message(24, b"\0"), "message 24 where 8"),
            (HANDSHAKE, message(2, b"\0"), "message 2 where 8"),
            (HANDSHAKE, b"\x08\x00\x00\x02" + bytes(16384), "longer than 16384"),
        ],
    )
    def test_encrypted(self, kind, content, words):
        client, data = self.sealed((kind, content))
        with pytest.raises(HandshakeFault, match=words):
            client.feed(data)

    @pytest.mark.parametrize("number", [0, 40, 80, 255])
    @pytest.mark.parametrize("level", [1, 2])
    def test_encrypted_alerts_whatever_their_level(self, number, level):
        client, data = self.sealed((ALERT, bytes([level, number])))
        with pytest.raises(HandshakeAlert, match=str(number)):
            client.feed(data)

    def test_padding_is_taken_off(self):
        client, data = self.sealed((HANDSHAKE, message(8, b"\0\0")), padding=bytes(200))
        client.feed(data)
        assert client.seen.encrypted_extensions == ()

    @pytest.mark.parametrize("clear", [record(HANDSHAKE, message(8, b"\0\0")), alert(40)])
    def test_clear_text_after_the_keys(self, clear):
        client, data = self.sealed()
        with pytest.raises(HandshakeFault, match="clear text"):
            client.feed(data + clear)

    def test_what_stands_behind_the_hello_in_its_record(self):
        client, data = self.sealed()
        with pytest.raises(HandshakeFault, match="behind"):
            client.feed(record(HANDSHAKE, data[5:] + message(8, b"\0\0")))

    def test_what_stands_behind_finished_in_its_record(self):
        peer = server(change=lambda name, sent: sent + ticket() if name == "finished" else sent)
        refused(peer, "behind")

    def test_a_handshake_that_never_ends(self):
        client, peer = Handshake13(None), server()
        client.feed(peer.hello(client.hello()))
        client.feed(peer.sealing.seal(HANDSHAKE, message(8, b"\0\0") + message(11, b"", claimed=MAX_HANDSHAKE_BYTES)))
        flood = b"".join(peer.sealing.seal(HANDSHAKE, bytes(1000)) for _ in range(MAX_HANDSHAKE_BYTES // 1000))
        with pytest.raises(HandshakeFault, match="octets of handshake"):
            client.feed(flood)


def seal(sealing: Protection, kind: int, content: bytes, padding: bytes = b"") -> bytes:
    """One record with padding, or of a content that no honest server would put into one."""
    inner = content + bytes([kind]) + padding
    header = bytes([APPLICATION_RECORD, 3, 3]) + (len(inner) + 16).to_bytes(2)
    return header + sealing._cipher.encrypt(sealing._nonce(), inner, header)


class TestAfterwards:
    def connected(self) -> tuple[Handshake13, Server13]:
        peer = server()
        return met(peer), peer

    def test_tickets_between_application_data(self):
        client, peer = self.connected()
        data = peer.sealing.seal(HANDSHAKE, ticket()) + peer.sealing.seal(APPLICATION_RECORD, b"220 ")
        data += peer.sealing.seal(HANDSHAKE, ticket(0xFFFFFFFF, b"\0\0\x40\0") + ticket(0))
        data += peer.sealing.seal(APPLICATION_RECORD, b"hello\r\n")
        assert client.feed(data) == b""
        assert client.received() == b"220 hello\r\n"
        assert client.tickets == (Ticket(7200), Ticket(0xFFFFFFFF, 16384), Ticket(0))

    def test_tickets_are_capped(self):
        client, peer = self.connected()
        client.feed(peer.sealing.seal(HANDSHAKE, ticket() * (MAX_TICKETS + 5)))
        assert len(client.tickets) == MAX_TICKETS

    @pytest.mark.parametrize(
        "wrong", [ticket(early=b"\0"), ticket(body=b""), message(4, b""), message(4, ticket()[4:] + b"x")]
    )
    def test_malformed_tickets(self, wrong):
        client, peer = self.connected()
        with pytest.raises(HandshakeFault, match="malformed NewSessionTicket"):
            client.feed(peer.sealing.seal(HANDSHAKE, wrong))
        assert client.tickets == ()
        assert client.done

    def test_application_data_that_nobody_takes(self):
        client, peer = self.connected()
        client.feed(peer.sealing.seal(APPLICATION_RECORD, bytes(MAX_CONNECTION_BYTES)))
        with pytest.raises(HandshakeFault, match="octets of application data"):
            client.feed(peer.sealing.seal(APPLICATION_RECORD, b"x"))

    def test_a_flood_of_tickets(self):
        client, peer = self.connected()
        most = peer.sealing.seal(HANDSHAKE, ticket(body=bytes(10_000)) * (MAX_HANDSHAKE_BYTES // 10_050))
        client.feed(most)
        with pytest.raises(HandshakeFault, match="octets of handshake"):
            client.feed(peer.sealing.seal(HANDSHAKE, ticket(body=bytes(10_000))))

    def test_a_flood_of_nothing(self):
        client, peer = self.connected()
        client.feed(b"".join(seal(peer.sealing, APPLICATION_RECORD, b"") for _ in range(MAX_IDLE - 1)))
        with pytest.raises(HandshakeFault, match="carry nothing"):
            client.feed(b"".join(seal(peer.sealing, APPLICATION_RECORD, b"") for _ in range(2)))

    @pytest.mark.parametrize("wanted", [False, True])
    def test_new_keys(self, wanted):
        client, peer = self.connected()
        out = client.feed(peer.sealing.seal(HANDSHAKE, message(24, bytes([wanted]))))
        peer.sealing = peer.sealing.next()
        client.feed(peer.sealing.seal(APPLICATION_RECORD, b"new"))
        assert client.received() == b"new"
        reading = Protection(SUITES[0x1301], peer.client_data)
        if wanted:
            assert reading.open(out[:5], out[5:]) == (HANDSHAKE, message(24, b"\0"))
            reading = reading.next()
        else:
            assert out == b""
        out = client.protect(b"mine")
        assert reading.open(out[:5], out[5:]) == (APPLICATION_RECORD, b"mine")

    def test_new_keys_without_end(self):
        client, peer = self.connected()
        for _ in range(MAX_KEY_UPDATES):
            client.feed(peer.sealing.seal(HANDSHAKE, message(24, b"\0")))
            peer.sealing = peer.sealing.next()
        with pytest.raises(HandshakeFault, match="key updates"):
            client.feed(peer.sealing.seal(HANDSHAKE, message(24, b"\0")))

    @pytest.mark.parametrize(
        ("sent", "words"),
        [
            (message(24, b"\2"), "KeyUpdate"),
            (message(24, b""), "KeyUpdate"),
            (message(24, b"\0") + ticket(), "behind"),
            (message(13, REQUEST), "message 13 where 4"),
            (message(20, bytes(32)), "message 20 where 4"),
        ],
    )
    def test_what_may_not_come(self, sent, words):
        client, peer = self.connected()
        with pytest.raises(HandshakeFault, match=words):
            client.feed(peer.sealing.seal(HANDSHAKE, sent))

    def test_change_cipher_spec_is_over(self):
        client, _peer = self.connected()
        with pytest.raises(HandshakeFault, match="change_cipher_spec"):
            client.feed(CHANGE)

    def test_a_close_in_good_order(self):
        client, peer = self.connected()
        assert not client.closed
        last = peer.sealing.seal(APPLICATION_RECORD, b"221\r\n") + peer.sealing.seal(ALERT, b"\x01\x00")
        client.feed(last + b"whatever")
        assert client.closed
        assert client.received() == b"221\r\n"
        assert client.feed(b"more") == b""
