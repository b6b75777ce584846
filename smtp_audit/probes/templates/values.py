"""Values of a template by flat names: `user.name` is a field, `items[].title` one of the first of a list."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def nested(values: Mapping[str, str], leaf: Callable[[str], Any] = str) -> dict[str, Any]:
    """Flat names as the tree that they describe; what cannot be in one tree is left out."""
    tree: dict[str, Any] = {}
    for name, value in values.items():
        _put(tree, name.replace("[]", ".[]").split("."), leaf(value))
    return {name: _listed(each) for name, each in tree.items()}


def _put(tree: dict[str, Any], path: list[str], value: Any) -> None:
    for step in path[:-1]:
        below = tree.setdefault(step, {})
        if not isinstance(below, dict):
            return
        tree = below
    tree.setdefault(path[-1], value)


def _listed(tree: Any) -> Any:
    if not isinstance(tree, dict):
        return tree
    if "[]" in tree:
        return [_listed(tree["[]"])]
    return {name: _listed(each) for name, each in tree.items()}
