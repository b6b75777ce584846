"""First flights: whatever the octets are and however they are cut, no fact is read that is not in them."""

from __future__ import annotations

import hashlib
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smtp_audit.limits import MAX_CHAIN_CERTIFICATES
from smtp_audit.probes.tls.flight import Flight, read_flight
from smtp_audit.probes.tls.hello import Answer, parse_answer
from tests.hostile.flights import (
    DONE,
    SAFE_PRIME,
    asks_for_certificate,
    certificate,
    elliptic,
    finite_field,
    hello_message,
    retry_request,
    status,
    vector,
)
from tests.hostile.records import (
    ALERT,
    HANDSHAKE,
    TLS10,
    TLS12,
    Hello,
    alert,
    message,
    one_octet_records,
    record,
    server_hello,
)

ECDHE, DHE, RSA, ANONYMOUS, DHE_PSK = 0xC02F, 0x009E, 0x009C, 0x006C, 0x00AA
RSA_PSS = 0x0804


def flight(suite: int, *messages: bytes, version: int = TLS12) -> bytes:
    return record(HANDSHAKE, hello_message(version, suite) + b"".join(messages), version)


WHOLE = flight(
    ECDHE, certificate(b"leaf", b"issuer"), status(b"staple"), elliptic(0x001D, RSA_PSS), asks_for_certificate(), DONE
)


def facts(seen: Flight) -> dict[str, object]:
    return {name: value for name, value in vars(seen).items() if name not in ("answer", "ended", "fault")}


EMPTY = facts(Flight(parse_answer(b"")))


class TestWhatIsThere:
    def test_everything(self):
        seen = read_flight(WHOLE)
        assert (seen.ended, seen.fault) == (True, "")
        assert (seen.chain, seen.ocsp) == ((b"leaf", b"issuer"), b"staple")
        assert (seen.group, seen.signature) == ("x25519", "rsa_pss_rsae_sha256")
        assert seen.asks_for_certificate
        assert seen.messages == [2, 11, 22, 12, 13, 14]

    def test_finite_field(self):
        seen = read_flight(flight(DHE, certificate(b"leaf"), finite_field(SAFE_PRIME, 2, 0x0401), DONE))
        assert seen.finite_field is not None
        assert (seen.finite_field.prime, seen.finite_field.generator, seen.finite_field.bits) == (SAFE_PRIME, 2, 1024)
        assert seen.finite_field.sha256 == hashlib.sha256(SAFE_PRIME.to_bytes(128)).hexdigest()
        assert (seen.group, seen.signature) == ("DH 1024", "rsa_pkcs1_sha256")

    @pytest.mark.parametrize("bits", [0, 1, 2, 3, 65535 * 8])
    def test_primes_of_any_size(self, bits):
        prime = (1 << bits) - 1  # the greatest has all the octets that its length can tell
        body = record_of(flight_messages(DHE, finite_field(prime, 0, 0x0401), DONE))
        seen = read_flight(body)
        assert seen.finite_field is not None
        assert (seen.finite_field.bits, seen.fault) == (bits, "")

    @pytest.mark.parametrize("version", [TLS10, 0x0302])
    def test_no_scheme_before_tls12(self, version):
        seen = read_flight(flight(ECDHE, elliptic(0x0017, None), DONE, version=version))
        assert (seen.group, seen.signature, seen.key_exchange_read) == ("secp256r1", "", True)

    def test_no_signature_of_an_anonymous_suite(self):
        seen = read_flight(flight(ANONYMOUS, finite_field(SAFE_PRIME, 2, None), DONE))
        assert (seen.group, seen.signature) == ("DH 1024", "")

    def test_what_other_families_send_is_not_read(self):
        for suite in (RSA, DHE_PSK):
            seen = read_flight(flight(suite, elliptic(0x0017, RSA_PSS), DONE))
            assert (seen.group, seen.signature, seen.key_exchange_read, seen.fault) == ("", "", False, "")

    def test_explicit_curve(self):
        seen = read_flight(flight(ECDHE, message(12, b"\x01" + bytes(40)), DONE))
        assert (seen.group, seen.signature) == ("explicit prime curve", "")

    def test_groups_and_schemes_without_a_name_are_numbers(self):
        seen = read_flight(flight(ECDHE, elliptic(0xABCD, 0xFEDC), DONE))
        assert (seen.group, seen.signature) == ("0xABCD", "0xFEDC")

    def test_a_long_chain_is_cut(self):
        assert len(read_flight(flight(RSA, certificate(*[b"x"] * 200))).chain) == MAX_CHAIN_CERTIFICATES + 1

    def test_another_type_of_status_is_none(self):
        assert read_flight(flight(RSA, message(22, b"\x02" + vector(3, b"x")), DONE)).ocsp is None

    def test_an_empty_chain(self):
        seen = read_flight(flight(RSA, certificate(), DONE))
        assert (seen.chain, seen.fault) == ((), "")

    def test_of_tls13_there_is_nothing_more_in_clear(self):
        hello = Hello(b"\x16\x03\x01\0\0" + b"\x01\0\0\x26" + bytes(34) + b"\0", TLS12)
        for answer in (server_hello(TLS12, 0x1301, supported=0x0304), retry_request(hello, 0x1301, 0x0018)):
            seen = read_flight(answer + record(23, b"encrypted"))
            assert (seen.ended, seen.fault, facts(seen)) == (True, "", EMPTY)

    def test_what_stands_behind_the_end_is_not_read(self):
        seen = read_flight(flight(ECDHE, DONE, certificate(b"late")))
        assert (seen.ended, seen.chain, seen.fault) == (True, (), "")


