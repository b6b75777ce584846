"""What the page says, and that anybody can read it."""

from __future__ import annotations

import re
import time
from datetime import date, timedelta

import pytest

from smtp_audit.control import Medium
from smtp_audit.coverage import ClauseStatus, Way, WayState
from smtp_audit.facts.endpoint import Domain, Role
from smtp_audit.facts.snapshot import HostEffort
from smtp_audit.gate import Gate
from smtp_audit.record import RecordWaiver, Severity, Status, WhenNotRun
from smtp_audit.report.html import render
from smtp_audit.report.model import Report
from smtp_audit.report.words import CLAUSE, MEDIUM, SEVERITY_TONE, STATUS, WAY
from tests.factories import (
    HOST,
    NOON,
    make_attestation,
    make_clause,
    make_coverage,
    make_endpoint,
    make_identity,
    make_open_report,
    make_record,
    make_records_of_every_status,
    make_report,
    make_transcript,
    make_unfinished_report,
    make_waiver,
)
from tests.report.page import Element, Page, assert_sound
from tests.report.samples import poor_snapshot, sample_report, sample_unfinished, sound_snapshot


def page_of(report: Report) -> Page:
    page = Page(render(report))
    assert_sound(page)
    return page


def verdict_of(page: Page) -> str:
    return page.by_id("verdict-title").text


def test_every_status_severity_and_medium_has_words() -> None:
    assert set(STATUS) == set(Status)
    assert set(CLAUSE) == set(ClauseStatus)
    assert set(WAY) == set(WayState)
    assert set(SEVERITY_TONE) == set(Severity)
    assert set(MEDIUM) == {medium.value for medium in Medium}
    for words in (STATUS, CLAUSE, WAY):
        assert len({word.name for word in words.values()}) == len(words)
        assert all(word.symbol and word.meaning for word in words.values())


@pytest.mark.parametrize("snapshot", [sound_snapshot, poor_snapshot])
@pytest.mark.parametrize("waived", [False, True])
def test_whole_reports_are_sound_pages(snapshot, waived) -> None:
    page = page_of(sample_report(snapshot(), waived))
    assert page.one("html").attributes["lang"] == "en"
    assert len(page.all("main")) == 1
    assert page.one("nav").attributes["aria-label"] == "Contents"
    for element in page.all("th"):
        assert element.attributes.get("scope") in ("col", "row", "colgroup"), element
    assert page.elements[[e.tag for e in page.elements].index("a")].attributes["href"] == "#verdict"


