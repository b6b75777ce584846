"""The words of --smtp-target, --smtp-endpoint and --smtp-domain, and the endpoints they stand for."""

import ipaddress
import time

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from smtp_audit.configuration.target import (
    Known,
    Place,
    merge_endpoints,
    parse_endpoint,
    parse_host,
    parse_place,
    select,
    select_domain,
    standard_endpoints,
)
from smtp_audit.errors import ConfigurationError
from smtp_audit.facts.endpoint import STANDARD_PORTS, Endpoint, Role

MX = Endpoint(role=Role.MX, host="mail.example.com", port=27025, address="127.0.0.78")
SUBMISSION = Endpoint(role=Role.SUBMISSION, host="mail.example.com", port=587)
IMAPS = Endpoint(role=Role.IMAPS, host="imap.example.com", port=993)
KNOWN = Known("example.com", (), (MX, SUBMISSION, IMAPS))


def complaint(word, parse=parse_place):
    with pytest.raises(ConfigurationError) as caught:
        parse(word, "--smtp-target")
    message = str(caught.value)
    assert message.startswith("--smtp-target: ")
    assert message.isprintable()
    assert message.isascii()
    assert len(message) < 400
    return message


@pytest.mark.parametrize(
    ("word", "host", "port"),
    [
        ("mail.example.com", "mail.example.com", None),
        ("mail.example.com:25", "mail.example.com", 25),
        ("mail.example.com:65535", "mail.example.com", 65535),
        ("MAIL.Example.COM", "mail.example.com", None),
        ("mail.example.com.", "mail.example.com", None),
        ("mail.example.com.:465", "mail.example.com", 465),
        ("localhost", "localhost", None),
        ("3com.example", "3com.example", None),
        ("a-b.xn--p1ai", "a-b.xn--p1ai", None),
        ("127.0.0.1", "127.0.0.1", None),
        ("127.0.0.1:1", "127.0.0.1", 1),
        ("::1", "::1", None),
        ("[::1]", "::1", None),
        ("[::1]:25", "::1", 25),
        ("[2001:DB8:0:0::0001]:465", "2001:db8::1", 465),
        ("2001:db8::1", "2001:db8::1", None),
        ("::ffff:192.0.2.1", "192.0.2.1", None),
        ("[::ffff:c000:201]:25", "192.0.2.1", 25),
        ("bücher.example", "xn--bcher-kva.example", None),
        ("BÜCHER.example.:25", "xn--bcher-kva.example", 25),
        ("bu\u0308cher.example", "xn--bcher-kva.example", None),
        ("faß.de", "xn--fa-hia.de", None),
        ("\u0646\u0627\u0645\u0647\u200c\u0627\u06cc.example", "xn--mgba3gch31f060k.example", None),
        ("例え.テスト", "xn--r8jz45g.xn--zckzah", None),
        ("mail。example\uff0ecom", "mail.example.com", None),
        ("\uff4d\uff41\uff49\uff4c.example.com", "mail.example.com", None),
    ],
)
def test_a_word_has_one_spelling(word, host, port):
    assert parse_place(word, "--smtp-target") == Place(host, port)


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("", "is empty; valid: a mail domain, HOST, HOST:PORT,"),
        (" ", "space"),
        ("mail.example.com ", "space"),
        ("mail example.com", "space"),
        ("mail.example.com\n", "control character"),
        ("\x1b[2Jmail.example.com", "control character"),
        ("mail\u202e.example", "IDNA"),
        ("mail\udc80.example", "control character"),
        ("mail_1.example.com", "underscore"),
        ("_dmarc.example.com", "underscore"),
        ("mail..example.com", "empty label"),
        (".example.com", "empty label"),
        ("..", "empty label"),
        (".", "empty label"),
        ("-mail.example.com", "hyphens"),
        ("mail-.example.com", "hyphens"),
        ("mail!.example.com", "letters"),
        ("*.example.com", "letters"),
        ("a" * 64 + ".example", "63 characters"),
        (".".join(["a" * 60] * 5), "253 characters"),
        ("ä" * 100_000, "253 characters"),
        ("x" * 1_000_000, "253 characters"),
        ("☕.example", "IDNA"),
        ("a\u200db.example", "IDNA"),
        ("https://mail.example.com", "URL"),
        ("smtp://mail.example.com:25", "URL"),
        ("mail.example.com/", "'/'"),
        ("192.0.2.0/24", "'/'"),
        ("mx1.example.com,mx2.example.com", "comma"),
        ("mx=mail.example.com:25", "--smtp-endpoint"),
        ("mail.example.com:0", "not a port"),
        ("mail.example.com:65536", "not a port"),
        ("mail.example.com:025000", "not a port"),
        ("mail.example.com:abc", "not a port"),
        ("mail.example.com:", "not a port"),
        ("mail.example.com:-1", "not a port"),
        ("mail.example.com:+25", "not a port"),
        ("mail.example.com:\uff12\uff15", "not a port"),
        ("mail.example.com:" + "9" * 5000, "not a port"),
        (":25", "names no host"),
        ("[]:25", "brackets"),
        ("[::1", "brackets"),
        ("[::1]25", "brackets"),
        ("[127.0.0.1]:25", "brackets"),
        ("[mail.example.com]:25", "brackets"),
        ("[::1]:", "not a port"),
        ("1:2:3", "not an IPv6 address"),
        ("mail:25:25", "not an IPv6 address"),
        ("fe80::1%eth0", "zone"),
        ("[fe80::1%25]:25", "zone"),
        ("0.0.0.0", "one host"),
        ("::", "one host"),
        ("224.0.0.1", "one host"),
        ("ff02::1", "one host"),
        ("256.1.1.1", "ends in a number"),
        ("127.1", "ends in a number"),
        ("1.2.3.4.5", "ends in a number"),
        ("010.0.0.1", "ends in a number"),
        ("2130706433", "ends in a number"),
        ("0x7f000001", "ends in a number"),
        ("\uff11\uff12\uff17.0.0.1", "ends in a number"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_is_no_target_gets_one_clear_line(word, reason):
    assert reason in complaint(word)


@pytest.mark.parametrize(
    "word", ["alice:hunter2@mail.example.com", "smtp://alice:hunter2@mail.example.com/", "x=hunter2@"]
)
@pytest.mark.parametrize("parse", [parse_place, parse_host, parse_endpoint])
def test_what_stands_beside_an_at_sign_is_not_shown(word, parse):
    assert "hunter2" not in complaint(word, parse)


@given(st.text(st.characters(), max_size=80))
@example("[" * 80)
@example("xn--\u00df.example")
@example("\u0644\u200c.example")
def test_any_text_is_a_place_or_one_line(word):
    try:
        place = parse_place(word, "--smtp-target")
    except ConfigurationError:
        assert complaint(word)
    else:
        assert place.host.isascii()
        assert parse_place(str(place), "") == place


@given(st.ip_addresses())
@example(ipaddress.ip_address("::ffff:192.0.2.1"))
def test_an_address_is_taken_in_every_spelling(address):
    meant = getattr(address, "ipv4_mapped", None) or address
    assume(not meant.is_multicast and not meant.is_unspecified)
    spellings = [str(address), address.exploded, address.exploded.upper()]
    for spelling in spellings:
        place = parse_place(f"[{spelling}]:25" if address.version == 6 else f"{spelling}:25", "")
        assert ipaddress.ip_address(place.host) == meant


def test_parsing_hostile_words_takes_no_time():
    began = time.process_time()
    for word in ("." * 1_000_000, ":" * 1_000_000, "[" * 1_000_000, "ß" * 1_000_000, "a-" * 500_000, "ä." * 250):
        complaint(word)
    assert time.process_time() - began < 2


@pytest.mark.parametrize("role", Role)
def test_every_role_can_be_given_to_any_port(role):
    assert parse_endpoint(f"{role}=mail.example.com:2525", "") == Endpoint(
        role=role, host="mail.example.com", port=2525
    )


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("", "is empty"),
        ("mail.example.com:25", "names no role"),
        ("=mail.example.com:25", "no role ''"),
        ("mx=", "names no host"),
        ("mx=:25", "names no host"),
        ("mx=mail.example.com", "names no port"),
        ("mx=::1", "names no port"),
        ("mx=[::1]", "names no port"),
        ("MX=mail.example.com:25", "did you mean 'mx'?"),
        ("submision=mail.example.com:587", "did you mean 'submission'?"),
        ("smpt=mail.example.com:25", "no role 'smpt' (known: mx, submission, submissions, imap,"),
        ("mx =mail.example.com:25", "no role 'mx '"),
        ("mx= mail.example.com:25", "space"),
        ("mx=mx=mail.example.com:25", "'='"),
        ("\x1b[2J=mail:25", "no role"),
        ("mx=mail.example.com:0", "not a port"),
    ],
)
def test_what_is_no_endpoint_gets_one_clear_line(word, reason):
    assert reason in complaint(word, parse_endpoint)


