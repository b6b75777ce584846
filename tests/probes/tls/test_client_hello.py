"""A ClientHello is taken apart and put together again as it was, or it is a ValueError."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_audit.facts.tls import TlsVersion
from smtp_audit.probes.tls.client_hello import ClientHello, parse_client_hello
from smtp_audit.probes.tls.hello import GROUPS, SIGNATURES, TLS13_SUITES, client_hello
from tests.hostile.records import message, parse_hello

NAME = b"\x00\x0e\x00\x00\x0bold.example"
NUMBERS = st.integers(0, 0xFFFF)
LISTS = st.lists(NUMBERS, max_size=4).map(lambda values: b"".join(value.to_bytes(2) for value in values))
CONTENTS = {
    0: st.just(NAME),
    10: LISTS.map(lambda data: len(data).to_bytes(2) + data),
    13: LISTS.map(lambda data: len(data).to_bytes(2) + data),
    21: st.integers(0, 9).map(bytes),
    43: LISTS.map(lambda data: bytes([len(data)]) + data),
    0x0A0A: st.just(b""),
    0xFE0D: st.binary(max_size=9),
}
EXTENSIONS = st.lists(st.sampled_from(sorted(CONTENTS)), unique=True).flatmap(
    lambda numbers: st.tuples(*(st.tuples(st.just(number), CONTENTS[number]) for number in numbers))
)
HELLOS = st.builds(
    ClientHello,
    legacy_version=NUMBERS,
    random=st.binary(min_size=32, max_size=32),
    session_id=st.binary(max_size=32),
    suites=st.lists(NUMBERS, min_size=1, max_size=5).map(tuple),
    compression=st.binary(min_size=1, max_size=2),
    extensions=st.one_of(st.none(), EXTENSIONS),
)
PLAIN = ClientHello(0x0303, bytes(32), b"", (0xC02F,), b"\0", ())


@st.composite
def damaged(draw):
    """A hello in which a few octets are others."""
    data = bytearray(draw(HELLOS).message())
    for _ in range(draw(st.integers(1, 3))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data)


class TestParsing:
    @given(hello=HELLOS)
    def test_what_is_put_together_is_taken_apart_again(self, hello):
        assert parse_client_hello(hello.message()) == hello

    @given(data=st.one_of(st.binary(max_size=90), damaged()))
    def test_any_octets_give_a_hello_of_the_same_octets_or_a_value_error(self, data):
        try:
            hello = parse_client_hello(data)
        except ValueError:
            return
        assert hello.message() == data
        assert isinstance(hello.versions + hello.groups + hello.signatures, tuple)

    @given(hello=HELLOS, cut=st.integers(0, 1000))
    def test_a_part_of_a_hello_is_none(self, hello, cut):
        data = hello.message()
        with pytest.raises(ValueError, match="cut short"):
            parse_client_hello(data[: cut % len(data)])

    @given(hello=HELLOS, more=st.binary(min_size=1, max_size=9))
    def test_a_hello_and_more_is_none(self, hello, more):
        with pytest.raises(ValueError, match="too many"):
            parse_client_hello(hello.message() + more)

    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            (b"\3\3" + bytes(32) + b"\x21" + bytes(33) + b"\0\2\xc0\x2f\1\0", "not allowed"),
            (b"\3\3" + bytes(32) + b"\0" + b"\0\0" + b"\1\0", "not allowed"),
            (b"\3\3" + bytes(32) + b"\0" + b"\0\2\xc0\x2f" + b"\0", "not allowed"),
            (b"\3\3" + bytes(32) + b"\0" + b"\0\3\xc0\x2f\xc0" + b"\1\0", "half a number"),
            (b"\3\3" + bytes(32) + b"\0" + b"\0\2\xc0\x2f" + b"\1\0" + b"\0\0\0", "too many"),
            (b"\3\3" + bytes(32) + b"\0" + b"\0\2\xc0\x2f" + b"\1\0" + b"\0", "cut short"),
        ],
    )
    def test_a_malformed_body(self, body, reason):
        with pytest.raises(ValueError, match=reason):
            parse_client_hello(message(1, body))

    def test_another_message_is_no_client_hello(self):
        with pytest.raises(ValueError, match="not a ClientHello"):
            parse_client_hello(b"\2" + PLAIN.message()[1:])

    @pytest.mark.parametrize(
        ("extensions", "reason"),
        [
            (((23, b""), (23, b"")), "extension 23 twice"),
            (((10, b"\0\3\0\x1d\0"),), "half a number"),
            (((10, b"\0\4\0\x1d"),), "cut short"),
            (((13, b"\0\2\4\3\4"),), "too many"),
            (((43, b""),), "cut short"),
        ],
    )
    def test_malformed_extensions(self, extensions, reason):
        with pytest.raises(ValueError, match=reason):
            parse_client_hello(replace(PLAIN, extensions=extensions).message())

    def test_no_extensions_are_not_the_same_as_an_empty_list_of_them(self):
        assert parse_client_hello(PLAIN.message()).extensions == ()
        assert parse_client_hello(replace(PLAIN, extensions=None).message()).extensions is None


class TestContents:
    def test_our_own_hello_says_what_we_put_into_it(self):
        hello = parse_client_hello(client_hello(TlsVersion.TLS13, "mail.example")[5:])
        assert (hello.legacy_version, hello.versions, hello.suites) == (0x0303, (0x0304,), TLS13_SUITES)
        assert (hello.groups, hello.signatures) == (GROUPS, SIGNATURES)

    def test_without_supported_versions_the_highest_version_is_all_that_is_known(self):
        assert PLAIN.versions == (0x0303,)
        assert (PLAIN.groups, PLAIN.signatures) == ((), ())


class TestNaming:
    def test_the_name_is_replaced_in_its_place(self):
        hello = replace(PLAIN, extensions=((23, b""), (0, NAME), (0x0A0A, b"")))
        assert hello.named("new.mail.example").extensions == (
            (23, b""),
            (0, b"\x00\x13\x00\x00\x10new.mail.example"),
            (0x0A0A, b""),
        )
        assert hello.named("old.example") == hello
        assert hello.named(None).extensions == ((23, b""), (0x0A0A, b""))

    @given(hello=HELLOS, name=st.sampled_from(["a.example", "b." * 60 + "example", None]))
    def test_only_the_name_changes(self, hello, name):
        named = hello.named(name)
        others = [extension for extension in hello.extensions or () if extension[0] != 0]
        assert [extension for extension in named.extensions or () if extension[0] != 0] == others
        assert replace(named, extensions=None) == replace(hello, extensions=None)
        assert (named.extension(0) is None) is (hello.extension(0) is None or name is None)
        assert parse_hello(b"", named.message()).suites == hello.suites

    def test_a_hello_without_a_name_gets_none(self):
        assert PLAIN.named("mail.example") == PLAIN
        assert replace(PLAIN, extensions=None).named("mail.example").extensions is None
