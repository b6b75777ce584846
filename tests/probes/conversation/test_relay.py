"""Relaying is asked for in 16 forms and from every source address, and a message is sent to one's own mailbox only."""

from __future__ import annotations

import re

import pytest

from smtp_audit.configuration.model import Mailboxes
from smtp_audit.controls.relay import relay_not_delivered, relay_refused, relay_routed_refused
from smtp_audit.errors import Undetermined
from smtp_audit.facts.observation import Absence
from smtp_audit.facts.relay import PLAIN_FORMS, ROUTED_FORMS, RelayDeliveryFacts, RelayFacts, RelayForm
from smtp_audit.limits import Limits
from smtp_audit.probes.conversation.relay import try_to_deliver, try_to_relay
from smtp_audit.probes.wire import PeerError
from tests.facts_factories import rule
from tests.probes.stage import Stage, serving

from .envelope_server import DENIED, OK, MailServer

DOMAIN = "probe.example"
NO_USER = "550 5.1.1 no such user"
LOCAL = {f"postmaster@{DOMAIN}", f"alice@{DOMAIN}"}
MINE = Mailboxes(foreign="me@elsewhere.example")
IMPATIENT = Limits(connect_seconds=0.3, greeting_seconds=0.3, reply_seconds=0.3, handshake_seconds=0.3)


def sound(_: str, recipient: str) -> str:
    if recipient in LOCAL:
        return OK
    return NO_USER if recipient.endswith(f"@{DOMAIN}") and not re.search("[%!@].*@", recipient) else DENIED


def approach_of(stage: Stage, **more):
    approach = stage.approach(domain=DOMAIN, limits=IMPATIENT)
    # Named, so that this machine is a stranger to the server.
    approach.config = approach.config.model_copy(update={"sources": ("127.0.0.1",), **more})
    return approach


async def relayed(server: MailServer, **more) -> tuple[RelayFacts, Stage]:
    async with serving(server) as stage:
        approach = approach_of(stage, **more)
        facts = await try_to_relay(approach, approach.transcript())
        await stage.quiet()
    return facts, stage


async def delivered(server: MailServer, **more) -> RelayDeliveryFacts:
    async with serving(server) as stage:
        approach = approach_of(stage, mailboxes=MINE, **more)
        approach.run_id = "0123456789abcdef"
        return await try_to_deliver(approach, approach.transcript())


def judged(control, facts) -> str:
    try:
        return control(facts, rule()).outcome.value
    except Undetermined:
        return "indeterminate"


def verdicts(facts: RelayFacts) -> tuple[str, str]:
    return judged(relay_refused, facts), judged(relay_routed_refused, facts)


async def test_every_form_is_tried_and_nothing_is_sent():
    server = MailServer(sound)
    facts, stage = await relayed(server)
    assert verdicts(facts) == ("pass", "pass")
    assert server.messages == []
    assert stage.connections == 2
    assert server.pairs == [
        ("", f"postmaster@{DOMAIN}"),
        ("", "smtp-audit@example.com"),
        ("smtp-audit@example.com", "smtp-audit@example.com"),
        (f"postmaster@{DOMAIN}", "smtp-audit@example.com"),
        ("smtp-audit@[127.0.0.1]", "smtp-audit@example.com"),
        ("", f"smtp-audit%example.com@{DOMAIN}"),
        ("", "smtp-audit%example.com@[127.0.0.1]"),
        ("", "smtp-audit%example.com"),
        ("", '"smtp-audit@example.com"'),
        ("", f'"smtp-audit@example.com"@{DOMAIN}'),
        ("", f"smtp-audit@example.com@{DOMAIN}"),
        ("", "smtp-audit@example.com@[127.0.0.1]"),
        ("", f"@{DOMAIN}:smtp-audit@example.com"),
        ("", "@[127.0.0.1]:smtp-audit@example.com"),
        ("", "example.com!smtp-audit"),
        ("", f"example.com!smtp-audit@{DOMAIN}"),
        ("", "example.com!smtp-audit@[127.0.0.1]"),
        ("", f"postmaster@{DOMAIN}"),
    ]


