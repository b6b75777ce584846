"""Certificates of every kind are read into facts; what cannot be read is said, and is never an exception."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import ipaddress
import ssl
import subprocess
import warnings
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, ExtensionOID, NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from smtp_audit.facts.certificate import CertificateFacts
from smtp_audit.lab.authority import Authority, Kind
from smtp_audit.limits import MAX_CHAIN_CERTIFICATES
from smtp_audit.probes.tls.certificate import MAX_KEY_ID, MAX_NAMES, MAX_VALUES, chain_of, read_certificate, read_chain
from tests.probes.stage import HOST, server_context

from .pki import sct, sct_list

NOON = datetime(2026, 11, 22, 12, 0, 30, tzinfo=UTC)
KEY = ec.generate_private_key(ec.SECP256R1())


def make(
    names=None,
    subject: str | x509.Name | None = None,
    *,
    issuer: x509.Name | None = None,
    key=KEY,
    before=NOON,
    after=NOON + timedelta(days=90),
    extensions=(),
    critical: bool = False,
) -> bytes:
    """A certificate in DER; `names` are general names or DNS names as text."""
    own = subject if isinstance(subject, x509.Name) else common_name(subject)
    builder = (
        x509.CertificateBuilder()
        .subject_name(own)
        .issuer_name(issuer or own)
        .public_key(key.public_key())
        .serial_number(0xABCDEF)
        .not_valid_before(before)
        .not_valid_after(after)
    )
    if names is not None:
        general = [x509.DNSName(name) if isinstance(name, str) else name for name in names]
        builder = builder.add_extension(x509.SubjectAlternativeName(general), critical=critical)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    digest = None if isinstance(key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey) else hashes.SHA256()
    return builder.sign(key, digest).public_bytes(Encoding.DER)


def common_name(text: str | None) -> x509.Name:
    if text is None:
        return x509.Name([])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # longer than 64 characters: nobody keeps a server from that
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text, _validate=False)])


class TestReading:
    def test_everything_of_an_ordinary_certificate(self):
        der = make(["Mail.Example.COM", "mail.example.com.", "*.example.com"], "mail.example.com")
        read = read_certificate(der)
        assert read.sha256 == hashlib.sha256(der).hexdigest()
        assert base64.b64decode(read.der_base64) == der
        assert read.subject == read.issuer == "CN=mail.example.com"
        assert read.self_issued
        assert not read.is_ca
        assert read.serial == "abcdef"
        assert read.common_names == ("mail.example.com",)
        assert read.dns_names == ("mail.example.com", "mail.example.com", "*.example.com")
        assert read.ip_addresses == ()
        assert (read.not_before, read.not_after) == (NOON, NOON + timedelta(days=90))
        assert "SHA256" in read.signature_algorithm.upper()
        assert "mail.example.com" in str(read)

    @pytest.mark.parametrize(
        ("key", "kind", "bits"),
        [
            (rsa.generate_private_key(65537, 1024), "RSA", 1024),
            (rsa.generate_private_key(65537, 2048), "RSA", 2048),
            (ec.generate_private_key(ec.SECP384R1()), "EC secp384r1", 384),
            (ec.generate_private_key(ec.BrainpoolP256R1()), "EC brainpoolP256r1", 256),
            (ed25519.Ed25519PrivateKey.generate(), "Ed25519", 256),
            (ed448.Ed448PrivateKey.generate(), "Ed448", 456),
            (dsa.generate_private_key(1024), "DSA", 1024),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_every_kind_of_key(self, key, kind, bits):
        read = read_certificate(make(["mail.example.com"], key=key))
        assert (read.key_type, read.key_bits) == (kind, bits)

    def test_without_alternative_names(self):
        read = read_certificate(make(None, "mail.example.com"))
        assert (read.dns_names, read.ip_addresses) == ((), ())
        assert read.common_names == ("mail.example.com",)

    def test_without_any_name(self):
        read = read_certificate(make(None))
        assert (read.subject, read.common_names) == ("", ())
        assert "(empty)" in str(read)

    def test_addresses_and_other_kinds_of_names(self):
        names = [
            x509.IPAddress(ipaddress.ip_address("192.0.2.25")),
            x509.IPAddress(ipaddress.ip_address("2001:db8::25")),
            x509.RFC822Name("postmaster@example.com"),
            x509.UniformResourceIdentifier("https://example.com/"),
            "mail.example.com",
        ]
        read = read_certificate(make(names))
        assert read.ip_addresses == ("192.0.2.25", "2001:db8::25")
        assert read.dns_names == ("mail.example.com",)

    def test_an_international_name_is_kept_in_its_a_labels(self):
        assert read_certificate(make(["XN--Bcher-KVA.example"])).dns_names == ("xn--bcher-kva.example",)

    def test_several_common_names(self):
        both = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name) for name in ("a.example", "b.example")])
        assert read_certificate(make(None, both)).common_names == ("a.example", "b.example")

    def test_an_authority_is_one(self):
        read = read_certificate(make(None, "CA", extensions=[x509.BasicConstraints(True, None)]))
        assert read.is_ca

    def test_another_issuer(self):
        read = read_certificate(make(None, "mail.example.com", issuer=common_name("CA")))
        assert read.issuer == "CN=CA"
        assert not read.self_issued

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            (datetime(1950, 1, 1, tzinfo=UTC), datetime(1950, 1, 2, tzinfo=UTC)),
            (NOON, datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ],
    )
    def test_far_dates(self, before, after):
        read = read_certificate(make(["mail.example.com"], before=before, after=after))
        assert (read.not_before, read.not_after) == (before, after)

    @pytest.mark.parametrize(
        "text",
        ["<script>alert(1)</script>", "a\r\nb", "\x1b[2Jx", "nul\0byte", "\u202egpj.exe", "back\\slash", "x" * 5000],
    )
    def test_hostile_text_is_escaped_and_cut(self, text):
        read = read_certificate(make([text.encode("ascii", "replace").decode()[:200]], text))
        for shown in (read.subject, read.issuer, *read.common_names, *read.dns_names, str(read)):
            assert shown.isascii()
            assert shown.isprintable()
            assert len(shown) < 20_000

    def test_a_flood_of_names_is_cut(self):
        names: list[x509.GeneralName | str] = [f"m{number}.example" for number in range(MAX_NAMES + 50)]
        names += [x509.IPAddress(ipaddress.ip_address(number)) for number in range(MAX_NAMES + 50)]
        read = read_certificate(make(names))
        assert len(read.dns_names) == len(read.ip_addresses) == MAX_NAMES

    @settings(max_examples=60)
    @given(
        subject=st.lists(
            st.tuples(
                st.sampled_from([NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME, NameOID.LOCALITY_NAME]),
                st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60),
            ),
            max_size=4,
        ),
        names=st.lists(st.text(st.characters(codec="ascii"), max_size=60), min_size=1, max_size=5),
        days=st.integers(-40_000, 40_000),
    )
    def test_whatever_its_words_are(self, subject, names, days):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # too long
            name = x509.Name([x509.NameAttribute(oid, text, _validate=False) for oid, text in subject])
        begin = max(NOON + timedelta(days=days), datetime(1950, 1, 1, tzinfo=UTC))
        der = make(names, name, before=begin, after=begin + timedelta(days=1))
        chain, unreadable = read_chain((der,))
        if unreadable:
            assert chain == ()
            assert unreadable.isascii()
            return
        facts = CertificateFacts(offered=True, host=HOST, chain=chain)
        assert CertificateFacts.model_validate_json(facts.model_dump_json()) == facts
        assert len(chain[0].dns_names) == len(names)
        assert str(chain[0]).isprintable()

    def test_the_library_warns_nobody(self):
        der = make(["mail.example.com"], "x" * 65)
        with pytest.warns(UserWarning, match="length"):
            assert x509.load_der_x509_certificate(der).subject
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            read_certificate(der)


GOOD = make(["mail.example.com"], "mail.example.com")


class TestUses:
    """What a certificate says it may be used for, and where more about it is found."""

    @staticmethod
    def read(*extensions):
        return read_certificate(make(["mail.example.com"], extensions=extensions))

    def test_nothing_said(self):
        read = self.read()
        assert read.extensions_read
        assert (read.version, read.signature_hash) == (3, "sha256")
        assert (read.key_usage, read.extended_key_usage) == (None, None)
        assert (read.is_ca, read.has_basic_constraints, read.path_length) == (False, False, None)
        assert (read.must_staple, read.sct_logs, read.ocsp_urls, read.crl_urls) == (False, (), (), ())
        assert (read.issuer_organisations, read.subject_key_id, read.authority_key_id) == ((), "", "")

    def test_key_usage(self):
        usage = x509.KeyUsage(True, True, True, True, True, True, True, True, True)
        every = ("digitalSignature", "nonRepudiation", "keyEncipherment", "dataEncipherment", "keyAgreement")
        assert self.read(usage).key_usage == (*every, "keyCertSign", "cRLSign")
        none = x509.KeyUsage(*[False] * 9)
        assert self.read(none).key_usage == ()

    def test_extended_key_usage(self):
        usage = x509.ExtendedKeyUsage(
            [ExtendedKeyUsageOID.SERVER_AUTH, x509.ObjectIdentifier("1.2.3.4"), ExtendedKeyUsageOID.CLIENT_AUTH]
        )
        assert self.read(usage).extended_key_usage == ("serverAuth", "1.2.3.4", "clientAuth")

    def test_a_flood_of_purposes_is_cut(self):
        usage = x509.ExtendedKeyUsage([x509.ObjectIdentifier(f"1.2.3.{n}") for n in range(MAX_VALUES + 50)])
        assert len(self.read(usage).extended_key_usage) == MAX_VALUES

    @pytest.mark.parametrize(("ca", "length"), [(True, 0), (True, 3), (True, None), (False, None)])
    def test_basic_constraints(self, ca, length):
        read = self.read(x509.BasicConstraints(ca, length))
        assert (read.is_ca, read.has_basic_constraints, read.path_length) == (ca, True, length)

    def test_must_staple(self):
        assert self.read(x509.TLSFeature([x509.TLSFeatureType.status_request])).must_staple
        assert not self.read(x509.TLSFeature([x509.TLSFeatureType.status_request_v2])).must_staple

    def test_addresses(self):
        def at(method, *urls):
            return [x509.AccessDescription(method, x509.UniformResourceIdentifier(url)) for url in urls]

        access = at(AuthorityInformationAccessOID.OCSP, "http://o.example/", "http://p.example/", "http://o.example/")
        access += at(AuthorityInformationAccessOID.CA_ISSUERS, "http://i.example/")
        access.append(x509.AccessDescription(AuthorityInformationAccessOID.OCSP, x509.DNSName("o.example")))
        points = [
            x509.DistributionPoint([x509.UniformResourceIdentifier(url)], None, None, None)
            for url in ("http://c.example/1.crl", "ldap://c.example/")
        ]
        read = self.read(x509.AuthorityInformationAccess(access), x509.CRLDistributionPoints(points))
        assert read.ocsp_urls == ("http://o.example/", "http://p.example/")
        assert read.crl_urls == ("http://c.example/1.crl", "ldap://c.example/")

    def test_hostile_addresses_are_escaped(self):
        place = x509.UniformResourceIdentifier("http://x/\x1b[2J\r\n<script>")
        read = self.read(
            x509.AuthorityInformationAccess([x509.AccessDescription(AuthorityInformationAccessOID.OCSP, place)])
        )
        assert all(url.isprintable() and url.isascii() for url in read.ocsp_urls)

    def test_key_identifiers(self):
        ids = x509.SubjectKeyIdentifier(b"own"), x509.AuthorityKeyIdentifier(b"above", None, None)
        read = self.read(*ids)
        assert (read.subject_key_id, read.authority_key_id) == (b"own".hex(), b"above".hex())
        assert self.read(x509.SubjectKeyIdentifier(bytes(5000))).subject_key_id == "00" * MAX_KEY_ID

    def test_organisations_of_the_issuer(self):
        names = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, text) for text in ("Let's Encrypt", "B\xfccher")]
        read = read_certificate(make(["mail.example.com"], issuer=x509.Name(names)))
        assert read.issuer_organisations == ("Let's Encrypt", "B\\u{fc}cher")

    def test_embedded_timestamps(self):
        timestamps = sct_list(*(sct(log * 32) for log in (b"a", b"b", b"a")))
        octets = b"\x04" + (bytes([len(timestamps)]) if len(timestamps) < 128 else b"\x81" + bytes([len(timestamps)]))
        oid = ExtensionOID.PRECERT_SIGNED_CERTIFICATE_TIMESTAMPS
        read = self.read(x509.UnrecognizedExtension(oid, octets + timestamps))
        assert read.sct_logs == ((b"a" * 32).hex(), (b"b" * 32).hex())

    @pytest.mark.parametrize(
        ("options", "wanted"),
        [
            (["-newkey", "rsa:2048", "-sha1"], ("RSA", "sha1")),
            (["-newkey", "rsa:1024", "-md5"], ("RSA", "md5")),
            (["-newkey", "rsa:2048", "-sigopt", "rsa_padding_mode:pss", "-sha384"], ("RSA", "sha384")),
            (["-newkey", "rsa-pss", "-pkeyopt", "rsa_keygen_bits:2048"], ("RSA-PSS", "sha256")),
            (["-newkey", "ed25519"], ("Ed25519", "")),
            (["-newkey", "ed448"], ("Ed448", "")),
        ],
        ids=["sha1", "md5", "pss-signature", "pss-key", "ed25519", "ed448"],
    )
    def test_digests_and_keys_as_openssl_makes_them(self, tmp_path, options, wanted):
        command = ["openssl", "req", "-x509", "-nodes", "-subj", "/CN=Test", "-outform", "DER", *options]
        subprocess.run(
            [*command, "-keyout", tmp_path / "key", "-out", tmp_path / "crt"], check=True, capture_output=True
        )
        read = read_certificate((tmp_path / "crt").read_bytes())
        assert (read.key_type, read.signature_hash) == wanted
        assert read.curve == (read.key_type if read.key_type.startswith("Ed") else "")


class TestChain:
    def test_the_order_is_kept(self):
        ders = tuple(make([f"m{number}.example"]) for number in range(3))
        chain, unreadable = read_chain(ders)
        assert unreadable == ""
        assert [certificate.dns_names for certificate in chain] == [(f"m{n}.example",) for n in range(3)]

    def test_a_long_chain_is_cut_and_said_to_be(self):
        chain, unreadable = read_chain((GOOD,) * (MAX_CHAIN_CERTIFICATES + 1))
        assert len(chain) == MAX_CHAIN_CERTIFICATES
        assert str(MAX_CHAIN_CERTIFICATES + 1) in unreadable
        assert read_chain((GOOD,) * MAX_CHAIN_CERTIFICATES) == (chain, "")

    def test_what_cannot_be_read_ends_it_with_a_reason(self):
        chain, unreadable = read_chain((GOOD, b"garbage", GOOD))
        assert len(chain) == 1
        assert "certificate 2" in unreadable

    def test_an_unreadable_leaf_leaves_nothing(self):
        chain, unreadable = read_chain((GOOD[:-1], GOOD))
        assert chain == ()
        assert "certificate 1" in unreadable

    def test_nothing_sent(self):
        assert read_chain(()) == ((), "")

    @given(der=st.binary(max_size=80))
    def test_garbage_is_never_an_exception(self, der):
        chain, unreadable = read_chain((der,))
        assert chain == ()
        assert unreadable.isascii()
        assert unreadable.isprintable()
        assert 0 < len(unreadable) < 400

    @given(place=st.integers(0, len(GOOD) - 1), octet=st.integers(0, 255))
    def test_nor_is_a_damaged_certificate(self, place, octet):
        chain, unreadable = read_chain((GOOD[:place] + bytes([octet]) + GOOD[place + 1 :],))
        assert len(chain) == (0 if unreadable else 1)
        assert all(text.isascii() and text.isprintable() for text in (unreadable, *map(str, chain)))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_the_chain_of_a_handshake_is_what_was_sent(authority: Authority, version: ssl.TLSVersion):
    """Also certificates that belong to no chain: what is sent is what is judged."""
    path = authority.issue("sent", Kind(names=(f"DNS:{HOST}",), send=("intermediate", "stranger-root")))
    wanted = [ssl.PEM_cert_to_DER_cert(pem) for pem in pems(path.read_text())]
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    client.maximum_version = version
    chain = chain_of(handshake(client, server_context(path)))
    assert list(chain) == wanted
    assert read_chain(chain)[0][2].subject == "CN=Stranger Root"


def pems(text: str) -> list[str]:
    end = "-----END CERTIFICATE-----\n"
    return [part[part.index("-----BEGIN CERTIFICATE") :] + end for part in text.split(end)[:-1]]


def handshake(client: ssl.SSLContext, server: ssl.SSLContext, name: str | None = None) -> ssl.SSLObject:
    """Both sides in memory; raises what the client does."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(to_client, to_server, server_hostname=name)
    theirs = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(10):
        try:
            ours.do_handshake()
            return ours
        except ssl.SSLWantReadError:
            with contextlib.suppress(ssl.SSLWantReadError):
                theirs.do_handshake()
    raise AssertionError("no end of the handshake")
