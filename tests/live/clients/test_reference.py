"""The reference service of the examples passes everything that an audit asks of programs.

The whole of it is too long for `make test`; `make reference` has it.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from smtp_audit.configuration.file import read_config_file
from smtp_audit.configuration.model import ClientSettings, Config, SourceSettings
from smtp_audit.pipeline import audit
from smtp_audit.probes.client.network import containment
from smtp_audit.record import Status
from tests.live.clients.node import EXAMPLES, node_folder
from tests.live.clients.test_catalogue import missing_programs

NOT_APPLICABLE = {
    "client-mailer-version",  # it names neither itself nor its library
}

# What each template does with a value is one function: one variable stands for the others, and saves minutes.
TRIED = {"security-alert": ("alertType",)}


# The payloads in its HTML take a process of Node for each, as long as all the rest.
ALL_BUT_PAYLOADS = """
name = "all-but-payloads"
extends = "enterprise"
leave_out = ["client-html-sanitised"]
"""


@pytest.mark.live
@pytest.mark.timeout(300)
def test_the_reference_passes_all_but_the_payloads(tmp_path: Path) -> None:
    profile = tmp_path / "profile.toml"
    profile.write_text(ALL_BUT_PAYLOADS, encoding="utf-8")
    passes({"client-sends", "client-health-check", "client-block-logged", "source-no-debug"}, tmp_path, str(profile))


@pytest.mark.live
@pytest.mark.timeout(600)
def test_the_reference_passes_everything(tmp_path: Path) -> None:
    passes({"client-sends", "client-html-sanitised", "source-no-debug"}, tmp_path, "enterprise")


def passes(judged: set[str], tmp_path: Path, profile: str) -> None:
    """Audits the reference; fails when one of these controls is missing, or any finds something."""
    require_live = os.environ.get("SMTP_AUDIT_REQUIRE_LIVE") == "1"
    lacking = missing_programs(("node",)) or ("" if containment().possible else containment().told)
    if lacking:
        assert not require_live, f"{lacking} is missing: tests/live/install-servers"
        pytest.skip(f"needs {lacking}")
    folder = node_folder(tmp_path, require=require_live) / "reference"
    (shipped,) = read_config_file(EXAMPLES / "reference" / "smtp-audit.toml").client
    assert {name: set(tried) <= set(shipped.templates[name]) for name, tried in TRIED.items()} == dict.fromkeys(
        TRIED, True
    )
    settings = ClientSettings(
        name=shipped.name,
        argv=tuple(shipped.command),
        health=tuple(shipped.health),
        directory=folder,
        variables=dict(shipped.variables),
        templates=TRIED,
        seconds=60.0,
    )
    sources = (SourceSettings(name="reference", path=folder),)
    result = audit(Config(targets=("reference",), clients=(settings,), source_trees=sources, profile=profile))
    verdicts = {record.control: record for record in result.records}
    assert judged <= set(verdicts)
    found = {c: r.summary for c, r in verdicts.items() if r.status not in (Status.PASS, Status.NOT_APPLICABLE)}
    assert found == {}
    assert {c for c, record in verdicts.items() if record.status is Status.NOT_APPLICABLE} == NOT_APPLICABLE
    assert result.gate.open
