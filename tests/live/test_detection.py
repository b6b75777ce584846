"""The detection matrix: what it counts, what it complains about, and that it says the same each time."""

import json
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from tests.legacy.catalogue import SERVERS

from . import detection, recorded
from .audited import Outcome
from .catalogue import Catalogue, catalogue, made_of
from .chapters import Chapters
from .detection import Truth, complaints, independent_truth, not_audited, rows
from .detection_page import counts, mutants, render
from .recorded import Found, Record

FILES = {
    "sound": """
[passes]
mx = ["port-open", "tls-weak-suite"]
[sound.mx]
server = "postfix"
strict = ["tls-post-quantum"]
[twin.asked.mx]
[certificate.sound]
names = ["DNS:@host@"]
[backend.sound]
[debian_default]
mx = ["tls-dh-prime"]
""",
    "suites": """
about = "The suites."
[[server]]
name = "cbc"
role = "mx"
what = "CBC | alone"
must_fail = ["tls-cbc-suite", "tls-allowed-suites"]
[[server]]
name = "odd"
role = "mx"
what = "right: odd"
must_fail = []
""",
    "throttling": """
[[server]]
name = "late"
role = "mx"
group = "throttled"
what = "late"
must_fail = []
""",
}
NAMES = [
    ("quick", "sound-mx"),
    ("asked", "sound-mx-asked"),
    ("quick", "cbc"),
    ("quick", "odd"),
    ("throttled", "late"),
    ("strict", "sound-mx"),
    ("debian", "mx"),
]


def _known() -> Catalogue:
    chapters = Chapters()
    for name, text in FILES.items():
        chapters.add(name, tomllib.loads(text))
    return made_of(chapters)


def _right() -> Record:
    """A run in which everything was as it should be."""
    failed = {
        ("quick", "cbc"): {"tls-cbc-suite", "tls-allowed-suites"},
        ("strict", "sound-mx"): {"tls-post-quantum"},
        ("debian", "mx"): {"tls-dh-prime"},
    }
    passed = frozenset({"port-open", "tls-weak-suite"})
    audits = {name: Found(frozenset(failed.get(name, ())), passed, frozenset()) for name in NAMES}
    return Record(audits, {name: found.failed for name, found in audits.items() if name[0] != "throttled"})


def _changed(name: tuple[str, str], **sets: set[str]) -> Record:
    right = _right()
    changed = replace(right.audits[name], **{key: frozenset(value) for key, value in sets.items()})
    return replace(right, audits={**right.audits, name: changed})


def test_a_right_run_has_nothing_to_complain_about() -> None:
    found = rows(_right(), _known(), [])
    assert not_audited(found) == complaints(found) == []
    assert counts(found) == (
        "1 broken servers; 4 faults listed in all audits, 4 caught, 0 missed, 0 false; "
        "4 servers without a fault of their own, 0 false findings on them"
    )
    text = render(found, _known().about)
    assert "| cbc | mx | CBC \\| alone | tls-allowed-suites, tls-cbc-suite | all | none | agrees |" in text
    assert "| odd | mx | odd | none | agrees |" in text
    assert "| [tls-weak-suite](controls.md#tls-weak-suite) | 0 | 0 | 6 | 6 | 0 |" in text
    assert "## Suites\n\nThe suites.\n" in text
    assert "| **all** | 7 | 4 | 4 | 0 | 0 |" in text


def test_a_missed_fault_is_told() -> None:
    found = rows(_changed(("quick", "cbc"), failed={"tls-cbc-suite"}), _known(), [])
    assert complaints(found) == ["cbc (quick): not caught: tls-allowed-suites"]
    assert "4 faults listed in all audits, 3 caught, 1 missed, 0 false" in counts(found)
    assert "| missed: tls-allowed-suites | none |" in render(found, {})


@pytest.mark.parametrize("name", [name for name in NAMES if name != ("quick", "cbc")])
def test_an_invented_fault_is_told_wherever_it_is(name: tuple[str, str]) -> None:
    real = _right().audits[name].failed
    found = rows(_changed(name, failed={*real, "tls-ticket-lifetime"}), _known(), [])
    (line,) = complaints(found)
    assert "failed without being listed: tls-ticket-lifetime" in line
    assert ", 1 false;" in counts(found)
    assert "tls-ticket-lifetime" in render(found, {})


@pytest.mark.parametrize("undecided", [set(), {"tls-weak-suite"}])
def test_a_missing_verdict_is_told(undecided: set[str]) -> None:
    found = rows(_changed(("quick", "odd"), passed={"port-open"}, undecided=undecided), _known(), [])
    assert complaints(found) == ["odd (quick): without the verdict it should have: tls-weak-suite"]


@pytest.mark.parametrize("judged", [frozenset({"tls-cbc-suite"}), frozenset(), None])
def test_a_second_judge_who_disagrees_is_told(judged: frozenset[str] | None) -> None:
    right = _right()
    judge = {name: seen for name, seen in right.judge.items() if name != ("quick", "cbc")}
    if judged is not None:
        judge["quick", "cbc"] = judged
    found = rows(replace(right, judge=judge), _known(), [])
    (line,) = complaints(found)
    assert line.startswith("cbc (quick): the second judge sees something else: ")


