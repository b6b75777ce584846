"""`smtp-audit demo`, whole: the lab, two audits, two verdicts, two reports."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from smtp_audit.cli import main
from smtp_audit.lab import sites
from smtp_audit.probes.client.network import containment


@pytest.fixture(scope="module")
def shown(tmp_path_factory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    folder = tmp_path_factory.mktemp("demo")
    command = [sys.executable, "-m", "smtp_audit.cli", "demo"]
    return folder / "reports", subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=150)


def load(folder: Path) -> dict:
    return json.loads((folder / "report.json").read_text())


def found(report: dict, status: str) -> set[tuple[str, str]]:
    return {(r["control"], r["role"]) for r in report["records"] if r["status"] == status}


def test_it_succeeds_and_says_both_verdicts_and_where_the_reports_are(shown):
    reports, done = shown
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    for name, verdict in (("good", "gate OPEN within scope server"), ("bad", "gate CLOSED")):
        assert verdict in done.stdout
        assert str(Path("reports") / f"demo-{name}" / "report.html") in done.stdout
        assert {path.name for path in (reports / f"demo-{name}").iterdir()} == {
            "report.html",
            "report.json",
            "snapshot.json",
        }
    assert "[critical]" in done.stdout


@pytest.mark.skipif(not containment().possible, reason=containment().told)
def test_programs_are_shown_too(shown):
    reports, done = shown
    assert "played with" in done.stdout
    assert load(reports / "demo-good-sender")["gate"]["open"] is True
    bad = load(reports / "demo-bad-sender")
    assert bad["gate"]["open"] is False
    assert {"client-starttls-required", "client-certificate-verified"} <= {control for control, _ in found(bad, "fail")}


def test_the_good_one_has_no_finding_and_nothing_is_left_undetermined(shown):
    report = load(shown[0] / "demo-good")
    assert report["gate"] == {"open": True, "reasons": [], "threshold": "medium"}
    counts = {status: number for status, number in report["counts"].items() if number}
    assert set(counts) == {"pass", "not_applicable", "not_run"}
    left_out = {(r["control"], r["safety"]) for r in report["records"] if r["status"] == "not_run"}
    assert {control for control, safety in left_out if safety not in ("slow", "intrusive")} == {
        "certificate-revocation",
        # They need a mailbox elsewhere, or a place that the server delivers to.
        "relay-not-delivered",
        "forwarded-line-ends",
        "forwarded-nul",
        "dropped-message-forgotten",
    }
    assert report["certificate"] == "none"


def test_every_fault_of_the_bad_one_is_found_and_none_is_made_up(shown):
    wrong_tls = {
        *("tls-obsolete-version", "tls-weak-suite", "tls-cbc-suite", "certificate-trusted", "certificate-name"),
        *("certificate-in-date", "certificate-issuer"),
    }
    in_clear = ("auth-only-after-tls", "auth-refused-before-tls")
    assert found(load(shown[0] / "demo-bad"), "fail") == {
        *((control, role) for control in wrong_tls for role in ("mx", "submission", "imaps")),
        *((control, role) for control in in_clear for role in ("mx", "submission", "imap")),
        ("auth-absent-on-mx", "mx"),
        ("auth-mechanisms", "submission"),
        ("submission-requires-auth", "submission"),
        ("auth-not-in-transaction", "submission"),
        ("implicit-tls", "submissions"),
        *(("extension-impersonation", role) for role in ("mx", "submission")),
        ("relay-refused", "mx"),
        ("end-of-data-exact", "mx"),
        # It relays for everybody, to whatever domain that is.
        ("smtp-recipient-nul", "mx"),
        ("imap-greeting-offers-no-login", "imap"),
        ("port-closed", "imap"),
        ("starttls-offered", "imap"),
    }


def test_its_lesser_faults_are_found_as_well(shown):
    everywhere = {
        *("vrfy-tells-nothing", "greeting-version", "greeting-system"),
        *("smtp-command-bare-lf", "smtp-unauthorised-pipelining", "smtp-early-talker"),
    }
    assert found(load(shown[0] / "demo-bad"), "advisory") == {
        *((control, role) for control in everywhere for role in ("mx", "submission")),
        ("smtp-abuse-mailbox", "mx"),
        ("smtp-message-pipelining", "mx"),
        *(
            (control, role)
            for control in ("tls-allowed-suites", "tls-signature-hash")
            for role in ("mx", "submission", "imaps")
        ),
    }


def test_no_password_is_in_any_file_or_on_the_terminal(tmp_path, monkeypatch, capsys):
    """The passwords of the lab are random: they are caught as they are made."""
    made: list[str] = []

    def remember(octets: int) -> str:
        made.append(f"lab-password-{len(made)}-{octets}")
        return made[-1]

    monkeypatch.setattr("smtp_audit.lab.running.secrets.token_urlsafe", remember)
    assert main(["demo", "--servers", "--out", str(tmp_path)]) == 0
    assert len(made) == 2
    texts = [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]
    assert len(texts) == 6
    for text in (*texts, *capsys.readouterr()):
        assert not [password for password in made if password in text]


@pytest.mark.parametrize("reversed_site", ["good", "bad"])
def test_a_wrong_verdict_is_a_failure(tmp_path, monkeypatch, capsys, reversed_site):
    monkeypatch.setattr(
        "smtp_audit.lab.running.GOOD" if reversed_site == "good" else "smtp_audit.lab.running.BAD",
        sites.BAD if reversed_site == "good" else sites.GOOD,
    )
    assert main(["demo", "--servers", "--out", str(tmp_path)]) == 1
    assert "This is not as it should be" in capsys.readouterr().out


def test_an_audit_that_breaks_off_leaves_no_open_report_of_an_earlier_run(tmp_path, monkeypatch):
    assert main(["demo", "--servers", "--out", str(tmp_path)]) == 0

    def crash(*_arguments, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("smtp_audit.pipeline.audit", crash)
    assert main(["demo", "--servers", "--out", str(tmp_path)]) == 2
    assert load(tmp_path / "demo-good")["gate"]["open"] is False


def test_without_the_extra_it_says_what_to_install(monkeypatch, capsys):
    for name in [name for name in sys.modules if name.startswith(("smtp_audit.lab", "aiosmtpd"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "aiosmtpd", None)
    assert main(["demo"]) == 4
    assert 'pip install "smtp-audit[lab]"' in capsys.readouterr().err
