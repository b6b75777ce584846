"""The oracle of injection: silent where a value stays a value, and never where it does not."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_audit.controls.client_headers import varying_bits
from smtp_audit.controls.client_shape import envelope_faults, header_faults, own_names
from smtp_audit.facts.client_messages import Sort
from tests.message_factories import RECIPIENT, SENDER, STOLEN, arrival, content, control, sent

VISIBLE = st.characters(min_codepoint=0x20, max_codepoint=0x7E)
VALUES = st.text(VISIBLE, max_size=40)
ENDS = st.sampled_from(["\r\n", "\n", "\r"])
NAMES = st.sampled_from(["Bcc", "Reply-To", "X-Any", "Content-Type", "Subject", "To"])


@given(VALUES)
def test_a_value_without_line_ends_is_no_fault(value: str):
    assert header_faults([arrival()], [arrival(content(Subject=value))], {"subject"}) == ()


@given(VALUES, VALUES)
def test_a_folded_value_is_no_fault(one: str, other: str):
    assert header_faults([arrival()], [arrival(content(Subject=f"{one}\r\n x{other}"))], {"subject"}) == ()


@given(VALUES, ENDS, NAMES, VALUES)
def test_every_injected_field_is_found(before: str, end: str, name: str, after: str):
    injected = arrival(content(Subject=f"{before}{end}{name}: {after}"))
    assert header_faults([arrival()], [injected], {"subject"})


@given(VALUES, ENDS)
def test_every_injected_body_is_found(before: str, end: str):
    assert header_faults([arrival()], [arrival(content(Subject=f"{before}{end}{end}x"))], {"subject"})


@given(VALUES, ENDS, st.text(VISIBLE.filter(lambda char: char not in " :"), min_size=1, max_size=10))
def test_every_injected_line_is_found(before: str, end: str, after: str):
    assert header_faults([arrival()], [arrival(content(Subject=f"{before}{end}{after}"))], {"subject"})


def test_a_field_that_is_refused_alone_is_no_fault():
    base, made = arrival(), arrival(content(List_Unsubscribe="<https://a.example>"))
    own = own_names("options.unsubscribeUrl", [made], [base])
    assert own == {"list-unsubscribe"}
    assert header_faults([made], [base], own) == ()
    assert header_faults([made], [base]) != ()


def test_the_control_that_is_nearest_counts():
    one, other = arrival(), arrival(content(X_Other="y"))
    assert header_faults([one, other], [other, one]) == ()


@given(st.lists(st.sampled_from([RECIPIENT, STOLEN, "a@b.example", ""]), max_size=4))
def test_an_envelope_is_sound_only_with_the_recipients_of_the_control(tried: list[str]):
    seen = sent("s", "subject", Sort.HOSTILE, arrival(), recipients_tried=tuple(tried))
    assert bool(envelope_faults(control(), seen)) is bool(set(tried) - {RECIPIENT, ""})


def test_an_address_in_gives_that_mailbox_out():
    odd = '"x@y.example z"@a.example'
    for came, fault in ((odd, False), ("x@y.example", True), ("z@a.example", True)):
        seen = sent("s", "to", Sort.EITHER, arrival(to=(came,)), value=odd)
        assert bool(envelope_faults(control(), seen, (odd,))) is fault, came


def test_other_senders_and_more_messages():
    assert envelope_faults(control(), sent("s", "subject", Sort.HOSTILE, arrival(), arrival()))
    assert envelope_faults(control(), sent("s", "subject", Sort.HOSTILE, arrival(sender="x@y.example")))
    assert not envelope_faults(control(), sent("s", "subject", Sort.HOSTILE, arrival(sender=SENDER)))


@pytest.mark.parametrize(
    ("make", "least", "most"),
    [
        (lambda draw, n: f"{draw(2**128):032x}", 120, 140),
        (lambda draw, n: f"{draw(2**64):016x}", 60, 70),
        (lambda draw, n: f"{1795574704380 + 13 * n}.{n}.{draw(2**64)}", 62, 80),
        (lambda draw, n: f"{1795574704380 + 13 * n}", 0, 1),
        (lambda draw, n: f"{1795574704380 + 13 * n}.{draw(2**32):08x}", 30, 36),
        (lambda draw, n: "same", 0, 0),
    ],
)
@given(st.data())
def test_bits_that_vary(make, least: float, most: float, data: st.DataObject):
    seed = data.draw(st.integers(1, 2**32))
    draw = Random(seed).randrange
    assert least <= varying_bits([make(draw, n) for n in range(60)]) <= most
