"""Where sslyze lives: an environment of its own, because its dependencies exclude those of other tools.

sslyze pins `cryptography` below the version that other packages ask for, so that one environment cannot hold both. It
is installed into a managed one and only ever run as a process.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from smtp_audit.errors import SmtpAuditError

REQUIREMENT = "sslyze>=6.3,<7"
TOOLS_VARIABLE = "SMTP_AUDIT_TOOLS"
"""The environment variable that names another folder for the managed environments."""

INSTALL_COMMAND = "smtp-audit tools install"
INSTALL_SECONDS = 600.0
_OUTPUT_LINES = 5


class ToolError(SmtpAuditError):
    """The managed environment could not be made; the message says at which step and why."""


@dataclass(frozen=True)
class Installation:
    """The managed environment. `version` is None while sslyze is not (completely) installed in it."""

    folder: Path
    version: str | None

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return _python(self.folder)


def tools_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """The folder of the managed environments: `SMTP_AUDIT_TOOLS`, or the platform's place for a user's data."""
    chosen = environment.get(TOOLS_VARIABLE)
    if chosen:
        return Path(chosen).expanduser().absolute()
    if sys.platform == "win32":
        base = environment.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = environment.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "smtp-audit" / "tools"


def status(environment: Mapping[str, str] = os.environ) -> Installation:
    """What there is of the managed environment. Reads one small file; starts nothing."""
    folder = tools_folder(environment) / "sslyze"
    try:
        marker = json.loads(_marker(folder).read_bytes())
        complete = marker["requirement"] == REQUIREMENT and _python(folder).exists()
        return Installation(folder, str(marker["version"]) if complete else None)
    except (OSError, ValueError, KeyError, TypeError):
        return Installation(folder, None)


def find_sslyze(environment: Mapping[str, str] = os.environ) -> list[str] | None:
    """The command line that runs sslyze, or None when it is not installed anywhere.

    Looked for in the managed environment, beside this interpreter, and on PATH.
    """
    managed = status(environment)
    if managed.version is not None:
        # -I: neither the working directory nor PYTHONPATH may put another sslyze, or another anything, in front.
        return [str(managed.python), "-I", "-m", "sslyze"]
    places = (str(Path(sys.executable).parent), environment.get("PATH", os.defpath))
    found = shutil.which("sslyze", path=os.pathsep.join(places))
    return [found] if found else None


def install(say: Callable[[str], None] = print, environment: Mapping[str, str] = os.environ) -> Installation:
    """Make the managed environment and install sslyze into it; does nothing when it is there.

    Args:
        say: called with one line of text for each step.
        environment: the environment variables, which the processes started also get.

    Raises:
        ToolError: no environment could be made, or the package not be had (no network, no fitting version).
    """
    there = status(environment)
    if there.version is not None:
        say(f"sslyze {there.version} is installed already in {there.folder}")
        return there
    folder = there.folder
    say(f"making the environment {folder}")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ToolError(
            f"{folder.parent}: cannot be made ({error.strerror}); {TOOLS_VARIABLE} names another folder"
        ) from None
    _run("making the environment", [sys.executable, "-m", "venv", "--clear", str(folder)], environment)
    python = str(_python(folder))
    say(f"installing {REQUIREMENT} with pip")
    quiet = ["--quiet", "--no-input", "--disable-pip-version-check"]
    _run("installing sslyze", [python, "-m", "pip", "install", *quiet, REQUIREMENT], environment)
    _run("checking the packages", [python, "-m", "pip", "check", *quiet], environment)
    ask = "import sslyze; print(sslyze.__version__.__version__)"
    version = _run("starting sslyze", [python, "-I", "-c", ask], environment).strip()
    # Written last: an installation that was broken off is made again, never used.
    _marker(folder).write_text(json.dumps({"requirement": REQUIREMENT, "version": version}))
    say(f"sslyze {version} is installed in {folder}")
    return status(environment)


def _python(folder: Path) -> Path:
    return folder / "Scripts" / "python.exe" if sys.platform == "win32" else folder / "bin" / "python"


def _marker(folder: Path) -> Path:
    return folder / "smtp-audit.json"


def _run(step: str, command: list[str], environment: Mapping[str, str]) -> str:
    # PYTHONPATH and a foreign virtual environment belong to this process, not to the new one.
    passed = {name: value for name, value in environment.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    try:
        done = subprocess.run(  # noqa: S603 (a fixed command of our own)
            command, env=passed, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=INSTALL_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolError(f"{step} failed: {error}") from None
    if done.returncode != 0:
        last = [line.strip() for line in (done.stderr + done.stdout).splitlines() if line.strip()][-_OUTPUT_LINES:]
        raise ToolError(f"{step} failed: {'; '.join(last) or f'exit status {done.returncode}'}")
    return done.stdout
