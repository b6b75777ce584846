"""The TLS 1.3 handshake sees what a server sends, and is done with nothing but a whole and honest one."""

from __future__ import annotations

import contextlib
import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from smtp_audit.limits import MAX_CHAIN_CERTIFICATES
from smtp_audit.probes.tls.hello import SIGNATURES, extension, vector
from smtp_audit.probes.tls.tls13 import server_signature
from smtp_audit.probes.tls.tls13.handshake import Handshake13
from smtp_audit.probes.tls.tls13.key_schedule import SUITES, Protection, finished_mac
from smtp_audit.probes.tls.tls13.key_share import new_share
from smtp_audit.probes.tls.tls13.messages import MAX_SCTS, Ticket
from smtp_audit.probes.tls.tls13.octets import MAX_EXTENSIONS, BeyondUs, HandshakeAlert, HandshakeFault
from tests.hostile.records import HANDSHAKE, message, record
from tests.probes.tls.tls13.server import (
    CHANGE,
    KEY,
    LEAF,
    P256,
    P384,
    REQUEST,
    VERSION,
    X25519,
    Signer,
    entry,
    extensions,
    met,
    offered,
    refused,
    self_signed,
    server,
    session_of,
    shares,
)


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


class PythonServer:
    """Python's own TLS server, in memory."""

    def __init__(self, directory: Path, key: Signer, verify: ssl.VerifyMode = ssl.CERT_NONE) -> None:
        pem = directory / "server.pem"
        text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self.der = self_signed(key)
        pem.write_bytes(text + ssl.DER_cert_to_PEM_cert(self.der).encode())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_cert_chain(pem)
        context.load_verify_locations(pem)
        context.verify_mode = verify
        context.set_alpn_protocols(["smtp"])
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._in, self._out, server_side=True)

    def handshake(self, data: bytes) -> bytes:
        self._in.write(data)
        with contextlib.suppress(ssl.SSLError):  # it wants more, or has put an alert into its answer
            self.tls.do_handshake()
        return self._out.read()

    def read(self, data: bytes) -> bytes:
        self._in.write(data)
        return self.tls.read()

    def write(self, data: bytes) -> bytes:
        self.tls.write(data)
        return self._out.read()


class TestPythonsServer:
    @pytest.mark.parametrize("verify", [ssl.CERT_NONE, ssl.CERT_OPTIONAL])
    @pytest.mark.parametrize(("kind", "scheme"), [("RSA", 0x0804), ("ECDSA", 0x0403), ("Ed25519", 0x0807)])
    def test_a_whole_connection(self, tmp_path, rsa_key, verify, kind, scheme):
        key = {"RSA": rsa_key, "ECDSA": KEY, "Ed25519": ed25519.Ed25519PrivateKey.generate()}[kind]
        peer = PythonServer(tmp_path, key, verify)
        client = Handshake13("mail.example", alpn=("imap", "smtp"))
        answer = client.feed(peer.handshake(client.hello()))
        assert client.done
        assert client.tickets == ()
        client.feed(peer.handshake(answer))
        seen = client.seen
        assert (seen.chain, seen.chain_length) == ((peer.der,), 1)
        assert (seen.signature, seen.signature_valid) == (scheme, True)
        assert seen.certificate_requested is (verify is ssl.CERT_OPTIONAL)
        assert (seen.suite, seen.group, seen.retried, seen.finished) == (peer_suite(peer), X25519, False, True)
        assert seen.alpn == peer.tls.selected_alpn_protocol() == "smtp"
        assert 16 in seen.encrypted_extensions
        assert (seen.staple, seen.scts) == (None, None)
        assert client.tickets == (Ticket(7200),) * 2
        assert peer.read(client.protect(b"EHLO here\r\n")) == b"EHLO here\r\n"
        assert client.feed(peer.write(b"250 hello\r\n")) == b""
        assert client.received() == b"250 hello\r\n"
        assert client.received() == b""
        assert peer.read(client.farewell()) == b""

    def test_a_long_text_is_more_than_one_record(self, tmp_path):
        peer = PythonServer(tmp_path, KEY)
        client = Handshake13(None)
        client.feed(peer.handshake(client.feed(peer.handshake(client.hello()))))
        text = b"x" * 40_000
        arrived = peer.read(client.protect(text))
        while len(arrived) < len(text):
            arrived += peer.tls.read()
        assert arrived == text
        client.feed(peer.write(text))
        assert client.received() == text

    def test_a_server_that_insists_on_a_client_certificate_says_so_after_the_handshake(self, tmp_path):
        peer = PythonServer(tmp_path, KEY, ssl.CERT_REQUIRED)
        client = Handshake13(None)
        answer = client.feed(peer.handshake(client.hello()))
        with pytest.raises(HandshakeAlert) as caught:
            client.feed(peer.handshake(answer))
        assert caught.value.number == 116
        assert client.done
        assert client.seen.certificate_requested is True


