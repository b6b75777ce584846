"""What stands between the records of a stream is found, however the octets come."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from smtp_audit.limits import MAX_LINE
from smtp_audit.probes.clear_text import ClearText
from tests.hostile.records import record

RECORDS = st.lists(st.builds(record, st.integers(20, 24), st.binary(max_size=40)), max_size=6).map(b"".join)


def followed(stream: bytes, cuts: list[int]) -> ClearText:
    clear = ClearText()
    places = sorted({min(cut, len(stream)) for cut in cuts} | {0, len(stream)})
    for begin, end in pairwise(places):
        clear.follow(stream[begin:end])
    return clear


@given(RECORDS, st.lists(st.integers(0, 300)))
def test_records_are_none(stream, cuts):
    clear = followed(stream, cuts)
    assert clear.found == b""
    assert not clear.may_refuse
    assert not clear.refuses


@given(RECORDS, st.binary(min_size=1, max_size=60).filter(lambda text: text[0] not in range(20, 25)), st.data())
def test_what_is_no_record_is_kept_with_all_behind(stream, text, data):
    cuts = data.draw(st.lists(st.integers(0, len(stream) + len(text))))
    assert followed(stream + text, cuts).found == text


@given(RECORDS, st.lists(st.sampled_from(["421 bye", "500", "550-no", "454 4.7.0 caf\xe9"]), min_size=1, max_size=4))
def test_refusals_are_known(stream, lines):
    text = "".join(f"{line}\r\n" for line in lines).encode()
    assert followed(stream + text, []).refuses
    assert not followed(stream + text[:-1], []).refuses
    assert not followed(stream + text + b"250 ok\r\n", []).refuses


@given(st.binary())
def test_nothing_but_refusals_refuses(text):
    clear = followed(text, [])
    assert not clear.refuses or all(line[:1] in b"45" for line in text.splitlines())


def test_no_more_than_a_line_is_kept():
    clear = ClearText()
    for _ in range(10):
        clear.follow(b"500 " + b"a" * MAX_LINE)
        assert len(clear.found) == MAX_LINE + 1
    assert not clear.may_refuse
