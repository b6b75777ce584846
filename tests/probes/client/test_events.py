"""What counts as an event of a program's log, and what becomes of it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_audit.limits import MAX_LOG_EVENTS
from smtp_audit.probes.client.events import LONGEST, SHOWN, events_in
from smtp_audit.secret import MASK, Secret


def line(**fields: object) -> bytes:
    return json.dumps(fields).encode() + b"\n"


@pytest.mark.parametrize(
    ("fields", "time"),
    [
        ({"time": "2026-01-31T12:00:00Z", "event": "x"}, "2026-01-31T12:00:00Z"),
        ({"event": "x", "@timestamp": "2026-01-31 12:00:00,123"}, "2026-01-31 12:00:00,123"),
        ({"ts": 1769860800.25, "event": "x"}, "1769860800.25"),
        ({"timestamp": 1769860800123}, "1769860800123"),
        ({"time": "noon", "event": "x"}, ""),
        ({"time": True, "ts": 12}, ""),
        ({"port": 1769860800}, ""),
        ({}, ""),
    ],
)
def test_the_time_of_an_event(fields: dict[str, object], time: str) -> None:
    (event,) = events_in([line(**fields)], b"", ())
    assert event.time == time


def test_events_are_found_among_other_lines() -> None:
    texts = [b"hello\n" + line(event="a") + b"{broken\n[1]\n", b"  " + line(event="b")]
    assert [json.loads(event.text)["event"] for event in events_in(texts, b"", ())] == ["a", "b"]


def test_the_reply_to_the_caller_is_no_event() -> None:
    reply = line(success=False, error="no").strip()
    assert events_in([reply + b"\n" + line(event="a")], reply, ()) == events_in([line(event="a")], b"", ())


def test_a_log_whose_last_line_was_taken_for_the_reply_is_one() -> None:
    assert len(events_in([line(event="a")], line(event="a").strip(), ())) == 1


def test_secrets_are_masked() -> None:
    (event,) = events_in([line(event="login", password="tiger-4711")], b"", (Secret("tiger-4711"),))
    assert MASK in event.text
    assert "tiger" not in event.text


def test_what_is_kept_is_bounded() -> None:
    assert len(events_in([line(event="x") * 1000], b"", ())) == MAX_LOG_EVENTS
    (event,) = events_in([line(event="x" * 5000)], b"", ())
    assert len(event.text) == SHOWN
    assert events_in([line(event="x" * LONGEST)], b"", ()) == ()
    assert events_in([b'{"a":' * 4000 + b"1" + b"}" * 4000], b"", ()) == ()


@given(st.binary(max_size=300))
def test_whatever_comes_is_printable(noise: bytes) -> None:
    for event in events_in([noise, b'{"time": "2026-01-31T12:00:00Z", "x": "' + noise + b'"}'], b"", ()):
        assert event.text.isascii()
        assert event.text.isprintable()
        assert event.time.isprintable()
