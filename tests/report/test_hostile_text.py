"""Whatever any text holds, it stays text: in the page, in the terminal, in JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from smtp_audit.facts.endpoint import Domain, Role
from smtp_audit.record import Severity, Status
from smtp_audit.report.anchors import Anchors
from smtp_audit.report.html import render
from smtp_audit.report.machine import dump
from smtp_audit.report.model import Report
from smtp_audit.report.terminal import quiet_lines, summary_lines, verdict_line
from smtp_audit.report.visible import MAX_TEXT, terminal_line, visible, visible_line
from smtp_audit.wiretext import escape
from tests.factories import (
    make_attestation,
    make_endpoint,
    make_identity,
    make_record,
    make_records_of_every_status,
    make_report,
    make_transcript,
    make_waiver,
)
from tests.report.page import Page, assert_sound
from tests.report.samples import PASSWORD, poor_snapshot, sample_report, sample_unfinished, sound_snapshot
from tests.report.transport_samples import full_transport

VENOM = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</style></title></pre></textarea><svg onload=alert(1)>",
    "<!-- --><![CDATA[ ]]> <?php ?>",
    "{{ 7*7 }} {% include '/etc/passwd' %} {# #}",
    "&lt;script&gt; &#60; &amp;amp;",
    "javascript:alert(1)",
    "\x1b]0;owned\x07\x1b[31mred\x1b[2J",
    "nul\x00 bell\x07 backspace\x08 delete\x7f c1\x9b31m next\x85 line\u2028 par\u2029",
    "\u202egnp.exe\u202c \u2066isolate\u2069 zero\u200bwidth \ufeff",
    "line one\r\nContent-Type: text/html\n\n<b>",
    "lone \ud800 surrogate \udfff",
    "\U000e0041\U0001f600 private \ue000 \uffff",
    "x" * 1_000_000,
]

ANY_TEXT = st.text(st.characters(), max_size=200) | st.sampled_from(VENOM[:-1])


def poison(value: Any, text: str) -> Any:
    """A copy in which every free text that is not empty ends with `x` and `text`; enumerations and fixed words stay."""
    if isinstance(value, BaseModel):
        fixed = ("format", "version", "kind", "certificate")
        fields = {
            name: getattr(value, name) if name in fixed else poison(getattr(value, name), text)
            for name in type(value).model_fields
        }
        return type(value).model_construct(**fields)
    if type(value) is str:
        return f"{value}x{text}" if value else value
    if isinstance(value, tuple):
        return tuple(poison(item, text) for item in value)
    if isinstance(value, dict):
        return {poison(key, text): poison(item, text) for key, item in value.items()}
    return value


def full_report() -> Report:
    """A report that fills every field there is."""
    records = (
        *make_records_of_every_status(),
        make_record(status=Status.FAIL, software="postfix", evidence=(make_transcript("one"), make_transcript("two"))),
        make_record("x", make_endpoint(Role.IMAPS), Status.ADVISORY, Severity.LOW, software="dovecot"),
    )
    waiver, attestation = make_waiver(), make_attestation()
    return make_report(
        records,
        identity=make_identity(
            subjects=(make_endpoint(address="192.0.2.1"), Domain(name="example.com")),
            addresses=("192.0.2.25", "192.0.2.26"),
        ),
        waivers=(waiver,),
        unused_waivers=(waiver,),
        attestations=(attestation,),
        notes=("a note",),
        transport=full_transport(),
    )


FULL = full_report()
HARMLESS = Page(render(poison(FULL, "harmless"))).skeleton()


class TestPage:
    @settings(max_examples=60, deadline=None)
    @given(ANY_TEXT)
    def test_no_text_changes_the_skeleton(self, text: str) -> None:
        page = Page(render(poison(FULL, text)))
        assert page.skeleton() == HARMLESS
        assert_sound(page)

    @pytest.mark.parametrize("text", VENOM)
    def test_no_venom_changes_the_skeleton(self, text: str) -> None:
        source = render(poison(FULL, text))
        page = Page(source)
        assert page.skeleton() == HARMLESS
        assert_sound(page)
        assert len(source) < 3_000_000
        source.encode("utf-8")

    def test_the_poison_reaches_every_place(self) -> None:
        """The test above would prove nothing if texts were left out on the way."""
        text = Page(render(poison(FULL, "ZQX"))).text
        missing = [value for value in texts_of(FULL) if f"{' '.join(value.split())}xZQX" not in text]
        # Said in other words, or for programs only: see report.json.
        assert set(missing) <= {
            *(r.group for r in FULL.records),
            *(way.detail for clause in FULL.coverage.clauses for way in clause.ways),
            *(reason for reason in FULL.gate.reasons),
            *(record.label for record in FULL.records),
            *(e.title for record in FULL.records for e in record.evidence),
            FULL.coverage.standard,
        }, missing
        # The title of a transcript is put together anew, with every kind of facts that was read from it.
        assert "Transcript at 192.0.2.25 of greeting, began 2026-11-22 12:00:00 UTCxZQX" in text

    def test_venom_is_shown_not_dropped(self) -> None:
        text = Page(render(make_report([make_record(status=Status.FAIL, summary=VENOM[0] + VENOM[8])]))).text
        assert "<script>alert(1)</script>\\u{1b}]0;owned\\u{7}\\u{1b}[31mred" in text

    def test_a_line_of_a_transcript_cannot_fake_another(self) -> None:
        record = make_record(status=Status.FAIL, evidence=(make_transcript("0.1 < 220 a\n0.2 < 250 faked"),))
        for pre in Page(render(make_report([record]))).all("pre"):
            assert "".join(pre.parts) == "0.1 < 220 a\\u{a}0.2 < 250 faked\n"

    def test_a_hostile_reason_links_nowhere_it_should_not(self) -> None:
        record = make_record(status=Status.FAIL, summary='"><a href="http://evil">')
        page = Page(render(make_report([record])))
        assert_sound(page)
        assert '"><a href="http://evil">' in page.by_id("verdict").text

    @given(st.lists(st.tuples(ANY_TEXT, ANY_TEXT), max_size=20))
    def test_anchors_are_unique_and_plain(self, names: list[tuple[str, str]]) -> None:
        anchors = Anchors()
        given_to = {name: anchors("record", *name) for name in names}
        assert len(set(given_to.values())) == len(given_to)
        for fragment in given_to.values():
            assert fragment
            assert not set(fragment) - set("abcdefghijklmnopqrstuvwxyz0123456789-")
        assert all(anchors("record", *name) == fragment for name, fragment in given_to.items())


def texts_of(value: Any) -> set[str]:
    """Every free text of a model."""
    if isinstance(value, BaseModel):
        fixed = ("format", "version", "kind", "certificate")
        return set().union(*(texts_of(getattr(value, n)) for n in type(value).model_fields if n not in fixed))
    if type(value) is str:
        return {value} if value else set()
    if isinstance(value, tuple):
        return set().union(*(texts_of(item) for item in value))
    if isinstance(value, dict):
        return texts_of(tuple(value)) | texts_of(tuple(value.values()))
    return set()


class TestTerminal:
    @settings(max_examples=60, deadline=None)
    @given(ANY_TEXT)
    @example(VENOM[-1])
    def test_lines_are_short_printable_ascii(self, text: str) -> None:
        report = poison(FULL, text)
        lines = [verdict_line(report), *summary_lines(report), *quiet_lines(report)]
        for line in lines:
            assert line.isascii()
            assert line.isprintable()
            assert len(line) < 700


class TestJson:
    @settings(max_examples=60, deadline=None)
    @given(ANY_TEXT)
    @example(VENOM[-1])
    def test_json_is_valid_ascii_and_loses_nothing(self, text: str) -> None:
        data = dump(poison(FULL, text))
        assert data.isascii()
        assert "\x1b" not in data
        summary = json.loads(data)["records"][0]["summary"]
        readable = f"{FULL.records[0].summary}x{text}".encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        assert summary == readable


class TestVisible:
    @given(ANY_TEXT)
    def test_only_printable_characters(self, text: str) -> None:
        assert visible(text).replace("\n", "").replace("\t", "").isprintable()
        assert visible_line(text).isprintable()
        assert terminal_line(text).isascii()
        assert terminal_line(text).isprintable()

    @given(st.text(st.characters(categories=["L", "N", "P"]), max_size=100))
    def test_ordinary_text_stays_as_it_is(self, text: str) -> None:
        assert visible(text) == text

    @given(st.binary(max_size=300))
    def test_what_the_wire_escaped_is_not_escaped_again(self, data: bytes) -> None:
        assert visible(escape(data)) == escape(data)
        assert terminal_line(escape(data), limit=5000) == escape(data)

    def test_length_is_capped_and_said(self) -> None:
        assert visible("x" * (MAX_TEXT + 5)) == "x" * MAX_TEXT + "...(5 characters more in report.json)"
        assert len(terminal_line("x" * 5000)) == 300
        assert len(terminal_line("\x00" * 5000)) == 300


class TestSecrets:
    """The configuration of every sample has a password; a report knows nothing of it."""

    @pytest.mark.parametrize(
        "make",
        [lambda: sample_report(sound_snapshot()), lambda: sample_report(poor_snapshot(), True), sample_unfinished],
    )
    def test_nothing_of_the_password_appears(self, make) -> None:
        import base64

        report = make()
        everything = "\n".join([render(report), dump(report), *summary_lines(report), *quiet_lines(report)])
        for form in (PASSWORD, base64.b64encode(PASSWORD.encode()).decode()[:-2], PASSWORD[::-1], PASSWORD.upper()):
            assert form not in everything
        assert repr(report).count(PASSWORD) == 0
