"""What the authority issues is what OpenSSL says it is."""

import ssl
from pathlib import Path

import pytest
from cryptography import x509

from smtp_audit.lab.authority import Authority, Kind

HOST = "DNS:mail.lab.example"


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    made = Authority(tmp_path_factory.mktemp("authority") / "ca")
    made.add_issuer("old", "Old Intermediate", parent="root", days=(-800, -10))
    made.add_issuer("no-authority", "Mere Leaf", parent="root", is_authority=False)
    made.add_issuer("elsewhere", "Other Domains", parent="root", permitted="other.example")
    return made


def handshake(authority: Authority, kind: Kind) -> str:
    """What a strict client says of the chain: empty when it takes it."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(authority.issue("leaf", kind))
    client = ssl.create_default_context(cafile=authority.anchors)
    client.hostname_checks_common_name = False  # RFC 9525 section 2
    ends = ssl.MemoryBIO(), ssl.MemoryBIO()
    here = client.wrap_bio(*ends, server_hostname="mail.lab.example")
    there = server.wrap_bio(*ends[::-1], server_side=True)
    for _ in range(4):
        for end in (here, there):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError as error:
                return error.verify_message
    return ""


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (Kind(names=(HOST,)), ""),
        (Kind(names=(HOST,), issuer="root", send=()), ""),
        (Kind(names=("DNS:other.example",)), "Hostname mismatch"),
        (Kind(common_name="mail.lab.example"), "Hostname mismatch"),
        (Kind(names=(HOST,), days=(-90, -1)), "certificate has expired"),
        (Kind(names=(HOST,), days=(1, 90)), "certificate is not yet valid"),
        (Kind(names=(HOST,), issuer="self", send=()), "self-signed certificate"),
        (Kind(names=(HOST,), send=()), "unable to get local issuer certificate"),
        (Kind(names=(HOST,), purposes=("client",)), "unsuitable certificate purpose"),
        (Kind(names=(HOST,), issuer="stranger-intermediate", send=("stranger-intermediate",)), "unable to get"),
        (Kind(names=(HOST,), issuer="old", send=("old",)), "certificate has expired"),
        (Kind(names=(HOST,), issuer="no-authority", send=("no-authority",)), "invalid CA certificate"),
        (Kind(names=(HOST,), issuer="elsewhere", send=("elsewhere",)), "permitted subtree violation"),
    ],
    ids=lambda value: value.replace(" ", "_") if isinstance(value, str) else "",
)
def test_a_strict_client_says(authority, kind, says):
    found = handshake(authority, kind)
    assert found.startswith(says) if says else found == ""


def test_addresses_are_names_too(authority):
    path = authority.issue("address", Kind(names=("IP:127.0.0.1", "IP:::1")))
    leaf = x509.load_pem_x509_certificates(path.read_bytes())[0]
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]
    with pytest.raises(ValueError, match="neither DNS: nor IP:"):
        authority.issue("mail", Kind(names=("mail:alice@lab.example",)))


def test_keys_are_for_the_owner_alone(authority):
    path: Path = authority.issue("private", Kind(names=(HOST,)))
    assert path.stat().st_mode & 0o077 == 0
