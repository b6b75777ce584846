"""Whole mail servers on the standard ports: the gate opens on the well-kept ones and on nothing else."""

from pathlib import Path

import pytest

from smtp_audit.sslyze_environment import find_sslyze

from . import asked
from .audited import PROFILES, Outcome, audited, audited_places
from .catalogue import BEYOND_REACH, DOMAIN, Catalogue
from .dovecot import PASSWORDS
from .installed import skip_or_fail
from .network import Block
from .recorded import keep
from .standard import PORTS, MailServer
from .test_mutants import check

pytestmark = pytest.mark.live

OPEN = ("mx", "submission", "submissions", "imaps")
USER, PASSWORD = next(iter(PASSWORDS.items()))
# What a server with TLS 1.2 is found for by the strict profile.
_OLDER_THAN_TLS_1_3 = {"tls-obsolete-version", "tls-allowed-suites", "tls-allowed-signatures"}
LEFT_OUT = (
    *("tls-heartbleed", "tls-ccs-injection", "tls-robot", "tls-client-renegotiation", "certificate-revocation"),
    *("junk-commands-limited", "connections-per-client-limited", "idle-", "forbidden-ports-closed"),
    "only-declared-ports",
)
MUST_STAY_CLOSED = ("imap", "pop3", "sieve")


def profile(name: str) -> str:
    """The option as one word: pytest takes a word that is a path for the place of the tests."""
    return f"--smtp-profile={PROFILES[name]}"


@pytest.fixture(scope="session")
def by_address(hardened_server: MailServer, runs: Path) -> Outcome:
    """The shortest way: one address, and the domain that it takes mail for."""
    return audited(
        runs / "by-address",
        *("--smtp-target", hardened_server.address, "--smtp-domain", DOMAIN, "--smtp-scope", "server"),
        *("--smtp-ca", str(hardened_server.anchors), profile("enterprise")),
    )


@pytest.fixture(scope="session")
def debian_audit(debian_server: MailServer, catalogue: Catalogue, runs: Path) -> Outcome:
    """All eight standard ports of Debian's servers, by the host's name."""
    places = [debian_server.place(role, catalogue.entries[0]) for role in PORTS]
    outcome = audited_places(runs / "debian", places, anchors=debian_server.anchors)
    for place in places:
        keep("debian", place.role, outcome, place.subject)
    return outcome


def test_the_gate_opens_on_a_hardened_server(by_address: Outcome) -> None:
    assert by_address.gate_open, by_address.reasons
    assert by_address.exit_status == 0, by_address.output


@pytest.mark.parametrize("role", OPEN)
def test_every_open_port_of_it_is_proven(
    by_address: Outcome, hardened_server: MailServer, catalogue: Catalogue, role: str
) -> None:
    sound = next(entry for entry in catalogue.entries if entry.sound and entry.role == role)
    subject = f"{hardened_server.address}:{PORTS[role]}"
    assert by_address.failed(subject) == frozenset()
    assert by_address.undecided(subject) == frozenset()
    assert sound.must_pass <= by_address.passed(subject)


@pytest.mark.parametrize("role", MUST_STAY_CLOSED)
def test_every_closed_port_of_it_is_proven(by_address: Outcome, hardened_server: MailServer, role: str) -> None:
    subject = f"{hardened_server.address}:{PORTS[role]}"
    assert by_address.passed(subject) == {"port-closed"}
    assert by_address.failed(subject) | by_address.undecided(subject) == frozenset()


def test_the_reports_are_there(by_address: Outcome, runs: Path) -> None:
    written = {path.name for path in (runs / "by-address" / "audit-reports").iterdir()}
    assert {"report.html", "report.json", "snapshot.json"} <= written


def test_a_hardened_server_by_name_and_address(hardened_server: MailServer, catalogue: Catalogue, runs: Path) -> None:
    places = [hardened_server.place(role, catalogue.entries[0]) for role in OPEN]
    outcome = audited_places(runs / "by-name", places, anchors=hardened_server.anchors)
    assert outcome.gate_open, outcome.reasons
    assert outcome.exit_status == 0


