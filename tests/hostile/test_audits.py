"""Audits of the hostile peers: bounded, honest, closed and harmless, each of them."""

import json
from collections.abc import Iterator

import pytest

from smtp_audit.configuration.model import Config
from smtp_audit.facts.snapshot import Snapshot
from smtp_audit.limits import BudgetLimits
from smtp_audit.pipeline import audit
from smtp_audit.record import Status

from .audits import LONGEST_PAUSE, PROFILE, Audited, Audits
from .catalogue import PEERS, SOUND
from .expected import allowed
from .harmless import control_characters, foreign_markup, password_leaks, visible_text
from .peers import Listening

SLACK_SECONDS = 8.0
"""What gathering may take beyond `endpoint_seconds`, with the other audits that run at the same time; and the most that
judging may take of a processor."""


@pytest.mark.parametrize("audited_peer", PEERS)
def test_audit(audits: Audits, audited_peer: str) -> None:
    audited = audits[audited_peer]
    assert not audited.faults, f"the peer itself broke: {audited.faults}"
    complaints = [
        *_time_and_connections(audited),
        *_verdicts(audited, audits),
        *_harm(audited),
        *_judged_again(audited),
    ]
    assert not complaints, "\n".join([f"{audited_peer}: {PEERS[audited_peer].about}", *complaints])


def _time_and_connections(audited: Audited) -> Iterator[str]:
    # Pauses that the peer forces on us move the bound of its endpoint.
    pauses = LONGEST_PAUSE * sum(effort.backoffs for effort in audited.result.snapshot.efforts)
    bound = audited.peer.limits.endpoint_seconds + pauses + SLACK_SECONDS
    if audited.seconds > bound:
        yield f"took {audited.seconds:.1f} s, more than {bound:g}"
    if audited.processor > SLACK_SECONDS:
        yield f"judging took {audited.processor:.1f} s of a processor, more than {SLACK_SECONDS:g}"
    snapshot = audited.result.snapshot
    reported = snapshot.connections
    if not audited.taken <= reported <= BudgetLimits().total:
        yield f"{audited.taken} connections taken, {reported} reported, {BudgetLimits().total} allowed"
    report = json.loads((audited.folder / "report.json").read_text())
    if sum(effort["connections"] for effort in report["identity"]["efforts"]) != reported:
        yield "report.json does not say how many connections were made"
    if reported == 0 or (audited.taken == 0 and audited.peer.listening is Listening.ACCEPTS):
        yield "no connection was made"


def _verdicts(audited: Audited, audits: Audits) -> Iterator[str]:
    peer, result = audited.peer, audited.result
    if not result.snapshot.complete:
        yield "the gathering did not end by itself"
    if not result.records:
        yield "no records"
    if peer.expected is None:
        yield from _as_sound(audited, audits[SOUND[peer.role].name])
        return
    for record in result.records:
        wanted = allowed(peer.expected, record.control, peer.role, login=peer.login)
        if record.status not in wanted:
            yield f"{record.control}: {record.status}, not {' or '.join(sorted(wanted))}: {record.summary}"
    unknown = peer.expected.keys() - {record.control for record in result.records}
    if peer.listening is Listening.ACCEPTS and unknown:
        yield f"expected of controls that were not judged: {', '.join(sorted(unknown))}"
    if result.gate.open is not peer.sound:
        yield f"the gate is {'open' if result.gate.open else 'closed'}: {'; '.join(result.gate.reasons)}"


def _as_sound(audited: Audited, sound: Audited) -> Iterator[str]:
    wanted = {record.control: record.status for record in sound.result.records}
    for record in audited.result.records:
        if record.status is not wanted[record.control]:
            yield f"{record.control}: {record.status}, not {wanted[record.control]}: {record.summary}"
    if not audited.result.gate.open:
        yield "the gate is closed"


def _harm(audited: Audited) -> Iterator[str]:
    texts = audited.texts()
    for where, text in texts.items():
        if bad := control_characters(text):
            yield f"{where} holds {', '.join(sorted(bad))}"
        if leaks := password_leaks(text):
            yield f"{where} shows the password: {', '.join(sorted(leaks))}"
    page = texts["report.html"]
    if bad := foreign_markup(page):
        yield f"report.html holds markup of the peer: {', '.join(sorted(bad))}"
    seen = visible_text(page)
    for marker in audited.peer.markers:
        if marker not in seen:
            yield f"report.html does not show {marker!r}"


def _judged_again(audited: Audited) -> Iterator[str]:
    snapshot = audited.result.snapshot
    path = audited.folder / "snapshot.json"
    if Snapshot.load(path) != snapshot:
        yield "snapshot.json is not the snapshot"
    again = audit(Config(targets=snapshot.targets, snapshot=path, profile=str(PROFILE)))
    for first, second in zip(audited.result.records, again.records, strict=True):
        if first != second:
            yield f"{first.control}: judged again {second.status}: {second.summary}"


def test_harmless_peers_were_met_at_their_worst(audits: Audits) -> None:
    """A peer that turned nobody away would prove nothing."""
    turned_away = audits["421-then-fine"].result.snapshot.efforts[0]
    assert turned_away.backoffs >= 1
    assert any("421" in reason for reason in turned_away.backoff_reasons)
    dropped = audits["drops-every-tenth"]
    assert dropped.taken > 5
    assert dropped.result.snapshot.efforts[0].backoffs >= 1


def test_a_sound_peer_passes_something(audits: Audits) -> None:
    statuses = [record.status for record in audits["sound"].result.records]
    assert statuses.count(Status.PASS) >= 10
