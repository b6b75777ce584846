"""The generated pages in docs/ are those that the code would generate now."""

from pathlib import Path

import pytest

from smtp_audit.command.reference import pages, write
from smtp_audit.control import REGISTRY, load_builtin
from smtp_audit.profile import load_profile, shipped_profiles

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("name", ["controls.md", "profiles.md", "report.schema.json", "safety.md"])
def test_the_file_in_the_repository_is_current(name):
    assert (DOCS / name).read_text(encoding="utf-8") == pages()[name], "run docs/generate.py (or make docs)"


def test_writing_gives_those_pages_and_no_others(tmp_path):
    write(tmp_path)
    assert {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()} == pages()


def test_every_control_has_a_section_and_every_link_leads_to_one():
    written = pages()
    for control in load_builtin():
        assert f"\n## {control.id}\n" in written["controls.md"]
        assert f"](controls.md#{control.id})" in written["profiles.md"]


def test_every_clause_of_every_profile_has_a_row():
    page = pages()["profiles.md"]
    for name in shipped_profiles():
        section = page.partition(f"\n### The clauses of {name}\n")[2].partition("\n## ")[0]
        clauses = load_profile(name, load_builtin()).standard.clause
        assert [row.split(" | ")[0] for row in section.splitlines() if row.startswith("| ")][1:] == [
            f"| {clause.id}" for clause in clauses
        ]


def test_a_clause_that_nothing_reaches_has_every_medium_among_its_gaps():
    row = next(line for line in pages()["profiles.md"].splitlines() if line.startswith("| COMP-1 |"))
    assert row.endswith("| dns, roundtrip, attest |  | dns; roundtrip |")
    row = next(line for line in pages()["profiles.md"].splitlines() if line.startswith("| CORE-5 |"))
    assert row.endswith("| roundtrip, client, dns |  | roundtrip; client; dns |")


def test_controls_of_others_stay_out_of_the_pages():
    from smtp_audit.control import control, passed
    from smtp_audit.facts.endpoint import Endpoint
    from smtp_audit.facts.service import PortFacts

    before = pages()

    @control("house-rule", title="House rule", expects="it", subject=Endpoint, needs=PortFacts)
    def house_rule(_port, _rule):
        return passed("it is")

    try:
        assert pages()["controls.md"] == before["controls.md"]
        assert pages()["profiles.md"] == before["profiles.md"]
    finally:
        REGISTRY.discard("house-rule")
