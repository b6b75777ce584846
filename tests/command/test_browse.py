"""`list` and `explain`: everything they say comes from the registry and the profiles."""

from functools import cache

import pytest

from smtp_audit.cli import main
from smtp_audit.control import load_builtin
from smtp_audit.profile import ControlRule, load_profile, shipped_profiles


@cache
def rules_of(profile: str) -> dict[str, ControlRule]:
    return load_profile(profile, load_builtin()).controls


@pytest.mark.parametrize("name", shipped_profiles())
def test_list_has_one_line_for_each_control_of_the_profile_with_its_severity(name, capsys):
    assert main(["list", "--profile", name]) == 0
    lines = capsys.readouterr().out.splitlines()
    rules = rules_of(name)
    listed = [line.split()[:2] for line in lines[: lines.index("")]]
    assert listed == [[control, str(rule.severity)] for control, rule in rules.items()]


def test_list_takes_the_enterprise_profile_by_default(capsys):
    main(["list"])
    default = capsys.readouterr().out
    main(["list", "--profile", "enterprise"])
    assert default == capsys.readouterr().out


def test_list_takes_a_profile_file(tmp_path, capsys):
    own = tmp_path / "own.toml"
    own.write_text('name = "own"\nextends = "enterprise"\n[controls]\nport-open = { severity = "info" }\n')
    assert main(["list", "--profile", str(own)]) == 0
    assert capsys.readouterr().out.splitlines()[0].split()[:2] == ["port-open", "info"]


@pytest.mark.parametrize("control", load_builtin().ids())
def test_explain_says_everything_about_every_control(control, capsys):
    assert main(["explain", control]) == 0
    told = " ".join(capsys.readouterr().out.split())
    known = load_builtin()[control]
    for text in (known.title, known.rationale, *known.spec, *known.remedy.values(), *known.remedy):
        if text != "any":
            assert " ".join(text.split()) in told
    for name in shipped_profiles():
        rule = rules_of(name).get(control)
        assert f"Profile {name} {'left out' if rule is None else rule.severity}" in told


@pytest.mark.parametrize(
    ("control", "about"),
    [
        ("tls-obsolete-version", "every endpoint"),
        ("spf-record", "every mail domain"),
        ("client-sends", "every program that sends mail"),
        ("template-escaping", "every template"),
        ("source-no-debug", "every tree of source text"),
    ],
)
def test_explain_says_what_a_verdict_is_about(control, about, capsys):
    assert main(["explain", control]) == 0
    assert f"About     {about}\n" in capsys.readouterr().out


def test_explain_says_where_credentials_are_needed(capsys):
    main(["explain", "smtp-8bitmime", "--profile", "enterprise"])
    told = " ".join(capsys.readouterr().out.split())
    assert "Needs credentials on submission, submissions; not run there without" in told
    assert "when not run on submission, submissions: listed, does not close the gate" in told
    main(["explain", "auth-works", "--profile", "enterprise"])
    assert "when not run: listed, does not close the gate" in " ".join(capsys.readouterr().out.split())


def test_explain_fills_in_the_parameters_of_the_profile_asked_for(capsys):
    main(["explain", "tls-obsolete-version", "--profile", "enterprise-strict"])
    told = capsys.readouterr().out
    assert "every version below TLSv1.3 is refused" in told
    assert "Profile enterprise\n" not in told


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["explain", "tls-obsolete"], "no control 'tls-obsolete' (did you mean 'tls-obsolete-version'?)"),
        (["explain", "\x1b[31m"], r"no control '\x1b[31m'"),
        (["list", "--profile", "enterprize"], "no profile 'enterprize' (did you mean 'enterprise'?)"),
        (["list", "--profile", "/no/such.toml"], "/no/such.toml: cannot be read"),
    ],
)
def test_a_wrong_name_is_one_line_with_the_nearest_right_one(words, answer, capsys):
    assert main(words) == 4
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert answer.replace(r"\x1b", "\\u{1b}") in said.err or answer in said.err
    assert "\x1b" not in said.err
