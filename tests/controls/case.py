"""One row of the tables: a control, facts, a rule, and what has to come of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from smtp_audit.control import REGISTRY, Rule
from smtp_audit.errors import Undetermined
from smtp_audit.facts.observation import Facts
from tests.facts_factories import rule


class Expected(StrEnum):
    """What a control can come to; the last is what the runner makes of `Undetermined`."""

    PASS = "pass"
    FAIL = "fail"
    NOT_APPLICABLE = "not_applicable"
    INDETERMINATE = "indeterminate"


@dataclass(frozen=True)
class Case:
    """A row. `says` is a part of the summary, or of the reason why it cannot be said.

    A control that needs several kinds of facts has them in a tuple, in the order of its arguments.
    """

    control: str
    facts: Facts | tuple[Facts, ...]
    expected: Expected
    says: str
    parameters: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.control}-{self.expected}-{self.says[:40]}".replace(" ", "_")

    @property
    def rule(self) -> Rule:
        """The rule, with the parameters checked as a profile's are."""
        return rule(**REGISTRY[self.control].check_parameters(self.parameters, "case"))

    @property
    def given(self) -> tuple[Facts, ...]:
        """The facts, one for each need."""
        return self.facts if isinstance(self.facts, tuple) else (self.facts,)

    def judged(self) -> tuple[Expected, str]:
        """What the control makes of the facts, and its words."""
        try:
            verdict = REGISTRY[self.control].judge(*self.given, self.rule)
        except Undetermined as reason:
            return Expected.INDETERMINATE, str(reason)
        return Expected(verdict.outcome.value), verdict.summary
