"""DKIM key records."""

from __future__ import annotations

import base64
from functools import cache

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from smtp_audit.published.dkim import KeyForm, parse_dkim

RSA512 = (
    "MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBALeNf1p81Tdd38hItR/OmeMXtcrqMW36JpKe/L8WbK6z7xrXINYXf510/BFPoAWZH4sO"
    "DK7XE6dAlbQmTb9sKmUCAwEAAQ=="
)


@cache
def rsa_key(bits: int = 1024, form: PublicFormat = PublicFormat.SubjectPublicKeyInfo) -> str:
    """An RSA key as p= takes it."""
    return _base64(rsa.generate_private_key(65537, bits).public_key().public_bytes(Encoding.DER, form))


@cache
def ed25519_key() -> str:
    """An Ed25519 key as p= takes it."""
    return _base64(ed25519.Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


@given(st.text(alphabet=st.characters(max_codepoint=255), max_size=300))
def test_whatever_a_record_holds_is_read(text: str) -> None:
    for record in (parse_dkim(text), parse_dkim(f"v=DKIM1; p={text}"), parse_dkim(f"v=DKIM1; k={text}; p=QUJD")):
        assert all(each.isascii() and each.isprintable() for each in (*record.problems, *record.notes))
        assert not record.usable


@given(st.binary(max_size=300))
def test_whatever_octets_a_key_has(octets: bytes) -> None:
    text = _base64(octets)
    assert parse_dkim(f"p={text}").key is None
    ours = parse_dkim(f"k=ed25519; p={text}")
    assert (ours.key is not None) is (len(octets) == 32)


@given(st.integers(min_value=0, max_value=161), st.integers(min_value=0, max_value=255))
def test_a_damaged_key_is_read_or_named(place: int, octet: int) -> None:
    octets = bytearray(base64.b64decode(rsa_key()))
    octets[place] = octet
    record = parse_dkim(f"p={_base64(bytes(octets))}")
    assert (record.key is None) is bool(record.problems)


def test_an_rsa_key() -> None:
    record = parse_dkim(f"v=DKIM1; k=rsa; p={rsa_key()}")
    assert record.usable
    assert record.key is not None
    assert (record.key.type, record.key.bits, record.key.form) == ("rsa", 1024, KeyForm.SPKI)
    assert parse_dkim(f"p={rsa_key()}").key == record.key


def test_a_small_key_is_read_as_what_it_is() -> None:
    key = parse_dkim(f"v=DKIM1; p={RSA512}").key
    assert key is not None
    assert key.bits == 512


def test_white_space_in_a_key_is_none_of_it() -> None:
    key = rsa_key()
    assert parse_dkim(f"v = DKIM1 ;\tp = {key[:30]} {key[30:90]}\t {key[90:]} ;").key == parse_dkim(f"p={key}").key


def test_a_bare_rsa_key_is_read_and_noted() -> None:
    record = parse_dkim(f"v=DKIM1; p={rsa_key(1024, PublicFormat.PKCS1)}")
    assert record.usable
    assert record.key is not None
    assert record.key.form is KeyForm.PKCS1
    assert "many verifiers" in record.notes[0]


def test_an_ed25519_key() -> None:
    record = parse_dkim(f"v=DKIM1; k=ed25519; p={ed25519_key()}")
    assert record.usable
    assert record.key is not None
    assert (record.key.type, record.key.bits) == ("ed25519", 256)


def test_unknown_tags_and_values_are_tolerated() -> None:
    record = parse_dkim(f"v=DKIM1; x=1; g=*; h=sha1:sha256:sha3-512; s=email:tlsrpt; t=s:z; n=a=20note; p={rsa_key()}")
    assert record.usable
    assert record.strict
    assert not record.testing
    assert record.hashes == ("sha1", "sha256", "sha3-512")


def test_a_remark_spoils_no_key() -> None:
    record = parse_dkim(f"v=DKIM1; n=a=2; p={rsa_key()}")
    assert record.usable
    assert "quoted-printable" in record.notes[0]


def test_a_revoked_key() -> None:
    record = parse_dkim("v=DKIM1; p=")
    assert record.revoked
    assert not record.problems
    assert not record.usable


def test_a_type_that_nobody_knows_is_well_formed() -> None:
    record = parse_dkim("v=DKIM1; k=ed448; p=QUJD")
    assert (record.problems, record.key, record.usable) == ((), None, False)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("v=DKIM2; p=@", "is not DKIM1"),
        ("v=dkim1; p=@", "is not DKIM1"),
        ("k=rsa; v=DKIM1; p=@", "v= is not the first tag"),
        ("v=DKIM1; k=rsa", "has no p= tag"),
        ("v=DKIM1\\; k=rsa\\; p=@", "is not DKIM1"),
        ('"v=DKIM1; p=@"', "is no name of a tag"),
        ("v=DKIM1; k=; p=@", "is no type of key"),
        ("v=DKIM1; p=@; p=@", '"p" 2 times'),
        ("v=DKIM1;; p=@", "a semicolon too many"),
        ("v=DKIM1; p=-----BEGIN PUBLIC KEY-----", "p= is not base64"),
        ("v=DKIM1; p=QUJDR", "characters are missing"),
        ("v=DKIM1; p=QUJD", "no RSA key"),
        ("v=DKIM1; k=ed25519; p=QUJD", "p= has 3 octets"),
        ("v=DKIM1; k=ed25519; p=@", "an Ed25519 key has 32"),
        ("v=DKIM1; h=; p=@", 'h= has ""'),
        ("v=DKIM1; s=e mail; p=@", "s= has"),
        ("v=DKIM1; t=y,s; p=@", "t= has"),
        ("v=spf1 -all", "has no p= tag"),
    ],
)
def test_form(text: str, problem: str) -> None:
    record = parse_dkim(text.replace("@", rsa_key()))
    assert any(problem in each for each in record.problems), record.problems
    assert not record.usable


def test_keys_of_other_types_are_told_apart() -> None:
    curve = _base64(
        ec.generate_private_key(ec.SECP256R1())
        .public_key()
        .public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    )
    assert "another type" in parse_dkim(f"p={curve}").problems[0]
    assert "an Ed25519 key" in parse_dkim(f"p={ed25519_key()}").problems[0]


def test_what_a_key_is_for() -> None:
    key = rsa_key()
    assert not parse_dkim(f"h=sha1; p={key}").allows_sha256
    assert parse_dkim(f"h=SHA256; p={key}").allows_sha256
    assert not parse_dkim(f"s=tlsrpt; p={key}").for_mail
    assert parse_dkim(f"s=tlsrpt:*; p={key}").for_mail
    assert parse_dkim(f"t=y; p={key}").testing
    assert parse_dkim(f"t=s; p={key}").strict


def test_what_only_looks_like_a_key() -> None:
    assert parse_dkim("p=x").looks_like_key
    assert parse_dkim("v=DKIM1 k=rsa").looks_like_key
    assert not parse_dkim("v=spf1 -all").looks_like_key
    assert not parse_dkim("some words").looks_like_key