class TestVerdict:
    def test_open(self) -> None:
        report = sample_report(sound_snapshot())
        page = page_of(report)
        assert verdict_of(page) == "✓Gate OPEN"
        assert "good" in page.by_id("verdict").attributes["class"]
        assert "Within the scope of this run (server)" in page.by_id("verdict").text
        # What the open gate rests on without a pass is said beside the word, not in a footnote.
        unasked = [record for record in report.records if record.status is Status.NOT_RUN]
        assert len(unasked) > 40
        assert f"{len(unasked)} not run, which the profile only lists" in page.by_id("verdict").text
        assert page.one("title").text == f"OPEN: mail server audit of {HOST}"
        assert page.one("meta", name="smtp-audit-gate").attributes["content"] == "open"

    def test_closed(self) -> None:
        report = sample_report(poor_snapshot())
        page = page_of(report)
        assert verdict_of(page) == "✗Gate CLOSED"
        assert "bad" in page.by_id("verdict").attributes["class"]
        assert f"There are {len(report.gate.reasons)} reasons" in page.by_id("verdict").text
        assert page.one("meta", name="smtp-audit-gate").attributes["content"] == "closed"

    def test_unfinished(self) -> None:
        for report in (make_unfinished_report(), sample_unfinished()):
            page = page_of(report)
            assert verdict_of(page) == "✗Gate CLOSED, NOT FINISHED"
            assert "warn" in page.by_id("verdict").attributes["class"]
            assert "Nothing below is a result" in page.by_id("verdict").text
            assert page.one("title").text.startswith("CLOSED, NOT FINISHED")
            assert page.one("meta", name="smtp-audit-gate").attributes["content"] == "closed"
            assert "No control failed" not in page.text
            assert "OPEN" not in page.text

    def test_open_is_earned(self) -> None:
        gate = Gate(open=True, reasons=(), threshold=Severity.MEDIUM)
        with pytest.raises(ValueError, match="open gate needs"):
            make_unfinished_report(gate=gate)
        with pytest.raises(ValueError, match="open gate needs"):
            make_open_report(gate=Gate(open=True, reasons=("but",), threshold=Severity.MEDIUM))
        with pytest.raises(ValueError, match="full certificate needs"):
            make_report(certificate="full")

    def test_incomplete(self) -> None:
        assert "Incomplete:" in page_of(make_report(complete=False)).by_id("verdict").text
        assert "Incomplete:" not in page_of(make_report()).text

    def test_recorded(self) -> None:
        page = page_of(make_report(identity=make_identity(recorded=True)))
        assert "Judged from a recorded snapshot" in page.by_id("verdict").text
        assert "recorded snapshot:" not in page_of(make_report()).text

    def test_reasons_are_grouped_and_lead_to_their_records(self) -> None:
        subjects = [make_endpoint(role) for role in (Role.MX, Role.SUBMISSION, Role.IMAPS)]
        records = [make_record(subject=s, status=Status.FAIL, summary="accepts TLSv1.0") for s in subjects]
        records.append(make_record("port-open", status=Status.INDETERMINATE, severity=Severity.CRITICAL))
        records.append(make_record("a-pass"))
        page = page_of(make_report(records))
        [critical, alike] = [item for item in page.all("li") if list_of(page, item) == "reasons"][:2]
        assert critical.text.startswith("port-open [critical]: could not be determined")
        where = ", ".join(subject.key for subject in subjects)
        assert alike.text == f"tls-obsolete-version [high]: accepts TLSv1.0 on {where}"
        assert "alike reasons together" in page.by_id("verdict").text
        for record in records[:-1]:
            target = f"record-{record.control}-{record.subject}".replace(".", "-").replace(":", "-")
            assert record.subject in page.by_id(target).text

    def test_every_reason_names_its_severity_and_failures_come_first_among_equals(self) -> None:
        records = [
            make_record("a", status=Status.INDETERMINATE, severity=Severity.CRITICAL, summary="silent"),
            make_record("b", status=Status.ERROR, severity=Severity.CRITICAL),
            make_record("c", status=Status.FAIL, severity=Severity.CRITICAL),
            make_record("d", status=Status.FAIL, severity=Severity.HIGH),
            make_record("e", status=Status.NOT_RUN, severity=Severity.HIGH),
            make_record("f"),
        ]
        page = page_of(make_report(records))
        reasons = [item.text for item in page.all("li") if list_of(page, item) == "reasons"]
        heads = ["c [critical]", "b [critical]", "a [critical]", "d [high]", "e [high]"]
        assert [reason.partition(":")[0] for reason in reasons] == heads
        assert reasons[2].startswith("a [critical]: could not be determined: silent on ")

    def test_a_reason_about_the_run_comes_first(self) -> None:
        gate = Gate(
            open=False,
            reasons=(f"tls-obsolete-version on {HOST}:25 [high]: old", "gathering did not run to its end"),
            threshold=Severity.MEDIUM,
        )
        text = page_of(make_report([make_record(status=Status.FAIL)], gate=gate)).by_id("verdict").text
        assert text.index("gathering did not run") < text.index("tls-obsolete-version")

    def test_many_reasons_are_all_there(self) -> None:
        records = [make_record(f"control-{n}", status=Status.FAIL, summary=f"fault {n}") for n in range(150)]
        text = page_of(make_report(records)).by_id("verdict").text
        assert all(re.search(rf"\bfault {n}\b", text) for n in range(150))


def list_of(page: Page, item: Element) -> str:
    """The class of the list that an item belongs to."""
    before = page.elements[: page.elements.index(item)]
    return next(e.attributes.get("class", "") for e in reversed(before) if e.tag in ("ol", "ul"))


def rows_of(page: Page, **attributes: str) -> list[str]:
    """The texts of the body rows of the first table with these attributes."""
    start = page.elements.index(page.all("table", **attributes)[0])
    depth = len(page.elements[start].path)
    rows = []
    for element in page.elements[start + 1 :]:
        if len(element.path) <= depth:
            break
        if element.tag == "tr" and element.path[-1] == "tbody":
            rows.append(element.text)
    return rows


