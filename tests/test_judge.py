"""Judging: what the runner adds to a control's verdict, and that nothing a control does gets past it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_audit.control import (
    REGISTRY,
    Rule,
    Safety,
    Verdict,
    control,
    fail,
    load_builtin,
    not_applicable,
    passed,
)
from smtp_audit.errors import Undetermined
from smtp_audit.facts.endpoint import Domain, Endpoint, Role
from smtp_audit.facts.observation import Absence, Observation
from smtp_audit.facts.service import CapabilityFacts, GreetingFacts, PortFacts
from smtp_audit.gate import decide
from smtp_audit.judge import EVIDENCE_LINES, Bench, judge, pairs
from smtp_audit.profile import Profile
from smtp_audit.record import EvidenceKind, Severity, Status, WhenNotRun
from tests.facts_factories import ADDRESS, NOW, absent, endpoint, greeting, line, port, profile, reply, seen
from tests.facts_factories import record as factory_record
from tests.judging import ID, SUBJECT, TODAY, bench, follows_the_port, judged, made, raises

OTHER = "2001:db8::25"
HELLO = greeting(Role.MX, reply("220", "hi"))


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    yield
    REGISTRY.discard(ID)


# ------------------------------------------------------------------------------------------------ verdict -> status


@pytest.mark.parametrize(
    ("verdict", "status"),
    [
        (passed("so"), Status.PASS),
        (fail("so"), Status.FAIL),
        (not_applicable("so"), Status.NOT_APPLICABLE),
    ],
)
def test_a_verdict_becomes_a_record(verdict: Verdict, status: Status) -> None:
    record = judged(lambda port, rule: verdict, remedy={"any": "mend"}, spec=("RFC 1",))
    assert (record.status, record.summary) == (status, "so")
    assert record.key == (ID, SUBJECT.key)
    assert (record.group, record.label, record.role) == ("mail.example.com", "25", "mx")
    assert (record.title, record.expected, record.rationale) == ("It holds", "it holds", "It matters.")
    assert (record.remedy, record.spec) == ({"any": "mend"}, ("RFC 1",))
    assert record.severity is Severity.HIGH


def test_a_control_sees_the_profiles_parameters_and_the_time_of_the_facts() -> None:
    at = bench(parameters={"days": 3})

    def body(port: PortFacts, rule: Rule) -> Verdict:
        assert rule.time == NOW
        return passed(f"{rule['days']} days")

    record = judged(body, at=at, parameters={"days": int}, expects="{days} days")
    assert (record.summary, record.expected) == ("3 days", "3 days")


def test_the_profiles_line_goes_into_the_record() -> None:
    at = Bench(profile({ID: line(Severity.LOW, "C-1", when_not_run=WhenNotRun.LIST)}), NOW, TODAY)
    record = judged(follows_the_port, at=at, safety=Safety.ACTIVE)
    assert (record.clauses, record.when_not_run) == (("C-1",), WhenNotRun.LIST)


_LISTED = bench(when_not_run=WhenNotRun.LIST)
_NOT_GIVEN = absent("port", Absence.NOT_AVAILABLE, "no credentials")


@pytest.mark.parametrize(
    ("given", "status"), [((), WhenNotRun.CLOSE), ((Role.SUBMISSION,), WhenNotRun.CLOSE), ((Role.MX,), WhenNotRun.LIST)]
)
def test_a_passive_control_is_listed_only_where_it_needs_what_the_user_gives(
    given: tuple[Role, ...], status: WhenNotRun
) -> None:
    record = judged(follows_the_port, _NOT_GIVEN, at=_LISTED, needs_given=given)
    assert (record.status, record.when_not_run) == (Status.NOT_RUN, status)
    assert decide([record, factory_record()], [record.key], Severity.MEDIUM).open is (status is WhenNotRun.LIST)


def test_the_profile_has_the_last_word_where_credentials_are_needed() -> None:
    record = judged(follows_the_port, _NOT_GIVEN, at=bench(), needs_given=(Role.MX,))
    assert (record.status, record.when_not_run) == (Status.NOT_RUN, WhenNotRun.CLOSE)


def test_a_passive_control_whose_facts_were_never_gathered_closes_the_gate() -> None:
    other = absent("tls", Absence.NOT_AVAILABLE, "no credentials")
    for safety, listed in ((Safety.PASSIVE, WhenNotRun.CLOSE), (Safety.ACTIVE, WhenNotRun.LIST)):
        record = judged(follows_the_port, other, at=_LISTED, needs_given=(Role.MX,), safety=safety)
        assert (record.status, record.when_not_run) == (Status.NOT_RUN, listed)


def test_a_domain_has_no_role() -> None:
    made(follows_the_port, subject=Domain)
    subject = Domain(name="example.com")
    observation = seen(port(), subject.key, None)
    record = judge(REGISTRY[ID], subject, lambda kind, key: (observation,), bench())
    assert (record.subject, record.role, record.label) == ("example.com", "", "")


# ------------------------------------------------------------------------------------------- what a control may do


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not even this")


def _recurses(port: PortFacts, rule: Rule) -> Any:
    return _recurses(port, rule)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (raises(ZeroDivisionError("by zero")), "ZeroDivisionError: by zero"),
        (raises(SystemExit(0)), "SystemExit: 0"),
        (lambda port, rule: sys.exit("done"), "SystemExit: done"),
        (lambda port, rule: pytest.skip("not today"), "Skipped: not today"),
        (lambda port, rule: pytest.fail("no"), "Failed: no"),
        (lambda port, rule: pytest.xfail("known"), "XFailed: known"),
        (lambda port, rule: pytest.exit("stop"), "Exit: stop"),
        (raises(BaseException("bare")), "BaseException: bare"),
        (raises(Unspeakable()), "Unspeakable"),
        (_recurses, "RecursionError"),
        (lambda port, rule: None, "the control returned NoneType, not a verdict"),
        (lambda port, rule: True, "the control returned bool, not a verdict"),
        (lambda port, rule: "pass", "the control returned str, not a verdict"),
        (lambda port, rule: rule["no such parameter"], "KeyError"),
        (lambda port, rule: port.no_such_fact, "AttributeError"),
        (lambda port, rule: passed(None), "ValidationError"),  # type: ignore[arg-type]
    ],
)
def test_a_control_that_crashes_is_an_error_and_nothing_else(body: Callable[..., Any], says: str) -> None:
    record = judged(body)
    assert record.status is Status.ERROR
    assert says in record.summary


@pytest.mark.parametrize("error", [KeyboardInterrupt(), GeneratorExit()])
def test_an_interrupt_ends_the_run(error: BaseException) -> None:
    with pytest.raises(type(error)):
        judged(raises(error))


def test_what_is_unknown_is_indeterminate() -> None:
    record = judged(raises(Undetermined("TLSv1.0: closed")))
    assert (record.status, record.summary) == (Status.INDETERMINATE, "TLSv1.0: closed")


# --------------------------------------------------------------------------------------------------- without facts

_ABSENT = {
    Absence.CLOSED: Status.NOT_APPLICABLE,
    Absence.NOT_ALLOWED: Status.NOT_RUN,
    Absence.NOT_AVAILABLE: Status.NOT_RUN,
}


@pytest.mark.parametrize("absence", Absence)
def test_every_reason_for_no_facts(absence: Absence) -> None:
    record = judged(raises(AssertionError("must not be asked")), absent("port", absence, "the reason"))
    assert record.status is _ABSENT.get(absence, Status.INDETERMINATE)
    assert record.status not in (Status.PASS, Status.FAIL)
    expected = "port-open and port-closed judge that" if absence is Absence.CLOSED else "the reason"
    assert expected in record.summary


def test_an_absence_without_words() -> None:
    assert judged(follows_the_port, absent("port", Absence.TIMEOUT)).summary == "no facts"


def test_no_observation_at_all_is_not_run() -> None:
    record = judged(follows_the_port, seen(HELLO))
    assert record.status is Status.NOT_RUN
    assert record.summary == "nothing about it was gathered in this run"


def test_one_of_two_kinds_missing_is_not_run() -> None:
    @control(ID, title="t", expects="e", subject=Endpoint, needs=(PortFacts, GreetingFacts))
    def both(port: PortFacts, greeting: GreetingFacts, rule: Rule) -> Verdict:
        return passed("both")

    def look(*known: Observation) -> Callable[[str, str], tuple[Observation, ...]]:
        return lambda kind, subject: tuple(o for o in known if o.kind == kind)

    half = judge(REGISTRY[ID], SUBJECT, look(seen(port())), bench())
    assert (half.status, half.summary) == (Status.NOT_RUN, "no facts of kind greeting were gathered in this run")
    whole = judge(REGISTRY[ID], SUBJECT, look(seen(port()), seen(HELLO)), bench())
    assert whole.status is Status.PASS
    elsewhere = seen(HELLO, SUBJECT.key, OTHER)
    assert judge(REGISTRY[ID], SUBJECT, look(seen(port()), elsewhere), bench()).status is Status.NOT_RUN


# ----------------------------------------------------------------------------------------------- several addresses

_PASS = seen(port())
_FAIL = seen(port(is_open=False), SUBJECT.key, OTHER)
_TIMEOUT = absent("port", Absence.TIMEOUT, "no answer", address="192.0.2.99")
_CLOSED = absent("port", Absence.CLOSED, address="192.0.2.98")
_REFUSED = absent("port", Absence.NOT_ALLOWED, "not allowed", address="192.0.2.97")
_PASS_TOO = seen(port(), SUBJECT.key, "192.0.2.96")


@pytest.mark.parametrize(
    ("observations", "status", "summary"),
    [
        ([_PASS, _PASS_TOO], Status.PASS, "open"),
        ([_PASS, _FAIL], Status.FAIL, f"{OTHER}: refused"),
        ([_TIMEOUT, _FAIL, _PASS], Status.FAIL, f"{OTHER}: refused"),
        ([_PASS, _TIMEOUT], Status.INDETERMINATE, "192.0.2.99: no answer"),
        ([_CLOSED, _TIMEOUT], Status.INDETERMINATE, "192.0.2.99: no answer"),
        ([_PASS, _REFUSED], Status.NOT_RUN, "192.0.2.97: not allowed"),
        ([_REFUSED, _TIMEOUT], Status.INDETERMINATE, "192.0.2.99: no answer"),
        ([_CLOSED, _PASS], Status.PASS, f"{ADDRESS}: open"),
        ([_CLOSED, _CLOSED], Status.NOT_APPLICABLE, "the port is closed; port-open and port-closed judge that"),
    ],
)
def test_one_record_for_all_addresses(observations: list[Observation], status: Status, summary: str) -> None:
    record = judged(follows_the_port, *observations)
    assert (record.status, record.summary) == (status, summary)


def test_a_crash_at_one_address_is_not_hidden_by_a_pass_at_another() -> None:
    def body(port: PortFacts, rule: Rule) -> Verdict:
        return passed("open") if port.open else 1 // 0  # type: ignore[return-value]

    assert judged(body, _PASS, _FAIL).status is Status.ERROR


@given(st.permutations([_PASS, _FAIL, _TIMEOUT, _CLOSED, _REFUSED]))
def test_the_order_of_addresses_does_not_matter(observations: list[Observation]) -> None:
    try:
        assert judged(follows_the_port, *observations).status is Status.FAIL
    finally:
        REGISTRY.discard(ID)


# -------------------------------------------------------------------------------------------------------- evidence


def test_evidence_is_what_the_control_picked_and_then_the_transcript() -> None:
    observation = seen(port(), SUBJECT.key, ADDRESS, "220 hello")
    record = judged(lambda port, rule: fail("no", evidence=["line"]), observation)
    picked, transcript = record.evidence
    assert (picked.title, picked.lines) == (f"Observed at {ADDRESS}", ("line",))
    assert transcript.kind is EvidenceKind.TRANSCRIPT
    assert transcript.title == f"Transcript at {ADDRESS}, port, began 2026-06-01 12:00:00 UTC"
    assert transcript.lines == ("  0.000 < 220 hello",)


def test_a_long_transcript_is_cut_with_a_note() -> None:
    observation = seen(port(), SUBJECT.key, ADDRESS, *(f"line {n}" for n in range(EVIDENCE_LINES + 5)))
    lines = judged(follows_the_port, observation).evidence[0].lines
    assert len(lines) == EVIDENCE_LINES + 1
    assert lines[-1] == "(5 more lines in the snapshot)"
    whole = seen(port(), SUBJECT.key, ADDRESS, *(f"line {n}" for n in range(EVIDENCE_LINES)))
    assert judged(follows_the_port, whole).evidence[0].lines[-1].endswith(f"line {EVIDENCE_LINES - 1}")


def test_a_transcript_that_two_facts_share_is_shown_once() -> None:
    @control(ID, title="t", expects="e", subject=Endpoint, needs=(PortFacts, GreetingFacts))
    def both(port: PortFacts, greeting: GreetingFacts, rule: Rule) -> Verdict:
        return passed("both")

    known = (seen(port(), SUBJECT.key, ADDRESS, "220 hi"), seen(HELLO, SUBJECT.key, ADDRESS, "220 hi"))
    shared = judge(REGISTRY[ID], SUBJECT, lambda kind, _: tuple(o for o in known if o.kind == kind), bench())
    assert len(shared.evidence) == 1


def test_what_has_no_address_names_none() -> None:
    record = judged(lambda port, rule: fail("no", evidence=["line"]), seen(port(), SUBJECT.key, None, "220 hi"))
    assert [item.title.partition(",")[0] for item in record.evidence] == ["Observed", "Transcript"]


def test_every_address_shows_its_own_evidence() -> None:
    record = judged(
        follows_the_port,
        seen(port(), SUBJECT.key, ADDRESS, "first"),
        seen(port(is_open=False), SUBJECT.key, OTHER, "second"),
    )
    assert [item.lines[0][-6:].strip() for item in record.evidence] == ["first", "second"]


def test_the_software_is_recognised_from_what_the_server_says() -> None:
    banner = seen(greeting(Role.MX, reply("220", "mail ESMTP Postfix")))
    assert judged(follows_the_port, seen(port()), banner).software == "postfix"
    capabilities = seen(CapabilityFacts(role=Role.IMAPS, after_tls=('"IMPLEMENTATION" "Dovecot Pigeonhole"',)))
    assert judged(follows_the_port, seen(port()), capabilities).software == "dovecot"
    assert judged(follows_the_port, seen(port())).software == ""


# ----------------------------------------------------------------------------------------------------------- pairs


def test_pairs_go_subject_by_subject_in_the_profiles_order() -> None:
    @control(ID, title="t", expects="e", subject=Endpoint, needs=PortFacts, roles=[Role.MX])
    def only_mx(port: PortFacts, rule: Rule) -> Verdict:
        return passed("mx")

    mx, imaps = endpoint(Role.MX), endpoint(Role.IMAPS)
    rules: Profile = profile({"port-open": line(), ID: line(), "certificate-trusted": line()})
    found = [
        (c.id, s.key) for c, s in pairs(rules, load_builtin(), [mx, imaps, Domain(name="example.com")], ["server"])
    ]
    assert found == [
        ("port-open", mx.key),
        (ID, mx.key),
        ("certificate-trusted", mx.key),
        ("port-open", imaps.key),
        ("certificate-trusted", imaps.key),
    ]
    assert pairs(rules, REGISTRY, [mx], ["dns"]) == ()
