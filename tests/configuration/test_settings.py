"""The values of options and keys: what they mean, and one line for each that means nothing."""

import os

import pytest

from smtp_audit.configuration.model import Credentials, Resolver, Scope
from tests.projects import TARGET, Project, make_anchor


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


@pytest.fixture(scope="session")
def anchor_pem():
    return make_anchor()


# Values


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"gate": "hihg"}, "--smtp-gate: no severity 'hihg' (did you mean 'high'?)"),
        ({"gate": "HIGH"}, "--smtp-gate: no severity 'HIGH' (did you mean 'high'?)"),
        ({"gate": "\x1b[2J"}, "--smtp-gate: no severity '\\u{1b}[2J' (known: info,"),
        ({"scope": ["sever"]}, "--smtp-scope: no scope 'sever' (did you mean 'server'?)"),
        ({"scope": ["server,"]}, "--smtp-scope: no scope '' (known: server,"),
        ({"profile": "enterprize"}, "--smtp-profile: no profile 'enterprize' (did you mean 'enterprise'?)"),
        ({"resolver": "dns.example"}, "--smtp-resolver: 'dns.example' is a name; valid: the IP address"),
        ({"resolver": "127.0.0.53:0"}, "--smtp-resolver: '0' is not a port"),
        ({"resolver": "127.0.0.53/24"}, "--smtp-resolver: '127.0.0.53/24' has a '/'"),
        ({"resolver": "::1:53:x"}, "--smtp-resolver: '::1:53:x' is not an IPv6 address"),
        ({"domain": "user@example.com"}, "--smtp-domain: the value has an '@'"),
        ({"domain": "192.0.2.1"}, "--smtp-domain: '192.0.2.1' is not a host name"),
        ({"domain": "example.com:25"}, "--smtp-domain: 'example.com:25' is not a host name"),
        ({"report": "a\nb"}, "--smtp-report: 'a\\u{a}b' is not a usable path"),
        ({"report": "x" * 2000}, "--smtp-report: 'xxxxxxxx"),
        ({"ca": "a\0b"}, "--smtp-ca: 'a\\u{0}b' is not a usable path"),
        ({"user": "alice\r\nQUIT"}, "--smtp-user: must be a login name"),
        ({"user": "x" * 321}, "--smtp-user: must be a login name"),
        ({"partial": "yes"}, "--smtp-partial: takes no value"),
        ({"config": "none.toml"}, ""),
    ],
)
def test_a_bad_value_gets_one_line(project, option, message):
    assert project.complaint(target=["a"], **option).startswith(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('gate = "hihg"', "gate: no severity 'hihg' (did you mean 'high'?)"),
        ('gate = ""', "gate: is empty"),
        ('scope = ["server", "sever"]', "scope: no scope 'sever' (did you mean 'server'?)"),
        ('allow = ["intrusiv"]', "allow: no safety class 'intrusiv' (did you mean 'intrusive'?)"),
        ('resolver = "dns.example"', "resolver: 'dns.example' is a name"),
        ('ehlo = "a b"', "ehlo: 'a b' has a space"),
        ('ehlo = "[1.2.3]"', "ehlo: '1.2.3' is not an IP address"),
        ('profile = "enterprize"', "profile: no profile 'enterprize'"),
        ('[target]\ndomain = ""', "target.domain: is empty"),
        ('[target]\nhosts = ["a", "b:25"]', "target.hosts[2]: 'b:25' is not a host name"),
        ('[target]\nhosts = ["0.0.0.0"]', "target.hosts[1]: '0.0.0.0' is not the address of one host"),
        ('[target]\nfamilies = "ipv5"', "target.families: no choice 'ipv5'"),
        (TARGET.replace("imaps", "imapss"), "target.endpoint[2].role: no role 'imapss' (did you mean 'imaps'?)"),
        (TARGET.replace("127.0.0.78", "mx.example"), "target.endpoint[1].address: 'mx.example' is not an IP address"),
        (TARGET.replace("imap.example.com", "imap_1"), "target.endpoint[2].host: 'imap_1' is not a host name"),
        ('[credentials]\nuser = ""', "credentials.user: is empty"),
    ],
)
def test_a_bad_value_of_a_file_is_named_with_its_key(project, text, message):
    path = project.file(text)
    assert project.complaint(config=str(path), target=["a"]).startswith(f"{path}: {message}")


@pytest.mark.parametrize(
    ("text", "resolver"),
    [
        ("127.0.0.53", Resolver(address="127.0.0.53")),
        ("127.0.0.53:5353", Resolver(address="127.0.0.53", port=5353)),
        ("::1", Resolver(address="::1")),
        ("[::1]:5353", Resolver(address="::1", port=5353)),
    ],
)
def test_a_resolver_is_an_address_with_or_without_port(project, text, resolver):
    assert project.config(target=["a"], resolver=text).resolver == resolver


@pytest.mark.parametrize("scope", [["server", "dns", "server"], ["server,dns"], ["server dns,\tserver"]])
def test_scopes_are_listed_once(project, scope):
    assert project.config(target=["a"], scope=scope).scope == (Scope.SERVER, Scope.DNS)


