"""The family of facts about a template: finds its variables, puts every payload into them, and says what came of it."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from smtp_audit.configuration.model import TemplateSettings
from smtp_audit.documents.addresses import host_of, scheme_of
from smtp_audit.documents.asserting import step
from smtp_audit.documents.contents import contents_of
from smtp_audit.documents.examining import Examination, Rounds, examine, word
from smtp_audit.documents.markup import is_available
from smtp_audit.documents.payloads import payloads
from smtp_audit.errors import Undetermined
from smtp_audit.facts.observation import Absence
from smtp_audit.facts.template import Effect, Link, Place, Rendering, TemplateFacts, Tried
from smtp_audit.limits import MAX_EFFECTS
from smtp_audit.probes.client.network import containment
from smtp_audit.probes.programs_approach import ProgramApproach
from smtp_audit.probes.templates.engines import (
    ENGINE_SUFFIXES,
    PLAIN_SUFFIXES,
    CommandEngine,
    Engine,
    JinjaEngine,
    escapes,
    is_plain,
)
from smtp_audit.probes.wire import PeerError, Transcript
from smtp_audit.wiretext import escape_text

SECONDS: Final = 600.0
"""What one template may take: a command is started for every rendering, some hundred times."""

SHOWN_TEXT: Final = 8000
"""Characters of a document that are kept."""

MAX_LINKS: Final = 200

OWN_HOST: Final = "app.example"
"""The host of harmless addresses."""

_ADDRESS = re.compile(r"(?:url|link|href|uri)s?(?:\[\])?$", re.IGNORECASE)

NEEDED: Final = "to read HTML as browsers do, the extra client is needed: pip install 'smtp-audit[client]'"


def template_seconds(_approach: ProgramApproach) -> float:
    """The longest that it may take."""
    return SECONDS


async def look_at_template(approach: ProgramApproach, transcript: Transcript) -> TemplateFacts:
    """Render a template with every payload.

    Raises:
        PeerError: it cannot be rendered, or not read.
    """
    name = approach.subject.partition(":")[2]
    settings = next(each for each in approach.config.templates if each.name == name)
    if not is_available():
        raise PeerError(Absence.NOT_AVAILABLE, NEEDED)
    if not settings.path.is_file():
        raise PeerError(Absence.NOT_GIVEN, f"there is no file {escape_text(str(settings.path))}")
    way = await asyncio.to_thread(containment)
    if not way.possible:
        raise PeerError(Absence.NOT_AVAILABLE, way.told)
    rendering = await _rendering(settings, settings.argv, way.command)
    beside, why = None, "there is no plain text template beside it"
    other = beside_of(settings.path)
    argv = tuple(word.replace(settings.path.name, other.name) for word in settings.argv) if other else ()
    if other is not None and (not settings.argv or argv != settings.argv):
        try:
            beside = await _rendering(
                settings.model_copy(update={"path": other, "name": other.name}), argv, way.command
            )
        except PeerError as error:
            why = error.reason
    transcript.note(f"rendered with {rendering.payloads} payloads in {len(rendering.variables)} variables")
    return TemplateFacts(
        engine="a command" if settings.argv else "Jinja2",
        escaping=_escaping(settings),
        rendering=rendering,
        beside=beside,
        beside_why="" if beside else why,
    )


def beside_of(path: Path) -> Path | None:
    """The plain text template next to one of HTML: `reset.txt.j2` of `reset.html.j2`."""
    if is_plain(path):
        return None
    base = path
    while base.suffix.lower() in (*ENGINE_SUFFIXES, ".html", ".htm"):
        base = base.with_suffix("")
    tails = ["", *ENGINE_SUFFIXES]
    names = [base.name + plain + tail for plain in sorted(PLAIN_SUFFIXES) for tail in sorted(tails)]
    return next((found for found in map(path.with_name, names) if found.is_file()), None)


def _escaping(settings: TemplateSettings) -> str:
    if settings.argv:
        return "as the command does"
    on = "on" if escapes(settings) else "off"
    if settings.autoescape is not None:
        return f"autoescape {on}, as configured"
    return f"autoescape {on}, by its suffix, as select_autoescape and Flask do; jinja2.Environment() alone has it off"


async def _rendering(settings: TemplateSettings, argv: tuple[str, ...], prefix: tuple[str, ...]) -> Rendering:
    async with contextlib.AsyncExitStack() as until_done:
        engine: Engine
        others: Mapping[str, tuple[str, ...]]
        if argv:
            engine, others = CommandEngine(settings, argv, prefix), dict.fromkeys(settings.variables, ())
            if not others:
                raise PeerError(Absence.NOT_GIVEN, "which variables it has is not known: name them under 'variables'")
        else:
            engine = jinja = await until_done.enter_async_context(JinjaEngine.started(settings, prefix))
            others = jinja.variables
        plain = is_plain(settings.path)
        names = tuple(others)
        rounds = examine(names, harmless(names, settings.variables), payloads(), plain=plain, others=others)
        try:
            found = await examined(engine, rounds)
            return await asyncio.to_thread(rendering_of, settings.name, found, plain=plain)
        except Undetermined as error:
            raise PeerError(Absence.MALFORMED, escape_text(str(error))) from None


def harmless(names: Sequence[str], given: Mapping[str, str]) -> dict[str, str]:
    """Harmless values that are better than words: those of the configuration, and an address where a name says so."""
    usual = {name: f"https://{OWN_HOST}/{word(name)}" for name in names if _ADDRESS.search(name)}
    return {**usual, **{name: value for name, value in given.items() if value}}


async def examined(engine: Engine, rounds: Rounds) -> Examination:
    """Drive an examination with an engine.

    Raises:
        Undetermined: nothing can be said.
        PeerError: the engine fails.
    """
    asked, found = step(rounds, None)
    while found is None:
        answers = await engine.render(asked)
        asked, found = await asyncio.to_thread(step, rounds, answers)
    return found


def rendering_of(name: str, found: Examination, *, plain: bool) -> Rendering:
    """An examination as facts.

    Raises:
        Undetermined: the document is too long.
    """
    contents = contents_of(found.text, found.words, plain=plain)
    return Rendering(
        name=name,
        plain=plain,
        variables=tuple(
            Tried(
                name=each.name,
                places=tuple(Place(context=sink.context, where=escape_text(str(sink), 120)) for sink in each.sinks),
                tried=each.tried,
                refused=each.refused,
                unknown=each.unknown,
                word=found.words[each.name],
            )
            for each in found.variables
        ),
        effects=tuple(
            Effect(variable=each.variable, payload=each.payload, kind=each.kind, told=escape_text(each.told, 300))
            for each in found.effects[:MAX_EFFECTS]
        ),
        payloads=len(payloads()),
        links=tuple(
            Link(
                where=escape_text(each.where, 120),
                address=escape_text(each.text, 400),
                scheme=escape_text(scheme_of(each.text), 40),
                host=None if (host := host_of(each.text)) is None else escape_text(host, 253),
                loads=each.loads,
                variables=each.values,
                tiny=each.tiny,
            )
            for each in contents.addresses[:MAX_LINKS]
        ),
        text=escape_text(contents.visible, SHOWN_TEXT),
        title=escape_text(contents.title.strip(), 200),
        whole=contents.whole,
        language=None if contents.language is None else escape_text(contents.language, 40),
    )
