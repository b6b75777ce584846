"""The ClientHello is one that real servers take; what comes back is read the same however it is cut, or not at all."""

from __future__ import annotations

import ssl
import struct
import warnings
from itertools import pairwise

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from smtp_audit.facts.tls import Acceptance, TlsVersion
from smtp_audit.lab.authority import Authority, Kind
from smtp_audit.probes.tls.hello import (
    CLEAN_REFUSALS,
    GROUPS,
    HELLO_RETRY_RANDOM,
    INCOMPLETE,
    MAX_WARNINGS,
    RENEGOTIATION_SCSV,
    SSL2_SUITES,
    TLS13_SUITES,
    Answer,
    HelloAnswer,
    classic_suites,
    client_hello,
    families,
    parse_answer,
    parse_ssl2_answer,
    suite_name,
    suite_names,
)
from smtp_audit.probes.tls.versions import classify
from tests.hostile.records import Hello, alert, message, parse_hello, record, server_hello
from tests.probes.stage import HOST, server_context

MODERN = [version for version in TlsVersion if version >= TlsVersion.TLS10]
RECORDS = [version for version in TlsVersion if version >= TlsVersion.SSL3]


def read(hello: bytes) -> Hello:
    """A hello of ours, read by other code than ours."""
    assert int.from_bytes(hello[3:5]) == len(hello) - 5
    return parse_hello(hello, hello[5:])


