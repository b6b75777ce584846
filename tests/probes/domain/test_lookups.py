"""Questions to a resolver: what a server does decides how its answer counts; silence is never "does not exist"."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator, Callable
from typing import cast

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_audit.configuration.model import Config, Resolver
from smtp_audit.facts.lookup import Answer, LookupOutcome
from smtp_audit.limits import MAX_RECORDS
from smtp_audit.probes.domain import lookups
from smtp_audit.probes.domain.lookups import Lookups, Server, servers_of

Reply = bytes | None
Script = Callable[[dns.message.Message, bool, int], Reply]
"""From a query, whether it came by TCP, and how many came before, to an answer; None is silence."""

SIGNATURE = "A 13 2 3600 20300101000000 20260101000000 1234 example.com. c2lnbmF0dXJl"


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookups, "TRY_SECONDS", 0.3)


def reply(query: dns.message.Message, *records: str, rdtype: str = "A", flags: int = 0) -> dns.message.Message:
    answer = dns.message.make_response(query, recursion_available=True)
    answer.flags |= flags
    if records:
        answer.answer.append(dns.rrset.from_text(query.question[0].name, 3600, "IN", rdtype, *records))
    return answer


class Serving:
    """The server on loopback, and what it was asked."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.queries: list[dns.message.Message] = []
        self.port = 0

    def answer(self, data: bytes, *, tcp: bool) -> Reply:
        query = dns.message.from_wire(data)
        self.queries.append(query)
        return self.script(query, tcp, len(self.queries) - 1)

    def lookups(self) -> Lookups:
        return Lookups((Server("127.0.0.1", self.port),))