@pytest.mark.parametrize("form", PLAIN_FORMS)
async def test_an_open_relay_for_one_sender(form):
    server = MailServer(sound)
    facts, _ = await relayed(server)
    senders = dict(zip(PLAIN_FORMS, server.pairs[1:5], strict=True))

    def rcpt(sender: str, recipient: str) -> str:
        foreign = re.fullmatch(r"[^@]*@example\.(com|org)", recipient)
        return OK if foreign and sender == senders[form][0] else sound(sender, recipient)

    facts, _ = await relayed(MailServer(rcpt))
    assert verdicts(facts) == ("fail", "not_applicable")
    (source,) = facts.sources
    (taken,) = [attempt for attempt in source.attempts if attempt.elsewhere is not None]
    assert taken.form is form
    assert taken.elsewhere.last.sent == "RCPT TO:<smtp-audit@example.org>"


@pytest.mark.parametrize("form", ROUTED_FORMS)
async def test_a_relay_for_one_routed_form(form):
    recipients = dict(zip(RelayForm, [pair[1] for pair in (await _pairs())[1:-1]], strict=True))

    def rcpt(sender: str, recipient: str) -> str:
        return OK if recipient == recipients[form] else sound(sender, recipient)

    facts, _ = await relayed(MailServer(rcpt))
    assert verdicts(facts) == ("pass", "fail")


async def test_the_hosts_name_is_no_domain_of_its_own():
    """No domain is named: of routes through the host's name nothing is known where that is no local domain."""

    def rcpt(_: str, recipient: str) -> str:
        return OK if recipient == "postmaster" else DENIED

    async with serving(MailServer(rcpt)) as stage:
        approach = stage.approach(limits=IMPATIENT)
        approach.config = approach.config.model_copy(update={"sources": ("127.0.0.1",)})
        facts = await try_to_relay(approach, approach.transcript())
    assert verdicts(facts) == ("pass", "indeterminate")


async def test_who_is_banned_on_the_way_was_not_refused_for_relaying():
    asked: list[str] = []

    def rcpt(sender: str, recipient: str) -> str:
        asked.append(recipient)
        return sound(sender, recipient) if len(asked) < 4 else "550 5.7.1 too many errors, go away"

    facts, _ = await relayed(MailServer(rcpt))
    assert verdicts(facts) == ("indeterminate", "indeterminate")


async def _pairs() -> list[tuple[str, str]]:
    server = MailServer(sound)
    await relayed(server)
    return server.pairs


async def test_a_catch_all_is_no_relay():
    def rcpt(_: str, recipient: str) -> str:
        return OK if recipient.rpartition("@")[2] in (DOMAIN, "[127.0.0.1]") or "@" not in recipient else DENIED

    facts, _ = await relayed(MailServer(rcpt))
    assert verdicts(facts) == ("pass", "indeterminate")


async def test_a_server_that_takes_odd_local_parts_only_is_no_relay():
    def rcpt(sender: str, recipient: str) -> str:
        return OK if "%" in recipient and recipient.endswith(f"@{DOMAIN}") else sound(sender, recipient)

    facts, _ = await relayed(MailServer(rcpt))
    assert verdicts(facts) == ("pass", "indeterminate")


async def test_a_domain_of_its_own_is_no_relay():
    def rcpt(sender: str, recipient: str) -> str:
        return OK if recipient == "smtp-audit@example.com" else sound(sender, recipient)

    facts, _ = await relayed(MailServer(rcpt))
    assert verdicts(facts) == ("indeterminate", "indeterminate")
    facts, _ = await relayed(MailServer(rcpt), mailboxes=MINE)
    assert verdicts(facts) == ("pass", "pass")


async def test_the_users_own_mailbox_elsewhere_is_proof_enough():
    def rcpt(sender: str, recipient: str) -> str:
        return OK if recipient == MINE.foreign else sound(sender, recipient)

    facts, _ = await relayed(MailServer(rcpt), mailboxes=MINE)
    assert facts.named
    assert verdicts(facts) == ("fail", "not_applicable")


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        ("450 4.2.0 greylisted", "indeterminate"),
        ("454 4.7.1 <x>: Relay access denied", "pass"),
        ("421 4.7.0 go away", "indeterminate"),
        (None, "pass"),
        ("what?", "indeterminate"),
        ("354 go on", "indeterminate"),
        ("554-5.7.1 no\r\n554 5.7.1 really not", "pass"),
        ("250-2.1.5 ok\r\n550 5.1.1 no", "indeterminate"),
        # One reply too many: each is asked first on a connection then, where nothing is out of step yet.
        ("554 5.7.1 no\r\n250 ok", "indeterminate"),
    ],
)
async def test_other_answers(answer, wanted):
    facts, _ = await relayed(MailServer(lambda _, recipient: OK if recipient in LOCAL else answer))
    assert judged(relay_refused, facts) == wanted
    assert judged(relay_routed_refused, facts) == wanted