class TestSuites:
    def test_every_registered_number_is_there_once(self):
        assert len(suite_names()) == 353
        assert len(set(suite_names().values())) == 353

    @pytest.mark.parametrize(
        ("number", "name"),
        [
            (0x0005, "TLS_RSA_WITH_RC4_128_SHA"),
            (0x000A, "TLS_RSA_WITH_3DES_EDE_CBC_SHA"),
            (0x002F, "TLS_RSA_WITH_AES_128_CBC_SHA"),
            (0x009E, "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256"),
            (0xC02F, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
            (0xC02B, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
            (0xCCA8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"),
            (0x1301, "TLS_AES_128_GCM_SHA256"),
            (0x1303, "TLS_CHACHA20_POLY1305_SHA256"),
        ],
    )
    def test_known_numbers(self, number, name):
        assert suite_name(number) == name

    def test_an_unknown_number_is_shown_in_hex(self):
        assert suite_name(0x7A7A) == "0x7A7A"

    def test_openssl_knows_the_same_suites_by_the_same_numbers(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
        numbers = {cipher["id"] & 0xFFFF for cipher in context.get_ciphers()}
        assert len(numbers) > 100
        assert numbers <= suite_names().keys()

    def test_the_families_partition_the_classic_suites(self):
        everything = [number for numbers in families().values() for number in numbers]
        assert sorted(everything) == sorted(classic_suites())
        assert len(everything) == len(set(everything))

    @pytest.mark.parametrize(
        ("number", "family"),
        [
            (0xC02F, "ECDHE"),
            (0x009E, "DHE"),
            (0x002F, "RSA"),
            (0x0003, "RSA"),
            (0x0018, "anonymous"),
            (0xC018, "anonymous"),
            (0xC003, "static DH"),
            (0x000D, "static DH"),
            (0x008C, "pre-shared and others"),
            (0xC035, "pre-shared and others"),
        ],
    )
    def test_the_family_of_known_suites(self, number, family):
        assert number in families()[family]

    def test_signals_and_tls_1_3_suites_are_no_classic_suites(self):
        assert {0x00FF, 0x5600, *TLS13_SUITES}.isdisjoint(classic_suites())


class TestClientHello:
    @pytest.mark.parametrize("version", RECORDS)
    def test_it_offers_one_version_and_every_suite_of_it(self, version):
        hello = read(client_hello(version, HOST))
        assert hello.newest == version.code
        if version is TlsVersion.TLS13:
            assert hello.supported == (version.code,)
            assert hello.suites == TLS13_SUITES
        else:
            assert hello.supported == ()
            assert set(hello.suites) == {*classic_suites(), RENEGOTIATION_SCSV}

    @pytest.mark.parametrize("version", MODERN)
    def test_it_offers_the_suites_asked_for_and_no_others(self, version):
        asked = (0x1302,) if version is TlsVersion.TLS13 else (0xC02F, 0x002F)
        assert {*read(client_hello(version, HOST, asked)).suites} - {RENEGOTIATION_SCSV} == {*asked}

    @pytest.mark.parametrize("version", MODERN)
    @pytest.mark.parametrize("name", [HOST, None])
    def test_the_server_name_is_there_when_there_is_one(self, version, name):
        raw = client_hello(version, name)
        assert (0 in read(raw).extensions) is (name is not None)
        assert (HOST.encode() in raw) is (name is not None)

    def test_ssl_3_has_no_extensions(self):
        hello = read(client_hello(TlsVersion.SSL3, HOST))
        assert hello.extensions == ()
        assert HOST.encode() not in hello.raw
        assert hello.raw[1:3] == b"\x03\x00"

    @pytest.mark.parametrize("version", MODERN)
    def test_the_finite_field_groups_and_the_usual_curves_are_always_offered(self, version):
        """Some servers insist on a group of RFC 7919, others on a curve."""
        raw = client_hello(version, HOST)
        for group in (0x0100, 0x0101, 0x001D, 0x0017, 0x0018):
            assert struct.pack("!H", group) in raw[raw.index(b"\x00\x0a") :]
        assert set(GROUPS) >= {0x11EC, 0x0100, 0x0104, 0x001D, 0x0017}

    def test_two_hellos_have_different_randoms(self):
        assert client_hello(TlsVersion.TLS12, HOST)[11:43] != client_hello(TlsVersion.TLS12, HOST)[11:43]

    def test_the_layout_of_the_ssl_2_hello(self):
        """RFC 6101 appendix E, RFC 5246 appendix E.2: two octets of length, then type, version, three lengths."""
        raw = client_hello(TlsVersion.SSL2, HOST)
        length, kind, version, suites, session, challenge = struct.unpack("!HBHHHH", raw[:11])
        assert length == 0x8000 | (len(raw) - 2)
        assert (kind, version, session, challenge) == (1, 2, 0, 16)
        assert len(raw) == 11 + suites + challenge
        found = [int.from_bytes(raw[place : place + 3]) for place in range(11, 11 + suites, 3)]
        assert tuple(found) == tuple(SSL2_SUITES)
        assert all(number > 0xFFFF for number in found)

    def test_openssl_takes_every_version_it_has(self, openssl_server):
        for version in MODERN:
            outcome = classify(version, None, parse_answer(openssl_server(version, client_hello(version, HOST))))
            assert outcome.acceptance is Acceptance.ACCEPTED, outcome
            assert outcome.suite in suite_names().values()

    @pytest.mark.parametrize(
        ("version", "asked", "wanted"),
        [
            (TlsVersion.TLS13, (0x1302,), Acceptance.ACCEPTED),
            (TlsVersion.TLS12, (0xC02B,), Acceptance.ACCEPTED),
            (TlsVersion.TLS12, (0x002F,), Acceptance.REFUSED),  # its key is not an RSA one
            (TlsVersion.TLS10, (0xC009,), Acceptance.ACCEPTED),
            (TlsVersion.TLS10, (0xC02B,), Acceptance.REFUSED),  # no suite of TLS 1.0
        ],
    )
    def test_openssl_takes_or_refuses_one_suite(self, openssl_server, version, asked, wanted):
        answer = parse_answer(openssl_server(version, client_hello(version, HOST, asked)))
        outcome = classify(version, asked, answer)
        assert outcome.acceptance is wanted, outcome
        assert outcome.suite == (suite_name(asked[0]) if wanted is Acceptance.ACCEPTED else "")

    def test_openssl_refuses_what_it_was_told_to_refuse(self, openssl_server):
        for offered in MODERN:
            for spoken in MODERN:
                answer = parse_answer(openssl_server(spoken, client_hello(offered, HOST)))
                outcome = classify(offered, None, answer)
                wanted = Acceptance.ACCEPTED if offered is spoken else Acceptance.REFUSED
                assert outcome.acceptance is wanted, (offered, spoken, outcome)

    def test_a_server_that_wants_another_group_asks_again_and_that_is_a_yes(self, authority, ask):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(authority.issue("retry", Kind(names=(f"DNS:{HOST}",))))
        context.set_ecdh_curve("secp521r1")
        answer = parse_answer(ask(context, client_hello(TlsVersion.TLS13, HOST)))
        assert answer.retry
        outcome = classify(TlsVersion.TLS13, None, answer)
        assert (outcome.acceptance, outcome.detail) == (Acceptance.ACCEPTED, "HelloRetryRequest")


_OPENSSL = {
    TlsVersion.TLS10: ssl.TLSVersion.TLSv1,
    TlsVersion.TLS11: ssl.TLSVersion.TLSv1_1,
    TlsVersion.TLS12: ssl.TLSVersion.TLSv1_2,
    TlsVersion.TLS13: ssl.TLSVersion.TLSv1_3,
}


@pytest.fixture
def ask():
    """The octets that OpenSSL answers to a hello."""

    def answer(context: ssl.SSLContext, hello: bytes) -> bytes:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        server = context.wrap_bio(incoming, outgoing, server_side=True)
        incoming.write(hello)
        with pytest.raises(ssl.SSLError):
            server.do_handshake()
        return outgoing.read()

    return answer


@pytest.fixture
def openssl_server(authority: Authority, ask):
    """An OpenSSL server that speaks one version, with every suite it has."""
    chain = authority.issue("hello", Kind(names=(f"DNS:{HOST}",)))

    def answer(version: TlsVersion, hello: bytes) -> bytes:
        context = server_context(chain, old=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = _OPENSSL[version]
        return ask(context, hello)

    return answer


versions = st.sampled_from([0x0303, 0x0301, 0x0300, 0x0304, 0x0302, 0x0002, 0x0299, 0x0305, 0x7F1C, 0xFEFD])
suites = st.one_of(st.sampled_from([0x1301, 0x002F, 0xC02F, 0x00FF, 0x5600]), st.integers(0, 0xFFFF))


@st.composite
def server_hellos(draw):
    """A ServerHello message, right or nearly."""
    body = draw(versions).to_bytes(2)
    body += draw(st.one_of(st.just(HELLO_RETRY_RANDOM), st.binary(min_size=32, max_size=32)))
    session = draw(st.binary(max_size=34))
    body += bytes([len(session)]) + session + draw(suites).to_bytes(2) + b"\0"
    if draw(st.booleans()):
        parts = draw(
            st.lists(
                st.one_of(
                    versions.map(lambda version: struct.pack("!HHH", 43, 2, version)),
                    st.binary(max_size=6).map(lambda data: struct.pack("!HH", 51, len(data)) + data),
                    st.just(struct.pack("!HH", 43, 1) + b"\3"),
                    st.just(b"\0\x17\0\0"),
                ),
                max_size=3,
            )
        )
        inside = b"".join(parts)
        body += struct.pack("!H", len(inside) + draw(st.sampled_from([0, 0, 0, 1]))) + inside
    return message(draw(st.sampled_from([2, 2, 2, 2, 11])), body)


@st.composite
def flights(draw):
    """What a server may send after a hello: warnings, then an alert or a message, more after it, sometimes damaged."""
    data = b"".join(alert(112, level=1) for _ in range(draw(st.integers(0, 2))))
    if draw(st.booleans()):
        data += alert(draw(st.integers(0, 255)), level=draw(st.sampled_from([1, 2, 2, 2, 3])))
    else:
        data += record(22, draw(server_hellos()) + draw(st.binary(max_size=30)), draw(versions))
    data += draw(st.binary(max_size=20))
    if draw(st.booleans()):
        place = draw(st.integers(0, len(data) - 1))
        data = data[:place] + draw(st.binary(min_size=1, max_size=1)) + data[place + 1 :]
    return data


@st.composite
def ssl2_flights(draw):
    """What an SSL 2 server may send after a hello."""
    certificate, specs, connection = (draw(st.binary(max_size=12)) for _ in range(3))
    body = struct.pack("!BBBHHHH", 4, 0, 1, draw(versions), len(certificate), len(specs), len(connection))
    body += certificate + specs + connection
    body = draw(st.sampled_from([body, b"\0\0\1", b"\0\0\1\0"]))
    return struct.pack("!H", 0x8000 | len(body)) + body + draw(st.binary(max_size=5))


anything = st.one_of(st.binary(max_size=80), flights(), ssl2_flights())


class TestParsing:
    @pytest.mark.parametrize("parse", [parse_answer, parse_ssl2_answer])
    @given(data=anything)
    def test_no_octets_make_it_raise(self, parse, data):
        answer = parse(data)
        assert isinstance(answer, HelloAnswer)
        assert (answer.answer is Answer.OTHER) is bool(answer.detail)

    @pytest.mark.parametrize("parse", [parse_answer, parse_ssl2_answer])
    @given(data=anything)
    def test_more_octets_never_change_an_answer(self, parse, data):
        """However slowly the octets come, the answer is the same one."""
        answers = [parse(data[:length]) for length in range(len(data) + 1)]
        decided = [answer for answer in answers if answer is not INCOMPLETE]
        assert all(answer == decided[0] for answer in decided)
        assert answers[: len(answers) - len(decided)] == [INCOMPLETE] * (len(answers) - len(decided))

    @given(data=st.one_of(flights(), st.binary(max_size=40)), tail=st.binary(max_size=40))
    def test_what_follows_an_answer_does_not_matter(self, data, tail):
        answer = parse_answer(data)
        assume(answer is not INCOMPLETE)
        assert parse_answer(data + tail) == answer

    @given(hello=server_hellos(), cuts=st.sets(st.integers(1, 120), max_size=6))
    @example(hello=message(2, b"\3\3" + bytes(33) + b"\xc0\x2f\0"), cuts=set(range(1, 42)))
    def test_a_message_cut_into_records_reads_the_same(self, hello, cuts):
        """RFC 8446 section 5.1: a handshake message may be cut anywhere."""
        places = [0, *sorted(cut for cut in cuts if cut < len(hello)), len(hello)]
        pieces = [hello[a:b] for a, b in pairwise(places)]
        assert parse_answer(b"".join(record(22, piece) for piece in pieces)) == parse_answer(record(22, hello))

    def test_a_server_hello(self):
        answer = parse_answer(server_hello(0x0303, 0xC02F))
        assert answer == HelloAnswer(Answer.SERVER_HELLO, version=0x0303, suite=0xC02F)
        answer = parse_answer(server_hello(0x0303, 0x1301, supported=0x0304))
        assert answer == HelloAnswer(Answer.SERVER_HELLO, version=0x0304, suite=0x1301)

    def test_it_is_read_before_the_record_that_carries_it_is_complete(self):
        """A server may put the whole flight, certificates and all, into one record."""
        flight = record(22, server_hello(0x0303, 0xC02F)[5:] + message(11, bytes(5000)))
        assert parse_answer(flight[:60]).answer is Answer.SERVER_HELLO

    def test_warnings_are_passed_over_but_not_for_ever(self):
        assert parse_answer(alert(112, level=1) * MAX_WARNINGS) is INCOMPLETE
        hello = server_hello(0x0303, 0xC02F)
        assert parse_answer(alert(112, level=1) * MAX_WARNINGS + hello).answer is Answer.SERVER_HELLO
        assert parse_answer(alert(112, level=1) * (MAX_WARNINGS + 1) + hello).answer is Answer.OTHER

    @pytest.mark.parametrize(
        "data",
        [
            b"220 mail ready\r\n",
            b"HTTP/1.1 400 Bad Request\r\n",
            b"\x99",
            b"\x16\x02",
            record(23, b"application data"),
            record(20, b"\1"),
            record(22, b""),
            record(21, b"\2"),
            record(21, b"\2\x28\2"),
            b"\x16\3\3\xff\xff",
            record(22, message(0, b"")),
            record(22, message(2, b"short")),
            record(22, message(2, bytes(40), claimed=0xFFFFFF)),
            record(22, b"\2\0") + alert(40),
            record(22, message(2, b"\3\3" + bytes(32) + b"\x21" + bytes(40))),
            record(22, message(2, b"\3\3" + bytes(32) + b"\0\x13\1\0\0\5\0\x2b\0\2\3")),
            record(22, message(2, b"\3\3" + bytes(32) + b"\0\x13\1\0\0\x0c" + b"\0\x2b\0\2\3\4" * 2)),
            record(22, message(2, b"\3\1" + bytes(32) + b"\0\x13\1\0\0\6\0\x2b\0\2\3\4")),
        ],
    )
    def test_what_is_neither_a_server_hello_nor_an_alert(self, data):
        answer = parse_answer(data)
        assert answer.answer is Answer.OTHER
        assert answer.detail

    def test_the_answers_to_an_ssl_2_hello(self):
        hello = struct.pack("!HBBBHHHH", 0x8000 | 14, 4, 0, 1, 2, 0, 3, 0) + b"\7\0\xc0"
        assert parse_ssl2_answer(hello) == HelloAnswer(Answer.SERVER_HELLO, version=2)
        assert parse_ssl2_answer(hello[:12]) is INCOMPLETE
        assert parse_ssl2_answer(b"\x80\3\0\0\1") == HelloAnswer(Answer.ALERT, alert=40)
        assert parse_ssl2_answer(alert(70)) == HelloAnswer(Answer.ALERT, alert=70)
        assert parse_ssl2_answer(b"220 mail ready\r\n").answer is Answer.OTHER
        wrong = struct.pack("!HBBBHHHH", 0x8000 | 14, 4, 0, 1, 3, 0, 3, 0) + b"\7\0\xc0"
        assert parse_ssl2_answer(wrong).answer is Answer.OTHER


offers = st.one_of(st.none(), st.lists(suites, max_size=5).map(tuple))
answers = st.one_of(
    st.builds(HelloAnswer, st.just(Answer.SERVER_HELLO), version=versions, suite=suites, retry=st.booleans()),
    flights().map(parse_answer),
    ssl2_flights().map(parse_ssl2_answer),
    st.builds(HelloAnswer, st.just(Answer.ALERT), alert=st.integers(0, 255)),
).filter(lambda answer: answer is not INCOMPLETE)


def offered(version: TlsVersion, asked: tuple[int, ...] | None) -> tuple[int, ...]:
    if asked is not None:
        return asked
    return TLS13_SUITES if version is TlsVersion.TLS13 else classic_suites()


class TestClassify:
    @given(version=st.sampled_from(sorted(TlsVersion, reverse=True)), asked=offers, answer=answers)
    def test_only_a_clean_refusal_refuses_and_only_what_was_offered_is_accepted(self, version, asked, answer):
        outcome = classify(version, asked, answer)
        assert outcome.version is version
        if outcome.acceptance is Acceptance.REFUSED:
            # An SSL 2 hello that is answered in TLS is refused, but for an internal error.
            not_ssl2 = version is TlsVersion.SSL2 and answer.alert != 80
            clean = answer.answer is Answer.ALERT and (answer.alert in (40, 70, 71, 86) or not_ssl2)
            lower = (
                answer.answer is Answer.SERVER_HELLO
                and TlsVersion.SSL3.code <= answer.version < version.code
                and answer.suite in offered(version, asked)
            )
            assert clean or lower
            assert outcome.detail
        elif outcome.acceptance is Acceptance.ACCEPTED:
            assert answer.answer is Answer.SERVER_HELLO
            assert answer.version == version.code
            assert version is TlsVersion.SSL2 or answer.suite in offered(version, asked)
        else:
            assert outcome.detail

    def test_the_clean_refusals_are_four(self):
        assert set(CLEAN_REFUSALS) == {40, 70, 71, 86}

    @pytest.mark.parametrize("number", [0, 10, 20, 47, 50, 80, 90, 109, 112, 255])
    def test_any_other_alert_says_nothing(self, number):
        outcome = classify(TlsVersion.TLS10, None, HelloAnswer(Answer.ALERT, alert=number))
        assert outcome.acceptance is Acceptance.UNKNOWN
        assert f"alert {number}" in outcome.detail

    def test_a_lower_version_with_a_suite_that_was_not_offered_is_no_refusal(self):
        """No sound server sends that: who knows what it would have done."""
        answer = HelloAnswer(Answer.SERVER_HELLO, version=0x0303, suite=0xC02F)
        assert classify(TlsVersion.TLS13, None, answer).acceptance is Acceptance.UNKNOWN
        answer = HelloAnswer(Answer.SERVER_HELLO, version=0x0302, suite=0xC02F)
        assert classify(TlsVersion.TLS12, None, answer).acceptance is Acceptance.REFUSED
        assert classify(TlsVersion.TLS12, (0x002F,), answer).acceptance is Acceptance.UNKNOWN