def peer_suite(peer: PythonServer) -> int:
    cipher = peer.tls.cipher()
    assert cipher is not None
    return {"TLS_AES_128_GCM_SHA256": 0x1301, "TLS_AES_256_GCM_SHA384": 0x1302}[cipher[0]]


class TestHello:
    def test_what_is_offered(self):
        hello = Handshake13("mail.example").hello()
        found = offered(hello)
        assert found[0] == vector(2, b"\0" + vector(2, b"mail.example"))
        assert found[5] == b"\x01\0\0\0\0"
        assert found[18] == b""
        assert found[43] == b"\x02\x03\x04"
        assert {0, 5, 10, 13, 18, 43, 45, 51} == found.keys()
        assert set(shares(hello)) == {X25519, P256}
        assert len(session_of(hello)) == 32

    def test_what_is_not_wanted_is_not_offered(self):
        found = offered(Handshake13(None, ocsp=False, scts=False).hello())
        assert not {0, 5, 16, 18} & found.keys()

    def test_the_same_hello_each_time_and_another_for_each_handshake(self):
        client = Handshake13(None)
        assert client.hello() == client.hello()
        assert client.hello()[11:43] != Handshake13(None).hello()[11:43]
        assert shares(client.hello()) != shares(Handshake13(None).hello())

    @pytest.mark.parametrize(
        ("groups", "shared"),
        [((P384, 0x11EC), {P384}), ((0x11EC, P384), {P384}), ((0x11EC,), set()), ((P256, P384), {P256})],
    )
    def test_a_share_is_sent_of_what_can_be_done(self, groups, shared):
        assert set(shares(Handshake13(None, groups=groups).hello())) == shared

    def test_no_application_data_before_the_end(self):
        with pytest.raises(RuntimeError):
            Handshake13(None).protect(b"EHLO")


class TestSeen:
    @pytest.mark.parametrize("suite", SUITES)
    def test_every_suite(self, suite):
        client = met(server(suite=suite), suites=tuple(SUITES))
        assert client.done
        assert client.seen.suite == suite

    def test_the_staple_and_the_timestamps_of_the_leaf(self):
        staple = extension(5, b"\x01" + vector(3, b"response"))
        scts = extension(18, vector(2, vector(2, b"one") + vector(2, b"two")))
        seen = met(server(with_leaf=(staple, scts))).seen
        assert seen.staple == b"response"
        assert seen.scts == (b"one", b"two")

    def test_what_comes_with_other_certificates_is_not_the_leafs(self):
        staple = extension(5, b"\x01" + vector(3, b"response"))
        body = b"\0" + vector(3, entry(LEAF) + entry(LEAF, staple))
        seen = met(server(certificate_body=body)).seen
        assert seen.staple is None
        assert seen.chain == (LEAF, LEAF)

    def test_a_long_chain_is_counted_and_capped(self):
        seen = met(server(chain=(LEAF,) * 100)).seen
        assert seen.chain_length == 100
        assert len(seen.chain) == MAX_CHAIN_CERTIFICATES + 1

    def test_many_timestamps_are_capped(self):
        scts = extension(18, vector(2, vector(2, b"one") * (MAX_SCTS + 5)))
        assert met(server(with_leaf=(scts,))).seen.scts == (b"one",) * MAX_SCTS

    def test_a_request_is_answered_with_an_empty_certificate(self):
        peer = server(request=REQUEST)
        client = Handshake13(None)
        out = client.feed(peer.answer(client.hello()))
        assert out.startswith(CHANGE)
        opened = Protection(SUITES[0x1301], peer.client).open(out[6:11], out[11:])
        empty = message(11, bytes(4))
        digest = SUITES[0x1301].digest(peer.transcript + empty)
        assert opened == (HANDSHAKE, empty + message(20, finished_mac(SUITES[0x1301], peer.client, digest)))

    def test_a_server_name_that_is_acknowledged(self):
        assert met(server(encrypted=(extension(0, b""), extension(10, b"\0\2\0\x1d")))).seen.encrypted_extensions == (
            0,
            10,
        )

    def test_what_was_seen_before_a_fault_stays(self):
        client = refused(
            server(change=lambda name, sent: sent if name != "finished" else message(20, bytes(32))), "Finished"
        )
        assert client.seen.chain == (LEAF,)
        assert client.seen.signature_valid is True
        assert client.seen.certificate_requested is False
        assert client.seen.finished is False

    @pytest.mark.parametrize("garbage", [b"\x30\x03\x02\x01\x01", b"x"])
    def test_a_certificate_that_cannot_be_read_leaves_its_key_unknown(self, garbage):
        client = met(server(chain=(garbage,)))
        assert client.done
        assert client.seen.signature_valid is None


