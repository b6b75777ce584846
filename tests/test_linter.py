"""checkdmarc's notes: made of recorded answers alone, in a process without network, and never a verdict."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from smtp_audit import linter
from smtp_audit.cli import main
from smtp_audit.command.exit_status import ExitStatus
from smtp_audit.facts.endpoint import Domain
from smtp_audit.facts.lookup import LookupOutcome
from smtp_audit.facts.snapshot import Snapshot
from smtp_audit.linter import LinterError, Note, opinions, recorded
from tests import factories as make
from tests import spf_factories as senders

DOMAIN = Domain(name=senders.DOMAIN)


def snapshot(*args: object, **more: object) -> Snapshot:
    """A snapshot of the SPF of a domain."""
    facts = senders.spf(*args, **more)
    observation = make.make_observation(facts, subject=DOMAIN.key, address=None)
    return make.make_snapshot([observation], subjects=(DOMAIN,))


def notes(about: str, of: Snapshot) -> list[Note]:
    """What it says of one kind of record."""
    (opinion,) = opinions(of)
    assert opinion.seconds > 0
    return [note for note in opinion.notes if note.about == about]


def process(**given: object) -> list[list[str]]:
    """What the process says to this input."""
    ended = subprocess.run(
        [sys.executable, "-m", "smtp_audit.probes.domain.linter_process"],
        input=json.dumps({"domain": "example.com", "answers": [], "policy": None, **given}),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return json.loads(ended.stdout)


def test_every_recorded_answer_is_given_once_and_what_follows_from_it() -> None:
    given = recorded(DOMAIN, snapshot("v=spf1 -all"))
    assert [DOMAIN.name, "TXT", "found", ["v=spf1 -all"]] in given["answers"]
    assert [DOMAIN.name, "CNAME", "no data", []] in given["answers"]
    assert len({tuple(key[:2]) for key in given["answers"]}) == len(given["answers"])
    assert given["policy"] is None


def test_a_sound_record_gives_no_note() -> None:
    assert notes("SPF", snapshot("v=spf1 ip4:192.0.2.1 -all")) == []


def test_a_broken_record_gives_its_complaint() -> None:
    (note,) = notes("SPF", snapshot("v=spf1 ip4:192.0.2.999 -all"))
    assert note.level == "error"
    assert "192.0.2.999" in note.text


def test_what_was_not_answered_is_no_complaint() -> None:
    (note,) = notes("SPF", snapshot(LookupOutcome.TIMEOUT))
    assert note.level == "unknown"


def test_a_policy_is_read_when_there_is_one() -> None:
    said = process(policy="version: STSv1\r\nmode: never\r\nmx: mail.example.com\r\nmax_age: 86400\r\n")
    assert ["MTA-STS policy", "error"] in [note[:2] for note in said]


@pytest.mark.parametrize("text", ["", "v=spf1 " + "a " * 2000, "v=spf1 exp=%{i}.example.com -all", "\x00\xff" * 500])
def test_hostile_text_ends_in_notes(text: str) -> None:
    answers = [["example.com", "TXT", "found", [text]], ["_dmarc.example.com", "TXT", "found", [text]]]
    assert all(len(note) == 3 for note in process(answers=answers))


def test_what_it_says_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    said = [["SPF", "error", "\x1b[31mred\x1b[0m" + "x" * 10_000]]

    def run(*args: object, **more: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess([], 0, json.dumps(said), "")

    monkeypatch.setattr(linter.subprocess, "run", run)
    (note,) = notes("SPF", snapshot("v=spf1 -all"))
    assert "\x1b" not in note.text
    assert len(note.text) < 1000


def test_a_process_that_says_nothing_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        linter.subprocess, "run", lambda *args, **more: subprocess.CompletedProcess([], 1, "", "Traceback")
    )
    with pytest.raises(LinterError, match="did not end well"):
        opinions(snapshot("v=spf1 -all"))


def test_the_process_reaches_no_network() -> None:
    program = (
        "import socket, sys\n"
        "from smtp_audit.probes.domain.linter_process import _no_network\n"
        "sys.addaudithook(_no_network)\n"
        "for act in (lambda: socket.getaddrinfo('example.com', 53),\n"
        "            lambda: socket.socket().connect(('127.0.0.1', 9)),\n"
        "            lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b'', ('127.0.0.1', 53))):\n"
        "    try:\n"
        "        act()\n"
        "    except Exception as error:\n"
        "        print(type(error).__name__)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert ended.stdout.split() == ["Unrecorded"] * 3


def test_the_command_prints_notes_and_calls_them_opinions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "snapshot.json"
    path.write_text(snapshot("v=spf1 ip4:192.0.2.999 -all").model_dump_json())
    assert main(["lint", str(path)]) == ExitStatus.OK
    said = capsys.readouterr().out
    assert "SPF: error:" in said
    assert "no verdicts" in said


def test_without_checkdmarc_the_command_says_how_to_get_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linter, "find_spec", lambda name: None)
    path = tmp_path / "snapshot.json"
    path.write_text(snapshot("v=spf1 -all").model_dump_json())
    assert main(["lint", str(path)]) == ExitStatus.USAGE
    assert "smtp-audit[linter]" in capsys.readouterr().err
