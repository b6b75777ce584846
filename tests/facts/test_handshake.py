"""Facts of handshakes: what is not complete says so, and what is not known is neither yes nor no."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from smtp_audit.errors import Undetermined
from smtp_audit.facts.handshake import (
    AcceptedSuite,
    DhGroup,
    Feature,
    FeatureSeen,
    TlsFeatureFacts,
    TlsGroupFacts,
    TlsSignatureFacts,
    TlsSuiteFacts,
    VersionGroups,
    VersionSession,
    VersionSignatures,
    VersionSuites,
)
from smtp_audit.facts.tls import TlsVersion

TLS12, TLS13 = TlsVersion.TLS12, TlsVersion.TLS13
SUITE = AcceptedSuite(name="TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", group="x25519", signature="rsa_pss_rsae_sha256")

KINDS = [(TlsSuiteFacts, VersionSuites), (TlsGroupFacts, VersionGroups), (TlsSignatureFacts, VersionSignatures)]


@pytest.mark.parametrize(("facts", "version"), KINDS)
class TestComplete:
    def test_nothing_is_complete_by_default(self, facts, version):
        with pytest.raises(Undetermined, match="not tried"):
            facts(offered=True, versions=(version(version=TLS12),)).require_complete()

    def test_one_version_without_an_end_is_enough(self, facts, version):
        versions = (version(version=TLS13, complete=True), version(version=TLS12, detail="closed"))
        with pytest.raises(Undetermined, match=r"TLSv1\.2: closed") as caught:
            facts(offered=True, versions=versions).require_complete()
        assert TLS13 not in str(caught.value)

    def test_all_of_them_complete(self, facts, version):
        facts(offered=True, versions=(version(version=TLS13, complete=True),)).require_complete()

    def test_evidence_says_what_is_missing(self, facts, version):
        lines = facts(offered=True, versions=(version(version=TLS12, detail="closed"),)).evidence()
        assert lines == ("TLSv1.2: none (not complete: closed)",)


class TestSuites:
    def test_accepted_suites_come_with_their_version(self):
        facts = TlsSuiteFacts(offered=True, versions=(VersionSuites(version=TLS12, suites=(SUITE,), complete=True),))
        assert facts.accepted() == ((TLS12, SUITE),)
        assert SUITE.traits.forward_secret
        assert str(SUITE) == "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 (x25519, rsa_pss_rsae_sha256)"
        assert str(AcceptedSuite(name="0xABCD")) == "0xABCD"


class TestGroups:
    def test_parameters_that_were_not_seen_leave_it_open(self):
        facts = TlsGroupFacts(offered=True, finite_fields_detail="TLSv1.2 TLS_DHE: alert 80")
        with pytest.raises(Undetermined, match="alert 80"):
            facts.require_complete()

    def test_each_group_once(self):
        versions = (
            VersionGroups(version=TLS13, groups=("x25519", "secp256r1")),
            VersionGroups(version=TLS12, groups=("secp256r1", "x448")),
        )
        assert TlsGroupFacts(offered=True, versions=versions).named() == ("x25519", "secp256r1", "x448")

    @pytest.mark.parametrize(
        ("group", "words"),
        [
            (DhGroup(bits=2048, sha256="ab" * 32, name="ffdhe2048", prime=True, safe=True), "ffdhe2048"),
            (DhGroup(bits=1024, sha256="ab" * 32, prime=True, safe=True), "a safe prime"),
            (DhGroup(bits=1024, sha256="ab" * 32, prime=True, safe=False), "no safe prime"),
            (DhGroup(bits=1024, sha256="ab" * 32, prime=False, safe=False), "not even a prime"),
            (DhGroup(bits=9999, sha256="ab" * 32), "a prime not looked into"),
        ],
    )
    def test_words_for_a_prime(self, group, words):
        assert str(group) == f"{group.bits} bits, {words}, SHA-256 abababababababab..."


class TestFeatures:
    def test_what_was_not_asked_is_not_known(self):
        with pytest.raises(Undetermined, match="not asked"):
            TlsFeatureFacts(offered=True).of(Feature.HEARTBEAT)

    def test_what_could_not_be_told_is_not_known(self):
        seen = FeatureSeen(feature=Feature.HEARTBEAT, present=None, detail="closed")
        with pytest.raises(Undetermined, match="closed"):
            TlsFeatureFacts(offered=True, features=(seen,)).of(Feature.HEARTBEAT)

    def test_without_an_object_it_is_known(self):
        seen = FeatureSeen(feature=Feature.COMPRESSION, present=None, applies=False, detail="why")
        assert TlsFeatureFacts(offered=True, features=(seen,)).of(Feature.COMPRESSION) is seen
        assert str(seen) == "compression: no object (why)"

    @pytest.mark.parametrize(("present", "word"), [(True, "yes"), (False, "no"), (None, "not known")])
    def test_words(self, present, word):
        assert str(FeatureSeen(feature=Feature.HEARTBEAT, present=present)) == f"heartbeat: {word}"


def test_words_of_a_session():
    session = VersionSession(version=TLS13, resumed=True, by="ticket", lifetime=7200, early_data=0)
    assert str(session) == "TLSv1.3: resumed by ticket, ticket for 7200 s, early data 0 octets"
    assert str(VersionSession(version=TLS12, resumed=None, detail="closed")) == "TLSv1.2: not known, closed"


@pytest.mark.parametrize("model", [SUITE, FeatureSeen(feature=Feature.HEARTBEAT, present=None)])
def test_they_are_frozen_and_closed(model):
    field = next(iter(type(model).model_fields))
    with pytest.raises(ValidationError):
        setattr(model, field, "other")
    with pytest.raises(ValidationError):
        type(model).model_validate({**model.model_dump(), "more": 1})
