"""HELO and EHLO behind EHLO: a server that refuses the second is asked for each as the first."""

from __future__ import annotations

from smtp_audit.facts.endpoint import Role
from smtp_audit.probes.conversation.sequence import keep_the_sequence
from tests.hostile.dialogue import Dialogue
from tests.probes.stage import serving, talking


async def once(dialogue: Dialogue) -> None:
    """A hello is taken as the first command of its connection alone, as OpenSMTPD does."""
    wire = dialogue.wire
    greeted = getattr(wire, "greeted", False)
    wire.greeted = True
    await wire.send(b"503 5.5.1 Already identified\r\n" if greeted else b"250 mail.probe.example\r\n")


async def test_a_second_hello_that_is_refused_says_nothing_of_the_first() -> None:
    async with serving(talking(Role.MX, capabilities=once)) as stage:
        approach = stage.approach(Role.MX, domain="probe.example")
        facts = await keep_the_sequence(approach, approach.transcript())
    assert [told.reply.code for told in facts.helo.exchanges if told.reply] == ["250"]
    assert [told.reply.code for told in facts.other_case.exchanges if told.reply] == ["250", "250", "250"]
