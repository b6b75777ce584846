"""Features of handshakes: yes and no for what was seen, and neither for what was not."""

from __future__ import annotations

import pytest

from smtp_audit.facts.handshake import AcceptedSuite, Feature, FeatureSeen, VersionSuites
from smtp_audit.facts.tls import Acceptance, TlsFacts, TlsVersion, VersionOutcome
from smtp_audit.probes.tls.features import encrypt_then_mac, fallback, hello_features, tolerance
from smtp_audit.probes.tls.flight import Flight, read_flight
from smtp_audit.probes.tls.hello import Answer, HelloAnswer, suite_name
from smtp_audit.probes.tls.reply import Reply
from tests.hostile.flights import DONE, Script, asks_for_certificate, certificate, hello_message
from tests.hostile.records import Hello, alert, record
from tests.probes.stage import QUICK, Peer, serving

from .scripted import Bend, dropping, playing, prober, saying, silent

SSL2, SSL3, TLS10, TLS11, TLS12, TLS13 = TlsVersion
EMS, RENEGOTIATION, HEARTBEAT, ETM = 23, 0xFF01, 15, 22
FALLBACK = 0x5600
GREASE = 0x8A8A
HASTY = QUICK.model_copy(update={"handshake_seconds": 0.1})


def versions(*accepted: TlsVersion, unknown: tuple[TlsVersion, ...] = ()) -> TlsFacts:
    def state(version: TlsVersion) -> Acceptance:
        if version in unknown:
            return Acceptance.UNKNOWN
        return Acceptance.ACCEPTED if version in accepted else Acceptance.REFUSED

    return TlsFacts(offered=True, versions=tuple(VersionOutcome(version=v, acceptance=state(v)) for v in TlsVersion))


def answered(version: TlsVersion, *extensions: int, compression: int = 0) -> Reply:
    answer = HelloAnswer(
        Answer.SERVER_HELLO,
        version=version.code,
        suite=0x002F,
        extensions=dict.fromkeys(extensions, b""),
        compression=compression,
    )
    return Reply(Acceptance.ACCEPTED, suite=0x002F, flight=Flight(answer, ended=True))


def of(feature: Feature, tls: TlsFacts, firsts: dict[TlsVersion, Reply], flights=()) -> FeatureSeen:
    return next(seen for seen in hello_features(tls, firsts, flights) if seen.feature is feature)


def flight(*messages: bytes, version: int = 0x0303) -> Flight:
    return read_flight(record(22, hello_message(version, 0x002F) + b"".join(messages)))


class TestOfTheServerHello:
    @pytest.mark.parametrize(
        ("feature", "number"),
        [
            (Feature.EXTENDED_MASTER_SECRET, EMS),
            (Feature.SECURE_RENEGOTIATION, RENEGOTIATION),
            (Feature.HEARTBEAT, HEARTBEAT),
        ],
    )
    def test_there_or_not(self, feature, number):
        assert of(feature, versions(TLS12), {TLS12: answered(TLS12, number)}).present is True
        assert of(feature, versions(TLS12), {TLS12: answered(TLS12)}).present is False

    @pytest.mark.parametrize("feature", [Feature.EXTENDED_MASTER_SECRET, Feature.SECURE_RENEGOTIATION])
    def test_a_protection_that_one_version_lacks(self, feature):
        number = EMS if feature is Feature.EXTENDED_MASTER_SECRET else RENEGOTIATION
        firsts = {TLS12: answered(TLS12, number), TLS10: answered(TLS10)}
        seen = of(feature, versions(TLS10, TLS12), firsts)
        assert seen.present is False
        assert TLS10 in seen.detail

    def test_a_danger_that_one_version_has(self):
        firsts = {TLS12: answered(TLS12), TLS10: answered(TLS10, HEARTBEAT)}
        assert of(Feature.HEARTBEAT, versions(TLS10, TLS12), firsts).present is True

    @pytest.mark.parametrize("unknown", [TLS10, TLS11])
    def test_a_version_that_may_be_there_leaves_it_open(self, unknown):
        """A good word for all versions needs all of them; a bad one needs one."""
        tls = versions(TLS12, unknown=(unknown,))
        good, bad = {TLS12: answered(TLS12, EMS, RENEGOTIATION)}, {TLS12: answered(TLS12, HEARTBEAT, compression=1)}
        for feature in (Feature.EXTENDED_MASTER_SECRET, Feature.SECURE_RENEGOTIATION):
            assert of(feature, tls, good).present is None
            assert of(feature, tls, bad).present is False
        for feature in (Feature.HEARTBEAT, Feature.COMPRESSION):
            assert of(feature, tls, good).present is None
            assert of(feature, tls, bad).present is True

    def test_a_version_whose_first_hello_was_dropped_is_seen_in_the_enumeration(self):
        seen = of(Feature.SECURE_RENEGOTIATION, versions(TLS12), {}, [flight(DONE)])
        assert seen.present is False
        assert of(Feature.SECURE_RENEGOTIATION, versions(TLS12), {}, []).present is None

    def test_flights_did_not_offer_to_compress(self):
        assert of(Feature.COMPRESSION, versions(TLS12), {}, [flight(DONE)]).present is None

    def test_ssl3_knows_no_extended_master_secret(self):
        tls, firsts = versions(SSL3), {SSL3: answered(SSL3)}
        assert of(Feature.EXTENDED_MASTER_SECRET, tls, firsts).applies is False
        assert of(Feature.SECURE_RENEGOTIATION, tls, firsts).present is False

    def test_tls13_alone_has_none_of_it(self):
        for seen in hello_features(versions(TLS13), {TLS13: answered(TLS13)}, []):
            if seen.feature is not Feature.CLIENT_CERTIFICATE_REQUEST:
                assert (seen.applies, seen.present) == (False, None)

    def test_compression(self):
        tls = versions(TLS12)
        assert of(Feature.COMPRESSION, tls, {TLS12: answered(TLS12)}).present is False
        seen = of(Feature.COMPRESSION, tls, {TLS12: answered(TLS12, compression=1)})
        assert (seen.present, "method 1" in seen.detail) == (True, True)


