"""Messages as they came: three readings of line ends, mailboxes, parts and links."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_audit.mailtext import (
    NAMELESS,
    READINGS,
    bare_ends,
    canonical,
    decoded,
    early_ends,
    header_fields,
    header_names,
    links,
    longest_line,
    mailboxes,
    parts_of,
)

NAMES = st.from_regex(r"[A-Za-z][A-Za-z-]{0,15}", fullmatch=True)
VALUES = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=30)
LOCALS = st.from_regex(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]{1,12}(\.[a-z0-9]{1,8}){0,2}", fullmatch=True)
DOMAINS = st.from_regex(r"[a-z]{1,10}(\.[a-z]{2,8}){1,2}", fullmatch=True)
ADDRESSES = st.builds(lambda local, domain: f"{local}@{domain}", LOCALS, DOMAINS)
ANYTHING = st.text(st.characters(max_codepoint=255), max_size=80)


@given(st.lists(st.tuples(NAMES, VALUES), min_size=1, max_size=8), st.booleans())
def test_a_clean_header_is_the_same_in_every_reading(fields: list[tuple[str, str]], folded: bool) -> None:
    space = "\r\n " if folded else " "
    content = "".join(f"{name}:{space}{value}\r\n" for name, value in fields) + "\r\nBody: no field\r\n"
    for reading in READINGS:
        assert header_fields(content, reading) == tuple((name.lower(), value) for name, value in fields)


@pytest.mark.parametrize(
    ("end", "seen_by"),
    [("\r\n", {"crlf", "lf", "any"}), ("\n", {"lf", "any"}), ("\r", {"any"})],
)
@given(value=VALUES)
def test_an_injected_field_is_seen_by_whoever_reads_so(end: str, seen_by: set[str], value: str) -> None:
    content = f"Subject: {value}{end}Bcc: stolen@attacker.example\r\nTo: a@b.example\r\n\r\n"
    assert {reading for reading in READINGS if "bcc" in header_names(content, reading)} == seen_by
    assert all("to" in header_names(content, reading) for reading in READINGS)


def test_a_header_that_ends_early_lacks_its_rest() -> None:
    content = "Subject: x\n\nBody\r\nTo: a@b.example\r\n\r\n"
    assert header_names(content, "crlf") == ("subject", "to")
    assert header_names(content, "lf") == ("subject",)


@pytest.mark.parametrize("piece", ["\r\n x", "a:b\r\n", "<a ", "(", '"', "<", ",", "http://", "=?q?", "--b\r\n"])
def test_hostile_sizes_take_little_time(piece: str) -> None:
    text = "Subject: x" + piece * (1_000_000 // len(piece))
    began = time.monotonic()
    fields = header_fields(text)
    parts = parts_of(f"Content-Type: multipart/mixed; boundary=b\r\n\r\n{text}")
    for value in (fields[0][1], *(part for _, _, part in parts)):
        mailboxes(value[:32768])
        decoded(value[:32768])
        links("text/html", value)
        links("text/plain", value)
    early_ends(text)
    assert time.monotonic() - began < 10


def test_lines_that_are_no_fields() -> None:
    assert header_names("Subject: x\r\nno field\r\n : y\r\n\r\n", "crlf") == ("subject", NAMELESS)
    assert header_names("X A: y\r\n\x00Bcc: z\r\n\r\n", "crlf") == ("x a", NAMELESS)
    assert header_names("", "crlf") == ()


@given(ANYTHING)
def test_anything_is_read(text: str) -> None:
    for reading in READINGS:
        header_fields(text, reading)
    parts_of(text)
    decoded(text)
    mailboxes(text)
    links("text/html", text)
    assert 0 <= early_ends(text) <= len(text)
    assert 0 <= longest_line(text) <= len(text)


@pytest.mark.parametrize(
    ("content", "ends"),
    [
        ("a\r\n.b\r\n", 0),
        ("a\r\n.\r\nb\r\n", 0),  # stuffed on the wire, as the trap has it
        ("a\n.\nb", 1),
        ("a\n.\r\nb", 1),
        ("a\r.\rb", 1),
        ("a\r.\r\nb", 1),
        ("a\r\n.\nb", 0),
    ],
)
def test_early_ends(content: str, ends: int) -> None:
    assert early_ends(content) == ends


@given(st.lists(ADDRESSES, min_size=1, max_size=5), st.data())
def test_what_goes_into_a_list_comes_out(addresses: list[str], data: st.DataObject) -> None:
    forms = (
        "{}",
        "<{}>",
        "Ada <{}>",
        '"Lovelace, Ada <x@y.example>" <{}>',
        "{} (Ada, (x@y.example) \\) x)",
        "(a) {}",
        "g: {};",
    )
    text = ", ".join(data.draw(st.sampled_from(forms)).format(address) for address in addresses)
    assert mailboxes(text) == tuple(addresses)


def test_bare_ends() -> None:
    assert bare_ends("a\r\nb\r\n") == 0
    assert bare_ends("a\nb\rc\r\r\n\n") == 4


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('"r@client.test evil@x"@attacker.test', ('"r@client.test evil@x"@attacker.test',)),
        ('"a, b"@c.example, d@e.example', ('"a, b"@c.example', "d@e.example")),
        ("<@relay.example:user@c.example>", ("user@c.example",)),
        ("Ada <a@b.example> <c@d.example>", ("a@b.example", "c@d.example")),
        ("team: a@b.example, c@d.example;", ("a@b.example", "c@d.example")),
        ("undisclosed-recipients:;", ()),
        ("no address", ("no address",)),
        ("a@b@c.example", ("a@b@c.example",)),
        ('"open', ('"open',)),
        ("<open@b.example", ("open@b.example",)),
        ("(open", ()),
        ('<"a>b"@c.example>', ('"a>b"@c.example',)),
    ],
)
def test_unusual_lists(text: str, found: tuple[str, ...]) -> None:
    assert mailboxes(text) == found


@given(ADDRESSES)
def test_quotes_that_are_not_needed_make_no_other_mailbox(address: str) -> None:
    local, _, domain = address.rpartition("@")
    assert canonical(f'"{local}"@{domain.upper()}') == canonical(address) == address
    assert canonical(f'"{local} x"@{domain}') == f'"{local} x"@{domain}'


def test_a_local_part_keeps_its_case_and_its_quotes() -> None:
    assert canonical("Ada@B.example") == "Ada@b.example"
    assert canonical('"a\\"b"@c.example') == '"a\\"b"@c.example'
    assert canonical('"a\\ b"@c.example') == '"a b"@c.example'
    assert canonical('".a"@c.example') == '".a"@c.example'


def test_parts_and_links() -> None:
    content = (
        "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\nc2VlIGh0dHBzOi8vYS5leGFtcGxlL3g/eT0xLg==\r\n--b\r\n"
        "Content-Type: text/html\r\n\r\n<a class=x href='https://a.example/x?y=1&amp;z'>x</a>"
        "<A HREF=https://b.example/>y</A>\r\n--b--\r\n"
    )
    found = parts_of(content)
    assert [(kind, depth) for kind, depth, _ in found] == [
        ("multipart/alternative", 0),
        ("text/plain", 1),
        ("text/html", 1),
    ]
    assert links("text/plain", found[1][2]) == ("https://a.example/x?y=1",)
    assert links("text/html", found[2][2]) == ("https://a.example/x?y=1&z", "https://b.example/")


def test_encoded_words() -> None:
    assert decoded("=?utf-8?q?B=C3=BCcher?=") == "Bücher"
    assert decoded("=?nonsense?q?x?=") == "=?nonsense?q?x?="
    assert decoded("plain") == "plain"
