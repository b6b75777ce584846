"""Whatever a server sends: one of two exceptions, and never done without the whole of a true flight."""

from __future__ import annotations

import copy
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from smtp_audit.probes.tls.hello import extension, vector
from smtp_audit.probes.tls.tls13.handshake import Handshake13
from smtp_audit.probes.tls.tls13.octets import HandshakeAlert, HandshakeFault
from tests.hostile.records import HANDSHAKE, message, record
from tests.probes.tls.tls13.server import (
    CHANGE,
    LEAF,
    REQUEST,
    met,
    server,
)


def replica(client: Handshake13) -> Handshake13:
    """The same client once more, with the same secrets."""
    return copy.deepcopy(client, {id(client._shares): client._shares})


CLIENT = Handshake13("mail.example")
FLIGHT = server(request=REQUEST).answer(CLIENT.hello())
untimed = settings(deadline=None)
"""Each example makes keys; on a busy machine that may take its time."""
IGNORED = 2
"""The minor version of the first record, which means nothing (RFC 8446 section 5.1)."""


def chewed(client: Handshake13, data: bytes) -> bool:
    """Whether the client takes it without complaint; anything but its two exceptions fails the test."""
    try:
        client.feed(data)
        client.feed(b"")
    except (HandshakeFault, HandshakeAlert) as failure:
        words = str(failure)
    else:
        return True
    assert words.isascii()
    assert len(words) < 120
    return False


class TestHostileOctets:
    def test_the_recorded_flight_is_whole(self):
        client = replica(CLIENT)
        client.feed(FLIGHT)
        assert client.done

    @untimed
    @given(st.binary(max_size=400))
    def test_random_octets(self, data):
        client = Handshake13(None)
        chewed(client, data)
        assert not client.done

    @untimed
    @given(st.lists(st.tuples(st.sampled_from([20, 21, 22, 23]), st.binary(min_size=1, max_size=200)), max_size=5))
    def test_random_records(self, records):
        client = Handshake13(None)
        chewed(client, b"".join(record(kind, content) for kind, content in records))
        assert not client.done

    @untimed
    @given(st.integers(0, len(FLIGHT) * 8 - 1))
    def test_one_bit(self, bit):
        if bit // 8 == IGNORED:
            return
        data = bytearray(FLIGHT)
        data[bit // 8] ^= 1 << bit % 8
        client = replica(CLIENT)
        chewed(client, bytes(data))
        assert not client.done

    @untimed
    @given(st.integers(0, len(FLIGHT) - 1))
    def test_a_truncated_flight_is_waited_for(self, length):
        client = replica(CLIENT)
        assert chewed(client, FLIGHT[:length])
        assert not client.done
        client.feed(FLIGHT[length:])
        assert client.done

    @untimed
    @given(st.lists(st.integers(1, len(FLIGHT) - 1), max_size=6).map(sorted))
    def test_however_it_is_cut(self, cuts):
        client = replica(CLIENT)
        ends = [0, *cuts, len(FLIGHT)]
        for start, end in pairwise(ends):
            assert not client.done
            client.feed(FLIGHT[start:end])
        assert client.done
        assert client.seen.chain == (LEAF,)

    def test_octet_by_octet(self):
        client = replica(CLIENT)
        out = b"".join(client.feed(FLIGHT[i : i + 1]) for i in range(len(FLIGHT)))
        assert client.done
        assert out.startswith(CHANGE)

    @untimed
    @given(
        st.sampled_from(["encrypted_extensions", "certificate_request", "certificate", "certificate_verify"]),
        st.binary(max_size=60),
    )
    def test_random_messages_under_the_right_keys(self, name, body):
        kinds = {"encrypted_extensions": 8, "certificate_request": 13, "certificate": 11, "certificate_verify": 15}
        peer = server(request=REQUEST, change=lambda this, sent: message(kinds[name], body) if this == name else sent)
        client = Handshake13(None)
        if not chewed(client, peer.answer(client.hello())):
            assert not client.done

    @untimed
    @given(st.data())
    def test_damaged_messages_under_the_right_keys(self, data):
        scts = extension(18, vector(2, vector(2, b"one")))
        staple = extension(5, b"\x01" + vector(3, b"response"))
        name = data.draw(
            st.sampled_from(
                ["encrypted_extensions", "certificate_request", "certificate", "certificate_verify", "finished"]
            )
        )

        def damage(this: str, sent: bytes) -> bytes:
            if this != name:
                return sent
            place = data.draw(st.integers(0, min(len(sent), 60) - 1))
            return sent[:place] + data.draw(st.binary(max_size=3)) + sent[place + data.draw(st.integers(0, 3)) :]

        unchanged = server(chain=(b"not a certificate",), request=REQUEST, with_leaf=(staple, scts), change=damage)
        client = Handshake13(None)
        chewed(client, unchanged.answer(client.hello()))

    @untimed
    @given(st.binary(max_size=60))
    def test_random_finished_is_never_done(self, mac):
        peer = server(change=lambda name, sent: message(20, mac) if name == "finished" else sent)
        client = Handshake13(None)
        assert not chewed(client, peer.answer(client.hello()))
        assert not client.done

    @untimed
    @given(st.binary(max_size=60), st.sampled_from([4, 24]))
    def test_random_messages_afterwards(self, body, kind):
        peer = server()
        client = met(peer)
        chewed(client, peer.sealing.seal(HANDSHAKE, message(kind, body)))
        assert client.done