class TestSignature:
    def test_of_another_key(self):
        client = refused(server(key=ec.generate_private_key(ec.SECP256R1())), "not of the certificate's key")
        assert client.seen.signature_valid is False

    def test_of_another_kind_of_key(self, rsa_key):
        refused(server(key=rsa_key, scheme=0x0804), "not of the certificate's key")

    def test_with_the_hash_of_another_curve(self):
        refused(server(scheme=0x0503), "not of the certificate's key")
        other = ec.generate_private_key(ec.SECP384R1())
        refused(server(key=other, chain=(self_signed(other),)), "not of the certificate's key")

    @pytest.mark.parametrize("scheme", [0x0401, 0x0201, 0x0203, 0x0101, 0x0402])
    def test_with_a_scheme_that_is_for_certificates_alone(self, scheme):
        assert scheme in SIGNATURES
        refused(server(scheme=scheme), "which it may not use")

    def test_with_a_scheme_that_was_not_offered(self):
        refused(server(), "which it may not use", signatures=(0x0804,))

    def test_with_a_scheme_that_nobody_knows(self):
        client = met(server(scheme=0x0904), signatures=(0x0904,))
        assert client.seen.signature_valid is None

    def test_of_another_transcript(self):
        assert server_signature.signature_holds(LEAF, 0x0403, b"", bytes(32)) is False


