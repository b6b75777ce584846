"""`smtp-audit init`: a file that works as it is, and never one written over."""

import tomllib
from pathlib import Path

import pytest

from smtp_audit.cli import main
from smtp_audit.configuration import init_text, load_config


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_it_writes_a_file_that_can_be_read_and_says_how_to_use_it(capsys):
    assert main(["init"]) == 0
    assert Path("smtp-audit.toml").read_text(encoding="utf-8") == init_text()
    assert "pytest --smtp-config smtp-audit.toml" in capsys.readouterr().out
    assert load_config(Path("smtp-audit.toml"), {}).profile == "enterprise"


def test_with_its_comments_taken_away_every_line_is_valid():
    main(["init"])
    lines = Path("smtp-audit.toml").read_text().splitlines()
    bare = "\n".join(line[1:] if line.startswith("#") and not line.startswith("# ") else line for line in lines)
    assert {"target", "credentials", "budget", "limits", "waiver", "attestation"} <= set(tomllib.loads(bare))


def test_an_existing_file_stays_as_it_is_without_force(capsys):
    Path("own.toml").write_text("# mine\n")
    assert main(["init", "own.toml"]) == 4
    assert Path("own.toml").read_text() == "# mine\n"
    assert "--force" in capsys.readouterr().err
    assert main(["init", "own.toml", "--force"]) == 0
    assert Path("own.toml").read_text() == init_text()


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_a_folder_is_no_file_that_could_be_replaced(force, capsys):
    assert main(["init", ".", *force]) == 4
    told = capsys.readouterr().err
    assert "is a folder; name a file in it, such as smtp-audit.toml" in told
    assert "--force" not in told


def test_a_link_to_nowhere_is_an_existing_file():
    Path("smtp-audit.toml").symlink_to("elsewhere.toml")
    assert main(["init"]) == 4
    assert not Path("elsewhere.toml").exists()
