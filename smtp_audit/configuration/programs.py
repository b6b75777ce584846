"""What of a team's own is audited: programs that send mail, templates, source text. From file and command line."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast, get_args

from smtp_audit.configuration.file import ClientTable, ConfigFile, TemplateTable
from smtp_audit.configuration.model import ClientSettings, SourceSettings, TemplateSettings
from smtp_audit.configuration.settings import parse_path
from smtp_audit.limits import MAX_ARGUMENTS, MAX_PROGRAMS
from smtp_audit.message import problem, quoted
from smtp_audit.suggestion import did_you_mean

At = Callable[..., str]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_. -]{0,59}", re.ASCII)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}", re.ASCII)
_SUCCESS = get_args(ClientSettings.model_fields["success"].annotation)


@dataclass(frozen=True)
class Programs:
    """What of the user's own a run is about."""

    clients: tuple[ClientSettings, ...] = ()
    templates: tuple[TemplateSettings, ...] = ()
    sources: tuple[SourceSettings, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.clients or self.templates or self.sources)

    @property
    def words(self) -> tuple[str, ...]:
        """All of them as the report names them."""
        return (
            *(f"client {each.name}" for each in self.clients),
            *(f"template {each.name}" for each in self.templates),
            *(f"source {each.name}" for each in self.sources),
        )


def read_programs(form: ConfigFile, at: At, base: Path) -> Programs:
    """`[[client]]`, `[[template]]` and `source`, understood. Paths are relative to `base`.

    Raises:
        ConfigurationError: a name that is no name or that is used twice, or a value that means nothing.
    """
    clients = tuple(_client(table, n, at, base) for n, table in enumerate(form.client))
    for number, client in enumerate(clients):
        if client.name in (other.name for other in clients[:number]):
            raise problem(at("client", number, "name"), f"{quoted(client.name)} is used twice")
    return Programs(
        clients=clients,
        templates=_once(_template(table, n, at, base) for n, table in enumerate(form.template)),
        sources=tuple(
            SourceSettings(name=text, path=parse_path(text, at("source", n), base))
            for n, text in enumerate(dict.fromkeys(form.source))
        ),
    )


def select_programs(
    known: Programs,
    clients: Sequence[str],
    templates: Sequence[str],
    sources: Sequence[str],
    option: Callable[[str], str],
    base: Path,
) -> Programs:
    """What the words of --smtp-client, --smtp-template and --smtp-source stand for.

    A word that names a client or template of the file is that one; another is a command, or a path relative to `base`.

    Raises:
        ConfigurationError: a word is empty, no command, or there are too many.
    """
    for name, words in (("client", clients), ("template", templates), ("source", sources)):
        if len(words) > MAX_PROGRAMS:
            raise problem(option(name), f"is given {len(words)} times, at most {MAX_PROGRAMS}")
    chosen: list[ClientSettings] = []
    for word in dict.fromkeys(clients):
        named = next((client for client in known.clients if client.name == word), None)
        chosen.append(named or _command(word, option("client"), len(chosen), base))
    by_path = {each.name: each for each in known.templates}
    return Programs(
        clients=tuple(chosen),
        templates=tuple(
            by_path.get(word) or TemplateSettings(name=word, path=parse_path(word, option("template"), base))
            for word in dict.fromkeys(templates)
        ),
        sources=tuple(
            SourceSettings(name=word, path=parse_path(word, option("source"), base)) for word in dict.fromkeys(sources)
        ),
    )


def _client(table: ClientTable, number: int, at: At, base: Path) -> ClientSettings:
    place = ("client", number)
    if not _NAME.fullmatch(table.name):
        raise problem(at(*place, "name"), f"{quoted(table.name)} is no name: letters, digits, '.', '_', '-' and blanks")
    for kind in ("environment", "variables"):
        for key, value in getattr(table, kind).items():
            word = value if kind == "environment" else key
            if not _VARIABLE.fullmatch(word):
                raise problem(at(*place, kind), f"{quoted(word)} is no name of an environment variable")
    success = table.success or "exit"
    if success not in _SUCCESS:
        hint = did_you_mean(success[:60], _SUCCESS)
        raise problem(at(*place, "success"), f"{quoted(success)} is neither of {', '.join(_SUCCESS)}{hint}")
    return ClientSettings(
        name=table.name,
        argv=tuple(table.command),
        health=tuple(table.health or ()),
        directory=base if table.directory is None else parse_path(table.directory, at(*place, "directory"), base),
        environment=table.environment,
        message=table.message,
        variables=table.variables,
        templates={name: tuple(fields) for name, fields in table.templates.items()},
        success=cast("Literal['exit', 'reply']", success),
        seconds=table.seconds,
        watch=None if table.watch is None else parse_path(table.watch, at(*place, "watch"), base),
    )


def _template(table: TemplateTable, number: int, at: At, base: Path) -> TemplateSettings:
    place = ("template", number)
    return TemplateSettings(
        name=table.path,
        path=parse_path(table.path, at(*place, "path"), base),
        argv=tuple(table.command or ()),
        directory=base if table.directory is None else parse_path(table.directory, at(*place, "directory"), base),
        variables=table.variables,
        autoescape=table.autoescape,
    )


def _once(templates: Iterable[TemplateSettings]) -> tuple[TemplateSettings, ...]:
    return tuple({each.name: each for each in templates}.values())


def _command(word: str, where: str, number: int, base: Path) -> ClientSettings:
    try:
        argv = tuple(shlex.split(word))
    except ValueError as error:
        raise problem(where, f"{quoted(word)} is no command: {error}") from None
    if not argv:
        raise problem(where, 'is empty; valid: a command, such as "node send.js", or the name of a [[client]]')
    if len(argv) > MAX_ARGUMENTS:
        raise problem(where, f"has {len(argv)} words, at most {MAX_ARGUMENTS}")
    return ClientSettings(name=_name_of(argv, number), argv=argv, directory=base)


def _name_of(argv: Sequence[str], number: int) -> str:
    """A short name from the last part of the first word that looks like a file: `node src/send.js` is `send.js`."""
    words = [Path(word).name for word in argv if not word.startswith("-")]
    named = next((word for word in words[1:] if "." in word), words[0] if words else "program")
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", named)[:50] or "program"
    return name if number == 0 else f"{name}-{number + 1}"
