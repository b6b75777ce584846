"""SPF records: every term that the grammar of RFC 7208 section 12 makes is read, and nothing else."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_audit.limits import MAX_SPF_TERMS
from smtp_audit.published.spf import Mechanism, Modifier, Qualifier, is_spf, nearly_spf, parse_spf

# Terms by the grammar

_LABELS = st.from_regex(r"[a-z0-9_]([a-z0-9_-]{0,8}[a-z0-9_])?", fullmatch=True)
_TOPS = st.sampled_from(["com", "example", "xn--zckzah", "x1", "9a"])
_MACROS = st.builds(
    lambda letter, digits, reverse, delimiters: f"%{{{letter}{digits}{reverse}{delimiters}}}",
    st.sampled_from("slodiphvSLODIPHV"),
    st.sampled_from(["", "1", "2", "10", "128"]),
    st.sampled_from(["", "r", "R"]),
    st.sampled_from(["", "-", ".-+", "/_=,"]),
)
_PLAIN_DOMAINS = st.builds(
    lambda labels, top, dot: ".".join([*labels, top]) + dot,
    st.lists(_LABELS, min_size=1, max_size=3),
    _TOPS,
    st.sampled_from(["", "."]),
)
_DOMAINS = st.one_of(
    _PLAIN_DOMAINS,
    st.builds(lambda labels, macro: ".".join([*labels, macro]), st.lists(_LABELS, max_size=2), _MACROS),
    st.builds(lambda macro, top: f"{macro}.{top}", _MACROS, _TOPS),
)
_PREFIX4 = st.one_of(st.none(), st.integers(0, 32))
_PREFIX6 = st.one_of(st.none(), st.integers(0, 128))
_QUALIFIERS = st.sampled_from(["", "+", "-", "~", "?"])
_NAMES = {name: st.sampled_from([name, name.upper(), name.title()]) for name in ("all", "a", "mx", "ptr", "include")}


@st.composite
def _dual(draw: st.DrawFn) -> tuple[str, dict[str, object]]:
    name = draw(st.sampled_from(["a", "mx"]))
    domain = draw(st.one_of(st.just(""), _DOMAINS))
    four, six = draw(_PREFIX4), draw(_PREFIX6)
    text = draw(_NAMES[name]) + (f":{domain}" if domain else "")
    text += (f"/{four}" if four is not None else "") + (f"//{six}" if six is not None else "")
    return text, {"name": name, "domain": domain, "prefix4": four, "prefix6": six}


@st.composite
def _named(draw: st.DrawFn) -> tuple[str, dict[str, object]]:
    name = draw(st.sampled_from(["include", "exists", "ptr"]))
    domain = draw(_DOMAINS)
    return f"{name}:{domain}", {"name": name, "domain": domain}


@st.composite
def _network(draw: st.DrawFn) -> tuple[str, dict[str, object]]:
    four = draw(st.booleans())
    address = str(draw(st.ip_addresses(v=4 if four else 6)))
    prefix = draw(_PREFIX4 if four else _PREFIX6)
    name = "ip4" if four else "ip6"
    text = f"{name}:{address}" + (f"/{prefix}" if prefix is not None else "")
    return text, {"name": name, "address": address, "prefix4" if four else "prefix6": prefix}


_BARE = st.sampled_from(["all", "a", "mx", "ptr"]).flatmap(
    lambda name: _NAMES[name].map(lambda text: (text, {"name": name}))
)
_MECHANISMS = st.tuples(_QUALIFIERS, st.one_of(_BARE, _dual(), _named(), _network()))
_UNKNOWN = st.builds(
    lambda name, value: (f"{name}={value}", {"name": name, "value": value}),
    st.from_regex(r"x[a-z0-9_.-]{0,6}", fullmatch=True),
    st.one_of(st.just(""), st.just("a:b/c=d"), _DOMAINS),
)


@given(st.lists(_MECHANISMS, max_size=8), st.lists(_UNKNOWN, max_size=2), st.sampled_from([" ", "  "]))
def test_whatever_the_grammar_makes_is_read(
    mechanisms: list[tuple[str, tuple[str, dict[str, object]]]],
    modifiers: list[tuple[str, dict[str, object]]],
    space: str,
) -> None:
    texts = [sign + text for sign, (text, _) in mechanisms] + [text for text, _ in modifiers]
    record = parse_spf(space.join(["v=spf1", *texts]) + space)
    assert record.problems == ()
    assert [term.text for term in (*record.mechanisms, *record.modifiers)] == texts
    for read, (sign, (_, fields)) in zip(record.mechanisms, mechanisms, strict=True):
        assert read.qualifier is Qualifier(sign or "+")
        blank = Mechanism(place=read.place, text=read.text, qualifier=read.qualifier, name="")
        assert read == blank.model_copy(update=fields)
    for modifier, (_, fields) in zip(record.modifiers, modifiers, strict=True):
        assert modifier == Modifier(place=modifier.place, text=modifier.text, **fields)  # type: ignore[arg-type]


@given(st.text(st.characters(max_codepoint=255), max_size=80))
def test_never_raises(text: str) -> None:
    for each in (text, "v=spf1 " + text):
        record = parse_spf(each)
        assert record.text == each
        assert all(" " <= char <= "~" for problem in record.problems for char in problem)
        is_spf(each)
        nearly_spf(each)


@given(st.text(st.sampled_from("aimpx4:/=.%{}d-+~?12 "), max_size=40))
def test_never_raises_on_what_looks_like_it(text: str) -> None:
    record = parse_spf("v=spf1 " + text)
    assert len(record.mechanisms) + len(record.modifiers) <= len(text.split()) or not text.split()


@pytest.mark.parametrize(
    ("term", "says"),
    [
        ("a:192.0.2.1", "is an address, and no name: write ip4:192.0.2.1"),
        ("ip4:2001:db8::1", "is no IPv4 address; an IPv6 address is written ip6:"),
        ("ip6:192.0.2.1", "is no IPv6 address; an IPv4 address is written ip4:"),
        ("ip4:192.0.2.1/33", "/33 is longer than an address of 32 bits"),
        ("ip4:192.0.2.01", "is no IPv4 address"),
        ("ip4:192.0.2.1/", "is no prefix"),
        ("ip6:fe80::1%eth0", "is no IPv6 address"),
        ("ip6:::1//64", "is no prefix"),
        ("ip4", "a colon and an address"),
        ("ipv4:192.0.2.1", "did you mean 'ip4'"),
        ("include", "a colon and a name"),
        ("include:example.com/24", "include takes no prefix"),
        ("exists:%{c}.example.com", "%{c} is for explanation texts only"),
        ("a:localhost", "is a single label"),
        ("a:example.com:8080", "8080 is no last label"),
        ("a:", "the name is missing"),
        ("all:example.com", "nothing may stand behind all"),
        ("redirect:example.com", "redirect is a modifier"),
        ("-redirect=example.com", "redirect is a modifier"),
        ("redirect=", "the name is missing"),
        ("exp=-all", "is a single label"),
        ("--all", "no mechanism and no modifier"),
        ("1up=foo", "no mechanism and no modifier"),
        ("=all", "no mechanism and no modifier"),
        ("foo=%abc", "a percent sign begins"),
        ("-", "no mechanism and no modifier"),
        ("mx\tall", "no end of a name"),
    ],
)
def test_problems_name_term_and_place(term: str, says: str) -> None:
    record = parse_spf(f"v=spf1 mx {term} -all")
    (problem,) = record.problems
    assert problem.startswith("term 2 (")
    if term != "mx\tall":
        assert says in problem
    assert [each.text for each in record.mechanisms] == ["mx", "-all"]


def test_second_redirect_and_exp() -> None:
    record = parse_spf("v=spf1 redirect=a.example exp=b.example REDIRECT=c.example exp=d.example")
    assert record.problems == (
        "term 3 (REDIRECT=c.example): a second redirect: a record has one at most",
        "term 4 (exp=d.example): a second exp: a record has one at most",
    )


def test_what_counts_ends_at_all() -> None:
    record = parse_spf("v=spf1 mx ~all a -all redirect=a.example")
    assert [term.text for term in record.live] == ["mx", "~all"]
    assert [term.text for term in record.dead] == ["a", "-all"]
    assert record.all is not None
    assert record.all.text == "~all"
    assert record.redirect is not None


@pytest.mark.parametrize("text", ["v=spf1", "V=SPF1", "v=spf1 ", "v=SpF1 mx"])
def test_what_is_spf(text: str) -> None:
    assert is_spf(text)
    assert not nearly_spf(text)


@pytest.mark.parametrize(
    "text", [" v=spf1 mx", '"v=spf1 mx"', "v=spf1;mx", "v=spf10", "v = spf1 mx", "spf1 mx", "v:spf1 mx", "v=spf-1 mx"]
)
def test_what_was_meant_as_spf(text: str) -> None:
    assert not is_spf(text)
    assert nearly_spf(text)


@pytest.mark.parametrize("text", ["", "spf2.0/pra mx", "v=DMARC1; p=none", "google-site-verification=abc", "hello"])
def test_what_is_something_else(text: str) -> None:
    assert not is_spf(text)
    assert not nearly_spf(text)


def test_more_terms_than_are_read() -> None:
    assert not parse_spf("v=spf1 " + "a " * MAX_SPF_TERMS).cut
    record = parse_spf("v=spf1 " + "a " * (MAX_SPF_TERMS + 1))
    assert record.cut
    assert len(record.mechanisms) == MAX_SPF_TERMS
    assert not parse_spf("v=spf1 " + " " * 60_000 + "-all").problems


def test_long_input_takes_no_time() -> None:
    began = time.monotonic()
    for text in ("a" * 60_000, "a:" + "a" * 60_000, "a:b." + "1" * 60_000 + "-", "ip4:" + "1" * 60_000,
                 "a" + "/1" * 30_000, "x=" + "%{d}" * 15_000, "a:%{" + "d" * 60_000, " " * 60_000 + "v=spf1",
                 "a:a." * 15_000, "v" + " " * 60_000, "v=" * 30_000, ("v" + " " * 99) * 600):  # fmt: skip
        parse_spf("v=spf1 " + text)
        nearly_spf(text)
    assert time.monotonic() - began < 5