@pytest.mark.parametrize("name", NAMES)
def test_a_server_that_was_not_audited_is_no_success(name: tuple[str, str]) -> None:
    right = _right()
    audits = {key: found for key, found in right.audits.items() if key != name}
    (missing,) = not_audited(rows(replace(right, audits=audits), _known(), []))
    assert name[0] in missing


def test_the_page_does_not_depend_on_what_came_first() -> None:
    right = _right()
    backwards = Record(dict(reversed(list(right.audits.items()))), dict(reversed(list(right.judge.items()))))
    known = _known()
    assert render(rows(right, known, []), known.about) == render(rows(backwards, known, []), known.about)


def test_independent_servers_are_measured_by_their_findings() -> None:
    right = _right()
    seen = {
        ("independent", "exim-mx"): Found(
            frozenset({"tls-cbc-suite", "tls-dh-prime"}), frozenset(), frozenset({"tls-early-data", "tls-compression"})
        )
    }
    truth = [
        Truth(
            server, "mx", ("GnuTLS has them",), frozenset({"tls-cbc-suite"}), frozenset({"tls-early-data"}), frozenset()
        )
        for server in ("exim", "gone")
    ]
    found = rows(replace(right, audits={**right.audits, **seen}), _known(), [], truth)
    assert not_audited(found) == ["gone-mx (independent)"]
    assert complaints(found[:-1]) == [
        "exim-mx (independent): failed without being listed: tls-dh-prime",
        "exim-mx (independent): without the verdict it should have: tls-compression",
    ]
    assert "| exim-mx | mx | GnuTLS has them | tls-cbc-suite | all | tls-dh-prime |" in render(found, {})


def test_every_port_of_the_independent_servers_is_in_it() -> None:
    names = {f"{truth.server}-{truth.role}" for truth in independent_truth(catalogue())}
    assert {"exim-mx", "sendmail-mx", "chasquid-submission", "smtp-server-submission"} <= names


def test_what_was_kept_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "record.jsonl"
    monkeypatch.setenv(recorded.VARIABLE, str(path))
    records = [
        {"subject": "mail:25", "role": "mx", "control": control, "status": status}
        for control, status in (
            ("tls-cbc-suite", "advisory"),
            ("tls-dh-prime", "fail"),
            ("port-open", "pass"),
            ("tls-weak-suite", "error"),
            ("auth-works", "not_run"),
        )
    ]
    recorded.keep("quick", "cbc", Outcome(1, "", 1.0, {"records": records}), "mail:25")
    recorded.keep_judged("quick", "cbc", frozenset({"old"}))
    recorded.keep_judged("quick", "cbc", frozenset({"tls-cbc-suite"}))
    failed = frozenset({"tls-cbc-suite", "tls-dh-prime"})
    assert recorded.read(path) == Record(
        {("quick", "cbc"): Found(failed, frozenset({"port-open"}), frozenset({"tls-weak-suite"}))},
        {("quick", "cbc"): frozenset({"tls-cbc-suite"})},
    )


def test_without_the_variable_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(recorded.VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    recorded.keep_judged("quick", "cbc", frozenset())
    assert list(tmp_path.iterdir()) == []


def _ideal(path: Path) -> None:
    """A record of a run of the real catalogue in which everything was as listed."""
    empty = Record()
    lines = []
    for row in rows(empty, catalogue(), SERVERS, independent_truth(catalogue())):
        name = row.role if row.audit == "debian" else row.name
        found = {"failed": sorted(row.must_fail), "passed": sorted(row.must_pass), "undecided": []}
        lines.append({"audit": row.audit, "server": name, **found})
        lines.append({"audit": row.audit, "server": name, "judged": sorted(row.must_fail)})
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_the_program_writes_the_page_and_compares_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record, page = tmp_path / "record.jsonl", tmp_path / "detection.md"
    _ideal(record)
    assert detection.main([str(record), "--check"], page=page) == 1
    assert "run `make detection` and commit the page" in capsys.readouterr().err
    assert not page.exists()
    assert detection.main([str(record)], page=page) == 0
    assert " 0 missed, 0 false;" in capsys.readouterr().out
    assert detection.main([str(record), "--check"], page=page) == 0
    page.write_text(page.read_text().replace("| all | none |", "| all | nothing |", 1))
    assert detection.main([str(record), "--check"], page=page) == 1
    assert "-| " in capsys.readouterr().err


def test_of_half_a_run_no_page_is_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record, page = tmp_path / "record.jsonl", tmp_path / "detection.md"
    record.write_text("")
    assert detection.main([str(record)], page=page) == 1
    assert "not audited: sound-mx (quick)" in capsys.readouterr().err
    assert not page.exists()


def test_there_are_enough_broken_servers() -> None:
    assert len(mutants(rows(Record(), catalogue(), SERVERS))) >= 120
