"""The corpus sent with real programs in the private network: what a sound one makes of it, and an unsound one."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from smtp_audit.configuration.model import ClientSettings, Config
from smtp_audit.control import REGISTRY, load_builtin
from smtp_audit.errors import Undetermined
from smtp_audit.facts.client import Claim
from smtp_audit.facts.client_messages import ClientMessageFacts, Sort
from smtp_audit.lab.senders import SENDERS
from smtp_audit.probes.client.corpus import content_cases, field_cases, first_cases, recipient_cases
from smtp_audit.probes.client.messages import look_at_messages
from smtp_audit.probes.client.network import containment
from smtp_audit.probes.client.sending import cases_for, custom_fields, message_of, scenarios_for
from smtp_audit.probes.programs_approach import ProgramApproach
from smtp_audit.probes.wire import Transcript
from smtp_audit.profile import load_profile
from tests.facts_factories import rule

in_private = pytest.mark.skipif(not containment().possible, reason=containment().told)

load_builtin()
PROFILE = load_profile("enterprise", REGISTRY)
CONTROLS = tuple(control for control in REGISTRY if control.needs == (ClientMessageFacts,))


def tried(*argv: str, **more: object) -> ClientMessageFacts:
    settings = ClientSettings.model_validate({"name": "x", "argv": argv, "seconds": 30.0, **more})
    approach = ProgramApproach("client:x", Config(clients=(settings,)), "run", lambda _: None)
    return asyncio.run(look_at_messages(approach, Transcript()))


def verdicts(facts: ClientMessageFacts) -> dict[str, str]:
    found = {}
    for control in CONTROLS:
        try:
            found[control.id] = control.judge(facts, rule(**PROFILE.rule(control).parameters)).outcome.value
        except Undetermined:
            found[control.id] = "indeterminate"
    return found


def test_the_corpus_is_large_and_its_names_are_unique():
    settings = ClientSettings(name="x", argv=("x",), message={"campaign": "campaign", "to": "recipients"})
    assert custom_fields(settings) == ("campaign",)
    cases = [*first_cases(custom_fields(settings)), *cases_for(settings)]
    assert len({case.name for case in cases}) == len(cases)
    values = [*field_cases(()), *recipient_cases(), *content_cases()]
    assert len([case for case in values if case.sort in (Sort.HOSTILE, Sort.MALFORMED, Sort.EITHER)]) >= 150
    assert {case.field for case in cases} >= {
        "to", "cc", "reply_to", "subject", "html", "text", "options.fromName", "options.unsubscribeUrl",
        "options.priority", "options.headers", "data.alertType", "campaign",
    }  # fmt: skip
    assert len(scenarios_for(settings)) == len(cases) + 3  # and one for each setting that is left out


def test_a_message_is_harmless_but_for_the_field_under_test():
    for case in cases_for(ClientSettings(name="x", argv=("x",))):
        more = message_of(case).more
        allowed = {case.field.partition(".")[0], *case.more}
        if case.field.startswith("data."):
            allowed |= {"template", "subject", "html", "text"}
        assert set(more) <= allowed, case.name


@pytest.fixture(scope="module")
def sound() -> ClientMessageFacts:
    return tried(sys.executable, str(SENDERS["good"]))


@pytest.fixture(scope="module")
def unsound() -> ClientMessageFacts:
    return tried(sys.executable, str(SENDERS["bad"]))


@in_private
def test_a_sound_program_passes(sound: ClientMessageFacts):
    found = verdicts(sound)
    assert {name for name, outcome in found.items() if outcome != "pass"} == {"client-mailer-version", "client-alert"}
    assert found["client-mailer-version"] == found["client-alert"] == "not_applicable"


@in_private
def test_the_fields_that_a_sound_program_uses_are_judged(sound: ClientMessageFacts):
    shown = {message.field for message in sound.of(Sort.CONTROL) if message.shows}
    assert shown >= {"cc", "reply_to", "subject", "html", "text", "options.fromName", "options.unsubscribeUrl"}
    tried_fields = {message.field for message in sound.of(Sort.HOSTILE)}
    assert "options.headers" not in tried_fields  # it takes no notice of them
    assert tried_fields >= {"cc", "reply_to", "options.fromName", "options.unsubscribeUrl", "options.priority"}


@in_private
def test_an_unsound_program_fails(unsound: ClientMessageFacts):
    found = verdicts(unsound)
    assert {name for name, outcome in found.items() if outcome == "fail"} >= {
        "client-header-injection" if sys.version_info < (3, 12, 4) else "client-recipient-syntax",
        "client-envelope-injection", "client-recipient-syntax", "client-disposable-recipients",
        "client-subject-required", "client-content-required", "client-message-id", "client-headers",
        "client-text-alternative", "client-addresses-masked", "client-settings-required",
    }  # fmt: skip


RAW = """
import json, os, smtplib, ssl, sys
order = json.load(sys.stdin)
sender, to = os.environ["ENTERPRISE_FROM_EMAIL"], order["to"]
print(json.dumps({"time": "2026-01-31T12:00:00Z", "event": "started"}), flush=True)
if any(each.endswith("@tempmail.com") for each in to):
    sys.exit(1)
