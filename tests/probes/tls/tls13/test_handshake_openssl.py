"""The TLS 1.3 handshake with OpenSSL's own server: suites, groups, staple, timestamps and tickets."""

from __future__ import annotations

import shutil
import socket
import ssl
import struct
import subprocess
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import ocsp

from smtp_audit.probes.tls.tls13.handshake import Handshake13
from smtp_audit.probes.tls.tls13.key_schedule import SUITES
from smtp_audit.probes.tls.tls13.key_share import DOABLE_GROUPS
from smtp_audit.probes.tls.tls13.messages import Ticket
from smtp_audit.probes.tls.tls13.octets import HandshakeAlert
from tests.probes.tls.tls13.server import CHANGE, KEY, LEAF, P256, X25519

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="the openssl command is not installed")

GROUP_NAMES = {
    0x001D: "X25519", 0x0017: "P-256", 0x0018: "P-384", 0x0019: "P-521", 0x001E: "X448",
    0x0100: "ffdhe2048", 0x0101: "ffdhe3072", 0x0102: "ffdhe4096",
}  # fmt: skip
SUITE_NAMES = {
    0x1301: "TLS_AES_128_GCM_SHA256",
    0x1302: "TLS_AES_256_GCM_SHA384",
    0x1303: "TLS_CHACHA20_POLY1305_SHA256",
    0x1304: "TLS_AES_128_CCM_SHA256",
    0x1305: "TLS_AES_128_CCM_8_SHA256",
}


