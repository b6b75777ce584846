"""The RFC 7208 test suite against our own check_host(): all 203 tests."""

from __future__ import annotations

import asyncio
import ipaddress
import json
from pathlib import Path
from typing import Any

import pytest

from smtp_audit.facts.lookup import Answer, LookupOutcome
from smtp_audit.probes.domain.spf.check_host import check_host
from tests.probes.domain.zone import Zone

SUITE = json.loads(Path(__file__).with_name("rfc7208-tests.json").read_text(encoding="utf-8"))
TESTS = [
    pytest.param(scenario["zonedata"], test, id=f"{number}-{name}")
    for number, scenario in enumerate(SUITE)
    for name, test in scenario["tests"].items()
]
TYPES = ("A", "AAAA", "MX", "PTR", "TXT", "SPF")


def _record(rdtype: str, value: Any) -> str:
    match rdtype:
        case "TXT" | "SPF":
            return "".join(value) if isinstance(value, list) else value
        case "MX":
            return f"{value[0]} {value[1].lower()}."
        case "PTR" | "CNAME":
            return value.rstrip(".").lower() + "."
        case _:
            return str(ipaddress.ip_address(value))


def zone_of(data: dict[str, list[Any]]) -> Zone:
    """The zone data of a scenario, by the rules of the suite (README.md)."""
    content: dict[tuple[str, str], list[str] | LookupOutcome | Answer] = {}
    for name, entries in data.items():
        key = name.lower()
        texts = [entry for entry in entries if entry != "TIMEOUT"]
        own = any("TXT" in entry for entry in texts)
        seen: set[str] = set()
        for entry in entries:
            if entry == "TIMEOUT":
                for rdtype in set(TYPES) - seen:
                    content[key, rdtype] = LookupOutcome.TIMEOUT
                break
            ((rdtype, value),) = entry.items()
            for each in (rdtype,) if rdtype != "SPF" or own else ("SPF", "TXT"):
                if value != "NONE":
                    records = content.setdefault((key, each), [])
                    assert isinstance(records, list)
                    records.append(_record(rdtype, value))
                    seen.add(each)
        content.setdefault((key, "HINFO"), ["it exists"])
    return Zone(content)


def test_the_suite_is_whole() -> None:
    assert len(TESTS) == 203


@pytest.mark.parametrize(("data", "test"), TESTS)
def test_rfc_7208(data: dict[str, list[Any]], test: dict[str, Any]) -> None:
    sender, helo = test["mailfrom"], test["helo"]
    domain = sender.rpartition("@")[2] if sender else helo
    found = asyncio.run(check_host(zone_of(data).ask, test["host"], domain, sender or f"postmaster@{helo}", helo))
    allowed = test["result"] if isinstance(test["result"], list) else [test["result"]]
    assert found.result in allowed, str(found)
    if "explanation" in test:
        assert (found.explanation or "DEFAULT") == test["explanation"]
