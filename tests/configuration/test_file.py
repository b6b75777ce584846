"""The form of smtp-audit.toml: every key, and one line for every way to miss it."""

from datetime import date
from pathlib import Path

import pytest

from smtp_audit.configuration.file import MAX_ENDPOINTS, MAX_HOSTS, TABLES, read_config_file
from smtp_audit.errors import ConfigurationError

ENDPOINT = '[[target.endpoint]]\nrole = "mx"\nhost = "mail.example.com"\nport = 25\n'
WAIVER = '[[waiver]]\ncontrol = "port-open"\nowner = "ops"\nreason = "ticket"\nexpires = 2027-01-31\n'
ATTESTATION = (
    '[[attestation]]\nclause = "POST-6"\nowner = "ops"\nstatement = "so it is"\nevidence = "ticket"\n'
    "made = 2026-11-01\nexpires = 2027-01-31\n"
)
WHOLE = f"""
profile = "enterprise"
report = "reports"
gate = "medium"
scope = ["server"]
resolver = "127.0.0.53:53"
ca = "ca.pem"
ehlo = "audit.example.com"
allow = ["intrusive", "slow"]
revocation = true
sources = ["127.0.0.1"]
source = ["src"]
[target]
domain = "example.com"
hosts = ["mail.example.com"]
families = "all"
{ENDPOINT}address = "127.0.0.78"
[credentials]
user = "alice@example.com"
password_env = "SMTP_AUDIT_PASSWORD"
[mailboxes]
own = "audit@example.com"
other = "other@example.com"
foreign = "audit@example.net"
[throwaway]
user = "throwaway@example.com"
password_env = "SMTP_AUDIT_THROWAWAY_PASSWORD"
[sink]
address = "sink@example.net"
listen = "127.0.0.1:2525"
[sending]
addresses = ["192.0.2.25"]
helo = "mail.example.com"
[dkim]
selectors = ["mail2026"]
[dns]
authoritative = true
authoritative_port = 5353
block_lists = ["bl.example.net"]
[mta_sts]
address = "127.0.0.1"
port = 8443
ca = "ca.pem"
[[client]]
name = "app"
command = ["node", "send.js"]
health = ["node", "health.js"]
directory = "app"
environment = {{ host = "MAIL_HOST" }}
message = {{ html = "body" }}
variables = {{ NODE_ENV = "production" }}
success = "exit"
seconds = 60
watch = "app/logs"
templates = {{ reset = ["link"] }}
[[template]]
path = "reset.html"
command = ["node", "render.js"]
directory = "app"
autoescape = true
variables = {{ name = "Alice" }}
[budget]
connections = 4
per_second = 20
total = 300
[limits]
connect_seconds = 10
greeting_seconds = 20.5
reply_seconds = 15
handshake_seconds = 10
endpoint_seconds = 180
idle_seconds = 330
{WAIVER}subject = "mail.example.com:25"
{ATTESTATION}
"""


