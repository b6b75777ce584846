"""Tag lists."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_audit.limits import MAX_TAGS
from smtp_audit.published.tags import Tag, TagList, parse_tags

NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,8}", fullmatch=True)
VALUES = st.from_regex(r"(?:[!-:<-~](?:[ -:<-~]{0,20}[!-:<-~])?)?", fullmatch=True)


@given(st.text(alphabet=st.characters(max_codepoint=255), max_size=300))
def test_whatever_a_record_holds_is_read(text: str) -> None:
    found = parse_tags(text)
    assert all(problem.isascii() and problem.isprintable() for problem in found.problems)
    # Nothing is read as a tag that is not there.
    assert all(tag.name in text and tag.value in text for tag in found.tags)


@given(st.lists(st.tuples(NAMES, VALUES), min_size=1, max_size=12, unique_by=lambda pair: pair[0]))
def test_what_is_written_is_read(pairs: list[tuple[str, str]]) -> None:
    written = TagList(tags=tuple(Tag(name=name, value=value) for name, value in pairs))
    assert parse_tags(str(written)) == written
    assert parse_tags(str(written) + ";") == written
    assert parse_tags(str(written).replace("; ", ";\t ") + " ; ") == written


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is empty"),
        ("a=1;;b=2", "a semicolon too many"),
        (";a=1", "a semicolon too many"),
        ("a=1;;", "a semicolon too many"),
        ("a=1; b", '"b" is no tag'),
        ("=1", '"" is no name'),
        ("1a=1", "is no name"),
        ("a-b=1", "is no name"),
        ("a=1; b=2; a=1", '"a" 2 times'),
        ("a=\xe4", "may not stand in a value"),
        ("a=\x00", "\\\\u{0}"),
        ("a=1\\; b=2\\", ""),
    ],
)
def test_form(text: str, problem: str) -> None:
    found = parse_tags(text)
    assert any(problem.replace("\\\\", "\\") in each for each in found.problems) or (not problem and not found.problems)


def test_case_of_names_counts() -> None:
    found = parse_tags("P=1; p=2")
    assert (found.get("p"), found.get("P"), found.problems) == ("2", "1", ())


def test_tags_are_capped() -> None:
    fitting = ";".join(f"a{number}=1" for number in range(MAX_TAGS))
    assert not parse_tags(fitting).problems
    assert not parse_tags(fitting + ";").problems
    more = parse_tags(fitting + ";b=1;c=1;d=1")
    assert len(more.tags) == MAX_TAGS
    assert "more than" in more.problems[0]
