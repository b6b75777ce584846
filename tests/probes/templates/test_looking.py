"""Templates rendered in processes of their own: variables are found, payloads told, and nothing runs for ever."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from smtp_audit.configuration.model import ClientSettings, Config, TemplateSettings
from smtp_audit.facts.observation import Absence
from smtp_audit.facts.template import ClientTemplateFacts, TemplateFacts
from smtp_audit.probes.client.network import containment
from smtp_audit.probes.client.rendering import look_at_client_templates
from smtp_audit.probes.programs_approach import ProgramApproach
from smtp_audit.probes.templates import engines
from smtp_audit.probes.templates.engines import is_plain
from smtp_audit.probes.templates.looking import beside_of, look_at_template
from smtp_audit.probes.templates.values import nested
from smtp_audit.probes.wire import PeerError, Transcript

needs_network = pytest.mark.skipif(not containment().possible, reason=containment().told)

SOUND = Path(__file__).parents[3] / "examples" / "python" / "smtplib_sound.py"


def look(folder: Path, name: str, source: str, **more: Any) -> TemplateFacts:
    (folder / name).write_text(source, encoding="utf-8")
    settings = TemplateSettings(name=name, path=folder / name, **more)
    approach = ProgramApproach(f"template:{name}", Config(templates=(settings,)), "run", lambda _: None)
    return asyncio.run(look_at_template(approach, Transcript(())))


def test_flat_names_are_a_tree() -> None:
    flat = {"a": "1", "b.c": "2", "d[]": "3", "e[].f": "4", "e[].g": "5", "a.x": "6"}
    assert nested(flat) == {"a": "1", "b": {"c": "2"}, "d": ["3"], "e": [{"f": "4", "g": "5"}]}


@pytest.mark.parametrize(
    ("name", "plain"),
    [("a.txt", True), ("a.txt.j2", True), ("a.html", False), ("a.html.j2", False), ("a.TXT.ERB", True), ("a", False)],
)
def test_what_a_template_makes_by_its_name(name: str, plain: bool) -> None:
    assert is_plain(Path(name)) is plain


def test_the_plain_text_template_beside_one_of_html(tmp_path: Path) -> None:
    (tmp_path / "reset.txt.j2").write_text("x")
    assert beside_of(tmp_path / "reset.html.j2") == tmp_path / "reset.txt.j2"
    assert beside_of(tmp_path / "reset.txt.j2") is None
    assert beside_of(tmp_path / "other.html") is None


@needs_network
def test_variables_of_jinja_are_found_with_fields_lists_parents_and_conditions(tmp_path: Path) -> None:
    (tmp_path / "base.html").write_text("<title>{{ title }}</title>{% block body %}{% endblock %}")
    source = """{% extends "base.html" %}{% block body %}{{ user.name }}
    {% for item in items %}{{ item.price }}{{ loop.index }}{% endfor %}
    {% for tag in tags %}{{ tag }}{% endfor %}{% if plan == "pro" %}{{ extra }}{% endif %}
    {% set x = user.mail %}{{ x.upper() }}{{ range(3)|list }}
    {{ url_for('x') }}{{ date.strftime('%d') }}{% endblock %}"""
    facts = look(tmp_path, "a.html", source)
    names = {each.name for each in facts.rendering.variables}
    assert names == {
        "title",
        "user.name",
        "user.mail",
        "items[].price",
        "tags[]",
        "plan",
        "extra",
        "url_for",
        "date",
    }
    assert not facts.rendering.effects
    # The one that is shown in another way through the template alone was tried there.
    extra = next(each for each in facts.rendering.variables if each.name == "extra")
    assert [place.where for place in extra.places]


@needs_network
def test_whether_jinja_escapes_is_said(tmp_path: Path) -> None:
    assert "by its suffix" in look(tmp_path, "a.html", "<p>{{ a }}</p>").escaping
    off = look(tmp_path, "a.html", "<p>{{ a }}</p>", autoescape=False)
    assert "off, as configured" in off.escaping
    assert off.rendering.effects
    assert look(tmp_path, "a.tpl", "<p>{{ a }}</p>").rendering.effects


@needs_network
@pytest.mark.parametrize(
    ("source", "absence"),
    [
        ("{% bad %}", Absence.MALFORMED),
        ("{{ a|no_such_filter }}", Absence.MALFORMED),
        ("{% for i in range(9999) %}{{ a * 999 }}{% endfor %}", Absence.EXCESSIVE),
        ("{{ a.b.c() }}{{ 1 / 0 }}", Absence.MALFORMED),
    ],
)
def test_what_cannot_be_rendered_is_told(tmp_path: Path, source: str, absence: Absence) -> None:
    with pytest.raises(PeerError) as caught:
        look(tmp_path, "a.html", source)
    assert caught.value.absence is absence, caught.value.reason


@needs_network
def test_a_template_that_never_ends_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "RENDER_SECONDS", 1.0)
    source = "{% for i in range(99999) %}{% for j in range(99999) %}{% set x = i * j %}{% endfor %}{% endfor %}{{ a }}"
    with pytest.raises(PeerError) as caught:
        look(tmp_path, "a.html", source)
    assert caught.value.absence is Absence.TIMEOUT


@needs_network
def test_the_sandbox_holds(tmp_path: Path) -> None:
    with pytest.raises(PeerError):
        look(tmp_path, "a.html", "{{ a.__class__.__mro__[1].__subclasses__() }}")


@needs_network
def test_a_command_renders(tmp_path: Path) -> None:
    code = "import json,sys,html; v=json.load(sys.stdin); print('<p>'+html.escape(v['a'])+'</p><i>'+v['b']+'</i>')"
    facts = look(tmp_path, "a.html", "", argv=(sys.executable, "-c", code), variables={"a": "", "b": ""})
    assert {effect.variable for effect in facts.rendering.effects} == {"b"}


@needs_network
def test_a_command_that_hangs_or_has_no_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "RENDER_SECONDS", 1.0)
    sleep = (sys.executable, "-c", "import time; time.sleep(60)")
    with pytest.raises(PeerError) as caught:
        look(tmp_path, "a.html", "", argv=sleep, variables={"a": ""})
    assert caught.value.absence is Absence.TIMEOUT
    with pytest.raises(PeerError, match="name them under 'variables'"):
        look(tmp_path, "a.html", "", argv=sleep)


def of_program(*argv: str, **more: Any) -> ClientTemplateFacts:
    config = Config(clients=(ClientSettings(name="x", argv=argv, **more),))
    approach = ProgramApproach("client:x", config, "run", lambda _: None)
    return asyncio.run(look_at_client_templates(approach, Transcript(())))


@needs_network
def test_a_program_that_writes_html_anew_lets_nothing_through() -> None:
    facts = of_program(sys.executable, str(SOUND))
    assert facts.html_used
    assert facts.html_tried > 60
    assert facts.html_effects == ()


@needs_network
def test_a_program_that_passes_html_on_is_told(tmp_path: Path) -> None:
    program = tmp_path / "careless.py"
    program.write_text(SOUND.read_text().replace("cleaned(order", "(order"))
    assert len(of_program(sys.executable, str(program)).html_effects) > 40


@needs_network
def test_a_program_that_sends_nothing_is_inconclusive() -> None:
    assert not of_program(sys.executable, "-c", "raise SystemExit(1)").delivers
