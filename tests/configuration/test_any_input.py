"""Whatever is given, the answer is a configuration or one line, quickly; and no line holds a secret."""

import json
import time
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smtp_audit.configuration.file import TABLES
from smtp_audit.configuration.model import Config
from smtp_audit.configuration.sources import INI_KEYS, OPTIONS, build_config, load_config
from smtp_audit.errors import ConfigurationError
from tests.configuration.test_file import WHOLE
from tests.projects import TARGET

SECONDS = 2
"""How long any of these small inputs may take, on a busy machine."""

quick = settings(max_examples=150, deadline=SECONDS * 1000, suppress_health_check=[HealthCheck.too_slow])

KEYS = sorted({key for model in TABLES.values() for key in model.model_fields} | {"password", "tool", "x y", "\x1b"})
WORDS = ["enterprise", "high", "server", "slow", "mx", "imaps", "mail.example.com", "127.0.0.1", "::1", "all", "25"]
WORDS += [
    "mail.example.com:25",
    "[::1]:993",
    "mx=mail.example.com:25",
    "ops",
    "reports",
    "ca.pem",
    "",
    "\x1b[2J",
    "\u202e",
]

GOOD = WHOLE.replace('ca = "ca.pem"\n', "")

keys = st.sampled_from(KEYS) | st.text(max_size=5)
scalars = (
    st.sampled_from(WORDS)
    | st.text(st.characters(codec="utf-8"), max_size=30)
    | st.integers()
    | st.floats()
    | st.booleans()
    | st.dates(date(1970, 1, 1), date(2100, 1, 1))
    | st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1))
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)
documents = st.dictionaries(keys, values, max_size=6)


def toml(value):
    """A value as TOML: inline, so that any nesting can be written."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        # JSON's escapes are TOML's, but for surrogate pairs and DEL.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, float):
        return repr(value) if "e" not in repr(value) or "." in repr(value) else repr(value).replace("e", ".0e")
    if isinstance(value, date):
        return value.isoformat()
    return repr(value)


def file_text(document):
    return "".join(f"{json.dumps(key, ensure_ascii=False)} = {toml(value)}\n" for key, value in document.items())


def outcome(call):
    """What a call gives: the configuration, or the line; anything else fails the test."""
    began = time.process_time()
    try:
        result = call()
    except ConfigurationError as error:
        result = str(error)
    assert time.process_time() - began < SECONDS
    if isinstance(result, str):
        assert result.isprintable()
        assert result.isascii()
        assert 10 < len(result) < 400
    else:
        assert result is None or isinstance(result, Config)
    return result


def load(data):
    with TemporaryDirectory() as folder:
        path = Path(folder, "smtp-audit.toml")
        path.write_bytes(data)
        return outcome(lambda: load_config(path, {}))


@quick
@given(st.binary(max_size=300))
def test_any_octets(data):
    load(data)


@quick
@given(st.text(st.sampled_from("[]{}=.,'\"#\n\r\t \\ax1_-:T+"), max_size=200))
def test_any_text_that_looks_like_toml(text):
    load(text.encode())


@quick
@given(documents)
def test_any_document(document):
    load(file_text(document).encode())


@quick
@given(st.data())
def test_a_good_file_with_one_value_changed(data):
    lines = GOOD.strip().splitlines()
    place = data.draw(st.sampled_from([n for n, line in enumerate(lines) if " = " in line]))
    key = lines[place].partition(" = ")[0]
    lines[place] = f"{key} = {toml(data.draw(values))}"
    result = load("\n".join(lines).encode())
    if isinstance(result, str) and "not valid TOML" not in result:
        assert key in result or "mail.example.com" in result


@quick
@given(st.data())
def test_a_good_file_with_one_piece_cut_out_or_put_in(data):
    text = GOOD
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 20)))
    load((text[:start] + data.draw(st.text(st.characters(codec="utf-8"), max_size=5)) + text[end:]).encode())


texts = st.sampled_from(WORDS) | st.text(st.characters(), max_size=40)
anything = (
    st.none() | st.booleans() | texts | st.lists(texts, max_size=3) | st.integers() | st.binary(max_size=3) | values
)
options = st.dictionaries(st.sampled_from(OPTIONS), texts | st.lists(texts, max_size=3) | st.booleans(), max_size=6)


@quick
@given(
    options | st.dictionaries(st.sampled_from(OPTIONS) | texts, anything, max_size=6),
    st.dictionaries(st.sampled_from(INI_KEYS), anything, max_size=4),
    st.sampled_from(["", TARGET, 'gate = "low"', "broken = ["]),
)
def test_any_options(given_options, ini, content):
    with TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "smtp-audit.toml").write_text(content)
        outcome(lambda: build_config(given_options, root, root, {}, ini))


@quick
@given(options)
def test_no_audit_means_that_nothing_was_given(given_options):
    with TemporaryDirectory() as folder:
        result = outcome(lambda: build_config(given_options, Path(folder), Path(folder), {}))
    is_given = [value for value in given_options.values() if value is not False and value != []]
    assert (result is None) is (not is_given)
    if isinstance(result, Config):
        assert result.targets or result.snapshot


@quick
@given(options, st.sampled_from(["smtp_target", "smtp_endpoint"]), texts.filter(bool))
def test_a_target_is_never_lost(given_options, name, word):
    """Whatever stands beside it: one word for one place, or an error."""
    with TemporaryDirectory() as folder:
        result = outcome(
            lambda: build_config({**given_options, name: [word]}, Path(folder), Path(folder), {}),
        )
    assert result is not None
    if isinstance(result, Config):
        assert result.targets
        assert result.names or result.endpoints


SECRET = "Hunter2OpenSesame"


@quick
@given(
    documents,
    st.sampled_from(["password", "passwd", "smtp_password", "token", "client_secret", "password_env", "Pass"]),
    st.sampled_from([SECRET, [SECRET], {"value": SECRET}, {SECRET: 1}, [[{"a": SECRET}]]]),
    st.sampled_from([(), ("credentials",), ("target",), ("limits",), ("tool",), ("x",)]),
)
def test_no_message_holds_a_secret(document, key, value, place):
    table = document
    for part in place:
        if not isinstance(table.get(part), dict):
            table[part] = {}
        table = table[part]
    table[key] = value
    result = load(file_text(document).encode())
    assert SECRET not in str(result)


@pytest.mark.parametrize("cut", range(0, 60, 7))
def test_a_broken_line_with_a_secret_is_not_shown(cut):
    line = f'[credentials]\nuser = "alice"\npassword = "{SECRET}" # {SECRET}'
    for end in ("", "\n[", '"', "\\", "'''"):
        assert SECRET not in str(load((line[: len(line) - cut] + end).encode()))


def test_the_file_that_is_changed_here_is_a_good_one():
    assert isinstance(load(GOOD.encode()), Config)