@pytest.mark.parametrize("answer", ["554 5.7.1 you are on a list", None, "450 4.2.0 later", "421 4.7.0 busy"])
async def test_who_is_refused_altogether_learns_nothing(answer):
    facts, _ = await relayed(MailServer(lambda *_: answer))
    assert verdicts(facts) == ("indeterminate", "indeterminate")
    facts, _ = await relayed(MailServer(sound, mail=lambda _: answer))
    assert verdicts(facts) == ("indeterminate", "indeterminate")


async def test_who_has_to_log_in_first_relays_for_nobody():
    facts, _ = await relayed(MailServer(sound, mail=lambda _: "530 5.7.0 Authentication required"))
    assert verdicts(facts) == ("pass", "pass")


async def test_silence_is_no_answer():
    async def silent(peer):
        await peer.say("220 mail ESMTP")
        while line := await peer.line():
            if not line.upper().startswith(b"RCPT"):
                await peer.say("250 ok")

    async with serving(silent) as stage:
        approach = approach_of(stage)
        facts = await try_to_relay(approach, approach.transcript())
    assert verdicts(facts) == ("indeterminate", "indeterminate")


@pytest.mark.parametrize("greeting", ["554 no service for you", "what?"])
async def test_nothing_could_be_tried(greeting):
    async def rude(peer):
        await peer.say(greeting)

    async with serving(rude) as stage:
        approach = approach_of(stage)
        with pytest.raises(PeerError):
            await try_to_relay(approach, approach.transcript())


class TestSources:
    async def test_the_servers_own_host_is_no_stranger(self):
        facts, _ = await relayed(MailServer(lambda *_: OK), sources=())
        (source,) = facts.sources
        assert source.same_host
        assert verdicts(facts) == ("indeterminate", "indeterminate")
        facts, _ = await relayed(MailServer(sound), sources=())
        assert verdicts(facts) == ("pass", "pass")

    async def test_each_is_tried_and_named(self):
        server = MailServer(sound)
        facts, _ = await relayed(server, sources=("127.0.0.2", "127.0.0.3", "::1"))
        assert [source.address for source in facts.sources] == ["127.0.0.2", "127.0.0.3"]
        assert server.sources == ["127.0.0.2"] * 2 + ["127.0.0.3"] * 2
        assert verdicts(facts) == ("pass", "pass")

    async def test_one_that_is_trusted_is_found(self):
        server = MailServer(
            lambda sender, recipient: OK if server.sources[-1] == "127.0.0.3" else sound(sender, recipient)
        )
        facts, _ = await relayed(server, sources=("127.0.0.2", "127.0.0.3"))
        verdict = relay_refused(facts, rule())
        assert verdict.summary.startswith("from 127.0.0.3: takes mail from a stranger")

    async def test_an_address_that_this_machine_does_not_have(self):
        facts, _ = await relayed(MailServer(sound), sources=("127.0.0.2", "192.0.2.1"))
        assert facts.sources[1].unknown
        assert verdicts(facts) == ("indeterminate", "indeterminate")
        async with serving(MailServer(sound)) as stage:
            approach = approach_of(stage, sources=("192.0.2.1",))
            with pytest.raises(PeerError) as error:
                await try_to_relay(approach, approach.transcript())
        assert error.value.absence is Absence.UNREACHABLE


def _own(*domains: str):
    """A server with mail for these domains alone."""

    def rcpt(_: str, recipient: str) -> str:
        return OK if recipient == "postmaster" or recipient.rpartition("@")[2] in domains else DENIED

    return rcpt


async def _without_domain(hello: str, *domains: str) -> tuple[RelayFacts, MailServer]:
    server = MailServer(_own(*domains), hello=(f"250 {hello}",))
    facts, _ = await relayed(server, domain=None)
    return facts, server