def flight_messages(suite: int, *messages: bytes) -> bytes:
    return hello_message(TLS12, suite) + b"".join(messages)


def record_of(stream: bytes) -> bytes:
    return b"".join(record(HANDSHAKE, stream[place : place + 16000]) for place in range(0, len(stream), 16000))


class TestCuts:
    def test_one_octet_records(self):
        assert read_flight(one_octet_records(WHOLE)) == read_flight(WHOLE)

    @given(st.integers(0, len(WHOLE) - 1))
    @example(len(WHOLE) - 1)
    def test_a_part_says_a_part(self, end):
        part, whole = read_flight(WHOLE[:end]), facts(read_flight(WHOLE))
        assert not part.ended
        assert not part.fault
        for name, value in facts(part).items():
            if name == "messages":
                assert value == whole[name][: len(value)]
            else:
                assert value in (EMPTY[name], whole[name])

    @given(st.lists(st.integers(1, len(WHOLE) - 6), max_size=8, unique=True))
    def test_any_records(self, cuts):
        stream = WHOLE[5:]
        places = [0, *sorted(cuts), len(stream)]
        pieces = [stream[a:b] for a, b in pairwise(places)]
        assert read_flight(b"".join(record(HANDSHAKE, piece) for piece in pieces)) == read_flight(WHOLE)

    def test_empty_records_between(self):
        stream = WHOLE[5:]
        said = record(HANDSHAKE, stream[:90]) + record(HANDSHAKE, b"") * 3 + record(HANDSHAKE, stream[90:])
        assert read_flight(said) == read_flight(WHOLE)


class TestFaults:
    def test_an_alert_behind_the_server_hello(self):
        seen = read_flight(server_hello(TLS12, ECDHE) + alert(80))
        assert seen.answer.answer is Answer.SERVER_HELLO
        assert (seen.ended, seen.fault, facts(seen)) == (
            True,
            "alert 80 behind the ServerHello",
            EMPTY | {"messages": [2]},
        )

    def test_a_warning_is_passed_over(self):
        seen = read_flight(
            server_hello(TLS12, ECDHE) + alert(100, 1) + record(HANDSHAKE, elliptic(0x001D, 0x0804) + DONE)
        )
        assert (seen.ended, seen.fault, seen.group) == (True, "", "x25519")

    @pytest.mark.parametrize("kind", [0, 20, 23, 24, 99, 255])
    def test_a_record_of_another_type(self, kind):
        seen = read_flight(server_hello(TLS12, ECDHE) + record(kind, b"x"))
        assert (seen.ended, seen.fault) == (True, f"a record of type {kind} behind the ServerHello")

    def test_an_alert_inside_a_message(self):
        stream = WHOLE[5:]
        cut = len(hello_message(TLS12, ECDHE)) + 6
        seen = read_flight(record(HANDSHAKE, stream[:cut]) + alert(40) + record(HANDSHAKE, stream[cut:]))
        assert (seen.ended, seen.chain, seen.group) == (True, (), "")
        assert "alert 40" in seen.fault

    @pytest.mark.parametrize(
        "broken",
        [
            message(11, b""),
            message(11, b"\0\0\x09\0\0\x08abc"),
            message(11, vector(3, b"\0\0\x08abc")),
            message(12, b""),
            message(12, b"\x03\0"),
            message(12, b"\x03\0\x1d\x41" + bytes(3)),
            message(12, b"\x03\0\x1d\x01\x04"),
            message(22, b""),
            message(22, b"\x01\0\0\x05ab"),
        ],
        ids=lambda broken: broken.hex(),
    )
    def test_malformed_messages(self, broken):
        seen = read_flight(flight(ECDHE, broken, DONE))
        assert seen.answer.answer is Answer.SERVER_HELLO
        assert (seen.ended, seen.fault) == (True, "a malformed message behind the ServerHello")
        assert (seen.chain, seen.signature, seen.ocsp) == ((), "", None)

    def test_a_message_that_never_ends_is_waited_for(self):
        seen = read_flight(flight(ECDHE, message(11, bytes(16), claimed=0xFFFFFF)))
        assert (seen.ended, seen.fault, seen.chain) == (False, "", ())


@given(st.binary(max_size=400))
@example(b"\x16\x03\x03")
@example(alert(40))
def test_any_octets(data):
    seen = read_flight(data)
    if seen.answer.answer is not Answer.SERVER_HELLO:
        assert facts(seen) == EMPTY


@given(st.sampled_from([ECDHE, DHE, RSA, ANONYMOUS]), st.binary(max_size=300))
def test_any_octets_behind_a_server_hello(suite, data):
    """Each fact is made of octets that were sent."""
    seen = read_flight(server_hello(TLS12, suite) + record(HANDSHAKE, data) if data else server_hello(TLS12, suite))
    assert all(each in data for each in seen.chain)
    assert seen.ocsp is None or seen.ocsp in data
    if seen.finite_field is not None:
        assert seen.finite_field.prime.to_bytes((seen.finite_field.bits + 7) // 8) in data


@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 255))
def test_one_octet_changed(place, octet):
    read_flight(WHOLE[:place] + bytes([octet]) + WHOLE[place + 1 :])


@given(st.binary(max_size=40))
def test_records_of_any_kind_behind_a_server_hello(data):
    for kind in (ALERT, HANDSHAKE):
        read_flight(server_hello(TLS12, ECDHE) + record(kind, data) + data)
