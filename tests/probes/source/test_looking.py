"""A tree is read within its caps; what is not read is named, and nothing hostile costs more than its own file."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from smtp_audit.facts.observation import Absence
from smtp_audit.facts.source import Language, SourceFacts, Topic
from smtp_audit.probes.source import looking, tree
from smtp_audit.probes.wire import PeerError, Transcript

OFF = "const nodemailer = require('nodemailer');\nconst tls = { rejectUnauthorized: false };\n"
SECRET = "q8Zt-4rW9-xKp2-Lm7v"


def look(root: Path, seconds: float = 60.0) -> SourceFacts:
    return asyncio.run(looking.read_tree(root, Transcript(()), seconds))


def write(root: Path, **files: str) -> Path:
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_js", ".js").replace("_py", ".py").replace("_txt", ".txt")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_a_tree_is_read_and_what_is_not_ones_own_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, app__mail_js=OFF, node_modules__x__y_js=OFF, vendor__a_py="x", tests__fake_js=OFF, notes_txt="x")
    (tmp_path / "a.min.js").write_text(OFF)
    (tmp_path / "packed.js").write_text(f"{'x' * 6000};{OFF}")
    (tmp_path / "env").mkdir()
    (tmp_path / "env" / "pyvenv.cfg").write_text("")
    (tmp_path / "env" / "mail.js").write_text(OFF)
    facts = look(tmp_path)
    assert facts.read == {Language.JAVASCRIPT: 1}
    assert (facts.tests, facts.others, facts.unread) == (1, 1, ())
    assert [finding.place for finding in facts.findings] == ["app/mail.js:2"]
    assert facts.libraries == ("nodemailer: app/mail.js",)
    assert {each.path: each.reason.partition(":")[0] for each in facts.skipped} == {
        "a.min.js": "minified",
        "packed.js": "minified",
        "env/": "an environment of Python",
        "node_modules/": "dependencies",
        "vendor/": "dependencies",
    }


def test_links_are_not_followed(tmp_path: Path) -> None:
    outside = write(tmp_path / "outside", mail_js=OFF)
    root = tmp_path / "root"
    root.mkdir()
    (root / "folder").symlink_to(outside)
    (root / "mail.js").symlink_to(outside / "mail.js")
    (root / "loop").symlink_to(root)
    facts = look(root)
    assert not facts.read
    assert not facts.findings
    assert {str(each) for each in facts.skipped} == {"folder: a link", "loop: a link", "mail.js: a link"}


def test_one_file_is_read_whatever_its_name(tmp_path: Path) -> None:
    (tmp_path / "mail.test.js").write_text(OFF)
    facts = look(tmp_path / "mail.test.js")
    assert facts.read == {Language.JAVASCRIPT: 1}
    assert facts.of(Topic.CERTIFICATE)


def test_pipes_and_odd_names_are_no_trouble(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.js")
    odd = os.fsdecode(b"m\xff\x1b[31m.js")
    (tmp_path / odd).write_text(OFF)
    facts = look(tmp_path)
    (finding,) = facts.findings
    assert finding.path.isascii()
    assert finding.path.isprintable()


@pytest.mark.parametrize(
    ("cap", "value", "says"),
    [
        ("MAX_SOURCE_FILE_BYTES", 10, "larger than 10 octets"),
        ("MAX_SOURCE_FILES", 1, "1 files were found before it"),
        ("MAX_SOURCE_BYTES", 120, "120 octets were found before it"),
        ("MAX_SOURCE_DEPTH", 0, "deeper than 0 folders"),
    ],
)
def test_what_is_beyond_a_cap_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cap: str, value: int, says: str
) -> None:
    monkeypatch.setattr(tree, cap, value)
    write(tmp_path, a_js=OFF, b__c_js=OFF)
    assert any(says in each.reason for each in look(tmp_path).unread)


def test_what_is_no_such_text_is_unread(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import smtplib\nprint 'two'\n")
    (tmp_path / "b.js").write_bytes(b"\0\xff\0")
    (tmp_path / "c.js").write_text("const smtp = {{{{ <<<<\n\n\n\n) => tls [\n")
    facts = look(tmp_path)
    assert [each.path for each in facts.unread] == ["a.py", "b.js", "c.js"]
    assert not facts.read


def test_a_file_that_kills_or_stops_the_process_costs_itself_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, a_js=OFF, b_js="kill", c_js=OFF, d_js="hang", e_js=OFF)
    hostile = tmp_path / "inside.py"
    hostile.write_text(
        "import os, time\n"
        "from smtp_audit.probes.source import inside\n"
        "real = inside.read_file\n"
        "def read(file):\n"
        "    if file.shown == 'b.js': os.abort()\n"
        "    if file.shown == 'd.js': time.sleep(60)\n"
        "    return real(file)\n"
        "inside.read_file = read\n"
        "inside.main()\n"
    )
    start = asyncio.create_subprocess_exec

    async def other(*command: str, **more: object) -> object:
        assert command[1:] == ("-m", "smtp_audit.probes.source.inside")
        return await start(sys.executable, str(hostile), **more)  # type: ignore[arg-type]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", other)
    monkeypatch.setattr(looking, "MAX_SOURCE_FILE_SECONDS", 0.5)
    facts = look(tmp_path)
    assert {each.path: each.reason for each in facts.unread} == {
        "b.js": "ends the process that reads it",
        "d.js": "takes longer than 0.5 s",
    }
    assert [finding.path for finding in facts.findings] == ["a.js", "c.js", "e.js"]


def test_what_there_is_no_time_for_is_unread(tmp_path: Path) -> None:
    write(tmp_path, a_js=OFF, b_js=OFF)
    facts = look(tmp_path, seconds=0.001)
    assert [each.path for each in facts.unread] == ["a.js", "b.js"]
    assert "not reached" in facts.unread[0].reason


def test_nothing_of_the_text_is_told(tmp_path: Path) -> None:
    text = (
        f"{OFF}const apiKey = '{SECRET}';\nconst o = {{ auth: {{ pass: '{SECRET}' }}, rejectUnauthorized: false }};\n"
    )
    facts = look(write(tmp_path, mail_js=text))
    assert facts.of(Topic.PASSWORD)
    assert facts.of(Topic.SECRET)
    assert SECRET not in facts.model_dump_json()


def test_more_than_is_kept_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "MAX_SOURCE_FINDINGS", 2)
    monkeypatch.setattr(looking, "MAX_SOURCE_LEFT_OUT", 1)
    write(tmp_path, a_js=OFF, b_js=OFF, c_js=OFF, vendor__x_js="", node_modules__x_js="")
    facts = look(tmp_path)
    assert len(facts.of(Topic.CERTIFICATE)) == 2
    assert facts.more_findings == {Topic.CERTIFICATE: 1}
    assert (len(facts.skipped), facts.more_skipped) == (1, 1)


def test_without_the_extra_it_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "find_spec", lambda name: None)
    with pytest.raises(PeerError, match=r"smtp-audit\[source\]") as caught:
        look(tmp_path)
    assert caught.value.absence is Absence.NOT_AVAILABLE


def test_what_is_not_there_is_no_pass(tmp_path: Path) -> None:
    with pytest.raises(PeerError) as caught:
        look(tmp_path / "missing")
    assert caught.value.absence is Absence.NOT_GIVEN
