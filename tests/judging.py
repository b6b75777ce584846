"""A control made for one test, and its record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from smtp_audit.control import REGISTRY, Control, Rule, Verdict, control, fail, passed
from smtp_audit.facts.endpoint import Endpoint
from smtp_audit.facts.observation import Observation
from smtp_audit.facts.service import PortFacts
from smtp_audit.judge import Bench, judge
from smtp_audit.record import Record, Severity
from smtp_audit.waiver import Waiver
from tests.facts_factories import NOW, endpoint, line, port, profile, seen

ID = "test-of-judge"
TODAY = NOW.date()
SUBJECT = endpoint()


def made(body: Callable[[PortFacts, Rule], Any], **more: Any) -> Control:
    """A registered control with this body."""

    @control(ID, **{"title": "It holds", "expects": "it holds", "subject": Endpoint, "needs": PortFacts, **more})
    def judge_it(port: PortFacts, rule: Rule) -> Any:
        """It matters."""
        return body(port, rule)

    return REGISTRY[ID]


def bench(severity: Severity = Severity.HIGH, *waivers: Waiver, **more: Any) -> Bench:
    """A profile of that one control, on the day of the facts."""
    return Bench(profile({ID: line(severity, **more)}), NOW, TODAY, waivers)


def judged(
    body: Callable[[PortFacts, Rule], Any],
    *observations: Observation,
    at: Bench | None = None,
    **more: Any,
) -> Record:
    """What becomes of a control with this body; without observations, on an open port."""
    known = observations or (seen(port()),)

    def look(kind: str, subject: str) -> tuple[Observation, ...]:
        return tuple(o for o in known if (o.kind, o.subject) == (kind, subject))

    return judge(made(body, **more), SUBJECT, look, at or bench())


def follows_the_port(port: PortFacts, rule: Rule) -> Verdict:
    """Passes where the port is open, fails where not."""
    return passed("open") if port.open else fail("refused")


def raises(error: BaseException) -> Callable[[PortFacts, Rule], Any]:
    """The body of a control that raises."""

    def body(port: PortFacts, rule: Rule) -> Any:
        raise error

    return body
