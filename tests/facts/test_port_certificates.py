"""The leaves of a host's endpoints side by side: nobody who may show one is forgotten, nobody who cannot is asked."""

from __future__ import annotations

from smtp_audit.facts.certificate import CertificateFacts, PortCertificatesFacts, port_certificates
from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.observation import Absence
from tests.facts_factories import HOST, NO_TLS_CERTIFICATES, absent, certificate, certificates, endpoint, seen

MX, IMAPS, SIEVE = endpoint(), endpoint(Role.IMAPS), endpoint(Role.SIEVE)
OWN = seen(certificates())
UNREADABLE = certificates(chain=(), unreadable="bad DER")


def test_every_leaf_with_its_endpoint_and_address() -> None:
    other = certificates(certificate(sha256="01" * 32, ip_addresses=("192.0.2.1",), key_type="RSA"))
    found = port_certificates(MX, OWN, [(IMAPS, seen(other, IMAPS.key, "192.0.2.9")), (SIEVE, seen(certificates()))])
    assert found is not None
    assert found.own is not None
    assert (found.own.key, found.own.address, found.own.role) == (MX.key, "192.0.2.25", Role.MX)
    assert [(leaf.key, leaf.address) for leaf in found.others] == [(IMAPS.key, "192.0.2.9"), (SIEVE.key, "192.0.2.25")]
    assert found.others[0].names == (HOST, "192.0.2.1")
    assert (found.others[0].sha256, found.others[0].key_type) == ("01" * 32, "RSA")
    assert found.others[1].sha256 == found.own.sha256
    assert found.unseen == {}


def test_a_closed_port_and_one_without_tls_show_nothing_to_anybody() -> None:
    closed = absent("certificate", Absence.CLOSED, "refuses", IMAPS.key)
    found = port_certificates(MX, OWN, [(IMAPS, closed), (SIEVE, seen(NO_TLS_CERTIFICATES))])
    assert found is not None
    assert (found.others, found.unseen) == ((), {})


def test_what_could_not_be_seen_is_named() -> None:
    lost = absent("certificate", Absence.TIMEOUT, "no answer", IMAPS.key)
    found = port_certificates(MX, OWN, [(IMAPS, lost), (SIEVE, seen(UNREADABLE))])
    assert found is not None
    assert found.unseen == {IMAPS.key: "no answer", SIEVE.key: "bad DER"}


def test_an_own_leaf_that_cannot_be_read() -> None:
    found = port_certificates(MX, seen(UNREADABLE), [(IMAPS, seen(certificates()))])
    assert found is not None
    assert (found.offered, found.own, len(found.others)) == (True, None, 1)
    assert found.unseen == {MX.key: "bad DER"}


def test_without_tls_there_is_nothing_to_compare() -> None:
    found = port_certificates(MX, seen(NO_TLS_CERTIFICATES), [(IMAPS, seen(certificates()))])
    assert found == PortCertificatesFacts(offered=False)


def test_without_own_facts_there_are_none() -> None:
    assert port_certificates(MX, absent("certificate", Absence.TIMEOUT), []) is None


def test_a_snapshot_of_an_earlier_version_is_read_and_says_what_it_does_not_know() -> None:
    """As version 1 wrote it, before certificates had more than names and dates."""
    facts = certificates()
    content = facts.model_dump(mode="json", exclude={"trust_unknown"})
    later = {
        "version", "signature_hash", "extensions_read", "key_usage", "extended_key_usage", "has_basic_constraints",
        "path_length", "must_staple", "sct_logs", "ocsp_urls", "crl_urls", "issuer_organisations", "subject_key_id",
        "authority_key_id",
    }  # fmt: skip
    content["chain"] = [{key: value for key, value in one.items() if key not in later} for one in content["chain"]]
    del content["trust"]["system_anchors"]
    read = CertificateFacts.model_validate(content)
    assert not read.leaf.extensions_read
    assert read.leaf.signature_hash is None
    assert read.trust is not None
    assert read.trust.system_anchors is None
