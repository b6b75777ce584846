"""What a terminal says: the verdict, why, how much, and where the rest is."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from smtp_audit.coverage import ClauseStatus
from smtp_audit.facts.endpoint import Role
from smtp_audit.gate import Gate
from smtp_audit.record import Severity, Status
from smtp_audit.report.terminal import quiet_lines, summary_lines, verdict_line
from tests.factories import (
    make_endpoint,
    make_identity,
    make_open_report,
    make_record,
    make_report,
    make_unfinished_report,
    make_waiver,
)
from tests.report.samples import sample_report, sound_snapshot


class TestVerdict:
    def test_open(self) -> None:
        terms = "(profile enterprise 1.0, medium and above block)"
        assert verdict_line(make_open_report()) == f"gate OPEN within scope server {terms}"

    def test_closed(self) -> None:
        gate = Gate(open=False, reasons=("one",), threshold=Severity.LOW)
        line = verdict_line(make_report(gate=gate))
        assert line == "gate CLOSED: 1 reason (profile enterprise 1.0, low and above block)"

    def test_unfinished_is_closed(self) -> None:
        assert verdict_line(make_unfinished_report()).startswith("gate CLOSED: the audit has not finished")


class TestSummary:
    def test_an_open_gate_names_what_was_not_run(self) -> None:
        report = sample_report(sound_snapshot())
        lines = summary_lines(report, Path("out"))
        text = "\n".join(lines)
        assert lines[0].startswith("gate OPEN")
        unasked = Counter(record.control for record in report.records if record.status is Status.NOT_RUN)
        assert len(unasked) > 5
        named = text.partition("not run    ")[2].partition("\n")[0]
        told = [control if count == 1 else f"{control} ({count})" for control, count in unasked.items()]
        # Too many for a line of a terminal: it is cut, and says so.
        assert named.endswith("...")
        assert ", ".join(told).startswith(named.removesuffix("..."))
        uncovered = [c for c in report.coverage.clauses if c.status is ClauseStatus.NOT_COVERED_YET]
        assert uncovered
        assert f"{len(uncovered)} not covered yet" in text
        assert "certificate: none" in text
        assert "from a recorded snapshot" in text
        assert f"report     {Path('out') / 'report.html'}" in text

    def test_reasons_are_grouped_ordered_and_capped(self) -> None:
        subjects = [make_endpoint(role) for role in Role]
        records = [make_record("a", s, Status.FAIL, Severity.HIGH, summary="old") for s in subjects]
        records += [make_record(f"b{n}", status=Status.FAIL, severity=Severity.MEDIUM) for n in range(30)]
        records += [make_record("z", status=Status.FAIL, severity=Severity.CRITICAL, summary="worst")]
        lines = summary_lines(make_report(records), max_reasons=5)
        reasons = [line for line in lines if line.startswith("  - ")]
        assert reasons[0] == "  - no control passed on any subject: nothing was proven"
        assert reasons[1] == "  - z [critical] on mail.example.com:25: worst"
        assert reasons[2] == (
            "  - a [high] on mail.example.com:25, mail.example.com:587, mail.example.com:465, mail.example.com:143 "
            "and 4 more: old"
        ) or reasons[2].startswith("  - a [high] on ")
        assert "and 4 more: old" in reasons[2]
        assert len(reasons) == 5
        assert "    and 28 more in the report" in lines

    def test_unfinished(self) -> None:
        text = "\n".join(summary_lines(make_unfinished_report()))
        assert "gate CLOSED" in text
        assert "OPEN" not in text
        assert "report  " not in text

    def test_waivers_and_advisories_are_named(self) -> None:
        records = [
            make_record(),
            make_record("w", status=Status.WAIVED),
            make_record("a", status=Status.ADVISORY, severity=Severity.LOW),
        ]
        text = "\n".join(summary_lines(make_report(records, unused_waivers=(make_waiver(),))))
        assert "waived     w (until 2027-01-31)" in text
        assert "advisory   a" in text
        assert "1 unused: tls-obsolete-version" in text

    def test_effort(self) -> None:
        assert "  effort     37 connections, 1 back-offs" in summary_lines(make_report())
        assert not any("effort" in line for line in summary_lines(make_report(identity=make_identity(efforts=()))))


class TestQuiet:
    def test_open_is_one_line(self) -> None:
        assert quiet_lines(make_open_report(), Path("out")) == [verdict_line(make_open_report())]

    def test_closed_is_two_lines_with_the_worst_reason(self) -> None:
        records = [
            make_record(),
            make_record("low", status=Status.FAIL, severity=Severity.MEDIUM),
            make_record("bad", status=Status.FAIL, severity=Severity.CRITICAL, summary="open relay"),
        ]
        [verdict, why] = quiet_lines(make_report(records), Path("out"))
        assert verdict.startswith("gate CLOSED: 2 reasons")
        assert why == f"  bad [critical] on mail.example.com:25: open relay (see {Path('out') / 'report.html'})"