class TestCertificate:
    def test_full(self) -> None:
        report = make_open_report(certificate="full", coverage=make_coverage([make_clause()]))
        text = page_of(report).one("section", class_="certificate").text
        assert text.startswith("Certificate: full Every clause of Enterprise SMTP Standard 1.0 is met or attested")

    def test_none_says_why(self) -> None:
        text = page_of(make_open_report()).one("section", class_="certificate").text
        assert text.startswith("Certificate: none")
        assert "the profile demands more scopes than this run had: dns" in text
        assert "5 of 7 clauses are neither met nor attested (1 not met" in text
        assert "1 not covered yet" in text
        assert "the gate is closed" not in text
        assert "the gate is closed" in page_of(make_report()).one("section", class_="certificate").text


class TestIdentity:
    def test_everything_an_auditor_asks_for(self) -> None:
        report = make_report()
        text = page_of(report).by_id("identity").text
        vantage = report.identity.vantage
        for expected in (
            HOST,
            "192.0.2.25",
            "dns, roundtrip, client",
            "2026-11-22 12:00:00 UTC to 2026-11-22 12:00:42 UTC",
            "2026-11-22 12:00:43 UTC",
            vantage.host,
            vantage.platform,
            vantage.openssl,
            vantage.resolver,
            vantage.command,
            "pydantic 2.14.3",
            "enterprise 1.0: Enterprise SMTP Standard, TLS 1.2 and later",
            report.profile.sha256,
            report.identity.snapshot_sha256,
            "smtp_audit 0.1.0",
        ):
            assert expected in text, expected

    def test_many_targets_are_counted_in_the_title_and_named_below(self) -> None:
        targets = ("example.com", *(f"mx=mail.example.com:{port}" for port in (2525, 2526, 2527)))
        page = page_of(make_report(identity=make_identity(targets=targets)))
        assert page.one("h1").text == "Mail server audit example.com, 3 endpoints"
        assert ", ".join(targets) in page.by_id("identity").text
        assert "no target" in page_of(make_report(identity=make_identity(targets=()))).one("title").text

    def test_effort_by_address(self) -> None:
        [row] = [e.text for e in page_of(make_report()).all("tr") if e.text.startswith("192.0.2.25")]
        assert row == "192.0.2.25\N{EN DASH}371421"

    def test_addresses_without_effort(self) -> None:
        page = page_of(make_report(identity=make_identity(addresses=("192.0.2.25", "2001:db8::25"))))
        assert "Other addresses: 2001:db8::25" in page.by_id("identity").text

    def test_times_are_utc_whatever_zone_they_came_in(self) -> None:
        from datetime import timezone

        local = NOON.astimezone(timezone(timedelta(hours=9)))
        assert "judged 2026-11-22 12:00:00 UTC" in page_of(make_report(identity=make_identity(judged=local))).text

    def test_the_snapshot_hash_closes_the_report(self) -> None:
        report = make_report()
        assert report.identity.snapshot_sha256 in page_of(report).one("footer").text


class TestGlance:
    def test_counts_by_severity_and_status(self) -> None:
        records = [make_record(status=Status.FAIL, severity=Severity.CRITICAL), *make_records_of_every_status()]
        page = page_of(make_report(records))
        rows = rows_of(page, class_="numbers")
        assert rows[-1] == "all" + "".join("2" if status is Status.FAIL else "1" for status in STATUS) + "9"
        assert [row for row in rows if row.startswith("critical")] == ["critical" + "10000001" + "2"]

    def test_every_subject_has_a_row(self) -> None:
        subjects = (make_endpoint(), make_endpoint(Role.IMAPS, address="192.0.2.7"), Domain(name="example.com"))
        report = make_report([make_record(software="postfix")], identity=make_identity(subjects=subjects))
        [mx, imaps, domain] = rows_of(page_of(report), class_="subjects")
        assert mx.startswith("mail.example.com:25mx, STARTTLS named by the userpostfix")
        assert imaps.startswith("mail.example.com:993 at 192.0.2.7imaps, implicit TLS")
        assert domain.startswith("example.commail domain")

    def test_the_grid_has_every_control_even_those_without_a_record(self) -> None:
        from smtp_audit.report.model import ProfileControl

        controls = (
            ProfileControl(id="tls-obsolete-version", title="Old", severity=Severity.HIGH),
            ProfileControl(id="dns-spf", title="SPF", severity=Severity.LOW, in_scope=False),
            ProfileControl(id="sieve-only", title="Sieve", severity=Severity.LOW),
        )
        page = page_of(make_report([make_record()], controls=controls))
        assert "✓pass" in row_of(page, "control-tls-obsolete-version")
        assert "(out of scope)" in row_of(page, "control-dns-spf")
        assert "(applies to none of these subjects)" in row_of(page, "control-sieve-only")

    def test_many_subjects_make_several_grids(self) -> None:
        subjects = [make_endpoint(host=f"mx{n}.example.com") for n in range(20)]
        records = [make_record(subject=s) for s in subjects]
        page = page_of(make_report(records, identity=make_identity(subjects=subjects)))
        assert len(page.all("table", class_="grid")) == 3
        assert page.by_id("record-tls-obsolete-version-mx19-example-com-25")