def read(text, tmp_path, name="smtp-audit.toml"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return read_config_file(path)


def complaint(text, tmp_path, name="smtp-audit.toml"):
    """The message behind the name of the file."""
    with pytest.raises(ConfigurationError) as caught:
        read(text, tmp_path, name)
    message = str(caught.value)
    assert message.isprintable()
    assert message.isascii()
    assert len(message) < 400
    return message.partition(f"{name}: ")[2]


def test_a_whole_file_is_read(tmp_path):
    form = read(WHOLE, tmp_path)
    assert form.limits.greeting_seconds == 20.5
    assert form.budget.per_second == 20
    assert form.target.endpoint[0].address == "127.0.0.78"
    assert form.waiver[0].expires == date(2027, 1, 31)
    assert form.attestation[0].clause == "POST-6"


def test_the_whole_file_of_these_tests_has_every_key():
    for table, model in TABLES.items():
        for key in model.model_fields:
            header = ".".join((*table, key))
            assert f"\n{key} = " in WHOLE or f"[{header}]" in WHOLE, header


def test_an_empty_file_is_a_file(tmp_path):
    form = read("", tmp_path)
    assert form.target.endpoint == []
    assert form.profile is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('profil = "x"', "profil: unknown key (did you mean 'profile'?)"),
        ("[targt]", "targt: unknown key (did you mean 'target'?)"),
        ('[target]\nhost = ["x"]', "target.host: unknown key (did you mean 'hosts'?)"),
        ("[target]\ndomian = 'x'", "target.domian: unknown key (did you mean 'domain'?)"),
        (ENDPOINT + "[[target.endpoint]]\nrol = 'mx'", "target.endpoint[2].rol: unknown key (did you mean 'role'?)"),
        (WAIVER + "until = 1", "waiver[1].until: unknown key"),
        (WAIVER + WAIVER + "ownr = 1", "waiver[2].ownr: unknown key (did you mean 'owner'?)"),
        (ATTESTATION + "evidenc = 1", "attestation[1].evidenc: unknown key (did you mean 'evidence'?)"),
        ("[limits]\nconnect = 1", "limits.connect: unknown key (did you mean 'connect_seconds'?)"),
        ("[budget]\nconections = 1", "budget.conections: unknown key (did you mean 'connections'?)"),
        ("[credentials]\nusr = 1", "credentials.usr: unknown key (did you mean 'user'?)"),
        ("[target]\nprofile = 'x'", "target.profile: unknown key here; it belongs to the top of the file"),
        ("domain = 'x'", "domain: unknown key here; it belongs to [target]"),
        ("role = 'mx'", "role: unknown key here; it belongs to [[target.endpoint]]"),
        ("owner = 'x'", "owner: unknown key here; it belongs to [[waiver]] or [[attestation]]"),
        ("user = 'x'", "user: unknown key here; it belongs to [credentials]"),
        ("[tool.smtp_audit]", "tool: [tool.smtp_audit] is for pyproject.toml"),
        ('"a b" = 1', "'a b': unknown key (known: profile, report,"),
        ('"\\u001b[2J" = 1', "'\\u{1b}[2J': unknown key"),
        ('"' + "k" * 5000 + '" = 1', "'" + "k" * 60 + "...': unknown key"),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_an_unknown_key_is_named_with_the_nearest_or_its_place(text, message, tmp_path):
    assert complaint(text, tmp_path).startswith(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gate = 3", "gate: must be a text in quotes"),
        ("gate = 2027-01-01", "gate: must be a text in quotes"),
        ("scope = 'server'", "scope: must be a list"),
        ("scope = [1]", "scope[1]: must be a text in quotes"),
        ("scope = ['server', true]", "scope[2]: must be a text in quotes"),
        ("target = 3", "target: must be a table, written as [target]"),
        ("[[target]]", "target: must be a table, written as [target]"),
        ("limits = []", "limits: must be a table, written as [limits]"),
        ("[waiver]", "waiver: must be a table, written as [[waiver]]"),
        ("waiver = [1]", "waiver[1]: must be a table, written as [[waiver]]"),
        ("[target]\nendpoint = 'x'", "target.endpoint: must be a table, written as [[target.endpoint]]"),
        ("[target.endpoint]", "target.endpoint: must be a table, written as [[target.endpoint]]"),
        ("[target]\nhosts = 'x'", "target.hosts: must be a list"),
        (ENDPOINT.replace("25", '"25"'), "target.endpoint[1].port: must be a whole number"),
        (ENDPOINT.replace("25", "25.0"), "target.endpoint[1].port: must be a whole number"),
        (ENDPOINT.replace("25", "true"), "target.endpoint[1].port: must be a whole number"),
        (ENDPOINT.replace("25", "0"), "target.endpoint[1].port: must be 1 or more"),
        (ENDPOINT.replace("25", "65536"), "target.endpoint[1].port: must be 65535 or less"),
        (ENDPOINT.replace("25", "-0x" + "0"), "is not valid TOML"),
        (ENDPOINT.replace("25", "0x" + "f" * 9000), "target.endpoint[1].port: must be 65535 or less"),
        ("[limits]\nconnect_seconds = 0", "limits.connect_seconds: must be more than 0"),
        ("[limits]\nconnect_seconds = 3601", "limits.connect_seconds: must be 3600 or less"),
        ("[limits]\nconnect_seconds = inf", "limits.connect_seconds: must be a finite number"),
        ("[limits]\nconnect_seconds = nan", "limits.connect_seconds: must be a finite number"),
        ("[limits]\nconnect_seconds = true", "limits.connect_seconds: must be a number"),
        ("[limits]\nconnect_seconds = '10'", "limits.connect_seconds: must be a number"),
        ("[limits]\nconnect_seconds = 0x" + "f" * 9000, "limits.connect_seconds: must be a number"),
        ("[budget]\nconnections = 1.5", "budget.connections: must be a whole number"),
        ("[budget]\nconnections = true", "budget.connections: must be a whole number"),
        ("[budget]\nconnections = 65", "budget.connections: must be 64 or less"),
        ("[budget]\nper_second = nan", "budget.per_second: must be"),
        ("[budget]\ntotal = 1000000", "budget.total: must be 100000 or less"),
        (WAIVER.replace("2027-01-31", "'2027-01-31'"), "waiver[1].expires: must be a date without quotes"),
        (WAIVER.replace("2027-01-31", "2027-01-31T10:00:00"), "waiver[1].expires: must be a date without quotes"),
        (WAIVER.replace("2027-01-31", "1801353600"), "waiver[1].expires: must be a date without quotes"),
        (WAIVER.replace("2027-01-31", "2027-02-31"), "is not valid TOML"),
        (WAIVER.replace('"ops"', '" "'), "waiver[1].owner: is empty"),
        (WAIVER.replace("ops", "x" * 2001), "waiver[1].owner: has more than 2000 characters"),
        (WAIVER.replace("ops", "\\u001b[2J"), "waiver[1].owner: has the control character U+001B"),
        (WAIVER.replace("ops", "\\u202egro.elpmaxe"), "waiver[1].owner: has the control character U+202E"),
        (WAIVER + WAIVER.replace("ticket", "a\\rb"), "waiver[2].reason: has the control character U+000D"),
        (ATTESTATION.replace("so it is", "\\u009b"), "attestation[1].statement: has the control character U+009B"),
        (ATTESTATION.replace("2027-01-31", "2026-10-31"), "attestation[1].expires: is before 'made'"),
        ("[target]\nhosts = [" + "'a'," * (MAX_HOSTS + 1) + "]", f"target.hosts: has more than {MAX_HOSTS} entries"),
        (ENDPOINT * (MAX_ENDPOINTS + 1), f"target.endpoint: has more than {MAX_ENDPOINTS} entries"),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_a_value_of_the_wrong_type_or_size_gets_one_line(text, message, tmp_path):
    assert complaint(text, tmp_path).startswith(message)


@pytest.mark.parametrize("field", ["control", "owner", "reason", "expires"])
def test_a_waiver_needs_every_mandatory_field(field, tmp_path):
    text = "".join(line for line in WAIVER.splitlines(keepends=True) if not line.startswith(field))
    expected = f"waiver[1].{field}: is missing; mandatory here: control, owner, reason, expires"
    assert complaint(text, tmp_path) == expected


@pytest.mark.parametrize("field", ["clause", "owner", "statement", "evidence", "made", "expires"])
def test_an_attestation_needs_every_field(field, tmp_path):
    text = "".join(line for line in ATTESTATION.splitlines(keepends=True) if not line.startswith(field))
    assert complaint(ATTESTATION + text, tmp_path).startswith(f"attestation[2].{field}: is missing; mandatory here: ")


@pytest.mark.parametrize("field", ["role", "host", "port"])
def test_an_endpoint_needs_role_host_and_port(field, tmp_path):
    text = "".join(line for line in ENDPOINT.splitlines(keepends=True) if not line.startswith(field))
    assert complaint(text, tmp_path) == f"target.endpoint[1].{field}: is missing; mandatory here: role, host, port"


def test_texts_for_people_may_have_lines_and_letters(tmp_path):
    text = WAIVER.replace('"ticket"', '"""Überfällig,\n\tsiehe Ticket\u00a012\u20ac"""')
    assert read(text, tmp_path).waiver[0].reason == "Überfällig,\n\tsiehe Ticket\u00a012\u20ac"


@pytest.mark.parametrize(
    "key", ["password", "passwd", "smtp_password", "Passphrase", "pwd", "secret", "client_secret", "auth-token"]
)
@pytest.mark.parametrize("table", ["", "[credentials]\n", "[target]\n", ENDPOINT, "[credentials.deep]\n"])
@pytest.mark.parametrize("value", ['"hunter2-open-sesame"', "['hunter2-open-sesame']", '{a = "hunter2-open-sesame"}'])
def test_a_password_in_the_file_is_refused_and_not_shown(key, table, value, tmp_path):
    message = complaint(f"{table}{key} = {value}", tmp_path)
    assert "hunter2" not in message
    if "deep" not in table:
        assert "does not belong in a file: put it into an environment variable" in message
        assert "credentials.password_env" in message


@pytest.mark.parametrize(
    "text", ["password = hunter2", 'password = "hunter2', "password = 'hunter2\n'", "password == 'hunter2'"]
)
def test_a_password_in_broken_toml_is_not_shown(text, tmp_path):
    assert "hunter2" not in complaint(text, tmp_path)


def test_a_pyproject_has_a_table_for_it(tmp_path):
    table = '[tool.smtp_audit]\ngate = "low"\n[tool.smtp_audit.target]\nhosts = ["a"]'
    text = f'[project]\nname = "x"\n[tool.other]\na = 1\n{table}'
    form = read(text, tmp_path, "pyproject.toml")
    assert form.gate == "low"
    assert form.target.hosts == ["a"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tool.smtp_audit]\nprofil = 1", "tool.smtp_audit.profil: unknown key (did you mean 'profile'?)"),
        (
            "[tool.smtp_audit]\ndomain = 1",
            "tool.smtp_audit.domain: unknown key here; it belongs to [tool.smtp_audit.target]",
        ),
        ("[tool.smtp_audit.waiver]", "tool.smtp_audit.waiver: must be a table, written as [[tool.smtp_audit.waiver]]"),
        ("[tool]\nsmtp_audit = 1", "tool.smtp_audit: must be a table"),
        ("[tool.other]", "has no table [tool.smtp_audit]"),
        ("tool = 1", "has no table [tool.smtp_audit]"),
        ("", "has no table [tool.smtp_audit]"),
    ],
)
def test_a_flaw_in_a_pyproject_is_named_with_its_whole_path(text, message, tmp_path):
    assert complaint(text, tmp_path, "pyproject.toml") == message


def test_a_long_path_leaves_room_for_what_is_wrong(tmp_path):
    folder = Path(tmp_path, *["f" * 50] * 8)
    folder.mkdir(parents=True)
    assert complaint('profil = "x"', folder).endswith("profil: unknown key (did you mean 'profile'?)")


def test_a_path_with_control_characters_is_shown_escaped(tmp_path):
    folder = tmp_path / "a\x1b[2J\nb"
    folder.mkdir()
    assert complaint('profil = "x"', folder).startswith("profil: unknown key")
