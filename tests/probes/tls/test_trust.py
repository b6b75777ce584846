"""Trust is what OpenSSL says of the chain as sent, dates and names left to others; and without anchors, nothing."""

from __future__ import annotations

import ssl
import subprocess
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smtp_audit.lab.authority import Authority, Kind
from smtp_audit.probes.tls import trust
from smtp_audit.probes.tls.certificate import chain_of
from smtp_audit.probes.tls.trust import Anchors, chain_trust, strict_context, tolerant_context
from tests.live.authority import Authority as LiveAuthority
from tests.live.authority import Kind as LiveKind
from tests.probes.stage import HOST, server_context

from .test_certificate import handshake, make

SOUND = Kind(names=(f"DNS:{HOST}",))


def kind(**more) -> Kind:
    return Kind(**{"names": (f"DNS:{HOST}",), **more})


TRUSTED = {
    "sound": SOUND,
    "expired": kind(days=(-90, -1)),
    "not yet valid": kind(days=(1, 90)),
    "for another name": kind(names=("DNS:other.example",)),
    "without names": kind(names=(), common_name=HOST),
    "for server and client": kind(purposes=("server", "client")),
    "without a purpose": kind(purposes=()),
    "with more than the chain": kind(send=("intermediate", "stranger-root")),
    "in the wrong order": kind(send=("stranger-root", "intermediate")),
}

UNTRUSTED = {
    "self-signed": (kind(issuer="self", send=()), "self-signed"),
    "unknown authority": (kind(issuer="stranger-intermediate", send=("stranger-intermediate",)), "unable to get"),
    "unknown root sent along": (
        kind(issuer="stranger-intermediate", send=("stranger-intermediate", "stranger-root")),
        "self-signed",
    ),
    "missing intermediate": (kind(send=()), "unable to get"),
    "for clients only": (kind(purposes=("client",)), "purpose"),
    "expired and unknown": (kind(issuer="self", send=(), days=(-90, -1)), "self-signed"),
}


@pytest.fixture
def meet(authority: Authority):
    """A handshake of a client context with a server that has such a certificate."""

    def meet(client: ssl.SSLContext, kind: Kind, name: str | None = HOST, *, old: bool = False) -> ssl.SSLObject:
        return handshake(client, server_context(authority.issue("trust", kind), old=old), name)

    return meet