def test_without_its_domain_one_thing_is_left_open_and_said(hardened_server: MailServer, runs: Path) -> None:
    """Whose mail the server takes cannot be seen from outside: a route through its own domain needs that domain."""
    outcome = audited(
        runs / "without-domain",
        *("--smtp-target", hardened_server.address, "--smtp-ca", str(hardened_server.anchors), profile("enterprise")),
    )
    assert not outcome.gate_open
    mx = f"{hardened_server.address}:{PORTS['mx']}"
    for role in OPEN:
        assert outcome.failed(f"{hardened_server.address}:{PORTS[role]}") == frozenset()
    assert outcome.undecided(mx) == {"relay-routed-refused"}
    assert [reason for reason in outcome.reasons if "--smtp-domain" not in reason] == []
    assert "smtp-postmaster" in outcome.passed(mx)


def test_without_its_trust_anchor_nobody_trusts_it(hardened_server: MailServer, runs: Path) -> None:
    outcome = audited(
        runs / "without-ca",
        *("--smtp-target", hardened_server.address, profile("enterprise")),
    )
    assert not outcome.gate_open
    assert outcome.exit_status == 1
    for role in OPEN:
        assert outcome.failed(f"{hardened_server.address}:{PORTS[role]}") == {"certificate-trusted"}


def test_the_strict_profile_finds_no_fault_in_tls_1_3_alone(
    strict_server: MailServer, catalogue: Catalogue, runs: Path
) -> None:
    outcome = _strict_audit(strict_server, catalogue, runs / "strict-server")
    for role in OPEN:
        subject = f"{strict_server.host}:{PORTS[role]}"
        assert outcome.failed(subject) == BEYOND_REACH
        assert outcome.undecided(subject) == frozenset()
    # Nothing may be left out, and the slow controls were, and revocation.
    assert not outcome.gate_open
    assert outcome.exit_status != 0
    assert [reason for reason in outcome.reasons if not str(reason).startswith(LEFT_OUT)] == []


def test_the_strict_profile_opens_when_nothing_is_left_out(
    strict_server: MailServer, catalogue: Catalogue, runs: Path
) -> None:
    if find_sslyze() is None:
        skip_or_fail("run smtp-audit tools install (sslyze is missing)")
    everything = ("--smtp-slow", "--smtp-revocation", "--smtp-intrusive")
    outcome = _strict_audit(strict_server, catalogue, runs / "strict-complete", *everything)
    assert outcome.gate_open, outcome.reasons
    assert outcome.exit_status == 0


def _strict_audit(server: MailServer, catalogue: Catalogue, directory: Path, *options: str) -> Outcome:
    return audited_places(
        directory,
        [server.place(role, catalogue.entries[0]) for role in OPEN],
        anchors=server.anchors,
        profile="enterprise-strict",
        user=USER,
        password=PASSWORD,
        options=options,
        tables={"mailboxes": {"own": asked.OWN}, "limits": {"idle_seconds": 5}},
    )


def test_the_strict_profile_refuses_tls_1_2(hardened_server: MailServer, runs: Path) -> None:
    outcome = audited(
        runs / "strict-refuses",
        *("--smtp-target", hardened_server.address, "--smtp-ca", str(hardened_server.anchors)),
        profile("enterprise-strict"),
    )
    assert not outcome.gate_open
    assert outcome.exit_status == 1
    for role in OPEN:
        assert outcome.failed(f"{hardened_server.address}:{PORTS[role]}") == BEYOND_REACH | _OLDER_THAN_TLS_1_3


@pytest.mark.parametrize("role", PORTS)
def test_debians_default_has_exactly_the_true_findings(
    debian_audit: Outcome, debian_server: MailServer, catalogue: Catalogue, role: str
) -> None:
    place = debian_server.place(role, catalogue.entries[0])
    check(debian_audit, place, must_fail=catalogue.debian_default[role], must_pass=frozenset())


def test_debians_default_closes_the_gate(debian_audit: Outcome) -> None:
    assert not debian_audit.gate_open
    assert debian_audit.exit_status == 1


def test_no_mail_was_accepted(
    by_address: Outcome, debian_audit: Outcome, hardened_server: MailServer, debian_server: MailServer
) -> None:
    """Debian's server trusts loopback, so it would have taken anything."""
    assert hardened_server.postfix.queued() == []
    assert debian_server.postfix.queued() == []


def test_an_address_where_nothing_listens(servers_installed: None, runs: Path) -> None:
    block = Block()
    try:
        outcome = audited(runs / "nothing-there", "--smtp-target", block.address(25))
    finally:
        block.release()
    assert not outcome.gate_open
    assert outcome.exit_status not in {0, 5}
