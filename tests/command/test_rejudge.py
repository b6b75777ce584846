"""`report`: recorded facts judged again, one snapshot or several, without network."""

import json
import shutil
import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from smtp_audit.cli import main
from smtp_audit.configuration import load_config
from smtp_audit.facts.certificate import CertificateFacts
from smtp_audit.facts.snapshot import Snapshot
from smtp_audit.lab import Lab, Site
from smtp_audit.lab.sites import PASSWORD_VARIABLE
from smtp_audit.pipeline import AuditResult, audit

NOW = datetime.now(UTC)
PROFILE = "lab-profile.toml"


def audited(site: Site, folder: Path) -> AuditResult:
    file = folder / f"{site.name}.toml"
    file.write_text(site.config_text)
    result = audit(load_config(file, {PASSWORD_VARIABLE: site.account.password}))
    result.write(folder / site.name)
    return result


@pytest.fixture(scope="module")
def recorded(tmp_path_factory) -> Path:
    """A folder with `good` and `bad`, each with the reports and the snapshot of a live audit, and the lab's profile."""
    folder = tmp_path_factory.mktemp("recorded")
    with Lab() as lab:
        opened = [audited(site, folder).gate.open for site in lab.sites]
        shutil.copy(lab.good.profile, folder / PROFILE)
    assert opened == [True, False]
    return folder


@pytest.fixture(autouse=True)
def no_network_and_an_empty_folder(recorded, monkeypatch, tmp_path):
    """`recorded` is asked for first: from here on every connection fails the test."""
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("the network was touched"))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: pytest.fail("the network was touched"))
    monkeypatch.chdir(tmp_path)


def alter(name: str, **changes: object) -> None:
    snapshot = Snapshot.load(Path(name))
    Path(name).write_text(snapshot.model_copy(update=changes).dump())


def verdicts(report: Path) -> dict[tuple[str, str], tuple[str, str]]:
    records = json.loads((report / "report.json").read_text())["records"]
    return {(r["control"], r["subject"]): (r["status"], r["summary"]) for r in records}


def gate(report: Path) -> dict[str, object]:
    found = json.loads((report / "report.json").read_text())["gate"]
    assert isinstance(found, dict)
    return found


@pytest.fixture
def judged(recorded) -> tuple[str, ...]:
    """The command that judges by the profile of the live run; snapshots and options follow."""
    return "report", "--profile", str(recorded / PROFILE)


@pytest.mark.parametrize(("name", "status"), [("good", 0), ("bad", 1)])
def test_the_verdicts_are_those_of_the_live_run(recorded, judged, name, status, capsys):
    assert main([*judged, str(recorded / name / "snapshot.json"), "--out", "again"]) == status
    again = Path("again")
    assert verdicts(again) == verdicts(recorded / name)
    assert gate(again) == gate(recorded / name)
    assert (again / "snapshot.json").read_bytes() == (recorded / name / "snapshot.json").read_bytes()
    told = capsys.readouterr().out
    assert told.startswith("gate OPEN" if status == 0 else "gate CLOSED")
    assert str(again / "report.html") in told


def test_another_profile_gives_its_own_verdicts(recorded):
    snapshot = str(recorded / "good" / "snapshot.json")
    assert main(["report", snapshot, "--profile", "enterprise-strict", "--out", "strict"]) == 1
    failed = {control for (control, _), (status, _) in verdicts(Path("strict")).items() if status == "fail"}
    # TLS 1.2 is one of its versions, with what belongs to that; its authority is the lab's own.
    wanted = {"tls-obsolete-version", "tls-allowed-suites", "tls-allowed-signatures", "certificate-issuer"}
    if ssl.OPENSSL_VERSION_INFO < (3, 5):
        wanted.add("tls-post-quantum")  # the hybrids came with OpenSSL 3.5
    assert failed == wanted


def test_old_facts_do_not_open_the_gate(recorded, judged):
    old = json.loads((recorded / "good" / "snapshot.json").read_text())
    text = json.dumps(old).replace(old["started"], "2026-01-01T00:00:00Z")
    Path("old.json").write_text(text)
    assert main([*judged, "old.json"]) == 1
    assert any("hours old" in reason for reason in gate(Path("reports"))["reasons"])


def test_waivers_of_the_configuration_count(recorded):
    Path("smtp-audit.toml").write_text(
        '[[waiver]]\ncontrol = "tls-obsolete-version"\nsubject = "*"\nowner = "ops"\nreason = "test"\n'
        "expires = 2999-01-01\n"
    )
    snapshot = str(recorded / "bad" / "snapshot.json")
    assert main(["report", snapshot]) == 1
    statuses = {status for (c, _), (status, _) in verdicts(Path("reports")).items() if c == "tls-obsolete-version"}
    assert "waived" in statuses
    assert "fail" not in statuses