@pytest.mark.parametrize("ehlo", ["audit.example.com", "[192.0.2.1]", "[IPv6:2001:db8::1]"])
def test_the_ehlo_name_is_a_host_or_a_literal(project, ehlo):
    project.file(f'ehlo = "{ehlo}"')
    assert project.config(target=["a"]).ehlo == ehlo


def test_the_rest_of_a_file_arrives(project):
    project.file(
        "[limits]\nconnect_seconds = 3\n[budget]\ntotal = 20\n"
        '[[waiver]]\ncontrol = "port-open"\nowner = "ops"\nreason = "ticket"\nexpires = 2027-01-31\n'
        '[[attestation]]\nclause = "POST-6"\nowner = "ops"\nstatement = "s"\nevidence = "e"\n'
        "made = 2026-11-01\nexpires = 2027-01-31\n"
    )
    config = project.config(target=["a"])
    assert config.limits.connect_seconds == 3
    assert config.budget.total == 20
    assert [w.control for w in config.waivers] == ["port-open"]
    assert [a.clause for a in config.attestations] == ["POST-6"]


# Trust anchors


def test_anchors_are_a_pem_file_with_a_certificate(project, anchor_pem):
    (project.here / "ca.pem").write_text(f"Subject: test CA\n{anchor_pem}\n{anchor_pem}")
    assert project.config(target=["a"], ca="ca.pem").ca == project.here / "ca.pem"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot be read"),
        ("", "no readable certificate"),
        ("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", "no readable certificate"),
        ("-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n", "no readable certificate"),
        ("\0\1\2", "no readable certificate"),
        ("x" * 2_000_000, "is larger than"),
    ],
    ids=["missing", "empty", "cut", "key", "binary", "large"],
)
def test_anything_else_is_no_anchor(project, content, reason, anchor_pem):
    if content is not None:
        (project.root / "ca.pem").write_text(content)
    path = project.file('ca = "ca.pem"')
    message = project.complaint(target=["a"])
    assert message.startswith(f"{path}: ca: {project.root / 'ca.pem'}: ")
    assert reason in message
    assert "hunter2" not in message
    (project.here / "good.pem").write_text(anchor_pem)
    assert project.config(target=["a"], ca="good.pem").ca == project.here / "good.pem"


def test_a_folder_is_no_anchor(project):
    assert "Is a directory" in project.complaint(target=["a"], ca=".")


def test_the_report_folder_is_no_file(project):
    (project.here / "out").write_text("")
    assert project.complaint(target=["a"], report="out") == f"--smtp-report: {project.here / 'out'} is not a folder"
    (project.here / "link").symlink_to("nowhere")
    assert "is not a folder" in project.complaint(target=["a"], report="link")


# Credentials


def test_the_password_comes_from_the_environment(project):
    config = project.config(target=["a"], user="alice", environ={"SMTP_AUDIT_PASSWORD": "hunter2"})
    assert config.credentials.password.get_secret_value() == "hunter2"
    assert "hunter2" not in repr(config)
    assert "hunter2" not in config.model_dump_json()


def test_the_file_may_name_the_variable(project):
    project.file('[credentials]\nuser = "alice"\npassword_env = "MAIL_PW"')
    environ = {"MAIL_PW": "hunter2", "SMTP_AUDIT_PASSWORD": "other"}
    config = project.config(target=["a"], environ=environ)
    assert config.credentials.password.get_secret_value() == "hunter2"
    assert project.config(target=["a"], user="bob", environ=environ).credentials.user == "bob"


@pytest.mark.parametrize("environ", [{}, {"SMTP_AUDIT_PASSWORD": ""}, {"OTHER": "x"}])
def test_an_unset_or_empty_variable_is_no_password(project, environ):
    config = project.config(target=["a"], user="alice", environ=environ)
    assert config.credentials == Credentials(user="alice", password_env="SMTP_AUDIT_PASSWORD", password=None)


def test_no_user_no_credentials(project):
    project.file('[credentials]\npassword_env = "MAIL_PW"')
    assert project.config(target=["a"], environ={"MAIL_PW": "hunter2"}).credentials is None


@pytest.mark.parametrize(
    "value", ["hunter2", "hunter2!", "Hunter2_X", "", "HUNTER2=X", "2HUNTER", "HUNTER2 ", "HUNTER2\\n", "X" * 101]
)
def test_a_password_in_the_place_of_the_variable_is_not_shown(project, value):
    project.file(f'[credentials]\nuser = "alice"\npassword_env = "{value}"')
    message = project.complaint(target=["a"])
    assert "credentials.password_env: must be the name of an environment variable" in message
    assert "hunter2" not in message.lower()


def test_a_password_that_is_no_text_is_not_shown(project):
    environ = {"SMTP_AUDIT_PASSWORD": os.fsdecode(b"hunter2\xff")}
    message = project.complaint(target=["a"], user="alice", environ=environ)
    assert message == "environment variable SMTP_AUDIT_PASSWORD: is not UTF-8 text"