class TestCertificateRequest:
    def request(self, *flights: Flight) -> FeatureSeen:
        return of(Feature.CLIENT_CERTIFICATE_REQUEST, versions(TLS12), {}, flights)

    def test_it_is_there(self):
        assert self.request(flight(certificate(b"x"), asks_for_certificate(), DONE)).present is True

    def test_it_is_not(self):
        assert self.request(flight(certificate(b"x"), DONE)).present is False

    def test_a_flight_that_breaks_off_says_nothing(self):
        broken = flight(certificate(b"x"), b"\x0d\0\0\x09")
        broken.fault = "closed the connection behind its ServerHello"
        assert self.request(broken).present is None

    def test_a_suite_without_a_certificate_says_nothing(self):
        assert self.request(flight(DONE)).present is None
        assert self.request().present is None


BOTH = Script({TLS12.code: (0xC02F,), TLS11.code: (0xC013,)})


async def ask(work, tls: TlsFacts, script: Script = BOTH, bend: Bend | None = None, **more) -> FeatureSeen:
    async with serving(playing(script, bend)) as stage:
        return await work(prober(stage, max(tls.seen, default=None), **more), tls)


def second_try(peer: Peer, hello: Hello) -> bool:
    return FALLBACK in hello.suites


def greased(peer: Peer, hello: Hello) -> bool:
    return GREASE in hello.suites


class TestFallback:
    async def test_it_is_refused_as_it_should_be(self):
        seen = await ask(fallback, versions(TLS11, TLS12), bend=saying(second_try, lambda _: alert(86)))
        assert seen.present is True
        assert seen.detail.startswith(TLS11)

    async def test_it_is_taken(self):
        assert (await ask(fallback, versions(TLS11, TLS12))).present is False

    async def test_by_a_server_that_refuses_by_closing(self):
        script = Script({TLS12.code: (0xC02F,), TLS11.code: (0xC013,)})
        bend = dropping(lambda peer, hello: second_try(peer, hello) or script.suite(hello) is None)
        assert (await ask(fallback, versions(TLS11, TLS12), bend=bend)).present is True

    @pytest.mark.parametrize("number", [40, 70, 10, 47, 80])
    async def test_another_alert_is_no_answer(self, number):
        seen = await ask(fallback, versions(TLS11, TLS12), bend=saying(second_try, lambda _: alert(number)))
        assert seen.present is None

    async def test_closing_and_silence_are_no_answers(self):
        for bend in (dropping(second_try), silent(second_try)):
            assert (await ask(fallback, versions(TLS11, TLS12), bend=bend, limits=HASTY)).present is None

    async def test_without_a_lower_version_there_is_nothing_to_refuse(self):
        assert (await ask(fallback, versions(TLS12))).applies is False
        unknown = await ask(fallback, versions(TLS12, unknown=(TLS10,)))
        assert (unknown.applies, unknown.present) == (True, None)


class TestTolerance:
    async def test_a_server_that_passes_over_what_it_does_not_know(self):
        assert (await ask(tolerance, versions(TLS12))).present is True

    @pytest.mark.parametrize(
        "bend", [saying(greased, lambda _: alert(47)), dropping(greased), saying(greased, lambda _: alert(40))]
    )
    async def test_one_that_stumbles(self, bend):
        seen = await ask(tolerance, versions(TLS12), bend=bend)
        assert seen.present is False
        assert "without them it is taken" in seen.detail

    async def test_one_that_stumbles_now_and_then_is_not_known(self):
        turn = iter(range(1000))
        bend = dropping(lambda peer, hello: next(turn) > 2)
        assert (await ask(tolerance, versions(TLS12), bend=saying_or(greased, alert(47), bend))).present is not True

    async def test_one_that_takes_nothing_any_more_is_not_known(self):
        assert (await ask(tolerance, versions(TLS12), bend=dropping(lambda peer, hello: True))).present is None

    async def test_without_a_version_there_is_no_hello(self):
        assert (await ask(tolerance, versions(unknown=(TLS12,)))).present is None


def saying_or(condition, octets: bytes, otherwise: Bend) -> Bend:
    async def bend(peer: Peer, hello: Hello) -> None:
        await otherwise(peer, hello)
        if condition(peer, hello):
            await peer.put(octets)
            await peer.hang()

    return bend


class TestEncryptThenMac:
    def ask(self, *numbers: int, having: tuple[int, ...] = (), seen: bool = True, complete: bool = True) -> FeatureSeen:
        suites = tuple(AcceptedSuite(name=suite_name(number)) for number in numbers)
        found = [VersionSuites(version=TLS12, suites=suites, complete=complete)]
        flights = {
            number: Flight(
                HelloAnswer(Answer.SERVER_HELLO, TLS12.code, number, extensions={ETM: b""} if number in having else {})
            )
            for number in numbers
            if seen
        }
        return encrypt_then_mac(found, {TLS12: flights})

    def test_there_or_not(self):
        assert self.ask(0xC02F, 0x002F, having=(0x002F,)).present is True
        assert self.ask(0xC02F, 0x002F).present is False
        assert self.ask(0x0035, 0x002F, having=(0x002F,)).present is False

    def test_no_answer(self):
        assert self.ask(0x002F, seen=False).present is None

    def test_without_such_a_suite(self):
        assert self.ask(0xC02F).applies is False
        assert self.ask(0xC02F, complete=False).applies is True
