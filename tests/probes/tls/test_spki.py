"""The public key as it was sent, for TLSA records: the library would write some keys anew, in another form."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from smtp_audit.probes.tls.certificate import read_certificate, spki_of


@pytest.mark.parametrize("kind", ["rsa:2048", "rsa-pss", "ed25519", "ec"])
def test_the_hashes_are_those_that_openssl_gives(kind: str, tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    more = ["-pkeyopt", "ec_paramgen_curve:P-256"] if kind == "ec" else []
    made = ["openssl", "req", "-x509", "-nodes", "-newkey", kind, *more, "-subj", "/CN=x", "-keyout", "key.pem"]
    subprocess.run([*made, "-out", "cert.pem"], cwd=tmp_path, check=True, capture_output=True, timeout=60)
    shown = ["openssl", "x509", "-in", "cert.pem", "-noout", "-pubkey"]
    pem = subprocess.run(shown, cwd=tmp_path, check=True, capture_output=True, timeout=60).stdout
    der = subprocess.run(
        ["openssl", "pkey", "-pubin", "-outform", "DER"], input=pem, check=True, capture_output=True, timeout=60
    ).stdout
    parsed = x509.load_pem_x509_certificate((tmp_path / "cert.pem").read_bytes())
    octets = ssl_der(tmp_path / "cert.pem")
    read = read_certificate(octets)
    assert spki_of(parsed.tbs_certificate_bytes) == der
    assert (read.spki_sha256, read.spki_sha512) == (hashlib.sha256(der).hexdigest(), hashlib.sha512(der).hexdigest())
    assert read.sha512 == hashlib.sha512(octets).hexdigest()


def ssl_der(path: Path) -> bytes:
    import ssl

    return ssl.PEM_cert_to_DER_cert(path.read_text())


@given(st.binary(max_size=60))
def test_octets_that_are_none_raise_a_value_error_at_most(octets: bytes) -> None:
    try:
        spki_of(octets)
    except ValueError:
        return
