"""The examples for Node in a folder with the packages that they use, installed once and kept in the user's cache."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[3] / "examples" / "node"
PACKAGES = ("nodemailer@7", "sanitize-html@2")
"""The packages and their major versions."""


def node_folder(folder: Path, *, require: bool) -> Path:
    """Lay the examples out; without npm or a registry the test is skipped, or fails where it is required."""
    place = folder / "node"
    if not place.exists():
        shutil.copytree(EXAMPLES, place, ignore=shutil.ignore_patterns("node_modules"))
        (place / "node_modules").symlink_to(_installed(require=require) / "node_modules")
        folder.chmod(0o755)
    return place


def _installed(*, require: bool) -> Path:
    caches = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "smtp-audit-tests"
    cache = caches / f"node-{hashlib.sha256(' '.join(PACKAGES).encode()).hexdigest()[:8]}"
    if cache.is_dir():
        return cache
    caches.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=caches))
    (fresh / "package.json").write_text('{"private": true}\n', encoding="utf-8")
    done = subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", *PACKAGES],
        cwd=fresh,
        capture_output=True,
        timeout=120,
        check=False,
    )
    if done.returncode != 0:
        assert not require, done.stderr.decode(errors="replace")[-500:]
        pytest.skip("the packages of the examples cannot be installed")
    fresh.chmod(0o755)
    with contextlib.suppress(OSError):
        # Whoever comes second finds it there: two workers may install at the same time.
        fresh.rename(cache)
    return cache
