"""A HelloRetryRequest is followed once, and only where it may ask (RFC 8446 section 4.1.4)."""

from __future__ import annotations

import pytest

from smtp_audit.probes.tls.hello import HELLO_RETRY_RANDOM, extension, vector
from smtp_audit.probes.tls.tls13.handshake import Handshake13
from smtp_audit.probes.tls.tls13.key_share import DOABLE_GROUPS
from smtp_audit.probes.tls.tls13.octets import BeyondUs, HandshakeFault
from tests.hostile.records import HANDSHAKE, message, record
from tests.probes.tls.tls13.server import (
    CHANGE,
    P256,
    P384,
    VERSION,
    X25519,
    Server13,
    extensions,
    offered,
    server,
    session_of,
    shares,
)


class TestRetry:
    def again(self, peer: Server13, *parts: bytes, **offer: object) -> tuple[Handshake13, bytes]:
        """A handshake after a HelloRetryRequest, and its second hello."""
        client = Handshake13("mail.example", **offer)  # type: ignore[arg-type]
        out = client.feed(peer.retry(client.hello(), *parts))
        assert out.startswith(CHANGE)
        assert client.seen.retried
        first, second = client.hello(), out[6:]
        assert second[11 : 44 + 32] == first[11 : 44 + 32]  # the random and the session id
        return client, second

    @pytest.mark.parametrize("group", [g for g in DOABLE_GROUPS if g not in (X25519, P256)])
    @pytest.mark.parametrize("suite", [0x1301, 0x1302])
    def test_for_another_group(self, group, suite):
        peer = server(group=group, suite=suite)
        client, second = self.again(peer, extension(51, group.to_bytes(2)))
        assert set(shares(second)) == {group}
        out = client.feed(peer.answer(second))
        assert client.done
        assert client.seen.group == group
        assert CHANGE not in out[:6]  # said once

    def test_with_a_cookie(self):
        peer = server()
        client, second = self.again(peer, extension(44, vector(2, b"cookie")))
        assert offered(second)[44] == vector(2, b"cookie")
        assert shares(second) == shares(client.hello())
        client.feed(peer.answer(second))
        assert client.done

    def test_a_long_cookie_comes_back_in_two_records(self):
        client = Handshake13(None)
        out = client.feed(server().retry(client.hello(), extension(44, vector(2, b"c" * 16_200))))
        first = int.from_bytes(out[9:11])
        assert first == 1 << 14
        assert len(out) == 6 + 5 + first + 5 + int.from_bytes(out[6 + 5 + first + 3 : 6 + 5 + first + 5])

    def test_a_cookie_without_room_is_beyond_us(self):
        client = Handshake13(None)
        session, wish = session_of(client.hello()), extensions(VERSION, extension(44, vector(2, b"c" * 65_500)))
        body = message(2, b"\x03\x03" + HELLO_RETRY_RANDOM + vector(1, session) + b"\x13\x01\0" + wish)
        with pytest.raises(BeyondUs, match="cookie"):
            client.feed(b"".join(record(HANDSHAKE, body[i : i + 16_384]) for i in range(0, len(body), 16_384)))

    def test_a_second_one(self):
        peer = server()
        client, second = self.again(peer, extension(51, P384.to_bytes(2)))
        with pytest.raises(HandshakeFault, match="second HelloRetryRequest"):
            client.feed(peer.retry(second, extension(44, vector(2, b"cookie"))))

    @pytest.mark.parametrize(
        ("part", "words"),
        [
            (b"", "asks for nothing"),
            (extension(51, b"\0\x1d"), "group 0x001D, which it may not"),
            (extension(51, b"\x01\x04"), "group 0x0104, which it may not"),
            (extension(51, b"\0"), "malformed"),
            (extension(51, b"\0\x18x"), "malformed"),
            (extension(44, b"\0\0"), "malformed"),
            (extension(44, b"\0\1xx"), "malformed"),
            (extension(10, b""), "extension 10 in a HelloRetryRequest"),
        ],
    )
    def test_a_wrong_one(self, part, words):
        client = Handshake13(None)
        with pytest.raises(HandshakeFault, match=words):
            client.feed(server().retry(client.hello(), part))

    def test_for_a_group_that_was_offered_and_is_beyond_us(self):
        client = Handshake13(None, groups=(0x11EC, X25519))
        with pytest.raises(BeyondUs, match="0x11EC"):
            client.feed(server().retry(client.hello(), extension(51, b"\x11\xec")))
        assert client.seen.group == 0x11EC

    def test_another_suite_after_it(self):
        peer = server(suite=0x1303)
        client = Handshake13(None)
        out = client.feed(peer.retry(client.hello(), extension(51, P384.to_bytes(2)), suite=0x1301))
        with pytest.raises(HandshakeFault, match="another suite"):
            client.feed(peer.answer(out[6:]))

    def test_another_group_than_it_asked_for(self):
        peer = server()
        client, second = self.again(peer, extension(51, P384.to_bytes(2)))
        with pytest.raises(HandshakeFault, match="0x001D, for which none was sent"):
            client.feed(peer.answer(second))

    def test_an_answer_that_does_not_wait(self):
        client = Handshake13(None)
        out = server().retry(client.hello(), extension(51, P384.to_bytes(2)))
        with pytest.raises(HandshakeFault, match="behind"):
            client.feed(record(HANDSHAKE, out[5:] + message(2, b"")))
