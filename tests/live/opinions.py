"""What sslyze and testssl.sh find on a server, in the same words as our own survey, and why they differ from it.

An opinion is a set of findings, each a line of text: `version TLSv1.2`, `suite TLSv1.2 TLS_RSA_WITH_AES_128_CBC_SHA`,
`group x25519`, `field group 14 of RFC 3526`. Groups are those of all versions together, as neither tool tells more.
"""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from smtp_audit.configuration.model import Config
from smtp_audit.facts.endpoint import Endpoint, Role, TlsStart
from smtp_audit.facts.handshake import TlsGroupFacts, TlsSuiteFacts
from smtp_audit.facts.observation import Observation
from smtp_audit.facts.tls import TlsFacts
from smtp_audit.gather import Gathering
from smtp_audit.sslyze_environment import find_sslyze

TESTSSL = Path("/usr/bin/testssl")
LONGEST = 200.0
"""Seconds that one tool gets for one port."""

_SSLYZE = {
    "ssl_2_0_cipher_suites": "SSLv2",
    "ssl_3_0_cipher_suites": "SSLv3",
    "tls_1_0_cipher_suites": "TLSv1.0",
    "tls_1_1_cipher_suites": "TLSv1.1",
    "tls_1_2_cipher_suites": "TLSv1.2",
    "tls_1_3_cipher_suites": "TLSv1.3",
}
_SSLYZE_OPTIONS = ("--sslv2", "--sslv3", "--tlsv1", "--tlsv1_1", "--tlsv1_2", "--tlsv1_3", "--elliptic_curves")

_TESTSSL = {
    "SSLv2": "SSLv2",
    "SSLv3": "SSLv3",
    "TLS1": "TLSv1.0",
    "TLS1_1": "TLSv1.1",
    "TLS1_2": "TLSv1.2",
    "TLS1_3": "TLSv1.3",
}
_TESTSSL_SUITE = re.compile(r"cipher-(ssl[23]|tls1(?:_[123])?)_x[0-9a-f]+", re.IGNORECASE)

_CURVES = {"prime256v1": "secp256r1"}
"""OpenSSL's names that are not the registered ones."""


@dataclass(frozen=True)
class Place:
    """A port to have an opinion on. `name` is what opinions.toml calls it."""

    name: str
    role: Role
    host: str
    address: str
    port: int
    anchors: Path


@dataclass(frozen=True)
class Explanation:
    """A disagreement that is understood: which findings, on which servers, who is right, and why.

    `accepted_by` is "ours" or "theirs": who says that the server takes it. `right` is one of the same two.
    """

    tool: str
    server: str
    item: str
    accepted_by: str
    right: str
    why: str

    def covers(self, tool: str, server: str, accepted_by: str, item: str) -> bool:
        """Whether it is about this disagreement."""
        return (
            self.tool == tool
            and self.accepted_by == accepted_by
            and fnmatchcase(server, self.server)
            and fnmatchcase(item, self.item)
        )


def explanations() -> tuple[Explanation, ...]:
    """Those of opinions.toml."""
    with Path(__file__).with_name("opinions.toml").open("rb") as file:
        return tuple(Explanation(**row) for row in tomllib.load(file)["disagreement"])


def ours(place: Place) -> frozenset[str]:
    """What our own survey finds. Raises AssertionError when anything is missing: then there is nothing to compare."""
    endpoint = Endpoint(role=place.role, host=place.host, address=place.address, port=place.port)
    kinds = {(kind.kind, endpoint.key) for kind in (TlsFacts, TlsSuiteFacts, TlsGroupFacts)}
    config = Config(endpoints=(endpoint,), ca=place.anchors)
    snapshot = Gathering(config, (endpoint,), kinds=kinds).start().finish()
    return frozenset(item for seen in snapshot.observations for item in _items(seen))


