"""Trust is what OpenSSL says of the chain as sent, dates and names left to others; and without anchors, nothing."""

from __future__ import annotations

import ssl
import warnings
from pathlib import Path

import pytest

from smtp_audit.lab.authority import Authority, Kind
from smtp_audit.probes.tls import trust
from smtp_audit.probes.tls.trust import Anchors, strict_context, tolerant_context
from tests.probes.stage import HOST, server_context

from .test_certificate import handshake

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
