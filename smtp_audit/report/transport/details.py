"""An endpoint's transport topic by topic: everything that was seen, in the order in which it was seen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from smtp_audit.facts.certificate import Certificate, CertificateFacts, ClientKind, ShownCertificatesFacts, Trust
from smtp_audit.facts.endpoint import TlsStart
from smtp_audit.facts.handshake import (
    AcceptedSuite,
    Chooser,
    ClientHandshake,
    DhGroup,
    Feature,
    FeatureSeen,
    StarttlsBoundaryFacts,
    TlsClientFacts,
    TlsFeatureFacts,
    TlsGroupFacts,
    TlsSessionFacts,
    TlsSignatureFacts,
    TlsSuiteFacts,
    VersionSession,
    VersionSuites,
)
from smtp_audit.facts.tls import TlsFacts, TlsVersion
from smtp_audit.report.transport.glance import key_of, time_left, version_cell
from smtp_audit.report.transport.model import (
    ClientRow,
    Tone,
    TransportCell,
    TransportDetails,
    TransportRow,
)
from smtp_audit.report.transport.seen import Seen, alone
from smtp_audit.report.transport.traits import POST_QUANTUM, is_post_quantum, suite_marks, suite_tone

Rows = tuple[TransportRow, ...]

_OLD = frozenset(str(version) for version in TlsVersion if version < TlsVersion.TLS12)


def details(seen: Seen) -> TransportDetails:
    """All topics of one endpoint at one address."""
    clients, unknown = _clients(seen.of(TlsClientFacts))
    return TransportDetails(
        versions=_versions(seen.of(TlsFacts)),
        suites=_suites(seen.of(TlsSuiteFacts)),
        groups=_groups(seen.of(TlsGroupFacts)),
        signatures=_signatures(seen.of(TlsSignatureFacts)),
        features=(*_features(seen.of(TlsFeatureFacts)), *_boundary(seen)),
        sessions=_sessions(seen.of(TlsSessionFacts)),
        certificates=_certificates(seen.of(ShownCertificatesFacts), seen.of(CertificateFacts), seen.time),
        clients=clients,
        clients_unknown=unknown,
    )


def _missing(why: str, words: str = "not complete") -> TransportCell:
    return TransportCell(words=words, note=why or "no reason given", tone=Tone.UNKNOWN)


def _none(words: str, note: str = "") -> TransportCell:
    return TransportCell(words=words, note=note, tone=Tone.NOTHING)


def _listed(cells: Iterable[TransportCell], complete: bool, detail: str, none: str) -> tuple[TransportCell, ...]:
    """The cells of a list that has an end or, with the reason, none."""
    found = tuple(cells)
    if not complete:
        return (*found, _missing(detail, "not complete" if found else "not known"))
    return found or (_none(none, detail),)


def _versions(facts: TlsFacts | TransportCell) -> Rows:
    if isinstance(facts, TransportCell):
        return alone(facts)
    outcomes = {outcome.version: outcome for outcome in facts.versions}
    by_title: dict[str, list[TransportCell]] = {"Accepted": [], "Not known": [], "Refused": []}
    for version in reversed(TlsVersion):
        cell = version_cell(version, outcomes.get(version))
        title = {Tone.UNKNOWN: "Not known", Tone.NOTHING: "Refused"}.get(cell.tone, "Accepted")
        by_title[title].append(cell.model_copy(update={"words": str(version)}))
    by_title["Accepted"] = by_title["Accepted"] or [_none("none")]
    return tuple(TransportRow(title=title, cells=tuple(cells)) for title, cells in by_title.items() if cells)


def _suites(facts: TlsSuiteFacts | TransportCell) -> Rows:
    if isinstance(facts, TransportCell):
        return alone(facts)
    rows = tuple(
        TransportRow(
            title=str(each.version),
            cells=_listed((_suite(suite) for suite in each.suites), each.complete, each.detail, "none"),
            note=_order(each),
        )
        for each in facts.versions
    )
    return rows or alone(_missing("no version to try them in", "not known"))


def _suite(suite: AcceptedSuite) -> TransportCell:
    about = ", ".join(part for part in (suite.group, suite.signature) if part)
    return TransportCell(words=suite.name, note=about, tone=suite_tone(suite.name), marks=suite_marks(suite.name))


def _order(suites: VersionSuites) -> str:
    chosen = {
        Chooser.SERVER: "in the server's order, which it insists on",
        Chooser.CLIENT: "the client's order counts",
        Chooser.UNKNOWN: "who chooses is not known" + (f": {suites.chooser_detail}" if suites.chooser_detail else ""),
        Chooser.NOBODY: "nothing to choose",
    }[suites.chooser]
    return f"{chosen}; the rest: {suites.detail}" if suites.complete and suites.detail else chosen


def _groups(facts: TlsGroupFacts | TransportCell) -> Rows:
    if isinstance(facts, TransportCell):
        return alone(facts)
    rows = [
        TransportRow(
            title=str(each.version),
            cells=_listed((_group(name) for name in each.groups), each.complete, each.detail, "none"),
        )
        for each in facts.versions
    ]
    fields = [_finite_field(group) for group in facts.finite_fields]
    cells = _listed(fields, not facts.finite_fields_detail, facts.finite_fields_detail, "none sent")
    return (*rows, TransportRow(title="Finite fields", cells=cells))


def _group(name: str) -> TransportCell:
    return TransportCell(words=name, marks=(POST_QUANTUM,) if is_post_quantum(name) else ())


def _finite_field(group: DhGroup) -> TransportCell:
    parts = [] if group.generator is None else [f"generator {group.generator}"]
    if group.suites:
        parts.append(f"with {_counted(group.suites, 'suite')}")
    tone = Tone.WEAK if group.prime is False else Tone.PLAIN
    return TransportCell(words=str(group), note=", ".join(parts), tone=tone)


def _counted(things: Sequence[object], noun: str) -> str:
    return f"{len(things)} {noun if len(things) == 1 else f'{noun}s'}"


def _signatures(facts: TlsSignatureFacts | TransportCell) -> Rows:
    if isinstance(facts, TransportCell):
        return alone(facts)
    rows = tuple(
        TransportRow(
            title=str(each.version),
            cells=_listed((TransportCell(words=name) for name in each.schemes), each.complete, each.detail, "none"),
        )
        for each in facts.versions
    )
    return rows or alone(_none("none", "neither TLS 1.2 nor TLS 1.3"))


FEATURE_WORDS = {
    Feature.EXTENDED_MASTER_SECRET: "Extended master secret",
    Feature.SECURE_RENEGOTIATION: "Renegotiation information (RFC 5746)",
    Feature.COMPRESSION: "Compression",
    Feature.FALLBACK_SCSV: "Protection against fallback (SCSV)",
    Feature.HEARTBEAT: "Heartbeat",
    Feature.ENCRYPT_THEN_MAC: "Encrypt-then-MAC",
    Feature.HELLO_TOLERANCE: "Tolerates unknown values in a hello",
    Feature.CLIENT_CERTIFICATE_REQUEST: "Asks for a client certificate",
}


def _features(facts: TlsFeatureFacts | TransportCell) -> Rows:
    if isinstance(facts, TransportCell):
        return alone(facts)
    seen = {each.feature: each for each in facts.features}
    return tuple(
        TransportRow(title=words, cells=(_feature(seen.get(feature)),)) for feature, words in FEATURE_WORDS.items()
    )


def _feature(seen: FeatureSeen | None) -> TransportCell:
    if seen is None:
        return _missing("not asked", "not known")
    if not seen.applies:
        return _none("no object", seen.detail)
    if seen.present is None:
        return _missing(seen.detail, "not known")
    return TransportCell(words="yes" if seen.present else "no", note=seen.detail)


def _boundary(seen: Seen) -> Rows:
    if seen.endpoint.tls_start is TlsStart.IMPLICIT:
        return ()
    facts, title = seen.of(StarttlsBoundaryFacts), "A command sent together with STARTTLS"
    if isinstance(facts, TransportCell):
        return (TransportRow(title=title, cells=(facts,)),)
    cells = []
    if facts.answered_inside:
        cells.append(TransportCell(words="answered inside TLS", note=facts.answered_inside))
    if facts.clear_text:
        cells.append(TransportCell(words="answered in clear text", note=facts.clear_text))
    if facts.refused:
        cells.append(TransportCell(words="STARTTLS refused", note=facts.refused))
    return (TransportRow(title=title, cells=tuple(cells) or (TransportCell(words="dropped", note=facts.command),)),)


def _sessions(facts: TlsSessionFacts | TransportCell) -> Rows:
    if isinstance(facts, TransportCell):
        return alone(facts)
    rows = tuple(TransportRow(title=str(each.version), cells=_session(each)) for each in facts.versions)
    return rows or alone(_missing("no version to try it in", "not known"))


def _session(seen: VersionSession) -> tuple[TransportCell, ...]:
    if seen.resumed is None:
        first = _missing(seen.detail, "not known")
    elif seen.resumed:
        first = TransportCell(words=f"resumed by {seen.by}" if seen.by else "resumed", note=seen.detail)
    else:
        first = TransportCell(words="not resumed", note=seen.detail)
    cells = [first]
    if seen.lifetime is not None:
        cells.append(TransportCell(words=f"ticket for {seen.lifetime} seconds"))
    if seen.early_data is not None:
        early = f"early data up to {seen.early_data} octets" if seen.early_data else "no early data"
        cells.append(TransportCell(words=early))
    elif seen.version is TlsVersion.TLS13:
        cells.append(_missing(seen.detail, "early data not known"))
    return tuple(cells)


CLIENT_KIND_WORDS = {
    ClientKind.DEFAULT: "Gives the name, takes every key",
    ClientKind.RSA_ONLY: "Takes RSA only",
    ClientKind.ECDSA_ONLY: "Takes ECDSA only",
    ClientKind.NAMELESS: "Gives no name",
    ClientKind.OTHER_NAME: "Gives an unknown name",
}


def _certificates(
    shown: ShownCertificatesFacts | TransportCell, plain: CertificateFacts | TransportCell, time: datetime
) -> Rows:
    rows = []
    for kind, title in CLIENT_KIND_WORDS.items():
        cells: tuple[TransportCell, ...]
        presented = None
        if not isinstance(shown, TransportCell):
            presented = next((each for each in shown.presentations if each.client is kind), None)
        if presented is not None and presented.refused:
            cells = (_none("refused", presented.refused),)
        elif presented is not None:
            trust = _trust(presented.trust, presented.trust_unknown)
            cells = _chain(presented.chain, presented.unreadable, trust, time)
            if presented.staple is not None:
                cells = (*cells, TransportCell(words=str(presented.staple)))
        elif kind is ClientKind.DEFAULT and not isinstance(plain, TransportCell):
            cells = _chain(plain.chain, plain.unreadable, _trust(plain.trust, plain.trust_unknown), time)
        elif isinstance(shown, TransportCell):
            cells = (plain if kind is ClientKind.DEFAULT and isinstance(plain, TransportCell) else shown,)
        else:
            cells = (_missing(shown.unknown.get(kind) or "not tried", "not known"),)
        rows.append(TransportRow(title=title, cells=cells))
    return tuple(rows)


def _chain(
    chain: Sequence[Certificate], unreadable: str, trust: TransportCell, time: datetime
) -> tuple[TransportCell, ...]:
    cells = [_certificate(certificate, number, time) for number, certificate in enumerate(chain)]
    if unreadable:
        cells.append(_missing(unreadable, "unreadable"))
    elif not chain:
        cells.append(_missing("no certificate was recorded", "not known"))
    return (*cells, trust)


def _certificate(certificate: Certificate, number: int, time: datetime) -> TransportCell:
    left = time_left(certificate, time)
    names = (*certificate.dns_names, *certificate.ip_addresses)
    about = [
        f"issuer {certificate.issuer or '(empty)'}",
        *([] if number else [f"names {', '.join(names) or 'none'}"]),
        key_of(certificate),
        certificate.signature_algorithm,
        f"{left.words}, {left.note}",
        f"SHA-256 {certificate.sha256[:16]}...",
    ]
    return TransportCell(words=certificate.subject or "(empty subject)", note="; ".join(about), tone=left.tone)


def _trust(trust: Trust | None, unknown: str) -> TransportCell:
    if trust is None:
        return _missing(unknown, "trust not known")
    if trust.trusted:
        return TransportCell(words="trusted", note=trust.anchors)
    return TransportCell(words="not trusted", note=f"{trust.error or 'no reason given'}; {trust.anchors}")


def _clients(facts: TlsClientFacts | TransportCell) -> tuple[tuple[ClientRow, ...], TransportCell | None]:
    if isinstance(facts, TransportCell):
        return (), facts
    rows = tuple(_client(each) for each in facts.clients)
    return rows, None if rows else _missing("no client was tried", "not known")


def _client(seen: ClientHandshake) -> ClientRow:
    given = seen.model_dump()
    if not seen.accepted:
        tone = Tone.UNKNOWN if seen.accepted is None else Tone.NOTHING
        return ClientRow(**{**given, "detail": seen.detail or "no reason given", "tone": tone})
    marks, tone = suite_marks(seen.suite), suite_tone(seen.suite)
    if is_post_quantum(seen.group):
        marks = (*marks, POST_QUANTUM)
    return ClientRow(**given, marks=marks, tone=Tone.WEAK if seen.version in _OLD else tone)
