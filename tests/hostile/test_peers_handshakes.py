"""Proofs, with plain sockets, that the peers that misbehave from the ClientHello on do what they say."""

import ssl
import time

import pytest
from cryptography import x509

from smtp_audit.facts.endpoint import Role

from .catalogue import PEERS
from .certificates import COMPANY, HOST
from .client import Client, any_certificate
from .handshakes import DRIP_SECONDS, FOREIGN_VERSION
from .markers import MARKUP
from .records import DOWNGRADE_SENTINEL, HANDSHAKE, TLS12, WARNING, alert, record

OLD = ssl.TLSVersion.TLSv1
NEW = ssl.TLSVersion.MAXIMUM_SUPPORTED


def hello(highest: ssl.TLSVersion = NEW, ciphers: str = "") -> bytes:
    """A ClientHello as OpenSSL makes it."""
    context = any_certificate(highest)
    if ciphers:
        context.set_ciphers(ciphers)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing).do_handshake()
    return outgoing.read()


def answer(port: int, first: bytes, limit: int = 1) -> bytes:
    """What a peer says to this hello, at least `limit` octets of it unless it closes."""
    with Client(port).up_to_hello(Role.MX) as client:
        client.send(first)
        return client.rest(limit)


def version_of(said: bytes) -> int:
    return int.from_bytes(said[9:11])


def suite_of(said: bytes) -> int:
    place = 43 + 1 + said[43]
    return int.from_bytes(said[place : place + 2])


def offered_suites(first: bytes) -> set[int]:
    place = 43 + 1 + first[43]
    size = int.from_bytes(first[place : place + 2])
    return {int.from_bytes(first[i : i + 2]) for i in range(place + 2, place + 2 + size, 2)}


@pytest.mark.parametrize("name", ["hangs-after-starttls", "hangs-after-hello"])
def test_hangs(stage, name):
    with Client(stage(name).port).up_to_hello(Role.MX) as client:
        client.send(hello())
        assert client.silent()


def test_closes_after_hello(stage):
    assert answer(stage("closes-after-hello").port, hello()) == b""


@pytest.mark.parametrize(
    ("name", "start"),
    [("random-after-hello", b"\x99"), ("http-after-hello", b"HTTP/1.1"), ("clear-text-after-hello", b"220 mail")],
)
def test_answers_with_what_is_no_tls(stage, name, start):
    assert answer(stage(name).port, hello(), 600 if name == "random-after-hello" else 1).startswith(start)


@pytest.mark.parametrize("number", [80, 10, 47, 50])
@pytest.mark.parametrize("highest", [OLD, NEW])
def test_the_same_alert_to_every_hello(stage, number, highest):
    assert answer(stage(f"alert-{number}").port, hello(highest), 100) == alert(number)


def test_a_warning_comes_before_a_true_handshake(stage):
    port = stage("alert-112-warning").port
    said = answer(port, hello(), 100)
    assert said.startswith(alert(112, WARNING) + bytes([HANDSHAKE]))
    with Client(port).up_to_hello(Role.MX) as client:
        assert client.tls().version() == "TLSv1.3"


@pytest.mark.parametrize("name", ["closes-for-tls10", "hangs-for-tls10"])
def test_only_hellos_of_tls10_get_no_answer(stage, name):
    port = stage(name).port
    with Client(port).up_to_hello(Role.MX) as client:
        client.send(hello(OLD))
        assert client.rest() == b"" if name == "closes-for-tls10" else client.silent()
    for highest in (ssl.TLSVersion.TLSv1_2, NEW):
        with Client(port).up_to_hello(Role.MX) as client:
            assert client.tls(any_certificate(highest)).cipher()


def test_a_sound_peer_refuses_tls10_with_an_alert(stage):
    assert answer(stage("sound").port, hello(OLD), 100)[5:] == bytes([2, 70])


def test_only_hellos_with_rsa_key_exchange_are_closed(stage):
    port = stage("closes-for-rsa-key-exchange").port
    assert answer(port, hello(ciphers="kRSA")) == b""
    with Client(port).up_to_hello(Role.MX) as client:
        context = any_certificate()
        context.set_ciphers("ECDHE")
        assert client.tls(context).cipher()


@pytest.mark.parametrize("highest", [OLD, ssl.TLSVersion.TLSv1_2, NEW])
def test_a_foreign_suite_was_not_offered(stage, highest):
    first = hello(highest)
    assert suite_of(answer(stage("foreign-suite").port, first)) not in offered_suites(first)


def test_a_foreign_version_was_not_offered(stage):
    assert version_of(answer(stage("foreign-version").port, hello())) == FOREIGN_VERSION


def test_a_foreign_version_stands_in_the_extension(stage):
    said = answer(stage("foreign-supported-version").port, hello())
    assert version_of(said) == TLS12
    assert b"\x00\x2b\x00\x02" + FOREIGN_VERSION.to_bytes(2) in said


