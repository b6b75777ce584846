"""An endpoint's transport in one line: versions, suites, groups, forward secrecy, who chooses, certificate."""

from __future__ import annotations

from datetime import datetime, timedelta

from smtp_audit.facts.certificate import Certificate, CertificateFacts
from smtp_audit.facts.handshake import Chooser, TlsGroupFacts, TlsSuiteFacts
from smtp_audit.facts.tls import Acceptance, TlsFacts, TlsVersion, VersionOutcome
from smtp_audit.report.transport.model import Tone, TransportCell, TransportGlance
from smtp_audit.report.transport.seen import Seen
from smtp_audit.report.transport.traits import (
    POST_QUANTUM,
    forward_secret,
    is_post_quantum,
    suite_marks,
    suite_tone,
    weakest,
)

Cells = tuple[TransportCell, ...]
Versions = tuple[TlsVersion, ...]


def glance(seen: Seen) -> TransportGlance:
    """The line of one endpoint at one address."""
    tls, suites = seen.of(TlsFacts), seen.of(TlsSuiteFacts)
    untried = _untried(tls, suites)
    return TransportGlance(
        versions=_versions(tls),
        suites=_suites(suites, untried),
        groups=_groups(seen.of(TlsGroupFacts)),
        forward_secrecy=_forward_secrecy(suites, untried),
        chooser=_chooser(suites),
        certificate=_certificate(seen.of(CertificateFacts), seen.time),
    )


def _untried(tls: TlsFacts | TransportCell, suites: TlsSuiteFacts | TransportCell) -> Versions:
    """The versions that may be accepted and whose suites were not looked at."""
    if isinstance(tls, TransportCell) or isinstance(suites, TransportCell):
        return ()
    tried = {each.version for each in suites.versions}
    open_ones = (outcome.version for outcome in tls.versions if outcome.acceptance is not Acceptance.REFUSED)
    return tuple(version for version in open_ones if version not in tried)


def version_cell(version: TlsVersion, outcome: VersionOutcome | None) -> TransportCell:
    """What became of one version."""
    if outcome is None:
        return TransportCell(words=f"{version} not known", note="not tried", tone=Tone.UNKNOWN)
    if outcome.acceptance is Acceptance.UNKNOWN:
        return TransportCell(words=f"{version} not known", note=outcome.detail or "no reason given", tone=Tone.UNKNOWN)
    if outcome.acceptance is Acceptance.REFUSED:
        return TransportCell(words=f"{version} refused", note=outcome.detail, tone=Tone.NOTHING)
    old = version < TlsVersion.TLS12
    return TransportCell(words=str(version), note=outcome.suite, tone=Tone.WEAK if old else Tone.PLAIN)


def _versions(facts: TlsFacts | TransportCell) -> Cells:
    if isinstance(facts, TransportCell):
        return (facts,)
    outcomes = {outcome.version: outcome for outcome in facts.versions}
    cells = [version_cell(version, outcomes.get(version)) for version in reversed(TlsVersion)]
    told = [cell for cell in cells if cell.tone is not Tone.NOTHING]
    newest = cells[0]
    if newest.tone is Tone.NOTHING:  # told by name: the others are old, this one is missing
        told.insert(0, newest)
    rest = len(cells) > len(told)
    # How each was accepted or refused stands in the details.
    short = [cell if cell.tone is Tone.UNKNOWN else cell.model_copy(update={"note": ""}) for cell in told]
    return (*short, *((TransportCell(words="all others refused", tone=Tone.NOTHING),) if rest else ()))


def _suites(facts: TlsSuiteFacts | TransportCell, untried: Versions) -> Cells:
    if isinstance(facts, TransportCell):
        return (facts,)
    cells: list[TransportCell] = []
    for each in facts.versions:
        count = f"{len(each.suites)} or more" if not each.complete else str(len(each.suites))
        note = "" if each.complete else f"not complete: {each.detail or 'no reason given'}"
        tone = Tone.PLAIN if each.complete else Tone.UNKNOWN
        cells.append(TransportCell(words=f"{each.version}: {count}", note=note, tone=tone))
    cells += [
        TransportCell(words=f"{version}: not known", note="not looked at", tone=Tone.UNKNOWN) for version in untried
    ]
    worst = weakest(suite for _, suite in facts.accepted())
    if worst is not None:
        marks, tone = suite_marks(worst.name), suite_tone(worst.name)
        sound = TransportCell(words="no weak kind, no CBC" + ("" if _all_seen(facts, untried) else " seen"))
        weak = TransportCell(words=worst.name, note="the weakest seen", tone=tone, marks=marks)
        cells.append(weak if marks else sound)
    return tuple(cells) or (TransportCell(words="not known", note="no version to try them in", tone=Tone.UNKNOWN),)


def _all_seen(facts: TlsSuiteFacts, untried: Versions) -> bool:
    return bool(facts.versions) and not untried and all(version.complete for version in facts.versions)


def _forward_secrecy(facts: TlsSuiteFacts | TransportCell, untried: Versions) -> Cells:
    if isinstance(facts, TransportCell):
        return (facts,)
    each = [forward_secret(suite.name) for _, suite in facts.accepted()]
    lacking, nameless = each.count(False), each.count(None)
    if lacking:
        where = {version for version, suite in facts.accepted() if forward_secret(suite.name) is False}
        versions = ", ".join(str(version) for version in sorted(where, reverse=True))
        # "no" needs all suites to be known; of some it is enough that one was seen without.
        none = lacking == len(each) and _all_seen(facts, untried)
        return (
            TransportCell(words="no" if none else "not always", note=f"{_of(lacking, len(each))} without, {versions}"),
        )
    if nameless or not each or not _all_seen(facts, untried):
        why = f"{_of(nameless, len(each))} not registered" if nameless else "not all suites may have been seen"
        return (TransportCell(words="not known", note=why if each else "no suite was seen", tone=Tone.UNKNOWN),)
    return (TransportCell(words="yes", note="every suite"),)