def row_of(page: Page, anchor: str) -> str:
    """The text of the table row whose heading has this id."""
    place = page.elements.index(page.by_id(anchor))
    return next(e for e in reversed(page.elements[:place]) if e.tag == "tr").text


@pytest.mark.parametrize("status", list(Status))
def test_every_status_is_shown_with_word_symbol_and_evidence(status: Status) -> None:
    record = make_record(status=status, software="postfix", evidence=(make_transcript("  0.001 < 220 hello"),))
    page = page_of(make_report([record]))
    word = STATUS[status]
    [card] = page.all("article")
    assert f"{word.symbol}{word.name}" in card.text
    assert record.title in card.text
    assert record.subject in card.text
    assert record.summary in card.text
    assert record.expected in card.text
    assert record.rationale in card.text
    assert "SEC-1" in card.text
    assert "RFC 8996" in card.text
    assert "high" in card.text
    assert "mx" in card.text
    part = page.by_id("findings" if word.tone in ("bad", "odd", "warn", "calm") else "others")
    assert record.summary in part.text
    assert "0.001 < 220 hello" in page.by_id("evidence").text
    repeated = status in (Status.FAIL, Status.ERROR, Status.INDETERMINATE, Status.ADVISORY, Status.WAIVED)
    assert ("0.001 < 220 hello" in card.text) is repeated
    # A remedy is for a fault that was seen, not for a question without an answer.
    assert ("smtpd_tls_mandatory_protocols" in card.text) is (status in (Status.FAIL, Status.ADVISORY, Status.WAIVED))


def test_findings_come_first_and_the_most_severe_first() -> None:
    records = [
        make_record("a-pass"),
        make_record("b-low", status=Status.FAIL, severity=Severity.LOW),
        make_record("c-critical", status=Status.FAIL, severity=Severity.CRITICAL),
        make_record("d-waived", status=Status.WAIVED),
        make_record("e-error", status=Status.ERROR),
        make_record("f-unclear", status=Status.INDETERMINATE),
        make_record("g-advisory", status=Status.ADVISORY, severity=Severity.INFO),
        make_record("h-not-run", status=Status.NOT_RUN),
        make_record("i-without", status=Status.NOT_APPLICABLE),
    ]
    titles = [heading.text.partition("What ")[2].split()[0] for heading in page_of(make_report(records)).all("h4")]
    assert titles == [
        "c-critical",
        "b-low",
        "e-error",
        "f-unclear",
        "g-advisory",
        "d-waived",
        "h-not-run",
        "a-pass",
        "i-without",
    ]