def test_a_bare_name_may_be_a_domain():
    chosen = select(["Example.org", "example.org."], [], KNOWN)
    assert chosen.names == ("example.org",)
    assert chosen.words == ("example.org",)
    assert chosen.endpoints == ()


@pytest.mark.parametrize(("port", "role"), STANDARD_PORTS.items())
def test_a_standard_port_says_its_role(port, role):
    (endpoint,) = select([f"mail.example.org:{port}"], [], KNOWN).endpoints
    assert (endpoint.role, endpoint.port, endpoint.declared) == (role, port, True)


def test_another_port_needs_a_role():
    with pytest.raises(ConfigurationError, match=r"--smtp-endpoint ROLE=\[::1\]:2525"):
        select(["[::1]:2525"], [], KNOWN)


@pytest.mark.parametrize("word", ["192.0.2.1", "2001:db8::1", "[2001:db8::1]"])
def test_a_bare_address_is_looked_at_on_the_standard_ports(word):
    chosen = select([word], [], KNOWN)
    assert [e.port for e in chosen.endpoints] == [25, 587, 465, 993, 143, 110, 995, 4190]
    assert not any(e.declared for e in chosen.endpoints)
    assert chosen.names == ()


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("mail.example.com", (MX, SUBMISSION)),
        ("MAIL.example.com.", (MX, SUBMISSION)),
        ("mail.example.com:27025", (MX,)),
        ("127.0.0.78", (MX,)),
        ("127.0.0.78:27025", (MX,)),
        ("imap.example.com", (IMAPS,)),
        ("example.com", (MX, SUBMISSION, IMAPS)),
    ],
)
def test_a_word_selects_what_the_file_knows(word, expected):
    chosen = select([word], [], KNOWN)
    assert chosen.endpoints == expected
    assert chosen.names == ()
    assert chosen.domain == "example.com"
    assert len(chosen.words) == 1


