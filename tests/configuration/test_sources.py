"""What starts an audit, what is audited then, and which source decides."""

from pathlib import Path

import pytest

import smtp_audit
from smtp_audit.configuration.model import Config, Families
from smtp_audit.configuration.sources import INI_KEYS, OPTIONS, config_for_target, load_config
from smtp_audit.control import Safety
from smtp_audit.errors import ConfigurationError
from smtp_audit.facts.endpoint import Role
from smtp_audit.record import Severity
from tests.projects import FILE, TARGET, Project, make_anchor


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


@pytest.fixture(scope="session")
def anchor_pem():
    return make_anchor()


# What starts an audit


def test_nothing_given_is_no_audit(project):
    assert project.build() is None
    nothing = {"target": [], "endpoint": [], "scope": [], "partial": False, "gate": None, "domain": None}
    assert project.build(**nothing) is None


@pytest.mark.parametrize("content", [TARGET, "", "broken = [", "\0", 'password = "hunter2"'])
@pytest.mark.parametrize("name", [FILE, "pyproject.toml"])
def test_a_file_that_is_merely_found_starts_nothing_and_is_not_even_read(project, content, name):
    project.file(content, name)
    assert project.build() is None
    assert project.build(ini={"gate": "high", "config": FILE, "profile": "enterprise-strict"}) is None


@pytest.mark.parametrize(
    "options",
    [
        {"target": ["mail.example.com"]},
        {"endpoint": ["mx=mail.example.com:25"]},
        {"domain": "example.com"},
        {"snapshot": "snapshot.json"},
    ],
)
def test_an_option_that_names_a_target_starts_an_audit(project, options):
    assert project.config(**options)


def test_a_file_that_is_given_and_has_a_target_starts_an_audit(project):
    path = project.file(TARGET)
    config = project.config(config=str(path))
    assert [e.key for e in config.endpoints] == ["mail.example.com:27025", "imap.example.com:993"]
    assert config.source == path


@pytest.mark.parametrize("content", ["", 'gate = "high"', '[target]\nfamilies = "ipv4"', "[target]\nhosts = []"])
def test_a_file_that_is_given_and_has_no_target_says_how_to_name_one(project, content):
    path = project.file(content)
    message = project.complaint(config=str(path))
    assert message.startswith(f"{path}: has no target")
    assert "[target]" in message
    assert "--smtp-target" in message
    assert project.config(config=str(path), target=["mail.example.com"]).names == ("mail.example.com",)


@pytest.mark.parametrize(
    "options",
    [
        {"partial": True},
        {"intrusive": True},
        {"slow": True},
        {"profile": "enterprise"},
        {"report": "out"},
        {"gate": "high"},
        {"resolver": "127.0.0.53"},
        {"ca": "ca.pem"},
        {"user": "alice"},
        {"scope": ["server"]},
    ],
)
def test_options_without_a_target_are_an_error(project, options):
    (name,) = options
    message = project.complaint(**options)
    assert message.startswith(f"--smtp-{name}: given without a target; name one with --smtp-target HOST")
    project.file(TARGET)
    assert "counts as a target only when given" in project.complaint(**options)


@pytest.mark.parametrize("name", [o.removeprefix("smtp_") for o in OPTIONS])
@pytest.mark.parametrize("value", ["", " ", "\t"])
def test_an_empty_option_was_given_and_is_an_error(project, name, value):
    options = {name: [value] if name in ("target", "endpoint", "scope", "client", "template", "source") else value}
    assert project.complaint(**options).startswith(f"--smtp-{name}: ")
    assert project.complaint(**{"target": ["mail.example.com"], **options}).startswith(f"--smtp-{name}: ")


@pytest.mark.parametrize("value", [3, b"x", {"a": 1}, True, object(), [1], [None], 1.5])
@pytest.mark.parametrize("name", ["target", "gate", "scope", "ca"])
def test_an_option_of_another_type_is_an_error(project, name, value):
    assert project.complaint(**{name: value}).startswith(f"--smtp-{name}: takes")


def test_an_unknown_option_is_an_error(project):
    assert project.complaint(gat="high") == "unknown option 'smtp_gat' (did you mean 'smtp_gate'?)"
    assert "unknown option 'smtp_target'" in project.complaint(target=["a"], ini={"target": "b"})


# What is audited


def test_a_name_is_looked_up_later(project):
    config = project.config(target=["Example.com."])
    assert config.names == ("example.com",)
    assert config.targets == ("example.com",)
    assert config.endpoints == ()
    assert config.domain is None


