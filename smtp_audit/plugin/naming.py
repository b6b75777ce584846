"""Node ids of controls: `smtp-audit::HOST::CONTROL[LABEL]`. They are stable: what a user wrote down stays valid."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from smtp_audit.control import Control
from smtp_audit.facts.subject import AnySubject
from smtp_audit.judge import Pair
from smtp_audit.suggestion import did_you_mean

SUITE = "smtp-audit"
"""The first part of every node id; the name of a folder that does not exist."""

_UNSAFE = re.compile(r"[^A-Za-z0-9_.@-]")


def group_name(subject: AnySubject) -> str:
    """The host as a part of a node id, where `::` and `[` of an IPv6 address would mean something else."""
    return _UNSAFE.sub("_", subject.group)


def item_name(control: Control, subject: AnySubject) -> str:
    """The name of the item; no brackets for a subject without label."""
    label = _UNSAFE.sub("_", subject.label)
    return f"{control.id}[{label}]" if label else control.id


def node_id(control: Control, subject: AnySubject) -> str:
    """The node id of the item of one control on one subject."""
    return f"{SUITE}::{group_name(subject)}::{item_name(control, subject)}"


def take_node_ids(args: list[str]) -> list[str]:
    """Take the node ids of this suite, and its bare name, out of the arguments: pytest would look for files."""
    ours = [arg for arg in args if _suite_part(arg)]
    args[:] = [arg for arg in args if arg not in ours]
    return [part for arg in ours if (part := _suite_part(arg))]


def _suite_part(arg: str) -> str:
    path, separator, rest = arg.partition("::")
    if path.rpartition("/")[2] != SUITE or not (separator or not Path(path).exists()):
        return ""
    return SUITE + separator + rest


def select(pairs: Iterable[Pair], wanted: Iterable[str]) -> tuple[Pair, ...]:
    """The pairs that the node ids `wanted` name: an item, a control on all labels, a host, or the whole suite.

    Raises:
        pytest.UsageError: one of them names nothing.
    """
    known = [(pair, node_id(*pair)) for pair in pairs]
    chosen: set[str] = set()
    for name in wanted:
        found = {full for _, full in known if _names(name, full)}
        if not found:
            raise pytest.UsageError(f"not found: {name}{did_you_mean(name, (full for _, full in known))}")
        chosen |= found
    return tuple(pair for pair, full in known if full in chosen)


def _names(name: str, full: str) -> bool:
    return full == name or full.startswith((f"{name}::", f"{name}["))