def test_a_port_that_the_file_does_not_know_stands_for_itself():
    chosen = select(["mail.example.com:25"], [], KNOWN)
    assert chosen.endpoints == (Endpoint(role=Role.MX, host="mail.example.com", port=25),)
    with pytest.raises(ConfigurationError, match="27026 has no role"):
        select(["mail.example.com:27026"], [], KNOWN)


def test_a_domain_with_a_port_is_a_host():
    chosen = select(["example.com:25"], [], KNOWN)
    assert chosen.endpoints == (Endpoint(role=Role.MX, host="example.com", port=25),)
    assert chosen.domain is None


def test_hosts_of_the_file_are_looked_at_without_a_look_up():
    chosen = select(["a.example"], [], Known(None, ("a.example", "b.example"), (MX,)))
    assert chosen.endpoints == standard_endpoints("a.example")
    assert chosen.names == ()


def test_an_endpoint_word_takes_the_address_of_the_file_and_keeps_its_role():
    chosen = select([], ["submission=mail.example.com:27025"], KNOWN)
    assert chosen.endpoints == (MX.model_copy(update={"role": Role.SUBMISSION}),)


def test_the_domain_of_the_file_is_not_lent_to_other_hosts():
    assert select(["mail.example.com"], [], KNOWN).domain == "example.com"
    assert select(["mail.example.org:25"], [], KNOWN).domain is None
    assert select(["mail.example.com", "mail.example.org:25"], [], KNOWN).domain is None
    assert select([], ["mx=mail.example.org:25"], KNOWN).domain is None


