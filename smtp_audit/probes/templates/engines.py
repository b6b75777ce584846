"""Renderers of templates, alike to who uses them: a list of values in, a list of what came of each out."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from smtp_audit.configuration.model import TemplateSettings
from smtp_audit.documents.examining import Rendered
from smtp_audit.facts.observation import Absence
from smtp_audit.limits import MAX_DOCUMENT, MAX_TEMPLATE_VARIABLES
from smtp_audit.probes.client.contract import KEPT
from smtp_audit.probes.templates.jinja import LATE, Job
from smtp_audit.probes.templates.running import Ended, run
from smtp_audit.probes.templates.values import nested
from smtp_audit.probes.wire import PeerError

RENDER_SECONDS: Final = 20.0
"""What one start of a command may take."""

CHUNK: Final = 100
"""Renderings of one process of Jinja2."""

CHUNK_SECONDS: Final = 60.0

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


@dataclass(frozen=True)
class JinjaEngine:
    """Jinja2 in a process of its own. `prefix`: the command that gives it a private network."""

    settings: TemplateSettings
    prefix: tuple[str, ...]

    @property
    def autoescape(self) -> bool:
        """As the configuration says, else by the suffix."""
        if self.settings.autoescape is not None:
            return self.settings.autoescape
        return kind_of(self.settings.path) in ESCAPED_SUFFIXES

    async def variables(self) -> dict[str, tuple[str, ...]]:
        """The variables that the template uses and what it compares them with, those of the configuration first.

        Raises:
            PeerError: it cannot be read.
        """
        found = json.loads((await self._ask(()))[0])
        names = tuple(dict.fromkeys((*self.settings.variables, *found)))
        if len(names) > MAX_TEMPLATE_VARIABLES:
            raise PeerError(Absence.EXCESSIVE, f"it has more than {MAX_TEMPLATE_VARIABLES} variables")
        return {name: tuple(found.get(name, ())) for name in names}

    async def render(self, values: Sequence[Mapping[str, str]]) -> list[Rendered]:
        """What came of each."""
        done: list[Rendered] = []
        for start in range(0, len(values), CHUNK):
            chunk = values[start : start + CHUNK]
            lines = await self._ask(chunk)
            if len(lines) != len(chunk):
                raise PeerError(Absence.BROKEN, "the process that renders ended before it was done")
            for answer in map(json.loads, lines):
                if "long" in answer:
                    raise PeerError(Absence.EXCESSIVE, f"it {answer['why']}")
                done.append(Rendered(answer.get("text"), answer.get("why", "")))
        return done

    async def _ask(self, values: Sequence[Mapping[str, str]]) -> list[str]:
        path = self.settings.path.resolve()
        roots = [*(each.resolve() for each in (self.settings.directory,) if each is not None), *path.parents[:3]]
        job = Job(path=path, roots=tuple(roots), autoescape=self.autoescape, values=tuple(map(dict, values)))
        ended = await run(
            (*self.prefix, sys.executable, "-m", "smtp_audit.probes.templates.jinja"),
            job.model_dump_json().encode(),
            seconds=CHUNK_SECONDS,
            limit=(len(values) + 1) * (7 * MAX_DOCUMENT),
            environment={**_kept(), "PYTHONPATH": os.pathsep.join(each for each in sys.path if each)},
        )
        _check(ended, "rendering with Jinja2")
        if ended.status == LATE:
            raise PeerError(Absence.TIMEOUT, "rendering once took more than 5 s")
        if ended.status != 0:
            raise PeerError(Absence.BROKEN, f"Jinja2 cannot read it: {ended.complaint[-240:]}")
        return ended.output.decode().splitlines()


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