head = "From: %s\\r\\nTo: %s\\r\\nSubject: %s\\r\\nX-Campaign: %s\\r\\n\\r\\n" % (
    sender, ", ".join(to), order.get("subject"), order.get("campaign"))
server = smtplib.SMTP(os.environ["ENTERPRISE_SMTP_HOST"], 587, timeout=10)
server.starttls(context=ssl.create_default_context())
server.login(os.environ["ENTERPRISE_SMTP_USER"], os.environ["ENTERPRISE_SMTP_PASS"])
for each in to:
    server.putcmd("MAIL FROM:<%s>" % sender); server.getreply()
    server.sock.sendall(b"RCPT TO:<%s>\\r\\n" % each.encode())
    server.getreply()
    server.putcmd("DATA"); server.getreply()
    for text in (order.get("html"), order.get("text")):
        if isinstance(text, dict):
            text = open(text["path"]).read()
        head += str(text) + "\\r\\n"
    server.sock.sendall(head.encode() + b".\\r\\n")
    server.getreply()
"""


@in_private
def test_a_program_that_puts_everything_together_by_hand():
    facts = tried(sys.executable, "-c", RAW, message={"campaign": "campaign"}, seconds=6.0)
    by_name = {message.name: message for message in facts.messages}
    for name in ("subject-crlf", "subject-lf", "subject-cr", "campaign-crlf"):
        assert "bcc" in by_name[name].arrivals[0].names_any, name
    assert "stolen@attacker.example" in by_name["to-crlf-command"].recipients_tried
    assert len(by_name["html-dot"].arrivals) > 1
    assert by_name["reference-html-path"].resolved
    found = verdicts(facts)
    for control in (
        "header-injection",
        "envelope-injection",
        "recipient-syntax",
        "local-files",
        "line-length",
        "block-logged",
    ):
        assert found[f"client-{control}"] == "fail", control


@in_private
def test_a_program_that_cannot_send_is_inconclusive():
    facts = tried(sys.executable, "-c", "raise SystemExit(1)")
    assert [message.name for message in facts.messages] == ["control"]
    assert set(verdicts(facts).values()) == {"indeterminate"}


@in_private
def test_a_program_that_is_not_there():
    facts = tried("/nowhere/program")
    assert facts.messages[0].execution.claim is Claim.NOT_STARTED
    assert "/nowhere/program" in facts.messages[0].detail
    assert set(verdicts(facts).values()) == {"indeterminate"}


def test_files_are_where_they_are_said_to_be():
    assert all(Path(path).is_file() for path in SENDERS.values())
