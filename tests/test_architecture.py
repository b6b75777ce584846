"""Who may import whom, what a module may be called, and what every module has."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import smtp_audit

PACKAGE = Path(smtp_audit.__file__).parent
ROOT = PACKAGE.parent
MODULES = sorted(PACKAGE.rglob("*.py"))
TESTS = sorted(Path(__file__).parent.rglob("*.py"))

MAX_LINES = 450
"""Files are to stay under about 400 lines."""

BANNED_NAMES = re.compile(r"(^|_)(utils?|helpers?|managers?|misc)(_|$)", re.IGNORECASE)

TALKS = {"aiosmtplib", "dns", "http", "imaplib", "poplib", "smtplib", "socket", "socketserver", "ssl", "urllib"}
"""Modules that reach the network."""
MAY_TALK = {"probes", "lab", "gather.py"}
"""What of the package may import them: probes, their conductor, and the demonstration servers."""


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _imports(path: Path) -> set[str]:
    """Every module that a file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def test_the_contracts_of_who_imports_whom_are_kept() -> None:
    pytest.importorskip("importlinter", reason="the extra dev has it: pip install -e '.[dev]'")
    run = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert " 0 broken" in run.stdout


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_a_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text()))


@pytest.mark.parametrize("path", [*MODULES, *TESTS], ids=_name)
def test_a_module_has_a_name_that_says_something(path: Path) -> None:
    assert not BANNED_NAMES.search(path.stem)


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_classes_and_functions_have_names_that_say_something(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", node.name)
            assert not BANNED_NAMES.search(words), node.name


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_public_names_have_a_docstring(path: Path) -> None:
    """Classes and functions of a module; a method that fills in its base class's contract has that one's."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), node.name


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_a_module_can_be_read_in_one_sitting(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MAX_LINES


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_only_probes_and_the_lab_reach_the_network(path: Path) -> None:
    if path.relative_to(PACKAGE).parts[0] in MAY_TALK:
        return
    # urllib.parse takes addresses apart, and reaches nothing.
    names = {name for name in _imports(path) if not name.startswith("urllib.parse")}
    assert not {name.partition(".")[0] for name in names} & TALKS


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_nothing_private_of_pytest_is_imported(path: Path) -> None:
    assert not {name for name in _imports(path) if name.startswith("_pytest")}


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_only_the_plugin_knows_pytest(path: Path) -> None:
    if path.relative_to(PACKAGE).parts[0] == "plugin":
        return
    assert not {name for name in _imports(path) if name.partition(".")[0] in ("pytest", "xdist", "pluggy")}


def test_the_package_is_typed() -> None:
    assert (PACKAGE / "py.typed").is_file()


# What these tests look for has to be found when it is there.


@pytest.mark.parametrize("name", ["utils", "http_utils", "TestHelper", "session_manager", "misc"])
def test_a_banned_name_is_recognised(name: str) -> None:
    assert BANNED_NAMES.search(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name))


@pytest.mark.parametrize("name", ["utility", "managesieve", "command", "commonly", "permission"])
def test_a_good_name_is_not(name: str) -> None:
    assert not BANNED_NAMES.search(name)


def test_imports_inside_functions_are_found(tmp_path: Path) -> None:
    path = tmp_path / "sample.py"
    path.write_text("def f():\n    from urllib import request\n    import dns.resolver\n")
    assert _imports(path) >= {"urllib", "urllib.request", "dns.resolver"}
