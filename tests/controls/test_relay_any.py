"""Whatever facts about relaying, senders and directories look like: a verdict or none, and no pass without proof."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from smtp_audit.control import Control, Outcome, load_builtin
from smtp_audit.errors import Undetermined
from smtp_audit.facts.conversation import Dialogue, Exchange
from smtp_audit.facts.directory import DirectoryFacts
from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.observation import Facts
from smtp_audit.facts.relay import DeliverySource, RelayDeliveryFacts, RelayFacts, RelayForm, recipient_taken
from smtp_audit.facts.sender import SenderFacts, SenderHeaderFacts
from smtp_audit.facts.service import Reply
from tests.facts.strategies import models
from tests.facts_factories import rule
from tests.relay_factories import attempt, relay, source

KINDS = (RelayFacts, RelayDeliveryFacts, SenderFacts, SenderHeaderFacts, DirectoryFacts)
CONTROLS = [control for control in load_builtin() if control.needs[0] in KINDS]

CODES = st.sampled_from(
    ["220", "250", "251", "252", "354", "421", "450", "451", "454", "501", "503", "530", "550", "554"]
)
TEXTS = st.sampled_from(["5.7.1 relay access denied", "4.7.1 Relay access denied", "greylisted", "5.1.1 unknown", "no"])


@st.composite
def exchanges(draw: st.DrawFn) -> Exchange:
    """One exchange as a server may have it."""
    if draw(st.integers(0, 9)) == 0:
        hung_up = draw(st.booleans())
        return Exchange(sent="X", ended="closed" if hung_up else "no reply within 15 s", hung_up=hung_up)
    return Exchange(sent="X", replies=(Reply(code=draw(CODES), lines=(draw(TEXTS),)),))


DIALOGUES = st.builds(
    Dialogue, exchanges=st.lists(exchanges(), max_size=4).map(tuple), unknown=st.sampled_from(["", "", "not asked"])
)


def outcome(control: Control, facts: Facts) -> Outcome | None:
    try:
        return control.judge(facts, rule()).outcome
    except Undetermined:
        return None


@settings(max_examples=150)
@given(st.data())
def test_any_facts_are_judged_or_left_open(data: Any) -> None:
    control = data.draw(st.sampled_from(CONTROLS))
    outcome(control, data.draw(models(control.needs[0])))


@settings(max_examples=300)
@given(st.lists(st.tuples(DIALOGUES, DIALOGUES, DIALOGUES), min_size=16, max_size=16), DIALOGUES, st.booleans())
def test_what_was_taken_somewhere_never_passes(tried: Any, local: Dialogue, named: bool) -> None:
    attempts = [
        attempt(form).model_copy(update={"dialogue": first, "elsewhere": second, "nonsense": second, "twin": third})
        for form, (first, second, third) in zip(RelayForm, tried, strict=True)
    ]
    facts = relay(source(*attempts, local=local), named=named)
    taken = [form for form, (first, _, _) in zip(RelayForm, tried, strict=True) if recipient_taken(first)]
    plain, routed = (next(c for c in CONTROLS if c.id == name) for name in ("relay-refused", "relay-routed-refused"))
    if any(form in taken for form in list(RelayForm)[:4]):
        assert outcome(plain, facts) is not Outcome.PASS
    else:
        assert outcome(plain, facts) is not Outcome.FAIL
    if taken:
        assert outcome(routed, facts) is not Outcome.PASS
    elif all(not recipient_taken(first) for first, _, _ in tried):
        assert outcome(routed, facts) is not Outcome.FAIL


@settings(max_examples=200)
@given(st.lists(DIALOGUES, max_size=16), DIALOGUES, st.sampled_from([None, *RelayForm]))
def test_a_message_that_was_taken_never_passes(envelopes: Any, message: Dialogue, taken: RelayForm | None) -> None:
    told = DeliverySource(envelopes=tuple(envelopes), message=message, taken=taken)
    facts = RelayDeliveryFacts(role=Role.MX, recipient="me@elsewhere.example", sources=(told,))
    (control,) = [each for each in CONTROLS if each.id == "relay-not-delivered"]
    replies = message.exchanges[-1].replies if len(message.exchanges) == 4 else ()
    if replies and replies[-1].code.startswith("2"):
        assert outcome(control, facts) is not Outcome.PASS
    else:
        assert outcome(control, facts) is not Outcome.FAIL
