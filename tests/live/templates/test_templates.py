"""Template programs of nine engines, well made and badly: what is at fault in them is found, and nothing else."""

from __future__ import annotations

import asyncio
import functools
import os
import shutil
import subprocess
import tempfile
import tomllib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from smtp_audit.configuration.model import Config, TemplateSettings
from smtp_audit.control import REGISTRY, Outcome, Rule, load_builtin
from smtp_audit.errors import Undetermined
from smtp_audit.facts.template import TemplateFacts
from smtp_audit.probes.client.network import containment
from smtp_audit.probes.programs_approach import ProgramApproach
from smtp_audit.probes.templates.looking import look_at_template
from smtp_audit.probes.wire import Transcript
from tests.judging import NOW

from ..installed import skip_or_fail

pytestmark = pytest.mark.live

HERE = Path(__file__).parent
ENGINES = HERE / "engines"
NODE = frozenset(
    {"handlebars", "handlebars-plain", "ejs", "nunjucks", "nunjucks-plain", "nunjucks-made"}
    | {"replace", "replace-escaped", "replace-filtered", "replace-checked"}
)
MUST_BREAK = frozenset(
    {"template-escaping", "template-url-scheme", "template-url-host", "template-css", "template-injection"}
    | {"template-external-content", "template-plain-http-links", "template-language", "template-token-leak"}
    | {"template-expiry-text"}
)


@dataclass(frozen=True)
class Program:
    """A template with the engine that renders it, and the controls that fail there."""

    id: str
    engine: str
    file: str
    source: str
    fails: frozenset[str]
    variables: tuple[str, ...] = ()
    autoescape: bool | None = None

    def __str__(self) -> str:
        return self.id


def _programs() -> tuple[Program, ...]:
    told = tomllib.loads((HERE / "programs.toml").read_text(encoding="utf-8"))["program"]
    return tuple(
        Program(**{**each, "fails": frozenset(each["fails"]), "variables": tuple(each.get("variables", ()))})
        for each in told
    )


PROGRAMS = _programs()


@functools.cache
def go_program() -> str:
    """The Go program, built once."""
    folder = tempfile.mkdtemp(prefix="smtp-audit-go-")
    target = str(Path(folder) / "render")
    subprocess.run(["go", "build", "-o", target, "."], cwd=ENGINES / "go", check=True, capture_output=True, timeout=170)
    return target


def command(engine: str, file: Path) -> tuple[str, ...]:
    """What renders a template; empty for Jinja2. Skips, or fails, where an engine is not installed."""
    if engine == "jinja":
        return ()
    if engine in NODE:
        need(shutil.which("node") is not None, "node")
        need((ENGINES / "node_modules" / "handlebars").is_dir(), "npm ci in tests/live/templates/engines")
        return ("node", str(ENGINES / "render.mjs"), engine, str(file))
    if engine.startswith("erb"):
        need(shutil.which("ruby") is not None, "ruby")
        return ("ruby", str(ENGINES / "render.rb"), engine, str(file))
    if engine.startswith("go-"):
        need(shutil.which("go") is not None, "golang-go")
        return (go_program(), engine.removeprefix("go-"), str(file))
    need(shutil.which("php") is not None, "php-cli")
    need(engine == "php" or Path("/usr/share/php/Twig/autoload.php").exists(), "php-twig")
    return ("php", str(ENGINES / "render.php"), engine, str(file))


def need(there: bool, what: str) -> None:
    if not there:
        skip_or_fail(f"run tests/live/install-servers (missing: {what})")


def facts_of(program: Program, folder: Path) -> TemplateFacts:
    file = folder / program.file
    file.write_text(program.source, encoding="utf-8")
    settings = TemplateSettings(
        name=program.file,
        path=file,
        argv=command(program.engine, file),
        variables=dict.fromkeys(program.variables, ""),
        autoescape=program.autoescape,
    )
    approach = ProgramApproach(f"template:{program.file}", Config(templates=(settings,)), "run", lambda _: None)
    return asyncio.run(look_at_template(approach, Transcript(())))


def judged(facts: TemplateFacts) -> dict[str, str]:
    """The outcome of every control of templates, with what it says."""
    load_builtin()
    found: dict[str, str] = {}
    for control in REGISTRY:
        if control.needs == (TemplateFacts,):
            try:
                verdict = control.judge(facts, Rule(parameters={}, time=NOW))
                found[control.id] = f"{verdict.outcome}: {verdict.summary}"
            except Undetermined as why:
                found[control.id] = f"indeterminate: {why}"
    return found


@pytest.mark.skipif(not containment().possible, reason=containment().told)
@pytest.mark.parametrize("program", PROGRAMS, ids=str)
def test_what_is_at_fault_is_found_and_nothing_else(program: Program, tmp_path: Path) -> None:
    facts = facts_of(program, tmp_path)
    outcomes = judged(facts)
    failing = {name for name, told in outcomes.items() if told.startswith(f"{Outcome.FAIL}:")}
    assert failing == program.fails, (outcomes, [str(effect) for effect in facts.rendering.effects[:10]])
    # Sound programs are told to be sound: "could not tell" would close the gate on them.
    assert not [told for told in outcomes.values() if told.startswith("indeterminate")], outcomes


def test_there_are_enough_programs_and_every_control_is_broken_by_one() -> None:
    assert len(PROGRAMS) >= 25
    assert [name for name, count in Counter(program.id for program in PROGRAMS).items() if count > 1] == []
    assert {name for program in PROGRAMS for name in program.fails} == MUST_BREAK
    assert len({program.engine for program in PROGRAMS}) >= 9
    sound: Sequence[Program] = [program for program in PROGRAMS if not program.fails]
    assert len(sound) >= 12
    assert os.path.isfile(HERE / "programs.toml")
