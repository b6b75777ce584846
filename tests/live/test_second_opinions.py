"""sslyze and testssl.sh on the same servers: what they find otherwise than our survey is explained, or a fault."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from smtp_audit.facts.endpoint import Role
from smtp_audit.sslyze_environment import find_sslyze

from . import opinions
from .installed import skip_or_fail
from .lab import Lab
from .opinions import TESTSSL, Explanation, Place, explanations
from .standard import PORTS, MailServer

pytestmark = [pytest.mark.live, pytest.mark.timeout(400)]

BY_BOTH = ("hardened-mx", "debian-mx", "debian-imaps")
"""The servers that testssl.sh is asked about, too: it takes up to a minute for each."""

MUTANTS = ("tls10-hole", "anonymous-suites", "curve-secp224r1")
"""Servers of the lab that are asked about by sslyze alone."""


@dataclass(frozen=True)
class Disagreement:
    """One finding that one side has and the other has not."""

    tool: str
    place: Place
    item: str
    accepted_by: str

    def explained(self, known: tuple[Explanation, ...]) -> list[Explanation]:
        return [each for each in known if each.covers(self.tool, self.place.name, self.accepted_by, self.item)]


@dataclass(frozen=True)
class Compared:
    """All that was found: by place, by ours and by each tool."""

    ours: dict[str, frozenset[str]]
    theirs: dict[tuple[str, str], frozenset[str]]
    places: dict[str, Place]

    def disagreements(self) -> Iterator[Disagreement]:
        for (tool, name), theirs in self.theirs.items():
            ours, place = self.ours[name], self.places[name]
            yield from (Disagreement(tool, place, item, "ours") for item in sorted(ours - theirs))
            yield from (Disagreement(tool, place, item, "theirs") for item in sorted(theirs - ours))


@pytest.fixture(scope="module")
def compared(
    hardened_server: MailServer, debian_server: MailServer, lab: Lab, tmp_path_factory: pytest.TempPathFactory
) -> Compared:
    """Everybody's findings, two processes at a time."""
    if find_sslyze() is None:
        skip_or_fail("sslyze is not installed: smtp-audit tools install")
    if not TESTSSL.exists():
        skip_or_fail(f"run tests/live/install-servers (missing: {TESTSSL})")
    places = [
        *(_place("hardened", hardened_server, role) for role in (Role.MX, Role.IMAPS)),
        *(_place("debian", debian_server, role) for role in (Role.MX, Role.IMAPS)),
        *(_mutant(lab, name) for name in MUTANTS),
    ]
    directory = tmp_path_factory.mktemp("opinions")
    with ThreadPoolExecutor(3) as pool:
        # The slow ones first.
        longest = {
            place.name: pool.submit(opinions.testssl, place, directory) for place in places if place.name in BY_BOTH
        }
        shorter = {place.name: pool.submit(opinions.sslyze, place, directory) for place in places}
        ours = {place.name: opinions.ours(place) for place in places}
        theirs = {("testssl", name): work.result() for name, work in longest.items()}
        theirs |= {("sslyze", name): work.result() for name, work in shorter.items()}
    return Compared(ours, theirs, {place.name: place for place in places})


def _place(name: str, server: MailServer, role: Role) -> Place:
    return Place(f"{name}-{role}", role, server.host, server.address, PORTS[role], server.anchors)


def _mutant(lab: Lab, name: str) -> Place:
    place = lab.places[name]
    return Place(name, Role(place.role), place.host, place.address, place.port, lab.authority.anchors)


def test_everybody_found_something(compared: Compared) -> None:
    for name, found in {**compared.ours, **{f"{k}": v for k, v in compared.theirs.items()}}.items():
        assert {item.split()[0] for item in found} >= {"version", "suite", "group"}, name


def test_every_disagreement_is_explained(compared: Compared) -> None:
    known = explanations()
    unexplained = [each for each in compared.disagreements() if len(each.explained(known)) != 1]
    assert unexplained == []


def test_every_explanation_is_needed(compared: Compared) -> None:
    known = explanations()
    used = {each for disagreement in compared.disagreements() for each in disagreement.explained(known)}
    assert [each for each in known if each not in used] == []


def test_nothing_true_is_missing_from_ours(compared: Compared) -> None:
    known = explanations()
    missed = [
        each
        for each in compared.disagreements()
        if each.accepted_by == "theirs" and any(found.right == "theirs" for found in each.explained(known))
    ]
    assert missed == []


def test_openssl_has_the_last_word(compared: Compared) -> None:
    """Whoever is declared right about a suite or a group has to be, as far as OpenSSL can ask for it."""
    known = explanations()
    asked = 0
    wrong = []
    for each in compared.disagreements():
        options = _question(each.item)
        if options is None:
            continue
        asked += 1
        accepted = _accepts(each.place, options)
        right = {found.right for found in each.explained(known)}
        if right != {each.accepted_by if accepted else ("theirs" if each.accepted_by == "ours" else "ours")}:
            wrong.append((each, accepted))
    assert wrong == []
    assert asked


VERSIONS = {"TLSv1.0": "-tls1", "TLSv1.1": "-tls1_1", "TLSv1.2": "-tls1_2", "TLSv1.3": "-tls1_3"}


def _question(item: str) -> list[str] | None:
    """The options of openssl s_client that ask for this alone; None where it cannot."""
    kind, _, what = item.partition(" ")
    if kind == "version" and what in VERSIONS:
        return [VERSIONS[what], "-cipher", "ALL:@SECLEVEL=0"]
    if kind == "group" and what.startswith("ffdhe"):
        return ["-tls1_3", "-groups", what]
    if kind == "group" and what.startswith("secp"):
        return ["-tls1_2", "-cipher", "ECDHE:@SECLEVEL=0", "-groups", what]
    if kind == "suite":
        version, _, name = what.partition(" ")
        listed = subprocess.run(
            ["openssl", "ciphers", "-stdname", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        found = re.search(rf"(?m)^{re.escape(name)} +- (\S+)", listed)
        if version in VERSIONS and version != "TLSv1.3" and found:
            return [VERSIONS[version], "-cipher", f"{found[1]}:@SECLEVEL=0"]
    return None


def _accepts(place: Place, options: list[str]) -> bool:
    starttls = ["-starttls", "smtp"] if place.role is not Role.IMAPS else []
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"{place.address}:{place.port}", *starttls, *options],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=30,
        check=False,
    )
    return re.search(r"(?m)^New, .*Cipher is (?!\(NONE\))", done.stdout) is not None
