"""A folder with nodemailer and the examples that use it, made once and kept in the user's cache."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[3] / "examples" / "node"
VERSION = "7"
"""The major version that is installed."""


def nodemailer_folder(*, require: bool) -> Path:
    """The folder; without npm or a registry the test is skipped, or fails where it is required."""
    caches = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    cache = caches / "smtp-audit-tests" / f"nodemailer-{VERSION}"
    if not (cache / "node_modules" / "nodemailer").is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        (cache / "package.json").write_text('{"private": true}\n', encoding="utf-8")
        done = subprocess.run(
            ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", f"nodemailer@{VERSION}"],
            cwd=cache,
            capture_output=True,
            timeout=120,
            check=False,
        )
        if done.returncode != 0:
            assert not require, done.stderr.decode(errors="replace")[-500:]
            pytest.skip("nodemailer cannot be installed")
    for program in EXAMPLES.glob("*.mjs"):
        shutil.copy(program, cache / program.name)
    return cache
