"""TOML from outside: capped, quick, and every failure one line."""

import os
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_audit.errors import ConfigurationError
from smtp_audit.limits import MAX_CONFIG_BYTES
from smtp_audit.tomlfile import MAX_KEY_PARTS, parse_toml, read_toml


def short(value):
    return repr(value)[:40]


def complaint(content, tmp_path):
    path = tmp_path / "file.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigurationError) as caught:
        read_toml(path)
    message = str(caught.value)
    assert "file.toml: " in message
    assert message.isprintable()
    assert len(message) < 400
    return message


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("a = [", "is not valid TOML"),
        ("a = 1\na = 2", "is not valid TOML"),
        ("a = 1\r2", "is not valid TOML"),
        ("\x1b[2J", "is not valid TOML"),
        (b"a = '\x00'", "is not valid TOML"),
        (b"\xff\xfea", "is not UTF-8 text (octet 1)"),
        (b"a = '\xe4'", "is not UTF-8 text (octet 6)"),
        (b"#" * (MAX_CONFIG_BYTES + 1), f"is larger than {MAX_CONFIG_BYTES} octets"),
        ("a = " + "[" * 100_000, "nested too deeply"),
        ("a = " + "{a=" * 100_000, "nested too deeply"),
        ("a = " + "1" * 5000, "far too many digits"),
        (".".join("a" * 100_000) + " = 1", "dotted parts"),
        ("[" + ".".join("a" * 100_000) + "]", "dotted parts"),
        ("a = {" + " . ".join(["'b'"] * 100_000) + " = 1}", "dotted parts"),
        ('"x" . ' * 100 + "a = 1", "dotted parts"),
    ],
    ids=short,
)
def test_what_is_no_toml_of_ours_gets_one_line(content, reason, tmp_path):
    began = time.process_time()
    assert reason in complaint(content, tmp_path)
    assert time.process_time() - began < 2


def test_what_cannot_be_read_gets_one_line(tmp_path):
    for path in (tmp_path / "none", tmp_path, tmp_path / ("x" * 300), tmp_path / "\0", tmp_path / "a\nb"):
        with pytest.raises(ConfigurationError, match="cannot be read") as caught:
            read_toml(path)
        assert str(caught.value).isprintable()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_gets_one_line(tmp_path):
    path = tmp_path / "file.toml"
    path.write_text("")
    path.chmod(0)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_toml(path)


@pytest.mark.parametrize(
    "content",
    [
        ".".join("a" * MAX_KEY_PARTS) + " = 1",
        f"a = '{'.'.join('a' * 100)}'",
        f'a = "\\"{".".join("a" * 100)}"',
        f'a = """\n{".".join("a" * 100)}\n"""',
        f"a = '''\n\"{'.'.join('a' * 100)}\n'''",
        f"# {'.'.join('a' * 100)}\na = 1",
        f"a = [{', '.join(['1.5'] * 100)}]",
        "\ufeffa = 1",
        "a = 1\r\nb = 2\r\n",
    ],
    ids=short,
)
def test_dots_in_texts_and_comments_are_not_counted(content, tmp_path):
    path = tmp_path / "file.toml"
    path.write_bytes(content.encode())
    assert read_toml(path)


@pytest.mark.parametrize(
    "text",
    [
        '"' * 1_000_000,
        "'" * 1_000_000,
        'a="' + '\\"' * 400_000,
        '"""' + "\\" * 900_000,
        "'''\"\"\"" * 150_000,
        "a-" * 400_000,
        "a ." * 300_000,
        "[a]" * 300_000,
        "#\n" * 400_000 + "x",
    ],
    ids=short,
)
def test_hostile_text_takes_no_time(text):
    began = time.process_time()
    with pytest.raises(ConfigurationError):
        parse_toml(text, "file")
    assert time.process_time() - began < 3


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
def test_any_octets_are_a_table_or_one_line(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_bytes(data)
    try:
        assert isinstance(read_toml(path), dict)
    except ConfigurationError:
        assert complaint(data, path.parent)