@pytest.mark.parametrize(
    ("known", "names", "count"),
    [
        (Known("example.com"), ("example.com",), 0),
        (Known("example.com", ("a.example",)), (), 8),
        (Known("example.com", (), (MX,)), (), 1),
        (Known("example.com", ("a.example",), (MX,)), (), 9),
        (Known(None, ("a.example",)), (), 8),
        (Known(), (), 0),
    ],
)
def test_the_whole_of_a_file(known, names, count):
    chosen = known.whole()
    assert chosen.names == names
    assert len(chosen.endpoints) == count
    assert chosen.domain == known.domain


def test_a_mail_domain_is_the_target_of_the_file_or_a_name():
    assert select_domain("example.com", KNOWN).endpoints == KNOWN.endpoints
    assert select_domain("example.org", KNOWN).names == ("example.org",)
    assert select_domain("mail.example.com", KNOWN).names == ("mail.example.com",)


def test_the_same_endpoint_is_kept_once():
    assert merge_endpoints([MX, IMAPS, MX]) == (MX, IMAPS)


def test_a_port_that_is_looked_at_gives_way_to_a_declared_one():
    looked_at = standard_endpoints("mail.example.com")
    declared = Endpoint(role=Role.MX, host="mail.example.com", port=587, address="192.0.2.1")
    for order in ([*looked_at, declared], [declared, *looked_at]):
        merged = merge_endpoints(order)
        assert len(merged) == 8
        assert declared in merged
        assert not any(e.shared_name for e in merged)


def test_several_addresses_of_one_name_are_told_apart():
    other = MX.model_copy(update={"address": "127.0.0.79"})
    merged = merge_endpoints([MX, other, SUBMISSION])
    assert [e.shared_name for e in merged] == [True, True, False]
    assert len({e.key for e in merged}) == 3


def test_one_endpoint_has_one_role():
    with pytest.raises(ConfigurationError, match=r"mail.example.com:587: is named as submission and as mx"):
        merge_endpoints([SUBMISSION, SUBMISSION.model_copy(update={"role": Role.MX})])


def test_one_name_with_and_without_address_is_ambiguous():
    with pytest.raises(ConfigurationError, match="give both an address"):
        merge_endpoints([SUBMISSION, SUBMISSION.model_copy(update={"address": "192.0.2.1"})])


endpoints = st.builds(
    Endpoint,
    role=st.sampled_from([Role.MX, Role.IMAP]),
    host=st.sampled_from(["a.example", "b.example"]),
    port=st.sampled_from([25, 143]),
    address=st.sampled_from([None, "192.0.2.1", "192.0.2.2"]),
    declared=st.booleans(),
)


@given(st.lists(endpoints, max_size=8))
def test_merging_loses_no_declared_endpoint_and_leaves_no_ambiguous_name(given_endpoints):
    try:
        merged = merge_endpoints(given_endpoints)
    except ConfigurationError:
        return
    assert len({e.key for e in merged}) == len(merged)
    places = {(e.host, e.port, e.address) for e in merged}
    assert {(e.host, e.port, e.address) for e in given_endpoints if e.declared} <= places
    assert {(e.host, e.port) for e in given_endpoints} == {(e.host, e.port) for e in merged}
    assert merge_endpoints(merged) == merged
