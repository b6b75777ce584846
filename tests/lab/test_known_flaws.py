"""sslyze, really installed and really run: `make test` installs it, and demands these tests."""

import asyncio
import os
import shutil
from datetime import UTC, datetime

import pytest

from smtp_audit.configuration import load_config
from smtp_audit.control import Outcome, Rule, Safety
from smtp_audit.controls.flaws import client_renegotiation
from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.tls import TlsFlawFacts
from smtp_audit.lab import Lab
from smtp_audit.lab.authority import Authority, Kind
from smtp_audit.limits import Limits
from smtp_audit.pipeline import AuditResult, audit
from smtp_audit.probes.tls.sslyze_process import find_flaws
from smtp_audit.record import Status
from smtp_audit.sslyze_environment import INSTALL_COMMAND, find_sslyze
from tests.probes.stage import Stage
from tests.probes.tls.tls13.test_handshake_openssl import s_server

FLAWS = ("tls-heartbleed", "tls-ccs-injection", "tls-robot", "tls-client-renegotiation")


def _need_sslyze() -> None:
    if find_sslyze() is None:
        if os.environ.get("SMTP_AUDIT_REQUIRE_LIVE") == "1":
            pytest.fail(f"sslyze is not installed: {INSTALL_COMMAND}", pytrace=False)
        pytest.skip(f"sslyze is not installed: {INSTALL_COMMAND}")


@pytest.fixture(scope="module")
def slow_audits(tmp_path_factory) -> tuple[AuditResult, AuditResult]:
    """The good site and the bad one, slow controls included."""
    _need_sslyze()
    folder = tmp_path_factory.mktemp("slow")
    results = []
    with Lab() as lab:
        for site in lab.sites:
            file = folder / f"{site.name}.toml"
            file.write_text(site.config_text)
            config = load_config(file, {})
            # Nothing here is about silence, which is slow to wait for as well.
            limits = config.limits.model_copy(update={"idle_seconds": 1.0})
            results.append(audit(config.model_copy(update={"allow": config.allow | {Safety.SLOW}, "limits": limits})))
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


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the openssl command is not installed")
@pytest.mark.parametrize(
    ("options", "outcome"),
    [
        (("-client_renegotiation",), Outcome.FAIL),
        # TLS 1.3 has no renegotiation: it counts what an older client is allowed to do.
        (("-client_renegotiation", "-no_tls1_3"), Outcome.FAIL),
        ((), Outcome.PASS),
        (("-no_renegotiation",), Outcome.PASS),
        (("-tls1_3", "-client_renegotiation"), Outcome.PASS),
    ],
    ids=lambda value: " ".join(value) or "as it comes" if isinstance(value, tuple) else "",
)
def test_a_server_that_lets_its_clients_renegotiate_without_end(tmp_path, options, outcome):
    """OpenSSL's own server, which refuses since 3.0 unless it is told not to."""
    _need_sslyze()
    chain = Authority(tmp_path).issue("renegotiation", Kind(names=("DNS:mail.probe.example",)))
    with s_server(chain, *options, turns=False) as port:
        approach = Stage(port=port).approach(Role.SUBMISSIONS, limits=Limits())
        facts = asyncio.run(find_flaws(approach, approach.transcript(), find_sslyze()))
    verdict = client_renegotiation(facts, Rule({}, datetime.now(UTC)))
    assert verdict.outcome is outcome, verdict
