"""sslyze, really installed and really run: `make test` installs it, and demands these tests."""

import os

import pytest

from smtp_audit.configuration import load_config
from smtp_audit.control import Safety
from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.tls import TlsFlawFacts
from smtp_audit.lab import Lab
from smtp_audit.pipeline import AuditResult, audit
from smtp_audit.record import Status
from smtp_audit.sslyze_environment import INSTALL_COMMAND, find_sslyze

FLAWS = ("tls-heartbleed", "tls-ccs-injection", "tls-robot", "tls-client-renegotiation")


@pytest.fixture(scope="module")
def slow_audits(tmp_path_factory) -> tuple[AuditResult, AuditResult]:
    """The good site and the bad one, slow controls included."""
    if find_sslyze() is None:
        if os.environ.get("SMTP_AUDIT_REQUIRE_LIVE") == "1":
            pytest.fail(f"sslyze is not installed: {INSTALL_COMMAND}", pytrace=False)
        pytest.skip(f"sslyze is not installed: {INSTALL_COMMAND}")
    folder = tmp_path_factory.mktemp("slow")
    results = []
    with Lab() as lab:
        for site in lab.sites:
            file = folder / f"{site.name}.toml"
            file.write_text(site.config_text)
            config = load_config(file, {})
            results.append(audit(config.model_copy(update={"allow": config.allow | {Safety.SLOW}})))
    return results[0], results[1]


@pytest.mark.parametrize("control", FLAWS)
def test_a_current_openssl_has_none_of_them_on_any_port(slow_audits, control):
    good, _ = slow_audits
    found = {record.role: (record.status, record.summary) for record in good.records if record.control == control}
    assert {status for status, _ in found.values()} == {Status.PASS}, found
    assert set(found) == {Role.MX, Role.SUBMISSION, Role.SUBMISSIONS, Role.IMAPS}


@pytest.mark.parametrize("control", FLAWS)
def test_a_port_without_tls_is_never_called_safe(slow_audits, control):
    _, bad = slow_audits
    found = {record.role: record.status for record in bad.records if record.control == control}
    assert found[Role.SUBMISSIONS] is not Status.PASS
    assert found[Role.IMAP] is not Status.PASS
    assert found[Role.MX] is Status.PASS


def test_its_version_and_its_time_are_recorded(slow_audits):
    good, _ = slow_audits
    facts = [seen.facts for seen in good.snapshot.observations if isinstance(seen.facts, TlsFlawFacts)]
    assert len(facts) == 4
    for fact in facts:
        assert fact.sslyze_version.startswith("6.")
        assert fact.seconds > 0
