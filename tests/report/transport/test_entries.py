"""From a snapshot to entries: one for each endpoint and address, and nothing left blank."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from smtp_audit.facts.endpoint import Domain, Role
from smtp_audit.facts.handshake import (
    StarttlsBoundaryFacts,
    TlsClientFacts,
    TlsFeatureFacts,
    TlsGroupFacts,
    TlsSessionFacts,
    TlsSignatureFacts,
    TlsSuiteFacts,
)
from smtp_audit.facts.observation import Absence, Facts, Observation
from smtp_audit.facts.tls import TlsFacts, TlsVersion
from smtp_audit.report.transport.entries import transport_of
from smtp_audit.report.transport.model import EndpointTransport, Tone, TransportCell, TransportDetails, TransportGlance
from smtp_audit.report.transport.seen import KINDS
from tests import facts_factories as make

EVERYTHING: tuple[Facts, ...] = (
    make.tls(TlsVersion.TLS12, TlsVersion.TLS13),
    make.suites(),
    make.groups(),
    make.signatures(),
    make.features(),
    make.sessions(),
    make.clients(),
    make.boundary(),
    make.certificates(),
    make.shown(),
)


HANDSHAKE = (
    TlsFacts,
    TlsSuiteFacts,
    TlsGroupFacts,
    TlsSignatureFacts,
    TlsFeatureFacts,
    TlsSessionFacts,
    TlsClientFacts,
    StarttlsBoundaryFacts,
)


def entry(*facts: Facts | Observation) -> EndpointTransport:
    """The only entry of a snapshot with these facts."""
    given_ones = [each if isinstance(each, Observation) else make.seen(each) for each in facts]
    [only] = transport_of(make.snapshot(*given_ones))
    return only


def cells_of(value: object) -> list[TransportCell]:
    """Every cell below."""
    if isinstance(value, TransportCell):
        return [value]
    if isinstance(value, BaseModel):
        return [cell for name in type(value).model_fields for cell in cells_of(getattr(value, name))]
    return [cell for item in value for cell in cells_of(item)] if isinstance(value, tuple) else []


def test_every_kind_of_facts_is_made_here() -> None:
    assert {type(facts) for facts in EVERYTHING} == set(KINDS)


def test_one_entry_for_each_endpoint_and_address_in_order() -> None:
    subjects = (make.endpoint(Role.IMAPS), Domain(name="example.com"), make.endpoint())
    observations = [
        make.seen(make.tls(TlsVersion.TLS13), address="192.0.2.25"),
        make.seen(make.tls(TlsVersion.TLS12), address="2001:db8::25"),
        make.seen(make.suites(), address="192.0.2.25"),
    ]
    found = transport_of(make.snapshot(*observations, subjects=subjects))
    assert [(each.subject, each.address, each.role) for each in found] == [
        ("mail.example.com:993", "", "imaps, implicit TLS"),
        ("mail.example.com:25", "192.0.2.25", "mx, STARTTLS"),
        ("mail.example.com:25", "2001:db8::25", "mx, STARTTLS"),
    ]
    versions = [each.glance.versions[0].words for each in found if each.glance]
    assert versions == ["TLSv1.3", "TLSv1.3 refused"]


def test_the_same_snapshot_gives_the_same_entries() -> None:
    snapshot = make.snapshot(*(make.seen(facts) for facts in EVERYTHING))
    assert transport_of(snapshot) == transport_of(type(snapshot).parse(snapshot.dump()))


class TestNothing:
    def test_never_asked(self) -> None:
        only = entry()
        assert only.nothing == TransportCell(words="not known", note="not asked in this run", tone=Tone.UNKNOWN)
        assert only.glance is None
        assert only.details is None

    def test_closed(self) -> None:
        only = entry(
            make.absent("tls", Absence.CLOSED), make.absent("tls_clients", Absence.NOT_ALLOWED, "needs --safety active")
        )
        assert only.nothing is not None
        assert only.nothing.words == "closed"
        assert only.nothing.tone is Tone.NOTHING

    def test_silent(self) -> None:
        reason = "no answer within 10 seconds"
        only = entry(*(make.absent(kind.kind, Absence.TIMEOUT, reason) for kind in KINDS))
        assert only.nothing == TransportCell(words="not known", note=reason, tone=Tone.UNKNOWN)

    def test_no_tls_is_not_a_thing_unknown(self) -> None:
        only = entry(make.tls(offered=False), make.suites(offered=False), make.NO_TLS_CERTIFICATES)
        assert only.nothing is not None
        assert only.nothing.words == "no TLS"
        assert only.nothing.tone is Tone.NOTHING

    def test_one_thing_seen_is_something(self) -> None:
        only = entry(make.absent("tls", Absence.TIMEOUT, "silent"), make.suites())
        assert only.nothing is None
        assert only.glance is not None
        [versions] = only.glance.versions
        assert (versions.words, versions.note) == ("not known", "silent")


class TestNeverBlank:
    @pytest.mark.parametrize("absence", list(Absence))
    def test_every_absence_has_words_of_its_own(self, absence: Absence) -> None:
        only = entry(make.absent("tls_suites", absence))
        assert only.nothing is not None
        assert only.nothing.note
        assert only.nothing.note != "no facts"
        assert (only.nothing.words == "not known") is (absence is not Absence.CLOSED)

    @given(st.lists(st.sampled_from(EVERYTHING), min_size=1, unique_by=id))
    def test_a_topic_that_was_not_asked_for_is_not_known(self, facts: list[Facts]) -> None:
        only = entry(*facts)
        assert only.glance is not None
        assert only.details is not None
        for model in (only.glance, only.details):
            for name in type(model).model_fields:
                value = getattr(model, name)
                assert value or name in ("clients", "clients_unknown"), name
        assert bool(only.details.clients) is (only.details.clients_unknown is None)
        for cell in cells_of(only):
            assert cell.words
            assert cell.note or cell.marks or cell.tone is not Tone.UNKNOWN, cell
        kinds = {each.kind for each in facts}
        for kind, topic in TOPICS.items():
            [first, *_] = cells_of(getattr(only.details, topic))
            assert (first.note == "not asked in this run") is (kind not in kinds), topic

    @pytest.mark.parametrize("facts", EVERYTHING, ids=lambda facts: facts.kind)
    def test_facts_without_content_are_not_known_or_none(self, facts: Facts) -> None:
        """No empty list is worded as "no" of something, unless it was seen to end."""
        about = {"host": make.HOST, "role": Role.MX}
        given_ones = {name: value for name, value in about.items() if name in type(facts).model_fields}
        if facts.kind == "starttls_boundary":
            return  # an answer that did not come is what it is to see
        empty = type(facts).model_validate({"offered": True, **given_ones})
        only = entry(empty)
        words = {cell.words for cell in cells_of(only)}
        assert not words & {"yes", "no", "no post-quantum group", "no weak kind, no CBC"}, words

    @settings(max_examples=40, deadline=None)
    @given(st.sampled_from(HANDSHAKE).flatmap(st.from_type))
    def test_any_facts_of_a_handshake_can_be_told(self, facts: Facts) -> None:
        """A report must never fail for want of words: a snapshot may hold any of them."""
        only = entry(facts)
        assert only.nothing or only.glance
        for cell in cells_of(only):
            assert cell.note or cell.marks or cell.tone is not Tone.UNKNOWN, cell


TOPICS = {
    "tls": "versions",
    "tls_suites": "suites",
    "tls_signatures": "signatures",
    "tls_features": "features",
    "tls_sessions": "sessions",
}


def test_models_are_frozen() -> None:
    only = entry(*EVERYTHING)
    assert isinstance(only.glance, TransportGlance)
    assert isinstance(only.details, TransportDetails)
    with pytest.raises(ValueError, match="frozen"):
        only.subject = "other"


def test_versions_of_the_glance_and_of_the_details_are_of_the_same_facts() -> None:
    only = entry(make.tls(TlsVersion.TLS10, unknown=[TlsVersion.TLS13], untried=[TlsVersion.SSL2]))
    assert only.glance is not None
    assert only.details is not None
    assert TlsFacts.kind == "tls"
    assert [(cell.words, cell.tone, cell.note) for cell in only.glance.versions] == [
        ("TLSv1.3 not known", Tone.UNKNOWN, "closed without an alert"),
        ("TLSv1.0", Tone.WEAK, ""),
        ("SSLv2 not known", Tone.UNKNOWN, "not tried"),
        ("all others refused", Tone.NOTHING, ""),
    ]
    assert {row.title: [cell.words for cell in row.cells] for row in only.details.versions} == {
        "Accepted": ["TLSv1.0"],
        "Not known": ["TLSv1.3", "SSLv2"],
        "Refused": ["TLSv1.2", "TLSv1.1", "SSLv3"],
    }