def limit(server: ssl.SSLContext, version: ssl.TLSVersion) -> None:
    """Nothing newer than this."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        server.maximum_version = version


class TestTolerant:
    @pytest.mark.parametrize("name", TRUSTED)
    def test_what_is_trusted(self, authority, meet, name):
        meet(tolerant_context(Anchors(authority.anchors), True), TRUSTED[name])

    @pytest.mark.parametrize("name", UNTRUSTED)
    def test_what_is_not_and_why(self, authority, meet, name):
        kind, why = UNTRUSTED[name]
        with pytest.raises(ssl.SSLCertVerificationError, match=why):
            meet(tolerant_context(Anchors(authority.anchors), True), kind)

    @pytest.mark.parametrize("name", UNTRUSTED)
    def test_without_verification_everything_can_be_looked_at(self, meet, name):
        meet(tolerant_context(Anchors(), False), UNTRUSTED[name][0])

    def test_without_a_server_name(self, authority, meet):
        meet(tolerant_context(Anchors(authority.anchors), True), SOUND, None)

    @pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2])
    def test_old_servers_can_be_looked_at(self, authority, version):
        server = server_context(authority.issue("old", SOUND), old=True)
        limit(server, version)
        tls = handshake(tolerant_context(Anchors(authority.anchors), True), server, HOST)
        assert tls.version() == version.name.replace("_", ".")

    def test_an_anonymous_suite_is_not_chosen(self, authority):
        """There would be no certificate to look at."""
        server = server_context(authority.issue("anonymous", SOUND), old=True)
        server.maximum_version = ssl.TLSVersion.TLSv1_2
        server.set_ciphers("aNULL:ALL:@SECLEVEL=0")
        server.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
        tls = handshake(tolerant_context(Anchors(), False), server, HOST)
        assert tls.getpeercert(binary_form=True)

    def test_the_systems_store_knows_nothing_of_a_private_authority(self, meet):
        if not Anchors().usable:
            pytest.skip("this machine has no trust anchors")
        with pytest.raises(ssl.SSLCertVerificationError):
            meet(tolerant_context(Anchors(), True), SOUND)


class TestStrict:
    def test_a_sound_server(self, authority, meet):
        meet(strict_context(Anchors(authority.anchors)), SOUND)

    @pytest.mark.parametrize("name", ["expired", "not yet valid", "for another name", "without names", *UNTRUSTED])
    def test_nothing_else_gets_the_password(self, authority, meet, name):
        kind = TRUSTED[name] if name in TRUSTED else UNTRUSTED[name][0]
        with pytest.raises(ssl.SSLCertVerificationError):
            meet(strict_context(Anchors(authority.anchors)), kind)

    def test_nor_does_an_old_version(self, authority):
        server = server_context(authority.issue("old", SOUND), old=True)
        limit(server, ssl.TLSVersion.TLSv1_1)
        with pytest.raises(ssl.SSLError):
            handshake(strict_context(Anchors(authority.anchors)), server, HOST)

    def test_the_anchors_given_are_the_only_ones(self, authority):
        assert strict_context(Anchors(authority.anchors)).cert_store_stats()["x509_ca"] == 1
        assert tolerant_context(Anchors(authority.anchors), True).cert_store_stats()["x509_ca"] == 1


class TestAnchors:
    def test_a_file_is_named_with_its_hash(self, authority):
        name = Anchors(authority.anchors).name
        assert str(authority.anchors) in name
        assert "SHA-256" in name

    def test_the_systems_store_is_named(self):
        assert "system" in Anchors().name

    def test_a_file_is_always_usable(self, authority):
        assert Anchors(authority.anchors).usable

    @pytest.mark.parametrize(
        ("file", "folder", "usable"),
        [
            (None, None, False),
            ("empty", None, False),
            ("full", None, True),
            (None, "empty", False),
            (None, "full", True),
            ("empty", "full", True),
            ("empty", "empty", False),
        ],
    )
    def test_a_system_without_anchors_is_seen(self, monkeypatch, tmp_path, file, folder, usable):
        """A slim container has none; "not trusted" would then say nothing about the server."""
        empty, full, no_files, files = (tmp_path / name for name in ("empty.pem", "full.pem", "no-files", "files"))
        empty.touch()
        full.write_text("x")
        no_files.mkdir()
        files.mkdir()
        (files / "a.0").touch()
        cafile = {"empty": empty, "full": full}.get(file)
        capath = {"empty": no_files, "full": files}.get(folder)
        paths = ssl.DefaultVerifyPaths(str(cafile) if cafile else None, str(capath) if capath else None, "", "", "", "")
        monkeypatch.setattr(trust.ssl, "get_default_verify_paths", lambda: paths)
        assert Anchors().usable is usable

    def test_two_of_the_same_file_share_a_context(self, authority):
        again = Anchors(Path(str(authority.anchors)))
        assert tolerant_context(again, True) is tolerant_context(Anchors(authority.anchors), True)
        assert tolerant_context(again, False) is not tolerant_context(again, True)


LIVE = {
    "sound": LiveKind(names=(f"DNS:{HOST}",)),
    "expired": LiveKind(names=(f"DNS:{HOST}",), days=(-90, -1)),
    "self-signed": LiveKind(names=(f"DNS:{HOST}",), issuer="self", send=()),
    "an authority": LiveKind(names=(f"DNS:{HOST}",), is_authority=True),
    "self-signed authority": LiveKind(names=(f"DNS:{HOST}",), is_authority=True, issuer="self", send=()),
    "of the root": LiveKind(names=(f"DNS:{HOST}",), issuer="root", send=()),
    "with the root": LiveKind(names=(f"DNS:{HOST}",), send=("intermediate", "root")),
    "of another intermediate": LiveKind(names=(f"DNS:{HOST}",), send=("intermediate-expired",)),
    "unknown root sent along": LiveKind(
        names=(f"DNS:{HOST}",), issuer="stranger-intermediate", send=("stranger-intermediate", "stranger-root")
    ),
    "expired intermediate": LiveKind(
        names=(f"DNS:{HOST}",), issuer="intermediate-expired", send=("intermediate-expired",)
    ),
    "issuer that is no authority": LiveKind(
        names=(f"DNS:{HOST}",), issuer="intermediate-not-an-authority", send=("intermediate-not-an-authority",)
    ),
    "excluded by name constraints": LiveKind(
        names=(f"DNS:{HOST}",), issuer="intermediate-other-domains", send=("intermediate-other-domains",)
    ),
}


@pytest.fixture(scope="module")
def live(tmp_path_factory) -> LiveAuthority:
    return LiveAuthority(tmp_path_factory.mktemp("live") / "authority")


@pytest.fixture
def sound_chain(authority) -> list[bytes]:
    return pems(authority.issue("damaged", SOUND))


class TestWithoutAConnection:
    """The verdict on a chain alone is that of a handshake: same answer, same number, same words."""

    @staticmethod
    def agree(anchors: Path, server: ssl.SSLContext):
        """Both verdicts, compared; that of the handshake is returned."""
        chain = chain_of(handshake(tolerant_context(Anchors(), False), server, HOST))
        alone, why = chain_trust(chain, Anchors(anchors))
        assert alone is not None, why
        try:
            handshake(tolerant_context(Anchors(anchors), True), server, HOST)
            wanted = (True, 0, "")
        except ssl.SSLCertVerificationError as error:
            wanted = (False, error.verify_code, error.verify_message)
        assert (alone.trusted, alone.code, alone.error) == wanted
        assert (alone.anchors, alone.system_anchors) == (Anchors(anchors).name, False)
        return wanted

    @pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
    @pytest.mark.parametrize("name", [*TRUSTED, *UNTRUSTED])
    def test_of_every_kind_of_the_lab(self, authority, name, version):
        kind = TRUSTED[name] if name in TRUSTED else UNTRUSTED[name][0]
        server = server_context(authority.issue("alone", kind))
        limit(server, version)
        assert self.agree(authority.anchors, server)[0] is (name in TRUSTED)

    @pytest.mark.parametrize("name", LIVE)
    def test_of_every_kind_of_the_live_servers(self, live, name):
        self.agree(live.anchors, server_context(live.issue("alone", LIVE[name], [HOST])))

    def test_the_broken_kinds_are_not_all_the_same(self, live):
        codes = {
            name: self.agree(live.anchors, server_context(live.issue("alone", LIVE[name], [HOST])))[1]
            for name in ("self-signed", "issuer that is no authority", "excluded by name constraints", "sound")
        }
        assert len(set(codes.values())) == len(codes), codes

    @pytest.mark.parametrize("depth", [0, 1])
    def test_of_a_path_that_is_too_long(self, tmp_path, depth):
        path, anchors = chain_of_authorities(tmp_path, path_length=depth)
        assert self.agree(anchors, server_context(path))[:2] == ((True, 0) if depth else (False, 25))

    @pytest.mark.parametrize("key", ["rsa1024", "rsa2048", "pss", "p256", "p384", "p521", "ed25519", "ed448"])
    @pytest.mark.parametrize("trusted", [True, False])
    def test_of_every_kind_of_key(self, tmp_path, key, trusted):
        path, anchors = self_signed(tmp_path, key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.load_cert_chain(path)
        other = tmp_path / "other.pem"
        other.write_text(ssl.DER_cert_to_PEM_cert(make(["other.example"], "Another")))
        assert self.agree(anchors if trusted else other, context)[0] is trusted

    def test_of_a_key_for_dsa(self, tmp_path):
        """Python's client offers no suite for it, so that no handshake can be had: the verdict is no trust."""
        der = make([HOST], "DSA", key=dsa.generate_private_key(1024))
        verdict, why = chain_trust([der], Anchors(pem(tmp_path / "dsa.pem", der)))
        assert verdict is None or verdict.trusted
        assert bool(why) is (verdict is None)
        verdict, why = chain_trust([der], Anchors(pem(tmp_path / "other.pem", make(["other.example"], "Another"))))
        assert verdict is None or not verdict.trusted

    @pytest.mark.parametrize("chain", [(), (b"",), (b"junk",), (b"\x30\x03\x02\x01\x01",), (b"x" * 300_000,)])
    def test_garbage_has_no_verdict(self, authority, chain):
        verdict, why = chain_trust(chain, Anchors(authority.anchors))
        assert verdict is None
        assert why.isascii()
        assert "_ssl" not in why

    def test_a_sound_leaf_before_garbage_has_none_either(self, authority):
        sound = pems(authority.issue("junk", SOUND))
        assert chain_trust([*sound, b"junk"], Anchors(authority.anchors))[0] is None
        assert chain_trust([*sound, *sound * 300], Anchors(authority.anchors))[0] is None

    @settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(place=st.floats(0, 0.9999), change=st.integers(1, 255))
    def test_a_damaged_chain_is_never_trusted(self, authority, sound_chain, place, change):
        """Not even when a single bit of what is signed has changed."""
        leaf, issuer = sound_chain
        at = int(place * len(leaf))
        damaged = leaf[:at] + bytes([leaf[at] ^ change]) + leaf[at + 1 :]
        verdict, why = chain_trust([damaged, issuer], Anchors(authority.anchors))
        assert verdict is None or not verdict.trusted
        assert bool(why) is (verdict is None)

    def test_a_long_chain_goes_over_several_records(self, authority):
        sound = pems(authority.issue("long", SOUND))
        verdict, _ = chain_trust([*sound, *sound * 30], Anchors(authority.anchors))
        assert verdict.trusted

    def test_without_anchors(self, authority, monkeypatch):
        monkeypatch.setattr("smtp_audit.probes.tls.trust.Anchors.usable", False)
        assert chain_trust(pems(authority.issue("none", SOUND)), Anchors()) == (None, "there are no trust anchors here")

    def test_a_file_of_anchors_that_is_gone(self, authority, tmp_path):
        verdict, why = chain_trust(pems(authority.issue("gone", SOUND)), Anchors(tmp_path / "gone.pem"))
        assert verdict is None
        assert "anchors cannot be read" in why

    @pytest.mark.parametrize("reason", ["UNEXPECTED_MESSAGE", "NO_SHARED_CIPHER", None])
    def test_another_error_is_no_verdict(self, authority, monkeypatch, reason):
        """OpenSSL's order of doing things could change: what it says then must not become trust."""

        def broken(*_: object) -> None:
            error = ssl.SSLError(1, "[SSL] something (_ssl.c:1)")
            error.reason = reason
            raise error

        monkeypatch.setattr(trust, "_verify", broken)
        verdict, why = chain_trust(pems(authority.issue("other", SOUND)), Anchors(authority.anchors))
        assert verdict is None
        assert "no verdict" in why

    def test_waiting_for_more_is_no_trust_when_the_chain_was_not_taken(self, authority, monkeypatch):
        monkeypatch.setattr(trust, "_certificate", lambda chain: b"")
        assert chain_trust(pems(authority.issue("more", SOUND)), Anchors(authority.anchors))[0] is None


