"""A snapshot file that is none, or was edited: one line, never a traceback, never facts that cannot be judged."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_audit.errors import ConfigurationError, SnapshotError
from smtp_audit.facts.snapshot import Snapshot
from smtp_audit.limits import MAX_SNAPSHOT_BYTES
from tests.facts_factories import certificates, port, seen, snapshot

GOOD = snapshot(seen(port()), seen(certificates()))


def _one_line(error: BaseException) -> str:
    text = str(error)
    assert isinstance(error, ConfigurationError)
    assert text
    assert all(" " <= char <= "~" for char in text), text
    assert len(text) < 1000
    return text


@pytest.mark.parametrize(
    "data",
    [
        b"", b" ", b"{}", b"[]", b"null", b"0", b'"snapshot"', b"{", b"\0", b"\xff\xfe{}", b"\xed\xa0\x80",
        b"[" * 100_000, b'{"a":' * 100_000, b"NaN", b'{"format": "smtp-audit-snapshot"}', b"\x89PNG\r\n\x1a\n",
        GOOD.dump().encode()[:-10], GOOD.dump().encode() * 2, GOOD.dump().encode("utf-16"),
    ],
    ids=lambda data: repr(data[:24]),
)  # fmt: skip
def test_what_is_no_snapshot_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "snapshot.json"
    path.write_bytes(data)
    with pytest.raises(SnapshotError) as raised:
        Snapshot.load(path)
    assert _one_line(raised.value).startswith(f"{path}: not a snapshot of this tool (")


def _set(*path: str | int, to: Any) -> Callable[[Any], None]:
    def change(content: Any) -> None:
        for step in path[:-1]:
            content = content[step]
        content[path[-1]] = to

    return change


_FACTS: tuple[str | int, ...] = ("observations", 0, "facts")

EDITS = [
    (_set("version", to=2), "version: Input should be 1"),
    (_set("format", to="something else"), "format: Input should be 'smtp-audit-snapshot'"),
    (_set("started", to="yesterday"), "started: Input should be a valid datetime"),
    (_set("started", to="2026-06-01T12:00:00"), "started: Input should have timezone info"),
    (_set("started", to="0001-01-01T00:00:00+23:59"), "started: Value error, the time is out of range"),
    (_set("complete", to="perhaps"), "complete: Input should be a valid boolean"),
    (_set("subjects", 0, "kind", to="planet"), "subjects.0: Input tag 'planet'"),
    (_set("subjects", 0, "port", to=0), "subjects.0.endpoint.port: Input should be greater"),
    (_set("subjects", 0, "role", to="mail"), "subjects.0.endpoint.role: Input should be 'mx'"),
    (_set(*_FACTS, "kind", to="moon"), "observations.0.facts: Value error, no facts of kind 'moon' are known"),
    (_set(*_FACTS, "kind", to=["port"]), "no facts of kind ['port'] are known"),
    (_set(*_FACTS, "kind", to={}), "no facts of kind {} are known"),
    (_set(*_FACTS, to=7), "observations.0.facts: Value error, facts have to be an object"),
    (_set(*_FACTS, "open", to="ajar"), "open"),
    (_set(*_FACTS, "weather", to="fine"), "weather"),
    (_set("observations", 0, "kind", to="tls"), "facts of kind 'port' in an observation of kind 'tls'"),
    (_set("observations", 0, "facts", to=None), "either facts or a reason why there are none"),
    (_set("observations", 0, "absence", to="timeout"), "either facts or a reason why there are none"),
    (_set("observations", 0, "absence", to="tired"), "observations.0.absence: Input should be 'closed'"),
    (_set("observations", 1, "facts", "chain", 0, "not_after", to="2026-06-01T12:00:00"), "timezone"),
    (_set("\x1b[2J\r\nnot finished", to=1), r"\u{1b}[2J\u{d}\u{a}not finished"),
]


@pytest.mark.parametrize(("change", "says"), EDITS, ids=[says for _, says in EDITS])
def test_an_edited_snapshot_is_refused(change: Callable[[Any], None], says: str) -> None:
    content = json.loads(GOOD.dump())
    change(content)
    with pytest.raises(SnapshotError) as raised:
        Snapshot.parse(json.dumps(content), "edited")
    assert says in _one_line(raised.value)


def test_another_time_zone_is_the_same_moment_in_utc() -> None:
    content = json.loads(GOOD.dump())
    content["started"] = "2026-06-01T14:00:00+02:00"
    back = Snapshot.parse(json.dumps(content))
    assert back.time == GOOD.time
    assert f"{back.time:%H:%M}" == "12:00"


def test_what_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing.json", tmp_path / "snapshot.json" / "below", Path("a\0b")):
        with pytest.raises(SnapshotError, match="cannot be read"):
            Snapshot.load(path)


def test_a_file_too_large_is_not_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "snapshot.json"
    with path.open("wb") as file:
        os.truncate(file.fileno(), MAX_SNAPSHOT_BYTES + 1)
    with pytest.raises(SnapshotError, match="larger than"):
        Snapshot.load(path)


@given(st.binary(max_size=200))
def test_no_octets_at_all_bring_it_down(data: bytes) -> None:
    with pytest.raises(SnapshotError) as raised:
        Snapshot.parse(data)
    _one_line(raised.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def _places(content: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    return [*([path] if path else []), *(place for key, value in items for place in _places(value, (*path, key)))]


PLACES = _places(json.loads(GOOD.dump()))


@given(st.sampled_from(PLACES), JSON)
def test_a_value_of_any_kind_in_any_place_is_read_or_refused(place: tuple[str | int, ...], value: Any) -> None:
    content = json.loads(GOOD.dump())
    _set(*place, to=value)(content)
    try:
        back = Snapshot.parse(json.dumps(content))
    except SnapshotError as error:
        _one_line(error)
    else:
        assert back.started.utcoffset() is not None
