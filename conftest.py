"""Of pytest's own plugins, the one that tests plugins; pytest takes this line in the top-level conftest only."""

from __future__ import annotations

pytest_plugins = ["pytester"]
