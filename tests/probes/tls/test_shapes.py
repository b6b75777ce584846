"""Hellos of every shape say what they should, read by other code than ours, and real servers take them."""

from __future__ import annotations

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_audit.facts.tls import TlsVersion
from smtp_audit.lab.authority import Authority
from smtp_audit.probes.tls.hello import (
    CERTIFICATE_TIMESTAMPS,
    ENCRYPT_THEN_MAC,
    FALLBACK_SCSV,
    GREASE,
    HEARTBEAT,
    KEY_SHARE,
    RENEGOTIATION_SCSV,
    SESSION_TICKET,
    STATUS_REQUEST,
    SUPPORTED_GROUPS,
    Answer,
    Shape,
    classic_suites,
    client_hello,
    parse_answer,
)
from smtp_audit.probes.tls.parameters import CLASSIC_GROUPS, CURVES, GROUPS, SIGNATURES
from tests.hostile.records import Hello, parse_hello
from tests.probes.stage import HOST, server_context

from .test_trust import TRUSTED

SSL2, SSL3, TLS10, TLS11, TLS12, TLS13 = TlsVersion
MODERN = (TLS10, TLS11, TLS12, TLS13)
EXTRAS = {STATUS_REQUEST, HEARTBEAT, CERTIFICATE_TIMESTAMPS}
CLASSIC_EXTRAS = EXTRAS | {ENCRYPT_THEN_MAC, SESSION_TICKET}

SHAPES = st.builds(
    Shape,
    groups=st.none() | st.lists(st.sampled_from(GROUPS), max_size=5, unique=True).map(tuple),
    signatures=st.lists(st.sampled_from(SIGNATURES), min_size=1, max_size=5, unique=True).map(tuple),
    key_shares=st.booleans(),
    compression=st.booleans(),
    fallback=st.booleans(),
    grease=st.booleans(),
    extras=st.booleans(),
)


def read(version: TlsVersion, shape: Shape, suites: tuple[int, ...] | None = None) -> Hello:
    hello = client_hello(version, HOST, suites, shape)
    assert int.from_bytes(hello[3:5]) == len(hello) - 5
    return parse_hello(hello, hello[5:])


def grease(numbers: tuple[int, ...]) -> set[int]:
    return {number for number in numbers if number & 0x0F0F == 0x0A0A}


@given(st.sampled_from([SSL3, *MODERN]), SHAPES)
def test_any_shape(version, shape):
    hello = read(version, shape)
    assert hello.newest == version.code
    assert (FALLBACK_SCSV in hello.suites) is shape.fallback
    assert (RENEGOTIATION_SCSV in hello.suites) is (version is not TLS13)
    assert hello.compressions == ((1, 0) if shape.compression and version is not TLS13 else (0,))
    assert bool(grease(hello.suites)) is shape.grease
    if version is SSL3:
        assert hello.extensions == ()
        return
    groups = shape.groups if shape.groups is not None else GROUPS if version is TLS13 else CLASSIC_GROUPS
    assert hello.groups == (
        ((GREASE, *groups) if shape.grease else groups) if groups or not shape.grease else (GREASE,)
    )
    assert (SUPPORTED_GROUPS in hello.extensions) is bool(hello.groups)
    assert hello.signatures == shape.signatures
    extras = EXTRAS if version is TLS13 else CLASSIC_EXTRAS
    assert CLASSIC_EXTRAS & set(hello.extensions) == (extras if shape.extras else set())
    assert bool(grease(hello.extensions)) is shape.grease
    assert (KEY_SHARE in hello.extensions) is (version is TLS13)
    if version is TLS13:
        shares = tuple(group for group in (0x001D, 0x0017) if group in hello.groups)
        assert hello.shares == (shares if shape.key_shares else ())
        assert bool(grease(hello.supported)) is shape.grease


def test_two_hellos_are_never_the_same():
    assert client_hello(TLS12, HOST) != client_hello(TLS12, HOST)


def test_suites_are_offered_in_their_order():
    assert read(TLS12, Shape(), (0xC02F, 0x002F)).suites == (0xC02F, 0x002F, RENEGOTIATION_SCSV)
    assert read(TLS12, Shape(grease=True), (0xC02F,)).suites == (GREASE, 0xC02F, RENEGOTIATION_SCSV)
    assert set(classic_suites()) < set(read(TLS10, Shape()).suites)


def answer(context: ssl.SSLContext, hello: bytes):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    incoming.write(hello)
    server = context.wrap_bio(incoming, outgoing, server_side=True)
    with pytest.raises(ssl.SSLError):  # it wants more, or said no
        server.do_handshake()
    return parse_answer(outgoing.read())


@pytest.mark.parametrize("version", [TLS12, TLS13])
@pytest.mark.parametrize(
    "shape",
    [
        Shape(grease=True),
        Shape(extras=True),
        Shape(compression=True),
        Shape(grease=True, extras=True, compression=True),
        Shape(groups=(0x0017,)),
        Shape(signatures=(0x0403,)),
    ],
    ids=["grease", "extras", "compression", "all", "one group", "one scheme"],
)
def test_openssl_takes_them(authority: Authority, version, shape):
    context = server_context(authority.issue("shapes", TRUSTED["sound"]))
    said = answer(context, client_hello(version, HOST, None, shape))
    assert said.answer is Answer.SERVER_HELLO
    assert said.version == version.code
    assert not said.retry


def test_without_shares_openssl_asks_for_a_group(authority: Authority):
    context = server_context(authority.issue("shapes", TRUSTED["sound"]))
    for groups in ((0x001D,), (0x0018, 0x0017), (0x0100,)):
        said = answer(context, client_hello(TLS13, HOST, None, Shape(groups=groups, key_shares=False)))
        assert (said.retry, said.group in groups) == (True, True)


@pytest.mark.parametrize(
    ("shape", "alert"),
    [(Shape(groups=(0x0012,)), 40), (Shape(signatures=(0x0804,)), 40), (Shape(fallback=True), 86)],
    ids=["no group in common", "no scheme in common", "a second try"],
)
def test_what_openssl_refuses_is_refused_cleanly(authority: Authority, shape, alert):
    context = server_context(authority.issue("shapes", TRUSTED["sound"]))
    said = answer(context, client_hello(TLS12, HOST, (0xC02B,), shape))
    assert (said.answer, said.alert) == (Answer.ALERT, alert)


def test_curves_are_never_finite_fields():
    assert not any(0x0100 <= number <= 0x0104 for number in CURVES)
