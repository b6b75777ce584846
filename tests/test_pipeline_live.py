"""The whole flow on the embedded lab, without pytest's face: probes, facts, records, gate."""

from __future__ import annotations

import base64
import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from smtp_audit.configuration.model import Config, Credentials, Mailboxes, Scope
from smtp_audit.control import load_builtin
from smtp_audit.facts.endpoint import Endpoint, Role
from smtp_audit.lab import Lab, Site
from smtp_audit.lab.authority import Authority
from smtp_audit.limits import BudgetLimits
from smtp_audit.pipeline import AuditResult, audit
from smtp_audit.probes.inspection import kinds_of
from smtp_audit.probes.tls.trust import Anchors
from smtp_audit.record import Status
from smtp_audit.safety import Safety
from smtp_audit.secret import Secret

ADDRESS = "127.0.0.83"
"""An address that nothing else listens on."""

MOST_CONNECTIONS = 110
"""Connections that one port of a well-kept server is to bear at the most; sslyze makes several hundred."""

NOT_ASKED_FOR = {
    "certificate-revocation",
    # They need a mailbox elsewhere, or a place that the server delivers to.
    "relay-not-delivered",
    "forwarded-line-ends",
    "forwarded-nul",
    "dropped-message-forgotten",
    *(control.id for control in load_builtin() if control.safety in (Safety.SLOW, Safety.INTRUSIVE)),
}


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab(ADDRESS) as running:
        yield running


@pytest.fixture(scope="module")
def closed() -> Iterator[dict[Role, int]]:
    """Ports that are held and refuse connections, for roles that the good site does not have."""
    with contextlib.ExitStack() as stack:
        ports = {}
        for role in (Role.IMAP, Role.POP3, Role.POP3S, Role.SIEVE):
            held = stack.enter_context(socket.socket())
            held.bind((ADDRESS, 0))
            ports[role] = held.getsockname()[1]
        yield ports


def config_of(site: Site, ports: dict[Role, int] | None = None, password: str | None = None, **more) -> Config:
    places = site.ports | (ports or {})
    host = site.plan.host
    endpoints = tuple(
        # Only what is there was named by somebody; the other ports are those that are looked at in any case.
        Endpoint(role=role, host=host, address=site.address, port=port, declared=role in site.ports)
        for role, port in places.items()
    )
    given = site.account.password if password is None else password
    login = Credentials(user=site.account.user, password=Secret(given))
    strangers = ("127.0.0.1",)
    given_in_full = {
        "sources": strangers,
        "scope": (Scope.SERVER,),
        "profile": str(site.profile),
        "ca": site.anchors,
        "credentials": login,
        "mailboxes": Mailboxes(own=site.account.user),
        **more,
    }
    return Config(targets=(host,), endpoints=endpoints, domain=site.plan.domain, **given_in_full)


@pytest.fixture(scope="module")
def good(lab: Lab, closed: dict[Role, int]) -> AuditResult:
    return audit(config_of(lab.good, closed))


@pytest.fixture(scope="module")
def bad(lab: Lab) -> AuditResult:
    return audit(config_of(lab.bad))


def failed(result: AuditResult, role: Role) -> set[str]:
    return {r.control for r in result.records if r.role == role and r.status in (Status.FAIL, Status.ADVISORY)}


class TestGood:
    def test_the_gate_opens(self, good):
        assert good.gate.open, good.gate.reasons

    def test_every_control_passes_or_does_not_apply(self, good):
        others = {
            (r.control, r.subject, r.summary)
            for r in good.records
            if r.status not in (Status.PASS, Status.NOT_APPLICABLE) and r.control not in NOT_ASKED_FOR
        }
        assert others == set()

    def test_on_its_own_ports_nearly_everything_passes(self, lab, good):
        for role in lab.good.ports:
            statuses = [r.status for r in good.records if r.role == role and r.control not in NOT_ASKED_FOR]
            assert statuses.count(Status.PASS) >= 9

    def test_the_login_works(self, good):
        found = {r.role: r.status for r in good.records if r.control == "auth-works"}
        assert found == {Role.SUBMISSION: Status.PASS, Role.SUBMISSIONS: Status.PASS}

    def test_of_closed_ports_only_that_is_said(self, good, closed):
        for role in closed:
            records = [r for r in good.records if r.role == role]
            assert {r.status for r in records if r.control not in NOT_ASKED_FOR} <= {Status.PASS, Status.NOT_APPLICABLE}
            assert "port-closed" in {r.control for r in records}

    def test_every_kind_was_answered_once_for_each_endpoint(self, good):
        endpoints = [s for s in good.snapshot.subjects if isinstance(s, Endpoint)]
        wanted = [(e.key, kind, ADDRESS) for e in endpoints for kind in kinds_of(e)]
        found = [(o.subject, o.kind, o.address) for o in good.snapshot.observations]
        assert sorted(found) == sorted(wanted)

    def test_the_effort_is_small_and_told(self, good):
        (effort,) = good.snapshot.efforts
        assert effort.address == ADDRESS
        # Four ports, each with every suite, group, signature, certificate and nineteen recorded clients.
        assert 80 < effort.connections < 4 * MOST_CONNECTIONS
        assert effort.backoffs == 0

    def test_judged_again_from_its_file_it_gives_the_same_records(self, lab, good, tmp_path):
        good.write(tmp_path)
        again = audit(Config(snapshot=tmp_path / "snapshot.json", profile=str(lab.good.profile)))
        assert again.records == good.records
        assert again.gate == good.gate
        assert again.snapshot == good.snapshot

    def test_the_password_is_in_nothing_that_is_written(self, lab, good, tmp_path):
        good.write(tmp_path)
        account = lab.good.account
        plain = base64.b64encode(f"\0{account.user}\0{account.password}".encode())
        texts = [path.read_bytes() for path in tmp_path.iterdir()]
        assert len(texts) == 3
        for form in (account.password.encode(), base64.b64encode(account.password.encode()), plain):
            assert not [text for text in texts if form in text]


