"""What an audit finds on real programs and libraries that send mail: each is listed with its reason, and no other."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from smtp_audit.configuration.model import ClientSettings, Config
from smtp_audit.lab.senders import SENDERS
from smtp_audit.pipeline import audit
from smtp_audit.probes.client.network import containment
from smtp_audit.record import Status
from tests.live.clients.node import node_folder
from tests.live.clients.page import PAGE, page

HERE = Path(__file__).parent
PROGRAMS = HERE / "programs"
PYTHON_EXAMPLES = HERE.parents[2] / "examples" / "python"


@dataclass(frozen=True)
class Entry:
    """A set-up of the catalogue."""

    name: str
    does: str
    command: tuple[str, ...]
    needs: tuple[str, ...]
    fails: dict[str, str]


def _entries() -> tuple[Entry, ...]:
    read = tomllib.loads((HERE / "catalogue.toml").read_text(encoding="utf-8"))["client"]
    return tuple(
        Entry(each["name"], each["does"], tuple(each["command"]), tuple(each["needs"]), each["fails"]) for each in read
    )


ENTRIES = _entries()


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What has to be compiled."""
    folder = tmp_path_factory.mktemp("built")
    folder.chmod(0o755)
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(folder), "GO111MODULE": "off"}
    subprocess.run(
        ["go", "build", "-o", str(folder / "send_mail"), str(PROGRAMS / "send_mail.go")],
        check=True,
        env=environment,
        cwd=folder,
        timeout=240,
    )
    return folder


def missing_programs(needs: Iterable[str]) -> str:
    """The first of these that is not there, an executable or file:PATH."""
    for need in needs:
        kind, _, name = need.rpartition(":")
        if kind == "" and shutil.which(name) is None:
            return name
        if kind == "file" and not Path(name).exists():
            return name
    return ""


def test_there_are_a_dozen_set_ups() -> None:
    assert len(ENTRIES) >= 12
    assert len({entry.name for entry in ENTRIES}) == len(ENTRIES)


def test_the_page_says_what_the_catalogue_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()


@pytest.mark.live
@pytest.mark.timeout(300)
@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_what_is_found_is_what_is_listed(
    entry: Entry, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> None:
    require_live = os.environ.get("SMTP_AUDIT_REQUIRE_LIVE") == "1"
    lacking = missing_programs(entry.needs) or ("" if containment().possible else containment().told)
    if lacking:
        assert not require_live, f"{lacking} is missing: tests/live/install-servers"
        pytest.skip(f"needs {lacking}")
    words = {
        "python": sys.executable,
        "programs": str(PROGRAMS),
        "examples": str(PYTHON_EXAMPLES),
        "sound": str(SENDERS["good"]),
    }
    if any("{built}" in word for word in entry.command):
        words["built"] = str(request.getfixturevalue("built"))
    if any("{node}" in word for word in entry.command):
        words["node"] = str(node_folder(tmp_path_factory.mktemp("node"), require=require_live))
    argv = tuple(word.format(**words) for word in entry.command)
    settings = ClientSettings(name=entry.name, argv=argv, seconds=60.0)
    # What becomes of messages is not the library's business, and takes minutes.
    profile = str(SENDERS["good"].with_name("profile.toml"))
    result = audit(Config(targets=(entry.name,), clients=(settings,), profile=profile))
    judged = {record.control: record for record in result.records if record.control in FOUNDATION}
    found = {c for c, record in judged.items() if record.status in (Status.FAIL, Status.ADVISORY)}
    assert found == set(entry.fails), {c: judged[c].summary for c in found ^ set(entry.fails) if c in judged}
    rest = {c: r.summary for c, r in judged.items() if c not in found and r.status is not Status.PASS}
    assert rest == {}


FOUNDATION = frozenset(
    {
        "client-sends",
        "client-starttls-required",
        "client-starttls-injection",
        "client-certificate-verified",
        "client-certificate-strict",
        "client-tls-version",
        "client-server-name",
        "client-timeouts",
        "client-reports-failure",
        "client-reports-success",
        "client-no-duplicates",
        "client-no-fallback",
        "client-secrets-not-logged",
        "client-login-mechanism",
    }
)
"""The controls about connections and claims; what becomes of messages is not the library's business."""
