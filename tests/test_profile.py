"""Profiles: inheritance, what is refused with one clear line, and how a user's controls join."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from smtp_audit.control import REGISTRY, Medium, Registry, Rule, Verdict, control, load_builtin, passed
from smtp_audit.errors import ConfigurationError
from smtp_audit.facts.endpoint import SUBMISSION_ROLES, Endpoint, Role
from smtp_audit.facts.service import PortFacts
from smtp_audit.facts.tls import TlsVersion
from smtp_audit.facts.transaction import TransactionFacts
from smtp_audit.profile import Profile, load_profile, load_standard, shipped_profiles, shipped_standards
from smtp_audit.record import Severity, WhenNotRun

ID = "test-of-profile"


@pytest.fixture
def registry() -> Registry:
    return load_builtin()


@pytest.fixture
def own_control() -> Iterator[str]:
    @control(ID, title="Own", expects="own", subject=Endpoint, needs=PortFacts)
    def own(port: PortFacts, rule: Rule) -> Verdict:
        return passed("own")

    yield ID
    REGISTRY.discard(ID)


WHOLE = """
name = "own"
title = "Own"
version = "1"
standard = "rfc-baseline"
gate = "high"
max_snapshot_age_hours = 12
certificate_scope = ["server"]
[controls]
port-open = { severity = "high", clauses = ["RFC5321-1"], required_roles = ["mx"] }
"""


def load(tmp_path: Path, text: str, name: str = "own.toml") -> Profile:
    (tmp_path / name).write_text(text)
    return load_profile(name, load_builtin(), tmp_path)


# --------------------------------------------------------------------------------------------------------- shipped


def test_what_is_shipped(registry: Registry) -> None:
    assert set(shipped_profiles()) >= {"enterprise", "enterprise-strict", "rfc-baseline"}
    assert set(shipped_standards()) >= {"enterprise-smtp-1.0", "rfc-baseline"}
    for name in shipped_profiles():
        assert load_profile(name, registry).name == name
    for name in shipped_standards():
        standard, data = load_standard(name, "here")
        assert standard.id == name
        assert data


def test_enterprise_and_its_strict_child(registry: Registry) -> None:
    parent, child = (load_profile(name, registry) for name in ("enterprise", "enterprise-strict"))
    assert (parent.gate, child.gate) == (Severity.MEDIUM, Severity.LOW)
    assert len(parent.standard.clause) == 127
    assert parent.standard == child.standard
    obsolete = "tls-obsolete-version"
    assert parent.controls[obsolete].parameters == {"minimum_version": TlsVersion.TLS12}
    assert child.controls[obsolete].parameters == {"minimum_version": TlsVersion.TLS13}
    assert child.controls[obsolete].severity is parent.controls[obsolete].severity
    assert parent.controls["auth-works"].when_not_run is WhenNotRun.LIST
    assert child.controls["auth-works"].when_not_run is WhenNotRun.CLOSE
    assert child.controls["auth-works"].clauses == parent.controls["auth-works"].clauses
    assert parent.sha256 != child.sha256


def test_what_needs_credentials_on_some_ports_may_be_listed(tmp_path: Path, registry: Registry) -> None:
    waiting = [each.id for each in registry if each.needs_given]
    assert waiting
    for name in waiting:
        assert load_profile("enterprise", registry).controls[name].when_not_run is WhenNotRun.LIST, name
        baseline = load_profile("rfc-baseline", registry).controls.get(name)
        assert baseline is None or baseline.when_not_run is WhenNotRun.LIST, name
        assert load_profile("enterprise-strict", registry).controls[name].when_not_run is WhenNotRun.CLOSE, name
    own = load(tmp_path, WHOLE + f'{waiting[0]} = {{ severity = "low", when_not_run = "list" }}\n')
    assert own.controls[waiting[0]].when_not_run is WhenNotRun.LIST


def test_all_that_is_asked_within_transactions_needs_credentials_where_users_log_in(registry: Registry) -> None:
    for each in (known for known in registry if known.origin.startswith("smtp_audit.controls.")):
        given = each.roles & SUBMISSION_ROLES if TransactionFacts in each.needs else frozenset()
        assert each.needs_given == given, each.id


# ----------------------------------------------------------------------------------------------------- inheritance


def test_a_profile_by_path(tmp_path: Path) -> None:
    found = load(tmp_path, WHOLE)
    assert (found.name, found.gate, found.max_snapshot_age_hours) == ("own", Severity.HIGH, 12.0)
    assert list(found.controls) == ["port-open"]
    assert found.controls["port-open"].parameters == {"required_roles": [Role.MX]}


def test_a_path_is_relative_to_the_configuration_or_absolute(tmp_path: Path, registry: Registry) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "own.toml").write_text(WHOLE)
    assert load_profile("below/own.toml", registry, tmp_path).name == "own"
    assert load_profile(str(tmp_path / "below" / "own.toml"), registry).name == "own"


CHILD = """
name = "own"
extends = "enterprise"
gate = "low"
leave_out = ["port-closed", "certificate-days-left"]
[controls]
port-open = { required_roles = ["mx"] }
auth-works = { severity = "low" }
[partly]
SEC-1 = { probe = "nothing but TLS 1.3 is looked at" }
"""


def test_a_child_says_only_what_differs(tmp_path: Path, registry: Registry) -> None:
    parent, child = load_profile("enterprise", registry), load(tmp_path, CHILD)
    assert (child.name, child.title, child.gate) == ("own", "own, extends enterprise", Severity.LOW)
    assert set(parent.controls) - set(child.controls) == {"port-closed", "certificate-days-left"}
    was, now = parent.controls["port-open"], child.controls["port-open"]
    assert (now.severity, now.clauses) == (was.severity, was.clauses)
    assert now.parameters == {"required_roles": [Role.MX]}
    assert child.controls["auth-works"].severity is Severity.LOW
    assert child.controls["auth-works"].when_not_run is WhenNotRun.LIST
    assert child.controls["starttls-works"] == parent.controls["starttls-works"]
    gone = {"port-closed", "certificate-days-left", "port-open"}
    touched = {clause for control in gone for clause in parent.controls[control].clauses}
    assert set(child.partly) == {*parent.partly, "SEC-1", *touched}


def test_the_hash_covers_every_layer(tmp_path: Path) -> None:
    (tmp_path / "parent.toml").write_text(WHOLE)
    child = 'name = "child"\nextends = "parent.toml"\n'
    before = load(tmp_path, child, "child.toml")
    assert load(tmp_path, child, "child.toml").sha256 == before.sha256
    (tmp_path / "parent.toml").write_text(WHOLE + "# a remark\n")
    assert load(tmp_path, child, "child.toml").sha256 != before.sha256


def test_a_grandchild_finds_its_parents_beside_them(tmp_path: Path, registry: Registry) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "parent.toml").write_text(WHOLE)
    (tmp_path / "below" / "child.toml").write_text('name = "child"\nextends = "parent.toml"\ngate = "low"')
    (tmp_path / "grandchild.toml").write_text('name = "grandchild"\nextends = "below/child.toml"')
    found = load_profile("grandchild.toml", registry, tmp_path)
    assert (found.name, found.gate, found.title) == ("grandchild", Severity.LOW, "Own")


@pytest.mark.parametrize("parent", ["own.toml", "./own.toml", "../{folder}/own.toml"])
def test_a_circle_is_found_however_it_is_written(tmp_path: Path, parent: str) -> None:
    text = f'name = "own"\nextends = "{parent.format(folder=tmp_path.name)}"\n'
    with pytest.raises(ConfigurationError, match="in a circle"):
        load(tmp_path, text)


def test_a_circle_of_two(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('name = "a"\nextends = "own.toml"')
    with pytest.raises(ConfigurationError, match="in a circle"):
        load(tmp_path, 'name = "own"\nextends = "a.toml"')


# --------------------------------------------------------------------------------------------------------- refused


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('gate = "high"', 'gaet = "high"', "own.toml: unknown key 'gaet' (did you mean 'gate'?)"),
        ('gate = "high"', 'gate = "severe"', "own.toml: gate: Input should be 'info', 'low'"),
        ('gate = "high"', "", "own.toml: the key 'gate' is missing"),
        ('name = "own"', "", "own.toml: name: Field required"),
        ('title = "Own"', "", "the key 'title' is missing"),
        ('version = "1"', "version = 1", "own.toml: version: Input should be a valid string"),
        ("max_snapshot_age_hours = 12", "max_snapshot_age_hours = nan", "max_snapshot_age_hours: Input should be"),
        ("max_snapshot_age_hours = 12", "max_snapshot_age_hours = inf", "max_snapshot_age_hours: Input should be"),
        (
            "max_snapshot_age_hours = 12",
            "max_snapshot_age_hours = 0",
            "max_snapshot_age_hours: Input should be greater",
        ),
        (
            "max_snapshot_age_hours = 12",
            "max_snapshot_age_hours = 1e300",
            "max_snapshot_age_hours: Input should be less",
        ),
        ('"rfc-baseline"', '"rfc-baselin"', "no standard 'rfc-baselin' (did you mean 'rfc-baseline'?)"),
        ("port-open =", "port-opne =", "own.toml: no control 'port-opne' (did you mean 'port-open'?)"),
        ('severity = "high", ', "", "own.toml: port-open: the key 'severity' is missing"),
        ('severity = "high"', 'severity = "dire"', "own.toml: port-open: severity: Input should be"),
        ("RFC5321-1", "RFC5321-9", "port-open: rfc-baseline has no clause 'RFC5321-9' (did you mean 'RFC5321-6'?)"),
        ("required_roles", "required_role", "has no parameter 'required_role' (did you mean 'required_roles'?)"),
        (', required_roles = ["mx"]', "", "control port-open needs the parameter 'required_roles'"),
        ('["mx"]', '["mail"]', "control port-open: required_roles = ['mail']: Input should be 'mx'"),
        ("severity =", 'when_not_run = "list", severity =', "is for active, intrusive and slow controls"),
        ("severity =", 'when_not_run = "maybe", severity =', "port-open: when_not_run: Input should be"),
        ("[controls]", 'leave_out = ["port-opne"]\n[controls]', "leave_out: no control 'port-opne'"),
        (
            "[controls]",
            '[partly]\nRFC1-1 = { probe = "x" }\n[controls]',
            "[partly]: rfc-baseline has no clause 'RFC1-1'",
        ),
        ("[controls]", '[partly]\nRFC5321-1 = { prob = "x" }\n[controls]', "own.toml: partly.RFC5321-1.prob"),
        ("[controls]", "[controls", "own.toml: is not valid TOML"),
        ("[controls]", "controls = 1\n[x]", "own.toml: unknown key 'x'"),
        ("{ severity", "[{ severity", "own.toml: is not valid TOML"),
        ('name = "own"', 'name = "own"\nextends = "no-such-profile"', "no profile 'no-such-profile'"),
        ('name = "own"', 'name = "own"\nextends = "no-such.toml"', "no-such.toml: cannot be read (No such file"),
    ],
)
def test_a_mistake_is_one_clear_line(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in WHOLE
    with pytest.raises(ConfigurationError) as raised:
        load(tmp_path, WHOLE.replace(old, new, 1))
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("data", [b"\xff\xfe", b"\0", b"a = " + b"[" * 20_000, b"= 1"])
def test_garbage_is_one_clear_line(tmp_path: Path, registry: Registry, data: bytes) -> None:
    (tmp_path / "own.toml").write_bytes(data)
    with pytest.raises(ConfigurationError, match=r"own\.toml") as raised:
        load_profile("own.toml", registry, tmp_path)
    assert "\n" not in str(raised.value)


def test_a_file_too_large_and_a_folder(tmp_path: Path, registry: Registry) -> None:
    (tmp_path / "own.toml").write_bytes(b"#" * (1024 * 1024 + 1))
    with pytest.raises(ConfigurationError, match="larger than 1048576 octets"):
        load_profile("own.toml", registry, tmp_path)
    (tmp_path / "own.toml").write_bytes(WHOLE.encode().ljust(1024 * 1024, b"#"))
    assert load_profile("own.toml", registry, tmp_path).name == "own"
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_profile("folder.toml", registry, tmp_path)


def test_an_unknown_name_is_answered_with_the_nearest(registry: Registry) -> None:
    with pytest.raises(ConfigurationError, match=r"no profile 'enterprize' \(did you mean 'enterprise'\?\)"):
        load_profile("enterprize", registry)


# -------------------------------------------------------------------------------------------------- users' controls


def test_a_users_control_joins_with_medium_and_no_clause(tmp_path: Path, own_control: str) -> None:
    for found in (load(tmp_path, WHOLE), load_profile("enterprise", REGISTRY)):
        rule = found.controls[own_control]
        assert (rule.severity, rule.clauses, rule.parameters) == (Severity.MEDIUM, (), {})


def test_a_profile_may_speak_of_a_users_control(tmp_path: Path, own_control: str) -> None:
    text = WHOLE + f'{own_control} = {{ severity = "info", clauses = ["RFC5321-1"] }}\n'
    assert load(tmp_path, text).controls[own_control].clauses == ("RFC5321-1",)


def test_a_builtin_control_that_is_not_named_is_left_out(tmp_path: Path) -> None:
    assert "certificate-trusted" not in load(tmp_path, WHOLE).controls


# ----------------------------------------------------------------- what a profile changes of a shipped one


def _house(tmp_path: Path, registry: Registry, text: str) -> Profile:
    (tmp_path / "house.toml").write_text('name = "house"\nextends = "enterprise"\n' + text)
    return load_profile("house.toml", registry, tmp_path)


def test_a_changed_threshold_is_named_and_its_clauses_are_shown_in_part_at_most(
    tmp_path: Path, registry: Registry
) -> None:
    house = _house(tmp_path, registry, '[controls]\ntls-obsolete-version = { minimum_version = "TLSv1.0" }\n')
    assert house.changes == ("tls-obsolete-version: minimum_version = TLSv1.0 (was TLSv1.2)",)
    assert "profile house changes tls-obsolete-version" in house.partly["BAN-4"][Medium.PROBE]
    assert load_profile("enterprise", registry).partly.get("BAN-4", {}).get(Medium.PROBE) is None


def test_a_control_left_out_is_named(tmp_path: Path, registry: Registry) -> None:
    house = _house(tmp_path, registry, 'leave_out = ["certificate-days-left"]\n')
    assert house.changes == ("certificate-days-left: left out",)
    assert "left out" in house.partly["ALERT-7"][Medium.PROBE]


def test_a_control_taken_from_a_clause_is_named(tmp_path: Path, registry: Registry) -> None:
    house = _house(tmp_path, registry, '[controls]\ntls-obsolete-version = { clauses = ["SEC-1"] }\n')
    assert house.changes[0].startswith("tls-obsolete-version: no longer for ")
    assert Medium.PROBE in house.partly["BAN-4"]


def test_another_severity_or_gate_changes_no_clause(tmp_path: Path, registry: Registry) -> None:
    house = _house(tmp_path, registry, 'gate = "low"\n[controls]\nport-closed = { severity = "info" }\n')
    assert house.changes == ()
    assert house.partly == load_profile("enterprise", registry).partly


def test_the_title_of_the_shipped_profile_is_not_another_profiles(tmp_path: Path, registry: Registry) -> None:
    house = _house(tmp_path, registry, "")
    assert (house.title, house.version) == ("house, extends enterprise", "unversioned")
    named = _house(tmp_path, registry, 'title = "House rules"\nversion = "3"\n')
    assert (named.title, named.version) == ("House rules", "3")


def test_the_strict_profile_changes_nothing_by_its_own_account(registry: Registry) -> None:
    assert load_profile("enterprise-strict", registry).changes == ()


def test_a_number_in_quotes_is_refused(tmp_path: Path, registry: Registry) -> None:
    with pytest.raises(ConfigurationError, match="minimum_days = '3': write it without quotes"):
        _house(tmp_path, registry, '[controls]\ncertificate-days-left = { minimum_days = "3" }\n')
