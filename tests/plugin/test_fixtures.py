"""The facts of the audit in a user's own tests."""

from __future__ import annotations

import pytest

from tests.plugin.conftest import Stage

OWN = """
import pytest
from smtp_audit import Undetermined
from smtp_audit.facts.service import GreetingFacts, PortFacts, StarttlsFacts

def test_facts(smtp_facts, smtp_subjects):
    [subject] = smtp_subjects
    [port] = smtp_facts(PortFacts, subject)
    assert port.open
    assert smtp_facts("starttls", "mail.example.com:25") == smtp_facts(StarttlsFacts, subject)

def test_absent(smtp_facts):
    with pytest.raises(Undetermined, match="no facts of kind greeting.* at 192.0.2.25: no greeting within 20 s"):
        smtp_facts(GreetingFacts, "mail.example.com:25")

def test_not_gathered(smtp_facts):
    with pytest.raises(Undetermined, match="were gathered in this run"):
        smtp_facts("login", "mail.example.com:25")

def test_unknown(smtp_facts):
    with pytest.raises(LookupError, match="did you mean 'mail.example.com:25'"):
        smtp_facts(PortFacts, "mail.example.com:26")
    with pytest.raises(LookupError, match="did you mean 'port'"):
        smtp_facts("porf", "mail.example.com:25")

def test_snapshot(smtp_snapshot):
    assert smtp_snapshot.complete
    assert len(smtp_snapshot.observations) == 3
"""


def test_facts_are_there_and_gathered_once(stage: Stage) -> None:
    stage.write("test_own.py", OWN)
    stage.run("test_own.py").assert_outcomes(passed=6, failed=1, errors=1, skipped=1)
    stage.go_live()
    stage.run("test_own.py", "-p", "no:randomly").assert_outcomes(passed=6, failed=1, errors=1, skipped=1)
    assert len(stage.logged()) == 1


def test_a_selection_of_own_tests_gathers_all_they_may_ask_for(stage: Stage) -> None:
    stage.write("test_own.py", OWN)
    stage.go_live()
    result = stage.run("test_own.py", "-k", "test_own")
    result.assert_outcomes(passed=5, deselected=4)
    assert result.ret == 1
    assert stage.logged() == [
        "gather mail.example.com:25/greeting,mail.example.com:25/port,mail.example.com:25/starttls"
    ]


def test_without_an_audit_they_are_skipped(stage: Stage) -> None:
    stage.write("test_own.py", OWN)
    stage.audit = ()
    result = stage.run("-rs")
    result.assert_outcomes(skipped=5)
    result.stdout.fnmatch_lines(["*no mail server is audited in this run: give --smtp-target"])


def test_a_function_that_renders_is_put_to_the_payloads(pytester: pytest.Pytester) -> None:
    """Without an audit in the run."""
    pytester.makepyfile("""
        import html
        def test_sound(assert_template_safe):
            assert_template_safe(lambda v: "<p>" + html.escape(v["name"]) + "</p>", ["name"])
        def test_unsound(assert_template_safe):
            assert_template_safe(lambda v: "<p>" + v["name"] + "</p>", ["name"])
    """)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        ["*values have effects in the template:*", "*name: tag-script makes <script> (element)*"]
    )