def test_the_found_file_gives_roles_and_addresses(project):
    project.file(TARGET)
    config = project.config(target=["mail.example.com"])
    (endpoint,) = config.endpoints
    assert (endpoint.role, endpoint.address, endpoint.port) == (Role.MX, "127.0.0.78", 27025)
    assert config.domain == "example.com"
    assert config.names == ()
    assert project.config(target=["example.com"]).endpoints == project.config(config=f"../{FILE}").endpoints
    assert project.config(domain="example.com").endpoints == project.config(config=f"../{FILE}").endpoints


def test_words_choose_among_the_endpoints_of_a_given_file(project):
    path = str(project.file(TARGET))
    config = project.config(config=path, target=["imap.example.com:993"], endpoint=["mx=mx.example.org:2525"])
    assert [e.key for e in config.endpoints] == ["imap.example.com:993", "mx.example.org:2525"]
    assert config.targets == ("imap.example.com:993", "mx=mx.example.org:2525")


def test_the_words_of_a_file_are_its_domain_hosts_and_endpoints(project):
    path = str(project.file(TARGET))
    assert project.config(config=path).targets == (
        "example.com",
        "mx=mail.example.com:27025",
        "imaps=imap.example.com:993",
    )


def test_a_domain_alone_is_a_target(project):
    config = project.config(domain="Example.com")
    assert (config.names, config.domain, config.targets) == (("example.com",), "example.com", ("example.com",))
    path = str(project.file('[target]\ndomain = "example.com"'))
    config = project.config(config=path)
    assert (config.names, config.domain) == (("example.com",), "example.com")


def test_a_domain_beside_a_target_is_the_one_of_envelopes(project):
    config = project.config(domain="example.com", target=["mail.example.org:25"])
    assert [e.host for e in config.endpoints] == ["mail.example.org"]
    assert (config.names, config.domain) == ((), "example.com")
    project.file(TARGET)
    assert project.config(domain="example.net", target=["mail.example.com"]).domain == "example.net"


def test_a_domain_beside_a_given_file_goes_before_the_files(project):
    path = str(project.file(TARGET))
    config = project.config(domain="example.net", config=path)
    assert config.domain == "example.net"
    assert [e.port for e in config.endpoints] == [27025, 993]
    path = str(project.file('[target]\ndomain = "example.com"'))
    assert project.config(domain="example.net", config=path).names == ("example.net",)


def test_the_domain_of_a_file_is_not_used_for_other_hosts(project):
    project.file(TARGET)
    assert project.config(target=["mail.example.org:25"]).domain is None
    assert project.config(target=["mail.example.com", "mail.example.org:25"]).domain is None


def test_hosts_are_looked_at_on_the_standard_ports_without_a_look_up(project):
    path = str(
        project.file('[target]\ndomain = "example.com"\nhosts = ["mail.example.com", "192.0.2.1", "2001:db8::1"]')
    )
    config = project.config(config=path)
    assert len(config.endpoints) == 24
    assert not any(e.declared for e in config.endpoints)
    assert config.names == ()


def test_the_same_place_named_twice_is_audited_once(project):
    config = project.config(target=["192.0.2.1", "192.0.2.1:25"], endpoint=["mx=192.0.2.1:25"])
    assert len(config.endpoints) == 8
    assert [e.port for e in config.endpoints if e.declared] == [25]


def test_several_addresses_of_one_name_are_told_apart(project):
    two = TARGET + '[[target.endpoint]]\nrole = "mx"\nhost = "mail.example.com"\naddress = "::1"\nport = 27025\n'
    keys = [e.key for e in project.config(config=str(project.file(two))).endpoints]
    assert keys == ["mail.example.com:27025@127.0.0.78", "mail.example.com:27025@::1", "imap.example.com:993"]


def test_an_address_that_is_the_host_is_no_other_endpoint(project):
    text = '[[target.endpoint]]\nrole = "mx"\nhost = "192.0.2.1"\naddress = "192.0.2.1"\nport = 25\n'
    (endpoint,) = project.config(config=str(project.file(text)), target=["192.0.2.1:25"]).endpoints
    assert endpoint.address is None


@pytest.mark.parametrize(
    ("families", "options", "refused"),
    [
        ("ipv4", {"target": ["::1"]}, True),
        ("ipv4", {"target": ["127.0.0.1"]}, False),
        ("ipv6", {"target": ["127.0.0.1:25"]}, True),
        ("ipv6", {"target": ["mail.example.com"]}, True),
        ("ipv4", {"target": ["mail.example.com"]}, False),
        ("ipv6", {"target": ["imap.example.com"]}, False),
        ("all", {"target": ["::1", "127.0.0.1"]}, False),
    ],
)
def test_an_address_of_a_family_left_out_is_an_error(project, families, options, refused):
    project.file(TARGET.replace("[target]", f'[target]\nfamilies = "{families}"', 1))
    if refused:
        assert f"target.families takes {families} only" in project.complaint(**options)
    else:
        assert project.config(**options).families is Families(families)


