"""The given login is tried where that is safe, and nowhere else; the password is never seen again."""

import base64
import re
from pathlib import Path

import pytest

from .audited import Outcome, audited_places
from .catalogue import Catalogue
from .dovecot import PASSWORDS
from .lab import Lab
from .standard import PORTS, MailServer

pytestmark = pytest.mark.live

USER, PASSWORD = next(iter(PASSWORDS.items()))
SUBMISSION = ("submission", "submissions")

# AUTH is offered to everyone who listens on the way.
IN_CLEAR_ONLY = ("submission-without-starttls-auth-in-clear", "submissions-in-clear")
# AUTH is offered before TLS as well as inside it.
BEFORE_TLS_TOO = ("submission-auth-before-tls", "submission-old-style-auth-line-before-tls")
# Anyone on the way could be the server.
IMPOSTORS = ("submission-certificate-self-signed", "submission-intermediate-missing")


@pytest.fixture(scope="session")
def right_password(hardened_server: MailServer, catalogue: Catalogue, runs: Path) -> Outcome:
    places = [hardened_server.place(role, catalogue.entries[0]) for role in ("mx", *SUBMISSION, "imaps")]
    return audited_places(
        runs / "right-password", places, anchors=hardened_server.anchors, user=USER, password=PASSWORD
    )


@pytest.fixture(scope="session")
def wrong_password(hardened_server: MailServer, catalogue: Catalogue, runs: Path) -> Outcome:
    places = [hardened_server.place(role, catalogue.entries[0]) for role in ("mx", *SUBMISSION, "imaps")]
    return audited_places(
        runs / "wrong-password", places, anchors=hardened_server.anchors, user=USER, password="wrong horse"
    )


@pytest.fixture(scope="session")
def dangerous(lab: Lab, runs: Path) -> Outcome:
    """A good password, and servers that must not get it."""
    names = (*IN_CLEAR_ONLY, *BEFORE_TLS_TOO, *IMPOSTORS)
    return audited_places(
        runs / "dangerous",
        [lab.places[name] for name in names],
        anchors=lab.authority.anchors,
        user=USER,
        password=PASSWORD,
    )


@pytest.mark.parametrize("role", SUBMISSION)
def test_the_right_password_works(right_password: Outcome, hardened_server: MailServer, role: str) -> None:
    assert right_password.statuses(f"{hardened_server.host}:{PORTS[role]}")["auth-works"] == "pass"


def test_the_right_password_leaves_the_gate_open(right_password: Outcome) -> None:
    assert right_password.gate_open, right_password.reasons
    assert right_password.exit_status == 0


@pytest.mark.parametrize("role", SUBMISSION)
def test_a_wrong_password_fails_one_control_only(
    wrong_password: Outcome, hardened_server: MailServer, role: str
) -> None:
    assert wrong_password.failed(f"{hardened_server.host}:{PORTS[role]}") == {"auth-works"}


def test_a_wrong_password_closes_the_gate(wrong_password: Outcome) -> None:
    assert not wrong_password.gate_open
    assert wrong_password.exit_status == 1


def test_no_password_is_sent_in_the_clear(dangerous: Outcome, lab: Lab) -> None:
    for name in (*IN_CLEAR_ONLY, *BEFORE_TLS_TOO):
        for line in _disconnections(lab, name):
            # The made-up login that every endpoint is tried with is refused (auth=0/1); the password would be taken.
            assert not re.search(r" auth=[1-9]", line) or " starttls=1" in line, line


def test_no_password_is_sent_to_a_server_that_anyone_could_be(dangerous: Outcome, lab: Lab) -> None:
    for name in IMPOSTORS:
        assert not [line for line in _disconnections(lab, name) if re.search(r" auth=[1-9]", line)]


def test_the_log_would_show_a_password_that_was_sent(right_password: Outcome, hardened_server: MailServer) -> None:
    log = hardened_server.postfix.log.read_text(errors="replace")
    assert re.search(r"disconnect from .* starttls=1 auth=1", log)


@pytest.mark.parametrize("name", ["right-password", "wrong-password", "dangerous"])
def test_the_password_is_in_no_report(
    right_password: Outcome, wrong_password: Outcome, dangerous: Outcome, runs: Path, name: str
) -> None:
    outcome = {"right-password": right_password, "wrong-password": wrong_password, "dangerous": dangerous}[name]
    password = "wrong horse" if name == "wrong-password" else PASSWORD
    forms = [
        password.encode(),
        base64.b64encode(password.encode()),
        base64.b64encode(f"\0{USER}\0{password}".encode()),
    ]
    texts = [outcome.output.encode()]
    texts += [path.read_bytes() for path in (runs / name / "audit-reports").rglob("*") if path.is_file()]
    assert len(texts) >= 4
    for text in texts:
        assert not [form for form in forms if form in text]


def _disconnections(lab: Lab, name: str) -> list[str]:
    """What Postfix counted of every connection to this server; raises AssertionError when there was none."""
    log = lab.postfix.log.read_text(errors="replace")
    lines = [line for line in log.splitlines() if f"postfix/{name}/smtpd" in line and "disconnect from" in line]
    assert lines, name
    return lines
