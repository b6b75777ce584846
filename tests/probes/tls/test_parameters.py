"""The tables of groups and schemes say what the registries say, and leave nothing out that is offered."""

from __future__ import annotations

import pytest

from smtp_audit.probes.tls.parameters import (
    CLASSIC_GROUPS,
    CURVES,
    ECDSA_SIGNATURES,
    EXPLICIT_CURVES,
    FINITE_FIELDS,
    GROUP_NAMES,
    GROUPS,
    ONLY_TLS13,
    RSA_SIGNATURES,
    SIGNATURE_NAMES,
    SIGNATURES,
    group_name,
    signature_name,
)


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (29, "x25519"),
        (23, "secp256r1"),
        (24, "secp384r1"),
        (25, "secp521r1"),
        (30, "x448"),
        (256, "ffdhe2048"),
        (260, "ffdhe8192"),
        (4588, "X25519MLKEM768"),
        (4587, "SecP256r1MLKEM768"),
        (4589, "SecP384r1MLKEM1024"),
        (22, "secp256k1"),
        (1, "sect163k1"),
        (14, "sect571r1"),
    ],
)
def test_groups_of_the_registry(number, name):
    assert group_name(number) == name


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (0x0401, "rsa_pkcs1_sha256"),
        (0x0403, "ecdsa_secp256r1_sha256"),
        (0x0804, "rsa_pss_rsae_sha256"),
        (0x0809, "rsa_pss_pss_sha256"),
        (0x0807, "ed25519"),
        (0x0201, "rsa_pkcs1_sha1"),
        (0x0203, "ecdsa_sha1"),
        (0x0101, "rsa_pkcs1_md5"),
        (0x0402, "dsa_sha256"),
    ],
)
def test_schemes_of_the_registry(number, name):
    assert signature_name(number) == name


def test_every_name_is_there_once():
    assert len(set(GROUP_NAMES.values())) == len(GROUP_NAMES)
    assert len(set(SIGNATURE_NAMES.values())) == len(SIGNATURE_NAMES)


def test_numbers_without_a_name():
    assert (group_name(0xABCD), signature_name(0x00EF)) == ("0xABCD", "0x00EF")


def test_the_parts_are_of_the_whole():
    explicit = set(EXPLICIT_CURVES.values())
    assert explicit < set(CURVES) < set(CLASSIC_GROUPS)
    assert set(GROUPS) == (set(CURVES) | FINITE_FIELDS | ONLY_TLS13) - explicit
    assert not set(CLASSIC_GROUPS) & ONLY_TLS13
    assert set(ECDSA_SIGNATURES) < set(SIGNATURES)
    assert set(RSA_SIGNATURES) < set(SIGNATURES)
    assert not set(ECDSA_SIGNATURES) & set(RSA_SIGNATURES)


def test_the_first_offer_is_what_servers_prefer():
    """A server that takes the first of ours takes a strong one."""
    assert group_name(GROUPS[0]) == "X25519MLKEM768"
    assert group_name(CURVES[0]) == "x25519"
    assert not any("sha1" in signature_name(number) or "md5" in signature_name(number) for number in SIGNATURES[:8])
