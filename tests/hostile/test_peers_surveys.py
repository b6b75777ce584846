"""Proofs, with plain sockets, that the peers of the survey are sound for a usual client and hostile where they say."""

import ssl
import time

import pytest

from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.tls import TlsVersion
from smtp_audit.probes.tls.flight import read_flight
from smtp_audit.probes.tls.hello import Answer, Shape, client_hello

from .client import Client, any_certificate
from .surveys import FIRST, SURVEY_PEERS, UNTIL
from .test_peers_handshakes import answer, hello, suite_of, version_of

STRUCK = "ECDHE-ECDSA-AES128-GCM-SHA256:AES256-GCM-SHA384:DHE-RSA-AES128-GCM-SHA256"
"""What is left of an offer when the first suite is struck; in OpenSSL's words."""

NAMES = [peer.name for peer in SURVEY_PEERS]
NOT_FOR_ALL = ("huge-line-after-starttls", "at-random", "injectable", "clear-text-behind-starttls")


def struck() -> bytes:
    """A hello of TLS 1.2 without the first suite."""
    return hello(ssl.TLSVersion.TLSv1_2, STRUCK)


def long() -> bytes:
    return client_hello(TlsVersion.TLS12, None)


def no_share() -> bytes:
    return client_hello(TlsVersion.TLS13, None, None, Shape(key_shares=False))


def without(shape: Shape) -> bytes:
    return client_hello(TlsVersion.TLS12, None, (FIRST, 0xC02B), shape)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in NOT_FOR_ALL])
def test_a_usual_client_gets_a_true_handshake(stage, name):
    with Client(stage(name).port).up_to_hello(Role.MX) as client:
        assert client.tls().version() == "TLSv1.3"


@pytest.mark.parametrize("name", ["closes-for-later-hellos", "closes-for-elliptic", "closes-for-one-suite"])
def test_closes_for_hellos_of_an_enumeration(stage, name):
    port = stage(name).port
    assert answer(port, struck()) == b""
    with Client(port).up_to_hello(Role.MX) as client:
        assert client.tls(any_certificate(ssl.TLSVersion.TLSv1_2)).cipher()


def test_resets(stage):
    with Client(stage("resets-for-later-hellos").port).up_to_hello(Role.MX) as client:
        client.send(struck())
        with pytest.raises(ConnectionResetError):
            client._socket.recv(1)


@pytest.mark.parametrize(("name", "first"), [("hangs-for-elliptic", struck), ("half-hello-later", struck)])
def test_hangs(stage, name, first):
    with Client(stage(name).port).up_to_hello(Role.MX) as client:
        client.send(first())
        if name == "half-hello-later":
            assert len(client.some()) == 40
        assert client.silent()


def test_suites_that_may_not_be_chosen(stage):
    first = struck()
    for name, suite in (("struck-suite-later", FIRST), ("tls13-suite-later", 0x1301), ("downgrade-later", 0xFFFE)):
        assert suite_of(answer(stage(name).port, first)) == suite
    assert suite_of(answer(stage("foreign-suite-later").port, first)).to_bytes(2) not in first


@pytest.mark.parametrize(("name", "number"), [("alert-80-later", 80), ("alert-48-later", 48)])
def test_alerts_that_refuse_nothing(stage, name, number):
    assert answer(stage(name).port, struck(), 7)[5:7] == bytes([2, number])


@pytest.mark.parametrize(("name", "size"), [("warnings-later", 7 * 5000), ("empty-records-later", 5 * 5000)])
def test_records_that_say_nothing(stage, name, size):
    assert len(answer(stage(name).port, struck(), size)) == size


def test_every_tenth_hello_is_closed(stage):
    port = stage("closes-every-tenth-hello").port
    assert [answer(port, struck()) == b"" for _ in range(20)] == ([False] * 9 + [True]) * 2


@pytest.mark.parametrize(("name", "group"), [("retry-for-a-foreign-group", 0x2A2A), ("retries-for-ever", 0x0017)])
def test_asks_for_a_group(stage, name, group):
    for _ in range(2):
        said = read_flight(answer(stage(name).port, no_share())).answer
        assert (said.retry, said.group) == (True, group)


def test_no_hello_without_shares(stage):
    assert answer(stage("no-hello-without-shares").port, no_share(), 7)[5:7] == b"\x02\x28"
    assert answer(stage("closes-without-shares").port, no_share()) == b""


def test_a_second_retry(stage):
    first = client_hello(TlsVersion.TLS13, None)
    assert answer(stage("second-retry").port, first, 150).count(b"\x16\x03\x03") == 2


def test_a_scheme_and_a_curve_that_were_not_offered(stage):
    said = answer(stage("foreign-scheme").port, without(Shape(signatures=(0x0804,))), 200)
    assert read_flight(said).signature == "0xFEFE"
    said = answer(stage("foreign-curve").port, without(Shape(groups=(0x0017,))), 200)
    assert read_flight(said).group == "0xFE01"