@pytest.mark.parametrize("highest", [OLD, NEW])
def test_the_downgrade_sentinel_is_there_and_openssl_sees_it(stage, highest):
    port = stage("downgrade").port
    said = answer(port, hello(highest))
    assert (version_of(said), said[35:43]) == (TLS12, DOWNGRADE_SENTINEL)
    with Client(port).up_to_hello(Role.MX) as client, pytest.raises(ssl.SSLError):
        client.tls()


@pytest.mark.parametrize(
    ("name", "unit"), [("endless-alerts", alert(100, WARNING)), ("endless-empty-records", record(HANDSHAKE, b""))]
)
def test_records_without_end(stage, name, unit):
    said = answer(stage(name).port, hello(), 1 << 20)
    assert len(said) >= 1 << 20
    assert said[: len(unit) * 1000] == unit * 1000


def test_a_certificate_message_without_end(stage):
    port = stage("endless-certificate").port
    first = hello(ssl.TLSVersion.TLSv1_2)
    said = answer(port, first, 2 << 20)
    assert version_of(said) == TLS12
    assert suite_of(said) in offered_suites(first)
    assert b"\x0b\xff\xff\xff" in said
    assert len(said) >= 2 << 20
    assert answer(port, hello(OLD), 100) == alert(70)


@pytest.mark.parametrize("highest", [ssl.TLSVersion.TLSv1_2, NEW])
def test_fragments_are_one_octet_each_and_a_true_handshake(stage, highest):
    port = stage("fragments").port
    said = answer(port, hello(highest), 600)
    assert all(said[start : start + 5] == b"\x16\x03\x03\x00\x01" for start in range(0, 600, 6))
    with Client(port).up_to_hello(Role.MX) as client:
        assert client.tls(any_certificate(highest)).cipher()


def test_dripped_records_are_a_true_handshake(stage):
    with Client(stage("dripped-records").port).up_to_hello(Role.MX) as client:
        assert client.tls().version() == "TLSv1.3"


def test_slowly_dripped_records_take_their_time(stage):
    with Client(stage("slowly-dripped-records").port).up_to_hello(Role.MX) as client:
        client.send(hello(OLD))
        began = time.monotonic()
        assert client.rest(4)[0] == 21
        assert time.monotonic() - began >= 3 * DRIP_SECONDS


def test_a_sound_certificate_is_trusted_and_bears_the_name(stage, certificates):
    context = ssl.create_default_context(cafile=str(certificates.anchors))
    with Client(stage("sound").port).up_to_hello(Role.MX) as client:
        assert client.tls(context, HOST).version() == "TLSv1.3"


def test_a_hostile_certificate_holds_markup_controls_and_bidirectional_text(stage):
    with Client(stage("hostile-certificate").port).up_to_hello(Role.MX) as client:
        der = client.tls(name=HOST).getpeercert(binary_form=True)
    certificate = x509.load_der_x509_certificate(der)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    texts = {
        "subject": "".join(str(attribute.value) for attribute in certificate.subject),
        "issuer": "".join(str(attribute.value) for attribute in certificate.issuer),
        "names": "".join(names.get_values_for_type(x509.DNSName)),
    }
    assert all(MARKUP in text and "\0" in text for text in texts.values())
    assert all("\u202e" in texts[field] for field in ("subject", "issuer"))
    assert HOST in names.get_values_for_type(x509.DNSName)


@pytest.mark.parametrize(("name", "works"), [("huge-chain", True), ("vast-chain", False)])
def test_a_chain_with_too_much_company(stage, name, works):
    peer = stage(name)
    said = answer(peer.port, hello(ssl.TLSVersion.TLSv1_2), 60_000 if works else 1 << 19)
    # The filler certificates are named by number; the octets of all of them come, or as many as were waited for.
    assert b"filler 100" in said
    with Client(peer.port).up_to_hello(Role.MX) as client:
        if works:
            assert client.tls().cipher()
            assert said.count(b"filler") >= COMPANY
        else:
            with pytest.raises(ssl.SSLError, match=r"(?i)excessive|length"):
                client.tls()


@pytest.mark.parametrize("name", [name for name in PEERS if name.endswith("-for-tls10")])
def test_only_tls10_gets_an_unclear_answer(stage, name):
    port = stage(name).port
    if name != "hangs-for-tls10":
        said = answer(port, hello(OLD), 700)
        assert not (len(said) == 7 and said[5:] in (b"\x02\x28", b"\x02\x46", b"\x02\x47", b"\x02\x56"))
        if said[:1] == b"\x16":
            clean = version_of(said) == 0x0301 or version_of(said) < 0x0301
            assert not (clean and suite_of(said) in offered_suites(hello(OLD)))
    for highest in (ssl.TLSVersion.TLSv1_2, NEW):
        with Client(port).up_to_hello(Role.MX) as client:
            assert client.tls(any_certificate(highest)).cipher()
