"""What every server answers, and transactions that are given up: by servers that drop, defer, babble and lag."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_audit.configuration.model import Mailboxes
from smtp_audit.controls.chunking import chunk_size
from smtp_audit.controls.protocol_form import reply_form
from smtp_audit.controls.sequence import data_needs_recipient, data_needs_sender, reset_clears
from smtp_audit.errors import Undetermined
from smtp_audit.facts.conversation import offered
from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.observation import Absence
from smtp_audit.facts.sequence import SequenceFacts
from smtp_audit.facts.transaction import TransactionFacts
from smtp_audit.probes.conversation.sequence import keep_the_sequence
from smtp_audit.probes.conversation.transaction import RECIPIENTS, _long_domain, begin_transactions
from smtp_audit.probes.wire import PeerError
from smtp_audit.wiretext import escape
from tests.facts_factories import rule
from tests.probes.stage import Peer, Stage, serving
from tests.sequence_factories import sequence

DOMAIN = "probe.example"
HANG_UP, SILENCE = "hang up", "silence"
_REFUSED = ("XSMTP", "SIZE=1001", "\u00fc")


@dataclass
class Server:
    """An SMTP server without TLS. `changes`: the beginning of a command -> the lines it gets in place of the right
    answer, or HANG_UP or SILENCE."""

    changes: dict[str, str] = field(default_factory=dict)
    keywords: tuple[str, ...] = ("PIPELINING", "SIZE 1000", "8BITMIME", "SMTPUTF8")
    greeting: bytes = b"220 mail.probe.example ESMTP\r\n"
    heard: list[str] = field(default_factory=list)

    async def __call__(self, peer: Peer) -> None:
        await peer.send(self.greeting)
        mail, greeted = False, False
        while line := (await peer.line()).decode():
            self.heard.append(line)
            change = next((answer for start, answer in self.changes.items() if line.startswith(start)), None)
            verb = line.split(" ")[0].upper()
            if change == HANG_UP:
                return
            if change is None:
                change = self.answer(verb, line, mail, greeted)
            if change != SILENCE:
                await peer.send(change.encode("latin-1") + b"\r\n")
            if verb == "QUIT":
                return
            greeted = greeted or verb == "EHLO"
            if verb in ("RSET", "EHLO", "HELO") and not self.changes.get("keeps"):
                mail = False
            elif verb == "MAIL" and change.startswith("250"):
                mail = True

    def answer(self, verb: str, line: str, mail: bool, greeted: bool) -> str:
        if verb in ("EHLO", "HELO"):
            words = (DOMAIN, *self.keywords)
            return (
                "\r\n".join([*(f"250-{word}" for word in words[:-1]), f"250 {words[-1]}"]) if " " in line else "501 x"
            )
        if verb == "MAIL":
            if mail or not greeted:
                return "503 no"
            return "555 no" if len(line) < 10 or any(part in line for part in _REFUSED) else "250 ok"
        if verb in ("RCPT", "DATA"):
            return "250 ok" if verb == "RCPT" and mail and "<" in line else "503 no"
        known = {"NOOP": "250 ok", "RSET": "250 ok", "VRFY": "252 ok", "QUIT": "221 bye"}
        return known.get(verb, "500 what?")


async def asked(server: Server, probe=keep_the_sequence, role: Role = Role.MX, **more) -> tuple[object, Stage]:
    async with serving(server) as stage:
        approach = stage.approach(role, domain=DOMAIN)
        approach.config = approach.config.model_copy(update=more)
        facts = await probe(approach, approach.transcript())
    return facts, stage


async def plain(server: Server) -> SequenceFacts:
    facts, _ = await asked(server)
    assert isinstance(facts, SequenceFacts)
    return facts


async def begun(server: Server, **more) -> TransactionFacts:
    facts, _ = await asked(server, begin_transactions, **more)
    assert isinstance(facts, TransactionFacts)
    return facts


async def test_five_connections_are_enough():
    """QUIT has one of its own: what is left over from before would be taken for its answer."""
    for probe, most in ((keep_the_sequence, 3), (begin_transactions, 2)):
        _, stage = await asked(Server(), probe)
        assert stage.connections <= most


async def test_nothing_is_sent():
    server = Server()
    await asked(server)
    await asked(server, begin_transactions)
    assert not any(line == "." for line in server.heard)
    assert all("@probe.example" in line or "@" not in line or "example.com" in line or "127.0.0.1" in line
               for line in server.heard)  # fmt: skip


async def test_everything_is_answered():
    facts = await plain(Server())
    assert [facts.greeting.lines, facts.early_mail.lines] == [
        ("220 mail.probe.example ESMTP\\x0d\\x0a",),
        ("503 no\\x0d\\x0a",),
    ]
    unknown = [name for name, value in facts if getattr(value, "unknown", "")]
    assert unknown == []
    assert facts.quit.last.hung_up


@pytest.mark.parametrize(
    ("command", "answer", "field", "expected"),
    [
        ("XSMTPAUDIT", HANG_UP, "unknown_command", "hung up"),
        ("XSMTPAUDIT", "421 bye", "unknown_command", "421"),
        ("RCPT", "450 later", "recipient_first", "450"),
        ("DATA", "354 go on", "data_first", "500"),
        ("VRFY", "what?", "vrfy", "unknown"),
        ("VRFY", SILENCE, "vrfy", "silent"),
        ("HELO", "250-a\r\n250 b", "helo_without_name", "250"),
    ],
)
async def test_one_odd_answer_spoils_no_other(command, answer, field, expected):
    facts = await plain(Server({command: answer}))
    dialogue = getattr(facts, field)
    last = dialogue.exchanges[-1] if dialogue.exchanges else None
    if expected == "unknown":
        assert "not an SMTP reply" in dialogue.unknown
    elif expected in ("hung up", "silent"):
        assert last.hung_up is (expected == "hung up")
        assert last.ended
    else:
        assert last.reply.code == expected
    assert facts.noop.last.accepted
    assert facts.quit.exchanges[0].reply.code == "221"


def _data(begins: str, ends: str) -> Server:
    return Server({"DATA": begins, ".": ends})


@pytest.mark.parametrize(
    ("end", "wanted"), [("554 no valid recipients", "pass"), ("250 kept", "fail"), ("451 later", None), (HANG_UP, None)]
)
async def test_whoever_takes_data_is_asked_what_becomes_of_an_empty_message_to_nobody(end, wanted):
    server = _data("354 go on", end)
    sequence, transaction = await plain(server), await begun(server)
    for judge, facts in ((data_needs_sender, sequence), (data_needs_recipient, transaction)):
        if wanted is None:
            with pytest.raises(Undetermined):
                judge(facts, rule())
        else:
            assert judge(facts, rule()).outcome == wanted
    assert [each.sent for each in sequence.data_first.exchanges] == ["DATA", "."]
    assert [each.sent for each in transaction.data_without_recipient.exchanges] == ["MAIL FROM:<>", "DATA", "."]
    # Nobody was named on the connection.
    for at in (number for number, line in enumerate(server.heard) if line == "."):
        before = server.heard[: at + 1]
        hello = max(number for number, line in enumerate(before) if line.startswith("EHLO"))
        assert before[hello + 1 :] in (["DATA", "."], ["MAIL FROM:<>", "DATA", "."])
    assert server.heard.count(".") == 2


async def test_whoever_refuses_data_is_sent_no_dot():
    server = _data("554 no", "250 kept")
    assert data_needs_sender(await plain(server), rule()).outcome == "pass"
    assert data_needs_recipient(await begun(server), rule()).outcome == "pass"
    assert "." not in server.heard


async def test_early_mail_that_ends_the_connection_is_asked_twice():
    server = Server({"MAIL FROM:<>": HANG_UP})
    facts = await plain(server)
    assert facts.early_mail.hung_up
    assert facts.hello.lines
    assert sum(line.startswith("MAIL FROM") for line in server.heard) == 2


@pytest.mark.parametrize("greeting", [b"220 mail\n", b"220-mail\r\n221 mail\r\n"])
async def test_the_greeting_is_seen_as_it_came(greeting):
    facts = await plain(Server(greeting=greeting))
    assert reply_form(facts, rule()).outcome == "fail"


async def test_no_greeting_is_no_facts():
    with pytest.raises(PeerError):
        await asked(Server(greeting=b"hello?\r\n"))


async def test_no_octet_of_a_gigantic_chunk_is_sent():
    server = Server({"BDAT": "521 5.5.4 no"}, keywords=("CHUNKING",))
    facts = await begun(server)
    assert [each.sent.split(" ")[0] for each in facts.gigantic_chunk.exchanges] == ["MAIL", "RCPT", "BDAT"]
    assert facts.gigantic_chunk.last.sent == "BDAT 18446744073709551616"
    assert facts.gigantic_chunk.last.refused
    assert "BDAT" not in " ".join(server.heard).split("BDAT 18446744073709551616")[1]
    assert (await begun(Server())).gigantic_chunk.exchanges == ()


async def test_a_server_that_waits_for_a_gigantic_chunk_is_seen(monkeypatch):
    monkeypatch.setattr("smtp_audit.probes.conversation.transaction.WAIT", 0.2)
    facts = await begun(Server({"BDAT": SILENCE}, keywords=("CHUNKING",)))
    assert chunk_size(facts, rule()).outcome == "fail"


async def test_without_credentials_nothing_is_asked_where_users_log_in():
    server = Server()
    with pytest.raises(PeerError) as raised:
        await asked(server, begin_transactions, role=Role.SUBMISSION)
    assert raised.value.absence is Absence.NOT_AVAILABLE
    assert "no credentials" in raised.value.reason
    assert server.heard == []


async def test_a_reset_that_does_nothing_is_the_only_fault():
    facts = await begun(Server({"keeps": "on", "RSET": "250 ok"}))
    assert reset_clears(facts, rule()).outcome == "fail"
    assert facts.eight_bit.last.accepted
    assert facts.utf8.last.accepted
    assert facts.small_letters.last.accepted


async def test_greylisting_leaves_everything_open():
    facts = await begun(Server({"MAIL": "450 4.2.0 later"}))
    for name in ("reset", "nested_mail", "many_recipients", "eight_bit", "unknown_parameter", "postmaster"):
        assert "450" in getattr(facts, name).unknown, name


async def test_another_sender_is_tried_where_the_null_sender_is_refused():
    facts = await begun(
        Server({"MAIL FROM:<>": "550 5.7.1 no"}), mailboxes=Mailboxes(foreign="me@elsewhere.example.com")
    )
    assert "550" in facts.null_sender.unknown
    assert facts.null_sender_from_other.last.accepted
    assert facts.reset.exchanges[0].sent == "MAIL FROM:<me@elsewhere.example.com>"
    assert facts.eight_bit.last.accepted


@pytest.mark.parametrize("keywords", [("PIPELINING",), ("HELP",)])
async def test_a_hundred_recipients_in_one_or_many_lines(keywords):
    facts = await begun(Server(keywords=keywords))
    replies = [reply for exchange in facts.many_recipients.exchanges[1:] for reply in exchange.replies]
    assert [reply.code for reply in replies] == ["250"] * RECIPIENTS
    assert facts.too_large.unknown == facts.eight_bit.unknown == ""
    assert facts.too_large.exchanges == facts.eight_bit.exchanges == ()


@pytest.mark.parametrize("size", ["0", "", "x", "9" * 25, "-1"])
async def test_a_size_that_is_none_is_not_exceeded(size):
    facts = await begun(Server(keywords=("PIPELINING", f"SIZE {size}".strip())))
    assert facts.too_large.exchanges == ()


@given(st.integers(80, 252))
def test_a_long_domain_is_as_long_as_it_should_be(length):
    domain = _long_domain("example.com", length)
    assert len(domain) == length
    assert all(1 <= len(label) <= 63 for label in domain.split("."))


@given(st.binary(max_size=600))
def test_the_form_of_any_octets_can_be_judged(octets):
    facts = sequence(greeting={"lines": (escape(octets + b"\n"),)})
    assert reply_form(facts, rule()).outcome in ("pass", "fail")


@given(st.binary(max_size=507).map(lambda octets: bytes(octet % 95 + 32 for octet in octets)))
def test_printable_text_is_well_formed_up_to_512_octets(text):
    facts = sequence(greeting={"lines": (escape(b"220 " + text + b"\r\n"),)})
    assert reply_form(facts, rule()).outcome == ("pass" if len(text) <= 506 else "fail")


@given(st.lists(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30)))
def test_a_keyword_is_found_where_it_stands_first(lines):
    capabilities = ["mail.example.com", *lines]
    assert (offered(capabilities, "SIZE") is None) is not any(line.split(" ")[0].upper() == "SIZE" for line in lines)