class TestWithoutDomain:
    """Whose mail the server takes is not known: only what it takes for itself shows that."""

    async def test_its_own_name_will_do_where_it_takes_mail_for_that(self):
        facts, server = await _without_domain("mx1.own.example hello", "mx1.own.example")
        asked = [recipient for _, recipient in server.pairs]
        assert "smtp-audit%example.com@mx1.own.example" in asked
        assert asked.count("postmaster@mx1.own.example") == 2
        assert facts.sources[0].at_domain.exchanges[-1].accepted
        # What it takes there is a local part: whatever stands before the last @ is its own affair.
        assert verdicts(facts) == ("pass", "indeterminate")

    async def test_and_refuses_what_is_routed_through_it(self):
        def rcpt(_: str, recipient: str) -> str:
            mine = recipient == "postmaster" or re.fullmatch(r"postmaster@mx1\.own\.example", recipient)
            return OK if mine else DENIED

        facts, stage = await relayed(MailServer(rcpt, hello=("250 mx1.own.example",)), domain=None)
        assert verdicts(facts) == ("pass", "pass")
        assert stage.connections <= 3

    async def test_a_route_through_its_own_name_is_a_relay(self):
        def rcpt(_: str, recipient: str) -> str:
            mine = recipient in ("postmaster", "postmaster@mx1.own.example")
            return OK if mine or recipient == "smtp-audit%example.com@mx1.own.example" else DENIED

        facts, _ = await relayed(MailServer(rcpt, hello=("250 mx1.own.example",)), domain=None)
        assert verdicts(facts) == ("pass", "fail")

    @pytest.mark.parametrize(
        "hello", ["mx1.own.example", "mail", "[192.0.2.1]", "mx1.example.com", "a..b.example", "x>\\x00.example", "-"]
    )
    async def test_a_name_that_it_takes_no_mail_for_leaves_it_open(self, hello):
        facts, server = await _without_domain(hello, "other.example")
        assert verdicts(facts) == ("pass", "indeterminate")
        asked = {recipient.rpartition("@")[2] for _, recipient in server.pairs}
        assert (hello in asked) is (hello == "mx1.own.example")

    async def test_where_the_domain_is_named_it_is_not_asked_for(self):
        server = MailServer(sound, hello=("250 mx1.own.example",))
        await relayed(server)
        assert not any("own.example" in recipient for _, recipient in server.pairs)


class TestDelivery:
    async def test_without_a_mailbox_elsewhere_nobody_is_asked(self):
        async with serving(MailServer(sound)) as stage:
            approach = approach_of(stage)
            with pytest.raises(PeerError) as error:
                await try_to_deliver(approach, approach.transcript())
            assert error.value.absence is Absence.NOT_AVAILABLE
            assert stage.connections == 0

    async def test_a_server_that_refuses_gets_no_message(self):
        server = MailServer(sound)
        facts = await delivered(server)
        assert judged(relay_not_delivered, facts) == "pass"
        assert server.messages == []

    async def test_a_server_that_refuses_the_client_shows_nothing(self):
        facts = await delivered(MailServer(lambda *_: "554 5.7.1 Service unavailable; Client host blocked"))
        assert judged(relay_not_delivered, facts) == "indeterminate"

    async def test_a_server_that_stops_serving_on_the_way_shows_nothing(self):
        told: list[str] = []

        def worn_out(sender: str, recipient: str) -> str:
            told.append(recipient)
            return sound(sender, recipient) if len(told) < 6 else "554 5.7.1 Service unavailable; Client host blocked"

        assert judged(relay_not_delivered, await delivered(MailServer(worn_out))) == "indeterminate"

    async def test_an_open_relay_gets_one(self):
        server = MailServer(lambda *_: OK)
        facts = await delivered(server)
        assert judged(relay_not_delivered, facts) == "fail"
        (message,) = server.messages
        assert server.pairs[-1] == ("", MINE.foreign)
        assert b"X-SMTP-Audit-Run: 0123456789abcdef\r\n" in message
        assert b"To: <me@elsewhere.example>\r\n" in message

    @pytest.mark.parametrize(
        ("answer", "wanted"),
        [
            ("554 5.7.1 no relaying", "pass"),
            ("451 4.3.0 later", "indeterminate"),
            ("421 4.3.0 later", "indeterminate"),
            ("what?", "indeterminate"),
            (None, "indeterminate"),
        ],
    )
    async def test_whatever_comes_behind_the_message_it_is_sent_once(self, answer, wanted):
        server = MailServer(lambda *_: OK, data=lambda _: answer)
        facts = await delivered(server)
        assert judged(relay_not_delivered, facts) == wanted
        assert len(server.messages) == 1

    async def test_a_catch_all_that_takes_a_routed_form_proves_nothing(self):
        server = MailServer(lambda sender, recipient: OK if "%" in recipient else sound(sender, recipient))
        facts = await delivered(server)
        assert judged(relay_not_delivered, facts) == "indeterminate"
        assert server.pairs[-1] == ("", f"me%elsewhere.example@{DOMAIN}")
        assert len(server.messages) == 1
