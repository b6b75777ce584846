"""The smtp-audit.toml that `smtp-audit init` writes."""

import re
import tomllib

import pytest

from smtp_audit.configuration import init_text
from smtp_audit.configuration.file import TABLES
from smtp_audit.configuration.model import Config
from tests.projects import Project, make_anchor


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


@pytest.fixture(scope="session")
def anchor_pem():
    return make_anchor()


SETTING = re.compile(r"^#(?=\[|[a-z_]+ = )", re.MULTILINE)


def test_the_initial_file_has_nothing_in_force(project):
    text = init_text()
    assert tomllib.loads(text) == {}
    assert project.config(target=["a"]) == project.config(target=["a"], config=str(project.file(text))).model_copy(
        update={"source": None}
    )
    assert "has no target" in project.complaint(config=str(project.file(text)))


@pytest.mark.parametrize("prose", [True, False], ids=["with its prose", "without any comment"])
def test_the_initial_file_is_whole_when_its_comments_are_taken_off(project, prose, anchor_pem):
    text = SETTING.sub("", init_text())
    if not prose:
        text = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
        assert "#" not in re.sub(r'"[^"]*"', "", text)
    (project.root / "ca.pem").write_text(anchor_pem)
    config = project.config(config=str(project.file(text)), environ={"SMTP_AUDIT_PASSWORD": "hunter2"})
    assert config.profile == "enterprise"
    assert config.limits == Config().limits
    assert config.budget == Config().budget
    assert config.families is Config().families
    assert config.report == project.root / "reports"
    assert config.waivers[0].subject == "mail.example.com:25"
    assert config.attestations[0].clause == "POST-6"
    assert config.credentials.password is not None
    assert {e.port for e in config.endpoints} == {25, 587, 465, 993, 143, 110, 995, 4190}


def test_every_key_is_in_the_initial_file():
    content = tomllib.loads(SETTING.sub("", init_text()))
    for table, model in TABLES.items():
        found = content
        for part in table:
            found = found[part]
            found = found[0] if isinstance(found, list) else found
        assert set(found) == set(model.model_fields), table


def test_the_initial_file_is_plain_and_narrow():
    assert init_text().isascii()
    assert max(len(line) for line in init_text().splitlines()) <= 120
