"""The catalogue itself: it says enough, and nothing that its servers could not show."""

import pytest

from tests.legacy.catalogue import SERVERS

from .catalogue import CONTROLS, Catalogue, sound_name

# Shown elsewhere: port-open by Debian's closed 587 and 465, auth-works by a wrong password. certificate-transparency
# is about public authorities: with a CA file of one's own it is not applicable. certificate-revocation asks the
# authority, whose answers, good and bad, tests/probes/tls/test_revocation.py gives. Loopback addresses have no names in
# the DNS: tests/probes/conversation/test_identity.py has a zone for that.
_SHOWN_ELSEWHERE = {
    "port-open",
    "auth-works",
    "certificate-transparency",
    "certificate-revocation",
    "reverse-name-confirmed",
    "reverse-name-agrees",
}

# What the strict profile asks for beyond the other.
_STRICTER = {
    "tls-obsolete-version",
    "tls-current-version",
    "tls-post-quantum",
    "tls-allowed-suites",
    "tls-allowed-signatures",
}


def test_there_are_enough_broken_servers(catalogue: Catalogue) -> None:
    broken = [entry for entry in catalogue.entries if not entry.sound and entry.must_fail]
    assert len(broken) >= 28
    transport = [entry for entry in broken if any(c.startswith(("tls-", "certificate-")) for c in entry.must_fail)]
    assert len(transport) >= 60


def test_every_control_has_a_server_that_fails_it(catalogue: Catalogue) -> None:
    failed = {control for entry in catalogue.entries for control in entry.must_fail | (entry.strict or frozenset())}
    old = {control for server in SERVERS for control in server.must_fail}
    assert old <= CONTROLS
    assert failed | old | _SHOWN_ELSEWHERE == CONTROLS
    assert "port-open" in catalogue.debian_default["submission"]


def test_every_role_has_a_sound_server_beside_its_broken_ones(catalogue: Catalogue) -> None:
    names = {entry.name for entry in catalogue.entries}
    assert {sound_name(entry.role) for entry in catalogue.entries} <= names


@pytest.mark.parametrize("field", ["must_fail", "strict"])
def test_no_control_must_both_pass_and_fail(catalogue: Catalogue, field: str) -> None:
    for entry in catalogue.entries:
        if field == "must_fail":
            assert not entry.must_pass & entry.must_fail, entry.name
        elif entry.strict is not None:
            assert entry.strict <= entry.must_fail | _STRICTER, entry.name


def test_what_is_only_missing_is_no_pass(catalogue: Catalogue) -> None:
    for entry in catalogue.entries:
        if entry.sound and entry.role in {"mx", "submission", "submissions", "imaps"}:
            assert len(entry.must_pass) >= 10, entry.name