class TestBroken:
    @pytest.mark.parametrize(
        "wrong",
        [message(20, bytes(32)), message(20, b""), message(20, bytes(31)), message(20, bytes(64))],
    )
    def test_finished(self, wrong):
        refused(server(change=lambda name, sent: wrong if name == "finished" else sent), "Finished that does not fit")

    @pytest.mark.parametrize(
        "name", ["encrypted_extensions", "certificate", "certificate_verify", "finished", "certificate_request"]
    )
    def test_a_message_left_out(self, name):
        peer = server(request=REQUEST, change=lambda this, sent: b"" if this == name else sent)
        client = Handshake13(None)
        if name == "certificate_request":  # nobody can miss it
            client.feed(peer.answer(client.hello()))
            assert client.seen.certificate_requested is False
        elif name == "finished":
            assert client.feed(peer.answer(client.hello())) == b""
            assert not client.done
        else:
            with pytest.raises(HandshakeFault, match="where"):
                client.feed(peer.answer(client.hello()))
            assert not client.done

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"session": b""}, "echo the session id"),
            ({"session": b"x" * 32}, "echo the session id"),
            ({"session": b"x" * 33}, "malformed ServerHello"),
            ({"suite": 0x1302}, "0x1302, which was not offered"),
            ({"group": P384}, "group 0x0018, for which none was sent"),
            ({"share": bytes(32)}, "key share"),
            ({"share": b"x" * 31}, "key share"),
            ({"share": b""}, "key share"),
            ({"group": P256, "share": b"\x04" + bytes(64)}, "key share"),
            ({"group": P256, "share": b"\x02" + bytes(32)}, "key share"),
            ({"hello_extensions": b""}, "version 0x0303"),
            ({"hello_extensions": extensions(extension(43, b"\x03\x03"))}, "version 0x0303"),
            ({"hello_extensions": extensions(extension(43, b"\x7f\x1c"))}, "version 0x7F1C"),
            ({"hello_extensions": extensions(extension(43, b"\x03"))}, "malformed"),
            ({"hello_extensions": extensions(VERSION, VERSION)}, "malformed"),
            ({"hello_extensions": extensions(VERSION)}, "without a key share"),
            ({"hello_extensions": extensions(VERSION, extension(41, b"\0\0"))}, "extension 41 in a ServerHello"),
            ({"hello_extensions": extensions(VERSION, extension(44, b"\0\x01x"))}, "extension 44 in a ServerHello"),
            ({"encrypted": (extension(42, b""),)}, "extension 42 in a EncryptedExtensions"),
            ({"encrypted": (extension(16, b"\0\5\4smtp"),)}, "extension 16 in"),
            ({"encrypted": (extension(0, b"x"),)}, "not empty"),
            ({"encrypted": (extension(0, b""),) * 2}, "malformed EncryptedExtensions"),
            ({"encrypted": tuple(extension(n, b"") for n in range(MAX_EXTENSIONS + 1))}, "malformed Encrypted"),
            ({"request": b"\1x" + REQUEST[1:]}, "malformed CertificateRequest"),
            ({"request": b"\0\0\0"}, "malformed CertificateRequest"),
            ({"request": REQUEST + b"x"}, "malformed CertificateRequest"),
            ({"chain": ()}, "without any certificate"),
            ({"chain": (b"",)}, "malformed Certificate"),
            ({"certificate_body": b"\1x" + vector(3, entry(LEAF))}, "malformed Certificate"),
            ({"with_leaf": (extension(5, b"\x02\0\0\x01x"),)}, "malformed stapled"),
            ({"with_leaf": (extension(5, b"\x01\0\0\0"),)}, "malformed stapled"),
            ({"with_leaf": (extension(18, b"\0\0"),)}, "malformed list"),
            ({"with_leaf": (extension(18, b"\0\2\0\0"),)}, "malformed list"),
            ({"with_leaf": (extension(18, b"\0\3\0\5x"),)}, "malformed list"),
            ({"with_leaf": (extension(23, b""),)}, "extension 23 in a Certificate"),
        ],
    )
    def test_messages(self, changes, words):
        refused(server(**changes), words, suites=(0x1301, 0x1303))

    @pytest.mark.parametrize(
        ("legacy", "compression", "words"), [(0x0304, 0, "legacy version 0x0304"), (0x0303, 1, "malformed ServerHello")]
    )
    def test_what_only_older_versions_have(self, legacy, compression, words):
        client = Handshake13(None)
        share = extension(51, X25519.to_bytes(2) + vector(2, new_share(X25519).public))
        body = legacy.to_bytes(2) + bytes(32) + vector(1, session_of(client.hello())) + b"\x13\x01"
        with pytest.raises(HandshakeFault, match=words):
            client.feed(record(HANDSHAKE, message(2, body + bytes([compression]) + extensions(VERSION, share))))

    def test_answers_to_what_was_not_asked(self):
        refused(server(with_leaf=(extension(5, b"\x01\0\0\1x"),)), "extension 5 in", ocsp=False)
        refused(server(with_leaf=(extension(18, b"\0\3\0\1x"),)), "extension 18 in", scts=False)

    @pytest.mark.parametrize("content", [b"\0\5\4imap", b"\0\0", b"\0\1\0", b"\0\x0a\4smtp\4smtp", b"\0\5\4smtpx"])
    def test_protocols_that_were_not_offered(self, content):
        refused(server(encrypted=(extension(16, content),)), "ALPN", alpn=("smtp",))

    def test_a_suite_that_was_offered_and_is_beyond_us_says_nothing_against_the_server(self):
        client = Handshake13(None, suites=(0x1301, 0x1306))
        body = b"\x03\x03" + bytes(32) + vector(1, session_of(client.hello())) + b"\x13\x06\0" + extensions(VERSION)
        with pytest.raises(BeyondUs, match="0x1306"):
            client.feed(record(HANDSHAKE, message(2, body)))
