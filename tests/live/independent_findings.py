"""The true findings on servers that are not the lab's own, each with its reason.

[[finding]]
server = "exim"          name of the server; with the role, "exim/mx", what audits are recorded under
role = "mx"
control = "auth-..."
reason = "why it is true"
"""

import tomllib
from pathlib import Path

from .chapters import only


def findings(path: Path) -> dict[str, dict[str, str]]:
    """By "server/role": control -> reason."""
    with path.open("rb") as file:
        raw = tomllib.load(file)
    only(raw, {"finding"}, path.name)
    found: dict[str, dict[str, str]] = {}
    for table in raw.get("finding", []):
        only(table, {"server", "role", "control", "reason"}, path.name)
        found.setdefault(f"{table['server']}/{table['role']}", {})[table["control"]] = table["reason"]
    return found