class TestSeveral:
    @pytest.fixture
    def halves(self, recorded) -> tuple[str, str]:
        """The good site's snapshot, as two runs would have recorded it: one endpoint, and the others."""
        whole = Snapshot.load(recorded / "good" / "snapshot.json")
        first, *others = whole.subjects
        for name, subjects in (("first", (first,)), ("others", tuple(others))):
            keys = {subject.key for subject in subjects}
            part = whole.model_copy(
                update={
                    "subjects": subjects,
                    "observations": tuple(o for o in whole.observations if o.subject in keys),
                }
            )
            Path(f"{name}.json").write_text(part.dump())
        return "first.json", "others.json"

    def test_two_runs_give_the_matrix_of_the_whole(self, recorded, judged, halves):
        assert main([*judged, *halves, "--out", "both"]) == 0
        both = Path("both")
        assert verdicts(both) == verdicts(recorded / "good")
        merged = json.loads((both / "report.json").read_text())
        whole = json.loads((recorded / "good" / "report.json").read_text())
        assert merged["coverage"] == whole["coverage"]
        # It rests on no one snapshot, so that it names those it rests on.
        assert merged["identity"]["snapshot_sha256"] == ""
        assert all(any(name in note for note in merged["notes"]) for name in halves)
        assert not (both / "snapshot.json").exists()

    def test_one_bad_run_closes_the_gate_of_all(self, recorded, judged):
        names = [str(recorded / name / "snapshot.json") for name in ("good", "bad")]
        assert main([*judged, *names, "--out", "both"]) == 1
        assert verdicts(Path("both")) == verdicts(recorded / "good") | verdicts(recorded / "bad")

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"complete": False}, "did not run to its end"),
            ({"started": NOW - timedelta(days=3)}, "hours old"),
            ({"started": NOW + timedelta(hours=1), "finished": NOW + timedelta(hours=1)}, "from the future"),
        ],
    )
    def test_one_unusable_run_closes_the_gate_of_all(self, judged, halves, change, reason):
        alter("others.json", **change)
        for order in (halves, halves[::-1]):
            assert main([*judged, *order, "--out", "both"]) == 1
            assert any(reason in told for told in gate(Path("both"))["reasons"])

    def test_every_run_is_judged_at_its_own_time(self, judged, halves):
        """A certificate that was renewed between two runs is not "not yet valid" because the other run was earlier."""
        later = Snapshot.load(Path("others.json"))
        text = Path("others.json").read_text()
        for observation in later.observations:
            if isinstance(observation.facts, CertificateFacts):
                before = observation.model_dump(mode="json")["facts"]["chain"][0]["not_before"]
                text = text.replace(before, later.model_dump(mode="json")["started"])
        assert text != Path("others.json").read_text()
        Path("others.json").write_text(text)
        alter("first.json", started=later.started - timedelta(hours=6))
        assert main([*judged, *halves, "--out", "both"]) == 0

    def test_two_verdicts_about_one_thing_are_refused(self, recorded, capsys):
        same = str(recorded / "good" / "snapshot.json")
        assert main(["report", same, same, "--out", "both"]) == 4
        assert "leave one of them out" in capsys.readouterr().err
        assert not Path("both").exists()


def test_a_crash_while_judging_leaves_no_open_report(recorded, judged, monkeypatch):
    snapshot = str(recorded / "good" / "snapshot.json")
    assert main([*judged, snapshot]) == 0

    def crash(*_arguments, **_options):
        raise ZeroDivisionError

    monkeypatch.setattr("smtp_audit.command.rejudge.judge_all", crash)
    with pytest.raises(ZeroDivisionError):
        main([*judged, snapshot])
    assert gate(Path("reports"))["open"] is False


@pytest.mark.parametrize(
    ("arguments", "begins"),
    [
        (["--profile", "nosuch"], "--profile: no profile 'nosuch'"),
        (["--profile", ""], "--profile: is empty"),
        (["--out", "taken"], "--out: "),
        (["--config", " "], "--config: is empty"),
    ],
)
def test_a_message_names_the_option_that_was_typed(recorded, arguments, begins, capsys):
    Path("taken").touch()
    assert main(["report", str(recorded / "good" / "snapshot.json"), *arguments]) == 4
    told = capsys.readouterr().err
    assert told.startswith(f"smtp-audit: {begins}")
    assert "--smtp-" not in told
