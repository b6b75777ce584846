"""One item for each control and subject: its outcome, its words, its marks, its place in JUnit."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from datetime import UTC, datetime, timedelta

import pytest

from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.snapshot import Snapshot
from smtp_audit.plugin.wording import EVIDENCE_LINES, explain
from smtp_audit.record import Evidence, EvidenceKind, Status
from tests.factories import make_record
from tests.plugin import facts
from tests.plugin.conftest import Stage

WAIVERS = """
profile = "mini.toml"
[[waiver]]
control = "{control}"
owner = "ops@example.com"
reason = "until the move"
expires = {expires}
"""


def test_each_verdict_has_its_outcome(stage: Stage) -> None:
    result = stage.run("-rs")
    result.assert_outcomes(passed=1, failed=1, errors=1, skipped=1)
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            "*ERROR at setup of mail.example.com:25: The service greets in its own protocol*",
            "could not be determined: no greeting within 20 s",
            "*mail.example.com:25: STARTTLS is offered*",
            "medium: not among the capabilities",
            "control:  starttls-offered (medium): STARTTLS is offered",
            "subject:  mail.example.com:25, mx",
            "expected: the capabilities before TLS list STARTTLS*",
            "clauses:  RFC8314-1",
            "sources:  RFC 3207 section 4*",
            "remedy:   give the service a certificate*",
            "SKIPPED*not applicable: role mx may be open",
        ]
    )


def test_what_is_well_opens_the_gate(good: Stage) -> None:
    result = good.run()
    result.assert_outcomes(passed=3, skipped=1)
    assert result.ret == 0
    assert good.reasons() == ""


def test_the_remedy_is_for_the_software_found(stage: Stage) -> None:
    stage.record(facts.snapshot([facts.endpoint()], offered=False, greets=True))
    result = stage.run()
    result.stdout.fnmatch_lines(["remedy:   (postfix) smtpd_tls_security_level*"])
    result.stdout.no_fnmatch_line("*(exim)*")


def test_what_fails_below_the_gate_is_advice(stage: Stage) -> None:
    stage.record(facts.snapshot([facts.endpoint()], offered=False, greets=True))
    for extra in ((), ("-W", "error"), ("-p", "no:warnings")):
        run = stage.process if "no:warnings" in extra else stage.run
        result = run("--smtp-gate", "high", *extra)
        result.assert_outcomes(passed=3, skipped=1, warnings=0 if "no:warnings" in extra else 1)
        assert result.ret == 0
    assert stage.statuses()["starttls-offered[25]"] == "advisory"


def test_advice_names_its_item(stage: Stage) -> None:
    stage.record(facts.snapshot([facts.endpoint()], offered=False, greets=True))
    stage.run("--smtp-gate", "high").stdout.fnmatch_lines(
        ["smtp-audit::mail.example.com::starttls-offered*", "*SmtpAuditWarning: medium: not among the capabilities"]
    )


def _waive(stage: Stage, control: str, days: int = 30) -> tuple[str, str]:
    expires = (datetime.now(UTC) + timedelta(days=days)).date()
    stage.write("waived.toml", WAIVERS.format(control=control, expires=expires))
    return "--smtp-config", "waived.toml"


def test_a_waived_failure_is_an_expected_one(stage: Stage) -> None:
    stage.record(facts.snapshot([facts.endpoint()], offered=False, greets=True))
    result = stage.run(*_waive(stage, "starttls-offered"), "-rx")
    result.assert_outcomes(passed=2, xfailed=1, skipped=1)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["XFAIL*starttls-offered*waived by ops@example.com until*: until the move"])
    assert stage.statuses()["starttls-offered[25]"] == "waived"


def test_a_stale_waiver_fails(good: Stage) -> None:
    waived = _waive(good, "starttls-offered")
    for extra in ((), ("--runxfail",), ("-p", "no:skipping")):
        result = good.run(*waived, *extra)
        result.assert_outcomes(passed=2, failed=1, skipped=1)
        assert result.ret == 1
    result.stdout.fnmatch_lines(
        ["medium: the waiver is stale, remove it: offered", "waiver:   stale: ops@example.com*"]
    )


def test_an_expired_waiver_waives_nothing(stage: Stage) -> None:
    stage.record(facts.snapshot([facts.endpoint()], offered=False, greets=True))
    result = stage.run(*_waive(stage, "starttls-offered", days=-2))
    result.assert_outcomes(passed=2, failed=1, skipped=1)
    result.stdout.fnmatch_lines(["medium: not among the capabilities (its waiver expired on*"])


def test_what_could_not_be_determined_is_never_waived(stage: Stage) -> None:
    result = stage.run(*_waive(stage, "service-greeting"))
    result.assert_outcomes(passed=1, failed=1, errors=1, skipped=1)
    assert stage.statuses()["service-greeting[25]"] == "indeterminate"


@pytest.mark.parametrize(("when", "outcome"), [("list", {"skipped": 2}), ("close", {"skipped": 1, "errors": 1})])
def test_what_was_not_run_is_skipped_or_an_error_as_the_profile_says(
    good: Stage, when: str, outcome: dict[str, int]
) -> None:
    good.write("slow.toml", facts.PROFILE + f'tls-heartbleed = {{ severity = "high", when_not_run = "{when}" }}\n')
    result = good.run("--smtp-profile", "slow.toml", "-rs")
    result.assert_outcomes(passed=3, **outcome)
    assert result.ret == (0 if when == "list" else 1)
    assert good.statuses()["tls-heartbleed[25]"] == "not_run"


def test_marks_select_by_control_severity_role_and_clause(stage: Stage) -> None:
    stage.record(facts.mixed(facts.endpoint(), facts.endpoint(Role.SUBMISSION)))
    for expression, count in {
        "smtp_audit": 8,
        "not smtp_audit": 0,
        "smtp_control(id='port-open')": 2,
        "smtp_severity(level='medium')": 4,
        "smtp_role(name='submission')": 4,
        "smtp_clause(id='RFC8314-1')": 2,
        "smtp_role(name='mx') and smtp_severity(level='high')": 2,
    }.items():
        assert len(stage.collected("-m", expression, "--strict-markers")) == count, expression


def test_keywords_select_by_control_host_port_role_severity_and_clause(stage: Stage) -> None:
    stage.record(facts.mixed(facts.endpoint(), facts.endpoint(Role.SUBMISSION, "b.example")))
    for expression, count in {
        "port-open": 2,
        "port and not closed": 2,
        "b.example": 4,
        "submission and high": 2,
        "587": 4,
        "RFC8314-1": 2,
    }.items():
        assert len(stage.collected("-k", expression)) == count, expression


def test_junit_tells_failure_from_error_and_names_the_control(stage: Stage) -> None:
    stage.run("--junitxml=j.xml")
    suite = ElementTree.parse(stage.path / "j.xml").getroot()[0]
    assert [suite.get(key) for key in ("tests", "errors", "failures", "skipped")] == ["4", "1", "1", "1"]
    case = next(c for c in suite if c.get("name") == "starttls-offered[25]")
    assert case.get("classname") == "smtp-audit.mail.example.com"
    failure = case.find("failure")
    assert failure is not None
    assert "not among the capabilities" in failure.get("message", "")
    assert {p.get("name"): p.get("value") for p in case.iter("property")} == {
        "smtp_control": "starttls-offered",
        "smtp_subject": "mail.example.com:25",
        "smtp_severity": "medium",
        "smtp_clauses": "RFC8314-1",
        "smtp_status": "fail",
    }


def _silent(hosts: tuple[str, ...]) -> Snapshot:
    roles = (Role.MX, Role.SUBMISSION, Role.IMAP)
    return facts.mixed(*(facts.endpoint(role, host) for host in hosts for role in roles))


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_what_gave_no_answer_for_one_reason_is_told_once_for_each_host(stage: Stage, workers: tuple[str, ...]) -> None:
    stage.record(_silent(("a.example", "b.example")))
    run = stage.process if workers else stage.run
    result = run("-k", "service-greeting", "--junitxml=j.xml", *workers)
    result.assert_outcomes(errors=6)
    lines = result.outlines
    full = lines.count("could not be determined: no greeting within 20 s")
    again = lines.count("could not be determined: as above: no greeting within 20 s")
    assert full + again == 6
    # Each process tells it once for each host.
    assert 2 <= full <= (4 if workers else 2)
    assert sum(line.startswith("control: ") for line in lines) == full
    # A JUnit file is read one case at a time: there is no "above" in it.
    cases = list(ElementTree.parse(stage.path / "j.xml").getroot()[0])
    messages = [error.get("message", "") for case in cases for error in case.iter("error")]
    assert len(messages) == 6
    for message in messages:
        assert "no greeting within 20 s" in message
        assert "control:  service-greeting (high)" in message
        assert "expected: " in message


def test_the_short_summary_keeps_the_reason_of_every_item(stage: Stage) -> None:
    stage.record(_silent(("a.example",)))
    result = stage.run("-k", "service-greeting")
    named = [line for line in result.outlines if line.startswith("ERROR smtp-audit::")]
    assert len(named) == 3
    assert all("no greeting within 20 s" in line or line.endswith("...") for line in named), named


def test_failures_are_never_shortened(stage: Stage) -> None:
    stage.record(_silent(("a.example",)))
    lines = stage.run("-k", "starttls-offered").outlines
    assert sum(line.startswith("control: ") for line in lines) == 3
    assert not any("as above" in line for line in lines)


def test_words_are_printable_and_few() -> None:
    evidence = Evidence(title="Observed", lines=("\x1b[31mred\x1b[0m \u202egnp", *("x" * 5000 for _ in range(100))))
    record = make_record(status=Status.FAIL, summary="a\nb\x07", title="t\x1b]0;", evidence=(evidence,))
    text = explain(record)
    assert all(line.isprintable() and line.isascii() and len(line) < 400 for line in text.split("\n"))
    assert len(text.split("\n")) <= EVIDENCE_LINES + 12
    assert "more lines in the report" in text


def test_clauses_and_sources_have_lines_of_their_own() -> None:
    record = make_record(status=Status.FAIL, clauses=("SEC-1", "TLS-2"), spec=("RFC 8996", "RFC 7525 section 3.1"))
    lines = explain(record).split("\n")
    assert "clauses:  SEC-1, TLS-2" in lines
    assert "sources:  RFC 8996; RFC 7525 section 3.1" in lines
    bare = explain(make_record(status=Status.FAIL, clauses=(), spec=()))
    assert "clauses:" not in bare
    assert "sources:" not in bare


def test_picked_lines_go_before_transcripts() -> None:
    picked = Evidence(title="Observed", lines=("the line",))
    transcript = Evidence(kind=EvidenceKind.TRANSCRIPT, title="Transcript", lines=("all of it",))
    assert "all of it" in explain(make_record(status=Status.FAIL, evidence=(transcript,)))
    text = explain(make_record(status=Status.FAIL, evidence=(picked, transcript)))
    assert "the line" in text
    assert "all of it" not in text