@pytest.fixture(scope="module")
def pem(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("openssl") / "server.pem"
    key = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(key + ssl.DER_cert_to_PEM_cert(LEAF).encode())
    return path


@contextmanager
def s_server(pem: Path, *options: str | Path, turns: bool = True) -> Iterator[int]:
    """The port of a server; with `turns` it sends back every line turned round."""
    command = ["openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", pem, *(("-rev",) if turns else ()), *options]
    # It ends with its standard input, which therefore stays open.
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            assert process.stdout is not None
            said = []
            while (line := process.stdout.readline()) and not line.startswith("ACCEPT"):
                said.append(line)
            assert line, "".join(said)
            yield int(line.rpartition(":")[2])
        finally:
            process.kill()


def shake(connection: socket.socket, client: Handshake13) -> None:
    connection.sendall(client.hello())
    while not client.done:
        data = connection.recv(65536)
        assert data, "closed inside the handshake"
        connection.sendall(client.feed(data))


def talk(port: int, client: Handshake13) -> None:
    """A whole connection: handshake, one line there and back (tickets come before it), and a farewell."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        shake(connection, client)
        connection.sendall(client.protect(b"hello\n"))
        received = b""
        deadline = time.monotonic() + 10
        while not received.endswith(b"\n"):
            assert time.monotonic() < deadline
            data = connection.recv(65536)
            assert data, "closed before the line came back"
            client.feed(data)
            received += client.received()
        assert received == b"olleh\n"
        connection.sendall(client.farewell())


@pytest.mark.parametrize("suite", SUITE_NAMES)
def test_every_suite(pem, suite):
    assert SUITE_NAMES.keys() == SUITES.keys()
    client = Handshake13("mail.example", suites=tuple(SUITES))
    with s_server(pem, "-ciphersuites", SUITE_NAMES[suite]) as port:
        talk(port, client)
    assert client.seen.suite == suite
    assert client.seen.signature_valid is True
    assert client.seen.chain == (LEAF,)


@pytest.mark.parametrize("group", GROUP_NAMES)
def test_every_group(pem, group):
    assert GROUP_NAMES.keys() == set(DOABLE_GROUPS)
    client = Handshake13(None)
    with s_server(pem, "-groups", GROUP_NAMES[group]) as port:
        talk(port, client)
    assert client.seen.group == group
    assert client.seen.retried is (group not in (X25519, P256))


def test_a_group_asked_for_with_the_longer_hash(pem):
    client = Handshake13(None)
    with s_server(pem, "-groups", "P-384", "-ciphersuites", "TLS_AES_256_GCM_SHA384") as port:
        talk(port, client)
    assert (client.seen.group, client.seen.retried) == (0x0018, True)


def test_no_group_in_common(pem):
    client = Handshake13(None, groups=(X25519,))
    with s_server(pem, "-groups", "P-384") as port, pytest.raises(HandshakeAlert) as caught:
        talk(port, client)
    assert caught.value.number == 40
    assert not client.done


def test_a_server_without_tls_1_3(pem):
    client = Handshake13(None)
    with s_server(pem, "-tls1_2") as port, pytest.raises(HandshakeAlert) as caught:
        talk(port, client)
    assert caught.value.number == 70


def test_a_stateless_server_asks_for_a_cookie(pem):
    """OpenSSL's own client fails here too unless it leaves out change_cipher_spec (its -no_middlebox)."""
    client = Handshake13(None)
    with s_server(pem, "-stateless", turns=False) as port, socket.create_connection(("127.0.0.1", port), 10) as there:
        there.sendall(client.hello())
        while not client.done:
            data = there.recv(65536)
            assert data, "closed inside the handshake"
            there.sendall(client.feed(data).removeprefix(CHANGE))
    assert (client.seen.group, client.seen.retried) == (X25519, True)


@pytest.mark.parametrize("count", [0, 1, 5])
def test_tickets(pem, count):
    client = Handshake13(None)
    with s_server(pem, "-num_tickets", str(count)) as port:
        talk(port, client)
    assert client.tickets == (Ticket(7200),) * count


def test_tickets_that_allow_early_data(pem):
    client = Handshake13(None)
    early = ("-max_early_data", "16384", "-early_data", "-num_tickets", "1")
    with s_server(pem, *early, turns=False) as port, socket.create_connection(("127.0.0.1", port), 10) as there:
        shake(there, client)
        while not client.tickets:
            data = there.recv(65536)
            assert data, "closed before a ticket came"
            client.feed(data)
    assert client.tickets == (Ticket(7200, 16384),)


def test_a_stapled_response(pem, tmp_path):
    leaf = x509.load_der_x509_certificate(LEAF)
    now = datetime.now(UTC)
    response = (
        ocsp.OCSPResponseBuilder()
        .add_response(leaf, leaf, hashes.SHA256(), ocsp.OCSPCertStatus.GOOD, now, now + timedelta(1), None, None)
        .responder_id(ocsp.OCSPResponderEncoding.HASH, leaf)
        .sign(KEY, hashes.SHA256())
        .public_bytes(Encoding.DER)
    )
    (tmp_path / "staple.der").write_bytes(response)
    client, unasked = Handshake13(None), Handshake13(None, ocsp=False)
    with s_server(pem, "-status_file", tmp_path / "staple.der") as port:
        talk(port, client)
        talk(port, unasked)
    assert client.seen.staple == response
    assert unasked.seen.staple is None


def test_timestamps(pem, tmp_path):
    scts = b"\0\x0a" + b"\0\3one" + b"\0\3two"
    # The context of a serverinfo file, version 2: asked for in the hello, answered in a certificate of TLS 1.3.
    info = struct.pack("!IHH", 0x0080 | 0x1000 | 0x0020, 18, len(scts)) + scts
    text = b64encode(info).decode()
    name = "SERVERINFOV2 FOR SCT"
    (tmp_path / "info.pem").write_text(f"-----BEGIN {name}-----\n{text}\n-----END {name}-----\n")
    client, unasked = Handshake13(None), Handshake13(None, scts=False)
    with s_server(pem, "-serverinfo", tmp_path / "info.pem") as port:
        talk(port, client)
        talk(port, unasked)
    assert client.seen.scts == (b"one", b"two")
    assert unasked.seen.scts is None


@pytest.mark.parametrize("asked", [False, True])
def test_a_request_for_a_client_certificate(pem, asked):
    client = Handshake13(None)
    with s_server(pem, *(("-verify", "1") if asked else ())) as port:
        talk(port, client)
    assert client.seen.certificate_requested is asked


def test_the_protocol_chosen(pem):
    client = Handshake13(None, alpn=("imap", "smtp"))
    with s_server(pem, "-alpn", "smtp") as port:
        talk(port, client)
    assert client.seen.alpn == "smtp"
    assert client.seen.encrypted_extensions == (16,)