@pytest.mark.parametrize("option", [{"target": ["a"]}, {"endpoint": ["mx=a:25"]}, {"domain": "a"}])
def test_a_snapshot_takes_no_other_target(project, option):
    (name,) = option
    message = project.complaint(snapshot="snapshot.json", **option)
    assert message == f"--smtp-{name}: cannot be used with --smtp-snapshot, which judges recorded facts"


def test_a_snapshot_takes_what_a_file_says_of_judging_and_not_its_target(project):
    project.file(f'gate = "low"\nca = "gone.pem"\n{TARGET}')
    config = project.config(snapshot="facts/snapshot.json")
    assert config.snapshot == project.here / "facts" / "snapshot.json"
    assert config.gate is Severity.LOW
    assert (config.targets, config.names, config.endpoints) == ((), (), ())


# Which source decides


@pytest.mark.parametrize(
    ("name", "values", "attribute"),
    [
        ("gate", ("critical", "high", "low"), lambda c: c.gate.value),
        ("profile", ("enterprise-strict", "rfc-baseline", "enterprise"), lambda c: c.profile),
        ("resolver", ("127.0.0.1", "127.0.0.2", "127.0.0.3"), lambda c: c.resolver.address),
        ("scope", ("dns", "client", "deploy"), lambda c: c.scope[0].value),
        ("report", ("one", "two", "three"), lambda c: c.report.name),
        ("ca", ("one.pem", "two.pem", "three.pem"), lambda c: c.ca.name),
        ("user", ("alice", "bob", "carol"), lambda c: c.credentials.user),
    ],
)
def test_the_command_line_goes_before_the_file_and_the_file_before_the_ini(
    project, name, values, attribute, anchor_pem
):
    for folder in (project.root, project.here):
        for pem in ("one.pem", "two.pem", "three.pem"):
            (folder / pem).write_text(anchor_pem)
    line, file, ini = values
    said = {"user": f'[credentials]\nuser = "{file}"', "scope": f'scope = ["{file}"]'}.get(name, f'{name} = "{file}"')
    option = {name: [line] if name == "scope" else line}
    target = {"target": ["mail.example.com"]}
    assert attribute(project.config(**target, ini={name: ini})) == ini
    project.file(said)
    assert attribute(project.config(**target, ini={name: ini})) == file
    assert attribute(project.config(**target)) == file
    assert attribute(project.config(**target, **option, ini={name: ini})) == line
    project.file("")
    assert attribute(project.config(**target, **option, ini={name: ini})) == line


def test_the_defaults(project):
    config = project.config(target=["mail.example.com"])
    assert config == Config(
        targets=("mail.example.com",),
        names=("mail.example.com",),
        report=project.here / "reports",
    )
    assert config.allow == {Safety.PASSIVE, Safety.ACTIVE}
    assert config.scope == ()


@pytest.mark.parametrize("ini", [{"gate": "", "config": "", "scope": [], "profile": ""}, {"gate": None}])
def test_an_empty_ini_key_says_nothing(project, ini):
    assert project.config(target=["a"], ini=ini) == project.config(target=["a"])


@pytest.mark.parametrize(
    ("ini", "message"),
    [
        ({"gate": "hihg"}, "ini key smtp_gate: no severity 'hihg' (did you mean 'high'?)"),
        ({"gate": " "}, "ini key smtp_gate: is empty"),
        ({"resolver": "dns.example"}, "ini key smtp_resolver: 'dns.example' is a name"),
        ({"scope": "server client roundtripp"}, "ini key smtp_scope: no scope 'roundtripp'"),
    ],
)
def test_a_bad_ini_key_is_named(project, ini, message):
    assert project.complaint(target=["a"], ini=ini).startswith(message)


def test_the_ini_file_may_say_where_the_file_is(project):
    project.file('gate = "critical"')
    project.file(f'gate = "low"\n{TARGET}', "ci/audit.toml")
    config = project.config(target=["mail.example.com"], ini={"config": "ci/audit.toml"})
    assert config.gate is Severity.LOW
    assert config.endpoints[0].address == "127.0.0.78"
    assert "--smtp-gate: given without a target" in project.complaint(gate="low", ini={"config": "ci/audit.toml"})
    assert "cannot be read" in project.complaint(target=["a"], ini={"config": "none.toml"})


def test_the_files_that_are_found_in_their_order(project):
    assert project.config(target=["a"]).source is None
    project.file("[project]\nname = 'x'", "pyproject.toml")
    assert project.config(target=["a"]).source is None
    project.file("[tool.smtp_audit]\ngate = 'low'", "pyproject.toml")
    assert project.config(target=["a"]).source == project.root / "pyproject.toml"
    project.file("gate = 'high'")
    assert project.config(target=["a"]).source == project.root / FILE
    other = project.file("gate = 'info'", "here/other.toml")
    assert project.config(target=["a"], config="other.toml").source == other