class TestCards:
    def test_alike_records_share_a_card_and_keep_their_anchors(self) -> None:
        subjects = [make_endpoint(role) for role in (Role.MX, Role.SUBMISSION)]
        page = page_of(make_report([make_record(subject=s, status=Status.FAIL, summary="old") for s in subjects]))
        [card] = page.all("article")
        assert "Observed on 2 subjects" in card.text
        for subject in subjects:
            assert page.by_id(f"record-tls-obsolete-version-mail-example-com-{subject.port}")

    def test_the_remedy_for_the_software_found_comes_first(self) -> None:
        remedy = {"exim": "do x", "postfix": "do p", "any": "do a", "dovecot": "do d"}
        record = make_record(status=Status.FAIL, software="dovecot", remedy=remedy)
        text = page_of(make_report([record])).all("article")[0].text
        assert text.index("do d") < text.index("do a") < text.index("Remedies for other software") < text.index("do x")
        assert "(the server says it is dovecot)" in text

    def test_unknown_software_gets_the_general_remedy_and_all_others(self) -> None:
        remedy = {"exim": "do x", "any": "do a"}
        text = page_of(make_report([make_record(status=Status.FAIL, remedy=remedy)])).all("article")[0].text
        assert text.index("do a") < text.index("Remedies for other software") < text.index("do x")
        text = page_of(make_report([make_record(status=Status.FAIL, remedy={"exim": "do x"})])).all("article")[0].text
        assert "do x" in text
        assert "Remedies for other software" not in text

    def test_a_transcript_is_kept_once_and_repeated_in_findings_only_within_bounds(self) -> None:
        lines = [f"  0.{n:03d} < 250 {'x' * 900}" for n in range(60)]
        transcript = make_transcript(*lines)
        records = [make_record(f"control-{n}", status=Status.FAIL, evidence=(transcript,)) for n in range(100)]
        source = render(make_report(records))
        times = source.count("0.007 &lt; 250 x")
        assert 2 <= times <= 5
        assert source.count('id="evidence-1"') == 1
        used = Page(source).by_id("evidence-1").text
        assert "control-0, control-1" in used
        assert "control-99" in used

    def test_endless_evidence_is_capped(self) -> None:
        record = make_record(status=Status.FAIL, evidence=(make_transcript(*(f"line {n}" for n in range(5000))),))
        text = page_of(make_report([record])).text
        assert "line 199" in text
        assert "line 200" not in text
        assert "(4800 more lines in report.json)" in text

    def test_a_conversation_that_showed_facts_of_six_kinds_is_one_exhibit(self) -> None:
        kinds = ("port", "greeting", "capability", "auth", "certificate", "starttls")
        began = "began 2026-11-22 12:00:00 UTC"
        lines = ("  0.012 < 220 only.once.example ESMTP", "  0.020 > EHLO x")
        records = [
            make_record(kind, evidence=(make_transcript(*lines, title=f"Transcript at 192.0.2.25, {kind}, {began}"),))
            for kind in kinds
        ]
        two = tuple(make_transcript(*lines, title=f"Transcript at 192.0.2.25, {k}, {began}") for k in kinds[:2])
        records.append(make_record("needs-two", status=Status.FAIL, evidence=two))
        page = page_of(make_report(records))
        [exhibit] = page.all("details", class_="exhibit", id="evidence-1")
        assert f"Transcript at 192.0.2.25 of {', '.join(kinds)}, {began}" in exhibit.text
        assert f"Used by {', '.join(kinds)}, needs-two" in exhibit.text
        assert page.by_id("evidence").text.count("only.once.example") == 1
        links = [a.text for a in page.all("a") if a.attributes["href"] == "#evidence-1"]
        assert links == ["E1"] * len(records)

    @pytest.mark.parametrize(
        "title",
        [
            "Transcript at 192.0.2.26, greeting, began 2026-11-22 12:00:00 UTC",
            "Transcript at 192.0.2.25, greeting, began 2026-11-22 12:00:01 UTC",
            "Something else",
        ],
    )
    def test_conversations_that_only_read_the_same_stay_apart(self, title: str) -> None:
        records = [make_record("a"), make_record("b", evidence=(make_transcript(title=title),))]
        page = page_of(make_report(records))
        assert len(page.all("details", class_="exhibit")) == 2
        assert title.partition(",")[0] in page.by_id("evidence-2").text

    def test_a_waiver_is_told_with_its_record(self) -> None:
        given = RecordWaiver(owner="ops@example.com", reason="ticket 123", expires=date(2027, 1, 31), state="stale")
        page = page_of(make_report([make_record(status=Status.FAIL, waiver=given)]))
        assert "Waiver, stale: ticket 123 (owner ops@example.com, expires 2027-01-31)" in page.all("article")[0].text

    def test_what_a_control_does_when_not_run(self) -> None:
        record = make_record(status=Status.NOT_RUN, safety="slow", when_not_run=WhenNotRun.LIST)
        assert "safety class slow; when not run: listed only" in page_of(make_report([record])).all("article")[0].text


