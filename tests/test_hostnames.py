"""The matching rules of RFC 9525: tables for what the text says, properties for what follows from it."""

from __future__ import annotations

import ipaddress
import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from smtp_audit.hostnames import dns_name_matches, matching_name

MATCHES = [
    ("mail.example.com", "mail.example.com"),
    ("MAIL.Example.COM", "mail.example.com"),
    ("mail.example.com", "Mail.EXAMPLE.com"),
    ("mail.example.com.", "mail.example.com"),
    ("mail.example.com", "mail.example.com."),
    ("*.example.com", "mail.example.com"),
    ("*.Example.Com", "MAIL.example.com"),
    ("*.example.com.", "mail.example.com"),
    ("xn--mxchn-3ya.example", "XN--mxchn-3ya.example"),
    ("*.example.com", "xn--bcher-kva.example.com"),
    ("localhost", "localhost"),
]

DIFFERS = [
    ("mail.example.com", "example.com"),
    ("example.com", "mail.example.com"),
    ("mail.example.com", "mail.example.org"),
    ("mail.example.com", "mail.example.com.evil.example"),
    ("mail.example.com.evil.example", "mail.example.com"),
    ("mailexample.com", "mail.example.com"),
    # A wildcard is the complete left-most label and stands for exactly one.
    ("*.example.com", "example.com"),
    ("*.example.com", "a.mail.example.com"),
    ("*.example.com", ".example.com"),
    ("m*.example.com", "mail.example.com"),
    ("*il.example.com", "mail.example.com"),
    ("ma*l.example.com", "mail.example.com"),
    ("xn--*.example.com", "xn--bcher-kva.example.com"),
    ("mail.*.com", "mail.example.com"),
    ("mail.example.*", "mail.example.com"),
    ("*.*.com", "mail.example.com"),
    ("**.example.com", "mail.example.com"),
    ("*", "localhost"),
    ("*.com", "example.com"),
    ("*.com.", "example.com"),
    # The host is a name, never a pattern.
    ("*.example.com", "*.example.com"),
    ("mail.example.com", "*.example.com"),
    # No names at all.
    ("", ""),
    (".", "."),
    ("", "mail.example.com"),
    ("mail..example.com", "mail..example.com"),
    (".example.com", "mail.example.com"),
    ("mail.example.com..", "mail.example.com"),
    # Look-alikes: KELVIN SIGN becomes an ordinary k in lower case, but only outside ASCII.
    ("mail.\u212aey.example", "mail.key.example"),
    ("mail.key.example", "mail.\u212aey.example"),
    (r"mail.example.com\u{0}.evil.example", "mail.example.com"),
    ("mail.example.com ", "mail.example.com"),
]


@pytest.mark.parametrize(("presented", "host"), MATCHES)
def test_matches(presented: str, host: str) -> None:
    assert dns_name_matches(presented, host)
    assert matching_name(host, [presented], []) == presented


@pytest.mark.parametrize(("presented", "host"), DIFFERS)
def test_differs(presented: str, host: str) -> None:
    assert not dns_name_matches(presented, host)


def test_the_first_match_is_named() -> None:
    names = ["a.example", "*.example.com", "mail.example.com"]
    assert matching_name("mail.example.com", names, ["192.0.2.1"]) == "*.example.com"
    assert matching_name("www.example.org", names, ["192.0.2.1"]) is None


@pytest.mark.parametrize(
    ("host", "addresses", "found"),
    [
        ("192.0.2.1", ["192.0.2.1"], "192.0.2.1"),
        ("2001:db8::1", ["2001:0DB8:0:0:0:0:0:1"], "2001:0DB8:0:0:0:0:0:1"),
        ("fe80::1%eth0", ["fe80::1"], "fe80::1"),
        ("192.0.2.1", ["192.0.2.2"], None),
        ("192.0.2.1", ["::ffff:192.0.2.1"], None),
        ("192.0.2.1", ["192.0.2.0/24"], None),
        ("192.0.2.1", [], None),
    ],
)
def test_an_address_is_matched_by_its_octets(host: str, addresses: list[str], found: str | None) -> None:
    assert matching_name(host, [], addresses) == found


def test_an_address_is_never_matched_by_a_name_nor_a_name_by_an_address() -> None:
    assert matching_name("192.0.2.1", ["192.0.2.1", "*.0.2.1"], []) is None
    assert matching_name("mail.example.com", [], ["192.0.2.1", "mail.example.com"]) is None


LABEL = st.text(string.ascii_lowercase + string.digits + "-_", min_size=1, max_size=8)
NAME = st.lists(LABEL, min_size=1, max_size=5).map(".".join)
ANY_TEXT = st.text(max_size=20) | st.text("*.a", max_size=10)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


@given(NAME)
def test_a_name_matches_itself_in_any_case(name: str) -> None:
    assert dns_name_matches(name.upper(), name)
    assert dns_name_matches(name, name.upper())


@given(NAME, NAME)
def test_without_a_wildcard_only_the_same_name_matches(one: str, other: str) -> None:
    assert dns_name_matches(one, other) == (one == other)


@given(LABEL, st.lists(LABEL, min_size=2, max_size=4))
def test_a_wildcard_stands_for_any_one_label(label: str, rest: list[str]) -> None:
    pattern = ".".join(["*", *rest])
    assert dns_name_matches(pattern, ".".join([label, *rest]))
    assert not dns_name_matches(pattern, ".".join(rest))
    assert not dns_name_matches(pattern, ".".join([label, label, *rest]))


@given(LABEL, LABEL)
def test_a_wildcard_over_a_top_level_domain_matches_nothing(label: str, top: str) -> None:
    assert not dns_name_matches(f"*.{top}", f"{label}.{top}")
    assert not dns_name_matches("*", top)


@given(ANY_TEXT, NAME)
def test_whatever_matches_has_the_shape_of_a_name(presented: str, host: str) -> None:
    """Whatever a certificate says: a match is the name itself, or one asterisk in front of all but its first label."""
    if dns_name_matches(presented, host):
        clean = presented.removesuffix(".").lower()
        assert clean in (host, "*." + host.partition(".")[2])


@given(ANY_TEXT, ANY_TEXT)
def test_matching_never_raises(presented: str, host: str) -> None:
    assert matching_name(host, [presented], [presented]) in (None, presented)


@given(NAME, NAME)
def test_matching_agrees_with_the_match_of_one_name(presented: str, host: str) -> None:
    assume(not _is_address(host))
    assert (matching_name(host, [presented], []) is not None) == dns_name_matches(presented, host)