@pytest.mark.parametrize("name", [FILE, "pyproject.toml"])
def test_a_found_file_that_is_broken_is_an_error_once_an_audit_is_asked_for(project, name):
    project.file("broken = [", name)
    assert f"{name}: is not valid TOML" in project.complaint(target=["a"])


def test_a_found_file_that_is_no_file_is_an_error(project):
    (project.root / FILE).symlink_to("nowhere")
    assert "cannot be read" in project.complaint(target=["a"])


def test_classes_of_safety_add_up(project):
    both = {Safety.PASSIVE, Safety.ACTIVE, Safety.INTRUSIVE, Safety.SLOW}
    assert project.config(target=["a"], intrusive=True, slow=True).allow == both
    project.file('allow = ["slow"]')
    assert project.config(target=["a"]).allow == both - {Safety.INTRUSIVE}
    assert project.config(target=["a"], intrusive=True).allow == both


def test_asking_about_revocation_is_allowed_by_any_source_and_by_none_on_its_own(project):
    assert not project.config(target=["a"]).revocation
    assert project.config(target=["a"], revocation=True).revocation
    assert project.config(target=["a"], ini={"revocation": True}).revocation
    assert not project.config(target=["a"], ini={"revocation": False}).revocation
    project.file("revocation = false")
    assert not project.config(target=["a"], ini={"revocation": True}).revocation
    assert project.config(target=["a"], revocation=True).revocation
    project.file("revocation = true")
    assert project.config(target=["a"]).revocation
    project.file('revocation = "yes"')
    assert "revocation" in project.complaint(target=["a"])


def test_partial_is_for_the_command_line_only(project):
    assert project.config(target=["a"], partial=True).partial
    assert not project.config(target=["a"]).partial
    project.file("partial = true")
    assert "partial: unknown key" in project.complaint(target=["a"])
    assert "smtp_partial" not in INI_KEYS


def test_paths_are_relative_to_where_they_were_written(project, anchor_pem):
    for folder in ("ci", "here"):
        (project.root / folder).mkdir(exist_ok=True)
        (project.root / folder / "ca.pem").write_text(anchor_pem)
    project.file('report = "out"\nca = "ca.pem"\nprofile = "mine.toml"', "ci/audit.toml")
    config = project.config(target=["a"], config="../ci/audit.toml")
    assert config.report.resolve() == project.root / "ci" / "out"
    assert config.ca.resolve() == project.root / "ci" / "ca.pem"
    assert Path(config.profile).resolve() == project.root / "ci" / "mine.toml"
    config = project.config(target=["a"], config="../ci/audit.toml", report="out", ca="ca.pem", profile="./mine.toml")
    assert config.report == project.here / "out"
    assert config.ca == project.here / "ca.pem"
    assert Path(config.profile) == project.here / "mine.toml"
    config = project.config(target=["a"], ini={"report": "out", "profile": "mine.toml"})
    assert config.report == project.root / "out"
    assert Path(config.profile) == project.root / "mine.toml"


def test_an_absolute_profile_path_survives_the_folder_of_the_file(project):
    project.file("", "ci/audit.toml")
    config = project.config(target=["a"], config="../ci/audit.toml", profile="mine.toml")
    # The profile is looked up beside the configuration, where an absolute path stays what it is.
    assert config.source.parent / config.profile == project.here / "mine.toml"


# The library's face


def test_a_file_as_a_library_call(project, monkeypatch):
    path = project.file(f'profile = "mine.toml"\n[credentials]\nuser = "alice"\n{TARGET}')
    config = smtp_audit.load_config(path, {"SMTP_AUDIT_PASSWORD": "hunter2"})
    assert len(config.endpoints) == 2
    assert config.profile == str(project.root / "mine.toml")
    assert config.credentials.password.get_secret_value() == "hunter2"
    monkeypatch.setenv("SMTP_AUDIT_PASSWORD", "other")
    assert load_config(path).credentials.password.get_secret_value() == "other"


def test_a_file_without_a_target_can_be_loaded(project):
    config = load_config(project.file('gate = "low"'))
    assert (config.targets, config.names, config.endpoints, config.gate) == ((), (), (), Severity.LOW)


def test_a_target_as_a_library_call(project, monkeypatch):
    project.file(TARGET)
    monkeypatch.chdir(project.root)
    assert config_for_target("mail.example.com").names == ("mail.example.com",)
    assert config_for_target("[::1]:25").endpoints[0].host == "::1"
    for word in ("", "https://a", "mail:2525"):
        with pytest.raises(ConfigurationError, match="--smtp-target: "):
            config_for_target(word)


def test_no_message_has_a_cause_that_would_be_printed(project):
    with pytest.raises(ConfigurationError) as caught:
        project.build(target=["a"], config="none.toml")
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
