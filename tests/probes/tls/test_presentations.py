"""What each kind of client is shown: seen, refused or not known, and never one for the other."""

from __future__ import annotations

import ssl

import pytest

from smtp_audit.facts.certificate import ClientKind, ShownCertificatesFacts
from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.tls import TlsFacts, TlsVersion
from smtp_audit.lab.authority import Authority
from smtp_audit.probes.tls.ask import Prober
from smtp_audit.probes.tls.encrypted import Carried, carry_through
from smtp_audit.probes.tls.parameters import ECDSA_SIGNATURES, RSA_SIGNATURES
from smtp_audit.probes.tls.presentations import OTHER_NAME, Presentations
from tests.hostile.flights import DONE, Script, certificate, elliptic, hello_message
from tests.hostile.records import Hello, alert, message, record, server_hello
from tests.probes.stage import HOST, QUICK, Peer, server_context, serving, talking

from .scripted import Bend, dropping, playing, prober, saying, silent
from .test_features import versions
from .test_trust import TRUSTED

TLS12, TLS13 = TlsVersion.TLS12, TlsVersion.TLS13
DEFAULT, RSA, ECDSA, NAMELESS, OTHER = ClientKind
HASTY = QUICK.model_copy(update={"handshake_seconds": 0.1})


@pytest.fixture(autouse=True)
def no_wait_behind_a_server_hello(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smtp_audit.probes.tls.ask.FLIGHT_SECONDS", 0.1)


@pytest.fixture
def der(authority: Authority) -> bytes:
    pem = authority.issue("presentations", TRUSTED["sound"]).read_text()
    leaf = pem[pem.index("-----BEGIN CERTIFICATE") :]
    return ssl.PEM_cert_to_DER_cert(leaf[: leaf.index("-----END CERTIFICATE-----") + 26])


@pytest.fixture
def script(der: bytes) -> Script:
    return Script({TLS12.code: (0xC02B, 0xC02F)}, chain=(der,))


async def everything(asked: Prober, tls: TlsFacts, carried: Carried | None) -> ShownCertificatesFacts:
    shown = Presentations(asked)
    await shown.without_the_name(tls)
    return await shown.run(tls, carried)


async def show(script: Script, bend: Bend | None = None, **more) -> ShownCertificatesFacts:
    async with serving(playing(script, bend)) as stage:
        asked = prober(stage, TLS12, **more)
        return await everything(asked, versions(TLS12), None)


def seen(facts: ShownCertificatesFacts) -> dict[ClientKind, str]:
    """What came of each kind, each once."""
    kinds = [shown.client for shown in facts.presentations]
    assert len(kinds) == len(set(kinds))
    assert set(kinds) | set(facts.unknown) == set(ClientKind)
    assert not set(kinds) & set(facts.unknown)
    shown = {each.client: "refused" if each.refused else "shown" for each in facts.presentations}
    return shown | dict.fromkeys(facts.unknown, "unknown")


def rsa_alone(_: Peer, hello: Hello) -> bool:
    return set(hello.signatures) <= set(RSA_SIGNATURES)


def ecdsa_alone(_: Peer, hello: Hello) -> bool:
    return set(hello.signatures) <= set(ECDSA_SIGNATURES)


def nameless(_: Peer, hello: Hello) -> bool:
    return 0 not in hello.extensions


def other_name(_: Peer, hello: Hello) -> bool:
    return OTHER_NAME.encode() in hello.raw


def always(_: Peer, hello: Hello) -> bool:
    return True


async def test_all_are_shown_one(script):
    facts = await show(script)
    assert set(seen(facts).values()) == {"shown"}
    assert {len(shown.chain) for shown in facts.presentations} == {1}


@pytest.mark.parametrize(
    ("condition", "kind"), [(rsa_alone, RSA), (ecdsa_alone, ECDSA), (nameless, NAMELESS), (other_name, OTHER)]
)
class TestOneKind:
    async def test_refused(self, script, condition, kind):
        facts = await show(script, saying(condition, lambda _: alert(40)))
        assert seen(facts) == {**dict.fromkeys(ClientKind, "shown"), kind: "refused"}

    @pytest.mark.parametrize("number", [47, 80, 112])
    async def test_an_alert_that_refuses_nothing(self, script, condition, kind, number):
        facts = await show(script, saying(condition, lambda _: alert(number)))
        assert seen(facts) == {**dict.fromkeys(ClientKind, "shown"), kind: "unknown"}

    @pytest.mark.parametrize("bend", [dropping, silent])
    async def test_no_answer(self, script, condition, kind, bend):
        facts = await show(script, bend(condition), limits=HASTY)
        assert seen(facts) == {**dict.fromkeys(ClientKind, "shown"), kind: "unknown"}


@pytest.mark.parametrize(
    "behind",
    [
        b"",
        record(22, DONE),
        record(22, certificate()),
        record(22, message(11, b"\0\0\x09\0\0\x09ab")),
        record(22, message(11, bytes(16), claimed=0xFFFFFF)),
        alert(80),
    ],
    ids=["nothing", "no certificate", "an empty chain", "malformed", "endless", "an alert"],
)
async def test_a_flight_without_a_chain_shows_nothing(script, behind):
    facts = await show(script, saying(always, lambda _: server_hello(0x0303, 0xC02F) + behind))
    assert set(seen(facts).values()) == {"unknown"}


async def test_octets_that_are_no_certificate(script):
    said = hello_message(0x0303, 0xC02B) + certificate(b"\xff" * 90) + elliptic(0x17, 0x0403) + DONE
    facts = await show(script, saying(always, lambda _: record(22, said)))
    assert {shown.client for shown in facts.presentations} | set(facts.unknown) == set(ClientKind)


@pytest.mark.parametrize("staple", [b"", b"\0" * 9, b"\x30\x03\x0a\x01\x06", b"x" * 65536])
async def test_a_staple_of_any_octets(script, staple, der):
    facts = await show(Script(script.suites, chain=(der,), ocsp=staple))
    assert set(seen(facts).values()) == {"shown"}


@pytest.mark.parametrize("scts", [b"", b"\0", b"\xff" * 40, b"\0\x04\0\x02ab"])
async def test_timestamps_of_any_octets(script, scts, der):
    facts = await show(Script(script.suites, chain=(der,), answered={18: scts}))
    assert set(seen(facts).values()) == {"shown"}


async def test_a_chain_of_200(script, der):
    facts = await show(Script(script.suites, chain=(der,) * 200))
    assert set(seen(facts).values()) == {"shown"}
    assert all(len(shown.chain) <= 32 for shown in facts.presentations)


async def test_an_address_has_no_name(script):
    async with serving(playing(script)) as stage:
        asked = prober(stage, TLS12, host="127.0.0.1")
        facts = await everything(asked, versions(TLS12), None)
    assert seen(facts) == {**dict.fromkeys(ClientKind, "shown"), NAMELESS: "unknown", OTHER: "unknown"}


async def test_a_silent_server_costs_few_limits(script):
    async with serving(playing(script, silent(always))) as stage:
        facts = await everything(prober(stage, TLS12, limits=HASTY), versions(TLS12), None)
        assert stage.connections <= 7
    assert set(seen(facts).values()) == {"unknown"}


async def test_of_tls13_alone_they_are_read_in_handshakes(authority):
    context = server_context(authority.issue("presentations", TRUSTED["sound"]))
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    async with serving(talking(Role.MX, context)) as stage:
        asked = prober(stage, TLS13, role=Role.MX)
        carried = await carry_through(asked, server_name=HOST)
        facts = await everything(asked, versions(TLS13), carried)
    assert seen(facts) == {**dict.fromkeys(ClientKind, "shown"), RSA: "refused"}
    assert {len(shown.chain) for shown in facts.presentations if not shown.refused} == {2}


async def test_without_a_version_nothing_is_known(script):
    async with serving(playing(script)) as stage:
        facts = await everything(prober(stage), versions(unknown=tuple(TlsVersion)), None)
        assert stage.connections == 0
    assert set(seen(facts).values()) == {"unknown"}