class TestMatrix:
    def test_every_clause_of_the_standard_has_a_row(self) -> None:
        report = sample_report(sound_snapshot())
        page = page_of(report)
        rows = [e for e in page.all("tr") if e.attributes.get("id", "").startswith("clause-")]
        assert len(rows) == len(report.coverage.clauses) == 127
        for row, clause in zip(rows, report.coverage.clauses, strict=True):
            assert row.text.startswith(f"{clause.clause} {clause.title}")
            assert CLAUSE[clause.status].name in row.text
            assert " ".join(clause.requirement.split()) in row.text
            for way in clause.ways:
                assert way.medium in row.text
        text = page.by_id("clauses").text
        for status, count in report.coverage.counts.items():
            assert f"{count} {CLAUSE[status].name}" in text
        assert report.coverage.counts[ClauseStatus.NOT_COVERED_YET] > 0

    @pytest.mark.parametrize("status", list(ClauseStatus))
    def test_every_clause_status(self, status: ClauseStatus) -> None:
        page = page_of(make_report(coverage=make_coverage([make_clause("SEC-1", status)])))
        assert f"{CLAUSE[status].symbol}{CLAUSE[status].name}" in page.by_id("clause-sec-1").text

    def test_a_clause_that_is_met_where_this_run_looked_says_so(self) -> None:
        seen = Way(medium=Medium.PROBE, state=WayState.PASSING, controls=("a",))
        unseen = [Way(medium=m, state=WayState.OUT_OF_SCOPE, detail="x") for m in (Medium.DNS, Medium.CLIENT)]
        clauses = [
            make_clause("SEC-1", ClauseStatus.MET, ways=(seen, *unseen)),
            make_clause("SEC-2", ClauseStatus.MET, ways=(seen,)),
            make_clause("SEC-3", ClauseStatus.PARTLY_COVERED, ways=(seen, *unseen)),
        ]
        page = page_of(make_report([make_record("a")], coverage=make_coverage(clauses)))
        assert "met (in scope)" in page.by_id("clause-sec-1").text
        assert "dns, client out of scope" in page.by_id("clause-sec-1").text
        assert "met" in page.by_id("clause-sec-2").text
        for other in ("sec-2", "sec-3"):
            assert "(in scope)" not in page.by_id(f"clause-{other}").text
        assert "2 met" in page.by_id("clauses").text

    def test_conflicts_and_gaps_are_named(self) -> None:
        ways = (
            Way(medium=Medium.PROBE, state=WayState.PARTLY_COVERED, detail="suites: not looked at", controls=("a",)),
            Way(medium=Medium.DNS, state=WayState.OUT_OF_SCOPE, detail="scope dns is not part of this run"),
        )
        clause = make_clause("SEC-1", ClauseStatus.PARTLY_COVERED, ways=ways, note="LAYER-1 asks for more.")
        text = page_of(make_report([make_record("a")], coverage=make_coverage([clause]))).by_id("clause-sec-1").text
        assert "Conflict: LAYER-1 asks for more." in text
        assert "suites: not looked at" in text
        assert "pass: a" in text
        assert "dns out of scope" in text

    def test_the_controls_of_a_clause_by_their_worst_status(self) -> None:
        subjects = [make_endpoint(role) for role in (Role.MX, Role.SUBMISSION)]
        records = [
            make_record("a", subjects[0], Status.FAIL),
            make_record("a", subjects[1]),
            make_record("b", subjects[0]),
        ]
        way = Way(medium=Medium.PROBE, state=WayState.FAILING, detail="a on x", controls=("a", "b"))
        clause = make_clause("SEC-1", ClauseStatus.NOT_MET, ways=(way,))
        page = page_of(make_report(records, coverage=make_coverage([clause])))
        text = page.by_id("clause-sec-1").text
        assert "fail: a (1 of 2)" in text
        assert "pass: b" in text
        assert any(a.attributes["href"] == "#control-a" for a in page.all("a"))


