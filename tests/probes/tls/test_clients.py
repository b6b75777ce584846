"""The recorded hellos are sent as they were recorded, and real servers answer each of them."""

from __future__ import annotations

import base64
import shutil
import socket
import ssl
import subprocess
import tomllib
from importlib import resources

import pytest

from smtp_audit.lab.authority import Kind
from smtp_audit.probes.tls.client_hello import parse_client_hello
from smtp_audit.probes.tls.clients import ClientKind, client_profiles, left_out
from smtp_audit.probes.tls.hello import INCOMPLETE, Answer, parse_answer
from tests.hostile.records import parse_hello
from tests.probes.stage import HOST, server_context

RECORDED_NAME = "mx.example.com"
"""The name that every program was told."""

PSK = 41
PROFILES = {profile.name: profile for profile in client_profiles()}
ROWS = {
    row["name"]: row
    for row in tomllib.loads((resources.files("smtp_audit.probes.tls") / "clients.toml").read_text())["client"]
}


@pytest.fixture(params=PROFILES.values(), ids=PROFILES)
def profile(request):
    return request.param


@pytest.fixture
def recorded(profile):
    """The octets in the file."""
    return base64.b64decode(ROWS[profile.name]["hello"])


def without_chance(message: bytes) -> bytes:
    """A ClientHello with zeros for its random and its session id."""
    session = message[38]
    return message[:6] + bytes(32) + message[38:39] + bytes(session) + message[39 + session :]


class TestData:
    def test_names_are_unique_and_every_kind_is_there(self):
        names = [row["name"] for row in ROWS.values()] + [item.name for item in left_out()]
        assert len(names) == len({name.casefold() for name in names}) == len(client_profiles()) + len(left_out())
        assert len(client_profiles()) >= 10
        assert {profile.kind for profile in client_profiles()} == {*ClientKind}

    def test_they_are_in_the_order_of_their_kinds(self):
        kinds = [profile.kind for profile in client_profiles()]
        assert kinds == sorted(kinds, key=[*ClientKind].index)

    def test_what_was_left_out_has_a_reason(self):
        assert {"Gmail", "Apple Mail"} <= {item.name for item in left_out()}
        assert all(item.reason for item in left_out())

    def test_it_says_what_was_recorded_and_when(self, profile):
        assert profile.recorded.startswith("2026-11-24: ")
        assert any(character.isdigit() for character in profile.software)

    def test_a_recording_carries_no_ticket_and_no_second_hello_of_the_same_octets(self, profile, recorded):
        assert profile.recording.extension(PSK) is None
        assert not profile.recording.extension(35)  # session_ticket: asked for at most
        randoms = [other.recording.random for other in client_profiles()]
        assert randoms.count(profile.recording.random) == 1

    def test_the_recorded_name_is_the_one_that_the_program_was_told(self, profile):
        assert profile.sends_name is (RECORDED_NAME.encode() in profile.recording.message())

    @pytest.mark.parametrize(
        ("name", "versions", "suite", "group"),
        [
            ("Postfix 3.7 on OpenSSL 3.0", (0x0304, 0x0303, 0x0302, 0x0301), 0xC019, 0x001D),
            ("Postfix 3.7's defaults on OpenSSL 1.1.1", (0x0304, 0x0303, 0x0302, 0x0301), 0x0007, 0x001E),
            ("Exim 4.96 on GnuTLS 3.7", (0x0304, 0x0303, 0x0302, 0x0301), 0x1304, 0x0100),
            ("Thunderbird 153", (0x0304, 0x0303), 0xC02B, 0x11EC),
            ("Go 1.27 net/smtp", (0x0304, 0x0303), 0xC013, 0x11EC),
            ("Nodemailer 6 on Node.js 8", (0x0303,), 0xC004, 0x0017),
            ("JavaMail 1.6 on Java 17", (0x0304, 0x0303), 0x009D, 0x0104),
        ],
    )
    def test_known_offers(self, name, versions, suite, group):
        profile = PROFILES[name]
        assert profile.versions == versions
        assert suite in profile.suites
        assert group in profile.groups
        assert {0x0403, 0x0401} <= {*profile.signatures}