def pems(path: Path) -> list[bytes]:
    return [one.public_bytes(Encoding.DER) for one in x509.load_pem_x509_certificates(path.read_bytes())]


def pem(path: Path, *ders: bytes) -> Path:
    path.write_text("".join(ssl.DER_cert_to_PEM_cert(der) for der in ders))
    return path


def self_signed(folder: Path, key: str) -> tuple[Path, Path]:
    """A certificate of its own issue with a key of any kind: the PEM file for a server, and the anchors."""
    options = {
        "rsa1024": ["-newkey", "rsa:1024"],
        "rsa2048": ["-newkey", "rsa:2048"],
        "pss": ["-newkey", "rsa-pss", "-pkeyopt", "rsa_keygen_bits:2048"],
        "p256": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
        "p384": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"],
        "p521": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-521"],
        "ed25519": ["-newkey", "ed25519"],
        "ed448": ["-newkey", "ed448"],
    }[key]
    both, anchors = folder / "server.pem", folder / "anchors.pem"
    command = ["openssl", "req", "-x509", "-nodes", "-subj", "/CN=Test", "-days", "30", *options]
    subprocess.run([*command, "-keyout", both, "-out", anchors], check=True, capture_output=True)
    both.write_bytes(both.read_bytes() + anchors.read_bytes())
    return both, anchors


def chain_of_authorities(folder: Path, path_length: int) -> tuple[Path, Path]:
    """Root, an authority that may have so many below it, one more authority, leaf."""
    now = datetime.now(UTC)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(4)]
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Level {level}")]) for level in range(4)]
    made = []
    for level, allowed in enumerate((None, path_length, None, None)):
        above = max(level - 1, 0)
        made.append(
            x509.CertificateBuilder()
            .subject_name(names[level])
            .issuer_name(names[above])
            .public_key(keys[level].public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=30))
            .add_extension(x509.BasicConstraints(level < 3, allowed), critical=True)
            .sign(keys[above], hashes.SHA256())
        )
    path, anchors = folder / "deep.pem", folder / "root.pem"
    anchors.write_bytes(made[0].public_bytes(Encoding.PEM))
    key = keys[3].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(key + b"".join(made[level].public_bytes(Encoding.PEM) for level in (3, 2, 1)))
    return path, anchors
