"""TLS that OpenSSL has no more, as the traps speak it: a client of tlslite at the other end, and noise."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tlslite.handshakesettings import HandshakeSettings
from tlslite.tlsconnection import TLSConnection

from smtp_audit.probes.client.traps.ancient import SSL3, TLS12, Ancient, AncientTls, _Buffers
from smtp_audit.probes.client.traps.certificates import Certificates
from smtp_audit.probes.client.traps.encryption import ANCIENT

HOST = "mail.client-test.example"


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Certificates(tmp_path_factory.mktemp("ancient")).chain("rsa", HOST)


class Ends:
    """A server's end and a client's, with what each has to say to the other between them."""

    def __init__(self, context: Ancient) -> None:
        self.to_server, self.to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.server: AncientTls = context.wrap_bio(self.to_server, self.to_client, server_side=True)
        self.client: Any = TLSConnection(_Buffers(self.to_client, self.to_server))
        self.client.ignoreAbruptClose = True

    def shake_hands(self, version: tuple[int, int], cipher: str) -> None:
        wanted = HandshakeSettings()
        wanted.minVersion = wanted.maxVersion = version
        wanted.versions, wanted.cipherNames, wanted.macNames = [version], [cipher], ["sha"]
        steps: Iterator[int] = self.client.handshakeClientCert(settings=wanted, serverName=HOST, async_=True)
        for _ in range(200):
            if next(steps, None) is None:
                self.server.do_handshake()
                return
            try:
                self.server.do_handshake()
            except ssl.SSLWantReadError:
                continue
        raise AssertionError("the handshake does not end")


@pytest.mark.parametrize(("version", "cipher"), ANCIENT.values(), ids=ANCIENT)
def test_what_is_negotiated_is_spoken(chain: Path, version: tuple[int, int], cipher: str) -> None:
    ends = Ends(Ancient(version, cipher, chain))
    ends.shake_hands(version, cipher)
    assert ends.server.version() == {SSL3: "SSLv3", TLS12: "TLSv1.2"}[version]
    suite = ends.server.cipher()
    assert suite is not None
    assert suite[0] == cipher
    with pytest.raises(ssl.SSLWantReadError):
        ends.server.read(100)
    ends.client.write(b"EHLO client.example\r\n")
    said = b""
    while not said.endswith(b"\r\n"):  # SSL 3 has the first octet in a record of its own
        said += ends.server.read(100)
    assert said == b"EHLO client.example\r\n"
    ends.server.write(b"250 ok\r\n")
    assert ends.client.read(max=8, min=8) == b"250 ok\r\n"


def test_who_offers_something_else_is_refused(chain: Path) -> None:
    ends = Ends(Ancient(TLS12, "rc4", chain))
    with pytest.raises(ssl.SSLError, match=r"^insufficient_security"):
        ends.shake_hands(TLS12, "aes128")


def test_who_hangs_up_has_said_nothing(chain: Path) -> None:
    ends = Ends(Ancient(TLS12, "3des", chain))
    ends.shake_hands(TLS12, "3des")
    ends.to_server.write_eof()
    assert ends.server.read(100) == b""


@settings(max_examples=40, deadline=None)
@given(noise=st.binary(max_size=200), name=st.sampled_from(sorted(ANCIENT)))
def test_noise_is_an_error_of_tls_or_not_enough(chain: Path, noise: bytes, name: str) -> None:
    version, cipher = ANCIENT[name]
    ends = Ends(Ancient(version, cipher, chain))
    ends.to_server.write(noise)
    with pytest.raises(ssl.SSLError):
        ends.server.do_handshake()