class TestHello:
    def test_it_is_the_recorded_one_but_for_what_is_chance(self, profile, recorded):
        hello = profile.hello(RECORDED_NAME)
        assert hello[:5] == b"\x16" + ROWS[profile.name]["record_version"].to_bytes(2) + len(recorded).to_bytes(2)
        assert without_chance(hello[5:]) == without_chance(recorded)

    def test_it_fits_in_one_record(self, profile):
        assert len(profile.hello("a" * 63 + ".example")) <= 5 + 2**14  # RFC 8446 section 5.1

    def test_the_random_and_the_session_id_are_new_each_time(self, profile, recorded):
        first, second = (parse_client_hello(profile.hello(HOST)[5:]) for _ in range(2))
        assert len({first.random, second.random, recorded[6:38]}) == 3
        assert len(first.session_id) == len(second.session_id) == recorded[38]
        if recorded[38]:
            assert first.session_id != second.session_id

    @pytest.mark.parametrize("name", [HOST, "x.example", None])
    def test_the_name_is_ours_or_there_is_none(self, profile, recorded, name):
        hello = profile.hello(name)
        read, old = parse_hello(hello, hello[5:]), parse_hello(recorded, recorded)
        assert RECORDED_NAME.encode() not in hello
        if name is not None:
            assert (name.encode() in hello) is profile.sends_name
            assert read.extensions == old.extensions
        else:
            assert read.extensions == tuple(number for number in old.extensions if number != 0)
        assert (read.suites, read.supported) == (old.suites, old.supported)
        assert int.from_bytes(hello[3:5]) == len(hello) - 5 == int.from_bytes(hello[6:9]) + 4

    def test_what_it_offers_is_read_the_same_by_other_code(self, profile, recorded):
        read = parse_hello(recorded, recorded)
        assert (profile.suites, profile.versions) == (read.suites, read.supported or (read.version,))


@pytest.fixture(scope="module")
def chain(authority):
    return authority.issue("clients", Kind(names=(f"DNS:{HOST}",)))


@pytest.fixture(scope="module", params=[(), ("-tls1_2",)], ids=["any version", "TLS 1.2"])
def openssl_program(request, chain):
    """The port of `openssl s_server`."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("there is no openssl program here")
    command = [program, "s_server", "-accept", "127.0.0.1:0", "-cert", chain, "-key", chain, "-www", *request.param]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        try:
            line = next(line for line in server.stdout if line.startswith("ACCEPT"))
            yield int(line.rpartition(":")[2])
        finally:
            server.kill()


def assert_it_is_chosen_from(profile, data: bytes) -> None:
    answer = parse_answer(data)
    assert answer.answer is Answer.SERVER_HELLO, answer
    assert answer.version in profile.versions
    assert answer.suite in profile.suites


def first_answer(context: ssl.SSLContext, hello: bytes, outcome: type[ssl.SSLError]) -> bytes:
    """What Python's server sends after a hello; `outcome` is how it goes on from there."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = context.wrap_bio(incoming, outgoing, server_side=True)
    incoming.write(hello)
    with pytest.raises(outcome):
        server.do_handshake()
    return outgoing.read()


class TestServers:
    def test_openssls_server_answers(self, profile, openssl_program):
        data = b""
        with socket.create_connection(("127.0.0.1", openssl_program), timeout=10) as connection:
            connection.sendall(profile.hello(HOST))
            while parse_answer(data) is INCOMPLETE and (more := connection.recv(4096)):
                data += more
        assert_it_is_chosen_from(profile, data)

    @pytest.mark.parametrize("name", [HOST, None])
    @pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
    def test_pythons_server_answers_and_is_told_our_name(self, profile, chain, name, newest):
        told = []
        context = server_context(chain)
        context.maximum_version = newest
        context.sni_callback = lambda _connection, told_name, _context: told.append(told_name)
        assert_it_is_chosen_from(profile, first_answer(context, profile.hello(name), ssl.SSLWantReadError))
        assert told == [name if profile.sends_name else None]

    def test_a_server_of_tls_1_3_alone_turns_away_those_without_it(self, chain):
        context = server_context(chain)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        old = [profile for profile in client_profiles() if 0x0304 not in profile.versions]
        assert [profile.name for profile in old] == ["Nodemailer 6 on Node.js 8"]
        answer = parse_answer(first_answer(context, old[0].hello(HOST), ssl.SSLError))
        assert (answer.answer, answer.alert) == (Answer.ALERT, 70)  # protocol_version