@contextlib.asynccontextmanager
async def serving(script: Script) -> AsyncIterator[Serving]:
    server = Serving(script)

    class OverUdp(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = cast("asyncio.DatagramTransport", transport)  # Python 3.11 has it of another class

        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            if (answer := server.answer(data, tcp=False)) is not None:
                self.transport.sendto(answer, addr)

    async def over_tcp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            (length,) = struct.unpack("!H", await reader.readexactly(2))
            if (answer := server.answer(await reader.readexactly(length), tcp=True)) is not None:
                writer.write(struct.pack("!H", len(answer)) + answer)
                await writer.drain()
        writer.close()

    loop = asyncio.get_running_loop()
    while True:
        tcp = await asyncio.start_server(over_tcp, "127.0.0.1", 0)
        server.port = tcp.sockets[0].getsockname()[1]
        try:
            udp, _ = await loop.create_datagram_endpoint(OverUdp, local_addr=("127.0.0.1", server.port))
            break
        except OSError:  # the same port is taken for UDP
            tcp.close()
    try:
        yield server
    finally:
        udp.close()
        tcp.close()


def ask(script: Script, name: str = "example.com", rdtype: str = "A") -> tuple[Answer, Serving]:
    async def run() -> tuple[Answer, Serving]:
        async with serving(script) as server:
            return await server.lookups().ask(name, rdtype), server

    return asyncio.run(run())


def signed(query: dns.message.Message, *, vouched: bool = True) -> bytes:
    answer = reply(query, "192.0.2.1", flags=dns.flags.AD if vouched else 0)
    answer.answer.append(dns.rrset.from_text(query.question[0].name, 3600, "IN", "RRSIG", SIGNATURE))
    return answer.to_wire()


class TestWhatWasSaid:
    def test_records(self):
        answer, server = ask(lambda q, t, n: reply(q, "192.0.2.2", "192.0.2.1").to_wire())
        assert answer.outcome is LookupOutcome.FOUND
        assert answer.records == ("192.0.2.1", "192.0.2.2")
        assert (answer.ttl, answer.secure, answer.tcp) == (3600, False, False)
        assert answer.size > 0
        (query,) = server.queries
        assert query.flags & dns.flags.RD
        assert query.flags & dns.flags.AD
        assert not query.flags & dns.flags.CD
        assert query.ednsflags & dns.flags.DO

    def test_text_is_joined_and_kept_octet_by_octet(self):
        answer, _ = ask(lambda q, t, n: reply(q, r'"v=spf1 " "\255-all"', rdtype="TXT").to_wire(), rdtype="TXT")
        assert answer.records == ("v=spf1 \xff-all",)

    def test_base64_keeps_its_case_and_names_do_not(self):
        answer, _ = ask(lambda q, t, n: reply(q, "10 Mail.Example.COM.", rdtype="MX").to_wire(), rdtype="MX")
        assert answer.records == ("10 mail.example.com.",)
        answer, _ = ask(lambda q, t, n: reply(q, '0 issue "Ca.Example"', rdtype="CAA").to_wire(), rdtype="CAA")
        assert answer.records == ('0 issue "Ca.Example"',)

    @pytest.mark.parametrize("code", ["NOERROR", "NXDOMAIN"])
    def test_nothing_there(self, code):
        def script(query: dns.message.Message, tcp: bool, number: int) -> bytes:
            answer = reply(query)
            answer.set_rcode(dns.rcode.from_text(code))
            soa = "ns. hostmaster. 1 2 3 4 5"
            answer.authority.append(dns.rrset.from_text("example.com.", 60, "IN", "SOA", soa))
            return answer.to_wire()

        answer, _ = ask(script)
        assert answer.absent
        assert answer.outcome is (LookupOutcome.NXDOMAIN if code == "NXDOMAIN" else LookupOutcome.NO_DATA)
        assert answer.zone == "example.com"

    def test_an_alias_is_followed_and_told(self):
        def script(query: dns.message.Message, tcp: bool, number: int) -> bytes:
            answer = reply(query, "mail.example.net.", rdtype="CNAME")
            answer.answer.append(dns.rrset.from_text("mail.example.net.", 60, "IN", "A", "192.0.2.9"))
            return answer.to_wire()

        answer, _ = ask(script)
        assert answer.records == ("192.0.2.9",)
        assert answer.aliases == ("mail.example.net",)
        assert answer.ttl == 60

    def test_signatures(self):
        answer, _ = ask(lambda q, t, n: signed(q))
        assert answer.secure
        assert answer.algorithms == (13,)
        assert answer.zone == "example.com"
        assert answer.signatures_expire is not None
        assert answer.signatures_expire.year == 2030

    def test_signatures_that_nobody_checked(self):
        answer, _ = ask(lambda q, t, n: signed(q, vouched=False))
        assert not answer.secure
        assert answer.algorithms == (13,)

    def test_a_bit_without_signatures_proves_nothing(self):
        answer, _ = ask(lambda q, t, n: reply(q, "192.0.2.1", flags=dns.flags.AD).to_wire())
        assert answer.found
        assert not answer.secure
        assert "no signatures" in answer.detail

    def test_what_is_too_long_comes_by_tcp(self):
        def script(query: dns.message.Message, tcp: bool, number: int) -> bytes:
            return reply(query, *(["192.0.2.1"] if tcp else []), flags=0 if tcp else dns.flags.TC).to_wire()

        answer, _ = ask(script)
        assert answer.found
        assert answer.tcp


def fails(code: str) -> Script:
    def script(query: dns.message.Message, tcp: bool, number: int) -> bytes:
        answer = reply(query)
        answer.set_rcode(dns.rcode.from_text(code))
        return answer.to_wire()

    return script


def other_question(query: dns.message.Message, tcp: bool, number: int) -> bytes:
    other = dns.message.make_query("example.org", "A", id=query.id)
    return reply(other, "192.0.2.1").to_wire()


def no_recursion(query: dns.message.Message, tcp: bool, number: int) -> bytes:
    return dns.message.make_response(query).to_wire()


def loops(query: dns.message.Message, tcp: bool, number: int) -> bytes:
    answer = reply(query, "b.example.com.", rdtype="CNAME")
    answer.answer.append(dns.rrset.from_text("b.example.com.", 60, "IN", "CNAME", "example.com."))
    return answer.to_wire()


class TestWhatSaysNothing:
    @pytest.mark.parametrize(
        ("script", "outcome"),
        [
            (lambda q, t, n: None, LookupOutcome.TIMEOUT),
            (fails("SERVFAIL"), LookupOutcome.SERVFAIL),
            (fails("REFUSED"), LookupOutcome.REFUSED),
            (fails("FORMERR"), LookupOutcome.MALFORMED),
            (no_recursion, LookupOutcome.REFUSED),
            (loops, LookupOutcome.MALFORMED),
            (lambda q, t, n: q.to_wire()[:2] + b"\xff" * 40, LookupOutcome.MALFORMED),
            (lambda q, t, n: b"\0", LookupOutcome.MALFORMED),
            (lambda q, t, n: q.to_wire(), LookupOutcome.MALFORMED),
            (other_question, LookupOutcome.MALFORMED),
            (
                lambda q, t, n: reply(q, *(f"192.0.{i >> 8}.{i & 255}" for i in range(MAX_RECORDS + 1))).to_wire(
                    max_size=65535
                ),
                LookupOutcome.MALFORMED,
            ),
            (lambda q, t, n: None if t else reply(q, flags=dns.flags.TC).to_wire(), LookupOutcome.TIMEOUT),
        ],
        ids=[
            *("silence", "servfail", "refused", "formerr", "no-recursion", "loop", "garbage", "nothing", "query"),
            *("other", "many", "truncated"),
        ],
    )
    def test_it_is_neither_there_nor_not(self, script, outcome):
        answer, _ = ask(script)
        assert answer.outcome is outcome
        assert not answer.answered
        assert answer.trouble

    def test_a_closed_port(self):
        answer = asyncio.run(Lookups((Server("127.0.0.1", 9),)).ask("example.com", "A"))
        assert answer.outcome is LookupOutcome.TIMEOUT

    @pytest.mark.parametrize(
        "name", ["a..example.com", "x" * 64 + ".example.com", ".".join(["x" * 60] * 5), "\udc80.example.com"]
    )
    def test_no_name_that_could_be_asked_for(self, name):
        answer, server = ask(lambda q, t, n: reply(q, "192.0.2.1").to_wire(), name=name)
        assert answer.outcome is LookupOutcome.NOT_ASKED
        assert server.queries == []

    def test_no_resolver(self):
        assert asyncio.run(Lookups(()).ask("example.com", "A")).outcome is LookupOutcome.NOT_ASKED

    def test_too_many_questions(self, monkeypatch):
        monkeypatch.setattr(lookups, "MAX_LOOKUPS", 2)

        async def run() -> list[Answer]:
            async with serving(lambda q, t, n: reply(q, "192.0.2.1").to_wire()) as server:
                several = server.lookups()
                return [await several.ask(f"{n}.example.com", "A") for n in (1, 2, 3, 1)]

        answers = asyncio.run(run())
        assert [answer.found for answer in answers] == [True, True, False, True]
        assert answers[2].outcome is LookupOutcome.NOT_ASKED

    def test_an_odd_answer_is_asked_for_again(self):
        def script(query: dns.message.Message, tcp: bool, number: int) -> Reply:
            return None if number == 0 else reply(query, "192.0.2.1").to_wire()

        answer, server = ask(script)
        assert answer.found
        assert len(server.queries) == 2


class TestBogus:
    """A validating resolver says SERVFAIL for wrong signatures, and answers when it need not check them (CD)."""

    @staticmethod
    def answers_unchecked(query: dns.message.Message, tcp: bool, number: int) -> bytes:
        if query.flags & dns.flags.CD:
            return signed(query, vouched=False)
        answer = reply(query)
        answer.set_rcode(dns.rcode.SERVFAIL)
        answer.use_edns(0, options=[dns.edns.EDEOption(dns.edns.EDECode.DNSSEC_BOGUS, "sig\x1b[2Jnature")])
        return answer.to_wire()

    def test_wrong_signatures(self):
        answer, _ = ask(self.answers_unchecked)
        assert answer.outcome is LookupOutcome.BOGUS
        assert "EDE 6" in answer.detail
        assert "\x1b" not in str(answer)

    def test_a_server_that_recovers_was_never_bogus(self):
        def script(query: dns.message.Message, tcp: bool, number: int) -> bytes:
            return self.answers_unchecked(query, tcp, number) if number < 3 else signed(query)

        answer, _ = ask(script)
        assert answer.found
        assert answer.secure


class TestWhoIsAsked:
    def test_each_question_once_also_side_by_side(self):
        async def run() -> tuple[list[Answer], Serving]:
            async with serving(lambda q, t, n: reply(q, "192.0.2.1").to_wire()) as server:
                asking = server.lookups()
                answers = await asyncio.gather(*(asking.ask(name, "A") for name in ("example.com", "Example.COM.") * 3))
                return answers, server

        answers, server = asyncio.run(run())
        assert len(server.queries) == 1
        assert len({answer.model_dump_json() for answer in answers}) == 1

    def test_who_asked_first_may_be_cancelled(self):
        async def run() -> Answer:
            async with serving(lambda q, t, n: reply(q, "192.0.2.1").to_wire()) as server:
                asking = server.lookups()
                first = asyncio.create_task(asking.ask("example.com", "A"))
                second = asyncio.create_task(asking.ask("example.com", "A"))
                await asyncio.sleep(0)
                first.cancel()
                return await second

        assert asyncio.run(run()).found

    def test_the_next_server_is_asked(self):
        async def run() -> Answer:
            async with serving(lambda q, t, n: reply(q, "192.0.2.1").to_wire()) as server:
                return await Lookups((Server("127.0.0.1", 9), Server("127.0.0.1", server.port))).ask("example.com", "A")

        assert asyncio.run(run()).found

    def test_a_dead_resolver_gets_one_try_a_question_in_the_end(self, monkeypatch):
        async def run() -> list[int]:
            async with serving(lambda q, t, n: None) as server:
                asking = server.lookups()
                tries = []
                for number in range(5):
                    before = len(server.queries)
                    await asking.ask(f"{number}.example.com", "A")
                    tries.append(len(server.queries) - before)
                return tries

        monkeypatch.setattr(lookups, "TRY_SECONDS", 0.05)
        assert asyncio.run(run()) == [3, 3, 3, 1, 1]

    def test_the_configured_resolver_and_no_other(self):
        config = Config(resolver=Resolver(address="127.0.0.1", port=5353))
        assert servers_of(config) == (Server("127.0.0.1", 5353),)


@given(st.binary(max_size=600))
def test_no_answer_makes_it_raise(data):
    question = lookups._Question(dns.name.from_text("example.com"), dns.rdatatype.TXT, "example.com", recursive=True)
    with contextlib.suppress(Exception):
        message = dns.message.from_wire(data)
        answer = question.read(message, tcp=False)
        assert isinstance(answer, Answer)
        assert Answer.model_validate_json(answer.model_dump_json()) == answer
        assert str(answer).isprintable()