@pytest.mark.parametrize(
    ("name", "bits"),
    [
        ("prime-of-0-bits", 0),
        ("prime-of-1-bit", 1),
        ("prime-of-2-bits", 2),
        ("prime-of-two-factors", 3482),
        ("prime-of-65535-octets", 65535 * 8),
    ],
)
def test_primes(stage, name, bits):
    said = answer(stage(name).port, struck(), 65535 + 100 if bits > 9999 else 100 + bits // 8)
    finite_field = read_flight(said).finite_field
    assert finite_field is not None
    assert finite_field.bits == bits


def test_a_generator_of_nought(stage):
    finite_field = read_flight(answer(stage("generator-of-0").port, struck(), 400)).finite_field
    assert finite_field is not None
    assert finite_field.generator == 0


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("malformed-certificate-message", "malformed"),
        ("garbage-chain", ""),
        ("garbage-staple", ""),
        ("huge-staple", ""),
        ("garbage-timestamps", ""),
        ("interleaved", ""),
        ("fragments-later", ""),
    ],
)
def test_flights(stage, name, fault):
    said = b""
    with Client(stage(name).port).up_to_hello(Role.MX) as client:
        client.send(long())
        while not (flight := read_flight(said)).ended:
            said += client.some()
    assert flight.answer.answer is Answer.SERVER_HELLO
    assert fault in flight.fault
    assert (flight.ocsp is not None) is name.endswith("staple")
    assert (18 in flight.answer.extensions) is (name == "garbage-timestamps")
    if name == "interleaved":
        assert b"\x15\x03\x03\0\x02\x01\x64\x16" in said
    if name == "fragments-later":
        assert said.count(b"\x16\x03\x03\0\x01") >= 60


def test_nothing_behind_the_server_hello(stage):
    assert version_of(answer(stage("closes-after-server-hello").port, long(), 1 << 16)) == 0x0303
    with Client(stage("hangs-after-server-hello").port).up_to_hello(Role.MX) as client:
        client.send(long())
        assert version_of(client.some()) == 0x0303
        assert client.silent()


def worn_out(port: int) -> None:
    for _ in range(UNTIL):
        with Client(port) as client:
            client.until(b"ready")


@pytest.mark.parametrize("code", [421, 454, 554])
def test_refusals_in_the_middle(stage, code):
    port = stage(f"{code}-in-the-middle").port
    worn_out(port)
    with Client(port) as client:
        assert client.some().startswith(b"%d " % code)


def test_starttls_vanishes(stage):
    port = stage("starttls-vanishes").port
    worn_out(port)
    with Client(port) as client:
        client.until(b"ready")
        assert b"STARTTLS" not in client.ask(b"EHLO client", b"250 ")


def test_hangs_in_the_middle(stage):
    port = stage("hangs-in-the-middle").port
    worn_out(port)
    with Client(port).up_to_hello(Role.MX) as client:
        client.send(hello())
        assert client.silent()


def test_a_line_without_end_after_starttls(stage):
    with Client(stage("huge-line-after-starttls").port) as client:
        client.until(b"ready")
        client.ask(b"EHLO client", b"250 ")
        client.send(b"STARTTLS\r\n")
        assert b"\n" not in client.rest(2 << 20).partition(b"\n")[2]


def behind_starttls(client: Client) -> None:
    client.until(b"ready")
    client.ask(b"EHLO client", b"250 ")
    client.send(b"STARTTLS\r\nNOOP\r\n")
    client.until(b"ahead\r\n")


def test_what_stood_behind_starttls_is_answered(stage):
    with Client(stage("injectable").port) as client:
        behind_starttls(client)
        client.tls()
        assert client.some().startswith(b"250 2.0.0 ")
    with Client(stage("clear-text-behind-starttls").port) as client:
        client.until(b"ready")
        client.ask(b"EHLO client", b"250 ")
        client.send(b"STARTTLS\r\nNOOP\r\n")
        assert client.until(b"250 ok").startswith(b"220 ")


@pytest.mark.parametrize("name", ["injectable", "clear-text-behind-starttls"])
def test_nothing_behind_starttls_is_nothing_answered(stage, name):
    with Client(stage(name).port).up_to_hello(Role.MX) as client:
        client.tls()
        assert client.silent()


@pytest.mark.parametrize("name", ["drips-inside", "floods-inside"])
def test_words_inside_without_end(stage, name):
    port = stage(name).port
    for _ in range(2):
        with Client(port).up_to_hello(Role.MX) as client:
            client.tls()
            began = time.monotonic()
            said = b"" if client.silent(0.1) and _ == 0 else client.rest(3 if name == "drips-inside" else 1 << 18)
    assert said
    if name == "drips-inside":
        assert said.strip(b"2") == b""
        assert time.monotonic() - began > 0.3


def test_at_random(stage):
    port = stage("at-random").port
    first = struck()
    said = [answer(port, first, 7)[:7] for _ in range(40)]
    assert {octets[:1] for octets in said} == {b"", b"\x15", b"\x16"}
