"""VRFY and EXPN are asked for what is there and for what is not, on one connection."""

from __future__ import annotations

import pytest

from smtp_audit.configuration.model import Mailboxes
from smtp_audit.controls.directory import expn_tells_nothing, vrfy_tells_nothing
from smtp_audit.facts.directory import DirectoryFacts
from smtp_audit.probes.conversation.directory import look_up_names
from tests.probes.stage import serving

from .envelope_server import DENIED, MailServer
from .test_relay import approach_of, judged


async def asked(answer, **more) -> DirectoryFacts:
    async with serving(MailServer(lambda *_: DENIED, other=answer)) as stage:
        approach = approach_of(stage, **more)
        facts = await look_up_names(approach, approach.transcript())
        await stage.quiet()
        assert answer is not OFF or stage.connections == 1
    return facts


def OFF(_: str) -> str:
    return "502 5.5.1 not here"


def verdicts(facts: DirectoryFacts) -> tuple[str, str]:
    return judged(vrfy_tells_nothing, facts), judged(expn_tells_nothing, facts)


async def test_what_is_asked():
    facts = await asked(OFF)
    assert verdicts(facts) == ("pass", "pass")
    assert facts.known.last.sent == "VRFY postmaster@probe.example"
    assert facts.postmaster.last.sent == "EXPN postmaster@probe.example"
    assert facts.unknown.last.sent != facts.nobody.last.sent
    facts = await asked(OFF, mailboxes=Mailboxes(own="alice@own.example"))
    assert facts.known.last.sent == "VRFY alice@own.example"
    assert facts.unknown.last.sent.endswith("@own.example")


@pytest.mark.parametrize(
    ("known", "unknown", "wanted"),
    [
        ("252 2.0.0 {}", "252 2.0.0 {}", "pass"),
        ("252 2.0.0 {}", "550 5.1.1 <{}>: unknown", "fail"),
        ("250 Post Master <{}>", "550 no", "fail"),
        ("250-Post Master <{}>\r\n250 and Mistress <{}>", "250 {}", "fail"),
        ("252 try it", "450 4.7.0 later", "indeterminate"),
        ("450 4.7.0 later", "450 4.7.0 later", "indeterminate"),
        ("550 5.1.1 <{}>: unknown", "550 5.1.1 <{}>: unknown", "indeterminate"),
        ("what?", "what?", "indeterminate"),
        (None, None, "pass"),
    ],
)
async def test_vrfy(known, unknown, wanted):
    def answer(line: str) -> str | None:
        verb, name = line.split(" ")
        if verb != "VRFY":
            return "502 5.5.1 no"
        reply = known if name.startswith("postmaster") else unknown
        return None if reply is None else reply.replace("{}", name)

    assert judged(vrfy_tells_nothing, await asked(answer)) == wanted


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        ("250 Alice <alice@probe.example>", "fail"),
        ("250-alice@probe.example\r\n250 bob@probe.example", "fail"),
        ("252 no", "pass"),
        ("550 5.7.1 no", "pass"),
        ("450 4.7.0 later", "indeterminate"),
        ("what?", "indeterminate"),
        (None, "pass"),
    ],
)
async def test_expn(answer, wanted):
    facts = await asked(lambda line: answer if line.startswith(("EXPN postmaster", "EXPN abuse")) else "502 5.5.1 no")
    assert judged(expn_tells_nothing, facts) == wanted
