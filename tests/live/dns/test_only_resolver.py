"""No question goes to any resolver but the configured one."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from smtp_audit.configuration.model import Resolver, Scope

from .alone import CANARIES
from .lab import DnsLab
from .verdicts import CONTROLS, audited
from .zones import cases

pytestmark = pytest.mark.live

ROOT = Path(__file__).parents[3]


def test_every_question_of_an_audit_goes_to_the_configured_resolver(dns_lab: DnsLab, tmp_path: Path) -> None:
    case = next(case for case in cases() if case.name == "sound")
    config = dns_lab.config(case).model_copy(
        update={
            # Its servers are looked up and tried, too: in that network nobody answers.
            "names": (case.domain,),
            "scope": (Scope.SERVER, Scope.DNS),
            "resolver": Resolver(address="127.0.0.1", port=5353),
        }
    )
    assert dns_lab.resolver is not None
    told = tmp_path / "told.json"
    told.write_text(
        json.dumps(
            {
                "config": config.model_dump(mode="json"),
                "resolver": (dns_lab.resolver.address, dns_lab.resolver.port),
                "policies": dns_lab.policies.program,
            }
        )
    )
    ended = subprocess.run(
        [sys.executable, "-m", "tests.live.dns.alone", str(told)], cwd=ROOT, capture_output=True, text=True, timeout=150
    )
    assert ended.returncode == 0, ended.stderr
    said = json.loads(ended.stdout)
    assert said["caught"] == []
    assert said["questions"] > 10
    assert {f"{name}." for name in CANARIES} <= set(said["leaks"]), "a leak would not have been noticed"
    outside = audited(dns_lab.config(case))
    for control in CONTROLS & outside.records.keys():
        record = outside.records[control]
        assert said["statuses"][f"{control} {record.subject}"] == record.status, control