def _items(seen: Observation) -> Iterable[str]:
    facts = seen.facts
    if isinstance(facts, TlsFacts):
        yield from (f"version {version}" for version in facts.seen)
    elif isinstance(facts, TlsSuiteFacts):
        facts.require_complete()
        yield from (f"suite {version} {suite.name}" for version, suite in facts.accepted())
    elif isinstance(facts, TlsGroupFacts):
        facts.require_complete()
        yield from (f"group {name}" for name in facts.named())
        yield from (f"field {field.name or field.sha256}" for field in facts.finite_fields)
    elif seen.kind in (TlsFacts.kind, TlsSuiteFacts.kind, TlsGroupFacts.kind):
        raise AssertionError(f"{seen.subject} {seen.kind}: {seen.reason}")


def sslyze(place: Place, directory: Path) -> frozenset[str]:
    """sslyze's opinion. Raises AssertionError when it has none."""
    argv = find_sslyze()
    assert argv is not None, "sslyze is not installed: smtp-audit tools install"
    report = directory / f"{place.name}-sslyze.json"
    command = [*argv, "--mozilla_config=disable", f"--json_out={report}", f"--sni={place.host}", *_SSLYZE_OPTIONS]
    if _starttls(place):
        command.append("--starttls=smtp")
    _run([*command, f"{place.address}:{place.port}"], directory)
    result = json.loads(report.read_bytes())["server_scan_results"][0]
    assert result["scan_status"] == "COMPLETED", result["scan_status"]
    return frozenset(_of_sslyze(result["scan_result"]))


def _of_sslyze(scan: dict[str, Any]) -> Iterable[str]:
    for command, version in _SSLYZE.items():
        assert scan[command]["status"] == "COMPLETED", (command, scan[command]["error_reason"])
        found = scan[command]["result"]
        if found["is_tls_version_supported"]:
            yield f"version {version}"
        for suite in found["accepted_cipher_suites"]:
            yield f"suite {version} {suite['cipher_suite']['name']}"
    curves = scan["elliptic_curves"]
    assert curves["status"] == "COMPLETED", curves["error_reason"]
    for curve in curves["result"]["supported_curves"] or ():
        yield f"group {_curve(curve['name'])}"


def testssl(place: Place, directory: Path) -> frozenset[str]:
    """The opinion of testssl.sh on protocols, ciphers, groups. Raises AssertionError when it has none."""
    report = directory / f"{place.name}-testssl.json"
    command = [str(TESTSSL), "--quiet", "--color=0", "--warnings=batch", "-p", "-E", "-f", f"--jsonfile={report}"]
    if _starttls(place):
        command.append("--starttls=smtp")
    _run([*command, f"{place.address}:{place.port}"], directory)
    rows = json.loads(report.read_bytes())
    found = {row["id"]: row["finding"] for row in rows}
    missing = [name for name in _TESTSSL if name not in found]
    assert not missing, f"testssl.sh says nothing of {missing}"
    return frozenset(_of_testssl(found))


def _of_testssl(found: dict[str, str]) -> Iterable[str]:
    for name, text in found.items():
        suite = _TESTSSL_SUITE.fullmatch(name)
        if name in _TESTSSL and text.startswith("offered"):
            yield f"version {_TESTSSL[name]}"
        elif suite is not None:
            version = suite[1].upper().replace("SSL", "SSLv")
            yield f"suite {_TESTSSL[version]} {text.split()[-1]}"
        elif name == "PFS_ECDHE_curves":
            yield from (f"group {_curve(curve)}" for curve in text.split())
        elif name == "DH_groups":
            named = re.findall(r"ffdhe[0-9]+", text)
            yield from (f"group {group}" for group in named)
            if not named:
                yield f"field {_field(text.strip())}"


def _field(text: str) -> str:
    """The name of a finite field, as the facts have it."""
    oakley = re.fullmatch(r"RFC3526/Oakley Group (\d+)", text)
    return f"group {oakley[1]} of RFC 3526" if oakley else text


def _curve(name: str) -> str:
    return _CURVES.get(name, name).replace("X25519", "x25519").replace("X448", "x448")


def _starttls(place: Place) -> bool:
    return Endpoint(role=place.role, host=place.host, port=place.port).tls_start is TlsStart.STARTTLS


def _run(command: list[str], directory: Path) -> None:
    # sslyze ends with 1 for a server that is not Mozilla's ideal, testssl.sh with the number of its findings.
    subprocess.run(command, cwd=directory, stdin=subprocess.DEVNULL, capture_output=True, timeout=LONGEST, check=False)