def _of(number: int, total: int) -> str:
    return f"{number} of {total} {'suite' if total == 1 else 'suites'}"


_CHOOSER = {
    Chooser.SERVER: "server",
    Chooser.CLIENT: "client",
    Chooser.UNKNOWN: "not known",
    Chooser.NOBODY: "one suite at most",
}


def _chooser(facts: TlsSuiteFacts | TransportCell) -> Cells:
    if isinstance(facts, TransportCell):
        return (facts,)
    found: dict[Chooser, list[TlsVersion]] = {}
    details: dict[Chooser, list[str]] = {}
    for each in facts.versions:
        found.setdefault(each.chooser, []).append(each.version)
        details.setdefault(each.chooser, []).append(each.chooser_detail)
    cells: list[TransportCell] = []
    for chooser, versions in found.items():
        note = ", ".join(str(version) for version in versions) if len(found) > 1 else ""
        tone = {Chooser.UNKNOWN: Tone.UNKNOWN, Chooser.NOBODY: Tone.NOTHING}.get(chooser, Tone.PLAIN)
        if chooser is Chooser.UNKNOWN:
            why = "; ".join(dict.fromkeys(filter(None, details[chooser]))) or "no reason given"
            note = f"{note}: {why}" if note else why
        cells.append(TransportCell(words=_CHOOSER[chooser], note=note, tone=tone))
    return tuple(cells) or (TransportCell(words="not known", note="no suite was seen", tone=Tone.UNKNOWN),)


def _groups(facts: TlsGroupFacts | TransportCell) -> Cells:
    if isinstance(facts, TransportCell):
        return (facts,)
    named, open_ended = facts.named(), [each for each in facts.versions if not each.complete]
    hybrid = [name for name in named if is_post_quantum(name)]
    cells = [TransportCell(words=name, marks=(POST_QUANTUM,)) for name in hybrid]
    if not hybrid:
        cells.append(_no_post_quantum(facts))
    other = [name for name in named if name not in hybrid]
    if other:
        cells.append(TransportCell(words=", ".join(other)))
    if facts.finite_fields:
        sizes = ", ".join(str(bits) for bits in sorted({group.bits for group in facts.finite_fields}))
        broken = any(group.prime is False for group in facts.finite_fields)
        cells.append(TransportCell(words=f"DHE {sizes} bits", tone=Tone.WEAK if broken else Tone.PLAIN))
    if open_ended or facts.finite_fields_detail:
        whys = [f"{each.version}: {each.detail or 'no reason given'}" for each in open_ended]
        note = "; ".join((*whys, *filter(None, [facts.finite_fields_detail])))
        cells.append(TransportCell(words="not complete", note=note, tone=Tone.UNKNOWN))
    return tuple(cells)


def _no_post_quantum(facts: TlsGroupFacts) -> TransportCell:
    newest = [each for each in facts.versions if each.version is TlsVersion.TLS13]
    if not facts.versions:
        return TransportCell(words="not known", note="no version to try them in", tone=Tone.UNKNOWN)
    if any(not each.complete for each in newest):
        return TransportCell(words="no post-quantum group seen", note="not complete", tone=Tone.UNKNOWN)
    return TransportCell(words="no post-quantum group", note="" if newest else "no TLS 1.3", tone=Tone.NOTHING)


def _certificate(facts: CertificateFacts | TransportCell, time: datetime) -> Cells:
    if isinstance(facts, TransportCell):
        return (facts,)
    if not facts.chain:
        return (TransportCell(words="not known", note=facts.unreadable or "none was recorded", tone=Tone.UNKNOWN),)
    leaf = facts.leaf
    names = len(leaf.dns_names) + len(leaf.ip_addresses)
    return (
        TransportCell(words=key_of(leaf)),
        TransportCell(words=_issuer(leaf)),
        time_left(leaf, time),
        TransportCell(words=f"{names} {'name' if names == 1 else 'names'}", tone=Tone.PLAIN if names else Tone.NOTHING),
    )


def key_of(certificate: Certificate) -> str:
    """The type of a key and its bits."""
    return f"{certificate.key_type} {certificate.key_bits} bits" if certificate.key_bits else certificate.key_type


def _issuer(leaf: Certificate) -> str:
    if leaf.issuer_organisations:
        return ", ".join(leaf.issuer_organisations)
    return f"issuer {leaf.issuer}" if leaf.issuer else "issuer without a name"


def time_left(certificate: Certificate, time: datetime) -> TransportCell:
    """The days that a certificate has left at `time`, which is that of the facts and not the reader's."""
    until = f"until {certificate.not_after:%Y-%m-%d %H:%M} UTC"
    if certificate.not_after < time:
        return TransportCell(words=f"expired {_days(time - certificate.not_after)} ago", note=until, tone=Tone.WEAK)
    if certificate.not_before > time:
        since = f"{certificate.not_before:%Y-%m-%d %H:%M} UTC"
        return TransportCell(words="not valid yet", note=f"from {since}", tone=Tone.WEAK)
    return TransportCell(words=f"{_days(certificate.not_after - time)} left", note=until)


def _days(span: timedelta) -> str:
    return "1 day" if span.days == 1 else "less than a day" if span.days < 1 else f"{span.days} days"
