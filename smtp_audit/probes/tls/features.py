"""Properties of a server's handshakes: what its ServerHello says, and two hellos that are odd on purpose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from smtp_audit.facts.handshake import Feature, FeatureSeen, VersionSuites
from smtp_audit.facts.suites import traits
from smtp_audit.facts.tls import Acceptance, TlsFacts, TlsVersion
from smtp_audit.probes.tls.ask import Prober
from smtp_audit.probes.tls.flight import CERTIFICATE, Flight
from smtp_audit.probes.tls.groups import numbered
from smtp_audit.probes.tls.hello import (
    ENCRYPT_THEN_MAC,
    EXTENDED_MASTER_SECRET,
    HEARTBEAT,
    RENEGOTIATION_INFO,
    HelloAnswer,
    Shape,
    suite_name,
)
from smtp_audit.probes.tls.reply import Reply

FALLBACK_ALERT = "alert 86 "

ONLY_TLS13 = "only TLS 1.3 is accepted, which has no such thing"


def hello_features(tls: TlsFacts, firsts: Mapping[TlsVersion, Reply], flights: Sequence[Flight]) -> list[FeatureSeen]:
    """What the ServerHellos of TLS 1.2 and before say (RFC 7627, RFC 5746, RFC 3749, RFC 6520, RFC 7366).

    `firsts` are the answers to hellos that offered all of it.
    """
    answers = [reply.flight.answer for version, reply in firsts.items() if reply.flight and _classic(version)]
    compressing = list(answers)  # only these offered to compress
    answers += [flight.answer for flight in flights if flight.answer.version < TlsVersion.TLS13.code]
    return [
        _in_clear(tls, answers, Feature.EXTENDED_MASTER_SECRET, EXTENDED_MASTER_SECRET, TlsVersion.TLS10),
        _in_clear(tls, answers, Feature.SECURE_RENEGOTIATION, RENEGOTIATION_INFO, TlsVersion.SSL3),
        _in_clear(tls, answers, Feature.HEARTBEAT, HEARTBEAT, TlsVersion.TLS10),
        _compression(tls, compressing),
        _certificate_request(flights),
    ]


def _classic(version: TlsVersion) -> bool:
    return TlsVersion.SSL3 <= version < TlsVersion.TLS13


def _no_object(tls: TlsFacts, oldest: TlsVersion) -> bool:
    """Whether it is known that no version from `oldest` to TLS 1.2 is accepted."""
    known = {o.version: o.acceptance for o in tls.versions}
    return all(known.get(v) is Acceptance.REFUSED for v in TlsVersion if oldest <= v < TlsVersion.TLS13)


def _in_clear(
    tls: TlsFacts, answers: Sequence[HelloAnswer], feature: Feature, number: int, oldest: TlsVersion
) -> FeatureSeen:
    """An extension of the ServerHello: of every version, so that one without it is found."""
    if _no_object(tls, oldest):
        return FeatureSeen(feature=feature, present=None, applies=False, detail=ONLY_TLS13)
    answers = [answer for answer in answers if answer.version >= oldest.code]
    having = [answer for answer in answers if number in answer.extensions]
    lacking = [answer for answer in answers if number not in answer.extensions]
    # A protection counts when every version has it, a danger when any has.
    decided = having if feature is Feature.HEARTBEAT else lacking
    unseen = _unseen(tls, answers, oldest)
    if unseen and not decided:
        return FeatureSeen(feature=feature, present=None, detail=unseen)
    present = bool(having) if feature is Feature.HEARTBEAT else not lacking
    if having and lacking:
        detail = f"with {_versions(having)}, not with {_versions(lacking)}"
    else:
        detail = f"in the ServerHello of {_versions(having)}" if having else f"not in that of {_versions(lacking)}"
    return FeatureSeen(feature=feature, present=present, detail=detail)


def _unseen(tls: TlsFacts, answers: Sequence[HelloAnswer], oldest: TlsVersion) -> str:
    """The versions that may be accepted and of which no ServerHello was seen; "" when there are none."""
    seen = {answer.version for answer in answers}
    refused = {o.version for o in tls.versions if o.acceptance is Acceptance.REFUSED}
    asked = [v for v in TlsVersion if oldest <= v < TlsVersion.TLS13 and v not in refused]
    unseen = [version for version in asked if version.code not in seen]
    return f"no ServerHello of {', '.join(unseen)} was seen" if unseen else ""


def _versions(answers: Sequence[HelloAnswer]) -> str:
    codes = {answer.version for answer in answers}
    return ", ".join(version for version in TlsVersion if version.code in codes)


def _compression(tls: TlsFacts, answers: Sequence[HelloAnswer]) -> FeatureSeen:
    feature = Feature.COMPRESSION
    if _no_object(tls, TlsVersion.SSL3):
        return FeatureSeen(feature=feature, present=None, applies=False, detail=ONLY_TLS13)
    compressing = [answer for answer in answers if answer.compression]
    if compressing:
        methods = ", ".join(str(number) for number in sorted({answer.compression for answer in compressing}))
        return FeatureSeen(feature=feature, present=True, detail=f"method {methods} with {_versions(compressing)}")
    if unseen := _unseen(tls, answers, TlsVersion.SSL3):
        return FeatureSeen(feature=feature, present=None, detail=unseen)
    return FeatureSeen(feature=feature, present=False, detail=f"none chosen with {_versions(answers)}")


def _certificate_request(flights: Sequence[Flight]) -> FeatureSeen:
    feature = Feature.CLIENT_CERTIFICATE_REQUEST
    asking = [flight for flight in flights if flight.asks_for_certificate]
    if asking:
        return FeatureSeen(feature=feature, present=True, detail="CertificateRequest in the first flight of TLS 1.2")
    whole = [flight for flight in flights if CERTIFICATE in flight.messages and not flight.fault]
    if whole:
        return FeatureSeen(feature=feature, present=False, detail=f"in none of {len(whole)} first flights")
    return FeatureSeen(feature=feature, present=None, detail="no whole first flight in clear was seen")


async def fallback(prober: Prober, tls: TlsFacts) -> FeatureSeen:
    """A hello of the second newest version that says it is a second try: to be refused with alert 86 (RFC 7507)."""
    feature = Feature.FALLBACK_SCSV
    accepted = [version for version in tls.seen if version > TlsVersion.SSL2]
    unknown = [o.version for o in tls.versions if o.acceptance is Acceptance.UNKNOWN]
    if len(accepted) < 2:
        if unknown:
            return FeatureSeen(feature=feature, present=None, detail=f"{', '.join(unknown)}: not known")
        return FeatureSeen(feature=feature, present=None, applies=False, detail="there is no lower version to fall to")
    version = sorted(accepted)[-2]
    reply = await prober.settled(version, shape=Shape(fallback=True))
    if reply.accepted:
        return FeatureSeen(feature=feature, present=False, detail=f"takes {version} as a second try")
    if reply.refused and reply.detail.startswith(FALLBACK_ALERT):
        return FeatureSeen(feature=feature, present=True, detail=f"{version} as a second try: {reply.detail}")
    wordless = reply.refused and prober.says_no_wordlessly and not reply.detail.startswith("alert")
    if wordless and (await prober.settled(version)).accepted:
        # It has no words for any refusal, and the same hello without the signal is taken.
        return FeatureSeen(feature=feature, present=True, detail=f"{version} as a second try: {reply.detail}")
    return FeatureSeen(feature=feature, present=None, detail=f"{version} as a second try: {reply.detail}")


async def tolerance(prober: Prober, tls: TlsFacts) -> FeatureSeen:
    """A hello with numbers that mean nothing (RFC 8701), as phones send them: it has to be taken all the same."""
    feature = Feature.HELLO_TOLERANCE
    accepted = [version for version in tls.seen if version >= TlsVersion.TLS10]
    if not accepted:
        return FeatureSeen(feature=feature, present=None, detail="no version from TLS 1.0 on is known to be accepted")
    version = max(accepted)
    reply = await prober.settled(version, shape=Shape(grease=True))
    if reply.accepted:
        return FeatureSeen(feature=feature, present=True, detail=f"takes a {version} hello with unknown numbers")
    plain = await prober.settled(version)
    again = await prober.settled(version, shape=Shape(grease=True))
    plain_again = await prober.settled(version)
    if plain.accepted and plain_again.accepted and again.detail == reply.detail and not prober.known.over:
        detail = f"a {version} hello with unknown numbers, twice: {reply.detail}; without them it is taken"
        return FeatureSeen(feature=feature, present=False, detail=detail)
    return FeatureSeen(feature=feature, present=None, detail=f"a {version} hello with unknown numbers: {reply.detail}")


def encrypt_then_mac(
    versions: Sequence[VersionSuites], flights: Mapping[TlsVersion, Mapping[int, Flight]]
) -> FeatureSeen:
    """With the suites that have CBC, the MAC should come last (RFC 7366): their ServerHellos say it, newest first."""
    feature = Feature.ENCRYPT_THEN_MAC
    for each in sorted(versions, key=lambda found: found.version, reverse=True):
        block = [number for number, name in numbered(each) if traits(name).cbc]
        if not block or each.version < TlsVersion.TLS10:
            continue
        answers = [flights[each.version][number].answer for number in block if number in flights[each.version]]
        lacking = [suite_name(answer.suite) for answer in answers if ENCRYPT_THEN_MAC not in answer.extensions]
        if not answers:
            return FeatureSeen(feature=feature, present=None, detail=f"no ServerHello of {each.version} with CBC")
        detail = f"with {each.version}" + (f", not with {lacking[0]}" if 0 < len(lacking) < len(answers) else "")
        return FeatureSeen(feature=feature, present=not lacking, detail=detail)
    if all(each.complete for each in versions):
        return FeatureSeen(feature=feature, present=None, applies=False, detail="no suite with CBC is accepted")
    return FeatureSeen(feature=feature, present=None, detail="the suites are not all known")
