"""Whatever a peer puts into the facts: a record's words are printable ASCII on one line."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from pydantic import BaseModel

from smtp_audit.control import REGISTRY
from smtp_audit.facts.observation import Observation
from smtp_audit.judge import Bench, judge
from smtp_audit.profile import Profile, load_profile
from tests.facts_factories import ADDRESS, NOW, endpoint, seen

from .case import Case
from .test_cases import CASES

HOSTILE = "\x1b[2J<script>\r\nFAKE \u202e\x00\\x41"


def _poisoned(value: Any) -> Any:
    """The same value with hostile text behind every text that a peer can choose."""
    if isinstance(value, BaseModel):
        changed = {name: _poisoned(getattr(value, name)) for name in type(value).model_fields}
        return value.model_copy(update=changed)
    if isinstance(value, tuple):
        return tuple(_poisoned(each) for each in value)
    return value + HOSTILE if type(value) is str else value


@pytest.mark.parametrize("case", CASES, ids=str)
def test_hostile_text_is_escaped(case: Case) -> None:
    profile = _strict()
    control = REGISTRY[case.control]
    subject = endpoint(min(control.roles))
    observations = [
        seen(facts, subject.key, ADDRESS, f"220 {HOSTILE}").model_copy(update={"facts": _poisoned(facts)})
        for facts in case.given
    ]

    def look(kind: str, _: str) -> tuple[Observation, ...]:
        return tuple(o for o in observations if o.kind == kind)

    record = judge(control, subject, look, _bench(profile))

    words = [record.summary, *(line for item in record.evidence for line in item.lines)]
    assert all(" " <= char <= "~" for text in words for char in text)
    assert any("FAKE" in text for text in words), "the transcript at least was there to be escaped"


@cache
def _strict() -> Profile:
    """A profile that has a line for every control."""
    return load_profile("enterprise-strict", REGISTRY)


def _bench(profile: Profile) -> Bench:
    return Bench(profile, NOW, NOW.date())


def test_an_escaped_octet_is_not_escaped_again() -> None:
    r"""A server's octet 0xFF is `\xff` in the facts, in the summary, and not `\\xff`."""
    control = REGISTRY["service-greeting"]
    case = next(c for c in CASES if c.control == control.id and "malformed" in c.says)
    observation = seen(*case.given)
    record = judge(control, endpoint(), lambda kind, _: (observation,), _bench(load_profile("enterprise", REGISTRY)))
    shown = [line for item in record.evidence for line in item.lines]
    assert any(r"220 \xff" in line for line in shown)
    assert not any(r"\\xff" in line for line in shown)
