"""Renderers of templates, alike to who uses them: a list of values in, a list of what came of each out."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Protocol

from smtp_audit.configuration.model import TemplateSettings
from smtp_audit.documents.examining import Rendered
from smtp_audit.facts.observation import Absence
from smtp_audit.limits import MAX_DOCUMENT, MAX_TEMPLATE_VARIABLES
from smtp_audit.probes.client.contract import KEPT
from smtp_audit.probes.process import import_path
from smtp_audit.probes.templates.jinja import Job
from smtp_audit.probes.templates.running import Answering, Ended, run
from smtp_audit.probes.templates.values import nested
from smtp_audit.probes.wire import PeerError

RENDER_SECONDS: Final = 20.0
"""What one start of a command may take."""

START_SECONDS: Final = 30.0

ENGINE_SUFFIXES: Final = frozenset(
    {".j2", ".jinja", ".jinja2", ".tmpl", ".tpl", ".hbs", ".handlebars", ".ejs", ".njk", ".twig", ".erb", ".php"}
    | {".mustache", ".mjml", ".liquid", ".gotmpl", ".gohtml", ".mako", ".django", ".dj", ".eta", ".pug"}
)
"""What follows the suffix that says what a template makes."""

PLAIN_SUFFIXES: Final = frozenset({".txt", ".text", ".plain", ".md"})
ESCAPED_SUFFIXES: Final = frozenset({".html", ".htm", ".xhtml", ".xml", ".svg"})
"""Those whose values are escaped by `jinja2.select_autoescape` and by Flask."""


class Engine(Protocol):
    """Renders one template."""

    async def render(self, values: Sequence[Mapping[str, str]]) -> list[Rendered]:
        """What came of each.

        Raises:
            PeerError: it cannot be rendered at all.
        """


def kind_of(path: Path) -> str:
    """The suffix that says what a template makes: `.html` of `reset.html.j2`."""
    name = path
    while name.suffix.lower() in ENGINE_SUFFIXES:
        name = name.with_suffix("")
    return name.suffix.lower()


def is_plain(path: Path) -> bool:
    """Whether a template makes plain text, by its name."""
    return kind_of(path) in PLAIN_SUFFIXES


def escapes(settings: TemplateSettings) -> bool:
    """Whether Jinja2 escapes: as the configuration says, else by the suffix."""
    if settings.autoescape is not None:
        return settings.autoescape
    return kind_of(settings.path) in ESCAPED_SUFFIXES


class JinjaEngine:
    """Jinja2 in a process of its own; `variables` are those that the template uses, with what it compares them to."""

    def __init__(self, process: Answering, variables: Mapping[str, tuple[str, ...]]) -> None:
        self._process = process
        self.variables = variables

    @classmethod
    @contextlib.asynccontextmanager
    async def started(cls, settings: TemplateSettings, prefix: Sequence[str]) -> AsyncIterator[JinjaEngine]:
        """Its process, as long as it is needed. `prefix`: the command that gives it a private network.

        Raises:
            PeerError: the template cannot be read, or has too many variables.
        """
        path = settings.path.resolve()
        roots = [*(each.resolve() for each in (settings.directory,) if each is not None), *path.parents[:3]]
        job = Job(str(path), tuple(map(str, roots)), escapes(settings))
        process = await Answering.start(
            (*prefix, sys.executable, "-m", "smtp_audit.probes.templates.jinja"),
            {**_kept(), **import_path()},
            7 * MAX_DOCUMENT,
        )
        try:
            found = json.loads(await process.ask(json.dumps(asdict(job)), START_SECONDS))
            names = tuple(dict.fromkeys((*settings.variables, *found)))
            if len(names) > MAX_TEMPLATE_VARIABLES:
                raise PeerError(Absence.EXCESSIVE, f"it has more than {MAX_TEMPLATE_VARIABLES} variables")
            yield cls(process, {name: tuple(found.get(name, ())) for name in names})
        finally:
            await process.end()

    async def render(self, values: Sequence[Mapping[str, str]]) -> list[Rendered]:
        """What came of each."""
        done: list[Rendered] = []
        for each in values:
            answer = json.loads(await self._process.ask(json.dumps(each), RENDER_SECONDS))
            if "long" in answer:
                raise PeerError(Absence.EXCESSIVE, f"it {answer['why']}")
            done.append(Rendered(answer.get("text"), answer.get("why", "")))
        return done


@dataclass(frozen=True)
class CommandEngine:
    """Another engine: a command that gets the values as a JSON object and writes the document."""

    settings: TemplateSettings
    argv: tuple[str, ...]
    prefix: tuple[str, ...]

    async def render(self, values: Sequence[Mapping[str, str]]) -> list[Rendered]:
        """What came of each, as many at once as there are processors."""
        at_once = asyncio.Semaphore(os.cpu_count() or 1)

        async def one(each: Mapping[str, str]) -> Rendered:
            async with at_once:
                ended = await run(
                    (*self.prefix, *self.argv),
                    json.dumps(nested(each)).encode() + b"\n",
                    seconds=RENDER_SECONDS,
                    limit=MAX_DOCUMENT,
                    environment=_kept(),
                    directory=self.settings.directory,
                )
            _check(ended, "rendering")
            if ended.status != 0:
                return Rendered(None, f"exit status {ended.status}: {ended.complaint}")
            return Rendered(ended.output.decode("utf-8", "replace"))

        return list(await asyncio.gather(*map(one, values)))


def _check(ended: Ended, what: str) -> None:
    if ended.late:
        raise PeerError(Absence.TIMEOUT, f"{what} took too long")
    if ended.excessive:
        raise PeerError(Absence.EXCESSIVE, f"{what} wrote too much")


def _kept() -> dict[str, str]:
    return {name: os.environ[name] for name in KEPT if name in os.environ}
