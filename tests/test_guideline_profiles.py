"""The published TLS guidelines as profiles: they load, every line says where its value is from, and the lists are sane.

The values themselves are data, written once. What can be wrong with such data is tried here: a misspelt name, a list
that contradicts its own guideline, a clause that nothing shows, a threshold without its source.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib import resources

import pytest

from smtp_audit.control import Medium, Registry, load_builtin
from smtp_audit.facts.tls import TlsVersion
from smtp_audit.probes.tls.hello import suite_names
from smtp_audit.profile import Profile, load_profile
from smtp_audit.record import Severity

GUIDELINES = ("mozilla-intermediate", "mozilla-modern", "ncsc-nl", "bsi-tr-02102-2")
SOURCE = {
    "mozilla-intermediate": re.compile(r"6\.0 [a-z_]+"),
    "mozilla-modern": re.compile(r"6\.0 [a-z_]+"),
    "ncsc-nl": re.compile(r"2025-05, (3\.\d|appendix B)"),
    "bsi-tr-02102-2": re.compile(r"2023-01, 3\.\d"),
}
"""What the comment above a line has to name: the edition, and a key, section or appendix."""

GROUPS = {
    *("x25519", "x448", "secp256r1", "secp384r1", "secp521r1"),
    *(f"brainpoolP{bits}r1{suffix}" for bits in (256, 384, 512) for suffix in ("", "tls13")),
    *(f"ffdhe{bits}" for bits in (2048, 3072, 4096, 6144, 8192)),
    *("X25519MLKEM768", "SecP256r1MLKEM768", "SecP384r1MLKEM1024"),
}
BROKEN = ("NULL", "anon", "EXPORT", "RC2", "RC4", "_DES", "3DES", "IDEA", "SEED", "MD5", "GOST", "_CBC_SHA ", "CCM_8")


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_builtin()


@pytest.fixture(params=GUIDELINES)
def profile(request: pytest.FixtureRequest, registry: Registry) -> Profile:
    return load_profile(request.param, registry)


def _text(folder: str, name: str) -> str:
    return (resources.files("smtp_audit") / folder / f"{name}.toml").read_text(encoding="utf-8")


def _allowed(profile: Profile, control: str = "tls-allowed-suites") -> list[str]:
    return [str(name) for name in profile.controls[control].parameters["allowed"]]


def _without_forward_secrecy(suites: Iterable[str]) -> list[str]:
    return [name for name in suites if "_WITH_" in name and not re.match(r"TLS_(ECDHE|DHE)_(RSA|ECDSA|DSS)_", name)]


# ------------------------------------------------------------------------------------------------- all of them


def test_the_gate_closes_on_what_a_guideline_phases_out(profile: Profile) -> None:
    assert profile.gate is Severity.MEDIUM
    assert profile.certificate_scope == ("server",)
    assert profile.standard.id == profile.name


def test_every_clause_is_shown_by_a_line_and_by_talking_to_the_server(profile: Profile) -> None:
    named = {clause for rule in profile.controls.values() for clause in rule.clauses}
    assert named == {clause.id for clause in profile.standard.clause}
    assert {clause.by for clause in profile.standard.clause} == {(Medium.PROBE,)}
    assert all(rule.clauses for rule in profile.controls.values())


@pytest.mark.parametrize("name", GUIDELINES)
def test_every_line_has_its_source_above_it(name: str) -> None:
    lines = _text("profiles", name).partition("[controls]")[2].partition("[partly]")[0].splitlines()
    found = 0
    for number, line in enumerate(lines):
        if not re.match(r"[a-z0-9-]+ = \{", line):
            continue
        found += 1
        comment: list[str] = []
        while lines[number - 1 - len(comment)].startswith("#"):
            comment.append(lines[number - 1 - len(comment)])
        assert comment, f"{line} has no comment"
        assert SOURCE[name].match(comment[-1].removeprefix("# ")), comment[-1]
    assert found >= 10


@pytest.mark.parametrize("name", GUIDELINES)
def test_the_header_names_source_publisher_and_what_is_left_out(name: str) -> None:
    header = _text("profiles", name).partition("\nname = ")[0]
    for word in ("# Source ", "# Publisher ", "# Severity ", "# Left out ", "# Port 25 "):
        assert word in header
    assert any("opportunistic" in line for line in _text("clauses", name).splitlines() if line.startswith("note"))


def test_suites_are_registered_names_each_once(profile: Profile) -> None:
    allowed = _allowed(profile)
    assert len(allowed) == len(set(allowed))
    assert set(allowed) <= set(suite_names().values())


def test_no_guideline_allows_what_is_broken(profile: Profile) -> None:
    allowed = _allowed(profile)
    assert [name for name in allowed for word in BROKEN if word in f"{name} "] == []
    assert _without_forward_secrecy(allowed) == []
    assert set(profile.controls["tls-weak-suite"].parameters["forbidden_kinds"]) >= {"null", "anonymous", "rc4", "3des"}
    assert profile.controls["tls-weak-suite"].severity is Severity.HIGH


def test_groups_are_known_names_each_once(profile: Profile) -> None:
    allowed = _allowed(profile, "tls-allowed-groups")
    assert len(allowed) == len(set(allowed))
    assert set(allowed) <= GROUPS
    assert {"secp256r1", "X25519MLKEM768"} <= set(allowed)


def test_no_guideline_allows_a_group_below_its_own_strength(profile: Profile) -> None:
    strength = profile.controls["tls-key-exchange-strength"].parameters
    groups = profile.controls["tls-allowed-groups"].parameters
    assert groups["minimum_dh_bits"] >= strength["minimum_dh_bits"] >= 2048
    for name in _allowed(profile, "tls-allowed-groups"):
        if name.startswith("ffdhe"):
            assert int(name.removeprefix("ffdhe")) >= strength["minimum_dh_bits"]


@pytest.mark.parametrize("name", ["mozilla-modern", "ncsc-nl", "bsi-tr-02102-2"])
def test_no_allowed_signature_has_a_forbidden_hash(name: str, registry: Registry) -> None:
    allowed = _allowed(load_profile(name, registry), "tls-allowed-signatures")
    assert allowed
    for scheme in allowed:
        assert re.fullmatch(r"(ecdsa|rsa)_\w+_sha(256|384|512)|ed25519|ed448", scheme), scheme


def test_sha1_and_md5_are_forbidden_in_certificates(profile: Profile) -> None:
    rule = profile.controls["certificate-signature"]
    assert rule.severity is Severity.HIGH
    assert set(rule.parameters["forbidden_hashes"]) >= {"md5", "sha1"}


def test_old_versions_are_a_high_finding(profile: Profile) -> None:
    rule = profile.controls["tls-obsolete-version"]
    assert rule.severity is Severity.HIGH
    modern = profile.name == "mozilla-modern"
    assert rule.parameters["minimum_version"] is (TlsVersion.TLS13 if modern else TlsVersion.TLS12)
    assert TlsVersion.TLS13 in profile.controls["tls-current-version"].parameters["accepted_versions"]


# ------------------------------------------------------------------------------------------------- one by one


def test_mozilla(registry: Registry) -> None:
    intermediate, modern = (load_profile(f"mozilla-{name}", registry) for name in ("intermediate", "modern"))
    old, new = set(_allowed(intermediate)), set(_allowed(modern))
    assert new < old
    assert (len(old), len(new)) == (9, 3)
    assert all("_GCM_" in name or "_CHACHA20_" in name for name in old)
    assert not any("_WITH_" in name for name in new)
    assert _allowed(intermediate, "tls-allowed-groups") == _allowed(modern, "tls-allowed-groups")
    for profile, days in ((intermediate, 366), (modern, 90)):
        assert profile.controls["certificate-lifetime"].parameters["maximum_days"] == days
        assert profile.controls["certificate-key-strength"].parameters["allowed_curves"] == ["secp256r1", "secp384r1"]
    assert "tls-server-preference" not in modern.controls
    assert intermediate.controls["tls-server-preference"].parameters["expected"] == "client"


def test_ncsc_nl(registry: Registry) -> None:
    profile = load_profile("ncsc-nl", registry)
    allowed = _allowed(profile)
    assert all(re.search(r"_(GCM|CCM|CHACHA20)(_|$)", name) for name in allowed)
    assert not any("_DHE_" in name or "CAMELLIA" in name or "ARIA" in name for name in allowed)
    groups = profile.controls["tls-allowed-groups"].parameters
    assert not any(name.startswith("ffdhe") for name in _allowed(profile, "tls-allowed-groups"))
    assert groups["minimum_dh_bits"] > 10_000  # OpenSSL's limit: a group of the server's own never passes
    assert profile.controls["certificate-key-strength"].parameters["minimum_rsa_bits"] == 3072
    assert profile.controls["tls-early-data"].severity is Severity.HIGH
    assert profile.controls["tls-client-renegotiation"].severity is Severity.LOW


def test_bsi(registry: Registry) -> None:
    profile = load_profile("bsi-tr-02102-2", registry)
    allowed = _allowed(profile)
    assert not any("CHACHA20" in name for name in allowed)
    assert all(re.search(r"_SHA(256|384)$|_CCM$", name) for name in allowed)
    assert not {"x25519", "x448", "ffdhe2048"} & set(_allowed(profile, "tls-allowed-groups"))
    # Not being listed is no fault by the guideline's own word; falling below a length is.
    for control in ("tls-allowed-suites", "tls-allowed-groups", "tls-allowed-signatures"):
        assert profile.controls[control].severity is Severity.LOW
    strength = profile.controls["certificate-key-strength"]
    assert (strength.severity, strength.parameters["minimum_rsa_bits"]) == (Severity.MEDIUM, 3000)
    assert {clause.id for clause in profile.standard.clause} >= set(profile.partly)