class TestStatements:
    def test_waivers_used_expired_and_unused(self) -> None:
        used = make_waiver()
        shown = RecordWaiver(owner=used.owner, reason=used.reason, expires=used.expires, state="active")
        unused = make_waiver(control="port-open")
        expired = make_waiver(control="port-closed", expires=date(2026, 11, 1))
        report = make_report(
            [make_record(status=Status.WAIVED, waiver=shown)],
            waivers=(used, unused, expired),
            unused_waivers=(unused, expired),
        )
        rows = [e.text for e in page_of(report).all("tr") if "ops@example.com" in e.text]
        assert rows[0].startswith("tls-obsolete-versionmail.example.com:25active")
        assert rows[0].endswith("mail.example.com:25")
        assert "unused" in rows[1]
        assert rows[1].endswith("none")
        assert "expired" in rows[2]

    def test_attestations_valid_expired_and_unused(self) -> None:
        valid = make_attestation()
        expired = make_attestation(clause="SEC-2", expires=date(2026, 11, 2))
        future = make_attestation(clause="SEC-2", made=date(2027, 1, 1))
        elsewhere = make_attestation(clause="SEC-2")
        unknown = make_attestation(clause="NO-1")
        clauses = [make_clause("POST-6", ClauseStatus.ATTESTED, attestation=valid), make_clause("SEC-2")]
        report = make_report(attestations=(valid, expired, future, elsewhere, unknown), coverage=make_coverage(clauses))
        rows = [e.text for e in page_of(report).all("tr") if "ciso@example.com" in e.text]
        for row, state in zip(rows, ("valid", "expired", "not yet valid", "unused", "unused"), strict=True):
            assert state in row
        assert "no such clause" in rows[4]


@pytest.mark.parametrize(
    ("targets", "title"),
    [
        ((), "no target"),
        (("mx=mail.good.example:25",), "mx=mail.good.example:25"),
        (("good.example", *(f"mx=mail.good.example:{port}" for port in range(4))), "good.example, 4 endpoints"),
        (("good.example", "[2001:db8::1]:25"), "good.example, 1 endpoint"),
        (("a.example", "2001:db8::25"), "a.example, 2001:db8::25"),
        (tuple(f"{name}.example" for name in "abcde"), "a.example, b.example, c.example and 2 more names"),
        (("mail.a.example:25", "mail.a.example:587"), "mail.a.example:25 and 1 more endpoint"),
    ],
)
def test_a_title_counts_endpoints_apart_from_names(targets: tuple[str, ...], title: str) -> None:
    page = page_of(make_report(identity=make_identity(targets=targets)))
    assert page.one("title").text == f"CLOSED: mail server audit of {title}"
    assert page.one("h1").text == f"Mail server audit {title}"


def test_the_effort_tells_which_address_the_server_saw() -> None:
    efforts = (
        HostEffort(address="192.0.2.25", source="198.51.100.7", connections=3),
        HostEffort(address="192.0.2.26", connections=1),
    )
    rows = [row.text for row in page_of(make_report(identity=make_identity(efforts=efforts))).all("tr")]
    assert "AddressFromConnectionsBack-offsWhy it backed off" in rows
    assert any(row.startswith("192.0.2.25198.51.100.730") for row in rows)
    assert any(row.startswith("192.0.2.26\N{EN DASH}10") for row in rows)


def test_symbols_at_the_head_of_a_table_have_names() -> None:
    page = page_of(make_report())
    head = next(row for row in page.all("tr") if row.text.startswith("SubjectRole"))
    for word in STATUS.values():
        assert f"{word.symbol}{word.name}" in head.text
        assert f"{word.symbol}{word.name}" in page.one("p", class_="key").text


def test_the_end_tells_the_limits_and_every_word() -> None:
    text = page_of(make_report()).by_id("method").text
    assert "looks from one place" in text
    assert "not signed" in text
    for words in (STATUS, CLAUSE):
        for word in words.values():
            assert word.meaning in text


def test_the_page_promises_nothing() -> None:
    """The page says what was seen; it never calls a server safe."""
    for report in (make_open_report(), make_report(), make_unfinished_report()):
        text = page_of(report).text.lower()
        for word in ("secure", "safe ", "guarantee", "certified", "100%"):
            assert word not in text, word


def test_a_big_report_renders_quickly_and_stays_moderate() -> None:
    report = sample_report(poor_snapshot(), waived=True)
    render(report)
    began = time.process_time()
    source = render(report)
    assert time.process_time() - began < 1.0
    # A page grows with what is judged: octets for a verdict, everything about the run shared out. The matrix grows with
    # the clauses, and with the controls that the standard has by now.
    before, _, behind = source.partition('<section id="clauses"')
    matrix, _, after = behind.partition("<section ")
    assert len(matrix) < 1_000 * len(report.coverage.clauses)
    assert len(before) + len(after) < 2_100 * len(report.records)
