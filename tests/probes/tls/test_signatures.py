"""Signature schemes of TLS 1.2: all that a server uses, and no end that was not seen."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smtp_audit.facts.handshake import VersionSignatures
from smtp_audit.facts.tls import TlsVersion
from smtp_audit.probes.tls.parameters import SIGNATURES, signature_name
from smtp_audit.probes.tls.signatures import signatures_of_tls12
from tests.hostile.flights import DONE, Script, elliptic, hello_message
from tests.hostile.records import Hello, alert, record, server_hello
from tests.probes.stage import QUICK, UNHURRIED, serving

from .scripted import Bend, dropping, playing, prober, saying, silent
from .test_groups import always, suites

TLS12 = TlsVersion.TLS12
OWN = {TLS12.code: (0xC02F, 0x009E, 0x002F)}
HASTY = QUICK.model_copy(update={"handshake_seconds": 0.1})


async def find(script: Script, bend: Bend | None = None, *numbers: int, **more) -> VersionSignatures:
    async with serving(playing(script, bend)) as stage:
        facts = await signatures_of_tls12(
            prober(stage, TLS12, **more), suites(TLS12, *(numbers or OWN[TLS12.code])), {}
        )
        assert facts.hellos == stage.connections
    return facts


def signed(scheme: int, version: int = 0x0303, suite: int = 0xC02F) -> bytes:
    return record(22, hello_message(version, suite) + elliptic(0x001D, scheme) + DONE, version)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(SIGNATURES), min_size=1, unique=True), st.booleans())
def test_any_set_of_schemes(own, server_prefers):
    facts = asyncio.run(find(Script(OWN, signatures=own, server_prefers=server_prefers), limits=UNHURRIED))
    order = own if server_prefers else [scheme for scheme in SIGNATURES if scheme in own]
    assert facts.schemes == tuple(map(signature_name, order))
    assert facts.complete
    assert facts.hellos <= len(own) + 1


async def test_without_a_signed_key_exchange_there_is_none():
    facts = await find(Script(OWN), None, 0x002F, 0x0034)
    assert (facts.schemes, facts.complete, facts.hellos) == ((), True, 0)


async def test_a_scheme_that_was_not_offered():
    facts = await find(Script(OWN), saying(lambda _, hello: 0x0403 not in hello.signatures, lambda _: signed(0x0403)))
    assert facts.schemes == ("ecdsa_secp256r1_sha256",)
    assert not facts.complete
    facts = await find(Script(OWN), saying(always, lambda _: signed(0xFEFE)))
    assert (facts.schemes, facts.complete) == (("0xFEFE",), False)


async def test_none_at_all_is_not_all():
    facts = await find(Script({}), saying(always, lambda _: alert(40)))
    assert (facts.schemes, facts.complete) == ((), False)


@pytest.mark.parametrize("suite", [0xFFFE, 0x002F])
async def test_the_signature_of_an_answer_that_is_none(suite):
    """A suite that was not offered: nothing behind it counts."""
    facts = await find(Script({}), saying(always, lambda _: signed(0x0804, suite=suite)))
    assert (facts.schemes, facts.complete) == ((), False)


async def test_a_flight_that_breaks_off():
    facts = await find(Script({}), saying(always, lambda _: server_hello(0x0303, 0xC02F) + alert(80)))
    assert (facts.schemes, facts.complete) == ((), False)
    assert "alert 80" in facts.detail


def without_the_first(_, hello: Hello) -> bool:
    return 0x0403 not in hello.signatures


@pytest.mark.parametrize("bend", [dropping(without_the_first), silent(without_the_first)])
async def test_no_answer_is_no_end(bend):
    facts = await find(Script(OWN), bend, limits=HASTY)
    assert (facts.schemes, facts.complete) == (("ecdsa_secp256r1_sha256",), False)


@pytest.mark.parametrize("number", [10, 47, 50, 80])
async def test_other_alerts_are_no_end(number):
    facts = await find(Script(OWN), saying(without_the_first, lambda _: alert(number)))
    assert (facts.schemes, facts.complete) == (("ecdsa_secp256r1_sha256",), False)