class TestVariants:
    def test_a_wrong_password_fails_one_control(self, lab):
        result = audit(config_of(lab.good, password="wrong"))
        assert not result.gate.open
        assert {r.control for r in result.records if r.status is Status.FAIL} == {"auth-works"}

    def test_one_connection_at_a_time_is_enough(self, lab):
        result = audit(config_of(lab.good, budget=BudgetLimits(connections=1, per_second=200)))
        assert result.gate.open, result.gate.reasons

    def test_connections_that_are_used_up_close_the_gate(self, lab):
        result = audit(config_of(lab.good, budget=BudgetLimits(total=10)))
        assert not result.gate.open
        assert not [r for r in result.records if r.status is Status.FAIL]
        assert result.snapshot.connections == 10
        assert any("budget.total" in r.summary for r in result.records if r.status is Status.INDETERMINATE)

    @pytest.mark.skipif(not Anchors().usable, reason="this machine has no trust anchors")
    def test_without_the_authority_nothing_is_trusted_and_no_password_given(self, lab):
        result = audit(config_of(lab.good).model_copy(update={"ca": None}))
        assert {r.control for r in result.records if r.status is Status.FAIL} == {"certificate-trusted"}
        works = [r for r in result.records if r.control == "auth-works"]
        assert {r.status for r in works} == {Status.INDETERMINATE}


class TestBad:
    def test_the_gate_is_closed(self, bad):
        assert not bad.gate.open

    def test_each_fault_is_found(self, bad):
        certificate = {"certificate-trusted", "certificate-name", "certificate-in-date", "certificate-issuer"}
        suites = {"tls-weak-suite", "tls-cbc-suite", "tls-allowed-suites"}
        tls = {"tls-obsolete-version", "tls-signature-hash", *suites}
        tells = {"vrfy-tells-nothing", "greeting-version", "greeting-system", "extension-impersonation"}
        hears = {"smtp-command-bare-lf", "smtp-unauthorised-pipelining", "smtp-early-talker"}
        smtp = {*certificate, *tls, *tells, *hears, "auth-only-after-tls", "auth-refused-before-tls"}
        assert failed(bad, Role.MX) == {
            *smtp,
            *("auth-absent-on-mx", "relay-refused", "smtp-recipient-nul", "smtp-abuse-mailbox", "end-of-data-exact"),
            "smtp-message-pipelining",
        }
        assert failed(bad, Role.SUBMISSION) == {
            *smtp,
            *("auth-mechanisms", "submission-requires-auth", "auth-not-in-transaction"),
        }
        assert "implicit-tls" in failed(bad, Role.SUBMISSIONS)
        assert failed(bad, Role.IMAPS) == {*certificate, *tls}
        assert failed(bad, Role.IMAP) >= {
            "port-closed",
            "starttls-offered",
            "auth-only-after-tls",
            "auth-refused-before-tls",
        }

    def test_the_password_stays_at_home(self, bad):
        assert {r.status for r in bad.records if r.control == "auth-works"} <= {
            Status.INDETERMINATE,
            Status.NOT_APPLICABLE,
        }

    def test_judged_again_it_gives_the_same_records(self, lab, bad, tmp_path):
        bad.write(tmp_path)
        again = audit(Config(snapshot=tmp_path / "snapshot.json", profile=str(lab.bad.profile)))
        assert again.records == bad.records


def test_nobody_there_never_opens_the_gate(closed):
    endpoints = tuple(
        Endpoint(role=role, host="mail.example.com", address=ADDRESS, port=port, declared=False)
        for role, port in closed.items()
    )
    result = audit(Config(targets=("mail.example.com",), endpoints=endpoints))
    assert not result.gate.open
    assert not [r for r in result.records if r.status is Status.FAIL]


def test_a_server_that_closes_its_port_after_the_first_visit_never_opens_the_gate(lab, tmp_path):
    """What the first visit saw counts, and whatever would need another one is refused.

    If the port were then called closed, everything not seen by then would be excused.
    """
    listener = socket.create_server((ADDRESS, 0))
    endpoint = Endpoint(role=Role.MX, host=lab.good.plan.host, address=ADDRESS, port=listener.getsockname()[1])
    strangers = Authority(tmp_path / "strangers").anchors
    result = audit_while(lab, listener, Config(targets=("x",), endpoints=(endpoint,), ca=strangers))
    assert not result.gate.open
    statuses = {r.control: r.status for r in result.records}
    assert statuses["port-open"] is Status.PASS
    assert statuses["certificate-trusted"] is Status.FAIL
    assert statuses["tls-obsolete-version"] is Status.INDETERMINATE


def audit_while(lab: Lab, listener: socket.socket, config: Config) -> AuditResult:
    """Hand the first connection on to the good site's port 25, and refuse all others."""

    def hand_on() -> None:
        client, _ = listener.accept()
        listener.close()
        server = socket.create_connection((lab.good.address, lab.good.ports[Role.MX]))
        back = threading.Thread(target=pump, args=(server, client), daemon=True)
        back.start()
        pump(client, server)
        back.join(5)

    thread = threading.Thread(target=hand_on, daemon=True)
    thread.start()
    result = audit(config)
    thread.join(5)
    return result


def pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
