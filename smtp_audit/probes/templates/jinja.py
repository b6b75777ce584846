"""The process that renders Jinja2: `python -m smtp_audit.probes.templates.jinja`, with lines of JSON in and out.

The first line is the job, and answered with the template's variables; every further one holds values, and is answered
with what they gave. It has Jinja2's sandbox, little memory and little time; its parent ends it.
"""

from __future__ import annotations

import contextlib
import json
import resource
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import jinja2
from jinja2 import meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from smtp_audit.limits import MAX_DOCUMENT, MAX_TEMPLATE_VARIABLES
from smtp_audit.probes.templates.values import nested

MEMORY: Final = 512 * 1024 * 1024
EXTENSIONS: Final = ("jinja2.ext.i18n", "jinja2.ext.do", "jinja2.ext.loopcontrols")


@dataclass(frozen=True)
class Job:
    """What is to be rendered; `roots` are the folders that other templates are looked for in."""

    path: str
    roots: tuple[str, ...]
    autoescape: bool


class Word(str):
    """A value that bears what templates do to dates and functions."""

    __slots__ = ()

    def __call__(self, *_args: object, **_named: object) -> Word:
        return self

    strftime = isoformat = date = time = __call__


def value_of(text: str) -> Any:
    """A number where the text is one."""
    with contextlib.suppress(ValueError):
        return int(text) if text.lstrip("-").isdigit() else float(text)
    return Word(text)


class Renderer:
    """Templates under some roots."""

    def __init__(self, job: Job) -> None:
        self._environment = ImmutableSandboxedEnvironment(
            loader=jinja2.FileSystemLoader(list(job.roots)),
            autoescape=job.autoescape,
            extensions=EXTENSIONS,
        )
        self._environment.install_null_translations(newstyle=True)  # type: ignore[attr-defined]
        root = next(root for root in job.roots if Path(job.path).is_relative_to(root))
        self._name = str(Path(job.path).relative_to(root))

    def variables(self) -> dict[str, tuple[str, ...]]:
        """The variables of the template and of those that it names, by flat names, with what they are compared to."""
        found: dict[str, None] = {}
        compared: dict[str, list[str]] = {}
        waiting, seen = [self._name], set[str]()
        while waiting and len(seen) < MAX_TEMPLATE_VARIABLES:
            name = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            loader = self._environment.loader
            assert loader is not None  # noqa: S101 (given above)
            source = loader.get_source(self._environment, name)[0]
            tree = self._environment.parse(source)
            paths_of = _Paths(frozenset(meta.find_undeclared_variables(tree)))
            found.update(dict.fromkeys(paths_of.of(tree)))
            for path, value in paths_of.compared:
                compared.setdefault(path, []).append(value)
            waiting += [each for each in meta.find_referenced_templates(tree) if each]
        known = {*self._environment.globals}
        paths = [path for path in found if path.partition(".")[0].removesuffix("[]") not in known]
        return {
            path: tuple(dict.fromkeys(compared.get(path, ())))
            for path in paths
            if not any(other != path and other.startswith((f"{path}.", f"{path}[]")) for other in paths)
        }

    def render(self, values: dict[str, str]) -> dict[str, str]:
        """One rendering: its text, or why there is none."""
        try:
            parts: list[str] = []
            size = 0
            for part in self._environment.get_template(self._name).generate(nested(values, value_of)):
                parts.append(part)
                size += len(part)
                if size > MAX_DOCUMENT:
                    return {"why": f"makes more than {MAX_DOCUMENT} characters", "long": "yes"}
            return {"text": "".join(parts)}
        except MemoryError:
            raise
        except Exception as error:
            return {"why": f"{type(error).__name__}: {error}"[:300]}


class _Paths:
    """The flat names of the variables in a tree: fields of objects and of the elements of lists."""

    def __init__(self, undeclared: frozenset[str]) -> None:
        self._undeclared = undeclared
        self.compared: list[tuple[str, str]] = []
        """Paths that are compared with a text, and the text."""

    def of(self, node: nodes.Node, bound: dict[str, str | None] | None = None) -> Iterator[str]:
        """Every path below a node; `bound` are the names of loops, with what they stand for."""
        bound = {} if bound is None else bound
        path = self._path(node, bound)
        if path is not None:
            yield path
            return
        if isinstance(node, nodes.For):
            inner = self._bind(node, bound)
            yield from self.of(node.iter, bound)
            for part in (*node.body, *node.else_, *([node.test] if node.test else ())):
                yield from self.of(part, inner)
            return
        if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Getattr):
            # A method, not a field.
            yield from self.of(node.node.node, bound)
            for part in (*node.args, *node.kwargs):
                yield from self.of(part, bound)
            return
        if isinstance(node, nodes.Assign) and isinstance(node.target, nodes.Name):
            yield from self.of(node.node, bound)
            bound[node.target.name] = self._path(node.node, bound)
            return
        if isinstance(node, nodes.Compare):
            path = self._path(node.expr, bound)
            values = [each.expr.value for each in node.ops if isinstance(each.expr, nodes.Const)]
            self.compared += [(path, value) for value in values if path is not None and isinstance(value, str)]
        for child in node.iter_child_nodes():
            yield from self.of(child, bound)

    def _bind(self, node: nodes.For, bound: dict[str, str | None]) -> dict[str, str | None]:
        names = {name.name for name in node.target.find_all(nodes.Name)}
        inner: dict[str, str | None] = {**bound, "loop": None, **dict.fromkeys(names)}
        path = self._path(node.iter, bound)
        if isinstance(node.target, nodes.Name):
            inner[node.target.name] = None if path is None else f"{path}[]"
        return inner

    def _path(self, node: nodes.Node, bound: dict[str, str | None]) -> str | None:
        if isinstance(node, nodes.Name):
            if node.name in bound:
                return bound[node.name]
            return node.name if node.ctx == "load" and node.name in self._undeclared else None
        if isinstance(node, nodes.Getattr | nodes.Getitem):
            base = self._path(node.node, bound)
            if base is None:
                return None
            if isinstance(node, nodes.Getattr):
                return f"{base}.{node.attr}"
            key = node.arg.value if isinstance(node.arg, nodes.Const) else None
            return f"{base}.{key}" if isinstance(key, str) else f"{base}[]" if isinstance(key, int) else None
        return None


def main() -> None:
    """Read the job and do it, line by line."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    renderer = Renderer(Job(**json.loads(sys.stdin.readline())))
    print(json.dumps(renderer.variables()), flush=True)
    for line in sys.stdin:
        print(json.dumps(renderer.render(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
