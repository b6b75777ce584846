"""MX and SRV records as text, host names, and networks without public servers."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_audit.hostnames import host_name_flaw
from smtp_audit.published.mail_exchanger import parse_mx
from smtp_audit.published.service import parse_srv
from smtp_audit.published.special_networks import special_network

LABELS = st.from_regex(r"[a-z]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
NAMES = st.lists(LABELS, min_size=1, max_size=5).map(".".join)
NUMBERS = st.integers(0, 65535)


@given(NUMBERS, NAMES)
def test_an_mx_record_is_read_as_it_was_written(preference: int, host: str) -> None:
    exchange = parse_mx(f"{preference} {host}.")
    assert (exchange.preference, exchange.host, exchange.problems) == (preference, host, ())
    assert not exchange.null
    assert not exchange.literal


@given(st.text())
def test_any_text_for_an_mx_record_is_taken(text: str) -> None:
    exchange = parse_mx(text)
    assert exchange.host or exchange.null or exchange.problems


@pytest.mark.parametrize(
    "text", ["", "10", "10 a b", "x mail.example.com.", "70000 mail.example.com.", "-1 a.", "10 \n"]
)
def test_what_is_no_mx_record_says_so(text: str) -> None:
    assert parse_mx(text).problems
    assert not parse_mx(text).null


def test_a_null_mx_is_one_at_any_preference() -> None:
    assert parse_mx("0 .").null
    assert parse_mx("10 .").null


@pytest.mark.parametrize("host", ["192.0.2.1", "[192.0.2.1]", "2001:db8::1", "[ipv6:2001:db8::1]"])
def test_an_address_in_the_place_of_a_name_is_seen(host: str) -> None:
    assert parse_mx(f"10 {host}.").literal


@pytest.mark.parametrize("host", ["192.0.2.1.example.com", "mail.example.com", "1.example.com"])
def test_a_name_with_numbers_is_no_address(host: str) -> None:
    exchange = parse_mx(f"10 {host}.")
    assert not exchange.literal
    assert exchange.problems == ()


@given(NUMBERS, NUMBERS, st.integers(1, 65535), NAMES)
def test_an_srv_record_is_read_as_it_was_written(priority: int, weight: int, port: int, target: str) -> None:
    service = parse_srv(f"{priority} {weight} {port} {target}.")
    assert (service.priority, service.weight, service.port) == (priority, weight, port)
    assert service.target == target
    assert service.offered
    assert service.problems == ()


@given(st.text())
def test_any_text_for_an_srv_record_is_taken(text: str) -> None:
    service = parse_srv(text)
    assert service.target or service.problems or not service.offered


def test_a_service_that_is_not_offered() -> None:
    service = parse_srv("0 0 0 .")
    assert not service.offered
    assert service.problems == ()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("0 1 0 mail.example.com.", "port 0"),
        ("0 1 993 a_b.example.com.", "underscore"),
        ("0 1 993 192.0.2.1.", "ends in a number"),
        ("0 1 993", "no priority"),
        ("0 1 70000 mail.example.com.", "no priority"),
    ],
)
def test_what_is_wrong_in_an_srv_record_is_said(text: str, problem: str) -> None:
    assert problem in " ".join(parse_srv(text).problems)


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("127.0.0.1", "loopback"),
        ("10.0.0.1", "private"),
        ("172.16.0.1", "private"),
        ("192.168.255.255", "private"),
        ("100.64.0.1", "shared"),
        ("169.254.0.1", "link-local"),
        ("203.0.113.1", "documentation"),
        ("0.0.0.0", "this network"),
        ("255.255.255.255", "reserved"),
        ("::1", "loopback"),
        ("fe80::1%eth0", "link-local"),
        ("fd00::1", "unique local"),
        ("2001:db8::1", "documentation"),
        ("::ffff:192.0.2.1", "mapped"),
    ],
)
def test_special_networks_are_known_by_their_kind(address: str, kind: str) -> None:
    assert special_network(address).startswith(kind) or kind in special_network(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "172.32.0.1", "172.15.255.255", "100.128.0.1", "2a00::1", "2001:4860::1"]
)
def test_public_addresses_are_not_special(address: str) -> None:
    assert special_network(address) == ""


@given(st.ip_addresses())
def test_every_special_address_may_be_allowed(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    everything = [ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0")]
    assert special_network(str(address), everything) == ""
    if address.is_loopback or address.is_link_local or address.is_multicast:
        assert special_network(str(address))


@given(NAMES)
def test_host_names_have_no_flaw(name: str) -> None:
    assert host_name_flaw(name) == ""
